/*
 * fn_convert.c - int(), uint(), double(), string() ... and base64.
 */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "kernel/rule/code.h"
#include "kernel/rule/net.h"
#include "kernel/rule/number.h"
#include "kernel/rule/time.h"

static struct rule_value range(struct rule_run *run, const char *to)
{
    return rule_call_bad(run, "range error: this value fits no %s", to);
}

static struct rule_value no_parse(struct rule_run *run, struct rule_value v, const char *to)
{
    return rule_call_bad(run, "'%.*s' is no %s", v.len > 80 ? 80 : (int)v.len, v.ptr, to);
}

static struct rule_value copied(struct rule_run *run, const char *text, size_t len)
{
    char *ptr = rule_alloc(run, len + 1);

    if (!ptr)
        return rule_call_stop(run);
    memcpy(ptr, text, len);
    return rule_of_text((struct str){ptr, len});
}

static struct rule_value fn_same(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return args[0];
}

/* ---- To int and uint ---- */

static struct rule_value fn_uint_to_int(struct rule_run *run, const struct rule_value *args)
{
    return args[0].u > INT64_MAX ? range(run, "int") : rule_of_int((int64_t)args[0].u);
}

#define INT_PAST 9223372036854775808.0 /* The first double above all of int. */

/* Both ends of int are out: a double cannot tell them from their neighbours. */
static struct rule_value fn_double_to_int(struct rule_run *run, const struct rule_value *args)
{
    double d = args[0].d;

    return d > -INT_PAST && d < INT_PAST ? rule_of_int((int64_t)d) : range(run, "int");
}

static struct rule_value fn_text_to_int(struct rule_run *run, const struct rule_value *args)
{
    int64_t i;

    return rule_read_int(rule_text(args[0]), &i) ? rule_of_int(i) : no_parse(run, args[0], "int");
}

static struct rule_value fn_time_to_int(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_int(args[0].i);
}

static struct rule_value fn_int_to_uint(struct rule_run *run, const struct rule_value *args)
{
    return args[0].i < 0 ? range(run, "uint") : rule_of_uint((uint64_t)args[0].i);
}

static struct rule_value fn_double_to_uint(struct rule_run *run, const struct rule_value *args)
{
    double d = args[0].d;

    return d >= 0 && d < 2 * INT_PAST ? rule_of_uint((uint64_t)d) : range(run, "uint");
}

static struct rule_value fn_text_to_uint(struct rule_run *run, const struct rule_value *args)
{
    uint64_t u;

    return rule_read_uint(rule_text(args[0]), 10, &u) ? rule_of_uint(u)
                                                      : no_parse(run, args[0], "uint");
}

/* ---- To double, bool, bytes, moments ---- */

static struct rule_value fn_int_to_double(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_double((double)args[0].i);
}

static struct rule_value fn_uint_to_double(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_double((double)args[0].u);
}

static struct rule_value fn_text_to_double(struct rule_run *run, const struct rule_value *args)
{
    double d;

    return rule_read_double(rule_text(args[0]), &d) ? rule_of_double(d)
                                                    : no_parse(run, args[0], "double");
}

static struct rule_value fn_text_to_bool(struct rule_run *run, const struct rule_value *args)
{
    static const char *const words[] = {"0", "f", "F", "false", "FALSE", "False",
                                        "1", "t", "T", "true",  "TRUE",  "True"};

    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        if (str_is(rule_text(args[0]), words[k]))
            return rule_of_bool(k >= 6);
    return no_parse(run, args[0], "bool");
}

static struct rule_value fn_text_to_bytes(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_bytes(rule_text(args[0]));
}

static struct rule_value fn_int_to_time(struct rule_run *run, const struct rule_value *args)
{
    if (args[0].i < RULE_TIMESTAMP_LEAST || args[0].i > RULE_TIMESTAMP_MOST)
        return range(run, "timestamp: it is in seconds since 1970");
    return rule_of_timestamp(args[0].i, 0);
}

static struct rule_value fn_text_to_time(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value v;

    return rule_read_timestamp(rule_text(args[0]), &v)
               ? v
               : no_parse(run, args[0], "timestamp in range: write 2026-01-31T08:00:00+08:00");
}

static struct rule_value fn_text_to_duration(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value v;

    return rule_read_duration(rule_text(args[0]), &v)
               ? v
               : no_parse(run, args[0], "duration in range: write 1h30m or 90s");
}

/* ---- To string ---- */

static struct rule_value fn_bool_to_text(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_text(args[0].truth ? STR("true") : STR("false"));
}

static struct rule_value fn_int_to_text(struct rule_run *run, const struct rule_value *args)
{
    char text[24];
    size_t len = (size_t)snprintf(text, sizeof(text), "%" PRId64, args[0].i);

    return copied(run, text, len);
}

static struct rule_value fn_uint_to_text(struct rule_run *run, const struct rule_value *args)
{
    char text[24];
    size_t len = (size_t)snprintf(text, sizeof(text), "%" PRIu64, args[0].u);

