/*
 * apply_http.c - many documents at once, as files have them: saved, published, ended; all or none.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/document/routes.h"

enum { NEWEST_WHATEVER = -1 };

/* ---- Fields ---- */

static const struct field apply_item_fields[] = {
    F(apply_item, collection, .flags = FIELD_REQUIRED, .max = COLLECTION_NAME_LEN_MAX),
    F(apply_item, key, .flags = FIELD_REQUIRED, .min = 1, .max = DOCUMENT_KEY_LEN_MAX),
    F_JSON(apply_item, document, .max = DOCUMENT_BYTES_MAX,
           .doc = "A JSON object, as the collection wants it; left out: takes the document out of"
                  " force."),
    F(apply_item, based_on, .min = NEWEST_WHATEVER, .max = DOCUMENT_VERSIONS_MAX,
      .fallback = NEWEST_WHATEVER,
      .doc = "The version its author has seen, 0: none; another newest one is refused with what"
             " changed. Left out, or -1: whatever the newest says."),
    F_END};

const struct field apply_new_fields[] = {
    F_LIST(apply_new, documents, apply_item, apply_item_fields, .flags = FIELD_REQUIRED, .min = 1,
           .max = PUBLICATION_ITEMS_MAX),
    F(apply_new, why, .max = DOCUMENT_WHY_LEN_MAX),
    F(apply_new, save_only, .doc = "Save versions, to be reviewed; publish nothing."),
    F(apply_new, dry_run, .doc = "Say what would happen, and change nothing."), F_END};

enum action { ACTION_NEW, ACTION_CHANGED, ACTION_PUBLISHED, ACTION_ENDED };
static const char *const actions[] = {"new", "changed", "published", "ended", NULL};

struct apply_change {
    struct str collection, key;
    int action; /* enum action */
    int64_t version;
    struct list differences; /* of struct difference */
};
static const struct field apply_change_fields[] = {
    F(apply_change, collection),
    F(apply_change, key),
    F_ENUM(apply_change, action, actions,
           .doc = "published: the newest version said so already; ended: out of force."),
    F(apply_change, version, .doc = "The newest now."),
    F_LIST(apply_change, differences, difference, document_difference_fields,
           .max = DIFFERENCES_MAX,
           .doc = "From what was in force, or else the newest version; of a new document none."),
    F_END};

struct applied {
    int64_t seq, same;
    bool dry_run;
    struct list changes; /* of struct apply_change */
};
const struct field applied_fields[] = {
    F(applied, seq, .doc = "Of the publication; 0: nothing was published."),
    F(applied, same, .doc = "Documents that stand like that already."), F(applied, dry_run),
    F_LIST(applied, changes, apply_change, apply_change_fields, .max = PUBLICATION_ITEMS_MAX),
    F_END};

/* ---- Which of them it was ---- */

static enum err at_document(struct cx *cx, enum err err, size_t number, const char *member)
{
    struct problem *problem = &cx->problem;
    char pointer[PROBLEM_POINTER_LEN_MAX];

    if (err == OK)
        return OK;
    snprintf(pointer, sizeof(pointer), "/documents/%zu%s%.*s", number, member,
             PROBLEM_POINTER_LEN_MAX - 40, problem->pointer);
    memcpy(problem->pointer, pointer, sizeof(pointer));
    return err;
}

/* ---- Handlers ---- */

enum err prepare_apply(struct req *req)
{
    const struct apply_new *body = req->body;
    struct cx *cx = req->cx;

    for (size_t k = 0; k < body->documents.count; k++) {
        const struct apply_item *item = LIST_AT(body->documents, struct apply_item, k);
        struct document document = {
            .collection = item->collection, .key = item->key, .body = item->document};
        const struct collection *collection;

        TRY(at_document(cx, collection_get(cx, item->collection, &collection), k, "/collection"));
        TRY(at_document(cx, document_key_check(cx, item->key), k, ""));
        if (item->document.ptr)
            TRY(at_document(cx, unit_try(cx, collection, &document), k, "/document"));
    }
    return OK;
}

/* One document on its way. */
struct step {
    const struct apply_new *wish;
    const struct apply_item *item;
    struct document_row row;
    struct version_row base; /* In force, or else the newest; version 0: none. */
    struct apply_change *change;
};

