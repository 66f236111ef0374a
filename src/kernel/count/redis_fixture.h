/*
 * redis_fixture.h - a throw-away Redis, and a server that only looks like one.
 */
#ifndef GREVY_COUNT_REDIS_FIXTURE_H
#define GREVY_COUNT_REDIS_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "kernel/count/fixture.h"
#include "kernel/count/redis.h"

struct redis_server {
    pid_t pid;
    int port;
    char address[40], dir[300];
};

/** On a free port, keeping what it acknowledged.  Without redis-server the test is skipped. */
void redis_server_start(struct redis_server *server);
void redis_server_kill(struct redis_server *server);
/** Again, on its port, with what it had. */
void redis_server_again(struct redis_server *server);
/** One command of words that have no spaces. */
void redis_server_command(const struct redis_server *server, const char *command);

/** Answers SCRIPT LOAD and PING as Redis does, and scripts with what it is told. */
struct redis_fake {
    int listen_fd;
    char address[40];
    pthread_t thread;
    _Atomic(const char *) answer; /* NULL: none at all. */
    atomic_bool closing;
    atomic_int asked;
};
void redis_fake_start(struct redis_fake *fake, const char *answer);
void redis_fake_stop(struct redis_fake *fake);

/** A space whose counters are shared, at the time of day; waits until they are. */
struct fixture *redis_open(const char *dir, const char *address);
/** Wait until the flag is as wanted, and nothing is owed when it is down. */
void redis_await(struct fixture *f, bool degraded);

#endif
