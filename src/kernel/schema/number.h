/*
 * number.h - numbers compared and divided as the decimals they are written as.
 *
 * A double stands for the shortest decimal that reads back as it: 0.1 is one tenth here, so that
 * 19.99 is a multiple of 0.01.
 *
 * Invariant: number_compare is a total order; equal numbers are equal however they are written.
 */
#ifndef GREVY_SCHEMA_NUMBER_H
#define GREVY_SCHEMA_NUMBER_H

#include "kernel/json/json.h"

struct number {
    enum { NUMBER_INT, NUMBER_UINT, NUMBER_DOUBLE, NUMBER_DIGITS } kind;
    int64_t n;         /* INT */
    uint64_t u;        /* UINT */
    double d;          /* Nearest, of any. */
    struct str digits; /* DIGITS: as in the document, borrowed. */
};

struct number number_of(struct json v);
/** Below, equal, above: negative, 0, positive.  arena holds long digits for the time being. */
int number_compare(struct arena *arena, const struct number *a, const struct number *b);
bool number_whole(struct arena *arena, const struct number *a);
/** Is a a multiple of by?  by is above 0. */
bool number_multiple(struct arena *arena, const struct number *a, const struct number *by);

#endif
