/*
 * call.h - one script call: how a decision is written for Redis, and its answer read.  Between the
 * files of kernel/count.
 *
 * Invariants: a call has up to two owners, who asks and the connection's thread; the last frees it.
 */
#ifndef GREVY_COUNT_CALL_H
#define GREVY_COUNT_CALL_H

#include <semaphore.h>
#include <stdatomic.h>

#include "kernel/count/redis.h"
#include "kernel/count/table.h"

struct redisReply;

enum call_kind {
    CALL_DECISION, /* Somebody waits. */
    CALL_OWED,     /* Nobody does: amounts are added. */
    CALL_UNDO,     /* Nor here: amounts are given back. */
    CALL_LOAD,     /* SCRIPT LOAD */
    CALL_PROBE     /* PING */
};

enum call_state { CALL_WAITING, CALL_ANSWERED, CALL_LOST, CALL_ABANDONED };

enum { CALL_NUMBERS_MAX = 2 + 2 * COUNT_ASKS_MAX };

/* What the script says of one ask. */
enum { CALL_PASSES = 0, CALL_UNTIL_END = -1, CALL_NEVER = -2 }; /* Or milliseconds. */

struct call {
    struct call *next;
    enum call_kind kind;
    atomic_int owners;
    _Atomic(enum call_state) state;
    sem_t answered;
    int64_t sent_us, taken_ms;         /* taken_ms: of what is owed, by this process. */
    bool whole;                        /* The script itself is sent: Redis did not know it. */
    int64_t numbers[CALL_NUMBERS_MAX]; /* Taken or not, Redis's time, and two for each ask. */
    int argument_count, number_count;
    size_t mode_at, time_at, skew_at, len; /* In words; times have TIME_DIGITS digits. */
    char words[];                          /* RESP: what follows the script or its hash. */
};

enum { TIME_DIGITS = 16, SHA_LEN = 40 };

extern const char count_script[];

/** A call of the script with all asks; mode 't' takes, 'a' adds, 'g' gives back.  NULL: no memory.
 *  One owner. */
struct call *call_make(const struct counters *counters, enum call_kind kind, char mode,
                       const struct count_ask *asks, size_t count);
struct call *call_plain(enum call_kind kind);
void call_set_mode(struct call *call, char mode);
void call_set_time(struct call *call, int64_t ms);
void call_set_skew(struct call *call, int64_t ms);
void call_release(struct call *call);
/** False: not an answer of the script. */
bool call_read(struct call *call, const struct redisReply *reply);

/* redis.c, for shared.c */

/** Queue a decision; false: degraded, or too many wait.  The connection becomes an owner. */
bool redis_send(struct count_redis *redis, struct call *call);
/** Wait until it is answered; false: it was not, in time. */
bool redis_wait(struct count_redis *redis, struct call *call);
/** Hand over what is to be added or given back; NULL (no memory) is dropped, too. */
void redis_owe(struct count_redis *redis, struct call *call);
bool redis_degraded(const struct count_redis *redis);

/* shared.c: the decision of Redis.  False: it made none. */
bool shared_decide(struct cx *cx, struct counters *counters, struct count_ask *asks, size_t count,
                   struct count_answer *answer);
void shared_owe(struct counters *counters, struct count_ask *asks, size_t count);
void shared_give_back(struct counters *counters, const struct count_ask *asks, size_t count);

#endif
