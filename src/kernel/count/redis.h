/*
 * redis.h - counters shared by processes through one Redis (hiredis, BSD).
 *
 * One thread of the process owns the connection.  Decisions of all threads and spaces are queued to
 * it and sent as they come, one EVALSHA each, without waiting for the answers of those before.
 *
 * Invariants:
 *   - whoever asks waits COUNT_WAIT_MS_MAX at most.  The first who waits in vain puts the degraded
 *     flag up: from then on nobody asks, all decide by their own counts, until the connection has
 *     answered a probe in time and all that is owed has been counted;
 *   - what was taken without Redis is owed to it: added when it is back, whatever the limit says,
 *     at the age it then has.  What would be owed beyond OWED_MAX is left out, and counted;
 *   - a decision whose answer came too late is given back in Redis, because it was made without;
 *     only when the connection breaks in between may it be counted twice, never not at all;
 *   - a sliding window goes by Redis's clock, a calendar window by that of the process that asks;
 *   - all keys of a space fall into one slot of a cluster: grevy:{SPACE}:...;
 *   - no answer of Redis is believed that does not have the shape of the script's.
 */
#ifndef GREVY_COUNT_REDIS_H
#define GREVY_COUNT_REDIS_H

#include "kernel/count/count.h"

enum {
    COUNT_WAIT_MS_MAX = 20,    /* A Redis near by answers in less than 1 ms. */
    REDIS_DEAD_MS = 1000,      /* An answer that takes longer: the connection is given up. */
    REDIS_PAUSE_MS_MIN = 100,  /* Between two tries to connect, doubled each time, */
    REDIS_PAUSE_MS_MAX = 2000, /* up to here. */
    REDIS_QUEUE_MAX = 4096,    /* Decisions on their way; beyond it each decides for itself. */
    REDIS_OWED_AT_ONCE = 256,  /* Sent together, so that what comes after is not far behind. */
    OWED_MAX = 65536,          /* About 25 MiB. */
    REDIS_REPLY_BYTES_MAX = 1 << 16,
    REDIS_ADDRESS_LEN_MAX = 256,
};

struct count_redis;

/** Begin to connect to "HOST:PORT"; NULL: not an address, said in problem. */
struct count_redis *redis_start(const char *address, struct env *env, struct problem *problem);
void redis_stop(struct count_redis *redis);

struct redis_stats {
    bool degraded;
    int64_t owed, dropped; /* Waiting to be added; left out for want of room. */
};
void redis_stats(struct count_redis *redis, struct redis_stats *out);

/* For tests: move the clock by which sliding windows go; wait longer than COUNT_WAIT_MS_MAX, for
 * machines that stand still at times. */
void redis_skew(struct count_redis *redis, int64_t skew_ms);
void redis_patience(struct count_redis *redis, int64_t wait_ms);

#endif
