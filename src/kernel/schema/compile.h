/*
 * compile.h - the state of one compilation, and what its parts offer each other.
 *
 * A schema is compiled in two motions.  resource.c loads a document and walks its subschemas to
 * learn what $id, $anchor and $dynamicAnchor name; compile.c makes a node for each subschema that
 * is reached and works them off a queue, so that no chain of references nests.
 *
 * Invariants: tables of the compilation lie in cx, whatever the program needs in keep; a value of a
 * document has at most one node.
 */
#ifndef GREVY_SCHEMA_COMPILE_H
#define GREVY_SCHEMA_COMPILE_H

#include "kernel/schema/program.h"

enum vocabulary {
    VOCABULARY_CORE = 1,
    VOCABULARY_APPLICATOR = 2,
    VOCABULARY_UNEVALUATED = 4,
    VOCABULARY_VALIDATION = 8,
    VOCABULARY_METADATA = 16,
    VOCABULARY_FORMAT = 32,
    VOCABULARY_FORMAT_ASSERTION = 64,
    VOCABULARY_CONTENT = 128,
    VOCABULARY_2020_12 = 256, /* What this draft has and the one before it has not. */
    VOCABULARY_2019_09 = 512, /* What only the one before it has. */
    VOCABULARY_STANDARD = VOCABULARY_CORE | VOCABULARY_APPLICATOR | VOCABULARY_UNEVALUATED |
                          VOCABULARY_VALIDATION | VOCABULARY_METADATA | VOCABULARY_FORMAT |
                          VOCABULARY_CONTENT,
};

/* What is known of a value of a document: where it stands, and its node. */
struct place {
    struct json json;
    const struct schema_resource *resource;
    struct str pointer; /* From the resource's root. */
    struct schema_node *node;
    bool scanned;
    struct place *next; /* In its bucket. */
};

/* What a URI names: a resource, or an anchor when the URI has a fragment. */
struct named {
    struct str uri;
    struct place *place;
    const struct schema_resource *resource;
    bool dynamic;
    struct named *next;
};

enum { TABLE_BUCKETS = 1024 }; /* Chains of 20 at SCHEMA_SUBSCHEMAS_MAX. */

struct compile {
    struct cx *cx;
    struct arena *keep;
    const struct schema_options *options;
    struct place *places[TABLE_BUCKETS];
    struct named *names[TABLE_BUCKETS];
    struct schema_node *queue, **queue_last;
    size_t subschemas;
    int dialects; /* Metaschemas being read, each naming the next. */
};

/* How subschemas stand in a keyword's value. */
enum holds { HOLDS_VALUE, HOLDS_SCHEMA, HOLDS_LIST, HOLDS_MAP, HOLDS_SCHEMA_OR_LIST };

struct keyword {
    const char *name;
    unsigned vocabularies; /* It is known where all of these are. */
    enum holds holds;
    enum err (*compile)(struct compile *c, struct schema_node *node, const struct keyword *keyword,
                        struct json value); /* NULL: says nothing by itself. */
    bool noted;                             /* Its value is an annotation. */
};

/** The keyword so named, in a dialect of these vocabularies; NULL: unknown there. */
const struct keyword *keyword_find(struct str name, unsigned vocabularies);

/* ---- resource.c ---- */

/** Make known what json and its subschemas are named; json stands in resource at pointer. */
MUST_CHECK enum err compile_scan(struct compile *c, struct json json,
                                 const struct schema_resource *resource, struct str pointer);
/** The same of a document that came from uri. */
MUST_CHECK enum err compile_document(struct compile *c, struct json json, struct str uri);
struct place *compile_place(struct compile *c, struct json json);
/** What a reference in node leads to; dynamic says whether a $dynamicAnchor named it. */
MUST_CHECK enum err compile_resolve(struct compile *c, const struct schema_node *node,
                                    const char *keyword, struct str reference,
                                    const struct named **out);
const struct named *compile_named(struct compile *c, struct str uri);

/* ---- dialect.c ---- */

/** The vocabularies of the metaschema uri, which document names. */
MUST_CHECK enum err compile_dialect(struct compile *c, struct str uri, unsigned *out);
/** A registered document, or one of the standard's own. */
bool compile_registered(const struct compile *c, struct str uri, struct str *text);

/* ---- compile.c ---- */

/** The node of a subschema, which is compiled in its turn. */
MUST_CHECK enum err compile_node(struct compile *c, struct json json, struct schema_node **out);
/** Refuse a keyword of node: say what it must be. */
enum err compile_refuse(struct compile *c, const struct schema_node *node, const char *keyword,
                        const char *what);
void *compile_keep(struct compile *c, size_t size);
#define KEEP_NEW(c, type)          ((type *)compile_keep((c), sizeof(type)))
#define KEEP_ARRAY(c, type, count) ((type *)compile_keep((c), sizeof(type) * ((count) + 1)))
struct str compile_copy(struct compile *c, struct str s);
/** pointer/token, the token escaped. */
struct str compile_join(struct compile *c, struct str pointer, struct str token);

/* The groups of a node, made on first use. */
struct number_rules *rules_number(struct compile *c, struct schema_node *node);
struct text_rules *rules_text(struct compile *c, struct schema_node *node);
struct list_rules *rules_list(struct compile *c, struct schema_node *node);
struct object_rules *rules_object(struct compile *c, struct schema_node *node);
struct value_rules *rules_values(struct compile *c, struct schema_node *node);
struct apply_rules *rules_apply(struct compile *c, struct schema_node *node);

/* ---- keyword_assert.c, keyword_apply.c ---- */

#define KEYWORD(name_)                                                                             \
    enum err name_(struct compile *c, struct schema_node *node, const struct keyword *keyword,     \
                   struct json value)
KEYWORD(keyword_type);
KEYWORD(keyword_enum);
KEYWORD(keyword_const);
KEYWORD(keyword_bound);
KEYWORD(keyword_size);
KEYWORD(keyword_unique);
KEYWORD(keyword_pattern);
KEYWORD(keyword_format);
KEYWORD(keyword_required);
KEYWORD(keyword_dependent_required);
KEYWORD(keyword_text);
KEYWORD(keyword_ref);
KEYWORD(keyword_dynamic_ref);
KEYWORD(keyword_recursive_ref);
KEYWORD(keyword_schema);
KEYWORD(keyword_schemas);
KEYWORD(keyword_items);
KEYWORD(keyword_properties);
KEYWORD(keyword_pattern_properties);
KEYWORD(keyword_dependent_schemas);
KEYWORD(keyword_dependencies);
KEYWORD(keyword_defs);

/** The member so named of an object's rules, made when there is none. */
struct member *rules_member(struct compile *c, struct object_rules *rules, struct str name);

#endif
