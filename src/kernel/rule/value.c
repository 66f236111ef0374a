/*
 * value.c - equality, order, hashing, maps.
 */
#include "kernel/rule/value.h"

#include <math.h>
#include <string.h>

#include "kernel/rule/type.h"

static bool is_number(struct rule_value v)
{
    return v.kind >= RULE_INT && v.kind <= RULE_DOUBLE;
}

static int sign_of(bool less, bool more)
{
    return less ? -1 : more;
}

static int compare_int_uint(int64_t i, uint64_t u)
{
    return i < 0 || u > INT64_MAX ? -1 : sign_of(i<(int64_t)u, i>(int64_t) u);
}

static double as_double(struct rule_value v)
{
    return v.kind == RULE_INT ? (double)v.i : v.kind == RULE_UINT ? (double)v.u : v.d;
}

/* False for NaN. */
static bool compare_numbers(struct rule_value a, struct rule_value b, int *order)
{
    if (a.kind == RULE_INT && b.kind == RULE_INT) {
        *order = sign_of(a.i<b.i, a.i> b.i);
    } else if (a.kind == RULE_UINT && b.kind == RULE_UINT) {
        *order = sign_of(a.u<b.u, a.u> b.u);
    } else if (a.kind == RULE_INT && b.kind == RULE_UINT) {
        *order = compare_int_uint(a.i, b.u);
    } else if (a.kind == RULE_UINT && b.kind == RULE_INT) {
        *order = -compare_int_uint(b.i, a.u);
    } else {
        double x = as_double(a), y = as_double(b);

        *order = sign_of(x<y, x> y);
        return !isnan(x) && !isnan(y);
    }
    return true;
}

static bool equal_maps(const struct rule_map *a, const struct rule_map *b, struct rule_walk *walk)
{
    if (a->count != b->count)
        return false;
    for (uint32_t k = 0; k < a->count; k++) {
        const struct rule_value *other = rule_map_get(b, a->keys[k]);

        if (!other || !rule_equal_within(a->values[k], *other, walk))
            return false;
    }
    return true;
}

static bool equal_items(const struct rule_value *a, const struct rule_value *b, size_t count,
                        struct rule_walk *walk)
{
    for (size_t k = 0; k < count; k++)
        if (!rule_equal_within(a[k], b[k], walk))
            return false;
    return true;
}

static bool equal_nets(const struct rule_net *a, const struct rule_net *b)
{
    return a->v4 == b->v4 && a->bits == b->bits && memcmp(a->bytes, b->bytes, 16) == 0;
}

/* Of one kind, which has parts. */
static bool equal_parts(struct rule_value a, struct rule_value b, struct rule_walk *walk)
{
    switch (a.kind) {
    case RULE_LIST:
        return a.len == b.len && equal_items(a.items, b.items, a.len, walk);
    case RULE_MAP:
        return equal_maps(a.map, b.map, walk);
    case RULE_OBJECT:
        return a.object->type == b.object->type &&
               equal_items(a.object->fields, b.object->fields, a.object->type->count, walk);
    default:
        return a.items && b.items ? rule_equal_within(*a.items, *b.items, walk)
                                  : a.items == b.items;
    }
}

static bool equal_scalars(struct rule_value a, struct rule_value b)
{
    switch (a.kind) {
    case RULE_BOOL:
        return a.truth == b.truth;
    case RULE_STRING:
    case RULE_BYTES:
        return str_eq(rule_text(a), rule_text(b));
    case RULE_TIMESTAMP:
        return a.i == b.i && a.len == b.len;
    case RULE_DURATION:
        return a.i == b.i;
    case RULE_TYPE:
        return str_eq(a.type->name, b.type->name);
    case RULE_IP:
    case RULE_CIDR:
        return equal_nets(a.net, b.net);
    default: /* null; an unset field of an object. */
        return true;
    }
}

static bool has_parts(struct rule_value v)
{
    return v.kind == RULE_LIST || v.kind == RULE_MAP || v.kind == RULE_OBJECT ||
           v.kind == RULE_OPTIONAL;
}

bool rule_equal_within(struct rule_value a, struct rule_value b, struct rule_walk *walk)
{
    int order;
    bool same;

    if (is_number(a) && is_number(b))
        return compare_numbers(a, b, &order) && order == 0;
    if (a.kind != b.kind)
        return false;
    if (!has_parts(a))
        return equal_scalars(a, b);
    if (walk->left <= 1 || walk->depth == RULE_VALUE_DEPTH_MAX) {
        walk->left = 0;
        return false;
    }
    walk->left--;
    walk->depth++;
    same = equal_parts(a, b, walk);
    walk->depth--;
    return same && walk->left;
}

bool rule_equal(struct rule_value a, struct rule_value b)
{
    struct rule_walk walk = {.left = UINT64_MAX};

    return rule_equal_within(a, b, &walk);
}

bool rule_compare(struct rule_value a, struct rule_value b, int *order, bool *ordered)
{
    *ordered = true;
    *order = 0;
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b, order);
    *ordered = a.kind == b.kind;
    if (!*ordered)
        return false;
    switch (a.kind) {
    case RULE_BOOL:
        *order = a.truth - b.truth;
        return true;
    case RULE_STRING:
    case RULE_BYTES:
        *order = str_cmp(rule_text(a), rule_text(b));
        *order = sign_of(*order<0, *order> 0);
        return true;
    case RULE_TIMESTAMP:
        *order = a.i != b.i ? sign_of(a.i < b.i, true) : sign_of(a.len<b.len, a.len> b.len);
        return true;
    case RULE_DURATION:
        *order = sign_of(a.i<b.i, a.i> b.i);
        return true;
    default:
        *ordered = false;
        return false;
    }
}

