/*
 * sandbox_psp.c - the command grevy sandbox-psp: listen, serve, stop at a signal.
 */
#include "cli/sandbox_psp.h"

#include <curl/curl.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "kernel/base/log.h"
#include "kernel/effect/secret.h"

enum { DRAIN_MS = 2000 };

static bool loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "localhost:", 10) == 0 ||
           strncmp(listen, "[::1]:", 6) == 0;
}

static bool listen_on(struct psp *psp, const char *listen)
{
    struct http_options options = {
        .listen = listen, .context = psp, .on_request = psp_request, .body_bytes_max = 64 << 10};
    struct problem problem = {0};

    psp->server = http_start(&options, &problem);
    if (!psp->server) {
        cli_problem(&problem);
        return false;
    }
    pthread_mutex_lock(&psp->lock); /* A request may be there already. */
    snprintf(psp->base, sizeof(psp->base), "http://127.0.0.1:%d", http_port(psp->server));
    pthread_mutex_unlock(&psp->lock);
    return true;
}

bool psp_start(struct psp *psp, const char *listen)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (!psp_line_start(&psp->notices))
        return false;
    if (psp_line_start(&psp->replies)) {
        if (listen_on(psp, listen))
            return true;
        psp_line_stop(&psp->replies);
    }
    psp_line_stop(&psp->notices);
    return false;
}

void psp_stop(struct psp *psp)
{
    psp_line_stop(&psp->replies); /* Answers what waits, and from now on at once. */
    http_stop(psp->server, DRAIN_MS);
    psp_line_stop(&psp->notices);
}

static bool check(const char *listen)
{
    if (!loopback(listen)) {
        fputs("grevy sandbox-psp: it hands out money to anyone: listen on 127.0.0.1 alone\n",
              stderr);
        return false;
    }
    if (!secret_get(STR("SANDBOX_WEBHOOK")).ptr) {
        fputs("grevy sandbox-psp: set GREVY_SECRET_SANDBOX_WEBHOOK to any text, the same as for "
              "grevy serve: it signs the notices\n",
              stderr);
        return false;
    }
    return true;
}

int cmd_sandbox_psp(int argc, char **argv)
{
    const char *listen = "127.0.0.1:8090", *file = NULL;
    static struct psp psp;
    const struct option_row rows[] = {{"--listen", &listen, NULL},
                                      {"--file", &file, NULL},
                                      {"--auto-pay", NULL, &psp.auto_pay},
                                      {0}};
    sigset_t signals;
    int number;

    if (!options_read(argc, argv, rows, NULL, 0))
        return usage_of(argv[0]);
    if (!check(listen))
        return EXIT_USAGE;
    psp_init(&psp);
    if (file && !psp_file_open(&psp, file))
        return EXIT_FAILED;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* Before any thread: they inherit it. */
    log_open(2, LOG_INFO);
    if (!psp_start(&psp, listen))
        return EXIT_FAILED;
    printf("sandbox-psp listens on %s\n", psp.base);
    fflush(stdout);
    sigwait(&signals, &number);
    psp_stop(&psp);
    psp_free(&psp);
    log_close();
    return EXIT_DONE;
}
