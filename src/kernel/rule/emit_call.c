/*
 * emit_call.c - calls: which functions may be meant, and what can be done before it runs.
 */
#include "kernel/rule/emit.h"
#include "kernel/rule/regex.h"

enum { OVERLOADS_MAX = 16, FOLD_COST_MAX = 10000 };

struct found {
    struct str name;
    bool member;
    uint32_t args;
    struct rule_overload overloads[OVERLOADS_MAX];
    uint32_t count;
    bool of_host; /* Never folded: it may look at the world. */
};

static void find_rows(struct found *f)
{
    for (const struct rule_rows *const *rows = rule_builtins; *rows; rows++)
        for (size_t k = 0; k < (*rows)->count && f->count < OVERLOADS_MAX; k++) {
            const struct rule_row *row = &(*rows)->rows[k];
            struct rule_overload *to = &f->overloads[f->count];

            if (row->member != f->member || !str_is(f->name, row->name))
                continue;
            if (rule_signature_kinds(row->signature, to->kinds) != f->args)
                continue;
            to->call = row->call;
            f->count++;
        }
}

static void find_functions(struct found *f, const struct rule_env *env)
{
    for (uint32_t k = 0; k < env->function_count && f->count < OVERLOADS_MAX; k++) {
        const struct rule_function *function = &env->functions[k];
        struct rule_overload *to = &f->overloads[f->count];

        if (function->member != f->member || !str_eq(function->name, f->name) ||
            function->param_count != f->args || !function->call)
            continue;
        for (uint32_t j = 0; j < f->args; j++)
            to->kinds[j] = (uint8_t)rule_kind_of(function->params[j]);
        to->function = function;
        f->of_host = true;
        f->count++;
    }
}

struct rule_code *rule_emit_unknown(struct rule_emitter *e, const struct rule_node *node,
                                    struct str name)
{
    struct rule_code *code = rule_emit_new(e, node, rule_run_unknown_call);

    code->name = name;
    return code;
}

/* The pattern goes with the code's arena: at its end RE2 gets its memory back. */
static void use_pattern(struct rule_emitter *e, struct rule_code *code)
{
    struct rule_value pattern = code->args[1]->value;
    void *regex = rule_regex_new(pattern.ptr, pattern.len);

    if (!regex)
        return; /* An error when it runs, as any other pattern. */
    if (!arena_defer_try(e->arena, rule_regex_free, regex)) {
        rule_regex_free(regex);
        return;
    }
    code->run = rule_run_matches;
    code->a = code->args[0];
    code->pattern = regex;
}

static bool simple(struct rule_value v)
{
    return v.kind >= RULE_NULL && v.kind <= RULE_DURATION;
}

/* A function of constants is a constant, if it is no error. */
static void fold(struct rule_emitter *e, struct rule_code *code)
{
    struct rule_run run = {.cx = e->cx, .env = e->env, .cost_left = FOLD_COST_MAX};
    struct rule_value v;

    for (uint32_t k = 0; k < code->count; k++)
        if (!rule_emit_is_const(code->args[k]))
            return;
    v = code->run(&run, code);
    if (!simple(v))
        return;
    code->run = rule_run_const;
    code->value = rule_copy(e->arena, v);
}

struct rule_code *rule_emit_call(struct rule_emitter *e, const struct rule_node *node)
{
    struct found f = {.name = node->global ? node->full : node->name,
                      .member = !node->global,
                      .args = node->count + !node->global};
    struct rule_overload *overloads;
    struct rule_code *code;
    uint32_t count = 0;

    if (f.args > RULE_ARGS_MAX)
        return rule_emit_unknown(e, node, f.name);
    find_rows(&f);
    find_functions(&f, e->env);
    if (!f.count)
        return rule_emit_unknown(e, node, f.name);
    overloads = arena_alloc(e->arena, sizeof(*overloads) * f.count);
    for (uint32_t k = 0; k < f.count; k++)
        overloads[k] = f.overloads[k];
    code = rule_emit_new(e, node, rule_run_call);
    code->name = f.name;
    code->slot = f.count;
    code->overloads = overloads;
    code->args = arena_alloc(e->arena, sizeof(*code->args) * (f.args + 1));
    if (f.member)
        code->args[count++] = rule_emit_node(e, node->target);
    for (uint32_t k = 0; k < node->count; k++)
        code->args[count++] = rule_emit_node(e, node->args[k]);
    code->count = count;
    rule_emit_done(code);
    if (str_is(f.name, "matches") && count == 2 && rule_emit_is_const(code->args[1]) &&
        code->args[1]->value.kind == RULE_STRING)
        use_pattern(e, code);
    else if (!f.of_host)
        fold(e, code);
    return code;
}
