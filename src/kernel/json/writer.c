/*
 * writer.c - JSON by appending.
 *
 * Text dominates: clean runs are found eight bytes at a time and copied whole.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/json/json.h"

enum { SIZE_MIN = 64, INT_LEN_MAX = 20, DOUBLE_LEN_MAX = 32 };

void json_open(struct json_out *out, struct cx *cx, size_t size_hint)
{
    *out = (struct json_out){.cx = cx, .size = size_hint < SIZE_MIN ? SIZE_MIN : size_hint};
    out->ptr = cx_alloc(cx, out->size);
}

static void grow(struct json_out *out, size_t room)
{
    size_t size = out->size * 2;
    char *ptr;

    while (size - out->len < room)
        size *= 2;
    ptr = cx_alloc(out->cx, size);
    memcpy(ptr, out->ptr, out->len);
    out->ptr = ptr;
    out->size = size;
}

/* Where the next bytes go; there is room for that many. */
static char *reserve(struct json_out *out, size_t room)
{
    if (out->size - out->len < room)
        grow(out, room);
    return out->ptr + out->len;
}

static void add_byte(struct json_out *out, char c)
{
    *reserve(out, 1) = c;
    out->len++;
}

static void add_bytes(struct json_out *out, const char *bytes, size_t len)
{
    memcpy(reserve(out, len), bytes, len);
    out->len += len;
}

static bool in_object(const struct json_out *out)
{
    return out->depth > 0 && (out->objects >> (out->depth - 1) & 1);
}

/* Before any value: its comma, unless its key wrote it. */
static void begin_value(struct json_out *out)
{
    if (in_object(out)) {
        assert(out->keyed);
        out->keyed = false;
        return;
    }
    assert(out->depth > 0 || out->len == 0);
    if (out->comma)
        add_byte(out, ',');
    out->comma = true;
}

static void open_level(struct json_out *out, char c, bool object)
{
    begin_value(out);
    assert(out->depth < JSON_OUT_DEPTH_MAX);
    out->objects &= ~(UINT64_C(1) << out->depth);
    out->objects |= (uint64_t)object << out->depth;
    out->depth++;
    out->comma = false;
    add_byte(out, c);
}

static void close_level(struct json_out *out, char c, bool object)
{
    assert(out->depth > 0);
    assert(in_object(out) == object);
    assert(!out->keyed);
    out->depth--;
    out->comma = true;
    add_byte(out, c);
}

void json_object(struct json_out *out)
{
    open_level(out, '{', true);
}

void json_object_end(struct json_out *out)
{
    close_level(out, '}', true);
}

void json_list(struct json_out *out)
{
    open_level(out, '[', false);
}

void json_list_end(struct json_out *out)
{
    close_level(out, ']', false);
}

/* ---- Text ---- */

/* 0: copied as it is; 'u': written as \u00xx; '8': part of UTF-8, to be checked; else the letter
 * behind the backslash. */
static const char escapes[256] = {
    [0 ... 7] = 'u', ['\b'] = 'b',          ['\t'] = 't',          ['\n'] = 'n',
    [0x0b] = 'u',    ['\f'] = 'f',          ['\r'] = 'r',          ['"'] = '"',
    ['\\'] = '\\',   [0x0e ... 0x1f] = 'u', [0x80 ... 0xff] = '8',
};

#define BYTES(c) (UINT64_C(0x0101010101010101) * (c))

/* Does any of eight bytes need a look?  A byte below c makes (byte - c) borrow into its high bit;
 * a borrow may also mark a neighbour, which costs a look and nothing else. */
static bool needs_look(uint64_t word)
{
    uint64_t quote = word ^ BYTES('"'), slash = word ^ BYTES('\\');

    return ((word | (word - BYTES(0x20)) | (quote - BYTES(1)) | (slash - BYTES(1))) &
            BYTES(0x80)) != 0;
}

/* Copy what is clean at the front of s; returns its length. */
static size_t copy_clean(char *to, const char *s, size_t len)
{
    size_t k = 0;
    uint64_t word;

    for (; len - k >= sizeof(word); k += sizeof(word)) {
        memcpy(&word, s + k, sizeof(word));
        if (needs_look(word))
            break;
        memcpy(to + k, &word, sizeof(word));
    }
    for (; k < len && !escapes[(unsigned char)s[k]]; k++)
        to[k] = s[k];
    return k;
}

/* One character that is not clean; returns its length in s. */
static size_t add_special(struct json_out *out, const char *s, size_t left)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*s;
    char escape = escapes[c];
    size_t len;

    if (escape == '8') {
        len = str_utf8_len(s, left);
        add_bytes(out, len ? s : "\xef\xbf\xbd", len ? len : 3);
        return len ? len : 1;
    }
    if (escape == 'u')
        add_bytes(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    else
        add_bytes(out, (const char[]){'\\', escape}, 2);
    return 1;
}

