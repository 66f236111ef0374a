/*
 * payment_test.c - intents, captures, what comes late, twice, wrong or forged.
 */
#include "modules/payment/payment_fixture.h"

TEST_DB(payment_pays_an_order, "a charge is made after the commit, its notice pays the order")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 2), *payment;
    struct answer made =
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/payments", order),
                  "{\"provider\":\"sandbox\"}");

    CHECK_EQ_INT(made.status, 201);
    CHECK_EQ_STR(mini_get(shop->mini, made, "state"), "created");
    CHECK_EQ_INT(mini_get_int(shop->mini, made, "amount.amount"), 2 * PRICE_MINOR);
    CHECK_EQ_STR(mini_get(shop->mini, made, "entity"), "main");
    CHECK_EQ_INT(shop->charges, 0); /* Nothing is called inside the command. */
    payment = mini_get(shop->mini, made, "id");
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop->charges, 1);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "pending");
    CHECK_EQ_STR(shop_payment(shop, payment, "provider_ref"),
                 mini_text(shop->mini, "ch_%s", payment));
    CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");

    shop_succeed(shop, payment, 2 * PRICE_MINOR, "captured");
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "succeeded");
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    CHECK_EQ_INT(shop_order_int(shop, order, "paid.amount"), 2 * PRICE_MINOR);
    CHECK_EQ_INT(shop_balance(shop, "provider:sandbox:main"), 2 * PRICE_MINOR - FEE_MINOR);
    CHECK_EQ_INT(shop_balance(shop, "orders:main"), -2 * PRICE_MINOR);
    CHECK_EQ_INT(shop_balance(shop, "deposits:main"), 0);
    CHECK_EQ_INT(shop_balance(shop, "fees:main"), FEE_MINOR);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_timeline, "the order's timeline shows what its payments did")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    struct answer timeline;

    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    timeline =
        mini_http(shop->mini, mini_text(shop->mini, "GET /v1/orders/%s/timeline", order), NULL);
    CHECK_EQ_STR(mini_get(shop->mini, timeline, "data.0.type"), "order.placed");
    CHECK_EQ_STR(mini_get(shop->mini, timeline, "data.1.type"), "payment.created");
    CHECK_EQ_STR(mini_get(shop->mini, timeline, "data.2.type"), "payment.captured");
    CHECK_EQ_STR(mini_get(shop->mini, timeline, "data.3.type"), "order.paid");
    shop_close(shop);
}

