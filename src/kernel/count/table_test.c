/*
 * table_test.c - bounded memory, and threads that take from the same counters.
 */
#include <pthread.h>

#include "kernel/count/fixture.h"

enum { SMALL_BYTES = 4096 }; /* Of a shard: some twenty counters. */

static struct fixture *open_small(void)
{
    struct fixture *f = fixture_open("sqlite", NULL);

    for (int k = 0; k < SHARDS; k++)
        f->space->counters->shards[k].bytes_max = SMALL_BYTES;
    return f;
}

static void name_key(char key[40], const char *what, int number)
{
    snprintf(key, 40, "%s-%d", what, number);
}

static struct counters_stats stats_of(struct fixture *f)
{
    struct counters_stats stats;

    counters_stats(f->space, &stats);
    return stats;
}

static void take_many(struct fixture *f, const char *what, enum count_window window, int count)
{
    char key[40];

    for (int k = 0; k < count; k++) {
        struct count_ask ask;

        name_key(key, what, k);
        ask = cap(key, window, 1);
        CHECK(take(f, &ask));
    }
}

TEST(count_memory_bound, "memory stays bounded: the counters not asked for longest begin again")
{
    struct fixture *f = open_small();
    struct count_ask last = cap("day-9999", COUNT_DAY, 1), first = cap("day-0", COUNT_DAY, 1);

    take_many(f, "day", COUNT_DAY, 10000);
    CHECK(stats_of(f).bytes <= SHARDS * SMALL_BYTES);
    CHECK(stats_of(f).evicted > 7000);
    CHECK_EQ_INT(stats_of(f).full, 0);
    CHECK_EQ_INT(used_of(f, last), 1);
    CHECK_EQ_INT(used_of(f, first), 0);
    fixture_close(f);
}

TEST(count_expired_first, "what has expired makes room before anything is evicted")
{
    struct fixture *f = open_small();

    take_many(f, "minute", COUNT_MINUTE, 500);
    take_many(f, "day", COUNT_DAY, 100);
    CHECK_EQ_INT(stats_of(f).evicted, 0);
    f->now_ms += MINUTE_MS;
    take_many(f, "hour", COUNT_HOUR, 300);
    CHECK_EQ_INT(stats_of(f).evicted, 0);
    for (int k = 0; k < 100; k++) {
        char key[40];

        name_key(key, "day", k);
        CHECK_EQ_INT(used_of(f, cap(key, COUNT_DAY, 1)), 1);
    }
    fixture_close(f);
}

/* Until they fill the memory; how many there were. */
static int fill_with_kept(struct fixture *f, const char *what)
{
    int64_t before = used_of(f, cap("always", COUNT_LIFETIME, 1));
    struct count_answer answer;
    char key[40];

    for (int k = 0;; k++) {
        struct count_ask asks[] = {cap("always", COUNT_LIFETIME, INT64_C(1) << 40),
                                   cap(key, k % 2 ? COUNT_LIFETIME : COUNT_MONTH, 1)};

        name_key(key, what, k);
        asks[1].key = str_of(key);
        asks[1].kept = true;
        if (ask_all(f, asks, 2, &answer) == OK)
            continue;
        CHECK_EQ_STR(f->problem.code, "counters_full");
        CHECK_EQ_INT(f->problem.err, ERR_BUSY);
        CHECK_EQ_INT(used_of(f, asks[0]), before + k); /* Nothing of what was refused. */
        return k;
    }
}

TEST(count_kept, "budgets and lifetimes are never evicted: new ones are refused instead")
{
    struct fixture *f = open_small();
    char key[40];
    int count;

    take_many(f, "day", COUNT_DAY, 1000);
    count = fill_with_kept(f, "kept");
    CHECK(count > 500);
    for (int k = 0; k < count; k++) {
        name_key(key, "kept", k);
        CHECK_EQ_INT(used_of(f, cap(key, k % 2 ? COUNT_LIFETIME : COUNT_MONTH, 1)), 1);
    }
    CHECK(stats_of(f).full > 0);
    CHECK(stats_of(f).bytes <= SHARDS * SMALL_BYTES);
    f->now_ms += 31 * DAY_MS;                     /* Half of them are over. */
    CHECK(fill_with_kept(f, "more") > count / 8); /* A shard fills first by chance: not half. */
    fixture_close(f);
}

