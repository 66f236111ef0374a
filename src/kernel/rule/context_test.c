/*
 * context_test.c - declared contexts: what they refuse, what they fill, whom they draw.
 */
#include "kernel/rule/context.h"

#include <stdio.h>

#include "test/kit/test.h"

enum { CX_BYTES = 8 << 20 };

struct fixture {
    struct cx cx;
    const struct rule_env *env;
};

static void open_fixture(struct fixture *f)
{
    cx_open(&f->cx, env_system(), CX_BYTES);
    f->env = rule_context_env(&f->cx.arena, &rule_visit_context);
}

/* The value as text, or why not. */
static struct str result(struct fixture *f, const char *text, const char *values_text)
{
    struct rule_visit visit = {STR("u1")};
    struct rule_value *values, v;
    const struct rule *rule;
    struct rule_fault fault;
    struct json json;

    fail_clear(&f->cx);
    if (rule_compile(&f->cx, &f->cx.arena, f->env, str_of(text), NULL, &rule) != OK)
        return str_of(f->cx.problem.detail);
    CHECK(json_parse(&f->cx, str_of(values_text), &json) == OK);
    if (rule_context_values(&f->cx, f->env, json, &values) != OK)
        return cx_printf(&f->cx, "%s: %s", f->cx.problem.pointer, f->cx.problem.detail);
    v = rule_eval(&f->cx, rule, values, &visit);
    if (v.kind == RULE_ERROR) {
        rule_fault_of(rule, v, &fault);
        return cx_printf(&f->cx, "error: %s", fault.text);
    }
    return rule_value_text(&f->cx, v, 200);
}

TEST(context_checks, "a field that is not there and a comparison of unlike types are refused where"
                     " they stand")
{
    static const struct {
        const char *text, *refusal;
    } rows[] = {
        {"user.levle > 3", "line 1, column 6: user has no field 'levle'; did you mean 'level'?"},
        {"user.level > '3'", "line 1, column 12: > does not fit int, string"},
        {"usr.id == 'x'", "line 1, column 1: 'usr' is not declared; did you mean 'user'?"},
        {"bukcet('x', 10) == 1",
         "line 1, column 1: there is no function bukcet(); did you mean 'bucket'?"},
        {"bucket(10, 'x') == 1", "line 1, column 1: bucket() does not take (int, string)"},
        {"user.tags == 'vip'", "line 1, column 11: == does not fit list(string), string"},
    };
    struct fixture f;

    open_fixture(&f);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct str said = result(&f, rows[k].text, "{}");

        CHECK_SAY(str_starts(said, str_of(rows[k].refusal)), "%s: " STR_FMT, rows[k].text,
                  STR_ARG(said));
    }
    cx_close(&f.cx);
}

TEST(context_values, "values come from JSON by their declared types; what is missing is not there")
{
    static const char values[] =
        "{\"user\":{\"id\":\"u1\",\"level\":4,\"tags\":[\"vip\"],\"created\":"
        "\"2026-01-02T00:00:00Z\",\"city\":null,\"attributes\":{\"score\":7}},\"now\":"
        "\"2026-11-23T12:00:00Z\"}";
    static const struct {
        const char *text, *values, *result;
    } rows[] = {
        {"user.level >= 3 && 'vip' in user.tags", values, "true"},
        {"now - user.created > duration('7200h')", values, "true"},
        {"has(user.city)", values, "false"},
        {"has(user.level)", values, "true"},
        {"user.attributes.score > 5", values, "true"},
        {"user.level", "{\"user\":{\"level\":\"4\"}}",
         "/user/level: this is not of the type that the context declares"},
        {"user.level", "{\"user\":{\"lvl\":4}}", "/user/lvl: the context has no such field"},
        {"user.level", "{\"usr\":{}}", "/usr: the context has no such variable"},
        {"user.level", "{\"user\":5}", "/user: an object is wanted here"},
        {"user.tags", "{\"user\":{\"tags\":[\"a\",5]}}",
         "/user/tags: this is not of the type that the context declares"},
    };
    struct fixture f;

    open_fixture(&f);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        CHECK_EQ_TEXT(result(&f, rows[k].text, rows[k].values), rows[k].result);
    cx_close(&f.cx);
}

TEST(context_bucket, "bucket() gives each user the same part, and the parts about the same number")
{
    int counts[10] = {0};
    const struct rule *rule;
    struct rule_value *values;
    struct json json;
    struct fixture f;

    open_fixture(&f);
    CHECK(rule_compile(&f.cx, &f.cx.arena, f.env, STR("bucket('autumn', 10)"), NULL, &rule) == OK);
    CHECK(json_parse(&f.cx, STR("{}"), &json) == OK);
    CHECK(rule_context_values(&f.cx, f.env, json, &values) == OK);
    for (int k = 0; k < 10000; k++) {
        char id[16];
        struct rule_visit visit;
        struct rule_value first, again;

        snprintf(id, sizeof(id), "u%d", k);
        visit = (struct rule_visit){str_of(id)};
        first = rule_eval(&f.cx, rule, values, &visit);
        again = rule_eval(&f.cx, rule, values, &visit);
        CHECK(first.kind == RULE_INT && first.i >= 0 && first.i < 10);
        CHECK_EQ_INT(first.i, again.i);
        counts[first.i]++;
    }
    for (int k = 0; k < 10; k++)
        CHECK_SAY(counts[k] > 800 && counts[k] < 1200, "part %d has %d", k, counts[k]);
    CHECK_EQ_TEXT(result(&f, "bucket('x', 0)", "{}"), "error: bucket() has 1 to 10000 parts");
    cx_close(&f.cx);
}
