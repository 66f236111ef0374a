/*
 * idempotency_test.c - how long an answer is kept for its key.
 */
#include "test/kit/mini.h"

static const char body[] = "{\"title\":\"Ink\",\"kind\":\"goods\",\"skus\":[{\"code\":\"INK\","
                           "\"price\":{\"amount\":1,\"currency\":\"CNY\"}}]}";

static struct answer ask(struct mini *mini)
{
    return mini_http_as(mini, NULL, "a-key", "POST /v1/products", body);
}

static int64_t kept(struct mini *mini)
{
    return mini_count(mini, "select (select count(*) from kernel_idem_0)"
                            " + (select count(*) from kernel_idem_1)"
                            " + (select count(*) from kernel_idem_2)");
}

static void one_day(const char *db, int start_hour)
{
    struct mini *mini = mini_open(db);
    struct answer first, again;

    mini_sleep_ms(mini, start_hour * (int64_t)HOUR_MS);
    first = ask(mini);
    CHECK_EQ_INT(first.status, 201);
    for (int hour = 1; hour < 24; hour++) {
        mini_sleep_ms(mini, HOUR_MS);
        again = ask(mini);
        CHECK(again.replayed);
        CHECK_EQ_STR(again.body, first.body);
    }
    CHECK_EQ_INT(kept(mini), 1);
    mini_sleep_ms(mini, HOUR_MS);
    again = ask(mini);
    CHECK(!again.replayed);
    CHECK_EQ_INT(again.status, 409); /* The code is taken: the product was made. */
    for (int hour = 0; hour < 48; hour++)
        mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(kept(mini), 0);
    mini_close(mini);
}

TEST_DB(idempotency_day, "an answer is kept for a day, across midnight, and then forgotten whole")
{
    one_day(db, 1);
}

TEST_DB(idempotency_evening, "the same of one asked for in the evening")
{
    one_day(db, 23);
}

TEST_DB(idempotency_hours, "an answer is kept for fewer hours when the setting says so")
{
    struct mini *mini = mini_open(db);

    CHECK_EQ_INT(
        mini_http(mini, "PUT /v1/settings/kernel.idempotency_kept_hours", "{\"value\":25}").status,
        400);
    CHECK_EQ_INT(
        mini_http(mini, "PUT /v1/settings/kernel.idempotency_kept_hours", "{\"value\":2}").status,
        200);
    CHECK_EQ_INT(ask(mini).status, 201);
    mini_sleep_ms(mini, 2 * HOUR_MS - 1);
    CHECK(ask(mini).replayed);
    mini_sleep_ms(mini, 1);
    CHECK_EQ_INT(ask(mini).status, 409);
    mini_close(mini);
}
