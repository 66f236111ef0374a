/*
 * schedule.c - timers and jobs.
 */
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/work/background.h"

const struct timer *timer_named(const struct platform *platform, struct str name)
{
    for (const struct module *const *m = platform->modules; *m; m++)
        for (const struct timer *t = (*m)->timers; t && t->name; t++)
            if (str_is(name, t->name))
                return t;
    return NULL;
}

static void timer_known(struct space *space, void *argument)
{
    const int64_t *due_ms = argument;
    struct background *background = space->writer->background;

    if (*due_ms < background->timers_due_ms)
        background->timers_due_ms = *due_ms;
}

static enum err put_timer(struct cx *cx, const struct timer_row *row)
{
    int64_t *due_ms = CX_NEW(cx, int64_t);

    *due_ms = row->due_ms;
    cx_after_commit(cx, timer_known, due_ms);
    return row_put(cx, &timer_table, row);
}

enum err timer_set(struct cx *cx, const char *name, int64_t key, int64_t due_ms)
{
    struct timer_row row = {
        .due_ms = due_ms, .name = str_of(name), .key = key, .set_ms = due_ms, .error = STR("")};

    assert(timer_named(cx->space->platform, row.name)); /* In the module's table. */
    return put_timer(cx, &row);
}

enum err timer_cancel(struct cx *cx, const char *name, int64_t key, int64_t due_ms)
{
    struct timer_row row = {.due_ms = due_ms, .name = str_of(name), .key = key};

    TRY(row_delete(cx, &timer_table, &row));
    if (due_ms > cx_now_ms(cx))
        return OK; /* Never tried, so never put off. */
    return sql_run(cx, NULL,
                   "delete from kernel_timer where name = ?1 and key = ?2 and set_ms = ?3"
                   " and due_ms <> set_ms",
                   BIND(TEXT(row.name), INT(key), INT(due_ms)));
}

static enum err fire(struct task *task)
{
    const struct timer_row *row = &((const struct background_task *)task)->timer;
    struct cx *cx = &task->cx;
    const struct timer *timer = timer_named(cx->space->platform, row->name);

    if (!timer)
        return fail(cx, ERR_INTERNAL, "no_such_timer",
                    "no module of this process has the timer " STR_FMT, STR_ARG(row->name));
    return timer->fire(cx, row->key, row->set_ms);
}

/* The first due time from row's on that no other timer of this name and key has. */
static enum err find_free(struct cx *cx, struct timer_row *row)
{
    bool found = true;

    while (found) {
        struct timer_row other = *row;

        TRY(row_find(cx, &timer_table, &other, &found));
        row->due_ms += found;
    }
    return OK;
}

enum err timer_task_run(struct task *task)
{
    struct background_task *bg = (struct background_task *)task;
    struct timer_row row = bg->timer;
    struct cx *cx = &task->cx;
    bool found;
    enum err err;

    TRY(row_find(cx, &timer_table, &row, &found));
    if (!found || row.state != TIMER_WAITING)
        return OK; /* Cancelled by an earlier command of this batch. */
    err = handler_run(task, fire);
    if (err == OK)
        return row_delete(cx, &timer_table, &row);
    struct str error = problem_text(cx);

    if (!failed_by_itself(cx, err))
        return err;
    TRY(cx_undo(cx));
    TRY(row_delete(cx, &timer_table, &row));
    row.attempts++;
    row.error = error;
    row.due_ms = cx->now_ms + backoff_ms(cx, row.attempts);
    TRY(find_free(cx, &row));
    row.state = row.attempts >= ATTEMPTS_MAX ? TIMER_DEAD : TIMER_WAITING;
    log_event(LOG_ERROR, "timer_failed", LOG_TEXT("timer", row.name),
              LOG_INT("attempts", row.attempts), LOG_TEXT("error", error));
    return put_timer(cx, &row);
}

static enum err run_job(struct task *task)
{
    struct background_task *bg = (struct background_task *)task;

    return bg->job->job->run(&task->cx, &bg->more);
}

enum err job_task_run(struct task *task)
{
    struct background_task *bg = (struct background_task *)task;
    const struct job *job = bg->job->job;
    struct job_row row = {.name = str_of(job->name), .error = STR("")};
    struct cx *cx = &task->cx;
    bool found;
    enum err err;

    TRY(row_find(cx, &job_table, &row, &found));
    bg->more = false;
    err = handler_run(task, run_job);
    if (err != OK) {
        struct str error = problem_text(cx);

        if (!failed_by_itself(cx, err))
            return err;
        TRY(cx_undo(cx));
        row.failures++;
        row.error = error;
        row.next_ms = cx->now_ms + backoff_ms(cx, row.failures);
        if (row.next_ms > cx->now_ms + job->every_ms)
            row.next_ms = cx->now_ms + job->every_ms;
        log_event(LOG_ERROR, "job_failed", LOG_TEXT("job", row.name),
                  LOG_INT("failures", row.failures), LOG_TEXT("error", error));
    } else {
        row.failures = 0;
        row.error = STR("");
        row.next_ms = bg->more ? cx->now_ms : cx->now_ms + job->every_ms;
    }
    row.name = str_of(job->name);
    row.last_ms = cx->now_ms;
    bg->timer.due_ms = row.next_ms; /* For the answer: when it is due again. */
    return row_put(cx, &job_table, &row);
}
