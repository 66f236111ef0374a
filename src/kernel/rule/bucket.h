/*
 * bucket.h - who falls into which part of an experiment, as GrowthBook's clients decide it.
 *
 * Invariants:
 *   - pure: the same text falls into the same bucket in every process and every release;
 *   - hashes are those of the JavaScript SDK (specVersion 0.8.0): FNV-1a of 32 bits over UTF-16
 *     units, so a client and this server agree about names in any script.
 */
#ifndef GREVY_RULE_BUCKET_H
#define GREVY_RULE_BUCKET_H

#include "kernel/base/cx.h"

enum { BUCKET_VARIATIONS_MAX = 1000 }; /* Of one experiment; people make a dozen. */

struct bucket_range {
    double begin, end; /* 0 .. 1; end is not in it. */
};

/** Version 1: 1,000 buckets and a bias between like seeds; 2: 10,000.  0 <= *out < 1; false: no
 *  such version. */
bool bucket_hash(struct str seed, struct str value, int64_t version, double *out);

/** out: count ranges.  weights NULL, or not adding up to 1 (0.99 .. 1.01): equal ones. */
void bucket_ranges(struct bucket_range *out, size_t count, double coverage, const double *weights);

/** The first range that holds n, or -1. */
int64_t bucket_choose(double n, const struct bucket_range *ranges, size_t count);

/** Does value fall into the part of the namespace?  Experiments on disjoint parts exclude each
 *  other. */
bool bucket_in_namespace(struct cx *cx, struct str value, struct str name,
                         struct bucket_range part);

#endif
