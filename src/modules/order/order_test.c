/*
 * order_test.c - orders through the module table: place, race, expire, cancel, claim, split.
 */
#include "modules/order/order.h"

#include "test/kit/mini.h"

/* A product with one SKU; returns the SKU's id. */
static const char *product(struct mini *mini, const char *code, const char *kind, int64_t price,
                           int64_t received)
{
    struct answer made = mini_http(
        mini, "POST /v1/products",
        mini_text(mini,
                  "{\"title\":\"%s\",\"kind\":\"%s\",\"skus\":[{\"code\":\"%s\",\"title\":\"%s\","
                  "\"price\":{\"amount\":%lld,\"currency\":\"CNY\"}}]}",
                  code, kind, code, code, (long long)price));

    CHECK_SAY(made.status == 201, "%s", made.body);
    const char *sku = mini_get(mini, made, "skus.0.id");

    if (received > 0) {
        made = mini_http(mini, "POST /v1/stock/movements",
                         mini_text(mini,
                                   "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":%lld,"
                                   "\"reason\":\"first\"}",
                                   sku, (long long)received));
        CHECK_SAY(made.status == 201, "%s", made.body);
    }
    return sku;
}

static struct answer buy(struct mini *mini, const char *sku, int quantity)
{
    return mini_http(mini, "POST /v1/orders",
                     mini_text(mini,
                               "{\"user\":\"u1\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                               "\"quantity\":%d,\"for\":\"child1\"}]}",
                               sku, quantity));
}

static struct answer stock(struct mini *mini, const char *sku)
{
    struct answer answer = mini_http(mini, mini_text(mini, "GET /v1/stock/%s", sku), NULL);

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return answer;
}

static void ledger_is_right(struct mini *mini)
{
    struct answer answer = mini_http(mini, "GET /v1/ledger/check", NULL);

    CHECK_SAY(strstr(answer.body, "\"ok\":true") != NULL, "%s", answer.body);
}

TEST_DB(order_reserves_and_shows, "an order reserves its stock and reads back as it was answered")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "BOX", "goods", 1990, 500);
    struct answer order = buy(mini, sku, 3);

    CHECK_SAY(order.status == 201, "%s", order.body);
    CHECK_EQ_STR(mini_get(mini, order, "state"), "pending_payment");
    CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"), 5970);
    CHECK_EQ_STR(mini_get(mini, order, "lines.0.for"), "child1");
    CHECK_EQ_INT(mini_get_int(mini, stock(mini, sku), "available"), 497);
    struct answer again =
        mini_http(mini, mini_text(mini, "GET /v1/orders/%s", mini_get(mini, order, "id")), NULL);

    CHECK_EQ_INT(again.status, 200);
    CHECK_EQ_STR(mini_get(mini, again, "lines.0.sku"), sku);
    CHECK_EQ_STR(mini_get(mini, again, "expires_at"), mini_get(mini, order, "expires_at"));
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(order_expires_on_time, "an unpaid order expires on time, not before, and frees its stock")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "BOX", "goods", 100, 1);
    struct answer order = buy(mini, sku, 1);
    const char *get = mini_text(mini, "GET /v1/orders/%s", mini_get(mini, order, "id"));

    CHECK_EQ_INT(buy(mini, sku, 1).status, 409);
    mini_sleep_ms(mini, 30 * 60 * 1000 - 1);
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, get, NULL), "state"), "pending_payment");
    mini_sleep_ms(mini, 1);
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, get, NULL), "state"), "expired");
    CHECK_EQ_INT(buy(mini, sku, 1).status, 201);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(order_out_of_stock_is_clear, "what is not there is refused with the SKU, and nothing stays")
{
    struct mini *mini = mini_open(db);
    const char *there = product(mini, "A", "goods", 100, 10),
               *gone = product(mini, "B", "goods", 1, 1);
    struct answer order = mini_http(
        mini, "POST /v1/orders",
        mini_text(mini,
                  "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":2},"
                  "{\"sku\":\"%s\",\"quantity\":1},{\"sku\":\"%s\",\"quantity\":1}]}",
                  there, gone, gone));

    CHECK_EQ_INT(order.status, 409);
    CHECK_EQ_STR(mini_get(mini, order, "code"), "out_of_stock");
    CHECK_EQ_STR(mini_get(mini, order, "sku"), gone);
    CHECK_EQ_INT(mini_get_int(mini, stock(mini, there), "reserved"), 0);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), 0);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox where type = 'order.placed'"),
                 0);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(order_same_key_same_answer, "the same key and body give the same answer once")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "A", "goods", 100, 10);
    const char *body = mini_text(
        mini, "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":2}]}",
        sku);
    struct answer first = mini_http_as(mini, NULL, "k1", "POST /v1/orders", body);
    struct answer second = mini_http_as(mini, NULL, "k1", "POST /v1/orders", body);
    struct answer other = mini_http_as(
        mini, NULL, "k1", "POST /v1/orders",
        mini_text(
            mini,
            "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":1}]}",
            sku));

    CHECK_SAY(first.status == 201, "%s", first.body);
    CHECK_EQ_INT(second.status, 201);
    CHECK(second.replayed);
    CHECK_EQ_STR(first.body, second.body);
    CHECK_EQ_INT(other.status, 422);
    CHECK_EQ_INT(mini_get_int(mini, stock(mini, sku), "reserved"), 2);
    mini_close(mini);
}

