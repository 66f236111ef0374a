/*
 * stock_fault_test.c - whatever fails, stock moves whole or not at all.
 */
#include "modules/order/order_fixture.h"
#include "modules/stock/stock_priv.h"

static const char *pen, *set;

static struct mini *shop_open(const char *db)
{
    struct mini *mini = mini_open(db);

    pen = stall_sku(mini,
                    (struct stall_item){.code = "PEN", .price_minor = 300, .received = 1000000});
    set = stall_sku(mini, (struct stall_item){.code = "SET",
                                              .kind = "bundle",
                                              .price_minor = 500,
                                              .sku = mini_text(mini, ",\"components\":[%s]",
                                                               stall_line(mini, pen, 3, ""))});
    return mini;
}

static struct act movement(struct mini *mini, const char *kind, int quantity)
{
    return (struct act){"POST /v1/stock/movements",
                        mini_text(mini,
                                  "{\"sku\":\"%s\",\"kind\":\"%s\",\"quantity\":%d,"
                                  "\"reason\":\"counted\",\"location\":\"east\"}",
                                  pen, kind, quantity)};
}

static struct act to_receive(struct mini *mini, int number)
{
    (void)number;
    return movement(mini, "receive", 7);
}

static struct act to_adjust(struct mini *mini, int number)
{
    struct act receive = movement(mini, "receive", 5);

    (void)number;
    stall_ask(mini, 201, receive.request, receive.body);
    return movement(mini, "adjust", -5);
}

TEST_DB(stock_faults_receive, "whichever statement fails, pieces are received whole or not at all",
        .slow = true)
{
    struct mini *mini = shop_open(db);

    act_faults(mini, to_receive);
    mini_close(mini);
}

TEST_DB(stock_starves_receive, "with too little memory nothing is received")
{
    struct mini *mini = shop_open(db);

    act_starves(mini, to_receive);
    mini_close(mini);
}

TEST_DB(stock_faults_adjust, "whichever statement fails, an adjustment is whole or not at all",
        .slow = true)
{
    struct mini *mini = shop_open(db);

    act_faults(mini, to_adjust);
    mini_close(mini);
}

TEST_DB(stock_starves_adjust, "with too little memory nothing is adjusted")
{
    struct mini *mini = shop_open(db);

    act_starves(mini, to_adjust);
    mini_close(mini);
}

/* ---- The sweep ---- */

/* Reservations whose order never hears of their deadline, long past it. */
static int64_t orphans(struct mini *mini, int number)
{
    (void)number;
    stall_order(
        mini, mini_text(mini, "%s,%s", stall_line(mini, pen, 1, ""), stall_line(mini, set, 1, "")),
        "");
    mini_sql(mini, "delete from kernel_timer where name = 'order.expire'");
    mini_sql(mini, "update stock_reservation set deadline_ms = 1 where open > 0");
    return 0;
}

static enum err sweep(struct cx *cx, int64_t key)
{
    bool more = key != 0;

    return stock_sweep(cx, &more);
}

static const struct act_work sweeping = {.run = sweep, .due_in_ms = MINUTE_MS, .prepare = orphans};

TEST_DB(stock_faults_sweep, "whichever statement fails, what died is swept whole, if later",
        .slow = true)
{
    struct mini *mini = shop_open(db);

    act_work_faults(mini, &sweeping);
    mini_close(mini);
}

TEST_DB(stock_starves_sweep, "with too little memory nothing is swept", .slow = true)
{
    struct mini *mini = shop_open(db);

    act_work_starves(mini, &sweeping);
    mini_close(mini);
}

/* ---- Events ---- */

TEST_DB(stock_told_twice, "every event told twice reserves, sells and returns nothing twice")
{
    struct mini *mini = shop_open(db);
    const char *order = stall_buy(mini, set, 2), *shipment;

    stall_buy(mini, pen, 1);
    stall_pay(mini, order);
    mini_settle(mini);
    shipment = stall_text(mini, mini_text(mini, "/v1/orders/%s/shipments", order), "data.0.id");
    stall_ask(mini, 200, mini_text(mini, "POST /v1/shipments/%s/ship", shipment), "{}");
    stall_ask(mini, 200, mini_text(mini, "POST /v1/shipments/%s/deliver", shipment), "{}");
    stall_ask(mini, 201, mini_text(mini, "POST /v1/orders/%s/refunds", order),
              "{\"lines\":[{\"line\":0,\"quantity\":1}],\"reason\":\"x\",\"restock\":true}");
    mini_settle(mini);
    CHECK_EQ_STR(stall_stock(mini, pen), "999997 1 3");
    act_told_twice(mini);
    CHECK_EQ_STR(stall_stock(mini, pen), "999997 1 3");
    mini_close(mini);
}
