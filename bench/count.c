/*
 * count.c - what a decision by three caps costs, here and in Redis.
 *
 *   count local DIR SECONDS            one line of JSON: take_ns, of a decision by three caps; and
 *                                      map_ns, of three increments in a bare hash map
 *   count redis DIR SECONDS HOST:PORT  take_per_s, of TAKERS threads that share one connection; and
 *                                      blocking_per_s, of one thread that asks the same script and
 *                                      waits for each answer
 *
 * The caps are of 10,000 users: 3 a day of slot and user, 100 in any hour of the user, a budget.
 */
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/count/call.h"
#include "kernel/count/count.h"
#include "kernel/count/redis.h"
#include "kernel/work/space.h"

enum { USERS = 10000, CAPS = 3, TAKERS = 32, CHUNK = 1000, KEY_LEN_MAX = 48, MAP_SLOTS = 1 << 16 };

static struct platform platform;
static struct space *space;
static char keys[USERS][CAPS][KEY_LEN_MAX];

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void make_keys(void)
{
    for (int u = 0; u < USERS; u++) {
        snprintf(keys[u][0], KEY_LEN_MAX, "slot_01hzx3k7v2q8m:usr_01hzx%08d", u);
        snprintf(keys[u][1], KEY_LEN_MAX, "usr_01hzx%08d", u);
        snprintf(keys[u][2], KEY_LEN_MAX, "campaign_01hzx3k7v2q8m");
    }
}

static void ask_for(struct count_ask asks[CAPS], int user)
{
    for (int c = 0; c < CAPS; c++)
        asks[c] = (struct count_ask){.key = str_of(keys[user][c]),
                                     .window = c == 0   ? COUNT_DAY
                                               : c == 1 ? COUNT_HOUR
                                                        : COUNT_MONTH,
                                     .sliding = c == 1,
                                     .kept = c == 2,
                                     .limit = INT64_C(1) << 50,
                                     .amount = 1};
}

static void must(enum err err, const struct problem *problem)
{
    if (err == OK)
        return;
    fprintf(stderr, "count: %s\n", problem->detail);
    exit(1);
}

static void open_space(const char *dir, const char *redis)
{
    static const struct module *const modules[] = {NULL};
    struct platform_options options = {.data_dir = dir,
                                       .modules = modules,
                                       .redis = redis,
                                       .manual = true,
                                       .has_master_key = true};
    struct problem problem;

    must(platform_open(&platform, &options, &problem), &problem);
    must(space_create(&platform, STR("bench"), &problem), &problem);
    must(space_open(&platform, STR("bench"), &space, &problem), &problem);
}

/* A decision of a unit of work of its own, whose memory is used again, as HTTP threads do. */
static bool decide(struct cx *cx, int user)
{
    struct count_ask asks[CAPS];
    struct count_answer answer;

    cx->now_ms = cx->env->wall_ms(cx->env);
    ask_for(asks, user);
    if (count_take(cx, space->counters, asks, CAPS, &answer) != OK || !answer.taken)
        must(ERR_INTERNAL, &cx->problem);
    return !answer.degraded;
}

static void cx_make(struct cx *cx)
{
    cx_open(cx, env_system(), 1 << 16);
    cx->space = space;
}

/* ---- Here ---- */

/* The yardstick: open addressing, no locks, no windows, nothing evicted. */
static struct slot {
    const char *key;
    size_t len;
    int64_t count;
} map[MAP_SLOTS];

static void increment(const char *key)
{
    struct str text = str_of(key);
    uint64_t hash = str_hash(text, 7);

    for (;; hash++) {
        struct slot *slot = &map[hash % MAP_SLOTS];

        if (!slot->key)
            *slot = (struct slot){.key = key, .len = text.len};
        if (slot->len == text.len && memcmp(slot->key, key, text.len) == 0) {
            slot->count++;
            return;
        }
    }
}

static double measure(double seconds, void (*one)(struct cx *cx, int user), struct cx *cx)
{
    int64_t begin_ns = now_ns(), end_ns = begin_ns + (int64_t)(seconds * 1e9), done = 0;
    unsigned user = 1;

    while (now_ns() < end_ns)
        for (int k = 0; k < CHUNK; k++, done++) {
            user = user * 1103515245 + 12345;
            one(cx, (int)(user / 65536 % USERS));
        }
    return (double)(now_ns() - begin_ns) / (double)done;
}

static void one_take(struct cx *cx, int user)
{
    (void)decide(cx, user);
}

static void one_map(struct cx *cx, int user)
{
    (void)cx;
    for (int c = 0; c < CAPS; c++)
        increment(keys[user][c]);
}

