/*
 * save.h - counts on the disk: what changed is written by the space's writer as background work.
 *
 * For kernel/work, which opens spaces and collects what is due.
 *
 * Invariants:
 *   - what was counted is due SAVE_DELAY_MS later, and a part of the next batches from then on;
 *   - a counter that changes while it is being written is written again;
 *   - what could not be written is due again; nothing is forgotten but by eviction;
 *   - a process that does not write the space saves nothing: see docs/counters.md.
 */
#ifndef GREVY_COUNT_SAVE_H
#define GREVY_COUNT_SAVE_H

#include "kernel/count/count.h"
#include "kernel/work/module.h"

enum {
    SAVE_DELAY_MS = 250,  /* Four commits a second at most; leaves 3/4 of what may be lost to a
                             slow disk. */
    SAVE_ROWS_MAX = 1000, /* In one commit: a few milliseconds. */
    SAVE_TEXT_BYTES = 1 << 20,
};

extern const struct module count_module;

struct counters_stats {
    int64_t entries, bytes, bytes_max, evicted, full, unsaved;
};

struct count_save {
    struct counters *counters;
    struct count_row *rows;
    size_t count;
    bool more;
};

/**
 * Make the counters of cx's space and load what was saved; or, when this process has become the
 * writer, load what the former one saved: of two counts of one window the larger remains.
 *
 * Needs:  a unit of work that may read.
 * Errors: STORAGE; CONFLICT "bad_zone" | "counters_full".
 */
MUST_CHECK enum err counters_open(struct cx *cx);
void counters_close(struct space *space);

/** When something is to be saved; INT64_MAX: nothing is. */
int64_t counters_due_ms(const struct space *space);
/** Save all that is left at once: the space closes. */
void counters_hurry(struct space *space);
/** What is to be saved, in memory of cx.  NULL: nothing is. */
struct count_save *counters_collect(struct cx *cx, struct space *space, int64_t now_ms);
/** Write it; may be run again.  Needs: a command. */
MUST_CHECK enum err counters_save(struct cx *cx, const struct count_save *save);
/** It was written, or not. */
void counters_saved(const struct count_save *save, enum err err, int64_t again_ms);

/** For count.c: something changed at now_ms. */
void save_soon(struct counters *counters, int64_t now_ms);

/** Job: forget rows whose window has ended. */
MUST_CHECK enum err counters_purge(struct cx *cx, bool *more);

void counters_stats(const struct space *space, struct counters_stats *out);

/** What /metrics counts of them; once per process. */
void count_register(void);

/** The zone of the space, from its next opening on.  Needs: a command.
 *  Errors: BAD_INPUT "bad_zone". */
MUST_CHECK enum err space_zone_set(struct cx *cx, struct str name);

#endif
