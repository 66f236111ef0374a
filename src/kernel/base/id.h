/*
 * id.h - 63-bit ids, ordered by time.
 *
 * Layout, high to low: 41 bits of milliseconds since 2024-01-01T00:00:00Z (until 2093), 10 bits
 * of node (leased, one per writing process), 12 bits of sequence within the millisecond.
 * Outside the database an id is its kind and 13 digits of Crockford base32: ord_01HZ...
 *
 * Invariants: a generator never gives an id twice and never a smaller one, even when the clock
 * steps back or more than 4,096 ids are drawn in one millisecond (it runs ahead of the clock).
 */
#ifndef GREVY_BASE_ID_H
#define GREVY_BASE_ID_H

#include "kernel/base/str.h"

enum { ID_TEXT_LEN = 13, ID_NODES_MAX = 1024, ID_PREFIX_LEN_MAX = 8 };
#define ID_EPOCH_MS INT64_C(1704067200000)

struct ids {
    int64_t last; /* The last id given, 0 at first. */
    int node;
};

int64_t id_next(struct ids *ids, int64_t now_ms);
int64_t id_time_ms(int64_t id);

/** Writes prefix, '_' and 13 digits and NUL; out has room for ID_PREFIX_LEN_MAX + 1 + 13 + 1. */
size_t id_format(char *out, const char *prefix, int64_t id);

/** True when text is exactly prefix_ and 13 base32 digits of a positive 63-bit number. */
bool id_parse(struct str text, const char *prefix, int64_t *out);

#endif
