/*
 * keeper.c - the thread that refreshes.
 */
#include "kernel/work/keeper.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/base/epoch.h"
#include "kernel/base/log.h"
#include "kernel/work/reader.h"

struct keeper {
    struct platform *platform;
    struct reader *reader;
    struct task task;                /* The keeper's own, used again and again. */
    enum err err;                    /* Of the last refresh. */
    const char *told[SPACES_MAX];    /* Code of the failure that the log has; NULL: all is well. */
    struct sql *reports[SPACES_MAX]; /* Connections to report over; NULL: none yet. */
    int64_t reported_us[SPACES_MAX];
    int64_t told_us[SPACES_MAX];  /* When it last failed. */
    long long epochs[SPACES_MAX]; /* The lease's fence at the last refresh; 0: not held then. */

    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool woken[SPACES_MAX], any, closing;
};

static enum err refresh_modules(struct task *task)
{
    struct cx *cx = &task->cx;

    for (const struct module *const *m = cx->space->platform->modules; *m; m++)
        if ((*m)->refresh)
            TRY((*m)->refresh(cx));
    return OK;
}

static void ended(struct task *task, enum err err)
{
    struct keeper *keeper = (struct keeper *)((char *)task - offsetof(struct keeper, task));

    keeper->err = err;
}

/* Once per reason: a database that is away for an hour is one line, and one when it is back. */
static void tell(struct keeper *keeper, int at, struct space *space)
{
    const struct problem *problem = &keeper->task.cx.problem;

    if (keeper->err == OK) {
        if (keeper->told[at])
            log_event(LOG_INFO, "refreshed_again", LOG_TEXT("space", str_of(space->name)));
        keeper->told[at] = NULL;
        return;
    }
    if (keeper->told[at] && problem->code && strcmp(keeper->told[at], problem->code) == 0)
        return;
    keeper->told[at] = problem->code ? problem->code : "";
    log_event(LOG_ERROR, "refresh_failed", LOG_TEXT("space", str_of(space->name)),
              LOG_TEXT("code", str_of(keeper->told[at])),
              LOG_TEXT("detail", str_of(problem->detail)));
}

static int64_t now_us(const struct keeper *keeper)
{
    return keeper->platform->env->monotonic_us(keeper->platform->env);
}

static void refresh(struct keeper *keeper, int at, struct space *space)
{
    struct task *task = &keeper->task;

    cx_reset(&task->cx);
    task->cx.space = space;
    task->space = space;
    keeper->epochs[at] = atomic_load(&space->epoch);
    reader_run(keeper->reader, task);
    keeper->told_us[at] = now_us(keeper);
    tell(keeper, at, space);
    cx_reset(&task->cx); /* Holds no memory while it waits. */
    epoch_collect();
}

static bool take_woken(struct keeper *keeper, int at)
{
    bool woken;

    pthread_mutex_lock(&keeper->lock);
    woken = keeper->woken[at];
    keeper->woken[at] = false;
    pthread_mutex_unlock(&keeper->lock);
    return woken;
}

/* Who held the lease all the time has published everything itself, and was woken for it. */
static bool others_may_have_written(const struct keeper *keeper, int at, struct space *space)
{
    long long epoch = atomic_load(&space->epoch);

    return epoch == 0 || epoch != keeper->epochs[at];
}

static bool is_to_be_tried_again(const struct keeper *keeper, int at)
{
    return keeper->told[at] &&
           now_us(keeper) - keeper->told_us[at] >= (int64_t)KEEPER_POLL_MS * 1000;
}

/* ---- Reports ---- */

static bool report_is_due(const struct keeper *keeper, int at)
{
    return keeper->platform->options.db_url &&
           (keeper->reported_us[at] == 0 ||
            now_us(keeper) - keeper->reported_us[at] >= (int64_t)KEEPER_REPORT_MS * 1000);
}

static enum err report_modules(struct cx *cx)
{
    for (const struct module *const *m = cx->space->platform->modules; *m; m++)
        if ((*m)->report)
            TRY((*m)->report(cx));
    return OK;
}

/* In a transaction of its own: a statement alone may wait unsent, and hold its locks. */
static enum err report_now(struct task *task)
{
    struct cx *cx = &task->cx;
    enum err err;

