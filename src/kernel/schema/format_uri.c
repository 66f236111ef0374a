/*
 * format_uri.c - RFC 3986 appendix A, and RFC 3987 section 2.2.
 */
#include <string.h>

#include "kernel/schema/format.h"

struct parser {
    struct cx *cx;
    struct str s;
    size_t at;
    bool iri;
};

static char here(const struct parser *p)
{
    return p->at < p->s.len ? p->s.ptr[p->at] : '\0';
}

/* Planes 1 to 14 but their last two places, and the blocks of plane 0. */
static bool ucschar(uint32_t code)
{
    if (code >= 0x10000)
        return code <= 0xefffd && (code & 0xffff) <= 0xfffd && !(code >= 0xe0000 && code < 0xe1000);
    return (code >= 0xa0 && code <= 0xd7ff) || (code >= 0xf900 && code <= 0xfdcf) ||
           (code >= 0xfdf0 && code <= 0xffef);
}

static bool iprivate(uint32_t code)
{
    return (code >= 0xe000 && code <= 0xf8ff) || (code >= 0xf0000 && code <= 0xffffd) ||
           (code >= 0x100000 && code <= 0x10fffd);
}

static bool unreserved(char c)
{
    return format_alpha(c) || format_digit(c) || (c != '\0' && strchr("-._~", c));
}

/* What may stand in a part beside %XX: unreserved characters, sub-delims and some more; one bit for
 * each character of ASCII. */
enum part { PART_NAME, PART_USER, PART_FIRST_SEGMENT, PART_PATH, PART_QUERY, PART_FRAGMENT };
static const uint64_t PARTS[][2] = {
    [PART_NAME] = {UINT64_C(0x2bff7fd200000000), UINT64_C(0x47fffffe87fffffe)},
    [PART_USER] = {UINT64_C(0x2fff7fd200000000), UINT64_C(0x47fffffe87fffffe)},          /* : */
    [PART_FIRST_SEGMENT] = {UINT64_C(0x2bff7fd200000000), UINT64_C(0x47fffffe87ffffff)}, /* @ */
    [PART_PATH] = {UINT64_C(0x2fffffd200000000), UINT64_C(0x47fffffe87ffffff)},          /* :@/ */
    [PART_QUERY] = {UINT64_C(0xafffffd200000000), UINT64_C(0x47fffffe87ffffff)},         /* :@/? */
    [PART_FRAGMENT] = {UINT64_C(0xafffffd200000000), UINT64_C(0x47fffffe87ffffff)},
};

static void skip(struct parser *p, enum part part)
{
    while (p->at < p->s.len) {
        unsigned char c = (unsigned char)here(p);
        size_t next = p->at;

        if (c < 0x80 && PARTS[part][c / 64] >> c % 64 & 1) {
            next++;
        } else if (c >= 0x80) {
            uint32_t code = format_next(p->s, &next);

            if (!p->iri || !(ucschar(code) || (part == PART_QUERY && iprivate(code))))
                return;
        } else if (c == '%' && p->s.len - p->at >= 3 && format_hex(p->s.ptr[p->at + 1]) &&
                   format_hex(p->s.ptr[p->at + 2])) {
            next += 3;
        } else {
            return;
        }
        p->at = next;
    }
}

static bool future_address(struct str s)
{
    size_t k = 1;

    while (k < s.len && format_hex(s.ptr[k]))
        k++;
    if (k == 1 || k + 1 >= s.len || s.ptr[k++] != '.')
        return false;
    for (; k < s.len; k++)
        if (!unreserved(s.ptr[k]) && (s.ptr[k] == '\0' || !strchr("!$&'()*+,;=:", s.ptr[k])))
            return false;
    return true;
}

static bool ip_literal(struct parser *p)
{
    const char *begin = p->s.ptr + p->at + 1, *end = memchr(begin, ']', p->s.len - p->at - 1);
    struct str inside;

    if (!end)
        return false;
    inside = (struct str){begin, (size_t)(end - begin)};
    p->at += inside.len + 2;
    if (inside.len > 0 && (inside.ptr[0] | 0x20) == 'v')
        return future_address(inside);
    return format_ipv6(p->cx, inside);
}

static bool authority(struct parser *p)
{
    size_t begin = p->at;

    skip(p, PART_USER);
    if (here(p) == '@')
        p->at++;
    else
        p->at = begin;
    if (here(p) == '[') {
        if (!ip_literal(p))
            return false;
    } else {
        skip(p, PART_NAME);
    }
    if (here(p) == ':')
        for (p->at++; format_digit(here(p));)
            p->at++;
    return p->at == p->s.len || strchr("/?#", here(p));
}

