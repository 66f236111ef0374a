/*
 * stock_test.c - levels, policies at their bounds, adjustments, movements, sweeping.
 */
#include "modules/stock/stock.h"

#include "test/kit/mini.h"

static const char *sku_of(struct mini *mini, const char *code, const char *stock)
{
    struct answer made = mini_http(
        mini, "POST /v1/products",
        mini_text(mini,
                  "{\"title\":\"%s\",\"kind\":\"goods\",\"skus\":[{\"code\":\"%s\",\"stock\":%s,"
                  "\"price\":{\"amount\":100,\"currency\":\"CNY\"}}]}",
                  code, code, stock));

    CHECK_SAY(made.status == 201, "%s", made.body);
    return mini_get(mini, made, "skus.0.id");
}

static struct answer move(struct mini *mini, const char *sku, const char *kind, int quantity)
{
    return mini_http(mini, "POST /v1/stock/movements",
                     mini_text(mini,
                               "{\"sku\":\"%s\",\"kind\":\"%s\",\"quantity\":%d,"
                               "\"reason\":\"counted\"}",
                               sku, kind, quantity));
}

static int buy(struct mini *mini, const char *sku, int quantity)
{
    return mini_http(mini, "POST /v1/orders",
                     mini_text(mini,
                               "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                               "\"quantity\":%d}]}",
                               sku, quantity))
        .status;
}

static int64_t level(struct mini *mini, const char *sku, const char *what)
{
    return mini_get_int(mini, mini_http(mini, mini_text(mini, "GET /v1/stock/%s", sku), NULL),
                        what);
}

static void ledger_is_right(struct mini *mini)
{
    CHECK_EQ_STR(mini_get(mini, mini_http(mini, "GET /v1/ledger/check", NULL), "ok"), "true");
}

TEST_DB(stock_policies_at_their_bounds, "deny, below zero and unlimited hold at their very bound")
{
    struct mini *mini = mini_open(db);
    const char *deny = sku_of(mini, "D", "\"deny\"");
    const char *below = sku_of(mini, "B", "{\"below_zero\":5}");
    const char *unlimited = sku_of(mini, "U", "\"unlimited\"");

    CHECK_EQ_INT(move(mini, deny, "receive", 3).status, 201);
    CHECK_EQ_INT(buy(mini, deny, 4), 409);
    CHECK_EQ_INT(buy(mini, deny, 3), 201);
    CHECK_EQ_INT(buy(mini, deny, 1), 409);
    CHECK_EQ_INT(buy(mini, below, 6), 409);
    CHECK_EQ_INT(buy(mini, below, 5), 201);
    CHECK_EQ_INT(buy(mini, below, 1), 409);
    CHECK_EQ_INT(level(mini, below, "available"), -5);
    CHECK_EQ_INT(buy(mini, unlimited, 1000000), 201);
    CHECK_EQ_INT(level(mini, unlimited, "reserved"), 0);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(stock_adjusts_with_a_reason,
        "an adjustment needs a reason and never takes what is promised")
{
    struct mini *mini = mini_open(db);
    const char *sku = sku_of(mini, "A", "\"deny\"");

    CHECK_EQ_INT(move(mini, sku, "receive", 10).status, 201);
    CHECK_EQ_INT(buy(mini, sku, 4), 201);
    struct answer refused = move(mini, sku, "adjust", -7);

    CHECK_EQ_INT(refused.status, 409);
    CHECK_EQ_STR(mini_get(mini, refused, "code"), "below_reserved");
    CHECK_EQ_INT(move(mini, sku, "adjust", -6).status, 201);
    CHECK_EQ_INT(level(mini, sku, "available"), 0);
    CHECK_EQ_INT(move(mini, sku, "adjust", 0).status, 400);
    CHECK_EQ_INT(move(mini, sku, "receive", -1).status, 400);
    struct answer silent =
        mini_http(mini, "POST /v1/stock/movements",
                  mini_text(mini, "{\"sku\":\"%s\",\"kind\":\"adjust\",\"quantity\":1}", sku));

    CHECK_EQ_INT(silent.status, 400);
    CHECK_EQ_STR(mini_get(mini, silent, "pointer"), "/reason");
    CHECK_EQ_INT(move(mini, sku, "sell", 1).status, 400);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(stock_movements_page, "movements come newest first, in pages, each with its balance")
{
    struct mini *mini = mini_open(db);
    const char *sku = sku_of(mini, "A", "\"deny\"");
    const char *path = mini_text(mini, "GET /v1/stock/%s/movements?limit=2", sku);

    for (int k = 1; k <= 3; k++)
        CHECK_EQ_INT(move(mini, sku, "receive", k).status, 201);
    struct answer page = mini_http(mini, path, NULL);

    CHECK_EQ_INT(mini_get_int(mini, page, "data.0.on_hand"), 6);
    CHECK_EQ_INT(mini_get_int(mini, page, "data.1.quantity"), 2);
    struct answer rest =
        mini_http(mini, mini_text(mini, "%s&cursor=%s", path, mini_get(mini, page, "next")), NULL);

    CHECK_EQ_INT(mini_get_int(mini, rest, "data.0.on_hand"), 1);
    CHECK_EQ_STR(mini_get(mini, rest, "data.1"), "");
    CHECK_EQ_STR(mini_get(mini, rest, "next"), "null");
    CHECK_EQ_INT(mini_http(mini, mini_text(mini, "%s&cursor=forged", path), NULL).status, 400);
    mini_close(mini);
}

TEST_DB(stock_dies_without_its_order,
        "a reservation whose order is gone is swept after its deadline")
{
    struct mini *mini = mini_open(db);
    const char *sku = sku_of(mini, "A", "\"deny\"");

    CHECK_EQ_INT(move(mini, sku, "receive", 2).status, 201);
    CHECK_EQ_INT(buy(mini, sku, 2), 201);
    mini_sql(mini, "delete from kernel_timer");
    mini_sleep_ms(mini, 30 * 60 * 1000);
    CHECK_EQ_INT(level(mini, sku, "reserved"), 2);
    mini_sleep_ms(mini, 7 * 60 * 1000);
    CHECK_EQ_INT(level(mini, sku, "reserved"), 0);
    CHECK_EQ_INT(level(mini, sku, "available"), 2);
    ledger_is_right(mini);
    mini_close(mini);
}

TEST_DB(stock_patrol_finds_damage, "a level that does not equal its movements is found")
{
    struct mini *mini = mini_open(db);
    const char *sku = sku_of(mini, "A", "\"deny\"");

    CHECK_EQ_INT(move(mini, sku, "receive", 2).status, 201);
    ledger_is_right(mini);
    mini_sql(mini, "update stock_level set on_hand = 3");
    struct answer report = mini_http(mini, "GET /v1/ledger/check", NULL);

    CHECK_EQ_STR(mini_get(mini, report, "ok"), "false");
    CHECK_EQ_STR(mini_get(mini, report, "findings.0.sku"), sku);
    mini_close(mini);
}
