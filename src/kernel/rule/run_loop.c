/*
 * run_loop.c - the loops of macros, and what binds names without a loop.
 *
 * A loop's node: a the range, b the condition or NULL, c the body, slot and slot2 its variables
 * (slot2 only when `optional` says that there are two), name the macro's.
 */
#include <string.h>

#include "kernel/rule/code.h"

struct rounds {
    struct rule_value range;
    uint32_t count, next;
};

/* False: *bad is why there is nothing to go over. */
static bool begin(struct rule_run *run, const struct rule_code *code, struct rounds *out,
                  struct rule_value *bad)
{
    struct rule_value range = code->a->run(run, code->a);

    *out = (struct rounds){.range = range};
    if (range.kind == RULE_LIST)
        out->count = range.len;
    else if (range.kind == RULE_MAP)
        out->count = range.map->count;
    else
        *bad = range.kind == RULE_ERROR ? range
                                        : rule_no_overload(run, code->at, code->name, &range, 1);
    return range.kind == RULE_LIST || range.kind == RULE_MAP;
}

/* Sets the variables; false at the end, and when the limit is passed. */
static bool next(struct rule_run *run, const struct rule_code *code, struct rounds *at)
{
    struct rule_value *locals = run->locals;
    uint32_t k = at->next;

    if (k == at->count || run->stopped)
        return false;
    if (!rule_charge(run, code->c->cost + (code->b ? code->b->cost : 0) + 1)) {
        (void)rule_stop(run, code->at);
        return false;
    }
    if (at->range.kind == RULE_MAP) {
        locals[code->slot] = at->range.map->keys[k];
        if (code->optional)
            locals[code->slot2] = at->range.map->values[k];
    } else {
        locals[code->slot] = code->optional ? rule_of_int(k) : at->range.items[k];
        if (code->optional)
            locals[code->slot2] = at->range.items[k];
    }
    at->next++;
    return true;
}

static struct rule_value stopped_or(struct rule_run *run, const struct rule_code *code,
                                    struct rule_value v)
{
    return run->stopped ? rule_stop(run, code->at) : v;
}

static struct rule_value bool_of(struct rule_run *run, const struct rule_code *code,
                                 struct rule_value v)
{
    return v.kind == RULE_BOOL || v.kind == RULE_ERROR
               ? v
               : rule_no_overload(run, code->at, STR("condition"), &v, 1);
}

/* all and exists: && and || over the rounds. */
static struct rule_value decide(struct rule_run *run, const struct rule_code *code, bool decides)
{
    struct rule_value v, bad = rule_of_bool(!decides);
    struct rounds rounds;

    if (!begin(run, code, &rounds, &v))
        return v;
    while (next(run, code, &rounds)) {
        v = bool_of(run, code->c, code->c->run(run, code->c));
        if (v.kind == RULE_BOOL && v.truth == decides)
            return v;
        if (v.kind == RULE_ERROR && bad.kind != RULE_ERROR)
            bad = v;
    }
    return stopped_or(run, code, bad);
}

struct rule_value rule_run_loop_all(struct rule_run *run, const struct rule_code *code)
{
    return decide(run, code, false);
}

struct rule_value rule_run_loop_exists(struct rule_run *run, const struct rule_code *code)
{
    return decide(run, code, true);
}

struct rule_value rule_run_loop_one(struct rule_run *run, const struct rule_code *code)
{
    struct rounds rounds;
    struct rule_value v;
    int64_t count = 0;

    if (!begin(run, code, &rounds, &v))
        return v;
    while (next(run, code, &rounds)) {
        v = bool_of(run, code->c, code->c->run(run, code->c));
        if (v.kind == RULE_ERROR)
            return v;
        count += v.truth;
    }
    return stopped_or(run, code, rule_of_bool(count == 1));
}

/* Does this round count?  *bad is RULE_ERROR when its condition fails. */
static bool wanted(struct rule_run *run, const struct rule_code *code, struct rule_value *bad)
{
    if (!code->b)
        return true;
    *bad = bool_of(run, code->b, code->b->run(run, code->b));
    return bad->kind == RULE_BOOL && bad->truth;
}

/* map, filter, transformList.  A filter's body is its variable. */
struct rule_value rule_run_loop_list(struct rule_run *run, const struct rule_code *code)
{
    struct rounds rounds;
    struct rule_value v = rule_of_null(), *items;
    uint32_t count = 0;

    if (!begin(run, code, &rounds, &v))
        return v;
    v = rule_of_null();
    items = rule_alloc(run, sizeof(*items) * ((size_t)rounds.count + 1));
    if (!items)
        return rule_stop(run, code->at);
    while (next(run, code, &rounds)) {
        if (wanted(run, code, &v)) {
            v = code->c->run(run, code->c);
            items[count++] = v;
        }
        if (v.kind == RULE_ERROR)
            return v;
    }
    return stopped_or(run, code, rule_of_list(items, count));
}

/* ---- Maps ---- */

