/*
 * collection_module.c - the schemas of collections, and collections that operators declare.
 */
#include "kernel/document/kind.h"

#include <string.h>

#include "kernel/document/routes.h"

enum { SAID_LEN_MAX = 1500 /* Of all errors together: what a page shows. */ };

/* ---- Of modules ---- */

const struct collection_schema *kind_text(const char *name)
{
    for (const struct collection_schema *s = collection_schemas; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static bool has_references(const char *schema)
{
    return strstr(schema, "\"x-ref\"") != NULL;
}

static enum err open_kind(struct cx *cx, struct kinds *kinds, const struct collection *collection)
{
    const struct collection_schema *text = kind_text(collection->name);

    if (!text)
        return OK;
    assert(kinds->count < KINDS_MAX);
    kinds->items[kinds->count].name = collection->name;
    kinds->items[kinds->count].refers = has_references(text->text);
    return schema_compile(cx, &kinds->keep, str_of(text->text), NULL,
                          &kinds->items[kinds->count++].schema);
}

enum err kinds_open(struct cx *cx, struct kinds *kinds)
{
    const struct module *const *modules = cx->space->platform->modules;

    arena_init(&kinds->keep, KINDS_BYTES_MAX);
    kinds->keep.exhausted = cx->arena.exhausted;
    for (; *modules; modules++)
        for (const struct collection *c = (*modules)->collections; c && c->name; c++)
            TRY(open_kind(cx, kinds, c));
    kinds->keep.exhausted = NULL;
    return OK;
}

void kinds_close(struct kinds *kinds)
{
    arena_free(&kinds->keep);
}

/* ---- Declared ---- */

struct declaration {
    struct str title, doc, schema;
    bool reviewed;
};
static const struct field declaration_fields[] = {
    F_JSON(declaration, title), F(declaration, doc),
    F_JSON(declaration, schema, .flags = FIELD_REQUIRED, .max = SCHEMA_BYTES_MAX),
    F(declaration, reviewed), F_END};

static struct str keep_text(struct arena *keep, struct str text)
{
    char *at = arena_alloc(keep, text.len + 1);

    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    at[text.len] = '\0';
    return (struct str){at, text.len};
}

static enum err compile_declared(struct cx *cx, struct arena *keep, const struct document *document,
                                 struct json json, const void **out)
{
    struct declared *declared = arena_alloc(keep, sizeof(*declared));
    struct declaration says;

    if (collection_named(cx->space->platform, document->key))
        return fail(cx, ERR_BAD_INPUT, "taken", "a module has a collection of this name");
    TRY(field_decode(cx, declaration_fields, FIELD_LENIENT, json, "", &says));
    *declared = (struct declared){
        .collection = {.name = document->key.ptr,
                       .doc = keep_text(keep, says.doc).ptr,
                       .flags = COLLECTION_DECLARED | (says.reviewed ? COLLECTION_REVIEWED : 0)},
        .title = keep_text(keep, says.title.ptr ? says.title : STR("null")),
        .schema_text = keep_text(keep, says.schema)};
    declared->refers = has_references(declared->schema_text.ptr);
    TRY(schema_compile(cx, keep, declared->schema_text, NULL, &declared->schema));
    *out = declared;
    return OK;
}

const struct declared *kind_declared(struct cx *cx, struct str name)
{
    const struct document *document =
        document_find(documents_now(cx), "collection", name, (struct str){0});

    return document ? document->compiled : NULL;
}

const struct module collection_module = {
    .name = "collection",
    .collections = COLLECTIONS(
        {"collection", "Kinds of documents that operators declare.", .compile = compile_declared}),
};

/* ---- Validation ---- */

const struct schema *kind_schema(struct cx *cx, const struct collection *collection, bool *refers)
{
    const struct kinds *kinds = documents_kinds(cx);
    const struct declared *declared = (const struct declared *)collection;

    *refers = false;
    if (collection->flags & COLLECTION_DECLARED) {
        *refers = declared->refers;
        return declared->schema;
    }
    for (size_t k = 0; k < kinds->count; k++)
        if (strcmp(kinds->items[k].name, collection->name) == 0) {
            *refers = kinds->items[k].refers;
            return kinds->items[k].schema;
        }
    return NULL;
}

bool kind_any_refers(struct cx *cx)
{
    const struct kinds *kinds = documents_kinds(cx);
    struct document_iter it = documents_in(documents_now(cx), "collection", (struct str){0});

    for (size_t k = 0; k < kinds->count; k++)
        if (kinds->items[k].refers)
            return true;
    while (document_next(&it))
        if (((const struct declared *)it.document->compiled)->refers)
            return true;
    return false;
}

static enum err invalid(struct cx *cx, const struct schema_result *result)
{
    const struct schema_error *first = &result->errors[0];
    struct str also = STR("");
    enum err err =
        fail_at(cx, ERR_BAD_INPUT, "document_invalid",
                cx_printf(cx, STR_FMT, STR_ARG(first->instance)).ptr, STR_FMT, STR_ARG(first->say));

    for (size_t k = 1; k < result->error_count && also.len < SAID_LEN_MAX; k++)
        also = cx_printf(cx, STR_FMT "%s" STR_FMT ": " STR_FMT, STR_ARG(also), k > 1 ? "; " : "",
                         STR_ARG(result->errors[k].instance), STR_ARG(result->errors[k].say));
    if (also.len > 0)
        fail_member(cx, "also", also);
    fail_member(cx, "schema", first->schema);
    return err;
}

enum err kind_validate(struct cx *cx, const struct collection *collection, struct json body)
{
    bool refers;
    const struct schema *schema = kind_schema(cx, collection, &refers);
    struct schema_result result;

    if (!schema)
        return OK;
    TRY(schema_validate(cx, schema, body, 0, &result));
    return result.valid ? OK : invalid(cx, &result);
}
