/*
 * keyword.c - the keywords: in which vocabulary, with subschemas where, compiled by what.
 */
#include "kernel/schema/compile.h"

#define CORE        VOCABULARY_CORE
#define APPLICATOR  VOCABULARY_APPLICATOR
#define UNEVALUATED VOCABULARY_UNEVALUATED
#define VALIDATION  VOCABULARY_VALIDATION
#define METADATA    VOCABULARY_METADATA
#define CONTENT     VOCABULARY_CONTENT
#define NEW         VOCABULARY_2020_12
#define OLD         VOCABULARY_2019_09

static const struct keyword KEYWORDS[] = {
    {"$id", CORE, HOLDS_VALUE, keyword_text, false},
    {"$schema", CORE, HOLDS_VALUE, keyword_text, false},
    {"$ref", CORE, HOLDS_VALUE, keyword_ref, false},
    {"$anchor", CORE, HOLDS_VALUE, keyword_text, false},
    {"$dynamicRef", CORE | NEW, HOLDS_VALUE, keyword_dynamic_ref, false},
    {"$dynamicAnchor", CORE | NEW, HOLDS_VALUE, keyword_text, false},
    {"$recursiveRef", CORE | OLD, HOLDS_VALUE, keyword_recursive_ref, false},
    {"$recursiveAnchor", CORE | OLD, HOLDS_VALUE, NULL, false},
    {"$vocabulary", CORE, HOLDS_VALUE, NULL, false},
    {"$comment", CORE, HOLDS_VALUE, keyword_text, false},
    {"$defs", CORE, HOLDS_MAP, keyword_defs, false},
    {"definitions", CORE, HOLDS_MAP, keyword_defs, false},

    {"allOf", APPLICATOR, HOLDS_LIST, keyword_schemas, false},
    {"anyOf", APPLICATOR, HOLDS_LIST, keyword_schemas, false},
    {"oneOf", APPLICATOR, HOLDS_LIST, keyword_schemas, false},
    {"not", APPLICATOR, HOLDS_SCHEMA, keyword_schema, false},
    {"if", APPLICATOR, HOLDS_SCHEMA, keyword_schema, false},
    {"then", APPLICATOR, HOLDS_SCHEMA, keyword_schema, false},
    {"else", APPLICATOR, HOLDS_SCHEMA, keyword_schema, false},
    {"properties", APPLICATOR, HOLDS_MAP, keyword_properties, false},
    {"patternProperties", APPLICATOR, HOLDS_MAP, keyword_pattern_properties, false},
    {"additionalProperties", APPLICATOR, HOLDS_SCHEMA, keyword_schema, false},
    {"propertyNames", APPLICATOR, HOLDS_SCHEMA, keyword_schema, false},
    {"dependentSchemas", APPLICATOR, HOLDS_MAP, keyword_dependent_schemas, false},
    {"dependencies", APPLICATOR, HOLDS_MAP, keyword_dependencies, false},
    {"prefixItems", APPLICATOR | NEW, HOLDS_LIST, keyword_items, false},
    {"items", APPLICATOR | NEW, HOLDS_SCHEMA, keyword_schema, false},
    {"items", APPLICATOR | OLD, HOLDS_SCHEMA_OR_LIST, keyword_items, false},
    {"additionalItems", APPLICATOR | OLD, HOLDS_SCHEMA, keyword_schema, false},
    {"contains", APPLICATOR, HOLDS_SCHEMA, keyword_schema, false},
    {"unevaluatedItems", UNEVALUATED | NEW, HOLDS_SCHEMA, keyword_schema, false},
    {"unevaluatedProperties", UNEVALUATED | NEW, HOLDS_SCHEMA, keyword_schema, false},
    {"unevaluatedItems", APPLICATOR | OLD, HOLDS_SCHEMA, keyword_schema, false},
    {"unevaluatedProperties", APPLICATOR | OLD, HOLDS_SCHEMA, keyword_schema, false},

    {"type", VALIDATION, HOLDS_VALUE, keyword_type, false},
    {"enum", VALIDATION, HOLDS_VALUE, keyword_enum, false},
    {"const", VALIDATION, HOLDS_VALUE, keyword_const, false},
    {"multipleOf", VALIDATION, HOLDS_VALUE, keyword_bound, false},
    {"minimum", VALIDATION, HOLDS_VALUE, keyword_bound, false},
    {"maximum", VALIDATION, HOLDS_VALUE, keyword_bound, false},
    {"exclusiveMinimum", VALIDATION, HOLDS_VALUE, keyword_bound, false},
    {"exclusiveMaximum", VALIDATION, HOLDS_VALUE, keyword_bound, false},
    {"minLength", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"maxLength", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"minItems", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"maxItems", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"minContains", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"maxContains", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"minProperties", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"maxProperties", VALIDATION, HOLDS_VALUE, keyword_size, false},
    {"uniqueItems", VALIDATION, HOLDS_VALUE, keyword_unique, false},
    {"pattern", VALIDATION, HOLDS_VALUE, keyword_pattern, false},
    {"required", VALIDATION, HOLDS_VALUE, keyword_required, false},
    {"dependentRequired", VALIDATION, HOLDS_VALUE, keyword_dependent_required, false},

    {"format", VOCABULARY_FORMAT, HOLDS_VALUE, keyword_format, true},

    {"title", METADATA, HOLDS_VALUE, NULL, true},
    {"description", METADATA, HOLDS_VALUE, NULL, true},
    {"default", METADATA, HOLDS_VALUE, NULL, true},
    {"deprecated", METADATA, HOLDS_VALUE, NULL, true},
    {"readOnly", METADATA, HOLDS_VALUE, NULL, true},
    {"writeOnly", METADATA, HOLDS_VALUE, NULL, true},
    {"examples", METADATA, HOLDS_VALUE, NULL, true},

    {"contentEncoding", CONTENT, HOLDS_VALUE, keyword_text, true},
    {"contentMediaType", CONTENT, HOLDS_VALUE, keyword_text, true},
    {"contentSchema", CONTENT, HOLDS_SCHEMA, NULL, true},
};
enum { KEYWORD_COUNT = sizeof(KEYWORDS) / sizeof(KEYWORDS[0]) };

const struct keyword *keyword_find(struct str name, unsigned vocabularies)
{
    for (size_t k = 0; k < KEYWORD_COUNT; k++)
        if ((KEYWORDS[k].vocabularies & vocabularies) == KEYWORDS[k].vocabularies &&
            str_is(name, KEYWORDS[k].name))
            return &KEYWORDS[k];
    return NULL;
}
