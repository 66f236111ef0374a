/*
 * number.c - numbers in and out of text.
 */
#include "kernel/rule/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 17, EXPONENT_LEAST = -4, EXPONENT_MOST = 6, READ_MAX = 512 };

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return 16;
}

bool rule_read_uint(struct str digits, int base, uint64_t *out)
{
    *out = 0;
    for (size_t k = 0; k < digits.len; k++) {
        int digit = digit_of(digits.ptr[k]);

        if (digit >= base || __builtin_mul_overflow(*out, (uint64_t)base, out) ||
            __builtin_add_overflow(*out, (uint64_t)digit, out))
            return false;
    }
    return digits.len > 0;
}

bool rule_read_int(struct str text, int64_t *out)
{
    bool minus = text.len && text.ptr[0] == '-', sign = minus || (text.len && text.ptr[0] == '+');
    uint64_t n;

    if (!rule_read_uint((struct str){text.ptr + sign, text.len - sign}, 10, &n))
        return false;
    if (n > (uint64_t)INT64_MAX + minus)
        return false;
    *out = minus ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

static bool read_special(struct str text, double *out)
{
    bool minus = text.len && text.ptr[0] == '-', sign = minus || (text.len && text.ptr[0] == '+');
    struct str rest = {text.ptr + sign, text.len - sign};

    if (str_eq_nocase(rest, STR("nan")))
        *out = NAN;
    else if (str_eq_nocase(rest, STR("inf")) || str_eq_nocase(rest, STR("infinity")))
        *out = minus ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

bool rule_read_double(struct str text, double *out)
{
    char copy[READ_MAX], *end;

    if (read_special(text, out))
        return true;
    if (!text.len || text.len >= sizeof(copy))
        return false;
    for (size_t k = 0; k < text.len; k++)
        if (!memchr("0123456789+-.eE", text.ptr[k], 15))
            return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    *out = strtod(copy, &end);
    return *end == 0;
}

/* The fewest digits that read back: "d.ddde+xx" in out. */
static void shortest(char *out, size_t size, double d)
{
    for (int digits = 1; digits <= DIGITS_MAX; digits++) {
        snprintf(out, size, "%.*e", digits - 1, d);
        if (strtod(out, NULL) == d)
            return;
    }
}

size_t rule_write_double(char out[RULE_DOUBLE_TEXT_MAX], double d, bool plain)
{
    char science[40];
    const char *mark;
    int exponent, digits;

    if (isnan(d))
        return (size_t)snprintf(out, RULE_DOUBLE_TEXT_MAX, "NaN");
    if (isinf(d))
        return (size_t)snprintf(out, RULE_DOUBLE_TEXT_MAX, d < 0 ? "-Infinity" : "Infinity");
    shortest(science, sizeof(science), d);
    mark = strchr(science, 'e');
    exponent = (int)strtol(mark + 1, NULL, 10);
    digits = (int)(mark - science) - (science[0] == '-') - (strchr(science, '.') ? 1 : 0);
    if (!plain && (exponent < EXPONENT_LEAST || exponent >= EXPONENT_MOST))
        return (size_t)snprintf(out, RULE_DOUBLE_TEXT_MAX, "%s", science);
    return (size_t)snprintf(out, RULE_DOUBLE_TEXT_MAX, "%.*f",
                            digits - 1 > exponent ? digits - 1 - exponent : 0, d);
}
