/*
 * rule.h - conditions and computations of operators, written in CEL (Common Expression Language).
 *
 *     static const struct rule_variable variables[] = {{STR("user"), user_type}, ...};
 *     const struct rule_env env = {.variables = variables, .variable_count = 2};
 *     TRY(rule_compile(cx, keep, &env, text, NULL, &rule));
 *     v = rule_eval(cx, rule, values, NULL);        // values[k] is that of variables[k]
 *
 * Invariants:
 *   - a struct rule is immutable and lives in `keep`; any number of threads evaluate it at once;
 *   - evaluation allocates from cx alone, ends within the rule's cost limit and returns a value or
 *     an error with its place; it never fails cx (but a spent arena unwinds, as anywhere);
 *   - what the type checker refuses never runs: an unknown variable or field, a comparison of
 *     unlike types, a call that no signature admits;
 *   - the environment outlives the rule: it belongs to the same snapshot.
 */
#ifndef GREVY_RULE_RULE_H
#define GREVY_RULE_RULE_H

#include "kernel/rule/type.h"
#include "kernel/rule/value.h"

enum {
    RULE_SOURCE_BYTES_MAX = 64 << 10, /* A condition is a page at most; ids belong in segments. */
    RULE_DEPTH_MAX = 200,             /* Levels of nesting: what the stack bears in any build. */
    RULE_NODES_MAX = 20000,           /* Parts of one expression. */
    RULE_LOCALS_MAX = 256,            /* Variables of macros, one inside the other or not. */
    RULE_ARGS_MAX = 8,                /* Of a function; lists are not arguments. */
    RULE_COST_MAX = 1000000,          /* Units of one evaluation, some 5 ns each. */
    RULE_COST_BYTES = 8,              /* Bytes allocated that cost one unit. */
};

struct rule;
struct rule_run;
struct rule_node;

struct rule_variable {
    struct str name; /* May be qualified: "x.y". */
    const struct rule_type *type;
};

/* A function of the host.  Arguments are of the declared types, never errors. */
struct rule_function {
    struct str name;
    bool member; /* x.name(...): x is the first parameter. */
    const struct rule_type *const *params;
    uint32_t param_count;
    const struct rule_type *result;
    uint32_t cost; /* Units of one call. */
    struct rule_value (*call)(struct rule_run *run, const struct rule_value *args, void *data);
    void *data;
};

struct rule_env {
    const struct rule_variable *variables;
    const struct rule_function *functions;
    uint32_t variable_count, function_count;
    struct str container; /* Names are looked up in it first: "com.example". */
    bool unchecked;       /* Types are found out while running; for conformance and drafts. */
    bool no_macros;       /* has, all, exists ... are ordinary calls. */
    uint64_t cost_max;    /* 0: RULE_COST_MAX. */
};

/* Why a text is no rule, or where an evaluation went wrong. */
struct rule_fault {
    char text[PROBLEM_DETAIL_LEN_MAX];
    uint32_t line, column; /* From 1; columns count characters. */
};

/**
 * Compile into keep.  fault, unless NULL, says what cx's problem says, with the place apart.
 * Errors: UNPROCESSABLE "rule_syntax" | "rule_type" | "rule_limit".
 */
MUST_CHECK enum err rule_compile(struct cx *cx, struct arena *keep, const struct rule_env *env,
                                 struct str text, struct rule_fault *fault,
                                 const struct rule **out);

/** Run.  values: one for each variable of the environment, RULE_UNSET where there is none. */
struct rule_value rule_eval(struct cx *cx, const struct rule *rule, const struct rule_value *values,
                            void *host);

/** Of a condition.  Errors: UNPROCESSABLE "rule_failed", when it yields an error or no bool. */
MUST_CHECK enum err rule_test(struct cx *cx, const struct rule *rule,
                              const struct rule_value *values, void *host, bool *out);

const struct rule_type *rule_type_result(const struct rule *rule);
struct str rule_source(const struct rule *rule);
/** Place and text of an error that rule_eval returned. */
void rule_fault_of(const struct rule *rule, struct rule_value error, struct rule_fault *out);

/* ---- Explain: a second way to run the same tree, with the same result ---- */

struct rule_step {
    uint32_t begin, end; /* Bytes of the source. */
    int depth;           /* 0: the whole expression. */
    bool decided;        /* This step made its parent what it is. */
    struct rule_value value;
};

struct rule_why {
    struct rule_value value;
    const struct rule_step *steps; /* From the whole to the part, parents first. */
    size_t count;
};

/** Evaluate and say which clauses decided: the path from the whole to the values it saw. */
struct rule_why rule_explain(struct cx *cx, const struct rule *rule,
                             const struct rule_value *values, void *host);
/** A line for each step: the source, what it was, a mark where it decided. */
struct str rule_why_text(struct cx *cx, const struct rule *rule, const struct rule_why *why);

/* ---- For functions of the host ---- */

struct cx *rule_cx(struct rule_run *run);
void *rule_host(struct rule_run *run);
/** Pay for work beyond the declared cost; false: the limit is reached, return anything. */
bool rule_pay(struct rule_run *run, uint64_t units);
/** An error at the running call. */
struct rule_value rule_error_of(struct rule_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** The value as CEL text ("[1, 2u, \"x\"]"), cut at len_max bytes. */
struct str rule_value_text(struct cx *cx, struct rule_value v, size_t len_max);

#endif
