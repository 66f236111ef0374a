/*
 * admit.c - who may come in: route, key, scope, rate, space; before anything is read or queued.
 */
#include <string.h>

#include "kernel/http/dispatch_priv.h"

static enum err take_rate(struct call *call, uint64_t bucket, int64_t rate_per_s)
{
    struct dispatcher *dispatcher = call->dispatcher;
    struct env *env = dispatcher->platform->env;
    struct cx *cx = &call->task.cx;
    int64_t wait_ms = limiter_take(dispatcher->limiter, bucket, rate_per_s,
                                   rate_per_s * RATE_BURST_SECONDS, env->monotonic_us(env));

    if (wait_ms == 0)
        return OK;
    cx->problem.retry_after_ms = wait_ms;
    return fail(cx, ERR_TOO_MANY, "rate_limited",
                "more than %" PRId64 " requests a second: try again in %" PRId64 " ms", rate_per_s,
                wait_ms);
}

static enum err admit_anonymous(struct call *call)
{
    struct dispatcher *dispatcher = call->dispatcher;
    struct str peer = call->exchange ? http_peer(call->exchange) : STR("test");
    int64_t rate = dispatcher->options.anonymous_rate_per_s;

    return take_rate(call, str_hash(peer, 1), rate ? rate : ANONYMOUS_RATE_PER_S);
}

/* False: the header is no such thing. */
static bool bearer(struct str header, struct str *token)
{
    static const struct str scheme = {"Bearer ", 7};

    if (header.len < scheme.len || !str_eq_nocase((struct str){header.ptr, scheme.len}, scheme))
        return false;
    *token = str_trim((struct str){header.ptr + scheme.len, header.len - scheme.len});
    return true;
}

static enum err find_caller(struct call *call, const struct caller **out)
{
    struct cx *cx = &call->task.cx;
    enum key_state state = KEY_UNKNOWN;
    struct str token;

    if (!bearer(call_header(call, "Authorization"), &token)) {
        TRY(admit_anonymous(call));
        return fail(cx, ERR_UNAUTHORIZED, "no_key",
                    "send an API key: Authorization: Bearer gvy_...");
    }
    if ((call->uncached ? key_lookup : key_find)(call->dispatcher->platform, token, cx->now_ms, out,
                                                 &state))
        return OK;
    TRY(admit_anonymous(call)); /* In front of the opening, too: a made-up name costs as much. */
    if (state == KEY_NOT_OPEN && !call->uncached)
        return ERR_BUSY; /* Not a failure yet: a reader thread opens the space. */
    return key_refuse(cx, state);
}

/* A public route with a parameter {space} is about that space; others are about the default. */
static struct str public_space_name(const struct call *call)
{
    const char *path = call->req.route->path, *at = strstr(path, "{space}");
    int index = 0;

    if (!at)
        return str_of(call->dispatcher->options.default_space);
    for (const char *c = path; c < at; c++)
        index += *c == '{';
    return call->req.params[index].text;
}

static enum err find_public_space(struct call *call, struct space **out)
{
    struct platform *platform = call->dispatcher->platform;
    struct str name = public_space_name(call);

    struct space *space;

    *out = NULL; /* Without the lock, which is held while another space opens. */
    for (int k = 0; k < SPACES_MAX && (space = atomic_load(&platform->spaces[k])); k++)
        if (str_is(name, space->name))
            *out = space;
    if (!*out && !call->uncached)
        return ERR_BUSY;
    if (!*out)
        return fail(&call->task.cx, ERR_NOT_FOUND, "no_such_space", "there is no such space");
    return OK;
}

enum err call_admit(struct task *task)
{
    struct call *call = (struct call *)task;
    struct cx *cx = &task->cx;
    const struct caller *caller = NULL;
    struct space *space;

    TRY(router_find(call->dispatcher->router, &call->req, call->method, call->path));
    if (!call->req.route->scope) {
        TRY(admit_anonymous(call));
        TRY(find_public_space(call, &space));
    } else {
        TRY(find_caller(call, &caller));
        space = caller->space;
        cx->caller = caller;
        TRY(take_rate(call, (uint64_t)caller->key_id, caller->rate_per_s));
        if (!cx_has_scope(cx, call->req.route->scope))
            return fail(cx, ERR_FORBIDDEN, "scope_missing", "this key lacks the scope %s",
                        call->req.route->scope);
    }
    cx->space = space;
    task->space = space;
    return OK;
}

enum err call_open_space(struct task *task)
{
    struct call *call = (struct call *)task;
    struct str token = call_header(call, "Authorization");
    struct problem problem;
    struct space *space;
    struct str name = call->req.route->scope
                          ? key_space_of(str_trim((struct str){token.ptr + 7, token.len - 7}))
                          : public_space_name(call);

    if (space_open(call->dispatcher->platform, name, &space, &problem) != OK &&
        problem.err != ERR_NOT_FOUND) /* A key of no space is an unknown key: admit says so. */
        return fail(&task->cx, ERR_BUSY, "space_unavailable", "%s", problem.detail);
    call->uncached = true;
    return call_admit(task);
}

/* ---- At a glance (engine.h) ---- */

static bool glance_caller(struct dispatcher *dispatcher, struct str authorization,
                          const struct caller **out)
{
    struct env *env = dispatcher->platform->env;
    enum key_state state;
    struct str token;

    return bearer(authorization, &token) &&
           key_find(dispatcher->platform, token, env->wall_ms(env), out, &state);
}

bool admit_sheds(void *context)
{
    struct dispatcher *dispatcher = context;

    return atomic_load(&dispatcher->platform->shedding) > 0;
}

/* Whoever has no key in force hears so in the usual way. */
bool admit_glance(void *context, struct str method, struct str path, struct str authorization)
{
    struct dispatcher *dispatcher = context;
    const struct route *route = router_glance(dispatcher->router, method, path);
    const struct caller *caller;

    if (!route || !route->scope || route->tx != TX_WRITE ||
        !glance_caller(dispatcher, authorization, &caller) ||
        !space_sheds(caller->space, route->priority))
        return false;
    observe_glance(dispatcher, route);
    return true;
}
