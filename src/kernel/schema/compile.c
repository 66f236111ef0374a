/*
 * compile.c - the queue of subschemas, and what all keywords need.
 */
#include "kernel/schema/compile.h"

#include <string.h>

void *compile_keep(struct compile *c, size_t size)
{
    return arena_alloc(c->keep, size);
}

struct str compile_copy(struct compile *c, struct str s)
{
    char *to = compile_keep(c, s.len + 1);

    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    return (struct str){to, s.len};
}

struct str compile_join(struct compile *c, struct str pointer, struct str token)
{
    size_t size = pointer.len + 2 * token.len + 2;
    struct text text = {.ptr = compile_keep(c, size), .size = size};

    text_add(&text, pointer);
    text_add(&text, STR("/"));
    for (size_t k = 0; k < token.len; k++) {
        if (token.ptr[k] == '~')
            text_add(&text, STR("~0"));
        else if (token.ptr[k] == '/')
            text_add(&text, STR("~1"));
        else
            text_add(&text, (struct str){token.ptr + k, 1});
    }
    return (struct str){text.ptr, text.len};
}

enum err compile_refuse(struct compile *c, const struct schema_node *node, const char *keyword,
                        const char *what)
{
    struct str at = compile_join(c, node->pointer, str_of(keyword));

    return fail_at(c->cx, ERR_UNPROCESSABLE, "schema_keyword", at.ptr, "%s %s: " STR_FMT "#%s",
                   keyword, what, STR_ARG(node->resource->uri), at.ptr);
}

/* ---- Groups ---- */

#define RULES(type_, name_, ...)                                                                   \
    struct type_ *rules_##name_(struct compile *c, struct schema_node *node)                       \
    {                                                                                              \
        if (!node->name_) {                                                                        \
            node->name_ = KEEP_NEW(c, struct type_);                                               \
            *node->name_ = (struct type_){__VA_ARGS__};                                            \
        }                                                                                          \
        return node->name_;                                                                        \
    }

RULES(number_rules, number, .has = 0)
RULES(text_rules, text, .len_max = UINT64_MAX)
RULES(list_rules, list, .count_max = UINT64_MAX, .contains_min = 1, .contains_max = UINT64_MAX)
RULES(object_rules, object, .count_max = UINT64_MAX)
RULES(value_rules, values, .count = 0)
RULES(apply_rules, apply, .ref = NULL)

/* ---- Nodes ---- */

enum err compile_node(struct compile *c, struct json json, struct schema_node **out)
{
    struct place *place = compile_place(c, json);
    struct schema_node *node = place->node;

    assert(place->resource);
    if (!node) {
        if (++c->subschemas > SCHEMA_SUBSCHEMAS_MAX)
            return fail(c->cx, ERR_TOO_LARGE, "schema_too_large",
                        "more than %d subschemas; split it", SCHEMA_SUBSCHEMAS_MAX);
        node = KEEP_NEW(c, struct schema_node);
        *node = (struct schema_node){
            .resource = place->resource, .pointer = place->pointer, .json = json};
        place->node = node;
        *c->queue_last = node;
        c->queue_last = &node->queued;
    }
    *out = node;
    return OK;
}

static void note(struct compile *c, struct schema_node *node, struct str keyword, struct json value)
{
    struct note *made = KEEP_NEW(c, struct note);

    *made = (struct note){keyword, value, node->notes};
    node->notes = made;
}

/* One member of a subschema. */
static enum err compile_keyword(struct compile *c, struct schema_node *node, struct str name,
                                struct json value)
{
    const struct keyword *keyword = keyword_find(name, node->resource->vocabularies);

    if (!keyword) {
        note(c, node, name, value);
        return OK;
    }
    if (keyword->noted)
        note(c, node, name, value);
    return keyword->compile ? keyword->compile(c, node, keyword, value) : OK;
}

/* An open hash table, at most half full. */
static void index_members(struct compile *c, struct object_rules *rules)
{
    size_t size = 4;

    while (size < rules->member_count * 2)
        size *= 2;
    rules->slots = KEEP_ARRAY(c, uint32_t, size);
    rules->slot_mask = size - 1;
    for (size_t k = 0; k < rules->member_count; k++) {
        size_t slot = rules->members[k].hash & rules->slot_mask;

        while (rules->slots[slot])
            slot = (slot + 1) & rules->slot_mask;
        rules->slots[slot] = (uint32_t)k + 1;
        rules->required_count += rules->members[k].required;
    }
}

static enum err compile_queued(struct compile *c, struct schema_node *node)
{
    struct json properties;

    if (json_type(node->json) == JSON_BOOL) {
        node->never = !json_bool(node->json);
        return OK;
    }
    if (json_type(node->json) != JSON_OBJECT)
        return fail_at(c->cx, ERR_UNPROCESSABLE, "schema_keyword", node->pointer.ptr,
                       "a schema is an object, true or false: " STR_FMT "#" STR_FMT,
                       STR_ARG(node->resource->uri), STR_ARG(node->pointer));
    /* First, so that members stand in its order: most instances go by it. */
    if (json_get(node->json, "properties", &properties))
        TRY(compile_keyword(c, node, STR("properties"), properties));
    for (struct json_iter it = json_iter(node->json); json_next(&it);)
        if (!str_is(it.key, "properties"))
            TRY(compile_keyword(c, node, it.key, it.value));
    if (node->object)
        index_members(c, node->object);
    return OK;
}

static enum err compile_all(struct compile *c, struct json json, struct schema_node **root)
{
    struct str uri = c->options->uri.ptr ? compile_copy(c, c->options->uri) : STR("");

    TRY(compile_document(c, json, uri));
    TRY(compile_node(c, json, root));
    while (c->queue) {
        struct schema_node *node = c->queue;

        TRY(compile_queued(c, node));
        c->queue = node->queued;
        if (!c->queue)
            c->queue_last = &c->queue;
    }
    return OK;
}

enum err schema_compile_json(struct cx *cx, struct arena *keep, struct json json,
                             const struct schema_options *options, const struct schema **out)
{
    static const struct schema_options none = {0};
    struct arena_mark mark = arena_mark(&cx->arena);
    struct compile *c = CX_NEW(cx, struct compile);
    struct schema *schema = arena_alloc(keep, sizeof(*schema));

    c->cx = cx;
    c->keep = keep;
    c->options = options ? options : &none;
    c->queue_last = &c->queue;
    TRY(compile_all(c, json_keep(keep, json), &schema->root));
    *out = schema;
    if (keep != &cx->arena)
        arena_rewind(&cx->arena, mark);
    return OK;
}

enum err schema_compile(struct cx *cx, struct arena *keep, struct str text,
                        const struct schema_options *options, const struct schema **out)
{
    struct json json;

    if (text.len > SCHEMA_BYTES_MAX)
        return fail(cx, ERR_TOO_LARGE, "schema_too_large",
                    "the schema has %zu bytes; send at most %d, in several documents", text.len,
                    SCHEMA_BYTES_MAX);
    TRY(json_parse_exact(cx, text, &json));
    return schema_compile_json(cx, keep, json, options, out);
}
