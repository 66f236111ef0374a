/*
 * ast.h - the tree of an expression, as the parser makes it; also made directly by what compiles to
 * rules without a text (decision tables, JSON conditions).
 *
 *     struct rule_tree tree;
 *     rule_tree_open(&tree, arena, source);
 *     root = rule_node_and(&tree, parts, count);
 *     TRY(rule_compile_tree(cx, keep, env, &tree, root, &rule));
 *
 * Invariants:
 *   - a node is made by the functions below, which count nodes and depth; beyond a limit the tree
 *     is spoilt and will not compile, the nodes returned stay usable;
 *   - a node belongs to one parent; spans lie in the source of the tree;
 *   - chains of && and of || are one node with many parts.
 */
#ifndef GREVY_RULE_AST_H
#define GREVY_RULE_AST_H

#include "kernel/rule/rule.h"

enum rule_node_kind {
    RULE_NODE_CONST,
    RULE_NODE_IDENT,   /* name */
    RULE_NODE_SELECT,  /* target.name; optional: target.?name; test: has(target.name) */
    RULE_NODE_CALL,    /* name(args) or target.name(args) */
    RULE_NODE_OP,      /* op over args */
    RULE_NODE_LIST,    /* args */
    RULE_NODE_MAP,     /* args: key, value, key, value ... */
    RULE_NODE_STRUCT,  /* name{...}: parsed, and refused by the checker: there are no messages */
    RULE_NODE_LOOP,    /* loop over target; args: body, or condition and body */
    RULE_NODE_BIND,    /* cel.bind(name, target, args[0]) */
    RULE_NODE_BLOCK,   /* cel.block([args...], target) */
    RULE_NODE_OPT_MAP, /* target.optMap(name, args[0]); flat: optFlatMap */
};

/* Operator, its name among signatures, its text, its precedence. */
#define RULE_OP_MAP(X)                                                                             \
    X(RULE_OP_COND, "_?_:_", "?", 1)                                                               \
    X(RULE_OP_OR, "_||_", "||", 2)                                                                 \
    X(RULE_OP_AND, "_&&_", "&&", 3)                                                                \
    X(RULE_OP_LT, "_<_", "<", 4)                                                                   \
    X(RULE_OP_LE, "_<=_", "<=", 4)                                                                 \
    X(RULE_OP_GT, "_>_", ">", 4)                                                                   \
    X(RULE_OP_GE, "_>=_", ">=", 4)                                                                 \
    X(RULE_OP_EQ, "_==_", "==", 4)                                                                 \
    X(RULE_OP_NE, "_!=_", "!=", 4)                                                                 \
    X(RULE_OP_IN, "@in", "in", 4)                                                                  \
    X(RULE_OP_ADD, "_+_", "+", 5)                                                                  \
    X(RULE_OP_SUB, "_-_", "-", 5)                                                                  \
    X(RULE_OP_MUL, "_*_", "*", 6)                                                                  \
    X(RULE_OP_DIV, "_/_", "/", 6)                                                                  \
    X(RULE_OP_MOD, "_%_", "%", 6)                                                                  \
    X(RULE_OP_NOT, "!_", "!", 7)                                                                   \
    X(RULE_OP_NEG, "-_", "-", 7)                                                                   \
    X(RULE_OP_INDEX, "_[_]", "[", 8)                                                               \
    X(RULE_OP_OPT_INDEX, "_[?_]", "[?", 8)

#define RULE_OP_ENUM(name, call, text, level) name,
enum rule_op { RULE_OP_MAP(RULE_OP_ENUM) RULE_OPS };
#undef RULE_OP_ENUM

enum rule_loop {
    RULE_LOOP_ALL,
    RULE_LOOP_EXISTS,
    RULE_LOOP_EXISTS_ONE,
    RULE_LOOP_MAP,
    RULE_LOOP_FILTER,
    RULE_LOOP_LIST,     /* transformList */
    RULE_LOOP_TO_MAP,   /* transformMap */
    RULE_LOOP_TO_ENTRY, /* transformMapEntry */
    RULE_LOOP_SORT_BY,
    RULE_LOOPS
};

/* What a name turned out to be. */
enum rule_ref {
    RULE_REF_NONE,
    RULE_REF_VARIABLE, /* slot */
    RULE_REF_LOCAL,    /* slot */
    RULE_REF_TYPE,     /* meaning */
    RULE_REF_MISSING,  /* Unchecked: an error when it runs. */
};

struct rule_row;

