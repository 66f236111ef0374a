/*
 * emit.c - from the checked tree to nodes that run: names become slots, constants are folded, a
 * constant list behind `in` becomes a set, a constant pattern is compiled.
 */
#include "kernel/rule/emit.h"

#include <string.h>

#include "kernel/rule/regex.h"

struct rule_code *rule_emit_new(struct rule_emitter *e, const struct rule_node *node,
                                struct rule_value (*run)(struct rule_run *run,
                                                         const struct rule_code *code))
{
    struct rule_code *code = arena_alloc(e->arena, sizeof(*code));

    code->run = run;
    code->at = node->at;
    code->cost = 1;
    return code;
}

static void add_cost(struct rule_code *code, const struct rule_code *part)
{
    if (part && __builtin_add_overflow(code->cost, part->cost, &code->cost))
        code->cost = UINT32_MAX;
}

struct rule_code *rule_emit_done(struct rule_code *code)
{
    add_cost(code, code->a);
    add_cost(code, code->b);
    add_cost(code, code->c);
    for (uint32_t k = 0; code->args && k < code->count; k++)
        add_cost(code, code->args[k]);
    return code;
}

bool rule_emit_is_const(const struct rule_code *code)
{
    assert(code);
    return code->run == rule_run_const;
}

static const struct rule_code **emit_args(struct rule_emitter *e, const struct rule_node *node)
{
    const struct rule_code **args = arena_alloc(e->arena, sizeof(*args) * (node->count + 1));

    for (uint32_t k = 0; k < node->count; k++)
        args[k] = rule_emit_node(e, node->args[k]);
    return args;
}

static struct rule_code *emit_const(struct rule_emitter *e, const struct rule_node *node,
                                    struct rule_value value)
{
    struct rule_code *code = rule_emit_new(e, node, rule_run_const);

    code->value = value;
    return code;
}

/* ---- Names ---- */

static struct rule_code *emit_name(struct rule_emitter *e, const struct rule_node *node)
{
    struct rule_code *code;

    switch (node->ref) {
    case RULE_REF_VARIABLE:
        code = rule_emit_new(e, node, rule_run_variable);
        code->name = e->env->variables[node->slot].name;
        break;
    case RULE_REF_LOCAL:
        code = rule_emit_new(e, node, rule_run_local);
        break;
    case RULE_REF_TYPE:
        return emit_const(e, node, rule_of_type(node->meaning));
    default:
        code = rule_emit_new(e, node, rule_run_missing);
        code->name = node->name;
    }
    code->slot = node->slot;
    return code;
}

static struct rule_code *emit_select(struct rule_emitter *e, const struct rule_node *node)
{
    const struct rule_code *target;
    struct rule_code *code, *direct;

    if (node->ref == RULE_REF_VARIABLE || node->ref == RULE_REF_TYPE)
        return emit_name(e, node);
    target = rule_emit_node(e, node->target);
    code = rule_emit_new(e, node, node->test ? rule_run_has : rule_run_select);
    code->a = target;
    code->name = node->name;
    code->optional = node->optional;
    code->slot2 = node->slot;
    code->type = node->meaning;
    rule_emit_done(code);
    if (node->test || node->optional || !node->meaning || target->run != rule_run_variable)
        return code;
    direct = rule_emit_new(e, node, rule_run_field);
    direct->a = code; /* Where it turns to say what is wrong. */
    direct->slot = target->slot;
    direct->slot2 = node->slot;
    direct->type = node->meaning;
    return rule_emit_done(direct);
}

/* ---- Literals ---- */

static bool all_const(const struct rule_code *const *args, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        if (!rule_emit_is_const(args[k]))
            return false;
    return true;
}

static struct rule_code *emit_list(struct rule_emitter *e, const struct rule_node *node)
{
    const struct rule_code **args = emit_args(e, node);
    struct rule_code *code;
    struct rule_value *items;

    if (!node->optionals && all_const(args, node->count)) {
        items = arena_alloc(e->arena, sizeof(*items) * (node->count + 1));
        for (uint32_t k = 0; k < node->count; k++)
            items[k] = args[k]->value;
        return emit_const(e, node, rule_of_list(items, node->count));
    }
    code = rule_emit_new(e, node, rule_run_list);
    code->args = args;
    code->count = node->count;
    code->optionals = node->optionals;
    return rule_emit_done(code);
}

