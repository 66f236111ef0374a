/*
 * condition.h - conditions in JSON, as GrowthBook and its clients write them, as rules.
 *
 *     {"country": {"$in": ["CN", "SG"]}, "$or": [{"app.version": {"$vgte": "5.2.0"}}, {"beta": true}]}
 *
 * They mean what the JavaScript SDK makes of them (specVersion 0.8.0), JavaScript's comparisons
 * between types included; they compile to the program that CEL compiles to, and have its limits.
 * Differences, all in regular expressions: they are RE2's, which has no look-around and no
 * back-references; those are refused.
 *
 * Invariants:
 *   - a condition is true or false of any attributes: evaluation has no error but the cost limit;
 *   - attributes are one value: a map from names to whatever JSON has (rule_of_json).
 */
#ifndef GREVY_RULE_CONDITION_H
#define GREVY_RULE_CONDITION_H

#include "kernel/json/json.h"
#include "kernel/rule/rule.h"

enum condition_mode {
    CONDITION_STRICT, /* For people who edit: an unknown operator or group is refused. */
    CONDITION_AS_SDK  /* As clients do: an unknown operator is false, an unknown group empty. */
};

/**
 * Compile into keep.  condition and groups (an object: name -> list of values; NULL: none) may be
 * gone afterwards.  Errors: BAD_INPUT with the JSON pointer: "unknown_operator" (with the operators
 * there are), "bad_operand", "bad_pattern", "unknown_group"; UNPROCESSABLE "rule_limit".
 */
MUST_CHECK enum err condition_compile(struct cx *cx, struct arena *keep, struct json condition,
                                      const struct json *groups, enum condition_mode mode,
                                      const struct rule **out);

/** Is it true of these attributes?  False also when it costs more than a rule may. */
bool condition_test(struct cx *cx, const struct rule *rule, struct rule_value attributes);

#endif
