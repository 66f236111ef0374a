/*
 * emit.h - the emitter's state, for emit.c and emit_call.c.
 *
 * Invariants: what is emitted lives in arena and refers to the tree and the environment; its cost
 * is the same whether traced or not.
 */
#ifndef GREVY_RULE_EMIT_H
#define GREVY_RULE_EMIT_H

#include "kernel/rule/code.h"

struct rule_emitter {
    struct cx *cx; /* Scratch, for folding. */
    struct arena *arena;
    const struct rule_env *env;
    bool traced;
};

const struct rule_code *rule_emit_node(struct rule_emitter *e, const struct rule_node *node);
struct rule_code *rule_emit_call(struct rule_emitter *e, const struct rule_node *node);
struct rule_code *rule_emit_unknown(struct rule_emitter *e, const struct rule_node *node,
                                    struct str name);
struct rule_code *rule_emit_new(struct rule_emitter *e, const struct rule_node *node,
                                struct rule_value (*run)(struct rule_run *run,
                                                         const struct rule_code *code));
struct rule_code *rule_emit_done(struct rule_code *code);
bool rule_emit_is_const(const struct rule_code *code);

#endif
