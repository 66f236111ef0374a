/*
 * aftersale_linked_test.c - exchanges and re-shipments; providers that refuse; pages; the patrol.
 */
#include "modules/aftersale/aftersale.h"
#include "modules/fulfil/fulfil_fixture.h"

/* A shirt in two sizes; *other is the second SKU. */
static const char *shirt(struct mini *mini, const char **other)
{
    struct answer made =
        desk_post(mini, 201, "/v1/products",
                  "{\"title\":\"Shirt\",\"kind\":\"goods\",\"skus\":[{\"code\":\"M\",\"title\":"
                  "\"M\",\"price\":{\"amount\":1000,\"currency\":\"CNY\"}},{\"code\":\"L\","
                  "\"title\":\"L\",\"price\":{\"amount\":1000,\"currency\":\"CNY\"}}]}");
    const char *sku = mini_get(mini, made, "skus.0.id");

    *other = mini_get(mini, made, "skus.1.id");
    desk_receive(mini, sku, 5);
    desk_receive(mini, *other, 1);
    return sku;
}

static const char *swap(struct mini *mini, int quantity, const char *sku)
{
    return mini_text(mini,
                     "{\"lines\":[{\"line\":0,\"quantity\":%d,\"sku\":\"%s\"}],\"reason\":"
                     "\"size\",\"restock\":true}",
                     quantity, sku);
}

TEST_DB(aftersale_exchange, "an exchange takes units back and sends others in a linked order")
{
    struct mini *mini = mini_open(db);
    const char *large, *sku = shirt(mini, &large), *order = desk_order(mini, sku, 2);
    const char *path = mini_text(mini, "/v1/orders/%s/exchanges", order), *linked;
    struct answer got;

    desk_post(mini, 409, path, swap(mini, 1, large)); /* Not paid. */
    desk_pay(mini, order);
    desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/ship", desk_shipment(mini, order, 0)),
              "{\"delivered\":true}");
    CHECK_EQ_STR(desk_stock(mini, sku), "3 0 2");
    got = desk_post(mini, 201, path, swap(mini, 1, large));
    linked = mini_get(mini, got, "id");
    CHECK_EQ_STR(mini_get(mini, got, "parent"), order);
    CHECK_EQ_STR(desk_stock(mini, sku), "4 0 1");
    CHECK_EQ_STR(desk_stock(mini, large), "1 1 0");
    got = desk_get(mini, mini_text(mini, "/v1/orders/%s", linked));
    CHECK_EQ_STR(mini_get(mini, got, "kind"), "exchange");
    CHECK_EQ_STR(mini_get(mini, got, "state"), "paid");
    CHECK_EQ_INT(mini_get_int(mini, got, "total.amount"), 0);
    desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/ship", desk_shipment(mini, linked, 0)),
              "{\"delivered\":true}");
    CHECK_EQ_STR(desk_state(mini, linked), "completed");
    CHECK_EQ_STR(desk_stock(mini, large), "0 0 1");
    got = desk_post(mini, 409, path, swap(mini, 1, large)); /* Out of stock: nothing came back. */
    CHECK_EQ_STR(mini_get(mini, got, "code"), "out_of_stock");
    CHECK_EQ_STR(desk_stock(mini, sku), "4 0 1");
    desk_receive(mini, large, 5);
    got = desk_post(mini, 409, path, swap(mini, 2, large)); /* One was exchanged already. */
    CHECK_EQ_INT(mini_get_int(mini, got, "most"), 1);
    desk_post(mini, 201, path, swap(mini, 1, large));
    got = desk_get(mini, mini_text(mini, "/v1/orders/%s/linked?limit=1", order));
    CHECK_EQ_STR(mini_get(mini, got, "data.0.linked"), linked);
    got = desk_get(mini, mini_text(mini, "/v1/orders/%s/linked?limit=1&cursor=%s", order,
                                   mini_get(mini, got, "next")));
    CHECK_EQ_STR(mini_get(mini, got, "data.0.sku"), large);
    CHECK_EQ_STR(mini_get(mini, got, "next"), "null");
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(aftersale_exchange_refuses, "only goods of the same product are exchanged")
{
    struct mini *mini = mini_open(db);
    const char *large, *sku = shirt(mini, &large), *order = desk_order(mini, sku, 1), *path;
    const char *mug = desk_sku(mini, "MUG", "goods", 1000, 5, "");
    const char *video = desk_sku(mini, "V", "content", 1000, 5, "");
    struct answer got;

    desk_pay(mini, order);
    path = mini_text(mini, "/v1/orders/%s/exchanges", order);
    got = desk_post(mini, 409, path, swap(mini, 1, mug));
    CHECK_EQ_STR(mini_get(mini, got, "code"), "another_product");
    desk_post(mini, 404, path, swap(mini, 1, "sku_07B925M000400"));
    desk_post(mini, 400, path, "{\"lines\":[],\"reason\":\"x\"}");
    got = desk_post(mini, 400, path,
                    mini_text(mini,
                              "{\"lines\":[{\"line\":4,\"quantity\":1,\"sku\":\"%s\"}],"
                              "\"reason\":\"x\"}",
                              large));
    CHECK_EQ_STR(mini_get(mini, got, "pointer"), "/lines/0/line");
    order = desk_order(mini, video, 1);
    desk_pay(mini, order);
    path = mini_text(mini, "/v1/orders/%s/exchanges", order);
    got = desk_post(mini, 409, path, swap(mini, 1, video));
    CHECK_EQ_STR(mini_get(mini, got, "code"), "nothing_to_ship");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from aftersale_linked"), 0);
    mini_close(mini);
}

