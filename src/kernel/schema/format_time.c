/*
 * format_time.c - RFC 3339: section 5.6, and appendix A for durations.
 */
#include "kernel/schema/format.h"

/* Exactly count digits at *k. */
static bool digits(struct str s, size_t *k, size_t count, int *out)
{
    int n = 0;

    if (s.len - *k < count)
        return false;
    for (size_t j = 0; j < count; j++) {
        char c = s.ptr[(*k)++];

        if (!format_digit(c))
            return false;
        n = n * 10 + (c - '0');
    }
    *out = n;
    return true;
}

static bool one(struct str s, size_t *k, char c)
{
    if (*k == s.len || s.ptr[*k] != c)
        return false;
    ++*k;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool full_date(struct str s, size_t *k)
{
    int year, month, day;

    return digits(s, k, 4, &year) && one(s, k, '-') && digits(s, k, 2, &month) && one(s, k, '-') &&
           digits(s, k, 2, &day) && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_in(year, month);
}

/* Z, or a signed offset; *minutes is what to take off for UTC. */
static bool offset(struct str s, size_t *k, int *minutes)
{
    int hour, minute, sign;

    *minutes = 0;
    if (one(s, k, 'Z') || one(s, k, 'z'))
        return true;
    sign = one(s, k, '+') ? 1 : -1;
    if (sign < 0 && !one(s, k, '-'))
        return false;
    if (!digits(s, k, 2, &hour) || !one(s, k, ':') || !digits(s, k, 2, &minute))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return hour <= 23 && minute <= 59;
}

static bool full_time(struct str s, size_t *k)
{
    enum { DAY = 24 * 60 };
    int hour, minute, second, shift, fraction;

    if (!digits(s, k, 2, &hour) || !one(s, k, ':') || !digits(s, k, 2, &minute) ||
        !one(s, k, ':') || !digits(s, k, 2, &second))
        return false;
    if (one(s, k, '.')) {
        if (!digits(s, k, 1, &fraction))
            return false;
        while (*k < s.len && format_digit(s.ptr[*k]))
            ++*k;
    }
    if (!offset(s, k, &shift) || hour > 23 || minute > 59 || second > 60)
        return false;
    /* A leap second ends the day of UTC. */
    return second < 60 || (hour * 60 + minute - shift + DAY) % DAY == DAY - 1;
}

bool format_date(struct cx *cx, struct str s)
{
    size_t k = 0;

    (void)cx;
    return full_date(s, &k) && k == s.len;
}

bool format_time(struct cx *cx, struct str s)
{
    size_t k = 0;

    (void)cx;
    return full_time(s, &k) && k == s.len;
}

bool format_date_time(struct cx *cx, struct str s)
{
    size_t k = 0;

    (void)cx;
    return full_date(s, &k) && (one(s, &k, 'T') || one(s, &k, 't')) && full_time(s, &k) &&
           k == s.len;
}

/* Numbers with these units, in this order and without a gap between the first and the last. */
static bool units(struct str s, size_t *k, const char *names, bool *any)
{
    size_t count = 0;
    const char *at = names;

    while (*k < s.len && format_digit(s.ptr[*k])) {
        while (*k < s.len && format_digit(s.ptr[*k]))
            ++*k;
        while (*k < s.len && *at && *at != s.ptr[*k]) {
            if (count > 0)
                return false;
            at++;
        }
        if (*k == s.len || !*at)
            return false;
        at++;
        ++*k;
        count++;
    }
    *any = count > 0;
    return true;
}

bool format_duration(struct cx *cx, struct str s)
{
    size_t k = 0, weeks;
    bool date, time = false;

    (void)cx;
    if (!one(s, &k, 'P'))
        return false;
    weeks = k;
    if (units(s, &weeks, "W", &date) && date && weeks == s.len)
        return true;
    if (!units(s, &k, "YMD", &date))
        return false;
    if (one(s, &k, 'T') && (!units(s, &k, "HMS", &time) || !time))
        return false;
    return (date || time) && k == s.len;
}
