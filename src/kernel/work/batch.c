/*
 * batch.c - the memory of a group commit: entries by key, flushed once.
 *
 * Entries live in the arena of the cx that first touched them.  Every cx of a batch lives until the
 * batch is answered, so no entry outlives its memory.
 */
#include "kernel/work/batch.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 1024, SLOTS_KEPT_MAX = 64 * 1024 };

static const struct field *next_column(const struct field *field)
{
    while (field->name && (field->flags & FIELD_JSON_ONLY))
        field++;
    return field;
}

static uint64_t key_hash(const struct table *table, const void *row)
{
    const struct field *field = table->fields;
    uint64_t hash = (uint64_t)(uintptr_t)table;

    for (int k = 0; k < table->key_count; k++, field++) {
        field = next_column(field);
        const char *at = (const char *)row + field->offset;
        struct str bytes = {at, field->type == FIELD_ENUM ? sizeof(int) : sizeof(int64_t)};

        if (field->type == FIELD_TEXT)
            memcpy(&bytes, at, sizeof(bytes));
        hash = str_hash(bytes, hash);
    }
    return hash;
}

static bool key_equal(const struct table *table, const void *a, const void *b)
{
    const struct field *field = table->fields;

    for (int k = 0; k < table->key_count; k++, field++) {
        field = next_column(field);
        const char *x = (const char *)a + field->offset, *y = (const char *)b + field->offset;

        if (field->type == FIELD_TEXT) {
            if (!str_eq(*(const struct str *)(const void *)x, *(const struct str *)(const void *)y))
                return false;
        } else if (memcmp(x, y, field->type == FIELD_ENUM ? sizeof(int) : sizeof(int64_t)) != 0) {
            return false;
        }
    }
    return true;
}

static void slots_make(struct batch *batch, size_t count)
{
    batch->slots = calloc(count, sizeof(batch->slots[0]));
    assert(batch->slots); /* The kernel overcommits: failure means that the process is lost. */
    batch->slot_count = count;
}

void batch_open(struct batch *batch, struct space *space, struct cx *cx)
{
    *batch = (struct batch){.space = space, .cx = cx};
    slots_make(batch, SLOTS_MIN);
}

void batch_close(struct batch *batch)
{
    free(batch->slots);
    batch->slots = NULL;
}

void batch_clear(struct batch *batch)
{
    if (batch->slot_count > SLOTS_KEPT_MAX) {
        free(batch->slots);
        slots_make(batch, SLOTS_MIN);
    } else if (batch->entry_count > 0) {
        memset(batch->slots, 0, batch->slot_count * sizeof(batch->slots[0]));
    }
    batch->entry_count = batch->dirty_count = 0;
    batch->table_count = 0;
    batch->broken = batch->wrote = batch->fate_unknown = false;
}

static void slots_grow(struct batch *batch)
{
    struct row_entry **old = batch->slots;
    size_t count = batch->slot_count;

    slots_make(batch, count * 2);
    for (size_t k = 0; k < count; k++) {
        if (!old[k])
            continue;
        size_t at = old[k]->hash & (batch->slot_count - 1);

        while (batch->slots[at])
            at = (at + 1) & (batch->slot_count - 1);
        batch->slots[at] = old[k];
    }
    free(old);
}

static struct table_rows *rows_of(struct batch *batch, const struct table *table)
{
    for (int k = 0; k < batch->table_count; k++)
        if (batch->tables[k].table == table)
            return &batch->tables[k];
    assert(batch->table_count < BATCH_TABLES_MAX);
    batch->tables[batch->table_count] = (struct table_rows){.table = table};
    return &batch->tables[batch->table_count++];
}

