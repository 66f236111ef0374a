/*
 * task.c - where a task goes, and calls that wait for one (command line, tests, opening).
 */
#include <pthread.h>
#include <stdlib.h>

#include "kernel/work/reader.h"
#include "kernel/work/space.h"
#include "kernel/work/writer.h"

enum err task_admit(struct task *task, enum priority priority)
{
    return writer_admit(task->space->writer, &task->cx, priority);
}

bool space_sheds(struct space *space, enum priority priority)
{
    return writer_sheds(space->writer, priority);
}

enum err task_submit(struct task *task)
{
    struct space *space = task->space;

    if (task->tx != TX_WRITE)
        return readers_submit(space->platform->readers, task);
    if (!atomic_load(&space->writing)) {
        task->cx.problem.retry_after_ms = SECOND_MS;
        return fail(&task->cx, ERR_BUSY, "not_the_writer",
                    "another process writes this space: try again, or there");
    }
    return writer_submit(space->writer, task, false);
}

struct call {
    struct task task; /* First: a task is cast back to this. */
    space_call *fn;
    void *argument;
    struct problem *problem;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    enum err err;
};

static enum err call_run(struct task *task)
{
    struct call *call = (struct call *)task;

    return call->fn(&task->cx, call->argument);
}

static void call_done(struct task *task, enum err err)
{
    struct call *call = (struct call *)task;

    pthread_mutex_lock(&call->lock);
    call->err = err;
    call->done = true;
    pthread_cond_signal(&call->ended);
    pthread_mutex_unlock(&call->lock);
}

static void wait_for(struct call *call, struct space *space)
{
    if (space->platform->options.manual) {
        while (!call->done)
            (void)writer_step(space->writer, false);
        return;
    }
    pthread_mutex_lock(&call->lock);
    while (!call->done)
        pthread_cond_wait(&call->ended, &call->lock);
    pthread_mutex_unlock(&call->lock);
}

static enum err call_and_wait(struct space *space, enum tx tx, bool here, space_call *fn,
                              void *argument, struct problem *problem)
{
    struct call *call = calloc(1, sizeof(*call));
    enum err err;

    assert(call);
    cx_open(&call->task.cx, space->platform->env, CX_BYTES_MAX);
    call->task.cx.space = space;
    call->task.cx.now_ms = space->platform->env->wall_ms(space->platform->env);
    call->task.space = space;
    call->task.tx = tx;
    call->task.priority = PRIORITY_NORMAL;
    call->task.run = call_run;
    call->task.done = call_done;
    call->fn = fn;
    call->argument = argument;
    pthread_mutex_init(&call->lock, NULL);
    pthread_cond_init(&call->ended, NULL);
    err = OK;
    if (here)
        readers_run_here(space->platform->readers, &call->task);
    else
        err = task_submit(&call->task);
    if (err == OK) {
        wait_for(call, space);
        err = call->err;
    }
    *problem = call->task.cx.problem;
    problem->member_count = 0; /* Their values die with the call. */
    pthread_cond_destroy(&call->ended);
    pthread_mutex_destroy(&call->lock);
    cx_close(&call->task.cx);
    free(call);
    return err;
}

enum err space_command(struct space *space, space_call *fn, void *argument, struct problem *problem)
{
    return call_and_wait(space, TX_WRITE, false, fn, argument, problem);
}

enum err space_read(struct space *space, space_call *fn, void *argument, struct problem *problem)
{
    return call_and_wait(space, TX_READ, false, fn, argument, problem);
}

enum err space_read_here(struct space *space, space_call *fn, void *argument,
                         struct problem *problem)
{
    return call_and_wait(space, TX_READ, true, fn, argument, problem);
}
