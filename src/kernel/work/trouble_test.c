/*
 * trouble_test.c - handlers that fail for good, in ways that only the database or the arena finds;
 * clocks that go back; processes and hosts that come and go.
 */
#include <pthread.h>
#include <stdio.h>

#include "kernel/work/background.h"
#include "test/kit/mini.h"

struct trial_row {
    int64_t id;
    struct str word;
};
static const struct field trial_fields[] = {F(trial_row, id), F(trial_row, word), F_END};
static const struct table trial_table = TABLE("trial_row", trial_row, trial_fields, 1);

static const struct migration trial_schema[] = {
    {"001_trial", "create table trial_row (id bigint not null primary key, word text not null);\n"
                  "create unique index trial_row_by_word on trial_row (word);\n"},
    {NULL, NULL}};

struct trial_event {
    struct str word;
};
static const struct field event_fields[] = {F(trial_event, word), F_END};

enum way { WELL, CLASH_OF_ROWS, CLASH_OF_STATEMENT, GREEDY, WAYS, BUSY };

static struct {
    enum way way;
    int consumed, answered, calls;
} trial;

/* Fail in a way that no return value shows, or succeed. */
static enum err behave(struct cx *cx, int64_t id)
{
    struct trial_row row = {.id = id, .word = STR("taken")};

    if (trial.way == CLASH_OF_ROWS)
        return row_add(cx, &trial_table, &row);
    if (trial.way == CLASH_OF_STATEMENT)
        return sql_run(cx, NULL, "insert into trial_row (id, word) values (?1, 'taken')",
                       BIND(INT(id)));
    if (trial.way == BUSY)
        return fail(cx, ERR_BUSY, "busy", "not now");
    while (trial.way == GREEDY)
        (void)cx_alloc(cx, 4096);
    return OK;
}

static enum err on_told(struct cx *cx, const struct event *event)
{
    TRY(str_is(event->key, "bad") ? behave(cx, 1000 + event->seq) : OK);
    trial.consumed++;
    return OK;
}

static enum err on_timer(struct cx *cx, int64_t key, int64_t due_ms)
{
    (void)due_ms;
    return behave(cx, key);
}

static enum err on_job(struct cx *cx, bool *more)
{
    *more = false;
    return behave(cx, 7);
}

static enum err on_answer(struct cx *cx, const struct effect_answer *answer,
                          enum effect_verdict *verdict)
{
    if (answer->status == 200)
        *verdict = EFFECT_DONE;
    trial.answered++;
    return behave(cx, answer->key);
}

static const struct module trial_module = {
    .name = "trial",
    .schema = trial_schema,
    .consumes = CONSUMES({"trial.told", on_told}),
    .produces = PRODUCES({"trial.told", event_fields, "A word."}),
    .timers = TIMERS({"trial.timer", on_timer, "Behaves."}),
    .jobs = JOBS({"trial.job", HOUR_MS, on_job, "Behaves."}),
    .effects = EFFECTS({"trial.call", on_answer, 1000, 3, "Calls."}),
};
static const struct module *const modules[] = {&trial_module, NULL};

static struct mini *open_trial(const char *db)
{
    struct mini *mini;

    memset(&trial, 0, sizeof(trial));
    mini = mini_open_modules(db, modules);
    mini_sql(mini, "insert into trial_row (id, word) values (1, 'taken')");
    return mini;
}

static void run(struct mini *mini, space_call *fn, void *argument)
{
    struct problem problem;

    CHECK_SAY(space_command(mini_space(mini), fn, argument, &problem) == OK, "%s", problem.detail);
}

/* Background work of one moment: bounded, for work that comes back at once would never end. */
static void steps(struct mini *mini)
{
    for (int k = 0; k < 20 && platform_step(mini_platform(mini)); k++)
        continue;
}

static enum err tell(struct cx *cx, void *key)
{
    struct trial_event told = {.word = STR("x")};

    return event_put(cx, "trial.told", str_of(key), event_fields, &told);
}

static enum err set_timer(struct cx *cx, void *unused)
{
    (void)unused;
    return timer_set(cx, "trial.timer", 5, cx->now_ms);
}

static enum err call_out(struct cx *cx, void *url)
{
    struct effect_new effect = {
        .kind = "trial.call", .key = 6, .method = "POST", .url = str_of(url), .body = STR("{}")};

