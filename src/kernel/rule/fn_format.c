/*
 * fn_format.c - string.format(list): %s %d %f %e %b %x %X %o, with a precision as in %.2f.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/rule/number.h"
#include "kernel/rule/time.h"
#include "kernel/rule/utf8.h"
#include "kernel/rule/writer.h"

enum { PRECISION_MAX = 100, PRECISION_DEFAULT = 6, NUMBER_TEXT_MAX = 512, WRITER_BYTES_MIN = 64 };

void rule_put(struct rule_writer *w, struct str s)
{
    if (w->spent)
        return;
    if (w->len + s.len > w->size) {
        size_t size = (w->len + s.len) * 2 + WRITER_BYTES_MIN;
        char *ptr = size > UINT32_MAX ? NULL : rule_alloc(w->run, size);

        w->spent = !ptr;
        if (w->spent)
            return;
        if (w->len)
            memcpy(ptr, w->ptr, w->len);
        w->ptr = ptr;
        w->size = size;
    }
    if (s.len)
        memcpy(w->ptr + w->len, s.ptr, s.len);
    w->len += s.len;
}

void rule_putf(struct rule_writer *w, const char *fmt, ...)
{
    char text[NUMBER_TEXT_MAX];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    rule_put(w, (struct str){text, len < (int)sizeof(text) ? (size_t)len : sizeof(text) - 1});
}

/* One clause: its letter and precision. */
struct clause {
    char letter;
    int precision;         /* -1: none. */
    struct rule_value bad; /* RULE_ERROR when the argument does not fit. */
};

static bool refuse(struct rule_writer *w, struct clause *c, const char *why, struct rule_value v)
{
    c->bad = rule_call_bad(w->run, "error during formatting: %s, was given " STR_FMT, why,
                           STR_ARG(rule_type_of_value(v)->name));
    return false;
}

/* NaN and the infinities have the same name everywhere. */
static bool put_special(struct rule_writer *w, double d)
{
    char text[RULE_DOUBLE_TEXT_MAX];

    if (isfinite(d))
        return false;
    rule_put(w, (struct str){text, rule_write_double(text, d, true)});
    return true;
}

static void put_plain(struct rule_writer *w, double d)
{
    char text[RULE_DOUBLE_TEXT_MAX];

    rule_put(w, (struct str){text, rule_write_double(text, d, true)});
}

/* ---- %s ---- */

static bool put_string(struct rule_writer *w, struct clause *c, struct rule_value v, int depth);

static void put_bytes(struct rule_writer *w, struct str s)
{
    for (size_t k = 0; k < s.len;) {
        size_t len = str_utf8_len(s.ptr + k, s.len - k);

        rule_put(w, len ? (struct str){s.ptr + k, len} : STR("\xef\xbf\xbd"));
        k += len ? len : 1;
    }
}

static bool put_list(struct rule_writer *w, struct clause *c, struct rule_value v, int depth)
{
    rule_put(w, STR("["));
    for (uint32_t k = 0; k < v.len && !w->spent; k++) {
        rule_put(w, k ? STR(", ") : STR(""));
        if (!put_string(w, c, v.items[k], depth + 1))
            return false;
    }
    rule_put(w, STR("]"));
    return true;
}

/* The entries of a map are written in the order of their keys' texts. */
static bool put_map(struct rule_writer *w, struct clause *c, const struct rule_map *map, int depth)
{
    size_t bytes = sizeof(struct rule_value) * ((size_t)map->count + 1);
    struct rule_value *keys = rule_alloc(w->run, bytes), *places = rule_alloc(w->run, bytes);

    w->spent |= !keys || !places;
    for (uint32_t k = 0; k < map->count && !w->spent; k++) {
        struct rule_writer key = {.run = w->run};

        if (!put_string(&key, c, map->keys[k], depth + 1))
            return false;
        w->spent = key.spent;
        keys[k] = rule_of_text((struct str){key.ptr, key.len});
        places[k] = rule_of_int(k);
    }
    if (w->spent || rule_sorted(w->run, w->run->at, places, keys, map->count).kind == RULE_ERROR) {
        w->spent = true;
        return true;
    }
    rule_put(w, STR("{"));
    for (uint32_t k = 0; k < map->count && !w->spent; k++) {
        rule_put(w, k ? STR(", ") : STR(""));
        rule_put(w, rule_text(keys[k]));
        rule_put(w, STR(": "));
        if (!put_string(w, c, map->values[places[k].i], depth + 1))
            return false;
    }
    rule_put(w, STR("}"));
    return true;
}

