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
 *   - retries are bounded per effect, and per host by a budget: one retry for every ten first
 *     calls, and EFFECT_RETRY_FLOOR_PER_MINUTE beside; a retry without budget waits its turn.
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
    EFFECT_CX_BYTES_MAX = 4 * CX_BYTES_MAX, /* The row twice, the reply twice, and the handler. */
    EFFECT_RETRY_FLOOR_PER_MINUTE = 30,
    EFFECT_PURGE_ROWS_MAX = 500,
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
/** No call is made from here on; effect_offer refuses. */
void effect_stop(struct effect_workers *workers);
void effect_free(struct effect_workers *workers); /* Once no writer runs that might offer. */
/** Hand over one due row (copied); false: all workers have enough to do, try later. */
bool effect_offer(struct effect_workers *workers, struct space *space, const void *effect_row);
/** Count a call to the URL's host; for a retry, is there still budget for one? */
bool effect_may_call(struct effect_workers *workers, struct str url, bool retry, int64_t now_ms);
const struct effect_kind *effect_kind_named(const struct platform *platform, struct str name);
/** Job: forget effects that were settled EFFECT_DONE_KEPT_MS ago. */
MUST_CHECK enum err effect_purge(struct cx *cx, bool *more);

#endif
