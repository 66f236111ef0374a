/*
 * order_limit_test.c - every limit of a new order: taken at it, refused one beyond.
 */
#include "modules/order/order_fixture.h"

enum { TEXT_BYTES = 5000 };

/* length times the letter x. */
static const char *xs(struct mini *mini, int length)
{
    char text[TEXT_BYTES];

    assert(length < TEXT_BYTES);
    memset(text, 'x', (size_t)length);
    text[length] = '\0';
    return mini_text(mini, "%s", text);
}

struct taken {
    struct mini *mini;
    const char *sku;
    int orders;
};

/* An order with these members is taken, or refused with the code; quotes agree. */
static void order_is(struct taken *taken, const char *code, const char *line, const char *more)
{
    struct mini *mini = taken->mini;
    const char *body = stall_body(mini, line, more);
    struct answer quote = mini_http(mini, "POST /v1/quotes", body);
    struct answer answer = mini_http(mini, "POST /v1/orders", body);

    CHECK_SAY((answer.status == 201) == !code[0], "%s: %s", body, answer.body);
    CHECK_SAY((quote.status == 200) == !code[0], "%s: %s", body, quote.body);
    taken->orders += answer.status == 201;
    if (code[0])
        CHECK_EQ_STR(mini_get(mini, answer, "code"), code);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), taken->orders);
}

static struct taken shop_open(const char *db)
{
    struct taken taken = {.mini = mini_open(db)};

    taken.sku = stall_sku(
        taken.mini,
        (struct stall_item){.code = "A", .price_minor = 100, .sku = ",\"stock\":\"unlimited\""});
    return taken;
}

TEST_DB(order_text_limits, "texts of an order are taken at their longest, and not one longer")
{
    static const struct {
        const char *before, *after;
        int most;
    } rows[] = {
        {",\"user\":\"", "\"", ORDER_USER_LEN_MAX},
        {",\"note\":\"", "\"", ORDER_NOTE_LEN_MAX},
        {",\"channel\":{\"order\":\"1\",\"name\":\"", "\"}", 32},
        {",\"channel\":{\"name\":\"c\",\"order\":\"", "\"}", 64},
        {",\"channel\":{\"name\":\"c\",\"order\":\"2\",\"identity\":\"", "\"}", 128},
        {",\"channel\":{\"name\":\"c\",\"order\":\"3\",\"country\":\"", "\"}", 64},
        {",\"channel\":{\"name\":\"c\",\"order\":\"4\",\"cipher\":\"", "\"}", 4096},
        {",\"adjustments\":[{\"amount\":{\"amount\":1,\"currency\":\"CNY\"},\"code\":\"", "\"}]",
         64},
    };
    struct taken taken = shop_open(db);
    const char *line = stall_line(taken.mini, taken.sku, 1, "");

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        for (int more = 1; more >= 0; more--)
            order_is(&taken, more ? "out_of_range" : "", line,
                     mini_text(taken.mini, "%s%s%s", rows[k].before,
                               xs(taken.mini, rows[k].most + more), rows[k].after));
    order_is(&taken, "out_of_range", line, ",\"user\":\"\"");
    order_is(&taken, "out_of_range",
             stall_line(taken.mini, taken.sku, 1,
                        mini_text(taken.mini, ",\"for\":\"%s\"", xs(taken.mini, 65))),
             "");
    order_is(&taken, "",
             stall_line(taken.mini, taken.sku, 1,
                        mini_text(taken.mini, ",\"for\":\"%s\"", xs(taken.mini, 64))),
             "");
    mini_close(taken.mini);
}

TEST_DB(order_adjustment_limits, "discounts are as many as allowed, never negative, at most all")
{
    struct taken taken = shop_open(db);
    struct mini *mini = taken.mini;
    const char *line = stall_line(mini, taken.sku, 3, "");
    const char *one = "{\"code\":\"X\",\"amount\":{\"amount\":1,\"currency\":\"CNY\"}}";
    const char *all = one;
    struct answer free_of_charge;

    for (int k = 1; k < ORDER_ADJUSTMENTS_MAX; k++)
        all = mini_text(mini, "%s,%s", all, one);
    order_is(&taken, "", line, mini_text(mini, ",\"adjustments\":[%s]", all));
    order_is(&taken, "out_of_range", line, mini_text(mini, ",\"adjustments\":[%s,%s]", all, one));
    order_is(&taken, "out_of_range", line,
             ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":-1,\"currency\":\"CNY\"}}]");
    order_is(&taken, "wrong_currency", line,
             ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":1,\"currency\":\"USD\"}}]");
    free_of_charge = stall_order(
        mini, line,
        ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":301,\"currency\":\"CNY\"}}]");
    CHECK_EQ_INT(mini_get_int(mini, free_of_charge, "discount.amount"), 300);
    CHECK_EQ_INT(mini_get_int(mini, free_of_charge, "total.amount"), 0);
    CHECK_EQ_STR(mini_get(mini, free_of_charge, "state"), "paid");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_timer where name = 'order.expire'"),
                 1); /* The first one's: what is paid does not expire. */
    mini_close(mini);
}

