/*
 * run_list.c - the items of a list.
 */
#include "kernel/schema/run_quick.h"
#include "kernel/schema/value.h"
#include "kernel/schema/walk.h"

enum { PAIRS_MAX = 8 }; /* Comparing every pair is cheaper than a table up to here. */

static bool visit_item(struct run *run, const struct visit *v, struct json value, size_t index,
                       const struct schema_node *node, const char *keyword)
{
    bool prefix = keyword == v->node->list->prefix_name && index < v->node->list->prefix_count;
    struct visit inner = {.up = v,
                          .node = node,
                          .value = value,
                          .keyword = keyword,
                          .position = prefix ? (int64_t)index : -1,
                          .index = index,
                          .step = STEP_INDEX};

    return run_visit(run, &inner);
}

static bool check_items(struct run *run, const struct visit *v)
{
    const struct list_rules *rules = v->node->list;
    size_t index = 0;
    bool good = true;

    if (rules->prefix_count == 0 && !rules->items)
        return true;
    for (struct json_iter it = walk_iter(v->value); walk_next(&it); index++) {
        bool prefix = index < rules->prefix_count;
        const struct schema_node *node = prefix ? rules->prefix[index] : rules->items;

        if (!node)
            break;
        marks_put(v->marks, index);
        if (run_quick(run, node, it.value))
            continue;
        RUN_CHECK(good, run,
                  visit_item(run, v, it.value, index, node,
                             prefix ? rules->prefix_name : rules->items_name));
        if (run->err != OK)
            return false;
    }
    return good;
}

/* ---- contains ---- */

static void note_contained(struct run *run, const struct visit *v, const struct marks *found)
{
    struct json_out out;

    json_open(&out, run->cx, 0);
    json_list(&out);
    for (size_t k = 0; k < walk_count(v->value); k++)
        if (marks_has(found, k))
            json_put_int(&out, (int64_t)k);
    json_list_end(&out);
    run_note(run, v, "contains", json_done(&out));
}

static bool judge_contained(struct run *run, const struct visit *v, uint64_t count)
{
    const struct list_rules *rules = v->node->list;

    if (count < rules->contains_min)
        return run_fail(run, v, rules->contains_min == 1 ? "contains" : "minContains",
                        "%" PRIu64 " items are as `contains` says; give at least %" PRIu64, count,
                        rules->contains_min);
    if (count > rules->contains_max)
        return run_fail(run, v, "maxContains",
                        "%" PRIu64 " items are as `contains` says; give at most %" PRIu64, count,
                        rules->contains_max);
    return true;
}

static bool check_contains(struct run *run, const struct visit *v)
{
    const struct list_rules *rules = v->node->list;
    bool all = v->marks || run->annotate, report = run->report;
    struct marks *found = run->annotate ? marks_new(run, v->value) : NULL;
    uint64_t count = 0, index = 0;

    run->report = false;
    for (struct json_iter it = walk_iter(v->value); walk_next(&it); index++) {
        if (!visit_item(run, v, it.value, index, rules->contains, "contains"))
            continue;
        count++;
        marks_put(found, index);
        if (rules->contains_marks)
            marks_put(v->marks, index);
        if (!all && count >= rules->contains_min && rules->contains_max == UINT64_MAX)
            break; /* Enough is known. */
    }
    run->report = report;
    if (run->err != OK || !judge_contained(run, v, count))
        return false;
    if (found)
        note_contained(run, v, found);
    return true;
}

/* ---- uniqueItems ---- */

static bool fail_unique(struct run *run, const struct visit *v, size_t first, size_t second)
{
    return run_fail(run, v, "uniqueItems", "items %zu and %zu are equal; remove one", first,
                    second);
}

static bool unique_pairs(struct run *run, const struct visit *v)
{
    struct json seen[PAIRS_MAX];
    size_t count = 0;

    for (struct json_iter it = walk_iter(v->value); walk_next(&it); count++) {
        for (size_t k = 0; k < count; k++)
            if (value_equal(&run->cx->arena, seen[k], it.value, &run->steps))
                return fail_unique(run, v, k, count);
        seen[count] = it.value;
    }
    return run_charge(run, v, 0);
}

struct slot {
    struct json value;
    uint64_t hash;
    size_t index; /* From 1; 0: free. */
};

static bool unique_hashes(struct run *run, const struct visit *v)
{
    size_t size = 16, index = 0;
    struct slot *slots;

    while (size < walk_count(v->value) * 2)
        size *= 2;
    slots = CX_ARRAY(run->cx, struct slot, size);
    for (struct json_iter it = walk_iter(v->value); walk_next(&it);) {
        uint64_t hash = value_hash(it.value);
        size_t k = hash & (size - 1);

        for (; slots[k].index; k = (k + 1) & (size - 1)) {
            if (!run_charge(run, v, 1))
                return false;
            if (slots[k].hash == hash &&
                value_equal(&run->cx->arena, slots[k].value, it.value, &run->steps))
                return fail_unique(run, v, slots[k].index - 1, index);
        }
        slots[k] = (struct slot){it.value, hash, ++index};
    }
    return run_charge(run, v, (int64_t)index);
}

/* ---- All ---- */

static bool check_counts(struct run *run, const struct visit *v)
{
    const struct list_rules *rules = v->node->list;
    size_t count = walk_count(v->value);
    bool good = true;

    if (count < rules->count_min)
        RUN_CHECK(good, run,
                  run_fail(run, v, "minItems", "this has %zu items; give at least %" PRIu64, count,
                           rules->count_min));
    if (count > rules->count_max)
        RUN_CHECK(good, run,
                  run_fail(run, v, "maxItems", "this has %zu items; give at most %" PRIu64, count,
                           rules->count_max));
    return good;
}

bool run_list(struct run *run, const struct visit *v)
{
    const struct list_rules *rules = v->node->list;
    bool good = true;

    RUN_CHECK(good, run, check_counts(run, v));
    RUN_CHECK(good, run, check_items(run, v));
    if (rules->contains)
        RUN_CHECK(good, run, check_contains(run, v));
    if (rules->unique)
        RUN_CHECK(good, run,
                  walk_count(v->value) <= PAIRS_MAX ? unique_pairs(run, v) : unique_hashes(run, v));
    return good;
}

bool run_list_rest(struct run *run, const struct visit *v)
{
    const struct schema_node *node = v->node->list->unevaluated;
    bool good = true, any = false;
    size_t index = 0;

    for (struct json_iter it = walk_iter(v->value); walk_next(&it); index++) {
        if (marks_has(v->marks, index))
            continue;
        any = true;
        if (node->never)
            RUN_CHECK(good, run,
                      run_fail(run, v, "unevaluatedItems",
                               "item %zu is known to no part of the schema; remove it", index));
        else
            RUN_CHECK(good, run, visit_item(run, v, it.value, index, node, "unevaluatedItems"));
    }
    if (run->annotate && good && any)
        run_note(run, v, "unevaluatedItems", STR("true"));
    marks_all(v->marks, index);
    return good;
}
