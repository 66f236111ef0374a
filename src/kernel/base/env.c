/*
 * env.c - the real clock and the real random source.
 */
#include "kernel/base/env.h"

#include <assert.h>
#include <sodium.h>
#include <time.h>

static int64_t read_clock(clockid_t clock, int64_t per_second)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * per_second + now.tv_nsec / (1000000000 / per_second);
}

static int64_t wall_ms(struct env *env)
{
    (void)env;
    return read_clock(CLOCK_REALTIME, 1000);
}

static int64_t monotonic_us(struct env *env)
{
    (void)env;
    return read_clock(CLOCK_MONOTONIC, 1000000);
}

static void random_bytes(struct env *env, void *out, size_t len)
{
    (void)env;
    randombytes_buf(out, len);
}

struct env *env_system(void)
{
    static struct env env = {wall_ms, monotonic_us, random_bytes};
    int ready = sodium_init(); /* Does its work once, for all threads. */

    assert(ready >= 0);
    return &env;
}
