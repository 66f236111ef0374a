/*
 * save.c - counters to rows.
 */
#include "kernel/count/save.h"

#include "kernel/base/log.h"
#include "kernel/count/row.h"
#include "kernel/work/writer.h"

/* ---- When ---- */

void save_soon(struct counters *counters, int64_t now_ms)
{
    long long nothing = INT64_MAX;

    if (atomic_load_explicit(&counters->save_due_ms, memory_order_relaxed) != INT64_MAX)
        return;
    if (atomic_compare_exchange_strong(&counters->save_due_ms, &nothing, now_ms + SAVE_DELAY_MS) &&
        atomic_load(&counters->space->writing))
        writer_wake(counters->space->writer);
}

int64_t counters_due_ms(const struct space *space)
{
    return space->counters ? atomic_load(&space->counters->save_due_ms) : INT64_MAX;
}

void counters_hurry(struct space *space)
{
    struct counters *counters = space->counters;

    if (counters && atomic_load(&counters->save_due_ms) != INT64_MAX)
        atomic_store(&counters->save_due_ms, 0);
}

/* ---- What ---- */

static void collect_shard(struct shard *shard, struct count_save *save, struct text *marks)
{
    pthread_mutex_lock(&shard->lock);
    while (shard->dirty.newer != &shard->dirty && save->count < SAVE_ROWS_MAX) {
        struct entry *entry = entry_of_dirty(shard->dirty.newer);

        if (marks->size - marks->len < MARKS_TEXT_LEN_MAX)
            break;
        row_of_entry(&save->rows[save->count++], entry, marks);
        table_clean(shard, entry);
    }
    save->more |= shard->dirty.newer != &shard->dirty;
    pthread_mutex_unlock(&shard->lock);
}

/* Memory is taken before the locks: an arena that is spent jumps away.  Keys are copied, because an
 * entry may be evicted before its row is written. */
struct count_save *counters_collect(struct cx *cx, struct space *space, int64_t now_ms)
{
    struct counters *counters = space->counters;
    struct count_save *save;
    struct text text;

    if (!counters || atomic_load(&counters->save_due_ms) > now_ms)
        return NULL;
    save = CX_NEW(cx, struct count_save);
    save->counters = counters;
    save->rows = CX_ARRAY(cx, struct count_row, SAVE_ROWS_MAX);
    text = (struct text){.ptr = cx_alloc(cx, SAVE_TEXT_BYTES), .size = SAVE_TEXT_BYTES};
    atomic_store(&counters->save_due_ms, INT64_MAX); /* Before looking: what comes now sets it. */
    for (int k = 0; k < SHARDS; k++)
        collect_shard(&counters->shards[(counters->swept + k) % SHARDS], save, &text);
    counters->swept = (counters->swept + 1) % SHARDS; /* Another one is first next time. */
    struct shard *shard = &counters->shards[counters->swept];
    int64_t seen_ms = atomic_load(&counters->seen_ms); /* The writer's may be ahead of it. */

    pthread_mutex_lock(&shard->lock);
    table_sweep(shard, seen_ms < now_ms ? seen_ms : now_ms);
    pthread_mutex_unlock(&shard->lock);
    return save;
}

enum err counters_save(struct cx *cx, const struct count_save *save)
{
    for (size_t k = 0; k < save->count; k++)
        TRY(row_put(cx, &count_table, &save->rows[k]));
    return OK;
}

static void due_at(struct counters *counters, int64_t due_ms)
{
    long long have_ms = atomic_load(&counters->save_due_ms);

    while (due_ms < have_ms &&
           !atomic_compare_exchange_weak(&counters->save_due_ms, &have_ms, due_ms))
        continue;
}

void counters_saved(const struct count_save *save, enum err err, int64_t again_ms)
{
    struct counters *counters = save->counters;

    for (size_t k = 0; err != OK && k < save->count; k++) {
        struct count_ask ask = ask_of_row(&save->rows[k]);
        uint64_t hash = table_hash(counters, &ask);
        struct shard *shard = table_shard(counters, hash);

        pthread_mutex_lock(&shard->lock);
        struct entry *entry = table_find(shard, &ask, hash);

        if (entry)
            table_dirty(shard, entry);
        pthread_mutex_unlock(&shard->lock);
    }
    if (err != OK || save->more)
        due_at(counters, again_ms);
}

/* ---- Forgetting ---- */

enum { PURGE_ROWS_MAX = 1000 };

enum err counters_purge(struct cx *cx, bool *more)
{
    int64_t gone;

    /* A day later: the clock may go back. */
    TRY(sql_run(cx, &gone,
                "delete from kernel_count where (key, kind) in (select key, kind from kernel_count"
                " where ends_ms < ?1 order by ends_ms limit ?2)",
                BIND(INT(cx->now_ms - DAY_MS), INT(PURGE_ROWS_MAX))));
    *more = gone >= PURGE_ROWS_MAX;
    return OK;
}
