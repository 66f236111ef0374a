/*
 * ast.c - making trees.
 */
#include "kernel/rule/ast.h"

#include <string.h>

static const struct {
    const char *name, *text;
    int level;
} OPS[] = {
#define RULE_OP_ROW(name, call, text, level) [name] = {call, text, level},
    RULE_OP_MAP(RULE_OP_ROW)
#undef RULE_OP_ROW
};

const char *rule_op_text(enum rule_op op)
{
    return OPS[op].text;
}

const char *rule_op_name(enum rule_op op)
{
    return OPS[op].name;
}

int rule_op_level(enum rule_op op)
{
    return OPS[op].level;
}

void rule_tree_open(struct rule_tree *tree, struct arena *arena, struct str source)
{
    *tree = (struct rule_tree){.arena = arena, .source = source};
}

void rule_tree_spoil(struct rule_tree *tree, const char *why, uint32_t at)
{
    if (tree->spoilt)
        return;
    tree->spoilt = why;
    tree->spoilt_at = at;
}

struct rule_node *rule_node_new(struct rule_tree *tree, enum rule_node_kind kind,
                                struct rule_span span)
{
    struct rule_node *node = arena_alloc(tree->arena, sizeof(*node));

    *node = (struct rule_node){.kind = kind,
                               .number = tree->nodes++,
                               .begin = span.begin,
                               .end = span.end,
                               .at = span.begin,
                               .depth = 1};
    if (tree->nodes > RULE_NODES_MAX)
        rule_tree_spoil(tree,
                        "the expression has more than 20000 parts: put lists of ids into a "
                        "segment, or split the rule",
                        span.begin);
    return node;
}

static void deepen(struct rule_node *node, const struct rule_node *part)
{
    if (part->depth >= node->depth)
        node->depth = part->depth + 1;
}

struct rule_node *rule_node_done(struct rule_tree *tree, struct rule_node *node)
{
    if (node->target)
        deepen(node, node->target);
    for (uint32_t k = 0; k < node->count; k++)
        deepen(node, node->args[k]);
    if (node->depth > RULE_DEPTH_MAX)
        rule_tree_spoil(tree,
                        "the expression is nested deeper than 200 levels: split it, or join "
                        "lists with join()",
                        node->at);
    return node;
}

static struct rule_node *with_args(struct rule_tree *tree, enum rule_node_kind kind,
                                   struct rule_node *const *args, uint32_t count)
{
    struct rule_node *node = rule_node_new(tree, kind, (struct rule_span){0, 0});

    node->args = arena_alloc(tree->arena, sizeof(*args) * ((size_t)count + 1));
    for (uint32_t k = 0; k < count; k++)
        node->args[k] = args[k];
    node->count = count;
    return node;
}

struct rule_node *rule_node_const(struct rule_tree *tree, struct rule_value value)
{
    struct rule_node *node = rule_node_new(tree, RULE_NODE_CONST, (struct rule_span){0, 0});

    node->value = value;
    return node;
}

struct rule_node *rule_node_ident(struct rule_tree *tree, struct str name)
{
    struct rule_node *node = rule_node_new(tree, RULE_NODE_IDENT, (struct rule_span){0, 0});

    node->name = name;
    return node;
}

struct rule_node *rule_node_select(struct rule_tree *tree, struct rule_node *target,
                                   struct str name)
{
    struct rule_node *node = rule_node_new(tree, RULE_NODE_SELECT, (struct rule_span){0, 0});

    node->target = target;
    node->name = name;
    return rule_node_done(tree, node);
}

struct rule_node *rule_node_has(struct rule_tree *tree, struct rule_node *target, struct str name)
{
    struct rule_node *node = rule_node_select(tree, target, name);

    node->test = true;
    return node;
}

struct rule_node *rule_node_op(struct rule_tree *tree, enum rule_op op,
                               struct rule_node *const *args, uint32_t count)
{
    struct rule_node *node = with_args(tree, RULE_NODE_OP, args, count);

    node->op = op;
    return rule_node_done(tree, node);
}

struct rule_node *rule_node_unary(struct rule_tree *tree, enum rule_op op, struct rule_node *of)
{
    return rule_node_op(tree, op, &of, 1);
}

struct rule_node *rule_node_binary(struct rule_tree *tree, enum rule_op op, struct rule_node *a,
                                   struct rule_node *b)
{
    struct rule_node *args[] = {a, b};

    return rule_node_op(tree, op, args, 2);
}

static struct rule_node *logic(struct rule_tree *tree, enum rule_op op,
                               struct rule_node *const *args, uint32_t count)
{
    if (!count)
        return rule_node_const(tree, rule_of_bool(op == RULE_OP_AND));
    return count == 1 ? args[0] : rule_node_op(tree, op, args, count);
}

struct rule_node *rule_node_and(struct rule_tree *tree, struct rule_node *const *args,
                                uint32_t count)
{
    return logic(tree, RULE_OP_AND, args, count);
}

struct rule_node *rule_node_or(struct rule_tree *tree, struct rule_node *const *args,
                               uint32_t count)
{
    return logic(tree, RULE_OP_OR, args, count);
}

struct rule_node *rule_node_list(struct rule_tree *tree, struct rule_node *const *args,
                                 uint32_t count)
{
    return rule_node_done(tree, with_args(tree, RULE_NODE_LIST, args, count));
}

struct rule_node *rule_node_call(struct rule_tree *tree, struct rule_node *target, struct str name,
                                 struct rule_node *const *args, uint32_t count)
{
    struct rule_node *node = with_args(tree, RULE_NODE_CALL, args, count);

    node->target = target;
    node->method = target != NULL;
    node->name = name;
    return rule_node_done(tree, node);
}

struct rule_node *rule_node_loop(struct rule_tree *tree, enum rule_loop loop,
                                 struct rule_node *target, struct str name, struct rule_node *body)
{
    struct rule_node *node = with_args(tree, RULE_NODE_LOOP, &body, 1);

    node->loop = loop;
    node->target = target;
    node->name = name;
    return rule_node_done(tree, node);
}

struct rule_node *rule_node_at(struct rule_node *node, struct rule_span span)
{
    node->begin = span.begin;
    node->end = span.end;
    node->at = span.begin;
    return node;
}

void rule_place(struct str text, uint32_t at, struct rule_fault *out)
{
    out->line = 1;
    out->column = 1;
    for (size_t k = 0; k < at && k < text.len; k++) {
        if (text.ptr[k] == '\n') {
            out->line++;
            out->column = 1;
        } else if (((unsigned char)text.ptr[k] & 0xc0) != 0x80) {
            out->column++;
        }
    }
}
