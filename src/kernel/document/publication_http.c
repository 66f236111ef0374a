/*
 * publication_http.c - publishing, taking back, and what was published, over HTTP.
 */
#include "kernel/document/routes.h"

enum { GREY_PROCESSES_MAX = 16 };

/* ---- Fields ---- */

const struct field publish_new_item_fields[] = {
    F(publish_new_item, collection, .flags = FIELD_REQUIRED, .max = COLLECTION_NAME_LEN_MAX),
    F(publish_new_item, key, .flags = FIELD_REQUIRED, .max = DOCUMENT_KEY_LEN_MAX),
    F(publish_new_item, version, .flags = FIELD_REQUIRED, .max = DOCUMENT_VERSIONS_MAX,
      .doc = "0: takes the document out of force."),
    F(publish_new_item, share, .min = 1, .max = GREY_WHOLE, .fallback = GREY_WHOLE,
      .doc = "Of users, in ten-thousandths; less than all: a grey release beside what is in"
             " force."),
    F_TEXTS(publish_new_item, on, .max = GREY_PROCESSES_MAX,
            .doc = "Names of processes that take part in the grey release; none: all."),
    F_END};

const struct field publication_new_fields[] = {
    F_LIST(publication_new, items, publish_new_item, publish_new_item_fields,
           .flags = FIELD_REQUIRED, .min = 1, .max = PUBLICATION_ITEMS_MAX),
    F(publication_new, why, .max = DOCUMENT_WHY_LEN_MAX), F_END};

const struct field publication_undo_fields[] = {
    F(publication_undo_body, why, .max = DOCUMENT_WHY_LEN_MAX), F_END};

static const struct field item_view_fields[] = {
    F(item_row, collection),
    F(item_row, key),
    F(item_row, live, .doc = "The version in force after it; 0: none."),
    F(item_row, grey, .doc = "The version in grey release after it; 0: none."),
    F(item_row, grey_share),
    F(item_row, grey_on),
    F(item_row, was_live, .doc = "Before it."),
    F(item_row, was_grey),
    F_END};

const struct field publication_view_fields[] = {
    F(publication_view, seq, .doc = "1, 2, 3, ... without a gap."),
    F_TIME(publication_view, time_ms, "published_at"),
    F(publication_view, actor),
    F(publication_view, why),
    F(publication_view, undoes, .doc = "The publication that this one takes back; 0: none."),
    F_LIST(publication_view, items, item_row, item_view_fields, .max = PUBLICATION_ITEMS_MAX),
    F_END};

const struct field publication_list_fields[] = {
    F(publication_row, seq),    F_TIME(publication_row, time_ms, "published_at"),
    F(publication_row, actor),  F(publication_row, why),
    F(publication_row, undoes), F_END};

/* ---- Bodies ---- */

static enum err read_on(struct cx *cx, const struct list *names, struct str *out)
{
    *out = STR("");
    for (size_t k = 0; k < names->count; k++) {
        struct str name = *LIST_AT(*names, struct str, k);

        for (size_t c = 0; c < name.len; c++)
            if (name.ptr[c] <= ' ' || name.len > INSTANCE_NAME_LEN_MAX)
                return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/items",
                               "on: names of processes, each at most %d bytes without spaces",
                               INSTANCE_NAME_LEN_MAX);
        *out = cx_printf(cx, STR_FMT "%s" STR_FMT, STR_ARG(*out), k ? " " : "", STR_ARG(name));
    }
    return OK;
}

enum err publish_items_of(struct cx *cx, struct list wishes, struct list *out)
{
    struct publish_item *items = CX_ARRAY(cx, struct publish_item, wishes.count);

    *out = (struct list){items, wishes.count};
    for (size_t k = 0; k < wishes.count; k++) {
        const struct publish_new_item *wish = LIST_AT(wishes, struct publish_new_item, k);

        items[k] = (struct publish_item){.collection = wish->collection,
                                         .key = wish->key,
                                         .version = wish->version,
                                         .share = wish->share};
        TRY(read_on(cx, &wish->on, &items[k].on));
    }
    return OK;
}

