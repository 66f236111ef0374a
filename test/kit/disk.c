/*
 * disk.c - what the disk holds; disk_vfs.c is how SQLite calls it.
 */
#include "test/kit/disk_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR_BYTES = 512 };

struct disk disk = {.room = -1};

uint64_t disk_draw(uint64_t below)
{
    disk.random = disk.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (disk.random >> 33) % below;
}

/* ---- Bytes ---- */

void bytes_grow(struct bytes *bytes, int64_t len)
{
    if (len <= bytes->len)
        return;
    if (len > bytes->room) {
        bytes->room = len * 2 > 65536 ? len * 2 : 65536;
        bytes->at = realloc(bytes->at, (size_t)bytes->room);
        assert(bytes->at);
    }
    memset(bytes->at + bytes->len, 0, (size_t)(len - bytes->len));
    bytes->len = len;
}

static void bytes_put(struct bytes *bytes, const void *from, int64_t offset, int64_t len)
{
    bytes_grow(bytes, offset + len);
    memcpy(bytes->at + offset, from, (size_t)len);
}

/* ---- What is not yet synced ---- */

static void make_durable(struct disk_file *file, const struct change *change, int64_t from,
                         int64_t until)
{
    if (change->data)
        bytes_put(&file->kept, change->data + from, change->offset + from, until - from);
    else if (change->offset < file->kept.len)
        file->kept.len = change->offset;
}

static void forget_changes(struct disk_file *file)
{
    for (size_t k = 0; k < file->count; k++)
        free(file->changes[k].data);
    file->count = 0;
}

static void remember(struct disk_file *file, const void *data, int64_t offset, int64_t len)
{
    struct change *change;

    if (file->count == file->room) {
        file->room = file->room ? file->room * 2 : 64;
        file->changes = realloc(file->changes, file->room * sizeof(*file->changes));
        assert(file->changes);
    }
    change = &file->changes[file->count++];
    *change = (struct change){.offset = offset, .len = len};
    if (!data)
        return;
    change->data = malloc((size_t)len);
    assert(change->data);
    memcpy(change->data, data, (size_t)len);
}

/* Of one write: nothing, all, or whole sectors of its middle. */
static void keep_some(struct disk_file *file, const struct change *change)
{
    int64_t sectors = change->len / SECTOR_BYTES, from, until;

    switch (disk_draw(3)) {
    case 0:
        return;
    case 1:
        make_durable(file, change, 0, change->len);
        return;
    default:
        if (sectors == 0)
            return;
        from = (int64_t)disk_draw((uint64_t)sectors) * SECTOR_BYTES;
        until = from +
                (int64_t)(1 + disk_draw((uint64_t)(sectors - from / SECTOR_BYTES))) * SECTOR_BYTES;
        make_durable(file, change, from, until);
    }
}

/* ---- Operations ---- */

/* Is the power gone with this operation? */
static bool gone(void)
{
    if (!disk.paused && disk.operations_left > 0 && --disk.operations_left == 0)
        disk.off = true;
    return disk.off;
}

bool disk_fails(enum disk_fault what)
{
    return !disk.paused && disk.fail_in[what] > 0 && --disk.fail_in[what] == 0;
}

int disk_write(struct disk_file *file, const void *from, int64_t offset, int64_t len)
{
    int64_t more = offset + len > file->now.len ? offset + len - file->now.len : 0;
    bool was_off = disk.off, cut = gone();

    if (cut) {
        if (!was_off && disk.cut == DISK_POWER)
            remember(file, from, offset, len); /* The last one may be torn as well. */
        return SQLITE_IOERR_WRITE;
    }
    if (disk_fails(DISK_WRITE))
        return SQLITE_IOERR_WRITE;
    if (disk.room >= 0 && more > disk.room)
        return SQLITE_FULL;
    if (disk.room >= 0)
        disk.room -= more;
    remember(file, from, offset, len);
    bytes_put(&file->now, from, offset, len);
    return SQLITE_OK;
}

int disk_truncate(struct disk_file *file, int64_t len)
{
    if (gone())
        return SQLITE_IOERR_TRUNCATE;
    remember(file, NULL, len, 0);
    if (len < file->now.len)
        file->now.len = len;
    return SQLITE_OK;
}

int disk_sync(struct disk_file *file)
{
    if (gone())
        return SQLITE_IOERR_FSYNC;
    if (disk_fails(DISK_SYNC)) {
        forget_changes(file);
        return SQLITE_IOERR_FSYNC;
    }
    if (disk.lying)
        return SQLITE_OK;
    for (size_t k = 0; k < file->count; k++)
        make_durable(file, &file->changes[k], 0, file->changes[k].len);
    forget_changes(file);
    return SQLITE_OK;
}

/* ---- Files ---- */

struct disk_file *disk_find(const char *path)
{
    for (int k = 0; k < DISK_FILES_MAX; k++)
        if (disk.files[k].path && strcmp(disk.files[k].path, path) == 0)
            return &disk.files[k];
    return NULL;
}

struct disk_file *disk_make(const char *path)
{
    for (int k = 0; k < DISK_FILES_MAX; k++) {
        if (!disk.files[k].path) {
            disk.files[k].path = strdup(path);
            return &disk.files[k];
        }
    }
    assert(!"too many files");
    return NULL;
}

void disk_forget_shared(struct disk_file *file)
{
    for (int k = 0; k < DISK_REGIONS_MAX; k++)
        free(file->regions[k]);
    memset(file->regions, 0, sizeof(file->regions));
}

void disk_remove(struct disk_file *file)
{
    forget_changes(file);
    disk_forget_shared(file);
    free(file->changes);
    free(file->kept.at);
    free(file->now.at);
    free(file->path);
    *file = (struct disk_file){0};
}

/* The power is back: the files are what the disk kept. */
void disk_restore(void)
{
    for (int k = 0; k < DISK_FILES_MAX; k++) {
        struct disk_file *file = &disk.files[k];

        if (!file->path)
            continue;
        disk_forget_shared(file);
        if (disk.cut == DISK_KILL)
            continue; /* The system goes on, and syncs when asked. */
        disk.unsynced += (int64_t)file->count;
        for (size_t n = 0; n < file->count; n++)
            keep_some(file, &file->changes[n]);
        forget_changes(file);
        file->now.len = 0;
        bytes_put(&file->now, file->kept.at, 0, file->kept.len);
    }
    disk.off = false;
    disk.operations_left = 0;
}

/* ---- For tests ---- */

void disk_cut_after(int64_t operations, enum disk_cut cut)
{
    disk.operations_left = operations;
    disk.cut = cut;
}

bool disk_is_off(void)
{
    return disk.off;
}

void disk_fail(enum disk_fault what, int64_t nth)
{
    disk.fail_in[what] = nth;
}

void disk_room(int64_t bytes)
{
    disk.room = bytes;
}

void disk_pause(bool paused)
{
    disk.paused = paused;
}

void disk_lying(bool lying)
{
    disk.lying = lying;
}

int64_t disk_unsynced(void)
{
    return disk.unsynced;
}

void disk_clock(struct env *env)
{
    disk.env = env;
}

/* FNV-1a, 64 bit. */
static uint64_t fold(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t k = 0; k < len; k++)
        hash = (hash ^ ((const unsigned char *)bytes)[k]) * UINT64_C(1099511628211);
    return hash;
}

uint64_t disk_digest(void)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (int k = 0; k < DISK_FILES_MAX; k++)
        if (disk.files[k].path)
            hash = fold(hash, disk.files[k].now.at, (size_t)disk.files[k].now.len);
    return hash;
}
