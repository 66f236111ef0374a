/*
 * scan.c - SQL as tokens.
 */
#define _GNU_SOURCE
#include "kernel/sql/scan.h"

#include <stdlib.h>
#include <string.h>

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes up to and with the first `end` from `from` on; all of s when there is none. */
static size_t through(struct str s, size_t from, struct str end)
{
    const char *found = from < s.len ? memmem(s.ptr + from, s.len - from, end.ptr, end.len) : NULL;

    return found ? (size_t)(found - s.ptr) + end.len : s.len;
}

static size_t span(struct str s, size_t from, bool (*wanted)(char c))
{
    while (from < s.len && wanted(s.ptr[from]))
        from++;
    return from;
}

/* A doubled quote inside is two quoted texts side by side: the bytes are the same. */
static size_t quoted(struct str s)
{
    char mark = s.ptr[0];

    return through(s, 1, (struct str){&mark, 1});
}

/* $$ .. $$ or $tag$ .. $tag$; 0 when s starts no such text. */
static size_t dollar_quoted(struct str s)
{
    size_t tag = span(s, 1, is_word);

    if (tag == s.len || s.ptr[tag] != '$' || (tag > 1 && is_digit(s.ptr[1])))
        return 0;
    return through(s, tag + 1, (struct str){s.ptr, tag + 1});
}

static enum token token_of(struct str s)
{
    if (s.len == 0)
        return TOKEN_END;
    if (is_space(s.ptr[0]) || str_starts(s, STR("--")) || str_starts(s, STR("/*")))
        return TOKEN_SPACE;
    if (is_word(s.ptr[0]))
        return TOKEN_WORD;
    if (s.ptr[0] == '\'' || s.ptr[0] == '"' || (s.ptr[0] == '$' && dollar_quoted(s) > 0))
        return TOKEN_QUOTED;
    return s.ptr[0] == '?' ? TOKEN_PLACEHOLDER : TOKEN_MARK;
}

static size_t space(struct str s)
{
    if (is_space(s.ptr[0]))
        return span(s, 1, is_space);
    return through(s, 2, s.ptr[0] == '-' ? STR("\n") : STR("*/"));
}

static size_t length_of(enum token token, struct str s)
{
    switch (token) {
    case TOKEN_SPACE:
        return space(s);
    case TOKEN_WORD:
        return span(s, 1, is_word);
    case TOKEN_QUOTED:
        return s.ptr[0] == '$' ? dollar_quoted(s) : quoted(s);
    case TOKEN_PLACEHOLDER:
        return span(s, 1, is_digit);
    case TOKEN_END:
        return 0;
    case TOKEN_MARK:
        return 1;
    }
    return 1;
}

enum token scan_next(struct scan *scan)
{
    enum token token = token_of(scan->rest);
    size_t len = length_of(token, scan->rest);

    scan->text = (struct str){scan->rest.ptr, len};
    scan->rest = (struct str){scan->rest.ptr + len, scan->rest.len - len};
    return token;
}

char *scan_placeholders(const char *sql, enum sql_kind kind, int *count)
{
    char *copy = strdup(sql);
    struct scan scan;
    enum token token;

    assert(copy);
    scan = (struct scan){.rest = str_of(copy)};
    *count = 0;
    while ((token = scan_next(&scan)) != TOKEN_END) {
        int64_t number = 0;

        if (token != TOKEN_PLACEHOLDER)
            continue;
        if (!str_int((struct str){scan.text.ptr + 1, scan.text.len - 1}, &number) || number < 1 ||
            number > SQL_BINDS_MAX) {
            free(copy);
            return NULL;
        }
        if (kind == SQL_POSTGRES)
            copy[scan.text.ptr - copy] = '$';
        *count = number > *count ? (int)number : *count;
    }
    return copy;
}
