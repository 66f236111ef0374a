/*
 * fulfil_test.c - what is paid is delivered: granted, shipped in parcels, planned, completed.
 */
#include "modules/fulfil/fulfil_fixture.h"

static struct answer entitlements(struct mini *mini, const char *user)
{
    return desk_get(mini, mini_text(mini, "/v1/users/%s/entitlements", user));
}

static void ship(struct mini *mini, const char *shipment, const char *body)
{
    desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/ship", shipment), body);
}

static void deliver(struct mini *mini, const char *shipment)
{
    desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/deliver", shipment), NULL);
}

TEST_DB(fulfil_grants_at_once, "content is granted to its beneficiary in the commit that pays")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "TRIAL", "course", 990, 3, ",\"term_days\":7");
    const char *order = desk_order(mini, sku, 1);

    CHECK_EQ_STR(mini_get(mini, entitlements(mini, "child"), "data"), "[]");
    CHECK_EQ_STR(desk_stock(mini, sku), "3 1 0");
    desk_pay(mini, order);
    struct answer got = entitlements(mini, "child");

    CHECK_EQ_STR(mini_get(mini, got, "data.0.sku"), sku);
    CHECK_EQ_STR(mini_get(mini, got, "data.0.kind"), "course");
    CHECK_EQ_STR(mini_get(mini, got, "data.0.order"), order);
    CHECK_EQ_STR(mini_get(mini, got, "data.0.from"), "2026-01-01T00:00:00.000Z");
    CHECK_EQ_STR(mini_get(mini, got, "data.0.until"), "2026-01-08T00:00:00.000Z");
    CHECK_EQ_STR(mini_get(mini, entitlements(mini, "u1"), "data"), "[]");
    CHECK_EQ_STR(desk_stock(mini, sku), "2 0 1");
    CHECK_EQ_STR(desk_state(mini, order), "completed");
    CHECK_EQ_INT(desk_events(mini, "fulfil.granted"), 1);
    desk_ledger_ok(mini);
    mini_sleep_ms(mini, 8 * DAY_MS);
    CHECK_EQ_STR(desk_text(mini, "/v1/users/child/entitlements?active=true", "data"), "[]");
    CHECK_EQ_STR(mini_get(mini, entitlements(mini, "child"), "data.0.sku"), sku);
    mini_close(mini);
}