struct row_entry *batch_entry(struct batch *batch, struct cx *cx, const struct table *table,
                              const void *row)
{
    uint64_t hash = key_hash(table, row);
    size_t at = hash & (batch->slot_count - 1);
    struct row_entry *entry;
    struct table_rows *rows;
    void *key;

    for (; (entry = batch->slots[at]); at = (at + 1) & (batch->slot_count - 1))
        if (entry->hash == hash && entry->table == table && key_equal(table, entry->key, row))
            return entry;
    entry = CX_NEW(cx, struct row_entry);
    key = cx_alloc(cx, table->row_size);
    memcpy(key, row, table->row_size);
    *entry = (struct row_entry){.table = table, .hash = hash, .key = key};
    rows = rows_of(batch, table);
    if (rows->last)
        rows->last->table_next = entry;
    else
        rows->first = entry;
    rows->last = entry;
    batch->slots[at] = entry;
    if (++batch->entry_count * 2 > batch->slot_count)
        slots_grow(batch);
    return entry;
}

void work_open(struct work *work, struct cx *cx, enum tx tx, struct batch *batch)
{
    *work = (struct work){.tx = tx, .batch = batch};
    work->events_tail = &work->events;
    work->hooks_tail = &work->hooks;
    cx->work = work;
}

/* ---- Flushing ---- */

/* How the pending version of an entry is written; false when there is nothing to write. */
static bool write_of(const struct row_entry *entry, bool own, enum row_write *how)
{
    const void *row = own ? entry->own_row : entry->row;

    if (!(own ? entry->own_dirty : entry->dirty))
        return false;
    if (!row) {
        *how = ROW_DELETE;
        return entry->stored != STORED_ABSENT;
    }
    *how = entry->stored == STORED_ABSENT || (entry->stored == STORED_UNKNOWN && entry->fresh)
               ? ROW_INSERT
               : ROW_UPSERT;
    return true;
}

/* The database now has this version. */
static void flushed(struct row_entry *entry, bool own)
{
    entry->stored = (own ? entry->own_row : entry->row) ? STORED_PRESENT : STORED_ABSENT;
    if (own) {
        entry->own_dirty = false;
        return;
    }
    entry->dirty = false;
    if (entry->own) /* What finished commands wrote outlives a rollback of the running one. */
        entry->stored_before = entry->stored;
}

static enum err flush_rows(struct cx *cx, const struct table_rows *rows, const void **pointers)
{
    for (enum row_write how = ROW_INSERT; how <= ROW_DELETE; how++) {
        enum row_write entry_how;
        size_t count = 0;

        for (struct row_entry *entry = rows->first; entry; entry = entry->table_next)
            if (write_of(entry, false, &entry_how) && entry_how == how)
                pointers[count++] = entry->row ? entry->row : entry->key;
        if (count > 0)
            TRY(sql_rows_write(cx, rows->table, how, pointers, count));
    }
    for (struct row_entry *entry = rows->first; entry; entry = entry->table_next)
        if (entry->dirty)
            flushed(entry, false);
    return OK;
}

enum err batch_flush(struct batch *batch, struct cx *cx)
{
    const void **pointers;

    if (batch->dirty_count == 0)
        return OK;
    batch->wrote = true;
    pointers = CX_ARRAY(cx, const void *, batch->entry_count);
    for (int k = 0; k < batch->table_count; k++)
        TRY(flush_rows(cx, &batch->tables[k], pointers));
    batch->dirty_count = 0;
    return OK;
}

static enum err flush_own(struct batch *batch, struct cx *cx)
{
    for (struct row_entry *entry = cx->work->own; entry; entry = entry->own_next) {
        enum row_write how;

        if (!write_of(entry, true, &how)) {
            entry->own_dirty = false;
            continue;
        }
        TRY(work_savepoint(cx));
        batch->wrote = true;
        const void *row = entry->own_row ? entry->own_row : entry->key;

        TRY(sql_rows_write(cx, entry->table, how, &row, 1));
        flushed(entry, true);
    }
    return OK;
}

enum err work_savepoint(struct cx *cx)
{
    struct work *work = cx->work;

    if (work->savepoint || work->batch->alone)
        return OK;
    TRY(sql_savepoint(cx));
    work->savepoint = true;
    return OK;
}

