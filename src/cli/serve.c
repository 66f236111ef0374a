/*
 * serve.c - the server: open, listen, wait for a signal, drain, close.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kernel/access/key.h"
#include "kernel/base/log.h"
#include "kernel/http/dispatch.h"
#include "kernel/watch/watch.h"

enum {
    DRAIN_MS = 10000, /* In-flight requests get this long after SIGTERM. */
};

struct serve_options {
    struct cli_platform platform;
    const char *listen, *batch_max, *ready_fd, *log_level;
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

/* The default space exists from the first start on, and has an admin key. */
static bool open_default(struct platform *platform)
{
    struct problem problem;
    struct space *space;
    struct str token = {0};
    enum err err = space_open(platform, STR(SPACE_DEFAULT), &space, &problem);

    if (err == ERR_NOT_FOUND) {
        err = space_create(platform, STR(SPACE_DEFAULT), &problem);
        if (err == OK)
            err = space_open(platform, STR(SPACE_DEFAULT), &space, &problem);
    }
    if (err == OK && atomic_load(&space->writing))
        err = space_command(space, first_key, &token, &problem);
    if (err != OK) {
        cli_problem(&problem);
        return false;
    }
    if (token.ptr) {
        printf("admin key of the space " SPACE_DEFAULT " (shown once): %s\n", token.ptr);
        free((char *)token.ptr);
    }
    return true;
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

static void register_gauges(struct platform *platform, struct http_server *server)
{
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

static void wait_for_signal(void)
{
    sigset_t set;
    int signal_number;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigwait(&set, &signal_number);
    log_event(LOG_INFO, "stopping", LOG_INT("signal", signal_number));
}

/* Before any thread starts, so that all inherit it: only wait_for_signal takes these. */
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int serve(struct platform *platform, const struct serve_options *options)
{
    struct dispatcher_options wanted = {.platform = platform, .default_space = SPACE_DEFAULT};
    struct http_options http = {.listen = options->listen ? options->listen : "127.0.0.1:8080"};
    struct dispatcher *dispatcher;
    struct http_server *server;
    struct problem problem;

    register_metrics(platform);
    if (!open_default(platform))
        return EXIT_FAILED;
    dispatcher = dispatcher_make(&wanted, &problem);
    if (!dispatcher) {
        cli_problem(&problem);
        return EXIT_FAILED;
    }
    dispatcher_attach(dispatcher, &http);
    server = http_start(&http, &problem);
    if (!server) {
        cli_problem(&problem);
        dispatcher_free(dispatcher);
        return EXIT_FAILED;
    }
    register_gauges(platform, server);
    printf("grevy listens on port %d\n", http_port(server));
    fflush(stdout);
    log_event(LOG_INFO, "listening", LOG_INT("port", http_port(server)));
    wait_for_signal();
    dispatcher_drain(dispatcher);
    http_stop(server, DRAIN_MS);
    platform_close(platform);
    dispatcher_free(dispatcher);
    log_close();
    return EXIT_DONE;
}

int cmd_serve(int argc, char **argv)
{
    struct serve_options options = {0};
    const struct option_row rows[] = {CLI_PLATFORM_OPTIONS(options.platform),
                                      {"--listen", &options.listen, NULL},
                                      {"--batch-max", &options.batch_max, NULL},
                                      {"--log-level", &options.log_level, NULL},
                                      {NULL, NULL, NULL}};
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    int level = LOG_INFO, status;
    struct platform platform;

    if (!options_read(argc, argv, rows, NULL, 0))
        return usage_of(argv[0]);
    for (int k = LOG_DEBUG; options.log_level && k <= LOG_ERROR; k++)
        if (strcmp(options.log_level, levels[k]) == 0)
            level = k;
    block_signals();
    log_open(STDERR_FILENO, (enum log_level)level);
    if (!cli_open(&platform, &options.platform,
                  options.batch_max ? (int)strtol(options.batch_max, NULL, 10) : 0))
        return EXIT_FAILED;
    status = serve(&platform, &options);
    log_close();
    return status;
}
