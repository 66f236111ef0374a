/*
 * rule.c - from text to rule, and running it.
 */
#include "kernel/rule/rule.h"

#include <stdio.h>
#include <string.h>

#include "kernel/rule/check.h"
#include "kernel/rule/code.h"

static enum err refuse(struct cx *cx, const char *code, const struct rule_fault *fault,
                       struct rule_fault *out)
{
    if (out)
        *out = *fault;
    return fail(cx, ERR_UNPROCESSABLE, code, "line %u, column %u: %.300s", fault->line,
                fault->column, fault->text);
}

enum err rule_compile_tree(struct cx *cx, const struct rule_env *env, struct rule_tree *tree,
                           struct rule_node *root, struct rule_fault *fault,
                           const struct rule **out)
{
    struct rule_fault found;
    struct rule *rule;

    if (!rule_check(tree->arena, env, tree, root, &found))
        return refuse(cx, tree->spoilt ? "rule_limit" : "rule_type", &found, fault);
    rule = arena_alloc(tree->arena, sizeof(*rule));
    *rule = (struct rule){.env = env,
                          .tree = *tree,
                          .root = root,
                          .cost_max = env->cost_max ? env->cost_max : RULE_COST_MAX};
    rule->code = rule_emit(cx, tree->arena, env, root, false);
    *out = rule;
    return OK;
}

static struct str kept(struct arena *arena, struct str text)
{
    char *ptr = arena_alloc(arena, text.len + 1);

    if (text.len)
        memcpy(ptr, text.ptr, text.len);
    return (struct str){ptr, text.len};
}

enum err rule_compile(struct cx *cx, struct arena *keep, const struct rule_env *env,
                      struct str text, struct rule_fault *fault, const struct rule **out)
{
    struct rule_tree tree;
    struct rule_node *root;
    struct rule_fault found;

    if (text.len > RULE_SOURCE_BYTES_MAX)
        text.len = RULE_SOURCE_BYTES_MAX + 1; /* Refused; not worth a copy. */
    rule_tree_open(&tree, keep, kept(keep, text));
    if (!rule_parse(&tree, !env->no_macros, &found, &root))
        return refuse(cx, tree.spoilt ? "rule_limit" : "rule_syntax", &found, fault);
    return rule_compile_tree(cx, env, &tree, root, fault, out);
}

/* ---- Running ---- */

static struct rule_value run_code(struct rule_run *run, const struct rule *rule,
                                  const struct rule_code *code)
{
    struct rule_value v;

    if (rule->tree.locals)
        run->locals = CX_ARRAY(run->cx, struct rule_value, rule->tree.locals);
    if (!rule_charge(run, code->cost))
        return rule_stop(run, code->at);
    v = code->run(run, code);
    return run->stopped ? rule_stop(run, code->at) : v;
}

struct rule_value rule_eval(struct cx *cx, const struct rule *rule, const struct rule_value *values,
                            void *host)
{
    struct rule_run run = {
        .cx = cx, .values = values, .host = host, .env = rule->env, .cost_left = rule->cost_max};

    return run_code(&run, rule, rule->code);
}

struct rule_value rule_eval_seen(struct cx *cx, const struct rule *rule,
                                 const struct rule_value *values, void *host,
                                 struct rule_value *seen)
{
    const struct rule_code *code = rule_emit(cx, &cx->arena, rule->env, rule->root, true);
    struct rule_run run = {.cx = cx,
                           .values = values,
                           .host = host,
                           .env = rule->env,
                           .cost_left = rule->cost_max,
                           .seen = seen};

    return run_code(&run, rule, code);
}

enum err rule_test(struct cx *cx, const struct rule *rule, const struct rule_value *values,
                   void *host, bool *out)
{
    struct rule_value v = rule_eval(cx, rule, values, host);
    struct rule_fault fault;

    if (v.kind == RULE_BOOL) {
        *out = v.truth;
        return OK;
    }
    if (v.kind != RULE_ERROR)
        return fail(cx, ERR_UNPROCESSABLE, "rule_failed", "a condition yields a bool, this is %s",
                    rule_type_of_value(v)->name.ptr);
    rule_fault_of(rule, v, &fault);
    return fail(cx, ERR_UNPROCESSABLE, "rule_failed", "line %u, column %u: %.300s", fault.line,
                fault.column, fault.text);
}

/* ---- What a rule is ---- */

const struct rule_type *rule_type_result(const struct rule *rule)
{
    return rule->root->type;
}

struct str rule_source(const struct rule *rule)
{
    return rule->tree.source;
}

void rule_fault_of(const struct rule *rule, struct rule_value error, struct rule_fault *out)
{
    assert(error.kind == RULE_ERROR);
    rule_place(rule->tree.source, error.error->at, out);
    snprintf(out->text, sizeof(out->text), STR_FMT, STR_ARG(error.error->text));
}
