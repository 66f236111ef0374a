/*
 * work_test.c - group commit, events, timers, jobs, effects: what a module is promised.
 *
 * A small module of its own, "lab", whose handlers do what a test asks for.
 */
#include "kernel/work/space.h"

#include <stdio.h>

#include "kernel/work/writer.h"
#include "test/kit/mini.h"

struct lab_row {
    int64_t id;
    struct str word;
    int64_t number;
};
static const struct field lab_fields[] = {F(lab_row, id), F(lab_row, word), F(lab_row, number),
                                          F_END};
static const struct table lab_table = TABLE("lab_row", lab_row, lab_fields, 1);

static const struct migration lab_schema[] = {
    {"001_lab", "create table lab_row (id bigint not null primary key, word text not null,"
                " number bigint not null);\n"
                "create unique index lab_row_by_word on lab_row (word);\n"
                "create table lab_log (seq bigint not null primary key, word text not null);\n"},
    {NULL, NULL}};

struct lab_event {
    struct str word;
};
static const struct field lab_event_fields[] = {F(lab_event, word), F_END};

static struct {
    bool refuse_reaction, refuse_consumption, refuse_timer, refuse_job;
    int consumed, fired, ran, answered;
    char order[256]; /* Words in the order in which they were consumed. */
    struct effect_answer answer;
} lab;

static enum err on_said(struct cx *cx, const struct event *event)
{
    struct lab_event said;

    TRY(event_read(cx, event, lab_event_fields, &said, sizeof(said)));
    if (lab.refuse_reaction)
        return fail(cx, ERR_CONFLICT, "refused", "the reaction refuses");
    return OK;
}

/* Effects once: a row per event, whose key refuses a second. */
static enum err on_said_later(struct cx *cx, const struct event *event)
{
    struct lab_event said;
    size_t len = strlen(lab.order);

    TRY(event_read(cx, event, lab_event_fields, &said, sizeof(said)));
    TRY(sql_run(cx, NULL, "insert into lab_log (seq, word) values (?1, ?2)",
                BIND(INT(event->seq), TEXT(said.word))));
    if (lab.refuse_consumption && str_starts(said.word, STR("bad")))
        return fail(cx, ERR_CONFLICT, "refused", "the consumer refuses");
    lab.consumed++;
    snprintf(lab.order + len, sizeof(lab.order) - len, STR_FMT " ", STR_ARG(said.word));
    return OK;
}

static enum err on_timer(struct cx *cx, int64_t key, int64_t due_ms)
{
    struct lab_row row = {
        .id = key, .word = cx_printf(cx, "timer %" PRId64, key), .number = due_ms};

    TRY(row_add(cx, &lab_table, &row));
    if (lab.refuse_timer)
        return fail(cx, ERR_CONFLICT, "refused", "the timer refuses");
    lab.fired++;
    return OK;
}

static enum err lab_job(struct cx *cx, bool *more)
{
    if (lab.refuse_job)
        return fail(cx, ERR_CONFLICT, "refused", "the job refuses");
    lab.ran++;
    *more = lab.ran == 1; /* The first run asks for a second at once. */
    return OK;
}

static enum err on_answer(struct cx *cx, const struct effect_answer *answer,
                          enum effect_verdict *verdict)
{
    (void)cx;
    lab.answered++;
    if (answer->status == 200)
        *verdict = EFFECT_DONE;
    lab.answer = *answer;
    return OK;
}

static const struct module lab_module = {
    .name = "lab",
    .schema = lab_schema,
    .reacts = REACTS({"lab.said", on_said}),
    .consumes = CONSUMES({"lab.said", on_said_later}),
    .produces = PRODUCES({"lab.said", lab_event_fields, "A word."}),
    .timers = TIMERS({"lab.timer", on_timer, "Adds a row."}),
    .jobs = JOBS({"lab.job", HOUR_MS, lab_job, "Counts."}),
    .effects = EFFECTS({"lab.call", on_answer, 1000, 3, "Calls."}),
};
static const struct module *const lab_modules[] = {&lab_module, NULL};

/* ---- Commands in one batch ---- */

struct order {
    struct task task;
    enum err (*handle)(struct cx *cx, int64_t argument);
    int64_t argument;
    enum err err;
    const char *code;
    bool done;
};

static enum err run_order(struct task *task)
{
    struct order *order = (struct order *)task;

    return order->handle(&task->cx, order->argument);
}

