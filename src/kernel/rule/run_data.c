/*
 * run_data.c - lists, maps, fields, optionals: taking apart and putting together.
 */
#include <math.h>
#include <string.h>

#include "kernel/rule/code.h"

enum found { FOUND, MISSING, STRANGE }; /* STRANGE: nothing of this kind is looked up in there. */

static struct rule_value some(struct rule_run *run, uint32_t at, struct rule_value v)
{
    struct rule_value *copy = rule_alloc(run, sizeof(*copy));

    if (!copy)
        return rule_stop(run, at);
    *copy = v;
    return rule_of_optional(copy);
}

/* What a lookup in an optional, or one that asks for an optional, yields. */
static struct rule_value wrap(struct rule_run *run, uint32_t at, enum found found,
                              struct rule_value v)
{
    return found == FOUND ? some(run, at, v) : rule_of_optional(NULL);
}

/* ---- Fields ---- */

static enum found field_of(const struct rule_code *code, struct rule_value from,
                           struct rule_value *out)
{
    const struct rule_value *value = NULL;
    int number;

    if (from.kind == RULE_MAP) {
        value = rule_map_get(from.map, rule_of_text(code->name));
    } else if (from.kind == RULE_OBJECT) {
        number = from.object->type == code->type ? (int)code->slot2
                                                 : rule_field_number(from.object->type, code->name);
        value = number < 0 ? NULL : &from.object->fields[number];
    } else {
        return STRANGE;
    }
    if (!value || value->kind == RULE_UNSET)
        return MISSING;
    *out = *value;
    return FOUND;
}

static struct rule_value no_field(struct rule_run *run, const struct rule_code *code,
                                  struct rule_value from)
{
    if (from.kind == RULE_MAP || from.kind == RULE_OBJECT)
        return rule_bad(run, code->at, "no such key: '" STR_FMT "'", STR_ARG(code->name));
    return rule_bad(run, code->at, "no such key: a %s has no field '" STR_FMT "'",
                    rule_type_of_value(from)->name.ptr, STR_ARG(code->name));
}

struct rule_value rule_run_select(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value from = code->a->run(run, code->a), out = from;
    bool optional = from.kind == RULE_OPTIONAL;
    enum found found;

    if (from.kind == RULE_ERROR || (optional && !from.items))
        return from;
    if (optional)
        from = *from.items;
    found = field_of(code, from, &out);
    if (found == STRANGE || (found == MISSING && !optional && !code->optional))
        return no_field(run, code, from);
    return optional || code->optional ? wrap(run, code->at, found, out) : out;
}

struct rule_value rule_run_has(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value from = code->a->run(run, code->a), out;
    enum found found;

    if (from.kind == RULE_ERROR)
        return from;
    if (from.kind == RULE_OPTIONAL && !from.items)
        return rule_of_bool(false);
    if (from.kind == RULE_OPTIONAL)
        from = *from.items;
    found = field_of(code, from, &out);
    return found == STRANGE ? no_field(run, code, from) : rule_of_bool(found == FOUND);
}

/* ---- Index ---- */

#define EXACT_MAX 9007199254740992.0 /* Up to here a double holds every whole number. */

/* A whole number in any of the three types. */
static bool place_of(struct rule_value v, int64_t *out)
{
    if (v.kind == RULE_DOUBLE && v.d == trunc(v.d) && fabs(v.d) < EXACT_MAX)
        *out = (int64_t)v.d;
    else if (v.kind == RULE_UINT && v.u <= INT64_MAX)
        *out = (int64_t)v.u;
    else if (v.kind == RULE_INT)
        *out = v.i;
    else
        return false;
    return true;
}

static enum found item_of(struct rule_value from, struct rule_value key, struct rule_value *out)
{
    const struct rule_value *value;
    int64_t place;

    if (from.kind == RULE_MAP) {
        value = rule_key_ok(key) || key.kind == RULE_DOUBLE ? rule_map_get(from.map, key) : NULL;
    } else if (from.kind == RULE_LIST) {
        if (!place_of(key, &place))
            return STRANGE;
        value = place >= 0 && place < from.len ? &from.items[place] : NULL;
    } else {
        return STRANGE;
    }
    if (value)
        *out = *value;
    return value ? FOUND : MISSING;
}

static struct rule_value no_item(struct rule_run *run, const struct rule_code *code,
                                 struct rule_value from, struct rule_value key)
{
    struct rule_value args[] = {from, key};

    if (from.kind == RULE_LIST && key.kind == RULE_INT)
        return rule_bad(run, code->at, "invalid_argument: index %" PRId64 " of a list of %u", key.i,
                        from.len);
    if (from.kind != RULE_MAP)
        return rule_no_overload(run, code->at, STR("_[_]"), args, 2);
    return rule_bad(run, code->at, "no such key: " STR_FMT,
                    STR_ARG(rule_value_text(run->cx, key, 80)));
}

static struct rule_value at_index(struct rule_run *run, const struct rule_code *code, bool asked)
{
    struct rule_value from = code->a->run(run, code->a), key, out = from;
    bool optional = from.kind == RULE_OPTIONAL;
    enum found found;

