/*
 * order_fault_fixture.c - one act, again and again.
 */
#include "modules/order/order_fixture.h"

enum {
    STATEMENTS_MAX = 400,
    STEP_BYTES = 512,
    BUDGET_BYTES_MAX = 1 << 20,
    RETRIED_WITHIN_MS = 10 * 60 * 1000, /* The kernel's first retries. */
};

/* ---- What an act changes ---- */

#define SUM(expression_, table_)                                                                   \
    "select cast(coalesce(sum(" expression_ "), 0) as bigint) from " table_

static const char *const facts[] = {
    SUM("1", "orders"),
    SUM("length(state)", "orders"),
    SUM("length(address)", "orders"),
    SUM("length(user_id)", "orders"),
    SUM("total_minor + 7 * lines + 31 * paid_minor", "orders"),
    SUM("case when ended_ms > 0 then 1 else 0 end", "orders"),
    SUM("1", "order_line"),
    SUM("length(beneficiary)", "order_line"),
    SUM("1", "order_channel"),
    SUM("1", "order_note"),
    SUM("length(note)", "order_note"),
    SUM("quantity", "stock_reservation"),
    SUM("open + 7 * sold", "stock_reservation"),
    SUM("case when deadline_ms > 0 then 1 else 0 end", "stock_reservation"),
    SUM("case when closed_ms > 0 then 1 else 0 end", "stock_reservation"),
    SUM("reserved", "stock_level"),
    SUM("on_hand", "stock_level"),
    SUM("sold", "stock_level"),
    SUM("1", "stock_movement"),
    SUM("quantity + 7 * on_hand", "stock_movement"),
    SUM("quantity", "stock_plan"),
    SUM("length(type)", "kernel_outbox where type like 'order.%'"),
    SUM("1", "kernel_timer where name like 'order.%'"),
};
enum { FACTS = sizeof(facts) / sizeof(facts[0]), MOVED = 19 }; /* MOVED grows with each. */

struct state {
    int64_t facts[FACTS];
};

static struct state state_of(struct mini *mini)
{
    struct state state;

    for (int k = 0; k < FACTS; k++)
        state.facts[k] = mini_count(mini, facts[k]);
    return state;
}

static struct state change(struct state before, struct state after)
{
    for (int k = 0; k < FACTS; k++)
        after.facts[k] -= before.facts[k];
    after.facts[MOVED] = 0;
    return after;
}

