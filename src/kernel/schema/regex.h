/*
 * regex.h - regular expressions of ECMA-262 (with the flag u), run by PCRE2.
 *
 * Invariants:
 *   - a compiled expression is immutable and used by any number of threads; its memory is given
 *     back with the arena it was made for;
 *   - a match ends: it costs at most the steps that the caller has left, one being about 100 of
 *     PCRE2's own, and memory of the caller's arena, at most REGEX_HEAP_KIB_MAX.
 *
 * Not had: lookbehinds of unbounded length, which PCRE2 10.42 refuses.
 */
#ifndef GREVY_SCHEMA_REGEX_H
#define GREVY_SCHEMA_REGEX_H

#include "kernel/base/cx.h"

enum {
    REGEX_HEAP_KIB_MAX = 8 << 10, /* Of one match: backtracking over 1 MB of text fits. */
};

struct schema_regex;

/** pointer: where it stands, for the error UNPROCESSABLE "schema_pattern". */
MUST_CHECK enum err schema_regex_new(struct cx *cx, struct arena *keep, struct str text,
                                     const char *pointer, const struct schema_regex **out);

enum regex_answer { REGEX_NO, REGEX_YES, REGEX_TOO_LONG };

/* What the matches of one validation share, made by the first. */
struct regex_room {
    struct arena *arena;
    void *context, *data; /* PCRE2's. */
};

/** Does it match anywhere in text?  *steps falls by what it cost; TOO_LONG: there are too few. */
enum regex_answer schema_regex_test(struct regex_room *room, const struct schema_regex *regex,
                                    struct str text, int64_t *steps);

/* ---- ecma.c ---- */

/** Rewrite an expression of ECMA-262 as one of PCRE2; false: it is none, *why says why. */
bool ecma_translate(struct cx *cx, struct str text, struct str *out, const char **why);

#endif
