/*
 * handler.c - how the handlers of modules are run in the background, and what becomes of failures.
 */
#include <setjmp.h>

#include "kernel/work/background.h"

int64_t backoff_ms(struct cx *cx, int64_t attempts)
{
    int64_t wait_ms = BACKOFF_FIRST_MS;

    for (int64_t k = 1; k < attempts && wait_ms < BACKOFF_MAX_MS; k++)
        wait_ms *= 2;
    if (wait_ms > BACKOFF_MAX_MS)
        wait_ms = BACKOFF_MAX_MS;
    return wait_ms / 2 + (int64_t)cx_random(cx, (uint64_t)wait_ms / 2 + 1);
}

struct str problem_text(struct cx *cx)
{
    return cx_printf(cx, "%s: %s", cx->problem.code ? cx->problem.code : "unknown",
                     cx->problem.detail);
}

bool failed_by_itself(const struct cx *cx, enum err err)
{
    if (err == ERR_BUSY || err == ERR_DISK_FULL)
        return false; /* The world's fault: the same command will do later. */
    if (cx->work->batch->broken)
        return false;
    if (cx->work->savepoint || sql_standing((struct cx *)cx))
        return true;
    /* There any statement that fails takes the transaction along; alone, it was the handler's. */
    return cx->work->batch->alone && sql_kind(cx->db) == SQL_POSTGRES;
}

static enum err settle_alone(struct task *task)
{
    TRY(batch_settle(&task->cx));
    return sql_sync(&task->cx);
}

enum err handler_run(struct task *task, enum err (*run)(struct task *task))
{
    struct arena *arena = &task->cx.arena;
    jmp_buf *outer = arena->exhausted;
    enum err err = task_guarded(task, run);

    if (err == OK && task->cx.work->batch->alone)
        err = task_guarded(task, settle_alone);
    arena->exhausted = outer;
    if (err != OK)
        arena->budget_bytes += FAILURE_BYTES_MAX;
    return err;
}
