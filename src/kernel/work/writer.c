/*
 * writer.c - group commit.
 *
 * The writer takes all commands that wait, runs them in one transaction over the batch's memory,
 * writes what changed once, commits once, then answers all.
 */
#include "kernel/work/writer.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/base/epoch.h"
#include "kernel/base/log.h"
#include "kernel/count/save.h"
#include "kernel/watch/watch.h"
#include "kernel/work/setting.h"

enum { CLOSING_STEPS_MAX = 400 }; /* Of SAVE_ROWS_MAX counters: all that fit into memory. */

static struct watch_histogram batch_size = {"grevy_batch_commands", "Commands of one commit.", "",
                                            1, 0};
static struct watch_histogram commit_time = {"grevy_commit_seconds",
                                             "Time to write and commit a batch.", "", 1e-6, 0};

void writer_register(void)
{
    queue_register();
    watch_register_histogram(&batch_size);
    watch_register_histogram(&commit_time);
}

static int64_t now_us(const struct writer *writer)
{
    struct env *env = writer->space->platform->env;

    return env->monotonic_us(env);
}

/* ---- One command ---- */

enum err task_guarded(struct task *task, enum err (*run)(struct task *task))
{
    struct cx *cx = &task->cx;
    jmp_buf exhausted;
    enum err err;

    cx->arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0)
        err = run(task);
    else
        err = fail(cx, ERR_TOO_LARGE, "out_of_memory",
                   "this needs more than the %zu bytes one request may use: ask for less at once",
                   cx->arena.budget_bytes);
    cx->arena.exhausted = NULL;
    return err;
}

static enum err run_and_keep(struct task *task)
{
    struct cx *cx = &task->cx;
    struct batch *batch = cx->work->batch;
    int64_t seq = batch->seq;
    enum err err;

    TRY(task->run(task));
    TRY(events_keep(batch, cx));
    err = batch_keep(batch, cx);
    if (err != OK)
        batch->seq = seq; /* No gap. */
    return err;
}

static bool too_late(struct writer *writer, struct task *task)
{
    return task->deadline_us && now_us(writer) > task->deadline_us;
}

static enum err run_one(struct writer *writer, struct task *task, struct work *work)
{
    struct cx *cx = &task->cx;
    enum err err;

    cx->db = writer->db;
    cx->now_ms = writer->batch.now_ms;
    work_open(work, cx, TX_WRITE, &writer->batch);
    if (too_late(writer, task)) {
        cx->problem.retry_after_ms = SECOND_MS;
        return fail(cx, ERR_BUSY, "overloaded", "waited too long for the writer: try again");
    }
    err = task_guarded(task, run_and_keep);
    if (err != OK)
        batch_drop(&writer->batch, cx);
    return err;
}

/* ---- The transaction ---- */

static enum err guarded(struct writer *writer, enum err (*run)(struct writer *writer))
{
    struct cx *cx = &writer->cx;
    jmp_buf exhausted;
    enum err err;

    cx->arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0)
        err = run(writer);
    else
        err = fail(cx, ERR_TOO_LARGE, "out_of_memory", "the batch needs too much memory");
    cx->arena.exhausted = NULL;
    return err;
}

static enum err begin(struct writer *writer)
{
    struct batch *batch = &writer->batch;

    writer->begun = false;
    cx_reset(&writer->cx);
    writer->cx.db = writer->db;
    writer->cx.space = writer->space;
    work_open(&writer->work, &writer->cx, TX_WRITE, batch);
    batch_clear(batch);
    batch->now_ms = writer_now_ms(writer);
    batch->seq = writer->seq;
    batch->ids = (struct ids){.last = writer->last_id, .node = (int)(writer->fence % ID_NODES_MAX)};
    writer->cx.now_ms = batch->now_ms;
    TRY(sql_begin(&writer->cx));
    writer->begun = true;
    return OK;
}

/* The answer to a commit was lost.  If its fate cannot be learnt, nothing may run again: this
 * process stops writing, and takes the lease anew when the database is back. */
static enum err settle_unknown(struct writer *writer, struct cx *cx, enum err err)
{
    struct problem problem = cx->problem;
    enum commit_fate fate = lease_fate(writer, writer->batch.ids.last);

    fail_clear(cx);
    if (fate == COMMIT_DONE)
        return OK;
    if (fate == COMMIT_NOT_DONE)
        return fail(cx, ERR_BUSY, "database_gone",
                    "the connection to the database broke before the commit: try again");
    cx->problem = problem;
    writer->batch.fate_unknown = true;
    lease_set(writer, false);
    return err;
}

/* Write what changed and commit.  The last id drawn names this very commit, so that a commit whose
 * answer got lost can be asked for. */
static enum err commit(struct writer *writer)
{
    struct batch *batch = &writer->batch;
    struct cx *cx = &writer->cx;
    enum err err;

    int64_t began_us = now_us(writer), flushed_us;

