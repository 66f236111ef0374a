/*
 * condition.c - from a JSON condition to a rule's tree: members, and what connects them.
 */
#include "kernel/rule/condition_priv.h"

#include <stdio.h>
#include <string.h>

/* ---- Where in the condition ---- */

size_t condition_enter(struct builder *b, struct str name)
{
    size_t len = strlen(b->pointer);

    snprintf(b->pointer + len, sizeof(b->pointer) - len, "/" STR_FMT, STR_ARG(name));
    return len;
}

size_t condition_enter_item(struct builder *b, size_t k)
{
    size_t len = strlen(b->pointer);

    snprintf(b->pointer + len, sizeof(b->pointer) - len, "/%zu", k);
    return len;
}

void condition_leave(struct builder *b, size_t len)
{
    b->pointer[len] = '\0';
}

enum err condition_check_count(struct builder *b, struct json list)
{
    if (json_count(list) <= CONDITION_PARTS_MAX)
        return OK;
    return REFUSE(b, "bad_operand", "at most %d members or items: make a group of them",
                  CONDITION_PARTS_MAX);
}

/* ---- Nodes ---- */

struct rule_node *condition_constant(struct builder *b, struct rule_value v)
{
    return rule_node_const(&b->tree, rule_copy(b->keep, v));
}

struct rule_node *condition_truth(struct builder *b, bool yes)
{
    return rule_node_const(&b->tree, rule_of_bool(yes));
}

struct rule_node *condition_not(struct builder *b, struct rule_node *node)
{
    return rule_node_unary(&b->tree, RULE_OP_NOT, node);
}

/* ---- Connectives ---- */

static enum err build_list(struct builder *b, const struct place *at, struct json list,
                           struct rule_node ***parts, uint32_t *count)
{
    *count = 0;
    if (json_type(list) != JSON_LIST)
        return REFUSE(b, "bad_operand", "a list of conditions is wanted here");
    TRY(condition_check_count(b, list));
    *parts = CX_ARRAY(b->cx, struct rule_node *, json_count(list) + 1);
    for (struct json_iter it = json_iter(list); json_next(&it); (*count)++) {
        size_t len = condition_enter_item(b, *count);

        TRY(condition_of_object(b, at, it.value, &(*parts)[*count]));
        condition_leave(b, len);
    }
    return OK;
}

/* Of an empty list: $or is true, as the SDK has it. */
static enum err build_any(struct builder *b, const struct place *at, struct json list,
                          struct rule_node **out)
{
    struct rule_node **parts;
    uint32_t count;

    TRY(build_list(b, at, list, &parts, &count));
    *out = count ? rule_node_or(&b->tree, parts, count) : condition_truth(b, true);
    return OK;
}

static enum err build_member(struct builder *b, const struct place *at, const struct json_iter *it,
                             struct rule_node **out)
{
    struct place below = {.of = at, .name = it->key};
    struct rule_node **parts;
    uint32_t count;

    if (str_is(it->key, "$or"))
        return build_any(b, at, it->value, out);
    if (str_is(it->key, "$nor")) {
        TRY(build_any(b, at, it->value, out));
        *out = condition_not(b, *out);
        return OK;
    }
    if (str_is(it->key, "$and")) {
        TRY(build_list(b, at, it->value, &parts, &count));
        *out = rule_node_and(&b->tree, parts, count);
        return OK;
    }
    if (str_is(it->key, "$not")) {
        TRY(condition_of_object(b, at, it->value, out));
        *out = condition_not(b, *out);
        return OK;
    }
    return condition_of_value(b, &below, it->value, false, out);
}

enum err condition_of_object(struct builder *b, const struct place *at, struct json condition,
                             struct rule_node **out)
{
    struct rule_node **parts;
    uint32_t count = 0;

    if (json_type(condition) != JSON_OBJECT)
        return REFUSE(b, "bad_operand", "a condition is an object: {\"country\": \"CN\"}");
    TRY(condition_check_count(b, condition));
    parts = CX_ARRAY(b->cx, struct rule_node *, json_count(condition) + 1);
    for (struct json_iter it = json_iter(condition); json_next(&it); count++) {
        size_t len = condition_enter(b, it.key);

        TRY(build_member(b, at, &it, &parts[count]));
        condition_leave(b, len);
    }
    *out = rule_node_and(&b->tree, parts, count);
    return OK;
}

/* ---- The whole ---- */

enum err condition_compile(struct cx *cx, struct arena *keep, struct json condition,
                           const struct json *groups, enum condition_mode mode,
                           const struct rule **out)
{
    struct place root = {.name = STR("attributes")};
    struct builder b = {.cx = cx, .keep = keep, .groups = groups, .mode = mode};
    struct rule_node *node;

    rule_tree_open(&b.tree, keep, STR(""));
    TRY(condition_of_object(&b, &root, condition, &node));
    return rule_compile_tree(cx, &condition_env, &b.tree, node, NULL, out);
}

bool condition_test(struct cx *cx, const struct rule *rule, struct rule_value attributes)
{
    struct rule_value v = rule_eval(cx, rule, &attributes, NULL);

    return v.kind == RULE_BOOL && v.truth;
}
