/*
 * code.h - a rule as it runs: a tree of small nodes, each with the C function that carries it out.
 *
 * A node is called as node->run(run, node) and returns its value in two registers.  What names mean
 * was settled before: a variable is a slot, a field a number, a constant list behind `in` a set.
 *
 * Cost: the whole program's own cost is paid at the start; a loop pays its body's for each round;
 * functions of the host theirs at each call; whatever allocates or goes over bytes or items pays
 * for these.  So nothing is counted per node, and yet no evaluation does more work than its limit.
 *
 * Invariants:
 *   - nodes are immutable once emitted and shared by threads; struct rule_run belongs to one
 *     evaluation;
 *   - once the cost limit is passed run->stopped is set: loops end, nothing absorbs the error;
 *   - run never returns RULE_UNSET.
 */
#ifndef GREVY_RULE_CODE_H
#define GREVY_RULE_CODE_H

#include "kernel/rule/ast.h"
#include "kernel/rule/builtin.h"

struct rule_code;

struct rule_run {
    struct cx *cx;
    const struct rule_value *values;
    struct rule_value *locals;
    void *host;
    const struct rule_env *env;
    uint64_t cost_left;
    uint32_t at;                      /* Where the running call stands. */
    const struct rule_error *stopped; /* The cost limit was passed. */
    struct rule_value *seen;          /* While explaining: the last value of each node. */
};

/* What a call may be: rows of one name and count, or functions of the host. */
struct rule_overload {
    uint8_t kinds[RULE_ARGS_MAX]; /* RULE_KINDS: any. */
    struct rule_value (*call)(struct rule_run *run, const struct rule_value *args);
    const struct rule_function *function; /* Instead of call. */
};

/* Scalars behind `in`, by hash. */
struct rule_set {
    const struct rule_value *items;
    uint32_t count;
    uint32_t *index, mask;
};

struct rule_code {
    struct rule_value (*run)(struct rule_run *run, const struct rule_code *code);
    uint32_t at, cost; /* cost: of this node and all below it, once. */
    uint32_t slot, slot2, count;
    bool optional;
    const struct rule_code *a, *b, *c;
    const struct rule_code **args;
    struct str name;
    union {
        struct rule_value value;
        const struct rule_type *type;
        const struct rule_overload *overloads;
        const struct rule_set *set;
        void *pattern;
        const bool *optionals;
        const uint32_t *slots;
    };
};

struct rule {
    const struct rule_code *code;
    const struct rule_env *env;
    struct rule_tree tree;
    const struct rule_node *root;
    uint64_t cost_max;
};

/* What carries nodes out, in run*.c. */
#define RULE_RUN_MAP(X)                                                                            \
    X(const)                                                                                       \
    X(variable)                                                                                    \
    X(field)                                                                                       \
    X(local)                                                                                       \
    X(missing)                                                                                     \
    X(select)                                                                                      \
    X(has)                                                                                         \
    X(list)                                                                                        \
    X(map)                                                                                         \
    X(call)                                                                                        \
    X(unknown_call)                                                                                \
    X(bind)                                                                                        \
    X(block)                                                                                       \
    X(opt_map)                                                                                     \
    X(cond)                                                                                        \
    X(logic_and)                                                                                   \
    X(logic_or)                                                                                    \
    X(logic_not)                                                                                   \
    X(neg)                                                                                         \
    X(eq)                                                                                          \
    X(ne)                                                                                          \
    X(lt)                                                                                          \
    X(le)                                                                                          \
    X(gt)                                                                                          \
    X(ge)                                                                                          \
    X(add)                                                                                         \
    X(sub)                                                                                         \
    X(mul)                                                                                         \
    X(div)                                                                                         \
    X(mod)                                                                                         \
    X(in)                                                                                          \
    X(in_set)                                                                                      \
    X(index)                                                                                       \
    X(opt_index)                                                                                   \
    X(matches)                                                                                     \
    X(trace)                                                                                       \
    X(loop_all)                                                                                    \
    X(loop_exists)                                                                                 \
    X(loop_one)                                                                                    \
    X(loop_list)                                                                                   \
    X(loop_map)                                                                                    \
    X(loop_sort)
#define RULE_RUN_DECLARE(name)                                                                     \
    struct rule_value rule_run_##name(struct rule_run *run, const struct rule_code *code);
RULE_RUN_MAP(RULE_RUN_DECLARE)
#undef RULE_RUN_DECLARE

/** A field of a variable's object, both known by number.  False: it must be asked for properly. */
static inline bool rule_field_now(const struct rule_run *run, const struct rule_code *code,
                                  struct rule_value *out)
{
    struct rule_value v = run->values[code->slot];

    if (v.kind != RULE_OBJECT || v.object->type != code->type)
        return false;
    *out = v.object->fields[code->slot2];
    return out->kind != RULE_UNSET;
}

/* Run a node.  What most nodes stand over is a field or a constant: no call for these. */
static inline struct rule_value rule_get(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v;

    if (code->run == rule_run_field && rule_field_now(run, code, &v))
        return v;
    if (code->run == rule_run_const)
        return code->value;
    return code->run(run, code);
}

/** As rule_eval; the last value of each node traced goes to seen[node->number]. */
struct rule_value rule_eval_seen(struct cx *cx, const struct rule *rule,
                                 const struct rule_value *values, void *host,
                                 struct rule_value *seen);

/** Emit into arena; traced: nodes write down what they saw (see explain.c). */
const struct rule_code *rule_emit(struct cx *cx, struct arena *arena, const struct rule_env *env,
                                  const struct rule_node *root, bool traced);

/* ---- For the functions that carry nodes out ---- */

/** Items in the order of their keys; an error when two keys have none. */
struct rule_value rule_sorted(struct rule_run *run, uint32_t at, struct rule_value *items,
                              struct rule_value *keys, uint32_t count);

/** False: the limit is passed, return rule_stop(run). */
static inline bool rule_charge(struct rule_run *run, uint64_t units)
{
    if (run->cost_left < units) {
        run->cost_left = 0;
        return false;
    }
    run->cost_left -= units;
    return true;
}

struct rule_value rule_stop(struct rule_run *run, uint32_t at);
struct rule_value rule_bad(struct rule_run *run, uint32_t at, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/** Equal, paid for; RULE_ERROR in *v when the limit is passed. */
struct rule_value rule_equal_paid(struct rule_run *run, uint32_t at, struct rule_value a,
                                  struct rule_value b);
struct rule_value rule_no_overload(struct rule_run *run, uint32_t at, struct str name,
                                   const struct rule_value *args, uint32_t count);
/** Paid for; NULL: the limit is passed. */
void *rule_alloc(struct rule_run *run, size_t size);
/** In a function of a row: an error at the running call; the value for a spent limit. */
#define rule_call_bad(run, ...) rule_bad((run), (run)->at, __VA_ARGS__)
#define rule_call_stop(run)     rule_stop((run), (run)->at)

#endif
