/*
 * dead.h - what failed for good, or is failing: to be looked at, driven again, or let go by a
 * person.
 *
 * Kinds and ids: event "CONSUMER:SEQ", timer "NAME:KEY:DUE_MS", effect "eff_...".
 *
 * Invariants: driving one letter again never touches another key; discarding an event lets the next
 * of its key go on; nothing is deleted that was not discarded by name.
 */
#ifndef GREVY_WORK_DEAD_H
#define GREVY_WORK_DEAD_H

#include "kernel/work/work.h"

struct dead_letter {
    struct str kind, id;
    struct str type; /* Of the event; the timer's or effect's name. */
    struct str key;
    struct str state; /* waiting, retry, dead, failed */
    int64_t attempts, next_ms;
    struct str error;
    struct str data; /* Of the event or effect, in dead_get only: JSON, or absent. */
};
extern const struct field dead_letter_fields[];

struct dead_place { /* Where a list goes on; zeroed: at its begin. */
    int64_t list, after;
    bool end;
};
/** The next limit letters or a few more: events by number, then timers by key, then effects by id;
 *  list of struct dead_letter.  Moves place behind them. */
MUST_CHECK enum err dead_list(struct cx *cx, struct dead_place *place, int64_t limit,
                              struct list *out);
/** Errors: NOT_FOUND "no_such_letter". */
MUST_CHECK enum err dead_get(struct cx *cx, struct str kind, struct str id,
                             struct dead_letter *out);
/** Try again now, with a fresh count of attempts.  Errors: NOT_FOUND; CONFLICT "waits_behind" for
 *  an event whose key has an earlier one. */
MUST_CHECK enum err dead_redrive(struct cx *cx, struct str kind, struct str id);
/** Errors: NOT_FOUND; CONFLICT "still_tried" for a timer or an effect that is not dead. */
MUST_CHECK enum err dead_discard(struct cx *cx, struct str kind, struct str id);

#endif
