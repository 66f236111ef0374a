/*
 * keyword_assert.c - keywords that say something of a value by themselves.
 */
#include <string.h>

#include "kernel/schema/compile.h"
#include "kernel/schema/format.h"
#include "kernel/schema/regex.h"
#include "kernel/schema/value.h"

/* Keywords are compared by name: each function serves a few. */
static bool named(const struct keyword *keyword, const char *name)
{
    return strcmp(keyword->name, name) == 0;
}

KEYWORD(keyword_text)
{
    if (json_type(value) != JSON_TEXT)
        return compile_refuse(c, node, keyword->name, "must be a string");
    return OK;
}

static uint8_t type_named(struct str name)
{
    static const struct {
        const char *name;
        uint8_t type;
    } types[] = {{"null", TYPE_NULL},      {"boolean", TYPE_BOOLEAN}, {"object", TYPE_OBJECT},
                 {"array", TYPE_ARRAY},    {"string", TYPE_STRING},   {"number", TYPE_NUMBER},
                 {"integer", TYPE_INTEGER}};

    for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++)
        if (str_is(name, types[k].name))
            return types[k].type;
    return 0;
}

static bool add_type(struct schema_node *node, struct json name)
{
    uint8_t type = json_type(name) == JSON_TEXT ? type_named(json_peek(name)) : 0;

    node->types |= type;
    return type != 0;
}

KEYWORD(keyword_type)
{
    static const char want[] = "must be one of null, boolean, object, array, string, number, "
                               "integer, or a list of them";

    if (json_type(value) != JSON_LIST)
        return add_type(node, value) ? OK : compile_refuse(c, node, keyword->name, want);
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (!add_type(node, it.value))
            return compile_refuse(c, node, keyword->name, want);
    return json_count(value) > 0 ? OK : compile_refuse(c, node, keyword->name, want);
}

KEYWORD(keyword_enum)
{
    struct value_rules *rules = rules_values(c, node);
    struct json *values;
    uint64_t *hashes;
    size_t k = 0;

    if (json_type(value) != JSON_LIST)
        return compile_refuse(c, node, keyword->name, "must be a list of the values allowed");
    values = KEEP_ARRAY(c, struct json, json_count(value));
    hashes = KEEP_ARRAY(c, uint64_t, json_count(value));
    for (struct json_iter it = json_iter(value); json_next(&it); k++) {
        values[k] = it.value;
        hashes[k] = schema_value_hash(it.value);
    }
    rules->any_of = values;
    rules->hashes = hashes;
    rules->count = k;
    rules->has_enum = true;
    return OK;
}

KEYWORD(keyword_const)
{
    struct value_rules *rules = rules_values(c, node);

    (void)keyword;
    rules->has_only = true;
    rules->only = value;
    rules->only_hash = schema_value_hash(value);
    return OK;
}

KEYWORD(keyword_bound)
{
    struct number_rules *rules = rules_number(c, node);
    struct number number;

    if (json_type(value) != JSON_INT && json_type(value) != JSON_UINT &&
        json_type(value) != JSON_DOUBLE)
        return compile_refuse(c, node, keyword->name, "must be a number");
    number = number_of(value);
    if (named(keyword, "multipleOf")) {
        static const struct number zero = {.kind = NUMBER_INT};

        if (number_compare(&c->cx->arena, &number, &zero) <= 0)
            return compile_refuse(c, node, keyword->name, "must be above 0");
        rules->has |= BOUND_MULTIPLE;
        rules->multiple = number;
    } else if (named(keyword, "minimum")) {
        rules->has |= BOUND_MIN;
        rules->minimum = number;
    } else if (named(keyword, "maximum")) {
        rules->has |= BOUND_MAX;
        rules->maximum = number;
    } else if (named(keyword, "exclusiveMinimum")) {
        rules->has |= BOUND_ABOVE;
        rules->above = number;
    } else {
        rules->has |= BOUND_BELOW;
        rules->below = number;
    }
    return OK;
}

/* A count: a whole number of 0 and more, however written.  What is above 2^63 is as good as it. */
static bool read_count(struct cx *cx, struct json value, uint64_t *out)
{
    enum json_type type = json_type(value);
    struct number number;

    if (type != JSON_INT && type != JSON_UINT && type != JSON_DOUBLE)
        return false;
    number = number_of(value);
    if (number.d < 0 || !number_whole(&cx->arena, &number))
        return false;
    *out = number.d >= 0x1p63 ? UINT64_C(1) << 63 : (uint64_t)number.d;
    if (number.kind == NUMBER_INT)
        *out = (uint64_t)number.n;
    return true;
}

static uint64_t *count_of(struct compile *c, struct schema_node *node,
                          const struct keyword *keyword)
{
    if (named(keyword, "minLength"))
        return &rules_text(c, node)->len_min;
    if (named(keyword, "maxLength"))
        return &rules_text(c, node)->len_max;
    if (named(keyword, "minItems"))
        return &rules_list(c, node)->count_min;
    if (named(keyword, "maxItems"))
        return &rules_list(c, node)->count_max;
    if (named(keyword, "minContains"))
        return &rules_list(c, node)->contains_min;
    if (named(keyword, "maxContains"))
        return &rules_list(c, node)->contains_max;
    if (named(keyword, "minProperties"))
        return &rules_object(c, node)->count_min;
    assert(named(keyword, "maxProperties"));
    return &rules_object(c, node)->count_max;
}

