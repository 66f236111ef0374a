/*
 * exchange.c - libmicrohttpd's callbacks: connections come and go, requests become exchanges.
 *
 * For one request libmicrohttpd calls, on the worker's thread: exchange_target (the request line),
 * exchange_access once for the head, then for each piece of the body, then at the end and after
 * every resumption until a reply is queued; exchange_completed last.
 */
#define _GNU_SOURCE
#include "kernel/http/engine_priv.h"
#include "kernel/http/sweeper.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

static const struct refusal body_too_large = {413, "body_too_large", "Send a shorter body."};

/* ---- Connections ---- */

static const void *info(struct MHD_Connection *mhd, enum MHD_ConnectionInfoType what)
{
    return MHD_get_connection_info(mhd, what);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *context = info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return context ? context->socket_context : NULL;
}

static void peer_write(struct connection *c)
{
    const union MHD_ConnectionInfo *address = info(c->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *any = address ? address->client_addr : NULL;
    const struct sockaddr_in *v4 = (const void *)any;
    const struct sockaddr_in6 *v6 = (const void *)any;

    if (!any)
        return;
    if (any->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, c->peer, sizeof(c->peer));
    else if (any->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], c->peer, sizeof(c->peer));
    else if (any->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &v6->sin6_addr, c->peer, sizeof(c->peer));
}

static bool list_add(struct worker *worker, struct connection *c)
{
    enum { ROOM_MIN = 64 };
    size_t room = worker->connection_room ? worker->connection_room * 2 : ROOM_MIN;
    struct connection **list;

    if (worker->connection_count == worker->connection_room) {
        list = realloc(worker->connections, room * sizeof(*list));
        if (!list)
            return false;
        worker->connections = list;
        worker->connection_room = room;
    }
    c->index = worker->connection_count;
    worker->connections[worker->connection_count++] = c;
    return true;
}

static void list_remove(struct worker *worker, struct connection *c)
{
    struct connection *last = worker->connections[--worker->connection_count];

    worker->connections[c->index] = last;
    last->index = c->index;
}

/* NULL: no memory; the connection is then dropped at its first request. */
static struct connection *connection_open(struct worker *worker, struct MHD_Connection *mhd, int fd)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->worker = worker;
    c->mhd = mhd;
    c->fd = fd;
    framing_open(&c->framing, worker->server->options.head_bytes_max);
    connection_await(c, AWAITS_HEAD);
    if (!intake_watch(worker, fd, c)) {
        free(c);
        return NULL;
    }
    if (!list_add(worker, c)) {
        (void)intake_watch(worker, fd, NULL);
        free(c);
        return NULL;
    }
    return c;
}

static void connection_close(struct worker *worker, struct connection *c)
{
    int unread = 0;

    assert(!c->exchange);
    (void)intake_watch(worker, c->fd, NULL);
    list_remove(worker, c);
    /* Unread bytes would turn the close into a reset. */
    if (c->linger || (ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0))
        linger_add(&worker->lingers, worker->epoll_fd, TAG_LINGER, c->fd, worker->now_us);
    free(c);
}

void connection_notify(void *worker_, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct worker *worker = worker_;
    const union MHD_ConnectionInfo *socket = info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        atomic_fetch_add(&worker->live, 1);
        *context = connection_open(worker, mhd, socket->connect_fd);
        return;
    }
    atomic_fetch_sub(&worker->live, 1);
    if (*context)
        connection_close(worker, *context);
    *context = NULL;
}

/* ---- An exchange's life ---- */

static struct http_exchange *exchange_take(struct worker *worker)
{
    struct http_exchange *x = worker->kept;

    if (!x)
        return calloc(1, sizeof(*x));
    worker->kept = x->next;
    worker->kept_count--;
    return x;
}

void exchange_free(struct http_exchange *x)
{
    buffer_free(&x->text);
    buffer_free(&x->body);
    buffer_free(&x->reply_text);
    free(x);
}

static void exchange_keep(struct worker *worker, struct http_exchange *x)
{
    struct buffer text = x->text;
    struct buffer body = x->body;
    struct buffer reply_text = x->reply_text;

    if (worker->kept_count == EXCHANGES_KEPT_MAX) {
        exchange_free(x);
        return;
    }
    buffer_clear(&text, EXCHANGE_BYTES_KEPT_MAX);
    buffer_clear(&body, EXCHANGE_BYTES_KEPT_MAX);
    buffer_clear(&reply_text, EXCHANGE_BYTES_KEPT_MAX);
    /* The arrays of headers are guarded by their counts and need no clearing. */
    memset(x, 0, offsetof(struct http_exchange, headers));
    memset(&x->reply, 0, offsetof(struct http_reply, headers));
    x->reply.header_count = 0;
    x->packed = NULL;
    x->text = text;
    x->body = body;
    x->reply_text = reply_text;
    x->next = worker->kept;
    worker->kept = x;
    worker->kept_count++;
}

