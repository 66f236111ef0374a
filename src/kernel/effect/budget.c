/*
 * budget.c - how often a host that fails is asked again.
 *
 * A bucket of tenths of a retry per host: each first call adds one tenth, each minute the floor; a
 * retry takes ten.  Hosts share buckets by hash: a clash makes both more careful.
 */
#include "kernel/effect/budget.h"

enum { TENTHS_MAX = 1000, TENTHS_PER_RETRY = 10 };
#define FLOOR_TENTHS ((int64_t)EFFECT_RETRY_FLOOR_PER_MINUTE * TENTHS_PER_RETRY)

/* Between the second and the third slash. */
static struct str host_of(struct str url)
{
    struct str rest = url, part = url;

    for (int k = 0; k < 3; k++)
        if (!str_cut(&rest, '/', &part))
            return url;
    return part;
}

static void fill(struct host_budget *host, int64_t now_ms)
{
    int64_t earned =
        host->filled_ms ? (now_ms - host->filled_ms) * FLOOR_TENTHS / MINUTE_MS : FLOOR_TENTHS;

    if (earned <= 0)
        return;
    host->filled_ms = now_ms;
    host->tenths += earned;
}

bool budget_take(struct effect_budget *budget, struct str url, bool retry, int64_t now_ms)
{
    struct host_budget *host = &budget->hosts[str_hash(host_of(url), 0) % EFFECT_HOSTS];

    fill(host, now_ms);
    host->tenths += !retry;
    if (host->tenths > TENTHS_MAX)
        host->tenths = TENTHS_MAX;
    if (retry && host->tenths < TENTHS_PER_RETRY)
        return false;
    host->tenths -= retry ? TENTHS_PER_RETRY : 0;
    return true;
}
