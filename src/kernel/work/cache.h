/*
 * cache.h - replies by id, held in memory: what decisions read without a database.
 *
 * Invariants:
 *   - what is put was read after the last drop of its key began: a reader that read before a commit
 *     cannot put its stale value after it (drop moves a generation that put must still meet);
 *   - only the process that writes the space remembers: others would not hear of changes; what was
 *     remembered under an earlier lease is forgotten;
 *   - memory is bounded: the oldest entries of a shard make room;
 *   - get copies, so nothing in the cache is ever borrowed.
 */
#ifndef GREVY_WORK_CACHE_H
#define GREVY_WORK_CACHE_H

#include "kernel/base/cx.h"

struct cache;

struct cache *cache_make(size_t bytes_max);
void cache_free(struct cache *cache);

/** Copy the entry into cx.  On a miss returns false and *generation is what cache_put wants. */
bool cache_get(struct cache *cache, struct cx *cx, int64_t key, struct str *out,
               uint64_t *generation);
void cache_put(struct cache *cache, int64_t key, uint64_t generation, struct str value);
void cache_drop(struct cache *cache, int64_t key);

#endif
