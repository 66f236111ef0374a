/*
 * dispatch.h - from an exchange to a unit of work and back.
 *
 * Order: route, key, scope, rate, body; all of it on the HTTP thread, before anything is queued.
 * Then a decision runs inline, a read goes to the reader threads, a command to the space's writer.
 *
 * Invariants:
 *   - nothing is queued that is not authorised and decoded;
 *   - an answer to a command is sent only after its commit;
 *   - every exchange that reached on_head gives one log line and one observation per histogram.
 */
#ifndef GREVY_HTTP_DISPATCH_H
#define GREVY_HTTP_DISPATCH_H

#include "kernel/http/engine.h"
#include "kernel/http/router.h"
#include "kernel/json/problem.h"
#include "kernel/work/space.h"

struct dispatcher;
struct call;

struct dispatcher_options {
    struct platform *platform;
    const char *default_space;    /* For keys that name none, and public routes. */
    int64_t anonymous_rate_per_s; /* Requests without a key, per address. */
};

struct dispatcher *dispatcher_make(const struct dispatcher_options *options,
                                   struct problem *problem);
void dispatcher_free(struct dispatcher *dispatcher);
const struct router *dispatcher_router(const struct dispatcher *dispatcher);

/** Fill the callbacks and context of options. */
void dispatcher_attach(struct dispatcher *dispatcher, struct http_options *options);
/** From now on /readyz fails: the load balancer looks elsewhere while requests finish. */
void dispatcher_drain(struct dispatcher *dispatcher);

/* For the test harness, which has no sockets: one request through the same pipeline, on a platform
 * in manual mode. */
struct dispatch_request {
    struct str method, target, body;
    const struct pair *headers;
    size_t header_count;
};
struct dispatch_answer {
    int status;
    struct str body, location, content_type; /* In the cx given. */
    bool replayed, pending;
};
/** Several at a time: begun, they wait for platform_step; ended once they are not pending, in any
 *  order.  request and answer must live until then. */
struct call *dispatch_begin(struct dispatcher *dispatcher, const struct dispatch_request *request,
                            struct dispatch_answer *answer);
void dispatch_end(struct call *call, struct cx *cx, struct dispatch_answer *answer);
/** One from begin to end. */
void dispatch_once(struct dispatcher *dispatcher, const struct dispatch_request *request,
                   struct cx *cx, struct dispatch_answer *answer);

#endif
