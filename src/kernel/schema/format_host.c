/*
 * format_host.c - names of hosts and their addresses.
 *
 * A label is ASCII (RFC 1123: letters, digits, hyphens), an A-label (xn--) or a U-label; libidn2
 * judges the latter two by RFC 5891 and the contextual rules of RFC 5892.  What concerns the labels
 * of a name together, RFC 5893 section 1.4, is judged here.
 */
#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "kernel/schema/format.h"
#include "kernel/schema/format_host.h"

enum { NAME_LEN_MAX = 253, LABEL_LEN_MAX = 63, LABEL_BYTES_MAX = 4 * LABEL_LEN_MAX };

struct name {
    size_t len;    /* Of the A-form so far, with a dot behind each label. */
    bool bidi;     /* Some label has a character that is written from right to left. */
    bool by_digit; /* Some label begins with a digit. */
};

bool format_ldh_label(struct str label)
{
    if (label.len == 0 || label.len > LABEL_LEN_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t k = 0; k < label.len; k++)
        if (!format_alpha(label.ptr[k]) && !format_digit(label.ptr[k]) && label.ptr[k] != '-')
            return false;
    return true;
}

/* The blocks that Unicode keeps for scripts from right to left (DerivedBidiClass.txt). */
static bool right_to_left(uint32_t code)
{
    return (code >= 0x590 && code <= 0x8ff) || (code >= 0xfb1d && code <= 0xfdff) ||
           (code >= 0xfe70 && code <= 0xfeff) || (code >= 0x10800 && code <= 0x10fff) ||
           (code >= 0x1e800 && code <= 0x1efff);
}

static bool european_digit(uint32_t code)
{
    return (code >= '0' && code <= '9') || (code >= 0x6f0 && code <= 0x6f9);
}

static bool arabic_digit(uint32_t code)
{
    return (code >= 0x660 && code <= 0x669) || (code >= 0x10d30 && code <= 0x10d39) ||
           (code >= 0x10e60 && code <= 0x10e7e);
}

/* False: digits of both kinds in a label from right to left, RFC 5893 section 2 rule 4, which
 * libidn2 lets pass. */
static bool look_at_direction(struct name *name, struct str label)
{
    bool european = false, arabic = false, bidi = false;

    name->by_digit |= format_digit(label.ptr[0]);
    for (size_t k = 0; k < label.len;) {
        uint32_t code = format_next(label, &k);

        european |= european_digit(code);
        arabic |= arabic_digit(code);
        bidi |= right_to_left(code);
    }
    name->bidi |= bidi;
    return !(bidi && european && arabic);
}

static bool has_prefix(struct str label)
{
    return label.len >= 4 && str_eq_nocase((struct str){label.ptr, 4}, STR("xn--"));
}

static bool ascii(struct str s)
{
    for (size_t k = 0; k < s.len; k++)
        if (s.ptr[k] & 0x80)
            return false;
    return true;
}

/* In lower case: the prefix alone would do, but names are equal in either. */
static void copy_label(char to[LABEL_BYTES_MAX + 1], struct str label)
{
    for (size_t k = 0; k < label.len; k++)
        to[k] =
            label.ptr[k] >= 'A' && label.ptr[k] <= 'Z' ? (char)(label.ptr[k] | 0x20) : label.ptr[k];
    to[label.len] = '\0';
}

static bool check_a_label(struct name *name, struct str label)
{
    char copy[LABEL_BYTES_MAX + 1], *decoded = NULL;
    uint8_t *made = NULL;
    struct str u_label;
    bool good;

    copy_label(copy, label);
    if (idn2_register_u8(NULL, (const uint8_t *)copy, &made, 0) != IDN2_OK)
        return false;
    idn2_free(made);
    if (idn2_to_unicode_8z8z(copy, &decoded, 0) != IDN2_OK)
        return false;
    u_label = str_of(decoded);
    good = !ascii(u_label) && u_label.ptr[0] != '-' && u_label.ptr[u_label.len - 1] != '-';
    good = good && look_at_direction(name, u_label);
    idn2_free(decoded);
    name->len += label.len + 1;
    return good;
}

static bool check_u_label(struct name *name, struct str label)
{
    char copy[LABEL_BYTES_MAX + 1];
    uint8_t *made = NULL;

    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    memcpy(copy, label.ptr, label.len);
    copy[label.len] = '\0';
    if (idn2_register_u8((const uint8_t *)copy, NULL, &made, 0) != IDN2_OK)
        return false;
    name->len += strlen((const char *)made) + 1;
    idn2_free(made);
    return look_at_direction(name, label);
}

static bool check_label(struct name *name, struct str label, bool international)
{
    if (label.len == 0 || label.len > LABEL_BYTES_MAX || memchr(label.ptr, '\0', label.len))
        return false;
    if (!ascii(label))
        return international && check_u_label(name, label);
    if (!format_ldh_label(label))
        return false;
    if (has_prefix(label))
        return check_a_label(name, label);
    if (international && label.len >= 4 && memcmp(label.ptr + 2, "--", 2) == 0)
        return false; /* Reserved: RFC 5891 section 4.2.3.1. */
    name->len += label.len + 1;
    return look_at_direction(name, label);
}

/* RFC 3490 section 3.1: the dots of U+3002, U+FF0E and U+FF61. */
static size_t dot_at(struct str s, size_t k, bool international)
{
    struct str rest = {s.ptr + k, s.len - k};

    if (rest.ptr[0] == '.')
        return 1;
    return international && (str_starts(rest, STR("\u3002")) || str_starts(rest, STR("\uff0e")) ||
                             str_starts(rest, STR("\uff61")))
               ? 3
               : 0;
}

static bool check_name(struct str s, bool international)
{
    struct name name = {0};
    size_t begin = 0;

    if (s.len == 0 || s.len > 4 * NAME_LEN_MAX)
        return false;
    for (size_t k = 0; k <= s.len;) {
        size_t dot = k < s.len ? dot_at(s, k, international) : 1;

        if (dot > 0) {
            if (!check_label(&name, (struct str){s.ptr + begin, k - begin}, international))
                return false;
            begin = k + dot;
        }
        k += dot > 0 ? dot : 1;
    }
    return name.len - 1 <= NAME_LEN_MAX && !(name.bidi && name.by_digit);
}

bool format_hostname(struct cx *cx, struct str s)
{
    (void)cx;
    return check_name(s, false);
}

bool format_idn_hostname(struct cx *cx, struct str s)
{
    (void)cx;
    return check_name(s, true);
}

/* ---- Addresses ---- */

static bool address(int family, struct str s)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char copy[INET6_ADDRSTRLEN];

    if (s.len >= sizeof(copy) || (s.len > 0 && memchr(s.ptr, '\0', s.len)))
        return false;
    snprintf(copy, sizeof(copy), STR_FMT, STR_ARG(s));
    return inet_pton(family, copy, bytes) == 1;
}

bool format_ipv4(struct cx *cx, struct str s)
{
    (void)cx;
    return address(AF_INET, s);
}

bool format_ipv6(struct cx *cx, struct str s)
{
    (void)cx;
    return address(AF_INET6, s);
}
