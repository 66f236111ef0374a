/*
 * snapshot.c - sorted entries and a hash table over them.
 */
#include "kernel/document/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/hash.h"

struct snapshot {
    int64_t seq;
    size_t count;
    struct entry *entries;
    uint32_t *places; /* Hash table: number of the entry + 1; 0: free. */
    size_t mask;
    struct unit **dropped; /* Not in the next snapshot. */
    size_t dropped_count;
};

/* ---- Units ---- */

struct unit *unit_make(const struct document *document)
{
    struct unit *unit = calloc(1, sizeof(*unit));

    assert(unit);
    unit->document = *document;
    arena_init(&unit->keep, DOCUMENT_MEMORY_BYTES_MAX);
    return unit;
}

void unit_free(struct unit *unit)
{
    if (!unit)
        return;
    arena_free(&unit->keep);
    free(unit);
}

/* ---- Making ---- */

static struct snapshot *make(size_t entries_max)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    size_t size = 2;

    while (size < entries_max * 2)
        size *= 2;
    assert(snapshot);
    snapshot->entries = calloc(entries_max + 1, sizeof(snapshot->entries[0]));
    snapshot->places = calloc(size, sizeof(snapshot->places[0]));
    assert(snapshot->entries);
    assert(snapshot->places);
    snapshot->mask = size - 1;
    return snapshot;
}

struct snapshot *snapshot_empty(void)
{
    return make(0);
}

static uint64_t hash_of(struct str collection, struct str key)
{
    return str_hash(key, str_hash(collection, 0));
}

static int compare(struct str collection, struct str key, const struct entry *entry)
{
    int order = str_cmp(collection, entry->collection);

    return order ? order : str_cmp(key, entry->key);
}

static void add(struct snapshot *snapshot, const struct entry *entry)
{
    size_t at = hash_of(entry->collection, entry->key) & snapshot->mask;

    snapshot->entries[snapshot->count++] = *entry;
    while (snapshot->places[at])
        at = (at + 1) & snapshot->mask;
    snapshot->places[at] = (uint32_t)snapshot->count;
}

/* Texts of an entry live with its unit. */
static void add_changed(struct snapshot *snapshot, const struct change *change)
{
    const struct unit *unit = change->live ? change->live : change->grey;

    if (!unit)
        return;
    add(snapshot, &(struct entry){.collection = unit->document.collection,
                                  .key = unit->document.key,
                                  .live = change->live,
                                  .grey = change->grey,
                                  .grey_share = change->grey_share});
}

static void drop(struct snapshot *from, struct unit *unit, const struct change *change)
{
    if (unit && unit != change->live && unit != change->grey)
        from->dropped[from->dropped_count++] = unit;
}

struct snapshot *snapshot_next(struct snapshot *from, int64_t seq, const struct change *changes,
                               size_t count)
{
    struct snapshot *next = make(from->count + count);
    size_t old = 0;

    next->seq = seq;
    from->dropped = calloc(2 * count + 1, sizeof(from->dropped[0]));
    assert(from->dropped);
    for (size_t k = 0; k < count; k++) {
        const struct change *change = &changes[k];
        int order = -1;

        while (old < from->count &&
               (order = compare(change->collection, change->key, &from->entries[old])) > 0)
            add(next, &from->entries[old++]);
        if (old < from->count && order == 0) {
            drop(from, from->entries[old].live, change);
            drop(from, from->entries[old].grey, change);
            old++;
        }
        add_changed(next, change);
    }
    while (old < from->count)
        add(next, &from->entries[old++]);
    return next;
}

static void free_alone(struct snapshot *snapshot)
{
    free(snapshot->entries);
    free(snapshot->places);
    free(snapshot->dropped);
    free(snapshot);
}

void snapshot_free_old(void *snapshot)
{
    struct snapshot *old = snapshot;

    for (size_t k = 0; k < old->dropped_count; k++)
        unit_free(old->dropped[k]);
    free_alone(old);
}

void snapshot_free(struct snapshot *snapshot)
{
    for (size_t k = 0; k < snapshot->count; k++) {
        unit_free(snapshot->entries[k].live);
        unit_free(snapshot->entries[k].grey);
    }
    free_alone(snapshot);
}

/* ---- Looking up ---- */

int64_t snapshot_seq(const struct snapshot *snapshot)
{
    return snapshot->seq;
}

size_t snapshot_count(const struct snapshot *snapshot)
{
    return snapshot->count;
}

const struct entry *snapshot_entry(const struct snapshot *snapshot, struct str collection,
                                   struct str key)
{
    size_t at = hash_of(collection, key) & snapshot->mask;

    for (; snapshot->places[at]; at = (at + 1) & snapshot->mask) {
        const struct entry *entry = &snapshot->entries[snapshot->places[at] - 1];

        if (compare(collection, key, entry) == 0)
            return entry;
    }
    return NULL;
}

/* The same users see a release from its first share to its last; another release draws others. */
static bool is_drawn(const struct entry *entry, struct str user)
{
    const struct document *document = &entry->grey->document;
    struct str version = {(const char *)&document->version, sizeof(document->version)};
    struct str parts[] = {document->collection, document->key, version, user};
    unsigned char hash[HASH_BYTES];
    uint64_t draw;

    hash_parts(hash, NULL, parts, sizeof(parts) / sizeof(parts[0]));
    memcpy(&draw, hash, sizeof(draw));
    return (int64_t)(draw % GREY_WHOLE) < entry->grey_share;
}

/* What the user is to see of it; NULL: nothing. */
static const struct document *shown(const struct entry *entry, struct str user)
{
    if (entry->grey && user.ptr && is_drawn(entry, user))
        return &entry->grey->document;
    return entry->live ? &entry->live->document : NULL;
}

const struct document *document_find(const struct snapshot *snapshot, const char *collection,
                                     struct str key, struct str user)
{
    const struct entry *entry = snapshot_entry(snapshot, str_of(collection), key);

    return entry ? shown(entry, user) : NULL;
}

/* The first entry that is not before the collection. */
static size_t first_of(const struct snapshot *snapshot, struct str collection)
{
    size_t low = 0, high = snapshot->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_cmp(snapshot->entries[middle].collection, collection) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct document_iter documents_in(const struct snapshot *snapshot, const char *collection,
                                  struct str user)
{
    struct str name = str_of(collection);

    return (struct document_iter){
        .snapshot = snapshot, .collection = name, .user = user, .next = first_of(snapshot, name)};
}

bool document_next(struct document_iter *it)
{
    const struct snapshot *snapshot = it->snapshot;

    it->document = NULL;
    while (!it->document && it->next < snapshot->count &&
           str_eq(snapshot->entries[it->next].collection, it->collection))
        it->document = shown(&snapshot->entries[it->next++], it->user);
    return it->document != NULL;
}