TEST_DB(payment_twice, "a success told again, by the same or another notice, changes nothing")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    struct notice notice = {.type = "charge.succeeded",
                            .ours = payment,
                            .amount_minor = PRICE_MINOR,
                            .event = "evt_same"};

    for (int k = 0; k < 4; k++) {
        struct answer answer = shop_notify(shop, &notice);

        CHECK_EQ_INT(answer.status, 200);
        CHECK_EQ_STR(mini_get(shop->mini, answer, "outcome"), k == 0 ? "captured" : "repeated");
    }
    shop_succeed(shop, payment, PRICE_MINOR, "repeated");
    notice = (struct notice){.type = "charge.failed", .ours = payment, .amount_minor = PRICE_MINOR};
    CHECK_EQ_STR(mini_get(shop->mini, shop_notify(shop, &notice), "outcome"), "ignored");
    CHECK_EQ_INT(shop_order_int(shop, order, "paid.amount"), PRICE_MINOR);
    CHECK_EQ_INT(shop_events(shop, "payment.captured"), 1);
    CHECK_EQ_INT(shop_events(shop, "order.paid"), 1);
    CHECK_EQ_INT(mini_count(shop->mini, "select count(*) from payment_inbox"), 3);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_any_order, "a notice may come before the answer to the call that caused it")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment;
    struct answer made =
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/payments", order),
                  "{\"provider\":\"sandbox\"}");

    payment = mini_get(shop->mini, made, "id");
    shop_succeed(shop, payment, PRICE_MINOR, "captured"); /* The effect has not even run. */
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop->charges, 1);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "succeeded");
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");

    /* Failed first, succeeded later: the money is there. */
    order = shop_order(shop, 1);
    payment = shop_intent(shop, order, 0);
    shop_notify(shop, &(struct notice){
                          .type = "charge.failed", .ours = payment, .amount_minor = PRICE_MINOR});
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "failed");
    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_forged, "a notice that is forged, old, from the future or changed is refused")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    struct notice notice = {
        .type = "charge.succeeded", .ours = payment, .amount_minor = PRICE_MINOR, .forged = true};
    struct answer answer = shop_notify(shop, &notice);

    CHECK_EQ_INT(answer.status, 401);
    CHECK_EQ_STR(mini_get(shop->mini, answer, "code"), "bad_signature");
    notice.forged = false;
    notice.age_ms = 5 * MINUTE_MS + 1000;
    CHECK_EQ_STR(mini_get(shop->mini, shop_notify(shop, &notice), "code"), "stale_notice");
    notice.age_ms = -5 * MINUTE_MS - 1000;
    CHECK_EQ_STR(mini_get(shop->mini, shop_notify(shop, &notice), "code"), "stale_notice");
    CHECK_EQ_INT(mini_count(shop->mini, "select count(*) from payment_inbox"), 0);
    CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");
    notice.age_ms = 5 * MINUTE_MS;
    CHECK_EQ_INT(shop_notify(shop, &notice).status, 200);
    notice = (struct notice){
        .type = "charge.succeeded", .ours = "pay_0000000000001", .amount_minor = PRICE_MINOR};
    CHECK_EQ_STR(mini_get(shop->mini, shop_notify(shop, &notice), "outcome"), "unknown");
    notice.amount_minor = 0;
    CHECK_EQ_INT(shop_notify(shop, &notice).status, 400);
    answer = mini_http(
        shop->mini,
        mini_text(shop->mini, "POST /v1/webhooks/%s/payments/manual", mini_space(shop->mini)->name),
        "{}");
    CHECK_EQ_INT(answer.status, 404);
    shop_close(shop);
}

