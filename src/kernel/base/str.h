/*
 * str.h - text as bytes with a length.
 *
 * Invariants: a struct str borrows, it never owns; it need not end in NUL; ptr may be NULL only
 * when len is 0, and NULL means "absent" where a field is optional.
 */
#ifndef GREVY_BASE_STR_H
#define GREVY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/base/err.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_of(const char *text); /* NULL gives the absent string. */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *text);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only. */
bool str_starts(struct str s, struct str prefix);
int str_cmp(struct str a, struct str b);
struct str str_trim(struct str s);                        /* Spaces and tabs at both ends. */
bool str_cut(struct str *rest, char at, struct str *out); /* Text before `at`; false at the end. */
bool str_int(struct str s, int64_t *out); /* Whole decimal int64, no spaces, no plus sign. */
bool str_utf8(struct str s);              /* Valid UTF-8? */
size_t str_utf8_len(const char *at, size_t left); /* Bytes of the character at `at`; 0: invalid. */
uint64_t str_hash(struct str s, uint64_t seed);

/* Text under construction in memory that the caller gave; never writes past size. */
struct text {
    char *ptr;
    size_t len, size;
    bool cut; /* Something did not fit. */
};

void text_add(struct text *text, struct str s);
void text_add_int(struct text *text, int64_t n);
void text_addf(struct text *text, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
