/*
 * limit_test.c - token buckets give exactly what they promise.
 *
 * Goal: exact counts over long times, no gift from a clock that jumps or from forgetting, and the
 * same behaviour as a slow model under random use.
 */
#include "kernel/http/limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "test/kit/test.h"

#define S INT64_C(1000000) /* Microseconds. */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
    return *seed;
}

TEST(limit_burst, "a bucket gives its burst at once, then one by one on time")
{
    struct limiter *limiter = limiter_make(16);
    int64_t now = 5 * S;

    for (int k = 0; k < 5; k++)
        CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now), 0);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now), 100);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 99 * 1000), 1);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 99999), 1);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 100000), 0);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 100000), 100);
    CHECK_EQ_INT(limiter_take(limiter, 2, 10, 5, now), 0); /* Another key, another bucket. */
    for (int k = 0; k < 5; k++) /* A long rest gives the burst, not more. */
        CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 3600 * S), 0);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 3600 * S), 100);
    limiter_free(limiter);
}

TEST(limit_waits, "the wait that is named is enough, and a millisecond less is not")
{
    static const int64_t rates[] = {1, 3, 7, 999, 1000, 1001, 123457, 1000000000};
    struct limiter *limiter = limiter_make(16);

    for (size_t k = 0; k < sizeof(rates) / sizeof(rates[0]); k++) {
        int64_t now = 7 * S, wait_ms;

        CHECK_EQ_INT(limiter_take(limiter, k, rates[k], 1, now), 0);
        wait_ms = limiter_take(limiter, k, rates[k], 1, now);
        CHECK(wait_ms >= 1);
        if (wait_ms > 1)
            CHECK(limiter_take(limiter, k, rates[k], 1, now + (wait_ms - 1) * 1000) > 0);
        CHECK_EQ_INT(limiter_take(limiter, k, rates[k], 1, now + wait_ms * 1000), 0);
    }
    limiter_free(limiter);
}

TEST(limit_no_drift, "a million odd steps give exactly the rate")
{
    struct limiter *limiter = limiter_make(16);
    const int64_t rate = 7, burst = 3, step_us = 33331; /* About four tries per token. */
    int64_t taken = 0, now = 0;

    for (int k = 0; k < 1000000; k++, now += step_us)
        taken += limiter_take(limiter, 9, rate, burst, now) == 0;
    now -= step_us;
    CHECK_EQ_INT(taken, burst + rate * now / S);
    limiter_free(limiter);
}

TEST(limit_clock, "a clock that goes back gives nothing away and stops nobody")
{
    struct limiter *limiter = limiter_make(16);
    int64_t now = 1000 * S, taken = 0;

    while (limiter_take(limiter, 1, 10, 5, now) == 0)
        taken++;
    CHECK_EQ_INT(taken, 5);
    for (int k = 0; k < 1000; k++) /* Threads whose readings of the clock are a little apart. */
        CHECK(limiter_take(limiter, 1, 10, 5, now - k % 2 * 99999) > 0);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 100000), 0);
    now -= 900 * S; /* Set anew. */
    CHECK(limiter_take(limiter, 1, 10, 5, now) > 0);
    CHECK(limiter_take(limiter, 1, 10, 5, now + 99999) > 0);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 5, now + 100000), 0);
    limiter_free(limiter);
}

TEST(limit_change, "a changed rate and burst hold from the next request")
{
    struct limiter *limiter = limiter_make(16);
    int64_t now = S, taken = 0;

    CHECK_EQ_INT(limiter_take(limiter, 1, 100, 100, now), 0);
    while (limiter_take(limiter, 1, 1, 2, now) == 0)
        taken++;
    CHECK_EQ_INT(taken, 2);
    CHECK_EQ_INT(limiter_take(limiter, 1, 1, 2, now), 1000);
    CHECK_EQ_INT(limiter_take(limiter, 1, 10, 2, now), 100);
    limiter_free(limiter);
}

TEST(limit_bounds, "the smallest and the largest rates neither overflow nor stall")
{
    struct limiter *limiter = limiter_make(1);

    for (int k = 0; k < 1000; k++)
        CHECK_EQ_INT(limiter_take(limiter, 1, 1000000000, 1000000000, INT64_MAX - 1), 0);
    CHECK_EQ_INT(limiter_take(limiter, 2, 1, 1, 0), 0);
    CHECK_EQ_INT(limiter_take(limiter, 2, 1, 1, 0), 1000);
    CHECK_EQ_INT(limiter_take(limiter, 2, 1, 1, INT64_MAX - 1), 0);
    CHECK_EQ_INT(limiter_take(limiter, 2, 1, 1, INT64_MAX - 1), 1000);
    limiter_free(limiter);
}

