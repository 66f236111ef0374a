/*
 * open.c - the counters of a space: made with it, filled from what was saved, freed with it.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/count/row.h"
#include "kernel/count/save.h"

enum { LOAD_ROWS = 2000 }; /* At most 10 MiB of marks. */

/* ---- The zone ---- */

static enum err load_zone(struct cx *cx, const struct zone **zone)
{
    static const struct field fields[] = {F(count_row, key), F_END};
    struct list rows;
    struct str name = STR("UTC");

    TRY(sql_raw_all(cx, fields, sizeof(struct count_row), &rows,
                    "select name from kernel_zone where id = 1", NO_BINDS));
    if (rows.count > 0)
        name = LIST_AT(rows, struct count_row, 0)->key;
    *zone = zone_find(name);
    if (!*zone)
        return fail(cx, ERR_CONFLICT, "bad_zone",
                    "the time zone " STR_FMT " is not in /usr/share/zoneinfo: install tzdata",
                    STR_ARG(name));
    return OK;
}

enum err space_zone_set(struct cx *cx, struct str name)
{
    if (!zone_find(name))
        return fail(cx, ERR_BAD_INPUT, "bad_zone",
                    "there is no time zone " STR_FMT
                    ": write it as the IANA does, e.g. Asia/Shanghai",
                    STR_ARG(name));
    return sql_run(cx, NULL,
                   "insert into kernel_zone (id, name) values (1, ?1)"
                   " on conflict (id) do update set name = excluded.name",
                   BIND(TEXT(name)));
}

/* ---- Loading ---- */

static bool put_marks(struct counters *counters, struct shard *shard, struct entry *entry,
                      const struct marks *from)
{
    entry->marks.count = 0;
    entry->used = 0;
    for (int k = 0; k < from->count; k++) {
        const struct mark *mark = &from->items[k];

        if (!table_mark_room(counters, shard, entry, mark->when_ms))
            return false;
        marks_add(&entry->marks, mark->when_ms, mark->amount);
        entry->used += mark->amount;
    }
    return true;
}

/* Of two counts of one counter the larger remains. */
static bool put_entry(struct counters *counters, const struct count_row *row,
                      const struct marks *marks, int64_t now_ms)
{
    struct count_ask ask = ask_of_row(row);
    uint64_t hash = table_hash(counters, &ask);
    struct shard *shard = table_shard(counters, hash);
    struct entry *entry;
    bool done = true;

    pthread_mutex_lock(&shard->lock);
    entry = table_find(shard, &ask, hash);
    if (!entry)
        entry = table_add(counters, &ask, hash, now_ms);
    if (entry) {
        entry_settle(counters, entry, now_ms);
        entry->pinned = true;
        if (entry->used < row->used && ask.sliding)
            done = put_marks(counters, shard, entry, marks);
        else if (entry->used < row->used) {
            entry->used = row->used;
            entry->period = (struct period){row->begins_ms, row->ends_ms};
        }
        entry->pinned = false;
        entry_settle(counters, entry, now_ms);
    }
    pthread_mutex_unlock(&shard->lock);
    return entry && done;
}

static bool row_ok(const struct count_row *row)
{
    int64_t window = row->kind % KIND_SLIDING;

    return row->kind >= 0 && row->kind < KIND_SLIDING * 2 && window < COUNT_WINDOWS &&
           (row->kind < KIND_SLIDING || window != COUNT_LIFETIME) && row->key.len > 0 &&
           row->key.len <= COUNT_KEY_LEN_MAX && row->used >= 0 && row->used <= USED_MAX;
}

/* False: there is no room for it. */
static bool load_row(struct counters *counters, const struct count_row *row, int64_t now_ms)
{
    struct marks marks = {0};
    bool done;

    if (!row_ok(row) || (row->kind >= KIND_SLIDING && !marks_read(row->marks, row->used, &marks))) {
        log_event(LOG_ERROR, "counter_unreadable", LOG_TEXT("key", row->key),
                  LOG_INT("kind", row->kind));
        return true;
    }
    done = put_entry(counters, row, &marks, now_ms);
    marks_free(&marks);
    return done;
}

