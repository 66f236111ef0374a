/*
 * rule_test.c - grevy rule eval --json, line by line.
 */
#define _GNU_SOURCE /* memmem */
#include "cli/rule.h"
#include "test/kit/test.h"

enum { BUDGET_BYTES = 8 << 20 };

TEST(rule_lines, "each line is answered with its id: a value, a type, or an error with its place")
{
    static const struct {
        const char *line, *answer;
    } lines[] = {
        {"{\"id\":1,\"expr\":\"1 + 2\"}", "{\"id\":1,\"value\":{\"t\":\"int\",\"v\":\"3\"}}"},
        {"{\"id\":\"a\",\"expr\":\"[1u, null]\"}",
         "{\"id\":\"a\",\"value\":{\"t\":\"list\",\"v\":[{\"t\":\"uint\",\"v\":\"1\"},"
         "{\"t\":\"null\"}]}}"},
        {"{\"id\":2,\"expr\":\"x.y + b'z'\",\"bindings\":{\"x.y\":{\"value\":{\"t\":\"bytes\","
         "\"b64\":\"YQ==\"}}}}",
         "{\"id\":2,\"value\":{\"t\":\"bytes\",\"b64\":\"YXo=\"}}"},
        {"{\"id\":3,\"expr\":\"{'k': 0.0/0.0}\"}",
         "{\"id\":3,\"value\":{\"t\":\"map\",\"v\":[[{\"t\":\"string\",\"v\":\"k\"},"
         "{\"t\":\"double\",\"v\":\"NaN\"}]]}}"},
        {"{\"id\":4,\"expr\":\"d\",\"bindings\":{\"d\":{\"value\":{\"t\":\"duration\",\"s\":1,"
         "\"n\":5}}}}",
         "{\"id\":4,\"value\":{\"t\":\"duration\",\"s\":1,\"n\":5}}"},
        {"{\"id\":5,\"expr\":\"f(x)\",\"check_only\":true,\"type_env\":[{\"name\":\"x\","
         "\"ident\":\"list(int)\"},{\"name\":\"f\",\"function\":[{\"params\":[\"list(param:T)\"],"
         "\"result\":\"param:T\",\"instance\":false}]}]}",
         "{\"id\":5,\"type\":\"int\"}"},
        {"{\"id\":6,\"expr\":\"y\",\"container\":\"a.b\",\"bindings\":{\"a.y\":{\"value\":"
         "{\"t\":\"bool\",\"v\":true}}}}",
         "{\"id\":6,\"value\":{\"t\":\"bool\",\"v\":true}}"},
        {"{\"id\":7,\"expr\":\"1 +\\n 'a'\"}",
         "{\"id\":7,\"error\":\"+ does not fit int, string: convert one of them, e.g. with int(), "
         "double() or string()\",\"at\":[1,3]}"},
        {"{\"id\":8,\"expr\":\"nope || true\",\"disable_check\":true}",
         "{\"id\":8,\"value\":{\"t\":\"bool\",\"v\":true}}"},
        {"{\"id\":9,\"expr\":\"1 / 0\"}", "{\"id\":9,\"error\":\"divide by zero\",\"at\":[1,3]}"},
        {"[]", "{\"id\":null,\"error\":\"a request is an object: {\\\"id\\\":1,\\\"expr\\\":"
               "\\\"1 + 1\\\"}\",\"at\":[1,1]}"},
    };
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++) {
        cx_reset(&cx);
        CHECK_EQ_TEXT(rule_answer(&cx, str_of(lines[k].line)), lines[k].answer);
    }
    cx_close(&cx);
}

TEST(rule_lines_bad, "what is no request is answered with what it should be")
{
    static const char *const lines[] = {
        "",
        "{",
        "{\"id\":1}",
        "{\"id\":1,\"expr\":\"x\",\"bindings\":{\"x\":{\"value\":{\"t\":\"int\",\"v\":\"x\"}}}}",
        "{\"id\":1,\"expr\":\"x\",\"bindings\":{\"x\":{\"value\":{\"t\":\"map\",\"v\":[[1]]}}}}",
        "{\"id\":1,\"expr\":\"x\",\"bindings\":{\"x\":{}}}",
        "{\"id\":1,\"expr\":\"x\",\"type_env\":[{\"name\":\"x\",\"ident\":\"nope\"}]}",
        "{\"id\":1,\"expr\":\"x\",\"type_env\":[{\"name\":\"x\",\"ident\":\"list(int\"}]}",
    };
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++) {
        struct str answer;

        cx_reset(&cx);
        answer = rule_answer(&cx, str_of(lines[k]));
        CHECK_SAY(memmem(answer.ptr, answer.len, "\"error\":\"", 9), "%s: " STR_FMT, lines[k],
                  STR_ARG(answer));
    }
    cx_close(&cx);
}
