/*
 * publish.c - putting versions in force, and taking that back: what moves kernel_document.live.
 */
#include "kernel/document/publish.h"

#include <stdio.h>
#include <string.h>

#include "kernel/work/keeper.h"

const struct field publication_columns[] = {F(publication_row, seq),    F(publication_row, time_ms),
                                            F(publication_row, actor),  F(publication_row, why),
                                            F(publication_row, undoes), F_END};
const struct table publication_table =
    TABLE("kernel_publication", publication_row, publication_columns, 1);

const struct field publication_item_columns[] = {
    F(item_row, seq),      F(item_row, collection), F(item_row, key),     F(item_row, live),
    F(item_row, grey),     F(item_row, grey_share), F(item_row, grey_on), F(item_row, was_live),
    F(item_row, was_grey), F(item_row, was_share),  F(item_row, was_on),  F_END};
const struct table publication_item_table =
    TABLE("kernel_publication_item", item_row, publication_item_columns, 3);

const struct field moved_event_fields[] = {
    F(item_row, seq, .doc = "Of the publication."),
    F(item_row, collection),
    F(item_row, key),
    F(item_row, live, .doc = "The version in force; 0: none."),
    F(item_row, grey, .doc = "The version in grey release; 0: none."),
    F(item_row, grey_share, .doc = "Of users, in ten-thousandths."),
    F(item_row, was_live),
    F(item_row, was_grey),
    F_END};

static enum err next_seq(struct cx *cx, int64_t *seq)
{
    TRY(sql_int(cx, seq, 0, "select max(seq) from kernel_publication", NO_BINDS));
    (*seq)++;
    return OK;
}

/* ---- What one item makes of a document ---- */

static void take_standing(struct item_row *item, const struct document_row *row)
{
    item->was_live = row->live;
    item->was_grey = row->grey;
    item->was_share = row->grey_share;
    item->was_on = row->grey_on;
    item->live = row->live;
    item->grey = 0;
    item->grey_share = 0;
    item->grey_on = STR("");
}

static bool is_whole(const struct publish_item *wish)
{
    return wish->share == GREY_WHOLE && wish->on.len == 0;
}

static enum err check_new(struct cx *cx, const struct item_row *item)
{
    if (item->live == item->was_live && item->grey == item->was_grey &&
        item->grey_share == item->was_share && str_eq(item->grey_on, item->was_on))
        return fail(cx, ERR_CONFLICT, "already_so", STR_FMT "/" STR_FMT " stands like that already",
                    STR_ARG(item->collection), STR_ARG(item->key));
    if (item->live == item->grey && item->grey != 0)
        return fail(cx, ERR_CONFLICT, "already_so",
                    "version %" PRId64 " of " STR_FMT "/" STR_FMT " is in force for all already",
                    item->live, STR_ARG(item->collection), STR_ARG(item->key));
    return OK;
}

static enum err check_reviewed(struct cx *cx, const struct collection *collection,
                               const struct version_row *version)
{
    if (!(collection->flags & COLLECTION_REVIEWED) || version->review == REVIEW_APPROVED)
        return OK;
    return fail(cx, ERR_CONFLICT, "not_approved",
                "version %" PRId64 " of " STR_FMT "/" STR_FMT " must be approved by a second person"
                " first: POST .../versions/%" PRId64 "/review",
                version->version, STR_ARG(version->collection), STR_ARG(version->key),
                version->version);
}

struct document document_of(const struct version_row *row)
{
    return (struct document){
        .collection = row->collection, .key = row->key, .version = row->version, .body = row->body};
}

/* A declared collection stays while documents of it are in force. */
static enum err check_unused(struct cx *cx, const struct publish_item *wish)
{
    int64_t count;

    if (!str_is(wish->collection, "collection"))
        return OK;
    TRY(sql_int(cx, &count, 0,
                "select count(*) from kernel_document where collection = ?1 and (live > 0 or"
                " grey > 0)",
                BIND(TEXT(wish->key))));
    if (count == 0)
        return OK;
    return fail(cx, ERR_CONFLICT, "in_use",
                "%" PRId64 " documents of the collection " STR_FMT " are in force: end them first",
                count, STR_ARG(wish->key));
}

static enum err check_version(struct cx *cx, const struct publish_item *wish)
{
    const struct collection *collection;
    struct version_row version;
    struct document document;

    TRY(collection_get(cx, wish->collection, &collection));
    TRY(version_get(cx, wish->collection, wish->key, wish->version, &version));
    if (wish->version == 0)
        return check_unused(cx, wish);
    TRY(check_reviewed(cx, collection, &version));
    document = document_of(&version);
    return collection->check ? collection->check(cx, &document) : OK;
}

/* ---- Moving ---- */

static enum err check_room(struct cx *cx, const struct item_row *item)
{
    int64_t count;

    if (item->was_live || item->was_grey || (!item->live && !item->grey))
        return OK;
    TRY(sql_int(cx, &count, 0, "select count(*) from kernel_document where live > 0 or grey > 0",
                NO_BINDS));
    if (count >= DOCUMENTS_LIVE_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_documents",
                    "a space has at most %d documents in force: take some out of it",
                    DOCUMENTS_LIVE_MAX);
    return OK;
}

