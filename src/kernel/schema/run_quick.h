/*
 * run_quick.h - most values are short texts and small integers under a type and a bound: they are
 * found valid here, without a visit.
 *
 * Invariant: true only when a visit would find the value valid and would leave nothing behind;
 * false says nothing.
 */
#ifndef GREVY_SCHEMA_RUN_QUICK_H
#define GREVY_SCHEMA_RUN_QUICK_H

#include "kernel/schema/format.h"
#include "kernel/schema/run.h"
#include "kernel/schema/walk.h"

static inline bool quick_listed(const struct value_rules *rules, struct str s)
{
    uint64_t hash = member_hash(s);

    if (rules->has_only)
        return !rules->has_enum && hash == rules->only_hash &&
               walk_type(rules->only) == JSON_TEXT && walk_equal(walk_peek(rules->only), s);
    for (size_t k = 0; k < rules->count; k++)
        if (rules->hashes[k] == hash && walk_type(rules->any_of[k]) == JSON_TEXT &&
            walk_equal(walk_peek(rules->any_of[k]), s))
            return true;
    return false;
}

static inline bool quick_text(struct run *run, const struct schema_node *node, struct str s)
{
    const struct text_rules *rules = node->text;

    if (node->types && !(node->types & TYPE_STRING))
        return false;
    if (rules && (rules->pattern || s.len / 4 < rules->len_min || s.len > rules->len_max ||
                  (rules->format && !rules->format->check(run->cx, s))))
        return false;
    return !node->values || quick_listed(node->values, s);
}

static inline bool quick_int(const struct schema_node *node, struct json v)
{
    const struct number_rules *rules = node->number;
    int64_t n;

    if (node->values || (node->types && !(node->types & (TYPE_NUMBER | TYPE_INTEGER))))
        return false;
    if (!rules)
        return true;
    n = json_int(v);
    if (rules->has & ~(unsigned)(BOUND_MIN | BOUND_MAX))
        return false;
    if (rules->has & BOUND_MIN && (rules->minimum.kind != NUMBER_INT || n < rules->minimum.n))
        return false;
    return !(rules->has & BOUND_MAX) ||
           (rules->maximum.kind == NUMBER_INT && n <= rules->maximum.n);
}

static inline bool run_quick(struct run *run, const struct schema_node *node, struct json v)
{
    if (run->annotate || node->apply || node->never)
        return false;
    run->steps--;
    switch (walk_type(v)) {
    case JSON_TEXT:
        return quick_text(run, node, walk_peek(v));
    case JSON_INT:
        return quick_int(node, v);
    default:
        return false;
    }
}

#endif
