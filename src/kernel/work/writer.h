/*
 * writer.h - the one thread that writes a space: its queue, its batches, its background work.
 * Between the files of kernel/work only.
 *
 * Invariants:
 *   - what is answered has been committed; what failed has left nothing;
 *   - a command that fails, in whatever way, never changes the outcome of its batch mates;
 *   - a batch that cannot commit, or whose transaction got lost, is rerun command by command.
 */
#ifndef GREVY_WORK_WRITER_H
#define GREVY_WORK_WRITER_H

#include "kernel/work/batch.h"

enum { WRITER_TASKS_MAX = BATCH_COMMANDS_MAX + BATCH_BACKGROUND_MAX };
#define WRITER_CX_BYTES_MAX ((size_t)256 << 20) /* Array statements of the largest batch. */

struct background;

struct writer {
    struct space *space;
    struct sql *db;
    struct cx cx; /* For begin, flush and commit. */
    struct batch batch;
    struct work work, works[WRITER_TASKS_MAX];
    enum err results[WRITER_TASKS_MAX];
    bool settings_stale; /* A change is stored, but could not be loaded. */
    bool begun;          /* The last try to begin a transaction went well. */
    struct background *background;

    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock; /* Of what follows, up to closing. */
    pthread_cond_t wake;
    struct task *head[PRIORITY_COUNT], *tail[PRIORITY_COUNT];
    int depth;
    int64_t calm_us, shed_us; /* When nobody waited long; when somebody was refused. */
    bool shedding, sleeping, closing;

    /* As of the last commit; the writer's thread alone. */
    int64_t fence, last_id, seq, until_ms;
    int64_t time_ms, time_us; /* The time last told, and when by the monotonic clock. */
    int lock_fd;              /* SQLite: the lock file; -1: none. */
    int64_t lease_checked_us;

    /* Moving averages, for admission (queue.c). */
    atomic_llong command_ns, commit_us;

    atomic_llong batches, commands, reruns, lost_transactions;
};

/** The writers' histograms; once per process. */
void writer_register(void);
/** Migrate, take the lease, load; nothing runs yet. */
MUST_CHECK enum err writer_start(struct space *space, struct problem *problem);
/** Begin to work.  Needs: the modules of the space are open; their handlers run from here on. */
void writer_run(struct writer *writer);
void writer_stop(struct space *space);
/** One batch of what is due; false when there was nothing.  wait: sleep until there is. */
bool writer_step(struct writer *writer, bool wait);
/** Queue a task; internal ones (answers of effects) are never refused for want of room. */
MUST_CHECK enum err writer_submit(struct writer *writer, struct task *task, bool internal);
void writer_wake(struct writer *writer);
/** Would a command of this class be refused now? */
bool writer_sheds(struct writer *writer, enum priority priority);
/** The same, asked before its body is read.
 *  Errors: BUSY "overloaded". */
MUST_CHECK enum err writer_admit(struct writer *writer, struct cx *cx, enum priority priority);

/* queue.c */
void queue_register(void);
void queue_open(struct writer *writer);
/** Take what waits, the highest priority first, at most a batch; wait: sleep for it. */
int queue_take(struct writer *writer, struct task **tasks, bool wait);
bool queue_pending(struct writer *writer);
/** Learn from a batch: how long it took, its commit included. */
void queue_learn(struct writer *writer, int commands, int64_t batch_us);
void queue_learn_commit(struct writer *writer, int64_t commit_us);

/* lease.c */
void lease_set(struct writer *writer, bool writing);
MUST_CHECK enum err lease_take(struct writer *writer, struct problem *problem);
/** Take or keep the lease when that is due.  Sets space->writing. */
void lease_tend(struct writer *writer);
void lease_release(struct writer *writer);
/** Queue the fencing check in front of a commit. */
MUST_CHECK enum err lease_guard(struct writer *writer, struct cx *cx);
/** The fence is another's: stop writing.  Yields BUSY "not_the_writer". */
MUST_CHECK enum err lease_lost(struct writer *writer, struct cx *cx);
/* What became of a commit whose answer was lost.  Asking takes up to COMMIT_ASK_MS_MAX. */
enum commit_fate { COMMIT_DONE, COMMIT_NOT_DONE, COMMIT_UNKNOWN };
enum commit_fate lease_fate(struct writer *writer, int64_t last_id);

/* event.c: number a finished command's events and add their rows. */
MUST_CHECK enum err events_keep(struct batch *batch, struct cx *cx);

/* background.c */
MUST_CHECK enum err background_open(struct writer *writer, struct cx *cx);
void background_close(struct writer *writer);
/** Append due work to tasks; returns how many. */
int background_collect(struct writer *writer, struct task **tasks, int room);
/** What is due is judged by the time of batches.  It never goes back, and never stands still: while
 *  the wall clock lies behind it goes on at half its speed. */
int64_t writer_now_ms(struct writer *writer);
/** Wall ms at which background work is due next; INT64_MAX: nothing waits. */
int64_t background_due_ms(const struct writer *writer);

#endif
