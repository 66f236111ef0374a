/*
 * env.h - the outside world, injected: clock and randomness.
 *
 * Invariants: nothing above this file asks the system for the time or for random bytes; a test or
 * a simulation that injects its own env replays a run to the byte.
 */
#ifndef GREVY_BASE_ENV_H
#define GREVY_BASE_ENV_H

#include <stddef.h>
#include <stdint.h>

struct env {
    int64_t (*wall_ms)(struct env *env);      /* Unix milliseconds, UTC. */
    int64_t (*monotonic_us)(struct env *env); /* Never goes back; for deadlines and latencies. */
    void (*random)(struct env *env, void *out, size_t len);
};

struct env *env_system(void); /* The real clock, the kernel's random source.  Thread safe. */

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS ((int64_t)24 * HOUR_MS)

#endif
