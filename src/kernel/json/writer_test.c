/*
 * writer_test.c - what is written is JSON, means what was put, and reads back the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/json/json.h"
#include "test/kit/test.h"

static struct cx test_cx(void)
{
    struct cx cx;

    cx_open(&cx, env_system(), 32 << 20);
    return cx;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

TEST(writer_structure, "commas and colons stand where they belong")
{
    struct cx cx = test_cx();
    struct json_out out;

    json_open(&out, &cx, 0);
    json_object(&out);
    json_member_text(&out, "a", STR("x"));
    json_key(&out, STR("b"));
    json_list(&out);
    json_put_int(&out, 1);
    json_list(&out);
    json_list_end(&out);
    json_object(&out);
    json_object_end(&out);
    json_put_bool(&out, false);
    json_put_null(&out);
    json_put_raw(&out, STR("{\"raw\":[]}"));
    json_put_uint(&out, UINT64_MAX);
    json_list_end(&out);
    json_member_int(&out, "c", INT64_MIN);
    json_member_bool(&out, "d", true);
    json_object_end(&out);
    CHECK_EQ_TEXT(json_done(&out), "{\"a\":\"x\",\"b\":[1,[],{},false,null,{\"raw\":[]},"
                                   "18446744073709551615],\"c\":-9223372036854775808,\"d\":true}");
    cx_close(&cx);
}

/* What json_put_text writes for s. */
static struct str written(struct cx *cx, struct str s)
{
    struct json_out out;

    json_open(&out, cx, 0);
    json_put_text(&out, s);
    return json_done(&out);
}

