/*
 * payment_ask_test.c - notices that never come: the provider is asked, and its word counts once.
 */
#include "modules/payment/payment_fixture.h"

static const char *part_state(struct shop *shop, const char *payment)
{
    struct answer answer =
        mini_http(shop->mini, mini_text(shop->mini, "GET /v1/payments/%s/refunds", payment), NULL);

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return mini_get(shop->mini, answer, "data.0.state");
}

/* Let the clock run in steps, so that nothing is late by more than one of them. */
static void run_for(struct shop *shop, int64_t ms, int64_t step_ms)
{
    for (int64_t k = 0; k < ms; k += step_ms)
        mini_sleep_ms(shop->mini, step_ms);
}

TEST_DB(payment_ask_heals, "a charge whose notice got lost is asked for after 30 s and captured")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);

    shop->asked_state = "succeeded";
    shop->asked_minor = PRICE_MINOR;
    shop->asked_ms = mini_now_ms(shop->mini);
    mini_sleep_ms(shop->mini, 29 * SECOND_MS);
    CHECK_EQ_INT(shop->asks, 0);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "pending");
    mini_sleep_ms(shop->mini, SECOND_MS);
    CHECK_EQ_INT(shop->asks, 1);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "succeeded");
    CHECK_EQ_INT(
        mini_get_int(
            shop->mini,
            mini_http(shop->mini, mini_text(shop->mini, "GET /v1/payments/%s", payment), NULL),
            "fee.amount"),
        FEE_MINOR);
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");

    /* The notice was not lost but late: it changes nothing any more, and nobody asks again. */
    shop_succeed(shop, payment, PRICE_MINOR, "repeated");
    run_for(shop, 3 * DAY_MS, HOUR_MS);
    CHECK_EQ_INT(shop->asks, 1);
    CHECK_EQ_INT(shop_events(shop, "payment.captured"), 1);
    CHECK_EQ_INT(shop_events(shop, "order.paid"), 1);
    CHECK_EQ_INT(shop_balance(shop, "orders:main"), -PRICE_MINOR);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_ask_intervals,
        "an unpaid charge is asked for ever more rarely, before its order expires, and a week long")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    static const struct {
        int64_t until_ms;
        int asks;
    } rows[] = {{30 * SECOND_MS, 1}, {2 * MINUTE_MS, 2},   {8 * MINUTE_MS, 3}, {29 * MINUTE_MS, 4},
                {32 * MINUTE_MS, 5}, {128 * MINUTE_MS, 6}, {9 * HOUR_MS, 7},   {35 * HOUR_MS, 8},
                {6 * DAY_MS, 9},     {8 * DAY_MS, 9},      {30 * DAY_MS, 9}};
    int64_t now_ms = 0;

    shop->asked_state = "pending";
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        run_for(shop, rows[k].until_ms - SECOND_MS - now_ms, rows[k].until_ms - SECOND_MS - now_ms);
        if (k + 2 < sizeof(rows) / sizeof(rows[0]) && rows[k].until_ms < 3 * HOUR_MS)
            CHECK_EQ_INT(shop->asks, rows[k].asks - 1);
        mini_sleep_ms(shop->mini, SECOND_MS);
        now_ms = rows[k].until_ms;
        CHECK_SAY(shop->asks == rows[k].asks, "row %zu: %d", k, shop->asks);
    }
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "cancelled");
    CHECK_EQ_STR(shop_order_state(shop, order), "expired");
    CHECK_EQ_INT(
        mini_count(shop->mini, "select count(*) from kernel_effect where state = 'failed'"), 0);
    shop_close(shop);
}

