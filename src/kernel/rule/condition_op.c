/*
 * condition_op.c - what must hold of one value: operators, or the value that is wanted.
 */
#include "kernel/rule/condition_priv.h"

#include <stdio.h>

#include "kernel/rule/regex.h"

/* ---- Nodes ---- */

static struct rule_node *call1(struct builder *b, const char *name, struct rule_node *a)
{
    return rule_node_call(&b->tree, NULL, str_of(name), &a, 1);
}

static struct rule_node *call2(struct builder *b, const char *name, struct rule_node *a,
                               struct rule_node *c)
{
    struct rule_node *args[] = {a, c};

    return rule_node_call(&b->tree, NULL, str_of(name), args, 2);
}

static struct rule_node *value_at(struct builder *b, const struct place *place)
{
    if (!place->of)
        return rule_node_ident(&b->tree, place->name);
    if (!place->name.ptr)
        return call1(b, "js.count", value_at(b, place->of));
    return call2(b, "js.path", value_at(b, place->of),
                 condition_constant(b, rule_of_text(place->name)));
}

/* ---- Operators over a value ---- */

typedef enum err build_operator(struct builder *b, const struct place *at, struct json operand,
                                int variant, struct rule_node **out);

static enum err build_equal(struct builder *b, const struct place *at, struct json operand,
                            int variant, struct rule_node **out)
{
    *out =
        call2(b, "js.equal", value_at(b, at), condition_constant(b, rule_of_json(b->cx, operand)));
    if (variant)
        *out = condition_not(b, *out);
    return OK;
}

/* order is -1, 0, 1, or 2 where there is none. */
static enum err build_order(struct builder *b, const struct place *at, struct json operand,
                            int variant, struct rule_node **out)
{
    struct rule_node *sides[2], *order = call2(b, "js.order", value_at(b, at),
                                               condition_constant(b, rule_of_json(b->cx, operand)));
    struct rule_node *again =
        call2(b, "js.order", value_at(b, at), condition_constant(b, rule_of_json(b->cx, operand)));
    struct rule_node *first = condition_constant(b, rule_of_int(variant < 0 ? -1 : 1));

    sides[0] = rule_node_binary(&b->tree, RULE_OP_EQ, order, first);
    sides[1] = rule_node_binary(&b->tree, RULE_OP_EQ, again, condition_constant(b, rule_of_int(0)));
    *out = variant == 1 || variant == -1 ? sides[0] : rule_node_or(&b->tree, sides, 2);
    return OK;
}

static enum err build_version(struct builder *b, const struct place *at, struct json operand,
                              int variant, struct rule_node **out)
{
    struct str wanted = condition_version(b->cx, rule_of_json(b->cx, operand));

    *out =
        rule_node_binary(&b->tree, (enum rule_op)variant, call1(b, "js.version", value_at(b, at)),
                         condition_constant(b, rule_of_text(wanted)));
    return OK;
}

static enum err build_exists(struct builder *b, const struct place *at, struct json operand,
                             int variant, struct rule_node **out)
{
    bool wanted = json_type(operand) == JSON_BOOL && json_bool(operand);

    (void)variant;
    if (json_type(operand) != JSON_BOOL && b->mode == CONDITION_STRICT)
        return REFUSE(b, "bad_operand", "$exists wants true or false");
    *out = call2(b, "js.equal", value_at(b, at), condition_constant(b, rule_of_null()));
    if (wanted)
        *out = condition_not(b, *out);
    return OK;
}

enum { AMONG_NOT = 1, AMONG_FOLDED = 2 };

static struct rule_node *among(struct builder *b, const struct place *at, struct json list,
                               int variant)
{
    size_t count = list.doc ? json_count(list) : 0, k = 0;
    struct rule_value *items = CX_ARRAY(b->cx, struct rule_value, count + 1);
    struct rule_node *node;

    if (list.doc)
        for (struct json_iter it = json_iter(list); json_next(&it); k++) {
            items[k] = rule_of_json(b->cx, it.value);
            if ((variant & AMONG_FOLDED) && items[k].kind == RULE_STRING)
                items[k] = rule_of_text(condition_lower(b->cx, rule_text(items[k])));
        }
    node = call2(b, variant & AMONG_FOLDED ? "js.amongFolded" : "js.among", value_at(b, at),
                 condition_constant(b, rule_of_list(items, count)));
    return variant & AMONG_NOT ? condition_not(b, node) : node;
}

static enum err build_among(struct builder *b, const struct place *at, struct json operand,
                            int variant, struct rule_node **out)
{
    if (json_type(operand) != JSON_LIST) {
        if (b->mode == CONDITION_STRICT)
            return REFUSE(b, "bad_operand", "a list of values is wanted here");
        *out = condition_truth(b, false);
        return OK;
    }
    *out = among(b, at, operand, variant);
    return OK;
}

