/*
 * power.h - a disk that loses power, under SQLite: the file system keeps what was synced, and of
 * the writes since then some, whole, torn or not at all.
 *
 * Writes go through to the real files, so running code sees them all; beside them each file's
 * content as of its last sync is kept.  After the cut everything fails until all files are closed;
 * the next one opened brings the power back, with the files as the disk kept them.
 *
 * Not modelled: directories (a created or deleted file is created or deleted at once), and bits
 * that rot at rest.
 */
#ifndef GREVY_TEST_KIT_POWER_H
#define GREVY_TEST_KIT_POWER_H

#include <stdbool.h>
#include <stdint.h>

/** Become SQLite's default file system; seed decides what of the unsynced writes is kept. */
void power_install(uint64_t seed);

/** The nth write, truncation or sync from now, and all after it, fail; 0: none. */
void power_cut_after(int64_t operations);
bool power_is_off(void);

/** Unsynced writes at all cuts so far: what there was to lose. */
int64_t power_unsynced(void);

/** A disk that answers a sync at once and does nothing: whoever trusts it must lose data. */
void power_lying_disk(bool lying);

#endif
