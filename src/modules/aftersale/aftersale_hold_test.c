/*
 * aftersale_hold_test.c - no unit is given back, exchanged and sent again all at once: money and
 * goods never both go.
 */
#include "modules/fulfil/fulfil_fixture.h"

static struct answer ask(struct mini *mini, const char *order, const char *what, const char *body)
{
    return mini_http(mini, mini_text(mini, "POST /v1/orders/%s/%s", order, what), body);
}

static void refused(struct mini *mini, const char *code, struct answer answer)
{
    CHECK_SAY(answer.status == 409, "%d %s", answer.status, answer.body);
    CHECK_EQ_STR(mini_get(mini, answer, "code"), code);
}

static const char *swap(struct mini *mini, int quantity, const char *sku)
{
    return mini_text(mini,
                     "{\"lines\":[{\"line\":0,\"quantity\":%d,\"sku\":\"%s\"}],\"reason\":\"x\"}",
                     quantity, sku);
}

/* A shirt in two sizes, and a dear one; two small ones ordered and paid. */
struct wear {
    struct mini *mini;
    const char *small, *large, *dear, *order;
};

static struct wear wear(const char *db)
{
    struct wear wear = {.mini = mini_open(db)};
    struct mini *mini = wear.mini;
    struct answer made =
        desk_post(mini, 201, "/v1/products",
                  "{\"title\":\"Shirt\",\"kind\":\"goods\",\"skus\":["
                  "{\"code\":\"S\",\"price\":{\"amount\":1000,\"currency\":\"CNY\"}},"
                  "{\"code\":\"L\",\"price\":{\"amount\":1000,\"currency\":\"CNY\"}},"
                  "{\"code\":\"D\",\"price\":{\"amount\":9000,\"currency\":\"CNY\"}}]}");

    wear.small = mini_get(mini, made, "skus.0.id");
    wear.large = mini_get(mini, made, "skus.1.id");
    wear.dear = mini_get(mini, made, "skus.2.id");
    desk_receive(mini, wear.small, 50);
    desk_receive(mini, wear.large, 50);
    desk_receive(mini, wear.dear, 50);
    wear.order = desk_order(mini, wear.small, 2);
    desk_pay(mini, wear.order);
    return wear;
}

TEST_DB(aftersale_exchanged_held, "exchanged units are refunded only after their replacement is")
{
    struct wear w = wear(db);
    struct answer got = ask(w.mini, w.order, "exchanges", swap(w.mini, 1, w.large));
    const char *linked = mini_get(w.mini, got, "id");

    CHECK_EQ_INT(got.status, 201);
    refused(w.mini, "refund_exceeds",
            ask(w.mini, w.order, "refunds",
                "{\"reason\":\"x\",\"lines\":[{\"line\":0,\"quantity\":2}]}"));
    got = ask(w.mini, w.order, "refunds", "{\"reason\":\"x\"}"); /* All but the exchanged one. */
    CHECK_EQ_INT(mini_get_int(w.mini, got, "amount.amount"), 1000);
    refused(w.mini, "nothing_to_refund", ask(w.mini, w.order, "refunds", "{\"reason\":\"x\"}"));
    CHECK_EQ_INT(ask(w.mini, linked, "refunds", "{\"reason\":\"x\"}").status, 201);
    CHECK_EQ_STR(
        desk_text(w.mini, mini_text(w.mini, "/v1/orders/%s/shipments", linked), "data.0.state"),
        "stopped");
    got = ask(w.mini, w.order, "refunds", "{\"reason\":\"x\"}");
    CHECK_EQ_INT(mini_get_int(w.mini, got, "amount.amount"), 1000);
    desk_ledger_ok(w.mini);
    mini_close(w.mini);
}

TEST_DB(aftersale_waiting_held, "what waits to be refunded is neither exchanged nor sent again")
{
    struct wear w = wear(db);

    CHECK_EQ_INT(
        mini_http(w.mini, "PUT /v1/settings/aftersale.approval_from_minor", "{\"value\":1}").status,
        200);
    CHECK_EQ_STR(mini_get(w.mini, ask(w.mini, w.order, "refunds", "{\"reason\":\"x\"}"), "state"),
                 "waiting");
    refused(w.mini, "quantity_exceeds",
            ask(w.mini, w.order, "exchanges", swap(w.mini, 1, w.large)));
    refused(w.mini, "quantity_exceeds",
            ask(w.mini, w.order, "reshipments",
                "{\"lines\":[{\"line\":0,\"quantity\":1}],\"reason\":\"x\"}"));
    CHECK_EQ_INT(mini_count(w.mini, "select count(*) from orders"), 1);
    mini_close(w.mini);
}

