/*
 * row.c - rows by key inside a command, over the batch's memory.
 */
#include "kernel/work/row.h"

#include <string.h>

#include "kernel/work/batch.h"

static void found_row(void *context, const struct table *table, void *row)
{
    void **out = context;

    (void)table;
    *out = row;
}

static enum err read_by_key(struct cx *cx, const struct table *table, const void *key, void **out)
{
    const void *keys[] = {key};

    *out = NULL;
    TRY(sql_rows_ask(cx, table, keys, 1, found_row, out));
    return sql_sync(cx);
}

/* The entry with what the database or the batch knows of the row. */
static enum err entry_loaded(struct cx *cx, const struct table *table, const void *row,
                             struct row_entry **out)
{
    struct row_entry *entry = batch_entry(cx->work->batch, cx, table, row);

    *out = entry;
    if (entry->own || entry->known)
        return OK;
    TRY(read_by_key(cx, table, entry->key, &entry->row));
    entry->known = true;
    entry->stored = entry->row ? STORED_PRESENT : STORED_ABSENT;
    return OK;
}

enum err row_find(struct cx *cx, const struct table *table, void *row, bool *found)
{
    struct row_entry *entry;
    const void *at;

    assert(cx->work);
    assert(!cx->work->warming);
    if (!cx->work->batch) {
        void *read;

        TRY(read_by_key(cx, table, row, &read));
        at = read;
    } else {
        TRY(entry_loaded(cx, table, row, &entry));
        at = entry->own ? entry->own_row : entry->row;
    }
    *found = at != NULL;
    if (at)
        memcpy(row, at, table->row_size);
    return OK;
}

enum err row_get(struct cx *cx, const struct table *table, void *row)
{
    bool found;

    TRY(row_find(cx, table, row, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "not_found", "there is no such %s", table->name);
    return OK;
}

/* Make the running command's own version of the entry: row, or absent when NULL. */
static void own(struct cx *cx, struct row_entry *entry, const void *row)
{
    struct work *work = cx->work;

    if (!entry->own) {
        entry->own = true;
        entry->own_next = work->own;
        entry->stored_before = entry->stored;
        work->own = entry;
    }
    if (!row) {
        entry->own_row = NULL;
    } else {
        if (!entry->own_row)
            entry->own_row = cx_alloc(cx, entry->table->row_size);
        memcpy(entry->own_row, row, entry->table->row_size);
    }
    entry->own_dirty = true;
}

static struct row_entry *writable(struct cx *cx, const struct table *table, const void *row)
{
    assert(cx->work);
    assert(cx->work->batch);
    assert(!cx->work->warming);
    return batch_entry(cx->work->batch, cx, table, row);
}

enum err row_add(struct cx *cx, const struct table *table, const void *row)
{
    struct row_entry *entry = writable(cx, table, row);
    bool exists = entry->own ? entry->own_row != NULL : entry->known && entry->row;

    if (exists)
        return fail(cx, ERR_CONFLICT, "unique", "a %s with this key exists", table->name);
    if (!entry->own && !entry->known)
        entry->fresh = true;
    own(cx, entry, row);
    return OK;
}

enum err row_put(struct cx *cx, const struct table *table, const void *row)
{
    own(cx, writable(cx, table, row), row);
    return OK;
}

/* Added in this batch without a look: whether the key was free is found out before that is
 * forgotten. */
static enum err was_free(struct cx *cx, struct row_entry *entry)
{
    void *stored;

    TRY(read_by_key(cx, entry->table, entry->key, &stored));
    if (stored)
        return fail(cx, ERR_CONFLICT, "unique", "a %s with this key exists", entry->table->name);
    entry->stored = STORED_ABSENT;
    return OK;
}

enum err row_delete(struct cx *cx, const struct table *table, const void *row)
{
    struct row_entry *entry = writable(cx, table, row);

    if (entry->fresh && entry->stored == STORED_UNKNOWN)
        TRY(was_free(cx, entry));
    own(cx, entry, NULL);
    return OK;
}

void row_warm(struct cx *cx, const struct table *table, const void *row)
{
    assert(cx->work);
    assert(cx->work->warming);
    (void)batch_entry(cx->work->batch, cx, table, row);
}
