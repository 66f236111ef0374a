/*
 * turn_away.c - refusing what cannot be done now, before anything is made of it.
 *
 * Through libmicrohttpd and the dispatcher a refusal costs a sixth of an order: when seven times as
 * much is asked as can be done, nothing would be left to do it with.  A request that lies whole in
 * what recv() brought is looked at there, and answered there.
 */
#define _GNU_SOURCE
#include "kernel/http/turn_away.h"

#include <stdio.h>
#include <time.h>

static struct str until(struct str *rest, char c)
{
    struct str piece;

    (void)str_cut(rest, c, &piece);
    return piece;
}

/* Lines end in CR LF: it was framed. */
static struct str line(struct str *rest)
{
    struct str one = until(rest, '\n');

    one.len -= one.len > 0;
    return one;
}

bool glance_read(struct str bytes, struct glance *glance)
{
    struct str one = line(&bytes), path;

    *glance = (struct glance){.method = until(&one, ' ')};
    path = until(&one, ' ');
    glance->path = until(&path, '?');
    if (!str_is(one, "HTTP/1.1"))
        return false;
    while ((one = line(&bytes)).len > 0) {
        struct str name = until(&one, ':');

        if (str_eq_nocase(name, STR("Authorization")))
            glance->authorization = str_trim(one);
        else if (str_eq_nocase(name, STR("Connection")) &&
                 !str_eq_nocase(str_trim(one), STR("keep-alive")))
            return false;
    }
    return true;
}

/* The same for everybody within a second. */
static void write_reply(struct worker *worker)
{
    struct problem problem = {.code = "overloaded"};
    struct text out = {.ptr = worker->away, .size = sizeof(worker->away)};
    struct buffer body = {0};

    snprintf(problem.detail, sizeof(problem.detail), "%s", OVERLOADED_DETAIL);
    worker->away_len = 0;
    if (problem_write(&body, MHD_HTTP_SERVICE_UNAVAILABLE, err_title(ERR_BUSY), &problem)) {
        text_addf(&out, "HTTP/1.1 503 Service Unavailable\r\n");
        put_date(&out);
        text_addf(&out,
                  "Retry-After: 1\r\nContent-Type: application/problem+json\r\n"
                  "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                  "Content-Length: %zu\r\n\r\n%.*s",
                  body.len, (int)body.len, body.ptr);
        assert(!out.cut);
        worker->away_len = out.len;
    }
    buffer_free(&body);
}

/* False: the client takes nothing, or there is no memory. */
static bool send_reply(struct connection *c)
{
    struct worker *worker = c->worker;
    ssize_t sent;

    if (worker->away_len == 0 || worker->now_us - worker->away_us > SECOND_MS * 1000) {
        write_reply(worker);
        worker->away_us = worker->now_us;
    }
    sent = send(c->fd, worker->away, worker->away_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return worker->away_len > 0 && sent == (ssize_t)worker->away_len;
}

enum turned turn_away(struct connection *c, struct str bytes)
{
    const struct http_options *options = &c->worker->server->options;
    struct glance glance;

    if (!options->sheds || !options->sheds(options->context) || !glance_read(bytes, &glance) ||
        !options->on_glance(options->context, glance.method, glance.path, glance.authorization))
        return TURNED_NOT;
    return send_reply(c) ? TURNED_AWAY : TURNED_LOST;
}
