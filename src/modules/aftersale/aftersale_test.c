/*
 * aftersale_test.c - refunds by line and quantity: exact shares, gifts, shipping, approval.
 */
#include "modules/aftersale/aftersale.h"
#include "modules/fulfil/fulfil_fixture.h"

static const char *refunds_of(struct mini *mini, const char *order)
{
    return mini_text(mini, "/v1/orders/%s/refunds", order);
}

static struct answer refund(struct mini *mini, int status, const char *order, const char *body)
{
    return desk_post(mini, status, refunds_of(mini, order), body);
}

static const char *units(struct mini *mini, int line, int quantity)
{
    return mini_text(mini, "{\"lines\":[{\"line\":%d,\"quantity\":%d}],\"reason\":\"too small\"}",
                     line, quantity);
}

static int64_t refunded(struct mini *mini, const char *order)
{
    return desk_int(mini, mini_text(mini, "/v1/orders/%s", order), "refunded.amount");
}

/* A key that may do what the text says, e.g. "\"aftersale:approve\"". */
static const char *key_for(struct mini *mini, const char *scopes)
{
    struct answer made = desk_post(mini, 201, "/v1/keys",
                                   mini_text(mini, "{\"name\":\"desk\",\"scopes\":[%s]}", scopes));

    return mini_get(mini, made, "token");
}

