/*
 * observe.c - one log line per request, histograms and counters per route, traces; what of a
 * failure is for the log alone.
 *
 * No personal data: a line names the route, not the path; the key's id, not its owner.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/log.h"
#include "kernel/http/dispatch_priv.h"

enum { LABELS_LEN_MAX = 160, TRACE_LEN = 55 };

static const char *const classes[STATUS_CLASSES] = {"gone", "1xx", "2xx", "3xx", "4xx", "5xx"};

static void watch_route(struct route_watch *watch, char *labels, const struct route *route)
{
    const char *method = route ? route->method : "-", *path = route ? route->path : "-";

    snprintf(labels, LABELS_LEN_MAX, "route=\"%s %s\"", method, path);
    watch->latency = (struct watch_histogram){.name = "grevy_http_request_seconds",
                                              .doc = "Time from the head to the end of the reply.",
                                              .labels = labels,
                                              .scale = 1e-6};
    watch_register_histogram(&watch->latency);
    for (int k = 0; k < STATUS_CLASSES; k++) {
        labels += LABELS_LEN_MAX;
        snprintf(labels, LABELS_LEN_MAX, "route=\"%s %s\",class=\"%s\"", method, path, classes[k]);
        watch->replies[k] = (struct watch_counter){.name = "grevy_http_replies_total",
                                                   .doc = "Replies by route and class of status.",
                                                   .labels = labels};
        watch_register_counter(&watch->replies[k]);
    }
}

void watches_make(struct dispatcher *dispatcher)
{
    size_t count = router_count(dispatcher->router) + 1; /* The last: no route. */

    dispatcher->watches = calloc(count, sizeof(dispatcher->watches[0]));
    dispatcher->labels = calloc(count * (STATUS_CLASSES + 1), LABELS_LEN_MAX);
    assert(dispatcher->watches);
    assert(dispatcher->labels);
    for (size_t k = 0; k < count; k++)
        watch_route(&dispatcher->watches[k],
                    dispatcher->labels + k * (STATUS_CLASSES + 1) * LABELS_LEN_MAX,
                    k + 1 < count ? router_route(dispatcher->router, k) : NULL);
}

void watches_free(struct dispatcher *dispatcher)
{
    free(dispatcher->watches);
    free(dispatcher->labels);
}

/* Refusals for want of capacity come by the thousand; overload_began says it once (queue.c). */
static bool is_wrong(const struct call *call, int status)
{
    const char *code = call->task.cx.problem.code;

    return status >= 500 && !(code && strcmp(code, "overloaded") == 0);
}

static void log_call(const struct call *call, int status, size_t reply_bytes, int64_t took_us)
{
    bool wrong = is_wrong(call, status);
    const struct route *route = call->req.route;
    const struct cx *cx = &call->task.cx;
    const struct problem *problem = &cx->problem;
    char key[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1] = "-";
    struct str trace = {cx->trace + 3, strlen(cx->trace) > 35 ? 32 : 0};

    if (cx->caller)
        id_format(key, "key", cx->caller->key_id);
    log_event(wrong ? LOG_ERROR : LOG_INFO, "request", LOG_TEXT("method", call->method),
              LOG_TEXT("route", str_of(route ? route->path : "-")), LOG_INT("status", status),
              LOG_INT("us", took_us), LOG_INT("bytes", (int64_t)reply_bytes),
              LOG_TEXT("space", str_of(call->task.space ? call->task.space->name : "-")),
              LOG_TEXT("key", str_of(key)), LOG_TEXT("trace", trace),
              LOG_TEXT("code", str_of(problem->err != OK ? problem->code : "-")));
    if (wrong && problem->err != OK)
        log_event(LOG_ERROR, "request_failed", LOG_TEXT("code", str_of(problem->code)),
                  LOG_TEXT("detail", str_of(problem->detail)), LOG_TEXT("trace", trace));
}

void observe(struct call *call, int status, size_t reply_bytes, int64_t started_us)
{
    struct dispatcher *dispatcher = call->dispatcher;
    struct env *env = dispatcher->platform->env;
    const struct route *route = call->req.route;
    size_t index =
        route ? router_index(dispatcher->router, route) : router_count(dispatcher->router);
    struct route_watch *watch = &dispatcher->watches[index];
    int64_t took_us = env->monotonic_us(env) - started_us;

    watch_observe(&watch->latency, (uint64_t)(took_us > 0 ? took_us : 0));
    watch_add(&watch->replies[status / 100 < STATUS_CLASSES ? status / 100 : 0], 1);
    log_call(call, status, reply_bytes, took_us);
}

