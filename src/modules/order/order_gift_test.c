/*
 * order_gift_test.c - gifts: free, from their own stock, worth something; substituted, left out or
 * refused when they are out.
 */
#include "modules/order/order_fixture.h"

struct gifts {
    struct mini *mini;
    const char *book, *pen, *cup; /* 1000 each and plenty; 300, two; 200, two. */
};

static struct gifts gifts_open(const char *db)
{
    struct gifts gifts = {.mini = mini_open(db)};

    gifts.book = stall_sku(gifts.mini,
                           (struct stall_item){.code = "BOOK", .price_minor = 1000, .received = 9});
    gifts.pen = stall_sku(gifts.mini,
                          (struct stall_item){.code = "PEN", .price_minor = 300, .received = 2});
    gifts.cup = stall_sku(gifts.mini,
                          (struct stall_item){.code = "CUP", .price_minor = 200, .received = 2});
    return gifts;
}

static const char *gift(struct gifts *gifts, const char *sku, int quantity, const char *when_out)
{
    return stall_line(gifts->mini, sku, quantity,
                      mini_text(gifts->mini,
                                ",\"gift\":{\"value\":{\"amount\":250,\"currency\":\"CNY\"}%s}",
                                when_out));
}

/* A book and the gift. */
static const char *with_book(struct gifts *gifts, const char *line)
{
    return mini_text(gifts->mini, "%s,%s", stall_line(gifts->mini, gifts->book, 1, ""), line);
}

#define SKIP ",\"when_out\":\"skip\""
static const char *substitute(struct gifts *gifts)
{
    return mini_text(gifts->mini, ",\"when_out\":\"substitute\",\"substitute\":\"%s\"", gifts->cup);
}

TEST_DB(order_gift_is_free, "a gift costs nothing, takes its own stock and keeps its value")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    struct answer order =
        stall_order(mini, with_book(&gifts, gift(&gifts, gifts.pen, 2, "")),
                    ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":100,"
                    "\"currency\":\"CNY\"}}]");

    CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"), 900);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.0.gift_value.amount"), 0);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.0.discount.amount"), 100);
    CHECK_EQ_STR(mini_get(mini, order, "lines.1.sku"), gifts.pen);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.1.unit_price.amount"), 0);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.1.total.amount"), 0);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.1.discount.amount"), 0);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.1.gift_value.amount"), 250);
    CHECK_EQ_STR(stall_stock(mini, gifts.pen), "2 2 0");
    stall_ask(mini, 200, mini_text(mini, "POST /v1/orders/%s/cancel", mini_get(mini, order, "id")),
              NULL);
    CHECK_EQ_STR(stall_stock(mini, gifts.pen), "2 0 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(order_gift_refused, "a gift that is out refuses the order unless it says otherwise")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *words[] = {"", ",\"when_out\":\"refuse\""};

    for (int k = 0; k < 2; k++) {
        struct answer refused = stall_ask(
            mini, 409, "POST /v1/orders",
            stall_body(mini, with_book(&gifts, gift(&gifts, gifts.pen, 3, words[k])), ""));

        CHECK_EQ_STR(mini_get(mini, refused, "code"), "out_of_stock");
        CHECK_EQ_STR(mini_get(mini, refused, "sku"), gifts.pen);
        CHECK_EQ_INT(mini_get_int(mini, refused, "line"), 1);
        CHECK_EQ_INT(mini_get_int(mini, refused, "available"), 2);
    }
    CHECK_EQ_STR(stall_stock(mini, gifts.book), "9 0 0");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), 0);
    mini_close(mini);
}

