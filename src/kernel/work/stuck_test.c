/*
 * stuck_test.c - a database at which nothing can be begun.
 */
#include "test/kit/mini.h"

static int asked;

static bool always_fails(void)
{
    asked++;
    return true;
}

TEST(background_waits, "while nothing can be begun, background work is tried now and then only")
{
    enum { ASKED_MAX = 100 };
    struct mini *mini = mini_open("sqlite");
    bool (*usual)(void) = sql_fault;

    mini_settle(mini);
    sql_fault = always_fails;
    mini_sleep_ms(mini, 2 * DAY_MS); /* All jobs are due. */
    CHECK(asked > 0);
    CHECK_SAY(asked < ASKED_MAX, "%d statements", asked);
    sql_fault = usual;
    mini_sleep_ms(mini, MINUTE_MS);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_job where next_ms < 1767225600000"
                                  " + 86400000"),
                 0);
    mini_close(mini);
}
