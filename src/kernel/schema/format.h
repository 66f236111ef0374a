/*
 * format.h - what `format` asserts of a string: section 7.3 of the validation specification.
 *
 * Each check is of the whole string, is total, and takes time linear in it.
 */
#ifndef GREVY_SCHEMA_FORMAT_H
#define GREVY_SCHEMA_FORMAT_H

#include "kernel/base/cx.h"

struct schema_format {
    const char *name;
    bool (*check)(struct cx *cx, struct str s);
    const char *want; /* "give ...": an example. */
};

/** NULL: unknown, asserts nothing. */
const struct schema_format *schema_format_find(struct str name);

#define FORMAT(name_) bool name_(struct cx *cx, struct str s)
/* format_time.c: RFC 3339 */
FORMAT(format_date_time);
FORMAT(format_date);
FORMAT(format_time);
FORMAT(format_duration);
/* format_host.c: RFC 1123, 5890-5893, 2673, 4291 */
FORMAT(format_hostname);
FORMAT(format_idn_hostname);
FORMAT(format_ipv4);
FORMAT(format_ipv6);
/* format_mail.c: RFC 5321, 6531 */
FORMAT(format_email);
FORMAT(format_idn_email);
/* format_uri.c: RFC 3986, 3987, 6570 */
FORMAT(format_uri);
FORMAT(format_uri_reference);
FORMAT(format_iri);
FORMAT(format_iri_reference);
FORMAT(format_uri_template);
/* format.c: RFC 4122, 6901 */
FORMAT(format_uuid);
FORMAT(format_json_pointer);
FORMAT(format_relative_json_pointer);
FORMAT(format_regex);

static inline bool format_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool format_hex(char c)
{
    return format_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool format_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/** The code point at s[*k], which is valid UTF-8; *k moves behind it. */
static inline uint32_t format_next(struct str s, size_t *k)
{
    unsigned char c = (unsigned char)s.ptr[(*k)++];
    uint32_t code = c < 0x80 ? c : c < 0xe0 ? c & 0x1f : c < 0xf0 ? c & 0x0f : c & 0x07;

    while (c >= 0xc0 && *k < s.len && ((unsigned char)s.ptr[*k] & 0xc0) == 0x80)
        code = code << 6 | ((unsigned char)s.ptr[(*k)++] & 0x3f);
    return code;
}

#endif
