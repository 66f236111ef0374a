/*
 * catalog_test.c - products, prices in their windows, bundles, search, import, memory.
 */
#include "modules/catalog/catalog.h"

#include "test/kit/mini.h"

static struct answer make(struct mini *mini, const char *title, const char *kind, const char *sku)
{
    return mini_http(
        mini, "POST /v1/products",
        mini_text(mini, "{\"title\":\"%s\",\"kind\":\"%s\",\"skus\":[%s]}", title, kind, sku));
}

static const char *plain(struct mini *mini, const char *code)
{
    return mini_text(mini, "{\"code\":\"%s\",\"price\":{\"amount\":500,\"currency\":\"CNY\"}}",
                     code);
}

static struct answer quote(struct mini *mini, const char *sku, const char *currency)
{
    return mini_http(mini, "POST /v1/quotes",
                     mini_text(mini,
                               "{\"user\":\"u\",\"currency\":\"%s\",\"lines\":[{\"sku\":\"%s\","
                               "\"quantity\":1}]}",
                               currency, sku));
}

TEST_DB(catalog_made_and_read, "a product is made with its SKUs, and a code belongs to one SKU")
{
    struct mini *mini = mini_open(db);
    struct answer made = make(mini, "Ink", "goods", plain(mini, "INK"));

    CHECK_SAY(made.status == 201, "%s", made.body);
    CHECK_EQ_STR(mini_get(mini, made, "state"), "on_sale");
    CHECK_EQ_STR(mini_get(mini, made, "skus.0.stock"), "deny");
    struct answer read = mini_http(mini, mini_text(mini, "GET %s", made.location), NULL);

    CHECK_EQ_STR(read.body, made.body);
    struct answer taken = make(mini, "Ink 2", "goods", plain(mini, "INK"));

    CHECK_EQ_INT(taken.status, 409);
    CHECK_EQ_STR(mini_get(mini, taken, "code"), "code_taken");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_product"), 1);
    mini_close(mini);
}

TEST_DB(catalog_memory_follows, "the reply from memory follows every change")
{
    struct mini *mini = mini_open(db);
    struct answer made = make(mini, "Ink", "goods", plain(mini, "INK"));
    const char *get = mini_text(mini, "GET %s", made.location);
    const char *sku = mini_get(mini, made, "skus.0.id");

    mini_http(mini, get, NULL);
    struct answer changed = mini_http(mini, mini_text(mini, "PUT /v1/skus/%s/price", sku),
                                      "{\"price\":{\"amount\":700,\"currency\":\"CNY\"}}");

    CHECK_SAY(changed.status == 200, "%s", changed.body);
    CHECK_EQ_INT(mini_get_int(mini, mini_http(mini, get, NULL), "skus.0.price.amount"), 700);
    mini_http(mini, mini_text(mini, "POST %s/state", made.location), "{\"state\":\"off_sale\"}");
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, get, NULL), "state"), "off_sale");
    struct answer refused = quote(mini, sku, "CNY");

    CHECK_EQ_INT(refused.status, 409);
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "not_on_sale");
    mini_close(mini);
}

TEST_DB(catalog_prices_in_their_time,
        "a price holds in its currency and from its first to its last ms")
{
    struct mini *mini = mini_open(db); /* Begins at 2026-01-01T00:00:00Z. */
    struct answer made =
        make(mini, "Ink", "goods",
             "{\"code\":\"INK\",\"price\":{\"amount\":500,\"currency\":\"CNY\"},\"prices\":["
             "{\"amount\":{\"amount\":80,\"currency\":\"EUR\"}},"
             "{\"amount\":{\"amount\":300,\"currency\":\"CNY\"},\"from\":\"2026-01-01T01:00:00Z\","
             "\"until\":\"2026-01-01T02:00:00Z\"}]}");
    const char *sku = mini_get(mini, made, "skus.0.id");

    CHECK_SAY(made.status == 201, "%s", made.body);
    CHECK_EQ_INT(mini_get_int(mini, quote(mini, sku, "EUR"), "total.amount"), 80);
    CHECK_EQ_STR(mini_get(mini, quote(mini, sku, "USD"), "code"), "no_price");
    mini_sleep_ms(mini, HOUR_MS - 1);
    CHECK_EQ_INT(mini_get_int(mini, quote(mini, sku, "CNY"), "total.amount"), 500);
    mini_sleep_ms(mini, 1);
    CHECK_EQ_INT(mini_get_int(mini, quote(mini, sku, "CNY"), "total.amount"), 300);
    mini_sleep_ms(mini, HOUR_MS);
    CHECK_EQ_INT(mini_get_int(mini, quote(mini, sku, "CNY"), "total.amount"), 500);
    mini_close(mini);
}

