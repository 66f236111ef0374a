/*
 * number.h - numbers as text, the same in every locale.
 *
 * Invariants: what is written reads back as the same number; nothing but a whole number is read.
 */
#ifndef GREVY_RULE_NUMBER_H
#define GREVY_RULE_NUMBER_H

#include "kernel/base/str.h"

enum { RULE_DOUBLE_TEXT_MAX = 400 }; /* Of the largest double, written out with its point. */

/** Digits only, base 10 or 16; false when there are none or too many. */
bool rule_read_uint(struct str digits, int base, uint64_t *out);
/** With a sign, or a plus. */
bool rule_read_int(struct str text, int64_t *out);
/** Decimal, NaN, Infinity or inf, with a sign; too large becomes an infinity. */
bool rule_read_double(struct str text, double *out);

/** The shortest text that reads back; an exponent below -4 or above 5 is written as such (plain:
 *  never), which is what the reference implementation does. */
size_t rule_write_double(char out[RULE_DOUBLE_TEXT_MAX], double d, bool plain);

#endif
