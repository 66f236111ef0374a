/*
 * fulfil_fault_test.c - whatever fails, a paid order has all of its delivery or is not paid.
 */
#include "modules/fulfil/fulfil_fixture.h"

struct course {
    const char *sku, *kit;
};

static struct course open_course(struct mini *mini)
{
    struct course course = {.kit = desk_sku(mini, "KIT", "goods", 0, 1000, "")};

    course.sku =
        desk_sku(mini, "SYSTEM", "course", 99900, 1000,
                 mini_text(mini,
                           ",\"components\":[{\"sku\":\"%s\",\"quantity\":1},{\"sku\":\"%s\","
                           "\"quantity\":1,\"after_days\":30}]",
                           course.kit, course.kit));
    return course;
}

/* Entitlements, shipments, and movements of stock agree with the number of paid orders. */
static void check_whole(struct mini *mini)
{
    int64_t paid = mini_count(mini, "select count(*) from orders where state <> 'pending_payment'");

    CHECK_EQ_INT(mini_count(mini, "select count(*) from fulfil_entitlement"), paid);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from fulfil_shipment"), 2 * paid);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from fulfil_item"), 2 * paid);
    CHECK_EQ_INT(desk_events(mini, "fulfil.granted"), paid);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from stock_movement where kind = 'sell'"), paid);
    desk_ledger_ok(mini);
}

TEST_DB(fulfil_paid_faults, "whichever statement fails, an order is paid with its delivery, or not",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct course course = open_course(mini);
    int failed = 0, nth = 1;
    bool fired = true;

    for (; fired; nth++) {
        const char *order = desk_order(mini, course.sku, 1);
        const char *pay = mini_text(mini, "POST /v1/orders/%s/payments", order);
        struct answer answer;

        mini_fail_statement(mini, nth);
        answer = mini_http(mini, pay, "{\"provider\":\"manual\"}");
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        CHECK_SAY(answer.status == 201 || answer.status >= 500, "%d %s", answer.status,
                  answer.body);
        CHECK((answer.status == 201) == (strcmp(desk_state(mini, order), "fulfilling") == 0));
        failed += answer.status != 201;
        check_whole(mini);
        CHECK(nth < 300);
    }
    CHECK(nth > 5);
    CHECK(failed > 0);
    mini_close(mini);
}

TEST_DB(fulfil_memory, "with too little memory an order is paid with its delivery, or not",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    struct course course = open_course(mini);
    bool done = false;
    int refused = 0;

    for (size_t bytes = 2048; !done; bytes += 1024) {
        const char *order = desk_order(mini, course.sku, 1);
        const char *pay = mini_text(mini, "POST /v1/orders/%s/payments", order);
        struct answer answer;

        mini_arena_bytes(mini, bytes);
        answer = mini_http(mini, pay, "{\"provider\":\"manual\"}");
        mini_arena_bytes(mini, 0);
        done = answer.status == 201;
        refused += !done;
        CHECK(done == (strcmp(desk_state(mini, order), "fulfilling") == 0));
        check_whole(mini);
        CHECK(bytes < 1 << 20);
    }
    CHECK(refused > 0);
    mini_close(mini);
}

TEST_DB(fulfil_ship_faults, "whichever statement fails, a parcel has left with its stock, or not",
        .slow = true)
{
    struct mini *mini = mini_open(db);
    const char *sku = desk_sku(mini, "A", "goods", 100, 1000, "");
    int failed = 0, nth = 1;
    bool fired = true;

    for (; fired; nth++) {
        const char *order = desk_order(mini, sku, 2), *shipment, *path;
        struct answer answer;
        int64_t sold = desk_int(mini, mini_text(mini, "/v1/stock/%s", sku), "sold");

        desk_pay(mini, order);
        shipment = desk_shipment(mini, order, 0);
        path = mini_text(mini, "POST /v1/shipments/%s/ship", shipment);
        mini_fail_statement(mini, nth);
        answer = mini_http(mini, path,
                           "{\"lines\":[{\"line\":0,\"quantity\":1}],\"delivered\":"
                           "true}");
        fired = mini_fault_fired(mini);
        mini_fail_statement(mini, 0);
        CHECK_SAY(answer.status == 200 || answer.status >= 500, "%d %s", answer.status,
                  answer.body);
        bool left = answer.status == 200;

        failed += !left;
        CHECK_EQ_STR(desk_text(mini, mini_text(mini, "/v1/shipments/%s", shipment), "state"),
                     left ? "delivered" : "ready");
        CHECK_EQ_INT(desk_int(mini, mini_text(mini, "/v1/stock/%s", sku), "sold"), sold + left);
        CHECK_EQ_STR(desk_state(mini, order), left ? "fulfilling" : "paid");
        desk_ledger_ok(mini);
        CHECK(nth < 300);
    }
    CHECK(nth > 5);
    CHECK(failed > 0);
    mini_close(mini);
}

TEST_DB(fulfil_told_twice, "every event told twice delivers nothing twice")
{
    struct mini *mini = mini_open(db);
    struct course course = open_course(mini);
    const char *order = desk_order(mini, course.sku, 1);

    desk_pay(mini, order);
    mini_deliver_again(mini);
    check_whole(mini);
    CHECK_EQ_STR(desk_stock(mini, course.kit), "1000 1 0");
    mini_close(mini);
}
