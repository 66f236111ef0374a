/*
 * refer.c - references between documents: "x-ref": "COLLECTION" in a schema says that the text there
 * is the key of a document of that collection, which is in force as long as this one is.
 */
#include <string.h>

#include "kernel/document/kind.h"
#include "kernel/document/publish.h"

enum { CANDIDATES_MAX = 200 /* Documents whose text has the key; more name it by chance. */ };

struct reference {
    struct str pointer, collection, key;
};

/* The member or item that a token of a pointer names. */
static bool step(struct cx *cx, struct str token, struct json *at)
{
    char *name = cx_alloc(cx, token.len + 1);
    size_t len = 0;
    int64_t k;

    for (size_t n = 0; n < token.len; n++) {
        bool escaped = token.ptr[n] == '~' && n + 1 < token.len;

        name[len++] = !escaped ? token.ptr[n] : token.ptr[++n] == '1' ? '/' : '~';
    }
    name[len] = '\0';
    if (json_type(*at) == JSON_OBJECT)
        return json_get(*at, name, at);
    if (json_type(*at) != JSON_LIST || !str_int((struct str){name, len}, &k))
        return false;
    for (struct json_iter it = json_iter(*at); json_next(&it);)
        if (k-- == 0) {
            *at = it.value;
            return true;
        }
    return false;
}

static bool find(struct cx *cx, struct json body, struct str pointer, struct json *out)
{
    struct str rest = pointer, token;

    *out = body;
    (void)str_cut(&rest, '/', &token); /* What is before the first slash: nothing. */
    while (str_cut(&rest, '/', &token))
        if (!step(cx, token, out))
            return false;
    return true;
}

/* As list of struct reference.  Needs: the body is valid. */
static enum err references_of(struct cx *cx, const struct schema *schema, struct str body,
                              struct list *out)
{
    struct schema_result result;
    struct reference *found;
    struct json json;

    *out = (struct list){NULL, 0};
    TRY(json_parse(cx, body, &json));
    TRY(schema_validate(cx, schema, json, SCHEMA_ANNOTATE, &result));
    found = CX_ARRAY(cx, struct reference, result.annotation_count + 1);
    out->items = found;
    for (size_t k = 0; k < result.annotation_count; k++) {
        const struct schema_annotation *a = &result.annotations[k];
        struct json at;

        if (!str_is(a->keyword, "x-ref") || a->value.len < 2 || a->value.ptr[0] != '"' ||
            !find(cx, json, a->instance, &at) || json_type(at) != JSON_TEXT)
            continue;
        found[out->count++] = (struct reference){
            a->instance, {a->value.ptr + 1, a->value.len - 2}, json_text(cx, at)};
    }
    return OK;
}

static enum err schema_with_references(struct cx *cx, struct str collection,
                                       const struct schema **out)
{
    const struct collection *kind;
    bool refers;

    TRY(collection_get(cx, collection, &kind));
    *out = kind_schema(cx, kind, &refers);
    if (!refers)
        *out = NULL;
    return OK;
}

enum err refer_check(struct cx *cx, const struct publish_item *wish)
{
    const struct schema *schema;
    struct version_row version;
    struct list references;

    TRY(schema_with_references(cx, wish->collection, &schema));
    if (!schema)
        return OK;
    TRY(version_get(cx, wish->collection, wish->key, wish->version, &version));
    TRY(references_of(cx, schema, version.body, &references));
    for (size_t k = 0; k < references.count; k++) {
        const struct reference *r = LIST_AT(references, struct reference, k);
        struct document_row row = {.collection = r->collection, .key = r->key};
        bool found;

        TRY(row_find(cx, &document_table, &row, &found));
        if (!found || row.live == 0)
            return fail(cx, ERR_UNPROCESSABLE, "refers_to_nothing",
                        STR_FMT "/" STR_FMT ", " STR_FMT ": " STR_FMT "/" STR_FMT
                                " is not in force: publish it first, or in the same publication",
                        STR_ARG(wish->collection), STR_ARG(wish->key), STR_ARG(r->pointer),
                        STR_ARG(r->collection), STR_ARG(r->key));
    }
    return OK;
}

static enum err check_candidate(struct cx *cx, const struct publish_item *wish,
                                const struct version_row *by)
{
    const struct schema *schema;
    struct list references;

    TRY(schema_with_references(cx, by->collection, &schema));
    if (!schema)
        return OK;
    TRY(references_of(cx, schema, by->body, &references));
    for (size_t k = 0; k < references.count; k++) {
        const struct reference *r = LIST_AT(references, struct reference, k);

        if (str_eq(r->collection, wish->collection) && str_eq(r->key, wish->key))
            return fail(cx, ERR_CONFLICT, "in_use",
                        STR_FMT "/" STR_FMT " is in force and refers to it (" STR_FMT
                                "): end that first, or in the same publication",
                        STR_ARG(by->collection), STR_ARG(by->key), STR_ARG(r->pointer));
    }
    return OK;
}

/* Candidates have its key among their texts; keys have no character that a pattern minds. */
enum err refer_check_end(struct cx *cx, const struct publish_item *wish)
{
    struct list rows;

    if (!kind_any_refers(cx))
        return OK;
    TRY(sql_all(
        cx, document_version_columns, sizeof(struct version_row), &rows,
        "select v.collection, v.key, v.version, v.body, v.digest, v.based_on, v.author,"
        " v.why, v.created_ms, v.review, v.reviewer, v.review_why, v.reviewed_ms from"
        " kernel_document d join kernel_document_version v on v.collection = d.collection"
        " and v.key = d.key and (v.version = d.live or v.version = d.grey) where v.body"
        " like ?1 order by v.collection, v.key, v.version limit ?2",
        BIND(TEXT(cx_printf(cx, "%%\"" STR_FMT "\"%%", STR_ARG(wish->key))), INT(CANDIDATES_MAX))));
    for (size_t k = 0; k < rows.count; k++)
        TRY(check_candidate(cx, wish, LIST_AT(rows, struct version_row, k)));
    return OK;
}