/* scheme ":" */
static bool scheme(struct parser *p)
{
    size_t k = 0;

    if (!format_alpha(here(p)))
        return false;
    while (k < p->s.len && (format_alpha(p->s.ptr[k]) || format_digit(p->s.ptr[k]) ||
                            (p->s.ptr[k] != '\0' && strchr("+-.", p->s.ptr[k]))))
        k++;
    if (k == p->s.len || p->s.ptr[k] != ':')
        return false;
    p->at = k + 1;
    return true;
}

static bool check(struct cx *cx, struct str s, bool iri, bool reference)
{
    struct parser p = {cx, s, 0, iri};
    bool absolute = scheme(&p);

    if (!absolute && !reference)
        return false;
    if (p.s.len - p.at >= 2 && memcmp(p.s.ptr + p.at, "//", 2) == 0) {
        p.at += 2;
        if (!authority(&p))
            return false;
    } else if (!absolute) { /* The first segment of a relative path has no colon. */
        skip(&p, PART_FIRST_SEGMENT);
        if (here(&p) == ':')
            return false;
    }
    skip(&p, PART_PATH);
    if (here(&p) == '?') {
        p.at++;
        skip(&p, PART_QUERY);
    }
    if (here(&p) == '#') {
        p.at++;
        skip(&p, PART_FRAGMENT);
    }
    return p.at == s.len;
}

bool format_uri(struct cx *cx, struct str s)
{
    return check(cx, s, false, false);
}

bool format_uri_reference(struct cx *cx, struct str s)
{
    return check(cx, s, false, true);
}

bool format_iri(struct cx *cx, struct str s)
{
    return check(cx, s, true, false);
}

bool format_iri_reference(struct cx *cx, struct str s)
{
    return check(cx, s, true, true);
}

/* ---- RFC 6570 section 2 ---- */

static bool percent(struct str s, size_t k)
{
    return s.len - k >= 3 && format_hex(s.ptr[k + 1]) && format_hex(s.ptr[k + 2]);
}

static bool literal(struct str s, size_t *k)
{
    char c = s.ptr[*k];

    if (c & 0x80) {
        uint32_t code = format_next(s, k);

        return ucschar(code) || iprivate(code);
    }
    if (c == '%' && !percent(s, *k))
        return false;
    ++*k;
    return c > ' ' && c != 0x7f && !strchr("\"<>\\^`{|}", c);
}

static bool variable_char(struct str s, size_t *k)
{
    char c = *k < s.len ? s.ptr[*k] : '\0';
    bool coded = c == '%' && percent(s, *k);

    if (!coded && !format_alpha(c) && !format_digit(c) && c != '_')
        return false;
    *k += coded ? 3 : 1;
    return true;
}

/* A name, then :LENGTH or * */
static bool variable(struct str s)
{
    size_t k = 0, digits;

    if (!variable_char(s, &k))
        return false;
    while (k < s.len && s.ptr[k] != ':' && s.ptr[k] != '*') {
        k += s.ptr[k] == '.';
        if (!variable_char(s, &k))
            return false;
    }
    if (k == s.len)
        return true;
    if (s.ptr[k] == '*')
        return k + 1 == s.len;
    digits = s.len - ++k;
    if (digits < 1 || digits > 4 || s.ptr[k] == '0')
        return false;
    while (k < s.len && format_digit(s.ptr[k]))
        k++;
    return k == s.len;
}

static bool expression(struct str s)
{
    struct str name;

    if (s.len > 0 && s.ptr[0] != '\0' && strchr("+#./;?&=,!@|", s.ptr[0]))
        s = (struct str){s.ptr + 1, s.len - 1};
    while (str_cut(&s, ',', &name))
        if (!variable(name))
            return false;
    return true;
}

bool format_uri_template(struct cx *cx, struct str s)
{
    (void)cx;
    for (size_t k = 0; k < s.len;) {
        const char *end;

        if (s.ptr[k] != '{') {
            if (!literal(s, &k))
                return false;
            continue;
        }
        end = memchr(s.ptr + k, '}', s.len - k);
        if (!end || !expression((struct str){s.ptr + k + 1, (size_t)(end - s.ptr) - k - 1}))
            return false;
        k = (size_t)(end - s.ptr) + 1;
    }
    return true;
}