TEST_DB(order_gift_skipped, "a gift that is out is left out, from the order and from the quote")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *body = stall_body(mini, with_book(&gifts, gift(&gifts, gifts.pen, 3, SKIP)), "");
    struct answer quote = stall_ask(mini, 200, "POST /v1/quotes", body);
    struct answer order = stall_ask(mini, 201, "POST /v1/orders", body);

    CHECK_EQ_INT(mini_get_int(mini, quote, "lines.1.quantity"), 0);
    CHECK(strstr(mini_get(mini, quote, "lines.1.explain"), "left out") != NULL);
    CHECK_EQ_STR(mini_get(mini, order, "lines.0.sku"), gifts.book);
    CHECK_EQ_STR(mini_get(mini, order, "lines.1"), "");
    CHECK_EQ_STR(stall_stock(mini, gifts.pen), "2 0 0");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from order_line"), 1);
    CHECK_EQ_INT(mini_count(mini, "select lines from orders"), 1);
    order = stall_order(mini, with_book(&gifts, gift(&gifts, gifts.pen, 2, SKIP)), "");
    CHECK_EQ_STR(mini_get(mini, order, "lines.1.sku"), gifts.pen); /* Its very bound. */
    CHECK_EQ_STR(stall_stock(mini, gifts.pen), "2 2 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(order_gift_substituted, "another gift comes instead; is it out too, none does")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *body =
        stall_body(mini, with_book(&gifts, gift(&gifts, gifts.pen, 2, substitute(&gifts))), "");
    struct answer order = stall_ask(mini, 201, "POST /v1/orders", body), quote;

    CHECK_EQ_STR(mini_get(mini, order, "lines.1.code"), "PEN");
    quote = stall_ask(mini, 200, "POST /v1/quotes", body);
    CHECK(strstr(mini_get(mini, quote, "lines.1.explain"), "instead of PEN") != NULL);
    order = stall_ask(mini, 201, "POST /v1/orders", body);
    CHECK_EQ_STR(mini_get(mini, order, "lines.1.code"), "CUP");
    CHECK_EQ_STR(mini_get(mini, order, "lines.1.sku"), gifts.cup);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.1.gift_value.amount"), 250);
    CHECK_EQ_STR(stall_stock(mini, gifts.cup), "2 2 0");
    order = stall_ask(mini, 201, "POST /v1/orders", body);
    CHECK_EQ_STR(mini_get(mini, order, "lines.1"), "");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(order_gift_comes_last, "what is paid for, and earlier gifts, come before a gift")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *one = gift(&gifts, gifts.pen, 1, SKIP);
    struct answer order =
        stall_order(mini, mini_text(mini, "%s,%s", one, stall_line(mini, gifts.pen, 2, "")), "");

    CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"), 600);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.0.line"), 1);
    CHECK_EQ_STR(mini_get(mini, order, "lines.1"), "");
    stall_ask(mini, 200, mini_text(mini, "POST /v1/orders/%s/cancel", mini_get(mini, order, "id")),
              NULL);
    order = stall_order(mini, with_book(&gifts, mini_text(mini, "%s,%s,%s", one, one, one)), "");
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.2.line"), 2);
    CHECK_EQ_STR(mini_get(mini, order, "lines.3"), "");
    CHECK_EQ_STR(stall_stock(mini, gifts.pen), "2 2 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(order_gift_of_many, "a bundle is given when all of it is there, else it is left out")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *set = stall_sku(
        mini,
        (struct stall_item){.code = "SET",
                            .kind = "bundle",
                            .price_minor = 500,
                            .sku = mini_text(mini,
                                             ",\"components\":[{\"sku\":\"%s\",\"quantity\":1},"
                                             "{\"sku\":\"%s\",\"quantity\":2}]",
                                             gifts.pen, gifts.cup)});
    const char *lines = with_book(&gifts, gift(&gifts, set, 1, SKIP));

    CHECK_EQ_STR(mini_get(mini, stall_order(mini, lines, ""), "lines.1.sku"), set);
    CHECK_EQ_STR(stall_stock(mini, gifts.pen), "2 1 0");
    CHECK_EQ_STR(stall_stock(mini, gifts.cup), "2 2 0");
    CHECK_EQ_STR(mini_get(mini, stall_order(mini, lines, ""), "lines.1"), "");
    CHECK_EQ_STR(stall_stock(mini, gifts.pen), "2 1 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(order_gift_skipped_ships_nothing, "a gift that is left out costs no shipping")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *film =
        stall_sku(mini, (struct stall_item){.code = "FILM", .kind = "content", .price_minor = 500});
    const char *lines =
        mini_text(mini, "%s,%s", stall_line(mini, film, 1, ""), gift(&gifts, gifts.pen, 2, SKIP));

    stall_set(mini, "order.shipping_fee_minor", NULL, 70);
    CHECK_EQ_INT(mini_get_int(mini, stall_order(mini, lines, ""), "total.amount"), 570);
    CHECK_EQ_INT(mini_get_int(mini, stall_order(mini, lines, ""), "total.amount"), 500);
    mini_close(mini);
}

