/*
 * order_rule_test.c - sale-time rules by category, shipping, and the tax that prices include.
 */
#include "modules/order/order_fixture.h"

/* A course of days at price, in this category. */
static const char *course(struct mini *mini, const char *code, const char *category, int days,
                          int64_t price)
{
    return stall_sku(mini, (struct stall_item){
                               .code = code,
                               .kind = "course",
                               .price_minor = price,
                               .received = 1000,
                               .product = mini_text(mini, ",\"category\":\"%s\"", category),
                               .sku = mini_text(mini, ",\"term_days\":%d", days),
                           });
}

/* Orders and quotes are refused alike, with the rule's name and the SKU, and leave nothing. */
static void refused(struct mini *mini, const char *lines, const char *more, const char *rule)
{
    const char *body = stall_body(mini, lines, more);
    int64_t orders = mini_count(mini, "select count(*) from orders");
    int64_t reserved = mini_count(mini, "select cast(sum(reserved) as bigint) from stock_level");
    struct answer answer = stall_ask(mini, 409, "POST /v1/orders", body);

    CHECK_EQ_STR(mini_get(mini, answer, "code"), rule);
    CHECK(strncmp(mini_get(mini, answer, "sku"), "sku_", 4) == 0);
    CHECK_EQ_STR(stall_refused(mini, 409, "POST /v1/quotes", body), rule);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), orders);
    CHECK_EQ_INT(mini_count(mini, "select cast(sum(reserved) as bigint) from stock_level"),
                 reserved);
}

static const char *two(struct mini *mini, const char *a, const char *b)
{
    return mini_text(mini, "%s,%s", a, b);
}

TEST_DB(order_rule_period, "no longer a term than the category allows is sold ahead")
{
    struct mini *mini = mini_open(db);
    const char *at = course(mini, "AT", "k12", 90, 100), *above = course(mini, "UP", "k12", 91, 1);
    const char *other = course(mini, "OTHER", "adult", 365, 100);

    stall_order(mini, stall_line(mini, above, 1, ""), ""); /* No rule yet. */
    stall_set(mini, "order.prepaid_days_max", "k12", 90);
    stall_order(mini, stall_line(mini, at, 1, ""), "");
    stall_order(mini, stall_line(mini, other, 1, ""), "");
    refused(mini, stall_line(mini, above, 1, ""), "", "rule_prepaid_period");
    refused(mini, two(mini, stall_line(mini, other, 1, ""), stall_line(mini, above, 1, "")), "",
            "rule_prepaid_period");
    stall_set(mini, "order.prepaid_days_max", NULL, 364); /* All other categories. */
    refused(mini, stall_line(mini, other, 1, ""), "", "rule_prepaid_period");
    stall_set(mini, "order.prepaid_days_max", NULL, 365);
    stall_order(mini, stall_line(mini, other, 1, ""), "");
    mini_close(mini);
}

TEST_DB(order_rule_period_adds_up, "a term bought twice for one child is twice as long")
{
    struct mini *mini = mini_open(db);
    const char *sku = course(mini, "HALF", "k12", 45, 100);
    const char *ann = stall_line(mini, sku, 1, ",\"for\":\"ann\"");

    stall_set(mini, "order.prepaid_days_max", "k12", 89);
    refused(mini, stall_line(mini, sku, 2, ""), "", "rule_prepaid_period");
    refused(mini, two(mini, ann, ann), "", "rule_prepaid_period");
    stall_order(mini, two(mini, ann, stall_line(mini, sku, 1, ",\"for\":\"bob\"")), "");
    stall_set(mini, "order.prepaid_days_max", "k12", 90);
    stall_order(mini, two(mini, ann, ann), "");
    mini_close(mini);
}

TEST_DB(order_rule_in_a_bundle, "a bundle does not hide what is in it from the rules")
{
    struct mini *mini = mini_open(db);
    const char *sku = course(mini, "K", "k12", 60, 100);
    const char *bundle = stall_sku(
        mini, (struct stall_item){
                  .code = "ALL",
                  .kind = "bundle",
                  .price_minor = 100,
                  .sku = mini_text(mini, ",\"components\":[{\"sku\":\"%s\",\"quantity\":2}]", sku),
              });

    stall_set(mini, "order.prepaid_days_max", "k12", 119);
    refused(mini, stall_line(mini, bundle, 1, ""), "", "rule_prepaid_period");
    stall_set(mini, "order.prepaid_days_max", "k12", 120);
    stall_order(mini, stall_line(mini, bundle, 1, ""), "");
    stall_set(mini, "order.guardian_consent", "k12", 1);
    refused(mini, stall_line(mini, bundle, 1, ""), "", "rule_guardian_consent");
    stall_order(mini, stall_line(mini, bundle, 1, ""), ",\"guardian_consent\":true");
    stall_set(mini, "order.prepaid_days_max", "k12", 239);
    refused(mini, two(mini, stall_line(mini, bundle, 1, ""), stall_line(mini, bundle, 1, "")), "",
            "rule_prepaid_period");
    stall_set(mini, "order.prepaid_days_max", "k12", 179);
    refused(mini, two(mini, stall_line(mini, bundle, 1, ""), stall_line(mini, sku, 1, "")), "",
            "rule_prepaid_period");
    stall_set(mini, "order.prepaid_days_max", "k12", 180);
    stall_order(mini, two(mini, stall_line(mini, bundle, 1, ""), stall_line(mini, sku, 1, "")),
                ",\"guardian_consent\":true");
    mini_close(mini);
}