static void local(double seconds)
{
    struct cx cx;
    double take_ns, map_ns;

    cx_make(&cx);
    (void)measure(seconds / 4, one_take, &cx);
    (void)measure(seconds / 4, one_map, &cx);
    take_ns = measure(seconds, one_take, &cx);
    map_ns = measure(seconds, one_map, &cx);
    printf("{\"take_ns\": %.1f, \"map_ns\": %.1f}\n", take_ns, map_ns);
    cx_close(&cx);
}

/* ---- In Redis ---- */

static int64_t stop_ns;

static void *take_all(void *argument)
{
    int64_t *done = argument;
    struct cx cx;

    cx_make(&cx);
    for (int user = 0; now_ns() < stop_ns; user = (user + 7) % USERS)
        *done += decide(&cx, user);
    cx_close(&cx);
    return NULL;
}

static double shared_per_s(double seconds)
{
    pthread_t threads[TAKERS];
    int64_t done[TAKERS] = {0}, sum = 0, begin_ns = now_ns();

    stop_ns = begin_ns + (int64_t)(seconds * 1e9);
    for (int k = 0; k < TAKERS; k++)
        if (pthread_create(&threads[k], NULL, take_all, &done[k]) != 0)
            exit(1);
    for (int k = 0; k < TAKERS; k++) {
        pthread_join(threads[k], NULL);
        sum += done[k];
    }
    return (double)sum * 1e9 / (double)(now_ns() - begin_ns);
}

static redisContext *connect_to(const char *address)
{
    const char *colon = strrchr(address, ':');
    redisContext *link = colon ? redisConnect("127.0.0.1", (int)strtol(colon + 1, NULL, 10)) : NULL;

    if (link && !link->err)
        return link;
    fprintf(stderr, "count: no Redis at %s\n", address);
    exit(1);
}

/* The words of the same decision, sent and waited for. */
static void blocking_one(redisContext *link, const char *sha, int user)
{
    struct count_ask asks[CAPS];
    struct call *call;
    char head[128];
    int64_t now_ms = env_system()->wall_ms(env_system());
    redisReply *reply = NULL;
    int len;

    ask_for(asks, user);
    for (int c = 0; c < CAPS; c++)
        asks[c].taken_ms = now_ms;
    call = call_make(space->counters, CALL_DECISION, 't', asks, CAPS);
    len = snprintf(head, sizeof(head), "*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n",
                   call->argument_count + 2, sha);
    redisAppendFormattedCommand(link, head, (size_t)len);
    redisAppendFormattedCommand(link, call->words, call->len);
    if (redisGetReply(link, (void **)&reply) != REDIS_OK || !call_read(call, reply)) {
        fprintf(stderr, "count: %s\n", reply && reply->str ? reply->str : link->errstr);
        exit(1);
    }
    freeReplyObject(reply);
    call_release(call);
}

static double blocking_per_s(double seconds, const char *address)
{
    redisContext *link = connect_to(address);
    redisReply *loaded = redisCommand(link, "SCRIPT LOAD %s", count_script);
    int64_t begin_ns = now_ns(), end_ns = begin_ns + (int64_t)(seconds * 1e9), done = 0;

    for (int user = 0; now_ns() < end_ns; user = (user + 7) % USERS, done++)
        blocking_one(link, loaded->str, user);
    freeReplyObject(loaded);
    redisFree(link);
    return (double)done * 1e9 / (double)(now_ns() - begin_ns);
}

static void in_redis(double seconds, const char *address)
{
    struct redis_stats stats = {.degraded = true};
    double take, blocking;

    for (int64_t until_ns = now_ns() + INT64_C(5000000000); stats.degraded && now_ns() < until_ns;)
        redis_stats(platform.redis, &stats);
    (void)shared_per_s(seconds / 4);
    take = shared_per_s(seconds);
    blocking = blocking_per_s(seconds, address);
    redis_stats(platform.redis, &stats);
    printf("{\"take_per_s\": %.0f, \"blocking_per_s\": %.0f, \"degraded\": %s}\n", take, blocking,
           stats.degraded ? "true" : "false");
}

int main(int argc, char **argv)
{
    bool redis = argc == 5 && strcmp(argv[1], "redis") == 0;
    double seconds = argc >= 4 ? strtod(argv[3], NULL) : 0;

    if (seconds <= 0 || (!redis && (argc != 4 || strcmp(argv[1], "local") != 0))) {
        fputs("usage: count local DIR SECONDS | count redis DIR SECONDS HOST:PORT\n", stderr);
        return 2;
    }
    make_keys();
    open_space(argv[2], redis ? argv[4] : NULL);
    if (redis)
        in_redis(seconds, argv[4]);
    else
        local(seconds);
    platform_close(&platform);
    return 0;
}
