/*
 * keyword_apply.c - keywords that apply subschemas.
 */
#include <string.h>

#include "kernel/schema/compile.h"
#include "kernel/schema/regex.h"

static bool is_schema(struct json value)
{
    return json_type(value) == JSON_OBJECT || json_type(value) == JSON_BOOL;
}

static enum err target_of(struct compile *c, const struct schema_node *node, const char *keyword,
                          struct json value, const struct named **out)
{
    if (json_type(value) != JSON_TEXT)
        return compile_refuse(c, node, keyword, "must be a URI reference");
    return compile_resolve(c, node, keyword, json_peek(value), out);
}

KEYWORD(keyword_ref)
{
    const struct named *target = NULL;

    TRY(target_of(c, node, keyword->name, value, &target));
    assert(target);
    return compile_node(c, target->place->json, &rules_apply(c, node)->ref);
}

/* Dynamic only when an anchor that is dynamic itself is what the reference leads to. */
KEYWORD(keyword_dynamic_ref)
{
    struct apply_rules *rules = rules_apply(c, node);
    const struct named *target = NULL;
    const char *hash;

    TRY(target_of(c, node, keyword->name, value, &target));
    assert(target);
    rules->dynamic_keyword = keyword->name;
    hash = target->dynamic ? memchr(target->uri.ptr, '#', target->uri.len) : NULL;
    if (hash)
        rules->dynamic_name =
            (struct str){hash + 1, (size_t)(target->uri.ptr + target->uri.len - hash) - 1};
    return compile_node(c, target->place->json, &rules->dynamic_ref);
}

/* Draft 2019-09: "#", dynamic where the root has $recursiveAnchor. */
KEYWORD(keyword_recursive_ref)
{
    struct apply_rules *rules = rules_apply(c, node);
    const struct named *target = NULL;

    TRY(target_of(c, node, keyword->name, value, &target));
    assert(target);
    rules->dynamic_keyword = keyword->name;
    for (struct schema_anchor *each = target->place->resource->dynamic; each; each = each->next)
        if (each->name.len == 0)
            rules->dynamic_name = each->name;
    return compile_node(c, target->place->json, &rules->dynamic_ref);
}

static struct schema_node **slot_of(struct compile *c, struct schema_node *node, struct str name)
{
    if (str_is(name, "not"))
        return &rules_apply(c, node)->not_;
    if (str_is(name, "if"))
        return &rules_apply(c, node)->if_;
    if (str_is(name, "then"))
        return &rules_apply(c, node)->then_;
    if (str_is(name, "else"))
        return &rules_apply(c, node)->else_;
    if (str_is(name, "additionalProperties"))
        return &rules_object(c, node)->additional;
    if (str_is(name, "propertyNames"))
        return &rules_object(c, node)->names;
    if (str_is(name, "unevaluatedProperties"))
        return &rules_object(c, node)->unevaluated;
    if (str_is(name, "unevaluatedItems"))
        return &rules_list(c, node)->unevaluated;
    if (str_is(name, "contains"))
        return &rules_list(c, node)->contains;
    assert(str_is(name, "items") || str_is(name, "additionalItems"));
    return &rules_list(c, node)->items;
}

KEYWORD(keyword_schema)
{
    struct schema_node **slot;

    if (!is_schema(value))
        return compile_refuse(c, node, keyword->name, "must be a schema: an object or a boolean");
    slot = slot_of(c, node, str_of(keyword->name));
    if (strcmp(keyword->name, "items") == 0 || strcmp(keyword->name, "additionalItems") == 0)
        node->list->items_name = keyword->name;
    if (strcmp(keyword->name, "contains") == 0)
        node->list->contains_marks = node->resource->vocabularies & VOCABULARY_2020_12;
    /* Without an array of items, additionalItems of draft 2019-09 says nothing. */
    if (strcmp(keyword->name, "additionalItems") == 0) {
        struct json items;

        if (!json_get(node->json, "items", &items) || json_type(items) != JSON_LIST)
            return OK;
    }
    return compile_node(c, value, slot);
}

static enum err compile_list(struct compile *c, struct schema_node *node, const char *keyword,
                             struct json value, struct node_list *out)
{
    if (json_type(value) != JSON_LIST || json_count(value) == 0)
        return compile_refuse(c, node, keyword, "must be a list of at least one schema");
    out->nodes = KEEP_ARRAY(c, struct schema_node *, json_count(value));
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (!is_schema(it.value))
            return compile_refuse(c, node, keyword, "must be a list of schemas");
        TRY(compile_node(c, it.value, &out->nodes[out->count++]));
    }
    return OK;
}

KEYWORD(keyword_schemas)
{
    struct apply_rules *rules = rules_apply(c, node);
    struct node_list *list = strcmp(keyword->name, "allOf") == 0   ? &rules->all_of
                             : strcmp(keyword->name, "anyOf") == 0 ? &rules->any_of
                                                                   : &rules->one_of;

    return compile_list(c, node, keyword->name, value, list);
}

/* prefixItems, and what was its name before: items with a list. */
KEYWORD(keyword_items)
{
    struct list_rules *rules = rules_list(c, node);
    struct node_list list = {0};

    if (strcmp(keyword->name, "items") == 0 && json_type(value) != JSON_LIST)
        return keyword_schema(c, node, keyword, value);
    TRY(compile_list(c, node, keyword->name, value, &list));
    rules->prefix = list.nodes;
    rules->prefix_count = list.count;
    rules->prefix_name = keyword->name;
    return OK;
}

static enum err compile_map(struct compile *c, struct schema_node *node, const char *keyword,
                            struct json value)
{
    if (json_type(value) != JSON_OBJECT)
        return compile_refuse(c, node, keyword, "must be an object of schemas");
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (!is_schema(it.value))
            return compile_refuse(c, node, keyword, "must be an object of schemas");
    return OK;
}

KEYWORD(keyword_defs)
{
    return compile_map(c, node, keyword->name, value);
}

KEYWORD(keyword_properties)
{
    struct object_rules *rules = rules_object(c, node);

    TRY(compile_map(c, node, keyword->name, value));
    rules->has_properties = true;
    for (struct json_iter it = json_iter(value); json_next(&it);)
        TRY(compile_node(c, it.value, &rules_member(c, rules, it.key)->node));
    return OK;
}

KEYWORD(keyword_pattern_properties)
{
    struct object_rules *rules = rules_object(c, node);
    struct str at = compile_join(c, node->pointer, STR("patternProperties"));

    TRY(compile_map(c, node, keyword->name, value));
    rules->patterns = KEEP_ARRAY(c, struct pattern_member, json_count(value));
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        struct pattern_member *pattern = &rules->patterns[rules->pattern_count++];

        pattern->text = it.key;
        TRY(schema_regex_new(c->cx, c->keep, it.key, compile_join(c, at, it.key).ptr,
                             &pattern->regex));
        TRY(compile_node(c, it.value, &pattern->node));
    }
    return OK;
}
