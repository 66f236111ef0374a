/*
 * table.c - find, add, evict.
 */
#include "kernel/count/table.h"

#include <stdlib.h>
#include <string.h>

/* ---- Rings ---- */

static void ring_open(struct list_link *ring)
{
    ring->newer = ring->older = ring;
}

static void ring_leave(struct list_link *link)
{
    assert(link->newer); /* It is in one. */
    link->newer->older = link->older;
    link->older->newer = link->newer;
    link->newer = link->older = NULL;
}

/* As the newest, which is ring->older; the oldest is ring->newer. */
static void ring_join(struct list_link *ring, struct list_link *link)
{
    link->newer = ring;
    link->older = ring->older;
    ring->older->newer = link;
    ring->older = link;
}

static struct list_link *ring_of(struct shard *shard, const struct entry *entry)
{
    return entry->kept ? &shard->kept : &shard->evictable;
}

/* ---- Opening ---- */

void table_open(struct counters *counters, size_t shard_bytes_max)
{
    for (int k = 0; k < SHARDS; k++) {
        struct shard *shard = &counters->shards[k];

        pthread_mutex_init(&shard->lock, NULL);
        shard->slot_count = SHARD_SLOTS_MIN;
        shard->slots = calloc(shard->slot_count, sizeof(struct entry *));
        assert(shard->slots); /* The kernel overcommits: failure means that the process is lost. */
        shard->bytes_max = shard_bytes_max;
        ring_open(&shard->evictable);
        ring_open(&shard->kept);
        ring_open(&shard->dirty);
    }
    atomic_store(&counters->save_due_ms, INT64_MAX);
}

static void entry_free(struct entry *entry)
{
    marks_free(&entry->marks);
    free(entry);
}

void table_close(struct counters *counters)
{
    for (int k = 0; k < SHARDS; k++) {
        struct shard *shard = &counters->shards[k];

        for (size_t s = 0; s < shard->slot_count; s++)
            for (struct entry *entry = shard->slots[s], *next; entry; entry = next) {
                next = entry->next;
                entry_free(entry);
            }
        free(shard->slots);
        pthread_mutex_destroy(&shard->lock);
    }
}

/* ---- Finding ---- */

uint64_t table_hash(const struct counters *counters, const struct count_ask *ask)
{
    return str_hash(ask->key, counters->seed + (uint64_t)ask->window * 2 + ask->sliding);
}

/* The top bits choose the shard, the low ones the slot. */
struct shard *table_shard(struct counters *counters, uint64_t hash)
{
    return &counters->shards[hash >> 58];
}

struct entry *table_find(struct shard *shard, const struct count_ask *ask, uint64_t hash)
{
    struct entry *entry = shard->slots[hash & (shard->slot_count - 1)];

    for (; entry; entry = entry->next)
        if (entry->hash == hash && entry->window == ask->window && entry->sliding == ask->sliding &&
            (size_t)entry->key_len == ask->key.len &&
            memcmp(entry->key, ask->key.ptr, ask->key.len) == 0)
            return entry;
    return NULL;
}

/* ---- Time ---- */

void entry_settle(const struct counters *counters, struct entry *entry, int64_t now_ms)
{
    if (entry->sliding) {
        entry->used -= marks_settle(&entry->marks, now_ms, window_length_ms(entry->window));
        return;
    }
    if (now_ms >= entry->period.begin_ms && now_ms < entry->period.end_ms)
        return;
    if (now_ms >= entry->period.end_ms)
        entry->used = 0; /* Otherwise the clock went back: what was counted goes on to count. */
    entry->period = window_period(counters->zone, entry->window, now_ms);
}

int64_t entry_end_ms(const struct entry *entry)
{
    int count = entry->marks.count;

    if (!entry->sliding)
        return entry->used > 0 ? entry->period.end_ms : INT64_MIN;
    return count ? entry->marks.items[count - 1].when_ms + window_length_ms(entry->window)
                 : INT64_MIN;
}

/* ---- Memory ---- */

static size_t entry_bytes(const struct entry *entry)
{
    return sizeof(*entry) + (size_t)entry->key_len + sizeof(struct entry *) +
           (size_t)entry->marks.room * sizeof(struct mark);
}

/* Out of the table, onto the list of what is to be freed. */
static void entry_remove(struct shard *shard, struct entry *entry, struct entry **dead)
{
    struct entry **at = &shard->slots[entry->hash & (shard->slot_count - 1)];

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    ring_leave(&entry->link);
    table_clean(shard, entry);
    shard->bytes -= entry_bytes(entry);
    shard->entry_count--;
    entry->next = *dead;
    *dead = entry;
}

static void entries_free(struct entry *dead)
{
    while (dead) {
        struct entry *next = dead->next;

        entry_free(dead);
        dead = next;
    }
}

/* An expired one among those not asked for longest. */
static struct entry *find_expired(struct list_link *ring, int64_t now_ms, int look_max)
{
    struct list_link *link = ring->newer;