enum err batch_settle(struct cx *cx)
{
    struct batch *batch = cx->work->batch;

    if (!batch)
        return OK;
    if (batch->dirty_count > 0) {
        /* A failure here is an earlier command's: the whole batch must find out whose.  So is an
         * unwinding: the memory of this command went into rows of the others. */
        batch->broken = true;
        TRY(batch_flush(batch, cx));
        TRY(sql_sync(cx));
        batch->broken = false;
    }
    return flush_own(batch, cx);
}

void batch_forget(struct batch *batch, struct cx *cx)
{
    assert(batch->dirty_count == 0);
    memset(batch->slots, 0, batch->slot_count * sizeof(batch->slots[0]));
    batch->entry_count = 0;
    batch->table_count = 0;
    cx->work->own = NULL; /* Behind the savepoint: rolled back with it, or the batch's with it. */
}

/* ---- The end of a command ---- */

enum err batch_keep(struct batch *batch, struct cx *cx)
{
    struct work *work = cx->work;

    if (work->savepoint)
        TRY(sql_savepoint_release(cx));
    work->savepoint = false;
    for (struct row_entry *entry = work->own; entry; entry = entry->own_next) {
        batch->dirty_count += (size_t)entry->own_dirty - (size_t)entry->dirty;
        entry->row = entry->own_row;
        entry->dirty = entry->own_dirty;
        entry->known = true;
        entry->own = entry->own_dirty = false;
        entry->own_row = NULL;
    }
    work->own = NULL;
    return OK;
}

void batch_drop(struct batch *batch, struct cx *cx)
{
    struct work *work = cx->work;

    for (struct row_entry *entry = work->own; entry; entry = entry->own_next) {
        entry->own = entry->own_dirty = false;
        entry->own_row = NULL;
        entry->stored = entry->stored_before;
        if (!entry->known)
            entry->fresh = false;
    }
    work->own = NULL;
    work->events = NULL;
    work->events_tail = &work->events;
    work->hooks = NULL;
    work->hooks_tail = &work->hooks;
    work->reaction_depth = 0;
    if (work->savepoint && sql_savepoint_rollback(cx) != OK)
        batch->broken = true;
    work->savepoint = false;
    if (!batch->broken && !sql_standing(cx))
        batch->broken = true;
}

enum err cx_undo(struct cx *cx)
{
    struct batch *batch = cx->work->batch;

    if (batch->alone && (batch->wrote || !sql_standing(cx))) {
        /* Alone there is no savepoint: what was flushed can only go with the transaction. */
        sql_rollback(cx);
        batch_drop(batch, cx);
        batch_clear(batch);
        fail_clear(cx);
        return sql_begin(cx);
    }
    batch_drop(batch, cx);
    fail_clear(cx);
    return batch->broken ? fail(cx, ERR_STORAGE, "transaction_lost", "the transaction was lost")
                         : OK;
}

/* ---- Prefetch ---- */

static void warmed(void *context, const struct table *table, void *row)
{
    struct batch *batch = context;
    struct row_entry *entry = batch_entry(batch, batch->cx, table, row);

    entry->row = row;
    entry->stored = STORED_PRESENT;
}

enum err batch_warm(struct batch *batch)
{
    for (int k = 0; k < batch->table_count; k++) {
        const void **keys = CX_ARRAY(batch->cx, const void *, batch->entry_count);
        size_t count = 0;

        for (struct row_entry *e = batch->tables[k].first; e; e = e->table_next)
            keys[count++] = e->key;
        TRY(sql_rows_ask(batch->cx, batch->tables[k].table, keys, count, warmed, batch));
    }
    TRY(sql_sync(batch->cx));
    for (int k = 0; k < batch->table_count; k++) {
        for (struct row_entry *e = batch->tables[k].first; e; e = e->table_next) {
            e->known = true;
            e->stored = e->row ? STORED_PRESENT : STORED_ABSENT;
        }
    }
    return OK;
}