static void put_time(struct rule_writer *w, struct rule_value v)
{
    char text[RULE_TIME_TEXT_MAX];

    rule_put(w, (struct str){text, v.kind == RULE_TIMESTAMP ? rule_write_timestamp(text, v)
                                                            : rule_write_duration(text, v)});
}

static bool put_string(struct rule_writer *w, struct clause *c, struct rule_value v, int depth)
{
    if (w->spent || depth > RULE_VALUE_DEPTH_MAX || !rule_charge(w->run, 1)) {
        w->spent = true;
        return true;
    }
    switch (v.kind) {
    case RULE_STRING:
        rule_put(w, rule_text(v));
        return true;
    case RULE_BYTES:
        put_bytes(w, rule_text(v));
        return true;
    case RULE_NULL:
        rule_put(w, STR("null"));
        return true;
    case RULE_BOOL:
        rule_put(w, v.truth ? STR("true") : STR("false"));
        return true;
    case RULE_INT:
        rule_putf(w, "%" PRId64, v.i);
        return true;
    case RULE_UINT:
        rule_putf(w, "%" PRIu64, v.u);
        return true;
    case RULE_DOUBLE:
        put_plain(w, v.d);
        return true;
    case RULE_TYPE:
        rule_put(w, v.type->name);
        return true;
    case RULE_TIMESTAMP:
    case RULE_DURATION:
        put_time(w, v);
        return true;
    case RULE_LIST:
        return put_list(w, c, v, depth);
    case RULE_MAP:
        return put_map(w, c, v.map, depth);
    default:
        return refuse(w, c,
                      "string clause can only be used on strings, bools, bytes, ints, doubles, "
                      "maps, lists, types, durations, and timestamps",
                      v);
    }
}

/* ---- Numbers ---- */

static bool put_decimal(struct rule_writer *w, struct clause *c, struct rule_value v)
{
    if (v.kind != RULE_INT && v.kind != RULE_UINT && v.kind != RULE_DOUBLE)
        return refuse(w, c, "decimal clause can only be used on numbers", v);
    return put_string(w, c, v, 0);
}

static bool put_double(struct rule_writer *w, struct clause *c, struct rule_value v)
{
    int precision = c->precision < 0 ? PRECISION_DEFAULT : c->precision;
    double d = v.kind == RULE_INT ? (double)v.i : v.kind == RULE_UINT ? (double)v.u : v.d;

    if (v.kind != RULE_INT && v.kind != RULE_UINT && v.kind != RULE_DOUBLE)
        return refuse(w, c,
                      c->letter == 'e' ? "scientific clause can only be used on doubles"
                                       : "fixed-point clause can only be used on doubles",
                      v);
    if (put_special(w, d))
        return true;
    if (c->letter == 'e')
        rule_putf(w, "%.*e", precision, d);
    else
        rule_putf(w, "%.*f", precision, d);
    return true;
}

static uint64_t magnitude(struct rule_writer *w, struct rule_value v)
{
    if (v.kind != RULE_INT || v.i >= 0)
        return v.u;
    rule_put(w, STR("-"));
    return 0 - v.u;
}

