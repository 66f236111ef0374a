/*
 * watch.c - counting, in cells of the counting thread alone.
 */
#include "kernel/watch/watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/watch/cells.h"
#include "kernel/work/module.h"

enum { SLAB_BYTES = 4096 };

static _Atomic(struct block *) blocks; /* Newest first; only ever grows. */
static _Thread_local struct block *mine;
static pthread_key_t at_exit;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic uint64_t lost;

/* ---- Blocks ---- */

static void thread_ended(void *block)
{
    mine = NULL;
    atomic_store_explicit(&((struct block *)block)->taken, false, memory_order_release);
}

static void make_key(void)
{
    if (pthread_key_create(&at_exit, thread_ended) != 0)
        abort(); /* Only at start, and only with a thousand keys in use. */
}

static struct block *take_over(void)
{
    struct block *block = atomic_load_explicit(&blocks, memory_order_acquire);

    for (; block; block = block->next) {
        bool expected = false;

        if (atomic_compare_exchange_strong_explicit(&block->taken, &expected, true,
                                                    memory_order_acquire, memory_order_relaxed))
            return block;
    }
    return NULL;
}

/* The block of this thread; NULL without memory. */
static struct block *block_make(void)
{
    struct block *block;

    pthread_once(&once, make_key);
    block = take_over();
    if (!block) {
        block = calloc(1, sizeof(*block));
        if (!block)
            return NULL;
        atomic_init(&block->taken, true);
        block->next = atomic_load_explicit(&blocks, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(&blocks, &block->next, block,
                                                      memory_order_release, memory_order_relaxed))
            continue;
    }
    if (pthread_setspecific(at_exit, block) != 0) { /* Nobody would give it back. */
        atomic_store_explicit(&block->taken, false, memory_order_release);
        return NULL;
    }
    return mine = block;
}

static inline struct block *block_mine(void)
{
    return mine ? mine : block_make();
}

static void *slab_take(struct block *block, size_t bytes)
{
    void *taken;

    assert(bytes <= SLAB_BYTES);
    if (block->slab_bytes < bytes) { /* What is left is smaller than one histogram: forgotten. */
        block->slab = calloc(1, SLAB_BYTES);
        block->slab_bytes = block->slab ? SLAB_BYTES : 0;
        if (!block->slab)
            return NULL;
    }
    taken = block->slab;
    block->slab += bytes;
    block->slab_bytes -= bytes;
    return taken;
}

/* Only the owner adds. */
static inline void cell_add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void lose(void)
{
    atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
}

size_t watch_block_count(void)
{
    size_t count = 0;

    for (struct block *b = atomic_load_explicit(&blocks, memory_order_acquire); b; b = b->next)
        count++;
    return count;
}

/* ---- Counters ---- */

static __attribute__((noinline)) struct chunk *chunk_make(struct block *block, int index)
{
    struct chunk *chunk = slab_take(block, sizeof(*chunk));

    if (chunk)
        atomic_store_explicit(&block->chunks[index / CHUNK_CELLS], chunk, memory_order_release);
    return chunk;
}

static void counter_add(int index, uint64_t n)
{
    struct block *block = block_mine();
    struct chunk *chunk = NULL;

    assert(index >= 0);
    assert(index <= WATCH_COUNTERS_MAX);
    if (block) {
        chunk = atomic_load_explicit(&block->chunks[index / CHUNK_CELLS], memory_order_relaxed);
        chunk = chunk ? chunk : chunk_make(block, index);
    }
    if (chunk)
        cell_add(&chunk->cells[index % CHUNK_CELLS], n);
    else
        lose();
}

void watch_count(const struct metric *metric, int64_t n)
{
    assert(n >= 0);
    counter_add(metric->index, (uint64_t)n);
}

void watch_add(const struct watch_counter *counter, uint64_t n)
{
    counter_add(counter->index, n);
}

uint64_t watch_counter_sum(int index)
{
    struct block *block = atomic_load_explicit(&blocks, memory_order_acquire);
    uint64_t total = 0;

    for (; block && index > 0; block = block->next) {
        struct chunk *chunk =
            atomic_load_explicit(&block->chunks[index / CHUNK_CELLS], memory_order_acquire);

        if (chunk)
            total += atomic_load_explicit(&chunk->cells[index % CHUNK_CELLS], memory_order_relaxed);
    }
    return total;
}

int64_t watch_total(const struct metric *metric)
{
    return (int64_t)watch_counter_sum(metric->index);
}

uint64_t watch_counter_total(const struct watch_counter *counter)
{
    return watch_counter_sum(counter->index);
}