/* Maps of transformMapEntry grow as entries come. */
static bool reserve(struct rule_run *run, struct rule_map **map, uint32_t more)
{
    struct rule_map *old = *map, *bigger;
    size_t size = (size_t)(old ? old->count : 0) + more;

    if (old && size <= old->size)
        return true;
    size = old && size < 2 * (size_t)old->size ? 2 * (size_t)old->size : size;
    if (!rule_charge(run, size * (2 * sizeof(struct rule_value) / RULE_COST_BYTES + 2)))
        return false;
    bigger = rule_map_new(&run->cx->arena, size);
    for (uint32_t k = 0; old && k < old->count; k++)
        (void)rule_map_put(bigger, old->keys[k], old->values[k]);
    *map = bigger;
    return true;
}

static struct rule_value put(struct rule_run *run, const struct rule_code *code,
                             struct rule_map **map, const struct rule_value pair[2])
{
    if (!rule_key_ok(pair[0]))
        return rule_bad(run, code->at,
                        "unsupported key type: a key is a bool, int, uint or "
                        "string");
    if (!reserve(run, map, 1))
        return rule_stop(run, code->at);
    if (!rule_map_put(*map, pair[0], pair[1]))
        return rule_bad(run, code->at, "insert failed: key already exists: " STR_FMT,
                        STR_ARG(rule_value_text(run->cx, pair[0], 80)));
    return rule_of_null();
}

/* transformMapEntry: what the body yields is added as a whole. */
static struct rule_value put_all(struct rule_run *run, const struct rule_code *code,
                                 struct rule_map **map, struct rule_value entries)
{
    struct rule_value done = rule_of_null();

    if (entries.kind != RULE_MAP)
        return rule_no_overload(run, code->at, STR("transformMapEntry"), &entries, 1);
    for (uint32_t k = 0; k < entries.map->count && done.kind != RULE_ERROR; k++)
        done = put(run, code, map,
                   (struct rule_value[2]){entries.map->keys[k], entries.map->values[k]});
    return done;
}

static struct rule_value put_round(struct rule_run *run, const struct rule_code *code,
                                   struct rule_map **map)
{
    struct rule_value key = run->locals[code->slot], v = rule_of_null();

    if (!wanted(run, code, &v))
        return v;
    v = code->c->run(run, code->c);
    if (v.kind == RULE_ERROR)
        return v;
    if (code->count == RULE_LOOP_TO_ENTRY)
        return put_all(run, code, map, v);
    return put(run, code, map, (struct rule_value[2]){key, v});
}

struct rule_value rule_run_loop_map(struct rule_run *run, const struct rule_code *code)
{
    struct rule_map *map = NULL;
    struct rounds rounds;
    struct rule_value v;

    if (!begin(run, code, &rounds, &v))
        return v;
    if (!reserve(run, &map, rounds.count))
        return rule_stop(run, code->at);
    while (next(run, code, &rounds)) {
        v = put_round(run, code, &map);
        if (v.kind == RULE_ERROR)
            return v;
    }
    return stopped_or(run, code, rule_of_map(map));
}

/* ---- sortBy ---- */

struct rule_value rule_run_loop_sort(struct rule_run *run, const struct rule_code *code)
{
    struct rounds rounds;
    struct rule_value v, *items, *keys;

    if (!begin(run, code, &rounds, &v))
        return v;
    items = rule_alloc(run, sizeof(*items) * ((size_t)rounds.count + 1));
    keys = rule_alloc(run, sizeof(*keys) * ((size_t)rounds.count + 1));
    if (!items || !keys)
        return rule_stop(run, code->at);
    while (next(run, code, &rounds)) {
        items[rounds.next - 1] = run->locals[code->slot];
        keys[rounds.next - 1] = code->c->run(run, code->c);
        if (keys[rounds.next - 1].kind == RULE_ERROR)
            return keys[rounds.next - 1];
    }
    if (run->stopped)
        return rule_stop(run, code->at);
    return rule_sorted(run, code->at, items, keys, rounds.count);
}

/* ---- Names without a loop ---- */

/* The value is there from the start: nothing but time is lost when it is not used. */
struct rule_value rule_run_bind(struct rule_run *run, const struct rule_code *code)
{
    run->locals[code->slot] = code->a->run(run, code->a);
    return code->b->run(run, code->b);
}

/* All parts in order: an error is kept in its slot and matters only where it is used. */
struct rule_value rule_run_block(struct rule_run *run, const struct rule_code *code)
{
    for (uint32_t k = 0; k < code->count; k++)
        run->locals[code->slots[k]] = code->args[k]->run(run, code->args[k]);
    return code->a->run(run, code->a);
}

struct rule_value rule_run_opt_map(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v = code->a->run(run, code->a), *copy;

    if (v.kind == RULE_ERROR || (v.kind == RULE_OPTIONAL && !v.items))
        return v;
    if (v.kind != RULE_OPTIONAL)
        return rule_no_overload(run, code->at, STR("optMap"), &v, 1);
    run->locals[code->slot] = *v.items;
    v = code->b->run(run, code->b);
    if (v.kind == RULE_ERROR || code->optional) /* optFlatMap */
        return v.kind == RULE_ERROR || v.kind == RULE_OPTIONAL
                   ? v
                   : rule_no_overload(run, code->at, STR("optFlatMap"), &v, 1);
    copy = rule_alloc(run, sizeof(*copy));
    if (!copy)
        return rule_stop(run, code->at);
    *copy = v;
    return rule_of_optional(copy);
}
