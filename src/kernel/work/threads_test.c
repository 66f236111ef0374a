/*
 * threads_test.c - the writer, the readers and the consumers on their own threads: for
 * ThreadSanitizer above all.
 */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel/effect/effect.h"
#include "kernel/work/space.h"
#include "test/kit/test.h"

static const struct module crowd_module;

enum { CLIENTS = 8, COMMANDS_EACH = 60, WAIT_MS_MAX = 20000 };

struct count_row {
    int64_t id, number;
};
static const struct field count_fields[] = {F(count_row, id), F(count_row, number), F_END};
static const struct table count_table = TABLE("crowd_count", count_row, count_fields, 1);

static const struct migration crowd_schema[] = {
    {"001_crowd", "create table crowd_count (id bigint not null primary key,"
                  " number bigint not null);\n"},
    {NULL, NULL}};

struct crowd_event {
    int64_t number;
};
static const struct field event_fields[] = {F(crowd_event, number), F_END};

/* Counts under key 2, exactly once per event; calls the outside for every tenth. */
static enum err on_counted(struct cx *cx, const struct event *event)
{
    struct count_row row = {.id = 2};
    struct crowd_event counted;
    bool found;

    TRY(event_read(cx, event, event_fields, &counted, sizeof(counted)));
    TRY(row_find(cx, &count_table, &row, &found));
    row.number++;
    if (counted.number % 10 == 0)
        TRY(effect_put(cx,
                       &(struct effect_new){.kind = "crowd.call",
                                            .key = counted.number,
                                            .method = "POST",
                                            .url = STR("http://127.0.0.1:9/"),
                                            .body = STR("{}")},
                       NULL));
    return row_put(cx, &count_table, &row);
}

static atomic_bool chained; /* Each answer makes the next call. */

static enum err call_out(struct cx *cx, void *argument);

static enum err on_answer(struct cx *cx, const struct effect_answer *answer,
                          enum effect_verdict *verdict)
{
    struct count_row row = {.id = 3};
    bool found;

    (void)answer;
    *verdict = EFFECT_DONE;
    TRY(atomic_load(&chained) ? call_out(cx, NULL) : OK);
    TRY(row_find(cx, &count_table, &row, &found));
    row.number++;
    return row_put(cx, &count_table, &row);
}

/* What the memory of the module was when a timer fired; how long its opening waits for one. */
static atomic_int fired, fired_early;
static atomic_bool opens_slowly;
enum { OPEN_MS = 300 };

static enum err on_timer(struct cx *cx, int64_t key, int64_t due_ms);

static enum err open_slowly(struct cx *cx)
{
    int64_t until_us = cx->env->monotonic_us(cx->env) + (int64_t)OPEN_MS * 1000;

    while (atomic_load(&opens_slowly) && atomic_load(&fired) == 0 &&
           cx->env->monotonic_us(cx->env) < until_us)
        continue;
    module_set_memory(cx, &crowd_module, &fired);
    return OK;
}

static struct metric counted_total = {"crowd_counted_total", "calls", "Calls.", 0};

static const struct module crowd_module = {
    .name = "crowd",
    .schema = crowd_schema,
    .consumes = CONSUMES({"crowd.counted", on_counted}),
    .produces = PRODUCES({"crowd.counted", event_fields, "Somebody counted."}),
    .effects = EFFECTS({"crowd.call", on_answer, 1000, 3, "Calls."}),
    .timers = TIMERS({"crowd.timer", on_timer, "Looks at the memory of its module."}),
    .metrics = METRICS(&counted_total),
    .open = open_slowly,
};
static const struct module *const modules[] = {&crowd_module, NULL};

static enum err on_timer(struct cx *cx, int64_t key, int64_t due_ms)
{
    (void)key;
    (void)due_ms;
    atomic_fetch_add(&fired_early, module_memory(cx, &crowd_module) == NULL);
    atomic_fetch_add(&fired, 1);
    return OK;
}

static enum err count(struct cx *cx, void *argument)
{
    struct count_row row = {.id = 1};
    struct crowd_event event;
    bool found;

    (void)argument;
    TRY(row_find(cx, &count_table, &row, &found));
    row.number++;
    event.number = row.number;
    metric_add(cx, &counted_total, 1);
    TRY(event_put(cx, "crowd.counted", STR("one key"), event_fields, &event));
    return row_put(cx, &count_table, &row);
}

static enum err read_number(struct cx *cx, void *argument)
{
    struct count_row *row = argument;
    bool found;

    return row_find(cx, &count_table, row, &found);
}

static void answer_call(struct outside *outside, struct outside_call *call)
{
    (void)outside;
    call->status = 200;
    call->reply = STR("{}");
}

static void *client(void *argument)
{
    struct space *space = argument;
    struct problem problem;

    for (int k = 0; k < COMMANDS_EACH; k++) {
        struct count_row row = {.id = 1};

        if (space_command(space, count, NULL, &problem) != OK ||
            space_read(space, read_number, &row, &problem) != OK || row.number < 1)
            return argument;
    }
    return NULL;
}

/* Wait for a number to be reached: consumers and effects follow at their own pace. */
static void wait_for(struct space *space, int64_t id, int64_t number)
{
    struct env *env = env_system();
    int64_t until_us = env->monotonic_us(env) + (int64_t)WAIT_MS_MAX * 1000;
    struct count_row row = {0};

    while (row.number < number) {
        struct problem problem;

        CHECK_SAY(env->monotonic_us(env) < until_us, "%" PRId64 " of %" PRId64, row.number, number);
        row = (struct count_row){.id = id};
        CHECK(space_read(space, read_number, &row, &problem) == OK);
    }
    CHECK(row.number == number || atomic_load(&chained)); /* And no more. */
}

