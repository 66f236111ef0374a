/*
 * worker.c - one thread: a libmicrohttpd daemon in external polling mode inside our own loop.
 *
 * libmicrohttpd's own threads would serve as well, but a loop of ours sweeps without locks, wakes
 * once for many answers, and spreads connections evenly.  Its epoll descriptor is nested in ours,
 * beside the wake-up, the listener (worker 0) and lingering sockets.
 */
#define _GNU_SOURCE
#include "kernel/http/sweeper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 64,
    ACCEPTS_MAX = 16,            /* Per turn; the others come in the next. */
    BACKLOG_MAX = 4096,          /* Accepted once more when the listener closes. */
    ACCEPT_PAUSE_US = 50 * 1000, /* Without a place or a descriptor. */
    CUT_US_MAX = 500 * 1000,     /* For libmicrohttpd to close what was cut. */
};

_Thread_local struct worker *worker_self;

/* ---- Waking ---- */

void worker_wake(struct worker *worker)
{
    uint64_t one = 1;

    if (atomic_exchange(&worker->asleep, false))
        (void)!write(worker->wake_fd, &one, sizeof(one)); /* Edge-triggered: never read. */
}

void worker_ready(struct worker *worker, struct http_exchange *x)
{
    x->next = atomic_load(&worker->ready);
    while (!atomic_compare_exchange_weak(&worker->ready, &x->next, x))
        ;
    worker_wake(worker);
}

static void resume_ready(struct worker *worker)
{
    struct http_exchange *x = atomic_exchange(&worker->ready, NULL);

    while (x) {
        struct http_exchange *next = x->next;

        MHD_resume_connection(x->connection->mhd);
        x = next;
    }
}

/* ---- Accepting ---- */

static void adopt(struct worker *worker, int fd, const struct sockaddr_storage *address,
                  socklen_t len)
{
    /* On failure it closes the descriptor. */
    (void)MHD_add_connection(worker->daemon, fd, (const struct sockaddr *)address, len);
}

static void adopt_handovers(struct worker *worker)
{
    struct handover *h = atomic_exchange(&worker->handovers, NULL);

    while (h) {
        struct handover *next = h->next;

        adopt(worker, h->fd, &h->address, h->address_len);
        atomic_fetch_sub(&worker->coming, 1);
        free(h);
        h = next;
    }
}

static int load(struct worker *worker)
{
    return atomic_load(&worker->live) + atomic_load(&worker->coming);
}

static struct worker *least_loaded(struct http_server *server)
{
    struct worker *least = &server->workers[0];

    for (int k = 1; k < server->worker_count; k++)
        if (load(&server->workers[k]) < load(least))
            least = &server->workers[k];
    return least;
}

static bool hand_over(struct worker *to, int fd, const struct sockaddr_storage *address,
                      socklen_t len)
{
    struct handover *h = malloc(sizeof(*h));

    if (!h)
        return false;
    *h = (struct handover){.fd = fd, .address = *address, .address_len = len};
    atomic_fetch_add(&to->coming, 1);
    h->next = atomic_load(&to->handovers);
    while (!atomic_compare_exchange_weak(&to->handovers, &h->next, h))
        ;
    worker_wake(to);
    return true;
}

/* False: nothing to accept now, or no place for it. */
static bool accept_one(struct worker *worker)
{
    struct http_server *server = worker->server;
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    struct worker *to;
    int fd;

    if (http_connections(server) >= server->options.connections_max)
        return false;
    fd =
        accept4(server->listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return errno == ECONNABORTED || errno == EINTR;
    to = least_loaded(server);
    if (to == worker || !hand_over(to, fd, &address, len))
        adopt(worker, fd, &address, len);
    return true;
}

static void listen_for(struct worker *worker, bool on)
{
    struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.u64 = TAG_LISTEN};

    epoll_ctl(worker->epoll_fd, EPOLL_CTL_MOD, worker->server->listen_fd, &event);
    worker->listen_paused = !on;
    worker->listen_again_us = worker->now_us + ACCEPT_PAUSE_US;
}

/* Clients wait in the kernel's queue meanwhile; without the pause we would spin. */
static void accept_some(struct worker *worker)
{
    struct http_server *server = worker->server;

    for (int k = 0; k < ACCEPTS_MAX; k++) {
        if (accept_one(worker))
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ||
            http_connections(server) >= server->options.connections_max)
            listen_for(worker, false);
        return;
    }
}

/* Who is in the kernel's queue has a connection already: it is accepted before the listener
 * closes, or it would be reset. */
static void stop_listening(struct worker *worker)
{
    struct http_server *server = worker->server;

    for (int k = 0; k < BACKLOG_MAX && accept_one(worker); k++)
        ;
    close(server->listen_fd);
    server->listen_fd = -1;
    atomic_store(&server->listening, false);
    for (int k = 0; k < server->worker_count; k++)
        worker_wake(&server->workers[k]);
}

