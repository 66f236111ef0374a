/*
 * budget_test.c - a failing host is not hammered.
 */
#include "kernel/effect/budget.h"

#include "test/kit/test.h"

TEST(budget_bounds_retries, "retries of a host are one for ten calls, over a floor per minute")
{
    static struct effect_budget budget;
    const struct str url = STR("http://127.0.0.1:9/pay"), other = STR("http://127.0.0.2:9/pay");
    int64_t now_ms = INT64_C(1767225600000);
    int retries = 0;

    while (budget_take(&budget, url, true, now_ms))
        CHECK(++retries < 1000);
    CHECK_EQ_INT(retries, EFFECT_RETRY_FLOOR_PER_MINUTE);
    CHECK(budget_take(&budget, other, true, now_ms));
    for (int k = 0; k < 20; k++)
        CHECK(budget_take(&budget, url, false, now_ms));
    CHECK(budget_take(&budget, url, true, now_ms));
    CHECK(budget_take(&budget, url, true, now_ms));
    CHECK(!budget_take(&budget, url, true, now_ms));
    now_ms += MINUTE_MS;
    for (retries = 0; budget_take(&budget, url, true, now_ms); retries++)
        CHECK(retries < 1000);
    CHECK_EQ_INT(retries, EFFECT_RETRY_FLOOR_PER_MINUTE);
}