TEST_DB(fulfil_seats, "the last seat of a class goes once, and is free again when given back")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "TERM-7", "course", 9900, 1, "");
    const char *order = desk_order(mini, sku, 1), *body, *refunds;

    body = mini_text(mini,
                     "{\"user\":\"u2\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                     "\"quantity\":1}]}",
                     sku);
    desk_post(mini, 409, "/v1/orders", body);
    desk_pay(mini, order);
    desk_post(mini, 409, "/v1/orders", body);
    refunds = mini_text(mini, "/v1/orders/%s/refunds", order);
    desk_post(mini, 201, refunds, "{\"reason\":\"moves away\"}");
    CHECK_EQ_STR(desk_stock(mini, sku), "1 0 0");
    CHECK(strlen(mini_get(mini, entitlements(mini, "child"), "data.0.revoked_at")) > 0);
    CHECK_EQ_STR(desk_text(mini, "/v1/users/child/entitlements?active=true", "data"), "[]");
    desk_post(mini, 201, "/v1/orders", body);
    CHECK_EQ_INT(desk_events(mini, "fulfil.revoked"), 1);
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(fulfil_parcels, "an order ships in several parcels and is completed by the last")
{
    struct mini *mini = mini_open(db);
    const char *a = desk_sku(mini, "A", "goods", 100, 10, "");
    const char *b = desk_sku(mini, "B", "goods", 200, 10, ",\"location\":\"north\"");
    const char *order, *first, *rest, *north;

    desk_post(mini, 201, "/v1/stock/movements",
              mini_text(mini,
                        "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":10,\"location\":"
                        "\"north\",\"reason\":\"bought\"}",
                        b));
    order = desk_order_lines(mini, mini_text(mini,
                                             "{\"sku\":\"%s\",\"quantity\":3},{\"sku\":"
                                             "\"%s\",\"quantity\":1}",
                                             a, b));
    desk_pay(mini, order);
    CHECK_EQ_STR(desk_state(mini, order), "paid");
    first = desk_shipment(mini, order, 0);
    north = desk_shipment(mini, order, 1);
    CHECK_EQ_STR(desk_text(mini, mini_text(mini, "/v1/shipments/%s", north), "location"), "north");
    ship(mini, first,
         "{\"carrier\":\"SF\",\"tracking\":\"SF1\",\"lines\":[{\"line\":0,"
         "\"quantity\":2}]}");
    CHECK_EQ_STR(desk_state(mini, order), "fulfilling");
    CHECK_EQ_STR(desk_stock(mini, a), "8 1 2");
    rest = desk_shipment(mini, order, 2);
    CHECK_EQ_STR(desk_text(mini, mini_text(mini, "/v1/shipments/%s", rest), "state"), "ready");
    CHECK_EQ_INT(desk_int(mini, mini_text(mini, "/v1/shipments/%s", rest), "items.0.quantity"), 1);
    ship(mini, rest, "{}");
    deliver(mini, first);
    deliver(mini, rest);
    CHECK_EQ_STR(desk_state(mini, order), "fulfilling");
    ship(mini, north, "{\"delivered\":true}");
    CHECK_EQ_STR(desk_state(mini, order), "completed");
    CHECK_EQ_STR(desk_stock(mini, a), "7 0 3");
    CHECK_EQ_INT(desk_events(mini, "fulfil.shipped"), 3);
    CHECK_EQ_INT(desk_events(mini, "order.completed"), 1);
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(fulfil_ship_refuses, "a parcel leaves once, arrives once, and holds only what is there")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 100, 10, "");
    const char *order = desk_order(mini, sku, 2), *shipment, *path, *other;
    struct answer refused;

    desk_pay(mini, order);
    shipment = desk_shipment(mini, order, 0);
    path = mini_text(mini, "/v1/shipments/%s/ship", shipment);
    refused = desk_post(mini, 409, mini_text(mini, "/v1/shipments/%s/deliver", shipment), NULL);
    CHECK_EQ_STR(mini_get(mini, refused, "from"), "ready");
    refused = desk_post(mini, 409, path, "{\"lines\":[{\"line\":0,\"quantity\":3}]}");
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "quantity_exceeds");
    refused = desk_post(mini, 400, path, "{\"lines\":[{\"line\":7,\"quantity\":1}]}");
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "no_such_line");
    other = desk_sku(mini, "B", "goods", 100, 1, "");
    desk_post(mini, 400, path,
              mini_text(mini,
                        "{\"lines\":[{\"line\":0,\"sku\":\"%s\","
                        "\"quantity\":1}]}",
                        other));
    desk_post(mini, 400, path, "{\"lines\":[{\"line\":0,\"quantity\":0}]}");
    CHECK_EQ_STR(desk_stock(mini, sku), "10 2 0");
    ship(mini, shipment, "{\"lines\":[{\"line\":0,\"quantity\":2}]}"); /* All of it: no rest. */
    refused = desk_post(mini, 409, path, "{}");
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "illegal_transition");
    deliver(mini, shipment);
    desk_post(mini, 409, mini_text(mini, "/v1/shipments/%s/deliver", shipment), NULL);
    CHECK_EQ_STR(desk_stock(mini, sku), "8 0 2");
    CHECK_EQ_STR(
        mini_get(mini, desk_post(mini, 404, "/v1/shipments/shp_07B925M000400/ship", "{}"), "code"),
        "no_such_shipment");
    mini_close(mini);
}

TEST_DB(fulfil_address_stands, "the first label fixes the address")
{
    struct mini *mini = mini_open(db);
    const char *order = desk_order(mini, desk_sku(mini, "A", "goods", 100, 10, ""), 2);
    const char *put = mini_text(mini, "PUT /v1/orders/%s/address", order);

    desk_pay(mini, order);
    CHECK_EQ_INT(mini_http(mini, put, "{\"address\":{\"city\":\"Hangzhou\"}}").status, 200);
    ship(mini, desk_shipment(mini, order, 0), "{\"lines\":[{\"line\":0,\"quantity\":1}]}");
    CHECK_EQ_INT(mini_http(mini, put, "{\"address\":{\"city\":\"Ningbo\"}}").status, 409);
    mini_close(mini);
}

/* A course whose kits go out at once and after 30 days. */
static const char *term(struct mini *mini, const char *kit)
{
    return desk_sku(mini, "SYSTEM", "course", 99900, 20,
                    mini_text(mini,
                              ",\"term_days\":168,\"components\":[{\"sku\":\"%s\",\"quantity\":1},"
                              "{\"sku\":\"%s\",\"quantity\":1,\"after_days\":30}]",
                              kit, kit));
}

