/*
 * power.c - a disk that loses power: a wrapper around SQLite's own file system.
 */
#define _GNU_SOURCE
#include "test/kit/power.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 64, SECTOR_BYTES = 512 };

struct change { /* A write since the last sync; data NULL: a truncation to offset. */
    unsigned char *data;
    int64_t offset, len;
};

struct disk_file {
    char *path; /* NULL: free. */
    unsigned char *kept;
    int64_t kept_len;
    struct change *changes;
    size_t count, room;
};

struct power_file {
    sqlite3_file base;
    struct disk_file *disk; /* NULL: a temporary file, which nobody misses. */
    sqlite3_file *real;     /* Lies behind this struct. */
};

static struct {
    sqlite3_vfs vfs, *real;
    struct disk_file files[FILES_MAX];
    uint64_t random;
    int64_t operations_left; /* 0: no cut is planned. */
    int64_t unsynced;
    bool off, lying;
    int open;
} power;

static uint64_t draw(uint64_t below)
{
    power.random = power.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (power.random >> 33) % below;
}

/* ---- What the disk holds ---- */

static void grow(struct disk_file *file, int64_t len)
{
    if (len <= file->kept_len)
        return;
    file->kept = realloc(file->kept, (size_t)len);
    assert(file->kept);
    memset(file->kept + file->kept_len, 0, (size_t)(len - file->kept_len));
    file->kept_len = len;
}

static void make_durable(struct disk_file *file, const struct change *change, int64_t from,
                         int64_t until)
{
    if (!change->data) {
        if (change->offset < file->kept_len)
            file->kept_len = change->offset;
        return;
    }
    grow(file, change->offset + until);
    memcpy(file->kept + change->offset + from, change->data + from, (size_t)(until - from));
}

static void forget_changes(struct disk_file *file)
{
    for (size_t k = 0; k < file->count; k++)
        free(file->changes[k].data);
    file->count = 0;
}

static void sync_file(struct disk_file *file)
{
    for (size_t k = 0; k < file->count; k++)
        make_durable(file, &file->changes[k], 0, file->changes[k].len);
    forget_changes(file);
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

    switch (draw(3)) {
    case 0:
        return;
    case 1:
        make_durable(file, change, 0, change->len);
        return;
    default:
        if (sectors == 0)
            return;
        from = (int64_t)draw((uint64_t)sectors) * SECTOR_BYTES;
        until =
            from + (int64_t)(1 + draw((uint64_t)(sectors - from / SECTOR_BYTES))) * SECTOR_BYTES;
        make_durable(file, change, from, until);
    }
}

static void load(struct disk_file *file)
{
    FILE *in = fopen(file->path, "rb");

    if (!in)
        return;
    fseek(in, 0, SEEK_END);
    grow(file, ftell(in));
    rewind(in);
    if (file->kept_len > 0)
        assert(fread(file->kept, 1, (size_t)file->kept_len, in) == (size_t)file->kept_len);
    fclose(in);
}

static struct disk_file *disk_of(const char *path)
{
    struct disk_file *unused = NULL;

    for (int k = 0; k < FILES_MAX; k++) {
        if (power.files[k].path && strcmp(power.files[k].path, path) == 0)
            return &power.files[k];
        if (!power.files[k].path && !unused)
            unused = &power.files[k];
    }
    assert(unused);
    unused->path = strdup(path);
    load(unused);
    return unused;
}

static void write_back(const struct disk_file *file)
{
    FILE *out = fopen(file->path, "wb");
    size_t len = (size_t)file->kept_len, written;
    int closed;

    assert(out);
    written = len > 0 ? fwrite(file->kept, 1, len, out) : 0;
    closed = fclose(out);
    assert(written == len);
    assert(closed == 0);
}

static void release(struct disk_file *file)
{
    forget_changes(file);
    free(file->changes);
    free(file->kept);
    free(file->path);
    *file = (struct disk_file){0};
}

/* ---- Files, as SQLite calls them ---- */