static void open_again(struct platform *platform, struct space **space,
                       const struct platform_options *options)
{
    struct problem problem;

    CHECK(platform_open(platform, options, &problem) == OK);
    CHECK_SAY(space_open(platform, STR("crowd"), space, &problem) == OK, "%s", problem.detail);
}

static void open_crowd(struct platform *platform, struct space **space, const char *db,
                       struct outside *outside)
{
    static char prefix[64];
    struct platform_options options = {.modules = modules, .outside = outside};
    struct problem problem;

    CHECK(sodium_init() >= 0);
    snprintf(prefix, sizeof(prefix), "%s_", test_unique());
    options.data_dir = test_dir();
    options.db_url = strcmp(db, "sqlite") == 0 ? NULL : db;
    options.schema_prefix = prefix;
    options.has_master_key = true;
    CHECK(platform_open(platform, &options, &problem) == OK);
    CHECK_SAY(space_create(platform, STR("crowd"), &problem) == OK, "%s", problem.detail);
    CHECK(space_open(platform, STR("crowd"), space, &problem) == OK);
}

TEST_DB_THREADS(work_threads_agree,
                "many threads' commands, their events and effects all count exactly once")
{
    struct outside outside = {answer_call};
    pthread_t threads[CLIENTS];
    struct platform platform;
    struct space *space;

    open_crowd(&platform, &space, db, &outside);
    for (int k = 0; k < CLIENTS; k++)
        CHECK(pthread_create(&threads[k], NULL, client, space) == 0);
    for (int k = 0; k < CLIENTS; k++) {
        void *failed;

        pthread_join(threads[k], &failed);
        CHECK(failed == NULL);
    }
    wait_for(space, 1, CLIENTS * COMMANDS_EACH);
    wait_for(space, 2, CLIENTS * COMMANDS_EACH);
    wait_for(space, 3, CLIENTS * COMMANDS_EACH / 10);
    platform_close(&platform);
}

/* The first call ends when the second has begun, or too late. */
static struct {
    struct outside outside;
    pthread_mutex_t lock;
    pthread_cond_t begun;
    int calls;
    bool late;
} slow = {.lock = PTHREAD_MUTEX_INITIALIZER, .begun = PTHREAD_COND_INITIALIZER};

static void wait_for_calls(int calls)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS_MAX / 1000;
    while (slow.calls < calls && !slow.late)
        slow.late = pthread_cond_timedwait(&slow.begun, &slow.lock, &until) != 0;
}

static void call_slowly(struct outside *outside, struct outside_call *call)
{
    answer_call(outside, call);
    pthread_mutex_lock(&slow.lock);
    slow.calls++;
    pthread_cond_broadcast(&slow.begun);
    if (slow.calls == 1)
        wait_for_calls(2);
    pthread_mutex_unlock(&slow.lock);
}

static enum err call_out(struct cx *cx, void *argument)
{
    struct effect_new effect = {.kind = "crowd.call",
                                .method = "POST",
                                .url = STR("http://127.0.0.1:9/"),
                                .body = STR("{}")};

    (void)argument;
    return effect_put(cx, &effect, NULL);
}

TEST_DB_THREADS(work_slow_calls, "a call that takes long does not hold up the next one")
{
    struct platform platform;
    struct problem problem;
    struct space *space;

    slow.outside.call = call_slowly;
    slow.calls = 0;
    slow.late = false;
    open_crowd(&platform, &space, db, &slow.outside);
    for (int k = 1; k <= 2; k++) {
        CHECK(space_command(space, call_out, NULL, &problem) == OK);
        pthread_mutex_lock(&slow.lock);
        wait_for_calls(k);
        pthread_mutex_unlock(&slow.lock);
    }
    pthread_mutex_lock(&slow.lock);
    bool late = slow.late;

    pthread_mutex_unlock(&slow.lock);
    CHECK(!late);
    wait_for(space, 3, 2);
    platform_close(&platform);
}

TEST_DB_THREADS(work_close_while_calling, "a process that calls the outside all the time can close")
{
    struct outside outside = {answer_call};
    struct platform platform;
    struct problem problem;
    struct space *space;

    open_crowd(&platform, &space, db, &outside);
    atomic_store(&chained, true);
    for (int k = 0; k < CLIENTS; k++)
        CHECK(space_command(space, call_out, NULL, &problem) == OK);
    wait_for(space, 3, CLIENTS);
    platform_close(&platform);
    atomic_store(&chained, false);
}

static enum err set_timer(struct cx *cx, void *due_ms)
{
    return timer_set(cx, "crowd.timer", 1, *(int64_t *)due_ms);
}

TEST_DB_THREADS(work_opens_first, "what is due when a space opens waits until its modules are open")
{
    struct outside outside = {answer_call};
    struct env *env = env_system();
    struct platform_options options;
    struct platform platform;
    struct problem problem;
    struct space *space;
    int64_t due_ms = env->wall_ms(env) + SECOND_MS, until_us;

    open_crowd(&platform, &space, db, &outside);
    options = platform.options;
    CHECK(space_command(space, set_timer, &due_ms, &problem) == OK);
    platform_close(&platform);
    atomic_store(&fired, 0);
    atomic_store(&fired_early, 0);
    while (env->wall_ms(env) < due_ms)
        continue;
    atomic_store(&opens_slowly, true);
    open_again(&platform, &space, &options);
    atomic_store(&opens_slowly, false);
    until_us = env->monotonic_us(env) + (int64_t)WAIT_MS_MAX * 1000;
    while (atomic_load(&fired) == 0)
        CHECK(env->monotonic_us(env) < until_us);
    CHECK_EQ_INT(atomic_load(&fired_early), 0);
    platform_close(&platform);
}
