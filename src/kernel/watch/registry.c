/*
 * registry.c - what may be counted: names, labels and the indexes they were given.
 */
#include <pthread.h>
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/watch/cells.h"
#include "kernel/work/module.h"

enum { COUNTER_SLOTS = 4 * (WATCH_COUNTERS_MAX / 2), SERIES_SLOTS = 4 * (WATCH_SERIES_MAX / 2) };

static struct series counter_items[WATCH_COUNTERS_MAX + 1], series_items[WATCH_SERIES_MAX + 1];
static uint16_t counter_slots[COUNTER_SLOTS], series_slots[SERIES_SLOTS];
static struct registry counters = {.items = counter_items,
                                   .max = WATCH_COUNTERS_MAX,
                                   .slots = counter_slots,
                                   .slot_count = COUNTER_SLOTS};
static struct registry series = {.items = series_items,
                                 .max = WATCH_SERIES_MAX,
                                 .slots = series_slots,
                                 .slot_count = SERIES_SLOTS};
static struct watch_gauge gauges[WATCH_GAUGES_MAX];
static int gauge_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void watch_lock(void)
{
    pthread_mutex_lock(&lock);
}

void watch_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

bool watch_name_ends(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

struct registry *watch_counters(void)
{
    return &counters;
}

struct registry *watch_series(void)
{
    return &series;
}

/* The slot that holds wanted's index, or the free one where it belongs. */
static uint16_t *slot_of(const struct registry *registry, const struct series *wanted)
{
    uint64_t hash = str_hash(str_of(wanted->labels), str_hash(str_of(wanted->name), 0));

    for (;; hash++) {
        uint16_t *slot = &registry->slots[hash % registry->slot_count];
        const struct series *have = &registry->items[*slot];

        if (*slot == 0 ||
            (strcmp(have->name, wanted->name) == 0 && strcmp(have->labels, wanted->labels) == 0))
            return slot;
    }
}

/* Behind the last of its name, or as the first. */
static void family_join(struct registry *registry, int index)
{
    struct series *items = registry->items;
    int head = registry->head;

    while (head != 0 && strcmp(items[head].name, items[index].name) != 0)
        head = items[head].next_head;
    if (head == 0) {
        items[registry->last_head].next_head = index; /* items[0] is nobody: harmless. */
        registry->head = registry->head ? registry->head : index;
        registry->last_head = items[index].last = index;
        return;
    }
    items[items[head].last].next = index;
    items[head].last = index;
}

/* The index of name with labels: found, or given now; 0 when there is no room.  Locked. */
static int registry_find(struct registry *registry, const struct series *wanted)
{
    uint16_t *slot = slot_of(registry, wanted);
    int index = registry->count + 1;
    char *labels;

    if (*slot != 0)
        return *slot;
    if (registry->count == registry->max)
        return 0;
    labels = strdup(wanted->labels);
    if (!labels)
        return 0;
    registry->items[index] = *wanted;
    registry->items[index].labels = labels;
    registry->count = index;
    *slot = (uint16_t)index;
    family_join(registry, index);
    return index;
}

static int registry_add(struct registry *registry, struct series wanted)
{
    bool told;
    int index;

    assert(wanted.name);
    assert(wanted.doc);
    if (!wanted.labels)
        wanted.labels = "";
    watch_lock();
    index = registry_find(registry, &wanted);
    told = registry->full;
    registry->full = registry->full || index == 0;
    watch_unlock();
    if (index == 0 && !told)
        log_text(LOG_WARN, "watch.full",
                 "no room for %s and later ones, which are not counted: raise WATCH_COUNTERS_MAX "
                 "or WATCH_SERIES_MAX in watch.h",
                 wanted.name);
    return index;
}

void watch_register_metric(struct metric *metric)
{
    metric->index =
        registry_add(&counters, (struct series){.name = metric->name, .doc = metric->doc});
}

void watch_register_counter(struct watch_counter *counter)
{
    counter->index = registry_add(
        &counters,
        (struct series){.name = counter->name, .doc = counter->doc, .labels = counter->labels});
}

void watch_register_histogram(struct watch_histogram *histogram)
{
    assert(histogram->scale > 0);
    histogram->index = registry_add(&series, (struct series){.name = histogram->name,
                                                             .doc = histogram->doc,
                                                             .labels = histogram->labels,
                                                             .scale = histogram->scale});
}

/* ---- Gauges ---- */

struct watch_gauge *watch_gauges(int *count)
{
    *count = gauge_count;
    return gauges;
}

void watch_register_gauge(const struct watch_gauge *gauge)
{
    bool room;

    assert(gauge->read);
    watch_lock();
    room = gauge_count < WATCH_GAUGES_MAX;
    if (room)
        gauges[gauge_count++] = *gauge;
    watch_unlock();
    if (!room)
        log_text(LOG_WARN, "watch.full", "no room for %s: raise WATCH_GAUGES_MAX in watch.h",
                 gauge->name);
}

void watch_forget_gauges(const void *context)
{
    int kept = 0;

    watch_lock();
    for (int k = 0; k < gauge_count; k++) {
        if (gauges[k].context != context)
            gauges[kept++] = gauges[k];
    }
    gauge_count = kept;
    watch_unlock();
}