    TRY(batch_flush(batch, cx));
    if (!batch->wrote) {
        sql_rollback(cx);
        return OK;
    }
    (void)id_next(&batch->ids, batch->now_ms);
    err = lease_guard(writer, cx);
    flushed_us = now_us(writer);
    if (err == OK)
        err = sql_commit(cx);
    queue_learn_commit(writer, now_us(writer) - flushed_us);
    if (err != OK && cx->problem.code && strcmp(cx->problem.code, "commit_unknown") == 0)
        err = settle_unknown(writer, cx, err);
    if (err != OK && cx->problem.code && strcmp(cx->problem.code, "guard") == 0)
        return lease_lost(writer, cx);
    if (err == OK) {
        writer->last_id = batch->ids.last;
        writer->seq = batch->seq;
        watch_observe(&commit_time, (uint64_t)(now_us(writer) - began_us));
    }
    return err;
}

static enum err warm(struct writer *writer)
{
    return batch_warm(&writer->batch);
}

static enum err warm_task(struct task *task)
{
    task->warm(task);
    return OK;
}

/* Ask for all rows that the routes declared; on SQLite a read when it is needed costs the same. */
static enum err prefetch(struct writer *writer, struct task *const *tasks, int count)
{
    if (sql_kind(writer->db) != SQL_POSTGRES)
        return OK;
    for (int k = 0; k < count; k++) {
        if (!tasks[k]->warm)
            continue;
        work_open(&writer->works[k], &tasks[k]->cx, TX_WRITE, &writer->batch);
        tasks[k]->cx.db = writer->db;
        writer->works[k].warming = true;
        (void)task_guarded(tasks[k], warm_task); /* What was not asked for is read later. */
        fail_clear(&tasks[k]->cx);
    }
    return writer->batch.entry_count > 0 ? guarded(writer, warm) : OK;
}

/* All commands in one transaction.  False: nothing is committed, each must be rerun. */
static bool run_together(struct writer *writer, struct task *const *tasks, int count)
{
    writer->batch.alone = false;
    if (guarded(writer, begin) != OK || prefetch(writer, tasks, count) != OK)
        return false;
    for (int k = 0; k < count; k++) {
        writer->results[k] = run_one(writer, tasks[k], &writer->works[k]);
        if (writer->batch.broken) {
            atomic_fetch_add(&writer->lost_transactions, 1);
            return false;
        }
    }
    return guarded(writer, commit) == OK;
}

/* The task fails as the transaction did. */
static void fail_along(struct writer *writer, struct task *task)
{
    task->cx.problem = writer->cx.problem;
    task->cx.problem.member_count = 0;
}

static enum err run_alone(struct writer *writer, struct task *task, struct work *work)
{
    enum err err = guarded(writer, begin);

    writer->batch.alone = true;
    if (err == OK) {
        err = run_one(writer, task, work);
        if (err != OK) {
            sql_rollback(&writer->cx);
            return err;
        }
        err = guarded(writer, commit);
    }
    if (err != OK) {
        fail_along(writer, task);
        log_text(LOG_ERROR, "commit_failed", "%s: %s", writer->cx.problem.code,
                 writer->cx.problem.detail);
        sql_rollback(&writer->cx);
    }
    return err;
}

/* Whether these are on the disk nobody knows now; their Idempotency-Keys will tell. */
static void leave_open(struct writer *writer, struct task *const *tasks, int count)
{
    for (int k = 0; k < count; k++) {
        struct cx *cx = &tasks[k]->cx;

        if (writer->results[k] != OK)
            continue; /* Refused before the commit. */
        cx->problem.retry_after_ms = SECOND_MS;
        writer->results[k] = fail(cx, ERR_STORAGE, "commit_unknown",
                                  "the database went away while committing: ask again with the same"
                                  " Idempotency-Key");
    }
}

static enum err refuse(struct task *task)
{
    task->cx.problem.retry_after_ms = SECOND_MS;
    return fail(&task->cx, ERR_BUSY, "not_the_writer",
                "another process writes this space: try again");
}

static void rerun_each(struct writer *writer, struct task *const *tasks, int count)
{
    sql_rollback(&writer->cx);
    batch_clear(&writer->batch);
    atomic_fetch_add(&writer->reruns, count);
    for (int k = 0; k < count; k++) {
        fail_clear(&tasks[k]->cx);
        arena_rewind(&tasks[k]->cx.arena, tasks[k]->mark);
        if (!atomic_load(&writer->space->writing)) {
            writer->results[k] = refuse(tasks[k]);
        } else if (k == 0 || writer->begun) {
            writer->results[k] = run_alone(writer, tasks[k], &writer->works[k]);
        } else { /* Each try to begin may take seconds: one speaks for all. */
            fail_along(writer, tasks[k]);
            writer->results[k] = writer->results[k - 1];
        }
    }
}

static void run_hooks(struct writer *writer, const struct work *work)
{
    for (const struct hook *hook = work->hooks; hook; hook = hook->next)
        hook->run(writer->space, hook->argument);
}

