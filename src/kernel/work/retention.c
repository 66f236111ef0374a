/*
 * retention.c - forget old events, and say how long answers are repeated.
 */
#include "kernel/work/retention.h"

#include "kernel/work/space.h"
#include "kernel/work/tables.h"

struct setting events_kept_days = {
    "kernel.events_kept_days",
    "days",
    "How long events are kept; timelines begin there. 0: for ever.",
    0,
    36500,
    0,
    0,
};
struct setting idempotency_kept_hours = {
    "kernel.idempotency_kept_hours",
    "hours",
    "How long the answer of an Idempotency-Key is repeated. They are kept in tables of a day.",
    1,
    24,
    24,
    0,
};

/* The first event that a consumer has not seen; one that has seen nothing yet has no row. */
static enum err first_unseen(struct cx *cx, int64_t *seq)
{
    for (const struct module *const *m = cx->space->platform->modules; *m; m++) {
        struct consumer_row row = {.name = str_of((*m)->name)};
        bool found = true;

        if ((*m)->consumes)
            TRY(row_find(cx, &consumer_table, &row, &found));
        if (!found) {
            *seq = 0;
            return OK;
        }
    }
    return sql_int(cx, seq, INT64_MAX, "select min(cursor) + 1 from kernel_consumer", NO_BINDS);
}

enum err event_purge(struct cx *cx, bool *more)
{
    int64_t days = setting_get(cx, &events_kept_days), unseen, parked, gone;

    *more = false;
    if (days == 0)
        return OK;
    TRY(first_unseen(cx, &unseen));
    TRY(sql_int(cx, &parked, 0, "select count(*) from kernel_parked", NO_BINDS));
    /* Only the oldest are looked at: time and seq rise together.  Parked ones stand in nobody's
     * way. */
    TRY(sql_run(
        cx, &gone,
        "delete from kernel_outbox where seq in (select seq from (select seq, time_ms"
        " from kernel_outbox order by seq limit ?1) as oldest where time_ms < ?2"
        " and seq < ?3 and seq not in (select seq from kernel_parked))",
        BIND(INT(EVENT_PURGE_ROWS_MAX + parked), INT(cx->now_ms - days * DAY_MS), INT(unseen))));
    *more = gone >= EVENT_PURGE_ROWS_MAX;
    return OK;
}
