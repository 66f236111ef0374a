/*
 * window.h - calendar windows in a zone, and the lengths of sliding ones.
 *
 * A calendar window is a minute, an hour, a day, a week (from Monday, ISO 8601) or a month of the
 * zone's local time.  A day begins at the first instant whose local date is that day: where
 * daylight saving time skips midnight, that is when the clock is put forward.  Minutes and hours
 * also end where the offset changes.
 *
 * A sliding window of length L holds at time t what was taken in (t - L, t].  Lengths are fixed: a
 * day is 24 hours, a week 7 days, a month 30 days.
 *
 * Invariants: periods of one window are half-open, adjacent and cover all time; none is empty.
 */
#ifndef GREVY_COUNT_WINDOW_H
#define GREVY_COUNT_WINDOW_H

#include "kernel/base/zone.h"

enum count_window {
    COUNT_MINUTE,
    COUNT_HOUR,
    COUNT_DAY,
    COUNT_WEEK,
    COUNT_MONTH,
    COUNT_LIFETIME, /* One period without end. */
    COUNT_WINDOWS
};

struct period {
    int64_t begin_ms, end_ms; /* UTC, half-open. */
};

/** The period of window that holds utc_ms. */
struct period window_period(const struct zone *zone, enum count_window window, int64_t utc_ms);

/** Of a sliding window; not of COUNT_LIFETIME. */
int64_t window_length_ms(enum count_window window);

#endif
