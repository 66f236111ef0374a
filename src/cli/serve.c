/*
 * serve.c - the server: open, listen, wait for a signal, drain, close.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/serve.h"
#include "kernel/access/key.h"
#include "kernel/base/log.h"
#include "kernel/count/redis.h"
#include "kernel/count/save.h"
#include "kernel/watch/watch.h"

enum {
    DRAIN_MS = 10000,            /* In-flight requests get this long after SIGTERM. */
    DRAIN_ASKED_MS_MAX = 600000, /* How long it may serve on while not ready. */
    LOG_MIB = 64,                /* About 300,000 requests. */
    LOG_MIB_MAX = 1 << 20,
};

struct serve_options {
    struct cli_platform platform;
    const char *listen, *batch_max, *queue_max, *spaces_max, *connections_max, *drain_ms;
    const char *log_level, *log_file, *log_mib_max;
    struct confine confine;
};

static enum err first_key(struct cx *cx, void *argument)
{
    struct str given = str_of(getenv("GREVY_ADMIN_KEY")), token, *out = argument;

    TRY(access_first_admin(cx, given, &token));
    if (token.ptr) {
        *out = (struct str){strndup(token.ptr, token.len),
                            token.len}; /* cx dies before it is shown. */
    }
    return OK;
}

bool server_space(struct server *server, const char *name, bool create, struct space **out)
{
    struct problem problem;
    enum err err = space_open(&server->platform, str_of(name), out, &problem);

    if (err == ERR_NOT_FOUND && create) {
        err = space_create(&server->platform, str_of(name), &problem);
        if (err == OK)
            err = space_open(&server->platform, str_of(name), out, &problem);
    }
    if (err != OK)
        cli_problem(&problem);
    return err == OK;
}

bool server_open_default(struct server *server)
{
    struct problem problem;
    struct space *space;
    struct str token = {0};

    if (!server_space(server, SPACE_DEFAULT, true, &space))
        return false;
    if (atomic_load(&space->writing) && space_command(space, first_key, &token, &problem) != OK) {
        cli_problem(&problem);
        return false;
    }
    if (token.ptr) {
        printf("admin key of the space " SPACE_DEFAULT " (shown once): %s\n", token.ptr);
        free((char *)token.ptr);
    }
    return true;
}

/* ---- Keys of tools ---- */

/* Revoking needs another key to remain: the new one is made first. */
static enum err make_key(struct cx *cx, void *argument)
{
    struct server_key *out = argument;
    struct str all = STR("*");
    struct key_new in = {.name = str_of(out->name),
                         .scopes = {&all, 1},
                         .expires_ms = out->lives_ms ? cx_now_ms(cx) + out->lives_ms : 0,
                         .rate_per_s = KEY_RATE_PER_S_MAX};
    struct key key, old;
    struct list keys;

    TRY(key_list(cx, 0, PAGE_ITEMS_MAX, &keys));
    TRY(key_create(cx, &in, &key));
    for (size_t k = 0; k < keys.count; k++) {
        const struct key *other = LIST_AT(keys, struct key, k);

        if (str_is(other->name, out->name) && !other->revoked_ms)
            TRY(key_revoke(cx, other->id, &old));
    }
    out->id = key.id;
    free(out->token); /* Of a run that was rolled back. */
    out->token = strndup(key.token.ptr, key.token.len);
    return OK;
}

bool server_key_make(struct space *space, struct server_key *key)
{
    struct problem problem;

    if (space_command(space, make_key, key, &problem) == OK)
        return true;
    cli_problem(&problem);
    return false;
}

static enum err revoke_key(struct cx *cx, void *argument)
{
    struct server_key *key = argument;
    struct key out;

    if (key_revoke(cx, key->id, &out) != OK)
        fail_clear(cx); /* The only key of the space: it expires by itself. */
    return OK;
}

void server_key_revoke(struct space *space, struct server_key *key)
{
    struct problem problem;

    if (key->token && space_command(space, revoke_key, key, &problem) != OK)
        cli_problem(&problem);
    free(key->token);
    key->token = NULL;
}

/* ---- Gauges ---- */

static int64_t queue_depth(void *context)
{
    struct space_stats stats;
    struct platform *platform = context;
    int64_t depth = 0;

    for (int k = 0; k < platform->space_count; k++) {
        space_stats(platform->spaces[k], &stats);
        depth += stats.queue_depth;
    }
    return depth;
}

static int64_t connections(void *context)
{
    return http_connections(context);
}

static struct counters_stats counters_of_all(const struct platform *platform)
{
    struct counters_stats sum = {0}, stats;
    const struct space *space;

