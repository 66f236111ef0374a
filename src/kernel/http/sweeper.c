/*
 * sweeper.c - visits connections: deadlines, memory of idle ones, the end of the server.
 */
#define _GNU_SOURCE
#include "kernel/http/sweeper.h"

#include <malloc.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SLICES = 64,         /* Of a period: 90 connections each at the limit, at 10 us. */
    SLICE_US_MIN = 2500, /* 400 wake-ups a second at most. */
    PERIOD_US_MIN = 20 * 1000,
    PERIOD_US_MAX = 1000 * 1000,     /* How late a cut may come. */
    MAKE_ROOM = 8,                   /* In a full server an eighth in a round. */
    CROWD = 512,                     /* Connections; fewer are not worth a trim. */
    TRIM_AFTER_US = 2 * 1000 * 1000, /* Idle this long: not a client between two requests. */
};

static const struct refusal head_late = {408, "head_too_slow", "Send the whole head at once."};
static const struct refusal body_late = {408, "body_too_slow",
                                         "Send the body without pauses, or a shorter one."};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t sweep_period_us(const struct http_server *server)
{
    int64_t shortest = smaller(smaller(server->head_us_max, server->body_us_max),
                               smaller(server->idle_us_max, server->write_us_max));
    int64_t period = smaller(shortest / 4, PERIOD_US_MAX);

    return period < PERIOD_US_MIN ? PERIOD_US_MIN : period;
}

static int64_t slice_us(const struct http_server *server)
{
    int64_t us = server->sweep_us / SLICES;

    return us < SLICE_US_MIN ? SLICE_US_MIN : us;
}

/* ---- Memory of idle connections ---- */

static bool all_zero(const char *at, size_t len)
{
    return at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/*
 * libmicrohttpd clears a connection's memory after each request and keeps it.  Pages that hold
 * nothing but zeros go back to the system and read as zeros when touched again, so nothing changes
 * but our size.  Only whole pages inside the connection's own memory, only on its thread.
 */
static void trim(struct connection *c)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)c->pool + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)c->pool + c->worker->server->pool_bytes) & ~(page - 1);

    c->trimmed = true;
    if (c->pool && from < to && all_zero((char *)from, to - from))
        madvise((void *)from, to - from, MADV_DONTNEED);
}

/* After a crowd has left: the allocator keeps what it freed in pieces, 26 KiB a connection. */
static void trim_heap(struct worker *worker)
{
    if (worker->connection_peak < worker->connection_count)
        worker->connection_peak = worker->connection_count;
    if (worker->connection_count > worker->connection_peak / 4)
        return;
    if (worker->connection_peak >= CROWD)
        malloc_trim(0);
    worker->connection_peak = worker->connection_count;
}

/* ---- Cuts ---- */

void connection_cut(struct connection *c)
{
    c->cut = c->linger = true;
    shutdown(c->fd, SHUT_WR);
    c->awaits = AWAITS_REQUEST;
    c->deadline_us = c->worker->now_us + (int64_t)LINGER_MS * 1000;
}

/* libmicrohttpd sees the end of the stream and closes. */
static void cut_hard(struct connection *c)
{
    shutdown(c->fd, SHUT_RDWR);
    c->cut = true;
    c->deadline_us = INT64_MAX;
}

/* The client does not read: what waits for it is dropped, else the kernel would keep offering it
 * for minutes. */
static void cut_unread(struct connection *c)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    c->linger = false;
    cut_hard(c);
}

static bool bytes_wait(const struct connection *c)
{
    int unread = 0;

    return ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0;
}

static void cut_late(struct connection *c)
{
    switch (c->awaits) {
    case AWAITS_HEAD:
    case AWAITS_BODY:
        /* To a client that sent nothing at all, a 408 would be the answer to its next request. */
        if (!c->refused && framing_stage(&c->framing) != FRAMING_IDLE)
            connection_refuse(c, c->awaits == AWAITS_HEAD ? &head_late : &body_late);
        connection_cut(c);
        break;
    case AWAITS_WRITE:
        cut_unread(c);
        break;
    case AWAITS_REQUEST:
        if (!bytes_wait(c)) /* Else its request came at the last moment. */
            connection_cut(c);
        break;
    case AWAITS_REPLY:
        break;
    }
}