static void add_text(struct json_out *out, struct str s)
{
    size_t k = 0;

    *reserve(out, s.len + 2) = '"';
    out->len++;
    while (k < s.len) {
        size_t clean = copy_clean(reserve(out, s.len - k), s.ptr + k, s.len - k);

        out->len += clean;
        k += clean;
        if (k < s.len)
            k += add_special(out, s.ptr + k, s.len - k);
    }
    add_byte(out, '"');
}

void json_key(struct json_out *out, struct str key)
{
    assert(in_object(out));
    assert(!out->keyed);
    if (out->comma)
        add_byte(out, ',');
    add_text(out, key);
    add_byte(out, ':');
    out->keyed = true;
    out->comma = true;
}

void json_put_text(struct json_out *out, struct str s)
{
    begin_value(out);
    add_text(out, s);
}

/* ---- Numbers ---- */

static const char pairs[] = "00010203040506070809"
                            "10111213141516171819"
                            "20212223242526272829"
                            "30313233343536373839"
                            "40414243444546474849"
                            "50515253545556575859"
                            "60616263646566676869"
                            "70717273747576777879"
                            "80818283848586878889"
                            "90919293949596979899";

static void add_digits(struct json_out *out, uint64_t n)
{
    char digits[INT_LEN_MAX];
    size_t at = sizeof(digits);

    while (n >= 100) {
        at -= 2;
        memcpy(digits + at, pairs + n % 100 * 2, 2);
        n /= 100;
    }
    if (n >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + n * 2, 2);
    } else {
        digits[--at] = (char)('0' + n);
    }
    add_bytes(out, digits + at, sizeof(digits) - at);
}

void json_put_int(struct json_out *out, int64_t n)
{
    begin_value(out);
    if (n < 0)
        add_byte(out, '-');
    add_digits(out, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void json_put_uint(struct json_out *out, uint64_t n)
{
    begin_value(out);
    add_digits(out, n);
}

void json_put_double(struct json_out *out, double d)
{
    char text[DOUBLE_LEN_MAX];
    int len = 0;

    if (!isfinite(d)) {
        json_put_null(out);
        return;
    }
    begin_value(out);
    for (int digits = 15; digits <= 17; digits++) { /* Seventeen always read back. */
        len = snprintf(text, sizeof(text), "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    add_bytes(out, text, (size_t)len);
    if (strspn(text, "-0123456789") == (size_t)len) /* 1.0 stays a fraction. */
        add_bytes(out, ".0", 2);
}

/* ---- The rest ---- */

void json_put_bool(struct json_out *out, bool b)
{
    json_put_raw(out, b ? STR("true") : STR("false"));
}

void json_put_null(struct json_out *out)
{
    json_put_raw(out, STR("null"));
}

void json_put_raw(struct json_out *out, struct str json)
{
    assert(json.len > 0);
    begin_value(out);
    add_bytes(out, json.ptr, json.len);
}

struct str json_done(struct json_out *out)
{
    assert(out->depth == 0);
    assert(out->len > 0);
    return (struct str){out->ptr, out->len};
}

void json_member_text(struct json_out *out, const char *key, struct str s)
{
    json_key(out, str_of(key));
    json_put_text(out, s);
}

void json_member_int(struct json_out *out, const char *key, int64_t n)
{
    json_key(out, str_of(key));
    json_put_int(out, n);
}

void json_member_bool(struct json_out *out, const char *key, bool b)
{
    json_key(out, str_of(key));
    json_put_bool(out, b);
}

static void put_number(struct json_out *out, struct json v)
{
    struct str digits;

    if (json_digits(v, &digits))
        json_put_raw(out, digits);
    else
        json_put_double(out, json_double(v));
}

static void put_value(struct json_out *out, struct json v)
{
    switch (json_type(v)) {
    case JSON_NULL:
        json_put_null(out);
        break;
    case JSON_BOOL:
        json_put_bool(out, json_bool(v));
        break;
    case JSON_INT:
        json_put_int(out, json_int(v));
        break;
    case JSON_UINT:
        json_put_uint(out, json_uint(v));
        break;
    case JSON_DOUBLE:
        put_number(out, v);
        break;
    case JSON_TEXT:
        json_put_text(out, json_peek(v));
        break;
    case JSON_LIST:
        json_list(out);
        for (struct json_iter it = json_iter(v); json_next(&it);)
            put_value(out, it.value);
        json_list_end(out);
        break;
    case JSON_OBJECT:
        json_object(out);
        for (struct json_iter it = json_iter(v); json_next(&it);) {
            json_key(out, it.key);
            put_value(out, it.value);
        }
        json_object_end(out);
        break;
    }
}

struct str json_minified(struct cx *cx, struct json v)
{
    struct json_out out;

    json_open(&out, cx, 0);
    put_value(&out, v);
    return json_done(&out);
}
