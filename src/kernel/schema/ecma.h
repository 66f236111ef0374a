/*
 * ecma.h - the reader of regular expressions: its state, and what its two halves share.
 *
 * Invariant: a function that returns false has set e->why, or says otherwise.
 */
#ifndef GREVY_SCHEMA_ECMA_H
#define GREVY_SCHEMA_ECMA_H

#include <string.h>

#include "kernel/schema/format.h"
#include "kernel/schema/regex.h"

enum { ECMA_GROUPS_MAX = 100 }; /* Capturing ones; a pattern that people read has a few. */

struct ecma {
    struct cx *cx;
    struct str in;
    size_t at;
    struct text out;
    struct str names[ECMA_GROUPS_MAX + 1]; /* By number; absent: unnamed. */
    size_t groups, opened;                 /* In all; so far. */
    int nesting;
    const char *why;
};

static inline bool ecma_refuse(struct ecma *e, const char *why)
{
    if (!e->why)
        e->why = why;
    return false;
}

static inline bool ecma_more(const struct ecma *e)
{
    return e->at < e->in.len;
}

static inline char ecma_here(const struct ecma *e)
{
    return ecma_more(e) ? e->in.ptr[e->at] : '\0';
}

static inline bool ecma_take(struct ecma *e, const char *text)
{
    struct str rest = {e->in.ptr + e->at, e->in.len - e->at};

    if (!str_starts(rest, str_of(text)))
        return false;
    e->at += strlen(text);
    return true;
}

static inline void ecma_put(struct ecma *e, const char *text)
{
    text_add(&e->out, str_of(text));
}

static inline void ecma_put_code(struct ecma *e, uint32_t code)
{
    text_addf(&e->out, "\\x{%x}", code);
}

/* ---- ecma_class.c ---- */

enum { ECMA_SURROGATE_FIRST = 0xd800, ECMA_SURROGATE_LAST = 0xdfff };

static inline bool ecma_surrogate(uint32_t code)
{
    return code >= ECMA_SURROGATE_FIRST && code <= ECMA_SURROGATE_LAST;
}

/** An escape that is one character; the backslash has been read. */
bool ecma_read_character(struct ecma *e, uint32_t *out);
/** \d, \p{..} and the like as the inside of a class; false without e->why: it is none. */
bool ecma_put_class_escape(struct ecma *e);
/** A class; its [ has been read. */
bool ecma_read_class(struct ecma *e);

#endif