    return effect_put(cx, &effect, NULL);
}

static void count_call(void *context, struct outside_call *call)
{
    (void)context;
    trial.calls++;
    call->status = 200;
}

static char a_url[] = "http://127.0.0.1:9/x", good[] = "good", bad[] = "bad";

TEST_DB(trouble_events_park,
        "an event whose failure only the database or the arena finds is parked")
{
    struct mini *mini = open_trial(db);

    for (int way = CLASH_OF_ROWS; way < WAYS; way++) {
        trial.way = way;
        run(mini, tell, bad);
        steps(mini);
        trial.consumed = 0;
        run(mini, tell, good);
        steps(mini);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_parked"), 1);
        CHECK(trial.consumed > 0);
        trial.way = WELL;
        mini_sleep_ms(mini, HOUR_MS);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_parked"), 0);
    }
    mini_close(mini);
}

TEST_DB(trouble_timers_and_jobs, "timers and jobs that fail so are counted, and wait")
{
    struct mini *mini = open_trial(db);

    for (int way = CLASH_OF_ROWS; way < WAYS; way++) {
        run(mini, set_timer, NULL);
        trial.way = way;
        steps(mini);
        CHECK_EQ_INT(mini_count(mini, "select attempts from kernel_timer"), 1);
        mini_sleep_ms(mini, HOUR_MS);
        CHECK_EQ_INT(mini_count(mini, "select failures from kernel_job where name = 'trial.job'"),
                     1);
        trial.way = WELL;
        mini_sleep_ms(mini, HOUR_MS);
    }
    mini_close(mini);
}

TEST_DB(trouble_answers, "an effect whose answer cannot be taken is tried as one that fails")
{
    struct mini *mini = open_trial(db);

    mini_on_outside(mini, count_call, NULL);
    for (int way = CLASH_OF_ROWS; way < WAYS; way++) {
        trial.calls = 0;
        trial.way = way;
        run(mini, call_out, a_url);
        steps(mini);
        CHECK_EQ_INT(trial.calls, 1);
        CHECK_EQ_INT(mini_count(mini, "select max(attempts) from kernel_effect"), 1);
        for (int k = 0; k < 5; k++)
            mini_sleep_ms(mini, HOUR_MS);
        CHECK_EQ_INT(trial.calls, 3);
        mini_sql(mini, "delete from kernel_effect");
    }
    mini_close(mini);
}

TEST_DB(trouble_discarded_behind, "discarding an event that waits lets none behind it overtake")
{
    struct mini *mini = open_trial(db);
    const char *waiting;

    trial.way = CLASH_OF_ROWS;
    for (int k = 0; k < 3; k++) {
        run(mini, tell, bad);
        steps(mini);
    }
    waiting = mini_text(mini, "POST /v1/dead-letters/event/trial:%" PRId64 "/discard",
                        mini_count(mini, "select max(seq) - 1 from kernel_parked"));
    CHECK_EQ_INT(mini_http(mini, waiting, "{\"reason\":\"a test\"}").status / 100, 2);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_parked where state = 'waiting'"), 1);
    trial.way = WELL;
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_parked"), 0);
    mini_close(mini);
}

static struct writer *writer_of(struct mini *mini)
{
    return mini_space(mini)->writer;
}

TEST_DB(trouble_no_spinning, "what is due but cannot be done now does not keep the writer awake")
{
    struct mini *mini = open_trial(db);
    struct background *background = writer_of(mini)->background;

    mini_sql(mini, "insert into kernel_parked (consumer, seq, type, key, state, attempts, next_ms,"
                   " error) values ('elsewhere', 1, 'a.b', 'k', 'retry', 1, 1, '')");
    background->parked_due_ms = 0;
    steps(mini);
    CHECK(background_due_ms(writer_of(mini)) > mini_now_ms(mini));
    background->running_count = EFFECTS_RUNNING_MAX;
    background->effects_due_ms = 0;
    steps(mini);
    CHECK(background_due_ms(writer_of(mini)) > mini_now_ms(mini));
    background->running_count = 0;
    mini_close(mini);
}

