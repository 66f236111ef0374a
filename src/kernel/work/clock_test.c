/*
 * clock_test.c - the wall clock goes an hour back, the monotonic clock goes on.
 */
#include "kernel/work/background.h"
#include "test/kit/mini.h"

static struct {
    bool fails;
    int fired;
    int64_t (*wall_ms)(struct env *env);
} trial;

static enum err on_timer(struct cx *cx, int64_t key, int64_t due_ms)
{
    (void)key;
    (void)due_ms;
    if (trial.fails)
        return fail(cx, ERR_BUSY, "busy", "not now");
    trial.fired++;
    return OK;
}

static const struct module clock_module = {.name = "clock",
                                           .timers = TIMERS({"clock.timer", on_timer, "Counts."})};
static const struct module *const modules[] = {&clock_module, NULL};

static int64_t an_hour_back(struct env *env)
{
    return trial.wall_ms(env) - HOUR_MS;
}

static void jump_back(struct mini *mini)
{
    struct env *env = mini_platform(mini)->env;

    trial.wall_ms = env->wall_ms;
    env->wall_ms = an_hour_back;
}

static enum err set_timer(struct cx *cx, void *key)
{
    return timer_set(cx, "clock.timer", *(int64_t *)key, cx_now_ms(cx) + SECOND_MS);
}

static void set_one(struct mini *mini, int64_t key)
{
    struct problem problem;

    CHECK(space_command(mini_space(mini), set_timer, &key, &problem) == OK);
}

TEST_DB(clock_behind,
        "an hour back, what was due fires no second time, what comes due does in time")
{
    struct mini *mini = mini_open_modules(db, modules);
    struct writer *writer = mini_space(mini)->writer;
    int64_t before_ms;

    memset(&trial, 0, sizeof(trial));
    set_one(mini, 1);
    mini_sleep_ms(mini, SECOND_MS);
    CHECK_EQ_INT(trial.fired, 1);
    before_ms = writer_now_ms(writer);
    jump_back(mini);
    set_one(mini, 2);
    CHECK(writer_now_ms(writer) >= before_ms);
    mini_sleep_ms(mini, SECOND_MS);
    CHECK_EQ_INT(trial.fired, 1);
    mini_sleep_ms(mini, CLOCK_BEHIND_SHARE * SECOND_MS);
    CHECK_EQ_INT(trial.fired, 2);
    mini_close(mini);
}

TEST_DB(clock_behind_retry, "an hour back, what failed is tried again soon")
{
    struct mini *mini = mini_open_modules(db, modules);

    memset(&trial, 0, sizeof(trial));
    trial.fails = true;
    set_one(mini, 1);
    mini_sleep_ms(mini, SECOND_MS);
    jump_back(mini);
    trial.fails = false;
    mini_sleep_ms(mini, CLOCK_BEHIND_SHARE * STUCK_RETRY_MS);
    CHECK_EQ_INT(trial.fired, 1);
    mini_close(mini);
}
