/*
 * payment_person_test.c - what a person has paid is handed out, handed over and forgotten.
 */
#include "modules/payment/payment_fixture.h"

#define NOTE "to account 6222 0000 1111 of Zhang San"

static struct answer export_of(struct shop *shop, const char *person)
{
    struct answer answer =
        mini_http(shop->mini, mini_text(shop->mini, "GET /v1/persons/%s/export", person), NULL);

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return answer;
}

/* In how many rows it can be read. */
static int64_t stored(struct shop *shop, const char *text)
{
    static const char *const places[] = {"payment_payout where note", "kernel_outbox where data",
                                         "kernel_idem_0 where reply", "kernel_idem_1 where reply",
                                         "kernel_idem_2 where reply"};
    int64_t count = 0;

    for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
        count +=
            mini_count(shop->mini, mini_text(shop->mini, "select count(*) from %s like '%%%s%%'",
                                             places[k], text));
    return count;
}

/* A refund of the order that its provider refuses, paid out by hand; returns the payout. */
static const char *pay_out(struct shop *shop, const char *order)
{
    const char *payment = shop_intent(shop, order, 0), *code, *payout;
    struct answer answer;

    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    shop->refund_status = 422;
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    payout =
        mini_get(shop->mini, mini_http(shop->mini, "GET /v1/payouts?limit=1", NULL), "data.0.id");
    answer = mini_http_as(shop->mini, NULL, "once",
                          mini_text(shop->mini, "POST /v1/payouts/%s/approve", payout),
                          "{\"note\":\"" NOTE "\"}");
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    CHECK_EQ_STR(mini_get(shop->mini, answer, "note"), "t***");
    return payout;
}

TEST_DB(payment_person_exported,
        "an export has a person's payments, refunds and payouts, and no other's")
{
    struct shop *shop = shop_open(db);
    struct mini *mini = shop->mini;
    const char *order = shop_order(shop, 1), *path = "modules.payment.0.";
    struct answer answer;

    pay_out(shop, order);
    answer = export_of(shop, "u1");
    CHECK_EQ_STR(mini_get(mini, answer, mini_text(mini, "%spayment.order", path)), order);
    CHECK_EQ_INT(mini_get_int(mini, answer, mini_text(mini, "%spayment.captured.amount", path)),
                 PRICE_MINOR);
    CHECK_EQ_STR(mini_get(mini, answer, mini_text(mini, "%srefunds.0.state", path)), "paid_out");
    CHECK_EQ_STR(mini_get(mini, answer, mini_text(mini, "%spayouts.0.note", path)), NOTE);
    CHECK_EQ_STR(mini_get(mini, export_of(shop, "u2"), "modules.payment"), "[]");
    CHECK_EQ_INT(stored(shop, "Zhang"), 0);
    CHECK(stored(shop, "t***") > 0); /* The stored answer: the places are the right ones. */
    shop_close(shop);
}

TEST_DB(payment_person_masked, "the note of a payout is masked for keys without person:read")
{
    struct shop *shop = shop_open(db);
    struct mini *mini = shop->mini;
    struct answer key;

    pay_out(shop, shop_order(shop, 1));
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, "GET /v1/payouts", NULL), "data.0.note"), NOTE);
    key = mini_http(mini, "POST /v1/keys", "{\"name\":\"till\",\"scopes\":[\"payment:read\"]}");
    CHECK_EQ_STR(
        mini_get(mini,
                 mini_http_as(mini, mini_get(mini, key, "token"), NULL, "GET /v1/payouts", NULL),
                 "data.0.note"),
        "t***");
    shop_close(shop);
}

TEST_DB(payment_person_erased,
        "an erasure makes notes and pay URLs unreadable, and leaves the books")
{
    struct shop *shop = shop_open(db);
    struct mini *mini = shop->mini;
    struct answer answer;

    pay_out(shop, shop_order(shop, 1));
    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment where pay_url <> ''"), 1);
    for (int k = 0; k < 2; k++) {
        answer = mini_http(mini, "POST /v1/persons/u1/erase", "{}");
        CHECK_SAY(answer.status == 200, "%s", answer.body);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from payment where pay_url <> ''"), 0);
        CHECK_EQ_STR(mini_get(mini, mini_http(mini, "GET /v1/payouts", NULL), "data.0.note"), "");
        answer = export_of(shop, "u1");
        CHECK_EQ_STR(mini_get(mini, answer, "modules.payment.0.payouts.0.note"), "");
        CHECK_EQ_INT(mini_get_int(mini, answer, "modules.payment.0.payment.captured.amount"),
                     PRICE_MINOR);
    }
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_person_claims,
        "a guest's payments, and the notes of their payouts, become the user's")
{
    struct shop *shop = shop_open(db);
    struct mini *mini = shop->mini;
    struct answer made =
        mini_http(mini, "POST /v1/orders",
                  mini_text(mini,
                            "{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":1}],"
                            "\"channel\":{\"name\":\"tmall\",\"order\":\"T1\",\"identity\":\"x\"}}",
                            shop->sku));
    const char *order = mini_get(mini, made, "id");

    CHECK_SAY(made.status == 201, "%s", made.body);
    pay_out(shop, order);
    CHECK_EQ_STR(mini_get(mini, export_of(shop, order), "modules.payment.0.payouts.0.note"), NOTE);
    made = mini_http(mini, mini_text(mini, "POST /v1/orders/%s/claim", order), "{\"user\":\"u9\"}");
    CHECK_SAY(made.status == 200, "%s", made.body);
    CHECK_EQ_STR(mini_get(mini, export_of(shop, order), "modules.payment"), "[]");
    CHECK_EQ_STR(mini_get(mini, export_of(shop, "u9"), "modules.payment.0.payouts.0.note"), NOTE);
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, "GET /v1/payouts", NULL), "data.0.note"), NOTE);
    shop_close(shop);
}
