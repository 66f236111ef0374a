/*
 * store.c - versions: saved, read, reviewed.
 */
#include "kernel/document/store.h"

#include "kernel/base/hash.h"

const struct field document_columns[] = {F(document_row, collection),
                                         F(document_row, key),
                                         F(document_row, latest),
                                         F(document_row, live),
                                         F(document_row, live_seq),
                                         F(document_row, grey),
                                         F(document_row, grey_share),
                                         F(document_row, grey_on),
                                         F(document_row, created_ms),
                                         F(document_row, changed_ms),
                                         F_END};
const struct table document_table = TABLE("kernel_document", document_row, document_columns, 2);

const char *const review_names[] = {"none", "approved", "rejected", NULL};
const struct field document_version_columns[] = {
    F(version_row, collection),  F(version_row, key),
    F(version_row, version),     F(version_row, body),
    F(version_row, digest),      F(version_row, based_on),
    F(version_row, author),      F(version_row, why),
    F(version_row, created_ms),  F_ENUM(version_row, review, review_names),
    F(version_row, reviewer),    F(version_row, review_why),
    F(version_row, reviewed_ms), F_END};
const struct table document_version_table =
    TABLE("kernel_document_version", version_row, document_version_columns, 3);

/* ---- Reading ---- */

static enum err find_version(struct cx *cx, struct str collection, struct str key, int64_t version,
                             struct version_row *out, bool *found)
{
    *out = (struct version_row){.collection = collection, .key = key, .version = version};
    return row_find(cx, &document_version_table, out, found);
}

enum err version_get(struct cx *cx, struct str collection, struct str key, int64_t version,
                     struct version_row *out)
{
    struct document_row row = {.collection = collection, .key = key};
    bool found;

    TRY(row_find(cx, &document_table, &row, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_document",
                    "there is no document " STR_FMT " in " STR_FMT, STR_ARG(key),
                    STR_ARG(collection));
    TRY(find_version(cx, collection, key, version ? version : row.latest, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_version",
                    STR_FMT " has versions 1 to %" PRId64 ", and no %" PRId64, STR_ARG(key),
                    row.latest, version);
    return OK;
}

/* ---- Saving ---- */

/* Names of what the other author changed, for a person who has to merge. */
static void tell_changes(struct cx *cx, const struct list *differences)
{
    struct str names = {"", 0};

    for (size_t k = 0; k < differences->count && names.len < PROBLEM_DETAIL_LEN_MAX; k++)
        names = cx_printf(cx, STR_FMT "%s" STR_FMT, STR_ARG(names), k ? ", " : "",
                          STR_ARG(LIST_AT(*differences, struct difference, k)->pointer));
    fail_member(cx, "changed", names);
}

/* The second of two editors is told what the first has changed since both read it. */
static enum err changed_meanwhile(struct cx *cx, const struct saved *saved,
                                  const struct version_row *newest)
{
    struct version_row seen;
    struct list differences = {0};
    bool found = false;
    enum err err;

    if (saved->based_on > 0)
        TRY(find_version(cx, saved->collection, saved->key, saved->based_on, &seen, &found));
    if (found)
        TRY(json_diff(cx, seen.body, newest->body, &differences));
    err = fail(cx, ERR_PRECONDITION, saved->based_on ? "changed_meanwhile" : "exists",
               STR_FMT " saved version %" PRId64 " of it meanwhile: look at what changed (GET"
                       " .../diff?from=%" PRId64 "&to=%" PRId64
                       "), then save with If-Match: \"%" PRId64 "\"",
               STR_ARG(newest->author), newest->version, saved->based_on, newest->version,
               newest->version);
    fail_member(cx, "latest", cx_printf(cx, "%" PRId64, newest->version));
    tell_changes(cx, &differences);
    return err;
}

static enum err check_basis(struct cx *cx, const struct saved *saved,
                            const struct document_row *row, struct version_row *newest)
{
    bool found = false;

    *newest = (struct version_row){0};
    if (row->latest == 0) {
        if (saved->based_on == 0)
            return OK;
        return fail(cx, ERR_PRECONDITION, "gone",
                    "there is no version %" PRId64 ": save without If-Match to make it anew",
                    saved->based_on);
    }
    TRY(find_version(cx, saved->collection, saved->key, row->latest, newest, &found));
    if (!found)
        return fail(cx, ERR_INTERNAL, "version_missing",
                    "version %" PRId64 " of " STR_FMT " has no row", row->latest,
                    STR_ARG(saved->key));
    if (saved->based_on != row->latest)
        return changed_meanwhile(cx, saved, newest);
    if (row->latest >= DOCUMENT_VERSIONS_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_versions",
                    "a document keeps at most %d versions: clone it", DOCUMENT_VERSIONS_MAX);
    return OK;
}

static struct str digest_of(struct cx *cx, struct str body)
{
    char text[HASH_TEXT_LEN + 1];

    hash_text(text, &body, 1);
    return cx_copy(cx, str_of(text));
}

enum err version_save(struct cx *cx, const struct saved *saved, struct version_row *out,
                      bool *added)
{
    struct document_row row = {.collection = saved->collection, .key = saved->key};
    struct str digest = digest_of(cx, saved->body);
    struct version_row newest;
    bool found;

    TRY(row_find(cx, &document_table, &row, &found));
    TRY(check_basis(cx, saved, &row, &newest));
    *added = !found || !str_eq(newest.digest, digest);
    if (!*added) {
        *out = newest;
        return OK;
    }
    if (!found)
        row = (struct document_row){.collection = saved->collection,
                                    .key = saved->key,
                                    .grey_on = STR(""),
                                    .created_ms = cx->now_ms};
    row.latest++;
    row.changed_ms = cx->now_ms;
    *out = (struct version_row){.collection = saved->collection,
                                .key = saved->key,
                                .version = row.latest,
                                .body = saved->body,
                                .digest = digest,
                                .based_on = saved->based_on,
                                .author = cx_actor(cx),
                                .why = saved->why,
                                .created_ms = cx->now_ms,
                                .reviewer = STR(""),
                                .review_why = STR("")};
    TRY(row_put(cx, &document_table, &row));
    return row_add(cx, &document_version_table, out);
}

/* ---- Reviewing ---- */

enum err version_review(struct cx *cx, struct version_row *row, bool approve, struct str why)
{
    if (str_eq(row->author, cx_actor(cx)))
        return fail(cx, ERR_CONFLICT, "own_version",
                    "a version is reviewed by somebody else than its author");
    if (row->review != REVIEW_NONE)
        return fail(cx, ERR_CONFLICT, "reviewed_already",
                    STR_FMT " %s it: what follows is a new version", STR_ARG(row->reviewer),
                    review_names[row->review]);
    row->review = approve ? REVIEW_APPROVED : REVIEW_REJECTED;
    row->reviewer = cx_actor(cx);
    row->review_why = why;
    row->reviewed_ms = cx->now_ms;
    return row_put(cx, &document_version_table, row);
}
