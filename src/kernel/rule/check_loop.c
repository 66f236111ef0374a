/*
 * check_loop.c - what brings variables: loops, cel.bind, cel.block, optMap.
 */
#include <stdio.h>

#include "kernel/rule/check.h"

enum { NAME_MAX_BYTES = 16 };

static void push(struct rule_check *c, struct rule_local *local, struct str name,
                 const struct rule_type *type)
{
    *local = (struct rule_local){name, type, c->tree->locals++, c->locals};
    c->locals = local;
    if (c->tree->locals > RULE_LOCALS_MAX)
        rule_tree_spoil(c->tree, "the macros of this expression have more than 256 variables", 0);
}

/* What the first and the second variable of a loop over `type` hold. */
static bool range_types(struct rule_check *c, const struct rule_node *node,
                        const struct rule_type *type, const struct rule_type *out[2])
{
    bool two = node->name2.len > 0;

    out[0] = &rule_dyn;
    out[1] = &rule_dyn;
    switch (type->kind) {
    case RULE_T_LIST:
        out[0] = two ? &rule_int : type->params[0];
        out[1] = type->params[0];
        return true;
    case RULE_T_MAP:
        out[0] = type->params[0];
        out[1] = type->params[1];
        return true;
    case RULE_T_PARAM:
        return rule_assignable(c, type, &rule_dyn);
    default:
        return type->kind == RULE_T_DYN;
    }
}

static void want_bool(struct rule_check *c, const struct rule_node *node)
{
    if (!rule_assignable(c, &rule_bool, node->type))
        (void)rule_check_bad(c, node->begin, "a condition is a bool, this is " STR_FMT,
                             STR_ARG(rule_shown(c, node->type)));
}

static const struct rule_type *entry_type(struct rule_check *c, const struct rule_node *body)
{
    const struct rule_type *map = rule_map_of(c->arena, rule_fresh(c), rule_fresh(c));

    if (!rule_assignable(c, map, body->type))
        return rule_check_bad(c, body->begin, "transformMapEntry wants a map, this is " STR_FMT,
                              STR_ARG(rule_shown(c, body->type)));
    return rule_substitute(c, map, false);
}

static const struct rule_type *loop_type(struct rule_check *c, const struct rule_node *node,
                                         const struct rule_type *const vars[2])
{
    const struct rule_node *body = node->args[node->count - 1];

    switch (node->loop) {
    case RULE_LOOP_ALL:
    case RULE_LOOP_EXISTS:
    case RULE_LOOP_EXISTS_ONE:
        want_bool(c, body);
        return &rule_bool;
    case RULE_LOOP_FILTER:
        want_bool(c, body);
        return rule_list_of(c->arena, vars[0]);
    case RULE_LOOP_SORT_BY:
        return rule_list_of(c->arena, vars[0]);
    case RULE_LOOP_TO_MAP:
        return rule_map_of(c->arena, vars[0], body->type);
    case RULE_LOOP_TO_ENTRY:
        return entry_type(c, body);
    default:
        return rule_list_of(c->arena, body->type);
    }
}

const struct rule_type *rule_check_loop(struct rule_check *c, struct rule_node *node)
{
    const struct rule_type *range = rule_substitute(c, rule_check_node(c, node->target), false);
    const struct rule_local *outer = c->locals;
    const struct rule_type *vars[2];
    struct rule_local locals[2];

    if (!range_types(c, node, range, vars))
        (void)rule_check_bad(c, node->target->begin,
                             "a loop goes over a list or a map, this is " STR_FMT,
                             STR_ARG(rule_shown(c, range)));
    node->slot = c->tree->locals;
    push(c, &locals[0], node->name, vars[0]);
    node->slot2 = c->tree->locals;
    if (node->name2.len)
        push(c, &locals[1], node->name2, vars[1]);
    for (uint32_t k = 0; k < node->count; k++)
        (void)rule_check_node(c, node->args[k]);
    if (node->count == 2)
        want_bool(c, node->args[0]);
    c->locals = outer;
    return loop_type(c, node, vars);
}

const struct rule_type *rule_check_bind(struct rule_check *c, struct rule_node *node)
{
    const struct rule_type *type = rule_check_node(c, node->target);
    const struct rule_local *outer = c->locals;
    struct rule_local local;

    node->slot = c->tree->locals;
    push(c, &local, node->name, type);
    type = rule_check_node(c, node->args[0]);
    c->locals = outer;
    return type;
}

const struct rule_type *rule_check_block(struct rule_check *c, struct rule_node *node)
{
    const struct rule_local *outer = c->locals;
    const struct rule_type *type;

    node->slots = arena_alloc(c->arena, sizeof(*node->slots) * (node->count + 1));
    for (uint32_t k = 0; k < node->count; k++) {
        struct rule_local *local = arena_alloc(c->arena, sizeof(*local));
        char *name = arena_alloc(c->arena, NAME_MAX_BYTES);

        type = rule_check_node(c, node->args[k]);
        push(c, local, (struct str){name, (size_t)snprintf(name, NAME_MAX_BYTES, "@index%u", k)},
             type);
        node->slots[k] = local->slot;
    }
    type = rule_check_node(c, node->target);
    c->locals = outer;
    return type;
}

const struct rule_type *rule_check_opt_map(struct rule_check *c, struct rule_node *node)
{
    const struct rule_type *of = rule_fresh(c), *type = rule_check_node(c, node->target), *any;
    const struct rule_local *outer = c->locals;
    struct rule_local local;

    if (!rule_assignable(c, rule_optional_of(c->arena, of), type))
        (void)rule_check_bad(c, node->at, "optMap wants an optional, this is " STR_FMT,
                             STR_ARG(rule_shown(c, type)));
    node->slot = c->tree->locals;
    push(c, &local, node->name, rule_substitute(c, of, false));
    type = rule_check_node(c, node->args[0]);
    c->locals = outer;
    if (!node->flat)
        return rule_optional_of(c->arena, type);
    any = rule_optional_of(c->arena, rule_fresh(c));
    if (!rule_assignable(c, any, type))
        return rule_check_bad(c, node->args[0]->begin,
                              "optFlatMap wants an optional, this is " STR_FMT,
                              STR_ARG(rule_shown(c, type)));
    return rule_substitute(c, any, false);
}
