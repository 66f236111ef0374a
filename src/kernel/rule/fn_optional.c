/*
 * fn_optional.c - values that may be absent.
 */
#include "kernel/rule/code.h"

static struct rule_value some(struct rule_run *run, struct rule_value v)
{
    struct rule_value *copy = rule_alloc(run, sizeof(*copy));

    if (!copy)
        return rule_call_stop(run);
    *copy = v;
    return rule_of_optional(copy);
}

static struct rule_value fn_of(struct rule_run *run, const struct rule_value *args)
{
    return some(run, args[0]);
}

static struct rule_value fn_of_non_zero(struct rule_run *run, const struct rule_value *args)
{
    return rule_zero(args[0]) ? rule_of_optional(NULL) : some(run, args[0]);
}

static struct rule_value fn_none(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    (void)args;
    return rule_of_optional(NULL);
}

static struct rule_value fn_has_value(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_bool(args[0].items != NULL);
}

static struct rule_value fn_value(struct rule_run *run, const struct rule_value *args)
{
    return args[0].items ? *args[0].items
                         : rule_call_bad(run, "optional.none() dereference: ask hasValue() first, "
                                              "or use orValue()");
}

static struct rule_value fn_or(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return args[0].items ? args[0] : args[1];
}

static struct rule_value fn_or_value(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return args[0].items ? *args[0].items : args[1];
}

/* The values of a list of optionals. */
static struct rule_value fn_unwrap(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value *items = rule_alloc(run, sizeof(*items) * ((size_t)args[0].len + 1));
    uint32_t count = 0;

    if (!items)
        return rule_call_stop(run);
    for (uint32_t k = 0; k < args[0].len; k++) {
        struct rule_value v = args[0].items[k];

        if (v.kind != RULE_OPTIONAL)
            return rule_no_overload(run, run->at, STR("optional.unwrap"), &v, 1);
        if (v.items)
            items[count++] = *v.items;
    }
    return rule_of_list(items, count);
}

static const struct rule_row ROWS[] = {
    {"optional.of", false, "A:OA", fn_of},
    {"optional.ofNonZeroValue", false, "A:OA", fn_of_non_zero},
    {"optional.none", false, ":OA", fn_none},
    {"optional.unwrap", false, "LOA:LA", fn_unwrap},
    {"unwrapOpt", true, "LOA:LA", fn_unwrap},
    {"hasValue", true, "OA:b", fn_has_value},
    {"value", true, "OA:A", fn_value},
    {"or", true, "OAOA:OA", fn_or},
    {"orValue", true, "OAA:A", fn_or_value},
};

const struct rule_rows rule_optional_rows = RULE_ROWS(ROWS);
