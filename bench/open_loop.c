/*
 * open_loop.c - requests at a given rate, whatever becomes of them: one thread, one epoll.
 *
 *   open_loop --port P --rate R [--connections N] [--seconds S] [--warm S] [--cpu C]
 *             [--retries N [--retry-ms MS]] WORK (as of load)
 *
 * Arrivals are a Poisson process.  A request that finds every connection busy waits for one, and
 * its latency still counts from when it was to be sent: a slow answer hides nothing (coordinated
 * omission).  The other figure, from when it was sent, is beside it.  A refused request (503) may
 * be sent again, as impatient clients do; it counts by its last answer.
 *
 * Invariants: a connection has at most one request in flight; each request that was due within the
 * measured time is counted once, as good, refused, other or unanswered.
 *
 * One line of JSON.  behind_us_max says how late this program itself was at sending.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
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
    IN_BYTES = 4096, /* Our replies are below 2 KiB. */
    EVENTS_MAX = 256,
    WAITING_MAX = 1 << 22, /* Requests without a connection, and those to be sent again. */
    LATENCIES_MAX = 1 << 22,
};
#define SECOND_NS INT64_C(1000000000)
#define GRACE_NS  (2 * SECOND_NS) /* For what is in flight at the end. */

struct request {
    int64_t due_ns; /* When it was to be sent. */
    int64_t at_ns;  /* When it may be sent: later for one that is sent again. */
    uint64_t number;
    int retries;
};

struct conn {
    int fd;
    bool busy;
    struct request request;
    int64_t sent_ns;
    size_t out_len, out_sent, in_len;
    struct reply reply;
    char *out;
    char in[IN_BYTES];
};

/* Requests in the order of at_ns. */
struct line {
    struct request *items;
    size_t first, count;
};

/* Microseconds. */
struct sample {
    uint32_t *items;
    size_t count;
};

static struct {
    struct conn *conns;
    int *idle;
    int epoll, idle_count;
    struct line waiting, again;
    uint64_t seed, number, sent, good, refused, other, unanswered, retried;
    struct sample good_due, good_sent, refused_due, refused_sent;
    int64_t begin_ns, from_ns, end_ns, behind_ns;
} run;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void push(struct line *line, const struct request *request)
{
    if (line->count == WAITING_MAX) {
        run.unanswered += request->due_ns >= run.from_ns;
        return;
    }
    line->items[(line->first + line->count++) % WAITING_MAX] = *request;
}

static struct request pop(struct line *line)
{
    struct request request = line->items[line->first];

    line->first = (line->first + 1) % WAITING_MAX;
    line->count--;
    return request;
}

static void note(struct sample *sample, int64_t ns)
{
    if (sample->count < LATENCIES_MAX)
        sample->items[sample->count++] = (uint32_t)(ns / 1000);
}

/* ---- Connections ---- */