/* ---- Handlers ---- */

/* What it would compile to lives as long as this call. */
static enum err try_version(struct cx *cx, struct str collection, struct str key, int64_t version)
{
    const struct collection *kind;
    struct version_row row;
    struct document document;

    if (version == 0)
        return OK;
    TRY(collection_get(cx, collection, &kind));
    TRY(version_get(cx, collection, key, version, &row));
    document = document_of(&row);
    return unit_try(cx, kind, &document);
}

enum err publish_items_try(struct cx *cx, struct list wishes)
{
    for (size_t k = 0; k < wishes.count; k++) {
        const struct publish_new_item *wish = LIST_AT(wishes, struct publish_new_item, k);

        TRY(try_version(cx, wish->collection, wish->key, wish->version));
    }
    return OK;
}

enum err prepare_publication(struct req *req)
{
    const struct publication_new *body = req->body;

    return publish_items_try(req->cx, body->items);
}

struct by by_caller(struct cx *cx, struct str why)
{
    return (struct by){.actor = cx_actor(cx), .why = why.ptr ? why : STR("")};
}

static enum err reply_publication(struct req *req, int status, const struct publication_row *row)
{
    struct publication_view view = {.seq = row->seq,
                                    .time_ms = row->time_ms,
                                    .actor = row->actor,
                                    .why = row->why,
                                    .undoes = row->undoes};

    TRY(publication_items(req->cx, row->seq, &view.items));
    return reply_json(req, status, publication_view_fields, &view);
}

enum err post_publication(struct req *req)
{
    const struct publication_new *body = req->body;
    struct publication_row row;
    struct list items;

    TRY(publish_items_of(req->cx, body->items, &items));
    TRY(publish(req->cx, items, by_caller(req->cx, body->why), &row));
    return reply_publication(req, 201, &row);
}

enum err get_publication(struct req *req)
{
    struct publication_row row;
    int64_t seq;

    TRY(number_param(req->cx, req->params[0].text, "a publication", &seq));
    TRY(publication_get(req->cx, seq, &row));
    return reply_publication(req, 200, &row);
}

enum err get_publications(struct req *req)
{
    const struct document_page *query = req->query;
    int64_t before = INT64_MAX, unused = 0;
    struct str next = {NULL, 0};
    struct list rows;

    TRY(cursor_read(req->cx, query->page.cursor, &before, &unused));
    TRY(sql_all(req->cx, publication_columns, sizeof(struct publication_row), &rows,
                "select seq, time_ms, actor, why, undoes from kernel_publication where seq < ?1"
                " order by seq desc limit ?2",
                BIND(INT(before), INT(query->page.limit + 1))));
    if (rows.count > (size_t)query->page.limit) {
        rows.count--;
        next = cursor_make(req->cx, LIST_AT(rows, struct publication_row, rows.count - 1)->seq, 0);
    }
    return reply_page(req, publication_list_fields, rows, sizeof(struct publication_row), next);
}

enum err prepare_undo(struct req *req)
{
    struct publication_row done;
    struct list items;
    int64_t seq;

    TRY(number_param(req->cx, req->params[0].text, "a publication", &seq));
    TRY(publication_get(req->cx, seq, &done));
    TRY(publication_items(req->cx, seq, &items));
    for (size_t k = 0; k < items.count; k++) {
        const struct item_row *item = LIST_AT(items, struct item_row, k);

        TRY(try_version(req->cx, item->collection, item->key, item->was_live));
        TRY(try_version(req->cx, item->collection, item->key, item->was_grey));
    }
    return OK;
}

enum err post_undo(struct req *req)
{
    const struct publication_undo_body *body = req->body;
    struct publication_row row;
    int64_t seq;

    TRY(number_param(req->cx, req->params[0].text, "a publication", &seq));
    TRY(publication_undo(req->cx, seq, by_caller(req->cx, body->why), &row));
    return reply_publication(req, 201, &row);
}
