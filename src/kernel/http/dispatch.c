/*
 * dispatch.c - the pipeline of a request.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/access/access.h"
#include "kernel/access/audit.h"
#include "kernel/base/epoch.h"
#include "kernel/http/dispatch_priv.h"

/* ---- Calls are kept for reuse: their arenas keep their first chunk ---- */

struct call *call_take(struct dispatcher *dispatcher)
{
    struct call *call;

    pthread_mutex_lock(&dispatcher->lock);
    call = dispatcher->kept;
    if (call) {
        dispatcher->kept = call->next_kept;
        dispatcher->kept_count--;
    }
    pthread_mutex_unlock(&dispatcher->lock);
    if (!call) {
        call = calloc(1, sizeof(*call));
        assert(call);
        cx_open(&call->task.cx, dispatcher->platform->env, CX_BYTES_MAX);
    }
    call->dispatcher = dispatcher;
    call->task.cx.arena.budget_bytes = dispatcher->platform->cx_bytes_max;
    call->req.cx = &call->task.cx;
    call->task.cx.now_ms = dispatcher->platform->env->wall_ms(dispatcher->platform->env);
    return call;
}

void call_give_back(struct call *call)
{
    struct dispatcher *dispatcher = call->dispatcher;
    struct task task = {.cx = call->task.cx};
    bool keep;

    cx_reset(&task.cx);
    *call = (struct call){.task = task};
    pthread_mutex_lock(&dispatcher->lock);
    keep = dispatcher->kept_count < CALLS_KEPT_MAX;
    if (keep) {
        call->next_kept = dispatcher->kept;
        dispatcher->kept = call;
        dispatcher->kept_count++;
    }
    pthread_mutex_unlock(&dispatcher->lock);
    if (!keep) {
        cx_close(&call->task.cx);
        free(call);
    }
}

struct str call_header(const struct call *call, const char *name)
{
    if (call->exchange)
        return http_header(call->exchange, name);
    for (size_t k = 0; k < call->test_header_count; k++)
        if (str_eq_nocase(call->test_headers[k].key, str_of(name)))
            return call->test_headers[k].value;
    return (struct str){0};
}

/* ---- Answering ---- */

static void answer_test(struct call *call, enum err err)
{
    struct dispatch_answer *answer = call->answer;
    struct cx *cx = &call->task.cx;
    const struct req *req = &call->req;

    *answer = (struct dispatch_answer){.status = req->status,
                                       .content_type = req->content_type,
                                       .location = req->location,
                                       .body = req->reply,
                                       .replayed = call->replayed};
    if (err != OK) /* What is left of a run before lies in memory that was taken back. */
        *answer = (struct dispatch_answer){.status = err_status(err),
                                           .content_type = STR("application/problem+json"),
                                           .body = problem_json(cx, problem_told(call))};
}

static void add_header(struct http_reply *reply, const char *name, struct str value)
{
    if (!value.ptr)
        return;
    assert(reply->header_count < HTTP_HEADERS_MAX);
    reply->headers[reply->header_count].name = name;
    reply->headers[reply->header_count++].value = value;
}

static void answer_client(struct call *call, enum err err)
{
    struct cx *cx = &call->task.cx;
    struct req *req = &call->req;
    struct http_reply reply = {
        .status = req->status, .content_type = req->content_type, .body = req->reply};

    if (err != OK) {
        http_reply_problem(call->exchange, problem_told(call), false);
        return;
    }
    add_header(&reply, "ETag", req->etag);
    add_header(&reply, "Location", req->location);
    if (call->replayed)
        add_header(&reply, "Idempotency-Replayed", STR("true"));
    add_header(&reply, "Content-Security-Policy", call->policy);
    add_header(&reply, "traceparent", str_of(cx->trace));
    http_reply(call->exchange, &reply);
}

void call_finish(struct call *call, enum err err)
{
    struct cx *cx = &call->task.cx;

    if (err != OK && cx->problem.err == OK)
        fail_record(cx, err, "failed", "the request failed");
    if (err != OK) /* Saying that the budget is spent must not fail for want of budget. */
        cx->arena.budget_bytes += PROBLEM_BYTES_MAX;
    if (call->exchange)
        answer_client(call, err);
    else
        answer_test(call, err);
}

static void call_done(struct task *task, enum err err);

/* ---- Running ---- */

static enum err run_write(struct call *call)
{
    struct req *req = &call->req;
    struct cx *cx = req->cx;

    call->replayed = false; /* As all that a run before this one left. */
    req->status = 0;
    req->reply = req->content_type = req->etag = req->location = (struct str){0};
    if (call->idempotency.given) {
        TRY(idempotency_find(req, &call->idempotency, &call->replayed));
        if (call->replayed)
            return OK;
    }
    TRY(req->route->handle(req));
    if (req->route->flags & ROUTE_AUDIT)
        TRY(audit_put(cx, cx_printf(cx, "%s %s", req->route->method, req->route->path).ptr,
                      call->path, req->status, req->raw));
    if (call->idempotency.given)
        TRY(idempotency_store(req, &call->idempotency));
    return OK;
}

