/*
 * sandbox_landlock.c - which files may be opened, and on which TCP port may be listened.
 *
 * The constants are the kernel's interface; headers of the time of Linux 6.1 end at ABI 2, so what
 * came later is written out here.
 */
#define _GNU_SOURCE /* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/base/sandbox_priv.h"

enum {
    QUERY_VERSION = 1 << 0,
    RULE_PATH_BENEATH = 1,
    RULE_NET_PORT = 2,
    NET_BIND_TCP = 1 << 0,
    SCOPE_ABSTRACT_SOCKETS = 1 << 0,
    SCOPE_SIGNALS = 1 << 1,
};

enum {
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_OF_ABI_1 = (1 << 13) - 1, /* Execute and special files among them: nobody gets those. */
    FS_OF_ABI_2 = (1 << 14) - 1,
    FS_OF_ABI_3 = (1 << 15) - 1,
    FS_OF_ABI_5 = (1 << 16) - 1,
    FS_OF_FILES = FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE,
    FS_READ = FS_READ_FILE | FS_READ_DIR,
    FS_WRITE = FS_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |
               FS_MAKE_REG | FS_REFER | FS_TRUNCATE,
};

/* Members that a kernel does not know must be 0. */
struct ruleset {
    uint64_t fs, net, scoped;
};
struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));
struct port_rule {
    uint64_t allowed, port;
};

static struct ruleset handled_of(const struct sandbox *wanted, int abi)
{
    struct ruleset rules = {.fs = FS_OF_ABI_1};

    if (abi >= 2)
        rules.fs = FS_OF_ABI_2;
    if (abi >= 3)
        rules.fs = FS_OF_ABI_3;
    if (abi >= 5)
        rules.fs = FS_OF_ABI_5;
    if (abi >= 4 && wanted->bind_port != SANDBOX_ANY_PORT)
        rules.net = NET_BIND_TCP;
    if (abi >= 6)
        rules.scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
    return rules;
}

/* A rule belongs to an inode.  /proc makes a new one when it has forgotten an entry, so its entries
 * are held for as long as the process lives. */
static bool forgotten(const char *path)
{
    return strncmp(path, "/proc/", 6) == 0;
}

static bool allow(int ruleset, const char *path, uint64_t access)
{
    struct path_rule rule = {.allowed = access, .fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat stat;
    bool ok;

    if (rule.fd < 0)
        return false;
    ok = fstat(rule.fd, &stat) == 0;
    if (!S_ISDIR(stat.st_mode))
        rule.allowed &= FS_OF_FILES;
    ok = ok && syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0;
    if (!ok || !forgotten(path))
        close(rule.fd);
    return ok;
}

static bool absent(void)
{
    return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
}

static bool add_rules(int ruleset, const struct ruleset *handled, const struct sandbox *wanted,
                      struct sandbox_state *state)
{
    struct port_rule port = {NET_BIND_TCP, (uint64_t)wanted->bind_port};

    for (const char *const *path = wanted->read_paths; *path; path++) {
        if (!allow(ruleset, *path, FS_READ & handled->fs) && !absent()) {
            sandbox_refused(state, *path);
            return false;
        }
    }
    if (wanted->write_dir && !allow(ruleset, wanted->write_dir, FS_WRITE & handled->fs)) {
        sandbox_refused(state, wanted->write_dir);
        return false;
    }
    if (handled->net && syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &port, 0) != 0) {
        sandbox_refused(state, "landlock TCP rule");
        return false;
    }
    return true;
}

void sandbox_landlock(const struct sandbox *wanted, struct sandbox_state *state)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, QUERY_VERSION), fd;
    struct ruleset handled;

    if (abi < 1) { /* Not built in, or not among the security modules named at boot. */
        sandbox_refused(state, "landlock is not in this kernel");
        return;
    }
    handled = handled_of(wanted, abi);
    fd = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (fd < 0) {
        sandbox_refused(state, "landlock ruleset");
        return;
    }
    if (add_rules(fd, &handled, wanted, state)) {
        if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
            state->landlock_abi = abi;
        else
            sandbox_refused(state, "landlock");
    }
    close(fd);
}
