/*
 * count.h - counters for frequency caps, budgets and rate limits.
 *
 * A decision asks for several caps at once ("3 a day of this slot and user, 100 an hour of this
 * user, 5000.00 CNY a month of this campaign"): all are taken or none.
 *
 * What a window is stands in window.h; how exact a sliding one is, in marks.h; calendar windows and
 * the lifetime are exact.
 *
 * Invariants:
 *   - nothing here waits for a disk; without Redis nothing waits for anything but a short lock;
 *   - of a limit of N exactly N are taken, by however many threads of one process;
 *   - memory is bounded.  When it is used up, what has expired goes first, then the counters that
 *     were not asked for longest: such a one begins again at 0, so that its cap may be passed by at
 *     most its limit.  Counters of a lifetime, and those asked for with kept (budgets), are never
 *     evicted: when they fill the memory, new ones are refused with BUSY "counters_full";
 *   - a process that dies loses at most COUNT_LOSS_MS_MAX of counts, see docs/counters.md;
 *   - time is cx_now_ms.  When the wall clock goes back, no window opens again and none is locked
 *     for longer than its own length: what was counted in a later calendar period counts in the
 *     present one, and sliding windows go on from now.
 */
#ifndef GREVY_COUNT_COUNT_H
#define GREVY_COUNT_COUNT_H

#include "kernel/base/cx.h"
#include "kernel/count/window.h"

struct counters; /* Of one space: space->counters. */

enum {
    COUNT_ASKS_MAX = 8,       /* Caps of one decision; each may hold a lock. */
    COUNT_KEY_LEN_MAX = 120,  /* "slot_01..:usr_01..": two ids and words. */
    COUNT_LOSS_MS_MAX = 1000, /* Counts younger than this may die with the process. */
};
#define COUNT_AMOUNT_MAX (INT64_C(1) << 53) /* Redis counts in doubles: exact up to here. */
#define COUNT_NEVER      INT64_MAX

/* One cap.  A counter is named by key, window and sliding together. */
struct count_ask {
    struct str key; /* 1 to COUNT_KEY_LEN_MAX bytes, e.g. of the slot and the user. */
    enum count_window window;
    bool sliding;   /* Not of COUNT_LIFETIME, which is the same either way. */
    bool kept;      /* Never evict: a budget.  Lifetimes are kept anyhow. */
    int64_t limit;  /* 0 to COUNT_AMOUNT_MAX. */
    int64_t amount; /* 1, or of a budget minor units; 1 to COUNT_AMOUNT_MAX. */

    /* Answers. */
    int64_t used;           /* In the window, with this decision when it was taken. */
    bool refused;           /* This cap stands in the way. */
    int64_t retry_after_ms; /* 0, or when this cap lets the amount through; COUNT_NEVER. */
    int64_t taken_ms;       /* For count_give_back: when, by this process, */
    int64_t shared_ms;      /* and by Redis; 0: Redis was not asked. */
};

struct count_answer {
    bool taken;
    int refused;            /* Index of the ask that lets through last; -1: none. */
    int64_t retry_after_ms; /* Of that ask; 0 when taken.  COUNT_NEVER: no use to try again. */
    bool degraded;          /* Counted here alone, although there should be a Redis. */
};

/**
 * Take all asks, or none.
 *
 * With Redis one script call, waited for COUNT_WAIT_MS_MAX at most (redis.h); without an answer the
 * decision is made by the counts of this process, and degraded says so.
 *
 * Needs:  no command is running in cx: commands may be rerun.  A command's decision is taken before
 *         it, e.g. in prepare, and given back when it fails.
 * Errors: BAD_INPUT "bad_count"; BUSY "counters_full".
 */
MUST_CHECK enum err count_take(struct cx *cx, struct counters *counters, struct count_ask *asks,
                               size_t count, struct count_answer *answer);

/** What count_take would answer, by the counts of this process; nothing changes. */
MUST_CHECK enum err count_peek(struct cx *cx, struct counters *counters, struct count_ask *asks,
                               size_t count, struct count_answer *answer);

/** Undo a decision that was taken: asks as count_take left them.  What has left its window since is
 *  left alone.  Never fails: what cannot be given back stays counted until its window ends. */
void count_give_back(struct cx *cx, struct counters *counters, const struct count_ask *asks,
                     size_t count);

/** The counters of cx's space. */
struct counters *counters_of(const struct cx *cx);

#endif
