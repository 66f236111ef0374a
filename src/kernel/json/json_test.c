/*
 * json_test.c - the reader: what is refused and where, what is accepted and means what.
 */
#include "kernel/json/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/kit/test.h"

enum { BUDGET_BYTES = 32 << 20 };

static struct cx test_cx(void)
{
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    return cx;
}

/* ---- Refusals ---- */

struct refusal {
    struct str text;
    int line, column;
    const char *code, *detail; /* A part of the detail. */
};

#define SYNTAX(text_, line_, column_, detail_)                                                     \
    {                                                                                              \
        {(text_), sizeof(text_) - 1}, (line_), (column_), "json_syntax", (detail_)                 \
    }
#define DUPLICATE(text_, line_, column_, detail_)                                                  \
    {                                                                                              \
        {(text_), sizeof(text_) - 1}, (line_), (column_), "json_duplicate_key", (detail_)          \
    }

static void check_refusal(const struct refusal *row)
{
    struct cx cx = test_cx();
    struct json v;
    enum err err = json_parse(&cx, row->text, &v);
    int line = 0, column = 0;

    CHECK_SAY(err == ERR_BAD_INPUT, STR_FMT " is taken", STR_ARG(row->text));
    CHECK_SAY(sscanf(cx.problem.detail, "line %d, column %d: ", &line, &column) == 2 &&
                  line == row->line && column == row->column,
              STR_FMT " at %d:%d, got: %s", STR_ARG(row->text), row->line, row->column,
              cx.problem.detail);
    CHECK_SAY(strcmp(cx.problem.code, row->code) == 0, STR_FMT ": %s", STR_ARG(row->text),
              cx.problem.code);
    CHECK_SAY(strstr(cx.problem.detail, row->detail), STR_FMT ": %s", STR_ARG(row->text),
              cx.problem.detail);
    cx_close(&cx);
}

#define CHECK_REFUSALS(rows)                                                                       \
    for (size_t row = 0; row < sizeof(rows) / sizeof((rows)[0]); row++)                            \
    check_refusal(&(rows)[row])

TEST(json_refuse_structure, "a broken structure is refused at its place")
{
    static const struct refusal rows[] = {
        SYNTAX("", 1, 1, "the text is empty: send a JSON value"),
        SYNTAX(" \n\t", 2, 2, "the text is empty"),
        SYNTAX("\xef\xbb\xbf{}", 1, 1, "byte order mark"),
        SYNTAX("[1,]", 1, 3, "nothing follows this comma: remove it"),
        SYNTAX("{\"a\":1,}", 1, 7, "nothing follows this comma"),
        SYNTAX("{\"a\":[1,\n2 , \n]}", 2, 3, "nothing follows this comma"),
        SYNTAX("[,1]", 1, 2, "a value should stand here, not ','"),
        SYNTAX("[1,,2]", 1, 4, "a value should stand here, not ','"),
        SYNTAX("[1 2]", 1, 4, "a comma or ] should stand here, not '2'"),
        SYNTAX("{\"a\":1 \"b\":2}", 1, 8, "a comma or } should stand here"),
        SYNTAX("{\"a\" 1}", 1, 6, "a colon should stand here"),
        SYNTAX("{\"a\"}", 1, 5, "a colon should stand here, not '}'"),
        SYNTAX("{\"a\":}", 1, 6, "a value should stand here, not '}'"),
        SYNTAX("{1:2}", 1, 2, "a name in quotation marks should stand here"),
        SYNTAX("{a:2}", 1, 2, "a name in quotation marks should stand here"),
        SYNTAX("{'a':2}", 1, 2, "names stand in double quotation marks"),
        SYNTAX("['a']", 1, 2, "texts stand in double quotation marks"),
        SYNTAX("[1}", 1, 3, "a comma or ] should stand here, not '}'"),
        SYNTAX("{\"a\":1]", 1, 7, "a comma or } should stand here, not ']'"),
        SYNTAX("]", 1, 1, "a value should stand here"),
        SYNTAX("[1", 1, 3, "the list opened at line 1, column 1 is not closed"),
        SYNTAX("{\n \"a\": [\n", 3, 1, "the list opened at line 2, column 7 is not closed"),
        SYNTAX("{", 1, 2, "the object opened at line 1, column 1 is not closed"),
        SYNTAX("{\"a\"", 1, 5, "the text ends where a colon should stand"),
        SYNTAX("{\"a\":", 1, 6, "the text ends where a value should stand"),
        SYNTAX("[1,", 1, 4, "is not closed"),
        SYNTAX("{} {}", 1, 4, "the document ended before this: remove the rest"),
        SYNTAX("1 2", 1, 3, "the document ended before this"),
        SYNTAX("[]\n\n x", 3, 2, "the document ended before this"),
        SYNTAX("{}\0", 1, 3, "the document ended before this"),
        SYNTAX("// a\n1", 1, 1, "JSON has no comments"),
        SYNTAX("[1 /* a */]", 1, 4, "a comma or ] should stand here, not '/'"),
        SYNTAX("\f1", 1, 1, "not the byte 0x0c"),
        SYNTAX("[\xc2\xa0]", 1, 2, "not the byte 0xc2"),
    };

    CHECK_REFUSALS(rows);
}

