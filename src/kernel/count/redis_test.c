/*
 * redis_test.c - counters shared through Redis, and what becomes of them when it is slow, wrong or
 * away.
 */
#include <signal.h>

#include "kernel/count/redis_fixture.h"

static void redis_close(struct fixture *f, struct redis_server *server)
{
    fixture_close(f);
    redis_server_kill(server);
}

/* What Redis says is used: asked for more than there is. */
static int64_t shared_used(struct fixture *f, struct count_ask ask)
{
    ask.limit = 0;
    CHECK(!take(f, &ask));
    CHECK(ask.shared_ms > 0);
    return ask.used;
}

TEST(redis_shared, "two processes share every window; a decision is all or none in Redis too")
{
    struct redis_server server;
    struct fixture *f[2];

    redis_server_start(&server);
    f[0] = redis_open("a", server.address);
    f[1] = redis_open("b", server.address);
    f[1]->now_ms = f[0]->now_ms;
    for (int w = COUNT_MINUTE; w < COUNT_WINDOWS; w++)
        for (int sliding = 0; sliding < (w == COUNT_LIFETIME ? 1 : 2); sliding++) {
            struct count_ask asks[] = {cap("x", (enum count_window)w, 3),
                                       cap("budget", COUNT_LIFETIME, INT64_C(1) << 50)};
            struct count_answer answer;

            asks[0].sliding = sliding;
            asks[1].amount = INT64_C(1) << 40;
            for (int k = 0; k < 3; k++)
                CHECK(take_all(f[k % 2], asks, 2).taken);
            for (int k = 0; k < 2; k++) {
                answer = take_all(f[k], asks, 2);
                CHECK(!answer.taken);
                CHECK(!answer.degraded);
                CHECK_EQ_INT(answer.refused, 0);
                CHECK(answer.retry_after_ms > 0);
                CHECK_EQ_INT(answer.retry_after_ms == COUNT_NEVER, w == COUNT_LIFETIME);
                CHECK(asks[0].refused);
                CHECK(!asks[1].refused);
            }
        }
    CHECK_EQ_INT(shared_used(f[0], cap("budget", COUNT_LIFETIME, 0)),
                 (COUNT_WINDOWS * 2 - 1) * 3 * (INT64_C(1) << 40));
    fixture_close(f[1]);
    redis_close(f[0], &server);
}

