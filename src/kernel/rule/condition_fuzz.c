/*
 * condition_fuzz.c - a JSON list of a condition, attributes and groups, whatever they are: a
 * condition is refused with a reason, or true or false, and what is taken strictly means the same
 * to clients.
 */
#include "kernel/rule/condition.h"
#include "kernel/rule/json_value.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 64 << 20 };

static bool result(struct cx *cx, const struct json *parts, enum condition_mode mode, bool *out)
{
    const struct rule *rule;

    if (condition_compile(cx, &cx->arena, parts[0], &parts[2], mode, &rule) != OK) {
        must(cx->problem.code && cx->problem.detail[0], "a refusal has a reason");
        fail_clear(cx);
        return false;
    }
    *out = condition_test(cx, rule, rule_of_json(cx, parts[1]));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json json, parts[3];
    bool strict, as_sdk;
    size_t count = 0;
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    if (json_parse(&cx, (struct str){(const char *)data, size}, &json) == OK &&
        json_type(json) == JSON_LIST) {
        for (struct json_iter it = json_iter(json); count < 3 && json_next(&it);)
            parts[count++] = it.value;
        if (count == 3 && json_type(parts[2]) == JSON_OBJECT &&
            result(&cx, parts, CONDITION_STRICT, &strict)) {
            must(result(&cx, parts, CONDITION_AS_SDK, &as_sdk), "clients take what is strict");
            must(strict == as_sdk, "and it means the same to them");
        }
    }
    cx_close(&cx);
    return 0;
}
