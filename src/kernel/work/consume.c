/*
 * consume.c - deliver stored events to the modules that consume them, exactly once.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/work/background.h"

static const struct reaction *handler_of(const struct module *module, struct str type)
{
    for (const struct reaction *r = module->consumes; r && r->type; r++)
        if (str_is(type, r->type))
            return r;
    return NULL;
}

static enum err handle(struct task *task)
{
    const struct background_task *bg = (const struct background_task *)task;
    const struct reaction *reaction = handler_of(bg->consumer->module, bg->event.type);
    const struct outbox_row *row = &bg->event;
    struct cx *cx = &task->cx;
    struct event event = {.seq = row->seq,
                          .id = row->id,
                          .time_ms = row->time_ms,
                          .type = row->type,
                          .key = row->key,
                          .data = row->data,
                          .trace = row->trace};

    if (!reaction)
        return OK; /* No longer consumed. */
    snprintf(cx->trace, sizeof(cx->trace), STR_FMT, STR_ARG(row->trace));
    return reaction->handle(cx, &event);
}

static enum err park(struct cx *cx, struct background_task *bg, struct str error, int state)
{
    struct parked_row row = {.consumer = str_of(bg->consumer->module->name),
                             .seq = bg->event.seq,
                             .type = bg->event.type,
                             .key = bg->event.key,
                             .state = state,
                             .attempts = state == PARKED_RETRY ? 1 : 0,
                             .error = error};

    row.next_ms = cx->now_ms + backoff_ms(cx, row.attempts);
    /* Not after the commit: a later event of the batch must already look.  Looking once too often
     * changes nothing. */
    bg->consumer->maybe_parked = true;
    return row_add(cx, &parked_table, &row);
}

static enum err behind_parked(struct cx *cx, struct background_task *bg, bool *behind)
{
    int64_t count;

    *behind = false;
    if (!bg->consumer->maybe_parked)
        return OK;
    TRY(sql_int(cx, &count, 0,
                "select count(*) from kernel_parked where consumer = ?1 and key = ?2",
                BIND(TEXT(str_of(bg->consumer->module->name)), TEXT(bg->event.key))));
    *behind = count > 0;
    return OK;
}

enum err event_task_run(struct task *task)
{
    struct background_task *bg = (struct background_task *)task;
    struct consumer_row cursor = {.name = str_of(bg->consumer->module->name)};
    struct cx *cx = &task->cx;
    bool found, behind;
    enum err err;

    TRY(row_find(cx, &consumer_table, &cursor, &found));
    if ((found ? cursor.cursor : 0) != bg->previous)
        return fail(cx, ERR_BUSY, "out_of_turn", "an earlier event has not been handled");
    TRY(behind_parked(cx, bg, &behind));
    if (behind) {
        TRY(park(cx, bg, STR(""), PARKED_WAITING));
    } else if ((err = handler_run(task, handle)) != OK) {
        struct str error = problem_text(cx);

        if (!failed_by_itself(cx, err))
            return err;
        TRY(cx_undo(cx));
        TRY(park(cx, bg, error, PARKED_RETRY));
    }
    cursor.name = str_of(bg->consumer->module->name);
    cursor.cursor = bg->event.seq;
    return row_put(cx, &consumer_table, &cursor);
}

enum err scan_task_run(struct task *task)
{
    struct background_task *bg = (struct background_task *)task;
    struct consumer_row row = {.name = str_of(bg->consumer->module->name), .cursor = bg->event.seq};

    return row_put(&task->cx, &consumer_table, &row);
}

enum err parked_release_next(struct cx *cx, const struct parked_row *row)
{
    return sql_run(cx, NULL,
                   "update kernel_parked set state = 'retry', next_ms = ?1"
                   " where consumer = ?2 and state = 'waiting' and seq ="
                   " (select min(seq) from kernel_parked where consumer = ?2 and key = ?3)",
                   BIND(INT(cx->now_ms), TEXT(row->consumer), TEXT(row->key)));
}

static enum err record_failure(struct cx *cx, struct parked_row *row, struct str error)
{
    row->attempts++;
    row->error = error;
    row->state = row->attempts >= ATTEMPTS_MAX ? PARKED_DEAD : PARKED_RETRY;
    row->next_ms = cx->now_ms + backoff_ms(cx, row->attempts);
    if (row->state == PARKED_DEAD)
        log_event(LOG_ERROR, "dead_letter", LOG_TEXT("consumer", row->consumer),
                  LOG_TEXT("type", row->type), LOG_TEXT("key", row->key), LOG_INT("seq", row->seq),
                  LOG_TEXT("error", error));
    return row_put(cx, &parked_table, row);
}

enum err parked_task_run(struct task *task)
{
    struct background_task *bg = (struct background_task *)task;
    struct parked_row row = {.consumer = bg->parked.consumer, .seq = bg->parked.seq};
    struct cx *cx = &task->cx;
    bool found;
    enum err err;

    TRY(row_find(cx, &parked_table, &row, &found));
    if (!found || row.state != PARKED_RETRY || row.next_ms > cx->now_ms)
        return OK; /* Settled by a person meanwhile. */
    bg->event = (struct outbox_row){.seq = row.seq};
    TRY(row_get(cx, &outbox_table, &bg->event));
    err = handler_run(task, handle);
    if (err != OK) {
        struct str error = problem_text(cx);

        if (!failed_by_itself(cx, err))
            return err;
        TRY(cx_undo(cx));
        return record_failure(cx, &row, error);
    }
    TRY(row_delete(cx, &parked_table, &row));
    return parked_release_next(cx, &row);
}
