/*
 * disk_priv.h - shared by disk.c (what is kept) and disk_vfs.c (SQLite's calls).
 */
#ifndef GREVY_TEST_KIT_DISK_PRIV_H
#define GREVY_TEST_KIT_DISK_PRIV_H

#include <sqlite3.h>

#include "test/kit/disk.h"

enum { DISK_FILES_MAX = 32, DISK_REGIONS_MAX = 64 };

struct bytes {
    unsigned char *at;
    int64_t len, room;
};
struct change { /* A write since the last sync; data NULL: a truncation to offset. */
    unsigned char *data;
    int64_t offset, len;
};
struct disk_file {
    char *path; /* NULL: free. */
    struct bytes now, kept;
    struct change *changes;
    size_t count, room;
    int open;
    int shared, reserved, pending, exclusive; /* Locks: how many hold them. */
    void *regions[DISK_REGIONS_MAX];          /* Of the log's index. */
    int region_shared[SQLITE_SHM_NLOCK];      /* Locks of the index. */
    const void *region_exclusive[SQLITE_SHM_NLOCK];
};
struct disk {
    sqlite3_vfs vfs;
    struct env *env;
    struct disk_file files[DISK_FILES_MAX];
    uint64_t random;
    int64_t operations_left; /* 0: no cut is planned. */
    enum disk_cut cut;
    int64_t fail_in[DISK_FAULTS], room, unsynced;
    bool off, lying, paused;
    int open;
};
extern struct disk disk;

uint64_t disk_draw(uint64_t below);
void bytes_grow(struct bytes *bytes, int64_t len);
bool disk_fails(enum disk_fault what);
int disk_write(struct disk_file *file, const void *from, int64_t offset, int64_t len);
int disk_truncate(struct disk_file *file, int64_t len);
int disk_sync(struct disk_file *file);
struct disk_file *disk_find(const char *path);
struct disk_file *disk_make(const char *path);
void disk_remove(struct disk_file *file);
void disk_forget_shared(struct disk_file *file);
void disk_restore(void);

#endif
