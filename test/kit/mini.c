/*
 * mini.c - the platform in manual mode, over a file in the test's directory or a schema of its own.
 */
#include "test/kit/mini.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/access/access.h"
#include "kernel/watch/watch.h"

enum { MINI_ANSWER_BYTES = 64 << 20, SETTLE_STEPS_MAX = 100000 };
#define MINI_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

struct mini {
    struct env env; /* First: an env is cast back to this. */
    struct outside outside;
    int64_t now_ms, monotonic_us;
    uint64_t seed[4];
    char dir[300], url[300];
    const struct module *const *modules;
    struct platform platform;
    struct dispatcher *dispatcher;
    struct space *space;
    char key[128], prefix[40];
    struct cx answers; /* Texts of answers. */
    struct arena_mark mark;
    mini_outside *on_outside;
    void *outside_context;
};

/* ---- The injected world ---- */

static int64_t wall_ms(struct env *env)
{
    return ((struct mini *)env)->now_ms;
}

static int64_t monotonic_us(struct env *env)
{
    return ((struct mini *)env)->monotonic_us += 1;
}

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* xoshiro256**: Blackman and Vigna, 2018. */
static uint64_t draw(uint64_t s[4])
{
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

static void random_bytes(struct env *env, void *out, size_t len)
{
    struct mini *mini = (struct mini *)env;
    char *to = out;

    while (len > 0) {
        uint64_t word = draw(mini->seed);
        size_t step = len < sizeof(word) ? len : sizeof(word);

        memcpy(to, &word, step);
        to += step;
        len -= step;
    }
}

static struct mini *current; /* For the fault hook, which has no context. */
static int fail_in;
static bool fired;

static bool fault(void)
{
    if (fail_in == 0 || --fail_in > 0)
        return false;
    fired = true;
    return true;
}

static void call_outside(struct outside *outside, struct outside_call *call)
{
    struct mini *mini = (struct mini *)(void *)((char *)outside - offsetof(struct mini, outside));

    if (mini->on_outside) {
        mini->on_outside(mini->outside_context, call);
    } else {
        call->status = 200;
        call->reply = STR("{}");
    }
}

/* ---- Opening ---- */

static enum err admin_key(struct cx *cx, void *argument)
{
    struct mini *mini = argument;
    struct str token;

    TRY(access_first_admin(cx, str_of(mini->key), &token));
    return OK;
}

static void must(enum err err, const struct problem *problem)
{
    if (err != OK)
        test_fail(__FILE__, __LINE__, "%s: %s", problem->code, problem->detail);
}

static void open_platform(struct mini *mini, bool fresh)
{
    struct platform_options options = {.data_dir = mini->dir,
                                       .db_url = mini->url[0] ? mini->url : NULL,
                                       .schema_prefix = mini->prefix,
                                       .modules = mini->modules,
                                       .env = &mini->env,
                                       .manual = true,
                                       .outside = &mini->outside,
                                       .has_master_key = true};
    struct dispatcher_options wanted = {.platform = &mini->platform,
                                        .anonymous_rate_per_s = 1000000};
    struct problem problem = {0};
    struct str name = STR("default");

    memset(options.master_key, 7, sizeof(options.master_key));
    must(platform_open(&mini->platform, &options, &problem), &problem);
    for (const struct module *const *m = mini->platform.modules; *m; m++)
        for (struct metric *const *metric = (*m)->metrics; metric && *metric; metric++)
            watch_register_metric(*metric);
    if (fresh)
        must(space_create(&mini->platform, name, &problem), &problem);
    must(space_open(&mini->platform, name, &mini->space, &problem), &problem);
    must(space_command(mini->space, admin_key, mini, &problem), &problem);
    wanted.default_space = mini->space->name;
    mini->dispatcher = dispatcher_make(&wanted, &problem);
    if (!mini->dispatcher)
        test_fail(__FILE__, __LINE__, "%s: %s", problem.code, problem.detail);
}

static uint64_t next_seed = 42;

void mini_seed(uint64_t seed)
{
    next_seed = seed;
}

struct mini *mini_open_modules(const char *db, const struct module *const *modules)
{
    struct mini *mini = calloc(1, sizeof(*mini));

    CHECK(mini != NULL);
    CHECK(sodium_init() >= 0);
    mini->env = (struct env){wall_ms, monotonic_us, random_bytes};
    mini->outside.call = call_outside;
    mini->now_ms = MINI_START_MS;
    mini->seed[0] = next_seed;
    mini->seed[3] = 7;
    mini->modules = modules;
    snprintf(mini->dir, sizeof(mini->dir), "%s/data", test_dir());
    if (strcmp(db, "sqlite") != 0)
        snprintf(mini->url, sizeof(mini->url), "%s", db);
    snprintf(mini->key, sizeof(mini->key), "key_%s_and_long_enough", test_unique());
    snprintf(mini->prefix, sizeof(mini->prefix), "%s_", test_unique());
    cx_open(&mini->answers, &mini->env, MINI_ANSWER_BYTES);
    current = mini;
    sql_fault = fault;
    fail_in = 0;
    open_platform(mini, true);
    return mini;
}

struct mini *mini_open(const char *db)
{
    return mini_open_modules(db, NULL);
}

static void close_platform(struct mini *mini)
{
    dispatcher_free(mini->dispatcher);
    platform_close(&mini->platform);
}

/* Of all spaces, after the platform has let go of them. */
static void drop_schemas(struct mini *mini)
{
    struct sql_options options = {.url = mini->url, .schema = "public"};
    struct problem problem;
    struct cx cx;

    if (!mini->url[0])
        return;
    cx_open(&cx, &mini->env, MINI_ANSWER_BYTES);
    must(sql_open(&cx.db, &options, &problem), &problem);
    must(sql_script(&cx, mini_text(mini,
                                   "do $$ declare s text; begin"
                                   " for s in select nspname from pg_namespace"
                                   " where left(nspname, %zu) = '%s' loop"
                                   " execute format('drop schema %%I cascade', s);"
                                   " end loop; end $$",
                                   strlen(mini->prefix), mini->prefix)),
         &cx.problem);
    sql_close(cx.db);
    cx_close(&cx);
}

void mini_close(struct mini *mini)
{
    fail_in = 0;
    close_platform(mini);
    drop_schemas(mini);
    cx_close(&mini->answers);
    free(mini);
    current = NULL;
}

void mini_restart(struct mini *mini)
{
    close_platform(mini);
    open_platform(mini, false);
}

/* ---- Requests ---- */

const char *mini_text(struct mini *mini, const char *fmt, ...)
{
    char text[8192];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return cx_printf(&mini->answers, "%s", text).ptr;
}

void mini_mark(struct mini *mini)
{
    mini->mark = arena_mark(&mini->answers.arena);
}

void mini_forget(struct mini *mini)
{
    arena_rewind(&mini->answers.arena, mini->mark);
}

static const char *keep(struct mini *mini, struct str s)
{
    return cx_printf(&mini->answers, STR_FMT, STR_ARG(s)).ptr;
}

struct mini_call {
    struct pair headers[2 + MINI_HEADERS_MAX];
    struct dispatch_request in;
    struct dispatch_answer out;
    struct call *call;
};

struct mini_call *mini_begin(struct mini *mini, const struct mini_request *request)
{
    const char *key = request->api_key ? request->api_key : mini->key;
    struct mini_call *call = calloc(1, sizeof(*call));
    struct str target = str_of(request->request);

    CHECK(call != NULL);
    CHECK(request->header_count <= MINI_HEADERS_MAX);
    CHECK(str_cut(&target, ' ', &call->in.method));
    call->in.target = target;
    call->in.body = str_of(request->body ? request->body : "");
    call->in.headers = call->headers;
    for (size_t k = 0; k < request->header_count; k++)
        call->headers[call->in.header_count++] = request->headers[k];
    if (key[0])
        call->headers[call->in.header_count++] =
            (struct pair){STR("Authorization"), str_of(mini_text(mini, "Bearer %s", key))};
    if (request->idempotency_key)
        call->headers[call->in.header_count++] =
            (struct pair){STR("Idempotency-Key"), str_of(request->idempotency_key)};
    call->call = dispatch_begin(mini->dispatcher, &call->in, &call->out);
    return call;
}

bool mini_pending(const struct mini_call *call)
{
    return call->out.pending;
}

bool mini_step(struct mini *mini)
{
    return platform_step(&mini->platform);
}

struct answer mini_end(struct mini *mini, struct mini_call *call)
{
    struct answer answer;
    struct cx cx;

    cx_open(&cx, &mini->env, MINI_ANSWER_BYTES);
    dispatch_end(call->call, &cx, &call->out);
    answer = (struct answer){.status = call->out.status,
                             .body = keep(mini, call->out.body),
                             .location = keep(mini, call->out.location),
                             .replayed = call->out.replayed};
    cx_close(&cx);
    free(call);
    return answer;
}

struct answer mini_http_as(struct mini *mini, const char *api_key, const char *idempotency_key,
                           const char *request, const char *body)
{
    struct mini_call *call =
        mini_begin(mini, &(struct mini_request){request, body, api_key, idempotency_key, NULL, 0});

    while (mini_pending(call))
        mini_step(mini);
    return mini_end(mini, call);
}

struct answer mini_http(struct mini *mini, const char *request, const char *body)
{
    return mini_http_as(mini, NULL, NULL, request, body);
}

static bool step_into(struct json *value, struct str name)
{
    int64_t index;

    if (json_type(*value) == JSON_OBJECT) {
        for (struct json_iter it = json_iter(*value); json_next(&it);) {
            if (str_eq(it.key, name)) {
                *value = it.value;
                return true;
            }
        }
    } else if (json_type(*value) == JSON_LIST && str_int(name, &index)) {
        for (struct json_iter it = json_iter(*value); json_next(&it); index--) {
            if (index == 0) {
                *value = it.value;
                return true;
            }
        }
    }
    return false;
}

const char *mini_get(struct mini *mini, struct answer answer, const char *path)
{
    struct str rest = str_of(path), name;
    struct json value;

    if (json_parse(&mini->answers, str_of(answer.body), &value) != OK)
        test_fail(__FILE__, __LINE__, "not JSON: %s", answer.body);
    while (str_cut(&rest, '.', &name))
        if (!step_into(&value, name))
            return "";
    if (json_type(value) == JSON_TEXT)
        return keep(mini, json_peek(value));
    return keep(mini, json_minified(&mini->answers, value));
}

int64_t mini_get_int(struct mini *mini, struct answer answer, const char *path)
{
    int64_t number;

    if (!str_int(str_of(mini_get(mini, answer, path)), &number))
        test_fail(__FILE__, __LINE__, "%s is no number in %s", path, answer.body);
    return number;
}

/* ---- Time and background work ---- */

void mini_settle(struct mini *mini)
{
    for (int k = 0; platform_step(&mini->platform); k++)
        CHECK(k < SETTLE_STEPS_MAX);
}

void mini_sleep_ms(struct mini *mini, int64_t ms)
{
    mini->now_ms += ms;
    mini->monotonic_us += ms * 1000;
    mini_settle(mini);
}

int64_t mini_now_ms(const struct mini *mini)
{
    return mini->now_ms;
}

/* ---- The database ---- */

struct number {
    int64_t value;
};

static enum err count_rows(struct cx *cx, void *argument)
{
    static const struct field fields[] = {F(number, value), F_END};
    struct list rows;

    TRY(sql_raw_all(cx, fields, sizeof(struct number), &rows, *(const char **)argument, NO_BINDS));
    *(int64_t *)((const char **)argument + 1) =
        rows.count ? LIST_AT(rows, struct number, 0)->value : -1;
    return OK;
}

int64_t mini_count(struct mini *mini, const char *sql)
{
    struct {
        const char *sql;
        int64_t count;
    } asked = {sql, 0};
    int saved = fail_in;
    struct problem problem;

    fail_in = 0;
    must(space_read(mini->space, count_rows, &asked, &problem), &problem);
    fail_in = saved;
    return asked.count;
}

static enum err run_sql(struct cx *cx, void *argument)
{
    return sql_run(cx, NULL, argument, NO_BINDS);
}

void mini_sql(struct mini *mini, const char *sql)
{
    struct problem problem;

    must(space_command(mini->space, run_sql, (void *)(uintptr_t)sql, &problem), &problem);
}

/* ---- Faults ---- */

void mini_fail_statement(struct mini *mini, int nth)
{
    (void)mini;
    fail_in = nth;
    fired = false;
}

bool mini_fault_fired(const struct mini *mini)
{
    (void)mini;
    return fired;
}

void mini_arena_bytes(struct mini *mini, size_t budget)
{
    mini->platform.cx_bytes_max = budget ? budget : CX_BYTES_MAX;
}

void mini_on_outside(struct mini *mini, mini_outside *outside, void *context)
{
    mini->on_outside = outside;
    mini->outside_context = context;
}

void mini_deliver_again(struct mini *mini)
{
    mini_sql(mini, "delete from kernel_consumer");
    mini_restart(mini);
    mini_settle(mini);
}

void mini_pass_us(struct mini *mini, int64_t us)
{
    mini->monotonic_us += us;
}

struct space *mini_space(struct mini *mini)
{
    return mini->space;
}

struct dispatcher *mini_dispatcher(struct mini *mini)
{
    return mini->dispatcher;
}

struct platform *mini_platform(struct mini *mini)
{
    return &mini->platform;
}

const char *mini_admin_key(const struct mini *mini)
{
    return mini->key;
}