static bool put_binary(struct rule_writer *w, struct clause *c, struct rule_value v)
{
    char bits[64];
    size_t at = sizeof(bits);
    uint64_t n;

    if (v.kind != RULE_INT && v.kind != RULE_UINT && v.kind != RULE_BOOL)
        return refuse(w, c, "only integers and bools can be formatted as binary", v);
    n = magnitude(w, v);
    do {
        bits[--at] = (char)('0' + (n & 1));
        n >>= 1;
    } while (n);
    rule_put(w, (struct str){bits + at, sizeof(bits) - at});
    return true;
}

static bool put_octal(struct rule_writer *w, struct clause *c, struct rule_value v)
{
    if (v.kind != RULE_INT && v.kind != RULE_UINT)
        return refuse(w, c, "octal clause can only be used on integers", v);
    rule_putf(w, "%" PRIo64, magnitude(w, v));
    return true;
}

static bool put_hex(struct rule_writer *w, struct clause *c, struct rule_value v)
{
    if (v.kind == RULE_STRING || v.kind == RULE_BYTES) {
        for (uint32_t k = 0; k < v.len && !w->spent; k++)
            rule_putf(w, c->letter == 'x' ? "%02x" : "%02X", (unsigned char)v.ptr[k]);
        return true;
    }
    if (v.kind != RULE_INT && v.kind != RULE_UINT)
        return refuse(w, c, "only integers, byte buffers, and strings can be formatted as hex", v);
    if (c->letter == 'x')
        rule_putf(w, "%" PRIx64, magnitude(w, v));
    else
        rule_putf(w, "%" PRIX64, magnitude(w, v));
    return true;
}

static bool put_clause(struct rule_writer *w, struct clause *c, struct rule_value v)
{
    switch (c->letter) {
    case 's':
        return put_string(w, c, v, 0);
    case 'd':
        return put_decimal(w, c, v);
    case 'f':
    case 'e':
        return put_double(w, c, v);
    case 'b':
        return put_binary(w, c, v);
    case 'o':
        return put_octal(w, c, v);
    case 'x':
    case 'X':
        return put_hex(w, c, v);
    default:
        c->bad = rule_call_bad(w->run,
                               "error during formatting: unrecognized formatting clause "
                               "\"%c\"",
                               c->letter);
        return false;
    }
}

/* Behind the %: false when the precision is none. */
static bool read_clause(struct str s, size_t *at, struct clause *c)
{
    *c = (struct clause){.precision = -1};
    if (*at < s.len && s.ptr[*at] == '.') {
        c->precision = 0;
        for (++*at; *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; ++*at)
            if ((c->precision = c->precision * 10 + s.ptr[*at] - '0') > PRECISION_MAX)
                return false;
    }
    c->letter = *at < s.len ? s.ptr[(*at)++] : '?';
    return true;
}

static struct rule_value fn_format(struct rule_run *run, const struct rule_value *args)
{
    struct str s = rule_text(args[0]);
    struct rule_writer w = {.run = run};
    struct clause c;
    uint32_t used = 0;

    for (size_t at = 0; at < s.len && !w.spent;) {
        const char *mark = memchr(s.ptr + at, '%', s.len - at);
        size_t plain = mark ? (size_t)(mark - s.ptr) - at : s.len - at;

        rule_put(&w, (struct str){s.ptr + at, plain});
        at += plain + 1;
        if (!mark)
            break;
        if (at < s.len && s.ptr[at] == '%') {
            rule_put(&w, STR("%"));
            at++;
            continue;
        }
        if (!read_clause(s, &at, &c))
            return rule_call_bad(run, "error during formatting: a precision is at most %d",
                                 PRECISION_MAX);
        if (used == args[1].len)
            return rule_call_bad(run, "error during formatting: index %u out of range", used);
        if (!put_clause(&w, &c, args[1].items[used++]))
            return c.bad;
    }
    return w.spent ? rule_call_stop(run) : rule_of_text((struct str){w.ptr, w.len});
}

static const struct rule_row ROWS[] = {
    {"format", true, "sL*:s", fn_format},
};

const struct rule_rows rule_format_rows = RULE_ROWS(ROWS);
