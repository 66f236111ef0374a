/*
 * intake.c - recv() as libmicrohttpd sees it: every byte is judged before it is parsed.
 *
 * libmicrohttpd has no hook before its parser, and its parser destroys what it forgives.  It reads
 * sockets by calling recv() from the C library, and a definition in the executable comes first
 * (ELF symbol resolution; the same when it is linked statically).  So the function below *is*
 * recv() for the whole process.  On a thread that is no HTTP worker, and for a descriptor that is
 * no HTTP connection, it is recvfrom() and nothing else.
 *
 * It fails closed: a connection whose bytes did not come through here is dropped (exchange.c).
 * docs/adr/0004 has the price.
 */
#define _GNU_SOURCE
#include "kernel/http/turn_away.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool intake_watch(struct worker *worker, int fd, struct connection *c)
{
    enum { ROOM_MIN = 256 };
    size_t room = worker->fd_room ? worker->fd_room : ROOM_MIN;
    struct connection **by_fd;

    assert(fd >= 0);
    if ((size_t)fd >= worker->fd_room && !c)
        return true;
    while (room <= (size_t)fd)
        room *= 2;
    if (room > worker->fd_room) {
        by_fd = realloc(worker->by_fd, room * sizeof(*by_fd));
        if (!by_fd)
            return false;
        memset(by_fd + worker->fd_room, 0, (room - worker->fd_room) * sizeof(*by_fd));
        worker->by_fd = by_fd;
        worker->fd_room = room;
    }
    worker->by_fd[fd] = c;
    return true;
}

/* ---- Deadlines ---- */

void connection_await(struct connection *c, enum awaits awaits)
{
    const struct http_server *server = c->worker->server;
    const int64_t us_max[] = {
        [AWAITS_HEAD] = server->head_us_max,    [AWAITS_BODY] = server->body_us_max,
        [AWAITS_REPLY] = INT64_MAX / 2,         [AWAITS_WRITE] = server->write_us_max,
        [AWAITS_REQUEST] = server->idle_us_max,
    };

    c->awaits = awaits;
    c->deadline_us = c->worker->now_us + us_max[awaits];
}

/* ---- Refusals past libmicrohttpd ---- */

void put_date(struct text *out)
{
    struct timespec now;
    struct tm tm;
    char date[64];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    text_addf(out, "Date: %s\r\n", date);
}

void connection_refuse(struct connection *c, const struct refusal *why)
{
    struct http_server *server = c->worker->server;
    struct http_exchange *x = c->exchange;
    const char *title = MHD_get_reason_phrase_for((unsigned)why->status);
    struct problem problem = {.code = why->code};
    struct buffer body = {0};
    char room[1024];
    struct text out = {.ptr = room, .size = sizeof(room)};

    assert(!c->refused);
    c->refused = c->linger = true;
    snprintf(problem.detail, sizeof(problem.detail), "%s", why->detail);
    if (problem_write(&body, why->status, title, &problem)) {
        text_addf(&out, "HTTP/1.1 %d %s\r\n", why->status, title);
        put_date(&out);
        text_addf(&out,
                  "Connection: close\r\nContent-Type: application/problem+json\r\n"
                  "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                  "Content-Length: %zu\r\n\r\n%.*s",
                  body.len, (int)body.len, body.ptr);
        /* One packet into an empty socket buffer; a client that cannot take it gets none. */
        (void)!send(c->fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    buffer_free(&body);
    if (x && x->reached)
        x->refused_status = why->status; /* on_done tells. */
    else if (server->options.on_refused)
        server->options.on_refused(server->options.context, why->status, why->code);
}

/* ---- Judging ---- */

static ssize_t reset(void)
{
    errno = ECONNRESET; /* libmicrohttpd closes and sends nothing. */
    return -1;
}

/* As if nothing had come. */
static ssize_t hide(struct connection *c)
{
    c->unanswered = 0;
    connection_await(c, AWAITS_REQUEST);
    errno = EAGAIN;
    return -1;
}

/* One whole request: is it for libmicrohttpd? */
static ssize_t pass(struct connection *c, const char *bytes, size_t len)
{
    switch (turn_away(c, (struct str){bytes, len})) {
    case TURNED_AWAY:
        return hide(c);
    case TURNED_LOST:
        return reset();
    default:
        return (ssize_t)len;
    }
}

static bool idle(const struct connection *c)
{
    return c->unanswered == 0 && !c->exchange && framing_stage(&c->framing) == FRAMING_IDLE;
}

static ssize_t judge(struct connection *c, const char *bytes, size_t len)
{
    size_t used = 0;
    size_t whole = 0; /* Where the last whole request ends. */
    bool alone = idle(c);

    c->judged = true;
    c->looked = c->trimmed = false;
    if (c->refused || c->cut)
        return reset();
    if (c->awaits == AWAITS_REQUEST)
        connection_await(c, AWAITS_HEAD);
    while (used < len && !c->framing.refusal) {
        used += framing_feed(&c->framing, bytes + used, len - used);
        if (framing_stage(&c->framing) == FRAMING_DONE) {
            framing_next(&c->framing);
            c->unanswered++;
            whole = used;
        }
    }
    if (!c->framing.refusal)
        return alone && whole == len && c->unanswered == 1 ? pass(c, bytes, len) : (ssize_t)len;
    /* What came whole before the fault is answered first (exchange_completed goes on). */
    if (c->unanswered > 0 && whole > 0)
        return (ssize_t)whole;
    connection_refuse(c, c->framing.refusal);
    return reset();
}

ssize_t intake_recv(int fd, void *bytes, size_t len, int flags) __asm__("recv");

__attribute__((used, visibility("default"))) ssize_t intake_recv(int fd, void *bytes, size_t len,
                                                                 int flags)
{
    struct worker *worker = worker_self;
    ssize_t n = recvfrom(fd, bytes, len, flags, NULL, NULL);

    if (n <= 0 || !worker || (size_t)fd >= worker->fd_room || !worker->by_fd[fd])
        return n;
    return judge(worker->by_fd[fd], bytes, (size_t)n);
}
