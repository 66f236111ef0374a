/*
 * framing_priv.h - what the parts of the state machine share: framing.c (the machine, bodies),
 * framing_line.c (request lines), framing_field.c (headers and trailers).
 *
 * A step is given at least one byte and consumes at least one, or changes the state, or refuses;
 * it returns where it stopped.
 */
#ifndef GREVY_HTTP_FRAMING_PRIV_H
#define GREVY_HTTP_FRAMING_PRIV_H

#include <string.h>
#include <strings.h>

#include "kernel/http/framing.h"

enum state {
    START,
    START_LF,
    METHOD,
    TARGET,
    VERSION,
    LINE_LF,
    NAME_FIRST,
    NAME,
    VALUE_FIRST,
    VALUE,
    VALUE_LF,
    HEAD_LF,
    BODY,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_CR,
    CHUNK_LF,
    DONE,
    STATES
};

/* What a byte may be part of. */
enum class {
    TOKEN = 1, /* Of a method or a header name. */
    SHOWN = 2, /* Printable ASCII without the space. */
    FIELD = 4, /* Of a header value: printable, space, tab, bytes above 127. */
    AUTHORITY = 8,
};

extern uint8_t framing_classes[256];

typedef const char *framing_step(struct framing *f, const char *at, const char *end);

framing_step step_start, step_start_lf, step_method, step_target, step_version, step_line_lf;
framing_step step_name_first, step_name, step_value_first, step_value, step_value_lf, step_head_lf;

/* A refusal of the file that says it. */
#define REFUSAL(name, status, code, detail)                                                        \
    static const struct refusal name = {(status), (code), (detail)}

/* Line ends in the wrong place have names of their own, wherever they stand. */
extern const struct refusal refusal_bare_cr, refusal_bare_lf;

static inline bool is(char c, enum class wanted)
{
    return framing_classes[(uint8_t)c] & wanted;
}

static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline const char *refuse(struct framing *f, const struct refusal *why, const char *at)
{
    f->refusal = why;
    return at;
}

/* A byte that no state here expects; line ends in the wrong place have names of their own. */
static inline const char *refuse_byte(struct framing *f, const struct refusal *why, const char *at)
{
    return refuse(f, *at == '\n' ? &refusal_bare_lf : why, at);
}

static inline void pend(struct framing *f, const struct refusal *why)
{
    if (!f->pending)
        f->pending = why;
}

static inline void go(struct framing *f, enum state state)
{
    f->state = (uint8_t)state;
    f->word_len = 0;
}

static inline void word_add(struct framing *f, char c)
{
    if (f->word_len < FRAMING_WORD_BYTES)
        f->word[f->word_len] = c;
    if (f->word_len < UINT8_MAX)
        f->word_len++;
}

static inline bool word_is(const struct framing *f, const char *text)
{
    size_t len = strlen(text);

    return f->word_len == len && strncasecmp(f->word, text, len) == 0;
}

static inline const char *expect_lf(struct framing *f, const char *at, enum state next)
{
    if (*at != '\n')
        return refuse(f, &refusal_bare_cr, at);
    go(f, next);
    return at + 1;
}

#endif
