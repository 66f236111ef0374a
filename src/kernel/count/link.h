/*
 * link.h - the connection's thread and what it shares with those who ask.  Between redis.c and
 * link.c.
 *
 * Invariants: what stands below lock is touched under it; what stands below thread, by the
 * connection's thread alone.
 */
#ifndef GREVY_COUNT_LINK_H
#define GREVY_COUNT_LINK_H

#include <pthread.h>

#include "kernel/count/call.h"

struct redisContext;

struct call_list {
    struct call *head, **tail;
    int count;
};

struct count_redis {
    char host[REDIS_ADDRESS_LEN_MAX];
    int port;
    struct env *env;
    pthread_t thread;
    int wake_fd;
    atomic_bool degraded, closing;
    atomic_llong dropped, skew_ms, wait_ms_max;

    pthread_mutex_t lock;
    struct call_list queue, owed;
    bool woken; /* wake_fd was written to and not yet read. */

    /* thread */
    struct redisContext *link;
    struct call_list flying; /* Sent, in the order of their answers. */
    enum { LINK_DOWN, LINK_CONNECTING, LINK_UP } state;
    char sha[SHA_LEN + 1];
    int64_t until_us; /* Connecting: when to give up; down: when to try; up: when to probe. */
    int64_t pause_ms;
};

void calls_open(struct call_list *list);
void calls_put(struct call_list *list, struct call *call);
struct call *calls_take(struct call_list *list); /* NULL: empty. */

int64_t redis_now_us(void); /* Monotonic, of the system: sockets know no other. */
void redis_wake(struct count_redis *redis);

/** The thread's life. */
void *link_main(void *argument);

#endif
