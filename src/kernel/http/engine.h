/*
 * engine.h - an HTTP/1.1 server: bytes in, one exchange at a time out.
 *
 * libmicrohttpd (epoll, thread pool) carries the bytes; this layer adds what it lacks: a strict
 * check of the framing over the raw header list, absolute deadlines for head and body (a sweeper),
 * limits, gzip, and a shutdown that resets nobody.  It knows nothing of routes, keys or databases.
 *
 * Invariants:
 *   - on_head and on_request run on an HTTP thread and never wait;
 *   - every exchange for which on_request ran gets exactly one http_reply, from any thread, now or
 *     later; the connection is suspended meanwhile;
 *   - the exchange stays valid until on_done has returned, even if the client went away; on_done
 *     is called exactly once for every exchange that got as far as on_head;
 *   - a request that breaks the framing rules is answered with 400 and the connection is closed.
 */
#ifndef GREVY_HTTP_ENGINE_H
#define GREVY_HTTP_ENGINE_H

#include "kernel/base/cx.h"

struct http_server;
struct http_exchange;

enum {
    HTTP_HEADERS_MAX = 16,          /* Reply headers beside the engine's own. */
    HTTP_CONNECTIONS_MOST = 500000, /* What connections_max may be: 13 GB of busy ones. */
};

struct http_reply {
    int status;
    struct str content_type;
    struct str body;                /* Must live until release is called. */
    void (*release)(void *context); /* May be NULL: the body is static. */
    void *release_context;
    struct {
        const char *name; /* Static. */
        struct str value; /* Copied. */
    } headers[HTTP_HEADERS_MAX];
    int header_count;
    bool close; /* Close the connection afterwards. */
};

struct http_options {
    const char *listen;           /* "127.0.0.1:8080"; port 0 picks a free one. */
    int threads;                  /* Default 2. */
    size_t head_bytes_max;        /* Default 16 KiB: 431 beyond. */
    size_t body_bytes_max;        /* Default 1 MiB: 413 beyond, unless on_head raises it. */
    int head_ms_max, body_ms_max; /* Absolute deadlines from the first byte; default 5 s, 20 s. */
    int idle_ms_max;              /* Keep-alive without a request; default 60 s. */
    int connections_max;          /* Default 12000. */
    size_t gzip_bytes_min;        /* Replies of JSON or text from this size; default 1400. */
    void *context;                /* Handed to the callbacks. */

    /* True while requests may be refused at a glance: on_glance then sees one that came whole,
     * before anything is made of it, and returns true to have it answered 503 "overloaded", for a
     * fraction of what a reply costs.  No other callback hears of it.  Both or none. */
    bool (*sheds)(void *context);
    bool (*on_glance)(void *context, struct str method, struct str path, struct str authorization);
    /* The head is complete.  May refuse at once by http_reply (the body is then not read) and
     * may set the limit of the body. */
    void (*on_head)(struct http_exchange *x, void *context, size_t *body_bytes_max);
    /* Head and body are complete. */
    void (*on_request)(struct http_exchange *x, void *context);
    /* The exchange ended, answered or not; status 0: the client went away before an answer. */
    void (*on_done)(struct http_exchange *x, void *context, int status, size_t reply_bytes);
    /* A request that never reached on_head was refused (framing, limits, deadlines). */
    void (*on_refused)(void *context, int status, const char *reason);
};

/** Listens.  On failure returns NULL and problem says what to do (port taken, no descriptors). */
struct http_server *http_start(const struct http_options *options, struct problem *problem);
int http_port(const struct http_server *server);

/** Stop accepting, let what is in flight finish (at most drain_ms), close idle connections, end the
 *  threads.  Nobody who was promised an answer within drain_ms is reset. */
void http_stop(struct http_server *server, int drain_ms);
int http_connections(const struct http_server *server);

/* What the client sent; borrowed until on_done has returned. */
struct str http_method(const struct http_exchange *x);
struct str http_path(const struct http_exchange *x);  /* As sent, without the query, not decoded. */
struct str http_query(const struct http_exchange *x); /* After '?', not decoded; may be absent. */
struct str http_header(const struct http_exchange *x, const char *name); /* Absent: ptr NULL. */
struct str http_body(const struct http_exchange *x);
struct str http_peer(const struct http_exchange *x);    /* Numeric address without the port. */
int64_t http_started_us(const struct http_exchange *x); /* Monotonic, when the head was complete. */

void *http_user(const struct http_exchange *x); /* One pointer for the layer above. */
void http_set_user(struct http_exchange *x, void *user);

void http_reply(struct http_exchange *x, const struct http_reply *reply);

/** A problem document (RFC 9457) for refusals of this layer and of those above. */
void http_reply_problem(struct http_exchange *x, const struct problem *problem, bool close);

#endif