TEST(writer_escapes,
     "quotes, backslashes, control characters and bad UTF-8 are escaped, at any place")
{
    static const struct {
        struct str in;
        const char *out;
    } rows[] = {
        {{"", 0}, ""},
        {{"a\"b\\c/", 6}, "a\\\"b\\\\c/"},
        {{"\b\f\n\r\t", 5}, "\\b\\f\\n\\r\\t"},
        {{"\0\x01\x0b\x1f\x7f", 5}, "\\u0000\\u0001\\u000b\\u001f\x7f"},
        {{"\xe6\x96\x91\xe9\xa9\xac \xf0\x9f\xa6\x93", 11},
         "\xe6\x96\x91\xe9\xa9\xac \xf0\x9f\xa6\x93"},
        {{"\xff", 1}, "\xef\xbf\xbd"},
        {{"a\xe6\x96", 3}, "a\xef\xbf\xbd\xef\xbf\xbd"},
        {{"\xed\xa0\x80", 3}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {{"\xc0\x80", 2}, "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    struct cx cx = test_cx();

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        for (int before = 0; before < 20; before++) { /* Every place within a word of eight. */
            struct str pad = {"....................", (size_t)before};
            struct str in = cx_printf(&cx, STR_FMT "%s", STR_ARG(pad), ""), want, got;
            char *joined = cx_alloc(&cx, 64);

            memcpy(joined, in.ptr, in.len);
            memcpy(joined + in.len, rows[k].in.ptr, rows[k].in.len);
            memcpy(joined + in.len + rows[k].in.len, pad.ptr, pad.len);
            got = written(&cx, (struct str){joined, rows[k].in.len + 2 * pad.len});
            want = cx_printf(&cx, "\"" STR_FMT "%s" STR_FMT "\"", STR_ARG(pad), rows[k].out,
                             STR_ARG(pad));
            CHECK(str_eq(got, want));
            cx_reset(&cx);
        }
    }
    cx_close(&cx);
}

TEST(writer_bytes, "every byte in every place reads back, alone and among others")
{
    struct cx cx = test_cx();
    struct json v;

    for (int c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 17; at++) {
            char text[17];

            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            CHECK_EQ_INT(json_parse(&cx, written(&cx, (struct str){text, 17}), &v), OK);
            CHECK(str_eq(json_peek(v), (struct str){text, 17}));
            cx_reset(&cx);
        }
    }
    cx_close(&cx);
}

TEST(writer_integers, "integers of every length are written as printf writes them")
{
    uint64_t state = 1234567;
    struct cx cx = test_cx();

    for (int k = 0; k < 20000; k++) {
        int64_t n = (int64_t)next_random(&state) >> next_random(&state) % 64;
        char want[24];
        struct json_out out;

        if (k < 190) /* Around the powers of ten. */
            n = k % 2 ? (int64_t)pow(10, k / 10) : (int64_t)pow(10, k / 10) - 1;
        n = k == 200 ? INT64_MIN : k == 201 ? INT64_MAX : n;
        snprintf(want, sizeof(want), "%" PRId64, n);
        json_open(&out, &cx, 0);
        json_put_int(&out, n);
        CHECK_EQ_TEXT(json_done(&out), want);
        cx_reset(&cx);
    }
    cx_close(&cx);
}

static struct str double_text(struct cx *cx, double d)
{
    struct json_out out;

    json_open(&out, cx, 0);
    json_put_double(&out, d);
    return json_done(&out);
}

TEST(writer_doubles, "doubles are short, read back to the bit, and stay doubles")
{
    uint64_t state = 42;
    struct cx cx = test_cx();

    CHECK_EQ_TEXT(double_text(&cx, 0.1), "0.1");
    CHECK_EQ_TEXT(double_text(&cx, 1), "1.0");
    CHECK_EQ_TEXT(double_text(&cx, -0.0), "-0.0");
    CHECK_EQ_TEXT(double_text(&cx, 1.5e300), "1.5e+300");
    CHECK_EQ_TEXT(double_text(&cx, 1.0 / 3), "0.3333333333333333");
    CHECK_EQ_TEXT(double_text(&cx, NAN), "null");
    CHECK_EQ_TEXT(double_text(&cx, -INFINITY), "null");
    for (int k = 0; k < 20000; k++) {
        uint64_t bits = next_random(&state);
        struct json v;
        double d, back;

        memcpy(&d, &bits, sizeof(d));
        if (!isfinite(d))
            continue;
        CHECK_EQ_INT(json_parse(&cx, double_text(&cx, d), &v), OK);
        CHECK_EQ_INT(json_type(v), JSON_DOUBLE);
        back = json_double(v);
        CHECK(memcmp(&d, &back, sizeof(d)) == 0);
        cx_reset(&cx);
    }
    cx_close(&cx);
}

/* ---- Round trips ---- */

static void put_random_text(struct json_out *out, uint64_t *state, bool key)
{
    static const char *const pieces[] = {
        "a",    "\"", "\\", "\n", "\xc3\xa9", "plain words", "\x01", "/", "\xf0\x9f\xa6\x93",
        "\x7f", "0",  " "};
    char bytes[256];
    struct text text = {.ptr = bytes, .size = sizeof(bytes)};

    if (key) /* Names of one object differ. */
        text_addf(&text, "%" PRIu64, next_random(state));
    for (uint64_t k = next_random(state) % 12; k > 0; k--)
        text_add(&text, str_of(pieces[next_random(state) % 12]));
    if (key)
        json_key(out, (struct str){bytes, text.len});
    else
        json_put_text(out, (struct str){bytes, text.len});
}

static void put_random(struct json_out *out, uint64_t *state, int depth)
{
    uint64_t kind = next_random(state) % (depth < 6 ? 9 : 7), count = next_random(state) % 24;

    switch (kind) {
    case 0:
        json_put_null(out);
        break;
    case 1:
        json_put_bool(out, next_random(state) & 1);
        break;
    case 2:
        json_put_int(out, (int64_t)next_random(state) >> next_random(state) % 64);
        break;
    case 3:
        json_put_uint(out, next_random(state) | (uint64_t)1 << 63);
        break;
    case 4:
        json_put_double(out, (double)(int64_t)next_random(state) / 1024);
        break;
    case 5:
    case 6:
        put_random_text(out, state, false);
        break;
    case 7:
        json_list(out);
        while (count-- > 0)
            put_random(out, state, depth + 1);
        json_list_end(out);
        break;
    default:
        json_object(out);
        while (count-- > 0) {
            put_random_text(out, state, true);
            put_random(out, state, depth + 1);
        }
        json_object_end(out);
    }
}

/* The same text with space wherever it may stand. */
static struct str spaced(struct cx *cx, struct str compact)
{
    char *to = cx_alloc(cx, compact.len * 3);
    size_t len = 0;
    bool quoted = false;

    for (size_t k = 0; k < compact.len; k++) {
        char c = compact.ptr[k];

        to[len++] = c;
        if (quoted && c == '\\')
            to[len++] = compact.ptr[++k];
        else if (c == '"')
            quoted = !quoted;
        if (!quoted && memchr("{}[]:,", c, 6))
            to[len++] = " \t\r\n"[k % 4];
    }
    return (struct str){to, len};
}

TEST(writer_round_trip, "a document reads back as it was written, with or without space")
{
    uint64_t state = 7;

    for (int k = 0; k < 400; k++) {
        struct cx cx = test_cx();
        struct json_out out;
        struct str compact;
        struct json v;

        json_open(&out, &cx, 0);
        json_list(&out);
        put_random(&out, &state, 0);
        json_list_end(&out);
        compact = json_done(&out);
        CHECK_EQ_INT(json_parse(&cx, compact, &v), OK);
        CHECK(str_eq(json_minified(&cx, v), compact));
        CHECK_EQ_INT(json_parse(&cx, spaced(&cx, compact), &v), OK);
        CHECK(str_eq(json_minified(&cx, v), compact));
        cx_close(&cx);
    }
}

/* ---- Misuse ---- */

static void value_without_key(struct json_out *out)
{
    json_object(out);
    json_put_int(out, 1);
}

static void key_in_list(struct json_out *out)
{
    json_list(out);
    json_key(out, STR("a"));
}

static void key_after_key(struct json_out *out)
{
    json_object(out);
    json_key(out, STR("a"));
    json_key(out, STR("b"));
}

static void key_without_value(struct json_out *out)
{
    json_object(out);
    json_key(out, STR("a"));
    json_object_end(out);
}

static void wrong_end(struct json_out *out)
{
    json_object(out);
    json_list_end(out);
}

static void end_too_many(struct json_out *out)
{
    json_object(out);
    json_object_end(out);
    json_object_end(out);
}

static void two_documents(struct json_out *out)
{
    json_put_int(out, 1);
    json_put_int(out, 2);
}

static void done_too_early(struct json_out *out)
{
    json_list(out);
    json_done(out);
}

TEST(writer_misuse, "calls that would give invalid JSON end the process")
{
    static void (*const misuses[])(struct json_out * out) = {
        value_without_key, key_in_list,  key_after_key, key_without_value,
        wrong_end,         end_too_many, two_documents, done_too_early};

    for (size_t k = 0; k < sizeof(misuses) / sizeof(misuses[0]); k++) {
        pid_t child = fork();
        int status = 0;

        if (child == 0) {
            struct cx cx = test_cx();
            struct json_out out;

            close(STDERR_FILENO);
            json_open(&out, &cx, 0);
            misuses[k](&out);
            _exit(0);
        }
        CHECK(child > 0);
        CHECK_EQ_INT(waitpid(child, &status, 0), child);
        CHECK_SAY(!WIFEXITED(status) || WEXITSTATUS(status) != 0, "misuse %zu went unseen", k);
    }
}
