/*
 * effect.h - calls to the outside world.
 *
 * A command writes an effect as a row; after the commit the writer hands due rows to the workers
 * here, which call by libcurl on threads of their own; the answer comes back as a command that runs
 * the module's answer handler and settles the row.  A crash between call and answer calls again:
 * at least once, with the effect's id as Idempotency-Key.
 *
 * Invariants:
 *   - no call is made inside a transaction or before its row is committed;
 *   - connect and total time-outs always apply; replies are read up to EFFECT_REPLY_BYTES_MAX;
 *   - retries are bounded per effect, and per host by a budget: at most one retry for every ten
 * first attempts over a floor of EFFECT_RETRY_FLOOR_PER_MINUTE, so that a failing provider is not
 *     hammered.
 */
#ifndef GREVY_EFFECT_EFFECT_H
#define GREVY_EFFECT_EFFECT_H

#include "kernel/work/space.h"

enum {
    EFFECT_THREADS = 4,
    EFFECT_TIMEOUT_MS = 10000,
    EFFECT_CONNECT_MS_MAX = 3000,
    EFFECT_ATTEMPTS_MAX = 8,
    EFFECT_REPLY_BYTES_MAX = 1 << 20,
    EFFECT_RETRY_FLOOR_PER_MINUTE = 30,
    EFFECT_DONE_KEPT_MS = 3600 * 1000, /* Settled rows stay this long for inspection. */
};

/* One call: borrowed by call(), which fills status, or error, and may copy the reply into cx. */
struct outside_call {
    int64_t id, key;
    struct str kind, method, url, headers, secret, content_type, body, trace;
    int timeout_ms;
    struct cx *cx;
    int status; /* 0: no answer. */
    struct str reply, error;
};

/* The outside world; tests and the simulation give their own. */
struct outside {
    void (*call)(struct outside *outside, struct outside_call *call);
};

struct effect_workers;

struct effect_workers *effect_start(struct platform *platform);
void effect_stop(struct effect_workers *workers);
/** Hand over one due row (copied); false: all workers have enough to do, try later. */
bool effect_offer(struct effect_workers *workers, struct space *space, const void *effect_row);
/** May an effect to this URL be tried again now? Takes from the host's budget. */
bool effect_may_retry(struct effect_workers *workers, struct str url, bool first_attempt);

#endif