/* NULL: some key is none, or comes twice, which is an error when it runs. */
static const struct rule_map *const_map(struct rule_emitter *e, const struct rule_code *const *args,
                                        uint32_t count)
{
    struct rule_map *map = rule_map_new(e->arena, count / 2);

    for (uint32_t k = 0; k < count; k += 2)
        if (!rule_key_ok(args[k]->value) || !rule_map_put(map, args[k]->value, args[k + 1]->value))
            return NULL;
    return map;
}

static struct rule_code *emit_map(struct rule_emitter *e, const struct rule_node *node)
{
    const struct rule_code **args = emit_args(e, node);
    const struct rule_map *map = NULL;
    struct rule_code *code;

    if (!node->optionals && all_const(args, node->count))
        map = const_map(e, args, node->count);
    if (map)
        return emit_const(e, node, rule_of_map(map));
    code = rule_emit_new(e, node, rule_run_map);
    code->args = args;
    code->count = node->count;
    code->optionals = node->optionals;
    return rule_emit_done(code);
}

/* ---- Operators ---- */

static const struct rule_set *make_set(struct rule_emitter *e, struct rule_value list)
{
    struct rule_set *set = arena_alloc(e->arena, sizeof(*set));

    *set = (struct rule_set){.items = list.items, .count = list.len};
    for (uint32_t k = 0; k < list.len; k++)
        if (list.items[k].kind >= RULE_LIST)
            return NULL;
    if (list.len <= RULE_MAP_SCAN_MAX)
        return set;
    set->mask = 15;
    while (set->mask < list.len * 2)
        set->mask = set->mask * 2 + 1;
    set->index = arena_alloc(e->arena, sizeof(*set->index) * ((size_t)set->mask + 1));
    for (uint32_t k = 0; k < list.len; k++) {
        uint32_t at = (uint32_t)rule_hash(list.items[k]) & set->mask;

        while (set->index[at])
            at = (at + 1) & set->mask;
        set->index[at] = k + 1;
    }
    return set;
}

static void use_set(struct rule_emitter *e, struct rule_code *code)
{
    const struct rule_set *set;

    if (!rule_emit_is_const(code->b) || code->b->value.kind != RULE_LIST)
        return;
    set = make_set(e, code->b->value);
    if (!set)
        return;
    code->run = rule_run_in_set;
    code->set = set;
}

static struct rule_code *emit_op(struct rule_emitter *e, const struct rule_node *node)
{
    static struct rule_value (*const runs[RULE_OPS])(
        struct rule_run *, const struct rule_code *) = {[RULE_OP_COND] = rule_run_cond,
                                                        [RULE_OP_OR] = rule_run_logic_or,
                                                        [RULE_OP_AND] = rule_run_logic_and,
                                                        [RULE_OP_LT] = rule_run_lt,
                                                        [RULE_OP_LE] = rule_run_le,
                                                        [RULE_OP_GT] = rule_run_gt,
                                                        [RULE_OP_GE] = rule_run_ge,
                                                        [RULE_OP_EQ] = rule_run_eq,
                                                        [RULE_OP_NE] = rule_run_ne,
                                                        [RULE_OP_IN] = rule_run_in,
                                                        [RULE_OP_ADD] = rule_run_add,
                                                        [RULE_OP_SUB] = rule_run_sub,
                                                        [RULE_OP_MUL] = rule_run_mul,
                                                        [RULE_OP_DIV] = rule_run_div,
                                                        [RULE_OP_MOD] = rule_run_mod,
                                                        [RULE_OP_NOT] = rule_run_logic_not,
                                                        [RULE_OP_NEG] = rule_run_neg,
                                                        [RULE_OP_INDEX] = rule_run_index,
                                                        [RULE_OP_OPT_INDEX] = rule_run_opt_index};
    const struct rule_code **args = emit_args(e, node);
    struct rule_code *code = rule_emit_new(e, node, runs[node->op]);

    code->name = str_of(rule_op_name(node->op));
    code->slot = node->op;
    if (node->op == RULE_OP_AND || node->op == RULE_OP_OR) {
        code->args = args;
        code->count = node->count;
        return rule_emit_done(code);
    }
    code->a = args[0];
    code->b = node->count > 1 ? args[1] : NULL;
    code->c = node->count > 2 ? args[2] : NULL;
    if (node->op == RULE_OP_IN)
        use_set(e, code);
    return rule_emit_done(code);
}

