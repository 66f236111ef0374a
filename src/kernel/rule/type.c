/*
 * type.c - making, naming and reading types.
 */
#include "kernel/rule/type.h"

#include <string.h>

#define SIMPLE(kind_, name_)                                                                       \
    {                                                                                              \
        .kind = (kind_), .name = {(name_), sizeof(name_) - 1 }                                     \
    }
#define GENERIC(kind_, name_, params_)                                                             \
    {                                                                                              \
        .kind = (kind_), .name = {(name_), sizeof(name_) - 1}, .params = (params_),                \
        .count = sizeof(params_) / sizeof((params_)[0])                                            \
    }

const struct rule_type rule_dyn = SIMPLE(RULE_T_DYN, "dyn");
static const struct rule_type *const ONE_DYN[] = {&rule_dyn};
static const struct rule_type *const TWO_DYN[] = {&rule_dyn, &rule_dyn};

const struct rule_type rule_null = SIMPLE(RULE_T_NULL, "null_type");
const struct rule_type rule_bool = SIMPLE(RULE_T_BOOL, "bool");
const struct rule_type rule_int = SIMPLE(RULE_T_INT, "int");
const struct rule_type rule_uint = SIMPLE(RULE_T_UINT, "uint");
const struct rule_type rule_double = SIMPLE(RULE_T_DOUBLE, "double");
const struct rule_type rule_string = SIMPLE(RULE_T_STRING, "string");
const struct rule_type rule_bytes = SIMPLE(RULE_T_BYTES, "bytes");
const struct rule_type rule_timestamp = SIMPLE(RULE_T_TIMESTAMP, "google.protobuf.Timestamp");
const struct rule_type rule_duration = SIMPLE(RULE_T_DURATION, "google.protobuf.Duration");
const struct rule_type rule_list = GENERIC(RULE_T_LIST, "list", ONE_DYN);
const struct rule_type rule_map = GENERIC(RULE_T_MAP, "map", TWO_DYN);
const struct rule_type rule_meta = GENERIC(RULE_T_TYPE, "type", ONE_DYN);
const struct rule_type rule_optional = GENERIC(RULE_T_OPAQUE, "optional_type", ONE_DYN);
const struct rule_type rule_ip = SIMPLE(RULE_T_OPAQUE, "net.IP");
const struct rule_type rule_cidr = SIMPLE(RULE_T_OPAQUE, "net.CIDR");

static const struct rule_type *const NAMED[] = {
    &rule_null,   &rule_bool,  &rule_int,       &rule_uint,     &rule_double,
    &rule_string, &rule_bytes, &rule_timestamp, &rule_duration, &rule_list,
    &rule_map,    &rule_meta,  &rule_optional,  &rule_ip,       &rule_cidr,
};

static const struct rule_type *const OF_KIND[RULE_KINDS] = {
    [RULE_NULL] = &rule_null,         [RULE_BOOL] = &rule_bool,
    [RULE_INT] = &rule_int,           [RULE_UINT] = &rule_uint,
    [RULE_DOUBLE] = &rule_double,     [RULE_STRING] = &rule_string,
    [RULE_BYTES] = &rule_bytes,       [RULE_TIMESTAMP] = &rule_timestamp,
    [RULE_DURATION] = &rule_duration, [RULE_LIST] = &rule_list,
    [RULE_MAP] = &rule_map,           [RULE_TYPE] = &rule_meta,
    [RULE_OPTIONAL] = &rule_optional, [RULE_IP] = &rule_ip,
    [RULE_CIDR] = &rule_cidr,
};

const struct rule_type *rule_type_of_value(struct rule_value v)
{
    if (v.kind == RULE_OBJECT)
        return v.object->type;
    return v.kind < RULE_KINDS && OF_KIND[v.kind] ? OF_KIND[v.kind] : &rule_dyn;
}

const struct rule_type *rule_type_named(struct str name)
{
    for (size_t k = 0; k < sizeof(NAMED) / sizeof(NAMED[0]); k++)
        if (str_eq(NAMED[k]->name, name))
            return NAMED[k];
    return NULL;
}

/* ---- Making ---- */

static const struct rule_type *generic(struct arena *arena, const struct rule_type *like,
                                       const struct rule_type *const *params, uint32_t count)
{
    struct rule_type *type = arena_alloc(arena, sizeof(*type));
    const struct rule_type **copy = arena_alloc(arena, sizeof(*copy) * (count + 1));

    memcpy(copy, params, sizeof(*copy) * count);
    *type = *like;
    type->params = copy;
    type->count = count;
    return type;
}

const struct rule_type *rule_list_of(struct arena *arena, const struct rule_type *item)
{
    return generic(arena, &rule_list, &item, 1);
}

const struct rule_type *rule_map_of(struct arena *arena, const struct rule_type *key,
                                    const struct rule_type *value)
{
    const struct rule_type *params[] = {key, value};

    return generic(arena, &rule_map, params, 2);
}

const struct rule_type *rule_type_of(struct arena *arena, const struct rule_type *of)
{
    return generic(arena, &rule_meta, &of, 1);
}

const struct rule_type *rule_optional_of(struct arena *arena, const struct rule_type *of)
{
    return generic(arena, &rule_optional, &of, 1);
}

