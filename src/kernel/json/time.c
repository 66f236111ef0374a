/*
 * time.c - RFC 3339, by civil calendar arithmetic: no time zone, no global state.
 *
 * Days are counted in eras of 400 years from 1 March, so that the leap day ends a year.
 */
#include <string.h>

#include "kernel/json/field.h"

enum { DAYS_OF_ERA = 146097, EPOCH_DAYS = 719468 /* From 0000-03-01 to 1970-01-01. */ };
enum { YEAR_MIN = 1970, YEAR_MAX = 9999 };

struct civil {
    int64_t year;
    int month, day;
};

/* years-03-01 is 365.2425 days a year; months from March have 153 days in five. */
static int64_t days_of(struct civil date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = year / 400, year_of_era = year % 400;
    int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;

    assert(year >= 0);
    return era * DAYS_OF_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - EPOCH_DAYS;
}

static struct civil civil_of(int64_t days)
{
    int64_t shifted = days + EPOCH_DAYS;
    int64_t era = shifted / DAYS_OF_ERA, day_of_era = shifted % DAYS_OF_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);

    assert(shifted >= 0);
    return (struct civil){.year = era * 400 + year_of_era + (month <= 2),
                          .month = month,
                          .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* The last millisecond that has a text. */
static int64_t latest_ms(void)
{
    return days_of((struct civil){YEAR_MAX + 1, 1, 1}) * DAY_MS - 1;
}

/* ---- Out ---- */

static void put_digits(char *at, int count, int64_t n)
{
    for (int k = count - 1; k >= 0; k--, n /= 10)
        at[k] = (char)('0' + n % 10);
}

void time_format(char out[TIME_TEXT_LEN + 1], int64_t ms)
{
    struct civil date;
    int64_t of_day;

    ms = ms < 0 ? 0 : ms > latest_ms() ? latest_ms() : ms;
    date = civil_of(ms / DAY_MS);
    of_day = ms % DAY_MS;
    memcpy(out, "0000-00-00T00:00:00.000Z", TIME_TEXT_LEN + 1);
    put_digits(out, 4, date.year);
    put_digits(out + 5, 2, date.month);
    put_digits(out + 8, 2, date.day);
    put_digits(out + 11, 2, of_day / HOUR_MS);
    put_digits(out + 14, 2, of_day / MINUTE_MS % 60);
    put_digits(out + 17, 2, of_day / SECOND_MS % 60);
    put_digits(out + 20, 3, of_day % SECOND_MS);
}

/* ---- In ---- */

/* Exactly count digits, taken off the front of rest. */
static bool take_digits(struct str *rest, size_t count, int *out)
{
    *out = 0;
    if (rest->len < count)
        return false;
    for (size_t k = 0; k < count; k++) {
        if (rest->ptr[k] < '0' || rest->ptr[k] > '9')
            return false;
        *out = *out * 10 + (rest->ptr[k] - '0');
    }
    *rest = (struct str){rest->ptr + count, rest->len - count};
    return true;
}

static bool take(struct str *rest, const char *any_of)
{
    if (rest->len == 0 || rest->ptr[0] == '\0' || !strchr(any_of, rest->ptr[0]))
        return false;
    *rest = (struct str){rest->ptr + 1, rest->len - 1};
    return true;
}

static bool take_date(struct str *rest, int64_t *days)
{
    int year, month, day;

    if (!take_digits(rest, 4, &year) || !take(rest, "-") || !take_digits(rest, 2, &month) ||
        !take(rest, "-") || !take_digits(rest, 2, &day))
        return false;
    if (year < YEAR_MIN || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_of((struct civil){year, month, day});
    return true;
}

/* Digits behind the third are cut off. */
static bool take_fraction(struct str *rest, int *ms)
{
    int digit, scale = 100;

    *ms = 0;
    if (!take(rest, "."))
        return true;
    if (!take_digits(rest, 1, &digit))
        return false;
    do {
        *ms += digit * scale;
        scale /= 10;
    } while (take_digits(rest, 1, &digit));
    return true;
}

static bool take_clock(struct str *rest, int64_t *ms)
{
    int hour, minute, second, fraction_ms;

    if (!take_digits(rest, 2, &hour) || !take(rest, ":") || !take_digits(rest, 2, &minute) ||
        !take(rest, ":") || !take_digits(rest, 2, &second) || !take_fraction(rest, &fraction_ms))
        return false;
    *ms = hour * (int64_t)HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + fraction_ms;
    return hour < 24 && minute < 60 && second < 60; /* Unix time has no leap seconds. */
}

static bool take_offset(struct str *rest, int64_t *ms)
{
    bool west = rest->len > 0 && rest->ptr[0] == '-';
    int hour, minute;

    *ms = 0;
    if (take(rest, "Zz"))
        return true;
    if (!take(rest, "+-") || !take_digits(rest, 2, &hour) || !take(rest, ":") ||
        !take_digits(rest, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *ms = hour * (int64_t)HOUR_MS + minute * MINUTE_MS;
    *ms = west ? -*ms : *ms;
    return true;
}

bool time_parse(struct str text, int64_t *ms)
{
    int64_t days, clock_ms, offset_ms, found_ms;

    if (!take_date(&text, &days) || !take(&text, "Tt") || !take_clock(&text, &clock_ms) ||
        !take_offset(&text, &offset_ms) || text.len > 0)
        return false;
    found_ms = days * DAY_MS + clock_ms - offset_ms;
    if (found_ms < 0 || found_ms > latest_ms()) /* An offset may lead out of the years. */
        return false;
    *ms = found_ms;
    return true;
}
