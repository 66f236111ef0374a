/*
 * table.h - counters in memory: shards of a hash table, each behind a lock of its own.  Between the
 * files of kernel/count.
 *
 * Invariants:
 *   - a decision locks the shards of all its keys in ascending order: no two wait for each other;
 *   - an entry is reached only under the lock of its shard, and pinned while a decision holds it:
 *     pinned ones are not evicted;
 *   - bytes of a shard are those of its entries, keys and marks, never above bytes_max.
 */
#ifndef GREVY_COUNT_TABLE_H
#define GREVY_COUNT_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernel/count/count.h"
#include "kernel/count/marks.h"

enum {
    SHARDS = 64,               /* More than there are threads: few meet. */
    SHARD_BYTES_MAX = 1 << 20, /* 64 MiB per space: about 300,000 caps. */
    SHARD_SLOTS_MIN = 64,
    EVICT_LOOK_MAX = 32, /* Entries looked at for an expired one before the oldest goes. */
};

/* What forced counts may reach: no sum of such overflows. */
#define USED_MAX (2 * COUNT_AMOUNT_MAX)

struct list_link {
    struct list_link *newer, *older;
};

struct entry {
    struct list_link link;  /* First: of the shard's evictable or kept, newest first. */
    struct list_link dirty; /* Of what is not saved; newer NULL: saved. */
    struct entry *next;     /* Same slot. */
    uint64_t hash;
    int64_t used;
    struct period period; /* Calendar windows and the lifetime. */
    struct marks marks;   /* Sliding ones. */
    enum count_window window;
    bool sliding, kept, pinned;
    int key_len;
    char key[];
};

struct shard {
    pthread_mutex_t lock;
    struct entry **slots;
    size_t slot_count, entry_count, dirty_count, bytes, bytes_max;
    struct list_link evictable, kept, dirty; /* Rings. */
} __attribute__((aligned(64)));

struct counters {
    struct shard shards[SHARDS];
    uint64_t seed; /* Nobody chooses keys that fall together. */
    const struct zone *zone;
    struct space *space;
    struct count_redis *redis; /* NULL: counted here alone. */
    atomic_llong seen_ms;      /* The latest time told. */
    atomic_llong save_due_ms;  /* When what is dirty is to be saved; INT64_MAX: nothing is. */
    atomic_llong evicted, full;
    int swept; /* The shard last looked through for expired ones; the writer's. */
};

/** Needs: random seed, zone. */
void table_open(struct counters *counters, size_t shard_bytes_max);
void table_close(struct counters *counters);

uint64_t table_hash(const struct counters *counters, const struct count_ask *ask);
struct shard *table_shard(struct counters *counters, uint64_t hash);

/** Needs (all below): the shard's lock. */
struct entry *table_find(struct shard *shard, const struct count_ask *ask, uint64_t hash);
/** NULL: full. */
struct entry *table_add(struct counters *counters, const struct count_ask *ask, uint64_t hash,
                        int64_t now_ms);
/** Room for one more mark; false: full. */
bool table_mark_room(struct counters *counters, struct shard *shard, struct entry *entry,
                     int64_t now_ms);
/** It was asked for; kept: from now on never evict it. */
void table_touch(struct shard *shard, struct entry *entry, bool kept);
void table_dirty(struct shard *shard, struct entry *entry);
void table_clean(struct shard *shard, struct entry *entry);
/** Bring it to now: a new period, or without what left the window. */
void entry_settle(const struct counters *counters, struct entry *entry, int64_t now_ms);
/** When nothing is left of it. */
int64_t entry_end_ms(const struct entry *entry);
/** Free all of this shard that have expired. */
void table_sweep(struct shard *shard, int64_t now_ms);

/** The counters' time, which does not go back by less than COUNT_BEHIND_MS. */
int64_t count_now_ms(struct cx *cx, struct counters *counters);

static inline struct entry *entry_of_dirty(struct list_link *link)
{
    return (struct entry *)(void *)((char *)link - offsetof(struct entry, dirty));
}

#endif
