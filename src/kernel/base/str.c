/*
 * str.c - text as bytes with a length.
 */
#include "kernel/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct str str_of(const char *text)
{
    return text ? (struct str){text, strlen(text)} : (struct str){0};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_of(text));
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t k = 0; k < a.len; k++)
        if (lower(a.ptr[k]) != lower(b.ptr[k]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

int str_cmp(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str *rest, char at, struct str *out)
{
    const char *found;

    if (!rest->ptr)
        return false;
    found = rest->len ? memchr(rest->ptr, at, rest->len) : NULL;
    if (!found) {
        *out = *rest;
        *rest = (struct str){0};
        return true;
    }
    *out = (struct str){rest->ptr, (size_t)(found - rest->ptr)};
    *rest = (struct str){found + 1, rest->len - out->len - 1};
    return true;
}

bool str_int(struct str s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    int64_t value = 0;

    if (s.len == (size_t)negative)
        return false;
    for (size_t k = negative; k < s.len; k++) {
        int digit = s.ptr[k] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

size_t str_utf8_len(const char *at, size_t left)
{
    const unsigned char *s = (const unsigned char *)at;
    unsigned char first = left ? s[0] : 0xff, low = 0x80, high = 0xbf;
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first > 0xf4 || len == 0 || len > left)
        return 0;
    if (first == 0xe0) /* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    for (size_t k = 1; k < len; k++, low = 0x80, high = 0xbf)
        if (s[k] < low || s[k] > high)
            return 0;
    return len;
}

bool str_utf8(struct str s)
{
    for (size_t k = 0; k < s.len;) {
        size_t len = str_utf8_len(s.ptr + k, s.len - k);

        if (len == 0)
            return false;
        k += len;
    }
    return true;
}

/* Eight bytes at a time through a 64x64 multiply, folded; not for adversaries' tables. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t str_hash(struct str s, uint64_t seed)
{
    uint64_t hash = seed ^ UINT64_C(0x9e3779b97f4a7c15) ^ s.len;

    while (s.len > 0) {
        uint64_t word = 0;
        size_t step = s.len < sizeof(word) ? s.len : sizeof(word);

        memcpy(&word, s.ptr, step);
        hash = mix(hash ^ word, UINT64_C(0xd6e8feb86659fd93));
        s = (struct str){s.ptr + step, s.len - step};
    }
    return mix(hash, UINT64_C(0xa0761d6478bd642f));
}

void text_add(struct text *text, struct str s)
{
    size_t room = text->size - text->len;
    size_t len = s.len < room ? s.len : room;

    if (len)
        memcpy(text->ptr + text->len, s.ptr, len);
    text->len += len;
    text->cut |= len < s.len;
}

void text_add_int(struct text *text, int64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (n < 0)
        text_add(text, STR("-"));
    text_add(text, (struct str){digits + at, sizeof(digits) - at});
}

void text_addf(struct text *text, const char *fmt, ...)
{
    size_t room = text->size - text->len;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text->ptr + text->len, room, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= room) { /* vsnprintf wants room for its NUL, too. */
        text->cut = true;
        text->len += room ? room - 1 : 0;
        return;
    }
    text->len += (size_t)len;
}