/* The end of a stream that comes in one packet with the last bytes raises no event of its own, and
 * libmicrohttpd has stopped reading by then: look once after bytes came. */
static bool client_left(struct connection *c)
{
    char byte;

    if (c->looked || c->unanswered > 0 || c->awaits == AWAITS_WRITE)
        return false;
    c->looked = true;
    return recvfrom(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) == 0;
}

static bool idle_for_long(const struct connection *c, int64_t now_us)
{
    int64_t idle_us = now_us - (c->deadline_us - c->worker->server->idle_us_max);

    return c->awaits == AWAITS_REQUEST && idle_us > TRIM_AFTER_US;
}

/* Newcomers wait while the server is full: whoever only sits there makes room, an eighth of all in
 * a round, so that ten thousand silent clients keep nobody out for long. */
static bool crowded_out(struct connection *c, int64_t now_us)
{
    struct worker *worker = c->worker;

    if (c->cut || !idle_for_long(c, now_us) ||
        worker->sweep_cuts >= worker->connection_count / MAKE_ROOM + 1 ||
        http_connections(worker->server) < worker->server->options.connections_max)
        return false;
    worker->sweep_cuts++;
    return true;
}

static void visit(struct connection *c, int64_t now_us)
{
    bool late = now_us >= c->deadline_us || crowded_out(c, now_us);

    if (c->cut) {
        if (late)
            cut_hard(c);
    } else if (late) {
        cut_late(c);
    } else if (client_left(c)) {
        cut_hard(c);
    } else if (!c->trimmed && idle_for_long(c, now_us)) {
        trim(c);
    }
}

/* The next to visit.  Downwards: the last connection takes the place of one that is closed, and was
 * visited.  The share of a slice is that of the round's beginning: when many are cut, the others
 * are not visited later for it. */
static struct connection *next_of_round(struct worker *worker)
{
    if (worker->sweep_at == 0 || worker->sweep_at > worker->connection_count) {
        worker->sweep_at = worker->connection_count;
        worker->sweep_share = worker->connection_count * (size_t)slice_us(worker->server) /
                                  (size_t)worker->server->sweep_us +
                              1;
        worker->sweep_cuts = 0;
    }
    return worker->connections[--worker->sweep_at];
}

void sweep(struct worker *worker)
{
    if (worker->now_us < worker->sweep_us)
        return;
    worker->sweep_us = worker->now_us + slice_us(worker->server);
    linger_sweep(&worker->lingers, worker->now_us);
    trim_heap(worker);
    for (size_t k = 0; k <= worker->sweep_share && worker->connection_count > 0; k++)
        visit(next_of_round(worker), worker->now_us);
}

/* ---- The end ---- */

/* A suspended connection is closed by libmicrohttpd only after it was resumed.  From here on who
 * answers does not use the ready list any more (see enum answer). */
static void abandon(struct connection *c)
{
    int awaited = ANSWER_AWAITED;

    if (c->exchange && c->exchange->stage == STAGE_ASKED &&
        atomic_compare_exchange_strong(&c->exchange->answer, &awaited, ANSWER_NONE))
        MHD_resume_connection(c->mhd);
}

static bool idle(const struct connection *c)
{
    return !c->exchange && c->unanswered == 0 && framing_stage(&c->framing) == FRAMING_IDLE &&
           !bytes_wait(c);
}

void sweep_drain(struct worker *worker, bool all)
{
    for (size_t k = 0; k < worker->connection_count; k++) {
        struct connection *c = worker->connections[k];

        if (all) {
            cut_hard(c);
            abandon(c);
        } else if (!c->cut && idle(c)) {
            connection_cut(c);
        }
    }
    if (all)
        linger_sweep(&worker->lingers, INT64_MAX);
}