TEST_DB(order_any_statement_may_fail, "whichever statement fails, an order is there whole or not")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "A", "goods", 100, 1000000);
    int nth = 1, failures = 0;

    for (;; nth++) {
        int64_t before = mini_count(mini, "select count(*) from orders");

        mini_fail_statement(mini, nth);
        struct answer order = buy(mini, sku, 1);

        bool fault = mini_fault_fired(mini);

        mini_fail_statement(mini, 0);
        int64_t after = mini_count(mini, "select count(*) from orders");

        CHECK_EQ_INT(after, before + (order.status == 201));
        CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_outbox"
                                      " where type = 'order.placed'"),
                     after);
        CHECK_EQ_INT(mini_get_int(mini, stock(mini, sku), "reserved"), after);
        if (!fault)
            break;
        CHECK_SAY(order.status == 500, "%s", order.body);
        failures++;
        CHECK(nth < 200);
    }
    CHECK(failures > 4);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(order_any_memory_budget, "shrunk memory answers 413 until it answers 201, never half")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "A", "goods", 100, 1000000);
    size_t budget = 0;

    for (;; budget += 256) {
        int64_t before = mini_count(mini, "select count(*) from orders");

        mini_arena_bytes(mini, budget ? budget : 16);
        struct answer order = buy(mini, sku, 1);

        mini_arena_bytes(mini, 0);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"),
                     before + (order.status == 201));
        if (order.status == 201)
            break;
        CHECK_SAY(order.status == 413, "%d %s", order.status, order.body);
        CHECK(budget < 100000);
    }
    CHECK(budget > 1024);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(order_cancel_is_legal_once, "an illegal transition is 409 and names the states")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "A", "goods", 100, 10);
    struct answer order = buy(mini, sku, 4);
    const char *cancel = mini_text(mini, "POST /v1/orders/%s/cancel", mini_get(mini, order, "id"));
    struct answer first = mini_http(mini, cancel, NULL), second = mini_http(mini, cancel, NULL);

    CHECK_SAY(first.status == 200, "%s", first.body);
    CHECK_EQ_STR(mini_get(mini, first, "state"), "cancelled");
    CHECK_EQ_INT(second.status, 409);
    CHECK_EQ_STR(mini_get(mini, second, "from"), "cancelled");
    CHECK_EQ_STR(mini_get(mini, second, "to"), "cancelled");
    CHECK_EQ_INT(mini_get_int(mini, stock(mini, sku), "available"), 10);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(order_discount_adds_up, "a discount is allocated to the lines to the cent")
{
    struct mini *mini = mini_open(db);
    const char *a = product(mini, "A", "goods", 333, 10), *b = product(mini, "B", "goods", 100, 10);
    struct answer order = mini_http(
        mini, "POST /v1/orders",
        mini_text(mini,
                  "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":3},"
                  "{\"sku\":\"%s\",\"quantity\":1}],\"adjustments\":[{\"code\":\"TEN\",\"amount\":"
                  "{\"amount\":110,\"currency\":\"CNY\"}}]}",
                  a, b));

    CHECK_SAY(order.status == 201, "%s", order.body);
    CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"), 989);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.0.total.amount") +
                     mini_get_int(mini, order, "lines.1.total.amount"),
                 989);
    CHECK_EQ_INT(mini_get_int(mini, order, "lines.0.discount.amount"), 100);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(order_bad_input_is_named, "bad input names its field and leaves nothing")
{
    static const struct {
        const char *body, *code, *pointer;
    } rows[] = {
        {"{}", "required", "/currency"},
        {"{\"currency\":\"CNY\",\"lines\":[]}", "out_of_range", "/lines"},
        {"{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"x\",\"quantity\":1}]}", "bad_value",
         "/lines/0/sku"},
        {"{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"sku_0000000000001\",\"quantity\":0}]}",
         "out_of_range", "/lines/0/quantity"},
        {"{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"sku_0000000000001\",\"quantity\":1000001}]}",
         "out_of_range", "/lines/0/quantity"},
        {"{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"sku_0000000000001\",\"quantity\":1,\"x\":1}]}",
         "unknown_field", "/lines/0/x"},
        {"not json", "json_syntax", ""},
    };
    struct mini *mini = mini_open(db);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct answer answer = mini_http(mini, "POST /v1/orders", rows[k].body);

        CHECK_SAY(answer.status == 400, "%s", answer.body);
        CHECK_EQ_STR(mini_get(mini, answer, "code"), rows[k].code);
        CHECK_EQ_STR(mini_get(mini, answer, "pointer"), rows[k].pointer);
    }
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders"), 0);
    mini_close(mini);
}