static enum err build_group(struct builder *b, const struct place *at, struct json operand,
                            int variant, struct rule_node **out)
{
    struct str name = json_type(operand) == JSON_TEXT ? json_text(b->cx, operand) : STR("");
    struct json list = {0};
    bool found = b->groups &&
                 json_get(*b->groups, cx_printf(b->cx, STR_FMT, STR_ARG(name)).ptr, &list) &&
                 json_type(list) == JSON_LIST;

    if (!found && b->mode == CONDITION_STRICT)
        return REFUSE(b, "unknown_group", "there is no group " STR_FMT, STR_ARG(name));
    *out = among(b, at, found ? list : (struct json){0}, variant);
    return OK;
}

/* The same is asked of items: item is its variable. */
static struct rule_node *any_item(struct builder *b, const struct place *at, struct str item,
                                  struct rule_node *body)
{
    return rule_node_loop(&b->tree, RULE_LOOP_EXISTS, call1(b, "js.items", value_at(b, at)), item,
                          body);
}

static struct place new_item(struct builder *b)
{
    char name[16];

    snprintf(name, sizeof(name), "item%d", ++b->loops);
    return (struct place){.name = rule_text(rule_copy(b->keep, rule_of_text(str_of(name))))};
}

static bool is_operators(struct json condition)
{
    if (json_type(condition) != JSON_OBJECT || json_count(condition) == 0)
        return false;
    for (struct json_iter it = json_iter(condition); json_next(&it);)
        if (it.key.len == 0 || it.key.ptr[0] != '$')
            return false;
    return true;
}

static enum err build_element(struct builder *b, const struct place *at, struct json operand,
                              int variant, struct rule_node **out)
{
    struct place item = new_item(b);
    struct rule_node *body;

    (void)variant;
    if (is_operators(operand))
        TRY(condition_of_value(b, &item, operand, false, &body));
    else
        TRY(condition_of_object(b, &item, operand, &body));
    *out = any_item(b, at, item.name, body);
    return OK;
}

/* Each condition holds of one item or another. */
static enum err build_all(struct builder *b, const struct place *at, struct json operand,
                          int variant, struct rule_node **out)
{
    struct rule_node **parts;
    size_t count = 0;

    if (json_type(operand) != JSON_LIST)
        return build_among(b, at, operand, 0, out);
    TRY(condition_check_count(b, operand));
    parts = CX_ARRAY(b->cx, struct rule_node *, json_count(operand) + 1);
    parts[count++] = call1(b, "js.isList", value_at(b, at));
    for (struct json_iter it = json_iter(operand); json_next(&it); count++) {
        struct place item = new_item(b);
        size_t len = condition_enter_item(b, count - 1);
        struct rule_node *body;

        TRY(condition_of_value(b, &item, it.value, variant != 0, &body));
        parts[count] = any_item(b, at, item.name, body);
        condition_leave(b, len);
    }
    *out = rule_node_and(&b->tree, parts, (uint32_t)count);
    return OK;
}

static enum err build_size(struct builder *b, const struct place *at, struct json operand,
                           int variant, struct rule_node **out)
{
    struct place count = {.of = at};
    struct rule_node *parts[2];

    (void)variant;
    parts[0] = call1(b, "js.isList", value_at(b, at));
    TRY(condition_of_value(b, &count, operand, false, &parts[1]));
    *out = rule_node_and(&b->tree, parts, 2);
    return OK;
}

static enum err build_type(struct builder *b, const struct place *at, struct json operand,
                           int variant, struct rule_node **out)
{
    (void)variant;
    *out = call2(b, "js.equal", call1(b, "js.type", value_at(b, at)),
                 condition_constant(b, rule_of_json(b->cx, operand)));
    return OK;
}

static enum err build_not(struct builder *b, const struct place *at, struct json operand,
                          int variant, struct rule_node **out)
{
    struct rule_node *node;

    (void)variant;
    TRY(condition_of_value(b, at, operand, false, &node));
    *out = condition_not(b, node);
    return OK;
}

enum { REGEX_NOT = 1, REGEX_FOLDED = 2 };

static enum err build_regex(struct builder *b, const struct place *at, struct json operand,
                            int variant, struct rule_node **out)
{
    struct str text = json_type(operand) == JSON_TEXT ? json_text(b->cx, operand) : STR("(");
    struct str pattern = condition_pattern(b->cx, text, (variant & REGEX_FOLDED) != 0);
    void *regex = rule_regex_new(pattern.ptr, pattern.len);
    struct rule_node *wanted;

    rule_regex_free(regex);
    if (!regex && b->mode == CONDITION_STRICT)
        return REFUSE(b, "bad_pattern",
                      "this is no regular expression without look-around and back-references");
    wanted = condition_constant(b, rule_of_text(pattern));
    *out = !regex ? condition_truth(b, false)
                  : rule_node_call(&b->tree, call1(b, "js.text", value_at(b, at)), STR("matches"),
                                   &wanted, 1);
    if (variant & REGEX_NOT)
        *out = condition_not(b, *out);
    return OK;
}