TEST(redis_retry, "when Redis refuses, it says when the cap is free")
{
    struct redis_server server;
    struct count_ask day = cap("x", COUNT_DAY, 1), sliding = sliding_cap("x", COUNT_HOUR, 2);
    struct fixture *f;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    CHECK(take(f, &day));
    CHECK(!take(f, &day));
    CHECK_EQ_INT(day.retry_after_ms, DAY_MS - f->now_ms % DAY_MS); /* UTC */
    CHECK(take(f, &sliding));
    redis_skew(f->platform.redis, HOUR_MS / 2);
    CHECK(take(f, &sliding));
    CHECK(!take(f, &sliding));
    CHECK(sliding.retry_after_ms <= HOUR_MS / 2);
    CHECK(sliding.retry_after_ms > HOUR_MS / 2 - 30 * SECOND_MS);
    sliding.amount = 2;
    CHECK(!take(f, &sliding));
    CHECK(sliding.retry_after_ms > HOUR_MS / 2);
    sliding.amount = 3;
    CHECK(!take(f, &sliding));
    CHECK_EQ_INT(sliding.retry_after_ms, COUNT_NEVER);
    sliding.amount = 1;
    redis_skew(f->platform.redis, HOUR_MS);
    CHECK(take(f, &sliding)); /* The first has left. */
    CHECK(!take(f, &sliding));
    redis_skew(f->platform.redis, 0); /* Its clock goes back. */
    CHECK(!take(f, &sliding));
    CHECK(sliding.retry_after_ms <= HOUR_MS);
    redis_close(f, &server);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* Steps of minutes: what the clocks drift apart meanwhile never matters. */
TEST(redis_like_local, "the script decides as the process does, over a random sequence")
{
    struct redis_server server;
    struct fixture *shared, *local;
    uint64_t seed = 11;
    int64_t begin_ms;

    redis_server_start(&server);
    shared = redis_open("a", server.address);
    local = fixture_open_shared("sqlite", NULL, "b", NULL);
    begin_ms = local->now_ms = shared->now_ms;
    for (int k = 0; k < 1500; k++) {
        struct count_ask asks[] = {sliding_cap("x", COUNT_HOUR, 20),
                                   sliding_cap("y", COUNT_DAY, 90),
                                   sliding_cap("x", COUNT_HOUR, 21)};
        struct count_ask same[3];

        for (int a = 0; a < 3; a++)
            asks[a].amount = 1 + (int64_t)(next_random(&seed) % 5);
        memcpy(same, asks, sizeof(asks));
        local->now_ms += (int64_t)(next_random(&seed) % 5) * MINUTE_MS;
        redis_skew(shared->platform.redis, local->now_ms - begin_ms);
        CHECK_EQ_INT(take_all(shared, asks, 3).taken, take_all(local, same, 3).taken);
        for (int a = 0; a < 3; a++)
            CHECK_EQ_INT(asks[a].used, same[a].used);
        if (same[0].taken_ms && next_random(&seed) % 4 == 0) {
            give_back(shared, asks, 3);
            redis_await(shared, false);
            give_back(local, same, 3);
        }
    }
    fixture_close(local);
    redis_close(shared, &server);
}

TEST(redis_many_marks, "more takings than are remembered one by one are counted all the same")
{
    struct redis_server server;
    struct count_ask ask = sliding_cap("x", COUNT_WEEK, 300);
    struct fixture *f;
    int taken = 0;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    for (int k = 0; k < 400; k++) {
        redis_skew(f->platform.redis, k * (int64_t)MINUTE_MS);
        taken += take(f, &ask);
    }
    CHECK_EQ_INT(taken, 300);
    redis_skew(f->platform.redis, 8 * DAY_MS);
    CHECK(take(f, &ask));
    CHECK_EQ_INT(ask.used, 1);
    redis_close(f, &server);
}

TEST(redis_give_back, "what is given back is free in Redis")
{
    struct redis_server server;
    struct count_ask asks[] = {cap("x", COUNT_DAY, 1), cap("x", COUNT_LIFETIME, 1),
                               sliding_cap("x", COUNT_DAY, 1)};
    struct fixture *f;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    for (int k = 0; k < 3; k++) {
        CHECK(take_all(f, asks, 3).taken);
        CHECK(!take_all(f, (struct count_ask[]){asks[0]}, 1).taken);
        give_back(f, asks, 3);
        redis_await(f, false);
        for (int a = 0; a < 3; a++)
            CHECK_EQ_INT(shared_used(f, asks[a]), 0);
    }
    redis_close(f, &server);
}

TEST(redis_script_flushed, "a Redis that forgot the script is sent it again")
{
    struct redis_server server;
    struct count_ask ask = cap("x", COUNT_DAY, 2);
    struct fixture *f;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    CHECK(take(f, &ask));
    redis_server_command(&server, "SCRIPT FLUSH");
    CHECK(!take_all(f, &ask, 1).degraded);
    CHECK(!take(f, &ask));
    CHECK_EQ_INT(ask.used, 2);
    redis_close(f, &server);
}

/* ---- Away ---- */

TEST(redis_killed, "without Redis counting goes on here, and what was counted is added later")
{
    struct redis_server server;
    struct count_ask ask = cap("x", COUNT_LIFETIME, 10), sliding = sliding_cap("x", COUNT_DAY, 10);
    struct count_answer answer;
    struct fixture *f;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    for (int k = 0; k < 4; k++)
        CHECK(take(f, &ask));
    redis_server_kill(&server);
    for (int k = 0; k < 3; k++) {
        struct count_ask asks[] = {ask, sliding};

        answer = take_all(f, asks, 2);
        CHECK(answer.taken);
        CHECK(answer.degraded);
        CHECK_EQ_INT(asks[0].used, 5 + k); /* On from what this process had taken. */
    }
    ask.amount = 4;
    CHECK(!take(f, &ask)); /* The limit holds. */
    redis_server_again(&server);
    redis_await(f, false);
    CHECK_EQ_INT(shared_used(f, ask), 7);
    CHECK_EQ_INT(shared_used(f, sliding), 3);
    redis_close(f, &server);
}

TEST(redis_age, "what is added later has the age it has")
{
    struct redis_server server;
    struct count_ask sliding = sliding_cap("x", COUNT_HOUR, 10);
    struct fixture *f;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    redis_server_kill(&server);
    CHECK(take(f, &sliding)); /* Long ago, */
    CHECK(take_all(f, &sliding, 1).degraded);
    f->now_ms += HOUR_MS / 2; /* and then. */
    CHECK(take(f, &sliding));
    redis_server_again(&server);
    redis_await(f, false);
    CHECK_EQ_INT(shared_used(f, sliding), 3);
    redis_skew(f->platform.redis, HOUR_MS / 2 + MINUTE_MS);
    CHECK_EQ_INT(shared_used(f, sliding), 1);
    redis_skew(f->platform.redis, HOUR_MS + MINUTE_MS);
    CHECK_EQ_INT(shared_used(f, sliding), 0);
    redis_close(f, &server);
}

TEST(redis_given_back_while_away, "a budget taken and given back without Redis is free in it")
{
    struct redis_server server;
    struct count_ask asks[] = {cap("x", COUNT_MONTH, 10), sliding_cap("x", COUNT_DAY, 10)};
    struct fixture *f;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    redis_server_kill(&server);
    CHECK(take_all(f, asks, 2).taken);
    CHECK(take_all(f, asks, 2).degraded);
    give_back(f, asks, 2);
    redis_server_again(&server);
    redis_await(f, false);
    CHECK_EQ_INT(shared_used(f, asks[0]), 1);
    CHECK_EQ_INT(shared_used(f, asks[1]), 2); /* Stays counted: see shared.c. */
    redis_close(f, &server);
}

TEST(redis_stopped, "a Redis that hangs is waited for once; late answers are undone")
{
    struct redis_server server;
    struct count_ask ask = cap("x", COUNT_LIFETIME, 1000);
    struct fixture *f;
    int degraded = 0;

    redis_server_start(&server);
    f = redis_open("a", server.address);
    for (int round = 1; round <= 3; round++) {
        redis_patience(f->platform.redis, COUNT_WAIT_MS_MAX);
        CHECK_EQ_INT(kill(server.pid, SIGSTOP), 0);
        for (int k = 0; k < 50; k++)
            degraded += take_all(f, &ask, 1).degraded;
        CHECK(degraded == round * 50);
        CHECK_EQ_INT(kill(server.pid, SIGCONT), 0);
        redis_patience(f->platform.redis, 15 * SECOND_MS);
        redis_await(f, false);
        CHECK_EQ_INT(shared_used(f, ask), round * 50);
    }
    redis_close(f, &server);
}

TEST(redis_absent, "without a Redis at all the space opens, and counts")
{
    struct fixture *f = fixture_open_shared("sqlite", NULL, "a", "127.0.0.1:1");
    struct count_ask ask = cap("x", COUNT_DAY, 1);

    CHECK(take_all(f, &ask, 1).degraded);
    CHECK(!take(f, &ask));
    redis_await(f, true);
    fixture_close(f);
}

TEST(redis_bad_address, "what is no address is refused at start")
{
    static const char *const bad[] = {
        "", "localhost", ":6379", "localhost:", "localhost:0", "localhost:65536", "localhost:x"};
    struct problem problem;

    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        CHECK(!redis_start(bad[k], env_system(), &problem));
        CHECK_EQ_STR(problem.code, "bad_redis");
    }
}

