/*
 * time.c - the proleptic Gregorian calendar, RFC 3339, durations.
 */
#include "kernel/rule/time.h"

#include <stdio.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, NANO_DIGITS = 9 };

/* Days since 1970-01-01: years begin in March, so that the leap day is the last of its year; 400
 * years are 146,097 days. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400, shifted = (month + 9) % 12;
    int64_t of_year = (153 * shifted + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void rule_date_of(int64_t seconds, struct rule_date *out)
{
    int64_t days = floor_div(seconds, DAY_S), left = seconds - days * DAY_S;
    int64_t z = days + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), shifted;

    shifted = (5 * of_year + 2) / 153;
    out->day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    out->month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    out->year = year + era * 400 + (out->month <= 2);
    out->day_of_week = (int)(((days + 4) % 7 + 7) % 7);
    out->day_of_year = (int)(days - days_of(out->year, 1, 1));
    out->hour = (int)(left / HOUR_S);
    out->minute = (int)(left / MINUTE_S % 60);
    out->second = (int)(left % 60);
}

/* ---- Reading ---- */

struct reader {
    const char *at, *end;
};

static bool number(struct reader *in, int digits, int *out)
{
    *out = 0;
    for (; digits > 0; digits--, in->at++) {
        if (in->at == in->end || *in->at < '0' || *in->at > '9')
            return false;
        *out = *out * 10 + (*in->at - '0');
    }
    return true;
}

static bool take(struct reader *in, char c)
{
    if (in->at == in->end || (*in->at != c && *in->at != (c | 32)))
        return false;
    in->at++;
    return true;
}

static bool fraction(struct reader *in, uint32_t *nanos)
{
    uint32_t unit = 100000000;
    const char *from = in->at;

    *nanos = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++, unit /= 10)
        *nanos += unit * (uint32_t)(*in->at - '0');
    return in->at > from;
}

static bool offset(struct reader *in, int64_t *east_s)
{
    bool west = in->at < in->end && *in->at == '-';
    int hours, minutes;

    *east_s = 0;
    if (take(in, 'Z'))
        return true;
    if (!west && (in->at == in->end || *in->at != '+'))
        return false;
    in->at++;
    if (!number(in, 2, &hours) || !take(in, ':') || !number(in, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *east_s = (west ? -1 : 1) * ((int64_t)hours * HOUR_S + minutes * MINUTE_S);
    return true;
}

static int days_in(int year, int month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 ? 28 + leap : 30 + ((month + (month > 7)) & 1);
}

bool rule_read_timestamp(struct str text, struct rule_value *out)
{
    struct reader in = {text.ptr, text.ptr + text.len};
    int year, month, day, hour, minute, second;
    int64_t east_s, seconds;
    uint32_t nanos = 0;

    if (!number(&in, 4, &year) || !take(&in, '-') || !number(&in, 2, &month) || !take(&in, '-') ||
        !number(&in, 2, &day) || !take(&in, 'T') || !number(&in, 2, &hour) || !take(&in, ':') ||
        !number(&in, 2, &minute) || !take(&in, ':') || !number(&in, 2, &second))
        return false;
    if ((take(&in, '.') && !fraction(&in, &nanos)) || !offset(&in, &east_s) || in.at != in.end)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    seconds = days_of(year, month, day) * DAY_S + hour * HOUR_S + minute * MINUTE_S + second;
    seconds -= east_s;
    *out = rule_of_timestamp(seconds, nanos);
    return seconds >= RULE_TIMESTAMP_LEAST && seconds <= RULE_TIMESTAMP_MOST;
}

/* The unit at in->at, 0: none. */
static int64_t unit_of(struct reader *in)
{
    static const struct {
        struct str name;
        int64_t ns;
    } units[] = {{STR("ns"), 1},
                 {STR("us"), 1000},
                 {STR("\xc2\xb5s"), 1000},
                 {STR("\xce\xbcs"), 1000},
                 {STR("ms"), 1000000},
                 {STR("s"), RULE_SECOND_NS},
                 {STR("m"), 60 * RULE_SECOND_NS},
                 {STR("h"), HOUR_S * RULE_SECOND_NS}};
    struct str rest = {in->at, (size_t)(in->end - in->at)};

    for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++)
        if (str_starts(rest, units[k].name)) {
            in->at += units[k].name.len;
            return units[k].ns;
        }
    return 0;
}

/* Digits, perhaps a point and more, a unit: in nanoseconds, exactly. */
static bool term(struct reader *in, __int128 *total)
{
    const char *from = in->at;
    __int128 whole = 0, part = 0, scale = 1;
    int64_t unit;
    bool dot;

    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++)
        if ((whole = whole * 10 + (*in->at - '0')) > INT64_MAX)
            return false;
    dot = in->at < in->end && *in->at == '.';
    in->at += dot;
    for (; dot && in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++)
        if (scale < INT64_C(1000000000000000)) {
            part = part * 10 + (*in->at - '0');
            scale *= 10;
        }
    if (in->at - from == dot)
        return false;
    unit = unit_of(in);
    *total += whole * unit + part * unit / scale;
    return unit && *total <= (__int128)INT64_MAX + 1;
}

bool rule_read_duration(struct str text, struct rule_value *out)
{
    struct reader in = {text.ptr, text.ptr + text.len};
    bool minus = text.len && text.ptr[0] == '-';
    __int128 total = 0;

    in.at += minus || (text.len && text.ptr[0] == '+');
    if (in.end - in.at == 1 && *in.at == '0') {
        *out = rule_of_duration(0);
        return true;
    }
    if (in.at == in.end)
        return false;
    while (in.at < in.end)
        if (!term(&in, &total))
            return false;
    total = minus ? -total : total;
    *out = rule_of_duration((int64_t)total);
    return total <= INT64_MAX;
}

/* ---- Writing ---- */

/* ".5" of half a second; nothing of none. */
static size_t write_fraction(char *out, size_t size, uint32_t nanos)
{
    int digits = NANO_DIGITS;

    if (!nanos)
        return 0;
    while (nanos % 10 == 0) {
        nanos /= 10;
        digits--;
    }
    return (size_t)snprintf(out, size, ".%0*u", digits, nanos);
}

size_t rule_write_timestamp(char out[RULE_TIME_TEXT_MAX], struct rule_value v)
{
    struct rule_date date;
    size_t len;

    rule_date_of(v.i, &date);
    len = (size_t)snprintf(out, RULE_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", (int)date.year,
                           date.month, date.day, date.hour, date.minute, date.second);
    len += write_fraction(out + len, RULE_TIME_TEXT_MAX - len, v.len);
    out[len++] = 'Z';
    out[len] = 0;
    return len;
}

size_t rule_write_duration(char out[RULE_TIME_TEXT_MAX], struct rule_value v)
{
    uint64_t ns = v.i < 0 ? 0 - (uint64_t)v.i : (uint64_t)v.i;
    size_t len = (size_t)snprintf(out, RULE_TIME_TEXT_MAX, "%s%" PRIu64, v.i < 0 ? "-" : "",
                                  ns / (uint64_t)RULE_SECOND_NS);

    len += write_fraction(out + len, RULE_TIME_TEXT_MAX - len,
                          (uint32_t)(ns % (uint64_t)RULE_SECOND_NS));
    out[len++] = 's';
    out[len] = 0;
    return len;
}
