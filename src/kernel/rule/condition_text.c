/*
 * condition_text.c - texts that conditions compare: in lower case, as versions, as patterns.
 */
#define _GNU_SOURCE
#include <locale.h>
#include <string.h>
#include <wctype.h>

#include "kernel/rule/condition_js.h"
#include "kernel/rule/lex.h"
#include "kernel/rule/utf8.h"

enum { PART_DIGITS = 5, PARTS_OF_RELEASE = 3 }; /* Of a version; as the SDK pads them. */

/* ---- Lower case ---- */

/* "C.UTF-8" is part of the C library: no locale need be installed. */
static locale_t utf8(void)
{
    static locale_t made;
    locale_t now = __atomic_load_n(&made, __ATOMIC_ACQUIRE), none = (locale_t)0;

    if (now != none)
        return now;
    now = newlocale(LC_CTYPE_MASK, "C.UTF-8", none);
    assert(now != none);
    if (!__atomic_compare_exchange_n(&made, &none, now, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        freelocale(now);
        now = none;
    }
    return now;
}

struct str condition_lower(struct cx *cx, struct str text)
{
    char *to = cx_alloc(cx, text.len * 2 + 1); /* Two bytes may become three. */
    locale_t locale = utf8();
    size_t len = 0;

    for (size_t at = 0, step; at < text.len; at += step) {
        uint32_t c;

        step = utf8_len(text, at);
        c = utf8_char(text, at);
        len += rule_utf8_write(to + len, (uint32_t)towlower_l((wint_t)c, locale));
    }
    return (struct str){to, len};
}

/* ---- Versions ---- */

static bool all_digits(struct str s)
{
    for (size_t k = 0; k < s.len; k++)
        if (s.ptr[k] < '0' || s.ptr[k] > '9')
            return false;
    return s.len > 0;
}

/* Up to the next dot or dash; false at the end. */
static bool next_part(struct str *rest, bool *more, struct str *part)
{
    size_t len = 0;

    if (!*more)
        return false;
    while (len < rest->len && rest->ptr[len] != '.' && rest->ptr[len] != '-')
        len++;
    *part = (struct str){rest->ptr, len};
    *more = len < rest->len;
    *rest = (struct str){rest->ptr + len + *more, rest->len - len - *more};
    return true;
}

/* Numbers are padded with spaces; a release is after its candidates: "~" sorts behind letters. */
struct str condition_version(struct cx *cx, struct rule_value v)
{
    struct str text = STR("0"), rest, part, release;
    struct text out = {0};
    bool more = true;
    int parts = 0;

    if ((v.kind == RULE_STRING && v.len > 0) || v.kind == RULE_INT || v.kind == RULE_UINT ||
        v.kind == RULE_DOUBLE)
        text = condition_text(cx, v);
    rest = text;
    (void)str_cut(&rest, '+', &release); /* What follows the sign is no part of it. */
    text = release;
    if (text.len > 0 && text.ptr[0] == 'v')
        text = (struct str){text.ptr + 1, text.len - 1};
    out.size = (text.len + 2) * (PART_DIGITS + 1) + 2;
    out.ptr = cx_alloc(cx, out.size);
    out.ptr[0] = '\0';
    for (rest = text; next_part(&rest, &more, &part); parts++) {
        if (parts > 0)
            text_add(&out, STR("-"));
        for (size_t k = part.len; k < PART_DIGITS && all_digits(part); k++)
            text_add(&out, STR(" "));
        text_add(&out, part);
    }
    if (parts == PARTS_OF_RELEASE)
        text_add(&out, STR("-~"));
    return (struct str){out.ptr, out.len};
}

/* ---- Patterns ---- */

/* A group's name, (?<name>, and \uXXXX are written otherwise for RE2; the rest is alike. */
static size_t translate(struct str rest, char *to, size_t *len)
{
    static const char group[] = "(?P<", digits[] = "0123456789abcdefABCDEF";
    size_t hex = 0;

    if (str_starts(rest, STR("(?<")) && rest.len > 3 && rest.ptr[3] != '=' && rest.ptr[3] != '!') {
        memcpy(to, group, 4);
        *len = 4;
        return 3;
    }
    while (str_starts(rest, STR("\\u")) && hex < 4 && rest.len > 2 + hex &&
           memchr(digits, rest.ptr[2 + hex], sizeof(digits) - 1))
        hex++;
    if (hex == 4) {
        memcpy(to, "\\x{", 3);
        memcpy(to + 3, rest.ptr + 2, 4);
        to[7] = '}';
        *len = 8;
        return 6;
    }
    *len = rest.len > 1 && rest.ptr[0] == '\\' ? 2 : 1;
    memcpy(to, rest.ptr, *len);
    return *len;
}

struct str condition_pattern(struct cx *cx, struct str text, bool folded)
{
    static const char fold[] = "(?i)";
    char *to = cx_alloc(cx, text.len * 2 + sizeof(fold) + 8);
    size_t len = 0, added;

    if (folded) {
        memcpy(to, fold, 4);
        len = 4;
    }
    for (size_t at = 0; at < text.len; len += added)
        at += translate((struct str){text.ptr + at, text.len - at}, to + len, &added);
    return (struct str){to, len};
}