static struct power_file *power_of(sqlite3_file *file)
{
    return (struct power_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return power_of(file)->real;
}

/* Is the power gone with this operation? */
static bool gone(void)
{
    if (power.operations_left > 0 && --power.operations_left == 0)
        power.off = true;
    return power.off;
}

static int file_close(sqlite3_file *file)
{
    int rc = real_of(file)->pMethods->xClose(real_of(file));

    power.open--;
    return rc;
}

static int file_read(sqlite3_file *file, void *to, int amount, sqlite3_int64 offset)
{
    if (power.off)
        return SQLITE_IOERR_READ;
    return real_of(file)->pMethods->xRead(real_of(file), to, amount, offset);
}

static int file_write(sqlite3_file *file, const void *from, int amount, sqlite3_int64 offset)
{
    bool was_off = power.off, cut = gone();

    if (power_of(file)->disk && !was_off)
        remember(power_of(file)->disk, from, offset, amount); /* The last may be torn as well. */
    return cut ? SQLITE_IOERR_WRITE
               : real_of(file)->pMethods->xWrite(real_of(file), from, amount, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (gone())
        return SQLITE_IOERR_TRUNCATE;
    if (power_of(file)->disk)
        remember(power_of(file)->disk, NULL, size, 0);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (gone())
        return SQLITE_IOERR_FSYNC;
    if (power_of(file)->disk && !power.lying)
        sync_file(power_of(file)->disk);
    return SQLITE_OK; /* The real disk is not asked: this one is as slow as memory. */
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return power.off ? SQLITE_IOERR_FSTAT : real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int file_sector(sqlite3_file *file)
{
    (void)file;
    return SECTOR_BYTES;
}

static int file_traits(sqlite3_file *file)
{
    (void)file;
    return 0; /* No atomic writes, no power-safe overwrite: the worst disk there is. */
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- The file system ---- */

/* The power is back: the files are what the disk kept. */
static void restore(void)
{
    for (int k = 0; k < FILES_MAX; k++) {
        struct disk_file *file = &power.files[k];

        if (!file->path)
            continue;
        power.unsynced += (int64_t)file->count;
        for (size_t n = 0; n < file->count; n++)
            keep_some(file, &file->changes[n]);
        write_back(file);
        release(file);
    }
    power.off = false;
    power.operations_left = 0;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    struct power_file *to = power_of(file);
    int rc;

    (void)vfs;
    if (power.off && power.open == 0)
        restore();
    to->base.pMethods = NULL;
    to->real = (sqlite3_file *)(to + 1);
    to->disk = path && !(flags & SQLITE_OPEN_DELETEONCLOSE) ? disk_of(path) : NULL;
    if (power.off)
        return SQLITE_CANTOPEN;
    rc = power.real->xOpen(power.real, path, to->real, flags, out);
    if (rc != SQLITE_OK)
        return rc;
    to->base.pMethods = &methods;
    power.open++;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    if (power.off)
        return SQLITE_IOERR_DELETE;
    for (int k = 0; k < FILES_MAX; k++)
        if (power.files[k].path && strcmp(power.files[k].path, path) == 0)
            release(&power.files[k]);
    return power.real->xDelete(power.real, path, sync);
}

void power_install(uint64_t seed)
{
    assert(!power.real);
    power.random = seed;
    power.real = sqlite3_vfs_find(NULL);
    power.vfs = *power.real;
    power.vfs.zName = "power";
    power.vfs.szOsFile = (int)sizeof(struct power_file) + power.real->szOsFile;
    power.vfs.xOpen = vfs_open;
    power.vfs.xDelete = vfs_delete;
    assert(sqlite3_vfs_register(&power.vfs, 1) == SQLITE_OK);
}

void power_cut_after(int64_t operations)
{
    power.operations_left = operations;
}

bool power_is_off(void)
{
    return power.off;
}

void power_lying_disk(bool lying)
{
    power.lying = lying;
}

int64_t power_unsynced(void)
{
    return power.unsynced;
}
