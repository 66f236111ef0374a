/*
 * value.c - equality and hashes of JSON values.
 */
#include "kernel/schema/value.h"

#include <string.h>

#include "kernel/schema/program.h"
#include "kernel/schema/walk.h"

static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

/* By the nearest double: equal numbers have the same, however they are written. */
static uint64_t number_hash(struct json v)
{
    double d = json_double(v);
    uint64_t word;

    d = d == 0 ? 0 : d; /* -0 equals 0. */
    memcpy(&word, &d, sizeof(word));
    return mix(word + JSON_DOUBLE);
}

uint64_t value_hash(struct json v)
{
    uint64_t h = mix((uint64_t)walk_type(v) + 1);

    switch (walk_type(v)) {
    case JSON_NULL:
        return h;
    case JSON_BOOL:
        return h + json_bool(v);
    case JSON_TEXT:
        return str_hash(walk_peek(v), h);
    case JSON_LIST:
        for (struct json_iter it = walk_iter(v); walk_next(&it);)
            h = mix(h * 31 + value_hash(it.value));
        return h;
    case JSON_OBJECT:
        for (struct json_iter it = walk_iter(v); walk_next(&it);)
            h += mix(str_hash(it.key, 1) ^ mix(value_hash(it.value)));
        return h;
    default:
        return number_hash(v);
    }
}

uint64_t schema_value_hash(struct json v)
{
    return walk_type(v) == JSON_TEXT ? member_hash(walk_peek(v)) : value_hash(v);
}

static bool is_number(enum json_type type)
{
    return type == JSON_INT || type == JSON_UINT || type == JSON_DOUBLE;
}

static bool lists_equal(struct arena *arena, struct json a, struct json b, int64_t *steps)
{
    struct json_iter right = walk_iter(b);

    if (walk_count(a) != walk_count(b))
        return false;
    for (struct json_iter left = walk_iter(a); walk_next(&left);)
        if (!walk_next(&right) || !value_equal(arena, left.value, right.value, steps))
            return false;
    return true;
}

static bool find_member(struct json object, struct str name, struct json *out, int64_t *steps)
{
    for (struct json_iter it = walk_iter(object); walk_next(&it);) {
        --*steps;
        if (walk_equal(it.key, name)) {
            *out = it.value;
            return true;
        }
    }
    return false;
}

static bool objects_equal(struct arena *arena, struct json a, struct json b, int64_t *steps)
{
    struct json other;

    if (walk_count(a) != walk_count(b))
        return false;
    for (struct json_iter it = walk_iter(a); walk_next(&it);)
        if (*steps < 0 || !find_member(b, it.key, &other, steps) ||
            !value_equal(arena, it.value, other, steps))
            return false;
    return true;
}

bool value_equal(struct arena *arena, struct json a, struct json b, int64_t *steps)
{
    enum json_type type = walk_type(a);
    struct number left, right;

    --*steps;
    if (is_number(type)) {
        if (!is_number(walk_type(b)))
            return false;
        left = number_of(a);
        right = number_of(b);
        return number_compare(arena, &left, &right) == 0;
    }
    if (type != walk_type(b))
        return false;
    switch (type) {
    case JSON_BOOL:
        return json_bool(a) == json_bool(b);
    case JSON_TEXT:
        return walk_equal(walk_peek(a), walk_peek(b));
    case JSON_LIST:
        return lists_equal(arena, a, b, steps);
    case JSON_OBJECT:
        return objects_equal(arena, a, b, steps);
    default:
        return true; /* null */
    }
}
