/*
 * catalog_limit_test.c - what a product may say, one below and one above each limit.
 */
#include "modules/catalog/catalog_fixture.h"

/* The template with each @ replaced by value. */
static const char *fill(struct mini *mini, const char *template, const char *value)
{
    char bytes[4096];
    struct text text = {.ptr = bytes, .size = sizeof(bytes) - 1};

    for (const char *at = template; *at; at++)
        text_add(&text, *at == '@' ? str_of(value) : (struct str){at, 1});
    CHECK(!text.cut);
    bytes[text.len] = '\0';
    return mini_text(mini, "%s", bytes);
}

/* A product that exists for this body alone: code and title are free. */
static const char *with_sku(struct mini *mini, int n, const char *kind, const char *member)
{
    return mini_text(mini,
                     "{\"title\":\"T\",\"kind\":\"%s\",\"skus\":[{\"code\":\"N%d\",\"price\":"
                     "{\"amount\":1,\"currency\":\"CNY\"},%s}]}",
                     kind, n, member);
}

static void check(struct mini *mini, bool taken, const char *pointer, const char *body)
{
    int64_t before = shelf_digest(mini);
    struct answer answer;

    if (taken) {
        shelf_do(mini, 201, "POST /v1/products", body);
        return;
    }
    answer = shelf_refused(mini, 400, "out_of_range", "POST /v1/products", body);
    CHECK_EQ_STR(mini_get(mini, answer, "pointer"), pointer);
    CHECK_EQ_INT(shelf_digest(mini), before);
}

/* ---- Numbers ---- */

static const struct number_limit {
    const char *kind, *member, *pointer;
    int64_t min, max;
} numbers[] = {
    {"goods", "\"tax_ppm\":@", "/skus/0/tax_ppm", 0, 1000000},
    {"course", "\"term_days\":@", "/skus/0/term_days", 0, 36500},
    {"goods", "\"stock\":{\"below_zero\":@}", "/skus/0/stock/below_zero", 1, STOCK_QUANTITY_MAX},
    {"goods", "\"prices\":[{\"amount\":{\"amount\":@,\"currency\":\"EUR\"}}]",
     "/skus/0/prices/0/amount/amount", 0, MONEY_MINOR_MAX},
    {"bundle", "\"components\":[{\"sku_code\":\"PART\",\"quantity\":@}]",
     "/skus/0/components/0/quantity", 1, CATALOG_COMPONENT_QUANTITY_MAX},
    {"bundle", "\"components\":[{\"sku_code\":\"PART\",\"quantity\":1,\"after_days\":@}]",
     "/skus/0/components/0/after_days", 0, CATALOG_AFTER_DAYS_MAX},
};

TEST_DB(catalog_limit_numbers, "numbers of a SKU are taken up to their limits and not beyond")
{
    struct mini *mini = mini_open(db);
    int n = 0;

    shelf_sku(mini, "goods", "PART", "");
    for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
        const struct number_limit *limit = &numbers[k];
        const int64_t values[] = {limit->min - 1, limit->min, limit->max, limit->max + 1};

        for (int v = 0; v < 4; v++) {
            const char *value = mini_text(mini, "%" PRId64, values[v]);

            check(mini, v == 1 || v == 2, limit->pointer,
                  with_sku(mini, n++, limit->kind, fill(mini, limit->member, value)));
        }
    }
    mini_close(mini);
}

