/*
 * catalog_price_test.c - prices by currency and window of time.
 */
#include "modules/catalog/catalog_fixture.h"

/* The clock begins at 2026-01-01T00:00:00Z. */

static int64_t price_of(struct mini *mini, const char *sku, const char *currency)
{
    return mini_get_int(mini, shelf_quote(mini, sku, currency), "total.amount");
}

TEST_DB(catalog_window_to_the_ms, "a window opens with its first and closes with its last ms")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(mini, "content", "A",
                                ",\"prices\":[{\"amount\":{\"amount\":300,\"currency\":\"CNY\"},"
                                "\"from\":\"2026-01-01T08:00:00.005+08:00\","
                                "\"until\":\"2026-01-01T00:00:00.007Z\"}]");
    static const int64_t expected[] = {500, 500, 500, 500, 500, 300, 300, 500};

    for (int ms = 0; ms < 8; ms++) {
        CHECK_EQ_INT(price_of(mini, sku, "CNY"), expected[ms]);
        mini_sleep_ms(mini, 1);
    }
    mini_close(mini);
}

TEST_DB(catalog_windows_open, "a window without from or until is open on that side")
{
    struct mini *mini = mini_open(db);
    const char *early = shelf_sku(mini, "content", "E",
                                  ",\"prices\":[{\"amount\":{\"amount\":1,\"currency\":\"CNY\"},"
                                  "\"until\":\"2026-01-01T00:00:00.001Z\"}]");
    const char *late = shelf_sku(mini, "content", "L",
                                 ",\"prices\":[{\"amount\":{\"amount\":2,\"currency\":\"CNY\"},"
                                 "\"from\":\"2026-01-01T00:00:00.001Z\"}]");

    CHECK_EQ_INT(price_of(mini, early, "CNY"), 1);
    CHECK_EQ_INT(price_of(mini, late, "CNY"), 500);
    mini_sleep_ms(mini, 1);
    CHECK_EQ_INT(price_of(mini, early, "CNY"), 500);
    CHECK_EQ_INT(price_of(mini, late, "CNY"), 2);
    mini_sleep_ms(mini, 400 * DAY_MS);
    CHECK_EQ_INT(price_of(mini, late, "CNY"), 2);
    mini_close(mini);
}

TEST_DB(catalog_windows_overlap, "of windows that overlap the one that began last holds")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(
        mini, "content", "A",
        ",\"prices\":["
        "{\"amount\":{\"amount\":10,\"currency\":\"CNY\"},\"from\":\"2026-01-01T00:00:02Z\","
        "\"until\":\"2026-01-01T00:00:03Z\"},"
        "{\"amount\":{\"amount\":20,\"currency\":\"CNY\"},\"from\":\"2026-01-01T00:00:01Z\","
        "\"until\":\"2026-01-01T00:00:04Z\"},"
        "{\"amount\":{\"amount\":30,\"currency\":\"CNY\"},\"from\":\"2026-01-01T00:00:01Z\","
        "\"until\":\"2026-01-01T00:00:04Z\"},"
        "{\"amount\":{\"amount\":99,\"currency\":\"EUR\"},\"from\":\"2026-01-01T00:00:02Z\"}]");
    /* Of two that began together the later in the list. */
    static const int64_t expected[] = {500, 30, 10, 30, 500};

    for (int s = 0; s < 5; s++) {
        CHECK_EQ_INT(price_of(mini, sku, "CNY"), expected[s]);
        CHECK_EQ_INT(shelf_quote(mini, sku, "EUR").status, s < 2 ? 409 : 200);
        mini_sleep_ms(mini, SECOND_MS);
    }
    mini_close(mini);
}

TEST_DB(catalog_currencies, "a SKU has a price in each currency it names, and in no other")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(mini, "content", "A",
                                ",\"prices\":[{\"amount\":{\"amount\":80,\"currency\":\"EUR\"}},"
                                "{\"amount\":{\"amount\":9000,\"currency\":\"JPY\"}}]");
    struct answer refused = shelf_quote(mini, sku, "USD");

    CHECK_EQ_INT(price_of(mini, sku, "CNY"), 500);
    CHECK_EQ_INT(price_of(mini, sku, "EUR"), 80);
    CHECK_EQ_INT(price_of(mini, sku, "JPY"), 9000);
    CHECK_EQ_INT(refused.status, 409);
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "no_price");
    CHECK_EQ_STR(mini_get(mini, refused, "sku"), sku);
    mini_close(mini);
}