TEST_DB(catalog_bundles_whole, "a bundle reserves all of its components or none")
{
    struct mini *mini = mini_open(db);
    const char *a = mini_get(mini, make(mini, "A", "goods", plain(mini, "A")), "skus.0.id");
    struct answer bundle;

    make(mini, "B", "goods", plain(mini, "B"));
    CHECK_EQ_INT(make(mini, "Empty", "bundle", plain(mini, "E")).status, 400);
    bundle = make(mini, "Set", "bundle",
                  "{\"code\":\"SET\",\"price\":{\"amount\":900,\"currency\":\"CNY\"},"
                  "\"components\":[{\"sku_code\":\"A\",\"quantity\":2},"
                  "{\"sku_code\":\"B\",\"quantity\":1}]}");
    CHECK_SAY(bundle.status == 201, "%s", bundle.body);
    mini_http(mini, "POST /v1/stock/movements",
              mini_text(mini, "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":10}", a));
    struct answer order = mini_http(
        mini, "POST /v1/orders",
        mini_text(
            mini,
            "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":1}]}",
            mini_get(mini, bundle, "skus.0.id")));

    CHECK_EQ_INT(order.status, 409);
    CHECK_EQ_STR(mini_get(mini, order, "code"), "out_of_stock");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from stock_reservation"), 0);
    mini_close(mini);
}

TEST_DB(catalog_searched, "search goes by the beginning of the title and by kind, page by page")
{
    struct mini *mini = mini_open(db);

    make(mini, "Ink blue", "goods", plain(mini, "1"));
    make(mini, "ink Red", "goods", plain(mini, "2"));
    make(mini, "Pink", "goods", plain(mini, "3"));
    make(mini, "Ink lesson", "content", plain(mini, "4"));
    struct answer page = mini_http(mini, "GET /v1/products?title=INK&limit=2", NULL);

    CHECK_EQ_STR(mini_get(mini, page, "data.1.title"), "ink Red");
    page = mini_http(mini,
                     mini_text(mini, "GET /v1/products?title=INK&limit=2&cursor=%s",
                               mini_get(mini, page, "next")),
                     NULL);
    CHECK_EQ_STR(mini_get(mini, page, "data.0.title"), "Ink lesson");
    CHECK_EQ_STR(mini_get(mini, page, "data.1"), "");
    page = mini_http(mini, "GET /v1/products?title=ink&kind=content", NULL);
    CHECK_EQ_STR(mini_get(mini, page, "data.0.title"), "Ink lesson");
    CHECK_EQ_STR(mini_get(mini, page, "data.1"), "");
    mini_close(mini);
}

TEST_DB(catalog_imports_all_or_nothing,
        "an import keeps all of its rows or none, and names the bad ones")
{
    static const char head[] = "code,title,kind,price_minor,currency,category\n";
    struct mini *mini = mini_open(db);
    const char *good =
        mini_text(mini, "%sA,\"Ink, blue\",goods,100,CNY,art\nB,Red,goods,200,CNY,\n", head);
    const char *bad = mini_text(mini, "%sC,Green,goods,1.5,CNY,\nD,Grey,goods,100,CNY,\n", head);
    struct answer dry = mini_http(mini, "POST /v1/products/import?dry_run=true", good);

    CHECK_SAY(dry.status == 200, "%s", dry.body);
    CHECK_EQ_INT(mini_get_int(mini, dry, "products"), 2);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku"), 0);
    struct answer refused = mini_http(mini, "POST /v1/products/import", bad);

    CHECK_EQ_INT(refused.status, 422);
    CHECK_EQ_INT(mini_get_int(mini, refused, "errors.0.row"), 2);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku"), 0);
    CHECK_EQ_INT(mini_http(mini, "POST /v1/products/import", good).status, 200);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku where title = 'Ink, blue'"), 1);
    CHECK_EQ_INT(mini_http(mini, "POST /v1/products/import", good).status, 422);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku"), 2);
    mini_close(mini);
}
