/*
 * disk_vfs.c - the disk as SQLite's file system; one thread, several connections.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/kit/disk_priv.h"

struct handle {
    sqlite3_file base;
    struct disk_file *file;
    int level; /* Of the file's lock. */
    bool temporary;
    unsigned shared; /* Locks of the index, a bit each; exclusive ones name the handle. */
};

static struct handle *handle_of(sqlite3_file *file)
{
    return (struct handle *)file;
}

static struct disk_file *file_of(sqlite3_file *file)
{
    return handle_of(file)->file;
}

static int file_read(sqlite3_file *handle, void *to, int amount, sqlite3_int64 offset)
{
    const struct bytes *now = &file_of(handle)->now;
    int64_t there = offset < now->len ? now->len - offset : 0;

    if (disk.off || disk_fails(DISK_READ))
        return SQLITE_IOERR_READ;
    there = there < amount ? there : amount;
    if (there > 0)
        memcpy(to, now->at + offset, (size_t)there);
    memset((char *)to + there, 0, (size_t)(amount - there));
    return there < amount ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int file_write(sqlite3_file *handle, const void *from, int amount, sqlite3_int64 offset)
{
    return disk_write(file_of(handle), from, offset, amount);
}

static int file_truncate(sqlite3_file *handle, sqlite3_int64 len)
{
    return disk_truncate(file_of(handle), len);
}

static int file_sync(sqlite3_file *handle, int flags)
{
    (void)flags;
    return disk_sync(file_of(handle));
}

static int file_size(sqlite3_file *handle, sqlite3_int64 *len)
{
    *len = file_of(handle)->now.len;
    return disk.off ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

/* ---- Locks ---- */

static void count_level(struct disk_file *file, int level, int by)
{
    file->shared += level >= SQLITE_LOCK_SHARED ? by : 0;
    file->reserved += level >= SQLITE_LOCK_RESERVED ? by : 0;
    file->pending += level >= SQLITE_LOCK_PENDING ? by : 0;
    file->exclusive += level >= SQLITE_LOCK_EXCLUSIVE ? by : 0;
}

static int file_lock(sqlite3_file *base, int level)
{
    struct handle *handle = handle_of(base);
    struct disk_file *file = handle->file;
    bool free;

    if (level <= handle->level)
        return SQLITE_OK;
    count_level(file, handle->level, -1);
    free = level == SQLITE_LOCK_SHARED     ? file->pending == 0
           : level == SQLITE_LOCK_RESERVED ? file->reserved == 0
                                           : file->shared == 0 && file->reserved == 0;
    handle->level = free ? level : handle->level;
    count_level(file, handle->level, 1);
    return free ? SQLITE_OK : SQLITE_BUSY;
}

static int file_unlock(sqlite3_file *base, int level)
{
    struct handle *handle = handle_of(base);

    if (level < handle->level) {
        count_level(handle->file, handle->level, -1);
        handle->level = level;
        count_level(handle->file, level, 1);
    }
    return SQLITE_OK;
}

static int file_check_lock(sqlite3_file *base, int *out)
{
    *out = file_of(base)->reserved > 0;
    return SQLITE_OK;
}

/* ---- The log's index, in shared memory ---- */

static int shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct disk_file *file = file_of(base);

    assert(region < DISK_REGIONS_MAX);
    if (!file->regions[region] && extend)
        file->regions[region] = calloc(1, (size_t)size);
    *out = file->regions[region];
    return SQLITE_OK;
}

static bool shm_free(const struct handle *handle, int slot, bool exclusive)
{
    const struct disk_file *file = handle->file;
    int others = file->region_shared[slot] - (int)(handle->shared >> slot & 1);

    return (!file->region_exclusive[slot] || file->region_exclusive[slot] == handle) &&
           (!exclusive || others == 0);
}

static void shm_set(struct handle *handle, int slot, int flags)
{
    struct disk_file *file = handle->file;

    if (flags & SQLITE_SHM_EXCLUSIVE) {
        file->region_exclusive[slot] = flags & SQLITE_SHM_LOCK ? handle : NULL;
        return;
    }
    if (flags & SQLITE_SHM_LOCK) {
        file->region_shared[slot] += !(handle->shared >> slot & 1);
        handle->shared |= 1U << slot;
    } else {
        file->region_shared[slot] -= handle->shared >> slot & 1;
        handle->shared &= ~(1U << slot);
    }
}

static int shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    struct handle *handle = handle_of(base);

    if (flags & SQLITE_SHM_LOCK)
        for (int k = offset; k < offset + n; k++)
            if (!shm_free(handle, k, flags & SQLITE_SHM_EXCLUSIVE))
                return SQLITE_BUSY;
    for (int k = offset; k < offset + n; k++)
        shm_set(handle, k, flags);
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static void shm_let_go(struct handle *handle)
{
    for (int k = 0; k < SQLITE_SHM_NLOCK; k++) {
        if (handle->shared >> k & 1)
            shm_set(handle, k, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
        if (handle->file->region_exclusive[k] == handle)
            handle->file->region_exclusive[k] = NULL;
    }
}

static int shm_unmap(sqlite3_file *base, int delete)
{
    shm_let_go(handle_of(base));
    if (delete)
        disk_forget_shared(file_of(base));
    return SQLITE_OK;
}

/* ---- Opening ---- */

static int file_close(sqlite3_file *base)
{
    struct handle *handle = handle_of(base);

    shm_let_go(handle);
    count_level(handle->file, handle->level, -1);
    disk.open--;
    if (--handle->file->open == 0 && handle->temporary)
        disk_remove(handle->file);
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return 512;
}

static int file_traits(sqlite3_file *base)
{
    (void)base;
    return 0; /* No atomic writes, no power-safe overwrite: the worst disk there is. */
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
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* Who looks for a database by its name finds an empty file. */
static struct disk_file *make_file(const char *path, bool temporary)
{
    int fd = temporary ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return disk_make(path);
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out)
{
    static int temporaries;
    struct handle *handle = handle_of(base);
    char name[32];

    (void)vfs;
    *handle = (struct handle){.temporary = !path || flags & SQLITE_OPEN_DELETEONCLOSE};
    if (disk.off && disk.open == 0)
        disk_restore();
    if (disk.off)
        return SQLITE_CANTOPEN;
    if (!path)
        path = sqlite3_snprintf(sizeof(name), name, "temporary-%d", temporaries++);
    handle->file = disk_find(path);
    if (!handle->file && !(flags & SQLITE_OPEN_CREATE))
        return SQLITE_CANTOPEN;
    if (!handle->file)
        handle->file = make_file(path, handle->temporary);
    handle->file->open++;
    handle->base.pMethods = &methods;
    disk.open++;
    if (out)
        *out = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    struct disk_file *file = disk_find(path);

    (void)vfs;
    (void)sync;
    if (disk.off)
        return SQLITE_IOERR_DELETE;
    if (!file)
        return SQLITE_IOERR_DELETE_NOENT;
    disk_remove(file);
    (void)unlink(path);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    const struct disk_file *file = disk_find(path);

    (void)vfs;
    *out = file && (flags != SQLITE_ACCESS_EXISTS || file->now.len > 0);
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    for (int k = 0; k < len; k++)
        out[k] = (char)disk_draw(256);
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int vfs_now(sqlite3_vfs *vfs, sqlite3_int64 *ms)
{
    (void)vfs;
    *ms = INT64_C(210866760000000) + (disk.env ? disk.env->wall_ms(disk.env) : 0);
    return SQLITE_OK;
}

static int vfs_error(sqlite3_vfs *vfs, int size, char *text)
{
    (void)vfs;
    if (size > 0)
        text[0] = '\0';
    return 0;
}

void disk_install(uint64_t seed, struct env *env)
{
    int rc;

    assert(disk.open == 0);
    for (int k = 0; k < DISK_FILES_MAX; k++)
        if (disk.files[k].path)
            disk_remove(&disk.files[k]);
    disk = (struct disk){.random = seed, .env = env, .room = -1, .vfs = disk.vfs};
    if (disk.vfs.zName)
        return;
    disk.vfs = (sqlite3_vfs){.iVersion = 2,
                             .szOsFile = sizeof(struct handle),
                             .mxPathname = 512,
                             .zName = "disk",
                             .xOpen = vfs_open,
                             .xDelete = vfs_delete,
                             .xAccess = vfs_access,
                             .xFullPathname = vfs_full_name,
                             .xRandomness = vfs_randomness,
                             .xSleep = vfs_sleep,
                             .xCurrentTimeInt64 = vfs_now,
                             .xGetLastError = vfs_error};
    rc = sqlite3_vfs_register(&disk.vfs, 1);
    assert(rc == SQLITE_OK);
}