TEST_DB(catalog_limit_price, "a price is 0 to 10^15 minor units of a currency")
{
    struct mini *mini = mini_open(db);
    const char *put = mini_text(mini, "PUT /v1/skus/%s/price", shelf_sku(mini, "goods", "A", ""));
    static const char fmt[] = "{\"price\":{\"amount\":@,\"currency\":\"CNY\"}}";
    static const char *const currencies[] = {"cny", "CN", "CNYX", "C1Y", ""};

    shelf_refused(mini, 400, "out_of_range", put, fill(mini, fmt, "-1"));
    shelf_do(mini, 200, put, fill(mini, fmt, "0"));
    shelf_do(mini, 200, put, fill(mini, fmt, "1000000000000000"));
    shelf_refused(mini, 400, "out_of_range", put, fill(mini, fmt, "1000000000000001"));
    shelf_refused(mini, 400, "wrong_type", put, fill(mini, fmt, "1.5"));
    shelf_refused(mini, 400, "wrong_type", put, fill(mini, fmt, "\"1\""));
    for (size_t k = 0; k < sizeof(currencies) / sizeof(currencies[0]); k++)
        shelf_refused(mini, 400, "bad_value", put,
                      fill(mini, "{\"price\":{\"amount\":1,\"currency\":\"@\"}}", currencies[k]));
    mini_close(mini);
}

/* ---- Texts ---- */

static const struct text_limit {
    const char *body, *pointer;
    size_t min, max;
} texts[] = {
    {"{\"title\":\"@\",\"kind\":\"goods\",\"skus\":[{\"code\":\"N\",\"price\":"
     "{\"amount\":1,\"currency\":\"CNY\"}}]}",
     "/title", 1, CATALOG_TITLE_LEN_MAX},
    {"{\"title\":\"T\",\"category\":\"@\",\"kind\":\"goods\",\"skus\":[{\"code\":\"N\",\"price\":"
     "{\"amount\":1,\"currency\":\"CNY\"}}]}",
     "/category", 0, CATALOG_CATEGORY_LEN_MAX},
    {"{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[{\"code\":\"@\",\"price\":"
     "{\"amount\":1,\"currency\":\"CNY\"}}]}",
     "/skus/0/code", 1, CATALOG_CODE_LEN_MAX},
    {"{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[{\"code\":\"N\",\"title\":\"@\",\"price\":"
     "{\"amount\":1,\"currency\":\"CNY\"}}]}",
     "/skus/0/title", 0, CATALOG_TITLE_LEN_MAX},
    {"{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[{\"code\":\"N\",\"entity\":\"@\",\"price\":"
     "{\"amount\":1,\"currency\":\"CNY\"}}]}",
     "/skus/0/entity", 1, 32},
    {"{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[{\"code\":\"N\",\"location\":\"@\",\"price\":"
     "{\"amount\":1,\"currency\":\"CNY\"}}]}",
     "/skus/0/location", 1, STOCK_LOCATION_LEN_MAX},
    {"{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[{\"code\":\"N\",\"options\":{\"c\":\"@\"},"
     "\"price\":{\"amount\":1,\"currency\":\"CNY\"}}]}",
     "/skus/0/options/c", 0, FIELD_TEXT_LEN_MAX},
};

TEST_DB(catalog_limit_texts, "texts of a product are taken up to their bytes and not beyond")
{
    struct mini *mini = mini_open(db);

    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
        const struct text_limit *limit = &texts[k];

        for (size_t len = limit->min ? limit->min - 1 : 0; len <= limit->max + 1; len++) {
            bool taken = len >= limit->min && len <= limit->max;

            if (len > limit->min && len < limit->max)
                len = limit->max;
            taken = taken && len <= limit->max;
            check(mini, taken, limit->pointer,
                  fill(mini, limit->body, shelf_repeat(mini, 'x', len)));
            mini_sql(mini, "delete from catalog_sku");
        }
    }
    mini_close(mini);
}

/* ---- Lists ---- */

static const char *list(struct mini *mini, const char *item, int count)
{
    const char *all = "";

    for (int k = 0; k < count; k++)
        all = mini_text(mini, "%s%s%s", all, k ? "," : "",
                        fill(mini, item, mini_text(mini, "%d", k)));
    return all;
}

static const struct list_limit {
    const char *kind, *member, *item, *pointer;
    int min, max;
} lists[] = {
    {"goods", "\"options\":{@}", "\"@\":\"x\"", "/skus/0/options", 0, CATALOG_OPTIONS_MAX},
    {"goods", "\"prices\":[@]", "{\"amount\":{\"amount\":@,\"currency\":\"EUR\"}}",
     "/skus/0/prices", 0, CATALOG_PRICES_MAX},
    {"bundle", "\"components\":[@]", "{\"sku_code\":\"PART\",\"quantity\":1@}",
     "/skus/0/components", 1, CATALOG_COMPONENTS_MAX},
};