TEST(json_refuse_words, "words other than true, false and null are refused where they begin")
{
    static const struct refusal rows[] = {
        SYNTAX("tru", 1, 1, "not tru"),
        SYNTAX("[truex]", 1, 2, "not truex"),
        SYNTAX("[nul, 1]", 1, 2, "not nul"),
        SYNTAX("{\"a\": False}", 1, 7, "not False"),
        SYNTAX("[NaN]", 1, 2, "not NaN"),
        SYNTAX("[Infinity]", 1, 2, "not Infinity"),
        SYNTAX("undefined", 1, 1, "only true, false and null stand without quotation marks"),
    };

    CHECK_REFUSALS(rows);
}

TEST(json_refuse_numbers, "numbers that JSON does not have, or that no type holds, are refused")
{
    static const struct refusal rows[] = {
        SYNTAX("01", 1, 1, "no leading zeros"),
        SYNTAX("[-012]", 1, 3, "no leading zeros"),
        SYNTAX("00", 1, 1, "no leading zeros"),
        SYNTAX("[+1]", 1, 2, "begins with a digit or a minus sign"),
        SYNTAX("[.5]", 1, 2, "begins with a digit or a minus sign"),
        SYNTAX("-", 1, 2, "a digit must follow the minus sign"),
        SYNTAX("[-]", 1, 3, "a digit must follow the minus sign"),
        SYNTAX("[-Infinity]", 1, 3, "a digit must follow the minus sign"),
        SYNTAX("1.", 1, 3, "a digit must follow the decimal point"),
        SYNTAX("[1.e5]", 1, 4, "a digit must follow the decimal point"),
        SYNTAX("[1e]", 1, 4, "the exponent needs a digit"),
        SYNTAX("[1E+]", 1, 5, "the exponent needs a digit"),
        SYNTAX("0x10", 1, 2, "the document ended before this"),
        SYNTAX("[1_000]", 1, 3, "a comma or ] should stand here"),
        SYNTAX("18446744073709551616", 1, 1, "number out of range"),
        SYNTAX("[1,\n -9223372036854775809]", 2, 2, "number out of range"),
        SYNTAX("[123456789012345678901234567890]", 1, 2, "number out of range"),
        SYNTAX("[1e309]", 1, 2, "number out of range"),
        SYNTAX("[-1.8e308]", 1, 2, "number out of range"),
    };

    CHECK_REFUSALS(rows);
}