TEST_DB(aftersale_reship_bound, "a piece is sent again three times, and never once refunded")
{
    static const char one[] = "{\"lines\":[{\"line\":0,\"quantity\":1}],\"reason\":\"lost\"}";
    struct wear w = wear(db);

    refused(w.mini, "quantity_exceeds",
            ask(w.mini, w.order, "reshipments",
                "{\"lines\":[{\"line\":0,\"quantity\":2},{\"line\":0,\"quantity\":2},{\"line\":0,"
                "\"quantity\":2},{\"line\":0,\"quantity\":1}],\"reason\":\"lost\"}"));
    for (int k = 0; k < 6; k++)
        CHECK_EQ_INT(ask(w.mini, w.order, "reshipments", one).status, 201);
    refused(w.mini, "quantity_exceeds", ask(w.mini, w.order, "reshipments", one));
    CHECK_EQ_INT(
        mini_http(w.mini, "PUT /v1/settings/aftersale.reships_max", "{\"value\":4}").status, 200);
    CHECK_EQ_INT(ask(w.mini, w.order, "reshipments", one).status, 201);
    CHECK_EQ_INT(ask(w.mini, w.order, "refunds", "{\"reason\":\"x\"}").status, 201);
    refused(w.mini, "quantity_exceeds", ask(w.mini, w.order, "reshipments", one));
    desk_ledger_ok(w.mini);
    mini_close(w.mini);
}

TEST_DB(aftersale_dearer, "an exchange for what costs more is refused")
{
    struct wear w = wear(db);

    refused(w.mini, "dearer", ask(w.mini, w.order, "exchanges", swap(w.mini, 1, w.dear)));
    CHECK_EQ_STR(desk_stock(w.mini, w.dear), "50 0 0");
    mini_close(w.mini);
}

TEST_DB(aftersale_no_lines, "an empty list of lines is refused, not taken for all")
{
    struct wear w = wear(db);

    CHECK_EQ_INT(ask(w.mini, w.order, "refunds", "{\"reason\":\"x\",\"lines\":[]}").status, 400);
    desk_post(w.mini, 400,
              mini_text(w.mini, "/v1/shipments/%s/ship", desk_shipment(w.mini, w.order, 0)),
              "{\"lines\":[]}");
    CHECK_EQ_INT(mini_count(w.mini, "select count(*) from aftersale_refund"), 0);
    mini_close(w.mini);
}

TEST_DB(aftersale_worthless_gift, "a gift of no value does not save another from being clawed back")
{
    struct mini *mini = mini_open(db);
    const char *a = desk_sku(mini, "A", "goods", 10000, 9, "");
    const char *order = desk_order_lines(
        mini, mini_text(mini,
                        "{\"sku\":\"%s\",\"quantity\":1},{\"sku\":\"%s\",\"quantity\":1,\"gift\":{"
                        "\"value\":{\"amount\":500,\"currency\":\"CNY\"}}},{\"sku\":\"%s\","
                        "\"quantity\":1,\"gift\":{\"value\":{\"amount\":0,\"currency\":\"CNY\"}}}",
                        a, desk_sku(mini, "B", "goods", 1, 9, ""),
                        desk_sku(mini, "C", "goods", 1, 9, "")));
    struct answer got;

    desk_pay(mini, order);
    got = ask(mini, order, "refunds", "{\"reason\":\"x\",\"lines\":[{\"line\":0,\"quantity\":1}]}");
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 9500);
    mini_close(mini);
}

TEST_DB(aftersale_shipping_later, "the shipping fee that was kept may be given back later, once")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 1000, 9, ""), *order;
    struct answer got;

    CHECK_EQ_INT(
        mini_http(mini, "PUT /v1/settings/order.shipping_fee_minor", "{\"value\":500}").status,
        200);
    order = desk_order(mini, sku, 1);
    desk_pay(mini, order);
    got = ask(mini, order, "refunds", "{\"reason\":\"x\",\"shipping\":\"keep\"}");
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 1000);
    refused(mini, "nothing_to_refund",
            ask(mini, order, "refunds", "{\"reason\":\"x\",\"shipping\":\"keep\"}"));
    got = ask(mini, order, "refunds", "{\"reason\":\"x\",\"shipping\":\"refund\"}");
    CHECK_SAY(got.status == 201, "%s", got.body);
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 500);
    refused(mini, "nothing_to_refund",
            ask(mini, order, "refunds", "{\"reason\":\"x\",\"shipping\":\"refund\"}"));
    CHECK_EQ_INT(desk_int(mini, mini_text(mini, "/v1/orders/%s", order), "refunded.amount"), 1500);
    desk_ledger_ok(mini);
    mini_close(mini);
}
