/*
 * macro.c - calls that are not calls: has, the loops, cel.bind, cel.block, optMap, math.greatest.
 *
 * A macro becomes a node of its own kind instead of the specification's general fold: messages and
 * explanations then speak of what was written, and a loop ends as soon as its result is known.
 */
#include <stdio.h>

#include "kernel/rule/parse.h"

enum { NAME_MAX_BYTES = 48, INDEX_MAX = 1000000 };

struct loop_row {
    const char *name;
    uint32_t count;     /* Arguments. */
    uint32_t variables; /* 1 or 2 of them. */
    enum rule_loop loop;
};

static const struct loop_row LOOPS[] = {
    {"all", 2, 1, RULE_LOOP_ALL},
    {"exists", 2, 1, RULE_LOOP_EXISTS},
    {"exists_one", 2, 1, RULE_LOOP_EXISTS_ONE},
    {"existsOne", 2, 1, RULE_LOOP_EXISTS_ONE},
    {"map", 2, 1, RULE_LOOP_MAP},
    {"map", 3, 1, RULE_LOOP_MAP},
    {"filter", 2, 1, RULE_LOOP_FILTER},
    {"sortBy", 2, 1, RULE_LOOP_SORT_BY},
    {"all", 3, 2, RULE_LOOP_ALL},
    {"exists", 3, 2, RULE_LOOP_EXISTS},
    {"exists_one", 3, 2, RULE_LOOP_EXISTS_ONE},
    {"existsOne", 3, 2, RULE_LOOP_EXISTS_ONE},
    {"transformList", 3, 2, RULE_LOOP_LIST},
    {"transformList", 4, 2, RULE_LOOP_LIST},
    {"transformMap", 3, 2, RULE_LOOP_TO_MAP},
    {"transformMap", 4, 2, RULE_LOOP_TO_MAP},
    {"transformMapEntry", 3, 2, RULE_LOOP_TO_ENTRY},
    {"transformMapEntry", 4, 2, RULE_LOOP_TO_ENTRY},
};

static struct str variable(struct rule_parser *p, const struct rule_node *node)
{
    if (node->kind != RULE_NODE_IDENT || node->root)
        rule_parse_bad(p, node->begin,
                       "the name of a variable is wanted here: "
                       "list.exists(x, x > 1)");
    return node->name;
}

static struct rule_node *become(struct rule_parser *p, struct rule_node *call,
                                enum rule_node_kind kind, uint32_t skip)
{
    call->kind = kind;
    call->args += skip;
    call->count -= skip;
    return rule_node_done(p->tree, call);
}

static struct rule_node *loop(struct rule_parser *p, struct rule_node *call)
{
    for (size_t k = 0; k < sizeof(LOOPS) / sizeof(LOOPS[0]); k++) {
        const struct loop_row *row = &LOOPS[k];

        if (row->count != call->count || !str_is(call->name, row->name))
            continue;
        call->loop = row->loop;
        call->name = variable(p, call->args[0]);
        call->name2 = row->variables == 2 ? variable(p, call->args[1]) : (struct str){0};
        if (row->variables == 2 && str_eq(call->name, call->name2))
            rule_parse_bad(p, call->args[1]->begin, "the two variables need two names");
        return become(p, call, RULE_NODE_LOOP, row->variables);
    }
    return call;
}

static struct rule_node *has(struct rule_parser *p, struct rule_node *call)
{
    struct rule_node *field = call->args[0];

    if (field->kind != RULE_NODE_SELECT || field->test || field->optional) {
        rule_parse_bad(p, field->begin, "has() wants a field: has(user.city)");
        return call;
    }
    field->test = true;
    field->begin = call->begin;
    field->end = call->end;
    return field;
}

/* cel.index(0), cel.iterVar(0, 1): names that no text can spell. */
static struct rule_node *numbered(struct rule_parser *p, struct rule_node *call, const char *prefix)
{
    char *name = arena_alloc(p->tree->arena, NAME_MAX_BYTES);
    long long numbers[2] = {0, 0};

