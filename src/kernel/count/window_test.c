/*
 * window_test.c - calendar windows against glibc's own calendar, and where clocks change.
 */
#include "kernel/count/window.h"

#include <stdlib.h>
#include <time.h>

#include "kernel/base/env.h"
#include "kernel/json/field.h"
#include "test/kit/test.h"

static int64_t at(const char *text)
{
    int64_t ms;

    CHECK_SAY(time_parse(str_of(text), &ms), "%s", text);
    return ms;
}

static const struct zone *zone_of(const char *name)
{
    const struct zone *zone = zone_find(str_of(name));

    if (!zone)
        test_skip("no time zones here: install tzdata");
    return zone;
}

static void check_period(const char *zone, enum count_window window, const char *begin,
                         const char *end)
{
    int64_t begin_ms = at(begin), end_ms = at(end);
    const int64_t inside_ms[] = {begin_ms, (begin_ms + end_ms) / 2, end_ms - 1};

    for (int k = 0; k < 3; k++) {
        struct period period = window_period(zone_of(zone), window, inside_ms[k]);

        CHECK_SAY(period.begin_ms == begin_ms, "%s %d: %lld", zone, k,
                  (long long)(period.begin_ms - begin_ms));
        CHECK_SAY(period.end_ms == end_ms, "%s %d: %lld", zone, k,
                  (long long)(period.end_ms - end_ms));
    }
}

TEST(zone_names, "a zone is found by its name; what is none is not")
{
    struct zone_span span;

    CHECK(zone_of("Asia/Shanghai") == zone_of("Asia/Shanghai"));
    CHECK(!zone_find(STR("Asia/Atlantis")));
    CHECK(!zone_find(STR("")));
    CHECK(!zone_find(STR("../../etc/passwd")));
    zone_at(zone_of("Asia/Shanghai"), at("2026-01-01T00:00:00Z"), &span);
    CHECK_EQ_INT(span.offset_ms, 8 * HOUR_MS);
    zone_at(zone_of("UTC"), INT64_MIN, &span);
    zone_at(zone_of("UTC"), INT64_MAX, &span);
    CHECK_EQ_INT(span.offset_ms, 0);
}