static const struct {
    const char *name;
    build_operator *build;
    int variant;
} operators[] = {
    {"$eq", build_equal, 0},
    {"$ne", build_equal, 1},
    {"$lt", build_order, -1},
    {"$lte", build_order, -2},
    {"$gt", build_order, 1},
    {"$gte", build_order, 2},
    {"$veq", build_version, RULE_OP_EQ},
    {"$vne", build_version, RULE_OP_NE},
    {"$vlt", build_version, RULE_OP_LT},
    {"$vlte", build_version, RULE_OP_LE},
    {"$vgt", build_version, RULE_OP_GT},
    {"$vgte", build_version, RULE_OP_GE},
    {"$exists", build_exists, 0},
    {"$in", build_among, 0},
    {"$nin", build_among, AMONG_NOT},
    {"$ini", build_among, AMONG_FOLDED},
    {"$nini", build_among, AMONG_FOLDED | AMONG_NOT},
    {"$inGroup", build_group, 0},
    {"$notInGroup", build_group, AMONG_NOT},
    {"$all", build_all, 0},
    {"$alli", build_all, 1},
    {"$elemMatch", build_element, 0},
    {"$size", build_size, 0},
    {"$type", build_type, 0},
    {"$not", build_not, 0},
    {"$regex", build_regex, 0},
    {"$regexi", build_regex, REGEX_FOLDED},
    {"$notRegex", build_regex, REGEX_NOT},
    {"$notRegexi", build_regex, REGEX_FOLDED | REGEX_NOT},
};
enum { OPERATORS = sizeof(operators) / sizeof(operators[0]) };

static enum err unknown_operator(struct builder *b, struct str name, struct rule_node **out)
{
    struct str names = {"", 0};

    *out = condition_truth(b, false);
    if (b->mode == CONDITION_AS_SDK)
        return OK;
    for (size_t k = 0; k < OPERATORS; k++)
        names = cx_printf(b->cx, STR_FMT " %s", STR_ARG(names), operators[k].name);
    return REFUSE(b, "unknown_operator", STR_FMT " is none of" STR_FMT, STR_ARG(name),
                  STR_ARG(names));
}

static enum err build_one(struct builder *b, const struct place *at, const struct json_iter *it,
                          struct rule_node **out)
{
    size_t len = condition_enter(b, it->key);

    for (size_t k = 0; k < OPERATORS; k++)
        if (str_is(it->key, operators[k].name)) {
            TRY(operators[k].build(b, at, it->value, operators[k].variant, out));
            condition_leave(b, len);
            return OK;
        }
    TRY(unknown_operator(b, it->key, out));
    condition_leave(b, len);
    return OK;
}

static enum err build_operators(struct builder *b, const struct place *at, struct json condition,
                                struct rule_node **out)
{
    struct rule_node **parts = CX_ARRAY(b->cx, struct rule_node *, json_count(condition) + 1);
    uint32_t count = 0;

    TRY(condition_check_count(b, condition));
    for (struct json_iter it = json_iter(condition); json_next(&it); count++)
        TRY(build_one(b, at, &it, &parts[count]));
    *out = rule_node_and(&b->tree, parts, count);
    return OK;
}

/* A value without operators is what is wanted there. */
enum err condition_of_value(struct builder *b, const struct place *at, struct json condition,
                            bool folded, struct rule_node **out)
{
    struct rule_value wanted;

    if (is_operators(condition))
        return build_operators(b, at, condition, out);
    wanted = rule_of_json(b->cx, condition);
    if (wanted.kind == RULE_STRING && folded)
        wanted = rule_of_text(condition_lower(b->cx, rule_text(wanted)));
    switch (json_type(condition)) {
    case JSON_TEXT:
        *out = rule_node_binary(&b->tree, RULE_OP_EQ,
                                call1(b, folded ? "js.lower" : "js.text", value_at(b, at)),
                                condition_constant(b, wanted));
        return OK;
    case JSON_BOOL:
        *out = call2(b, "js.truthIs", value_at(b, at), condition_constant(b, wanted));
        return OK;
    case JSON_NULL:
        *out = call2(b, "js.equal", value_at(b, at), condition_constant(b, wanted));
        return OK;
    case JSON_LIST:
    case JSON_OBJECT:
        *out = call2(b, "js.written", value_at(b, at), condition_constant(b, wanted));
        return OK;
    default:
        *out = call2(b, "js.numberIs", value_at(b, at), condition_constant(b, wanted));
        return OK;
    }
}