TEST_DB(order_amount_limits, "a line and an order come to the largest amount, and not beyond")
{
    struct taken taken = shop_open(db);
    struct mini *mini = taken.mini;
    const char *half =
        stall_line(mini, taken.sku, 1,
                   mini_text(mini, ",\"price\":{\"amount\":%lld,\"currency\":\"CNY\"}",
                             (long long)MONEY_MINOR_MAX / 2));
    const char *cent =
        stall_line(mini, taken.sku, 1, ",\"price\":{\"amount\":1,\"currency\":\"CNY\"}");

    order_is(&taken, "", mini_text(mini, "%s,%s", half, half), "");
    order_is(&taken, "out_of_range", mini_text(mini, "%s,%s,%s", half, cent, half), "");
    order_is(&taken, "",
             stall_line(mini, taken.sku, ORDER_QUANTITY_MAX,
                        ",\"price\":{\"amount\":1000000000,\"currency\":\"CNY\"}"),
             "");
    order_is(&taken, "out_of_range",
             stall_line(mini, taken.sku, ORDER_QUANTITY_MAX,
                        ",\"price\":{\"amount\":1000000001,\"currency\":\"CNY\"}"),
             "");
    order_is(&taken, "out_of_range",
             stall_line(mini, taken.sku, 1, ",\"price\":{\"amount\":-1,\"currency\":\"CNY\"}"), "");
    order_is(&taken, "wrong_currency",
             stall_line(mini, taken.sku, 1, ",\"price\":{\"amount\":1,\"currency\":\"USD\"}"), "");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(order_of_what_is_not_sold, "what is not on sale, has no price or does not exist is refused")
{
    struct taken taken = shop_open(db);
    struct mini *mini = taken.mini;
    const char *draft =
        stall_sku(mini, (struct stall_item){.code = "DRAFT", .product = ",\"state\":\"draft\""});
    const char *lines = mini_text(mini, "[%s]", stall_line(mini, taken.sku, 1, ""));

    order_is(&taken, "not_on_sale", stall_line(mini, draft, 1, ""), "");
    order_is(&taken, "no_such_sku", stall_line(mini, "sku_0000000000001", 1, ""), "");
    CHECK_EQ_STR(stall_refused(mini, 409, "POST /v1/orders",
                               mini_text(mini, "{\"currency\":\"JPY\",\"lines\":%s}", lines)),
                 "no_price");
    CHECK_EQ_STR(stall_refused(mini, 400, "POST /v1/orders",
                               mini_text(mini, "{\"currency\":\"cny\",\"lines\":%s}", lines)),
                 "bad_value");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), 0);
    mini_close(mini);
}

TEST_DB(order_scopes, "prices and discounts decided elsewhere need their scopes, in quotes too")
{
    static const struct {
        const char *scopes, *line, *more;
        int status;
    } rows[] = {
        {"\"order:read\",\"order:write\"", ",\"price\":{\"amount\":1,\"currency\":\"CNY\"}", "",
         403},
        {"\"order:read\",\"order:write\",\"order:price\"",
         ",\"price\":{\"amount\":1,\"currency\":\"CNY\"}", "", 201},
        {"\"order:read\",\"order:write\",\"order:price\"", "",
         ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":1,\"currency\":\"CNY\"}}]", 403},
        {"\"order:read\",\"order:write\",\"order:adjust\"", "",
         ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":1,\"currency\":\"CNY\"}}]", 201},
        {"\"order:read\",\"order:price\",\"order:adjust\"", "", "", 403},
    };
    struct taken taken = shop_open(db);
    struct mini *mini = taken.mini;

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const char *key = stall_key(mini, rows[k].scopes);
        const char *body =
            stall_body(mini, stall_line(mini, taken.sku, 1, rows[k].line), rows[k].more);
        struct answer answer = mini_http_as(mini, key, NULL, "POST /v1/orders", body);

        CHECK_SAY(answer.status == rows[k].status, "%zu: %s", k, answer.body);
        answer = mini_http_as(mini, key, NULL, "POST /v1/quotes", body);
        CHECK_EQ_INT(answer.status, rows[k].status == 201 || k == 4 ? 200 : 403);
    }
    mini_close(mini);
}