TEST_DB(aftersale_shares, "each unit gives back its frozen share, the last the remainder")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 1000, 10, ""), *order;
    struct answer made, got;

    made = desk_post(mini, 201, "/v1/orders",
                     mini_text(mini,
                               "{\"user\":\"u1\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                               "\"quantity\":3}],\"adjustments\":[{\"code\":\"C\",\"amount\":{"
                               "\"amount\":100,\"currency\":\"CNY\"}}]}",
                               sku)); /* 2900 over three units: 967, 967, 966. */
    order = mini_get(mini, made, "id");
    desk_pay(mini, order);
    got = refund(mini, 201, order, units(mini, 0, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 967);
    CHECK_EQ_STR(mini_get(mini, got, "state"), "refunded");
    CHECK_EQ_INT(mini_get_int(mini, got, "lines.0.amount.amount"), 967);
    CHECK_EQ_INT(refunded(mini, order), 967);
    CHECK_EQ_STR(desk_stock(mini, sku), "10 2 0"); /* It had not shipped: free at once. */
    got = refund(mini, 201, order, units(mini, 0, 2));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 1933);
    CHECK_EQ_INT(refunded(mini, order), 2900);
    CHECK_EQ_STR(desk_stock(mini, sku), "10 0 0");
    got = refund(mini, 409, order, units(mini, 0, 1));
    CHECK_EQ_STR(mini_get(mini, got, "code"), "refund_exceeds");
    CHECK_EQ_STR(mini_get(mini, refund(mini, 409, order, "{\"reason\":\"all\"}"), "code"),
                 "nothing_to_refund");
    CHECK_EQ_STR(desk_state(mini, order), "completed"); /* Nothing is left to deliver. */
    CHECK_EQ_INT(desk_events(mini, "aftersale.refunded"), 2);
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(aftersale_refuses,
        "what is not paid, not there or badly asked is refused, and nothing moves")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 1000, 10, ""), *order, *path;
    struct answer got;

    order = desk_order(mini, sku, 2);
    got = refund(mini, 409, order, units(mini, 0, 1));
    CHECK_EQ_STR(mini_get(mini, got, "code"), "not_paid");
    CHECK_EQ_STR(mini_get(mini, got, "order_state"), "pending_payment");
    desk_pay(mini, order);
    got = refund(mini, 400, order, units(mini, 3, 1));
    CHECK_EQ_STR(mini_get(mini, got, "pointer"), "/lines/0/line");
    got = refund(mini, 400, order,
                 "{\"reason\":\"x\",\"lines\":[{\"line\":0,\"quantity\":1},"
                 "{\"line\":0,\"quantity\":1}]}");
    CHECK_EQ_STR(mini_get(mini, got, "code"), "duplicate_line");
    CHECK_EQ_STR(mini_get(mini, got, "pointer"), "/lines/1/line");
    refund(mini, 400, order, units(mini, 0, 0));
    refund(mini, 400, order, units(mini, -1, 1));
    refund(mini, 400, order, "{\"lines\":[{\"line\":0,\"quantity\":1}]}"); /* No reason. */
    refund(mini, 400, order, "{\"reason\":\"\"}");
    got = refund(mini, 409, order, units(mini, 0, 3));
    CHECK_EQ_INT(mini_get_int(mini, got, "refundable"), 2);
    CHECK_EQ_STR(
        mini_get(mini,
                 desk_post(mini, 404, "/v1/orders/ord_07B925M000400/refunds", "{\"reason\":\"x\"}"),
                 "code"),
        "no_such_order");
    path = mini_text(mini, "POST %s", refunds_of(mini, order));
    got = mini_http_as(mini, key_for(mini, "\"order:read\""), NULL, path, units(mini, 0, 1));
    CHECK_EQ_INT(got.status, 403);
    CHECK_EQ_INT(refunded(mini, order), 0);
    CHECK_EQ_STR(desk_stock(mini, sku), "10 2 0");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from aftersale_refund"), 0);
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(aftersale_reference,
        "a reference is taken once for an order; a time needs its scope and lies in the past")
{
    struct mini *mini = mini_open(db);
    const char *order = desk_order(mini, desk_sku(mini, "A", "goods", 1000, 10, ""), 4), *second,
               *key;
    struct answer got, first;

    desk_pay(mini, order);
    first = refund(mini, 201, order,
                   "{\"reason\":\"x\",\"reference\":\"C1\",\"at\":"
                   "\"2025-06-01T00:00:00Z\",\"lines\":[{\"line\":0,"
                   "\"quantity\":1}]}");
    CHECK_EQ_STR(mini_get(mini, first, "at"), "2025-06-01T00:00:00.000Z");
    got = refund(mini, 409, order, "{\"reason\":\"x\",\"reference\":\"C1\"}");
    CHECK_EQ_STR(mini_get(mini, got, "code"), "reference_exists");
    CHECK_EQ_STR(mini_get(mini, got, "refund"), mini_get(mini, first, "id"));
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds?reference=C1", "data.0.id"),
                 mini_get(mini, first, "id"));
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds?reference=C2", "data"), "[]");
    second = desk_order(mini, desk_sku(mini, "B", "goods", 700, 10, ""), 4);
    desk_pay(mini, second);
    refund(mini, 201, second,
           "{\"reason\":\"x\",\"reference\":\"C1\"}"); /* One return of two orders. */
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds?reference=C1", "data.0.order"), second);
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds?reference=C1", "data.1.order"), order);
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds?reference=C1", "data.2"), "");
    refund(mini, 400, order, "{\"reason\":\"x\",\"at\":\"2027-06-01T00:00:00Z\"}");
    key = key_for(mini, "\"aftersale:write\"");
    got = mini_http_as(mini, key, NULL, mini_text(mini, "POST %s", refunds_of(mini, order)),
                       "{\"reason\":\"x\",\"at\":\"2025-06-01T00:00:00Z\"}");
    CHECK_EQ_INT(got.status, 403);
    CHECK_EQ_INT(refunded(mini, order), 1000);
    mini_close(mini);
}

TEST_DB(aftersale_restock, "delivered pieces come back to stock when they are said to")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 1000, 10, "");
    const char *order = desk_order(mini, sku, 4);

    desk_pay(mini, order);
    desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/ship", desk_shipment(mini, order, 0)),
              "{\"delivered\":true,\"lines\":[{\"line\":0,\"quantity\":3}]}");
    CHECK_EQ_STR(desk_stock(mini, sku), "7 1 3");
    refund(mini, 201, order, units(mini, 0, 2)); /* One had not shipped; one is kept or lost. */
    CHECK_EQ_STR(desk_stock(mini, sku), "7 0 3");
    CHECK_EQ_STR(desk_state(mini, order), "completed");
    refund(mini, 201, order,
           "{\"lines\":[{\"line\":0,\"quantity\":2}],\"reason\":\"x\","
           "\"restock\":true}");
    CHECK_EQ_STR(desk_stock(mini, sku), "9 0 1");
    CHECK_EQ_INT(refunded(mini, order), 4000);
    desk_ledger_ok(mini);
    mini_close(mini);
}

/* An order of 1000 with 500 shipping. */
static const char *shipped_order(struct mini *mini, const char *sku, int quantity)
{
    const char *order;

    CHECK_EQ_INT(
        mini_http(mini, "PUT /v1/settings/order.shipping_fee_minor", "{\"value\":500}").status,
        200);
    order = desk_order(mini, sku, quantity);
    desk_pay(mini, order);
    return order;
}

