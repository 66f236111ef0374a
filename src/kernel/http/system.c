/*
 * system.c - what every process answers about itself.
 *
 * /healthz: the process runs.  /readyz: it should get traffic.  /metrics, /statusz: figures.
 * /openapi.json, /docs: the API.
 */
#include <string.h>

#include "kernel/base/sandbox.h"
#include "kernel/count/redis.h"
#include "kernel/count/save.h"
#include "kernel/http/assets.h"
#include "kernel/http/dispatch_priv.h"
#include "kernel/http/docs.h"

#define PLAIN "text/plain; charset=utf-8"

struct system_route {
    const char *path;
    enum err (*answer)(struct call *call);
};

static enum err text(struct call *call, int status, const char *type, struct str body)
{
    return reply_text(&call->req, status, type, body);
}

static enum err healthz(struct call *call)
{
    return text(call, 200, PLAIN, STR("ok\n"));
}

static enum err readyz(struct call *call)
{
    struct platform *platform = call->dispatcher->platform;
    struct space *space;
    int writing = 0;

    if (atomic_load(&call->dispatcher->draining))
        return text(call, 503, PLAIN, STR("draining\n"));
    for (int k = 0; k < SPACES_MAX && (space = atomic_load(&platform->spaces[k])); k++)
        writing += atomic_load(&space->writing);
    if (writing == 0)
        return text(call, 503, PLAIN, STR("no space can be written: standby\n"));
    return text(call, 200, PLAIN, STR("ready\n"));
}

static enum err metrics(struct call *call)
{
    return text(call, 200, "text/plain; version=0.0.4; charset=utf-8",
                watch_metrics_text(&call->task.cx));
}

static void add_counters(struct json_out *out, const struct space *space)
{
    struct counters_stats stats;

    counters_stats(space, &stats);
    json_object(out);
    json_member_int(out, "entries", stats.entries);
    json_member_int(out, "bytes", stats.bytes);
    json_member_int(out, "bytes_max", stats.bytes_max);
    json_member_int(out, "unsaved", stats.unsaved);
    json_member_int(out, "evicted", stats.evicted);
    json_member_int(out, "refused_full", stats.full);
    json_object_end(out);
}

static void add_redis(struct json_out *out, const struct platform *platform)
{
    struct redis_stats stats;

    redis_stats(platform->redis, &stats);
    json_object(out);
    json_member_bool(out, "shared", platform->redis != NULL);
    json_member_bool(out, "degraded", stats.degraded);
    json_member_int(out, "owed", stats.owed);
    json_member_int(out, "dropped", stats.dropped);
    json_object_end(out);
}

static void add_space(struct json_out *out, struct space *space)
{
    struct space_stats stats;

    space_stats(space, &stats);
    json_object(out);
    json_member_text(out, "name", str_of(space->name));
    json_member_bool(out, "writing", atomic_load(&space->writing));
    json_member_int(out, "queue_depth", stats.queue_depth);
    json_member_int(out, "batches", stats.batches);
    json_member_int(out, "commands", stats.commands);
    json_member_int(out, "reruns", stats.reruns);
    json_member_int(out, "lost_transactions", stats.lost_transactions);
    json_key(out, STR("counters"));
    add_counters(out, space);
    json_object_end(out);
}

static void add_sandbox(struct json_out *out)
{
    const struct sandbox_state *state = sandbox_state();

    json_object(out);
    json_member_int(out, "landlock_abi", state->landlock_abi);
    json_member_bool(out, "seccomp", state->seccomp);
    json_object_end(out);
}

static enum err statusz(struct call *call)
{
    struct platform *platform = call->dispatcher->platform;
    struct space *space;
    struct json_out out;

    json_open(&out, &call->task.cx, 4096);
    json_object(&out);
    json_key(&out, STR("spaces"));
    json_list(&out);
    for (int k = 0; k < SPACES_MAX && (space = atomic_load(&platform->spaces[k])); k++)
        add_space(&out, space);
    json_list_end(&out);
    json_key(&out, STR("redis"));
    add_redis(&out, platform);
    json_key(&out, STR("sandbox"));
    add_sandbox(&out);
    json_key(&out, STR("process"));
    watch_status_json(&out);
    json_object_end(&out);
    return text(call, 200, "application/json", json_done(&out));
}

static enum err openapi(struct call *call)
{
    return text(call, 200, "application/json",
                openapi_document(&call->task.cx, call->dispatcher->router));
}

static enum err docs(struct call *call)
{
    return text(call, 200, "text/html; charset=utf-8",
                docs_page(&call->task.cx, call->dispatcher->router, assets));
}

static const struct system_route routes[] = {
    {"/healthz", healthz}, {"/readyz", readyz},        {"/metrics", metrics},
    {"/statusz", statusz}, {"/openapi.json", openapi}, {"/docs", docs},
};

static enum err find(struct task *task)
{
    struct call *call = (struct call *)task;
    const struct asset *file;

    for (size_t k = 0; k < sizeof(routes) / sizeof(routes[0]); k++)
        if (str_is(call->path, routes[k].path))
            return routes[k].answer(call);
    file = docs_file(assets, call->path);
    if (!file)
        return ERR_NOT_FOUND; /* Not a failure: the router goes on. */
    return text(call, 200, file->type, (struct str){(const char *)file->bytes, file->len});
}

bool system_answer(struct call *call)
{
    enum err err;

    if (call->path.len > 3 && str_starts(call->path, STR("/v1")))
        return false;
    err = task_guarded(&call->task, find);
    if (err == ERR_NOT_FOUND && call->task.cx.problem.err == OK)
        return false;
    if (err == OK && !str_eq(call->method, STR("GET")) && !str_eq(call->method, STR("HEAD")))
        err = fail(&call->task.cx, ERR_METHOD, "method_not_allowed", "this answers GET only");
    if (err == OK && str_starts(call->path, STR("/docs")))
        call->policy = str_of(docs_policy);
    call_finish(call, err);
    return true;
}
