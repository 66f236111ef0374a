/*
 * catalog_product_test.c - products of every kind, their SKUs, states, changes and prices.
 */
#include "modules/catalog/catalog_fixture.h"

/* ---- Made ---- */

TEST_DB(catalog_kinds, "a product is of one of six kinds, and what can run out is counted")
{
    static const char *const expected[][2] = {{"goods", "deny"},        {"content", "unlimited"},
                                              {"course", "deny"},       {"vip", "unlimited"},
                                              {"teacher", "unlimited"}, {"bundle", "deny"}};
    struct mini *mini = mini_open(db);

    shelf_sku(mini, "goods", "PART", "");
    for (int k = 0; k < 6; k++) {
        const char *kind = expected[k][0];
        bool bundle = strcmp(kind, "bundle") == 0;
        struct answer made = shelf_do(
            mini, 201, "POST /v1/products",
            shelf_body(mini, "T", kind, kind,
                       bundle ? ",\"components\":[{\"sku_code\":\"PART\",\"quantity\":1}]" : ""));

        CHECK_EQ_STR(mini_get(mini, made, "kind"), kind);
        CHECK_EQ_STR(mini_get(mini, made, "skus.0.stock"), expected[k][1]);
        CHECK_EQ_STR(mini_get(mini, made, "state"), "on_sale");
    }
    struct answer refused = shelf_refused(mini, 400, "bad_value", "POST /v1/products",
                                          shelf_body(mini, "T", "potion", "X", ""));

    CHECK_EQ_STR(mini_get(mini, refused, "pointer"), "/kind");
    mini_close(mini);
}

TEST_DB(catalog_policies, "a SKU keeps the stock policy it was given")
{
    static const char *const policies[] = {"\"deny\"", "\"unlimited\"", "{\"below_zero\":5}"};
    struct mini *mini = mini_open(db);

    for (int k = 0; k < 3; k++) {
        const char *code = mini_text(mini, "P%d", k);
        const char *sku =
            shelf_sku(mini, "goods", code, mini_text(mini, ",\"stock\":%s", policies[k]));
        struct answer read = shelf_do(mini, 200, mini_text(mini, "GET /v1/skus/%s", sku), NULL);

        CHECK_SAY(strstr(read.body, mini_text(mini, "\"stock\":%s", policies[k])) != NULL, "%s",
                  read.body);
    }
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku where policy = 'below_zero'"
                                  " and below_zero = 5"),
                 1);
    mini_close(mini);
}

TEST_DB(catalog_skus_and_options, "a product has SKUs in their order, told apart by their options")
{
    struct mini *mini = mini_open(db);
    struct answer made = shelf_do(
        mini, 201, "POST /v1/products",
        "{\"title\":\"Shirt 衬衫\",\"kind\":\"goods\",\"category\":\"cloth\",\"skus\":["
        "{\"code\":\"S-RED\",\"title\":\"Red\",\"price\":{\"amount\":1990,\"currency\":\"CNY\"},"
        "\"options\":{\"colour\":\"red\",\"size\":\"大\"},\"tax_ppm\":130000,\"entity\":\"east\","
        "\"location\":\"north\"},"
        "{\"code\":\"S-BLUE\",\"price\":{\"amount\":0,\"currency\":\"EUR\"},\"term_days\":7}]}");
    struct answer read = shelf_do(mini, 200, mini_text(mini, "GET %s", made.location), NULL);

    CHECK_EQ_STR(read.body, made.body);
    CHECK_EQ_STR(mini_get(mini, read, "category"), "cloth");
    CHECK_EQ_STR(mini_get(mini, read, "skus.0.title"), "Red");
    CHECK_EQ_STR(mini_get(mini, read, "skus.0.options"), "{\"colour\":\"red\",\"size\":\"大\"}");
    CHECK_EQ_STR(mini_get(mini, read, "skus.0.price"), "{\"amount\":1990,\"currency\":\"CNY\"}");
    CHECK_EQ_INT(mini_get_int(mini, read, "skus.0.tax_ppm"), 130000);
    CHECK_EQ_STR(mini_get(mini, read, "skus.0.entity"), "east");
    CHECK_EQ_STR(mini_get(mini, read, "skus.0.location"), "north");
    CHECK_EQ_STR(mini_get(mini, read, "skus.1.title"), "Shirt 衬衫");
    CHECK_EQ_STR(mini_get(mini, read, "skus.1.options"), "{}");
    CHECK_EQ_STR(mini_get(mini, read, "skus.1.entity"), "main");
    CHECK_EQ_STR(mini_get(mini, read, "skus.1.location"), "main");
    CHECK_EQ_INT(mini_get_int(mini, read, "skus.1.term_days"), 7);
    CHECK_EQ_STR(mini_get(mini, read, "skus.2"), "");
    mini_close(mini);
}

