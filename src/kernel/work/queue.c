/*
 * queue.c - the queue in front of a writer: bounded, by priority, woken when needed.
 */
#include <time.h>

#include "kernel/watch/watch.h"
#include "kernel/work/writer.h"

enum {
    LEASE_TEND_MS = 500,
    LOWER_SHARE = 8, /* Of a batch, an eighth for each lower class that waits. */
};

static struct watch_histogram queue_wait = {
    "grevy_queue_wait_seconds", "Time of a command in the queue of its writer.", "", 1e-6, 0};

void queue_register(void)
{
    watch_register_histogram(&queue_wait);
}

void queue_open(struct writer *writer)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum err writer_submit(struct writer *writer, struct task *task, bool internal)
{
    bool wake, refuse;

    task->next = NULL;
    task->mark = arena_mark(&task->cx.arena);
    task->queued_us = writer->space->platform->env->monotonic_us(writer->space->platform->env);
    pthread_mutex_lock(&writer->lock);
    refuse = !internal && writer->depth >= QUEUE_COMMANDS_MAX;
    if (!refuse) {
        if (writer->tail[task->priority])
            writer->tail[task->priority]->next = task;
        else
            writer->head[task->priority] = task;
        writer->tail[task->priority] = task;
        writer->depth++;
    }
    wake = writer->sleeping;
    pthread_mutex_unlock(&writer->lock);
    if (refuse) {
        task->cx.problem.retry_after_ms = SECOND_MS;
        return fail(&task->cx, ERR_BUSY, "overloaded",
                    "%d commands wait already: try again in a second", QUEUE_COMMANDS_MAX);
    }
    if (wake)
        pthread_cond_signal(&writer->wake);
    return OK;
}

void writer_wake(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
}

/* Sleep until a command comes, background work is due, or the lease wants tending. */
static void sleep_until_due(struct writer *writer)
{
    int64_t due_ms = background_due_ms(writer), wait_ms = LEASE_TEND_MS;
    struct timespec until;

    if (due_ms != INT64_MAX && due_ms - writer_now_ms(writer) < wait_ms)
        wait_ms = due_ms - writer_now_ms(writer);
    if (wait_ms <= 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    writer->sleeping = true;
    pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
    writer->sleeping = false;
}

struct taking {
    struct task **tasks;
    int count;
    size_t bytes; /* Of the requests as they were decoded. */
};

/* More of one class, until the batch has count_max commands or is heavy. */
static void take(struct writer *writer, int priority, struct taking *taking, int count_max)
{
    while (writer->head[priority] && taking->count < count_max && taking->bytes < BATCH_BYTES_MAX) {
        taking->bytes += writer->head[priority]->cx.arena.used_bytes;
        taking->tasks[taking->count++] = writer->head[priority];
        writer->head[priority] = writer->head[priority]->next;
        if (!writer->head[priority])
            writer->tail[priority] = NULL;
    }
}

/* Higher classes first, but whoever waits below them has a share: a stream of notices never keeps
 * orders waiting for ever, nor orders an import.  What a share leaves goes to the highest. */
static int take_shares(struct writer *writer, struct task **tasks, int max)
{
    struct taking taking = {.tasks = tasks};
    int share = max / LOWER_SHARE, kept = 0;

    for (int p = 1; p < PRIORITY_COUNT; p++)
        kept += writer->head[p] ? share : 0;
    for (int p = 0; p < PRIORITY_COUNT; p++) {
        kept -= p > 0 && writer->head[p] ? share : 0;
        take(writer, p, &taking, max - kept);
    }
    for (int p = 0; p < PRIORITY_COUNT; p++)
        take(writer, p, &taking, max);
    return taking.count;
}

int queue_take(struct writer *writer, struct task **tasks, bool wait)
{
    int max = writer->space->platform->options.batch_commands_max, count;
    struct env *env = writer->space->platform->env;

    max = max > 0 && max < BATCH_COMMANDS_MAX ? max : BATCH_COMMANDS_MAX;
    pthread_mutex_lock(&writer->lock);
    if (wait && writer->depth == 0 && !writer->closing)
        sleep_until_due(writer);
    count = take_shares(writer, tasks, max);
    writer->depth -= count;
    pthread_mutex_unlock(&writer->lock);
    for (int k = 0; k < count; k++)
        watch_observe(&queue_wait, (uint64_t)(env->monotonic_us(env) - tasks[k]->queued_us));
    return count;
}

bool queue_pending(struct writer *writer)
{
    bool any;

    pthread_mutex_lock(&writer->lock);
    any = writer->depth > 0;
    pthread_mutex_unlock(&writer->lock);
    return any;
}
