/*
 * engine_priv.h - what the parts of the engine share.
 *
 *   engine.c    start, stop, what the client sent        worker.c    a thread and its event loop
 *   intake.c    every byte, before libmicrohttpd         exchange.c  libmicrohttpd's callbacks
 *   reply.c     replies, from any thread                 sweeper.c   deadlines
 *   linger.c    closing without a reset                  turn_away.c refusing at a glance
 *   framing*.c, gzip.c, problem.c
 *
 * Invariants:
 *   - a connection belongs to one worker and is touched by its thread alone: no locks;
 *   - an exchange belongs to its worker too, but for `answer` (see below) and its reply, which the
 *     answering thread writes before it sets `answer`;
 *   - between two turns of a worker nothing of libmicrohttpd runs on its connections.
 */
#ifndef GREVY_HTTP_ENGINE_PRIV_H
#define GREVY_HTTP_ENGINE_PRIV_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "kernel/http/buffer.h"
#include "kernel/http/engine.h"
#include "kernel/http/framing.h"
#include "kernel/http/gzip.h"
#include "kernel/http/linger.h"

enum {
    WORKERS_MAX = 64,
    CONNECTION_BYTES_MORE = 10 << 10, /* Of libmicrohttpd's memory, beyond the head: 64 headers and
                                         64 parameters of 56 bytes each, and a reply's head. */
    REFUSED_BYTES_MAX = 64 << 10,     /* Of a body that is read and forgotten so that a refusal
                                         need not cost the connection. */
    CALLER_GZIP_BYTES_MIN = 64 << 10, /* From here the answering thread compresses: 0.2 ms. */
    EXCHANGES_KEPT_MAX = 256,         /* Per worker, for reuse. */
    EXCHANGE_BYTES_KEPT_MAX = 8 << 10,
    PEER_LEN_MAX = INET6_ADDRSTRLEN,
    AWAY_BYTES_MAX = 1024, /* Head and problem of a refusal at a glance: 500 bytes. */
};

/* What an event of a worker's epoll is about; a descriptor stands in the upper half. */
enum { TAG_LIBRARY, TAG_WAKE, TAG_LISTEN, TAG_LINGER };

/* What a connection waits for, and so which deadline it has. */
enum awaits { AWAITS_HEAD, AWAITS_BODY, AWAITS_REPLY, AWAITS_WRITE, AWAITS_REQUEST };

struct connection {
    struct worker *worker;
    struct MHD_Connection *mhd;
    struct http_exchange *exchange; /* The one libmicrohttpd is at; NULL between requests. */
    int64_t deadline_us;
    enum awaits awaits;
    int fd;
    size_t index;        /* In the worker's list. */
    unsigned unanswered; /* Whole requests handed to libmicrohttpd and not yet answered. */
    bool judged;         /* Bytes came through intake.c: proof that it stands in the path. */
    bool refused;        /* framing.refusal was sent. */
    bool cut;            /* Being closed by us. */
    bool linger;         /* The client may still be sending when we close. */
    bool looked;         /* Whether the client is still there, since its last bytes. */
    bool trimmed;
    char *pool; /* libmicrohttpd's memory of this connection, once known. */
    struct framing framing;
    char peer[PEER_LEN_MAX];
};

enum stage {
    STAGE_HEAD,   /* The head is not yet complete. */
    STAGE_BODY,   /* on_head ran; the body is being collected. */
    STAGE_FORGET, /* on_head replied; a short body is read and forgotten. */
    STAGE_ASKED,  /* on_request ran or runs. */
    STAGE_QUEUED, /* libmicrohttpd has the reply. */
};

/*
 * Who does what next with an exchange in STAGE_ASKED; changed only by atomic exchange.
 *
 *   NONE      nobody waits: the worker looks again before it suspends the connection
 *   AWAITED   the connection is suspended: who answers puts the exchange on the worker's ready list
 *   GIVEN     answered
 *   ORPHANED  the connection is gone: who answers ends the exchange
 */
enum answer { ANSWER_NONE, ANSWER_AWAITED, ANSWER_GIVEN, ANSWER_ORPHANED };

