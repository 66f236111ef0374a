/*
 * aftersale_fault_test.c - whatever fails, a refund is whole or nothing.
 */
#include "modules/aftersale/aftersale.h"
#include "modules/fulfil/fulfil_fixture.h"

/* One course with a kit, paid, nothing shipped. */
static const char *course(struct mini *mini, const char **kit)
{
    *kit = desk_sku(mini, "KIT", "goods", 0, 1000, "");
    return desk_sku(mini, "SYSTEM", "course", 9900, 1000,
                    mini_text(mini, ",\"components\":[{\"sku\":\"%s\",\"quantity\":1}]", *kit));
}

/* Money, stock, entitlements, shipments and refunds tell the same number of orders given back. */
static void check_whole(struct mini *mini, int64_t done)
{
    CHECK_EQ_INT(mini_count(mini, "select count(*) from aftersale_refund"), done);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from aftersale_refund_line"), done);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders where refunded_minor = 9900"), done);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from orders where refunded_minor > 0"), done);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment_part"), done);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from fulfil_entitlement where revoked_ms > 0"),
                 done);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from fulfil_shipment where state = 'stopped'"),
                 done);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from stock_movement where kind = 'return'"),
                 done);
    CHECK_EQ_INT(desk_events(mini, "aftersale.refunded"), done);
    desk_ledger_ok(mini);
}

TEST_DB(aftersale_faults, "whichever statement fails, a refund is whole or nothing", .slow = true)
{
    struct mini *mini = mini_open(db);
    const char *kit, *sku = course(mini, &kit);
    int64_t done = 0, failed = 0;
    bool fired = true;
    int nth = 1;

    for (; fired; nth++) {
        const char *order = desk_order(mini, sku, 1);
        const char *path = mini_text(mini, "POST /v1/orders/%s/refunds", order);
        struct answer answer;

        desk_pay(mini, order);
        mini_fail_statement(mini, nth);
        answer =
            mini_http(mini, path, mini_text(mini, "{\"reason\":\"x\",\"reference\":\"R%d\"}", nth));
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        CHECK_SAY(answer.status == 201 || answer.status >= 500, "%d %s", answer.status,
                  answer.body);
        done += answer.status == 201;
        failed += answer.status != 201;
        check_whole(mini, done);
        CHECK(nth < 400);
    }
    CHECK(nth > 5);
    CHECK(failed > 0);
    mini_close(mini);
}

TEST_DB(aftersale_memory, "with too little memory a refund is refused whole", .slow = true)
{
    struct mini *mini = mini_open(db);
    const char *kit, *sku = course(mini, &kit), *order = desk_order(mini, sku, 1);
    const char *path = mini_text(mini, "POST /v1/orders/%s/refunds", order);
    int64_t refused = 0;
    bool done = false;

    desk_pay(mini, order);
    for (size_t bytes = 2048; !done; bytes += 1024) {
        mini_arena_bytes(mini, bytes);
        done = mini_http(mini, path, "{\"reason\":\"x\"}").status == 201;
        mini_arena_bytes(mini, 0);
        refused += !done;
        check_whole(mini, done);
        CHECK(bytes < 1 << 20);
    }
    CHECK(refused > 0);
    mini_close(mini);
}

TEST_DB(aftersale_linked_faults, "whichever statement fails, an exchange is whole or nothing",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 1000, 1000, "");
    int64_t done = 0, failed = 0;
    bool fired = true;
    int nth = 1;

    for (; fired; nth++) {
        const char *order = desk_order(mini, sku, 1), *path, *body;
        struct answer answer;

        desk_pay(mini, order);
        path = mini_text(mini, "POST /v1/orders/%s/exchanges", order);
        body = mini_text(mini,
                         "{\"lines\":[{\"line\":0,\"quantity\":1,\"sku\":\"%s\"}],"
                         "\"reason\":\"scratched\"}",
                         sku);
        mini_fail_statement(mini, nth);
        answer = mini_http(mini, path, body);
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        CHECK_SAY(answer.status == 201 || answer.status >= 500, "%d %s", answer.status,
                  answer.body);
        done += answer.status == 201;
        failed += answer.status != 201;
        CHECK_EQ_INT(mini_count(mini, "select count(*) from aftersale_linked"), done);
        CHECK_EQ_INT(mini_count(mini, "select count(*) from orders where kind = 'exchange'"), done);
        CHECK_EQ_INT(
            mini_count(mini, "select count(*) from fulfil_shipment where state = 'stopped'"), done);
        CHECK_EQ_INT(desk_events(mini, "aftersale.exchanged"), done);
        desk_ledger_ok(mini);
        CHECK(nth < 400);
    }
    CHECK(nth > 5);
    CHECK(failed > 0);
    mini_close(mini);
}

TEST_DB(aftersale_told_twice, "every event told twice gives nothing back twice")
{
    struct mini *mini = mini_open(db);
    const char *kit, *sku = course(mini, &kit), *order = desk_order(mini, sku, 1);

    desk_pay(mini, order);
    desk_post(mini, 201, mini_text(mini, "/v1/orders/%s/refunds", order), "{\"reason\":\"x\"}");
    mini_deliver_again(mini);
    check_whole(mini, 1);
    CHECK_EQ_STR(desk_stock(mini, kit), "1000 0 0");
    mini_close(mini);
}
