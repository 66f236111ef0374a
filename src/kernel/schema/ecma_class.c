/*
 * ecma_class.c - escapes and classes: what stands for one character or a set of them.
 */
#include "kernel/schema/ecma.h"
#include "kernel/schema/ecma_property.h"

enum { CODE_MAX = 0x10ffff };

#define SPACES                                                                                     \
    "\\x{09}-\\x{0d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"         \
    "\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                  \
    "\\x{00}-\\x{08}\\x{0e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"            \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"                 \
    "\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

/* ---- Escapes ---- */

static bool read_hex(struct ecma *e, size_t digits, uint32_t *out)
{
    uint32_t n = 0;

    if (e->in.len - e->at < digits)
        return false;
    for (size_t k = 0; k < digits; k++) {
        char c = e->in.ptr[e->at + k];

        if (!format_hex(c))
            return false;
        n = n * 16 + (uint32_t)(format_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    e->at += digits;
    *out = n;
    return true;
}

static bool read_braced(struct ecma *e, uint32_t *out)
{
    uint32_t digit, n = 0;
    size_t count = 0;

    for (; ecma_here(e) != '}'; count++) {
        if (!read_hex(e, 1, &digit))
            return ecma_refuse(e, "\\u{...} holds hexadecimal digits");
        n = n * 16 + digit;
        if (n > CODE_MAX)
            return ecma_refuse(e, "\\u{...} is at most 10FFFF");
    }
    e->at++;
    *out = n;
    return count > 0 || ecma_refuse(e, "\\u{...} holds hexadecimal digits");
}

/* Behind \u: four digits, two times four for a pair of surrogates, or braces. */
static bool read_unicode(struct ecma *e, uint32_t *out)
{
    size_t at;
    uint32_t low;

    if (ecma_take(e, "{"))
        return read_braced(e, out);
    if (!read_hex(e, 4, out))
        return ecma_refuse(e, "\\u is followed by four hexadecimal digits");
    at = e->at;
    if (*out >= ECMA_SURROGATE_FIRST && *out < 0xdc00 && ecma_take(e, "\\u") &&
        read_hex(e, 4, &low) && low >= 0xdc00 && low <= ECMA_SURROGATE_LAST) {
        *out = 0x10000 + ((*out - ECMA_SURROGATE_FIRST) << 10) + (low - 0xdc00);
        return true;
    }
    e->at = at;
    return true;
}

/* An escape that is one character; the backslash has been read. */
bool ecma_read_character(struct ecma *e, uint32_t *out)
{
    static const char letters[] = "tnvfr", codes[] = "\t\n\v\f\r";
    char c = ecma_here(e);
    const char *letter = c ? strchr(letters, c) : NULL;

    e->at++;
    if (letter) {
        *out = (unsigned char)codes[letter - letters];
        return true;
    }
    switch (c) {
    case 'c':
        *out = (unsigned char)ecma_here(e) % 32;
        return format_alpha(ecma_here(e)) ? (e->at++, true)
                                          : ecma_refuse(e, "\\c is followed by a letter");
    case '0':
        *out = 0;
        return !format_digit(ecma_here(e)) || ecma_refuse(e, "there are no octal escapes");
    case 'x':
        return read_hex(e, 2, out) || ecma_refuse(e, "\\x is followed by two hexadecimal digits");
    case 'u':
        return read_unicode(e, out);
    default:
        *out = (unsigned char)c;
        if (c == '\0' || (c & 0x80) || format_alpha(c) || format_digit(c) || c == '_' || c == ' ')
            return ecma_refuse(e, "an escape that does not exist");
        return true;
    }
}

/* \p{..}, \P{..}: the letter has been read. */
static bool put_property(struct ecma *e, bool negated)
{
    const char *begin = e->in.ptr + e->at + 1, *end;
    char name[ECMA_PROPERTY_LEN_MAX];

    if (ecma_here(e) != '{')
        return ecma_refuse(e, "\\p is followed by the name of a property in braces");
    end = memchr(begin, '}', e->in.len - e->at - 1);
    if (!end || !ecma_property((struct str){begin, (size_t)(end - begin)}, name))
        return ecma_refuse(e, "\\p{...} names no property of Unicode");
    e->at += (size_t)(end - begin) + 2;
    text_addf(&e->out, "\\%c{%s}", negated ? 'P' : 'p', name);
    return true;
}

/* A class escape as the inside of a class; false without a reason: it is none. */
bool ecma_put_class_escape(struct ecma *e)
{
    char c = ecma_here(e);

    if (!c || !strchr("dDwWsSpP", c))
        return false;
    e->at++;
    switch (c) {
    case 'd':
        ecma_put(e, "0-9");
        return true;
    case 'D':
        ecma_put(e, "\\x{00}-\\x{2f}\\x{3a}-\\x{10ffff}");
        return true;
    case 'w':
        ecma_put(e, "A-Za-z0-9_");
        return true;
    case 'W':
        ecma_put(e, "\\x{00}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{10ffff}");
        return true;
    case 's':
        ecma_put(e, SPACES);
        return true;
    case 'S':
        ecma_put(e, NO_SPACES);
        return true;
    default:
        return put_property(e, c == 'P');
    }
}

/* ---- Classes ---- */

/* One atom: a character, or several (*single is then false). */
static bool read_class_atom(struct ecma *e, uint32_t *code, bool *single)
{
    *single = true;
    if (!ecma_more(e))
        return ecma_refuse(e, "a [ is not closed");
    if (!ecma_take(e, "\\")) {
        *code = format_next(e->in, &e->at);
        return true;
    }
    *single = false;
    if (ecma_put_class_escape(e))
        return true;
    if (e->why)
        return false;
    *single = true;
    if (ecma_take(e, "b")) {
        *code = '\b';
        return true;
    }
    return ecma_read_character(e, code);
}

/* Ends of ranges that are surrogates are moved to what text can hold. */
static void put_range(struct ecma *e, uint32_t first, uint32_t last)
{
    first = ecma_surrogate(first) ? ECMA_SURROGATE_LAST + 1 : first;
    last = ecma_surrogate(last) ? ECMA_SURROGATE_FIRST - 1 : last;
    if (first > last)
        return;
    ecma_put_code(e, first);
    if (last > first) {
        ecma_put(e, "-");
        ecma_put_code(e, last);
    }
}

bool ecma_read_class(struct ecma *e)
{
    bool negated = ecma_take(e, "^"), single, single_last;
    size_t begin = e->out.len, first;
    uint32_t from = 0, to;

    ecma_put(e, negated ? "[^" : "[");
    first = e->out.len;
    while (!ecma_take(e, "]")) {
        if (!read_class_atom(e, &from, &single))
            return false;
        to = from;
        if (ecma_here(e) == '-' && e->at + 1 < e->in.len && e->in.ptr[e->at + 1] != ']') {
            e->at++;
            if (!single || !read_class_atom(e, &to, &single_last) || !single_last)
                return ecma_refuse(e, "a range in [] is between two characters");
            if (to < from)
                return ecma_refuse(e, "a range in [] runs backwards");
        }
        if (single)
            put_range(e, from, to);
    }
    if (e->out.len > first) {
        ecma_put(e, "]");
        return true;
    }
    e->out.len = begin; /* Empty: nothing, or anything. */
    ecma_put(e, negated ? "[\\x{00}-\\x{10ffff}]" : "(?!)");
    return true;
}
