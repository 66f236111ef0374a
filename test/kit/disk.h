/*
 * disk.h - a disk in memory, under SQLite: it keeps what was synced, and of the writes since then
 * some, whole, torn or not at all; it fails on demand and fills up.
 *
 * Running code sees every write; beside a file's content, what the disk holds of it for sure is
 * kept.  After a cut everything fails until all files are closed; the next one opened finds the
 * files as the disk kept them.
 *
 * Invariants: the same seed and the same calls give the same bytes; real files hold only names.
 * Not modelled: directories (a created or deleted file is created or deleted at once), and bits
 * that rot at rest.
 */
#ifndef GREVY_TEST_KIT_DISK_H
#define GREVY_TEST_KIT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/base/env.h"

/** Become SQLite's default file system, with no files.  The seed decides what of unsynced writes is
 *  kept; env (or NULL) is its clock.  A second call empties the disk. */
void disk_install(uint64_t seed, struct env *env);
void disk_clock(struct env *env);

enum disk_cut {
    DISK_POWER, /* Of what was not synced some is kept. */
    DISK_KILL   /* The process dies, the system lives: all that was written is there. */
};
/** The nth write, truncation or sync from now, and all after it, fail; 0: none. */
void disk_cut_after(int64_t operations, enum disk_cut cut);
bool disk_is_off(void);

enum disk_fault { DISK_READ, DISK_WRITE, DISK_SYNC, DISK_FAULTS };
/** The nth operation of that kind from now fails, once; 0: none.  What a failed sync was to keep is
 *  forgotten, as Linux does: a later sync does not make up for it. */
void disk_fail(enum disk_fault what, int64_t nth);
/** Files may grow by so many bytes more, all together; -1: without end. */
void disk_room(int64_t bytes);

/** Meanwhile nothing is counted and nothing fails: somebody looks who is no part of the story. */
void disk_pause(bool paused);

/** Unsynced writes at all cuts so far: what there was to lose. */
int64_t disk_unsynced(void);
/** A disk that answers a sync at once and does nothing: whoever trusts it must lose data. */
void disk_lying(bool lying);
/** A digest of all files' contents. */
uint64_t disk_digest(void);

#endif
