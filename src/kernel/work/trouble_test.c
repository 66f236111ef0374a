/*
 * trouble_test.c - handlers that fail for good, in ways that only the database or the arena finds;
 * clocks that go back; processes and hosts that come and go.
 */
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

enum way { WELL, CLASH_OF_ROWS, CLASH_OF_STATEMENT, GREEDY, WAYS };

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
    (void)more;
    return behave(cx, 7);
}

static enum err on_answer(struct cx *cx, const struct effect_answer *answer,
                          enum effect_verdict *verdict)
{
    (void)verdict;
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