static enum err move(struct cx *cx, struct document_row *row, const struct item_row *item)
{
    TRY(check_room(cx, item));
    row->live = item->live;
    row->grey = item->grey;
    row->grey_share = item->grey_share;
    row->grey_on = item->grey_on;
    row->live_seq = item->seq;
    TRY(row_put(cx, &document_table, row));
    TRY(row_add(cx, &publication_item_table, item));
    return event_put(
        cx, "document.published",
        cx_printf(cx, STR_FMT "/" STR_FMT, STR_ARG(item->collection), STR_ARG(item->key)),
        moved_event_fields, item);
}

static enum err publish_one(struct cx *cx, int64_t seq, const struct publish_item *wish)
{
    struct document_row row = {.collection = wish->collection, .key = wish->key};
    struct item_row item = {.seq = seq, .collection = wish->collection, .key = wish->key};

    TRY(check_version(cx, wish));
    TRY(row_get(cx, &document_table, &row));
    take_standing(&item, &row);
    if (wish->version == 0 || is_whole(wish)) {
        item.live = wish->version;
    } else {
        item.grey = wish->version;
        item.grey_share = wish->share;
        item.grey_on = wish->on.ptr ? wish->on : STR("");
    }
    TRY(check_new(cx, &item));
    return move(cx, &row, &item);
}

static void published(struct space *space, void *argument)
{
    (void)argument;
    keeper_wake(space);
}

static enum err add_publication(struct cx *cx, struct publication_row *row, struct by by,
                                int64_t undoes)
{
    *row = (struct publication_row){
        .time_ms = cx->now_ms, .actor = by.actor, .why = by.why, .undoes = undoes};
    TRY(next_seq(cx, &row->seq));
    cx_after_commit(cx, published, NULL);
    return row_add(cx, &publication_table, row);
}

/* Say which of several items it was. */
static enum err at_item(struct cx *cx, enum err err, size_t number)
{
    struct problem *problem = &cx->problem;
    char pointer[PROBLEM_POINTER_LEN_MAX];

    if (err == OK || problem->pointer[0])
        return err;
    snprintf(pointer, sizeof(pointer), "/items/%zu", number);
    memcpy(problem->pointer, pointer, sizeof(pointer));
    return err;
}

enum err publish(struct cx *cx, struct list items, struct by by, struct publication_row *out)
{
    TRY(add_publication(cx, out, by, 0));
    for (size_t k = 0; k < items.count; k++)
        TRY(at_item(cx, publish_one(cx, out->seq, LIST_AT(items, struct publish_item, k)), k));
    for (size_t k = 0; k < items.count; k++) {
        const struct publish_item *wish = LIST_AT(items, struct publish_item, k);

        TRY(at_item(cx, (wish->version ? refer_check : refer_check_end)(cx, wish), k));
    }
    return OK;
}

/* ---- Taking back ---- */

static enum err undo_one(struct cx *cx, int64_t seq, const struct item_row *done)
{
    struct document_row row = {.collection = done->collection, .key = done->key};
    struct item_row item = {.seq = seq, .collection = done->collection, .key = done->key};

    TRY(row_get(cx, &document_table, &row));
    if (row.live_seq != done->seq)
        return fail(cx, ERR_CONFLICT, "published_since",
                    STR_FMT "/" STR_FMT " was moved again by publication %" PRId64
                            ": take that back"
                            " first, or publish the version you want",
                    STR_ARG(row.collection), STR_ARG(row.key), row.live_seq);
    take_standing(&item, &row);
    item.live = done->was_live;
    item.grey = done->was_grey;
    item.grey_share = done->was_share;
    item.grey_on = done->was_on;
    return move(cx, &row, &item);
}

enum err publication_items(struct cx *cx, int64_t seq, struct list *out)
{
    return sql_all(cx, publication_item_columns, sizeof(struct item_row), out,
                   "select seq, collection, key, live, grey, grey_share, grey_on, was_live,"
                   " was_grey, was_share, was_on from kernel_publication_item where seq = ?1"
                   " order by collection, key",
                   BIND(INT(seq)));
}

enum err publication_get(struct cx *cx, int64_t seq, struct publication_row *out)
{
    bool found;

    *out = (struct publication_row){.seq = seq};
    TRY(row_find(cx, &publication_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_publication",
                    "there is no publication %" PRId64 ": GET /v1/publications lists them", seq);
    return OK;
}

/* As publishing what stood before would be. */
static enum err check_references(struct cx *cx, struct list done)
{
    for (size_t k = 0; k < done.count; k++) {
        const struct item_row *item = LIST_AT(done, struct item_row, k);
        struct publish_item now = {
            .collection = item->collection, .key = item->key, .version = item->was_live};

        TRY((now.version ? refer_check : refer_check_end)(cx, &now));
    }
    return OK;
}

enum err publication_undo(struct cx *cx, int64_t seq, struct by by, struct publication_row *out)
{
    struct publication_row done;
    struct list items;

    TRY(publication_get(cx, seq, &done));
    TRY(publication_items(cx, seq, &items));
    TRY(add_publication(cx, out, by, seq));
    for (size_t k = 0; k < items.count; k++)
        TRY(undo_one(cx, out->seq, LIST_AT(items, struct item_row, k)));
    return check_references(cx, items);
}
