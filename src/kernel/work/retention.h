/*
 * retention.h - how long the kernel keeps what only grows.
 *
 * Business rows, the audit log and dead letters are never removed by the kernel; settled calls to
 * the outside go after an hour (effect/effect.h).
 *
 * Invariants: no event is forgotten that a consumer has still to see, or that is parked; but for
 * parked ones, what is left of the outbox is dense.
 */
#ifndef GREVY_WORK_RETENTION_H
#define GREVY_WORK_RETENTION_H

#include "kernel/work/work.h"

enum { EVENT_PURGE_ROWS_MAX = 1000 }; /* In one commit: a few milliseconds. */

extern struct setting events_kept_days, idempotency_kept_hours;

/** Job: forget events that are older than events_kept_days. */
MUST_CHECK enum err event_purge(struct cx *cx, bool *more);

#endif
