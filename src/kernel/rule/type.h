/*
 * type.h - the types of CEL, and when a value of one may stand for another.
 *
 * Invariants:
 *   - types are immutable; the simple ones are the statics below, the others live in an arena;
 *   - objects are types with named fields, equal only to themselves; nothing else is ours.
 *
 * As text (rule_type_parse, rule_type_text): int, list(T), map(K,V), type(T), optional(T) which is
 * opaque:optional_type<T>, opaque:NAME<A,B>, param:NAME, dyn, null, timestamp, duration ...
 */
#ifndef GREVY_RULE_TYPE_H
#define GREVY_RULE_TYPE_H

#include "kernel/rule/value.h"

enum rule_type_kind {
    RULE_T_DYN,
    RULE_T_NULL,
    RULE_T_BOOL,
    RULE_T_INT,
    RULE_T_UINT,
    RULE_T_DOUBLE,
    RULE_T_STRING,
    RULE_T_BYTES,
    RULE_T_TIMESTAMP,
    RULE_T_DURATION,
    RULE_T_LIST,
    RULE_T_MAP,
    RULE_T_TYPE,
    RULE_T_OBJECT,
    RULE_T_OPAQUE, /* Known by its name. */
    RULE_T_PARAM,  /* Stands for any one type. */
};

struct rule_field {
    struct str name;
    const struct rule_type *type;
};

struct rule_type {
    enum rule_type_kind kind;
    struct str name;                       /* What type(x) is called, or the parameter's name. */
    const struct rule_type *const *params; /* Of list, map, type, opaque. */
    const struct rule_field *fields;       /* Of an object. */
    uint32_t count;                        /* Params or fields. */
    uint32_t number;                       /* Of a parameter, while types are inferred. */
};

enum {
    RULE_TYPE_DEPTH_MAX = 16,  /* Of list(list(...)); deeper inferred types become dyn. */
    RULE_TYPE_TEXT_MAX = 1024, /* Bytes of a type in a message. */
};

extern const struct rule_type rule_dyn, rule_null, rule_bool, rule_int, rule_uint, rule_double,
    rule_string, rule_bytes, rule_timestamp, rule_duration, rule_list, rule_map, rule_meta,
    rule_optional, rule_ip, rule_cidr;

const struct rule_type *rule_list_of(struct arena *arena, const struct rule_type *item);
const struct rule_type *rule_map_of(struct arena *arena, const struct rule_type *key,
                                    const struct rule_type *value);
const struct rule_type *rule_type_of(struct arena *arena, const struct rule_type *of);
const struct rule_type *rule_optional_of(struct arena *arena, const struct rule_type *of);
const struct rule_type *rule_object_of(struct arena *arena, struct str name,
                                       const struct rule_field *fields, uint32_t count);

bool rule_type_same(const struct rule_type *a, const struct rule_type *b);
bool rule_type_is_optional(const struct rule_type *type);

/** The field's number, or -1. */
int rule_field_number(const struct rule_type *object, struct str name);

/** NULL when text names no type. */
const struct rule_type *rule_type_parse(struct arena *arena, struct str text);
void rule_type_text(const struct rule_type *type, struct text *out);

/** The type that type(v) names. */
const struct rule_type *rule_type_of_value(struct rule_value v);
/** The type an identifier such as `int` names, or NULL. */
const struct rule_type *rule_type_named(struct str name);

#endif
