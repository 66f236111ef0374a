/*
 * document_http.c - documents and their versions over HTTP: what an editor works with, and what a
 * client reads.
 */
#include "kernel/document/routes.h"

#include <stdio.h>
#include <string.h>

/* ---- Fields ---- */

const struct field document_page_fields[] = {PAGE_FIELDS(document_page), F_END};

const struct field document_list_fields[] = {
    PAGE_FIELDS(document_list),
    F(document_list, prefix, .max = DOCUMENT_KEY_LEN_MAX, .doc = "Only keys that begin like this."),
    F_END};

const struct field document_save_fields[] = {
    F_JSON(document_save, document, .flags = FIELD_REQUIRED, .max = DOCUMENT_BYTES_MAX,
           .doc = "A JSON object, as the collection wants it."),
    F(document_save, why, .max = DOCUMENT_WHY_LEN_MAX, .doc = "For those who look later."), F_END};

const struct field document_review_fields[] = {F(document_review, approve, .flags = FIELD_REQUIRED),
                                               F(document_review, why, .max = DOCUMENT_WHY_LEN_MAX),
                                               F_END};

const struct field document_clone_fields[] = {
    F(document_clone, key, .flags = FIELD_REQUIRED, .min = 1, .max = DOCUMENT_KEY_LEN_MAX),
    F(document_clone, why, .max = DOCUMENT_WHY_LEN_MAX), F_END};

const struct field document_diff_query_fields[] = {
    F(document_diff_query, from, .min = 1, .max = DOCUMENT_VERSIONS_MAX, .flags = FIELD_REQUIRED),
    F(document_diff_query, to, .max = DOCUMENT_VERSIONS_MAX, .doc = "Left out: the newest."),
    F_END};

const struct field document_read_query_fields[] = {
    F(document_read_query, user, .max = 128, .doc = "Who is to see it: decides a grey release."),
    F_END};

const struct field document_view_fields[] = {
    F(document_row, collection),
    F(document_row, key),
    F(document_row, latest, .doc = "Number of the newest version."),
    F(document_row, live, .doc = "Of the version in force; 0: none."),
    F(document_row, grey, .doc = "Of the version in grey release; 0: none."),
    F(document_row, grey_share, .doc = "Of users, in ten-thousandths."),
    F(document_row, grey_on, .doc = "Processes of the grey release; \"\": all."),
    F_TIME(document_row, created_ms, "created_at"),
    F_TIME(document_row, changed_ms, "changed_at"),
    F_END};

const struct field version_view_fields[] = {
    F(version_row, collection),
    F(version_row, key),
    F(version_row, version),
    {.name = "document",
     .type = FIELD_JSON,
     FIELD_AT(version_row, body),
     .max = DOCUMENT_BYTES_MAX},
    F(version_row, based_on, .doc = "The version its author had seen; 0: none."),
    F(version_row, author),
    F(version_row, why),
    F_TIME(version_row, created_ms, "created_at"),
    F_ENUM(version_row, review, review_names),
    F(version_row, reviewer),
    F(version_row, review_why),
    F_TIME(version_row, reviewed_ms, "reviewed_at"),
    F_END};

const struct field version_list_fields[] = {F(version_row, version),
                                            F(version_row, based_on),
                                            F(version_row, author),
                                            F(version_row, why),
                                            F_TIME(version_row, created_ms, "created_at"),
                                            F_ENUM(version_row, review, review_names),
                                            F(version_row, reviewer),
                                            F(version_row, review_why),
                                            F_TIME(version_row, reviewed_ms, "reviewed_at"),
                                            F_END};

const struct field document_difference_fields[] = {
    F_ENUM(difference, op, diff_ops), F(difference, pointer),
    F_JSON(difference, from, .doc = "null: not there."),
    F_JSON(difference, to, .doc = "null: not there."), F_END};
const struct field document_diff_fields[] = {
    F(document_diff, from), F(document_diff, to),
    F_LIST(document_diff, differences, difference, document_difference_fields,
           .max = DIFFERENCES_MAX, .doc = "Of more than 1,000 the first."),
    F_END};

const struct field document_read_fields[] = {
    F(document_read, collection), F(document_read, key), F(document_read, version),
    F_JSON(document_read, document, .max = DOCUMENT_BYTES_MAX), F_END};

/* ---- What requests name ---- */

