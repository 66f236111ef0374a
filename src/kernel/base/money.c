/*
 * money.c - exact arithmetic on minor units.
 */
#include "kernel/base/money.h"

#include <assert.h>

bool currency_ok(struct str code)
{
    if (code.len != CURRENCY_LEN)
        return false;
    for (size_t k = 0; k < code.len; k++)
        if (code.ptr[k] < 'A' || code.ptr[k] > 'Z')
            return false;
    return true;
}

bool money_add(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

bool money_mul(int64_t a, int64_t times, int64_t *out)
{
    return !__builtin_mul_overflow(a, times, out);
}

int64_t money_share(int64_t total, int64_t part, int64_t whole)
{
    __int128 product = (__int128)total * part;
    bool negative = product < 0;

    assert(whole > 0);
    if (negative)
        product = -product;
    product = (product * 2 + whole) / ((__int128)whole * 2);
    return (int64_t)(negative ? -product : product);
}

/* The part with the largest remainder; equal ones: the earliest. */
static size_t largest_remainder(int64_t total, const int64_t *weights, size_t count,
                                __int128 weight_sum, const int64_t *out)
{
    size_t best = count;
    __int128 best_remainder = -1;

    for (size_t k = 0; k < count; k++) {
        __int128 weight = weight_sum ? weights[k] : 1;
        __int128 whole = weight_sum ? weight_sum : (__int128)count;
        __int128 remainder = (__int128)total * weight - (__int128)out[k] * whole;

        if (remainder > best_remainder) {
            best_remainder = remainder;
            best = k;
        }
    }
    return best;
}

void money_split(int64_t total, const int64_t *weights, size_t count, int64_t *out)
{
    bool negative = total < 0;
    /* The magnitude of INT64_MIN does not fit: it is outside MONEY_MINOR_MAX anyway. */
    int64_t magnitude = negative ? -total : total, given = 0;
    __int128 sum = 0;

    assert(count > 0);
    assert(total != INT64_MIN);
    for (size_t k = 0; k < count; k++) {
        assert(weights[k] >= 0);
        sum += weights[k];
    }
    for (size_t k = 0; k < count; k++) {
        __int128 whole = sum ? sum : (__int128)count;

        out[k] = (int64_t)((__int128)magnitude * (sum ? weights[k] : 1) / whole);
        given += out[k];
    }
    while (given < magnitude) { /* Fewer than count rounds. */
        out[largest_remainder(magnitude, weights, count, sum, out)]++;
        given++;
    }
    for (size_t k = 0; negative && k < count; k++)
        out[k] = -out[k];
}
