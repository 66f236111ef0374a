/*
 * master.c - where the master key comes from.
 */
#include "kernel/access/master.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/hash.h"

enum { KEY_FILE_BYTES_MAX = 128 }; /* 43 digits, padding, line ends; more is another file. */

PRINTF_LIKE(4, 5)
static enum err refuse(struct problem *problem, enum err err, const char *code, const char *fmt,
                       ...)
{
    va_list arguments;

    *problem = (struct problem){.err = err, .code = code};
    va_start(arguments, fmt);
    vsnprintf(problem->detail, sizeof(problem->detail), fmt, arguments);
    va_end(arguments);
    return err;
}

/* 32 bytes as base64url; the other base64 and padding are taken too: many tools write them. */
static bool key_of_text(struct str text, unsigned char out[MASTER_KEY_BYTES])
{
    char digits[KEY_FILE_BYTES_MAX + 1];
    size_t len = 0, read;
    bool ok;

    while (text.len > 0 && strchr("= \t\r\n", text.ptr[text.len - 1]))
        text.len--;
    if (text.len > KEY_FILE_BYTES_MAX)
        return false;
    for (size_t k = 0; k < text.len; k++) {
        char c = text.ptr[k];

        digits[len++] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    ok = base64url_read((struct str){digits, len}, out, MASTER_KEY_BYTES, &read) &&
         read == MASTER_KEY_BYTES;
    sodium_memzero(digits, sizeof(digits));
    return ok;
}

/* ---- Where it lies ---- */

/* The path without links; of a path whose last part does not exist, that part behind its
 * directory's. */
static bool resolve(const char *path, char out[PATH_MAX])
{
    char copy[PATH_MAX], *name;
    const char *dir = ".";
    size_t len = strlen(path);

    if (realpath(path, out))
        return true;
    if (errno != ENOENT || len == 0 || len >= sizeof(copy))
        return false;
    memcpy(copy, path, len + 1);
    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    name = strrchr(copy, '/');
    if (name) {
        *name++ = '\0';
        dir = copy[0] ? copy : "/";
    } else {
        name = copy;
    }
    if (!realpath(dir, out))
        return false;
    len = strlen(out);
    return (size_t)snprintf(out + len, PATH_MAX - len, "%s%s", out[1] ? "/" : "", name) <
           PATH_MAX - len;
}

static bool inside(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0' || len == 1);
}

static enum err find_file(const char *path, const char *data_dir, char out[PATH_MAX],
                          struct problem *problem)
{
    char data[PATH_MAX] = "", beside[PATH_MAX];

    if (data_dir && !resolve(data_dir, data))
        return refuse(problem, ERR_STORAGE, "key_file", "cannot find the directory of %s: %s",
                      data_dir, strerror(errno));
    if (!path && !data_dir)
        return refuse(problem, ERR_BAD_INPUT, "no_master_key",
                      "personal data needs a master key: set GREVY_MASTER_KEY or name a key file");
    if (!path && (size_t)snprintf(beside, sizeof(beside), "%s.key", data) >= sizeof(beside))
        return refuse(problem, ERR_STORAGE, "key_file", "the path %s is too long", data);
    path = path ? path : beside;
    if (!resolve(path, out))
        return refuse(problem, ERR_STORAGE, "key_file", "cannot reach the key file %s: %s", path,
                      strerror(errno));
    if (data_dir && inside(out, data))
        return refuse(problem, ERR_BAD_INPUT, "key_file_inside",
                      "the key file %s lies inside the data directory: whoever copies the data"
                      " would have the key; move it outside and name it",
                      out);
    return OK;
}

/* ---- Reading ---- */

static enum err read_open_file(int fd, const char *path, unsigned char *out,
                               struct problem *problem)
{
    char text[KEY_FILE_BYTES_MAX + 1];
    struct stat stat;
    ssize_t len;
    bool ok;

    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
        return refuse(problem, ERR_STORAGE, "key_file", "%s is no regular file", path);
    if (stat.st_mode & (S_IRWXG | S_IRWXO))
        return refuse(problem, ERR_FORBIDDEN, "key_file_exposed",
                      "others may read or change the key file %s (mode %03o): chmod 600 it", path,
                      (unsigned)stat.st_mode & 0777);
    len = read(fd, text, sizeof(text));
    if (len < 0)
        return refuse(problem, ERR_STORAGE, "key_file", "cannot read %s: %s", path,
                      strerror(errno));
    ok = key_of_text((struct str){text, (size_t)len}, out);
    sodium_memzero(text, sizeof(text));
    if (!ok)
        return refuse(problem, ERR_BAD_INPUT, "bad_master_key",
                      "%s holds no key (32 bytes as base64url): restore it from its backup; only if"
                      " nothing was ever stored under it, delete it and one will be made",
                      path);
    return OK;
}

/* *missing: there is no such file, and nothing was recorded. */
static enum err read_file(const char *path, unsigned char *out, bool *missing,
                          struct problem *problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum err err;

    *missing = fd < 0 && errno == ENOENT;
    if (*missing)
        return OK;
    if (fd < 0)
        return refuse(problem, ERR_STORAGE, "key_file", "cannot open the key file %s: %s", path,
                      strerror(errno));
    err = read_open_file(fd, path, out, problem);
    close(fd);
    return err;
}

/* ---- Making ---- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

static bool sync_directory(const char *path)
{
    char dir[PATH_MAX], *slash;
    bool ok;
    int fd;

    snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/'); /* Resolved: absolute, so there is one. */
    slash[slash == dir ? 1 : 0] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

/* Complete under another name, then linked: a crash leaves no half key, and of two processes that
 * start at once one makes it and both use it. */
static enum err make_file(const char *path, struct problem *problem)
{
    unsigned char key[MASTER_KEY_BYTES];
    char text[HASH_TEXT_LEN + 2], made[PATH_MAX];
    bool ok;
    int fd;

    if ((size_t)snprintf(made, sizeof(made), "%s.XXXXXX", path) >= sizeof(made))
        return refuse(problem, ERR_STORAGE, "key_file", "the path %s is too long", path);
    fd = mkstemp(made); /* Mode 0600. */
    if (fd < 0)
        return refuse(problem, ERR_STORAGE, "key_file",
                      "cannot make the key file %s: %s; name another or set GREVY_MASTER_KEY", path,
                      strerror(errno));
    env_system()->random(env_system(), key, sizeof(key));
    text[base64url_write(text, key, sizeof(key))] = '\n';
    ok = write_all(fd, text, HASH_TEXT_LEN + 1);
    close(fd);
    ok = ok && (link(made, path) == 0 || errno == EEXIST) && sync_directory(path);
    if (!ok)
        (void)refuse(problem, ERR_STORAGE, "key_file", "cannot make the key file %s: %s", path,
                     strerror(errno));
    unlink(made);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text, sizeof(text));
    return ok ? OK : ERR_STORAGE;
}

enum err master_key_load(const char *path, const char *data_dir,
                         unsigned char out[MASTER_KEY_BYTES], struct problem *problem)
{
    const char *given = getenv("GREVY_MASTER_KEY");
    char file[PATH_MAX];
    bool missing;

    if (given) {
        if (key_of_text(str_of(given), out))
            return OK;
        return refuse(problem, ERR_BAD_INPUT, "bad_master_key",
                      "GREVY_MASTER_KEY must be 32 bytes as base64url (43 characters)");
    }
    TRY(find_file(path, data_dir, file, problem));
    TRY(read_file(file, out, &missing, problem));
    if (!missing)
        return OK;
    TRY(make_file(file, problem));
    TRY(read_file(file, out, &missing, problem));
    return missing ? refuse(problem, ERR_STORAGE, "key_file", "%s is gone again", file) : OK;
}