TEST_DB(trouble_clock_goes_back, "an hour back, timers, effects and events go on")
{
    struct mini *mini = open_trial(db);

    run(mini, tell, good);
    steps(mini);
    mini_sleep_ms(mini, -HOUR_MS);
    mini_on_outside(mini, count_call, NULL);
    run(mini, call_out, a_url);
    run(mini, set_timer, NULL);
    run(mini, tell, good);
    steps(mini);
    CHECK_EQ_INT(trial.calls, 1);
    CHECK_EQ_INT(trial.consumed, 2);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer"), 0);
    mini_close(mini);
}

TEST_DB(trouble_answer_later,
        "an answer that cannot be taken now does not have the call made at once")
{
    struct mini *mini = open_trial(db);

    mini_on_outside(mini, count_call, NULL);
    trial.way = BUSY;
    run(mini, call_out, a_url);
    steps(mini);
    CHECK_EQ_INT(trial.calls, 1);
    mini_sleep_ms(mini, STUCK_RETRY_MS);
    CHECK_EQ_INT(trial.calls, 2);
    trial.way = WELL;
    mini_sleep_ms(mini, STUCK_RETRY_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_effect where state = 'done'"), 1);
    mini_close(mini);
}

enum { BODY_BYTES = 3 << 19, REPLY_BYTES = EFFECT_REPLY_BYTES_MAX };

static enum err call_out_at_length(struct cx *cx, void *url)
{
    struct str body = {memset(cx_alloc(cx, BODY_BYTES), 'x', BODY_BYTES), BODY_BYTES};
    struct effect_new effect = {
        .kind = "trial.call", .key = 6, .method = "POST", .url = str_of(url), .body = body};

    return effect_put(cx, &effect, NULL);
}

static void reply_at_length(void *context, struct outside_call *call)
{
    count_call(context, call);
    call->reply =
        (struct str){memset(cx_alloc(call->cx, REPLY_BYTES), 'y', REPLY_BYTES), REPLY_BYTES};
}

TEST_DB(trouble_long_effects, "the longest reply to a long body is taken")
{
    struct mini *mini = open_trial(db);

    mini_on_outside(mini, reply_at_length, NULL);
    run(mini, call_out_at_length, a_url);
    steps(mini);
    CHECK_EQ_INT(trial.calls, 1);
    CHECK_EQ_INT(trial.answered, 1);
    mini_close(mini);
}

TEST_DB(trouble_standby, "a standby takes the lease of one that died, of a hung one only elsewhere")
{
    struct mini *mini = open_trial(db);
    struct platform_options options = mini_platform(mini)->options;
    struct platform second;
    struct problem problem;
    struct space *space;
    bool sqlite = strcmp(db, "sqlite") == 0;

    CHECK(platform_open(&second, &options, &problem) == OK);
    CHECK(space_open(&second, str_of(mini_space(mini)->name), &space, &problem) == OK);
    CHECK(!atomic_load(&space->writing));
    mini_sleep_ms(mini, SECOND_MS * 2);
    mini_sql(mini, "update kernel_writer set until_ms = 1");
    (void)platform_step(&second);
    CHECK_EQ_INT(atomic_load(&space->writing), !sqlite);
    if (sqlite) {
        mini_sleep_ms(mini, SECOND_MS * 2);
        lease_release(writer_of(mini));
        (void)platform_step(&second);
        CHECK(atomic_load(&space->writing));
    }
    platform_close(&second);
    mini_close(mini);
}

static int statements;

static bool fail_all(void)
{
    statements++;
    return true;
}

struct command {
    struct task task;
    bool done;
    enum err err;
};

static enum err run_nothing(struct task *task)
{
    (void)task;
    return OK;
}

static void command_done(struct task *task, enum err err)
{
    struct command *command = (struct command *)task;

    command->done = true;
    command->err = err;
}

TEST_DB(trouble_no_beginning, "when no transaction can begin, one try speaks for the whole batch")
{
    struct mini *mini = open_trial(db);
    struct command commands[20] = {0};
    bool (*before)(void) = sql_fault;

    steps(mini);
    for (int k = 0; k < 20; k++) {
        struct task *task = &commands[k].task;

        cx_open(&task->cx, mini_platform(mini)->env, CX_BYTES_MAX);
        task->cx.space = task->space = mini_space(mini);
        task->tx = TX_WRITE;
        task->run = run_nothing;
        task->done = command_done;
        CHECK(task_submit(task) == OK);
    }
    sql_fault = fail_all;
    (void)platform_step(mini_platform(mini));
    sql_fault = before;
    for (int k = 0; k < 20; k++) {
        CHECK(commands[k].done);
        if (strcmp(db, "sqlite") == 0) /* PostgreSQL is told to begin, and not waited for. */
            CHECK(commands[k].err != OK);
        cx_close(&commands[k].task.cx);
    }
    if (strcmp(db, "sqlite") == 0)
        CHECK_EQ_INT(statements, 2);
    mini_close(mini);
}

/* A server that is still at work on a commit whose client has lost it. */
struct late {
    struct cx cx;
    pthread_t thread;
};

struct count {
    int64_t value;
};
static const struct field count_fields[] = {F(count, value), F_END};

enum { LATE_MS_MAX = 3000 };

static void *commit_late(void *argument)
{
    struct late *late = argument;
    struct env *env = env_system();
    int64_t until_us = env->monotonic_us(env) + (int64_t)LATE_MS_MAX * 1000;
    struct list rows;
    bool waited_for = false;

    while (!waited_for && env->monotonic_us(env) < until_us) {
        if (sql_raw_all(&late->cx, count_fields, sizeof(struct count), &rows,
                        "select count(*) from pg_locks where not granted", NO_BINDS) != OK)
            break;
        waited_for = LIST_AT(rows, struct count, 0)->value > 0;
    }
    return sql_commit(&late->cx) == OK ? NULL : argument;
}

TEST_DB(trouble_late_commit, "a commit the server is still at work on is waited for")
{
    struct mini *mini = open_trial(db);
    struct space *space = mini_space(mini);
    struct sql_options options = {.url = space->url, .schema = space->schema};
    struct problem problem;
    struct late late;
    void *failed;

    if (strcmp(db, "sqlite") != 0) {
        cx_open(&late.cx, env_system(), CX_BYTES_MAX);
        CHECK(sql_open(&late.cx.db, &options, &problem) == OK);
        CHECK(sql_begin(&late.cx) == OK);
        CHECK(sql_raw_run(&late.cx, NULL, "update kernel_writer set last_id = 123 where id = 1",
                          NO_BINDS) == OK);
        CHECK(pthread_create(&late.thread, NULL, commit_late, &late) == 0);
        CHECK_EQ_INT(lease_fate(space->writer, 123), COMMIT_DONE);
        pthread_join(late.thread, &failed);
        CHECK(failed == NULL);
        sql_close(late.cx.db);
        cx_close(&late.cx);
    }
    mini_close(mini);
}

TEST_DB(trouble_much_at_once, "more than memory holds is taken a part at a time")
{
    struct mini *mini = open_trial(db);
    struct background *background = writer_of(mini)->background;

    background->cx.arena.budget_bytes = CX_BYTES_MAX; /* Of which two bodies fit. */
    background->not_before_ms = INT64_MAX;
    mini_on_outside(mini, count_call, NULL);
    for (int k = 0; k < 5; k++)
        run(mini, call_out_at_length, a_url);
    background->not_before_ms = 0;
    for (int k = 0; k < 20; k++)
        mini_sleep_ms(mini, STUCK_RETRY_MS);
    CHECK_EQ_INT(trial.answered, 5);
    mini_close(mini);
}

static void count_other(void *context, struct outside_call *call)
{
    trial.calls++;
    *(int *)context += str_starts(call->url, STR("http://127.0.0.2"));
    call->status = 503;
}

TEST_DB(trouble_host_down, "calls that wait for a dead host's budget hold up no other host's")
{
    static char other_url[] = "http://127.0.0.2:9/x";
    struct mini *mini = open_trial(db);
    int others = 0;

    mini_on_outside(mini, count_other, &others);
    mini_sql(mini, "insert into kernel_effect (id, kind, key, method, url, headers, secret,"
                   " content_type, body, trace, state, attempts, next_ms, error)"
                   " with recursive n (i) as (select 1 union all select i + 1 from n where i < 300)"
                   " select i, 'trial.call', i, 'POST', 'http://127.0.0.1:9/x', '{}', '', '', '',"
                   " '', 'waiting', 1, i, '' from n");
    run(mini, call_out, other_url);
    for (int k = 0; k < 20; k++)
        (void)platform_step(mini_platform(mini));
    CHECK_EQ_INT(others, 1);
    CHECK(trial.calls < 300);
    mini_close(mini);
}