TEST_DB(aftersale_shipping, "the shipping fee goes back once: when nothing is left, or as asked")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 1000, 10, "");
    const char *order = shipped_order(mini, sku, 2);
    struct answer got;

    got = refund(mini, 201, order, units(mini, 0, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "shipping.amount"), 0);
    got = refund(mini, 201, order, units(mini, 0, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "shipping.amount"), 500);
    CHECK_EQ_INT(refunded(mini, order), 2500);

    order = shipped_order(mini, sku, 1); /* Shipped: stays. */
    desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/ship", desk_shipment(mini, order, 0)),
              "{}");
    refund(mini, 201, order, "{\"reason\":\"x\"}");
    CHECK_EQ_INT(refunded(mini, order), 1000);

    order = shipped_order(mini, sku, 2); /* Asked for: comes with the first, and once. */
    got = refund(mini, 201, order,
                 "{\"reason\":\"x\",\"shipping\":\"refund\",\"lines\":[{"
                 "\"line\":0,\"quantity\":1}]}");
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 1500);
    got = refund(mini, 201, order, "{\"reason\":\"x\",\"shipping\":\"refund\"}");
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 1000);

    order = shipped_order(mini, sku, 1);
    refund(mini, 201, order, "{\"reason\":\"x\",\"shipping\":\"keep\"}");
    CHECK_EQ_INT(refunded(mini, order), 1000);
    desk_ledger_ok(mini);
    mini_close(mini);
}

/* ---- A second person ---- */

static void need_approval(struct mini *mini, int from_minor)
{
    CHECK_EQ_INT(mini_http(mini, "PUT /v1/settings/aftersale.approval_from_minor",
                           mini_text(mini, "{\"value\":%d}", from_minor))
                     .status,
                 200);
}

TEST_DB(aftersale_approval,
        "from an amount on, a refund holds its units until a second person says")
{
    struct mini *mini = mini_open(db);
    const char *order = desk_order(mini, desk_sku(mini, "A", "goods", 1000, 10, ""), 3);
    const char *boss, *path;
    struct answer waits, got;

    desk_pay(mini, order);
    need_approval(mini, 2000);
    CHECK_EQ_STR(mini_get(mini, refund(mini, 201, order, units(mini, 0, 1)), "state"), "refunded");
    waits = refund(mini, 201, order, units(mini, 0, 2));
    CHECK_EQ_STR(mini_get(mini, waits, "state"), "waiting");
    CHECK_EQ_INT(refunded(mini, order), 1000);
    CHECK_EQ_STR(mini_get(mini, refund(mini, 409, order, units(mini, 0, 1)), "code"),
                 "refund_exceeds"); /* They are held. */
    path = mini_text(mini, "POST /v1/refunds/%s/approve", mini_get(mini, waits, "id"));
    got = mini_http(mini, path, "{\"note\":\"fine\"}");
    CHECK_EQ_INT(got.status, 403);
    CHECK_EQ_STR(mini_get(mini, got, "code"), "second_person");
    boss = key_for(mini, "\"aftersale:approve\"");
    got = mini_http_as(mini, boss, NULL, path, "{\"note\":\"fine\"}");
    CHECK_EQ_INT(got.status, 200);
    CHECK_EQ_STR(mini_get(mini, got, "state"), "refunded");
    CHECK_EQ_STR(mini_get(mini, got, "note"), "fine");
    CHECK_EQ_INT(mini_get_int(mini, got, "lines.0.quantity"), 2);
    CHECK_EQ_INT(refunded(mini, order), 3000);
    CHECK_EQ_INT(mini_http_as(mini, boss, NULL, path, "{\"note\":\"again\"}").status, 409);
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(aftersale_reject, "a rejected refund frees its units and moves nothing")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 1000, 10, ""), *order = desk_order(mini, sku, 1);
    const char *boss = key_for(mini, "\"aftersale:approve\"");
    struct answer waits, got;

    desk_pay(mini, order);
    need_approval(mini, 1000);
    waits = refund(mini, 201, order, units(mini, 0, 1));
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds?state=waiting", "data.0.id"),
                 mini_get(mini, waits, "id"));
    got = mini_http_as(mini, boss, NULL,
                       mini_text(mini, "POST /v1/refunds/%s/reject", mini_get(mini, waits, "id")),
                       "{\"note\":\"worn\"}");
    CHECK_EQ_INT(got.status, 200);
    CHECK_EQ_STR(mini_get(mini, got, "state"), "rejected");
    CHECK_EQ_STR(desk_text(mini, "/v1/refunds?state=waiting", "data"), "[]");
    CHECK_EQ_INT(refunded(mini, order), 0);
    CHECK_EQ_STR(desk_stock(mini, sku), "10 1 0");
    need_approval(mini, 1001); /* One below the limit: none waits. */
    CHECK_EQ_STR(mini_get(mini, refund(mini, 201, order, units(mini, 0, 1)), "state"), "refunded");
    desk_ledger_ok(mini);
    mini_close(mini);
}