void observe_glance(struct dispatcher *dispatcher, const struct route *route)
{
    watch_add(&dispatcher->watches[router_index(dispatcher->router, route)].replies[5], 1);
}

void observe_refused(struct dispatcher *dispatcher, int status, const char *code)
{
    struct route_watch *watch = &dispatcher->watches[router_count(dispatcher->router)];

    watch_add(&watch->replies[status / 100 < STATUS_CLASSES ? status / 100 : 0], 1);
    log_event(LOG_INFO, "request", LOG_TEXT("method", STR("-")), LOG_TEXT("route", STR("-")),
              LOG_INT("status", status), LOG_TEXT("space", STR("-")), LOG_TEXT("key", STR("-")),
              LOG_TEXT("code", str_of(code)));
}

/* ---- What the client is told of a failure ---- */

/* What went wrong behind the API has statements, paths and addresses in its detail. */
static bool is_inside(const struct problem *problem)
{
    static const char *const codes[] = {"database_gone", "database_busy", "space_unavailable"};

    for (size_t k = 0; k < sizeof(codes) / sizeof(codes[0]); k++)
        if (strcmp(problem->code, codes[k]) == 0)
            return true;
    return problem->err == ERR_STORAGE || problem->err == ERR_INTERNAL ||
           problem->err == ERR_DISK_FULL;
}

/* What whoever asks can do about it. */
static const char *advice(const struct problem *problem)
{
    if (problem->err == ERR_DISK_FULL)
        return "the disk of the database is full: free some space there, then try again";
    if (strcmp(problem->code, "commit_unknown") == 0)
        return "it is not known whether this took place: ask again with the same Idempotency-Key";
    return "the server cannot do this now: try again";
}

const struct problem *problem_told(struct call *call)
{
    struct cx *cx = &call->task.cx;
    struct problem *told;

    if (!is_inside(&cx->problem))
        return &cx->problem;
    told = CX_NEW(cx, struct problem);
    *told = (struct problem){.err = cx->problem.err,
                             .code = cx->problem.code,
                             .retry_after_ms = cx->problem.retry_after_ms};
    snprintf(told->detail, sizeof(told->detail),
             "%s; the server's log says why, under the trace %.32s", advice(&cx->problem),
             cx->trace + 3);
    return told;
}

/* ---- W3C trace context: version 00, trace id, parent id, flags ---- */

static bool is_hex(const char *at, size_t len)
{
    for (size_t k = 0; k < len; k++)
        if (!((at[k] >= '0' && at[k] <= '9') || (at[k] >= 'a' && at[k] <= 'f')))
            return false;
    return true;
}

/* Of the flags only those that are known are passed on: sampled, and random (Level 2). */
static char known_flags(char digit)
{
    int value = digit <= '9' ? digit - '0' : digit - 'a' + 10;

    return (char)('0' + (value & 3));
}

/* Nothing but zeros is no id. */
static bool is_id(const char *at, size_t len)
{
    static const char zeros[] = "00000000000000000000000000000000";

    assert(len < sizeof(zeros));
    return is_hex(at, len) && memcmp(at, zeros, len) != 0;
}

static bool trace_ok(struct str text)
{
    return text.len == TRACE_LEN && memcmp(text.ptr, "00-", 3) == 0 && is_id(text.ptr + 3, 32) &&
           text.ptr[35] == '-' && is_id(text.ptr + 36, 16) && text.ptr[52] == '-' &&
           is_hex(text.ptr + 53, 2);
}

static void put_hex(char *out, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";

    for (int k = 15; k >= 0; k--, value >>= 4)
        out[k] = digits[value & 15];
}

void trace_begin(struct call *call)
{
    struct str given = call_header(call, "traceparent");
    char *trace = call->task.cx.trace;
    uint64_t random[3];

    cx_random_bytes(&call->task.cx, random, sizeof(random));
    memcpy(trace, "00-00000000000000000000000000000000-0000000000000000-01", TRACE_LEN + 1);
    if (trace_ok(given)) {
        memcpy(trace + 3, given.ptr + 3, 32);
        trace[53] = '0';
        trace[54] = known_flags(given.ptr[54]);
    } else {
        put_hex(trace + 3, random[0] | 1);
        put_hex(trace + 19, random[1]);
    }
    put_hex(trace + 36, random[2] | 1);
}