TEST_DB(catalog_prices_shown, "prices are shown as they were given, so that they can be put again")
{
    struct mini *mini = mini_open(db);
    const char *prices = "[{\"amount\":{\"amount\":300,\"currency\":\"CNY\"},"
                         "\"from\":\"2026-02-01T00:00:00.000Z\","
                         "\"until\":\"2026-03-01T00:00:00.001Z\"},"
                         "{\"amount\":{\"amount\":80,\"currency\":\"EUR\"}}]";
    const char *sku = shelf_sku(mini, "content", "A", mini_text(mini, ",\"prices\":%s", prices));
    const char *put = mini_text(mini, "PUT /v1/skus/%s/price", sku);
    struct answer read = shelf_do(mini, 200, mini_text(mini, "GET /v1/skus/%s", sku), NULL), set;

    CHECK_EQ_STR(mini_get(mini, read, "prices"), prices);
    set = shelf_do(mini, 200, put,
                   mini_text(mini, "{\"price\":%s,\"prices\":%s}", mini_get(mini, read, "price"),
                             mini_get(mini, read, "prices")));
    CHECK_EQ_STR(set.body, read.body);
    mini_close(mini);
}

TEST_DB(catalog_price_put, "a price that is put replaces all, and no order that was placed changes")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(mini, "content", "A",
                                ",\"prices\":[{\"amount\":{\"amount\":80,\"currency\":\"EUR\"}}]");
    const char *put = mini_text(mini, "PUT /v1/skus/%s/price", sku);
    struct answer order = shelf_do(
        mini, 201, "POST /v1/orders",
        mini_text(mini,
                  "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":"
                  "2}]}",
                  sku));

    shelf_do(mini, 200, put, "{\"price\":{\"amount\":70,\"currency\":\"USD\"}}");
    CHECK_EQ_INT(price_of(mini, sku, "USD"), 70);
    CHECK_EQ_INT(shelf_quote(mini, sku, "CNY").status, 409);
    CHECK_EQ_INT(shelf_quote(mini, sku, "EUR").status, 409);
    order = shelf_do(mini, 200, mini_text(mini, "GET /v1/orders/%s", mini_get(mini, order, "id")),
                     NULL);
    CHECK_EQ_STR(mini_get(mini, order, "total"), "{\"amount\":1000,\"currency\":\"CNY\"}");
    shelf_refused(mini, 400, "required", put, "{\"prices\":[]}");
    shelf_refused(mini, 404, "no_such_sku", "PUT /v1/skus/sku_0000000000001/price",
                  "{\"price\":{\"amount\":70,\"currency\":\"USD\"}}");
    mini_close(mini);
}

TEST_DB(catalog_windows_empty, "a window that ends before it begins is refused where it stands")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(mini, "content", "A", "");
    const char *empty = "\"prices\":[{\"amount\":{\"amount\":80,\"currency\":\"EUR\"}},"
                        "{\"amount\":{\"amount\":80,\"currency\":\"EUR\"},"
                        "\"from\":\"2026-01-01T00:00:01Z\",\"until\":\"2026-01-01T00:00:01Z\"}]";
    struct answer refused;

    refused = shelf_refused(mini, 400, "out_of_range", "POST /v1/products",
                            shelf_body(mini, "T", "goods", "B", mini_text(mini, ",%s", empty)));
    CHECK_EQ_STR(mini_get(mini, refused, "pointer"), "/skus/0/prices/1/until");
    refused = shelf_refused(
        mini, 400, "out_of_range", mini_text(mini, "PUT /v1/skus/%s/price", sku),
        mini_text(mini, "{\"price\":{\"amount\":70,\"currency\":\"USD\"},%s}", empty));
    CHECK_EQ_STR(mini_get(mini, refused, "pointer"), "/prices/1/until");
    CHECK_EQ_INT(price_of(mini, sku, "CNY"), 500);
    mini_close(mini);
}
