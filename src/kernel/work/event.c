/*
 * event.c - events are rows first.
 *
 * event_put hands the event to every reaction at once, inside the producer's transaction; the
 * number and the outbox row come when the whole command has succeeded.
 */
#include <string.h>

#include "kernel/work/tables.h"
#include "kernel/work/writer.h"

static const struct producer *producer_of(const struct platform *platform, const char *type)
{
    for (const struct module *const *m = platform->modules; *m; m++)
        for (const struct producer *p = (*m)->produces; p && p->type; p++)
            if (strcmp(p->type, type) == 0)
                return p;
    return NULL;
}

static enum err react(struct cx *cx, const struct event *event)
{
    for (const struct module *const *m = cx->space->platform->modules; *m; m++)
        for (const struct reaction *r = (*m)->reacts; r && r->type; r++)
            if (str_is(event->type, r->type))
                TRY(r->handle(cx, event));
    return OK;
}

enum err event_put(struct cx *cx, const char *type, struct str key, const struct field *fields,
                   const void *payload)
{
    const struct producer *producer = producer_of(cx->space->platform, type);
    struct work *work = cx->work;
    struct event_pending *pending;
    enum err err;

    assert(work);
    assert(work->batch);
    assert(producer);                    /* A module puts only the events of its table, */
    assert(producer->payload == fields); /* as the table says. */
    if (work->reaction_depth >= EVENT_REACTION_DEPTH_MAX)
        return fail(cx, ERR_INTERNAL, "reaction_depth",
                    "%s: events caused events more than %d deep", type, EVENT_REACTION_DEPTH_MAX);
    pending = CX_NEW(cx, struct event_pending);
    pending->event = (struct event){.id = cx_new_id(cx),
                                    .time_ms = cx->now_ms,
                                    .type = str_of(type),
                                    .key = cx_copy(cx, key),
                                    .data = field_json(cx, fields, payload),
                                    .trace = str_of(cx->trace)};
    *work->events_tail = pending;
    work->events_tail = &pending->next;
    work->reaction_depth++;
    err = react(cx, &pending->event);
    work->reaction_depth--;
    return err;
}

enum err event_read(struct cx *cx, const struct event *event, const struct field *fields, void *out,
                    size_t size)
{
    return field_read(cx, fields, FIELD_LENIENT, event->data, out, size);
}

enum err events_keep(struct batch *batch, struct cx *cx)
{
    int64_t seq = batch->seq;

    for (struct event_pending *pending = cx->work->events; pending; pending = pending->next) {
        const struct event *event = &pending->event;
        struct outbox_row row = {.seq = ++seq,
                                 .id = event->id,
                                 .type = event->type,
                                 .key = event->key,
                                 .time_ms = event->time_ms,
                                 .trace = event->trace,
                                 .data = event->data};

        TRY(row_add(cx, &outbox_table, &row));
    }
    batch->seq = seq; /* Only now: a command that failed half-way leaves no gap. */
    return OK;
}

enum err event_history(struct cx *cx, struct str key, int64_t after_seq, int64_t limit,
                       struct list *out)
{
    struct list rows;
    struct event *events;

    TRY(sql_all(cx, outbox_fields, sizeof(struct outbox_row), &rows,
                "select seq, id, type, key, time_ms, trace, data from kernel_outbox"
                " where key = ?1 and seq > ?2 order by seq limit ?3",
                BIND(TEXT(key), INT(after_seq), INT(limit))));
    events = CX_ARRAY(cx, struct event, rows.count ? rows.count : 1);
    for (size_t k = 0; k < rows.count; k++) {
        const struct outbox_row *row = LIST_AT(rows, struct outbox_row, k);

        events[k] = (struct event){.seq = row->seq,
                                   .id = row->id,
                                   .time_ms = row->time_ms,
                                   .type = row->type,
                                   .key = row->key,
                                   .data = row->data,
                                   .trace = row->trace};
    }
    *out = (struct list){events, rows.count};
    return OK;
}

/* ---- The rest of what a command may do ---- */

int64_t cx_new_id(struct cx *cx)
{
    assert(cx->work);
    assert(cx->work->batch);
    return id_next(&cx->work->batch->ids, cx->now_ms);
}

bool cx_has_database(const struct cx *cx)
{
    return cx->db != NULL;
}

bool cx_can_write(const struct cx *cx)
{
    return cx->work && cx->work->tx == TX_WRITE;
}

void cx_after_commit(struct cx *cx, after_commit *run, void *argument)
{
    struct work *work = cx->work;
    struct hook *hook = CX_NEW(cx, struct hook);

    assert(work->batch);
    *hook = (struct hook){.run = run, .argument = argument};
    *work->hooks_tail = hook;
    work->hooks_tail = &hook->next;
}
