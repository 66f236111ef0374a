/*
 * routes.h - bodies, queries, replies and handlers of documents.  Between the files of this folder
 * only.
 */
#ifndef GREVY_DOCUMENT_ROUTES_H
#define GREVY_DOCUMENT_ROUTES_H

#include "kernel/document/publish.h"

enum {
    DOCUMENT_WHY_LEN_MAX = 1000,
    APPLY_BYTES_MAX = 8 << 20, /* Of one request: with copies it fits a unit of work. */
};

/* ---- document_http.c ---- */

struct document_page {
    struct page_query page;
};
struct document_list {
    struct page_query page;
    struct str prefix;
};
struct document_save {
    struct str document, why;
};
struct document_review {
    bool approve;
    struct str why;
};
struct document_clone {
    struct str key, why;
};
struct document_diff_query {
    int64_t from, to;
};
struct document_diff {
    int64_t from, to;
    struct list differences; /* of struct difference */
};
struct document_read_query {
    struct str user;
};
struct document_read {
    struct str collection, key;
    int64_t version;
    struct str document;
};
struct collection_view {
    struct str name, doc;
    bool reviewed, declared;
};
extern const struct field document_page_fields[], document_list_fields[], document_save_fields[],
    document_review_fields[], document_clone_fields[], document_diff_query_fields[],
    document_diff_fields[], document_read_query_fields[], document_read_fields[],
    document_view_fields[], version_view_fields[], version_list_fields[], collection_view_fields[],
    collection_whole_fields[];

enum err get_collections(struct req *req);
enum err get_collection(struct req *req);
enum err get_documents(struct req *req);
enum err prepare_document(struct req *req);
enum err put_document(struct req *req);
enum err get_document(struct req *req);
enum err get_versions(struct req *req);
enum err get_version(struct req *req);
enum err post_review(struct req *req);
enum err post_clone(struct req *req);
enum err get_diff(struct req *req);
enum err number_param(struct cx *cx, struct str text, const char *what, int64_t *out);

/** Keys are names of files and parts of paths.  Errors: BAD_INPUT "bad_key". */
MUST_CHECK enum err document_key_check(struct cx *cx, struct str key);
extern const struct field document_difference_fields[];

/* ---- apply_http.c ---- */

struct apply_item {
    struct str collection, key;
    struct str document; /* Absent: out of force. */
    int64_t based_on;
};
struct apply_new {
    struct list documents; /* of struct apply_item */
    struct str why;
    bool save_only, dry_run;
};
extern const struct field apply_new_fields[], applied_fields[];

enum err prepare_apply(struct req *req);
enum err post_apply(struct req *req);

/* ---- publication_http.c ---- */

struct publish_new_item {
    struct str collection, key;
    int64_t version, share;
    struct list on; /* of struct str */
};
struct publication_new {
    struct list items; /* of struct publish_new_item */
    struct str why;
};
struct publication_undo_body {
    struct str why;
};
struct publication_view {
    int64_t seq, time_ms;
    struct str actor, why;
    int64_t undoes;
    struct list items; /* of struct item_row */
};
extern const struct field publication_new_fields[], publication_undo_fields[],
    publication_view_fields[], publication_list_fields[];

/** The items as publish takes them.  Errors: BAD_INPUT. */
MUST_CHECK enum err publish_items_of(struct cx *cx, struct list wishes, struct list *out);
/** Would they compile?  Needs: a read. */
MUST_CHECK enum err publish_items_try(struct cx *cx, struct list wishes);
struct by by_caller(struct cx *cx, struct str why);
extern const struct field publish_new_item_fields[];
enum err prepare_publication(struct req *req);
enum err post_publication(struct req *req);
enum err get_publications(struct req *req);
enum err get_publication(struct req *req);
enum err prepare_undo(struct req *req);
enum err post_undo(struct req *req);

/* ---- plan_http.c ---- */

struct plan_new {
    int64_t at_ms;
    struct list items; /* of struct publish_new_item */
    struct str why;
};
struct plan_row {
    int64_t id, due_ms;
    int state; /* enum plan_state */
    struct str items, actor, why;
    int64_t created_ms, seq;
    struct str error;
};
extern const struct field plan_new_fields[], plan_view_fields[];

enum err prepare_plan(struct req *req);
enum err post_plan(struct req *req);
enum err get_plans(struct req *req);
enum err post_plan_cancel(struct req *req);
enum err plan_fire(struct cx *cx, int64_t id, int64_t due_ms);

/* ---- instance.c ---- */

enum {
    INSTANCES_MAX = 64,       /* Shown; processes of one space. */
    INSTANCE_SEEN_MS = 15000, /* Three reports; longer silent is gone. */
};
extern const struct field documents_state_fields[];

enum err get_documents_state(struct req *req);
/** Tell the others what this process has in force.  Needs: a connection that writes. */
MUST_CHECK enum err documents_report(struct cx *cx);

#endif
