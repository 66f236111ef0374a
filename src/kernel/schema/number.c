/*
 * number.c - decimal comparison and divisibility.
 */
#include "kernel/schema/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOUBLE_TEXT_MAX = 40,
    DIGITS_IN_WORD_MAX = 18, /* Of a divisor that is reduced in 128 bits. */
    /* An exponent beyond it is held there: no document needs more, and sums do not overflow. */
    EXPONENT_MAX = 1000000000,
    /* Zeros that a division by a divisor of many digits appends one by one. */
    LONG_ZEROS_MAX = 5000,
};

/* Up to here a double is an exact integer. */
#define EXACT_INTEGER_MAX (INT64_C(1) << 53)

/* 0, or digits * 10^exponent, where digits neither begin nor end in 0. */
struct decimal {
    const char *digits;
    size_t count;
    int64_t exponent;
    bool negative;
};

struct number number_of(struct json v)
{
    struct number a = {.d = json_double(v)};

    switch (json_type(v)) {
    case JSON_INT:
        a.kind = NUMBER_INT;
        a.n = json_int(v);
        return a;
    case JSON_UINT:
        a.kind = NUMBER_UINT;
        a.u = json_uint(v);
        return a;
    default:
        a.kind = json_digits(v, &a.digits) ? NUMBER_DIGITS : NUMBER_DOUBLE;
        return a;
    }
}

static int64_t exponent_of(const char *at, const char *end)
{
    bool negative = *at == '-';
    int64_t n = 0;

    for (at += *at == '-' || *at == '+'; at < end; at++)
        n = n < EXPONENT_MAX ? n * 10 + (*at - '0') : n;
    return negative ? -n : n;
}

/* Read what JSON or printf wrote; copy has room for all of text. */
static struct decimal read_decimal(struct str text, char *copy)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    struct decimal out = {.digits = copy, .negative = *at == '-'};
    bool point = false;

    for (at += out.negative; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        out.exponent -= point;
        if (out.count > 0 || *at != '0')
            copy[out.count++] = *at;
    }
    if (at < end)
        out.exponent += exponent_of(at + 1, end);
    while (out.count > 0 && copy[out.count - 1] == '0') {
        out.count--;
        out.exponent++;
    }
    return out;
}

static struct decimal decimal_of(struct arena *arena, const struct number *a)
{
    size_t size = a->kind == NUMBER_DIGITS ? a->digits.len : DOUBLE_TEXT_MAX;
    char text[DOUBLE_TEXT_MAX], *copy = arena_alloc(arena, size);
    int len = 0;

    switch (a->kind) {
    case NUMBER_DIGITS:
        return read_decimal(a->digits, copy);
    case NUMBER_INT:
        len = snprintf(text, sizeof(text), "%lld", (long long)a->n);
        break;
    case NUMBER_UINT:
        len = snprintf(text, sizeof(text), "%llu", (unsigned long long)a->u);
        break;
    case NUMBER_DOUBLE:
        for (int digits = 15; digits <= 17; digits++) { /* Seventeen always read back. */
            len = snprintf(text, sizeof(text), "%.*g", digits, a->d);
            if (strtod(text, NULL) == a->d)
                break;
        }
        break;
    }
    return read_decimal((struct str){text, (size_t)len}, copy);
}

static int compare_magnitudes(const struct decimal *a, const struct decimal *b)
{
    int64_t lead_a = (int64_t)a->count + a->exponent, lead_b = (int64_t)b->count + b->exponent;
    size_t shared = a->count < b->count ? a->count : b->count;
    int order;

    if (a->count == 0 || b->count == 0)
        return (a->count > 0) - (b->count > 0);
    if (lead_a != lead_b)
        return lead_a < lead_b ? -1 : 1;
    order = memcmp(a->digits, b->digits, shared);
    return order != 0 ? order : (a->count > b->count) - (a->count < b->count);
}

static int sign_of(const struct decimal *a)
{
    return a->count == 0 ? 0 : a->negative ? -1 : 1;
}

static int compare_decimals(struct arena *arena, const struct number *a, const struct number *b)
{
    struct arena_mark mark = arena_mark(arena);
    struct decimal left = decimal_of(arena, a), right = decimal_of(arena, b);
    int sign = sign_of(&left), order = sign - sign_of(&right);

    if (order == 0)
        order = sign * compare_magnitudes(&left, &right);
    arena_rewind(arena, mark);
    return order;
}

