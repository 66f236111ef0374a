/*
 * condition_js.h - values as JavaScript compares them: what JSON conditions call.
 *
 * Invariant: what is missing is null; arguments are what JSON has, nothing else.
 */
#ifndef GREVY_RULE_CONDITION_JS_H
#define GREVY_RULE_CONDITION_JS_H

#include "kernel/rule/rule.h"

/* Functions that conditions are made of; name(parameters) result. */
extern const struct rule_env condition_env;

/** String(v), in cx. */
struct str condition_text(struct cx *cx, struct rule_value v);
/** "v1.10.0-beta" as text whose bytes sort as versions do, in cx. */
struct str condition_version(struct cx *cx, struct rule_value v);
/** Lower case by Unicode's simple mapping, in cx. */
struct str condition_lower(struct cx *cx, struct str text);
/** A regular expression of JavaScript as RE2 writes it, in cx. */
struct str condition_pattern(struct cx *cx, struct str text, bool folded);

#endif
