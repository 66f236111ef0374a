/*
 * reader.h - threads that read: read-only connections, one per thread and space.
 *
 * Invariants: a read runs in one transaction, so it sees one state of the database; a statement
 * over READ_MS_MAX is cut; the queue is bounded.
 */
#ifndef GREVY_WORK_READER_H
#define GREVY_WORK_READER_H

#include "kernel/work/space.h"

struct reader_pool;

struct reader_pool *readers_start(struct platform *platform);
void readers_stop(struct reader_pool *pool);
/** Queue a read; a task with tx TX_NONE only runs there, without a transaction (slow pure work). */
MUST_CHECK enum err readers_submit(struct reader_pool *pool, struct task *task);
/** Run a read at once on the calling thread, over connections of its own: for a thread that must
 *  not wait for the others, because it may be one of them. */
void readers_run_here(struct reader_pool *pool, struct task *task);

/** Connections for a thread that reads often, and must not stand in line with requests. */
struct reader;
struct reader *reader_make(struct reader_pool *pool);
void reader_run(struct reader *reader, struct task *task);
void reader_free(struct reader *reader);

int readers_depth(struct reader_pool *pool);

#endif