TEST(json_refuse_texts, "broken texts are refused at the byte that breaks them")
{
    static const struct refusal rows[] = {
        SYNTAX("\"abc", 1, 1, "this text is never closed"),
        SYNTAX("[1,\n\"abc]", 2, 1, "this text is never closed"),
        SYNTAX("\"abc\\", 1, 1, "this text is never closed"),
        SYNTAX("\"abc\\\"", 1, 1, "this text is never closed"),
        SYNTAX("\"a\\x\"", 1, 3, "no such escape"),
        SYNTAX("\"\\'\"", 1, 2, "no such escape"),
        SYNTAX("\"\\u12g4\"", 1, 2, "\\u needs four hexadecimal digits"),
        SYNTAX("\"\\u12\"", 1, 2, "\\u needs four hexadecimal digits"),
        SYNTAX("\"\\ud800\"", 1, 2, "half a surrogate pair"),
        SYNTAX("\"\\udc00\"", 1, 2, "half a surrogate pair"),
        SYNTAX("\"\\udfff\"", 1, 2, "half a surrogate pair"),
        SYNTAX("\"\\udbff\\ue000\"", 1, 2, "half a surrogate pair"),
        SYNTAX("\"ab\\ud83d\\u0041\"", 1, 4, "half a surrogate pair"),
        SYNTAX("\"a\tb\"", 1, 3, "control character 0x09 in a text: write it as \\u0009"),
        SYNTAX("\"a\nb\"", 1, 3, "control character 0x0a"),
        SYNTAX("{\"a\0b\":1}", 1, 4, "control character 0x00"),
        SYNTAX("\"\xe6\x96\x91\xff\"", 1, 5, "byte 0xff is not valid UTF-8"),
        SYNTAX("\"\xc0\xaf\"", 1, 2, "byte 0xc0 is not valid UTF-8"),
        SYNTAX("\"\xed\xa0\x80\"", 1, 2, "byte 0xed is not valid UTF-8"),
        SYNTAX("\"\xf4\x90\x80\x80\"", 1, 2, "byte 0xf4 is not valid UTF-8"),
        SYNTAX("\"ab\xe6\x96\"", 1, 4, "byte 0xe6 is not valid UTF-8"),
        SYNTAX("{\"\x80\":1}", 1, 3, "byte 0x80 is not valid UTF-8"),
    };

    CHECK_REFUSALS(rows);
}

TEST(json_refuse_duplicates, "the first second key of an object is refused where it stands")
{
    static const struct refusal rows[] = {
        DUPLICATE("{\"a\":1,\"a\":2}", 1, 8, "the object has \"a\" already"),
        DUPLICATE("{\"a\":1,\"\\u0061\":2}", 1, 8, "the object has \"\\u0061\" already"),
        DUPLICATE("{\"\":1,\"\":2}", 1, 7, "already"),
        DUPLICATE("{\"a\":{\"x\":1,\n\"x\":2},\"a\":3}", 2, 1, "\"x\" already"),
        DUPLICATE("[{\"a\":\"a\",\"b\":[\"a\"],\"a\":0}]", 1, 21, "\"a\" already"),
        DUPLICATE("{\"a\":1,\"b\":2,\"b\":3,\"a\":4}", 1, 14, "\"b\" already"),
    };
    struct cx cx = test_cx();
    struct json v;

    CHECK_REFUSALS(rows);
    CHECK_EQ_INT(json_parse(&cx, STR("[{\"a\":1},{\"a\":{\"a\":1}},\"a\",\"a\"]"), &v), OK);
    cx_close(&cx);
}

/* An object of count members "k0" ..; member `again`, if not negative, repeats "k0". */
static struct str many_keys(struct cx *cx, int count, int again)
{
    char *bytes = cx_alloc(cx, (size_t)count * 24 + 16);
    struct text text = {.ptr = bytes, .size = (size_t)count * 24 + 16};

    text_add(&text, STR("{"));
    for (int k = 0; k < count; k++)
        text_addf(&text, "%s\n\"k%d\":%d", k ? "," : "", k == again ? 0 : k, k);
    text_add(&text, STR("}"));
    CHECK(!text.cut);
    return (struct str){bytes, text.len};
}

TEST(json_many_keys, "objects of any size are checked for duplicate keys, and stay quick")
{
    static const int counts[] = {15, 16, 17, 18, 31, 32, 33, 64, 65, 1000, 10000, 200000};
    struct cx cx = test_cx();
    struct json v;

    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        int count = counts[k];
        char where[60];
        size_t used_bytes;
        struct str text;

        cx_reset(&cx);
        text = many_keys(&cx, count, -1);
        used_bytes = cx.arena.used_bytes;
        CHECK_EQ_INT(json_parse(&cx, text, &v), OK);
        CHECK_EQ_INT(cx.arena.used_bytes, used_bytes); /* The table of keys is given back. */
        CHECK_EQ_INT(json_count(v), count);
        CHECK_EQ_INT(json_parse(&cx, many_keys(&cx, count, count - 1), &v), ERR_BAD_INPUT);
        snprintf(where, sizeof(where), "line %d, column 1: the object has \"k0\"", count + 1);
        CHECK_EQ_STR(cx.problem.code, "json_duplicate_key");
        CHECK(strstr(cx.problem.detail, where));
    }
    cx_close(&cx);
}

