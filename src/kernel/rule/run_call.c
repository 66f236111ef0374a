/*
 * run_call.c - calls of functions.
 */
#include <stdarg.h>
#include <stdio.h>

#include "kernel/rule/code.h"
#include "kernel/rule/regex.h"

static bool fits(const struct rule_overload *overload, const struct rule_value *args,
                 uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        if (overload->kinds[k] != args[k].kind && overload->kinds[k] != RULE_KINDS)
            return false;
    return true;
}

/* slot: how many overloads; count: how many arguments. */
struct rule_value rule_run_call(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value args[RULE_ARGS_MAX];
    const struct rule_overload *at = code->overloads, *end = at + code->slot;

    for (uint32_t k = 0; k < code->count; k++) {
        args[k] = code->args[k]->run(run, code->args[k]);
        if (args[k].kind == RULE_ERROR)
            return args[k];
    }
    while (at < end && !fits(at, args, code->count))
        at++;
    if (at == end)
        return rule_no_overload(run, code->at, code->name, args, code->count);
    run->at = code->at;
    if (!at->function)
        return at->call(run, args);
    if (!rule_charge(run, at->function->cost))
        return rule_stop(run, code->at);
    return at->function->call(run, args, at->function->data);
}

/* Unchecked: nothing has this name.  The arguments' errors come first, as for any call. */
struct rule_value rule_run_unknown_call(struct rule_run *run, const struct rule_code *code)
{
    return rule_bad(run, code->at, "unbound function: " STR_FMT "()", STR_ARG(code->name));
}

/* A constant pattern, compiled with the rule. */
struct rule_value rule_run_matches(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v = code->a->run(run, code->a);

    if (v.kind == RULE_ERROR)
        return v;
    if (v.kind != RULE_STRING)
        return rule_no_overload(run, code->at, STR("matches"), &v, 1);
    if (!rule_charge(run, v.len / RULE_COST_BYTES))
        return rule_stop(run, code->at);
    return rule_of_bool(rule_regex_test(code->pattern, v.ptr, v.len));
}

/* ---- The face of host functions ---- */

struct cx *rule_cx(struct rule_run *run)
{
    return run->cx;
}

void *rule_host(struct rule_run *run)
{
    return run->host;
}

bool rule_pay(struct rule_run *run, uint64_t units)
{
    if (rule_charge(run, units))
        return true;
    (void)rule_stop(run, run->at);
    return false;
}

struct rule_value rule_error_of(struct rule_run *run, const char *fmt, ...)
{
    char text[PROBLEM_DETAIL_LEN_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return rule_bad(run, run->at, "%s", text);
}
