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

/* ---- Splits ---- */

/* Part k is magnitude * weight / whole.  128 bits hold the product of any two int64. */
struct split {
    unsigned __int128 magnitude, whole;
    const int64_t *weights;
    bool even; /* All weights are 0. */
    size_t count;
    uint64_t *kept; /* The remainders, where 64 bits hold them; else NULL: divide again. */
};

static unsigned __int128 product(const struct split *split, size_t k)
{
    return split->magnitude * (split->even ? 1 : (uint64_t)split->weights[k]);
}

static unsigned __int128 remainder_of(const struct split *split, size_t k)
{
    return split->kept ? split->kept[k] : product(split, k) % split->whole;
}

static size_t count_from(const struct split *split, unsigned __int128 least)
{
    size_t found = 0;

    for (size_t k = 0; k < split->count; k++)
        found += remainder_of(split, k) >= least;
    return found;
}

/* The largest remainder that at least `wanted` parts reach: found by halving, because sorting
 * would need memory and picking one part at a time is quadratic. */
static unsigned __int128 threshold(const struct split *split, size_t wanted)
{
    unsigned __int128 low = 0, high = split->whole;

    while (high - low > 1) {
        unsigned __int128 middle = low + (high - low) / 2;

        if (count_from(split, middle) >= wanted)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The parts, with one unit more for `left` of them: those above the threshold, then the earliest
 * of those at it.  out may be split->kept. */
static void put_parts(const struct split *split, size_t left, uint64_t *out)
{
    unsigned __int128 least = left ? threshold(split, left) : split->whole;
    size_t at_least = left ? left - count_from(split, least + 1) : 0;

    for (size_t k = 0; k < split->count; k++) {
        unsigned __int128 remainder = remainder_of(split, k);
        bool takes = remainder > least || (remainder == least && at_least > 0);

        at_least -= takes && remainder == least;
        out[k] = (uint64_t)(product(split, k) / split->whole) + takes;
    }
}

void money_split(int64_t total, const int64_t *weights, size_t count, int64_t *out)
{
    uint64_t magnitude = total < 0 ? -(uint64_t)total : (uint64_t)total, given = 0;
    uint64_t *parts = (uint64_t *)out; /* The magnitude of INT64_MIN fits only so. */
    struct split split = {.magnitude = magnitude, .weights = weights, .count = count};

    assert(count > 0);
    for (size_t k = 0; k < count; k++) {
        assert(weights[k] >= 0);
        split.whole += (uint64_t)weights[k];
    }
    split.even = split.whole == 0;
    split.whole = split.even ? count : split.whole;
    for (size_t k = 0; k < count; k++) {
        given += (uint64_t)(product(&split, k) / split.whole);
        parts[k] = (uint64_t)(product(&split, k) % split.whole);
    }
    split.kept = split.whole <= UINT64_MAX ? parts : NULL;
    put_parts(&split, (size_t)(magnitude - given), parts);
    for (size_t k = 0; total < 0 && k < count; k++)
        parts[k] = -parts[k];
}
