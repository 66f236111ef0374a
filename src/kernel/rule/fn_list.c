/*
 * fn_list.c - size of anything, and functions of lists.
 */
#include <string.h>

#include "kernel/rule/code.h"
#include "kernel/rule/utf8.h"

enum { RANGE_MAX = 1000000, FLATTEN_DEPTH_MAX = 100 };

static struct rule_value fn_size_text(struct rule_run *run, const struct rule_value *args)
{
    if (!rule_charge(run, args[0].len / RULE_COST_BYTES))
        return rule_call_stop(run);
    return rule_of_int(utf8_count(rule_text(args[0])));
}

static struct rule_value fn_size(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_int(args[0].len);
}

static struct rule_value fn_size_map(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_int(args[0].map->count);
}

/* ---- Order ---- */

struct sorting {
    struct rule_run *run;
    struct rule_value *items, *keys, *spare_items, *spare_keys;
    bool strange; /* Two keys have no order. */
};

static bool after(struct sorting *s, struct rule_value a, struct rule_value b)
{
    int order = 0;
    bool ordered;

    if (!rule_compare(a, b, &order, &ordered))
        s->strange |= !ordered;
    return order > 0;
}

/* Merge [from, middle) and [middle, to). */
static void merge(struct sorting *s, size_t from, size_t middle, size_t to)
{
    size_t a = from, b = middle;

    for (size_t k = from; k < to; k++) {
        bool second = a == middle || (b < to && after(s, s->keys[a], s->keys[b]));
        size_t take = second ? b++ : a++;

        s->spare_items[k] = s->items[take];
        s->spare_keys[k] = s->keys[take];
    }
    memcpy(s->items + from, s->spare_items + from, sizeof(*s->items) * (to - from));
    memcpy(s->keys + from, s->spare_keys + from, sizeof(*s->keys) * (to - from));
}

struct rule_value rule_sorted(struct rule_run *run, uint32_t at, struct rule_value *items,
                              struct rule_value *keys, uint32_t count)
{
    size_t bytes = sizeof(*items) * ((size_t)count + 1);
    struct sorting s = {run, items, keys, rule_alloc(run, bytes), rule_alloc(run, bytes), false};

    if (!s.spare_items || !s.spare_keys)
        return rule_stop(run, at);
    for (size_t width = 1; width < count; width *= 2) {
        if (!rule_charge(run, count))
            return rule_stop(run, at);
        for (size_t from = 0; from + width < count; from += 2 * width)
            merge(&s, from, from + width, from + 2 * width < count ? from + 2 * width : count);
    }
    if (s.strange)
        return rule_bad(run, at, "no such overload: only values of one ordered type are sorted");
    return rule_of_list(items, count);
}

static struct rule_value *copy_items(struct rule_run *run, struct rule_value list)
{
    struct rule_value *items = rule_alloc(run, sizeof(*items) * ((size_t)list.len + 1));

    if (items && list.len)
        memcpy(items, list.items, sizeof(*items) * list.len);
    return items;
}

static struct rule_value fn_sort(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value *items = copy_items(run, args[0]), *keys = copy_items(run, args[0]);

    if (!items || !keys)
        return rule_call_stop(run);
    return rule_sorted(run, run->at, items, keys, args[0].len);
}

static struct rule_value fn_reverse(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value *items = copy_items(run, args[0]);

    if (!items)
        return rule_call_stop(run);
    for (uint32_t k = 0; k < args[0].len; k++)
        items[k] = args[0].items[args[0].len - 1 - k];
    return rule_of_list(items, args[0].len);
}

/* ---- Parts ---- */

static struct rule_value fn_slice(struct rule_run *run, const struct rule_value *args)
{
    int64_t from = args[1].i, to = args[2].i;

    if (from < 0 || to < from || to > args[0].len)
        return rule_call_bad(run, "cannot slice(%" PRId64 ", %" PRId64 ") a list of %u items", from,
                             to, args[0].len);
    return rule_of_list(args[0].items + from, (size_t)(to - from));
}