/* ---- The same as a slow model ---- */

enum { MODEL_BUCKETS = 7, MODEL_KEYS = 12 };

struct model {
    struct {
        bool known;
        int64_t tokens, last_us, used;
    } keys[MODEL_KEYS];
    int64_t clock;
};

static void model_forget_oldest(struct model *model)
{
    int known = 0, oldest = -1;

    for (int k = 0; k < MODEL_KEYS; k++) {
        if (!model->keys[k].known)
            continue;
        known++;
        if (oldest < 0 || model->keys[k].used < model->keys[oldest].used)
            oldest = k;
    }
    if (known == MODEL_BUCKETS)
        model->keys[oldest].known = false;
}

static bool model_take(struct model *model, int key, int64_t rate, int64_t burst, int64_t now)
{
    if (!model->keys[key].known) {
        model_forget_oldest(model);
        model->keys[key].known = true;
        model->keys[key].tokens = burst * S;
        model->keys[key].last_us = now;
    }
    model->keys[key].used = ++model->clock;
    model->keys[key].tokens += (now - model->keys[key].last_us) * rate;
    model->keys[key].last_us = now;
    if (model->keys[key].tokens > burst * S)
        model->keys[key].tokens = burst * S;
    if (model->keys[key].tokens < S)
        return false;
    model->keys[key].tokens -= S;
    return true;
}

TEST(limit_model, "under random use it decides as a slow model does, also when it must forget")
{
    for (uint64_t round = 1; round <= 50; round++) {
        struct limiter *limiter = limiter_make(MODEL_BUCKETS);
        struct model model = {.clock = 0};
        uint64_t seed = round * UINT64_C(0x9e3779b97f4a7c15);
        int64_t now = 0;
        int refused = 0;

        for (int k = 0; k < 4000; k++) {
            int key = (int)(next_random(&seed) % MODEL_KEYS);
            bool taken;

            now += (int64_t)(next_random(&seed) % 20000);
            taken = limiter_take(limiter, (uint64_t)key * round, 5, 3, now) == 0;
            refused += !taken;
            CHECK(taken == model_take(&model, key, 5, 3, now));
        }
        CHECK(refused > 100);
        limiter_free(limiter);
    }
}

TEST(limit_flood, "a flood of keys does not grow the table, and each newcomer is served")
{
    struct limiter *limiter = limiter_make(2000);

    for (uint64_t key = 0; key < 200000; key++)
        CHECK_EQ_INT(limiter_take(limiter, key, 1, 1, 5), 0);
    CHECK(limiter_take(limiter, 199999, 1, 1, 5) > 0);  /* Still known. */
    CHECK_EQ_INT(limiter_take(limiter, 0, 1, 1, 5), 0); /* Long forgotten. */
    limiter_free(limiter);
}

/* ---- Threads ---- */

enum { THREADS = 4, TRIES = 20000, SHARED_KEYS = 8 };

struct crowd {
    struct limiter *limiter;
    int64_t taken[SHARED_KEYS];
};

static void *crowd_run(void *argument)
{
    struct crowd *crowd = argument;

    for (int k = 0; k < TRIES; k++)
        crowd->taken[k % SHARED_KEYS] +=
            limiter_take(crowd->limiter, (uint64_t)(k % SHARED_KEYS), 1, 1000, 5) == 0;
    return NULL;
}

TEST_THREADS(limit_threads, "threads that share keys together take the burst, not one more")
{
    struct limiter *limiter = limiter_make(4096);
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];

    for (int k = 0; k < THREADS; k++) {
        crowds[k] = (struct crowd){.limiter = limiter};
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, crowd_run, &crowds[k]), 0);
    }
    for (int k = 0; k < THREADS; k++)
        pthread_join(threads[k], NULL);
    for (int key = 0; key < SHARED_KEYS; key++) {
        int64_t taken = 0;

        for (int k = 0; k < THREADS; k++)
            taken += crowds[k].taken[key];
        CHECK_EQ_INT(taken, 1000);
    }
    limiter_free(limiter);
}
