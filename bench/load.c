/*
 * load.c - closed-loop HTTP/1.1 load on 127.0.0.1: one thread, one epoll, N connections.
 *
 *   load --port P [--connections N] [--seconds S | --count N] [--cpu C] [--users N] WORK
 *   WORK: orders --sku ID [--sku ID ..] [--skus FILE] | get PATH | post PATH BODYFILE
 *
 * GREVY_ADMIN_KEY in the environment is sent as the bearer key.  Every POST has an Idempotency-Key
 * of its own, every order a user of its own or one of --users N; all are random, as from real
 * clients, because keys in order would be kinder to the indexes of the server.
 *
 * Invariants:
 *   - a connection has at most one request in flight and sends the next when that is answered;
 *   - each request sent ends up counted once: under its status, or as a transport error;
 *   - latency runs from the first byte written to the last byte of the reply read.
 *
 * One line of JSON goes to stdout, the first reply of status 400 or more to stderr.
 * Exit 0: at least one reply came; 1: none did; 2: bad arguments.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum {
    IN_BYTES = 16384,  /* A reply head must fit; bodies may be longer. */
    ERRORS_MAX = 1000, /* Transport errors before the run is given up. */
    EVENTS_MAX = 256,
    WAIT_MS = 100
};
#define SECOND_NS INT64_C(1000000000)
#define GRACE_NS  (10 * SECOND_NS) /* What is in flight at the end may take this long. */

struct conn {
    int fd;
    bool in_flight, waits_out;
    size_t out_len, out_sent, in_len;
    int64_t start_ns;
    struct reply reply;
    char *out;
    char in[IN_BYTES];
};

enum failure { CONNECT, CLOSED, MALFORMED, UNANSWERED, FAILURES };
static const char *const failure_names[FAILURES] = {"connect", "closed", "malformed", "unanswered"};

/* Latencies in microseconds: exact below 64, then 32 steps to each doubling (error under 3.2 %). */
enum { HIST_EXACT = 64, HIST_STEPS = 32, HIST_BUCKETS = HIST_EXACT + HIST_STEPS * 34 };

static struct {
    struct conn *conns;
    char *outs; /* Room for a request of each. */
    int epoll, in_flight;
    uint64_t seed, sent, answered, reconnects, body_bytes, latency_us_max;
    uint64_t statuses[STATUS_MAX], failures[FAILURES], failed, hist[HIST_BUCKETS];
    int64_t begin_ns, end_ns, last_ns;
    bool refusal_shown;
} run;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* ---- Latency histogram ---- */

static size_t hist_bucket(uint64_t us)
{
    if (us < HIST_EXACT)
        return us;
    int shift = 58 - __builtin_clzll(us); /* 64 .. 127 has shift 1. */
    size_t bucket = HIST_EXACT + (size_t)(shift - 1) * HIST_STEPS + ((us >> shift) - HIST_STEPS);

    return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

/* The highest value that falls into the bucket. */
static uint64_t hist_value(size_t bucket)
{
    if (bucket < HIST_EXACT)
        return bucket;
    size_t above = bucket - HIST_EXACT, shift = above / HIST_STEPS + 1;

    return ((above % HIST_STEPS + HIST_STEPS + 1) << shift) - 1;
}

static uint64_t hist_quantile(double quantile)
{
    uint64_t rank = (uint64_t)((double)run.answered * quantile), seen = 0;

    for (size_t k = 0; k < HIST_BUCKETS; k++) {
        seen += run.hist[k];
        if (seen > rank)
            return hist_value(k) < run.latency_us_max ? hist_value(k) : run.latency_us_max;
    }
    return run.latency_us_max;
}

/* ---- Connections ---- */

static bool watch(struct conn *conn, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = conn};

    return epoll_ctl(run.epoll, how, conn->fd, &event) == 0;
}

static void count_failure(enum failure failure)
{
    run.failures[failure]++;
    run.failed++;
}