static void answer(struct writer *writer, struct task *const *tasks, int count)
{
    for (int k = 0; k < count; k++)
        if (writer->results[k] == OK)
            run_hooks(writer, &writer->works[k]);
    for (int k = 0; k < count; k++) {
        tasks[k]->cx.work = NULL;
        tasks[k]->cx.db = NULL;
        tasks[k]->done(tasks[k], writer->results[k]);
    }
}

static void refuse_all(struct task *const *tasks, int count)
{
    for (int k = 0; k < count; k++)
        tasks[k]->done(tasks[k], refuse(tasks[k]));
}

static void run_batch(struct writer *writer, struct task **tasks, int count)
{
    int64_t began_us = now_us(writer);

    watch_observe(&batch_size, (uint64_t)count);
    atomic_fetch_add(&writer->batches, 1);
    atomic_fetch_add(&writer->commands, count);
    if (count == 1)
        writer->results[0] = run_alone(writer, tasks[0], &writer->works[0]);
    else if (!run_together(writer, tasks, count))
        (writer->batch.fate_unknown ? leave_open : rerun_each)(writer, tasks, count);
    queue_learn(writer, count, now_us(writer) - began_us);
    answer(writer, tasks, count);
}

bool writer_step(struct writer *writer, bool wait)
{
    struct task *tasks[WRITER_TASKS_MAX];
    int count;

    lease_tend(writer);
    settings_tend(writer);
    count = queue_take(writer, tasks, wait);
    if (!atomic_load(&writer->space->writing)) {
        refuse_all(tasks, count);
        return count > 0;
    }
    count += background_collect(writer, tasks + count, BATCH_BACKGROUND_MAX);
    if (count == 0)
        return queue_pending(writer); /* An effect called inline has left its answer. */
    epoch_enter(); /* Rows of the batch may hold texts of shared memory until it is answered. */
    run_batch(writer, tasks, count);
    epoch_leave();
    return true;
}

/* ---- The thread ---- */

static void *writer_main(void *argument)
{
    struct writer *writer = argument;
    bool closing;

    do {
        (void)writer_step(writer, true);
        pthread_mutex_lock(&writer->lock);
        closing = writer->closing && writer->depth == 0;
        pthread_mutex_unlock(&writer->lock);
    } while (!closing);
    return NULL;
}

static enum err open_database(struct writer *writer, struct problem *problem)
{
    struct space *space = writer->space;
    struct sql_options options = {
        .url = space->url, .schema = space->schema, .vfs = space->platform->options.vfs};

    TRY(sql_open(&writer->db, &options, problem));
    cx_open(&writer->cx, space->platform->env, WRITER_CX_BYTES_MAX);
    writer->cx.db = writer->db;
    writer->cx.space = space;
    writer->cx.now_ms = space->platform->env->wall_ms(space->platform->env);
    if (sql_migrate(&writer->cx, "kernel", kernel_schema) != OK) {
        *problem = writer->cx.problem;
        return problem->err;
    }
    for (const struct module *const *m = space->platform->modules; *m; m++) {
        if ((*m)->schema && sql_migrate(&writer->cx, (*m)->name, (*m)->schema) != OK) {
            *problem = writer->cx.problem;
            return problem->err;
        }
    }
    return OK;
}

enum err writer_start(struct space *space, struct problem *problem)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    enum err err;

    assert(writer);
    writer->space = space;
    writer->lock_fd = -1;
    queue_open(writer);
    space->writer = writer;
    err = open_database(writer, problem);
    if (err == OK)
        err = lease_take(writer, problem);
    if (err == OK) {
        batch_open(&writer->batch, space, &writer->cx);
        err = background_open(writer, &writer->cx);
        if (err == OK)
            err = settings_load(space, &writer->cx);
        if (err != OK)
            *problem = writer->cx.problem;
    }
    if (err != OK)
        writer_stop(space);
    return err;
}

void writer_run(struct writer *writer)
{
    if (writer->space->platform->options.manual)
        return;
    writer->threaded = pthread_create(&writer->thread, NULL, writer_main, writer) == 0;
    assert(writer->threaded);
}

/* Without a thread tasks may be left: each is answered exactly once. */
static void refuse_waiting(struct writer *writer)
{
    struct task *tasks[WRITER_TASKS_MAX];
    int count;

    while ((count = queue_take(writer, tasks, false)) > 0)
        refuse_all(tasks, count);
}

/* What was counted a moment ago; a database that fails now has lost that moment. */
static void save_counts(struct writer *writer)
{
    struct space *space = writer->space;

    counters_hurry(space);
    for (int k = 0; k < CLOSING_STEPS_MAX && atomic_load(&space->writing) &&
                    counters_due_ms(space) != INT64_MAX;
         k++)
        (void)writer_step(writer, false);
}

void writer_stop(struct space *space)
{
    struct writer *writer = space->writer;

    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->closing = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    if (writer->threaded)
        pthread_join(writer->thread, NULL);
    save_counts(writer);
    refuse_waiting(writer);
    background_close(writer);
    lease_release(writer);
    if (writer->batch.slots)
        batch_close(&writer->batch);
    sql_close(writer->db);
    cx_close(&writer->cx);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
    space->writer = NULL;
}
