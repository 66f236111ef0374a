/*
 * batch.h - the rows and the bookkeeping of one group commit; between row.c, statement.c, event.c
 * and writer.c only.
 *
 * Invariants:
 *   - an entry knows what the database has of its row (stored), what the commands that succeeded
 *     made of it (row, dirty), and what the running command makes of it (own_row, own_dirty);
 *   - own parts exist only while a command runs: batch_keep makes them the batch's, batch_drop
 *     forgets them;
 *   - broken means that the transaction no longer holds what the commands believe: all of them must
 *     be rerun, each alone.
 */
#ifndef GREVY_WORK_BATCH_H
#define GREVY_WORK_BATCH_H

#include "kernel/work/space.h"

enum { BATCH_TABLES_MAX = 128 }; /* Tables one batch may touch; there are about 60 in all. */

enum stored { STORED_UNKNOWN, STORED_ABSENT, STORED_PRESENT };

struct row_entry {
    const struct table *table;
    uint64_t hash;
    const void *key; /* A row with its key fields set. */
    enum stored stored, stored_before;
    void *row; /* NULL: absent. */
    void *own_row;
    bool known, dirty;          /* row was read or written; it must be written out. */
    bool own, own_dirty, fresh; /* fresh: from row_add, so an INSERT that must not overwrite. */
    struct row_entry *own_next, *table_next;
};

struct table_rows {
    const struct table *table;
    struct row_entry *first, *last;
};

struct batch {
    struct space *space;
    struct cx *cx; /* The writer's own: flushes and commits. */
    struct row_entry **slots;
    size_t slot_count, entry_count, dirty_count;
    struct table_rows tables[BATCH_TABLES_MAX];
    int table_count;
    int64_t now_ms, seq;
    struct ids ids;
    bool alone, broken, wrote, fate_unknown;
};

struct event_pending {
    struct event event;
    struct event_pending *next;
};

struct hook {
    after_commit *run;
    void *argument;
    struct hook *next;
};

/* The transaction state of one cx. */
struct work {
    enum tx tx;
    struct batch *batch; /* NULL in reads. */
    struct row_entry *own;
    struct event_pending *events, **events_tail;
    struct hook *hooks, **hooks_tail;
    bool savepoint, warming;
    int reaction_depth;
};

void batch_open(struct batch *batch, struct space *space, struct cx *cx);
void batch_close(struct batch *batch);
void batch_clear(struct batch *batch); /* Forget all rows: a new transaction. */

void work_open(struct work *work, struct cx *cx, enum tx tx, struct batch *batch);

/** The running command succeeded: its rows, events and savepoint become the batch's. */
MUST_CHECK enum err batch_keep(struct batch *batch, struct cx *cx);
/** The running command failed, or starts over within its transaction: forget what it did.
 *  May find the batch broken. */
void batch_drop(struct batch *batch, struct cx *cx);
/** Send all pending rows of finished commands. */
MUST_CHECK enum err batch_flush(struct batch *batch, struct cx *cx);
/** A statement has written: what is known of rows, all of it flushed, may be out of date. */
void batch_forget(struct batch *batch, struct cx *cx);
/** In front of a statement of cx: everything it must see is in the database. */
MUST_CHECK enum err batch_settle(struct cx *cx);
MUST_CHECK enum err work_savepoint(struct cx *cx);
/** Deliver all row_warm asks of the batch. */
MUST_CHECK enum err batch_warm(struct batch *batch);
struct row_entry *batch_entry(struct batch *batch, struct cx *cx, const struct table *table,
                              const void *row);

#endif