static void order_done(struct task *task, enum err err)
{
    struct order *order = (struct order *)task;

    order->err = err;
    order->code = task->cx.problem.code;
    order->done = true;
}

static void give(struct mini *mini, struct order *order,
                 enum err (*handle)(struct cx *cx, int64_t argument), int64_t argument)
{
    struct task *task = &order->task;

    *order = (struct order){.handle = handle, .argument = argument};
    cx_open(&task->cx, mini_platform(mini)->env, CX_BYTES_MAX);
    task->cx.space = task->space = mini_space(mini);
    task->tx = TX_WRITE;
    task->priority = PRIORITY_NORMAL;
    task->run = run_order;
    task->done = order_done;
    CHECK(task_submit(task) == OK);
}

static void finish(struct order *orders, int count)
{
    for (int k = 0; k < count; k++) {
        CHECK(orders[k].done);
        cx_close(&orders[k].task.cx);
    }
}

static struct writer *writer_of(struct mini *mini)
{
    return mini_space(mini)->writer;
}

static enum err add(struct cx *cx, int64_t id)
{
    struct lab_row row = {.id = id, .word = cx_printf(cx, "w%" PRId64, id), .number = 1};

    return row_add(cx, &lab_table, &row);
}

static enum err add_number(struct cx *cx, int64_t amount)
{
    struct lab_row row = {.id = 1};
    bool found;

    TRY(row_find(cx, &lab_table, &row, &found));
    row.word = STR("hot");
    row.number = (found ? row.number : 0) + amount;
    if (amount == 0)
        return fail(cx, ERR_CONFLICT, "zero", "nothing to add");
    TRY(row_put(cx, &lab_table, &row));
    return amount < 0 ? fail(cx, ERR_CONFLICT, "negative", "written, then refused") : OK;
}

/* By statement: the row must be seen, though nothing is flushed yet. */
static enum err add_number_by_statement(struct cx *cx, int64_t amount)
{
    int64_t number, changed;

    TRY(sql_int(cx, &number, -1, "select number from lab_row where id = 1", NO_BINDS));
    TRY(sql_run(cx, &changed, "update lab_row set number = ?1 where id = 1",
                BIND(INT(number + (amount < 0 ? -amount : amount)))));
    return amount < 0 ? fail(cx, ERR_CONFLICT, "negative", "written, then refused") : OK;
}

static enum err say(struct cx *cx, int64_t which)
{
    static const char *const words[] = {"one", "two", "bad three", "four"};
    struct lab_event said = {.word = str_of(words[which % 4])};

    return event_put(cx, "lab.said", which % 2 ? STR("odd") : STR("even"), lab_event_fields, &said);
}

static struct mini *open_lab(const char *db)
{
    memset(&lab, 0, sizeof(lab));
    return mini_open_modules(db, lab_modules);
}

TEST_DB(work_one_batch_one_commit,
        "commands that wait together commit together, each seeing the last")
{
    struct mini *mini = open_lab(db);
    struct order orders[40];
    int64_t batches = atomic_load(&writer_of(mini)->batches);

    for (int k = 0; k < 40; k++)
        give(mini, &orders[k], add_number, 1);
    CHECK(platform_step(mini_platform(mini)));
    finish(orders, 40);
    CHECK_EQ_INT(atomic_load(&writer_of(mini)->batches), batches + 1);
    CHECK_EQ_INT(mini_count(mini, "select number from lab_row where id = 1"), 40);
    mini_close(mini);
}

TEST_DB(work_a_failure_harms_nobody,
        "a command that fails after writing changes nothing for its mates")
{
    struct mini *mini = open_lab(db);
    struct order orders[30];

    for (int k = 0; k < 30; k++)
        give(mini, &orders[k], k % 4 < 2 ? add_number : add_number_by_statement,
             k % 3 == 2 ? -100 : 1);
    CHECK(platform_step(mini_platform(mini)));
    for (int k = 0; k < 30; k++)
        CHECK_EQ_INT(orders[k].err, k % 3 == 2 ? ERR_CONFLICT : OK);
    finish(orders, 30);
    CHECK_EQ_INT(mini_count(mini, "select number from lab_row where id = 1"), 20);
    CHECK_EQ_INT(atomic_load(&writer_of(mini)->reruns), 0);
    mini_close(mini);
}

static enum err add_same_word(struct cx *cx, int64_t id)
{
    struct lab_row row = {.id = id, .word = STR("the same"), .number = 1};

    return row_add(cx, &lab_table, &row);
}