TEST_DB(aftersale_reship, "what got lost is sent once more: the line, or a piece of it")
{
    struct mini *mini = mini_open(db);
    const char *kit = desk_sku(mini, "KIT", "goods", 0, 9, "");
    const char *sku =
        desk_sku(mini, "SYSTEM", "course", 9900, 9,
                 mini_text(mini, ",\"components\":[{\"sku\":\"%s\",\"quantity\":1}]", kit));
    const char *order = desk_order(mini, sku, 1), *path, *linked;
    struct answer got;

    desk_pay(mini, order);
    path = mini_text(mini, "/v1/orders/%s/reshipments", order);
    got = desk_post(mini, 409, path, "{\"lines\":[{\"line\":0,\"quantity\":1}],\"reason\":\"l\"}");
    CHECK_EQ_STR(mini_get(mini, got, "code"), "nothing_to_ship");
    got = desk_post(mini, 409, path,
                    mini_text(mini,
                              "{\"lines\":[{\"line\":0,\"quantity\":2,\"sku\":\"%s\"}],"
                              "\"reason\":\"lost\"}",
                              kit));
    CHECK_EQ_STR(mini_get(mini, got, "code"), "quantity_exceeds");
    got = desk_post(mini, 201, path,
                    mini_text(mini,
                              "{\"lines\":[{\"line\":0,\"quantity\":1,\"sku\":\"%s\"}],"
                              "\"reason\":\"lost\"}",
                              kit));
    linked = mini_get(mini, got, "id");
    CHECK_EQ_STR(mini_get(mini, got, "kind"), "reship");
    CHECK_EQ_STR(desk_stock(mini, kit), "9 2 0");
    CHECK_EQ_STR(desk_stock(mini, sku), "8 0 1"); /* The seat was not sold again. */
    CHECK_EQ_STR(desk_text(mini, "/v1/users/child/entitlements", "data.1"), "");
    CHECK(strlen(desk_shipment(mini, linked, 0)) > 0);
    desk_ledger_ok(mini);
    mini_close(mini);
}

/* ---- A provider that refuses ---- */

static void refuse(void *context, struct outside_call *call)
{
    (void)context;
    call->status = 200;
    call->reply = STR("{}");
    if (str_is(call->kind, "payment.refund"))
        call->reply = STR("{\"id\":\"re_1\",\"state\":\"failed\",\"reason\":\"closed\",\"time\":"
                          "\"2026-01-01T00:00:00Z\",\"amount\":{\"amount\":1000,\"currency\":"
                          "\"CNY\"}}");
}