static bool conn_open(struct conn *conn)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(opt.port)};
    struct timeval patience = {.tv_sec = 2}; /* SO_SNDTIMEO bounds connect, too. */
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    conn->in_flight = conn->waits_out = false;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        return false;
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(conn->fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
        fcntl(conn->fd, F_SETFL, O_NONBLOCK) == 0 && watch(conn, EPOLL_CTL_ADD, EPOLLIN))
        return true;
    close(conn->fd);
    conn->fd = -1;
    return false;
}

static void conn_send(struct conn *conn);

static void conn_reopen(struct conn *conn)
{
    close(conn->fd);
    conn->fd = -1;
    if (conn->in_flight)
        run.in_flight--;
    conn->in_flight = false;
    while (run.failed < ERRORS_MAX && now_ns() < run.end_ns) {
        if (conn_open(conn)) {
            conn_send(conn);
            return;
        }
        count_failure(CONNECT);
    }
}

static void conn_fail(struct conn *conn, enum failure failure)
{
    count_failure(failure);
    conn_reopen(conn);
}

static void conn_flush(struct conn *conn)
{
    ssize_t n = send(conn->fd, conn->out + conn->out_sent, conn->out_len - conn->out_sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        conn_fail(conn, CLOSED);
        return;
    }
    conn->out_sent += n > 0 ? (size_t)n : 0;
    bool waits_out = conn->out_sent < conn->out_len;

    if (waits_out != conn->waits_out) {
        conn->waits_out = waits_out;
        if (!watch(conn, EPOLL_CTL_MOD, waits_out ? EPOLLIN | EPOLLOUT : EPOLLIN))
            conn_fail(conn, CLOSED);
    }
}

static void conn_send(struct conn *conn)
{
    int64_t now = now_ns();

    if (now >= run.end_ns || run.sent >= opt.count || run.failed >= ERRORS_MAX)
        return;
    conn->out_len = request_put(conn->out, run.seed, run.sent);
    conn->out_sent = conn->in_len = 0;
    conn->reply = (struct reply){.phase = HEAD};
    conn->start_ns = now;
    conn->in_flight = true;
    run.in_flight++;
    run.sent++;
    conn_flush(conn);
}

static void conn_answered(struct conn *conn)
{
    int64_t now = now_ns();
    uint64_t us = (uint64_t)(now - conn->start_ns) / 1000;

    run.hist[hist_bucket(us)]++;
    run.latency_us_max = us > run.latency_us_max ? us : run.latency_us_max;
    run.statuses[conn->reply.status]++;
    run.body_bytes = conn->reply.body;
    run.answered++;
    run.last_ns = now;
    if (conn->reply.close) {
        run.reconnects++;
        conn_reopen(conn);
        return;
    }
    run.in_flight--;
    conn->in_flight = false;
    conn_send(conn);
}

/* The head is complete in conn->in, or it is not and we wait for more. */
static void conn_head(struct conn *conn)
{
    char *end = memmem(conn->in, conn->in_len, "\r\n\r\n", 4);

    if (!end && conn->in_len < IN_BYTES)
        return;
    if (!end) {
        conn_fail(conn, MALFORMED);
        return;
    }
    size_t head_len = (size_t)(end - conn->in) + 4;

    end[3] = '\0'; /* Was the last line feed. */
    if (!reply_head(&conn->reply, conn->in, end + 1)) {
        conn_fail(conn, MALFORMED);
        return;
    }
    if (conn->reply.status >= 400 && !run.refusal_shown) {
        run.refusal_shown = true;
        fprintf(stderr, "load: first refusal, status %d: %.*s\n", conn->reply.status,
                (int)(conn->in_len - head_len), conn->in + head_len);
    }
    size_t used = reply_feed(&conn->reply, conn->in + head_len, conn->in_len - head_len);

    if (used < conn->in_len - head_len)
        conn_fail(conn, MALFORMED);
    else if (conn->reply.phase == DONE)
        conn_answered(conn);
    conn->in_len = 0;
}

