/*
 * window.c - from an instant to the local minute, hour, day, week or month that holds it.
 *
 * Days and dates: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil
 * and civil_from_days, for the proleptic Gregorian calendar.
 */
#include "kernel/count/window.h"

#include <assert.h>

#include "kernel/base/env.h"

enum {
    DAYS_PER_WEEK = 7,
    THURSDAY_TO_MONDAY = 3, /* 1970-01-01 was a Thursday: the third day after a Monday. */
    SLIDING_MONTH_DAYS = 30,
};
#define LOCAL_AHEAD_MS (16 * (int64_t)HOUR_MS) /* More than any offset; today's end at 14 hours. */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- Dates as days since 1970-01-01 ---- */

struct date {
    int64_t year;
    int month, day; /* 1 to 12, 1 to 31 */
};

static int64_t days_of(struct date date)
{
    int64_t year = date.year - (date.month <= 2), era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static struct date date_of(int64_t days)
{
    int64_t era = floor_div(days + 719468, 146097), day_of_era = days + 719468 - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153; /* 0 is March. */
    int month = (int)(shifted + (shifted < 10 ? 3 : -9));

    return (struct date){.year = year_of_era + era * 400 + (month <= 2),
                         .month = month,
                         .day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1)};
}

/* First day of the day's, week's or month's period, and of the next one. */
static void days_around(enum count_window window, int64_t day, int64_t *first, int64_t *next)
{
    struct date date;

    *first = day;
    *next = day + 1;
    if (window == COUNT_WEEK) {
        *first =
            floor_div(day + THURSDAY_TO_MONDAY, DAYS_PER_WEEK) * DAYS_PER_WEEK - THURSDAY_TO_MONDAY;
        *next = *first + DAYS_PER_WEEK;
    } else if (window == COUNT_MONTH) {
        date = date_of(day);
        date.day = 1;
        *first = days_of(date);
        date.year += date.month == 12;
        date.month = date.month % 12 + 1;
        *next = days_of(date);
    }
}

/* ---- Local days as instants ---- */

/* The first instant whose local time is at least the day's midnight. */
static int64_t day_begin_ms(const struct zone *zone, int64_t day)
{
    int64_t local_ms = day * DAY_MS, at_ms = local_ms - LOCAL_AHEAD_MS, begin_ms;
    struct zone_span span;

    for (;;) {
        zone_at(zone, at_ms, &span);
        begin_ms = local_ms - span.offset_ms;
        if (begin_ms < at_ms)
            return at_ms; /* The clock was put forward over midnight, just here. */
        if (begin_ms < span.end_ms)
            return begin_ms;
        at_ms = span.end_ms;
    }
}

static struct period days_period(const struct zone *zone, enum count_window window, int64_t utc_ms)
{
    struct zone_span span;
    struct period period;
    int64_t first, next;

    zone_at(zone, utc_ms, &span);
    days_around(window, floor_div(utc_ms + span.offset_ms, DAY_MS), &first, &next);
    period.end_ms = day_begin_ms(zone, next);
    if (utc_ms >= period.end_ms) { /* The clock was put back over midnight: it came already. */
        days_around(window, next, &first, &next);
        period.end_ms = day_begin_ms(zone, next);
    }
    period.begin_ms = day_begin_ms(zone, first);
    return period;
}

static struct period clock_period(const struct zone *zone, int64_t length_ms, int64_t utc_ms)
{
    struct zone_span span;
    struct period period;

    zone_at(zone, utc_ms, &span);
    period.begin_ms = floor_div(utc_ms + span.offset_ms, length_ms) * length_ms - span.offset_ms;
    period.end_ms = period.begin_ms + length_ms;
    if (period.begin_ms < span.begin_ms)
        period.begin_ms = span.begin_ms;
    if (period.end_ms > span.end_ms)
        period.end_ms = span.end_ms;
    return period;
}

/* ---- Faces ---- */

struct period window_period(const struct zone *zone, enum count_window window, int64_t utc_ms)
{
    switch (window) {
    case COUNT_MINUTE:
        return clock_period(zone, MINUTE_MS, utc_ms);
    case COUNT_HOUR:
        return clock_period(zone, HOUR_MS, utc_ms);
    case COUNT_DAY:
    case COUNT_WEEK:
    case COUNT_MONTH:
        return days_period(zone, window, utc_ms);
    case COUNT_LIFETIME:
    case COUNT_WINDOWS:
        break;
    }
    return (struct period){INT64_MIN, INT64_MAX};
}

int64_t window_length_ms(enum count_window window)
{
    static const int64_t lengths_ms[] = {
        [COUNT_MINUTE] = MINUTE_MS,
        [COUNT_HOUR] = HOUR_MS,
        [COUNT_DAY] = DAY_MS,
        [COUNT_WEEK] = DAYS_PER_WEEK * DAY_MS,
        [COUNT_MONTH] = SLIDING_MONTH_DAYS * DAY_MS,
    };

    assert(window < COUNT_LIFETIME);
    return lengths_ms[window];
}