TEST_DB(order_rule_amount, "no more is taken ahead for one child than the category allows")
{
    struct mini *mini = mini_open(db);
    const char *half = course(mini, "HALF", "k12", 10, 2500),
               *cent = course(mini, "C", "k12", 1, 1);
    const char *other = course(mini, "OTHER", "adult", 10, 9999);
    const char *at = stall_line(mini, half, 2, ",\"for\":\"ann\"");
    const char *for_bob = stall_line(mini, half, 2, ",\"for\":\"bob\"");
    const char *above = two(mini, at, stall_line(mini, cent, 1, ",\"for\":\"ann\""));

    stall_set(mini, "order.prepaid_minor_max", "k12", 5000);
    stall_order(mini, at, "");
    stall_order(mini, two(mini, at, for_bob), "");
    stall_order(mini, two(mini, at, stall_line(mini, other, 1, ",\"for\":\"ann\"")), "");
    refused(mini, above, "", "rule_prepaid_amount");
    refused(mini, stall_line(mini, half, 3, ""), "", "rule_prepaid_amount");
    /* What counts is what is paid. */
    stall_order(mini, above,
                ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":1,"
                "\"currency\":\"CNY\"}}]");
    mini_close(mini);
}

TEST_DB(order_rule_consent, "where a guardian must consent, an order says that one did")
{
    struct mini *mini = mini_open(db);
    const char *child = course(mini, "CHILD", "k12", 10, 100);
    const char *adult = course(mini, "ADULT", "adult", 10, 100);
    const char *plain =
        stall_sku(mini, (struct stall_item){.code = "PLAIN", .price_minor = 1, .received = 9});

    stall_set(mini, "order.guardian_consent", "k12", 1);
    stall_order(mini, two(mini, stall_line(mini, adult, 1, ""), stall_line(mini, plain, 1, "")),
                "");
    refused(mini, stall_line(mini, child, 1, ""), "", "rule_guardian_consent");
    refused(mini, stall_line(mini, child, 1, ""), ",\"guardian_consent\":false",
            "rule_guardian_consent");
    stall_order(mini, stall_line(mini, child, 1, ""), ",\"guardian_consent\":true");
    stall_set(mini, "order.guardian_consent", "k12", 0);
    stall_order(mini, stall_line(mini, child, 1, ""), "");
    mini_close(mini);
}

TEST_DB(order_rule_settings_bound, "a setting is held to its bounds, and says them")
{
    static const struct {
        const char *name;
        int64_t max;
    } rows[] = {{"order.prepaid_days_max", 36500},
                {"order.prepaid_minor_max", MONEY_MINOR_MAX},
                {"order.guardian_consent", 1},
                {"order.shipping_fee_minor", 100000000},
                {"order.shipping_free_minor", MONEY_MINOR_MAX}};
    struct mini *mini = mini_open(db);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const char *put = mini_text(mini, "PUT /v1/settings/%s", rows[k].name);
        const char *above = mini_text(mini, "{\"value\":%lld}", (long long)rows[k].max + 1);

        stall_set(mini, rows[k].name, NULL, 0);
        stall_set(mini, rows[k].name, NULL, rows[k].max);
        CHECK_EQ_STR(stall_refused(mini, 400, put, "{\"value\":-1}"), "out_of_range");
        CHECK_EQ_STR(stall_refused(mini, 400, put, above), "out_of_range");
    }
    mini_close(mini);
}

#define PART ",\"components\":[{\"sku\":\"%s\",\"quantity\":1}]"
#define LESS ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":%d,\"currency\":\"CNY\"}}]"

/* ---- Shipping ---- */

static int64_t shipping(struct mini *mini, const char *lines, const char *more)
{
    struct answer order = stall_order(mini, lines, more);
    int64_t fee = mini_get_int(mini, order, "shipping.amount");

    CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"),
                 mini_get_int(mini, order, "goods.amount") -
                     mini_get_int(mini, order, "discount.amount") + fee);
    return fee;
}

