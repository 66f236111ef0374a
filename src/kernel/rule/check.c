/*
 * check.c - what every part of an expression is: names, fields, literals.
 */
#include "kernel/rule/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct rule_type *rule_check_bad(struct rule_check *c, uint32_t at, const char *fmt, ...)
{
    va_list args;

    if (c->failed || c->env->unchecked)
        return &rule_dyn;
    c->failed = true;
    rule_place(c->tree->source, at, c->fault);
    va_start(args, fmt);
    vsnprintf(c->fault->text, sizeof(c->fault->text), fmt, args);
    va_end(args);
    return &rule_dyn;
}

/* ---- Names ---- */

const struct rule_local *rule_find_local(const struct rule_check *c, struct str name)
{
    const struct rule_local *local = c->locals;

    while (local && !str_eq(local->name, name))
        local = local->outer;
    return local;
}

static struct str joined(struct rule_check *c, struct str a, struct str b)
{
    char *ptr = arena_alloc(c->arena, a.len + 1 + b.len);

    memcpy(ptr, a.ptr, a.len);
    ptr[a.len] = '.';
    memcpy(ptr + a.len + 1, b.ptr, b.len);
    return (struct str){ptr, a.len + 1 + b.len};
}

bool rule_in_container(struct rule_check *c, struct str name,
                       bool (*try)(struct rule_check *c, struct str full, struct rule_node *node),
                       struct rule_node *node)
{
    struct str container = c->env->container;

    while (container.len) {
        if (try(c, joined(c, container, name), node))
            return true;
        while (--container.len && container.ptr[container.len] != '.')
            ;
    }
    return try(c, name, node);
}

bool rule_qualified(struct rule_check *c, const struct rule_node *node, struct str *out)
{
    if (node->kind == RULE_NODE_IDENT) {
        *out = node->name;
        return node->root || !rule_find_local(c, node->name);
    }
    if (node->kind != RULE_NODE_SELECT || node->test || node->optional || node->quoted)
        return false;
    if (!rule_qualified(c, node->target, out))
        return false;
    *out = joined(c, *out, node->name);
    return true;
}

static bool try_name(struct rule_check *c, struct str full, struct rule_node *node)
{
    for (uint32_t k = 0; k < c->env->variable_count; k++) {
        if (!str_eq(c->env->variables[k].name, full))
            continue;
        node->ref = RULE_REF_VARIABLE;
        node->slot = k;
        node->type = c->env->variables[k].type;
        return true;
    }
    node->meaning = rule_type_named(full);
    if (!node->meaning)
        return false;
    node->ref = RULE_REF_TYPE;
    node->type = rule_type_of(c->arena, node->meaning);
    return true;
}

static bool is_root(const struct rule_node *node)
{
    while (node->kind == RULE_NODE_SELECT)
        node = node->target;
    return node->root;
}

/* The longest qualified name that is declared wins; the caller goes from long to short. */
static bool resolve(struct rule_check *c, struct rule_node *node)
{
    struct str name;

    if (!rule_qualified(c, node, &name))
        return false;
    return is_root(node) ? try_name(c, name, node) : rule_in_container(c, name, try_name, node);
}

static const struct rule_type *check_ident(struct rule_check *c, struct rule_node *node)
{
    const struct rule_local *local = node->root ? NULL : rule_find_local(c, node->name);
    struct str guess;

    if (local) {
        node->ref = RULE_REF_LOCAL;
        node->slot = local->slot;
        return local->type;
    }
    if (resolve(c, node))
        return node->type;
    node->ref = RULE_REF_MISSING;
    guess = rule_guess_variable(c, node->name);
    return rule_check_bad(c, node->begin, "'" STR_FMT "' is not declared" STR_FMT,
                          STR_ARG(node->name), STR_ARG(guess));
}

/* ---- Fields ---- */

static const struct rule_type *field_of_object(struct rule_check *c, struct rule_node *node,
                                               const struct rule_type *type)
{
    int number = rule_field_number(type, node->name);
    struct str guess;

    if (number >= 0) {
        node->slot = (uint32_t)number;
        node->meaning = type;
        return type->fields[number].type;
    }
    guess = rule_guess_field(c, type, node->name);
    return rule_check_bad(c, node->at, STR_FMT " has no field '" STR_FMT "'" STR_FMT,
                          STR_ARG(type->name), STR_ARG(node->name), STR_ARG(guess));
}

static const struct rule_type *field_of(struct rule_check *c, struct rule_node *node,
                                        const struct rule_type *type)
{
    type = rule_substitute(c, type, false);
    switch (type->kind) {
    case RULE_T_DYN:
        return &rule_dyn;
    case RULE_T_PARAM:
        (void)rule_assignable(c, type, &rule_dyn);
        return &rule_dyn;
    case RULE_T_MAP:
        return type->params[1];
    case RULE_T_OBJECT:
        return field_of_object(c, node, type);
    default:
        return rule_check_bad(c, node->at, "a value of type " STR_FMT " has no fields",
                              STR_ARG(rule_shown(c, type)));
    }
}

