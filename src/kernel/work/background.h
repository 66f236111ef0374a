/*
 * background.h - what the writer does by itself: consumers, timers, jobs, effects.
 *
 * Everything here is collected, run and answered within one writer_step, so nothing is "in flight"
 * but the effects, which run on their own threads.
 *
 * Invariants:
 *   - the cursor of a consumer moves in the transaction of the effects of the event;
 *   - a handler that fails is undone, and its failure recorded, within the same command: no later
 *     event can overtake an earlier one of its key;
 *   - retries back off exponentially with jitter; what fails ATTEMPTS_MAX times waits for a person.
 */
#ifndef GREVY_WORK_BACKGROUND_H
#define GREVY_WORK_BACKGROUND_H

#include "kernel/count/save.h"
#include "kernel/effect/effect.h"
#include "kernel/work/tables.h"
#include "kernel/work/writer.h"

enum {
    ATTEMPTS_MAX = 12, /* With the back-off below: about five hours. */
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 3600 * 1000,
    CONSUMERS_MAX = 64,
    JOBS_MAX = 128,
    EFFECTS_RUNNING_MAX = 64,
    SCAN_ROWS_MAX = 256,           /* Rows of the outbox, or of effects, read at once. */
    SCAN_SAVE = 2000,              /* A cursor further behind than this is moved over what does not
                              concern its consumer, so that a restart scans little. */
    STUCK_RETRY_MS = 500,          /* After a failure of the database itself. */
    CLOCK_BEHIND_SHARE = 2,        /* Its share of the time: so the wall clock catches up. */
    FAILURE_BYTES_MAX = 64 * 1024, /* To record a failure with, when memory was what failed. */
};

struct consumer_state {
    const struct module *module;
    int64_t cursor;  /* As committed. */
    int64_t scanned; /* No event of interest up to here beyond cursor. */
    int64_t not_before_ms;
    bool maybe_parked; /* Some key may be parked: ask before each event. */
};

struct job_state {
    const struct job *job;
    int64_t next_ms;
};

enum background_kind { BG_EVENT, BG_SCAN, BG_PARKED, BG_TIMER, BG_JOB, BG_COUNTS };

struct background_task {
    struct task task; /* First: a task is cast back to this. */
    struct writer *writer;
    enum background_kind kind;
    struct consumer_state *consumer;
    struct outbox_row event;
    int64_t previous; /* The cursor before this event. */
    struct timer_row timer;
    struct parked_row parked;
    struct job_state *job;
    struct count_save *counts;
    bool more;
};

#define BACKGROUND_CX_BYTES_MAX ((size_t)64 << 20) /* 16 of the largest rows at once. */

struct background {
    struct cx cx;                      /* Rows of what was collected; reset at each collection. */
    int scan_rows_max, first_consumer; /* Halved while memory does not suffice; who is first. */
    int64_t effects_seen_ms, effects_seen_id; /* Those due up to here were offered or refused. */
    struct background_task tasks[BATCH_BACKGROUND_MAX];
    struct consumer_state consumers[CONSUMERS_MAX];
    int consumer_count;
    struct job_state jobs[JOBS_MAX];
    int job_count;
    int64_t timers_due_ms, parked_due_ms, effects_due_ms, effects_not_before_ms;
    int64_t not_before_ms;                /* After a failure of the database. */
    int64_t running[EFFECTS_RUNNING_MAX]; /* Ids of effects being called. */
    int running_count;
    bool opened;
};

/* handler.c */
int64_t backoff_ms(struct cx *cx, int64_t attempts);
struct str problem_text(struct cx *cx); /* "code: detail" of the recorded problem. */
/** Is this failure the handler's own, to be recorded and stepped over? */
bool failed_by_itself(const struct cx *cx, enum err err);
/** Run a handler of a module as a part of task.  Spent memory, and a clash that the database finds
 *  only when rows are written, are the handler's failures too: the rest of the task records them.
 *  A clash within a shared batch shows when the task runs again, alone. */
MUST_CHECK enum err handler_run(struct task *task, enum err (*run)(struct task *task));

/* consume.c */
enum err event_task_run(struct task *task);
enum err scan_task_run(struct task *task);
enum err parked_task_run(struct task *task);
/** row is gone: the first event of its key that is left, if it waits, is tried. */
MUST_CHECK enum err parked_release_next(struct cx *cx, const struct parked_row *row);
/* schedule.c */
enum err timer_task_run(struct task *task);
enum err job_task_run(struct task *task);
const struct timer *timer_named(const struct platform *platform, struct str name);

#endif