TEST_DB(order_gift_alone, "an order of nothing but gifts that are out is refused, not empty")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *lines = gift(&gifts, gifts.pen, 2, SKIP);
    struct answer given = stall_order(mini, lines, "");

    CHECK_EQ_STR(mini_get(mini, given, "state"), "paid"); /* Nothing to wait for. */
    CHECK_EQ_STR(stall_refused(mini, 409, "POST /v1/orders", stall_body(mini, lines, "")),
                 "out_of_stock");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), 1);
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(order_gift_bad_input, "a gift that cannot be is refused, and says why")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *draft =
        stall_sku(mini, (struct stall_item){.code = "DRAFT", .product = ",\"state\":\"draft\""});
    const struct {
        const char *more, *code;
        int status;
    } rows[] = {
        {",\"gift\":{\"value\":{\"amount\":1,\"currency\":\"USD\"}}", "wrong_currency", 400},
        {",\"gift\":{}", "required", 400},
        {",\"gift\":{\"value\":{\"amount\":-1,\"currency\":\"CNY\"}}", "out_of_range", 400},
        {",\"gift\":{\"value\":{\"amount\":1,\"currency\":\"CNY\"},\"when_out\":\"substitute\"}",
         "bad_value", 400},
        {mini_text(mini,
                   ",\"gift\":{\"value\":{\"amount\":1,\"currency\":\"CNY\"},"
                   "\"substitute\":\"%s\"}",
                   gifts.cup),
         "bad_value", 400},
        {",\"gift\":{\"value\":{\"amount\":1,\"currency\":\"CNY\"},\"when_out\":\"substitute\","
         "\"substitute\":\"sku_0000000000001\"}",
         "no_such_sku", 404},
        {mini_text(mini,
                   ",\"gift\":{\"value\":{\"amount\":1,\"currency\":\"CNY\"},"
                   "\"when_out\":\"substitute\",\"substitute\":\"%s\"}",
                   draft),
         "not_on_sale", 409},
        {",\"price\":{\"amount\":1,\"currency\":\"CNY\"},"
         "\"gift\":{\"value\":{\"amount\":1,\"currency\":\"CNY\"}}",
         "bad_value", 400},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const char *body = stall_body(mini, stall_line(mini, gifts.pen, 1, rows[k].more), "");

        CHECK_EQ_STR(stall_refused(mini, rows[k].status, "POST /v1/orders", body), rows[k].code);
        CHECK_EQ_STR(stall_refused(mini, rows[k].status, "POST /v1/quotes", body), rows[k].code);
    }
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), 0);
    mini_close(mini);
}

TEST_DB(order_gift_needs_its_scope, "only a key that may set prices gives gifts")
{
    struct gifts gifts = gifts_open(db);
    struct mini *mini = gifts.mini;
    const char *body = stall_body(mini, gift(&gifts, gifts.pen, 1, ""), "");
    struct answer answer =
        mini_http_as(mini, stall_key(mini, "\"order:write\""), NULL, "POST /v1/orders", body);

    CHECK_SAY(answer.status == 403, "%s", answer.body);
    CHECK_EQ_STR(mini_get(mini, answer, "code"), "scope_missing");
    answer = mini_http_as(mini, stall_key(mini, "\"order:write\",\"order:price\""), NULL,
                          "POST /v1/orders", body);
    CHECK_SAY(answer.status == 201, "%s", answer.body);
    mini_close(mini);
}