static bool same(struct state a, struct state b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void check_same(struct state state, struct state expected)
{
    for (int k = 0; k < FACTS; k++)
        CHECK_SAY(state.facts[k] == expected.facts[k], "%s: %lld, not %lld", facts[k],
                  (long long)state.facts[k], (long long)expected.facts[k]);
}

static const struct state nothing;

/* ---- Requests ---- */

static struct answer send(struct mini *mini, struct act act, int number)
{
    return mini_http_as(mini, NULL, mini_text(mini, "key-%d", number), act.request, act.body);
}

/* Done undisturbed; returns what that changes. */
static struct state undisturbed(struct mini *mini, act_prepare *prepare)
{
    struct act act = prepare(mini, 0);
    struct state before = state_of(mini), changed;
    struct answer answer = send(mini, act, 0);

    CHECK_SAY(answer.status / 100 == 2, "%s: %d %s", act.request, answer.status, answer.body);
    changed = change(before, state_of(mini));
    CHECK(!same(changed, nothing));
    return changed;
}

static void send_again(struct mini *mini, struct act act, int number, struct state before)
{
    struct answer answer;

    check_same(state_of(mini), before);
    answer = send(mini, act, number);
    CHECK_SAY(answer.status / 100 == 2, "%s again: %d %s", act.request, answer.status, answer.body);
    CHECK(!answer.replayed);
}

void act_faults(struct mini *mini, act_prepare *prepare)
{
    struct state wanted = undisturbed(mini, prepare);
    int refused = 0, nth = 1;
    bool fired = true;

    for (; fired; nth++) {
        struct act act = prepare(mini, nth);
        struct state before = state_of(mini);
        struct answer answer;

        mini_fail_statement(mini, nth);
        answer = send(mini, act, nth);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        CHECK_SAY(answer.status / 100 == 2 || answer.status / 100 == 5, "%d %s", answer.status,
                  answer.body);
        if (answer.status / 100 == 5) {
            CHECK(fired);
            CHECK(mini_get(mini, answer, "code")[0] != '\0');
            send_again(mini, act, nth, before);
            refused++;
        }
        check_same(change(before, state_of(mini)), wanted);
        CHECK(nth < STATEMENTS_MAX);
    }
    CHECK(refused > 1);
    stall_ledger_ok(mini);
}

void act_starves(struct mini *mini, act_prepare *prepare)
{
    struct state wanted = undisturbed(mini, prepare), before;
    struct act act = prepare(mini, 1);
    size_t bytes = STEP_BYTES;
    struct answer answer;

    before = state_of(mini);
    for (;; bytes += STEP_BYTES) {
        mini_arena_bytes(mini, bytes);
        answer = send(mini, act, 1);
        mini_arena_bytes(mini, 0);
        if (answer.status / 100 == 2)
            break;
        CHECK_SAY(answer.status == 413, "%d %s", answer.status, answer.body);
        CHECK(mini_get(mini, answer, "detail")[0] != '\0');
        check_same(state_of(mini), before);
        CHECK(bytes < BUDGET_BYTES_MAX);
    }
    CHECK(bytes > STEP_BYTES);
    check_same(change(before, state_of(mini)), wanted);
    stall_ledger_ok(mini);
}

/* ---- Work that runs by itself ---- */

static struct state undisturbed_work(struct mini *mini, const struct act_work *work)
{
    struct state before, changed;

    work->prepare(mini, 0);
    before = state_of(mini);
    mini_sleep_ms(mini, work->due_in_ms);
    changed = change(before, state_of(mini));
    CHECK(!same(changed, nothing));
    return changed;
}

struct command {
    struct task task; /* First: a task is cast back to this. */
    const struct act_work *work;
    int64_t key;
    enum err err;
};

static enum err command_run(struct task *task)
{
    struct command *command = (struct command *)task;

    return command->work->run(&task->cx, command->key);
}

static void command_done(struct task *task, enum err err)
{
    ((struct command *)task)->err = err;
}

static enum err run_within(struct mini *mini, struct command command, size_t bytes)
{
    struct task *task = &command.task;

    cx_open(&task->cx, mini_platform(mini)->env, bytes);
    task->space = task->cx.space = mini_space(mini);
    task->tx = TX_WRITE;
    task->run = command_run;
    task->done = command_done;
    CHECK_EQ_INT(task_submit(task), OK);
    while (mini_step(mini)) {
    }
    cx_close(&task->cx);
    return command.err;
}

/* The command alone: refused, it leaves nothing. */
static void alone(struct mini *mini, const struct act_work *work, struct state wanted)
{
    int refused = 0, nth = 1;
    bool fired = true;

    for (; fired; nth++) {
        struct command whole = {.work = work, .key = work->prepare(mini, 1000 + nth)};
        struct state before = state_of(mini);
        enum err err;

        mini_fail_statement(mini, nth);
        err = run_within(mini, whole, CX_BYTES_MAX);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        if (err != OK) {
            CHECK(fired);
            check_same(state_of(mini), before);
            CHECK_EQ_INT(run_within(mini, whole, CX_BYTES_MAX), OK);
            refused++;
        }
        mini_sleep_ms(mini, work->due_in_ms);
        check_same(change(before, state_of(mini)), wanted);
        CHECK(nth < STATEMENTS_MAX);
    }
    CHECK(refused > 1);
}

/* As the kernel runs it: what fails with others is run again alone, and later once more. */
static void by_itself(struct mini *mini, const struct act_work *work, struct state wanted)
{
    int nth = 1;
    bool fired = true;

    for (; fired; nth++) {
        struct state before, changed;

        work->prepare(mini, nth);
        before = state_of(mini);
        mini_fail_statement(mini, nth);
        mini_sleep_ms(mini, work->due_in_ms);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        changed = change(before, state_of(mini));
        if (!same(changed, nothing))
            check_same(changed, wanted);
        mini_sleep_ms(mini, RETRIED_WITHIN_MS);
        check_same(change(before, state_of(mini)), wanted);
        CHECK(nth < STATEMENTS_MAX);
    }
    CHECK(nth > 2);
}

void act_work_faults(struct mini *mini, const struct act_work *work)
{
    struct state wanted = undisturbed_work(mini, work);

    alone(mini, work, wanted);
    by_itself(mini, work, wanted);
    stall_ledger_ok(mini);
}

void act_work_starves(struct mini *mini, const struct act_work *work)
{
    struct state wanted = undisturbed_work(mini, work), before;
    struct command command = {.work = work, .key = work->prepare(mini, 1)};
    size_t bytes = STEP_BYTES;
    enum err err;

    before = state_of(mini);
    while ((err = run_within(mini, command, bytes)) != OK) {
        CHECK_EQ_INT(err, ERR_TOO_LARGE);
        check_same(state_of(mini), before);
        bytes += STEP_BYTES;
        CHECK(bytes < BUDGET_BYTES_MAX);
    }
    CHECK(bytes > STEP_BYTES);
    mini_sleep_ms(mini, work->due_in_ms); /* Once is enough. */
    check_same(change(before, state_of(mini)), wanted);
    stall_ledger_ok(mini);
}

void act_told_twice(struct mini *mini)
{
    struct state before;

    mini_settle(mini);
    before = state_of(mini);
    CHECK(mini_count(mini, "select count(*) from kernel_outbox") > 0);
    mini_deliver_again(mini);
    check_same(state_of(mini), before);
    stall_ledger_ok(mini);
}
