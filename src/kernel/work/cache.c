/*
 * cache.c - shards of a hash table with a ring of ages; one mutex each, held for a lookup and a
 * copy.
 */
#include "kernel/work/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/work/space.h"

enum { SHARDS = 16, SLOTS = 1024 };

struct entry {
    int64_t key;
    struct entry *next;          /* Of the slot. */
    struct entry *newer, *older; /* Of the shard. */
    size_t len;
    char bytes[];
};

struct shard {
    pthread_mutex_t lock;
    uint64_t generation;
    int64_t epoch; /* The lease under which its entries were read. */
    size_t bytes, bytes_max;
    struct entry *slots[SLOTS];
    struct entry ages; /* Newest after, oldest before. */
};

struct cache {
    struct shard shards[SHARDS];
};

static uint64_t mix(int64_t key)
{
    return (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);
}

static struct shard *shard_of(struct cache *cache, int64_t key)
{
    return &cache->shards[mix(key) >> 60];
}

static struct entry **slot_of(struct shard *shard, int64_t key)
{
    return &shard->slots[(mix(key) >> 40) % SLOTS];
}

struct cache *cache_make(size_t bytes_max)
{
    struct cache *cache = calloc(1, sizeof(*cache));

    assert(cache);
    for (int k = 0; k < SHARDS; k++) {
        struct shard *shard = &cache->shards[k];

        pthread_mutex_init(&shard->lock, NULL);
        shard->bytes_max = bytes_max / SHARDS;
        shard->ages.newer = shard->ages.older = &shard->ages;
    }
    return cache;
}

static void drop(struct shard *shard, struct entry *entry)
{
    struct entry **at = slot_of(shard, entry->key);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    entry->newer->older = entry->older;
    entry->older->newer = entry->newer;
    shard->bytes -= sizeof(*entry) + entry->len;
    free(entry);
}

static void clear(struct shard *shard)
{
    while (shard->ages.newer != &shard->ages)
        drop(shard, shard->ages.newer);
}

void cache_free(struct cache *cache)
{
    for (int k = 0; k < SHARDS; k++) {
        clear(&cache->shards[k]);
        pthread_mutex_destroy(&cache->shards[k].lock);
    }
    free(cache);
}

static struct entry *find(struct shard *shard, int64_t key)
{
    struct entry *entry = *slot_of(shard, key);

    while (entry && entry->key != key)
        entry = entry->next;
    return entry;
}

bool cache_get(struct cache *cache, struct cx *cx, int64_t key, struct str *out,
               uint64_t *generation)
{
    struct shard *shard = shard_of(cache, key);
    int64_t epoch = atomic_load(&cx->space->epoch);
    struct entry *entry;
    char *copy = NULL;
    size_t len = 0;

    *out = (struct str){0};
    *generation = UINT64_MAX; /* What no shard ever has: put forgets. */
    if (epoch == 0)
        return false;
    pthread_mutex_lock(&shard->lock);
    if (shard->epoch != epoch) {
        clear(shard);
        shard->epoch = epoch;
        shard->generation++;
    }
    entry = find(shard, key);
    *generation = shard->generation;
    if (entry) {
        len = entry->len;
        copy = arena_try(&cx->arena, len ? len : 1); /* No unwinding with the lock held. */
        if (copy)
            memcpy(copy, entry->bytes, len);
    }
    pthread_mutex_unlock(&shard->lock);
    *out = (struct str){copy, len};
    return copy != NULL;
}

void cache_put(struct cache *cache, int64_t key, uint64_t generation, struct str value)
{
    struct shard *shard = shard_of(cache, key);
    size_t size = sizeof(struct entry) + value.len;
    struct entry *entry;

    pthread_mutex_lock(&shard->lock);
    if (shard->generation == generation && !find(shard, key) && size <= shard->bytes_max &&
        (entry = malloc(size))) {
        while (shard->bytes + size > shard->bytes_max)
            drop(shard, shard->ages.newer); /* The ring: newer of the head is the oldest. */
        *entry = (struct entry){.key = key, .len = value.len};
        memcpy(entry->bytes, value.ptr, value.len);
        entry->next = *slot_of(shard, key);
        *slot_of(shard, key) = entry;
        entry->older = shard->ages.older;
        entry->newer = &shard->ages;
        shard->ages.older->newer = entry;
        shard->ages.older = entry;
        shard->bytes += size;
    }
    pthread_mutex_unlock(&shard->lock);
}

void cache_drop(struct cache *cache, int64_t key)
{
    struct shard *shard = shard_of(cache, key);
    struct entry *entry;

    pthread_mutex_lock(&shard->lock);
    shard->generation++;
    entry = find(shard, key);
    if (entry)
        drop(shard, entry);
    pthread_mutex_unlock(&shard->lock);
}