TEST_DB(order_shipping, "goods ship for a fee, from an amount on for nothing")
{
    struct mini *mini = mini_open(db);
    const char *box =
        stall_sku(mini, (struct stall_item){.code = "B", .price_minor = 1000, .received = 99});
    const char *cent =
        stall_sku(mini, (struct stall_item){.code = "C", .price_minor = 1, .received = 99});
    const char *film =
        stall_sku(mini, (struct stall_item){.code = "F", .kind = "content", .price_minor = 9000});
    const char *films = stall_sku(mini, (struct stall_item){.code = "FF",
                                                            .kind = "bundle",
                                                            .price_minor = 9000,
                                                            .sku = mini_text(mini, PART, film)});
    const char *boxes = stall_sku(mini, (struct stall_item){.code = "BB",
                                                            .kind = "bundle",
                                                            .price_minor = 900,
                                                            .sku = mini_text(mini, PART, box)});

    CHECK_EQ_INT(shipping(mini, stall_line(mini, box, 1, ""), ""), 0); /* No fee is set. */
    stall_set(mini, "order.shipping_fee_minor", NULL, 600);
    CHECK_EQ_INT(shipping(mini, stall_line(mini, box, 5, ""), ""), 600); /* Never free. */
    stall_set(mini, "order.shipping_free_minor", NULL, 2000);
    CHECK_EQ_INT(shipping(mini, stall_line(mini, box, 2, ""), ""), 0); /* At the amount. */
    CHECK_EQ_INT(
        shipping(mini, two(mini, stall_line(mini, box, 1, ""), stall_line(mini, cent, 9, "")), ""),
        600);
    CHECK_EQ_INT(shipping(mini, stall_line(mini, box, 2, ""),
                          ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":1,"
                          "\"currency\":\"CNY\"}}]"),
                 600); /* One below, after the discount. */
    CHECK_EQ_INT(shipping(mini, stall_line(mini, film, 1, ""), ""), 0);
    CHECK_EQ_INT(shipping(mini, stall_line(mini, films, 1, ""), ""), 0); /* Nothing travels. */
    CHECK_EQ_INT(shipping(mini, stall_line(mini, boxes, 1, ""), ""), 600);
    CHECK_EQ_INT(
        shipping(mini, two(mini, stall_line(mini, film, 1, ""), stall_line(mini, cent, 1, "")), ""),
        600); /* What does not travel earns no free way. */
    stall_ledger_ok(mini);
    mini_close(mini);
}

/* ---- Tax ---- */

/* SKUs at 13 %, 9 % and 0 %; the tax in gross is gross * r / (1 + r), to the nearest cent. */
TEST_DB(order_tax_included, "each line tells the tax that its total includes, to the cent")
{
    static const struct {
        int quantity, thirteen, nine, none;
    } rows[] = {{1, 1145, 824, 0}, {2, 2289, 1648, 0}, {3, 3434, 2472, 0}};
    struct mini *mini = mini_open(db);
    struct stall_item item = {.price_minor = 9950, .received = 99, .sku = ",\"tax_ppm\":130000"};
    const char *skus[3];

    skus[0] = (item.code = "A", stall_sku(mini, item));
    item.price_minor = 9979;
    skus[1] = (item.code = "B", item.sku = ",\"tax_ppm\":90000", stall_sku(mini, item));
    skus[2] = (item.code = "C", item.sku = "", stall_sku(mini, item));
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct answer order =
            stall_order(mini,
                        mini_text(mini, "%s,%s,%s", stall_line(mini, skus[0], rows[k].quantity, ""),
                                  stall_line(mini, skus[1], rows[k].quantity, ""),
                                  stall_line(mini, skus[2], rows[k].quantity, "")),
                        "");

        CHECK_EQ_INT(mini_get_int(mini, order, "lines.0.tax.amount"), rows[k].thirteen);
        CHECK_EQ_INT(mini_get_int(mini, order, "lines.1.tax.amount"), rows[k].nine);
        CHECK_EQ_INT(mini_get_int(mini, order, "lines.2.tax.amount"), rows[k].none);
        CHECK_EQ_INT(mini_get_int(mini, order, "tax.amount"),
                     rows[k].thirteen + rows[k].nine + rows[k].none);
        CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"),
                     (9950 + 9979 + 9979) * rows[k].quantity); /* Not added once more. */
    }
    mini_close(mini);
}

TEST_DB(order_tax_after_discount, "the tax is of what is paid, not of what was asked")
{
    struct mini *mini = mini_open(db);
    const char *sku = stall_sku(
        mini, (struct stall_item){
                  .code = "A", .price_minor = 11300, .received = 9, .sku = ",\"tax_ppm\":130000"});
    static const struct {
        int discount, tax;
    } rows[] = {{0, 1300}, {5650, 650}, {11290, 1}, {11299, 0}, {11300, 0}};

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct answer order = stall_order(mini, stall_line(mini, sku, 1, ""),
                                          mini_text(mini, LESS, rows[k].discount));

        CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"), 11300 - rows[k].discount);
        CHECK_EQ_INT(mini_get_int(mini, order, "tax.amount"), rows[k].tax);
    }
    mini_close(mini);
}