static const struct rule_type *check_select(struct rule_check *c, struct rule_node *node)
{
    const struct rule_type *type, *field;
    bool optional;

    if (!node->test && resolve(c, node))
        return node->type;
    type = rule_substitute(c, rule_check_node(c, node->target), false);
    optional = rule_type_is_optional(type);
    field = field_of(c, node, optional ? type->params[0] : type);
    if (node->test)
        return &rule_bool;
    return optional || node->optional ? rule_optional_of(c->arena, field) : field;
}

/* ---- Literals ---- */

static const struct rule_type *type_of_const(struct rule_check *c, struct rule_value v)
{
    const struct rule_type *item = NULL;

    if (v.kind != RULE_LIST)
        return rule_type_of_value(v);
    for (uint32_t k = 0; k < v.len; k++)
        item = rule_join(c, item, type_of_const(c, v.items[k]));
    return rule_list_of(c->arena, item ? item : rule_fresh(c));
}

/* An item behind a ? is an optional of what it adds. */
static const struct rule_type *item_type(struct rule_check *c, struct rule_node *item,
                                         bool optional)
{
    const struct rule_type *type = rule_check_node(c, item), *of;

    if (!optional)
        return type;
    of = rule_fresh(c);
    if (!rule_assignable(c, rule_optional_of(c->arena, of), type))
        return rule_check_bad(c, item->begin, "an optional is wanted behind ?, this is " STR_FMT,
                              STR_ARG(rule_shown(c, type)));
    return rule_substitute(c, of, false);
}

static bool is_optional(const struct rule_node *node, uint32_t k)
{
    return node->optionals && node->optionals[k];
}

static const struct rule_type *check_list(struct rule_check *c, struct rule_node *node)
{
    const struct rule_type *type = NULL;

    for (uint32_t k = 0; k < node->count; k++)
        type = rule_join(c, type, item_type(c, node->args[k], is_optional(node, k)));
    return rule_list_of(c->arena, type ? type : rule_fresh(c));
}

static const struct rule_type *check_map(struct rule_check *c, struct rule_node *node)
{
    const struct rule_type *key = NULL, *value = NULL;

    for (uint32_t k = 0; k + 1 < node->count; k += 2) {
        key = rule_join(c, key, rule_check_node(c, node->args[k]));
        value = rule_join(c, value, item_type(c, node->args[k + 1], is_optional(node, k)));
    }
    return rule_map_of(c->arena, key ? key : rule_fresh(c), value ? value : rule_fresh(c));
}

/* ---- The whole ---- */

static const struct rule_type *check_kind(struct rule_check *c, struct rule_node *node)
{
    switch (node->kind) {
    case RULE_NODE_CONST:
        return type_of_const(c, node->value);
    case RULE_NODE_IDENT:
        return check_ident(c, node);
    case RULE_NODE_SELECT:
        return check_select(c, node);
    case RULE_NODE_CALL:
        return rule_check_call(c, node);
    case RULE_NODE_OP:
        return rule_check_op(c, node);
    case RULE_NODE_LIST:
        return check_list(c, node);
    case RULE_NODE_MAP:
        return check_map(c, node);
    case RULE_NODE_LOOP:
        return rule_check_loop(c, node);
    case RULE_NODE_BIND:
        return rule_check_bind(c, node);
    case RULE_NODE_BLOCK:
        return rule_check_block(c, node);
    case RULE_NODE_OPT_MAP:
        return rule_check_opt_map(c, node);
    default:
        return rule_check_bad(c, node->begin,
                              "there are no messages here: write a map, "
                              "{'name': value}");
    }
}

const struct rule_type *rule_check_node(struct rule_check *c, struct rule_node *node)
{
    node->type = check_kind(c, node);
    return node->type;
}

static bool over_limit(struct rule_check *c)
{
    if (!c->tree->spoilt)
        return false;
    rule_place(c->tree->source, c->tree->spoilt_at, c->fault);
    snprintf(c->fault->text, sizeof(c->fault->text), "%s", c->tree->spoilt);
    return true;
}

bool rule_check(struct arena *arena, const struct rule_env *env, struct rule_tree *tree,
                struct rule_node *root, struct rule_fault *fault)
{
    struct rule_check c = {.arena = arena, .env = env, .tree = tree, .fault = fault};

    if (over_limit(&c))
        return false;
    root->type = rule_substitute(&c, rule_check_node(&c, root), true);
    return !over_limit(&c) && !c.failed;
}
