/*
 * exact_test.c - numbers of any size, and copies that outlive the parser.
 */
#include "kernel/json/json.h"
#include "test/kit/test.h"

enum { CX_BYTES_MAX = 1 << 20 };

TEST(json_exact, "numbers that fit no type keep their digits, and all others stay what they are")
{
    static const char text[] =
        "[1,-98249283749234923498293171823948729348710298301928331,{\"a\":1e400,\"b\":\"1e999\"},"
        "0.1234567890123456789,18446744073709551615,1.5,0e999,\"\\\"123456789012345678901\","
        "18446744073709551616]";
    struct json v, other;
    struct cx cx;

    cx_open(&cx, env_system(), CX_BYTES_MAX);
    CHECK(json_parse(&cx, STR(text), &v) != OK);
    fail_clear(&cx);
    CHECK(json_parse_exact(&cx, STR(text), &v) == OK);
    CHECK(json_parse(&cx, STR("[\"another\"]"), &other) == OK); /* v is not the parser's. */
    CHECK_EQ_TEXT(json_minified(&cx, v),
                  "[1,-98249283749234923498293171823948729348710298301928331,{\"a\":1e400,"
                  "\"b\":\"1e999\"},0.1234567890123456789,18446744073709551615,1.5,0.0,"
                  "\"\\\"123456789012345678901\",18446744073709551616]");
    CHECK_EQ_INT(json_count(v), 9);
    cx_close(&cx);
}

TEST(json_exact_refuses, "what is no JSON is refused with the place it has in the text")
{
    static const char *const cases[][2] = {
        {"[1e400,01]", "line 1, column 8"},
        {"[1e400,-]", "line 1, column 9"},
        {"[1e400 1]", "line 1, column 8"},
        {"[1e400,1.e5]", "line 1, column 10"},
        {"{\"a\":1e400,\"a\":1e400}", "line 1, column 12"},
        {"[\"a", "line 1, column"},
    };
    struct json v;
    struct cx cx;

    cx_open(&cx, env_system(), CX_BYTES_MAX);
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        CHECK(json_parse_exact(&cx, str_of(cases[k][0]), &v) == ERR_BAD_INPUT);
        CHECK_SAY(str_starts(str_of(cx.problem.detail), str_of(cases[k][1])), "%s: %s", cases[k][0],
                  cx.problem.detail);
        fail_clear(&cx);
    }
    cx_close(&cx);
}

TEST(json_kept, "any part of a document is copied whole")
{
    struct json v, kept, part;
    struct arena arena;
    struct cx cx;

    cx_open(&cx, env_system(), CX_BYTES_MAX);
    arena_init(&arena, CX_BYTES_MAX);
    CHECK(json_parse(&cx,
                     STR("{\"x\":\"before\",\"a\":[{\"k\":[1,2.5,true]},\"text\",{}],\"z\":0}"),
                     &v) == OK);
    CHECK(json_get(v, "a", &part));
    kept = json_keep(&arena, part);
    part = json_keep(&arena, v);
    CHECK(json_parse(&cx, STR("[[],[],[],\"overwritten\"]"), &v) == OK);
    CHECK_EQ_TEXT(json_minified(&cx, kept), "[{\"k\":[1,2.5,true]},\"text\",{}]");
    CHECK_EQ_TEXT(json_minified(&cx, part),
                  "{\"x\":\"before\",\"a\":[{\"k\":[1,2.5,true]},\"text\",{}],\"z\":0}");
    arena_free(&arena);
    cx_close(&cx);
}