TEST(count_made_kept, "a counter that becomes a budget is kept from then on")
{
    struct fixture *f = open_small();
    struct count_ask ask = cap("budget", COUNT_DAY, 10);

    CHECK(take(f, &ask));
    ask.kept = true;
    CHECK(take(f, &ask));
    take_many(f, "day", COUNT_DAY, 10000);
    CHECK_EQ_INT(used_of(f, ask), 2);
    fixture_close(f);
}

TEST(count_sliding_memory, "the marks of sliding windows are part of what is bounded")
{
    struct fixture *f = open_small();
    char key[40];

    for (int k = 0; k < 100; k++)
        for (int n = 0; n < 60; n++) {
            struct count_ask ask;

            name_key(key, "slide", k);
            ask = sliding_cap(key, COUNT_DAY, 1000);
            (void)take(f, &ask);
            f->now_ms++;
        }
    CHECK(stats_of(f).bytes <= SHARDS * SMALL_BYTES);
    CHECK(stats_of(f).bytes > SHARDS * SMALL_BYTES / 4);
    fixture_close(f);
}

TEST(count_sweep, "saving looks through the shards in turn, and frees what has expired")
{
    struct fixture *f = fixture_open("sqlite", NULL);
    struct count_ask ask = cap("day", COUNT_DAY, 1000);

    take_many(f, "minute", COUNT_MINUTE, 2000);
    CHECK(take(f, &ask));
    f->now_ms += SAVE_DELAY_MS;
    settle(f);
    f->now_ms += MINUTE_MS;
    for (int k = 0; k < SHARDS; k++) {
        CHECK(take(f, &ask));
        f->now_ms += SAVE_DELAY_MS;
        settle(f);
    }
    CHECK_EQ_INT(stats_of(f).entries, 1);
    fixture_close(f);
}

/* ---- Threads ---- */

enum { TAKERS = 4, TRIES = 3000, SHARED_LIMIT = 5000, OWN_LIMIT = 2500 };

struct taker {
    struct fixture *f;
    pthread_t thread;
    int number, taken, own_taken;
};

/* Keys in another order for each: locks are taken in one order all the same. */
static void *take_in_a_loop(void *argument)
{
    struct taker *taker = argument;
    char key[40];

    name_key(key, "own", taker->number);
    for (int k = 0; k < TRIES; k++) {
        struct count_ask asks[] = {cap("shared", COUNT_LIFETIME, SHARED_LIMIT),
                                   sliding_cap("shared", COUNT_DAY, SHARED_LIMIT),
                                   cap(key, COUNT_MONTH, OWN_LIMIT)};
        struct count_ask turned[] = {asks[2], asks[1], asks[0]};

        taker->taken += take_all(taker->f, taker->number % 2 ? turned : asks, 3).taken;
        if (k % 100 == 7) {
            struct count_ask once = cap("undone", COUNT_DAY, 1);

            if (take(taker->f, &once))
                give_back(taker->f, &once, 1);
        }
    }
    return NULL;
}

TEST_THREADS(count_threads, "threads take exactly as much as there is, while it is being saved")
{
    struct fixture *f = fixture_open("sqlite", NULL);
    struct taker takers[TAKERS];
    int sum = 0;

    for (int k = 0; k < TAKERS; k++) {
        takers[k] = (struct taker){.f = f, .number = k};
        CHECK_EQ_INT(pthread_create(&takers[k].thread, NULL, take_in_a_loop, &takers[k]), 0);
    }
    for (int k = 0; k < 200; k++) {
        counters_hurry(f->space);
        (void)platform_step(&f->platform);
        (void)stats_of(f); /* Asked at any moment. */
    }
    for (int k = 0; k < TAKERS; k++) {
        pthread_join(takers[k].thread, NULL);
        CHECK(takers[k].taken <= OWN_LIMIT);
        sum += takers[k].taken;
    }
    CHECK(stats_of(f).bytes > 0);
    CHECK_EQ_INT(sum, SHARED_LIMIT);
    CHECK_EQ_INT(used_of(f, cap("shared", COUNT_LIFETIME, 1)), SHARED_LIMIT);
    CHECK_EQ_INT(used_of(f, sliding_cap("shared", COUNT_DAY, 1)), SHARED_LIMIT);
    CHECK_EQ_INT(used_of(f, cap("undone", COUNT_DAY, 1)), 0);
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    CHECK_EQ_INT(used_of(f, cap("shared", COUNT_LIFETIME, 1)), SHARED_LIMIT);
    fixture_close(f);
}
