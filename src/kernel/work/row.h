/*
 * row.h - rows by key, held in memory for the length of a group commit.
 *
 * A command reads and writes rows of its tables by primary key.  The batch keeps one copy of each
 * row it has seen; a command changes its own copy, which becomes the batch's when the command
 * succeeds and is forgotten when it fails.  What changed is written once, when the batch commits:
 * a stock level that 64 orders touch costs one write, and on PostgreSQL a whole batch costs two
 * round trips.  Rows that a route declared with row_warm are read together, before the first
 * command runs.
 *
 * Invariants:
 *   - a command sees its own writes and those of every earlier command of the batch that succeeded,
 *     never those of one that failed;
 *   - statements of sql.h see the same: what is pending is flushed in front of them (a command's
 *     own part behind a savepoint), so mixing both is correct, only slower;
 *   - rows are copied in and out; text inside them is borrowed from the cx that put it, and every
 * cx of a batch lives until the batch is answered.
 *
 * In a read (TX_READ) row_find reads the database and the others may not be called.
 */
#ifndef GREVY_WORK_ROW_H
#define GREVY_WORK_ROW_H

#include "kernel/sql/sql.h"

/** Fill row, whose key fields are set.  *found false and row untouched when there is none. */
MUST_CHECK enum err row_find(struct cx *cx, const struct table *table, void *row, bool *found);

/** Like row_find; a missing row is NOT_FOUND "not_found", naming the table. */
MUST_CHECK enum err row_get(struct cx *cx, const struct table *table, void *row);

/** A row whose key is new.  A key that exists is CONFLICT "unique" here or at commit. */
MUST_CHECK enum err row_add(struct cx *cx, const struct table *table, const void *row);

/** Write the row whether or not it exists. */
MUST_CHECK enum err row_put(struct cx *cx, const struct table *table, const void *row);

/** Delete by key; no error when there is none. */
MUST_CHECK enum err row_delete(struct cx *cx, const struct table *table, const void *row);

/** Declare, in a route's warm function, that the row with this key will be read. */
void row_warm(struct cx *cx, const struct table *table, const void *row);

#endif