TEST_DB(catalog_by_code, "a SKU is found by its code, whatever is in it, and all SKUs in pages")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(mini, "goods", "A/1 %_é", "");
    struct answer found;

    shelf_sku(mini, "goods", "A", "");
    shelf_sku(mini, "goods", "B", "");
    found = shelf_do(mini, 200, "GET /v1/skus?code=A%2F1%20%25_%C3%A9", NULL);
    CHECK_EQ_STR(mini_get(mini, found, "data.0.id"), sku);
    CHECK_EQ_STR(mini_get(mini, found, "data.1"), "");
    CHECK_EQ_STR(mini_get(mini, found, "next"), "null");
    found = shelf_do(mini, 200, "GET /v1/skus?code=a", NULL);
    CHECK_EQ_STR(mini_get(mini, found, "data"), "[]");
    found = shelf_do(mini, 200, "GET /v1/skus?limit=2", NULL);
    CHECK_EQ_STR(mini_get(mini, found, "data.1.code"), "A");
    found = shelf_do(
        mini, 200, mini_text(mini, "GET /v1/skus?limit=2&cursor=%s", mini_get(mini, found, "next")),
        NULL);
    CHECK_EQ_STR(mini_get(mini, found, "data.0.code"), "B");
    CHECK_EQ_STR(mini_get(mini, found, "next"), "null");
    shelf_refused(mini, 404, "no_such_sku", "GET /v1/skus/sku_0000000000001", NULL);
    shelf_refused(mini, 404, "no_such_product", "GET /v1/products/prd_0000000000001", NULL);
    mini_close(mini);
}

TEST_DB(catalog_one_code, "a code belongs to one SKU, also inside one request and in a draft")
{
    struct mini *mini = mini_open(db);
    struct answer refused;
    const char *twice = "{\"title\":\"T\",\"kind\":\"goods\",\"skus\":["
                        "{\"code\":\"A\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}},"
                        "{\"code\":\"A\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}]}";

    refused = shelf_refused(mini, 409, "code_taken", "POST /v1/products", twice);
    CHECK_EQ_STR(mini_get(mini, refused, "pointer"), "/skus/1/code");
    CHECK_EQ_STR(mini_get(mini, refused, "sku_code"), "A");
    CHECK_EQ_INT(shelf_digest(mini), 0);
    shelf_do(mini, 201, "POST /v1/products",
             "{\"title\":\"T\",\"kind\":\"goods\",\"state\":\"draft\",\"skus\":["
             "{\"code\":\"A\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}]}");
    refused = shelf_refused(mini, 409, "code_taken", "POST /v1/products",
                            shelf_body(mini, "T", "goods", "A", ""));
    CHECK_EQ_STR(mini_get(mini, refused, "pointer"), "/skus/0/code");
    shelf_sku(mini, "goods", "a", ""); /* Codes are told apart by their bytes. */
    mini_close(mini);
}

/* ---- Draft, on sale, off sale ---- */

static void set_state(struct mini *mini, struct answer made, const char *state)
{
    struct answer answer = shelf_do(mini, 200, mini_text(mini, "POST %s/state", made.location),
                                    mini_text(mini, "{\"state\":\"%s\"}", state));

    CHECK_EQ_STR(mini_get(mini, answer, "state"), state);
}