TEST_DB(work_a_clash_is_one_commands,
        "a clash found at the commit is answered to the one that caused it")
{
    struct mini *mini = open_lab(db);
    struct order orders[10];

    for (int k = 0; k < 10; k++)
        give(mini, &orders[k], k == 3 || k == 7 ? add_same_word : add, k + 1);
    CHECK(platform_step(mini_platform(mini)));
    for (int k = 0; k < 10; k++)
        CHECK_EQ_INT(orders[k].err, k == 7 ? ERR_CONFLICT : OK);
    CHECK_EQ_STR(orders[7].code, "unique");
    finish(orders, 10);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from lab_row"), 9);
    CHECK_EQ_INT(atomic_load(&writer_of(mini)->reruns), 10);
    mini_close(mini);
}

TEST_DB(work_faults_in_a_batch,
        "whichever statement of a batch fails, each command is there whole or refused")
{
    struct mini *mini = open_lab(db);

    for (int nth = 1; nth < 60; nth++) {
        struct order orders[6];
        int64_t before = mini_count(mini, "select count(*) from lab_row"), kept = 0;

        for (int k = 0; k < 6; k++)
            give(mini, &orders[k], add, nth * 10 + k);
        mini_fail_statement(mini, nth);
        CHECK(platform_step(mini_platform(mini)));
        bool fired = mini_fault_fired(mini);

        mini_fail_statement(mini, 0);
        for (int k = 0; k < 6; k++)
            kept += orders[k].err == OK;
        finish(orders, 6);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from lab_row"), before + kept);
        CHECK(kept >= 5); /* A fault of the batch costs a rerun; one of a rerun, one command. */
        if (!fired) {
            CHECK(nth > 2);
            mini_close(mini);
            return;
        }
    }
    CHECK(!"the fault never stopped firing");
}

TEST_DB(work_events_are_dense,
        "events are numbered without a gap, and a refused reaction undoes its cause")
{
    struct mini *mini = open_lab(db);
    struct order orders[4];

    for (int k = 0; k < 2; k++)
        give(mini, &orders[k], say, k);
    CHECK(platform_step(mini_platform(mini)));
    lab.refuse_reaction = true;
    give(mini, &orders[2], say, 3);
    (void)platform_step(mini_platform(mini));
    CHECK_EQ_INT(orders[2].err, ERR_CONFLICT);
    lab.refuse_reaction = false;
    give(mini, &orders[3], say, 3);
    mini_settle(mini);
    finish(orders, 4);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox where type = 'lab.said'"), 3);
    CHECK_EQ_INT(mini_count(mini, "select max(seq) - min(seq) + 1 - count(*) from kernel_outbox"),
                 0);
    CHECK_EQ_INT(lab.consumed, 3);
    mini_close(mini);
}

TEST_DB(work_consumed_once, "an event is consumed once, over restarts and redelivery")
{
    struct mini *mini = open_lab(db);
    struct order orders[4];

    for (int k = 0; k < 4; k++)
        give(mini, &orders[k], say, k);
    mini_settle(mini);
    finish(orders, 4);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from lab_log"), 4);
    mini_restart(mini);
    mini_settle(mini);
    CHECK_EQ_INT(lab.consumed, 4);
    CHECK_EQ_STR(lab.order, "one two bad three four ");
    mini_close(mini);
}

TEST_DB(work_a_bad_event_parks_its_key,
        "a failing event parks its key; others go on; redriven, order holds")
{
    struct mini *mini = open_lab(db);
    struct order orders[8];

    lab.refuse_consumption = true;
    for (int k = 0; k < 8; k++)
        give(mini, &orders[k], say, k);
    mini_settle(mini);
    finish(orders, 8);
    /* Key even: one, bad three, one, bad three.  Key odd: two, four, two, four. */
    CHECK_EQ_STR(lab.order, "one two four two four ");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_parked"), 3);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from lab_log"), 5);
    struct answer letters = mini_http(mini, "GET /v1/dead-letters", NULL);

    CHECK_EQ_STR(mini_get(mini, letters, "data.0.state"), "retry");
    CHECK_EQ_STR(mini_get(mini, letters, "data.1.state"), "waiting");
    for (int k = 0; k < 40; k++)
        mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_parked where state = 'dead'"), 1);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from lab_log"), 5);
    lab.refuse_consumption = false;
    lab.order[0] = '\0';
    const char *id = mini_get(mini, letters, "data.0.id");
    struct answer redrive =
        mini_http(mini, mini_text(mini, "POST /v1/dead-letters/event/%s/redrive", id), "{}");

    CHECK_SAY(redrive.status / 100 == 2, "%d %s", redrive.status, redrive.body);
    mini_settle(mini);
    CHECK_EQ_STR(lab.order, "bad three one bad three ");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_parked"), 0);
    mini_close(mini);
}