    for (uint32_t k = 0; k < call->count; k++) {
        const struct rule_node *arg = call->args[k];

        if (arg->kind != RULE_NODE_CONST || arg->value.kind != RULE_INT || arg->value.i < 0 ||
            arg->value.i > INDEX_MAX)
            rule_parse_bad(p, arg->begin, "a small number is wanted here");
        else
            numbers[k] = arg->value.i;
    }
    call->kind = RULE_NODE_IDENT;
    call->name.ptr = name;
    call->name.len =
        (size_t)(call->count == 1 ? snprintf(name, NAME_MAX_BYTES, "%s%lld", prefix, numbers[0])
                                  : snprintf(name, NAME_MAX_BYTES, "%s%lld:%lld", prefix,
                                             numbers[0], numbers[1]));
    call->target = NULL;
    call->args = NULL;
    call->count = 0;
    call->method = false;
    call->depth = 1;
    return call;
}

static struct rule_node *block(struct rule_parser *p, struct rule_node *call)
{
    struct rule_node *list = call->args[0], *result = call->args[1];

    if (list->kind != RULE_NODE_LIST || list->optionals) {
        rule_parse_bad(p, list->begin, "cel.block wants a list of expressions first");
        return call;
    }
    call->kind = RULE_NODE_BLOCK;
    call->target = result;
    call->args = list->args;
    call->count = list->count;
    return rule_node_done(p->tree, call);
}

static struct rule_node *of_cel(struct rule_parser *p, struct rule_node *call)
{
    if (str_is(call->name, "bind") && call->count == 3) {
        call->name = variable(p, call->args[0]);
        call->target = call->args[1];
        return become(p, call, RULE_NODE_BIND, 2);
    }
    if (str_is(call->name, "block") && call->count == 2)
        return block(p, call);
    if (str_is(call->name, "index") && call->count == 1)
        return numbered(p, call, "@index");
    if (str_is(call->name, "iterVar") && call->count == 2)
        return numbered(p, call, "@it:");
    if (str_is(call->name, "accuVar") && call->count == 2)
        return numbered(p, call, "@ac:");
    return call;
}

/* math.greatest(a, b, c) is that of the list. */
static struct rule_node *of_math(struct rule_parser *p, struct rule_node *call)
{
    struct rule_node *list;

    if (!str_is(call->name, "greatest") && !str_is(call->name, "least"))
        return call;
    if (!call->count)
        rule_parse_bad(p, call->at, "math.greatest and math.least want at least one number");
    if (call->count < 2)
        return call;
    list = rule_node_list(p->tree, call->args, call->count);
    list->begin = call->begin;
    list->end = call->end;
    call->args = arena_alloc(p->tree->arena, sizeof(*call->args));
    call->args[0] = list;
    call->count = 1;
    return rule_node_done(p->tree, call);
}

static struct rule_node *optional_map(struct rule_parser *p, struct rule_node *call)
{
    call->flat = str_is(call->name, "optFlatMap");
    call->name = variable(p, call->args[0]);
    return become(p, call, RULE_NODE_OPT_MAP, 1);
}

struct rule_node *rule_macro(struct rule_parser *p, struct rule_node *call)
{
    const struct rule_node *target = call->target;

    if (!p->macros || p->lexer.kind == TOKEN_BAD)
        return call;
    if (!call->method)
        return str_is(call->name, "has") && call->count == 1 && !call->root ? has(p, call) : call;
    if (target->kind == RULE_NODE_IDENT && str_is(target->name, "cel"))
        return of_cel(p, call);
    if (target->kind == RULE_NODE_IDENT && str_is(target->name, "math"))
        return of_math(p, call);
    if ((str_is(call->name, "optMap") || str_is(call->name, "optFlatMap")) && call->count == 2)
        return optional_map(p, call);
    return loop(p, call);
}
