/*
 * reader.c - the reader threads.
 */
#include "kernel/work/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "kernel/base/epoch.h"
#include "kernel/work/batch.h"

enum { READER_CACHE_KIB = 1024 };

struct reader {
    struct reader_pool *pool;
    pthread_t thread;
    struct {
        struct space *space;
        struct sql *db;
    } connections[SPACES_MAX];
    int connection_count;
};

struct reader_pool {
    struct platform *platform;
    struct reader readers[READER_THREADS];
    int thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *head, *tail;
    int depth;
    bool closing;
};

static struct sql *connection(struct reader *reader, struct task *task)
{
    struct space *space = task->space;
    struct sql_options options = {.url = space->url,
                                  .schema = space->schema,
                                  .read_only = true,
                                  .cache_kib = READER_CACHE_KIB,
                                  .statement_ms_max = READ_MS_MAX,
                                  .vfs = space->platform->options.vfs};
    struct sql *db;

    for (int k = 0; k < reader->connection_count; k++)
        if (reader->connections[k].space == space)
            return reader->connections[k].db;
    if (reader->connection_count == SPACES_MAX || sql_open(&db, &options, &task->cx.problem) != OK)
        return NULL;
    reader->connections[reader->connection_count].space = space;
    reader->connections[reader->connection_count++].db = db;
    return db;
}

static enum err in_transaction(struct reader *reader, struct task *task)
{
    struct cx *cx = &task->cx;
    struct work work;
    enum err err;

    cx->db = connection(reader, task);
    if (!cx->db)
        return cx->problem.err ? cx->problem.err
                               : fail(cx, ERR_BUSY, "no_connection", "too many spaces are open");
    work_open(&work, cx, TX_READ, NULL);
    err = sql_begin(cx);
    if (err == OK)
        err = task_guarded(task, task->run);
    sql_rollback(cx);
    cx->work = NULL;
    cx->db = NULL;
    return err;
}

/* A task that is to open its space has none yet. */
static bool too_late(struct env *env, const struct task *task)
{
    return task->deadline_us && env->monotonic_us(env) > task->deadline_us;
}

static void run(struct reader *reader, struct task *task)
{
    struct env *env = reader->pool->platform->env;
    enum err err;

    task->cx.now_ms = env->wall_ms(env);
    epoch_enter();
    if (too_late(env, task)) {
        task->cx.problem.retry_after_ms = SECOND_MS;
        err = fail(&task->cx, ERR_BUSY, "overloaded", "waited too long for a reader: try again");
    } else if (task->tx == TX_NONE) {
        err = task_guarded(task, task->run);
    } else {
        err = in_transaction(reader, task);
    }
    epoch_leave();
    task->done(task, err);
}

static void *reader_main(void *argument)
{
    struct reader *reader = argument;
    struct reader_pool *pool = reader->pool;
    struct task *task;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->head && !pool->closing)
            pthread_cond_wait(&pool->wake, &pool->lock);
        task = pool->head;
        if (!task)
            break;
        pool->head = task->next;
        if (!pool->head)
            pool->tail = NULL;
        pool->depth--;
        pthread_mutex_unlock(&pool->lock);
        run(reader, task);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct reader_pool *readers_start(struct platform *platform)
{
    struct reader_pool *pool = calloc(1, sizeof(*pool));

    assert(pool);
    pool->platform = platform;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (int k = 0; k < READER_THREADS; k++) {
        struct reader *reader = &pool->readers[k];

        reader->pool = pool;
        if (platform->options.manual ||
            pthread_create(&reader->thread, NULL, reader_main, reader) != 0)
            break;
        pool->thread_count++;
    }
    assert(pool->thread_count > 0 || platform->options.manual);
    return pool;
}

void readers_stop(struct reader_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int k = 0; k < pool->thread_count; k++)
        pthread_join(pool->readers[k].thread, NULL);
    for (int k = 0; k < READER_THREADS; k++)
        for (int c = 0; c < pool->readers[k].connection_count; c++)
            sql_close(pool->readers[k].connections[c].db);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

enum err readers_submit(struct reader_pool *pool, struct task *task)
{
    bool refuse;

    if (pool->platform->options.manual) {
        run(&pool->readers[0], task);
        return OK;
    }
    task->next = NULL;
    pthread_mutex_lock(&pool->lock);
    refuse = pool->depth >= READ_QUEUE_MAX || pool->closing;
    if (!refuse) {
        if (pool->tail)
            pool->tail->next = task;
        else
            pool->head = task;
        pool->tail = task;
        pool->depth++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!refuse)
        return OK;
    task->cx.problem.retry_after_ms = SECOND_MS;
    return fail(&task->cx, ERR_BUSY, "overloaded", "%d reads wait already: try again in a second",
                READ_QUEUE_MAX);
}

struct reader *reader_make(struct reader_pool *pool)
{
    struct reader *reader = calloc(1, sizeof(*reader));

    assert(reader);
    reader->pool = pool;
    return reader;
}

void reader_run(struct reader *reader, struct task *task)
{
    run(reader, task);
}

void reader_free(struct reader *reader)
{
    for (int c = 0; c < reader->connection_count; c++)
        sql_close(reader->connections[c].db);
    free(reader);
}

void readers_run_here(struct reader_pool *pool, struct task *task)
{
    struct reader *here = reader_make(pool);

    run(here, task);
    reader_free(here);
}

int readers_depth(struct reader_pool *pool)
{
    int depth;

    pthread_mutex_lock(&pool->lock);
    depth = pool->depth;
    pthread_mutex_unlock(&pool->lock);
    return depth;
}
