/*
 * unify.c - type parameters: which type each stands for.  After the specification's "gradual type
 * checking": dyn agrees with everything, null with timestamps, durations, objects and opaque types.
 */
#include <string.h>

#include "kernel/rule/check.h"

enum { BOUND_FIRST = 16, PARAM_NAME_MAX = 16 };

static struct rule_bound *grown(struct rule_check *c, const struct rule_bound *old, uint32_t count,
                                uint32_t *size)
{
    struct rule_bound *bound;

    *size = *size ? *size * 2 : BOUND_FIRST;
    bound = arena_alloc(c->arena, sizeof(*bound) * *size);
    if (count)
        memcpy(bound, old, sizeof(*bound) * count);
    return bound;
}

const struct rule_type *rule_fresh(struct rule_check *c)
{
    struct rule_type *type = arena_alloc(c->arena, sizeof(*type));

    if (c->bound_count == c->bound_size)
        c->bound = grown(c, c->bound, c->bound_count, &c->bound_size);
    *type = (struct rule_type){.kind = RULE_T_PARAM, .name = STR("T"), .number = c->bound_count++};
    return type;
}

uint32_t rule_trail(const struct rule_check *c)
{
    return c->trail_count;
}

void rule_undo(struct rule_check *c, uint32_t trail)
{
    while (c->trail_count > trail) {
        const struct rule_bound *was = &c->trail[--c->trail_count];

        c->bound[was->number].type = was->type;
    }
}

/* False when this expression's types are too large, or too deep, to go on; else leave() follows. */
static bool enter(struct rule_check *c)
{
    if (++c->steps <= RULE_CHECK_STEPS_MAX && c->nested < RULE_CHECK_DEPTH_MAX) {
        c->nested++;
        return true;
    }
    rule_tree_spoil(c->tree, "the types of this expression are too large to check: use dyn()", 0);
    return false;
}

static void leave(struct rule_check *c)
{
    c->nested--;
}

static bool has_params(const struct rule_type *type)
{
    return type->kind == RULE_T_LIST || type->kind == RULE_T_MAP || type->kind == RULE_T_TYPE ||
           type->kind == RULE_T_OPAQUE;
}

/* What a parameter stands for now: the end of its chain. */
static const struct rule_type *walk(const struct rule_check *c, const struct rule_type *type)
{
    while (type->kind == RULE_T_PARAM && c->bound[type->number].type)
        type = c->bound[type->number].type;
    return type;
}

static bool occurs(struct rule_check *c, const struct rule_type *param, const struct rule_type *in)
{
    bool found;

    in = walk(c, in);
    found = in == param;
    if (found || !has_params(in))
        return found;
    if (!enter(c))
        return true;
    for (uint32_t k = 0; !found && k < in->count; k++)
        found = occurs(c, param, in->params[k]);
    leave(c);
    return found;
}

static void bind(struct rule_check *c, const struct rule_type *param, const struct rule_type *type)
{
    struct rule_bound *bound = &c->bound[param->number];

    if (c->trail_count == c->trail_size)
        c->trail = grown(c, c->trail, c->trail_count, &c->trail_size);
    c->trail[c->trail_count++] = (struct rule_bound){bound->type, param->number};
    bound->type = type;
}

static bool nullable(const struct rule_type *type)
{
    return type->kind == RULE_T_NULL || type->kind == RULE_T_OPAQUE ||
           type->kind == RULE_T_OBJECT || type->kind == RULE_T_TIMESTAMP ||
           type->kind == RULE_T_DURATION;
}

static bool agree(struct rule_check *c, const struct rule_type *a, const struct rule_type *b);
static const struct rule_type *general(struct rule_check *c, const struct rule_type *a,
                                       const struct rule_type *b);

/* The parameter at the end of a chain of parameters. */
static const struct rule_type *last_param(const struct rule_check *c, const struct rule_type *type)
{
    const struct rule_type *next;

    while ((next = c->bound[type->number].type) && next->kind == RULE_T_PARAM)
        type = next;
    return type;
}

/* A parameter that stands for int and meets dyn stands for dyn from then on. */
static bool agree_param(struct rule_check *c, const struct rule_type *param,
                        const struct rule_type *other)
{
    const struct rule_type *now, *wide;

    param = last_param(c, param);
    now = c->bound[param->number].type;
    if (walk(c, other) == param)
        return true;
    if (!now) {
        if (occurs(c, param, other))
            return false;
        bind(c, param, other);
        return true;
    }
    if (!agree(c, now, other))
        return false;
    wide = general(c, now, other);
    if (wide != now && !occurs(c, param, wide))
        bind(c, param, wide);
    return true;
}