/* ---- Wrong ---- */

TEST(redis_garbage, "answers that the script does not give are not believed, and nothing fails")
{
    static const char *const answers[] = {
        "\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "-ERR unknown command\r\n",
        "-NOSCRIPT no\r\n", /* Also for the script itself. */
        ":1\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*4\r\n:2\r\n:1\r\n:1\r\n:0\r\n",
        "*4\r\n:1\r\n:1\r\n:-1\r\n:0\r\n",
        "*4\r\n:0\r\n:1\r\n:1\r\n:-3\r\n",
        "*4\r\n$1\r\n1\r\n:1\r\n:1\r\n:0\r\n",
        "*5\r\n:1\r\n:1\r\n:1\r\n:0\r\n:0\r\n",
        "*1000000\r\n",
        "$100000\r\nx",
        "*4\r\n:1\r\n*4\r\n:1\r\n*4\r\n:1\r\n*4\r\n:1\r\n*4\r\n:1\r\n*4\r\n*4\r\n*4\r\n*4\r\n*4\r\n",
    };

    for (size_t k = 0; k < sizeof(answers) / sizeof(answers[0]); k++) {
        struct count_ask ask = cap("x", COUNT_DAY, 2);
        struct redis_fake fake;
        struct fixture *f;
        char dir[16];

        snprintf(dir, sizeof(dir), "d%d", (int)k);
        redis_fake_start(&fake, answers[k]);
        f = redis_open(dir, fake.address);
        redis_patience(f->platform.redis, COUNT_WAIT_MS_MAX);
        CHECK_SAY(take_all(f, &ask, 1).degraded, "%s", answers[k]);
        CHECK(take_all(f, &ask, 1).taken);
        CHECK(!take(f, &ask));
        CHECK(atomic_load(&fake.asked) > 0);
        fixture_close(f);
        redis_fake_stop(&fake);
    }
}