static bool has_item(struct rule_run *run, const struct rule_value *items, uint32_t count,
                     struct rule_value v)
{
    for (uint32_t k = 0; k < count; k++) {
        struct rule_value same = rule_equal_paid(run, run->at, items[k], v);

        if (same.kind != RULE_BOOL || same.truth)
            return true;
    }
    return false;
}

static struct rule_value fn_distinct(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value *items = rule_alloc(run, sizeof(*items) * ((size_t)args[0].len + 1));
    uint32_t count = 0;

    if (!items)
        return rule_call_stop(run);
    for (uint32_t k = 0; k < args[0].len; k++) {
        if (!rule_charge(run, count))
            return rule_call_stop(run);
        if (!has_item(run, items, count, args[0].items[k]))
            items[count++] = args[0].items[k];
    }
    return run->stopped ? rule_call_stop(run) : rule_of_list(items, count);
}

static uint64_t flat_count(struct rule_run *run, struct rule_value list, int64_t depth)
{
    uint64_t count = 0;

    for (uint32_t k = 0; k < list.len && rule_charge(run, 1); k++)
        count += depth && list.items[k].kind == RULE_LIST
                     ? flat_count(run, list.items[k], depth - 1)
                     : 1;
    return count;
}

static void flatten(struct rule_value list, int64_t depth, struct rule_value **out)
{
    for (uint32_t k = 0; k < list.len; k++)
        if (depth && list.items[k].kind == RULE_LIST)
            flatten(list.items[k], depth - 1, out);
        else
            *(*out)++ = list.items[k];
}

static struct rule_value flat(struct rule_run *run, struct rule_value list, int64_t depth)
{
    struct rule_value *items, *end;
    uint64_t count;

    if (depth < 0)
        return rule_call_bad(run, "flatten: level must be non-negative");
    depth = depth > FLATTEN_DEPTH_MAX ? FLATTEN_DEPTH_MAX : depth;
    count = flat_count(run, list, depth);
    items = run->cost_left ? rule_alloc(run, sizeof(*items) * (count + 1)) : NULL;
    if (!items)
        return rule_call_stop(run);
    end = items;
    flatten(list, depth, &end);
    return rule_of_list(items, count);
}

static struct rule_value fn_flatten(struct rule_run *run, const struct rule_value *args)
{
    return flat(run, args[0], 1);
}

static struct rule_value fn_flatten_to(struct rule_run *run, const struct rule_value *args)
{
    return flat(run, args[0], args[1].i);
}

static struct rule_value fn_range(struct rule_run *run, const struct rule_value *args)
{
    int64_t count = args[0].i < 0 ? 0 : args[0].i;
    struct rule_value *items =
        count > RANGE_MAX ? NULL : rule_alloc(run, sizeof(*items) * ((size_t)count + 1));

    if (!items)
        return rule_call_stop(run);
    for (int64_t k = 0; k < count; k++)
        items[k] = rule_of_int(k);
    return rule_of_list(items, (size_t)count);
}

static struct rule_value fn_first(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_optional(args[0].len ? args[0].items : NULL);
}

static struct rule_value fn_last(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_optional(args[0].len ? args[0].items + args[0].len - 1 : NULL);
}

static const struct rule_row ROWS[] = {
    {"size", false, "s:i", fn_size_text},     {"size", true, "s:i", fn_size_text},
    {"size", false, "y:i", fn_size},          {"size", true, "y:i", fn_size},
    {"size", false, "LA:i", fn_size},         {"size", true, "LA:i", fn_size},
    {"size", false, "MAB:i", fn_size_map},    {"size", true, "MAB:i", fn_size_map},
    {"sort", true, "LA:LA", fn_sort},         {"reverse", true, "LA:LA", fn_reverse},
    {"slice", true, "LAii:LA", fn_slice},     {"distinct", true, "LA:LA", fn_distinct},
    {"flatten", true, "LLA:LA", fn_flatten},  {"flatten", true, "L*i:L*", fn_flatten_to},
    {"lists.range", false, "i:Li", fn_range}, {"first", true, "LA:OA", fn_first},
    {"last", true, "LA:OA", fn_last},
};

const struct rule_rows rule_list_rows = RULE_ROWS(ROWS);
