/*
 * program.h - what a schema is compiled into.
 *
 * Invariants: everything lives in one arena and changes no more once schema_compile has returned;
 * a group of rules that a subschema has no keyword of is NULL; texts are borrowed from documents
 * kept in the same arena.
 */
#ifndef GREVY_SCHEMA_PROGRAM_H
#define GREVY_SCHEMA_PROGRAM_H

#include <string.h>

#include "kernel/schema/number.h"
#include "kernel/schema/schema.h"

struct schema_node;
struct schema_regex;
struct schema_format;

/* Bits of schema_node.types, of what a value is and of what `type` asks for. */
enum schema_type {
    TYPE_NULL = 1,
    TYPE_BOOLEAN = 2,
    TYPE_OBJECT = 4,
    TYPE_ARRAY = 8,
    TYPE_STRING = 16,
    TYPE_NUMBER = 32,
    TYPE_INTEGER = 64, /* Together with TYPE_NUMBER, of a number without a fraction. */
};

/* A resource: what an $id names, or a document without one. */
struct schema_resource {
    struct str uri;
    struct schema_anchor *dynamic; /* Its $dynamicAnchor. */
    struct json root;
    unsigned vocabularies; /* Of its dialect: VOCABULARY_... of keyword.h. */
};

struct schema_anchor {
    struct str name;
    struct schema_node *node;
    struct schema_anchor *next;
};

enum number_bound {
    BOUND_MIN = 1,
    BOUND_MAX = 2,
    BOUND_ABOVE = 4,
    BOUND_BELOW = 8,
    BOUND_MULTIPLE = 16
};

struct number_rules {
    unsigned has; /* Of enum number_bound. */
    struct number minimum, maximum, above, below, multiple;
};

struct text_rules {
    uint64_t len_min, len_max; /* Characters. */
    const struct schema_regex *pattern;
    struct str pattern_text;
    const struct schema_format *format;
};

struct list_rules {
    uint64_t count_min, count_max;
    uint64_t contains_min, contains_max;
    bool unique;
    bool contains_marks; /* What it contains is evaluated: not before draft 2020-12. */
    struct schema_node **prefix;
    size_t prefix_count;
    struct schema_node *items, *contains, *unevaluated;
    const char *prefix_name, *items_name; /* Keywords, which differ by draft. */
};

/* A member that `properties` or `required` names. */
struct member {
    struct str name;
    uint64_t hash;
    struct schema_node *node; /* NULL: only required. */
    bool required;
};

struct pattern_member {
    struct str text;
    const struct schema_regex *regex;
    struct schema_node *node;
};

/* Once `name` is there: the members `wants`, or `node`. */
struct dependency {
    struct str name;
    const char *keyword;
    const struct str *wants;
    size_t want_count;
    struct schema_node *node;
};

struct object_rules {
    struct member *members;
    size_t member_count, member_room;
    uint32_t *slots; /* Open hash table: index of a member and 1; 0: free. */
    size_t slot_mask;
    size_t required_count;
    uint64_t count_min, count_max;
    struct pattern_member *patterns;
    size_t pattern_count;
    struct dependency *dependencies;
    size_t dependency_count;
    struct schema_node *additional, *names, *unevaluated;
    bool has_properties;
};

struct value_rules {
    const struct json *any_of; /* enum */
    const uint64_t *hashes;
    size_t count;
    bool has_enum, has_only;
    struct json only; /* const */
    uint64_t only_hash;
};

struct node_list {
    struct schema_node **nodes;
    size_t count;
};

struct apply_rules {
    struct schema_node *ref, *dynamic_ref;
    struct str dynamic_name; /* Absent: dynamic_ref is a plain one. */
    const char *dynamic_keyword;
    struct node_list all_of, any_of, one_of;
    struct schema_node *not_, *if_, *then_, *else_;
};

struct note {
    struct str keyword;
    struct json value;
    struct note *next;
};

struct schema_node {
    const struct schema_resource *resource;
    struct str pointer; /* From the resource's root. */
    struct json json;
    bool never;
    bool compiled;
    uint8_t types; /* 0: any. */
    struct number_rules *number;
    struct text_rules *text;
    struct list_rules *list;
    struct object_rules *object;
    struct value_rules *values;
    struct apply_rules *apply;
    struct note *notes;
    struct schema_node *queued;
};

struct schema {
    struct schema_node *root;
};

/** The hash that member tables and enums go by: of the two ends and the length, because names are
 *  short and tables small. */
static inline uint64_t member_hash(struct str name)
{
    uint64_t first = 0, last = 0, hash;

    if (name.len >= 8) {
        memcpy(&first, name.ptr, 8);
        memcpy(&last, name.ptr + name.len - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&first, name.ptr, 4);
        memcpy(&last, name.ptr + name.len - 4, 4);
    } else if (name.len > 0) {
        first = (unsigned char)name.ptr[0] | (uint64_t)(unsigned char)name.ptr[name.len / 2] << 8;
        last = (unsigned char)name.ptr[name.len - 1];
    }
    hash = (first ^ name.len * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 32 ^ last) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 32;
}

#endif
