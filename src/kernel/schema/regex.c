/*
 * regex.c - PCRE2 behind regex.h: limits, and memory from arenas.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "kernel/schema/regex.h"

#include <pcre2.h>

#include "kernel/schema/schema.h"

enum {
    LIMIT_CHEAP = 2000,   /* Steps of PCRE2 that nearly every match needs less than. */
    LIMIT_DEAR = 200000,  /* ~2 ms; a pattern that needs more is at fault. */
    LIMIT_PER_STEP = 100, /* Steps of PCRE2 that cost one of a validation's. */
    DEPTH_LIMIT = 100000, /* Backtracking points at once. */
    STEPS_LEAST = 4,      /* Of any match: setting it up. */
    BYTES_PER_STEP = 256, /* Of text that is gone through. */
};

struct schema_regex {
    pcre2_code *code;
};

static void free_code(void *data)
{
    pcre2_code_free(data);
}

static enum err no_memory(struct cx *cx)
{
    return fail(cx, ERR_BUSY, "out_of_memory",
                "no memory to compile a regular expression; try again later");
}

static pcre2_code *compile(struct str text, int *error)
{
    const uint32_t options =
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    PCRE2_SIZE at;

    return pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, error, &at, NULL);
}

enum err schema_regex_new(struct cx *cx, struct arena *keep, struct str text, const char *pointer,
                          const struct schema_regex **out)
{
    struct schema_regex *regex;
    struct str translated;
    const char *why;
    char message[128];
    int error = 0;

    if (text.len > SCHEMA_PATTERN_BYTES_MAX)
        return fail_at(cx, ERR_UNPROCESSABLE, "schema_pattern", pointer,
                       "the pattern has %zu bytes; at most %d are allowed", text.len,
                       SCHEMA_PATTERN_BYTES_MAX);
    if (!ecma_translate(cx, text, &translated, &why))
        return fail_at(cx, ERR_UNPROCESSABLE, "schema_pattern", pointer,
                       "the pattern is no regular expression of ECMA-262: %s; correct it", why);
    regex = arena_alloc(keep, sizeof(*regex));
    regex->code = compile(translated, &error);
    if (!regex->code && error == PCRE2_ERROR_NOMEMORY)
        return no_memory(cx);
    if (!regex->code) {
        pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
        return fail_at(cx, ERR_UNPROCESSABLE, "schema_pattern", pointer,
                       "the pattern cannot be run here: %s; write it in another way", message);
    }
    if (!arena_defer_try(keep, free_code, regex->code)) {
        pcre2_code_free(regex->code);
        return no_memory(cx);
    }
    *out = regex;
    return OK;
}

/* ---- Matching ---- */

static void *from_arena(PCRE2_SIZE size, void *data)
{
    return arena_try(data, size);
}

static void to_arena(void *at, void *data)
{
    (void)at; /* It goes with the unit of work. */
    (void)data;
}

static bool make_room(struct regex_room *room)
{
    pcre2_general_context *general;

    if (room->data)
        return true;
    general = pcre2_general_context_create(from_arena, to_arena, room->arena);
    room->context = general ? pcre2_match_context_create(general) : NULL;
    room->data = room->context ? pcre2_match_data_create(1, general) : NULL;
    if (!room->data)
        return false;
    pcre2_set_depth_limit(room->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(room->context, REGEX_HEAP_KIB_MAX);
    return true;
}

static int match(struct regex_room *room, const struct schema_regex *regex, struct str text,
                 uint32_t limit)
{
    if (!make_room(room))
        return PCRE2_ERROR_NOMEMORY;
    pcre2_set_match_limit(room->context, limit);
    return pcre2_match(regex->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0,
                       PCRE2_NO_UTF_CHECK, room->data, room->context);
}

enum regex_answer schema_regex_test(struct regex_room *room, const struct schema_regex *regex,
                                    struct str text, int64_t *steps)
{
    int answer = match(room, regex, text, LIMIT_CHEAP);

    *steps -= STEPS_LEAST + (int64_t)text.len / BYTES_PER_STEP;
    if (answer == PCRE2_ERROR_MATCHLIMIT && *steps > 0) {
        *steps -= LIMIT_DEAR / LIMIT_PER_STEP;
        answer = match(room, regex, text, LIMIT_DEAR);
    }
    if (answer >= 0)
        return REGEX_YES;
    return answer == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_TOO_LONG;
}
