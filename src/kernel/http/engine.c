/*
 * engine.c - starting and stopping, and what the client sent.
 */
#define _GNU_SOURCE
#include "kernel/http/sweeper.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    THREADS = 2,
    HEAD_BYTES_MAX = 16 << 10,
    BODY_BYTES_MAX = 1 << 20,
    HEAD_MS_MAX = 5 * SECOND_MS,
    BODY_MS_MAX = 20 * SECOND_MS,
    IDLE_MS_MAX = 60 * SECOND_MS,
    CONNECTIONS_MAX = 12000,
    GZIP_BYTES_MIN = 1400,    /* Below, the reply is one packet anyway. */
    DESCRIPTORS_OTHERS = 512, /* Databases, logs, lingering sockets. */
    LISTEN_LEN_MAX = 256,
    BACKLOG = 4096, /* The kernel lowers it to net.core.somaxconn. */
};

int64_t engine_now_us(void)
{
    struct env *env = env_system();

    return env->monotonic_us(env);
}

/* ---- Options ---- */

#define FALL_BACK(option, value) (option) = (option) ? (option) : (value)

static void options_take(struct http_server *server, const struct http_options *given)
{
    struct http_options *options = &server->options;

    *options = *given;
    FALL_BACK(options->threads, THREADS);
    FALL_BACK(options->head_bytes_max, HEAD_BYTES_MAX);
    FALL_BACK(options->body_bytes_max, BODY_BYTES_MAX);
    FALL_BACK(options->head_ms_max, HEAD_MS_MAX);
    FALL_BACK(options->body_ms_max, BODY_MS_MAX);
    FALL_BACK(options->idle_ms_max, IDLE_MS_MAX);
    FALL_BACK(options->connections_max, CONNECTIONS_MAX);
    FALL_BACK(options->gzip_bytes_min, GZIP_BYTES_MIN);
    assert(options->on_request);
    assert(options->threads > 0);
    assert(options->threads <= WORKERS_MAX);
    server->worker_count = options->threads;
    server->pool_bytes = options->head_bytes_max + CONNECTION_BYTES_MORE;
    server->head_us_max = (int64_t)options->head_ms_max * 1000;
    server->body_us_max = (int64_t)options->body_ms_max * 1000;
    server->idle_us_max = (int64_t)options->idle_ms_max * 1000;
    /* Half as long again as for a body: replies are larger, and ours to get rid of. */
    server->write_us_max = server->body_us_max * 3 / 2;
    server->sweep_us = sweep_period_us(server);
}

/* As many descriptors as connections need, or fewer connections. */
static void descriptors_raise(struct http_options *options)
{
    rlim_t wanted = (rlim_t)options->connections_max + DESCRIPTORS_OTHERS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    options->connections_max =
        (int)(limit.rlim_cur > DESCRIPTORS_OTHERS * 2 ? limit.rlim_cur - DESCRIPTORS_OTHERS
                                                      : limit.rlim_cur / 2);
}

/* ---- Listening ---- */

static int refuse_listen(struct problem *problem, const char *code, const char *listen,
                         const char *why, const char *advice)
{
    problem->err = ERR_INTERNAL;
    problem->code = code;
    snprintf(problem->detail, sizeof(problem->detail), "cannot listen on %s: %s; %s", listen, why,
             advice);
    return -1;
}

static struct addrinfo *listen_resolve(const char *listen, struct problem *problem)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *advice = "give ADDRESS:PORT, like 127.0.0.1:8080 or [::1]:8080";
    const char *colon = strrchr(listen, ':');
    char host[LISTEN_LEN_MAX];
    size_t len = colon ? (size_t)(colon - listen) : 0;
    int failed;

    if (!colon || len >= sizeof(host)) {
        refuse_listen(problem, "listen_address", listen, "no port", advice);
        return NULL;
    }
    memcpy(host, listen, len);
    host[len] = '\0';
    if (host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
    }
    failed = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found);
    if (failed) {
        refuse_listen(problem, "listen_address", listen, gai_strerror(failed), advice);
        return NULL;
    }
    return found;
}