static bool key_ok(struct str key)
{
    static const char others[] = "._-";

    if (key.len == 0 || key.len > DOCUMENT_KEY_LEN_MAX || key.ptr[0] == '.')
        return false;
    for (size_t k = 0; k < key.len; k++) {
        char c = key.ptr[k];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && !(c && strchr(others, c)))
            return false;
    }
    return true;
}

enum err document_key_check(struct cx *cx, struct str key)
{
    if (key_ok(key))
        return OK;
    return fail_at(cx, ERR_BAD_INPUT, "bad_key", "/key",
                   "a key is up to %d letters, digits, dots, dashes and underscores, and does not"
                   " begin with a dot",
                   DOCUMENT_KEY_LEN_MAX);
}

/* A number of the path. */
enum err number_param(struct cx *cx, struct str text, const char *what, int64_t *out)
{
    if (str_int(text, out) && *out > 0)
        return OK;
    return fail(cx, ERR_BAD_INPUT, "bad_number", "%s is a number from 1 on, not " STR_FMT, what,
                STR_ARG(text));
}

/* If-Match: "5". */
static enum err read_if_match(struct req *req, int64_t *version)
{
    struct str tag = req->headers[0];

    *version = 0;
    if (!tag.ptr)
        return OK;
    if (tag.len > 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"' &&
        str_int((struct str){tag.ptr + 1, tag.len - 2}, version) && *version > 0)
        return OK;
    return fail(req->cx, ERR_BAD_INPUT, "bad_if_match",
                "If-Match is the ETag of the version you have seen, as in \"5\"");
}

/* ---- Handlers ---- */

static enum err reply_version(struct req *req, int status, const struct version_row *row)
{
    req->etag = cx_printf(req->cx, "\"%" PRId64 "\"", row->version);
    return reply_json(req, status, version_view_fields, row);
}

/* What a collection says of a document is said of a member of the body. */
static enum err at_member(struct cx *cx, enum err err)
{
    struct problem *problem = &cx->problem;
    char pointer[PROBLEM_POINTER_LEN_MAX];

    if (err == OK)
        return OK;
    snprintf(pointer, sizeof(pointer), "/document%.*s", PROBLEM_POINTER_LEN_MAX - 16,
             problem->pointer);
    memcpy(problem->pointer, pointer, sizeof(pointer));
    return err;
}

/* Slow and pure, so not on the writer: would it compile? */
enum err prepare_document(struct req *req)
{
    const struct document_save *body = req->body;
    struct document document = {
        .collection = req->params[0].text, .key = req->params[1].text, .body = body->document};
    const struct collection *collection;

    TRY(collection_get(req->cx, document.collection, &collection));
    TRY(document_key_check(req->cx, document.key));
    return at_member(req->cx, unit_try(req->cx, collection, &document));
}

enum err put_document(struct req *req)
{
    const struct document_save *body = req->body;
    struct saved saved = {.collection = req->params[0].text,
                          .key = req->params[1].text,
                          .body = body->document,
                          .why = body->why.ptr ? body->why : STR("")};
    struct version_row row;
    bool added;

    TRY(read_if_match(req, &saved.based_on));
    TRY(version_save(req->cx, &saved, &row, &added));
    return reply_version(req, added ? 201 : 200, &row);
}

enum err get_version(struct req *req)
{
    struct version_row row;
    int64_t version = 0;

    if (!str_is(req->params[2].text, "latest"))
        TRY(number_param(req->cx, req->params[2].text, "a version", &version));
    TRY(version_get(req->cx, req->params[0].text, req->params[1].text, version, &row));
    return reply_version(req, 200, &row);
}

enum err post_review(struct req *req)
{
    const struct document_review *body = req->body;
    struct version_row row;
    int64_t version;

    TRY(number_param(req->cx, req->params[2].text, "a version", &version));
    TRY(version_get(req->cx, req->params[0].text, req->params[1].text, version, &row));
    TRY(version_review(req->cx, &row, body->approve, body->why.ptr ? body->why : STR("")));
    return reply_version(req, 200, &row);
}

enum err post_clone(struct req *req)
{
    const struct document_clone *body = req->body;
    struct version_row from, row;
    struct saved saved;
    bool added;