TEST_DB(aftersale_refused_refund, "a refund that its provider refuses is visible, with the reason")
{
    struct mini *mini = mini_open(db);
    const char *order = desk_order(mini, desk_sku(mini, "A", "goods", 1000, 5, ""), 1), *boss;
    struct answer got;

    mini_on_outside(mini, refuse, NULL);
    desk_pay(mini, order);
    mini_sql(mini, "update payment set provider = 'sandbox'"); /* As if it had been paid there. */
    got =
        desk_post(mini, 201, mini_text(mini, "/v1/orders/%s/refunds", order), "{\"reason\":\"x\"}");
    CHECK_EQ_STR(mini_get(mini, got, "state"), "refunding");
    mini_settle(mini);
    got = desk_get(mini, "/v1/refunds?state=failed");
    CHECK_EQ_STR(mini_get(mini, got, "data.0.failure"), "closed");
    CHECK_EQ_INT(desk_events(mini, "aftersale.refund_failed"), 1);
    got = desk_post(mini, 201, "/v1/keys", "{\"name\":\"boss\",\"scopes\":[\"payment:payout\"]}");
    boss = mini_get(mini, got, "token");
    got = mini_http_as(
        mini, boss, NULL,
        mini_text(mini, "POST /v1/payouts/%s/approve", desk_text(mini, "/v1/payouts", "data.0.id")),
        "{\"note\":\"by transfer\"}");
    CHECK_SAY(got.status == 200, "%s", got.body);
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds", "data.0.state"), "refunded");
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds", "data.0.failure"), "");
    CHECK_EQ_INT(desk_events(mini, "aftersale.refunded"), 1);
    mini_close(mini);
}

TEST_DB(aftersale_pages, "refunds of an order, and all refunds, come in pages")
{
    struct mini *mini = mini_open(db);
    const char *order = desk_order(mini, desk_sku(mini, "A", "goods", 1000, 5, ""), 3), *path;
    struct answer page;

    desk_pay(mini, order);
    for (int k = 0; k < 3; k++)
        desk_post(mini, 201, mini_text(mini, "/v1/orders/%s/refunds", order),
                  "{\"reason\":\"x\",\"lines\":[{\"line\":0,\"quantity\":1}]}");
    path = mini_text(mini, "/v1/orders/%s/refunds", order);
    page = desk_get(mini, mini_text(mini, "%s?limit=2", path));
    CHECK_EQ_INT(mini_get_int(mini, page, "data.1.lines.0.quantity"), 1);
    page =
        desk_get(mini, mini_text(mini, "%s?limit=2&cursor=%s", path, mini_get(mini, page, "next")));
    CHECK(strlen(mini_get(mini, page, "data.0.id")) > 0);
    CHECK_EQ_STR(mini_get(mini, page, "data.1"), "");
    page = desk_get(mini, "/v1/refunds?limit=2");
    page = desk_get(mini,
                    mini_text(mini, "/v1/refunds?limit=2&cursor=%s", mini_get(mini, page, "next")));
    CHECK_EQ_STR(mini_get(mini, page, "data.1"), "");
    CHECK_EQ_STR(mini_get(mini, page, "next"), "null");
    desk_post(mini, 404, "/v1/refunds/rfd_07B925M000400/approve", "{\"note\":\"x\"}");
    mini_close(mini);
}

TEST_DB(aftersale_patrol, "a refund that does not add up to its lines is found")
{
    struct mini *mini = mini_open(db);
    const char *order = desk_order(mini, desk_sku(mini, "A", "goods", 1000, 5, ""), 1);

    desk_pay(mini, order);
    desk_post(mini, 201, mini_text(mini, "/v1/orders/%s/refunds", order), "{\"reason\":\"x\"}");
    desk_ledger_ok(mini);
    mini_sql(mini, "update aftersale_refund_line set amount_minor = 999");
    CHECK(strstr(desk_get(mini, "/v1/ledger/check").body, "refund_amounts") != NULL);
    mini_close(mini);
}
