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