static bool agree_params(struct rule_check *c, const struct rule_type *a, const struct rule_type *b)
{
    if (a->kind != b->kind || a->count != b->count || !str_eq(a->name, b->name))
        return false;
    if (a->kind == RULE_T_TYPE)
        return true;
    for (uint32_t k = 0; k < a->count; k++)
        if (!agree(c, a->params[k], b->params[k]))
            return false;
    return true;
}

static bool agree_kinds(struct rule_check *c, const struct rule_type *a, const struct rule_type *b)
{
    if (b->kind == RULE_T_PARAM && (a->kind != RULE_T_PARAM || !c->bound[b->number].type))
        return agree_param(c, b, a);
    if (a->kind == RULE_T_PARAM)
        return agree_param(c, a, b);
    if (a->kind == RULE_T_DYN || b->kind == RULE_T_DYN)
        return true;
    if (a->kind == RULE_T_NULL)
        return nullable(b);
    if (b->kind == RULE_T_NULL)
        return nullable(a);
    return has_params(a) ? agree_params(c, a, b) : rule_type_same(a, b);
}

static bool agree(struct rule_check *c, const struct rule_type *a, const struct rule_type *b)
{
    bool good;

    if (!enter(c))
        return true;
    good = agree_kinds(c, a, b);
    leave(c);
    return good;
}

bool rule_assignable(struct rule_check *c, const struct rule_type *to, const struct rule_type *from)
{
    uint32_t trail = rule_trail(c);

    if (agree(c, to, from))
        return true;
    rule_undo(c, trail);
    return false;
}

const struct rule_type *rule_substitute(struct rule_check *c, const struct rule_type *type,
                                        bool final)
{
    const struct rule_type *params[RULE_ARGS_MAX];
    struct rule_type *copy;

    type = walk(c, type);
    if (type->kind == RULE_T_PARAM)
        return final ? &rule_dyn : type;
    if (!has_params(type) || !type->count)
        return type;
    if (!enter(c))
        return &rule_dyn;
    for (uint32_t k = 0; k < type->count; k++)
        params[k] = rule_substitute(c, type->params[k], final);
    leave(c);
    if (memcmp(params, type->params, sizeof(*params) * type->count) == 0)
        return type;
    copy = arena_alloc(c->arena, sizeof(*copy));
    *copy = *type;
    copy->params = memcpy(arena_alloc(c->arena, sizeof(*params) * type->count), params,
                          sizeof(*params) * type->count);
    return copy;
}

/* The more general of two types that agree: dyn wins wherever one of them has it. */
static const struct rule_type *general(struct rule_check *c, const struct rule_type *a,
                                       const struct rule_type *b)
{
    const struct rule_type *params[RULE_ARGS_MAX];
    struct rule_type *copy;

    a = walk(c, a);
    b = walk(c, b);
    if (a->kind == RULE_T_DYN || b->kind == RULE_T_NULL || a->kind == RULE_T_PARAM)
        return a;
    if (b->kind == RULE_T_DYN || a->kind == RULE_T_NULL || a->kind == RULE_T_TYPE)
        return b;
    if (!has_params(a) || !a->count || b->kind != a->kind || !enter(c))
        return a;
    for (uint32_t k = 0; k < a->count; k++)
        params[k] = general(c, a->params[k], b->params[k]);
    leave(c);
    copy = arena_alloc(c->arena, sizeof(*copy));
    *copy = *a;
    copy->params = memcpy(arena_alloc(c->arena, sizeof(*params) * a->count), params,
                          sizeof(*params) * a->count);
    return copy;
}

const struct rule_type *rule_join(struct rule_check *c, const struct rule_type *a,
                                  const struct rule_type *b)
{
    if (!a)
        return b;
    return rule_assignable(c, a, b) ? general(c, a, b) : &rule_dyn;
}

struct str rule_shown(struct rule_check *c, const struct rule_type *type)
{
    struct text text = {arena_alloc(c->arena, RULE_TYPE_TEXT_MAX), 0, RULE_TYPE_TEXT_MAX, false};

    rule_type_text(rule_substitute(c, type, true), &text);
    return (struct str){text.ptr, text.len};
}
