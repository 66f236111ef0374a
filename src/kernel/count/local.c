/*
 * local.c - judge all asks of a decision under the locks of their shards, then count all or none.
 */
#include "kernel/count/local.h"

#include "kernel/count/save.h"

enum {
    BEHIND_MS = 5000, /* A request may have begun so long before another that was faster. */
};

/* ---- Time ---- */

/* A unit of work that began a little earlier than others is told the time of the latest.  Anything
 * more is either a request that waited, or a clock that went back: a fresh look tells. */
int64_t count_now_ms(struct cx *cx, struct counters *counters)
{
    int64_t now_ms = cx_now_ms(cx), seen_ms = atomic_load(&counters->seen_ms);

    if (now_ms < seen_ms &&
        (seen_ms - now_ms <= BEHIND_MS || cx->env->wall_ms(cx->env) >= seen_ms - BEHIND_MS))
        return seen_ms;
    while (now_ms != seen_ms && !atomic_compare_exchange_weak(&counters->seen_ms, &seen_ms, now_ms))
        if (seen_ms > now_ms && seen_ms - now_ms <= BEHIND_MS)
            return seen_ms; /* Somebody was faster. */
    return now_ms;
}

/* ---- What a decision holds ---- */

struct hold {
    struct shard *shard;
    struct entry *entry; /* NULL: nothing was counted yet (peek, give back). */
    uint64_t hash;
};

struct decision {
    struct counters *counters;
    int64_t now_ms;
    size_t count;
    uint64_t shards; /* A bit for each that is locked. */
    struct hold holds[COUNT_ASKS_MAX];
};

static_assert(SHARDS == 64, "a bit for each shard");

/* The time is told behind the locks: what a counter sees of it never goes back by a little. */
static void decision_lock(struct decision *d, struct cx *cx, const struct count_ask *asks,
                          size_t count)
{
    struct counters *counters = d->counters;

    d->count = count;
    for (size_t k = 0; k < count; k++) {
        struct hold *hold = &d->holds[k];

        hold->hash = table_hash(counters, &asks[k]);
        hold->shard = table_shard(counters, hold->hash);
        hold->entry = NULL;
        d->shards |= UINT64_C(1) << (hold->shard - counters->shards);
    }
    for (uint64_t left = d->shards; left; left &= left - 1)
        pthread_mutex_lock(&counters->shards[__builtin_ctzll(left)].lock);
    d->now_ms = count_now_ms(cx, counters);
}

static void decision_unlock(struct decision *d)
{
    for (size_t k = 0; k < d->count; k++)
        if (d->holds[k].entry)
            d->holds[k].entry->pinned = false;
    for (uint64_t left = d->shards; left; left &= left - 1)
        pthread_mutex_unlock(&d->counters->shards[__builtin_ctzll(left)].lock);
}

static void find(struct decision *d, const struct count_ask *asks)
{
    for (size_t k = 0; k < d->count; k++) {
        struct hold *hold = &d->holds[k];

        hold->entry = table_find(hold->shard, &asks[k], hold->hash);
        if (!hold->entry)
            continue;
        entry_settle(d->counters, hold->entry, d->now_ms);
        hold->entry->pinned = true;
    }
}

/* All that counting will need; false: there is no room. */
static bool provide(struct decision *d, const struct count_ask *asks)
{
    for (size_t k = 0; k < d->count; k++) {
        struct hold *hold = &d->holds[k];

        if (!hold->entry) /* An ask before this one may have added it. */
            hold->entry = table_find(hold->shard, &asks[k], hold->hash);
        if (!hold->entry)
            hold->entry = table_add(d->counters, &asks[k], hold->hash, d->now_ms);
        if (!hold->entry)
            return false;
        hold->entry->pinned = true;
        if (asks[k].sliding && !table_mark_room(d->counters, hold->shard, hold->entry, d->now_ms))
            return false;
    }
    return true;
}

/* ---- Judging ---- */

