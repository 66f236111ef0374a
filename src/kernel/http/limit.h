/*
 * limit.h - token buckets, one per API key (or per address for callers without one).
 *
 * Invariants: a bucket never holds more than burst tokens nor fewer than none; a decision costs no
 * lock shared by all callers; the table is bounded and forgets the least recently used.
 */
#ifndef GREVY_HTTP_LIMIT_H
#define GREVY_HTTP_LIMIT_H

#include "kernel/base/cx.h"

struct limiter;

/** NULL without memory. */
struct limiter *limiter_make(size_t buckets_max);
void limiter_free(struct limiter *limiter);

/** Take one token of the bucket named key (refilled at rate_per_s up to burst).  Returns 0 when
 *  taken, else the milliseconds until one will be there (an hour at most).
 *  Needs: rate_per_s and burst from 1 to 10^9. */
int64_t limiter_take(struct limiter *limiter, uint64_t key, int64_t rate_per_s, int64_t burst,
                     int64_t now_us);

#endif
