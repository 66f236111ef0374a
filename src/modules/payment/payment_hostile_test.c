/*
 * payment_hostile_test.c - a provider that means no good, and callers no better.
 */
#include <stdio.h>
#include <stdlib.h>

#include "modules/payment/payment_fixture.h"

#define PROVIDER "http://127.0.0.1:8090/" /* Where it is when no setting says otherwise. */
#define METADATA "http://169.254.169.254/latest/meta-data"

struct evil {
    const char *charge; /* What it answers to a charge. */
    const char *next;   /* The next page of its statement, as JSON. */
    int calls;          /* All went to the provider's own address. */
    char last_url[512];
};

static void answer(void *context, struct outside_call *call)
{
    struct evil *evil = context;

    CHECK_SAY(str_starts(call->url, STR(PROVIDER)), "called " STR_FMT, STR_ARG(call->url));
    snprintf(evil->last_url, sizeof(evil->last_url), STR_FMT, STR_ARG(call->url));
    evil->calls++;
    call->status = 200;
    call->reply = STR("{}");
    if (str_is(call->kind, "payment.intent"))
        call->reply = str_of(evil->charge);
    else if (str_is(call->kind, "payment.statement"))
        call->reply = cx_printf(call->cx, "{\"lines\":[],\"next\":%s}",
                                strstr(evil->last_url, "cursor=") ? "null" : evil->next);
}

static struct shop *evil_shop(const char *db, struct evil *evil)
{
    struct shop *shop = shop_open(db);

    mini_on_outside(shop->mini, answer, evil);
    return shop;
}

TEST_DB(payment_evil_page, "a buyer is sent to pages of the web alone, whatever a provider answers")
{
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"https://pay.example/1", "https://pay.example/1"},
        {"javascript:alert(1)", ""},
        {"data:text/html,x", ""},
        {"file:///etc/passwd", ""},
        {"//pay.example/1", ""},
        {"HTTPS://pay.example/1", ""},
        {"", ""},
    };
    struct evil evil = {.next = "null"};
    struct shop *shop = evil_shop(db, &evil);

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        const char *payment;

        evil.charge =
            mini_text(shop->mini, "{\"id\":\"ch_%zu\",\"pay_url\":\"%s\"}", k, cases[k].url);
        payment = shop_intent(shop, shop_order(shop, 1), 0);
        CHECK_EQ_STR(shop_payment(shop, payment, "pay_url"), cases[k].shown);
        CHECK_EQ_STR(shop_payment(shop, payment, "state"), "pending");
    }
    shop_close(shop);
}

TEST_DB(payment_evil_cursor, "what a provider names stays one part of its own URL")
{
    struct evil evil = {.charge = "{}", .next = "\"a&date=x/../#é @evil.example\""};
    struct shop *shop = evil_shop(db, &evil);

    CHECK_EQ_INT(mini_http(shop->mini, "POST /v1/reconciliations",
                           "{\"provider\":\"sandbox\",\"date\":\"2025-12-31\"}")
                     .status,
                 202);
    mini_settle(shop->mini);
    CHECK(evil.calls >= 2);
    CHECK_EQ_STR(strstr(evil.last_url, "&cursor="),
                 "&cursor=a%26date%3Dx%2F..%2F%23%C3%A9%20%40evil.example");
    shop_close(shop);
}

TEST_DB(payment_no_foreign_call, "no address in a request is ever called")
{
    struct evil evil = {.charge = "{\"id\":\"ch_1\",\"pay_url\":\"" METADATA "\"}", .next = "null"};
    struct shop *shop = evil_shop(db, &evil);
    struct answer made =
        mini_http(shop->mini, "POST /v1/orders",
                  mini_text(shop->mini,
                            "{\"user\":\"" METADATA
                            "\",\"currency\":\"CNY\",\"address\":{\"name\":\"" METADATA
                            "\",\"url\":\"" METADATA "\"},\"lines\":[{\"sku\":\"%s\","
                            "\"quantity\":1,\"for\":\"" METADATA "\"}]}",
                            shop->sku));
    const char *order = mini_get(shop->mini, made, "id");

    CHECK_SAY(made.status == 201, "%s", made.body);
    mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/notes", order),
              "{\"note\":\"" METADATA "\"}");
    shop_intent(shop, order, 0);
    mini_sleep_ms(shop->mini, 40 * SECOND_MS); /* Asks what became of it. */
    CHECK(evil.calls >= 2);
    shop_close(shop);
}

TEST_DB(payment_too_many, "an order has 50 payments, whoever begins and cancels them, and no more")
{
    enum { MOST = 50 };
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1);
    const char *path = mini_text(shop->mini, "POST /v1/orders/%s/payments", order);
    struct answer made;

    for (int k = 0; k < MOST; k++) {
        made = mini_http(shop->mini, path, "{\"provider\":\"sandbox\"}");
        CHECK_SAY(made.status == 201, "%d: %s", k, made.body);
        made = mini_http(
            shop->mini,
            mini_text(shop->mini, "POST /v1/payments/%s/cancel", mini_get(shop->mini, made, "id")),
            NULL);
        CHECK_SAY(made.status == 200, "%d: %s", k, made.body);
    }
    made = mini_http(shop->mini, path, "{\"provider\":\"sandbox\"}");
    CHECK_EQ_INT(made.status, 409);
    CHECK_EQ_STR(mini_get(shop->mini, made, "code"), "too_many_payments");
    shop_close(shop);
}