    for (int k = 0; k < look_max && link != ring; k++, link = link->newer) {
        struct entry *entry = (struct entry *)link;

        assert(entry); /* A ring has no end. */
        if (!entry->pinned && entry_end_ms(entry) <= now_ms)
            return entry;
    }
    return NULL;
}

static struct entry *find_evictable(struct shard *shard)
{
    for (struct list_link *link = shard->evictable.newer; link != &shard->evictable;
         link = link->newer)
        if (!((struct entry *)link)->pinned)
            return (struct entry *)link;
    return NULL;
}

static struct entry *find_victim(struct counters *counters, struct shard *shard, int64_t now_ms)
{
    struct entry *victim = find_expired(&shard->evictable, now_ms, EVICT_LOOK_MAX);

    if (!victim)
        victim = find_expired(&shard->kept, now_ms, EVICT_LOOK_MAX);
    if (victim)
        return victim;
    victim = find_evictable(shard);
    atomic_fetch_add(victim ? &counters->evicted : &counters->full, 1);
    return victim;
}

/* See to it that bytes more fit.  False: what is kept takes all. */
static bool make_room(struct counters *counters, struct shard *shard, size_t bytes, int64_t now_ms)
{
    struct entry *dead = NULL, *victim;

    while (shard->bytes + bytes > shard->bytes_max &&
           (victim = find_victim(counters, shard, now_ms)))
        entry_remove(shard, victim, &dead);
    entries_free(dead);
    return shard->bytes + bytes <= shard->bytes_max;
}

void table_sweep(struct shard *shard, int64_t now_ms)
{
    struct list_link *rings[] = {&shard->evictable, &shard->kept};
    struct entry *dead = NULL;

    for (int k = 0; k < 2; k++)
        for (struct list_link *link = rings[k]->newer, *next; link != rings[k]; link = next) {
            struct entry *entry = (struct entry *)link;

            next = link->newer;
            if (!entry->pinned && !entry->dirty.newer && entry_end_ms(entry) <= now_ms)
                entry_remove(shard, entry, &dead);
        }
    entries_free(dead);
}

/* ---- Adding ---- */

static void widen(struct shard *shard)
{
    size_t count = shard->slot_count * 2;
    struct entry **slots = calloc(count, sizeof(struct entry *));

    if (!slots)
        return; /* Chains grow instead. */
    for (size_t s = 0; s < shard->slot_count; s++)
        for (struct entry *entry = shard->slots[s], *next; entry; entry = next) {
            next = entry->next;
            entry->next = slots[entry->hash & (count - 1)];
            slots[entry->hash & (count - 1)] = entry;
        }
    free(shard->slots);
    shard->slots = slots;
    shard->slot_count = count;
}

struct entry *table_add(struct counters *counters, const struct count_ask *ask, uint64_t hash,
                        int64_t now_ms)
{
    struct shard *shard = table_shard(counters, hash);
    struct entry *entry = calloc(1, sizeof(*entry) + ask->key.len), **slot;

    if (!entry)
        return NULL;
    *entry = (struct entry){.hash = hash,
                            .window = ask->window,
                            .sliding = ask->sliding,
                            .kept = ask->kept || ask->window == COUNT_LIFETIME,
                            .key_len = (int)ask->key.len};
    memcpy(entry->key, ask->key.ptr, ask->key.len);
    if (!make_room(counters, shard, entry_bytes(entry), now_ms)) {
        free(entry);
        return NULL;
    }
    if (!ask->sliding)
        entry->period = window_period(counters->zone, ask->window, now_ms);
    if (shard->entry_count >= shard->slot_count)
        widen(shard);
    slot = &shard->slots[hash & (shard->slot_count - 1)];
    entry->next = *slot;
    *slot = entry;
    ring_join(ring_of(shard, entry), &entry->link);
    shard->bytes += entry_bytes(entry);
    shard->entry_count++;
    return entry;
}

bool table_mark_room(struct counters *counters, struct shard *shard, struct entry *entry,
                     int64_t now_ms)
{
    size_t bytes = marks_growth(&entry->marks, now_ms, window_length_ms(entry->window));

    if (bytes == 0)
        return true;
    if (!make_room(counters, shard, bytes, now_ms) || !marks_grow(&entry->marks))
        return false;
    shard->bytes += bytes;
    return true;
}

void table_touch(struct shard *shard, struct entry *entry, bool kept)
{
    ring_leave(&entry->link);
    entry->kept |= kept;
    ring_join(ring_of(shard, entry), &entry->link);
}

void table_dirty(struct shard *shard, struct entry *entry)
{
    if (entry->dirty.newer)
        return;
    ring_join(&shard->dirty, &entry->dirty);
    shard->dirty_count++;
}

void table_clean(struct shard *shard, struct entry *entry)
{
    if (!entry->dirty.newer)
        return;
    ring_leave(&entry->dirty);
    shard->dirty_count--;
}