TEST_DB(payment_ask_after_end, "money that an ended order got unnoticed is found and goes back")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);

    CHECK_EQ_INT(
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/cancel", order), NULL)
            .status,
        200);
    shop->asked_state = "succeeded";
    shop->asked_minor = PRICE_MINOR;
    mini_sleep_ms(shop->mini, 30 * SECOND_MS);
    CHECK_EQ_INT(shop->refunds, 1);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "refunded");
    CHECK_EQ_INT(shop_balance(shop, "deposits:main"), 0);

    /* The intent's answer was lost, too: the payment failed here, and there is money there. */
    order = shop_order(shop, 1);
    shop->charge_status = 422;
    payment = shop_intent(shop, order, 0);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "failed");
    mini_sleep_ms(shop->mini, 30 * SECOND_MS);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "succeeded");
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_ask_answers, "failed, wrong, unknown and unreadable answers are taken like notices")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);

    shop->asked_state = "failed";
    shop->asked_minor = PRICE_MINOR;
    mini_sleep_ms(shop->mini, 30 * SECOND_MS);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "failed");
    CHECK_EQ_INT(shop_events(shop, "payment.failed"), 1);
    shop->asked_state = "succeeded"; /* With another card, and not the whole amount. */
    shop->asked_minor = PRICE_MINOR - 1;
    run_for(shop, 2 * MINUTE_MS, 30 * SECOND_MS);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "held");
    CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");

    payment = shop_intent(shop, order, 0);
    shop->asked_minor = 0; /* It succeeded with nothing: nonsense. */
    mini_sleep_ms(shop->mini, 30 * SECOND_MS);
    shop->asked_state = NULL;
    run_for(shop, 2 * MINUTE_MS, 30 * SECOND_MS);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "pending");
    CHECK_EQ_INT(
        mini_count(shop->mini, "select count(*) from kernel_effect where state = 'failed'"), 0);
    shop->asked_state = "succeeded";
    shop->asked_minor = PRICE_MINOR;
    run_for(shop, 8 * MINUTE_MS, MINUTE_MS);
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_ask_refund, "a refund whose notice got lost is asked for, and returns once")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0), *code;
    struct answer answer;

    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    shop->refund_state = "pending";
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    shop->asked_refund = "pending";
    mini_sleep_ms(shop->mini, 30 * SECOND_MS);
    CHECK_EQ_INT(shop->asks, 1);
    CHECK_EQ_STR(part_state(shop, payment), "requested");
    shop->asked_refund = "succeeded";
    shop->asked_minor = 700;
    mini_sleep_ms(shop->mini, 90 * SECOND_MS);
    CHECK_EQ_INT(shop->asks, 2);
    CHECK_EQ_STR(part_state(shop, payment), "refunded");
    CHECK_EQ_STR(shop_payment(shop, payment, "refunded.amount"), "700");
    answer = shop_notify(shop, &(struct notice){.type = "refund.succeeded",
                                                .ours = shop->last_reference,
                                                .amount_minor = 700});
    CHECK_EQ_STR(mini_get(shop->mini, answer, "outcome"), "repeated");
    CHECK_EQ_INT(shop_events(shop, "payment.refunded"), 1);
    CHECK_EQ_INT(shop_balance(shop, "payable:main"), 0);
    run_for(shop, DAY_MS, HOUR_MS);
    CHECK_EQ_INT(shop->asks, 2);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(
    payment_ask_refund_failed,
    "asked, a provider refuses a refund; tried again it is asked for again, and drops the payout")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0), *code;
    const char *part;
    struct answer answer;

    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    shop->refund_state = "pending";
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    shop->asked_refund = "failed";
    shop->asked_minor = 700;
    mini_sleep_ms(shop->mini, 30 * SECOND_MS);
    CHECK_EQ_STR(part_state(shop, payment), "failed");
    run_for(shop, 30 * DAY_MS, DAY_MS); /* Long after the last time it is asked for. */
    part = mini_text(shop->mini, "%s", shop->last_reference);
    answer = mini_http(
        shop->mini, mini_text(shop->mini, "POST /v1/payments/%s/refunds/%s/retry", payment, part),
        NULL);
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    mini_settle(shop->mini);
    CHECK_EQ_STR(part_state(shop, payment), "requested");
    mini_sleep_ms(shop->mini, 30 * SECOND_MS);
    CHECK_EQ_STR(part_state(shop, payment), "failed"); /* Refused again, at another time. */
    CHECK_EQ_INT(mini_count(shop->mini, "select count(*) from payment_payout"), 2);
    shop->asked_refund = "succeeded";
    run_for(shop, 2 * MINUTE_MS, 30 * SECOND_MS);
    CHECK_EQ_STR(part_state(shop, payment), "refunded");
    CHECK_EQ_INT(
        mini_count(shop->mini, "select count(*) from payment_payout where state = 'dropped'"), 2);
    CHECK_EQ_STR(shop_payment(shop, payment, "refunded.amount"), "700");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_ask_from_statement,
        "what a statement has and we do not, though it is ours, is asked for once more")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    struct answer answer;

    CHECK_EQ_INT(
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/payments/%s/cancel", payment), NULL)
            .status,
        200);
    run_for(shop, 10 * DAY_MS, DAY_MS);
    shop->statement = mini_text(
        shop->mini,
        "{\"date\":\"2026-01-10\",\"lines\":[{\"type\":\"charge\",\"id\":\"ch_%s\",\"reference\":"
        "\"%s\",\"account\":\"main\",\"amount\":{\"amount\":%d,\"currency\":\"CNY\"},\"fee\":%d,"
        "\"time\":\"2026-01-10T01:00:00Z\"}],\"next\":null}",
        payment, payment, PRICE_MINOR, FEE_MINOR);
    shop->asked_state = "succeeded";
    shop->asked_minor = PRICE_MINOR;
    shop->asked_ms = mini_now_ms(shop->mini) - DAY_MS;
    answer = mini_http(shop->mini, "POST /v1/reconciliations",
                       "{\"date\":\"2026-01-10\",\"provider\":\"sandbox\"}");
    CHECK_SAY(answer.status == 202, "%s", answer.body);
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop_events(shop, "payment.difference_found"), 1);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"),
                 "refunded"); /* The order expired long ago. */
    mini_http(shop->mini, "POST /v1/reconciliations",
              "{\"date\":\"2026-01-10\",\"provider\":\"sandbox\"}");
    mini_settle(shop->mini);
    answer = mini_http(shop->mini, "GET /v1/reconciliations/2026-01-10", NULL);
    CHECK_EQ_STR(mini_get(shop->mini, answer, "data.0.differences"), "[]");
    shop_ledger_ok(shop);
    shop_close(shop);
}