/* ---- The loop ---- */

static bool work_waits(struct worker *worker)
{
    return atomic_load(&worker->ready) || atomic_load(&worker->handovers);
}

/* Until when to sleep at most; -1: until something happens. */
static int sleep_ms(const struct worker *worker)
{
    int64_t us = worker->sweep_us - worker->now_us;

    if (worker->connection_peak == 0 && worker->connection_count == 0 &&
        worker->lingers.count == 0 && !worker->listen_paused &&
        !atomic_load(&worker->server->draining))
        return -1;
    return us <= 0 ? 0 : (int)(us / 1000) + 1;
}

static void take_event(struct worker *worker, uint64_t event)
{
    if ((uint32_t)event == TAG_LISTEN)
        accept_some(worker);
    else if ((uint32_t)event == TAG_LINGER)
        linger_readable(&worker->lingers, (int)(event >> 32));
}

/* Asleep is announced first: who gives us work after that wakes us, what came before is seen. */
static int sleep_until_event(struct worker *worker, struct epoll_event *events)
{
    int count;

    atomic_store(&worker->asleep, true);
    count =
        epoll_wait(worker->epoll_fd, events, EVENTS_MAX, work_waits(worker) ? 0 : sleep_ms(worker));
    atomic_store(&worker->asleep, false);
    return count;
}

static void wait_for_events(struct worker *worker)
{
    struct epoll_event events[EVENTS_MAX];
    MHD_UNSIGNED_LONG_LONG ms = 1;
    bool more = MHD_get_timeout(worker->daemon, &ms) == MHD_YES && ms == 0;
    int count = more ? 0 : sleep_until_event(worker, events);

    worker->now_us = engine_now_us();
    for (int k = 0; k < count; k++)
        take_event(worker, events[k].data.u64);
}

/* True when the worker may end. */
static bool drained(struct worker *worker)
{
    struct http_server *server = worker->server;
    int64_t until_us = atomic_load(&server->drain_us);
    bool late = worker->now_us >= until_us;

    if (worker == server->workers && atomic_load(&server->listening))
        stop_listening(worker);
    if (atomic_load(&server->listening) || work_waits(worker))
        return false;
    if (!worker->swept_all)
        sweep_drain(worker, late);
    worker->swept_all = late;
    if (worker->connection_count == 0 && worker->lingers.count == 0)
        return true;
    return worker->now_us >= until_us + CUT_US_MAX;
}

void *worker_main(void *worker_)
{
    struct worker *worker = worker_;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    worker_self = worker;
    for (;;) {
        wait_for_events(worker);
        adopt_handovers(worker);
        resume_ready(worker);
        MHD_run(worker->daemon);
        sweep(worker);
        if (worker->listen_paused && worker->now_us >= worker->listen_again_us)
            listen_for(worker, true);
        if (atomic_load(&worker->server->draining) && drained(worker))
            break;
    }
    MHD_stop_daemon(worker->daemon);
    worker->daemon = NULL;
    worker_self = NULL;
    return NULL;
}

/* ---- Making and unmaking ---- */

static bool watch(struct worker *worker, int fd, uint64_t tag, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};

    return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Parameters and paths are decoded by those who read them. */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

static struct MHD_Daemon *daemon_start(struct worker *worker)
{
    const struct http_server *server = worker->server;
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TURBO;

    return MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_access, worker, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->options.connections_max + 1,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, server->pool_bytes, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_target, worker, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, worker, MHD_OPTION_NOTIFY_CONNECTION,
        connection_notify, worker, MHD_OPTION_END);
}

bool worker_open(struct worker *worker, struct http_server *server)
{
    const union MHD_DaemonInfo *library;

    worker->server = server;
    worker->now_us = engine_now_us();
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    worker->daemon = daemon_start(worker);
    library = worker->daemon ? MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (worker->epoll_fd < 0 || worker->wake_fd < 0 || !library)
        return false;
    if (worker == server->workers && !watch(worker, server->listen_fd, TAG_LISTEN, EPOLLIN))
        return false;
    return watch(worker, library->epoll_fd, TAG_LIBRARY, EPOLLIN) &&
           watch(worker, worker->wake_fd, TAG_WAKE, EPOLLIN | EPOLLET);
}

void worker_close(struct worker *worker)
{
    if (worker->daemon)
        MHD_stop_daemon(worker->daemon);
    while (worker->kept) {
        struct http_exchange *x = worker->kept;

        worker->kept = x->next;
        exchange_free(x);
    }
    linger_sweep(&worker->lingers, INT64_MAX);
    gzip_free(worker->gzip);
    free(worker->connections);
    free(worker->by_fd);
    if (worker->epoll_fd >= 0)
        close(worker->epoll_fd);
}
