/*
 * keeper.h - keeps what a process holds in memory as the database has it, whoever wrote there.
 *
 * One thread per platform.  It calls the refresh of each module for each open space: at once when
 * this process committed something of the kind (keeper_wake), and every KEEPER_POLL_MS where
 * another process may have.
 *
 * Where several processes may serve the space (PostgreSQL) it lets the modules report, after each
 * refresh and every KEEPER_REPORT_MS, what this one has.
 *
 * Invariants:
 *   - refresh runs in a read transaction on connections of the keeper's own, never on the writer
 *     and never on a thread that serves requests;
 *   - refreshes of a space never overlap;
 *   - one that fails is tried again after KEEPER_POLL_MS, and told once in the log per reason.
 */
#ifndef GREVY_WORK_KEEPER_H
#define GREVY_WORK_KEEPER_H

#include "kernel/work/space.h"

enum {
    KEEPER_POLL_MS = 300,    /* What others published is seen well within a second. */
    KEEPER_REPORT_MS = 5000, /* Who is silent for three of them is taken for gone. */
};

struct keeper;

struct keeper *keeper_start(struct platform *platform);
void keeper_stop(struct keeper *keeper); /* No refresh runs afterwards. */
void keeper_free(struct keeper *keeper);

/** Something that is held in memory has changed in this space.  From any thread; never waits. */
void keeper_wake(struct space *space);

/** Manual mode: refresh the spaces that were woken; all: every space. */
bool keeper_step(struct platform *platform, bool all);

#endif
