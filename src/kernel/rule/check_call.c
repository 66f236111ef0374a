/*
 * check_call.c - which signatures a call may mean.
 */
#include <string.h>

#include "kernel/rule/check.h"

/* A signature as types: of a row or of a function of the host. */
struct signature {
    const struct rule_type *params[RULE_ARGS_MAX], *result;
    uint32_t count;
};

struct attempt {
    struct rule_check *c;
    struct str name;
    bool member;
    const struct rule_type *args[RULE_ARGS_MAX];
    uint32_t count;
    const struct rule_type *result; /* NULL: nothing fits yet. */
    bool named;                     /* Something has this name. */
};

static void read_row(struct rule_check *c, const struct rule_row *row, struct signature *out)
{
    const struct rule_type *vars[2] = {rule_fresh(c), rule_fresh(c)};
    const char *at = row->signature;

    out->count = 0;
    while (*at != ':')
        out->params[out->count++] = rule_signature_type(c->arena, &at, vars);
    at++;
    out->result = rule_signature_type(c->arena, &at, vars);
}

/* Fresh parameters for those of a declared signature. */
struct renames {
    struct str names[RULE_ARGS_MAX];
    const struct rule_type *types[RULE_ARGS_MAX];
    uint32_t count;
};

static const struct rule_type *rename_param(struct rule_check *c, const struct rule_type *type,
                                            struct renames *to)
{
    for (uint32_t k = 0; k < to->count; k++)
        if (str_eq(to->names[k], type->name))
            return to->types[k];
    if (to->count == RULE_ARGS_MAX)
        return &rule_dyn;
    to->names[to->count] = type->name;
    to->types[to->count] = rule_fresh(c);
    return to->types[to->count++];
}

static const struct rule_type *renamed(struct rule_check *c, const struct rule_type *type,
                                       struct renames *to)
{
    struct rule_type *copy;
    const struct rule_type **params;

    if (type->kind == RULE_T_PARAM)
        return rename_param(c, type, to);
    if (type->kind == RULE_T_OBJECT || !type->count)
        return type;
    copy = arena_alloc(c->arena, sizeof(*copy));
    params = arena_alloc(c->arena, sizeof(*params) * type->count);
    for (uint32_t k = 0; k < type->count; k++)
        params[k] = renamed(c, type->params[k], to);
    *copy = *type;
    copy->params = params;
    return copy;
}

static void read_function(struct rule_check *c, const struct rule_function *function,
                          struct signature *out)
{
    struct renames to = {.count = 0};

    out->count = function->param_count;
    for (uint32_t k = 0; k < out->count; k++)
        out->params[k] = renamed(c, function->params[k], &to);
    out->result = renamed(c, function->result, &to);
}

/* Several signatures that fit, when an argument is dyn, give dyn unless they agree. */
static void try_signature(struct attempt *a, const struct signature *signature)
{
    uint32_t trail = rule_trail(a->c);
    const struct rule_type *result;

    for (uint32_t k = 0; k < a->count; k++)
        if (!rule_assignable(a->c, signature->params[k], a->args[k])) {
            rule_undo(a->c, trail);
            return;
        }
    result = rule_substitute(a->c, signature->result, false);
    if (!a->result)
        a->result = result;
    else if (!rule_type_same(a->result, result))
        a->result = &rule_dyn;
}

static void try_rows(struct attempt *a, const struct rule_rows *rows)
{
    struct signature signature = {.count = 0};

    for (size_t k = 0; k < rows->count; k++) {
        const struct rule_row *row = &rows->rows[k];

        if (row->member != a->member || !str_is(a->name, row->name))
            continue;
        a->named = true;
        if (rule_signature_count(row->signature) != a->count)
            continue;
        read_row(a->c, row, &signature);
        try_signature(a, &signature);
    }
}

static void try_functions(struct attempt *a)
{
    struct signature signature = {.count = 0};

    for (uint32_t k = 0; k < a->c->env->function_count; k++) {
        const struct rule_function *function = &a->c->env->functions[k];

        if (function->member != a->member || !str_eq(function->name, a->name))
            continue;
        a->named = true;
        if (function->param_count != a->count)
            continue;
        read_function(a->c, function, &signature);
        try_signature(a, &signature);
    }
}

static struct str shown_args(const struct attempt *a)
{
    struct text text = {arena_alloc(a->c->arena, RULE_TYPE_TEXT_MAX), 0, RULE_TYPE_TEXT_MAX, false};

    for (uint32_t k = 0; k < a->count; k++) {
        if (k)
            text_add(&text, STR(", "));
        text_add(&text, rule_shown(a->c, a->args[k]));
    }
    return (struct str){text.ptr, text.len};
}

/* ---- Operators ---- */

