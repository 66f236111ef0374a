/*
 * format.c - the table of formats, and the short ones.
 */
#include "kernel/schema/format.h"

#include "kernel/schema/regex.h"
#include "kernel/schema/schema.h"

static const struct schema_format FORMATS[] = {
    {"date-time", format_date_time, "one like 2026-01-31T12:00:00Z"},
    {"date", format_date, "one like 2026-01-31"},
    {"time", format_time, "one like 12:00:00Z"},
    {"duration", format_duration, "one like P1DT12H"},
    {"email", format_email, "one like name@example.com"},
    {"idn-email", format_idn_email, "one like name@example.com"},
    {"hostname", format_hostname, "one like www.example.com"},
    {"idn-hostname", format_idn_hostname, "one like www.example.com"},
    {"ipv4", format_ipv4, "one like 192.0.2.1"},
    {"ipv6", format_ipv6, "one like 2001:db8::1"},
    {"uri", format_uri, "one like https://example.com/a"},
    {"uri-reference", format_uri_reference, "one like https://example.com/a or /a"},
    {"iri", format_iri, "one like https://example.com/a"},
    {"iri-reference", format_iri_reference, "one like https://example.com/a or /a"},
    {"uri-template", format_uri_template, "one like https://example.com/{id}"},
    {"uuid", format_uuid, "one like 123e4567-e89b-12d3-a456-426614174000"},
    {"json-pointer", format_json_pointer, "one like /items/0"},
    {"relative-json-pointer", format_relative_json_pointer, "one like 1/items"},
    {"regex", format_regex, "a regular expression of ECMA-262"},
};

const struct schema_format *schema_format_find(struct str name)
{
    for (size_t k = 0; k < sizeof(FORMATS) / sizeof(FORMATS[0]); k++)
        if (str_is(name, FORMATS[k].name))
            return &FORMATS[k];
    return NULL;
}

/* RFC 4122 section 3; neither version nor variant is looked at. */
bool format_uuid(struct cx *cx, struct str s)
{
    (void)cx;
    if (s.len != 36)
        return false;
    for (size_t k = 0; k < s.len; k++) {
        bool dash = k == 8 || k == 13 || k == 18 || k == 23;

        if (dash ? s.ptr[k] != '-' : !format_hex(s.ptr[k]))
            return false;
    }
    return true;
}

/* RFC 6901 section 3. */
bool format_json_pointer(struct cx *cx, struct str s)
{
    (void)cx;
    if (s.len > 0 && s.ptr[0] != '/')
        return false;
    for (size_t k = 0; k < s.len; k++)
        if (s.ptr[k] == '~' && (k + 1 == s.len || (s.ptr[k + 1] != '0' && s.ptr[k + 1] != '1')))
            return false;
    return true;
}

/* draft-bhutton-relative-json-pointer-00 section 3. */
bool format_relative_json_pointer(struct cx *cx, struct str s)
{
    size_t k = 0, digits;

    while (k < s.len && format_digit(s.ptr[k]))
        k++;
    digits = k;
    if (digits == 0 || (digits > 1 && s.ptr[0] == '0'))
        return false;
    if (k < s.len && (s.ptr[k] == '+' || s.ptr[k] == '-')) {
        size_t begin = ++k;

        while (k < s.len && format_digit(s.ptr[k]))
            k++;
        if (k == begin || s.ptr[begin] == '0')
            return false;
    }
    if (k + 1 == s.len && s.ptr[k] == '#')
        return true;
    return format_json_pointer(cx, (struct str){s.ptr + k, s.len - k});
}

bool format_regex(struct cx *cx, struct str s)
{
    struct arena_mark mark = arena_mark(&cx->arena);
    struct str translated;
    const char *why;
    bool good;

    if (s.len > SCHEMA_PATTERN_BYTES_MAX)
        return false;
    good = ecma_translate(cx, s, &translated, &why);
    arena_rewind(&cx->arena, mark);
    return good;
}