/* ---- Macros ---- */

static struct rule_code *emit_loop(struct rule_emitter *e, const struct rule_node *node)
{
    static const struct {
        struct rule_value (*run)(struct rule_run *, const struct rule_code *);
        const char *name;
    } loops[RULE_LOOPS] = {
        [RULE_LOOP_ALL] = {rule_run_loop_all, "all"},
        [RULE_LOOP_EXISTS] = {rule_run_loop_exists, "exists"},
        [RULE_LOOP_EXISTS_ONE] = {rule_run_loop_one, "exists_one"},
        [RULE_LOOP_MAP] = {rule_run_loop_list, "map"},
        [RULE_LOOP_FILTER] = {rule_run_loop_list, "filter"},
        [RULE_LOOP_LIST] = {rule_run_loop_list, "transformList"},
        [RULE_LOOP_TO_MAP] = {rule_run_loop_map, "transformMap"},
        [RULE_LOOP_TO_ENTRY] = {rule_run_loop_map, "transformMapEntry"},
        [RULE_LOOP_SORT_BY] = {rule_run_loop_sort, "sortBy"},
    };
    struct rule_code *code = rule_emit_new(e, node, loops[node->loop].run), *item;

    code->name = str_of(loops[node->loop].name);
    code->slot = node->slot;
    code->slot2 = node->slot2;
    code->optional = node->name2.len > 0;
    code->a = rule_emit_node(e, node->target);
    code->c = rule_emit_node(e, node->args[node->count - 1]);
    if (node->count == 2)
        code->b = rule_emit_node(e, node->args[0]);
    if (node->loop == RULE_LOOP_FILTER) {
        item = rule_emit_new(e, node, rule_run_local);
        item->slot = node->slot;
        code->b = code->c;
        code->c = item;
    }
    rule_emit_done(code);
    code->count = node->loop;
    return code;
}

static struct rule_code *emit_bind(struct rule_emitter *e, const struct rule_node *node)
{
    struct rule_code *code =
        rule_emit_new(e, node, node->kind == RULE_NODE_BIND ? rule_run_bind : rule_run_opt_map);

    code->a = rule_emit_node(e, node->target);
    code->b = rule_emit_node(e, node->args[0]);
    code->slot = node->slot;
    code->optional = node->flat;
    return rule_emit_done(code);
}

static struct rule_code *emit_block(struct rule_emitter *e, const struct rule_node *node)
{
    struct rule_code *code = rule_emit_new(e, node, rule_run_block);

    code->args = emit_args(e, node);
    code->count = node->count;
    code->a = rule_emit_node(e, node->target);
    code->slots = node->slots;
    return rule_emit_done(code);
}

/* ---- The whole ---- */

static struct rule_code *emit_kind(struct rule_emitter *e, const struct rule_node *node)
{
    switch (node->kind) {
    case RULE_NODE_CONST:
        return emit_const(e, node, node->value);
    case RULE_NODE_IDENT:
        return emit_name(e, node);
    case RULE_NODE_SELECT:
        return emit_select(e, node);
    case RULE_NODE_CALL:
        return rule_emit_call(e, node);
    case RULE_NODE_OP:
        return emit_op(e, node);
    case RULE_NODE_LIST:
        return emit_list(e, node);
    case RULE_NODE_MAP:
        return emit_map(e, node);
    case RULE_NODE_LOOP:
        return emit_loop(e, node);
    case RULE_NODE_BIND:
    case RULE_NODE_OPT_MAP:
        return emit_bind(e, node);
    case RULE_NODE_BLOCK:
        return emit_block(e, node);
    default: /* A message, unchecked. */
        return rule_emit_unknown(e, node, STR("message"));
    }
}

const struct rule_code *rule_emit_node(struct rule_emitter *e, const struct rule_node *node)
{
    struct rule_code *code = emit_kind(e, node), *trace;

    if (!e->traced || rule_emit_is_const(code))
        return code;
    trace = rule_emit_new(e, node, rule_run_trace);
    trace->cost = code->cost;
    trace->a = code;
    trace->slot = node->number;
    return trace;
}

const struct rule_code *rule_emit(struct cx *cx, struct arena *arena, const struct rule_env *env,
                                  const struct rule_node *root, bool traced)
{
    struct rule_emitter e = {cx, arena, env, traced};

    return rule_emit_node(&e, root);
}