TEST(redis_silent, "a server that never answers is given up")
{
    struct count_ask ask = cap("x", COUNT_DAY, 2);
    struct redis_fake fake;
    struct fixture *f;

    redis_fake_start(&fake, NULL);
    f = redis_open("a", fake.address);
    redis_patience(f->platform.redis, COUNT_WAIT_MS_MAX);
    CHECK(take_all(f, &ask, 1).degraded);
    CHECK(take_all(f, &ask, 1).degraded);
    CHECK(!take(f, &ask));
    fixture_close(f);
    redis_fake_stop(&fake);
}

/* ---- Threads ---- */

enum { TAKERS = 4, TRIES = 400, SHARED_LIMIT = 1000 };

struct taker {
    struct fixture *f;
    pthread_t thread;
    int taken, alone;
};

static void *take_in_a_loop(void *argument)
{
    struct taker *taker = argument;

    for (int k = 0; k < TRIES; k++) {
        struct count_ask asks[] = {cap("x", COUNT_LIFETIME, SHARED_LIMIT),
                                   sliding_cap("x", COUNT_DAY, SHARED_LIMIT)};
        struct count_answer answer = take_all(taker->f, asks, 2);

        taker->taken += answer.taken;
        taker->alone += answer.degraded;
    }
    return NULL;
}

TEST_THREADS(redis_threads, "threads of two processes take exactly as much as there is")
{
    struct redis_server server;
    struct taker takers[TAKERS];
    struct fixture *f[2];
    int taken = 0, alone = 0;

    redis_server_start(&server);
    f[0] = redis_open("a", server.address);
    f[1] = redis_open("b", server.address);
    for (int k = 0; k < TAKERS; k++) {
        takers[k] = (struct taker){.f = f[k % 2]};
        CHECK_EQ_INT(pthread_create(&takers[k].thread, NULL, take_in_a_loop, &takers[k]), 0);
    }
    for (int k = 0; k < TAKERS; k++) {
        pthread_join(takers[k].thread, NULL);
        taken += takers[k].taken;
        alone += takers[k].alone;
    }
    CHECK_EQ_INT(alone, 0);
    CHECK_EQ_INT(taken, SHARED_LIMIT);
    for (int k = 0; k < 2; k++)
        redis_await(f[k], false);
    CHECK_EQ_INT(shared_used(f[0], cap("x", COUNT_LIFETIME, 0)), taken);
    fixture_close(f[1]);
    redis_close(f[0], &server);
}
