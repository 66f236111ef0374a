/*
 * confine.c - the files that a server needs.
 */
#include "cli/confine.h"

#include <libpq-fe.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/log.h"
#include "kernel/base/sandbox.h"

enum { PATHS_MAX = 96, TEXT_BYTES_MAX = 16 << 10 /* Of the paths that are made here. */ };

/* Libraries that are loaded late (names of hosts), names of hosts and services, certificates, what
 * the process asks about itself and the machine. */
static const char *const always[] = {"/lib",
                                     "/lib64",
                                     "/usr/lib",
                                     "/usr/lib64",
                                     "/etc/ld.so.cache",
                                     "/etc/nsswitch.conf",
                                     "/etc/hosts",
                                     "/etc/host.conf",
                                     "/etc/gai.conf",
                                     "/etc/services",
                                     "/etc/protocols",
                                     "/etc/ssl/certs",
                                     "/etc/ssl/openssl.cnf",
                                     "/usr/share/ca-certificates",
                                     "/usr/local/share/ca-certificates",
                                     "/etc/localtime",
                                     "/usr/share/zoneinfo",
                                     "/dev/null",
                                     "/dev/urandom",
                                     "/proc/self",
                                     "/proc/stat",
                                     "/proc/sys/vm/overcommit_memory",
                                     "/sys/devices/system/cpu"};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

struct paths {
    const char *items[PATHS_MAX + 1];
    size_t count;
    char bytes[TEXT_BYTES_MAX];
    size_t len;
};

/* What does not fit is left out, and cannot be read: the error then names it. */
static void add(struct paths *paths, const char *path)
{
    if (paths->count < PATHS_MAX)
        paths->items[paths->count++] = path;
}

static void add_text(struct paths *paths, struct str path)
{
    char *copy = paths->bytes + paths->len;

    if (path.len == 0 || path.len >= sizeof(paths->bytes) - paths->len)
        return;
    memcpy(copy, path.ptr, path.len);
    copy[path.len] = '\0';
    paths->len += path.len + 1;
    add(paths, copy);
}

/* Where a manager of resolv.conf keeps its own, it replaces the file by a new one, to which no rule
 * belongs; so all of its directory may be read.  A plain /etc/resolv.conf is read as it is now. */
static void add_resolver(struct paths *paths)
{
    char real[PATH_MAX], *slash;

    if (!realpath("/etc/resolv.conf", real))
        return;
    slash = strrchr(real, '/');
    if (strncmp(real, "/etc/", 5) != 0 && slash != real)
        *slash = '\0';
    add_text(paths, str_of(real));
}

/* ---- PostgreSQL: connections are made again at any time, with certificates and passwords ---- */

static void add_options(struct paths *paths, PQconninfoOption *options)
{
    static const char *const files[] = {"sslcert", "sslkey",    "sslrootcert",
                                        "sslcrl",  "sslcrldir", "passfile"};

    for (PQconninfoOption *option = options; option && option->keyword; option++)
        for (size_t k = 0; option->val && k < sizeof(files) / sizeof(files[0]); k++)
            if (strcmp(option->keyword, files[k]) == 0)
                add_text(paths, str_of(option->val));
    PQconninfoFree(options);
}

/* Who we are is asked of /etc/passwd, each time unless it was said. */
static void remember_user(void)
{
    PQconninfoOption *options = PQconndefaults();

    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (strcmp(option->keyword, "user") == 0 && option->val)
            setenv("PGUSER", option->val, 0);
    PQconninfoFree(options);
}

static void add_postgres(struct paths *paths, const char *url)
{
    static const char *const beside[] = {".pgpass", ".postgresql", ".pg_service.conf"};
    const char *home = getenv("HOME"), *service = getenv("PGSERVICEFILE");
    char path[PATH_MAX];

    remember_user();
    add_options(paths, PQconndefaults());
    add_options(paths, PQconninfoParse(url, NULL));
    add_text(paths, str_of(service));
    add(paths, "/etc/postgresql-common");
    for (size_t k = 0; home && k < sizeof(beside) / sizeof(beside[0]); k++)
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", home, beside[k]) < sizeof(path))
            add_text(paths, str_of(path));
}

/* ---- All of them ---- */

/* A report of a sanitizer names lines of the source, which the binary knows. */
static void add_self(struct paths *paths)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self));

    if (len > 0)
        add_text(paths, (struct str){self, (size_t)len});
}

static void list_paths(struct paths *paths, const struct confine *confine, const char *db_url)
{
    struct str rest = str_of(confine->read), path;

    for (size_t k = 0; k < sizeof(always) / sizeof(always[0]); k++)
        add(paths, always[k]);
    add_resolver(paths);
    if (db_url)
        add_postgres(paths, db_url);
    if (SANITIZED)
        add_self(paths);
    for (const char *const *file = confine->files; *file; file++)
        add(paths, *file);
    while (str_cut(&rest, ':', &path))
        add_text(paths, path);
}

static int64_t port_of(const char *listen)
{
    const char *colon = listen ? strrchr(listen, ':') : NULL;
    int64_t port;

    if (!colon || !str_int(str_of(colon + 1), &port) || port < 0 || port > UINT16_MAX)
        return SANDBOX_ANY_PORT; /* Nothing can listen there, and that will be said. */
    return port;
}

static const char *mode_of(const struct confine *confine)
{
    return confine->mode ? confine->mode : "try";
}

bool confine_mode_ok(const struct confine *confine)
{
    const char *mode = mode_of(confine);

    return strcmp(mode, "require") == 0 || strcmp(mode, "try") == 0 || strcmp(mode, "off") == 0;
}

static bool judge(const struct sandbox_state *state, bool required)
{
    enum log_level level = state->why[0] ? LOG_WARN : LOG_INFO;

    if (required && state->why[0]) {
        fprintf(stderr,
                "grevy: no full sandbox (%s): use a kernel that has it, or --sandbox try to do"
                " with what there is\n",
                state->why);
        return false;
    }
    log_event(level, "sandbox", LOG_INT("landlock_abi", state->landlock_abi),
              LOG_INT("seccomp", state->seccomp), LOG_TEXT("missing", str_of(state->why)));
    return true;
}

bool confine_enter(const struct confine *confine, const struct platform_options *options)
{
    static struct paths paths;
    struct sandbox wanted = {.read_paths = paths.items,
                             .write_dir = options->db_url ? NULL : options->data_dir,
                             .bind_port = port_of(confine->listen),
                             .sanitized = SANITIZED};

    if (strcmp(mode_of(confine), "off") == 0) {
        log_event(LOG_WARN, "sandbox", LOG_TEXT("missing", STR("--sandbox off")));
        return true;
    }
    if (wanted.write_dir) /* A rule needs it; platform_open says why it cannot be made. */
        (void)mkdir(wanted.write_dir, S_IRWXU);
    list_paths(&paths, confine, options->db_url);
    sandbox_enter(&wanted);
    return judge(sandbox_state(), strcmp(mode_of(confine), "require") == 0);
}
