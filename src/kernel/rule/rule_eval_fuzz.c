/*
 * rule_eval_fuzz.c - arbitrary expressions over a declared context: the checker's types hold while
 * it runs, explained and plain agree, and every evaluation ends within its limit.
 */
#include "kernel/rule/code.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 256 << 20, COST_MAX = 20000, SHOWN_BYTES_MAX = 2000 };

static const struct rule_type *const STRINGS[] = {&rule_string};
static const struct rule_type STRING_LIST = {
    .kind = RULE_T_LIST, .name = {"list", 4}, .params = STRINGS, .count = 1};
static const struct rule_field FIELDS[] = {
    {{"city", 4}, &rule_string}, {{"level", 5}, &rule_int}, {{"tags", 4}, &STRING_LIST}};
static const struct rule_type USER = {
    .kind = RULE_T_OBJECT, .name = {"user", 4}, .fields = FIELDS, .count = 3};
static const struct rule_variable VARIABLES[] = {
    {{"user", 4}, &USER}, {{"now", 3}, &rule_timestamp}, {{"x", 1}, &rule_int}};

/* Is the type known to the last part?  A null passes for several types. */
static bool known(const struct rule_type *type)
{
    if (type->kind == RULE_T_DYN || type->kind == RULE_T_PARAM || type->kind == RULE_T_NULL)
        return false;
    for (uint32_t k = 0; type->kind != RULE_T_OBJECT && k < type->count; k++)
        if (!known(type->params[k]))
            return false;
    return true;
}

/* Where every part has a known type nothing is left to be found out while it runs. */
static bool all_known(const struct rule_node *node)
{
    if (!known(node->type) || (node->kind == RULE_NODE_CALL && str_is(node->name, "sort")) ||
        (node->kind == RULE_NODE_LOOP && node->loop == RULE_LOOP_SORT_BY))
        return false;
    if (node->kind == RULE_NODE_SELECT && node->ref == RULE_REF_VARIABLE)
        return true;
    if (node->target && !node->global && !all_known(node->target))
        return false;
    for (uint32_t k = 0; k < node->count; k++)
        if (!all_known(node->args[k]))
            return false;
    return true;
}

static bool fits(const struct rule_type *type, struct rule_value v)
{
    const struct rule_type *of = rule_type_of_value(v);

    return type->kind == RULE_T_DYN || v.kind == RULE_ERROR || of->kind == type->kind ||
           (v.kind == RULE_NULL && type->kind >= RULE_T_TIMESTAMP);
}

static void check(struct cx *cx, const struct rule *rule, const struct rule_value *values)
{
    struct rule_value v = rule_eval(cx, rule, values, NULL);
    struct rule_why why = rule_explain(cx, rule, values, NULL);
    struct str text = rule_value_text(cx, v, SHOWN_BYTES_MAX);

    must(v.kind != RULE_UNSET, "an evaluation yields a value or an error");
    must(str_eq(text, rule_value_text(cx, why.value, SHOWN_BYTES_MAX)), "explained is plain");
    must(fits(rule_type_result(rule), v), "the result is of the type that the checker found");
    if (v.kind == RULE_ERROR && all_known(rule->root))
        must(!str_starts(v.error->text, STR("no such overload")),
             "what the checker let pass has a function for its types");
    (void)rule_why_text(cx, rule, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rule_value tags[] = {rule_of_text(STR("vip")), rule_of_text(STR("new"))};
    const struct rule_value fields[] = {rule_of_text(STR("Beijing")), rule_of_int(3),
                                        rule_of_list(tags, 2)};
    const struct rule_object user = {&USER, fields};
    const struct rule_value values[] = {rule_of_object(&user), rule_of_ms(0), rule_of_int(7)};
    struct rule_env env = {.variables = VARIABLES, .variable_count = 3, .cost_max = COST_MAX};
    const struct rule *rule;
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    if (rule_compile(&cx, &cx.arena, &env, (struct str){(const char *)data, size}, NULL, &rule) ==
        OK)
        check(&cx, rule, values);
    env.unchecked = true;
    if (rule_compile(&cx, &cx.arena, &env, (struct str){(const char *)data, size}, NULL, &rule) ==
        OK)
        must(rule_eval(&cx, rule, values, NULL).kind != RULE_UNSET, "unchecked ones, too");
    cx_close(&cx);
    return 0;
}