    TRY(sql_begin(cx));
    err = report_modules(cx);
    if (err == OK)
        return sql_commit(cx);
    sql_rollback(cx);
    return err;
}

/* Nothing depends on it: what fails is left until the next time, with a new connection. */
static void report(struct keeper *keeper, int at, struct space *space)
{
    struct task *task = &keeper->task;
    struct sql_options options = {.url = space->url, .schema = space->schema};

    cx_reset(&task->cx);
    task->cx.space = task->space = space;
    task->cx.now_ms = keeper->platform->env->wall_ms(keeper->platform->env);
    keeper->reported_us[at] = now_us(keeper);
    if (!keeper->reports[at] && sql_open(&keeper->reports[at], &options, &task->cx.problem) != OK)
        return;
    task->cx.db = keeper->reports[at];
    if (task_guarded(task, report_now) != OK) {
        sql_close(keeper->reports[at]);
        keeper->reports[at] = NULL;
    }
    task->cx.db = NULL;
    cx_reset(&task->cx);
}

static bool refresh_all(struct keeper *keeper, bool poll)
{
    struct platform *platform = keeper->platform;
    struct space *space;
    bool any = false;

    for (int k = 0; k < SPACES_MAX && (space = atomic_load(&platform->spaces[k])) != NULL; k++) {
        bool due = take_woken(keeper, k) || is_to_be_tried_again(keeper, k);
        bool moved = due || (poll && others_may_have_written(keeper, k, space));

        if (moved)
            refresh(keeper, k, space);
        if (keeper->platform->options.db_url && (due || report_is_due(keeper, k)))
            report(keeper, k, space);
        any |= moved;
    }
    return any;
}

/* ---- The thread ---- */

/* Until somebody wakes us or the next poll is due; true: closing. */
static bool wait_for_news(struct keeper *keeper, bool *poll)
{
    struct timespec until;
    bool closing;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)KEEPER_POLL_MS * 1000 * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    *poll = false;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->any && !keeper->closing && !*poll)
        *poll = pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until) != 0;
    keeper->any = false;
    closing = keeper->closing;
    pthread_mutex_unlock(&keeper->lock);
    return closing;
}

static void *keeper_main(void *argument)
{
    struct keeper *keeper = argument;
    bool poll;

    while (!wait_for_news(keeper, &poll))
        (void)refresh_all(keeper, poll);
    return NULL;
}

static void open_task(struct keeper *keeper)
{
    struct task *task = &keeper->task;

    cx_open(&task->cx, keeper->platform->env, keeper->platform->cx_bytes_max);
    task->tx = TX_READ;
    task->run = refresh_modules;
    task->done = ended;
}

struct keeper *keeper_start(struct platform *platform)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    pthread_condattr_t attributes;

    assert(keeper);
    keeper->platform = platform;
    keeper->reader = reader_make(platform->readers);
    open_task(keeper);
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!platform->options.manual) {
        keeper->threaded = pthread_create(&keeper->thread, NULL, keeper_main, keeper) == 0;
        assert(keeper->threaded);
    }
    return keeper;
}

void keeper_stop(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->closing = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->lock);
    if (keeper->threaded)
        pthread_join(keeper->thread, NULL);
    keeper->threaded = false;
}

void keeper_free(struct keeper *keeper)
{
    for (int k = 0; k < SPACES_MAX; k++)
        if (keeper->reports[k])
            sql_close(keeper->reports[k]);
    reader_free(keeper->reader);
    cx_close(&keeper->task.cx);
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

void keeper_wake(struct space *space)
{
    struct platform *platform = space->platform;
    struct keeper *keeper = platform->keeper;

    pthread_mutex_lock(&keeper->lock);
    for (int k = 0; k < SPACES_MAX; k++)
        if (atomic_load(&platform->spaces[k]) == space)
            keeper->woken[k] = keeper->any = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->lock);
}

bool keeper_step(struct platform *platform, bool all)
{
    assert(platform->options.manual);
    for (int k = 0; all && k < platform->space_count; k++)
        keeper_wake(platform->spaces[k]);
    return refresh_all(platform->keeper, false);
}