TEST_DB(order_channel_then_claimed,
        "a channel's order has no user until it is claimed, and comes once")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "A", "goods", 100, 10);
    const char *body = mini_text(
        mini,
        "{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":1}],"
        "\"channel\":{\"name\":\"douyin\",\"order\":\"D1\",\"identity\":\"open-1\",\"cipher\":\"##\"}}",
        sku);
    struct answer order = mini_http(mini, "POST /v1/orders", body);
    struct answer again = mini_http(mini, "POST /v1/orders", body);
    const char *claim = mini_text(mini, "POST /v1/orders/%s/claim", mini_get(mini, order, "id"));

    CHECK_SAY(order.status == 201, "%s", order.body);
    CHECK_EQ_STR(mini_get(mini, order, "user"), "");
    CHECK_EQ_INT(again.status, 409);
    CHECK_EQ_STR(mini_get(mini, again, "code"), "channel_order_exists");
    struct answer claimed = mini_http(mini, claim, "{\"user\":\"u9\"}");

    CHECK_SAY(claimed.status == 200, "%s", claimed.body);
    CHECK_EQ_STR(mini_get(mini, claimed, "user"), "u9");
    CHECK_EQ_STR(mini_get(mini, claimed, "lines.0.for"), "u9");
    CHECK_EQ_INT(mini_http(mini, claim, "{\"user\":\"u8\"}").status, 409);
    mini_close(mini);
}

TEST_DB(order_timeline_in_order, "the timeline tells what happened, in order")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "A", "goods", 100, 10);
    struct answer order = buy(mini, sku, 1);
    const char *id = mini_get(mini, order, "id");

    mini_http(mini, mini_text(mini, "POST /v1/orders/%s/cancel", id), NULL);
    struct answer timeline =
        mini_http(mini, mini_text(mini, "GET /v1/orders/%s/timeline", id), NULL);

    CHECK_EQ_STR(mini_get(mini, timeline, "data.0.type"), "order.placed");
    CHECK_EQ_STR(mini_get(mini, timeline, "data.1.type"), "order.cancelled");
    CHECK_EQ_STR(mini_get(mini, timeline, "data.2.type"), "");
    mini_close(mini);
}

TEST_DB(order_address_is_masked,
        "an address is sealed, masked in answers, and gone with its person")
{
    struct mini *mini = mini_open(db);
    const char *sku = product(mini, "A", "goods", 100, 10);
    struct answer order = mini_http(
        mini, "POST /v1/orders",
        mini_text(
            mini,
            "{\"user\":\"u1\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":1}],"
            "\"address\":{\"name\":\"Zhang San\",\"phone\":\"13900001111\"}}",
            sku));
    const char *get = mini_text(mini, "GET /v1/orders/%s", mini_get(mini, order, "id"));

    CHECK_SAY(order.status == 201, "%s", order.body);
    CHECK(!strstr(order.body, "Zhang"));
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, get, NULL), "address.name"), "Zhang San");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders where address like '%Zhang%'"), 0);
    CHECK_EQ_INT(mini_http(mini, "POST /v1/persons/u1/erase", "{}").status, 200);
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, get, NULL), "address"), "");
    mini_close(mini);
}