    TRY(document_key_check(req->cx, body->key));
    TRY(version_get(req->cx, req->params[0].text, req->params[1].text, 0, &from));
    saved = (struct saved){.collection = from.collection,
                           .key = body->key,
                           .body = from.body,
                           .why = body->why.ptr
                                      ? body->why
                                      : cx_printf(req->cx, "clone of " STR_FMT, STR_ARG(from.key))};
    TRY(version_save(req->cx, &saved, &row, &added));
    return reply_version(req, 201, &row);
}

enum err get_diff(struct req *req)
{
    const struct document_diff_query *query = req->query;
    struct version_row from, to;
    struct document_diff reply;

    TRY(version_get(req->cx, req->params[0].text, req->params[1].text, query->from, &from));
    TRY(version_get(req->cx, req->params[0].text, req->params[1].text, query->to, &to));
    reply = (struct document_diff){.from = from.version, .to = to.version};
    TRY(json_diff(req->cx, from.body, to.body, &reply.differences));
    return reply_json(req, 200, document_diff_fields, &reply);
}

/* Pages follow the keys; a cursor would show them: it is the number of those passed. */
enum err get_documents(struct req *req)
{
    const struct document_list *query = req->query;
    const struct collection *collection;
    int64_t from = 0, unused = 0;
    struct str next = {NULL, 0}, prefix = query->prefix.ptr ? query->prefix : STR("");
    struct list rows;

    TRY(collection_get(req->cx, req->params[0].text, &collection));
    TRY(cursor_read(req->cx, query->page.cursor, &from, &unused));
    TRY(sql_all(
        req->cx, document_columns, sizeof(struct document_row), &rows,
        "select collection, key, latest, live, live_seq, grey, grey_share, grey_on,"
        " created_ms, changed_ms from kernel_document where collection = ?1 and"
        " substr(key, 1, length(?2)) = ?2 order by key limit ?3 offset ?4",
        BIND(TEXT(str_of(collection->name)), TEXT(prefix), INT(query->page.limit + 1), INT(from))));
    if (rows.count > (size_t)query->page.limit) {
        rows.count--;
        next = cursor_make(req->cx, from + query->page.limit, 0);
    }
    return reply_page(req, document_view_fields, rows, sizeof(struct document_row), next);
}

enum err get_versions(struct req *req)
{
    const struct document_page *query = req->query;
    struct version_row newest;
    int64_t before = INT64_MAX, unused = 0;
    struct str next = {NULL, 0};
    struct list rows;

    TRY(version_get(req->cx, req->params[0].text, req->params[1].text, 0, &newest));
    TRY(cursor_read(req->cx, query->page.cursor, &before, &unused));
    TRY(sql_all(
        req->cx, document_version_columns, sizeof(struct version_row), &rows,
        "select collection, key, version, '' as body, digest, based_on, author, why,"
        " created_ms, review, reviewer, review_why, reviewed_ms from"
        " kernel_document_version where collection = ?1 and key = ?2 and version < ?3"
        " order by version desc limit ?4",
        BIND(TEXT(newest.collection), TEXT(newest.key), INT(before), INT(query->page.limit + 1))));
    if (rows.count > (size_t)query->page.limit) {
        rows.count--;
        next = cursor_make(req->cx, LIST_AT(rows, struct version_row, rows.count - 1)->version, 0);
    }
    return reply_page(req, version_list_fields, rows, sizeof(struct version_row), next);
}

/* What is in force, from memory. */
enum err get_document(struct req *req)
{
    const struct document_read_query *query = req->query;
    const struct collection *collection;
    const struct document *document;
    struct document_read reply;
    struct str tag;

    TRY(collection_get(req->cx, req->params[0].text, &collection));
    document =
        document_find(documents_now(req->cx), collection->name, req->params[1].text, query->user);
    if (!document)
        return fail(req->cx, ERR_NOT_FOUND, "not_in_force",
                    "no version of " STR_FMT " is in force: publish one",
                    STR_ARG(req->params[1].text));
    tag = cx_printf(req->cx, "\"%" PRId64 "\"", document->version);
    req->etag = tag;
    if (req->headers[0].ptr && str_eq(req->headers[0], tag))
        return reply_empty(req, 304);
    reply = (struct document_read){.collection = document->collection,
                                   .key = document->key,
                                   .version = document->version,
                                   .document = document->body};
    return reply_json(req, 200, document_read_fields, &reply);
}
