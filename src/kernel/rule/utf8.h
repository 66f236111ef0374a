/*
 * utf8.h - places in text by character (code point).
 *
 * Invariants: the text is valid UTF-8.
 */
#ifndef GREVY_RULE_UTF8_H
#define GREVY_RULE_UTF8_H

#include <string.h>

#include "kernel/base/str.h"

static inline bool utf8_begins(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static inline int64_t utf8_count(struct str s)
{
    int64_t count = 0;

    for (size_t k = 0; k < s.len; k++)
        count += utf8_begins(s.ptr[k]);
    return count;
}

/** Bytes of the character at `at`. */
static inline size_t utf8_len(struct str s, size_t at)
{
    size_t len = 1;

    while (at + len < s.len && !utf8_begins(s.ptr[at + len]))
        len++;
    return len;
}

/** The byte where character number n begins; SIZE_MAX when the text has fewer than n. */
static inline size_t utf8_at(struct str s, int64_t n)
{
    size_t at = 0;

    if (n < 0)
        return SIZE_MAX;
    for (; n > 0 && at < s.len; n--)
        at += utf8_len(s, at);
    return n ? SIZE_MAX : at;
}

/** The character at `at`. */
static inline uint32_t utf8_char(struct str s, size_t at)
{
    unsigned char first = (unsigned char)s.ptr[at];
    size_t len = utf8_len(s, at);
    uint32_t c = len == 1 ? first : first & (0xffU >> (len + 1));

    for (size_t k = 1; k < len; k++)
        c = c << 6 | ((unsigned char)s.ptr[at + k] & 0x3f);
    return c;
}

#endif