static enum err call_run(struct task *task)
{
    struct call *call = (struct call *)task;

    if (task->tx == TX_WRITE)
        return run_write(call);
    return call->req.route->handle(&call->req);
}

static void call_warm(struct task *task)
{
    struct call *call = (struct call *)task;

    idempotency_warm(&task->cx, &call->idempotency);
    if (call->req.route->warm)
        call->req.route->warm(&call->req);
}

static void submit(struct call *call)
{
    struct env *env = call->dispatcher->platform->env;
    struct task *task = &call->task;
    enum err err;

    task->deadline_us = env->monotonic_us(env) + (int64_t)COMMAND_WAIT_MS_MAX * 1000;
    err = task_submit(task);
    if (err != OK)
        call_finish(call, err);
}

static enum err prepare_run(struct task *task)
{
    struct call *call = (struct call *)task;

    return call->req.route->prepare(&call->req);
}

/* The slow part is ready: on to the writer. */
static void prepare_done(struct task *task, enum err err)
{
    struct call *call = (struct call *)task;

    if (err != OK) {
        call_finish(call, err);
        return;
    }
    task->tx = TX_WRITE;
    task->run = call_run;
    task->done = call_done;
    submit(call);
}

static void call_done(struct task *task, enum err err)
{
    call_finish((struct call *)task, err);
}

/* Inline; a cache that misses sends the call to a reader. */
static void run_inline(struct call *call)
{
    struct cx *cx = &call->task.cx;
    enum err err;

    epoch_enter();
    err = task_guarded(&call->task, call_run);
    epoch_leave();
    if (err == ERR_BUSY && call->req.route->tx == TX_CACHED && cx->problem.code &&
        strcmp(cx->problem.code, "cache_miss") == 0) {
        fail_clear(cx);
        call->task.tx = TX_READ;
        submit(call);
        return;
    }
    call_finish(call, err);
}

static void start(struct call *call)
{
    const struct route *route = call->req.route;
    struct task *task = &call->task;

    task->tx = route->tx;
    task->priority = route->priority;
    task->run = call_run;
    task->done = call_done;
    task->warm = call_warm;
    if (route->tx == TX_NONE || route->tx == TX_CACHED) {
        run_inline(call);
    } else if (route->prepare) {
        task->tx = route->flags & ROUTE_PREPARE_READS ? TX_READ : TX_NONE;
        task->run = prepare_run;
        task->done = prepare_done;
        submit(call);
    } else {
        submit(call);
    }
}

/* ---- Decoding ---- */

static enum err decode_body(struct call *call)
{
    const struct route *route = call->req.route;
    struct cx *cx = &call->task.cx;
    struct str type = call_header(call, "Content-Type"), media = type;
    void *body;

    call->req.raw = call->body;
    if (!route->body)
        return OK;
    if (type.ptr &&
        (!str_cut(&type, ';', &media) || !str_eq_nocase(str_trim(media), STR("application/json"))))
        return fail(cx, ERR_MEDIA, "not_json", "send the body as application/json");
    body = cx_alloc(cx, route->body_size);
    TRY(field_read(cx, route->body, FIELD_STRICT, call->body, body, route->body_size));
    call->req.body = body;
    return OK;
}

static enum err decode(struct task *task)
{
    struct call *call = (struct call *)task;
    const struct route *route = call->req.route;
    struct cx *cx = &task->cx;
    void *query;

    for (int k = 0; k < ROUTE_HEADERS_MAX && route->headers[k]; k++)
        call->req.headers[k] = cx_copy(cx, call_header(call, route->headers[k]));
    if (route->query) {
        query = cx_alloc(cx, route->query_size);
        TRY(query_decode(cx, route->query, call->query_text, query, route->query_size));
        call->req.query = query;
    } else if (call->query_text.len > 0 && !(route->flags & ROUTE_RAW)) {
        return fail(cx, ERR_BAD_INPUT, "unknown_field", "this route takes no query parameters");
    }
    TRY(decode_body(call));
    if (route->tx == TX_WRITE && strcmp(route->method, "POST") == 0)
        TRY(idempotency_read(cx, &call->idempotency, call_header(call, "Idempotency-Key"),
                             &call->req, call->method, call->path));
    return OK;
}

static void run_decoded(struct call *call)
{
    enum err err = task_guarded(&call->task, decode);

    if (err == OK)
        start(call);
    else
        call_finish(call, err);
}

/* ---- A space that is not open yet: a reader thread opens it, then the call goes on ---- */

static void open_done(struct task *task, enum err err)
{
    struct call *call = (struct call *)task;

    if (err == OK)
        run_decoded(call);
    else
        call_finish(call, err);
}

static void run_after_open(struct call *call)
{
    struct task *task = &call->task;
    enum err err;

    task->tx = TX_NONE;
    task->run = call_open_space;
    task->done = open_done;
    err = readers_submit(call->dispatcher->platform->readers, task);
    if (err != OK)
        call_finish(call, err);
}

