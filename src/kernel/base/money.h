/*
 * money.h - amounts in minor units.  Never a float.
 *
 * Invariants: money_split parts always add up to the total, differ from the exact share by less
 * than one minor unit, and depend only on the arguments; arithmetic that would overflow says so.
 */
#ifndef GREVY_BASE_MONEY_H
#define GREVY_BASE_MONEY_H

#include "kernel/base/str.h"

enum { CURRENCY_LEN = 3 };
/* Largest amount accepted from outside: 10^15 minor units; products with any quantity that a
 * field table admits stay below 2^63. */
#define MONEY_MINOR_MAX INT64_C(1000000000000000)

bool currency_ok(struct str code); /* Three capital letters. */
bool money_add(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
bool money_mul(int64_t a, int64_t times, int64_t *out) MUST_CHECK;

/** total * part / whole, rounded half up in magnitude; whole > 0; exact in 128 bits. */
int64_t money_share(int64_t total, int64_t part, int64_t whole);

/**
 * Split total over count weights by the largest remainder (Hamilton); equal remainders go to the
 * earlier part.  All weights 0 splits evenly.  Needs: count > 0, weights >= 0.  A negative total
 * gives the negated split of its magnitude.
 */
void money_split(int64_t total, const int64_t *weights, size_t count, int64_t *out);

#endif