static bool small(const struct number *a)
{
    return a->kind == NUMBER_DOUBLE ||
           (a->kind == NUMBER_INT && a->n <= EXACT_INTEGER_MAX && a->n >= -EXACT_INTEGER_MAX);
}

int number_compare(struct arena *arena, const struct number *a, const struct number *b)
{
    if (a->kind == NUMBER_INT && b->kind == NUMBER_INT)
        return (a->n > b->n) - (a->n < b->n);
    if (small(a) && small(b)) /* The shortest decimals lie in the order of their doubles. */
        return (a->d > b->d) - (a->d < b->d);
    return compare_decimals(arena, a, b);
}

bool number_whole(struct arena *arena, const struct number *a)
{
    struct arena_mark mark = arena_mark(arena);
    struct decimal decimal;

    if (a->kind == NUMBER_DOUBLE)
        return a->d == floor(a->d);
    if (a->kind != NUMBER_DIGITS)
        return true;
    decimal = decimal_of(arena, a);
    arena_rewind(arena, mark);
    return decimal.count == 0 || decimal.exponent >= 0;
}

/* ---- Divisibility ---- */

static uint64_t word_of(const struct decimal *a)
{
    uint64_t n = 0;

    for (size_t k = 0; k < a->count; k++)
        n = n * 10 + (uint64_t)(a->digits[k] - '0');
    return n;
}

static uint64_t times(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((unsigned __int128)a * b % modulus);
}

/* digits of a * 10^zeros modulo by. */
static uint64_t short_rest(const struct decimal *a, int64_t zeros, uint64_t by)
{
    uint64_t rest = 0, power = 10;

    assert(by > 0);
    for (size_t k = 0; k < a->count; k++)
        rest = (times(rest, 10, by) + (uint64_t)(a->digits[k] - '0')) % by;
    for (; zeros > 0; zeros /= 2) {
        if (zeros % 2)
            rest = times(rest, power, by);
        power = times(power, power, by);
    }
    return rest;
}

/* rest, of count digits and one before them, less by, while it is not below it. */
static void subtract_while(unsigned char *rest, const struct decimal *by)
{
    for (;;) {
        int order = rest[0] > 0;

        for (size_t k = 0; k < by->count && order == 0; k++)
            order = rest[k + 1] - (by->digits[k] - '0');
        if (order < 0)
            return;
        for (size_t k = by->count, borrow = 0; k > 0; k--) {
            int digit = rest[k] - (by->digits[k - 1] - '0') - (int)borrow;

            borrow = digit < 0;
            rest[k] = (unsigned char)(digit < 0 ? digit + 10 : digit);
            if (k == 1)
                rest[0] = (unsigned char)(rest[0] - borrow);
        }
    }
}

/* Long division, digit by digit; the rest is 0? */
static bool long_division(struct arena *arena, const struct decimal *a, int64_t zeros,
                          const struct decimal *by)
{
    unsigned char *rest = arena_alloc(arena, by->count + 1);

    if (zeros > LONG_ZEROS_MAX)
        return false; /* Beyond what is computed here: said in docs/adr/0014. */
    for (size_t k = 0; k < a->count + (size_t)zeros; k++) {
        memmove(rest, rest + 1, by->count);
        rest[by->count] = k < a->count ? (unsigned char)(a->digits[k] - '0') : 0;
        subtract_while(rest, by);
    }
    for (size_t k = 0; k <= by->count; k++)
        if (rest[k] != 0)
            return false;
    return true;
}

static bool divides(struct arena *arena, const struct decimal *a, const struct decimal *by)
{
    int64_t zeros = a->exponent - by->exponent;

    if (a->count == 0)
        return true;
    if (zeros < 0) /* a does not end in 0, so 10 does not divide it. */
        return false;
    if (by->count <= DIGITS_IN_WORD_MAX)
        return short_rest(a, zeros, word_of(by)) == 0;
    return long_division(arena, a, zeros, by);
}

bool number_multiple(struct arena *arena, const struct number *a, const struct number *by)
{
    struct arena_mark mark = arena_mark(arena);
    struct decimal left, right;
    bool is;

    if (a->kind == NUMBER_INT && by->kind == NUMBER_INT)
        return by->n == 1 || a->n % by->n == 0;
    left = decimal_of(arena, a);
    right = decimal_of(arena, by);
    is = divides(arena, &left, &right);
    arena_rewind(arena, mark);
    return is;
}