/* ---- From the engine ---- */

static void on_head(struct http_exchange *x, void *context, size_t *body_bytes_max)
{
    struct dispatcher *dispatcher = context;
    struct call *call = call_take(dispatcher);
    enum err err;

    call->exchange = x;
    call->method = http_method(x);
    call->path = http_path(x);
    call->query_text = http_query(x);
    http_set_user(x, call);
    trace_begin(call);
    if (system_answer(call))
        return;
    err = task_guarded(&call->task, call_admit);
    if (err == OK && call->req.route->tx == TX_WRITE)
        err = task_admit(&call->task, call->req.route->priority); /* Refused before it is read. */
    if (err == ERR_BUSY && call->task.cx.problem.err == OK)
        err = OK; /* Its space is not open: decided in on_request. */
    if (err != OK)
        call_finish(call, err);
    else
        *body_bytes_max =
            call->req.route->body_bytes_max ? call->req.route->body_bytes_max : BODY_BYTES_MAX;
}

static void on_request(struct http_exchange *x, void *context)
{
    struct call *call = http_user(x);

    (void)context;
    call->body = http_body(x);
    if (call->task.space)
        run_decoded(call);
    else
        run_after_open(call);
}

static void on_done(struct http_exchange *x, void *context, int status, size_t reply_bytes)
{
    struct call *call = http_user(x);

    (void)context;
    if (!call)
        return;
    observe(call, status, reply_bytes, http_started_us(x));
    call_give_back(call);
}

static void on_refused(void *context, int status, const char *reason)
{
    observe_refused(context, status, reason);
}

void dispatcher_attach(struct dispatcher *dispatcher, struct http_options *options)
{
    options->context = dispatcher;
    options->sheds = admit_sheds;
    options->on_glance = admit_glance;
    options->on_head = on_head;
    options->on_request = on_request;
    options->on_done = on_done;
    options->on_refused = on_refused;
}

/* ---- For tests: the same pipeline without sockets ---- */

struct call *dispatch_begin(struct dispatcher *dispatcher, const struct dispatch_request *request,
                            struct dispatch_answer *answer)
{
    struct call *call = call_take(dispatcher);
    struct str rest = request->target;
    enum err err;

    call->answer = answer;
    call->method = request->method;
    (void)str_cut(&rest, '?', &call->path);
    call->query_text = rest;
    call->body = request->body;
    call->test_headers = request->headers;
    call->test_header_count = request->header_count;
    *answer = (struct dispatch_answer){.pending = true};
    trace_begin(call);
    if (!system_answer(call)) {
        err = task_guarded(&call->task, call_admit);
        if (err == ERR_BUSY && call->task.cx.problem.err == OK)
            run_after_open(call);
        else if (err != OK)
            call_finish(call, err);
        else
            run_decoded(call);
    }
    return call;
}

void dispatch_end(struct call *call, struct cx *cx, struct dispatch_answer *answer)
{
    assert(!answer->pending);
    answer->body = cx_copy(cx, answer->body);
    answer->location = cx_copy(cx, answer->location);
    answer->content_type = cx_copy(cx, answer->content_type);
    observe(call, answer->status, answer->body.len, call->task.queued_us);
    call_give_back(call);
}

void dispatch_once(struct dispatcher *dispatcher, const struct dispatch_request *request,
                   struct cx *cx, struct dispatch_answer *answer)
{
    struct call *call = dispatch_begin(dispatcher, request, answer);

    while (answer->pending)
        platform_step(dispatcher->platform);
    dispatch_end(call, cx, answer);
}

/* ---- The dispatcher itself ---- */

struct dispatcher *dispatcher_make(const struct dispatcher_options *options,
                                   struct problem *problem)
{
    struct dispatcher *dispatcher = calloc(1, sizeof(*dispatcher));

    assert(dispatcher);
    dispatcher->options = *options;
    dispatcher->platform = options->platform;
    pthread_mutex_init(&dispatcher->lock, NULL);
    dispatcher->router = router_make(options->platform->modules, problem);
    if (!dispatcher->router) {
        free(dispatcher);
        return NULL;
    }
    dispatcher->limiter = limiter_make(LIMITER_BUCKETS_MAX);
    watches_make(dispatcher);
    return dispatcher;
}

void dispatcher_free(struct dispatcher *dispatcher)
{
    while (dispatcher->kept) {
        struct call *call = dispatcher->kept;

        dispatcher->kept = call->next_kept;
        cx_close(&call->task.cx);
        free(call);
    }
    watches_free(dispatcher);
    limiter_free(dispatcher->limiter);
    router_free(dispatcher->router);
    pthread_mutex_destroy(&dispatcher->lock);
    free(dispatcher);
}

const struct router *dispatcher_router(const struct dispatcher *dispatcher)
{
    return dispatcher->router;
}

void dispatcher_drain(struct dispatcher *dispatcher)
{
    atomic_store(&dispatcher->draining, true);
}
