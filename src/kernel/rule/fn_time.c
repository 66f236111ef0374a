/*
 * fn_time.c - parts of moments, in UTC or a zone, and of durations.
 */
#include "kernel/base/zone.h"
#include "kernel/rule/code.h"
#include "kernel/rule/time.h"

enum { MINUTE_S = 60, HOUR_S = 3600 };

static bool digits(const char *at, int *out)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *out = (at[0] - '0') * 10 + at[1] - '0';
    return true;
}

/* "+08:00", "-02:30", "02:00". */
static bool fixed_offset(struct str zone, int32_t *east_s)
{
    bool sign = zone.len == 6 && (zone.ptr[0] == '+' || zone.ptr[0] == '-');
    int hours, minutes;

    if (zone.len != 5 && !sign)
        return false;
    if (zone.ptr[sign + 2] != ':' || !digits(zone.ptr + sign, &hours) ||
        !digits(zone.ptr + sign + 3, &minutes) || hours > 23 || minutes > 59)
        return false;
    *east_s = (zone.ptr[0] == '-' ? -1 : 1) * (hours * HOUR_S + minutes * MINUTE_S);
    return true;
}

static bool named_offset(struct str name, int64_t unix_s, int32_t *east_s)
{
    const struct zone *zone = zone_find(name);

    if (zone)
        *east_s = zone_offset_s(zone, unix_s);
    return zone != NULL;
}

/* args: the moment, perhaps a zone.  False: *bad is the error. */
static bool date_in(struct rule_run *run, const struct rule_value *args, bool zoned,
                    struct rule_date *out, struct rule_value *bad)
{
    int32_t east_s = 0;

    if (zoned && !fixed_offset(rule_text(args[1]), &east_s) &&
        !named_offset(rule_text(args[1]), args[0].i, &east_s)) {
        *bad = rule_call_bad(run,
                             "there is no time zone '" STR_FMT "': write Asia/Shanghai or "
                             "+08:00",
                             STR_ARG(rule_text(args[1])));
        return false;
    }
    rule_date_of(args[0].i + east_s, out);
    return true;
}

/* Each part twice: in UTC, and in a zone. */
#define PART(name_, expression_)                                                                   \
    static struct rule_value name_##_in(struct rule_run *run, const struct rule_value *args,       \
                                        bool zoned)                                                \
    {                                                                                              \
        struct rule_date date;                                                                     \
        struct rule_value bad;                                                                     \
                                                                                                   \
        return date_in(run, args, zoned, &date, &bad) ? rule_of_int(expression_) : bad;            \
    }                                                                                              \
    static struct rule_value name_(struct rule_run *run, const struct rule_value *args)            \
    {                                                                                              \
        return name_##_in(run, args, false);                                                       \
    }                                                                                              \
    static struct rule_value name_##_zoned(struct rule_run *run, const struct rule_value *args)    \
    {                                                                                              \
        return name_##_in(run, args, true);                                                        \
    }
PART(fn_year, date.year)
PART(fn_month, date.month - 1)
PART(fn_date, date.day)
PART(fn_day, date.day - 1)
PART(fn_week, date.day_of_week)
PART(fn_of_year, date.day_of_year)
PART(fn_hours, date.hour)
PART(fn_minutes, date.minute)
PART(fn_seconds, date.second)
PART(fn_millis, args[0].len / 1000000)
#undef PART

/* ---- Durations: whole hours, minutes, seconds; the thousandths of the last second ---- */

#define OF_DURATION(name_, expression_)                                                            \
    static struct rule_value name_(struct rule_run *run, const struct rule_value *args)            \
    {                                                                                              \
        int64_t ns = args[0].i;                                                                    \
                                                                                                   \
        (void)run;                                                                                 \
        return rule_of_int(expression_);                                                           \
    }
OF_DURATION(fn_span_hours, ns / (HOUR_S * RULE_SECOND_NS))
OF_DURATION(fn_span_minutes, ns / (MINUTE_S * RULE_SECOND_NS))
OF_DURATION(fn_span_seconds, ns / RULE_SECOND_NS)
OF_DURATION(fn_span_millis, ns / 1000000 % 1000)
#undef OF_DURATION

#define BOTH(name_, function_)                                                                     \
    {name_, true, "t:i", function_},                                                               \
    {                                                                                              \
        name_, true, "ts:i", function_##_zoned                                                     \
    }

static const struct rule_row ROWS[] = {
    BOTH("getFullYear", fn_year),
    BOTH("getMonth", fn_month),
    BOTH("getDate", fn_date),
    BOTH("getDayOfMonth", fn_day),
    BOTH("getDayOfWeek", fn_week),
    BOTH("getDayOfYear", fn_of_year),
    BOTH("getHours", fn_hours),
    BOTH("getMinutes", fn_minutes),
    BOTH("getSeconds", fn_seconds),
    BOTH("getMilliseconds", fn_millis),
    {"getHours", true, "r:i", fn_span_hours},
    {"getMinutes", true, "r:i", fn_span_minutes},
    {"getSeconds", true, "r:i", fn_span_seconds},
    {"getMilliseconds", true, "r:i", fn_span_millis},
};

const struct rule_rows rule_time_rows = RULE_ROWS(ROWS);
