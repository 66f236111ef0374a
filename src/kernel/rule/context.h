/*
 * context.h - what conditions may speak of, declared in a table: variables with their fields and
 * types, functions with theirs.
 *
 *     static const struct rule_part user_parts[] = {PART("level", &rule_int, "等级", "Level"), ...};
 *     static const struct rule_part parts[] = {OBJECT("user", user_parts, "用户", "User"), ...};
 *     static const struct rule_context context = {.name = "visit", .parts = parts};
 *     env = rule_context_env(keep, &context);                 // once
 *     TRY(rule_compile(cx, keep, env, text, NULL, &rule));     // misspellings are refused here
 *     TRY(rule_context_values(cx, env, json, &values));        // or fill them from a struct
 *
 * Invariants:
 *   - tables end with an element without a name; they live as long as what is made of them;
 *   - a field that a value lacks is null, and has(user.field) is false of it.
 */
#ifndef GREVY_RULE_CONTEXT_H
#define GREVY_RULE_CONTEXT_H

#include "kernel/json/json.h"
#include "kernel/rule/rule.h"

/* A variable, or a field of one. */
struct rule_part {
    const char *name;
    const struct rule_type *type;  /* NULL: an object of parts. */
    const struct rule_part *parts; /* Each with a type. */
    const char *zh, *en;           /* For people who write conditions. */
};
#define PART(name_, type_, zh_, en_)                                                               \
    {                                                                                              \
        (name_), (type_), NULL, (zh_), (en_)                                                       \
    }
#define OBJECT(name_, parts_, zh_, en_)                                                            \
    {                                                                                              \
        (name_), NULL, (parts_), (zh_), (en_)                                                      \
    }
#define PARTS_END                                                                                  \
    {                                                                                              \
        NULL, NULL, NULL, NULL, NULL                                                               \
    }

struct rule_context {
    const char *name, *zh, *en;
    const struct rule_part *parts;
    const struct rule_function *functions;
    uint32_t function_count;
    uint64_t cost_max; /* Of one evaluation; 0: RULE_COST_MAX. */
};

/** The environment of the context, in keep. */
const struct rule_env *rule_context_env(struct arena *keep, const struct rule_context *context);

/** One value for each variable, in cx, from a JSON object.  Errors: BAD_INPUT "bad_context" with the
 *  pointer of a member that is not of its type, or that the context does not have. */
MUST_CHECK enum err rule_context_values(struct cx *cx, const struct rule_env *env,
                                        struct json object, struct rule_value **out);

/* ---- The kernel's own: a person who visits (context_visit.c) ---- */

/* What host points to when a condition of "visit" is evaluated. */
struct rule_visit {
    struct str user_id; /* bucket() goes by it; absent: nobody is known. */
};
extern const struct rule_context rule_visit_context;

/** Those there are, for tools; ends with NULL. */
extern const struct rule_context *const rule_contexts[];

#endif