void exchange_end(struct http_exchange *x, int status)
{
    struct http_server *server = x->server;
    const struct http_options *options = &server->options;
    size_t bytes = x->packed ? x->packed_len : x->reply.body.len;

    free(x->packed);
    if (x->reply.release)
        x->reply.release(x->reply.release_context);
    if (x->reached && options->on_done)
        options->on_done(x, options->context, status, status ? bytes : 0);
    if (x->connection) {
        exchange_keep(x->worker, x);
        return;
    }
    exchange_free(x); /* An orphan, perhaps on a foreign thread. */
    server_release(server);
}

/* The connection is gone before the answer.  Who answers ends the exchange; if that was a moment
 * ago, it falls to us. */
static void exchange_orphan(struct http_exchange *x)
{
    x->connection->exchange = NULL;
    x->connection = NULL;
    atomic_fetch_add(&x->server->references, 1);
    if (atomic_exchange(&x->answer, ANSWER_ORPHANED) == ANSWER_GIVEN)
        exchange_end(x, 0);
}

/* ---- The head ---- */

void *exchange_target(void *worker_, const char *target, struct MHD_Connection *mhd)
{
    struct worker *worker = worker_;
    struct connection *c = connection_of(mhd);
    struct http_exchange *x = c && c->judged && target ? exchange_take(worker) : NULL;

    if (!x)
        return NULL;
    x->server = worker->server;
    x->worker = worker;
    x->connection = c;
    c->exchange = x;
    x->target_len = strlen(target);
    if (!buffer_add(&x->text, (struct str){target, x->target_len}))
        x->target_len = 0; /* exchange_access gives up. */
    return x;
}

static enum MHD_Result header_take(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    struct http_exchange *x = context;

    (void)kind;
    if (x->header_count == FRAMING_HEADERS_MAX)
        return MHD_NO;
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    x->headers[x->header_count].name = buffer_copy(&x->text, (struct str){name, name_len});
    x->headers[x->header_count++].value = buffer_copy(&x->text, (struct str){value, value_len});
    return MHD_YES;
}

/* Does the connection end with this request?  As libmicrohttpd reads it. */
static bool is_last(const struct http_exchange *x, const char *version)
{
    bool keep_alive = strcmp(version, MHD_HTTP_VERSION_1_0) != 0;

    for (int k = 0; k < x->header_count; k++) {
        struct str token, rest = x->headers[k].value;

        if (!str_eq_nocase(x->headers[k].name, STR("Connection")))
            continue;
        while (str_cut(&rest, ',', &token)) {
            if (str_eq_nocase(str_trim(token), STR("close")))
                return true;
            keep_alive |= str_eq_nocase(str_trim(token), STR("keep-alive"));
        }
    }
    return !keep_alive;
}

static void head_understand(struct http_exchange *x, const char *version)
{
    struct str length = http_header(x, "Content-Length");
    struct str encoding = http_header(x, "Accept-Encoding");
    int64_t announced = 0;

    if (length.ptr && str_int(length, &announced) && announced > 0)
        x->announced_bytes = (uint64_t)announced;
    x->body_follows = x->announced_bytes > 0 || http_header(x, "Transfer-Encoding").ptr;
    x->expects = http_header(x, "Expect").ptr;
    x->last = is_last(x, version);
    x->gzip = encoding.ptr && gzip_accepted(encoding);
}

/* Copies what the client sent: libmicrohttpd's memory goes with the connection, which may go
 * before the answer comes.  False: no memory. */
static bool head_take(struct http_exchange *x, const char *method, const char *version)
{
    struct connection *c = x->connection;
    const union MHD_ConnectionInfo *size = info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct str target;

    if (!size || x->target_len == 0 || !buffer_reserve(&x->text, size->header_size))
        return false;
    target = (struct str){x->text.ptr, x->target_len};
    x->method = buffer_copy(&x->text, str_of(method));
    x->query = target;
    if (str_cut(&x->query, '?', &x->path) && !x->query.ptr)
        x->query = (struct str){0};
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, header_take, x);
    if (!c->peer[0])
        peer_write(c);
    memcpy(x->peer, c->peer, sizeof(x->peer));
    /* The head begins where libmicrohttpd's memory does, after an empty line it may have skipped.
     * malloc and mmap align it. */
    c->pool = (char *)(uintptr_t)method - ((uintptr_t)method & 15);
    head_understand(x, version);
    return true;
}

static enum MHD_Result too_large(struct http_exchange *x)
{
    struct problem problem = {.err = ERR_TOO_LARGE, .code = body_too_large.code};
    struct text detail = {.ptr = problem.detail, .size = sizeof(problem.detail)};

    text_addf(&detail, "The body has %" PRIu64 " bytes; send at most %zu.", x->announced_bytes,
              x->body_bytes_max);
    http_reply_problem(x, &problem, true);
    return reply_queue(x);
}

static enum MHD_Result head_refused(struct http_exchange *x)
{
    if (x->body_follows &&
        (x->expects || x->announced_bytes == 0 || x->announced_bytes > REFUSED_BYTES_MAX)) {
        x->reply.close = true; /* libmicrohttpd will not read on after a reply this early. */
        return reply_queue(x);
    }
    x->stage = STAGE_FORGET;
    return MHD_YES;
}

