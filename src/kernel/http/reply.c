/*
 * reply.c - replies: taken from any thread, built on the worker.
 */
#include "kernel/http/engine_priv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Taking ---- */

/* A reply that could not be kept for want of memory. */
static void keep_nothing(struct http_exchange *x)
{
    const struct http_reply *reply = &x->reply;

    if (reply->release)
        reply->release(reply->release_context);
    x->reply = (struct http_reply){.status = MHD_HTTP_SERVICE_UNAVAILABLE, .close = true};
}

static void keep(struct http_exchange *x, const struct http_reply *reply)
{
    size_t bytes = reply->content_type.len;

    assert(reply->status >= 200);
    assert(reply->status <= 599);
    assert(reply->header_count <= HTTP_HEADERS_MAX);
    x->reply = *reply;
    for (int k = 0; k < reply->header_count; k++)
        bytes += reply->headers[k].value.len;
    if (!buffer_reserve(&x->reply_text, bytes)) {
        keep_nothing(x);
        return;
    }
    x->reply.content_type = buffer_copy(&x->reply_text, reply->content_type);
    for (int k = 0; k < reply->header_count; k++)
        x->reply.headers[k].value = buffer_copy(&x->reply_text, reply->headers[k].value);
}

static struct str reply_header(const struct http_reply *reply, const char *name)
{
    for (int k = 0; k < reply->header_count; k++)
        if (strcasecmp(reply->headers[k].name, name) == 0)
            return reply->headers[k].value;
    return (struct str){0};
}

/* A strong ETag promises these very bytes, and If-Match needs strong ones: such a reply goes out
 * as it is (RFC 9110 8.8.1).  Who wants it compressed gives a weak tag. */
static bool compressible(const struct http_exchange *x)
{
    const struct http_reply *reply = &x->reply;
    struct str tag = reply_header(reply, "ETag");

    return x->gzip && !x->packed && reply->body.len >= x->server->options.gzip_bytes_min &&
           gzip_worthwhile(reply->content_type) && (!tag.ptr || str_starts(tag, STR("W/"))) &&
           !reply_header(reply, "Content-Encoding").ptr;
}

static void compress(struct http_exchange *x, struct gzip **gzip)
{
    if (compressible(x))
        x->packed = gzip_pack(gzip, x->reply.body, &x->packed_len);
}

static void give(struct http_exchange *x)
{
    enum answer before = (enum answer)atomic_exchange(&x->answer, ANSWER_GIVEN);

    assert(before != ANSWER_GIVEN); /* One reply per exchange. */
    if (before == ANSWER_AWAITED)
        worker_ready(x->worker, x);
    else if (before == ANSWER_ORPHANED)
        exchange_end(x, 0);
}

void http_reply(struct http_exchange *x, const struct http_reply *reply)
{
    struct http_server *server = x->server;
    struct gzip *gzip = NULL;

    keep(x, reply);
    if (x->worker == worker_self) {
        give(x);
        return;
    }
    if (x->reply.body.len >= CALLER_GZIP_BYTES_MIN)
        compress(x, &gzip);
    gzip_free(gzip);
    /* Once given, the exchange, the worker and even the server may end before we return. */
    atomic_fetch_add(&server->references, 1);
    give(x);
    server_release(server);
}

/* ---- Building ---- */

static struct MHD_Response *response_make(struct http_exchange *x)
{
    struct str body = x->reply.body;

    if (x->packed)
        body = (struct str){x->packed, x->packed_len};
    /* The bytes live until exchange_end, which libmicrohttpd calls when it needs them no more. */
    return MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.ptr,
                                           MHD_RESPMEM_PERSISTENT);
}

/* libmicrohttpd takes text that ends in NUL. */
static bool put(struct MHD_Response *response, const char *name, struct str value)
{
    enum { VALUE_BYTES_MAX = 1024 };
    char text[VALUE_BYTES_MAX];

    if (value.len >= sizeof(text))
        return false;
    memcpy(text, value.len ? value.ptr : "", value.len);
    text[value.len] = '\0';
    return MHD_add_response_header(response, name, text) == MHD_YES;
}

static bool put_headers(struct http_exchange *x, struct MHD_Response *response, bool varies)
{
    const struct http_reply *reply = &x->reply;
    bool ok = true;

    if (reply->content_type.len > 0)
        ok = put(response, "Content-Type", reply->content_type) &&
             put(response, "X-Content-Type-Options", STR("nosniff"));
    if (!reply_header(reply, "Cache-Control").ptr)
        ok = ok && put(response, "Cache-Control", STR("no-store"));
    if (varies)
        ok = ok && put(response, "Vary", STR("Accept-Encoding"));
    if (x->packed)
        ok = ok && put(response, "Content-Encoding", STR("gzip"));
    for (int k = 0; k < reply->header_count; k++)
        ok = ok && put(response, reply->headers[k].name, reply->headers[k].value);
    if (reply->close)
        ok = ok && put(response, "Connection", STR("close"));
    return ok;
}

/* Would another Accept-Encoding have changed the reply? */
static bool varies(const struct http_exchange *x)
{
    return x->reply.body.len >= x->server->options.gzip_bytes_min &&
           gzip_worthwhile(x->reply.content_type);
}

enum MHD_Result reply_queue(struct http_exchange *x)
{
    struct connection *c = x->connection;
    enum MHD_Result queued = MHD_NO;
    struct MHD_Response *response;

    if (atomic_load(&x->server->draining))
        x->reply.close = true;
    compress(x, &c->worker->gzip);
    response = response_make(x);
    if (!response)
        return MHD_NO;
    if (put_headers(x, response, varies(x)))
        queued = MHD_queue_response(c->mhd, (unsigned)x->reply.status, response);
    MHD_destroy_response(response);
    x->stage = STAGE_QUEUED;
    c->linger = c->linger || x->reply.close || x->body_follows;
    connection_await(c, AWAITS_WRITE);
    return queued;
}