    for (int k = 0; k < SPACES_MAX && (space = atomic_load(&platform->spaces[k])); k++) {
        counters_stats(space, &stats);
        sum.entries += stats.entries;
        sum.bytes += stats.bytes;
        sum.unsaved += stats.unsaved;
        sum.evicted += stats.evicted;
        sum.full += stats.full;
    }
    return sum;
}

static int64_t counter_entries(void *context)
{
    return counters_of_all(context).entries;
}

static int64_t counter_bytes(void *context)
{
    return counters_of_all(context).bytes;
}

static int64_t counters_unsaved(void *context)
{
    return counters_of_all(context).unsaved;
}

static int64_t counters_evicted(void *context)
{
    return counters_of_all(context).evicted;
}

static int64_t counters_degraded(void *context)
{
    struct redis_stats stats;

    redis_stats(((struct platform *)context)->redis, &stats);
    return stats.degraded;
}

static int64_t counters_owed(void *context)
{
    struct redis_stats stats;

    redis_stats(((struct platform *)context)->redis, &stats);
    return stats.owed;
}

static void register_counters(struct platform *platform)
{
    const struct watch_gauge gauges[] = {
        {"grevy_counters", "Counters in memory.", "", counter_entries, platform},
        {"grevy_counters_bytes", "Memory of counters.", "", counter_bytes, platform},
        {"grevy_counters_unsaved", "Counters that changed since they were saved.", "",
         counters_unsaved, platform},
        {"grevy_counters_evicted", "Counters evicted before their window ended.", "",
         counters_evicted, platform},
        {"grevy_counters_degraded", "1: there should be a Redis, and it is not asked.", "",
         counters_degraded, platform},
        {"grevy_counters_owed", "Decisions to be added in Redis.", "", counters_owed, platform}};

    for (size_t k = 0; k < sizeof(gauges) / sizeof(gauges[0]); k++)
        watch_register_gauge(&gauges[k]);
}

static void register_gauges(struct platform *platform, struct http_server *server)
{
    register_counters(platform);
    watch_register_gauge(&(struct watch_gauge){.name = "grevy_queue_commands",
                                               .doc = "Commands waiting for the writers.",
                                               .labels = "",
                                               .read = queue_depth,
                                               .context = platform});
    watch_register_gauge(&(struct watch_gauge){.name = "grevy_http_connections",
                                               .doc = "Open connections.",
                                               .labels = "",
                                               .read = connections,
                                               .context = server});
}

static void register_metrics(const struct platform *platform)
{
    for (const struct module *const *m = platform->modules; *m; m++)
        for (struct metric *const *metric = (*m)->metrics; metric && *metric; metric++)
            watch_register_metric(*metric);
}

/* ---- Life ---- */

void server_wait(void)
{
    sigset_t set;
    int signal_number;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigwait(&set, &signal_number);
    log_event(LOG_INFO, "stopping", LOG_INT("signal", signal_number));
}

/* Before any thread starts, so that all inherit it. */
void server_block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool server_open(struct server *server, const struct cli_platform *from,
                 const struct server_limits *limits, const struct confine *confine)
{
    struct platform_options options;
    struct problem problem;

    *server = (struct server){0};
    if (limits)
        server->limits = *limits;
    if (!cli_prepare(from, &options) || (confine && !confine_enter(confine, &options)))
        return false;
    log_start(); /* The first thread. */
    options.batch_commands_max = (int)server->limits.batch_commands;
    options.queue_commands_max = (int)server->limits.queue_commands;
    options.spaces_max = (int)server->limits.spaces;
    options.redis = server->limits.redis;
    if (platform_open(&server->platform, &options, &problem) != OK) {
        cli_problem(&problem);
        return false;
    }
    register_metrics(&server->platform);
    return true;
}

bool server_listen(struct server *server, const char *listen, const char *default_space)
{
    struct dispatcher_options wanted = {.platform = &server->platform,
                                        .default_space = default_space};
    struct http_options http = {.listen = listen,
                                .connections_max = (int)server->limits.connections};
    struct problem problem;

    server->dispatcher = dispatcher_make(&wanted, &problem);
    if (server->dispatcher) {
        dispatcher_attach(server->dispatcher, &http);
        server->http = http_start(&http, &problem);
    }
    if (!server->http) {
        cli_problem(&problem);
        return false;
    }
    register_gauges(&server->platform, server->http);
    log_event(LOG_INFO, "listening", LOG_INT("port", http_port(server->http)));
    return true;
}