/* Murmur3's finalizer. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ (x >> 33);
}

uint64_t rule_hash(struct rule_value v)
{
    if (v.kind == RULE_STRING || v.kind == RULE_BYTES)
        return str_hash(rule_text(v), v.kind);
    if (is_number(v)) {
        double d = as_double(v) + 0.0; /* -0.0 becomes 0.0. */
        uint64_t bits;

        memcpy(&bits, &d, sizeof(bits));
        return mix(bits);
    }
    return mix(v.u ^ (uint64_t)v.kind << 56 ^ (uint64_t)v.len << 20);
}

bool rule_key_ok(struct rule_value key)
{
    return key.kind == RULE_BOOL || key.kind == RULE_INT || key.kind == RULE_UINT ||
           key.kind == RULE_STRING;
}

bool rule_zero(struct rule_value v)
{
    switch (v.kind) {
    case RULE_NULL:
    case RULE_UNSET:
        return true;
    case RULE_DOUBLE:
        return v.d == 0;
    case RULE_STRING:
    case RULE_BYTES:
    case RULE_LIST:
        return v.len == 0;
    case RULE_MAP:
        return v.map->count == 0;
    case RULE_BOOL:
    case RULE_INT:
    case RULE_UINT:
    case RULE_DURATION:
        return v.u == 0;
    case RULE_TIMESTAMP:
        return v.i == 0 && v.len == 0;
    case RULE_OPTIONAL:
        return !v.items;
    default:
        return false;
    }
}

/* ---- Maps ---- */

struct rule_map *rule_map_new(struct arena *arena, size_t size)
{
    struct rule_map *map = arena_alloc(arena, sizeof(*map));

    map->size = (uint32_t)size;
    map->keys = arena_alloc(arena, sizeof(*map->keys) * (size + !size));
    map->values = arena_alloc(arena, sizeof(*map->values) * (size + !size));
    if (size > RULE_MAP_SCAN_MAX) {
        map->mask = 15;
        while (map->mask < size * 2)
            map->mask = map->mask * 2 + 1;
        map->index = arena_alloc(arena, sizeof(*map->index) * ((size_t)map->mask + 1));
    }
    return map;
}

/* The place of key, or that where it would go, marked by *found. */
static uint32_t *probe(const struct rule_map *map, struct rule_value key, bool *found)
{
    uint32_t at = (uint32_t)rule_hash(key) & map->mask;

    while (map->index[at] && !rule_equal(map->keys[map->index[at] - 1], key))
        at = (at + 1) & map->mask;
    *found = map->index[at];
    return &map->index[at];
}

bool rule_map_put(struct rule_map *map, struct rule_value key, struct rule_value value)
{
    bool found;

    assert(map->values);
    assert(map->count < map->size);
    if (map->index) {
        uint32_t *place = probe(map, key, &found);

        if (found)
            return false;
        *place = map->count + 1;
    } else if (rule_map_get(map, key)) {
        return false;
    }
    map->keys[map->count] = key;
    map->values[map->count++] = value;
    return true;
}

const struct rule_value *rule_map_get(const struct rule_map *map, struct rule_value key)
{
    bool found;

    if (map->index) {
        uint32_t *place = probe(map, key, &found);

        return found ? &map->values[*place - 1] : NULL;
    }
    for (uint32_t k = 0; k < map->count; k++)
        if (rule_equal(map->keys[k], key))
            return &map->values[k];
    return NULL;
}

/* ---- Copies ---- */

static struct rule_value copy_bytes(struct arena *arena, struct rule_value v)
{
    char *bytes = arena_alloc(arena, v.len + 1);

    if (v.len)
        memcpy(bytes, v.ptr, v.len);
    v.ptr = bytes;
    return v;
}

static const struct rule_value *copy_items(struct arena *arena, const struct rule_value *from,
                                           size_t count)
{
    struct rule_value *items = arena_alloc(arena, sizeof(*items) * (count + 1));

    for (size_t k = 0; k < count; k++)
        items[k] = rule_copy(arena, from[k]);
    return items;
}

static const struct rule_map *copy_map(struct arena *arena, const struct rule_map *from)
{
    struct rule_map *map = rule_map_new(arena, from->count);

    for (uint32_t k = 0; k < from->count; k++)
        (void)rule_map_put(map, rule_copy(arena, from->keys[k]), rule_copy(arena, from->values[k]));
    return map;
}

struct rule_value rule_copy(struct arena *arena, struct rule_value v)
{
    struct rule_net *net;

    switch (v.kind) {
    case RULE_STRING:
    case RULE_BYTES:
        return copy_bytes(arena, v);
    case RULE_LIST:
        v.items = copy_items(arena, v.items, v.len);
        return v;
    case RULE_OPTIONAL:
        v.items = v.items ? copy_items(arena, v.items, 1) : NULL;
        return v;
    case RULE_MAP:
        v.map = copy_map(arena, v.map);
        return v;
    case RULE_IP:
    case RULE_CIDR:
        net = arena_alloc(arena, sizeof(*net));
        *net = *v.net;
        v.net = net;
        return v;
    default:
        assert(v.kind != RULE_OBJECT);
        assert(v.kind != RULE_ERROR);
        return v;
    }
}