static void conn_open(struct conn *conn)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(opt.port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        fcntl(conn->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(run.epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        usage("cannot connect");
    run.idle[run.idle_count++] = (int)(conn - run.conns);
}

static void conn_broken(struct conn *conn)
{
    if (conn->busy)
        run.other += conn->request.due_ns >= run.from_ns;
    else /* It is somewhere among the idle ones. */
        for (int k = 0; k < run.idle_count; k++)
            if (run.idle[k] == (int)(conn - run.conns))
                run.idle[k] = run.idle[--run.idle_count];
    conn->busy = false;
    close(conn->fd);
    conn_open(conn);
}

static void conn_flush(struct conn *conn)
{
    while (conn->out_sent < conn->out_len) {
        ssize_t n = send(conn->fd, conn->out + conn->out_sent, conn->out_len - conn->out_sent,
                         MSG_NOSIGNAL);

        if (n <= 0 && errno != EAGAIN) {
            conn_broken(conn);
            return;
        }
        conn->out_sent += n > 0 ? (size_t)n : 0; /* A kilobyte fits; else once more. */
    }
}

static void conn_send(struct conn *conn, const struct request *request, int64_t now)
{
    conn->request = *request;
    conn->busy = true;
    conn->sent_ns = now;
    conn->out_len = request_put(conn->out, run.seed, request->number);
    conn->out_sent = conn->in_len = 0;
    conn->reply = (struct reply){.phase = HEAD};
    if (request->at_ns >= run.from_ns && now - request->at_ns > run.behind_ns)
        run.behind_ns = now - request->at_ns;
    run.sent++;
    conn_flush(conn);
}

static void count_answer(const struct conn *conn, int64_t now)
{
    int64_t since_due = now - conn->request.due_ns, since_sent = now - conn->sent_ns;

    if (conn->request.due_ns < run.from_ns)
        return;
    if (conn->reply.status < 300) {
        run.good++;
        note(&run.good_due, since_due);
        note(&run.good_sent, since_sent);
    } else if (conn->reply.status == 503) {
        run.refused++;
        note(&run.refused_due, since_due);
        note(&run.refused_sent, since_sent);
    } else {
        run.other++;
    }
}

static void conn_answered(struct conn *conn)
{
    int64_t now = now_ns();
    bool again = conn->reply.status == 503 && conn->request.retries < opt.retries;

    if (again) {
        struct request request = conn->request;

        request.retries++;
        request.at_ns = now + opt.retry_ms * INT64_C(1000000);
        run.retried++;
        push(&run.again, &request);
    } else {
        count_answer(conn, now);
    }
    conn->busy = false;
    if (conn->reply.close) {
        close(conn->fd);
        conn_open(conn);
    } else {
        run.idle[run.idle_count++] = (int)(conn - run.conns);
    }
}

static void conn_head(struct conn *conn)
{
    char *end = memmem(conn->in, conn->in_len, "\r\n\r\n", 4);
    size_t head_len;

    if (!end)
        return;
    head_len = (size_t)(end - conn->in) + 4;
    end[3] = '\0';
    if (!reply_head(&conn->reply, conn->in, end + 1)) {
        conn_broken(conn);
        return;
    }
    (void)reply_feed(&conn->reply, conn->in + head_len, conn->in_len - head_len);
    conn->in_len = 0;
}

static void conn_readable(struct conn *conn)
{
    ssize_t n = recv(conn->fd, conn->in + conn->in_len, IN_BYTES - conn->in_len, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || !conn->busy) {
        conn_broken(conn);
        return;
    }
    if (conn->reply.phase == HEAD) {
        conn->in_len += (size_t)n;
        conn_head(conn);
    } else {
        (void)reply_feed(&conn->reply, conn->in, (size_t)n);
    }
    if (conn->busy && conn->reply.phase == DONE)
        conn_answered(conn);
}

/* ---- The schedule ---- */

/* splitmix64: Vigna, 2015. */
static double uniform(void)
{
    static uint64_t state;
    uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return ((double)((x ^ (x >> 31)) >> 11) + 1) / 9007199254740993.0;
}

static int64_t next_due(int64_t due_ns)
{
    return due_ns + (int64_t)(-log(uniform()) / opt.rate * (double)SECOND_NS);
}

static void send_waiting(int64_t now)
{
    while (run.idle_count > 0) {
        struct request request;

        if (run.again.count > 0 && run.again.items[run.again.first].at_ns <= now)
            request = pop(&run.again);
        else if (run.waiting.count > 0)
            request = pop(&run.waiting);
        else
            return;
        conn_send(&run.conns[run.idle[--run.idle_count]], &request, now);
    }
}

static int busy_count(void)
{
    return opt.connections - run.idle_count;
}

static void drive(void)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t due_ns = next_due(run.begin_ns), now = now_ns();

    while (now < run.end_ns ||
           (now < run.end_ns + GRACE_NS &&
            (busy_count() > 0 || run.waiting.count > 0 || run.again.count > 0))) {
        for (; due_ns <= now && due_ns < run.end_ns; due_ns = next_due(due_ns)) {
            struct request request = {.due_ns = due_ns, .at_ns = due_ns, .number = run.number++};

            push(&run.waiting, &request);
        }
        send_waiting(now);
        int64_t until = due_ns < run.end_ns ? due_ns : now + SECOND_NS / 100;
        struct timespec most = {.tv_nsec = until > now ? (until - now) % SECOND_NS : 0};
        int ready = epoll_pwait2(run.epoll, events, EVENTS_MAX, &most, NULL);

        for (int k = 0; k < ready; k++)
            conn_readable(events[k].data.ptr);
        now = now_ns();
    }
    for (int k = 0; k < opt.connections; k++)
        run.unanswered += run.conns[k].busy && run.conns[k].request.due_ns >= run.from_ns;
    while (run.waiting.count > 0)
        run.unanswered += pop(&run.waiting).due_ns >= run.from_ns;
    while (run.again.count > 0)
        run.refused += pop(&run.again).due_ns >= run.from_ns;
}

/* ---- Figures ---- */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void print_sample(const char *name, struct sample *sample)
{
    static const struct {
        const char *name;
        double at;
    } quantiles[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};

    qsort(sample->items, sample->count, sizeof(*sample->items), by_size);
    printf(",\"%s\":{", name);
    for (int k = 0; k < 3; k++)
        printf("%s\"%s_us\":%" PRIu32, k ? "," : "", quantiles[k].name,
               sample->count ? sample->items[(size_t)((double)sample->count * quantiles[k].at)]
                             : 0);
    printf("}");
}

static void print_result(void)
{
    double seconds = (double)(run.end_ns - run.from_ns) / (double)SECOND_NS;
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;

    printf("{\"rate\":%.1f,\"seconds\":%.3f,\"good_per_s\":%.1f,\"refused_per_s\":%.1f,"
           "\"other_per_s\":%.1f,\"unanswered_per_s\":%.1f,\"retried\":%" PRIu64
           ",\"behind_us_max\":%" PRId64 ",\"cpu\":%.3f",
           opt.rate, seconds, (double)run.good / seconds, (double)run.refused / seconds,
           (double)run.other / seconds, (double)run.unanswered / seconds, run.retried,
           run.behind_ns / 1000, cpu_s / ((double)(run.end_ns - run.begin_ns) / (double)SECOND_NS));
    print_sample("good_due", &run.good_due);
    print_sample("good_sent", &run.good_sent);
    print_sample("refused_due", &run.refused_due);
    print_sample("refused_sent", &run.refused_sent);
    printf("}\n");
}

static void *room(size_t count, size_t size)
{
    void *at = calloc(count, size);

    if (!at)
        usage("no memory");
    return at;
}

int main(int argc, char **argv)
{
    cpu_set_t cpus;

    read_arguments(argc, argv);
    if (opt.rate <= 0)
        usage("--rate is missing");
    if (opt.cpu >= 0) {
        CPU_ZERO(&cpus);
        CPU_SET((size_t)opt.cpu, &cpus);
        if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0)
            usage("there is no such --cpu");
    }
    if (getrandom(&run.seed, sizeof(run.seed), 0) != sizeof(run.seed))
        usage("no random numbers");
    run.conns = room((size_t)opt.connections, sizeof(*run.conns));
    run.idle = room((size_t)opt.connections, sizeof(*run.idle));
    run.waiting.items = room(WAITING_MAX, sizeof(struct request));
    run.again.items = room(WAITING_MAX, sizeof(struct request));
    struct sample *samples[] = {&run.good_due, &run.good_sent, &run.refused_due, &run.refused_sent};

    for (int k = 0; k < 4; k++)
        samples[k]->items = room(LATENCIES_MAX, sizeof(uint32_t));
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int k = 0; k < opt.connections; k++) {
        run.conns[k].out = room(1, HEAD_BYTES_MAX + ORDER_BYTES_MAX + opt.post_len);
        conn_open(&run.conns[k]);
    }
    run.begin_ns = now_ns();
    run.from_ns = run.begin_ns + (int64_t)(opt.warm_s * (double)SECOND_NS);
    run.end_ns = run.from_ns + (int64_t)(opt.seconds * (double)SECOND_NS);
    drive();
    print_result();
    return run.sent > 0 ? 0 : 1;
}
