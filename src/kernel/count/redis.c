/*
 * redis.c - what threads that ask see of the connection: a queue, a flag, a debt.
 */
#define _GNU_SOURCE /* sem_clockwait */

#include "kernel/count/redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "kernel/base/log.h"
#include "kernel/count/link.h"

/* ---- Lists ---- */

void calls_open(struct call_list *list)
{
    *list = (struct call_list){.tail = &list->head};
}

void calls_put(struct call_list *list, struct call *call)
{
    call->next = NULL;
    *list->tail = call;
    list->tail = &call->next;
    list->count++;
}

struct call *calls_take(struct call_list *list)
{
    struct call *call = list->head;

    if (!call)
        return NULL;
    list->head = call->next;
    if (!list->head)
        list->tail = &list->head;
    list->count--;
    return call;
}

/* ---- Time and waking ---- */

static struct timespec now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t;
}

int64_t redis_now_us(void)
{
    struct timespec t = now();

    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

void redis_wake(struct count_redis *redis)
{
    uint64_t one = 1;

    if (write(redis->wake_fd, &one, sizeof(one)) < 0)
        assert(errno == EAGAIN); /* It is awake as it is. */
}

/* ---- Deciding ---- */

bool redis_degraded(const struct count_redis *redis)
{
    return atomic_load(&redis->degraded);
}

static void degrade(struct count_redis *redis)
{
    if (!atomic_exchange(&redis->degraded, true))
        log_event(LOG_WARN, "counters_degraded", LOG_TEXT("redis", str_of(redis->host)),
                  LOG_TEXT("reason", STR("no answer in time")));
    redis_wake(redis); /* To probe. */
}

bool redis_send(struct count_redis *redis, struct call *call)
{
    bool wake = false, room;

    if (redis_degraded(redis))
        return false;
    call_set_skew(call, atomic_load(&redis->skew_ms));
    pthread_mutex_lock(&redis->lock);
    room = redis->queue.count < REDIS_QUEUE_MAX && !atomic_load(&redis->closing);
    if (room) {
        atomic_fetch_add(&call->owners, 1);
        calls_put(&redis->queue, call);
        wake = !redis->woken;
        redis->woken = true;
    }
    pthread_mutex_unlock(&redis->lock);
    if (wake)
        redis_wake(redis);
    return room;
}

bool redis_wait(struct count_redis *redis, struct call *call)
{
    enum call_state waiting = CALL_WAITING;
    struct timespec until = now();
    int failed;

    until.tv_nsec += atomic_load(&redis->wait_ms_max) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    do
        failed = sem_clockwait(&call->answered, CLOCK_MONOTONIC, &until);
    while (failed && errno == EINTR);
    if (!failed || !atomic_compare_exchange_strong(&call->state, &waiting, CALL_ABANDONED))
        return atomic_load(&call->state) == CALL_ANSWERED;
    degrade(redis);
    return false;
}

void redis_owe(struct count_redis *redis, struct call *call)
{
    bool room, wake;

    pthread_mutex_lock(&redis->lock);
    room = call && redis->owed.count < OWED_MAX;
    if (room)
        calls_put(&redis->owed, call);
    wake = room && !redis->woken;
    redis->woken |= wake;
    pthread_mutex_unlock(&redis->lock);
    if (wake)
        redis_wake(redis);
    if (room)
        return;
    atomic_fetch_add(&redis->dropped, 1);
    if (call)
        call_release(call);
}

/* ---- Life ---- */

static bool read_address(struct count_redis *redis, const char *address)
{
    const char *colon = strrchr(address, ':');
    struct str host = {address, colon ? (size_t)(colon - address) : 0};
    int64_t port;

    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = (struct str){host.ptr + 1, host.len - 2}; /* [::1]:6379 */
    if (host.len == 0 || host.len >= sizeof(redis->host) || !str_int(str_of(colon + 1), &port) ||
        port < 1 || port > 65535)
        return false;
    memcpy(redis->host, host.ptr, host.len);
    redis->port = (int)port;
    return true;
}

struct count_redis *redis_start(const char *address, struct env *env, struct problem *problem)
{
    struct count_redis *redis = calloc(1, sizeof(*redis));

    assert(redis); /* The kernel overcommits: failure means that the process is lost. */
    if (!read_address(redis, address)) {
        *problem = (struct problem){.err = ERR_BAD_INPUT, .code = "bad_redis"};
        snprintf(problem->detail, sizeof(problem->detail),
                 "%.100s is no address of a Redis: write HOST:PORT, e.g. 127.0.0.1:6379", address);
        free(redis);
        return NULL;
    }
    redis->env = env;
    redis->pause_ms = REDIS_PAUSE_MS_MIN;
    atomic_store(&redis->wait_ms_max, COUNT_WAIT_MS_MAX);
    atomic_store(&redis->degraded, true); /* Until it has answered. */
    pthread_mutex_init(&redis->lock, NULL);
    calls_open(&redis->queue);
    calls_open(&redis->owed);
    calls_open(&redis->flying);
    redis->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(redis->wake_fd >= 0);
    if (pthread_create(&redis->thread, NULL, link_main, redis) != 0)
        abort();
    return redis;
}

static void drop_all(struct call_list *list)
{
    struct call *call;

    while ((call = calls_take(list)))
        call_release(call);
}

void redis_stop(struct count_redis *redis)
{
    if (!redis)
        return;
    atomic_store(&redis->closing, true);
    redis_wake(redis);
    pthread_join(redis->thread, NULL);
    drop_all(&redis->queue);
    if (redis->owed.count > 0)
        log_event(LOG_WARN, "counters_owed", LOG_INT("lost", redis->owed.count));
    drop_all(&redis->owed);
    close(redis->wake_fd);
    pthread_mutex_destroy(&redis->lock);
    free(redis);
}

void redis_stats(struct count_redis *redis, struct redis_stats *out)
{
    *out = (struct redis_stats){0};
    if (!redis)
        return;
    out->degraded = redis_degraded(redis);
    out->dropped = atomic_load(&redis->dropped);
    pthread_mutex_lock(&redis->lock);
    out->owed = redis->owed.count;
    pthread_mutex_unlock(&redis->lock);
}

void redis_skew(struct count_redis *redis, int64_t skew_ms)
{
    atomic_store(&redis->skew_ms, skew_ms);
}

void redis_patience(struct count_redis *redis, int64_t wait_ms)
{
    atomic_store(&redis->wait_ms_max, wait_ms);
}