TEST_DB(catalog_states, "only what is on sale is sold, and a product may go on and off sale")
{
    static const char *const closed[] = {"off_sale", "draft"};
    struct mini *mini = mini_open(db);
    struct answer made =
        shelf_do(mini, 201, "POST /v1/products",
                 "{\"title\":\"T\",\"kind\":\"content\",\"state\":\"draft\",\"skus\":[{\"code\":"
                 "\"A\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}]}");
    const char *sku = mini_get(mini, made, "skus.0.id");

    CHECK_EQ_STR(mini_get(mini, made, "state"), "draft");
    CHECK_EQ_STR(mini_get(mini, shelf_quote(mini, sku, "CNY"), "code"), "not_on_sale");
    for (int k = 0; k < 2; k++) {
        set_state(mini, made, "on_sale");
        CHECK_EQ_INT(shelf_quote(mini, sku, "CNY").status, 200);
        set_state(mini, made, closed[k]);
        CHECK_EQ_STR(mini_get(mini, shelf_quote(mini, sku, "CNY"), "code"), "not_on_sale");
    }
    shelf_refused(mini, 400, "bad_value", mini_text(mini, "POST %s/state", made.location),
                  "{\"state\":\"gone\"}");
    shelf_refused(mini, 400, "bad_value", "POST /v1/products",
                  "{\"title\":\"T\",\"kind\":\"content\",\"state\":\"off_sale\",\"skus\":[{"
                  "\"code\":\"B\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}]}");
    shelf_refused(mini, 404, "no_such_product", "POST /v1/products/prd_0000000000001/state",
                  "{\"state\":\"draft\"}");
    mini_close(mini);
}

/* ---- Changes ---- */

TEST_DB(catalog_product_changed, "a product changes its title and category, its SKUs follow")
{
    struct mini *mini = mini_open(db);
    struct answer made = shelf_do(mini, 201, "POST /v1/products",
                                  shelf_body(mini, "Ink", "goods", "A", "")),
                  changed, own;
    const char *patch = mini_text(mini, "PATCH %s", made.location);

    own = shelf_do(mini, 201, mini_text(mini, "POST %s/skus", made.location),
                   "{\"code\":\"B\",\"title\":\"Own\",\"price\":{\"amount\":1,\"currency\":"
                   "\"CNY\"}}");
    CHECK_EQ_STR(own.location, mini_text(mini, "/v1/skus/%s", mini_get(mini, own, "id")));
    shelf_do(mini, 200, mini_text(mini, "GET %s", made.location), NULL); /* Into memory. */
    changed = shelf_do(mini, 200, patch, "{\"title\":\"Blue Ink\"}");
    CHECK_EQ_STR(mini_get(mini, changed, "title"), "Blue Ink");
    CHECK_EQ_STR(mini_get(mini, changed, "skus.0.title"), "Blue Ink");
    CHECK_EQ_STR(mini_get(mini, changed, "skus.1.title"), "Own");
    CHECK_EQ_STR(mini_get(mini, changed, "category"), "");
    changed = shelf_do(mini, 200, patch, "{\"category\":\"art\"}");
    CHECK_EQ_STR(mini_get(mini, changed, "title"), "Blue Ink");
    CHECK_EQ_STR(shelf_do(mini, 200, mini_text(mini, "GET %s", made.location), NULL).body,
                 changed.body);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku where category = 'art'"), 2);
    CHECK_EQ_STR(mini_get(mini, shelf_do(mini, 200, "GET /v1/products?title=ink", NULL), "data"),
                 "[]");
    CHECK_EQ_STR(
        mini_get(mini, shelf_do(mini, 200, "GET /v1/products?title=BLUE", NULL), "data.0.title"),
        "Blue Ink");
    changed = shelf_do(mini, 200, patch, "{\"category\":\"\"}");
    CHECK_EQ_STR(mini_get(mini, changed, "category"), "");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox where type ="
                                  " 'catalog.product_changed'"),
                 4);
    shelf_refused(mini, 400, "required", patch, "{}");
    shelf_refused(mini, 400, "unknown_field", patch, "{\"kind\":\"course\"}");
    shelf_refused(mini, 400, "out_of_range", patch, "{\"title\":\"\"}");
    shelf_refused(mini, 404, "no_such_product", "PATCH /v1/products/prd_0000000000001",
                  "{\"title\":\"x\"}");
    mini_close(mini);
}