KEYWORD(keyword_size)
{
    if (!read_count(c->cx, value, count_of(c, node, keyword)))
        return compile_refuse(c, node, keyword->name, "must be a whole number of 0 or more");
    return OK;
}

KEYWORD(keyword_unique)
{
    if (json_type(value) != JSON_BOOL)
        return compile_refuse(c, node, keyword->name, "must be true or false");
    rules_list(c, node)->unique = json_bool(value);
    return OK;
}

KEYWORD(keyword_pattern)
{
    struct text_rules *rules = rules_text(c, node);

    TRY(keyword_text(c, node, keyword, value));
    rules->pattern_text = json_peek(value);
    return schema_regex_new(c->cx, c->keep, rules->pattern_text,
                            compile_join(c, node->pointer, STR("pattern")).ptr, &rules->pattern);
}

KEYWORD(keyword_format)
{
    bool asserted =
        !c->options->format_annotate || node->resource->vocabularies & VOCABULARY_FORMAT_ASSERTION;
    const struct schema_format *format;

    TRY(keyword_text(c, node, keyword, value));
    format = schema_format_find(json_peek(value));
    if (asserted && format)
        rules_text(c, node)->format = format;
    return OK;
}

struct member *rules_member(struct compile *c, struct object_rules *rules, struct str name)
{
    uint64_t hash = member_hash(name);
    struct member *more;

    for (size_t k = 0; k < rules->member_count; k++)
        if (rules->members[k].hash == hash && str_eq(rules->members[k].name, name))
            return &rules->members[k];
    if (rules->member_count == rules->member_room) {
        more = KEEP_ARRAY(c, struct member, rules->member_room * 2 + 8);
        if (rules->member_count > 0)
            memcpy(more, rules->members, rules->member_count * sizeof(*more));
        rules->members = more;
        rules->member_room = rules->member_room * 2 + 8;
    }
    rules->members[rules->member_count] = (struct member){.name = name, .hash = hash};
    return &rules->members[rules->member_count++];
}

/* The texts of a list without duplicates. */
static bool only_texts(struct json list)
{
    if (json_type(list) != JSON_LIST)
        return false;
    for (struct json_iter it = json_iter(list); json_next(&it);)
        if (json_type(it.value) != JSON_TEXT)
            return false;
    return true;
}

KEYWORD(keyword_required)
{
    struct object_rules *rules = rules_object(c, node);

    if (!only_texts(value))
        return compile_refuse(c, node, keyword->name, "must be a list of names");
    for (struct json_iter it = json_iter(value); json_next(&it);)
        rules_member(c, rules, json_peek(it.value))->required = true;
    return OK;
}

static void add_dependency(struct compile *c, struct object_rules *rules, struct dependency more)
{
    struct dependency *all = KEEP_ARRAY(c, struct dependency, rules->dependency_count + 1);

    if (rules->dependency_count > 0)
        memcpy(all, rules->dependencies, rules->dependency_count * sizeof(*all));
    all[rules->dependency_count++] = more;
    rules->dependencies = all;
}

static void depend_on_names(struct compile *c, struct schema_node *node, const char *keyword,
                            struct str name, struct json list)
{
    struct str *wants = KEEP_ARRAY(c, struct str, json_count(list));
    size_t k = 0;

    for (struct json_iter it = json_iter(list); json_next(&it);)
        wants[k++] = json_peek(it.value);
    add_dependency(
        c, rules_object(c, node),
        (struct dependency){.name = name, .keyword = keyword, .wants = wants, .want_count = k});
}

KEYWORD(keyword_dependent_required)
{
    if (json_type(value) != JSON_OBJECT)
        return compile_refuse(c, node, keyword->name, "must be an object of lists of names");
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (!only_texts(it.value))
            return compile_refuse(c, node, keyword->name, "must be an object of lists of names");
        depend_on_names(c, node, keyword->name, it.key, it.value);
    }
    return OK;
}

static enum err depend_on_schema(struct compile *c, struct schema_node *node,
                                 const struct keyword *keyword, const struct json_iter *it)
{
    struct dependency more = {.name = it->key, .keyword = keyword->name};

    if (json_type(it->value) != JSON_OBJECT && json_type(it->value) != JSON_BOOL)
        return compile_refuse(c, node, keyword->name, "must be an object of schemas");
    TRY(compile_node(c, it->value, &more.node));
    add_dependency(c, rules_object(c, node), more);
    return OK;
}

KEYWORD(keyword_dependent_schemas)
{
    if (json_type(value) != JSON_OBJECT)
        return compile_refuse(c, node, keyword->name, "must be an object of schemas");
    for (struct json_iter it = json_iter(value); json_next(&it);)
        TRY(depend_on_schema(c, node, keyword, &it));
    return OK;
}

KEYWORD(keyword_dependencies)
{
    if (json_type(value) != JSON_OBJECT)
        return compile_refuse(c, node, keyword->name, "must be an object");
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (only_texts(it.value))
            depend_on_names(c, node, keyword->name, it.key, it.value);
        else
            TRY(depend_on_schema(c, node, keyword, &it));
    }
    return OK;
}