uint64_t watch_lost(void)
{
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

/* ---- Histograms ---- */

static inline size_t row_of(uint64_t value)
{
    return value < ROW_CELLS ? 0 : (size_t)(64 - __builtin_clzll(value) - CELL_BITS);
}

uint64_t cell_high(size_t cell)
{
    size_t row = cell / ROW_CELLS, k = cell % ROW_CELLS;

    return row == 0 ? k : ((uint64_t)(ROW_CELLS + k + 1) << (row - 1)) - 1;
}

static __attribute__((noinline)) struct row *row_make(struct block *block, int index, size_t row)
{
    struct cells *cells = atomic_load_explicit(&block->series[index], memory_order_relaxed);
    struct row *made;

    if (!cells) {
        cells = slab_take(block, sizeof(*cells));
        if (!cells)
            return NULL;
        atomic_store_explicit(&block->series[index], cells, memory_order_release);
    }
    made = atomic_load_explicit(&cells->rows[row], memory_order_relaxed);
    if (!made) {
        made = slab_take(block, sizeof(*made));
        if (made)
            atomic_store_explicit(&cells->rows[row], made, memory_order_release);
    }
    return made;
}

void watch_observe(const struct watch_histogram *histogram, uint64_t value)
{
    const uint64_t most = (UINT64_C(1) << VALUE_BITS) - 1;
    uint64_t place = value < most ? value : most;
    size_t row = row_of(place), k = row == 0 ? place : place >> (row - 1) & (ROW_CELLS - 1);
    struct block *block = block_mine();
    struct cells *cells;
    struct row *cell_row;

    assert(histogram->index >= 0);
    assert(histogram->index <= WATCH_SERIES_MAX);
    if (!block) {
        lose();
        return;
    }
    cells = atomic_load_explicit(&block->series[histogram->index], memory_order_relaxed);
    cell_row = cells ? atomic_load_explicit(&cells->rows[row], memory_order_relaxed) : NULL;
    if (!cell_row) {
        cell_row = row_make(block, histogram->index, row);
        if (!cell_row) {
            lose();
            return;
        }
        cells = atomic_load_explicit(&block->series[histogram->index], memory_order_relaxed);
    }
    cell_add(&cell_row->cells[k], 1);
    cell_add(&cells->sum, value);
}

static void sample_add(struct sample *out, struct cells *cells)
{
    out->sum += atomic_load_explicit(&cells->sum, memory_order_relaxed);
    for (size_t r = 0; r < ROWS; r++) {
        struct row *row = atomic_load_explicit(&cells->rows[r], memory_order_acquire);

        for (size_t k = 0; row && k < ROW_CELLS; k++) {
            uint64_t n = atomic_load_explicit(&row->cells[k], memory_order_relaxed);

            out->cells[r * ROW_CELLS + k] += n;
            out->count += n;
        }
    }
}

void watch_sample(int index, struct sample *out)
{
    struct block *block = atomic_load_explicit(&blocks, memory_order_acquire);

    memset(out, 0, sizeof(*out));
    for (; block && index > 0; block = block->next) {
        struct cells *cells = atomic_load_explicit(&block->series[index], memory_order_acquire);

        if (cells)
            sample_add(out, cells);
    }
}

uint64_t watch_sample_quantile(const struct sample *sample, double q)
{
    uint64_t rank = (uint64_t)(q * (double)sample->count), seen = 0;
    size_t cell = 0;

    assert(q >= 0);
    assert(q <= 1);
    if (sample->count == 0)
        return 0;
    if ((double)rank < q * (double)sample->count || rank == 0) /* Round up: the rank-th value. */
        rank++;
    if (rank > sample->count)
        rank = sample->count;
    while (seen + sample->cells[cell] < rank)
        seen += sample->cells[cell++];
    return cell_high(cell);
}

uint64_t watch_quantile(const struct watch_histogram *histogram, double q, uint64_t *count)
{
    struct sample sample;

    watch_sample(histogram->index, &sample);
    if (count)
        *count = sample.count;
    return watch_sample_quantile(&sample, q);
}

/* ---- Tests ---- */

static void zero(_Atomic uint64_t *cells, size_t count)
{
    for (size_t k = 0; k < count; k++)
        atomic_store_explicit(&cells[k], 0, memory_order_relaxed);
}

static void zero_series(struct cells *cells)
{
    zero(&cells->sum, 1);
    for (size_t r = 0; r < ROWS; r++) {
        struct row *row = atomic_load_explicit(&cells->rows[r], memory_order_acquire);

        if (row)
            zero(row->cells, ROW_CELLS);
    }
}

void watch_reset(void)
{
    struct block *block = atomic_load_explicit(&blocks, memory_order_acquire);

    for (; block; block = block->next) {
        for (int k = 0; k < CHUNKS; k++) {
            struct chunk *chunk = atomic_load_explicit(&block->chunks[k], memory_order_acquire);

            if (chunk)
                zero(chunk->cells, CHUNK_CELLS);
        }
        for (int k = 0; k <= WATCH_SERIES_MAX; k++) {
            struct cells *cells = atomic_load_explicit(&block->series[k], memory_order_acquire);

            if (cells)
                zero_series(cells);
        }
    }
    atomic_store_explicit(&lost, 0, memory_order_relaxed);
}