TEST(json_depth, "32 levels are taken, the 33rd is refused where it opens")
{
    static const char *const opens[] = {"[", "{\"a\":"}, *const closes[] = {"]", "}"};
    struct cx cx = test_cx();
    struct json v;

    for (int kind = 0; kind < 2; kind++) {
        for (int levels = 31; levels <= 70; levels++) {
            char bytes[1000];
            struct text text = {.ptr = bytes, .size = sizeof(bytes)};
            char where[60];

            for (int k = 0; k < levels; k++)
                text_add(&text, str_of(opens[kind]));
            text_add(&text, STR("1"));
            for (int k = 0; k < levels; k++)
                text_add(&text, str_of(closes[kind]));
            cx_reset(&cx);
            if (levels <= JSON_DEPTH_MAX) {
                CHECK_EQ_INT(json_parse(&cx, (struct str){bytes, text.len}, &v), OK);
                continue;
            }
            CHECK_EQ_INT(json_parse(&cx, (struct str){bytes, text.len}, &v), ERR_BAD_INPUT);
            snprintf(where, sizeof(where), "line 1, column %zu: more than 32 levels",
                     32 * strlen(opens[kind]) + 1);
            CHECK_EQ_STR(cx.problem.code, "json_depth");
            CHECK(strstr(cx.problem.detail, where));
        }
    }
    cx_close(&cx);
}

TEST(json_size, "16 MiB are taken, a byte more is not, and large texts leave no large reader")
{
    char *bytes = malloc(JSON_BYTES_MAX + 1);
    struct cx cx = test_cx();
    struct json v;

    CHECK(bytes);
    memset(bytes, ' ', JSON_BYTES_MAX + 1);
    bytes[JSON_BYTES_MAX - 1] = '7';
    CHECK_EQ_INT(json_parse(&cx, (struct str){bytes, JSON_BYTES_MAX}, &v), OK);
    CHECK_EQ_INT(json_int(v), 7);
    CHECK_EQ_INT(json_parse(&cx, (struct str){bytes, JSON_BYTES_MAX + 1}, &v), ERR_TOO_LARGE);
    CHECK_EQ_STR(cx.problem.code, "json_too_large");
    for (size_t len = 1; len < 1 << 20; len = len * 2 + 1) { /* Every growth of the reader. */
        bytes[len - 1] = '8';
        cx_reset(&cx);
        CHECK_EQ_INT(json_parse(&cx, (struct str){bytes, len}, &v), OK);
        CHECK_EQ_INT(json_int(v), 8);
        bytes[len - 1] = ' ';
    }
    free(bytes);
    cx_close(&cx);
}

/* ---- Values ---- */

TEST(json_numbers_exact, "integers are exact over all of int64 and uint64, doubles to the bit")
{
    struct cx cx = test_cx();
    struct json v;
    int64_t whole[] = {0, -1, INT64_MAX, INT64_MIN, 9007199254740993};
    struct json_iter it;

    CHECK_EQ_INT(json_parse(&cx,
                            STR("[0,-1,9223372036854775807,-9223372036854775808,9007199254740993,"
                                "9223372036854775808,18446744073709551615,0.1,-0.0,1e2,"
                                "5e-324,1.7976931348623157e308,1e-400]"),
                            &v),
                 OK);
    it = json_iter(v);
    for (size_t k = 0; k < sizeof(whole) / sizeof(whole[0]); k++) {
        CHECK(json_next(&it));
        CHECK_EQ_INT(json_type(it.value), JSON_INT);
        CHECK_EQ_INT(json_int(it.value), whole[k]);
        CHECK(json_double(it.value) == (double)whole[k]);
    }
    CHECK(json_next(&it));
    CHECK_EQ_INT(json_type(it.value), JSON_UINT);
    CHECK(json_uint(it.value) == (uint64_t)1 << 63);
    CHECK(json_next(&it));
    CHECK(json_uint(it.value) == UINT64_MAX);
    CHECK(json_double(it.value) == 18446744073709551616.0);
    CHECK(json_next(&it));
    CHECK_EQ_INT(json_type(it.value), JSON_DOUBLE);
    CHECK(json_double(it.value) == 0.1);
    CHECK(json_next(&it));
    CHECK(json_double(it.value) == 0 && __builtin_signbit(json_double(it.value)));
    CHECK(json_next(&it));
    CHECK_EQ_INT(json_type(it.value), JSON_DOUBLE);
    CHECK(json_double(it.value) == 100);
    CHECK(json_next(&it));
    CHECK(json_double(it.value) == 5e-324);
    CHECK(json_next(&it));
    CHECK(json_double(it.value) == 1.7976931348623157e308);
    CHECK(json_next(&it));
    CHECK(json_double(it.value) == 0);
    CHECK(!json_next(&it));
    cx_close(&cx);
}