TEST_DB(catalog_sku_changed, "a SKU changes its title, policy, tax and options, never its code")
{
    struct mini *mini = mini_open(db);
    const char *sku = shelf_sku(mini, "goods", "A", ",\"options\":{\"a\":\"1\"}");
    const char *patch = mini_text(mini, "PATCH /v1/skus/%s", sku);
    struct answer changed;

    changed = shelf_do(mini, 200, patch, "{\"tax_ppm\":0,\"stock\":{\"below_zero\":7}}");
    CHECK_EQ_STR(mini_get(mini, changed, "stock"), "{\"below_zero\":7}");
    CHECK_EQ_STR(mini_get(mini, changed, "options"), "{\"a\":\"1\"}");
    changed =
        shelf_do(mini, 200, patch, "{\"title\":\"T\",\"tax_ppm\":60000,\"options\":{\"b\":\"2\"}}");
    CHECK_EQ_STR(mini_get(mini, changed, "title"), "T");
    CHECK_EQ_STR(mini_get(mini, changed, "stock"), "{\"below_zero\":7}");
    CHECK_EQ_INT(mini_get_int(mini, changed, "tax_ppm"), 60000);
    CHECK_EQ_STR(mini_get(mini, changed, "options"), "{\"b\":\"2\"}");
    changed = shelf_do(mini, 200, patch, "{\"options\":{},\"stock\":\"deny\"}");
    CHECK_EQ_STR(mini_get(mini, changed, "options"), "{}");
    CHECK_EQ_STR(mini_get(mini, changed, "stock"), "deny");
    CHECK_EQ_STR(mini_get(mini, shelf_quote(mini, sku, "CNY"), "total.amount"), "500");
    shelf_refused(mini, 400, "required", patch, "{}");
    shelf_refused(mini, 400, "unknown_field", patch, "{\"code\":\"B\"}");
    shelf_refused(mini, 400, "wrong_type", patch, "{\"options\":[1]}");
    shelf_refused(mini, 400, "bad_value", patch, "{\"stock\":5}");
    shelf_refused(mini, 404, "no_such_sku", "PATCH /v1/skus/sku_0000000000001",
                  "{\"title\":\"x\"}");
    mini_close(mini);
}

TEST_DB(catalog_sku_added, "a product takes SKUs until it has a hundred")
{
    struct mini *mini = mini_open(db);
    struct answer made =
        shelf_do(mini, 201, "POST /v1/products", shelf_body(mini, "Ink", "goods", "0", ""));
    const char *post = mini_text(mini, "POST %s/skus", made.location);

    for (int k = 1; k < CATALOG_SKUS_MAX; k++)
        shelf_do(
            mini, 201, post,
            mini_text(mini, "{\"code\":\"%d\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}", k));
    shelf_refused(mini, 409, "too_many_skus", post,
                  "{\"code\":\"X\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from catalog_sku"), CATALOG_SKUS_MAX);
    made = shelf_do(mini, 201, "POST /v1/products", shelf_body(mini, "T", "content", "T", ""));
    post = mini_text(mini, "POST %s/skus", made.location);
    shelf_refused(mini, 409, "code_taken", post,
                  "{\"code\":\"7\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}");
    shelf_refused(mini, 400, "bad_value", post,
                  "{\"code\":\"U\",\"price\":{\"amount\":1,\"currency\":\"CNY\"},"
                  "\"components\":[{\"sku_code\":\"7\",\"quantity\":1}]}");
    shelf_refused(mini, 404, "no_such_product", "POST /v1/products/prd_0000000000001/skus",
                  "{\"code\":\"X\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}");
    mini_close(mini);
}