TEST_DB(payment_late, "a success after expiry or cancellation is captured and goes back by itself")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);

    mini_sleep_ms(shop->mini, 31 * MINUTE_MS);
    CHECK_EQ_STR(shop_order_state(shop, order), "expired");
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "cancelled");
    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "refunding");
    CHECK_EQ_INT(shop->refunds, 0);
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop->refunds, 1);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "refunded");
    CHECK_EQ_STR(shop_order_state(shop, order), "expired");
    CHECK_EQ_INT(shop_order_int(shop, order, "paid.amount"), 0);

    order = shop_order(shop, 1);
    payment = shop_intent(shop, order, 0);
    CHECK_EQ_INT(
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/cancel", order), NULL)
            .status,
        200);
    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    shop_succeed(shop, payment, PRICE_MINOR, "repeated");
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop->refunds, 2);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "refunded");
    CHECK_EQ_INT(shop_events(shop, "payment.refund_requested"), 2);
    CHECK_EQ_INT(shop_events(shop, "payment.refunded"), 2);
    CHECK_EQ_INT(shop_balance(shop, "provider:sandbox:main"), -2 * FEE_MINOR);
    CHECK_EQ_INT(shop_balance(shop, "deposits:main"), 0);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_wrong, "a wrong amount or currency is held, told, and returned only by a person")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    struct notice notice = {.type = "charge.succeeded", .ours = payment, .amount_minor = 1};
    struct answer answer;

    CHECK_EQ_STR(mini_get(shop->mini, shop_notify(shop, &notice), "outcome"), "held");
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "held");
    CHECK_EQ_STR(shop_payment(shop, payment, "reason"), "amount_differs");
    CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");
    CHECK_EQ_INT(shop_events(shop, "payment.held"), 1);
    CHECK_EQ_INT(shop_balance(shop, "held:main"), -1);
    answer =
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/payments/%s/return", payment), NULL);
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    mini_settle(shop->mini);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "refunded");
    CHECK_EQ_INT(shop_balance(shop, "held:main"), 0);

    payment = shop_intent(shop, order, 0); /* Held money pays nothing: all is still open. */
    notice = (struct notice){.type = "charge.succeeded",
                             .ours = payment,
                             .amount_minor = PRICE_MINOR,
                             .currency = "USD"};
    CHECK_EQ_STR(mini_get(shop->mini, shop_notify(shop, &notice), "outcome"), "held");
    CHECK_EQ_STR(shop_payment(shop, payment, "reason"), "currency_differs");
    CHECK_EQ_STR(shop_payment(shop, payment, "captured.currency"), "USD");
    CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_partial, "several payments add up; live ones never ask for more than is open")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *first = shop_intent(shop, order, 990), *second;
    const char *path = mini_text(shop->mini, "POST /v1/orders/%s/payments", order);
    struct answer answer =
        mini_http(shop->mini, path,
                  "{\"provider\":\"sandbox\",\"amount\":{\"amount\":1001,\"currency\":\"CNY\"}}");

    CHECK_EQ_INT(answer.status, 409);
    CHECK_EQ_STR(mini_get(shop->mini, answer, "code"), "amount_exceeds");
    CHECK_EQ_STR(mini_get(shop->mini, answer, "open"), "1000");
    second = shop_intent(shop, order, 0);
    CHECK_EQ_STR(shop_payment(shop, second, "amount.amount"), "1000");
    CHECK_EQ_INT(mini_http(shop->mini, path, "{\"provider\":\"sandbox\"}").status, 409);
    shop_succeed(shop, second, 1000, "captured");
    CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");
    CHECK_EQ_INT(shop_order_int(shop, order, "paid.amount"), 1000);
    shop_succeed(shop, first, 990, "captured");
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    answer = mini_http(shop->mini, path, "{\"provider\":\"sandbox\"}");
    CHECK_EQ_STR(mini_get(shop->mini, answer, "code"), "not_payable");
    CHECK_EQ_INT(
        mini_get_int(
            shop->mini,
            mini_http(shop->mini, mini_text(shop->mini, "GET /v1/orders/%s/payments", order), NULL),
            "data.1.applied.amount"),
        1000);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_part_expires, "an order that expires half paid gives the half back")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *first = shop_intent(shop, order, 990);

    shop_succeed(shop, first, 990, "captured");
    mini_sleep_ms(shop->mini, 31 * MINUTE_MS);
    CHECK_EQ_STR(shop_order_state(shop, order), "expired");
    CHECK_EQ_STR(shop_payment(shop, first, "state"), "refunded");
    CHECK_EQ_INT(shop_order_int(shop, order, "paid.amount"), 990);
    CHECK_EQ_INT(shop_order_int(shop, order, "refunded.amount"), 990);
    CHECK_EQ_INT(shop_balance(shop, "payable:main"), 0);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_surplus, "of two payments that both succeed, the surplus goes back by itself")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *first = shop_intent(shop, order, 0), *second;
    struct answer answer;

    answer =
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/payments/%s/cancel", first), NULL);
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    second = shop_intent(shop, order, 500);
    shop_succeed(shop, second, 500, "captured");
    shop_succeed(shop, first, PRICE_MINOR, "captured"); /* Cancelled, and paid all the same. */
    mini_settle(shop->mini);
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    CHECK_EQ_INT(shop_order_int(shop, order, "paid.amount"), PRICE_MINOR);
    CHECK_EQ_STR(shop_payment(shop, first, "applied.amount"), "1490");
    CHECK_EQ_STR(shop_payment(shop, first, "refunded.amount"), "500");
    CHECK_EQ_STR(shop_payment(shop, first, "state"), "succeeded");
    CHECK_EQ_INT(shop->refunds, 1);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_second_charge, "a second charge of one payment is told and never booked")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    struct notice other = {.type = "charge.succeeded",
                           .ours = payment,
                           .ref = "ch_other",
                           .amount_minor = PRICE_MINOR};

    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    CHECK_EQ_STR(mini_get(shop->mini, shop_notify(shop, &other), "outcome"), "second_charge");
    CHECK_EQ_INT(shop_events(shop, "payment.held"), 1);
    CHECK_EQ_INT(shop_balance(shop, "orders:main"), -PRICE_MINOR);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_provider_down,
        "a provider that never answers fails the payment, after all attempts")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment;

    shop->charge_status = 0;
    payment = shop_intent(shop, order, 0);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "created");
    for (int k = 0; k < 100 && shop->charges < 8; k++)
        mini_sleep_ms(shop->mini, 5 * MINUTE_MS);
    CHECK_EQ_INT(shop->charges, 8);
    CHECK_EQ_STR(shop_order_state(shop, order), "expired");
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "cancelled"); /* With its order. */

    order = shop_order(shop, 1);
    shop->charge_status = 422;
    payment = shop_intent(shop, order, 0);
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "failed");
    CHECK_EQ_STR(shop_payment(shop, payment, "reason"), "HTTP 422");
    shop->charge_status = 200;
    payment = shop_intent(shop, order, 0); /* What failed asks for nothing any more. */
    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_bad_intents, "an intent that cannot be is refused, with the field or the reason")
{
    static const struct {
        const char *body, *code;
        int status;
    } rows[] = {
        {"{}", "required", 400},
        {"{\"provider\":\"nobody\"}", "no_such_provider", 400},
        {"{\"provider\":\"sandbox\",\"amount\":{\"amount\":0,\"currency\":\"CNY\"}}",
         "out_of_range", 400},
        {"{\"provider\":\"sandbox\",\"amount\":{\"amount\":5,\"currency\":\"USD\"}}", "bad_value",
         400},
        {"{\"provider\":\"sandbox\",\"amount\":{\"amount\":1991,\"currency\":\"CNY\"}}",
         "amount_exceeds", 409},
        {"{\"provider\":\"sandbox\",\"entity\":\"stranger\"}", "bad_value", 400},
        {"{\"provider\":\"sandbox\",\"instalments\":{\"count\":1}}", "out_of_range", 400},
        {"{\"provider\":\"sandbox\",\"instalments\":{\"count\":37}}", "out_of_range", 400},
        {"{\"provider\":\"sandbox\",\"instalments\":{\"count\":3,\"subsidised_fee\":"
         "{\"amount\":1991,\"currency\":\"CNY\"}}}",
         "out_of_range", 400},
    };
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct answer answer = mini_http(
            shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/payments", order), rows[k].body);

        CHECK_SAY(answer.status == rows[k].status, "%zu: %s", k, answer.body);
        CHECK_EQ_STR(mini_get(shop->mini, answer, "code"), rows[k].code);
    }
    CHECK_EQ_INT(mini_count(shop->mini, "select count(*) from payment"), 0);
    CHECK_EQ_INT(mini_http(shop->mini, "POST /v1/orders/ord_0000000000001/payments",
                           "{\"provider\":\"sandbox\"}")
                     .status,
                 404);
    shop_close(shop);
}