TEST(json_walk, "objects and lists are walked in order; texts are whole, with their NULs")
{
    struct cx cx = test_cx();
    struct json v, found;
    struct json_iter it;

    CHECK_EQ_INT(json_parse(&cx,
                            STR(" {\"a\": {\"x\":[1,[2],{}]} , \"b\\u0000c\":\"d\\u0000e\","
                                "\"\":null,\"t\":true,\"f\":false,\"e\":[]} "),
                            &v),
                 OK);
    CHECK_EQ_INT(json_type(v), JSON_OBJECT);
    CHECK_EQ_INT(json_count(v), 6);
    it = json_iter(v);
    CHECK(json_next(&it));
    CHECK_EQ_TEXT(it.key, "a");
    CHECK_EQ_INT(json_type(it.value), JSON_OBJECT);
    CHECK(json_next(&it));
    CHECK(str_eq(it.key, (struct str){"b\0c", 3}));
    CHECK(str_eq(json_peek(it.value), (struct str){"d\0e", 3}));
    CHECK(str_eq(json_text(&cx, it.value), (struct str){"d\0e", 3}));
    CHECK(json_next(&it));
    CHECK_EQ_TEXT(it.key, "");
    CHECK_EQ_INT(json_type(it.value), JSON_NULL);
    CHECK(json_get(v, "t", &found));
    CHECK(json_bool(found));
    CHECK(json_get(v, "f", &found));
    CHECK(!json_bool(found));
    CHECK(json_get(v, "e", &found));
    CHECK_EQ_INT(json_count(found), 0);
    it = json_iter(found);
    CHECK(!json_next(&it));
    CHECK(!json_get(v, "x", &found));
    CHECK(json_get(v, "a", &found));
    CHECK_EQ_TEXT(json_minified(&cx, found), "{\"x\":[1,[2],{}]}");
    cx_close(&cx);
}

static void *parse_many(void *number)
{
    struct cx cx = test_cx();

    for (int k = 0; k < 2000; k++) {
        struct str text = cx_printf(&cx, "{\"thread\":%d,\"k\":%d}", *(int *)number, k), again;
        struct json v;

        CHECK_EQ_INT(json_parse(&cx, text, &v), OK);
        again = json_minified(&cx, v);
        CHECK(str_eq(again, text));
        cx_reset(&cx);
    }
    cx_close(&cx);
    return NULL;
}

TEST_THREADS(json_threads, "threads read side by side, each with a reader of its own")
{
    pthread_t threads[4];
    int numbers[4];

    for (int k = 0; k < 4; k++) {
        numbers[k] = k;
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, parse_many, &numbers[k]), 0);
    }
    for (int k = 0; k < 4; k++)
        pthread_join(threads[k], NULL);
}

TEST(json_starved, "out of memory at any step unwinds and leaks nothing")
{
    volatile size_t budget = 0;
    volatile bool done = false;

    while (!done) {
        struct cx cx;
        jmp_buf start;

        cx_open(&cx, env_system(), budget);
        if (setjmp(start) == 0) {
            struct json v;

            cx.arena.exhausted = &start;
            CHECK_EQ_INT(
                json_parse(&cx,
                           STR("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,"
                               "\"i\":9,\"j\":10,\"k\":11,\"l\":12,\"m\":13,\"n\":14,\"o\":15,"
                               "\"p\":16,\"q\":[\"text\",{\"r\":null}]}"),
                           &v),
                OK);
            CHECK(json_minified(&cx, v).len > 0);
            done = true;
        }
        cx_close(&cx);
        budget += 16;
    }
    CHECK(budget >= 256 + 16); /* The table of keys alone takes 256. */
}