    return copied(run, text, len);
}

static struct rule_value fn_double_to_text(struct rule_run *run, const struct rule_value *args)
{
    char text[RULE_DOUBLE_TEXT_MAX];
    size_t len = rule_write_double(text, args[0].d, false);

    return copied(run, text, len);
}

static struct rule_value fn_bytes_to_text(struct rule_run *run, const struct rule_value *args)
{
    if (!rule_charge(run, args[0].len / RULE_COST_BYTES))
        return rule_call_stop(run);
    return str_utf8(rule_text(args[0])) ? rule_of_text(rule_text(args[0]))
                                        : rule_call_bad(run, "invalid UTF-8 in bytes");
}

static struct rule_value fn_time_to_text(struct rule_run *run, const struct rule_value *args)
{
    char text[RULE_TIME_TEXT_MAX];
    size_t len = rule_write_timestamp(text, args[0]);

    return copied(run, text, len);
}

static struct rule_value fn_duration_to_text(struct rule_run *run, const struct rule_value *args)
{
    char text[RULE_TIME_TEXT_MAX];
    size_t len = rule_write_duration(text, args[0]);

    return copied(run, text, len);
}

static struct rule_value fn_net_to_text(struct rule_run *run, const struct rule_value *args)
{
    char text[RULE_NET_TEXT_MAX];
    size_t len = rule_write_net(text, args[0]);

    return copied(run, text, len);
}

/* ---- Types, base64 ---- */

static struct rule_value fn_type(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_type(rule_type_of_value(args[0]));
}

static struct rule_value fn_encode(struct rule_run *run, const struct rule_value *args)
{
    size_t size = sodium_base64_ENCODED_LEN((size_t)args[0].len, sodium_base64_VARIANT_ORIGINAL);
    char *ptr = rule_alloc(run, size);

    if (!ptr)
        return rule_call_stop(run);
    sodium_bin2base64(ptr, size, (const unsigned char *)args[0].ptr, args[0].len,
                      sodium_base64_VARIANT_ORIGINAL);
    return rule_of_text((struct str){ptr, strlen(ptr)});
}

static struct rule_value fn_decode(struct rule_run *run, const struct rule_value *args)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL,
                                   sodium_base64_VARIANT_ORIGINAL_NO_PADDING};
    size_t len, size = (size_t)args[0].len + 1;
    char *ptr = rule_alloc(run, size);

    if (!ptr)
        return rule_call_stop(run);
    for (size_t k = 0; k < sizeof(variants) / sizeof(variants[0]); k++)
        if (sodium_base642bin((unsigned char *)ptr, size, args[0].ptr, args[0].len, NULL, &len,
                              NULL, variants[k]) == 0)
            return rule_of_bytes((struct str){ptr, len});
    return no_parse(run, args[0], "base64");
}

static const struct rule_row ROWS[] = {
    {"int", false, "i:i", fn_same},
    {"int", false, "u:i", fn_uint_to_int},
    {"int", false, "d:i", fn_double_to_int},
    {"int", false, "s:i", fn_text_to_int},
    {"int", false, "t:i", fn_time_to_int},
    {"uint", false, "u:u", fn_same},
    {"uint", false, "i:u", fn_int_to_uint},
    {"uint", false, "d:u", fn_double_to_uint},
    {"uint", false, "s:u", fn_text_to_uint},
    {"double", false, "d:d", fn_same},
    {"double", false, "i:d", fn_int_to_double},
    {"double", false, "u:d", fn_uint_to_double},
    {"double", false, "s:d", fn_text_to_double},
    {"bool", false, "b:b", fn_same},
    {"bool", false, "s:b", fn_text_to_bool},
    {"bytes", false, "y:y", fn_same},
    {"bytes", false, "s:y", fn_text_to_bytes},
    {"timestamp", false, "t:t", fn_same},
    {"timestamp", false, "i:t", fn_int_to_time},
    {"timestamp", false, "s:t", fn_text_to_time},
    {"duration", false, "r:r", fn_same},
    {"duration", false, "s:r", fn_text_to_duration},
    {"string", false, "s:s", fn_same},
    {"string", false, "b:s", fn_bool_to_text},
    {"string", false, "i:s", fn_int_to_text},
    {"string", false, "u:s", fn_uint_to_text},
    {"string", false, "d:s", fn_double_to_text},
    {"string", false, "y:s", fn_bytes_to_text},
    {"string", false, "t:s", fn_time_to_text},
    {"string", false, "r:s", fn_duration_to_text},
    {"string", false, "I:s", fn_net_to_text},
    {"string", false, "C:s", fn_net_to_text},
    {"dyn", false, "A:*", fn_same},
    {"type", false, "A:TA", fn_type},
    {"base64.encode", false, "y:s", fn_encode},
    {"base64.decode", false, "s:y", fn_decode},
};

const struct rule_rows rule_convert_rows = RULE_ROWS(ROWS);
