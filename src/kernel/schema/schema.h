/*
 * schema.h - JSON Schema, draft 2020-12: compiled once, evaluated many times.
 *
 *     TRY(schema_compile(cx, keep, text, NULL, &schema));
 *     TRY(json_parse(cx, body, &instance));
 *     TRY(schema_validate(cx, schema, instance, 0, &result));
 *     if (!result.valid) ... result.errors[0].say ...
 *
 * Invariants:
 *   - a struct schema is immutable and lives in `keep`; any number of threads use it at once;
 *   - validation takes memory from cx's arena alone, and what it gives lives there;
 *   - nothing is ever fetched: a $ref to what is not registered is an error that names it;
 *   - no pair of schema and instance runs unbounded: see the limits below.
 *
 * Specifications: draft-bhutton-json-schema-01 (core), draft-bhutton-json-schema-validation-01.
 * Beyond them: `dependencies` of earlier drafts, and schemas of draft 2019-09 that are referred to.
 */
#ifndef GREVY_SCHEMA_SCHEMA_H
#define GREVY_SCHEMA_SCHEMA_H

#include "kernel/json/json.h"

enum {
    SCHEMA_BYTES_MAX = 1 << 20,      /* Of one schema document: far above what people write. */
    SCHEMA_SUBSCHEMAS_MAX = 20000,   /* Of a schema with all it refers to; each costs ~300 bytes. */
    SCHEMA_DEPTH_MAX = 512,          /* Nested applications: ~0.4 KiB of the thread's stack each. */
    SCHEMA_ERRORS_MAX = 20,          /* Returned of one validation; a form shows no more. */
    SCHEMA_STEPS_MAX = 4000000,      /* Of one validation, a step being ~20 ns. */
    SCHEMA_ANNOTATIONS_MAX = 100000, /* Of one validation. */
    SCHEMA_PATTERN_BYTES_MAX = 4096, /* Of one regular expression. */
};

struct schema;

/* A document that $ref and $schema may name. */
struct schema_document {
    struct str uri; /* Absolute, without fragment. */
    struct str text;
};

struct schema_options {
    const struct schema_document *documents; /* Beside draft 2020-12's own metaschemas. */
    size_t document_count;
    struct str uri;       /* Of the schema itself, where it has no $id; may be absent. */
    bool format_annotate; /* `format` asserts nothing, unless the metaschema asks that it does. */
};

/** Compile text into keep; options NULL: none.  Errors: those of json_parse; UNPROCESSABLE
 *  "schema_keyword" | "schema_unresolved" | "schema_pattern" | "schema_vocabulary", with the JSON
 *  pointer of the place; TOO_LARGE "schema_too_large". */
MUST_CHECK enum err schema_compile(struct cx *cx, struct arena *keep, struct str text,
                                   const struct schema_options *options, const struct schema **out);
/** The same of a value that was read by json_parse or json_parse_exact. */
MUST_CHECK enum err schema_compile_json(struct cx *cx, struct arena *keep, struct json json,
                                        const struct schema_options *options,
                                        const struct schema **out);

struct schema_error {
    struct str instance; /* JSON pointer into the instance. */
    struct str schema;   /* Keyword location: a JSON pointer from the root, through $ref. */
    struct str absolute; /* The same as the URI of the resource and a pointer into it. */
    struct str say;      /* What to do. */
};

struct schema_annotation {
    struct str instance, schema, absolute; /* As of an error. */
    struct str keyword;
    struct str value; /* JSON text. */
};

struct schema_result {
    bool valid;
    const struct schema_error *errors;
    size_t error_count; /* At most SCHEMA_ERRORS_MAX. */
    const struct schema_annotation *annotations;
    size_t annotation_count;
};

enum schema_flag {
    SCHEMA_ANNOTATE = 1, /* Collect annotations; costs nothing when it is not asked for. */
    SCHEMA_VERDICT = 2,  /* Only valid or not: no errors are described. */
};

/** Errors, of the pair and not of the instance: UNPROCESSABLE "schema_recursion" |
 *  "schema_too_deep" | "schema_steps" | "schema_pattern_steps". */
MUST_CHECK enum err schema_validate(struct cx *cx, const struct schema *schema,
                                    struct json instance, unsigned flags,
                                    struct schema_result *out);

#endif