TEST_DB(fulfil_term, "kits of a course ship at once and on their day, reserved only then")
{
    struct mini *mini = mini_open(db);
    const char *kit = desk_sku(mini, "KIT", "goods", 0, 1, "");
    const char *order = desk_order(mini, term(mini, kit), 1), *later, *path;

    CHECK_EQ_INT(desk_int(mini, mini_text(mini, "/v1/stock/%s", kit), "planned"), 1);
    desk_pay(mini, order);
    CHECK_EQ_STR(desk_state(mini, order), "fulfilling");
    ship(mini, desk_shipment(mini, order, 0), "{\"delivered\":true}");
    CHECK_EQ_STR(desk_stock(mini, kit), "0 0 1");
    later = desk_shipment(mini, order, 1);
    path = mini_text(mini, "/v1/shipments/%s", later);
    CHECK_EQ_STR(desk_text(mini, path, "state"), "planned");
    desk_post(mini, 409, mini_text(mini, "%s/ship", path), "{}");
    mini_sleep_ms(mini, 30 * DAY_MS - 1);
    CHECK_EQ_STR(desk_text(mini, path, "state"), "planned");
    mini_sleep_ms(mini, 1);
    CHECK_EQ_STR(desk_text(mini, path, "state"), "short");
    CHECK_EQ_INT(desk_events(mini, "fulfil.short"), 1);
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(desk_events(mini, "fulfil.short"), 1); /* Told once. */
    desk_receive(mini, kit, 5);
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_STR(desk_text(mini, path, "state"), "ready");
    CHECK_EQ_STR(desk_stock(mini, kit), "5 1 1");
    CHECK_EQ_INT(desk_int(mini, mini_text(mini, "/v1/stock/%s", kit), "planned"), 0);
    ship(mini, later, "{\"delivered\":true}");
    CHECK_EQ_STR(desk_stock(mini, kit), "4 0 2");
    CHECK_EQ_STR(desk_state(mini, order), "completed");
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(fulfil_term_stopped, "a course given back within its term stops what has not shipped")
{
    struct mini *mini = mini_open(db);
    const char *kit = desk_sku(mini, "KIT", "goods", 0, 9, "");
    const char *order = desk_order(mini, term(mini, kit), 1), *shipments;

    desk_pay(mini, order);
    ship(mini, desk_shipment(mini, order, 0), "{}");
    desk_post(mini, 201, mini_text(mini, "/v1/orders/%s/refunds", order),
              "{\"reason\":\"too hard\",\"restock\":true}");
    shipments = mini_text(mini, "/v1/orders/%s/shipments", order);
    CHECK_EQ_STR(desk_text(mini, shipments, "data.0.state"), "shipped");
    CHECK_EQ_STR(desk_text(mini, shipments, "data.1.state"), "stopped");
    CHECK_EQ_STR(desk_stock(mini, kit), "9 0 0"); /* The shipped one came back. */
    CHECK_EQ_INT(desk_int(mini, mini_text(mini, "/v1/stock/%s", kit), "planned"), 0);
    mini_sleep_ms(mini, 31 * DAY_MS);
    CHECK_EQ_STR(desk_text(mini, shipments, "data.1.state"), "stopped");
    deliver(mini, desk_shipment(mini, order, 0));
    CHECK_EQ_STR(desk_state(mini, order), "completed");
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(fulfil_bundle, "a bundle is its components: each granted or shipped, none twice")
{
    struct mini *mini = mini_open(db);
    const char *book = desk_sku(mini, "BOOK", "goods", 500, 10, "");
    const char *video = desk_sku(mini, "VIDEO", "content", 500, 0, ",\"stock\":\"unlimited\"");
    const char *box =
        desk_sku(mini, "BOX", "bundle", 900, 0,
                 mini_text(mini,
                           ",\"components\":[{\"sku\":\"%s\",\"quantity\":2},{\"sku\":\"%s\","
                           "\"quantity\":1}]",
                           book, video));
    const char *order = desk_order(mini, box, 2), *shipment;
    struct answer got;

    desk_pay(mini, order);
    got = entitlements(mini, "child");
    CHECK_EQ_STR(mini_get(mini, got, "data.0.sku"), video);
    CHECK_EQ_INT(mini_get_int(mini, got, "data.0.quantity"), 2);
    CHECK_EQ_STR(mini_get(mini, got, "data.1"), "");
    shipment = mini_text(mini, "/v1/shipments/%s", desk_shipment(mini, order, 0));
    CHECK_EQ_INT(desk_int(mini, shipment, "items.0.quantity"), 4);
    CHECK_EQ_STR(desk_text(mini, shipment, "items.1"), "");
    CHECK_EQ_STR(desk_stock(mini, book), "10 4 0");
    desk_post(mini, 201, mini_text(mini, "/v1/orders/%s/refunds", order),
              "{\"lines\":[{\"line\":0,\"quantity\":1}],\"reason\":\"one is enough\"}");
    CHECK_EQ_STR(desk_stock(mini, book), "10 2 0");
    CHECK_EQ_INT(mini_get_int(mini, entitlements(mini, "child"), "data.0.quantity"), 1);
    CHECK_EQ_INT(desk_int(mini, shipment, "items.0.quantity"), 2);
    desk_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(fulfil_claimed, "what a channel's order granted is its user's once it is claimed")
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "VIP", "vip", 900, 0, ",\"stock\":\"unlimited\"");
    struct answer made = desk_post(
        mini, 201, "/v1/orders",
        mini_text(mini,
                  "{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":1}],\"channel\":"
                  "{\"name\":\"doudian\",\"order\":\"d1\",\"identity\":\"op1\"}}",
                  sku));
    const char *order = mini_get(mini, made, "id");

    desk_pay(mini, order);
    CHECK_EQ_STR(mini_get(mini, entitlements(mini, "u9"), "data"), "[]");
    desk_post(mini, 200, mini_text(mini, "/v1/orders/%s/claim", order), "{\"user\":\"u9\"}");
    CHECK_EQ_STR(mini_get(mini, entitlements(mini, "u9"), "data.0.sku"), sku);
    mini_close(mini);
}

