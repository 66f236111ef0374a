/*
 * rules.h - what must hold: each rule is a query that finds what is wrong, as one text.
 *
 * Invariants:
 *   - tables end with an empty element;
 *   - "%s" in of_order stands for the condition on orders o: one order, or all;
 *   - ord(number) and number(text) are functions of the checker, temp.piece (sku, part, n) is what
 *     a SKU consists of.
 */
#ifndef GREVY_SIM_RULES_H
#define GREVY_SIM_RULES_H

#include <stddef.h>

struct rule {
    const char *what, *sql;
};

extern const struct rule of_order[]; /* Of an order, whenever something is told of it. */
extern const struct rule of_step[];  /* Of the whole database, after every event. */
extern const struct rule of_all[];   /* Of the whole database, now and then. */
extern const struct rule of_file;    /* Of the file, after a crash and at rest. */
extern const struct rule of_rest[];  /* Of a shop in which everything has come to its end. */

#endif
