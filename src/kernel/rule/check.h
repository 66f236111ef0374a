/*
 * check.h - the type checker's state, for check*.c and unify.c.
 *
 * Invariants:
 *   - the first fault is kept; checking goes on with dyn, so that nothing later depends on it;
 *   - with env->unchecked there are no faults of types or names: what is unknown is dyn, or an
 *     error when it runs;
 *   - a type parameter is bound at most to one type; a failed attempt leaves no binding.
 */
#ifndef GREVY_RULE_CHECK_H
#define GREVY_RULE_CHECK_H

#include "kernel/rule/ast.h"
#include "kernel/rule/builtin.h"

struct rule_local {
    struct str name;
    const struct rule_type *type;
    uint32_t slot;
    const struct rule_local *outer;
};

/* What a parameter stands for (type), or stood for (in the trail). */
struct rule_bound {
    const struct rule_type *type; /* NULL: free. */
    uint32_t number;
};

enum {
    /* Types compared, parameters and all: {x: x} of {x: x} of ... doubles with every level. */
    RULE_CHECK_STEPS_MAX = 2000000,
    RULE_CHECK_DEPTH_MAX = 1000, /* What the stack bears. */
};

struct rule_check {
    struct arena *arena;
    const struct rule_env *env;
    struct rule_tree *tree;
    struct rule_fault *fault;
    bool failed;
    const struct rule_local *locals;
    struct rule_bound *bound;
    uint32_t bound_count, bound_size;
    struct rule_bound *trail; /* What was bound, in order. */
    uint32_t trail_count, trail_size;
    uint32_t steps, nested;
};

/** The tree's nodes learn what they mean; false: fault says what is wrong. */
bool rule_check(struct arena *arena, const struct rule_env *env, struct rule_tree *tree,
                struct rule_node *root, struct rule_fault *fault);

const struct rule_type *rule_check_node(struct rule_check *c, struct rule_node *node);
const struct rule_type *rule_check_call(struct rule_check *c, struct rule_node *node);
const struct rule_type *rule_check_op(struct rule_check *c, struct rule_node *node);
const struct rule_type *rule_check_loop(struct rule_check *c, struct rule_node *node);
const struct rule_type *rule_check_bind(struct rule_check *c, struct rule_node *node);
const struct rule_type *rule_check_block(struct rule_check *c, struct rule_node *node);
const struct rule_type *rule_check_opt_map(struct rule_check *c, struct rule_node *node);

/** Record a fault unless there is one; dyn. */
const struct rule_type *rule_check_bad(struct rule_check *c, uint32_t at, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
const struct rule_local *rule_find_local(const struct rule_check *c, struct str name);

/** The names that `name` may stand for in the container, innermost first: calls try until it is
 *  true. */
bool rule_in_container(struct rule_check *c, struct str name,
                       bool (*try)(struct rule_check *c, struct str full, struct rule_node *node),
                       struct rule_node *node);
/** a.b.c of plain names as text; false: node is no such chain, or begins with a local. */
bool rule_qualified(struct rule_check *c, const struct rule_node *node, struct str *out);

/* ---- unify.c ---- */

const struct rule_type *rule_fresh(struct rule_check *c);
/** May a `from` stand where a `to` is wanted?  Binds parameters; false binds nothing. */
bool rule_assignable(struct rule_check *c, const struct rule_type *to,
                     const struct rule_type *from);
/** The type of a list that has items of both. */
const struct rule_type *rule_join(struct rule_check *c, const struct rule_type *a,
                                  const struct rule_type *b);
/** Bound parameters replaced; free ones too, by dyn, when final. */
const struct rule_type *rule_substitute(struct rule_check *c, const struct rule_type *type,
                                        bool final);
uint32_t rule_trail(const struct rule_check *c);
void rule_undo(struct rule_check *c, uint32_t trail);

/** As text, for a message. */
struct str rule_shown(struct rule_check *c, const struct rule_type *type);

/* ---- suggest.c ---- */

struct rule_guess {
    struct str wanted, best;
    size_t distance; /* Of best. */
};

void rule_guess_begin(struct rule_guess *guess, struct str wanted);
void rule_guess_offer(struct rule_guess *guess, struct str name);
/** "; did you mean 'x'?" or nothing. */
struct str rule_guess_text(struct rule_check *c, const struct rule_guess *guess);
/** Of a variable, a field of a type, a function. */
struct str rule_guess_variable(struct rule_check *c, struct str name);
struct str rule_guess_field(struct rule_check *c, const struct rule_type *type, struct str name);
struct str rule_guess_function(struct rule_check *c, struct str name, bool member);

#endif