static const struct rule_type *bad_op(struct attempt *a, const struct rule_node *node)
{
    const char *sign = rule_op_text(node->op);
    bool compares = rule_op_level(node->op) == rule_op_level(RULE_OP_EQ);

    if (node->op == RULE_OP_INDEX || node->op == RULE_OP_OPT_INDEX)
        return rule_check_bad(a->c, node->at, "[ ] does not fit " STR_FMT, STR_ARG(shown_args(a)));
    return rule_check_bad(a->c, node->at, "%s does not fit " STR_FMT "%s", sign,
                          STR_ARG(shown_args(a)),
                          compares ? ": compare values of one type, or convert one of them, e.g. "
                                     "with int() or double()"
                                   : ": convert one of them, e.g. with int(), double() or "
                                     "string()");
}

static const struct rule_type *check_logic(struct rule_check *c, struct rule_node *node)
{
    for (uint32_t k = 0; k < node->count; k++) {
        const struct rule_type *type = rule_check_node(c, node->args[k]);

        if (!rule_assignable(c, &rule_bool, type))
            (void)rule_check_bad(c, node->args[k]->begin,
                                 "a side of %s is a bool, this is " STR_FMT, rule_op_text(node->op),
                                 STR_ARG(rule_shown(c, type)));
    }
    return &rule_bool;
}

const struct rule_type *rule_check_op(struct rule_check *c, struct rule_node *node)
{
    struct attempt a = {.c = c, .name = str_of(rule_op_name(node->op)), .count = node->count};

    if (node->op == RULE_OP_AND || node->op == RULE_OP_OR)
        return check_logic(c, node);
    for (uint32_t k = 0; k < node->count; k++)
        a.args[k] = rule_check_node(c, node->args[k]);
    try_rows(&a, &rule_op_rows);
    return a.result ? a.result : bad_op(&a, node);
}

/* ---- Calls ---- */

static bool is_function(struct rule_check *c, struct str full, struct rule_node *node)
{
    node->full = full;
    for (uint32_t k = 0; k < c->env->function_count; k++)
        if (!c->env->functions[k].member && str_eq(c->env->functions[k].name, full))
            return true;
    for (const struct rule_rows *const *rows = rule_builtins; *rows; rows++)
        for (size_t k = 0; k < (*rows)->count; k++)
            if (!(*rows)->rows[k].member && str_is(full, (*rows)->rows[k].name))
                return true;
    return false;
}

/* math.sqrt(x) is a function of a namespace unless math is a variable of a macro. */
static bool is_namespaced(struct rule_check *c, struct rule_node *node)
{
    struct str prefix, name;
    char *ptr;

    if (!node->target || !rule_qualified(c, node->target, &prefix))
        return false;
    ptr = arena_alloc(c->arena, prefix.len + 1 + node->name.len);
    memcpy(ptr, prefix.ptr, prefix.len);
    ptr[prefix.len] = '.';
    memcpy(ptr + prefix.len + 1, node->name.ptr, node->name.len);
    name = (struct str){ptr, prefix.len + 1 + node->name.len};
    return rule_in_container(c, name, is_function, node);
}

static const struct rule_type *bad_call(struct attempt *a, struct rule_node *node)
{
    struct str guess;

    if (a->named)
        return rule_check_bad(a->c, node->at, STR_FMT "() does not take (" STR_FMT ")",
                              STR_ARG(a->name), STR_ARG(shown_args(a)));
    guess = rule_guess_function(a->c, a->name, a->member);
    return rule_check_bad(a->c, node->at, "there is no function " STR_FMT "()" STR_FMT,
                          STR_ARG(a->name), STR_ARG(guess));
}

static bool is_number(const struct rule_type *type)
{
    return type->kind == RULE_T_INT || type->kind == RULE_T_UINT || type->kind == RULE_T_DOUBLE ||
           type->kind == RULE_T_DYN || type->kind == RULE_T_PARAM;
}

static const struct rule_type *numbers_only(struct attempt *a, const struct rule_node *node)
{
    if (str_is(a->name, "math.greatest") || str_is(a->name, "math.least"))
        if (!is_number(a->result))
            return rule_check_bad(a->c, node->at, STR_FMT "() takes numbers, this is " STR_FMT,
                                  STR_ARG(a->name), STR_ARG(rule_shown(a->c, a->result)));
    return a->result;
}

const struct rule_type *rule_check_call(struct rule_check *c, struct rule_node *node)
{
    struct attempt a = {.c = c};

    node->global = !node->method || is_namespaced(c, node);
    if (!node->method)
        (void)rule_in_container(c, node->name, is_function, node);
    a.name = node->global ? node->full : node->name;
    a.member = !node->global;
    if (node->count + a.member > RULE_ARGS_MAX)
        return rule_check_bad(c, node->at, "no function takes more than %d arguments",
                              RULE_ARGS_MAX);
    if (a.member)
        a.args[a.count++] = rule_check_node(c, node->target);
    for (uint32_t k = 0; k < node->count; k++)
        a.args[a.count++] = rule_check_node(c, node->args[k]);
    for (const struct rule_rows *const *rows = rule_builtins; *rows; rows++)
        try_rows(&a, *rows);
    try_functions(&a);
    return a.result ? numbers_only(&a, node) : bad_call(&a, node);
}