static int listen_open(const char *listen_, struct problem *problem)
{
    struct addrinfo *address = listen_resolve(listen_, problem);
    int on = 1;
    int fd;

    if (!address)
        return -1;
    fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        freeaddrinfo(address);
        return fd;
    }
    refuse_listen(problem, errno == EADDRINUSE ? "port_taken" : "listen_failed", listen_,
                  strerror(errno),
                  errno == EADDRINUSE ? "stop what listens there, or choose another port"
                                      : "choose an address of this machine and a port above 1023");
    freeaddrinfo(address);
    if (fd >= 0)
        close(fd);
    return -1;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len = sizeof(address);

    memset(&address, 0, sizeof(address));
    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* ---- Start and stop ---- */

static void workers_close(struct http_server *server)
{
    for (int k = 0; k < server->worker_count; k++)
        worker_close(&server->workers[k]);
}

static bool workers_open(struct http_server *server)
{
    bool ok = true;

    for (int k = 0; k < server->worker_count; k++)
        ok = worker_open(&server->workers[k], server) && ok;
    return ok;
}

static void workers_join(struct http_server *server, int count, int64_t until_us)
{
    atomic_store(&server->drain_us, until_us);
    atomic_store(&server->draining, true);
    for (int k = 0; k < count; k++)
        worker_wake(&server->workers[k]);
    for (int k = 0; k < count; k++)
        pthread_join(server->workers[k].thread, NULL);
}

static bool workers_run(struct http_server *server)
{
    int running = 0;

    for (; running < server->worker_count; running++) {
        struct worker *worker = &server->workers[running];

        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            break;
    }
    if (running == server->worker_count)
        return true;
    workers_join(server, running, 0);
    return false;
}

/* An answer may still be on its way to wake a worker: its descriptor stays until the very end. */
void server_release(struct http_server *server)
{
    if (atomic_fetch_sub(&server->references, 1) != 1)
        return;
    for (int k = 0; k < server->worker_count; k++)
        if (server->workers[k].wake_fd > 0)
            close(server->workers[k].wake_fd);
    free(server);
}

struct http_server *http_start(const struct http_options *options, struct problem *problem)
{
    struct http_server *server = calloc(1, sizeof(*server));
    bool ok;

    *problem = (struct problem){0};
    if (!server) {
        refuse_listen(problem, "no_memory", options->listen, "no memory", "free some");
        return NULL;
    }
    options_take(server, options);
    descriptors_raise(&server->options);
    atomic_store(&server->references, 1);
    atomic_store(&server->listening, true);
    server->listen_fd = listen_open(options->listen, problem);
    if (server->listen_fd < 0) {
        free(server);
        return NULL;
    }
    server->port = port_of(server->listen_fd);
    ok = workers_open(server);
    if (ok && workers_run(server))
        return server;
    refuse_listen(problem, "no_resources", options->listen, strerror(errno),
                  "raise the limits of open files (ulimit -n) and of threads (ulimit -u)");
    workers_close(server);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    server_release(server);
    return NULL;
}

int http_port(const struct http_server *server)
{
    return server->port;
}

int http_connections(const struct http_server *server)
{
    int count = 0;

    for (int k = 0; k < server->worker_count; k++)
        count += atomic_load(&server->workers[k].live) + atomic_load(&server->workers[k].coming);
    return count;
}

void http_stop(struct http_server *server, int drain_ms)
{
    workers_join(server, server->worker_count, engine_now_us() + (int64_t)drain_ms * 1000);
    workers_close(server);
    server_release(server);
}

/* ---- What the client sent ---- */

struct str http_method(const struct http_exchange *x)
{
    return x->method;
}

struct str http_path(const struct http_exchange *x)
{
    return x->path;
}

struct str http_query(const struct http_exchange *x)
{
    return x->query;
}

struct str http_header(const struct http_exchange *x, const char *name)
{
    size_t len = strlen(name);

    for (int k = 0; k < x->header_count; k++) {
        struct str it = x->headers[k].name;

        if (it.len == len && strncasecmp(it.ptr, name, len) == 0)
            return x->headers[k].value;
    }
    return (struct str){0};
}

struct str http_body(const struct http_exchange *x)
{
    return (struct str){x->body.len ? x->body.ptr : NULL, x->body.len};
}

struct str http_peer(const struct http_exchange *x)
{
    return str_of(x->peer);
}

int64_t http_started_us(const struct http_exchange *x)
{
    return x->started_us;
}

void *http_user(const struct http_exchange *x)
{
    return x->user;
}

void http_set_user(struct http_exchange *x, void *user)
{
    x->user = user;
}
