/*
 * dispatch_priv.h - shared by dispatch.c (the pipeline), observe.c (log and metrics) and system.c
 * (the routes that every process has).
 */
#ifndef GREVY_HTTP_DISPATCH_PRIV_H
#define GREVY_HTTP_DISPATCH_PRIV_H

#include "kernel/access/key.h"
#include "kernel/http/dispatch.h"
#include "kernel/http/limit.h"
#include "kernel/watch/watch.h"
#include "kernel/work/idempotency.h"
#include "kernel/work/reader.h"

enum {
    LIMITER_BUCKETS_MAX = 8192,
    ANONYMOUS_RATE_PER_S = 200,
    RATE_BURST_SECONDS = 2, /* A bucket holds this many seconds of its rate. */
    CALLS_KEPT_MAX = 256,   /* Units of work kept for reuse. */
    STATUS_CLASSES = 6,
    PROBLEM_BYTES_MAX = 32 * 1024, /* Room to say what went wrong, beyond the budget. */
    BODY_BYTES_MAX = 1 << 20,      /* Of a route that does not say its own. */
};

/* What one route shows of itself; texts live as long as the dispatcher. */
struct route_watch {
    struct watch_histogram latency;
    struct watch_counter replies[STATUS_CLASSES];
};

struct dispatcher {
    struct dispatcher_options options;
    struct platform *platform;
    struct router *router;
    struct limiter *limiter;
    struct route_watch *watches; /* By route index; the last is "no route". */
    char *labels;
    struct http_server *server; /* For the gauges; NULL in tests. */
    atomic_bool draining;
    pthread_mutex_t lock;
    struct call *kept; /* Calls for reuse. */
    int kept_count;
};

/* One request on its way: a unit of work with its exchange. */
struct call {
    struct task task; /* First: a task is cast back to this. */
    struct dispatcher *dispatcher;
    struct http_exchange *exchange;  /* NULL in tests. */
    struct dispatch_answer *answer;  /* Tests only. */
    const struct pair *test_headers; /* Tests only. */
    size_t test_header_count;
    struct req req;
    struct idempotency idempotency;
    struct str method, path, query_text, body;
    struct str policy; /* Content-Security-Policy, or absent. */
    bool replayed, uncached;
    struct call *next_kept;
};

struct str call_header(const struct call *call, const char *name);
struct call *call_take(struct dispatcher *dispatcher);
void call_give_back(struct call *call);
void call_finish(struct call *call, enum err err);

/* admit.c: as the run of a task.  call_admit yields BUSY without a problem when the space of the
 * call is not open; call_open_space, on a reader thread, opens it and admits. */
MUST_CHECK enum err call_admit(struct task *task);
MUST_CHECK enum err call_open_space(struct task *task);
/* At a glance (engine.h): is more asked than can be done; is it this that is refused? */
bool admit_sheds(void *dispatcher);
bool admit_glance(void *dispatcher, struct str method, struct str path, struct str authorization);

/* observe.c */
void watches_make(struct dispatcher *dispatcher);
void watches_free(struct dispatcher *dispatcher);
void observe(struct call *call, int status, size_t reply_bytes, int64_t started_us);
/** A request that was refused before it had a call: counted as one of no route, and logged. */
void observe_refused(struct dispatcher *dispatcher, int status, const char *code);
/** A command that was refused at a glance: counted, not logged, for there are many. */
void observe_glance(struct dispatcher *dispatcher, const struct route *route);
/** The recorded problem as the client may see it: no statement, path or address of what is behind
 *  the API; the log has them, under the same trace. */
const struct problem *problem_told(struct call *call);
/** Take over the client's trace, or begin one. */
void trace_begin(struct call *call);

/* system.c: /healthz, /readyz, /metrics, /statusz, /openapi.json, /docs: outside the module tables
 * because they are about the process.  False: not one of them. */
bool system_answer(struct call *call);

#endif