static void conn_readable(struct conn *conn)
{
    ssize_t n = recv(conn->fd, conn->in + conn->in_len, IN_BYTES - conn->in_len, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 && !conn->in_flight) { /* Closed while idle, at the end of the run. */
        close(conn->fd);
        conn->fd = -1;
    } else if (n <= 0) {
        conn_fail(conn, CLOSED);
    } else if (!conn->in_flight) {
        conn_fail(conn, MALFORMED);
    } else if (conn->reply.phase == HEAD) {
        conn->in_len += (size_t)n;
        conn_head(conn);
    } else if (reply_feed(&conn->reply, conn->in, (size_t)n) < (size_t)n) {
        conn_fail(conn, MALFORMED);
    } else if (conn->reply.phase == DONE) {
        conn_answered(conn);
    }
}

static void drive(void)
{
    size_t out_size = HEAD_BYTES_MAX + ORDER_BYTES_MAX + opt.post_len;
    struct epoll_event events[EVENTS_MAX];

    run.conns = calloc((size_t)opt.connections, sizeof(*run.conns));
    run.outs = calloc((size_t)opt.connections, out_size);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!run.conns || !run.outs || run.epoll < 0)
        usage("no memory or no epoll");
    for (int k = 0; k < opt.connections; k++) {
        struct conn *conn = &run.conns[k];

        conn->out = run.outs + (size_t)k * out_size;
        if (conn_open(conn))
            conn_send(conn);
        else
            count_failure(CONNECT);
    }
    while (run.in_flight > 0 && now_ns() < run.end_ns + GRACE_NS && run.failed < ERRORS_MAX) {
        int ready = epoll_wait(run.epoll, events, EVENTS_MAX, WAIT_MS);

        for (int k = 0; k < ready; k++) {
            struct conn *conn = events[k].data.ptr;

            if (events[k].events & EPOLLOUT)
                conn_flush(conn);
            if (conn->fd >= 0 && (events[k].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
                conn_readable(conn);
        }
    }
    run.failures[UNANSWERED] += (uint64_t)run.in_flight;
    run.failed += (uint64_t)run.in_flight;
}

static void print_result(void)
{
    double seconds = (double)(run.last_ns - run.begin_ns) / (double)SECOND_NS;
    const char *comma = "";
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    double cpu_us = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
                    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);

    printf("{\"requests\":%" PRIu64 ",\"seconds\":%.3f,\"per_s\":%.1f,\"statuses\":{", run.answered,
           run.answered ? seconds : 0.0, run.answered ? (double)run.answered / seconds : 0.0);
    for (int k = 0; k < STATUS_MAX; k++) {
        if (run.statuses[k] > 0) {
            printf("%s\"%d\":%" PRIu64, comma, k, run.statuses[k]);
            comma = ",";
        }
    }
    printf("},\"p50_us\":%" PRIu64 ",\"p95_us\":%" PRIu64 ",\"p99_us\":%" PRIu64
           ",\"max_us\":%" PRIu64 ",\"load_cpu_us_per_request\":%.2f,\"body_bytes\":%" PRIu64
           ",\"reconnects\":%" PRIu64 ",\"transport_errors\":%" PRIu64 ",\"errors\":{",
           hist_quantile(0.50), hist_quantile(0.95), hist_quantile(0.99), run.latency_us_max,
           run.answered ? cpu_us / (double)run.answered : 0.0, run.body_bytes, run.reconnects,
           run.failed);
    for (int k = 0; k < FAILURES; k++)
        printf("%s\"%s\":%" PRIu64, k ? "," : "", failure_names[k], run.failures[k]);
    printf("}}\n");
}

int main(int argc, char **argv)
{
    cpu_set_t cpus;

    read_arguments(argc, argv);
    if (opt.cpu >= 0) {
        CPU_ZERO(&cpus);
        CPU_SET((size_t)opt.cpu, &cpus);
        if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0)
            usage("there is no such --cpu");
    }
    if (getrandom(&run.seed, sizeof(run.seed), 0) != sizeof(run.seed))
        usage("no random numbers");
    run.begin_ns = run.last_ns = now_ns();
    run.end_ns = run.begin_ns + (int64_t)(opt.seconds * (double)SECOND_NS);
    drive();
    print_result();
    return run.answered > 0 ? 0 : 1;
}
