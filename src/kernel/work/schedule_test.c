/*
 * schedule_test.c - timers among many of one name and key.
 */
#include "kernel/work/background.h"
#include "test/kit/mini.h"

static bool refusing;

static enum err on_timer(struct cx *cx, int64_t key, int64_t due_ms)
{
    (void)key;
    (void)due_ms;
    return refusing ? fail(cx, ERR_CONFLICT, "refused", "the timer refuses") : OK;
}

static const struct module beat_module = {
    .name = "beat", .timers = TIMERS({"beat.timer", on_timer, "Refuses when told."})};
static const struct module *const modules[] = {&beat_module, NULL};

/* One that is due, and one at each moment to which it could be put off. */
static enum err set_all(struct cx *cx, void *unused)
{
    (void)unused;
    TRY(timer_set(cx, "beat.timer", 1, cx->now_ms));
    for (int64_t wait_ms = 1; wait_ms <= BACKOFF_FIRST_MS; wait_ms++)
        TRY(timer_set(cx, "beat.timer", 1, cx->now_ms + wait_ms));
    return OK;
}

TEST_DB(schedule_put_off, "a timer that is put off takes the place of no other")
{
    struct mini *mini = mini_open_modules(db, modules);
    struct problem problem;

    refusing = true;
    CHECK(space_command(mini_space(mini), set_all, NULL, &problem) == OK);
    mini_settle(mini);
    CHECK_EQ_INT(mini_count(mini, "select sum(attempts) from kernel_timer"), 1);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer"), BACKOFF_FIRST_MS + 1);
    refusing = false;
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer"), 0);
    mini_close(mini);
}

enum { LATER_MS = 100 * 3600 * 1000 };

static enum err set_one(struct cx *cx, void *due_ms)
{
    *(int64_t *)due_ms = cx_now_ms(cx);
    TRY(timer_set(cx, "beat.timer", 1, cx_now_ms(cx)));
    TRY(timer_set(cx, "beat.timer", 1, cx_now_ms(cx) + LATER_MS)); /* Another. */
    return timer_set(cx, "beat.timer", 2, cx_now_ms(cx));
}

static enum err cancel_one(struct cx *cx, void *due_ms)
{
    return timer_cancel(cx, "beat.timer", 1, *(int64_t *)due_ms);
}

static void check_cancel(struct mini *mini, bool again)
{
    struct problem problem;
    int64_t due_ms;

    refusing = true;
    CHECK(space_command(mini_space(mini), set_one, &due_ms, &problem) == OK);
    mini_settle(mini);
    for (int k = 0; again && k < 2 * ATTEMPTS_MAX; k++)
        mini_sleep_ms(mini, BACKOFF_MAX_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer where attempts > 0"), 2);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer where state = 'dead'"),
                 again ? 2 : 0);
    CHECK(space_command(mini_space(mini), cancel_one, &due_ms, &problem) == OK);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer where key = 1"), 1);
    CHECK_EQ_INT(mini_count(mini, "select attempts from kernel_timer where key = 1"), 0);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer where key = 2"), 1);
    mini_sql(mini, "delete from kernel_timer");
}

TEST_DB(schedule_cancel_put_off, "a timer that was put off, or given up, is cancelled like any")
{
    struct mini *mini = mini_open_modules(db, modules);

    check_cancel(mini, false);
    check_cancel(mini, true);
    mini_close(mini);
}