struct load {
    struct counters *counters;
    int64_t kept, now_ms;
    struct str key; /* The last row's. */
    int64_t kind;
    size_t count;
};

static enum err load_page(struct cx *cx, struct load *load, char last[COUNT_KEY_LEN_MAX])
{
    struct list rows;

    TRY(sql_raw_all(cx, count_row_fields, sizeof(struct count_row), &rows,
                    "select key, kind, used, begins_ms, ends_ms, kept, marks from kernel_count"
                    " where kept = ?1 and ends_ms > ?2 and used > 0 and (key, kind) > (?3, ?4)"
                    " order by key, kind limit ?5",
                    BIND(INT(load->kept), INT(load->now_ms), TEXT(load->key), INT(load->kind),
                         INT(LOAD_ROWS))));
    load->count = rows.count;
    for (size_t k = 0; k < rows.count; k++) {
        const struct count_row *row = LIST_AT(rows, struct count_row, k);

        if (!load_row(load->counters, row, load->now_ms) && load->kept)
            return fail(cx, ERR_CONFLICT, "counters_full",
                        "the saved budgets and lifetime counts do not fit into memory: raise"
                        " SHARD_BYTES_MAX in table.h");
        load->key = row->key;
        load->kind = row->kind;
    }
    if (load->key.len > COUNT_KEY_LEN_MAX)
        load->key.len = COUNT_KEY_LEN_MAX;
    memmove(last, load->key.ptr, load->key.len); /* Outlives the page. */
    load->key.ptr = last;
    return OK;
}

static enum err load_all(struct cx *cx, struct counters *counters)
{
    char last[COUNT_KEY_LEN_MAX] = "";

    for (int64_t kept = 1; kept >= 0; kept--) { /* These must fit. */
        struct load load = {
            .counters = counters, .kept = kept, .now_ms = cx->now_ms, .key = {last, 0}, .kind = -1};

        do {
            struct arena_mark mark = arena_mark(&cx->arena);

            TRY(load_page(cx, &load, last));
            arena_rewind(&cx->arena, mark);
        } while (load.count == LOAD_ROWS);
    }
    return OK;
}

/* ---- Opening ---- */

enum err counters_open(struct cx *cx)
{
    struct counters *counters = cx->space->counters;

    if (!counters) {
        counters = calloc(1, sizeof(*counters));
        assert(counters);
        cx->env->random(cx->env, &counters->seed, sizeof(counters->seed));
        counters->space = cx->space;
        counters->redis = cx->space->platform->redis;
        table_open(counters, SHARD_BYTES_MAX);
        cx->space->counters =
            counters; /* For counters_close, also of a space that fails to open. */
        TRY(load_zone(cx, &counters->zone));
    }
    return load_all(cx, counters);
}

void counters_close(struct space *space)
{
    if (!space->counters)
        return;
    table_close(space->counters);
    free(space->counters);
    space->counters = NULL;
}

struct counters *counters_of(const struct cx *cx)
{
    assert(cx->space->counters);
    return cx->space->counters;
}

void counters_stats(const struct space *space, struct counters_stats *out)
{
    struct counters *counters = space->counters;

    *out = (struct counters_stats){.bytes_max = (int64_t)SHARDS * SHARD_BYTES_MAX};
    if (!counters)
        return;
    out->evicted = atomic_load(&counters->evicted);
    out->full = atomic_load(&counters->full);
    for (int k = 0; k < SHARDS; k++) {
        struct shard *shard = &counters->shards[k];

        pthread_mutex_lock(&shard->lock);
        out->entries += (int64_t)shard->entry_count;
        out->bytes += (int64_t)shard->bytes;
        out->unsaved += (int64_t)shard->dirty_count;
        pthread_mutex_unlock(&shard->lock);
    }
}
