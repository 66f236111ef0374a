/*
 * rule_fixture.c - the shop's contexts, as a test fills them.
 */
#include "kernel/rule/rule_fixture.h"

enum { CX_BYTES_MAX = 64 << 20, KEEP_BYTES_MAX = 64 << 20, SHOWN_BYTES_MAX = 4096 };

static const struct rule_type *const STRINGS[] = {&rule_string};
static const struct rule_type STRING_LIST = {
    .kind = RULE_T_LIST, .name = {"list", 4}, .params = STRINGS, .count = 1};
static const struct rule_field FIELDS[] = {{{"city", 4}, &rule_string},
                                           {{"level", 5}, &rule_int},
                                           {{"refunded", 8}, &rule_bool},
                                           {{"tags", 4}, &STRING_LIST}};
static const struct rule_type USER = {
    .kind = RULE_T_OBJECT, .name = {"user", 4}, .fields = FIELDS, .count = 4};
static const struct rule_variable VARIABLES[] = {
    {{"user", 4}, &USER}, {{"now", 3}, &rule_timestamp}, {{"any", 3}, &rule_dyn}};

static struct rule_value price(struct rule_run *run, const struct rule_value *args, void *data)
{
    struct rule_fixture *f = rule_host(run);

    (void)data;
    f->calls++;
    if (str_is(rule_text(args[0]), "none"))
        return rule_error_of(run, "there is no SKU none");
    return rule_of_int(1990);
}

static const struct rule_function FUNCTIONS[] = {{.name = {"price", 5},
                                                  .params = STRINGS,
                                                  .param_count = 1,
                                                  .result = &rule_int,
                                                  .cost = 1000,
                                                  .call = price}};

void rule_fixture_open(struct rule_fixture *f)
{
    static const struct rule_value tags[] = {{.kind = RULE_STRING, .len = 3, .ptr = "vip"},
                                             {.kind = RULE_STRING, .len = 3, .ptr = "new"}};

    *f = (struct rule_fixture){.env = {.variables = VARIABLES,
                                       .variable_count = 3,
                                       .functions = FUNCTIONS,
                                       .function_count = 1}};
    cx_open(&f->cx, env_system(), CX_BYTES_MAX);
    arena_init(&f->keep, KEEP_BYTES_MAX);
    f->user[0] = rule_of_text(STR("Beijing"));
    f->user[1] = rule_of_int(3);
    f->user[2] = rule_of_bool(false);
    f->user[3] = rule_of_list(tags, 2);
    f->user_object = (struct rule_object){&USER, f->user};
    f->values[0] = rule_of_object(&f->user_object);
    f->values[1] = rule_of_ms(INT64_C(1767225600000)); /* 2026-01-01T00:00:00Z */
    f->values[2] = rule_of_null();
}

void rule_fixture_close(struct rule_fixture *f)
{
    arena_free(&f->keep);
    cx_close(&f->cx);
}

struct str rule_fixture_eval(struct rule_fixture *f, const char *text)
{
    const struct rule *rule;
    struct rule_value v;
    struct rule_why why;
    struct str shown, again;

    fail_clear(&f->cx);
    if (rule_compile(&f->cx, &f->keep, &f->env, str_of(text), NULL, &rule) != OK)
        return cx_printf(&f->cx, "refused: %s", f->cx.problem.detail);
    v = rule_eval(&f->cx, rule, f->values, f);
    why = rule_explain(&f->cx, rule, f->values, f);
    shown = rule_value_text(&f->cx, v, SHOWN_BYTES_MAX);
    again = rule_value_text(&f->cx, why.value, SHOWN_BYTES_MAX);
    CHECK_SAY(str_eq(shown, again), "%s: plain " STR_FMT ", explained " STR_FMT, text,
              STR_ARG(shown), STR_ARG(again));
    return shown;
}

void rule_fixture_equal(struct rule_fixture *f, const char *text, const char *wanted)
{
    struct str got = rule_fixture_eval(f, text);

    CHECK_SAY(str_is(got, wanted), "%s: " STR_FMT ", wanted %s", text, STR_ARG(got), wanted);
}

void rule_fixture_begins(struct rule_fixture *f, const char *text, const char *wanted)
{
    struct str got = rule_fixture_eval(f, text);

    CHECK_SAY(str_starts(got, str_of(wanted)), "%s: " STR_FMT ", wanted %s...", text, STR_ARG(got),
              wanted);
}
