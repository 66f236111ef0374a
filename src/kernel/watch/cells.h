/*
 * cells.h - where counts lie: shared by watch.c, which counts, and expose.c, which tells.
 *
 * A histogram has one row of 16 cells per power of two: row 0 holds 0..15, row r the values of
 * r + 4 bits, each cell 2^(r-1) wide.  Rows are made when first hit, so that a histogram of
 * latencies costs a thread about a kilobyte.
 *
 * Invariants:
 *   - a block belongs to one live thread, or to none; only its thread writes it, so adding is a
 *     plain load and store; everyone may read it;
 *   - blocks, rows and cells are never freed: a thread that starts takes over the block of one that
 *     ended, counts included;
 *   - index 0 of every table is nobody's: what was never registered counts there unseen.
 */
#ifndef GREVY_WATCH_CELLS_H
#define GREVY_WATCH_CELLS_H

#include <stdatomic.h>

#include "kernel/watch/watch.h"

enum {
    CELL_BITS = 4, /* 16 cells a row: a cell is at most 1/16 of its values wide. */
    ROW_CELLS = 1 << CELL_BITS,
    VALUE_BITS = 36, /* 19 hours of microseconds; larger values count as the largest. */
    ROWS = VALUE_BITS - CELL_BITS + 1,
};

struct row {
    _Atomic uint64_t cells[ROW_CELLS];
};

struct cells {
    _Atomic uint64_t sum;
    _Atomic(struct row *) rows[ROWS];
};

/* Counters, by the line: a thread counts few of all the routes' replies. */
enum { CHUNK_CELLS = 32, CHUNKS = WATCH_COUNTERS_MAX / CHUNK_CELLS + 1 };
struct chunk {
    _Atomic uint64_t cells[CHUNK_CELLS];
};

struct block {
    struct block *next; /* Set before the block is shown. */
    atomic_bool taken;
    char *slab; /* Where the next rows come from. */
    size_t slab_bytes;
    _Atomic(struct chunk *) chunks[CHUNKS]; /* Counter k is in chunk k / CHUNK_CELLS. */
    _Atomic(struct cells *) series[WATCH_SERIES_MAX + 1];
};

/* One registered counter or histogram.  Once registered, all but next and next_head stay. */
struct series {
    const char *name, *doc;
    const char *labels; /* A copy. */
    double scale;
    int next;      /* Of the same name, 0 at the end. */
    int next_head; /* Of the first of each name: the first of the next name. */
    int last;      /* Of the first of each name: the last of it. */
};

/* items[1 .. count], found by hash through slots; guarded by the registry's lock. */
struct registry {
    struct series *items;
    uint16_t *slots;
    size_t slot_count;
    int count, max;
    int head, last_head; /* Names in the order in which they came. */
    bool full;           /* Something found no room. */
};

struct registry *watch_counters(void);
struct registry *watch_series(void);
struct watch_gauge *watch_gauges(int *count);
void watch_lock(void);
void watch_unlock(void);

/* All threads' cells of one histogram, added up. */
struct sample {
    uint64_t cells[ROWS * ROW_CELLS];
    uint64_t count, sum;
};
void watch_sample(int index, struct sample *out);
uint64_t watch_sample_quantile(const struct sample *sample, double q);
uint64_t watch_counter_sum(int index);
uint64_t watch_lost(void);      /* Counts that found no memory. */
size_t watch_block_count(void); /* As many as threads ever counted at once. */

bool watch_name_ends(const char *name, const char *end); /* "_seconds": the unit. */

/** The largest value that counts in a cell. */
uint64_t cell_high(size_t cell);

#endif
