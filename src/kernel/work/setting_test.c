/*
 * setting_test.c - a setting that was stored is in force, whatever failed after its commit.
 */
#include "kernel/work/setting.h"

#include "test/kit/mini.h"

static struct setting dial = {"knob.dial", "steps", "A dial.", 0, 1000, 7, 0};

static const struct module knob_module = {.name = "knob", .settings = SETTINGS(&dial)};
static const struct module *const modules[] = {&knob_module, NULL};

static enum err turn(struct cx *cx, void *value)
{
    return setting_put(cx, STR("knob.dial"), (struct str){0}, *(const int64_t *)value);
}

TEST_DB(setting_in_force, "whichever statement fails, what is stored is what is in force")
{
    struct mini *mini = mini_open_modules(db, modules);
    struct cx cx;
    bool fired = true;

    cx_open(&cx, mini_platform(mini)->env, CX_BYTES_MAX);
    cx.space = mini_space(mini);
    for (int64_t value = 10; fired; value++) {
        struct problem problem;
        enum err err;

        mini_fail_statement(mini, (int)value - 9);
        err = space_command(mini_space(mini), turn, &value, &problem);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        mini_settle(mini);
        CHECK(fired || err == OK);
        CHECK(!err == (mini_count(mini, "select max(value) from kernel_setting") == value));
        if (err == OK)
            CHECK_EQ_INT(setting_get(&cx, &dial), value);
        CHECK(value < 100);
    }
    cx_close(&cx);
    mini_close(mini);
}
