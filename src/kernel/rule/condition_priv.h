/*
 * condition_priv.h - what builds the tree of a JSON condition.  Between condition*.c only.
 *
 * A member of the condition is a path and what must hold of the value there, or a connective.  Each
 * use of a value is a node of its own, so a place says how to make it again.
 */
#ifndef GREVY_RULE_CONDITION_PRIV_H
#define GREVY_RULE_CONDITION_PRIV_H

#include "kernel/rule/ast.h"
#include "kernel/rule/condition.h"
#include "kernel/rule/condition_js.h"
#include "kernel/rule/json_value.h"

enum {
    CONDITION_PARTS_MAX = 1000 /* Members of an object, items of a connective: more is data. */
};

/* Where a value comes from. */
struct place {
    const struct place *of; /* NULL: the variable name. */
    struct str name;        /* A path below it; absent: how many items it has. */
};

struct builder {
    struct cx *cx;
    struct arena *keep;
    struct rule_tree tree;
    const struct json *groups;
    enum condition_mode mode;
    char pointer[PROBLEM_POINTER_LEN_MAX]; /* Where in the condition. */
    int loops;                             /* Names of their variables. */
};

#define REFUSE(b_, code_, ...) fail_at((b_)->cx, ERR_BAD_INPUT, code_, (b_)->pointer, __VA_ARGS__)

/* Into a member, or an item; what is returned leads back. */
size_t condition_enter(struct builder *b, struct str name);
size_t condition_enter_item(struct builder *b, size_t k);
void condition_leave(struct builder *b, size_t len);
MUST_CHECK enum err condition_check_count(struct builder *b, struct json list);

struct rule_node *condition_constant(struct builder *b, struct rule_value v);
struct rule_node *condition_truth(struct builder *b, bool yes);
struct rule_node *condition_not(struct builder *b, struct rule_node *node);

/** What must hold of the value there; folded: texts compare without case. */
MUST_CHECK enum err condition_of_value(struct builder *b, const struct place *at,
                                       struct json condition, bool folded, struct rule_node **out);
/** A whole condition of the attributes there. */
MUST_CHECK enum err condition_of_object(struct builder *b, const struct place *at,
                                        struct json condition, struct rule_node **out);

#endif