TEST_DB(catalog_limit_lists, "options, prices and components are taken up to their number")
{
    struct mini *mini = mini_open(db);
    int n = 0;

    shelf_sku(mini, "goods", "PART", "");
    for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
        const struct list_limit *limit = &lists[k];
        const int counts[] = {limit->min, limit->max, limit->max + 1};

        for (int c = 0; c < 3; c++)
            check(mini, c < 2, limit->pointer,
                  with_sku(mini, n++, limit->kind,
                           fill(mini, limit->member, list(mini, limit->item, counts[c]))));
    }
    mini_close(mini);
}

static const char *with_skus(struct mini *mini, int count)
{
    struct text body = shelf_long_text();

    (void)mini;
    text_addf(&body, "{\"title\":\"T\",\"kind\":\"goods\",\"skus\":[");
    for (int k = 0; k < count; k++)
        text_addf(&body, "%s{\"code\":\"S%d\",\"price\":{\"amount\":1,\"currency\":\"CNY\"}}",
                  k ? "," : "", k);
    text_addf(&body, "]}");
    return shelf_text_done(&body);
}

TEST_DB(catalog_limit_skus, "a product is made with 1 to 100 SKUs")
{
    struct mini *mini = mini_open(db);

    check(mini, false, "/skus", with_skus(mini, 0));
    check(mini, false, "/skus", with_skus(mini, CATALOG_SKUS_MAX + 1));
    check(mini, true, "/skus", with_skus(mini, CATALOG_SKUS_MAX));
    mini_close(mini);
}

TEST_DB(catalog_limit_patch, "changes meet the same limits")
{
    struct mini *mini = mini_open(db);
    struct answer made =
        shelf_do(mini, 201, "POST /v1/products", shelf_body(mini, "T", "goods", "A", ""));
    const char *product = mini_text(mini, "PATCH %s", made.location);
    const char *sku = mini_text(mini, "PATCH /v1/skus/%s", mini_get(mini, made, "skus.0.id"));
    const char *longest = shelf_repeat(mini, 't', CATALOG_TITLE_LEN_MAX);
    const char *category = shelf_repeat(mini, 'c', CATALOG_CATEGORY_LEN_MAX);

    shelf_do(mini, 200, product, fill(mini, "{\"title\":\"@\"}", longest));
    shelf_refused(mini, 400, "out_of_range", product, fill(mini, "{\"title\":\"@t\"}", longest));
    shelf_do(mini, 200, product, fill(mini, "{\"category\":\"@\"}", category));
    shelf_refused(mini, 400, "out_of_range", product,
                  fill(mini, "{\"category\":\"@c\"}", category));
    shelf_do(mini, 200, sku, fill(mini, "{\"title\":\"@\"}", longest));
    shelf_refused(mini, 400, "out_of_range", sku, fill(mini, "{\"title\":\"@t\"}", longest));
    shelf_do(mini, 200, sku, "{\"tax_ppm\":1000000}");
    shelf_refused(mini, 400, "out_of_range", sku, "{\"tax_ppm\":1000001}");
    shelf_refused(mini, 400, "out_of_range", sku, "{\"tax_ppm\":-1}");
    shelf_refused(mini, 400, "out_of_range", sku, "{\"stock\":{\"below_zero\":1000000001}}");
    shelf_do(mini, 200, sku,
             fill(mini, "{\"options\":{@}}", list(mini, "\"@\":\"x\"", CATALOG_OPTIONS_MAX)));
    shelf_refused(
        mini, 400, "out_of_range", sku,
        fill(mini, "{\"options\":{@}}", list(mini, "\"@\":\"x\"", CATALOG_OPTIONS_MAX + 1)));
    mini_close(mini);
}