TEST_DB(fulfil_pages, "entitlements and shipments come in pages, by state and warehouse")
{
    struct mini *mini = mini_open(db);
    const char *vip = desk_sku(mini, "VIP", "vip", 900, 0, ",\"stock\":\"unlimited\"");
    const char *box = desk_sku(mini, "A", "goods", 100, 10, "");
    struct answer page;

    for (int k = 0; k < 3; k++) {
        desk_pay(mini, desk_order(mini, vip, 1));
        desk_pay(mini, desk_order(mini, box, 1));
    }
    page = desk_get(mini, "/v1/users/child/entitlements?limit=2");
    CHECK(strlen(mini_get(mini, page, "data.1.id")) > 0);
    page = desk_get(mini, mini_text(mini, "/v1/users/child/entitlements?limit=2&cursor=%s",
                                    mini_get(mini, page, "next")));
    CHECK(strlen(mini_get(mini, page, "data.0.id")) > 0);
    CHECK_EQ_STR(mini_get(mini, page, "data.1"), "");
    page = desk_get(mini, "/v1/shipments?state=ready&location=main&limit=2");
    CHECK(strlen(mini_get(mini, page, "data.1.id")) > 0);
    page = desk_get(mini, mini_text(mini, "/v1/shipments?state=ready&limit=2&cursor=%s",
                                    mini_get(mini, page, "next")));
    CHECK_EQ_STR(mini_get(mini, page, "data.1"), "");
    CHECK_EQ_STR(desk_text(mini, "/v1/shipments?state=shipped", "data"), "[]");
    CHECK_EQ_STR(desk_text(mini, "/v1/shipments?location=north", "data"), "[]");
    mini_close(mini);
}

TEST_DB(fulfil_patrol, "an order that counts its shipments wrongly is found")
{
    struct mini *mini = mini_open(db);

    desk_pay(mini, desk_order(mini, desk_sku(mini, "A", "goods", 100, 10, ""), 1));
    desk_ledger_ok(mini);
    mini_sql(mini, "update fulfil_order set open = 2");
    CHECK(strstr(desk_get(mini, "/v1/ledger/check").body, "shipments_open") != NULL);
    mini_close(mini);
}

TEST_DB(fulfil_parcel_of_pieces, "a parcel takes pieces of a line of any kind, unless it names one")
{
    struct mini *mini = mini_open(db);
    const char *a = desk_sku(mini, "A", "goods", 100, 9, ""), *shipment, *order;
    const char *b = desk_sku(mini, "B", "goods", 100, 9, "");
    const char *box = desk_sku(mini, "BOX", "bundle", 150, 0,
                               mini_text(mini,
                                         ",\"components\":[{\"sku\":\"%s\",\"quantity\":1},{"
                                         "\"sku\":\"%s\",\"quantity\":1}]",
                                         a, b));
    struct answer got;

    order = desk_order(mini, box, 1);
    desk_pay(mini, order);
    shipment = desk_shipment(mini, order, 0);
    got = desk_post(mini, 409, mini_text(mini, "/v1/shipments/%s/ship", shipment),
                    "{\"lines\":[{\"line\":0,\"quantity\":3}]}");
    CHECK_EQ_STR(mini_get(mini, got, "code"), "quantity_exceeds");
    got = desk_post(mini, 200, mini_text(mini, "/v1/shipments/%s/ship", shipment),
                    "{\"lines\":[{\"line\":0,\"quantity\":1},{\"line\":0,\"quantity\":1}],"
                    "\"delivered\":true}");
    CHECK_EQ_STR(mini_get(mini, got, "items.1.sku"), b);
    CHECK_EQ_STR(desk_state(mini, order), "completed");
    CHECK_EQ_STR(desk_stock(mini, a), "8 0 1");
    CHECK_EQ_STR(desk_stock(mini, b), "8 0 1");
    mini_close(mini);
}