struct http_exchange {
    struct http_server *server;
    struct worker *worker;
    struct connection *connection;
    struct http_exchange *next; /* Ready or free. */
    atomic_int answer;
    enum stage stage;
    bool reached; /* on_head was called, so on_done is due. */
    bool body_follows, expects, gzip;
    bool last;          /* The client wants no more on this connection. */
    int refused_status; /* Refused after on_head, past libmicrohttpd. */
    int64_t started_us;
    uint64_t announced_bytes; /* Content-Length; 0 without one. */
    size_t body_bytes_max;
    void *user;
    struct buffer text; /* Target, then header names and values. */
    size_t target_len;
    struct buffer body;
    struct str method, path, query;
    int header_count;
    struct {
        struct str name, value;
    } headers[FRAMING_HEADERS_MAX];
    struct http_reply reply;
    struct buffer reply_text; /* Copies of its content type and header values. */
    char *packed;             /* The compressed body, or NULL. */
    size_t packed_len;
    char peer[PEER_LEN_MAX];
};

/* A connection accepted for another worker. */
struct handover {
    struct handover *next;
    int fd;
    socklen_t address_len;
    struct sockaddr_storage address;
};

struct worker {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    int epoll_fd, wake_fd;
    atomic_bool asleep;
    _Atomic(struct http_exchange *) ready;
    _Atomic(struct handover *) handovers;
    atomic_int live, coming; /* Connections served, and handed over but not yet taken. */
    int64_t now_us;          /* Of this turn. */
    bool listen_paused;      /* Of worker 0: no place or no descriptor for another connection. */
    int64_t listen_again_us;

    struct connection **connections; /* In no order. */
    size_t connection_count, connection_room;
    size_t sweep_at, sweep_share; /* Where the sweep stands; how many it visits in a slice. */
    size_t sweep_cuts;            /* Idle ones closed in this round to make room. */
    size_t connection_peak;       /* Since memory was last given back. */
    int64_t sweep_us;             /* When the next slice is due. */
    bool swept_all;               /* The drain deadline has passed and everything was cut. */
    struct connection **by_fd;
    size_t fd_room;
    struct lingers lingers;
    struct http_exchange *kept;
    int kept_count;
    struct gzip *gzip;
    char away[AWAY_BYTES_MAX]; /* What is said to whom we turn away, as of away_us. */
    size_t away_len;
    int64_t away_us;
};

struct http_server {
    struct http_options options;
    int64_t head_us_max, body_us_max, idle_us_max, write_us_max, sweep_us; /* From options. */
    size_t pool_bytes;
    int listen_fd;
    int port;
    atomic_bool listening; /* Worker 0 still accepts. */
    atomic_bool draining;
    _Atomic int64_t drain_us; /* Until when, while draining. */
    atomic_int references;    /* http_stop's, one per orphaned exchange, one per answer. */
    int worker_count;
    struct worker workers[WORKERS_MAX];
};

extern _Thread_local struct worker *worker_self; /* NULL on threads that are no workers. */

int64_t engine_now_us(void);
void server_release(struct http_server *server);

/* worker.c */
bool worker_open(struct worker *worker, struct http_server *server);
void worker_close(struct worker *worker);
void *worker_main(void *worker);
void worker_wake(struct worker *worker);
void worker_ready(struct worker *worker, struct http_exchange *x); /* From any thread. */

/* intake.c */
bool intake_watch(struct worker *worker, int fd, struct connection *c); /* NULL: no longer. */
void connection_await(struct connection *c, enum awaits awaits);
/** Answer past libmicrohttpd, and close.  Nothing of an earlier reply may be under way. */
void connection_refuse(struct connection *c, const struct refusal *why);
void put_date(struct text *out); /* The header, with its line's end. */

/* exchange.c: callbacks of libmicrohttpd, named after what they tell. */
void connection_notify(void *worker, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code);
void *exchange_target(void *worker, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_access(void *worker, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *len, void **context);
void exchange_completed(void *worker, struct MHD_Connection *mhd, void **context,
                        enum MHD_RequestTerminationCode why);
void exchange_free(struct http_exchange *x);
/** Report, release and keep for reuse.  status 0: no answer reached the client. */
void exchange_end(struct http_exchange *x, int status);

/* reply.c */
enum MHD_Result reply_queue(struct http_exchange *x);

/* problem.c */
bool problem_write(struct buffer *out, int status, const char *title,
                   const struct problem *problem) MUST_CHECK;

#endif
