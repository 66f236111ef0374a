/*
 * value.h - what an expression works on: sixteen bytes that fit in two registers.
 *
 * Invariants:
 *   - a value borrows what it points at: constants from their program, the rest from the arena of
 *     the evaluation or from whoever filled the context; nothing is changed once it is made;
 *   - strings are valid UTF-8; a timestamp lies in the years 1 to 9999; a map has no two equal keys
 *     and its keys are bool, int, uint or string;
 *   - an error is a value like any other until it is absorbed by && || ?: or becomes the result.
 *
 * Equality and order are those of the CEL specification: numbers compare by their value across
 * int, uint and double (a double against an integer: as doubles, when in range), values of
 * different types are unequal, NaN equals nothing.
 */
#ifndef GREVY_RULE_VALUE_H
#define GREVY_RULE_VALUE_H

#include "kernel/base/cx.h"

enum rule_kind {
    RULE_UNSET, /* A variable or field that nobody gave a value. */
    RULE_NULL,
    RULE_BOOL,
    RULE_INT,
    RULE_UINT,
    RULE_DOUBLE,
    RULE_STRING,
    RULE_BYTES,
    RULE_TIMESTAMP,
    RULE_DURATION,
    RULE_LIST,
    RULE_MAP,
    RULE_OBJECT, /* Of a declared type: fields by number. */
    RULE_TYPE,
    RULE_OPTIONAL,
    RULE_IP,
    RULE_CIDR,
    RULE_ERROR,
    RULE_KINDS
};

struct rule_type;
struct rule_map;
struct rule_object;
struct rule_net;
struct rule_error;

struct rule_value {
    uint32_t kind;
    uint32_t len; /* Bytes of a string, items of a list, nanoseconds of a timestamp. */
    union {
        bool truth;
        int64_t i; /* Also seconds of a timestamp, nanoseconds of a duration. */
        uint64_t u;
        double d;
        const char *ptr;
        const struct rule_value *items; /* Of a list; of an optional: its value or NULL. */
        const struct rule_map *map;
        const struct rule_object *object;
        const struct rule_type *type;
        const struct rule_net *net;
        const struct rule_error *error;
    };
};

struct rule_object {
    const struct rule_type *type;
    const struct rule_value *fields; /* One for each of the type's. */
};

struct rule_error {
    struct str text;
    uint32_t at; /* Byte of the source. */
};

/* An address or a prefix of a network. */
struct rule_net {
    unsigned char bytes[16]; /* IPv4 in the first four. */
    bool v4;
    uint8_t bits; /* Of a prefix. */
};

/* Insertion order is kept; index finds a key when there are more than a few. */
struct rule_map {
    uint32_t count, size;
    struct rule_value *keys, *values;
    uint32_t *index, mask; /* Open addressing: place + 1, 0 is empty. */
};

enum {
    RULE_MAP_SCAN_MAX = 8, /* Up to so many keys a scan beats hashing. */
};

#define RULE_SECOND_NS       INT64_C(1000000000)
#define RULE_TIMESTAMP_LEAST (-INT64_C(62135596800)) /* 0001-01-01T00:00:00Z */
#define RULE_TIMESTAMP_MOST  INT64_C(253402300799)   /* 9999-12-31T23:59:59Z */

static inline struct rule_value rule_of_bool(bool truth)
{
    return (struct rule_value){.kind = RULE_BOOL, .u = truth};
}

static inline struct rule_value rule_of_int(int64_t i)
{
    return (struct rule_value){.kind = RULE_INT, .i = i};
}

static inline struct rule_value rule_of_uint(uint64_t u)
{
    return (struct rule_value){.kind = RULE_UINT, .u = u};
}

static inline struct rule_value rule_of_double(double d)
{
    return (struct rule_value){.kind = RULE_DOUBLE, .d = d};
}

static inline struct rule_value rule_of_null(void)
{
    return (struct rule_value){.kind = RULE_NULL};
}

/** Text that lives as long as the value; at most UINT32_MAX bytes. */
static inline struct rule_value rule_of_text(struct str s)
{
    return (struct rule_value){.kind = RULE_STRING, .len = (uint32_t)s.len, .ptr = s.ptr};
}

static inline struct rule_value rule_of_bytes(struct str s)
{
    return (struct rule_value){.kind = RULE_BYTES, .len = (uint32_t)s.len, .ptr = s.ptr};
}

static inline struct rule_value rule_of_list(const struct rule_value *items, size_t count)
{
    return (struct rule_value){.kind = RULE_LIST, .len = (uint32_t)count, .items = items};
}

static inline struct rule_value rule_of_map(const struct rule_map *map)
{
    return (struct rule_value){.kind = RULE_MAP, .map = map};
}

static inline struct rule_value rule_of_object(const struct rule_object *object)
{
    return (struct rule_value){.kind = RULE_OBJECT, .object = object};
}

/** Seconds since 1970, nanoseconds 0 .. 999,999,999. */
static inline struct rule_value rule_of_timestamp(int64_t seconds, uint32_t nanos)
{
    return (struct rule_value){.kind = RULE_TIMESTAMP, .len = nanos, .i = seconds};
}

static inline struct rule_value rule_of_ms(int64_t unix_ms)
{
    int64_t ms = (unix_ms % 1000 + 1000) % 1000;

    return rule_of_timestamp((unix_ms - ms) / 1000, (uint32_t)ms * 1000000);
}

static inline struct rule_value rule_of_duration(int64_t ns)
{
    return (struct rule_value){.kind = RULE_DURATION, .i = ns};
}

static inline struct rule_value rule_of_type(const struct rule_type *type)
{
    return (struct rule_value){.kind = RULE_TYPE, .type = type};
}

/** some NULL: an optional without a value. */
static inline struct rule_value rule_of_optional(const struct rule_value *some)
{
    return (struct rule_value){.kind = RULE_OPTIONAL, .items = some};
}

static inline struct str rule_text(struct rule_value v)
{
    return (struct str){v.ptr, v.len};
}

static inline bool rule_is(struct rule_value v, enum rule_kind kind)
{
    return v.kind == kind;
}

bool rule_equal(struct rule_value a, struct rule_value b);

/* Values can share their parts: a small one may take long to go through. */
struct rule_walk {
    uint64_t left; /* Values still to be visited; 0: gave up. */
    int depth;
};
enum { RULE_VALUE_DEPTH_MAX = 1000 }; /* What the stack bears; deeper values are not compared. */

/** The same, of at most walk->left parts; false with walk->left 0: not known. */
bool rule_equal_within(struct rule_value a, struct rule_value b, struct rule_walk *walk);

/** -1, 0 or 1 in *order; false when the two have no order (NaN, lists, unlike types).  *ordered
 *  says whether their types have one at all. */
bool rule_compare(struct rule_value a, struct rule_value b, int *order, bool *ordered);

/** Equal values have equal hashes; of scalars. */
uint64_t rule_hash(struct rule_value v);
bool rule_key_ok(struct rule_value key); /* May it be the key of a map? */
bool rule_zero(struct rule_value v);     /* False, 0, "", [], null ... */

/* ---- Maps and sets ---- */

/** An empty map for up to size keys. */
struct rule_map *rule_map_new(struct arena *arena, size_t size);
/** False when the key is there already.  Needs: room. */
bool rule_map_put(struct rule_map *map, struct rule_value key, struct rule_value value);
/** Also finds an integer by an equal double. */
const struct rule_value *rule_map_get(const struct rule_map *map, struct rule_value key);

/** A copy of v with all it points at, strings and all, into arena. */
struct rule_value rule_copy(struct arena *arena, struct rule_value v);

#endif