    if (from.kind == RULE_ERROR)
        return from;
    key = code->b->run(run, code->b);
    if (key.kind == RULE_ERROR)
        return key;
    if (optional && !from.items)
        return from;
    if (optional)
        from = *from.items;
    found = item_of(from, key, &out);
    if (found == STRANGE || (found == MISSING && !optional && !asked))
        return no_item(run, code, from, key);
    return optional || asked ? wrap(run, code->at, found, out) : out;
}

struct rule_value rule_run_index(struct rule_run *run, const struct rule_code *code)
{
    return at_index(run, code, false);
}

struct rule_value rule_run_opt_index(struct rule_run *run, const struct rule_code *code)
{
    return at_index(run, code, true);
}

/* ---- in ---- */

static struct rule_value in_list(struct rule_run *run, const struct rule_code *code,
                                 struct rule_value v, struct rule_value list)
{
    struct rule_value same = rule_of_bool(false);

    if (!rule_charge(run, list.len))
        return rule_stop(run, code->at);
    for (uint32_t k = 0; k < list.len; k++) {
        same = rule_equal_paid(run, code->at, v, list.items[k]);
        if (same.kind != RULE_BOOL || same.truth)
            break;
    }
    return same;
}

struct rule_value rule_run_in(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value args[2];

    args[0] = code->a->run(run, code->a);
    if (args[0].kind == RULE_ERROR)
        return args[0];
    args[1] = code->b->run(run, code->b);
    if (args[1].kind == RULE_ERROR)
        return args[1];
    if (args[1].kind == RULE_LIST)
        return in_list(run, code, args[0], args[1]);
    if (args[1].kind != RULE_MAP)
        return rule_no_overload(run, code->at, STR("@in"), args, 2);
    return rule_of_bool((rule_key_ok(args[0]) || args[0].kind == RULE_DOUBLE) &&
                        rule_map_get(args[1].map, args[0]));
}

static inline bool same(struct rule_value a, struct rule_value b)
{
    if (a.kind == RULE_STRING && b.kind == RULE_STRING)
        return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
    return rule_equal(a, b);
}

/* In a constant list of scalars: few are compared in turn, many are hashed. */
struct rule_value rule_run_in_set(struct rule_run *run, const struct rule_code *code)
{
    const struct rule_set *set = code->set;
    const struct rule_value *items = set->items;
    struct rule_value v = rule_get(run, code->a);

    if (v.kind == RULE_ERROR)
        return v;
    for (uint32_t k = 0; !set->index && k < set->count; k++)
        if (same(v, items[k]))
            return rule_of_bool(true);
    if (!set->index || v.kind >= RULE_LIST)
        return rule_of_bool(false);
    for (uint32_t at = (uint32_t)rule_hash(v) & set->mask; set->index[at];
         at = (at + 1) & set->mask)
        if (same(v, items[set->index[at] - 1]))
            return rule_of_bool(true);
    return rule_of_bool(false);
}

/* ---- Literals ---- */

/* The value of a part; behind a ?, what its optional holds.  *skip: nothing. */
static struct rule_value part(struct rule_run *run, const struct rule_code *code, bool optional,
                              bool *skip)
{
    struct rule_value v = code->run(run, code);

    *skip = false;
    if (!optional || v.kind == RULE_ERROR)
        return v;
    if (v.kind != RULE_OPTIONAL)
        return rule_bad(run, code->at, "no such overload: an optional is wanted behind ?");
    *skip = !v.items;
    return v.items ? *v.items : v;
}

struct rule_value rule_run_list(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value *items = rule_alloc(run, sizeof(*items) * (code->count + 1));
    uint32_t count = 0;
    bool skip;

    if (!items)
        return rule_stop(run, code->at);
    for (uint32_t k = 0; k < code->count; k++) {
        bool optional = code->optionals && code->optionals[k];
        struct rule_value v = part(run, code->args[k], optional, &skip);

        if (v.kind == RULE_ERROR)
            return v;
        items[count] = v;
        count += !skip;
    }
    return rule_of_list(items, count);
}

static struct rule_value bad_key(struct rule_run *run, uint32_t at, struct rule_value key)
{
    if (rule_key_ok(key))
        return rule_bad(run, at, "repeated key: " STR_FMT,
                        STR_ARG(rule_value_text(run->cx, key, 80)));
    return rule_bad(run, at,
                    "unsupported key type: a key is a bool, int, uint or string, this is " STR_FMT,
                    STR_ARG(rule_type_of_value(key)->name));
}

struct rule_value rule_run_map(struct rule_run *run, const struct rule_code *code)
{
    size_t pairs = code->count / 2;
    struct rule_map *map;
    bool skip;

    if (!rule_charge(run, (pairs + 1) * (2 * sizeof(struct rule_value) / RULE_COST_BYTES + 2)))
        return rule_stop(run, code->at);
    map = rule_map_new(&run->cx->arena, pairs);
    for (uint32_t k = 0; k < code->count; k += 2) {
        const struct rule_code *at = code->args[k];
        struct rule_value key = at->run(run, at), v;

        if (key.kind == RULE_ERROR)
            return key;
        v = part(run, code->args[k + 1], code->optionals && code->optionals[k], &skip);
        if (v.kind == RULE_ERROR)
            return v;
        if (!rule_key_ok(key) || (!skip && !rule_map_put(map, key, v)))
            return bad_key(run, at->at, key);
    }
    return rule_of_map(map);
}
