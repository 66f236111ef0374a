/*
 * env.c - the real clock and the real random source.
 */
#include "kernel/base/env.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

enum { RANDOM_POOL_BYTES = 1024, RANDOM_SMALL_BYTES_MAX = 64 };

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

/* Drawn from the kernel a kilobyte at a time: a call for each id of a trace would cost more than
 * the rest of it.  What was handed out is wiped. */
static void random_bytes(struct env *env, void *out, size_t len)
{
    static _Thread_local struct {
        unsigned char bytes[RANDOM_POOL_BYTES];
        size_t left;
    } pool;

    (void)env;
    if (len > RANDOM_SMALL_BYTES_MAX) {
        randombytes_buf(out, len);
        return;
    }
    if (pool.left < len) {
        randombytes_buf(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
    }
    pool.left -= len;
    memcpy(out, pool.bytes + pool.left, len);
    sodium_memzero(pool.bytes + pool.left, len);
}

struct env *env_system(void)
{
    static struct env env = {wall_ms, monotonic_us, random_bytes};
    int ready = sodium_init(); /* Does its work once, for all threads. */

    assert(ready >= 0);
    return &env;
}