struct rule_node {
    enum rule_node_kind kind;
    uint32_t number;     /* From 0, in the order of making. */
    uint32_t begin, end; /* Source bytes. */
    uint32_t at;         /* Where an error of this node is: of an operator, its sign. */
    uint32_t depth;      /* 1 + that of the deepest part. */
    uint32_t count;      /* Of args. */
    enum rule_op op;
    enum rule_loop loop;
    bool optional, test, root, method, flat, quoted; /* root: .name; quoted: in backquotes. */
    struct str name, name2;                          /* name2: the second variable of a loop. */
    struct rule_node *target;
    struct rule_node **args;
    bool *optionals; /* Of lists and maps, NULL: none is. */
    struct rule_value value;
    /* Filled in by the checker. */
    const struct rule_type *type, *meaning;
    enum rule_ref ref;
    uint32_t slot, slot2;
    uint32_t *slots; /* Of the parts of a block. */
    struct str full; /* Of a call: the name with its namespace. */
    bool global;     /* Of a call: target is a namespace, not a value. */
};

struct rule_tree {
    struct arena *arena;
    struct str source;
    uint32_t nodes;
    const char *spoilt; /* Which limit, or NULL. */
    uint32_t spoilt_at;
    uint32_t locals; /* Slots that the checker gave out. */
};

struct rule_span {
    uint32_t begin, end;
};

void rule_tree_open(struct rule_tree *tree, struct arena *arena, struct str source);
struct rule_node *rule_node_new(struct rule_tree *tree, enum rule_node_kind kind,
                                struct rule_span span);
/** Take the parts into account: depth.  Called once target and args are set. */
struct rule_node *rule_node_done(struct rule_tree *tree, struct rule_node *node);
void rule_tree_spoil(struct rule_tree *tree, const char *why, uint32_t at);

/* ---- Making trees without a text; spans are 0 .. 0 ---- */

struct rule_node *rule_node_const(struct rule_tree *tree, struct rule_value value);
struct rule_node *rule_node_ident(struct rule_tree *tree, struct str name);
struct rule_node *rule_node_select(struct rule_tree *tree, struct rule_node *target,
                                   struct str name);
struct rule_node *rule_node_has(struct rule_tree *tree, struct rule_node *target, struct str name);
struct rule_node *rule_node_op(struct rule_tree *tree, enum rule_op op,
                               struct rule_node *const *args, uint32_t count);
struct rule_node *rule_node_unary(struct rule_tree *tree, enum rule_op op, struct rule_node *of);
struct rule_node *rule_node_binary(struct rule_tree *tree, enum rule_op op, struct rule_node *a,
                                   struct rule_node *b);
/** No parts: true. */
struct rule_node *rule_node_and(struct rule_tree *tree, struct rule_node *const *args,
                                uint32_t count);
/** No parts: false. */
struct rule_node *rule_node_or(struct rule_tree *tree, struct rule_node *const *args,
                               uint32_t count);
struct rule_node *rule_node_list(struct rule_tree *tree, struct rule_node *const *args,
                                 uint32_t count);
/** target NULL: a global function. */
struct rule_node *rule_node_call(struct rule_tree *tree, struct rule_node *target, struct str name,
                                 struct rule_node *const *args, uint32_t count);
/** loop over target with the variable name; body is the predicate or the value. */
struct rule_node *rule_node_loop(struct rule_tree *tree, enum rule_loop loop,
                                 struct rule_node *target, struct str name, struct rule_node *body);
/** A position in the source for messages and explain. */
struct rule_node *rule_node_at(struct rule_node *node, struct rule_span span);

const char *rule_op_text(enum rule_op op);
const char *rule_op_name(enum rule_op op);
int rule_op_level(enum rule_op op);

/** The tree as text that parses to an equal tree. */
struct str rule_node_text(struct cx *cx, const struct rule_node *node);

/** Parse only; the tree lives in arena.  False: fault says why; tree->spoilt: a limit did. */
bool rule_parse(struct rule_tree *tree, bool macros, struct rule_fault *fault,
                struct rule_node **out);

/** Check and compile a tree, which lives in keep.  Errors: as rule_compile. */
MUST_CHECK enum err rule_compile_tree(struct cx *cx, const struct rule_env *env,
                                      struct rule_tree *tree, struct rule_node *root,
                                      struct rule_fault *fault, const struct rule **out);

/** Line and column of a byte of text. */
void rule_place(struct str text, uint32_t at, struct rule_fault *out);

#endif