static int64_t retry_ms(const struct decision *d, const struct entry *entry,
                        const struct count_ask *ask, int64_t wanted)
{
    int64_t used = entry ? entry->used : 0;

    if (wanted > ask->limit || !entry)
        return COUNT_NEVER;
    if (ask->sliding)
        return marks_free_ms(&entry->marks, used + wanted - ask->limit,
                             window_length_ms(ask->window)) -
               d->now_ms;
    return ask->window == COUNT_LIFETIME ? COUNT_NEVER : entry->period.end_ms - d->now_ms;
}

static bool same_counter(const struct count_ask *a, const struct count_ask *b)
{
    return a->window == b->window && a->sliding == b->sliding && str_eq(a->key, b->key);
}

static void judge(const struct decision *d, struct count_ask *asks, struct count_answer *answer)
{
    *answer = (struct count_answer){.taken = true, .refused = -1};
    for (size_t k = 0; k < d->count; k++) {
        const struct entry *entry = d->holds[k].entry;
        struct count_ask *ask = &asks[k];
        int64_t wanted = ask->amount;

        for (size_t j = 0; j < k; j++)
            wanted += same_counter(&asks[j], ask) ? asks[j].amount : 0;
        ask->used = entry ? entry->used : 0;
        ask->refused = ask->used > ask->limit - wanted;
        ask->retry_after_ms = ask->refused ? retry_ms(d, entry, ask, wanted) : 0;
        if (!ask->refused)
            continue;
        answer->taken = false;
        if (answer->refused < 0 || ask->retry_after_ms > answer->retry_after_ms) {
            answer->refused = (int)k;
            answer->retry_after_ms = ask->retry_after_ms;
        }
    }
}

static void apply(struct decision *d, struct count_ask *asks)
{
    for (size_t k = 0; k < d->count; k++) {
        struct entry *entry = d->holds[k].entry;
        int64_t amount = asks[k].amount;

        if (amount > USED_MAX - entry->used)
            amount = USED_MAX - entry->used;
        if (asks[k].sliding && amount > 0)
            marks_add(&entry->marks, d->now_ms, amount);
        entry->used += amount;
        asks[k].used = entry->used;
        asks[k].taken_ms = d->now_ms;
        table_touch(d->holds[k].shard, entry, asks[k].kept);
        table_dirty(d->holds[k].shard, entry);
    }
}

enum err local_decide(struct cx *cx, struct counters *counters, enum local_how how,
                      struct count_ask *asks, size_t count, struct count_answer *answer)
{
    struct decision d = {.counters = counters};
    bool room = true;

    decision_lock(&d, cx, asks, count);
    find(&d, asks);
    if (how != LOCAL_FORCE)
        judge(&d, asks, answer);
    if (how == LOCAL_FORCE || (how == LOCAL_TAKE && answer->taken)) {
        room = provide(&d, asks);
        if (room)
            apply(&d, asks);
    }
    decision_unlock(&d);
    if (!room)
        return fail(cx, ERR_BUSY, "counters_full",
                    "the memory for counters is full of budgets and lifetime counts: end some, or"
                    " raise SHARD_BYTES_MAX in table.h");
    if (how != LOCAL_PEEK)
        save_soon(counters, d.now_ms);
    return OK;
}

/* ---- Giving back ---- */

static int64_t undone(const struct decision *d, struct entry *entry, const struct count_ask *ask)
{
    int64_t length_ms = ask->sliding ? window_length_ms(ask->window) : 0;

    if (ask->sliding)
        return ask->taken_ms > d->now_ms - length_ms
                   ? marks_take_off(&entry->marks, ask->taken_ms, ask->amount, length_ms)
                   : 0;
    if (ask->taken_ms < entry->period.begin_ms || ask->taken_ms > d->now_ms)
        return 0;
    return ask->amount < entry->used ? ask->amount : entry->used;
}

void local_give_back(struct cx *cx, struct counters *counters, const struct count_ask *asks,
                     size_t count)
{
    struct decision d = {.counters = counters};

    decision_lock(&d, cx, asks, count);
    find(&d, asks);
    for (size_t k = 0; k < count; k++) {
        struct entry *entry = d.holds[k].entry;

        if (!entry)
            continue;
        entry->used -= undone(&d, entry, &asks[k]);
        table_dirty(d.holds[k].shard, entry);
    }
    decision_unlock(&d);
    save_soon(counters, d.now_ms);
}