/* ---- Gifts ---- */

/* Two units at 1000, and two units of a gift worth 300 each. */
static const char *gift_order(struct mini *mini)
{
    const char *box = desk_sku(mini, "BOX", "goods", 1000, 10, "");
    const char *mug = desk_sku(mini, "MUG", "goods", 300, 10, ""), *order;

    order = desk_order_lines(
        mini, mini_text(mini,
                        "{\"sku\":\"%s\",\"quantity\":2},{\"sku\":\"%s\",\"quantity\":2,\"gift\":{"
                        "\"value\":{\"amount\":300,\"currency\":\"CNY\"}}}",
                        box, mug));
    desk_pay(mini, order);
    desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/ship", desk_shipment(mini, order, 0)),
              "{\"delivered\":true}");
    return order;
}

TEST_DB(aftersale_gift_stays, "a gift that stays is clawed back, and paid back when it comes later")
{
    struct mini *mini = mini_open(db);
    const char *order = gift_order(mini);
    struct answer got;

    got = refund(mini, 201, order, units(mini, 0, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 1000); /* A paid unit stays as well. */
    got = refund(mini, 201, order, units(mini, 0, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 400);
    CHECK_EQ_INT(mini_get_int(mini, got, "lines.1.amount.amount"), -600);
    CHECK_EQ_INT(mini_get_int(mini, got, "lines.1.quantity"), 0);
    CHECK_EQ_INT(refunded(mini, order), 1400);
    got = refund(mini, 201, order, units(mini, 1, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 300);
    got = refund(mini, 201, order, units(mini, 1, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 300);
    CHECK_EQ_INT(refunded(mini, order), 2000);
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(aftersale_gift_returns, "a gift that comes back with the rest costs nothing")
{
    struct mini *mini = mini_open(db);
    const char *order = gift_order(mini);
    struct answer got;

    refund(mini, 201, order, units(mini, 1, 1));
    CHECK_EQ_INT(refunded(mini, order), 0);
    got = refund(mini, 201, order, "{\"reason\":\"x\",\"lines\":[{\"line\":0,\"quantity\":2}]}");
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 1700); /* One mug stays. */
    got = refund(mini, 201, order, "{\"reason\":\"the rest\"}");
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 300);
    CHECK_EQ_INT(refunded(mini, order), 2000);
    desk_ledger_ok(mini);

    mini_close(mini);
}

TEST_DB(aftersale_gift_dear, "a gift worth more than the refund takes no more than the refund")
{
    struct mini *mini = mini_open(db);
    const char *box = desk_sku(mini, "BOX", "goods", 1000, 10, "");
    const char *ring = desk_sku(mini, "RING", "goods", 9000, 10, ""), *order;
    struct answer got;

    order = desk_order_lines(
        mini, mini_text(mini,
                        "{\"sku\":\"%s\",\"quantity\":1},{\"sku\":\"%s\",\"quantity\":1,\"gift\":{"
                        "\"value\":{\"amount\":9000,\"currency\":\"CNY\"}}}",
                        box, ring));
    desk_pay(mini, order);
    got = refund(mini, 201, order, units(mini, 0, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 0);
    CHECK_EQ_STR(mini_get(mini, got, "state"), "refunded");
    got = refund(mini, 201, order, units(mini, 1, 1));
    CHECK_EQ_INT(mini_get_int(mini, got, "amount.amount"), 1000);
    CHECK_EQ_INT(refunded(mini, order), 1000);
    desk_ledger_ok(mini);
    mini_close(mini);
}