TEST_DB(payment_plan, "the instalment plan is kept, and its subsidised fee booked apart")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment;
    struct answer made = mini_http(
        shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/payments", order),
        "{\"provider\":\"sandbox\",\"instalments\":{\"count\":6,\"subsidised_fee\":{\"amount\":5,"
        "\"currency\":\"CNY\"}}}");

    CHECK_SAY(made.status == 201, "%s", made.body);
    CHECK_EQ_INT(mini_get_int(shop->mini, made, "instalments"), 6);
    CHECK_EQ_INT(mini_get_int(shop->mini, made, "subsidised_fee.amount"), 5);
    payment = mini_get(shop->mini, made, "id");
    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    CHECK_EQ_INT(shop_balance(shop, "subsidies:main"), 5);
    CHECK_EQ_INT(shop_balance(shop, "fees:main"), FEE_MINOR - 5);
    CHECK_EQ_INT(
        mini_get_int(shop->mini,
                     mini_http(shop->mini,
                               mini_text(shop->mini, "GET /v1/payments/%s/entries", payment), NULL),
                     "data.2.amount.amount"),
        5);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_plan_all, "a fee that the seller bears whole is all subsidy")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1);
    struct answer made =
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/payments", order),
                  mini_text(shop->mini,
                            "{\"provider\":\"sandbox\",\"instalments\":{\"count\":6,"
                            "\"subsidised_fee\":{\"amount\":%d,\"currency\":\"CNY\"}}}",
                            FEE_MINOR));

    shop_succeed(shop, mini_get(shop->mini, made, "id"), PRICE_MINOR, "captured");
    CHECK_EQ_INT(shop_balance(shop, "subsidies:main"), FEE_MINOR);
    CHECK_EQ_INT(shop_balance(shop, "fees:main"), 0);
    shop_ledger_ok(shop);
    shop_close(shop);
}