const struct rule_type *rule_object_of(struct arena *arena, struct str name,
                                       const struct rule_field *fields, uint32_t count)
{
    struct rule_type *type = arena_alloc(arena, sizeof(*type));

    *type =
        (struct rule_type){.kind = RULE_T_OBJECT, .name = name, .fields = fields, .count = count};
    return type;
}

bool rule_type_is_optional(const struct rule_type *type)
{
    return type->kind == RULE_T_OPAQUE && str_eq(type->name, rule_optional.name);
}

bool rule_type_same(const struct rule_type *a, const struct rule_type *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->kind == RULE_T_OBJECT)
        return false;
    if (a->kind == RULE_T_PARAM)
        return a->number == b->number && str_eq(a->name, b->name);
    if (a->count != b->count || !str_eq(a->name, b->name))
        return false;
    for (uint32_t k = 0; k < a->count; k++)
        if (!rule_type_same(a->params[k], b->params[k]))
            return false;
    return true;
}

int rule_field_number(const struct rule_type *object, struct str name)
{
    for (uint32_t k = 0; k < object->count; k++)
        if (str_eq(object->fields[k].name, name))
            return (int)k;
    return -1;
}

/* ---- As text ---- */

static void add_params(const struct rule_type *type, const char *around, struct text *out)
{
    text_add(out, (struct str){around, 1});
    for (uint32_t k = 0; k < type->count; k++) {
        if (k)
            text_add(out, STR(","));
        rule_type_text(type->params[k], out);
    }
    text_add(out, (struct str){around + 1, 1});
}

void rule_type_text(const struct rule_type *type, struct text *out)
{
    if (out->cut)
        return;
    switch (type->kind) {
    case RULE_T_NULL:
        text_add(out, STR("null"));
        return;
    case RULE_T_TIMESTAMP:
        text_add(out, STR("timestamp"));
        return;
    case RULE_T_DURATION:
        text_add(out, STR("duration"));
        return;
    case RULE_T_PARAM:
        text_add(out, STR("param:"));
        text_add(out, type->name);
        return;
    case RULE_T_OPAQUE:
        text_add(out, STR("opaque:"));
        text_add(out, type->name);
        if (type->count)
            add_params(type, "<>", out);
        return;
    default:
        text_add(out, type->name);
        if (type->kind == RULE_T_LIST || type->kind == RULE_T_MAP || type->kind == RULE_T_TYPE)
            add_params(type, "()", out);
    }
}

struct reader {
    struct arena *arena;
    struct str rest;
};

static const struct rule_type *read_type(struct reader *in, int depth);

static struct str read_word(struct reader *in)
{
    size_t len = 0;

    while (len < in->rest.len && !memchr("(<,>)", in->rest.ptr[len], 5))
        len++;
    in->rest.ptr += len;
    in->rest.len -= len;
    return str_trim((struct str){in->rest.ptr - len, len});
}

static bool take(struct reader *in, char c)
{
    if (!in->rest.len || in->rest.ptr[0] != c)
        return false;
    in->rest.ptr++;
    in->rest.len--;
    return true;
}

enum { PARAMS_MAX = 8 };

/* Parameters between open and close; -1 when malformed, 0 when there are none. */
static int read_params(struct reader *in, const struct rule_type **params, int depth)
{
    char close = take(in, '(') ? ')' : take(in, '<') ? '>' : 0;
    int count = 0;

    if (!close)
        return 0;
    do {
        if (count == PARAMS_MAX)
            return -1;
        params[count] = read_type(in, depth + 1);
        if (!params[count++])
            return -1;
    } while (take(in, ','));
    return take(in, close) ? count : -1;
}

static const struct rule_type *read_prefixed(struct reader *in, struct str word,
                                             const struct rule_type **params, int count)
{
    struct rule_type *type = arena_alloc(in->arena, sizeof(*type));
    bool opaque = str_starts(word, STR("opaque:"));
    size_t skip = opaque ? 7 : 6;

    *type = (struct rule_type){.kind = opaque ? RULE_T_OPAQUE : RULE_T_PARAM,
                               .name = {word.ptr + skip, word.len - skip}};
    return count ? generic(in->arena, type, params, (uint32_t)count) : type;
}

static const struct rule_type *simple_type(struct str word)
{
    static const struct {
        const char *name;
        const struct rule_type *type;
    } others[] = {{"dyn", &rule_dyn},           {"any", &rule_dyn},
                  {"null", &rule_null},         {"timestamp", &rule_timestamp},
                  {"duration", &rule_duration}, {"optional", &rule_optional}};

    for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
        if (str_is(word, others[k].name))
            return others[k].type;
    return rule_type_named(word);
}

static const struct rule_type *read_type(struct reader *in, int depth)
{
    const struct rule_type *params[PARAMS_MAX], *type;
    struct str word = read_word(in);
    int count = depth < RULE_TYPE_DEPTH_MAX ? read_params(in, params, depth) : -1;

    if (count < 0)
        return NULL;
    if (str_starts(word, STR("opaque:")) || str_starts(word, STR("param:")))
        return read_prefixed(in, word, params, count);
    type = simple_type(word);
    if (!type || !count)
        return type;
    return type->count == (uint32_t)count ? generic(in->arena, type, params, type->count) : NULL;
}

const struct rule_type *rule_type_parse(struct arena *arena, struct str text)
{
    struct reader in = {arena, text};
    const struct rule_type *type = read_type(&in, 0);

    return in.rest.len ? NULL : type;
}
