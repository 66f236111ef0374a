/*
 * limit.c - token buckets in whole millionths of a token.
 *
 * rate tokens per second times elapsed microseconds is an exact number of millionths, so nothing is
 * rounded and nothing drifts.  A key lives in one shard by its hash; a shard is an open-addressing
 * table of slots that point into a pool of buckets, and a ring of the pool by last use.  When the
 * pool is full the bucket used longest ago is given to the newcomer.
 */
#include "kernel/http/limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARDS = 16,             /* More than HTTP threads: two rarely meet. */
    SHARDED_FROM = 1024,     /* Smaller tables are one shard: exactly least recently used. */
    NOBODY = 0,              /* Bucket 0 of a pool is the head of the ring. */
    CLOCK_STEP_US = 1000000, /* Threads read the clock at slightly different times; a clock this
                                far back was set anew. */
};
#define TOKEN       INT64_C(1000000)    /* Millionths. */
#define TOKENS_MAX  INT64_C(1000000000) /* Of rate and burst: products stay below 2^63. */
#define BUCKETS_MAX ((size_t)1 << 24)
#define WAIT_MS_MAX INT64_C(3600000)

struct bucket {
    uint64_t key;
    int64_t tokens, last_us; /* Millionths at last_us. */
    uint32_t newer, older;   /* The ring; NOBODY is both its ends. */
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct bucket *buckets; /* 1 .. used, of at most room; buckets[NOBODY] is the ring's head. */
    uint32_t used, room;
    uint32_t *slots; /* Indexes into buckets, NOBODY where free; at most half are taken. */
    uint32_t mask;
};

struct limiter {
    size_t shard_count;
    struct shard shards[SHARDS];
};

/* The finalizer of splitmix64: keys that differ in one bit part. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static bool shard_init(struct shard *shard, size_t room)
{
    uint32_t slots = 4;

    while (slots < room * 2)
        slots *= 2;
    shard->room = (uint32_t)room;
    shard->mask = slots - 1;
    shard->buckets = calloc(room + 1, sizeof(shard->buckets[0]));
    shard->slots = calloc(slots, sizeof(shard->slots[0]));
    pthread_mutex_init(&shard->lock, NULL);
    return shard->buckets && shard->slots;
}

struct limiter *limiter_make(size_t buckets_max)
{
    struct limiter *limiter = aligned_alloc(_Alignof(struct limiter), sizeof(*limiter));
    bool ready = true;

    assert(buckets_max > 0);
    assert(buckets_max <= BUCKETS_MAX);
    if (!limiter)
        return NULL;
    memset(limiter, 0, sizeof(*limiter));
    limiter->shard_count = buckets_max < SHARDED_FROM ? 1 : SHARDS;
    for (size_t k = 0; k < limiter->shard_count; k++)
        ready = shard_init(&limiter->shards[k], buckets_max / limiter->shard_count) && ready;
    if (ready)
        return limiter;
    limiter_free(limiter);
    return NULL;
}

void limiter_free(struct limiter *limiter)
{
    if (!limiter)
        return;
    for (size_t k = 0; k < limiter->shard_count; k++) {
        pthread_mutex_destroy(&limiter->shards[k].lock);
        free(limiter->shards[k].buckets);
        free(limiter->shards[k].slots);
    }
    free(limiter);
}

/* ---- The ring ---- */

static void ring_remove(struct shard *shard, uint32_t index)
{
    struct bucket *bucket = &shard->buckets[index];

    shard->buckets[bucket->newer].older = bucket->older;
    shard->buckets[bucket->older].newer = bucket->newer;
}

/* Behind the head: the newest.  The head's newer is then the oldest of all. */
static void ring_add(struct shard *shard, uint32_t index)
{
    struct bucket *head = &shard->buckets[NOBODY], *bucket = &shard->buckets[index];

    bucket->newer = NOBODY;
    bucket->older = head->older;
    shard->buckets[head->older].newer = index;
    head->older = index;
}

/* ---- The slots ---- */

static uint32_t home_of(const struct shard *shard, uint64_t key)
{
    return (uint32_t)(mix(key) >> 8) & shard->mask;
}

/* The slot that holds key, or the free one where it belongs. */
static uint32_t slot_of(const struct shard *shard, uint64_t key)
{
    uint32_t at = home_of(shard, key);

    while (shard->slots[at] != NOBODY && shard->buckets[shard->slots[at]].key != key)
        at = (at + 1) & shard->mask;
    return at;
}

/* Free a slot and move back whatever had been pushed past it. */
static void slot_clear(struct shard *shard, uint32_t hole)
{
    uint32_t at = hole;

    for (;;) {
        uint32_t home;

        shard->slots[hole] = NOBODY;
        do {
            at = (at + 1) & shard->mask;
            if (shard->slots[at] == NOBODY)
                return;
            home = home_of(shard, shard->buckets[shard->slots[at]].key);
        } while (((at - home) & shard->mask) < ((at - hole) & shard->mask));
        shard->slots[hole] = shard->slots[at];
        hole = at;
    }
}

/* The bucket of key, made newest; a new one is full. */
static struct bucket *bucket_of(struct shard *shard, uint64_t key, int64_t full, int64_t now_us)
{
    uint32_t slot = slot_of(shard, key), index = shard->slots[slot];

    if (index != NOBODY) {
        ring_remove(shard, index);
        ring_add(shard, index);
        return &shard->buckets[index];
    }
    if (shard->used < shard->room) {
        index = ++shard->used;
    } else {
        index = shard->buckets[NOBODY].newer;
        ring_remove(shard, index);
        slot_clear(shard, slot_of(shard, shard->buckets[index].key));
        slot = slot_of(shard, key); /* Clearing may have moved it. */
    }
    shard->buckets[index] = (struct bucket){.key = key, .tokens = full, .last_us = now_us};
    shard->slots[slot] = index;
    ring_add(shard, index);
    return &shard->buckets[index];
}

/* ---- Tokens ---- */

static void refill(struct bucket *bucket, int64_t rate_per_s, int64_t full, int64_t now_us)
{
    int64_t elapsed_us;

    if (now_us < bucket->last_us - CLOCK_STEP_US)
        bucket->last_us = now_us;
    if (bucket->tokens > full) /* The burst was lowered. */
        bucket->tokens = full;
    if (now_us <= bucket->last_us)
        return;
    elapsed_us = now_us - bucket->last_us;
    bucket->last_us = now_us;
    if (elapsed_us > (full - bucket->tokens) / rate_per_s)
        bucket->tokens = full;
    else
        bucket->tokens += elapsed_us * rate_per_s;
}

int64_t limiter_take(struct limiter *limiter, uint64_t key, int64_t rate_per_s, int64_t burst,
                     int64_t now_us)
{
    struct shard *shard = &limiter->shards[mix(key) % limiter->shard_count];
    struct bucket *bucket;
    int64_t missing, wait_ms;

    assert(rate_per_s > 0);
    assert(rate_per_s <= TOKENS_MAX);
    assert(burst > 0);
    assert(burst <= TOKENS_MAX);
    pthread_mutex_lock(&shard->lock);
    bucket = bucket_of(shard, key, burst * TOKEN, now_us);
    refill(bucket, rate_per_s, burst * TOKEN, now_us);
    missing = TOKEN - bucket->tokens;
    if (missing <= 0)
        bucket->tokens -= TOKEN;
    pthread_mutex_unlock(&shard->lock);
    if (missing <= 0)
        return 0;
    wait_ms = (missing + rate_per_s * 1000 - 1) / (rate_per_s * 1000);
    return wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX;
}