void server_close(struct server *server)
{
    if (server->http) {
        dispatcher_drain(server->dispatcher);
        http_stop(server->http, DRAIN_MS);
    }
    platform_close(&server->platform);
    if (server->dispatcher)
        dispatcher_free(server->dispatcher);
}

/* Not ready any more, and still serving, until the balancer has looked; a second signal ends it. */
static void drain(struct server *server, int64_t drain_ms)
{
    struct timespec most = {.tv_sec = drain_ms / 1000, .tv_nsec = drain_ms % 1000 * 1000000};
    sigset_t set;

    dispatcher_drain(server->dispatcher);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (drain_ms > 0)
        (void)sigtimedwait(&set, NULL, &most);
}

static int serve(struct server *server, const char *listen, int64_t drain_ms)
{
    int status = EXIT_FAILED;

    if (server_open_default(server) && server_listen(server, listen, SPACE_DEFAULT)) {
        printf("grevy listens on port %d\n", http_port(server->http));
        fflush(stdout);
        server_wait();
        drain(server, drain_ms);
        status = EXIT_DONE;
    }
    server_close(server);
    return status;
}

/* False: the arguments are wrong, or a file cannot be opened. */
static bool open_log(const struct serve_options *options)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    int level = options->log_level ? -1 : LOG_INFO;
    int64_t mib = LOG_MIB;

    for (int k = LOG_DEBUG; options->log_level && k <= LOG_ERROR; k++)
        if (strcmp(options->log_level, levels[k]) == 0)
            level = k;
    if (level < 0 || (options->log_mib_max &&
                      (!options->log_file || !str_int(str_of(options->log_mib_max), &mib) ||
                       mib < 1 || mib > LOG_MIB_MAX)))
        return false;
    if (!options->log_file) {
        log_to(STDERR_FILENO, (enum log_level)level);
        return true;
    }
    if (log_to_files(options->log_file, mib << 20, (enum log_level)level))
        return true;
    fprintf(stderr, "grevy: cannot write %s.0 and .1: %s\n", options->log_file, strerror(errno));
    return false;
}

/* False: one is no whole number, or beyond its bounds. */
static bool read_numbers(const struct serve_options *options, struct server_limits *limits,
                         int64_t *drain_ms)
{
    const struct {
        const char *text;
        int64_t min, max, *out;
    } rows[] = {{options->batch_max, 1, BATCH_COMMANDS_MAX, &limits->batch_commands},
                {options->queue_max, 1, QUEUE_COMMANDS_MAX, &limits->queue_commands},
                {options->spaces_max, 1, SPACES_MAX, &limits->spaces},
                {options->connections_max, 1, HTTP_CONNECTIONS_MOST, &limits->connections},
                {options->drain_ms, 0, DRAIN_ASKED_MS_MAX, drain_ms}};

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        if (rows[k].text && (!str_int(str_of(rows[k].text), rows[k].out) ||
                             *rows[k].out < rows[k].min || *rows[k].out > rows[k].max))
            return false;
    return true;
}

int cmd_serve(int argc, char **argv)
{
    struct serve_options options = {.listen = "127.0.0.1:8080"};
    struct server_limits limits = {0};
    const struct option_row rows[] = {CLI_PLATFORM_OPTIONS(options.platform),
                                      {"--listen", &options.listen, NULL},
                                      {"--instance", &options.platform.instance, NULL},
                                      {"--batch-max", &options.batch_max, NULL},
                                      {"--queue-max", &options.queue_max, NULL},
                                      {"--spaces-max", &options.spaces_max, NULL},
                                      {"--connections-max", &options.connections_max, NULL},
                                      {"--drain-ms", &options.drain_ms, NULL},
                                      {"--redis", &limits.redis, NULL},
                                      {"--log-level", &options.log_level, NULL},
                                      {"--log-file", &options.log_file, NULL},
                                      {"--log-mib-max", &options.log_mib_max, NULL},
                                      CLI_CONFINE_OPTIONS(options.confine),
                                      {NULL, NULL, NULL}};
    int status = EXIT_FAILED;
    int64_t drain_ms = 0;
    struct server server;

    if (!options_read(argc, argv, rows, NULL, 0))
        return usage_of(argv[0]);
    if (!read_numbers(&options, &limits, &drain_ms))
        return usage_of(argv[0]);
    server_block_signals();
    if (!confine_mode_ok(&options.confine) || !open_log(&options))
        return usage_of(argv[0]);
    options.confine.listen = options.listen;
    if (server_open(&server, &options.platform, &limits, &options.confine))
        status = serve(&server, options.listen, drain_ms);
    log_close();
    return status;
}