static enum err read_standing(struct cx *cx, struct step *step, bool *same)
{
    const struct apply_item *item = step->item;
    bool found, publishes = !step->wish->save_only;
    int64_t version;

    step->row = (struct document_row){.collection = item->collection, .key = item->key};
    step->base = (struct version_row){.version = 0};
    *same = !item->document.ptr;
    TRY(row_find(cx, &document_table, &step->row, &found));
    if (!found)
        return OK;
    version = publishes && step->row.live ? step->row.live : step->row.latest;
    TRY(version_get(cx, item->collection, item->key, version, &step->base));
    if (!item->document.ptr)
        *same = !publishes || (!step->row.live && !step->row.grey);
    else
        *same = str_eq(step->base.body, item->document) &&
                (!publishes || (step->row.live && !step->row.grey));
    return OK;
}

static enum err save(struct cx *cx, struct step *step)
{
    const struct apply_item *item = step->item;
    struct saved saved = {.collection = item->collection,
                          .key = item->key,
                          .body = item->document,
                          .why = step->wish->why.ptr ? step->wish->why : STR(""),
                          .based_on = item->based_on == NEWEST_WHATEVER ? step->row.latest
                                                                        : item->based_on};
    struct version_row version;
    bool added;

    TRY(version_save(cx, &saved, &version, &added));
    step->change->version = version.version;
    step->change->action = version.version == 1 && added ? ACTION_NEW
                           : added                       ? ACTION_CHANGED
                                                         : ACTION_PUBLISHED;
    if (step->base.version == 0)
        return OK; /* All of it is new. */
    return json_diff(cx, step->base.body, item->document, &step->change->differences);
}

static enum err apply_one(struct cx *cx, struct step *step, bool *same)
{
    const struct apply_item *item = step->item;

    *step->change = (struct apply_change){.collection = item->collection, .key = item->key};
    TRY(read_standing(cx, step, same));
    if (*same)
        return OK;
    if (item->document.ptr)
        return save(cx, step);
    step->change->action = ACTION_ENDED;
    step->change->version = step->row.latest;
    return OK;
}

/* Say of which document it was that a publication failed. */
static enum err publish_changes(struct cx *cx, const struct apply_new *body, struct list items,
                                const size_t *numbers, struct applied *applied)
{
    struct publication_row publication;
    enum err err;
    size_t k;

    if (body->save_only || items.count == 0)
        return OK;
    err = publish(cx, items, by_caller(cx, body->why), &publication);
    if (err != OK && sscanf(cx->problem.pointer, "/items/%zu", &k) == 1 && k < items.count) {
        cx->problem.pointer[0] = '\0';
        return at_document(cx, err, numbers[k], "");
    }
    applied->seq = publication.seq;
    return err;
}

enum err post_apply(struct req *req)
{
    const struct apply_new *body = req->body;
    struct cx *cx = req->cx;
    size_t count = body->documents.count;
    struct apply_change *changes = CX_ARRAY(cx, struct apply_change, count);
    struct publish_item *items = CX_ARRAY(cx, struct publish_item, count);
    size_t *numbers = CX_ARRAY(cx, size_t, count);
    struct applied applied = {.dry_run = body->dry_run, .changes = {changes, 0}};

    for (size_t k = 0; k < count; k++) {
        struct step step = {.wish = body,
                            .item = LIST_AT(body->documents, struct apply_item, k),
                            .change = &changes[applied.changes.count]};
        bool same;

        TRY(at_document(cx, apply_one(cx, &step, &same), k, ""));
        applied.same += same;
        if (same)
            continue;
        numbers[applied.changes.count] = k;
        items[applied.changes.count++] =
            (struct publish_item){.collection = step.item->collection,
                                  .key = step.item->key,
                                  .version = step.item->document.ptr ? step.change->version : 0,
                                  .share = GREY_WHOLE};
    }
    if (!body->save_only && !cx_has_scope(cx, "document:publish"))
        return fail(cx, ERR_FORBIDDEN, "scope_missing",
                    "this key lacks the scope document:publish: with save_only it may save");
    TRY(publish_changes(cx, body, (struct list){items, applied.changes.count}, numbers, &applied));
    TRY(reply_json(req, 200, applied_fields, &applied));
    return body->dry_run ? cx_undo(cx) : OK;
}
