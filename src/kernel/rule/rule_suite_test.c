/*
 * rule_suite_test.c - one half of CEL's conformance cases, when it lies beside the project: plain
 * and explained, both with the expected result.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/rule/json_value.h"
#include "kernel/rule/rule.h"
#include "test/kit/test.h"

enum {
    CX_BYTES_MAX = 256 << 20,
    VARIABLES_MAX = 16,
    FILE_BYTES_MAX = 4 << 20,
    TYPE_TEXT_MAX = 512
};

static const char SUITE[] = "../shared/suites/cel/cel_conformance.json";

struct trial {
    struct cx *cx;
    struct rule_env env;
    struct rule_variable variables[VARIABLES_MAX];
    struct rule_value values[VARIABLES_MAX];
    struct rule_function function;
};

static struct str read_file(struct cx *cx)
{
    FILE *file = fopen(SUITE, "rb");
    char *ptr;
    size_t len;

    if (!file)
        test_skip("../shared/suites/cel is not there");
    ptr = cx_alloc(cx, FILE_BYTES_MAX);
    len = fread(ptr, 1, FILE_BYTES_MAX, file);
    fclose(file);
    CHECK(len < FILE_BYTES_MAX);
    return (struct str){ptr, len};
}

static struct str text_of(struct cx *cx, struct json row, const char *name)
{
    struct json v;

    return json_get(row, name, &v) ? json_text(cx, v) : STR("");
}

static bool flag_of(struct json row, const char *name)
{
    struct json v;

    return json_get(row, name, &v) && json_bool(v);
}

static void declare_function(struct trial *t, struct str name, struct json overload)
{
    const struct rule_type **params = CX_ARRAY(t->cx, const struct rule_type *, RULE_ARGS_MAX);
    struct json list;

    t->function = (struct rule_function){.name = name, .params = params};
    t->function.result = rule_type_parse(&t->cx->arena, text_of(t->cx, overload, "result"));
    CHECK(json_get(overload, "params", &list));
    for (struct json_iter it = json_iter(list); json_next(&it);)
        params[t->function.param_count++] =
            rule_type_parse(&t->cx->arena, json_text(t->cx, it.value));
    t->env.functions = &t->function;
    t->env.function_count = 1;
}

static void declare(struct trial *t, struct json declaration)
{
    struct str name = text_of(t->cx, declaration, "name");
    struct json overloads;
    const struct rule_type *type;

    if (json_get(declaration, "function", &overloads)) {
        struct json_iter it = json_iter(overloads);

        CHECK(json_next(&it));
        declare_function(t, name, it.value);
        return;
    }
    type = rule_type_parse(&t->cx->arena, text_of(t->cx, declaration, "ident"));
    CHECK(type);
    t->variables[t->env.variable_count++] = (struct rule_variable){name, type};
}

static void bind(struct trial *t, struct str name, struct json binding)
{
    struct json value;
    uint32_t k = 0;

    while (k < t->env.variable_count && !str_eq(t->variables[k].name, name))
        k++;
    if (k == t->env.variable_count)
        t->variables[t->env.variable_count++] =
            (struct rule_variable){cx_copy(t->cx, name), &rule_dyn};
    CHECK(json_get(binding, "value", &value));
    CHECK(rule_read_tagged(t->cx, value, &t->values[k]));
}

static void open_trial(struct trial *t, struct cx *cx, struct json row)
{
    struct json list;

    *t = (struct trial){.cx = cx};
    t->env = (struct rule_env){.variables = t->variables,
                               .container = text_of(cx, row, "container"),
                               .unchecked = flag_of(row, "disable_check"),
                               .no_macros = flag_of(row, "disable_macros")};
    if (json_get(row, "type_env", &list))
        for (struct json_iter it = json_iter(list); json_next(&it);)
            declare(t, it.value);
    if (json_get(row, "bindings", &list))
        for (struct json_iter it = json_iter(list); json_next(&it);)
            bind(t, it.key, it.value);
}

/* Equal, but for NaN, which equals NaN here. */
static bool same(struct rule_value a, struct rule_value b)
{
    if (a.kind == RULE_DOUBLE && b.kind == RULE_DOUBLE)
        return a.d == b.d || (a.d != a.d && b.d != b.d);
    return a.kind == b.kind && rule_equal(a, b);
}

static bool as_expected(struct trial *t, struct rule_value got, struct json expect)
{
    struct rule_value wanted;
    struct json value;

    if (!json_get(expect, "value", &value))
        return got.kind == RULE_ERROR;
    CHECK(rule_read_tagged(t->cx, value, &wanted));
    return same(got, wanted);
}

static void check_type(const struct rule *rule, struct json expect, struct str name)
{
    char room[TYPE_TEXT_MAX];
    struct text text = {room, 0, sizeof(room), false};
    struct json wanted;

    if (!json_get(expect, "deduced_type", &wanted))
        return;
    rule_type_text(rule_type_result(rule), &text);
    CHECK_SAY(str_eq((struct str){room, text.len}, json_peek(wanted)), STR_FMT ": %.*s",
              STR_ARG(name), (int)text.len, room);
}

static void run_case(struct cx *cx, struct json row)
{
    struct str expr = text_of(cx, row, "expr"), name = text_of(cx, row, "name");
    struct json expect, value;
    const struct rule *rule;
    struct trial t;

    open_trial(&t, cx, row);
    CHECK(json_get(row, "expect", &expect));
    if (rule_compile(cx, &cx->arena, &t.env, expr, NULL, &rule) != OK) {
        CHECK_SAY(!json_get(expect, "value", &value), STR_FMT ": " STR_FMT ": %s", STR_ARG(name),
                  STR_ARG(expr), cx->problem.detail);
        return;
    }
    check_type(rule, expect, name);
    if (flag_of(row, "check_only"))
        return;
    CHECK_SAY(as_expected(&t, rule_eval(cx, rule, t.values, NULL), expect), STR_FMT ": " STR_FMT,
              STR_ARG(name), STR_ARG(expr));
    CHECK_SAY(as_expected(&t, rule_explain(cx, rule, t.values, NULL).value, expect),
              "explained, " STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(expr));
}

TEST(rule_conformance, "the conformance cases give what they should, plain and explained")
{
    struct json root, rows;
    struct cx all, cx;
    size_t count = 0;

    cx_open(&all, env_system(), CX_BYTES_MAX);
    cx_open(&cx, env_system(), CX_BYTES_MAX);
    CHECK(json_parse(&all, read_file(&all), &root) == OK);
    CHECK(json_get(root, "tests", &rows));
    for (struct json_iter it = json_iter(rows); json_next(&it); count++) {
        cx_reset(&cx);
        run_case(&cx, it.value);
    }
    CHECK(count > 800);
    cx_close(&cx);
    cx_close(&all);
}
