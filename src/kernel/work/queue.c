/*
 * queue.c - the queue in front of a writer: bounded, by priority, woken when needed.
 *
 * A burst may fill it: that is what it is for.  When commands have waited too long in each batch
 * for STANDING_US it is no burst; more is coming than can be done, and whoever waits in the queue
 * waits for nothing.  From then on only so many may wait as the writer does within a short time,
 * and the rest is refused at once, until nobody had to be refused for RELIEF_US (after CoDel,
 * Nichols and Jacobson, ACM Queue 2012: bad queue is standing queue).  The short time is four
 * commits, or WAIT_US when commits are faster: enough to fill the batches.
 */
#include <time.h>

#include "kernel/base/log.h"
#include "kernel/watch/watch.h"
#include "kernel/work/writer.h"

enum {
    LEASE_TEND_MS = 500,
    LOWER_SHARE = 8, /* Of a batch, an eighth for each lower class that waits. */
    STANDING_US = 2000 * 1000,
    RELIEF_US = 1000 * 1000,
    WAITS_TOO_LONG = 2, /* Times the short time. */
    WAIT_US = 5000,
    WAIT_COMMITS = 4,
    SHEDDING_COMMANDS_MIN = 32, /* However slow a command was: batches must be able to grow. */
    AVERAGE_OF = 8,             /* Batches, about. */
    COMMITS_KEPT = 64,          /* So long is the least of them remembered, about: longer ones wrote
                                   more or waited for a processor, which no longer queue mends. */
    HIGH_MORE = 4,              /* Notices of payments wait in a longer queue, */
    LOW_LESS = 4,               /* imports in a shorter one. */
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

/* ---- Admission ---- */

static int64_t average(int64_t before, int64_t now)
{
    return before == 0 ? now : before + (now - before) / AVERAGE_OF;
}

void queue_learn(struct writer *writer, int commands, int64_t batch_us)
{
    int64_t ns = batch_us * 1000 / commands;

    atomic_store(&writer->command_ns, average(atomic_load(&writer->command_ns), ns > 0 ? ns : 1));
}

void queue_learn_commit(struct writer *writer, int64_t commit_us)
{
    int64_t least = atomic_load(&writer->commit_us);

    if (least == 0 || commit_us < least)
        least = commit_us;
    atomic_store(&writer->commit_us, least + (commit_us - least) / COMMITS_KEPT);
}

static int64_t short_us(struct writer *writer)
{
    int64_t commits_us = WAIT_COMMITS * atomic_load(&writer->commit_us);

    return commits_us > WAIT_US ? commits_us : WAIT_US;
}

static int64_t queue_max(const struct writer *writer)
{
    int max = writer->space->platform->options.queue_commands_max;

    return max > 0 ? max : QUEUE_COMMANDS_MAX;
}

/* How many of a class may wait while commands are shed. */
static int64_t shedding_max(struct writer *writer, enum priority priority)
{
    int64_t command_ns = atomic_load(&writer->command_ns), most;

    most = command_ns > 0 ? short_us(writer) * 1000 / command_ns : queue_max(writer);
    if (most < SHEDDING_COMMANDS_MIN)
        most = SHEDDING_COMMANDS_MIN;
    if (priority == PRIORITY_HIGH)
        most *= HIGH_MORE;
    if (priority == PRIORITY_LOW)
        most /= LOW_LESS;
    return most < queue_max(writer) ? most : queue_max(writer);
}

static bool sheds(struct writer *writer, enum priority priority, int64_t now_us)
{
    bool is = writer->depth >= queue_max(writer) ||
              (writer->shedding && writer->depth >= shedding_max(writer, priority));

    if (is)
        writer->shed_us = now_us;
    return is;
}

/* Before a batch is taken. */
static void judge(struct writer *writer, int64_t now_us)
{
    int64_t oldest_us = now_us;

    for (int p = 0; p < PRIORITY_COUNT; p++)
        if (writer->head[p] && writer->head[p]->queued_us < oldest_us)
            oldest_us = writer->head[p]->queued_us;
    if (now_us - oldest_us <= WAITS_TOO_LONG * short_us(writer))
        writer->calm_us = now_us;
    if (writer->shedding && now_us - writer->shed_us > RELIEF_US)
        writer->shedding = false;
    else if (!writer->shedding && now_us - writer->calm_us > STANDING_US)
        writer->shedding = true;
}

static void tell(struct writer *writer, bool shedding)
{
    struct platform *platform = writer->space->platform;

    atomic_fetch_add(&platform->shedding, shedding ? 1 : -1);
    log_event(LOG_WARN, shedding ? "overload_began" : "overload_ended",
              LOG_TEXT("space", str_of(writer->space->name)),
              LOG_INT("command_us", atomic_load(&writer->command_ns) / 1000),
              LOG_INT("commit_us", atomic_load(&writer->commit_us)));
}

static enum err refuse(struct cx *cx)
{
    cx->problem.retry_after_ms = SECOND_MS;
    return fail(cx, ERR_BUSY, "overloaded", OVERLOADED_DETAIL);
}

bool writer_sheds(struct writer *writer, enum priority priority)
{
    struct env *env = writer->space->platform->env;
    int64_t now_us = env->monotonic_us(env);
    bool shed;

    pthread_mutex_lock(&writer->lock);
    shed = sheds(writer, priority, now_us);
    pthread_mutex_unlock(&writer->lock);
    return shed;
}

enum err writer_admit(struct writer *writer, struct cx *cx, enum priority priority)
{
    return writer_sheds(writer, priority) ? refuse(cx) : OK;
}

enum err writer_submit(struct writer *writer, struct task *task, bool internal)
{
    bool wake, shed;

    task->next = NULL;
    task->mark = arena_mark(&task->cx.arena);
    task->queued_us = writer->space->platform->env->monotonic_us(writer->space->platform->env);
    pthread_mutex_lock(&writer->lock);
    shed = !internal && sheds(writer, task->priority, task->queued_us);
    if (!shed) {
        if (writer->tail[task->priority])
            writer->tail[task->priority]->next = task;
        else
            writer->head[task->priority] = task;
        writer->tail[task->priority] = task;
        writer->depth++;
    }
    wake = writer->sleeping;
    pthread_mutex_unlock(&writer->lock);
    if (shed)
        return refuse(&task->cx);
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
    bool shed, shedding;

    max = max > 0 && max < BATCH_COMMANDS_MAX ? max : BATCH_COMMANDS_MAX;
    pthread_mutex_lock(&writer->lock);
    if (wait && writer->depth == 0 && !writer->closing)
        sleep_until_due(writer);
    shed = writer->shedding;
    judge(writer, env->monotonic_us(env));
    shedding = writer->shedding;
    count = take_shares(writer, tasks, max);
    writer->depth -= count;
    pthread_mutex_unlock(&writer->lock);
    if (shed != shedding)
        tell(writer, shedding);
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
