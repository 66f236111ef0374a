/*
 * explain.c - which clauses decided.
 *
 * The tree is emitted a second time with a trace around every node that is no constant, and run as
 * usual; then the path is read off the values seen: of && and || the part that made it what it is,
 * of ?: the condition and the branch taken, of anything else its parts.
 */
#include <string.h>

#include "kernel/rule/code.h"

enum { SHOWN_BYTES_MAX = 200 };

struct path {
    const struct rule_value *seen;
    struct rule_step *steps;
    size_t count;
};

static struct rule_value value_of(const struct path *path, const struct rule_node *node)
{
    return node->kind == RULE_NODE_CONST ? node->value : path->seen[node->number];
}

static bool evaluated(const struct path *path, const struct rule_node *node)
{
    return value_of(path, node).kind != RULE_UNSET;
}

static void walk(struct path *path, const struct rule_node *node, int depth, bool decided);

/* A part that says nothing beyond its own text is left out. */
static bool worth(const struct path *path, const struct rule_node *node)
{
    return node && node->kind != RULE_NODE_CONST && evaluated(path, node);
}

static void walk_part(struct path *path, const struct rule_node *node, int depth, bool decided)
{
    if (worth(path, node))
        walk(path, node, depth, decided);
}

/* Does this part alone make the whole what it is? */
static bool decides(const struct path *path, const struct rule_node *whole,
                    const struct rule_node *part)
{
    struct rule_value v = value_of(path, part), all = value_of(path, whole);

    if (all.kind == RULE_ERROR)
        return v.kind == RULE_ERROR && v.error == all.error;
    if (all.kind != RULE_BOOL)
        return false;
    /* All parts together when none could stop it: && that is true, || that is false. */
    return v.kind == RULE_BOOL && v.truth == all.truth;
}

static void walk_logic(struct path *path, const struct rule_node *node, int depth, bool decided)
{
    for (uint32_t k = 0; k < node->count; k++)
        walk_part(path, node->args[k], depth, decided && decides(path, node, node->args[k]));
}

static void walk_parts(struct path *path, const struct rule_node *node, int depth, bool decided)
{
    walk_part(path, node->target, depth, decided);
    for (uint32_t k = 0; k < node->count; k++)
        walk_part(path, node->args[k], depth, decided);
}

/* a.b.c: its value says it all. */
static bool is_path(const struct rule_node *node)
{
    while (node->kind == RULE_NODE_SELECT)
        node = node->target;
    return node->kind == RULE_NODE_IDENT;
}

static void walk(struct path *path, const struct rule_node *node, int depth, bool decided)
{
    path->steps[path->count++] =
        (struct rule_step){node->begin, node->end, depth, decided, value_of(path, node)};
    if (is_path(node))
        return;
    if (node->kind == RULE_NODE_OP && (node->op == RULE_OP_AND || node->op == RULE_OP_OR))
        walk_logic(path, node, depth + 1, decided);
    else
        walk_parts(path, node, depth + 1, decided);
}

struct rule_why rule_explain(struct cx *cx, const struct rule *rule,
                             const struct rule_value *values, void *host)
{
    struct rule_value *seen = CX_ARRAY(cx, struct rule_value, rule->tree.nodes);
    struct path path = {.seen = seen, .steps = CX_ARRAY(cx, struct rule_step, rule->tree.nodes)};
    struct rule_why why = {.value = rule_eval_seen(cx, rule, values, host, seen)};

    seen[rule->root->number] = why.value; /* Also of a constant. */
    walk(&path, rule->root, 0, true);
    why.steps = path.steps;
    why.count = path.count;
    return why;
}

struct str rule_why_text(struct cx *cx, const struct rule *rule, const struct rule_why *why)
{
    struct str source = rule->tree.source;
    size_t size = 1;
    struct text text;

    for (size_t k = 0; k < why->count; k++)
        size += 2 * SHOWN_BYTES_MAX + 2 * (size_t)why->steps[k].depth + 32;
    text = (struct text){cx_alloc(cx, size), 0, size, false};
    for (size_t k = 0; k < why->count; k++) {
        const struct rule_step *step = &why->steps[k];
        struct str part = {source.ptr + step->begin, step->end - step->begin};

        part.len = part.len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : part.len;
        text_addf(&text, "%s%*s" STR_FMT " = " STR_FMT "\n", step->decided ? "> " : "  ",
                  2 * step->depth, "", STR_ARG(part),
                  STR_ARG(rule_value_text(cx, step->value, SHOWN_BYTES_MAX)));
    }
    return (struct str){text.ptr, text.len};
}