TEST(window_month_ends, "months of 28 to 31 days, in a leap year too, and over the year's end")
{
    check_period("UTC", COUNT_MONTH, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
    check_period("UTC", COUNT_MONTH, "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
    check_period("UTC", COUNT_MONTH, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    check_period("Asia/Shanghai", COUNT_MONTH, "2026-03-31T16:00:00Z", "2026-04-30T16:00:00Z");
    check_period("America/New_York", COUNT_MONTH, "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z");
    CHECK_EQ_INT(window_period(zone_of("UTC"), COUNT_MONTH, -1).begin_ms, -31 * DAY_MS);
    CHECK_EQ_INT(window_period(zone_of("UTC"), COUNT_WEEK, -1).begin_ms, -3 * DAY_MS);
}

TEST(window_weeks, "a week begins on Monday, local time")
{
    check_period("UTC", COUNT_WEEK, "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
    check_period("Asia/Shanghai", COUNT_WEEK, "2026-12-27T16:00:00Z", "2027-01-03T16:00:00Z");
    /* With an hour more, and one less. */
    check_period("Europe/Berlin", COUNT_WEEK, "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z");
    check_period("Europe/Berlin", COUNT_WEEK, "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z");
}

TEST(window_days_of_change, "days of 23, 25 and 23.5 hours, without and with two midnights")
{
    check_period("Europe/Berlin", COUNT_DAY, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    check_period("Europe/Berlin", COUNT_DAY, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    check_period("Australia/Lord_Howe", COUNT_DAY, "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z");
    /* Midnight is skipped: the day begins at 01:00. */
    check_period("America/Sao_Paulo", COUNT_DAY, "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z");
    /* 24:00 becomes 23:00 of the same day, which goes on for an hour. */
    check_period("America/Sao_Paulo", COUNT_DAY, "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z");
    /* 01:00 becomes 00:00: two midnights, one day. */
    check_period("America/Havana", COUNT_DAY, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    /* A day that never was: 30 December 2011 in Samoa. */
    check_period("Pacific/Apia", COUNT_DAY, "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    check_period("Pacific/Apia", COUNT_DAY, "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
}

TEST(window_clock, "hours begin at the local hour and end where the offset changes")
{
    check_period("Asia/Kathmandu", COUNT_HOUR, "2026-01-01T00:15:00Z", "2026-01-01T01:15:00Z");
    check_period("Asia/Kathmandu", COUNT_MINUTE, "2026-01-01T00:15:00Z", "2026-01-01T00:16:00Z");
    check_period("Europe/Berlin", COUNT_HOUR, "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z");
    check_period("Australia/Lord_Howe", COUNT_HOUR, "2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z");
    check_period("Australia/Lord_Howe", COUNT_HOUR, "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z");
}

/* ---- Against glibc ---- */

static const char *const zones[] = {"UTC",
                                    "Asia/Shanghai",
                                    "Europe/Berlin",
                                    "America/New_York",
                                    "Asia/Kolkata",
                                    "Australia/Sydney",
                                    "Australia/Lord_Howe",
                                    "America/Sao_Paulo",
                                    "Asia/Kathmandu",
                                    "America/St_Johns",
                                    "America/Havana",
                                    "Africa/Casablanca",
                                    "Pacific/Apia",
                                    "Pacific/Kiritimati"};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static struct tm local(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    CHECK(localtime_r(&seconds, &tm) != NULL);
    return tm;
}

/* The number that tells two periods apart, by glibc's local time. */
static int64_t label(enum count_window window, struct tm tm)
{
    int64_t month = tm.tm_year * INT64_C(12) + tm.tm_mon, day = month * 31 + tm.tm_mday;

    if (window == COUNT_MONTH)
        return month;
    if (window == COUNT_DAY)
        return day;
    tm.tm_mday -= (tm.tm_wday + 6) % 7; /* Its Monday, at noon, normalised. */
    tm.tm_hour = 12;
    tm.tm_isdst = -1;
    (void)mktime(&tm);
    return (tm.tm_year * INT64_C(12) + tm.tm_mon) * 31 + tm.tm_mday;
}

static void check_instant(const struct zone *zone, enum count_window window, int64_t ms)
{
    struct period period = window_period(zone, window, ms);

    CHECK(period.begin_ms <= ms);
    CHECK(ms < period.end_ms);
    CHECK_EQ_INT(window_period(zone, window, period.end_ms).begin_ms, period.end_ms);
    CHECK_EQ_INT(window_period(zone, window, period.begin_ms - 1).end_ms, period.begin_ms);
    CHECK_EQ_INT(label(window, local(period.begin_ms)), label(window, local(ms)));
    CHECK_EQ_INT(label(window, local(period.end_ms - 1000)), label(window, local(ms)));
    CHECK(label(window, local(period.begin_ms - 1000)) != label(window, local(ms)));
    CHECK(label(window, local(period.end_ms)) != label(window, local(ms)));
}

TEST(window_agrees_with_glibc,
     "days, weeks and months of 14 zones at random instants, 1990 to 2037")
{
    int64_t begin_ms = at("1990-01-01T00:00:00Z"), end_ms = at("2037-01-01T00:00:00Z");
    uint64_t state = 1;

    for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
        setenv("TZ", zones[z], 1);
        tzset();
        for (int k = 0; k < 3000; k++) {
            uint64_t range_s = (uint64_t)(end_ms - begin_ms) / 1000;
            int64_t ms = begin_ms + (int64_t)(next_random(&state) % range_s) * 1000;

            check_instant(zone_of(zones[z]), COUNT_DAY + k % 3, ms);
        }
    }
}