static enum err set_timer(struct cx *cx, int64_t due_ms)
{
    return timer_set(cx, "lab.timer", 77, due_ms);
}

TEST_DB(work_timers_survive, "a timer fires on time, over a restart, once; failing it retries")
{
    struct mini *mini = open_lab(db);
    struct order order;

    give(mini, &order, set_timer, mini_now_ms(mini) + 5000);
    mini_settle(mini);
    finish(&order, 1);
    mini_restart(mini);
    mini_sleep_ms(mini, 4999);
    CHECK_EQ_INT(lab.fired, 0);
    lab.refuse_timer = true;
    mini_sleep_ms(mini, 1);
    CHECK_EQ_INT(lab.fired, 0);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from lab_row"), 0);
    CHECK_EQ_INT(mini_count(mini, "select attempts from kernel_timer"), 1);
    lab.refuse_timer = false;
    mini_sleep_ms(mini, 2000);
    CHECK_EQ_INT(lab.fired, 1);
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(lab.fired, 1);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer"), 0);
    mini_close(mini);
}

TEST_DB(work_jobs_keep_their_beat, "a job runs every so often, again at once when it says more")
{
    struct mini *mini = open_lab(db);

    mini_settle(mini);
    CHECK_EQ_INT(lab.ran, 0);
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(lab.ran, 2);
    mini_sleep_ms(mini, HOUR_MS - 1);
    CHECK_EQ_INT(lab.ran, 2);
    mini_restart(mini);
    mini_sleep_ms(mini, 1);
    CHECK_EQ_INT(lab.ran, 3);
    lab.refuse_job = true;
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(mini_count(mini, "select failures from kernel_job where name = 'lab.job'"), 1);
    mini_close(mini);
}

static enum err call_out(struct cx *cx, int64_t key)
{
    struct effect_new effect = {.kind = "lab.call",
                                .key = key,
                                .method = "POST",
                                .url = STR("http://127.0.0.1:9/x"),
                                .body = STR("{}")};

    return effect_put(cx, &effect, NULL);
}

static void refuse_all(void *context, struct outside_call *call)
{
    *(int *)context += 1;
    call->status = 503;
}

TEST_DB(work_effects_after_commit,
        "an effect is called after its commit, its answer comes as a command")
{
    struct mini *mini = open_lab(db);
    struct order order;
    int calls = 0;

    give(mini, &order, call_out, 5);
    mini_settle(mini);
    finish(&order, 1);
    CHECK_EQ_INT(lab.answered, 1);
    CHECK_EQ_INT(lab.answer.key, 5);
    CHECK_EQ_INT(lab.answer.status, 200);
    mini_on_outside(mini, refuse_all, &calls);
    give(mini, &order, call_out, 6);
    mini_settle(mini);
    finish(&order, 1);
    CHECK_EQ_INT(calls, 1);
    for (int k = 0; k < 10; k++)
        mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(calls, 3); /* attempts_max of the kind. */
    CHECK(lab.answer.final);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_effect where state = 'failed'"), 1);
    mini_close(mini);
}

/* As another process would: over a connection of its own. */
static void take_fence(struct mini *mini)
{
    struct space *space = mini_space(mini);
    struct sql_options options = {.url = space->url, .schema = space->schema};
    struct problem problem;
    struct cx cx;

    cx_open(&cx, mini_platform(mini)->env, CX_BYTES_MAX);
    CHECK(sql_open(&cx.db, &options, &problem) == OK);
    CHECK(sql_script(&cx, "update kernel_writer set fence = fence + 1 where id = 1") == OK);
    sql_close(cx.db);
    cx_close(&cx);
}

TEST_DB(work_a_lost_lease_stops_writing, "a writer whose lease was taken commits nothing more")
{
    struct mini *mini = open_lab(db);
    struct order order;

    take_fence(mini);
    give(mini, &order, add, 1);
    (void)platform_step(mini_platform(mini));
    CHECK(order.done);
    CHECK_EQ_INT(order.err, ERR_BUSY);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from lab_row"), 0);
    finish(&order, 1);
    mini_close(mini);
}
