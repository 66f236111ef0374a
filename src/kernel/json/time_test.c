/*
 * time_test.c - RFC 3339 against the C library's calendar, and every refusal.
 */
#include <stdio.h>
#include <time.h>

#include "kernel/json/field.h"
#include "test/kit/test.h"

/* 9999-12-31T23:59:59.999Z */
#define LATEST_MS INT64_C(253402300799999)

static void check_both_ways(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    char text[TIME_TEXT_LEN + 1], want[64];
    struct tm utc;
    int64_t back = -1;

    gmtime_r(&seconds, &utc);
    snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
             utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(ms % 1000));
    time_format(text, ms);
    CHECK_EQ_STR(text, want);
    CHECK(time_parse(str_of(text), &back));
    CHECK_EQ_INT(back, ms);
}

TEST(time_every_day, "every day from 1970 to 9999 is written and read as the C library has it")
{
    for (int64_t day = 0; day <= LATEST_MS / DAY_MS; day++) {
        /* Another time of day each day; the factor is prime to the length of a day. */
        check_both_ways(day * DAY_MS + day * INT64_C(48271001) % DAY_MS);
    }
    check_both_ways(0);
    check_both_ways(LATEST_MS);
}

TEST(time_clamp, "a time without a text of its own is written as the nearest that has one")
{
    char text[TIME_TEXT_LEN + 1];

    time_format(text, -1);
    CHECK_EQ_STR(text, "1970-01-01T00:00:00.000Z");
    time_format(text, INT64_MIN);
    CHECK_EQ_STR(text, "1970-01-01T00:00:00.000Z");
    time_format(text, LATEST_MS + 1);
    CHECK_EQ_STR(text, "9999-12-31T23:59:59.999Z");
    time_format(text, INT64_MAX);
    CHECK_EQ_STR(text, "9999-12-31T23:59:59.999Z");
}

TEST(time_forms, "offsets, fractions and small letters are read")
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"2026-11-22T10:00:00Z", INT64_C(1795341600000)},
        {"2026-11-22t10:00:00z", INT64_C(1795341600000)},
        {"2026-11-22T18:00:00+08:00", INT64_C(1795341600000)},
        {"2026-11-22T04:30:00-05:30", INT64_C(1795341600000)},
        {"2026-11-22T10:00:00-00:00", INT64_C(1795341600000)},
        {"2026-11-23T09:59:00+23:59", INT64_C(1795341600000)},
        {"2026-11-22T10:00:00.5Z", INT64_C(1795341600500)},
        {"2026-11-22T10:00:00.05Z", INT64_C(1795341600050)},
        {"2026-11-22T10:00:00.1239999999999Z", INT64_C(1795341600123)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
        {"2024-02-29T23:59:59.999Z", INT64_C(1709251199999)},
        {"1969-12-31T23:00:00-01:00", -1}, /* The year itself is refused. */
        {"1970-01-01T01:00:00+01:00", 0},
        {"9999-12-31T23:59:59.999Z", LATEST_MS},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        int64_t ms = -2;
        bool taken = time_parse(str_of(rows[k].text), &ms);

        CHECK_SAY(taken == (rows[k].ms >= 0), "%s", rows[k].text);
        CHECK_EQ_INT(ms, taken ? rows[k].ms : -2);
    }
}

TEST(time_refusals, "what is no time of the calendar is refused")
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-22",
        "2026-11-22T10:00:00",
        "2026-11-22 10:00:00Z",
        "2026-11-22T10:00Z",
        "2026-11-22T10:00:00.Z",
        "2026-11-22T10:00:00,5Z",
        "2026-11-22T10:00:00Zx",
        "2026-11-22T10:00:00Z ",
        " 2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00+8:00",
        "2026-11-22T10:00:00+0800",
        "2026-11-22T10:00:00+24:00",
        "2026-11-22T10:00:00+08:60",
        "2026-11-22T10:00:00*08:00",
        "2026-02-29T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2200-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-13-10T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:60:00Z",
        "2026-11-22T10:00:60Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "1970-01-01T00:00:00+00:01", /* Before the epoch. */
        "9999-12-31T23:59:59-00:01", /* Year 10000. */
        "10000-01-01T00:00:00Z",
        "+2026-11-22T10:00:00Z",
        "2026-1-22T10:00:00Z",
        "2O26-11-22T10:00:00Z",
    };
    int64_t ms = 0;

    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        CHECK_SAY(!time_parse(str_of(bad[k]), &ms), "%s is taken", bad[k]);
    CHECK(!time_parse((struct str){"2026-11-22\00010:00:00Z", 20}, &ms));
    CHECK(!time_parse((struct str){0}, &ms));
}
