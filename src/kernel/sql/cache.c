/*
 * cache.c - statements by the address of what they were made of.
 *
 * There are as many as the program has SQL texts and tables: nothing is ever evicted.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/sql/driver.h"

enum { SLOTS_MIN = 64 };

static size_t place(const struct cache *cache, const void *key, int use)
{
    uint64_t hash = ((uint64_t)(uintptr_t)key + (uint64_t)use) * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(hash >> 32) & (cache->slot_count - 1);
}

struct statement *cache_find(const struct cache *cache, const void *key, int use)
{
    struct statement *statement;

    if (cache->slot_count == 0)
        return NULL;
    for (size_t at = place(cache, key, use);; at = (at + 1) & (cache->slot_count - 1)) {
        statement = cache->slots[at];
        if (!statement || (statement->key == key && statement->use == use))
            return statement;
    }
}

static void insert(struct cache *cache, struct statement *statement)
{
    size_t at = place(cache, statement->key, statement->use);

    while (cache->slots[at])
        at = (at + 1) & (cache->slot_count - 1);
    cache->slots[at] = statement;
}

static void grow(struct cache *cache)
{
    struct cache old = *cache;

    cache->slot_count = old.slot_count ? old.slot_count * 2 : SLOTS_MIN;
    cache->slots = calloc(cache->slot_count, sizeof(cache->slots[0]));
    assert(cache->slots);
    for (size_t at = 0; at < old.slot_count; at++)
        if (old.slots[at])
            insert(cache, old.slots[at]);
    free(old.slots);
}

void cache_add(struct cache *cache, struct statement *statement)
{
    if ((cache->count + 1) * 2 > cache->slot_count)
        grow(cache);
    insert(cache, statement);
    cache->count++;
}

void cache_close(struct cache *cache, void (*drop)(struct statement *statement))
{
    for (size_t at = 0; at < cache->slot_count; at++) {
        struct statement *next, *statement = cache->slots[at];

        for (; statement; statement = next) {
            next = statement->variant;
            drop(statement);
        }
    }
    free(cache->slots);
    *cache = (struct cache){0};
}