static enum MHD_Result head_complete(struct http_exchange *x, const char *method,
                                     const char *version)
{
    const struct http_options *options = &x->server->options;

    if (!head_take(x, method, version))
        return MHD_NO;
    x->body_bytes_max = options->body_bytes_max;
    x->started_us = engine_now_us();
    x->stage = STAGE_BODY;
    x->reached = true;
    if (x->body_follows)
        connection_await(x->connection, AWAITS_BODY);
    if (options->on_head)
        options->on_head(x, options->context, &x->body_bytes_max);
    if (atomic_load(&x->answer) == ANSWER_GIVEN)
        return head_refused(x);
    if (x->announced_bytes > x->body_bytes_max)
        return too_large(x);
    return MHD_YES;
}

/* ---- Body and answer ---- */

static enum MHD_Result body_take(struct http_exchange *x, const char *data, size_t *len)
{
    size_t n = *len;

    if (n > x->body_bytes_max - x->body.len) { /* Of unknown length: else refused at the head. */
        connection_refuse(x->connection, &body_too_large);
        return MHD_NO;
    }
    if (!buffer_add(&x->body, (struct str){data, n}))
        return MHD_NO;
    *len = 0;
    return MHD_YES;
}

static enum MHD_Result request_complete(struct http_exchange *x)
{
    const struct http_options *options = &x->server->options;

    x->stage = STAGE_ASKED;
    x->body_follows = false;
    connection_await(x->connection, AWAITS_REPLY);
    options->on_request(x, options->context);
    /* Without an answer the connection is not suspended yet: in one more turn libmicrohttpd learns
     * that nothing is to be read.  Else it would read at the resumption, take a half-closed
     * connection for an abandoned one, and drop the answer. */
    return atomic_load(&x->answer) == ANSWER_GIVEN ? reply_queue(x) : MHD_YES;
}

static enum MHD_Result answer_or_suspend(struct http_exchange *x, void **context)
{
    struct connection *c = x->connection;
    int none = ANSWER_NONE;

    if (atomic_load(&x->answer) == ANSWER_GIVEN)
        return reply_queue(x);
    if (c->cut) {
        *context = NULL;
        exchange_orphan(x);
        return MHD_NO;
    }
    if (!atomic_compare_exchange_strong(&x->answer, &none, ANSWER_AWAITED))
        return reply_queue(x);
    MHD_suspend_connection(c->mhd); /* The ready list is read between turns, so after this. */
    return MHD_YES;
}

enum MHD_Result exchange_access(void *worker, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *len, void **context)
{
    struct http_exchange *x = *context;

    (void)worker;
    (void)mhd;
    (void)url;
    if (!x)
        return MHD_NO;
    switch (x->stage) {
    case STAGE_HEAD:
        return head_complete(x, method, version);
    case STAGE_BODY:
        return *len > 0 ? body_take(x, data, len) : request_complete(x);
    case STAGE_FORGET:
        if (*len == 0)
            x->body_follows = false;
        else
            *len = 0;
        return x->body_follows ? MHD_YES : reply_queue(x);
    case STAGE_ASKED:
        return answer_or_suspend(x, context);
    default:
        return MHD_YES;
    }
}

/* What the connection waits for now that a request is answered; behind the last answer, none is
 * sent to what came behind the last request. */
static void connection_next(struct connection *c, bool last)
{
    bool more;

    if (c->unanswered > 0)
        c->unanswered--;
    more = c->unanswered > 0 || framing_stage(&c->framing) != FRAMING_IDLE;
    connection_await(c, more ? AWAITS_HEAD : AWAITS_REQUEST);
    if (last) {
        /* Who sent something behind the last request may be sending on, and would be reset. */
        c->linger = c->linger || more || c->framing.refusal;
    } else if (c->unanswered == 0 && c->framing.refusal && !c->refused) {
        connection_refuse(c, c->framing.refusal);
        connection_cut(c);
    }
}

/* libmicrohttpd itself refused what framing let pass: cookies beyond its memory. */
static void tell_refused(struct connection *c)
{
    const struct http_options *options = &c->worker->server->options;
    const union MHD_ConnectionInfo *status = info(c->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);

    if (status && options->on_refused)
        options->on_refused(options->context, (int)status->http_status, "head_not_understood");
}

void exchange_completed(void *worker, struct MHD_Connection *mhd, void **context,
                        enum MHD_RequestTerminationCode why)
{
    struct http_exchange *x = *context;
    struct connection *c = x ? x->connection : NULL;
    bool sent, last;

    (void)worker;
    (void)mhd;
    *context = NULL;
    if (!x)
        return;
    if (x->stage == STAGE_ASKED) {
        exchange_orphan(x);
        return;
    }
    sent = x->stage == STAGE_QUEUED && why == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    last = x->last || x->reply.close;
    c->exchange = NULL;
    if (!x->reached && !c->refused)
        tell_refused(c);
    exchange_end(x, sent ? x->reply.status : x->refused_status);
    connection_next(c, last);
}
