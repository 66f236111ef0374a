/*
 * kind.h - collections with their schemas: those of modules, and those that operators declare in
 * documents of the collection "collection".
 *
 * Invariants:
 *   - the schema of a module's collection NAME is the file collections/NAME.json beside the module,
 *     compiled when a space opens; a declared one is part of the document that declares it;
 *   - a declared collection has neither compile nor check, and never the name of a module's.
 *
 * Between the files of this folder only.
 */
#ifndef GREVY_DOCUMENT_KIND_H
#define GREVY_DOCUMENT_KIND_H

#include "kernel/document/store.h"
#include "kernel/schema/schema.h"

struct collection_schema {
    const char *name, *text;
};
extern const struct collection_schema collection_schemas[]; /* Generated; ends with NULL. */

enum { KINDS_MAX = 256, KINDS_BYTES_MAX = 32 << 20 };

/* Of a space. */
struct kinds {
    struct arena keep;
    struct {
        const char *name;
        const struct schema *schema;
        bool refers; /* It has references to documents: refer.c. */
    } items[KINDS_MAX];
    size_t count;
};
/** Compile the schemas.  Errors: those of schema_compile, naming the collection. */
MUST_CHECK enum err kinds_open(struct cx *cx, struct kinds *kinds);
void kinds_close(struct kinds *kinds);

/* What a document of "collection" compiles to. */
struct declared {
    struct collection collection; /* First: a struct collection with COLLECTION_DECLARED is one. */
    const struct schema *schema;
    bool refers;
    struct str title, schema_text; /* JSON; absent: none. */
};
const struct collection_schema *kind_text(const char *name); /* NULL: it has none. */
/** NULL: it has none.  refers: there are references in it. */
const struct schema *kind_schema(struct cx *cx, const struct collection *collection, bool *refers);
/** Has any collection of this space references? */
bool kind_any_refers(struct cx *cx);

/** Is the body as the collection's schema wants it?  Errors: BAD_INPUT "document_invalid" with the
 *  pointer of the first error and, as "also", the others; those of schema_validate. */
MUST_CHECK enum err kind_validate(struct cx *cx, const struct collection *collection,
                                  struct json body);
/** The one declared under this name in what is in force; NULL: none. */
const struct declared *kind_declared(struct cx *cx, struct str name);

#endif
