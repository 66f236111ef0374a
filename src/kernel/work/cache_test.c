/*
 * cache_test.c - nothing stale is ever remembered.
 */
#include <stdlib.h>

#include "kernel/work/cache.h"
#include "kernel/work/space.h"
#include "test/kit/test.h"

static struct space *writing_space(int64_t epoch)
{
    struct space *space = calloc(1, sizeof(*space));

    CHECK(space != NULL);
    atomic_store(&space->epoch, epoch);
    return space;
}

TEST(cache_never_stale, "what was read before a change, or under another lease, is not remembered")
{
    struct cache *cache = cache_make(1 << 20);
    struct space *space = writing_space(3);
    struct cx cx;
    uint64_t early, generation;
    struct str got;

    cx_open(&cx, env_system(), 1 << 20);
    cx.space = space;
    CHECK(!cache_get(cache, &cx, 7, &got, &early));
    cache_drop(cache, 7); /* A commit changes it while a reader still holds the old value. */
    cache_put(cache, 7, early, STR("old"));
    CHECK(!cache_get(cache, &cx, 7, &got, &generation));
    cache_put(cache, 7, generation, STR("new"));
    CHECK(cache_get(cache, &cx, 7, &got, &generation));
    CHECK_EQ_TEXT(got, "new");
    atomic_store(&space->epoch, 0); /* Another process writes now. */
    CHECK(!cache_get(cache, &cx, 7, &got, &generation));
    cache_put(cache, 7, generation, STR("guess"));
    atomic_store(&space->epoch, 4);
    CHECK(!cache_get(cache, &cx, 7, &got, &generation));
    cx_close(&cx);
    free(space);
    cache_free(cache);
}

TEST(cache_is_bounded, "memory is bounded: the oldest make room, the newest stay")
{
    enum { COUNT = 5000, VALUE_LEN = 1000 };
    static char bytes[VALUE_LEN];
    struct cache *cache = cache_make(1 << 20);
    struct space *space = writing_space(1);
    struct str got;
    uint64_t generation;
    struct cx cx;
    int kept = 0;

    cx_open(&cx, env_system(), 64 << 20);
    cx.space = space;
    for (int64_t k = 1; k <= COUNT; k++) {
        CHECK(!cache_get(cache, &cx, k, &got, &generation));
        cache_put(cache, k, generation, (struct str){bytes, VALUE_LEN});
    }
    CHECK(cache_get(cache, &cx, COUNT, &got, &generation));
    for (int64_t k = 1; k <= COUNT; k++)
        kept += cache_get(cache, &cx, k, &got, &generation);
    CHECK(kept > 500);
    CHECK(kept * VALUE_LEN <= 1 << 20);
    cx_close(&cx);
    free(space);
    cache_free(cache);
}
