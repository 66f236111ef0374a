/*
 * stock_plan_test.c - what is planned and what is promised; together or not at all; deadlines,
 * seats and places.
 */
#include "modules/order/order_fixture.h"
#include "modules/stock/stock_priv.h"

static const char *item(struct mini *mini, const char *code, int received, const char *more)
{
    return stall_sku(
        mini,
        (struct stall_item){.code = code, .price_minor = 100, .received = received, .sku = more});
}

static const char *made_of(struct mini *mini, const char *code, const char *kind,
                           const char *components)
{
    return stall_sku(mini, (struct stall_item){.code = code,
                                               .kind = kind,
                                               .price_minor = 100,
                                               .sku = mini_text(mini,
                                                                ",\"stock\":\"unlimited\","
                                                                "\"components\":[%s]",
                                                                components)});
}

static struct answer refused(struct mini *mini, const char *lines)
{
    struct answer answer = stall_ask(mini, 409, "POST /v1/orders", stall_body(mini, lines, ""));

    CHECK_EQ_STR(mini_get(mini, answer, "code"), "out_of_stock");
    return answer;
}

static void cancel(struct mini *mini, const char *order)
{
    stall_ask(mini, 200, mini_text(mini, "POST /v1/orders/%s/cancel", order), NULL);
}

static int64_t planned(struct mini *mini, const char *sku)
{
    return stall_int(mini, mini_text(mini, "/v1/stock/%s", sku), "planned");
}

/* ---- Planned demand ---- */

/* A term with a kit at once, two of the next after 30 days and one more after 60. */
static const char *term(struct mini *mini, const char *first, const char *next)
{
    return made_of(mini, "TERM", "course",
                   mini_text(mini, "%s,%s,%s", stall_line(mini, first, 1, ""),
                             stall_line(mini, next, 2, ",\"after_days\":30"),
                             stall_line(mini, next, 1, ",\"after_days\":60")));
}

TEST_DB(stock_plans_do_not_promise, "later shipments of a term are planned, not reserved")
{
    struct mini *mini = mini_open(db);
    const char *first = item(mini, "K1", 5, ""), *next = item(mini, "K2", 0, "");
    const char *sku = term(mini, first, next), *order = stall_buy(mini, sku, 2);

    CHECK_EQ_STR(stall_stock(mini, first), "5 2 0");
    CHECK_EQ_STR(stall_stock(mini, next), "0 0 0"); /* None there, and none needed yet. */
    CHECK_EQ_INT(planned(mini, first), 0);
    CHECK_EQ_INT(planned(mini, next), 6);
    stall_buy(mini, sku, 1);
    CHECK_EQ_INT(planned(mini, next), 9);
    cancel(mini, order);
    CHECK_EQ_INT(planned(mini, next), 3);
    CHECK_EQ_STR(stall_stock(mini, first), "5 1 0");
    mini_sleep_ms(mini, 30 * MINUTE_MS); /* The other expires. */
    CHECK_EQ_INT(planned(mini, next), 0);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from stock_plan"), 0);
    CHECK_EQ_STR(stall_stock(mini, first), "5 0 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(stock_plans_come_due, "what is planned is reserved when it is due, and never twice")
{
    struct mini *mini = mini_open(db);
    const char *first = item(mini, "K1", 5, ""), *next = item(mini, "K2", 9, "");
    const char *order = stall_buy(mini, term(mini, first, next), 1);

    stall_pay(mini, order);
    mini_sleep_ms(mini, 30 * DAY_MS - 1);
    CHECK_EQ_STR(stall_stock(mini, next), "9 0 0");
    CHECK_EQ_INT(planned(mini, next), 3);
    mini_sleep_ms(mini, 1);
    CHECK_EQ_STR(stall_stock(mini, next), "9 2 0");
    CHECK_EQ_INT(planned(mini, next), 1);
    mini_deliver_again(mini);
    mini_sleep_ms(mini, 30 * DAY_MS);
    CHECK_EQ_STR(stall_stock(mini, next), "9 3 0");
    CHECK_EQ_INT(planned(mini, next), 0);
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(stock_unlimited_is_not_planned, "what is unlimited is neither planned nor reserved")
{
    struct mini *mini = mini_open(db);
    const char *pdf = item(mini, "PDF", 0, ",\"stock\":\"unlimited\"");

    stall_buy(mini, term(mini, pdf, pdf), 7);
    CHECK_EQ_INT(planned(mini, pdf), 0);
    CHECK_EQ_STR(stall_stock(mini, pdf), "0 0 0");
    CHECK_EQ_INT(mini_count(mini, "select count(*) from stock_reservation"), 0);
    mini_close(mini);
}

/* ---- Together or not at all ---- */

TEST_DB(stock_all_lines_or_none, "the lines of an order that share an item are counted together")
{
    static const struct {
        const char *stock;
        int floor;
    } rows[] = {{",\"stock\":\"deny\"", 0}, {",\"stock\":{\"below_zero\":4}", 4}};
    struct mini *mini = mini_open(db);

    for (int k = 0; k < 2; k++) {
        const char *sku = item(mini, mini_text(mini, "S%d", k), 10, rows[k].stock);
        const char *other = item(mini, mini_text(mini, "O%d", k), 99, "");
        const char *some = stall_line(mini, sku, 6, "");
        const char *one_over = mini_text(mini, "%s,%s,%s", stall_line(mini, other, 1, ""), some,
                                         stall_line(mini, sku, 5 + rows[k].floor, ""));
        const char *at =
            mini_text(mini, "%s,%s", some, stall_line(mini, sku, 4 + rows[k].floor, ""));
        struct answer answer = refused(mini, one_over);

        CHECK_EQ_STR(mini_get(mini, answer, "sku"), sku);
        CHECK_EQ_INT(mini_get_int(mini, answer, "line"), 2);
        CHECK_EQ_INT(mini_get_int(mini, answer, "available"), 4 + rows[k].floor);
        CHECK_EQ_STR(stall_stock(mini, sku), "10 0 0");
        CHECK_EQ_STR(stall_stock(mini, other), "99 0 0");
        stall_order(mini, at, "");
        CHECK_EQ_INT(mini_get_int(mini, refused(mini, stall_line(mini, sku, 1, "")), "available"),
                     0);
    }
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(stock_all_components_or_none, "a bundle takes all that is in it, or nothing")
{
    struct mini *mini = mini_open(db);
    const char *pen = item(mini, "PEN", 7, ""), *cup = item(mini, "CUP", 2, "");
    const char *set =
        made_of(mini, "SET", "bundle",
                mini_text(mini, "%s,%s,%s", stall_line(mini, pen, 2, ""),
                          stall_line(mini, cup, 1, ""), stall_line(mini, pen, 1, "")));
    const char *two = stall_line(mini, set, 2, ""), *order;

    CHECK_EQ_STR(mini_get(mini, refused(mini, stall_line(mini, set, 3, "")), "sku"), pen);
    CHECK_EQ_STR(
        mini_get(mini, refused(mini, mini_text(mini, "%s,%s", stall_line(mini, cup, 1, ""), two)),
                 "sku"),
        cup);
    CHECK_EQ_STR(
        mini_get(mini, refused(mini, mini_text(mini, "%s,%s", two, stall_line(mini, pen, 2, ""))),
                 "sku"),
        pen);
    CHECK_EQ_STR(stall_stock(mini, pen), "7 0 0");
    CHECK_EQ_STR(stall_stock(mini, cup), "2 0 0");
    order = mini_get(
        mini, stall_order(mini, mini_text(mini, "%s,%s", two, stall_line(mini, pen, 1, "")), ""),
        "id");
    CHECK_EQ_STR(stall_stock(mini, pen), "7 7 0");
    CHECK_EQ_STR(stall_stock(mini, cup), "2 2 0");
    cancel(mini, order);
    CHECK_EQ_STR(stall_stock(mini, pen), "7 0 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

/* ---- Deadlines ---- */

TEST_DB(stock_reservation_dies_on_time, "a reservation holds until its deadline, then all is free")
{
    struct mini *mini = mini_open(db);
    const char *pen = item(mini, "PEN", 3, ""), *cup = item(mini, "CUP", 1, "");
    const char *set = made_of(
        mini, "SET", "bundle",
        mini_text(mini, "%s,%s", stall_line(mini, pen, 2, ""), stall_line(mini, cup, 1, "")));
    const char *paid;

    stall_set(mini, "order.pay_within_ms", NULL, MINUTE_MS);
    stall_buy(mini, set, 1);
    paid = stall_buy(mini, pen, 1);
    stall_pay(mini, paid);
    mini_sleep_ms(mini, MINUTE_MS - 1);
    CHECK_EQ_STR(stall_stock(mini, pen), "3 3 0");
    refused(mini, stall_line(mini, cup, 1, ""));
    mini_sleep_ms(mini, 1);
    CHECK_EQ_STR(stall_stock(mini, pen), "3 1 0"); /* What is paid for never dies. */
    CHECK_EQ_STR(stall_stock(mini, cup), "1 0 0");
    stall_buy(mini, set, 1);
    mini_sleep_ms(mini, DAY_MS);
    CHECK_EQ_STR(stall_stock(mini, pen), "3 1 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(stock_swept_is_not_paid, "what was swept is not handed over: nobody is sold what is gone")
{
    struct mini *mini = mini_open(db);
    const char *sku = item(mini, "A", 1, ""), *late = stall_buy(mini, sku, 1);

    mini_sql(mini, "delete from kernel_timer"); /* Its order never hears of the deadline. */
    mini_sleep_ms(mini, 37 * MINUTE_MS);
    CHECK_EQ_STR(stall_stock(mini, sku), "1 0 0");
    stall_buy(mini, sku, 1);
    CHECK_EQ_STR(stall_refused(mini, 409, mini_text(mini, "POST /v1/orders/%s/payments", late),
                               "{\"provider\":\"manual\"}"),
                 "not_payable");
    CHECK_EQ_STR(stall_state(mini, late), "pending_payment");
    CHECK_EQ_STR(stall_stock(mini, sku), "1 1 0");
    cancel(mini, late);
    CHECK_EQ_STR(stall_stock(mini, sku), "1 1 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(stock_sweeps_many, "however many reservations have no owner, all are swept")
{
    enum { ORDER_LINES = 70, ORPHANS = 4, TEXT_BYTES = 8000 };
    struct mini *mini = mini_open(db);
    const char *sku = item(mini, "A", 1000, ""), *line = stall_line(mini, sku, 1, "");
    char lines[TEXT_BYTES];
    size_t len = 0;

    for (int k = 0; k < ORDER_LINES; k++) {
        assert(len + strlen(line) + 2 < sizeof(lines));
        if (k > 0)
            lines[len++] = ',';
        memcpy(lines + len, line, strlen(line) + 1);
        len += strlen(line);
    }
    for (int k = 0; k < ORPHANS; k++)
        stall_order(mini, lines, "");
    CHECK_EQ_STR(stall_stock(mini, sku), "1000 280 0"); /* More than one sweep takes. */
    mini_sql(mini, "delete from kernel_timer");
    mini_sleep_ms(mini, 37 * MINUTE_MS);
    CHECK_EQ_STR(stall_stock(mini, sku), "1000 0 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

/* How SQLite would run the sweep. */
struct step {
    int64_t id, parent, notused;
    struct str detail;
};

static enum err explain_sweep(struct cx *cx, void *argument)
{
    static const struct field fields[] = {F(step, id), F(step, parent), F(step, notused),
                                          F(step, detail), F_END};
    const char *sql = cx_printf(cx, "explain query plan %s", stock_sweep_sql).ptr;
    struct list steps;

    (void)argument;
    TRY(sql_raw_all(cx, fields, sizeof(struct step), &steps, sql, BIND(INT(1), INT(1))));
    CHECK_EQ_INT(steps.count, 2);
    CHECK_EQ_TEXT(LIST_AT(steps, struct step, 0)->detail,
                  "SEARCH stock_reservation USING INDEX stock_reservation_by_deadline"
                  " (deadline_ms>? AND deadline_ms<?)");
    CHECK(strstr(LIST_AT(steps, struct step, 1)->detail.ptr, "B-TREE") != NULL);
    return OK;
}

TEST(stock_sweep_is_indexed, "the sweep reads what may die, not all that ever was reserved")
{
    struct mini *mini = mini_open("sqlite");
    struct problem problem;

    CHECK_SAY(space_read(mini_space(mini), explain_sweep, NULL, &problem) == OK, "%s",
              problem.detail);
    mini_close(mini);
}

/* ---- Seats and places ---- */

TEST_DB(stock_class_seats, "nobody orders, nor pays for, a seat in a full class")
{
    struct mini *mini = mini_open(db);
    const char *spring = stall_sku(
        mini, (struct stall_item){
                  .code = "SPRING", .kind = "course", .price_minor = 9900, .received = 3});
    const char *autumn = stall_sku(
        mini, (struct stall_item){
                  .code = "AUTUMN", .kind = "course", .price_minor = 9900, .received = 3});
    const char *first = stall_buy(mini, spring, 1), *second = stall_buy(mini, spring, 2), *third;

    refused(mini, stall_line(mini, spring, 1, "")); /* Full though nobody has paid. */
    stall_buy(mini, autumn, 1);                     /* Another term has its own seats. */
    cancel(mini, first);
    third = stall_buy(mini, spring, 1);
    stall_pay(mini, second);
    stall_pay(mini, third);
    refused(mini, stall_line(mini, spring, 1, ""));
    CHECK_EQ_INT(stall_int(mini, mini_text(mini, "/v1/stock/%s", spring), "available"), 0);
    CHECK_EQ_INT(mini_count(mini, "select cast(sum(on_hand + sold) as bigint) from stock_level"),
                 6);
    mini_sleep_ms(mini, DAY_MS);
    CHECK_EQ_INT(stall_int(mini, mini_text(mini, "/v1/stock/%s", spring), "available"), 0);
    CHECK_EQ_INT(stall_int(mini, mini_text(mini, "/v1/stock/%s", autumn), "available"), 3);
    stall_ledger_ok(mini);
    mini_close(mini);
}

static struct answer move(struct mini *mini, int status, const char *sku, const char *members)
{
    return stall_ask(mini, status, "POST /v1/stock/movements",
                     mini_text(mini, "{\"sku\":\"%s\",%s}", sku, members));
}

TEST_DB(stock_of_several_places, "an order takes from the SKU's own place; a view tells them apart")
{
    struct mini *mini = mini_open(db);
    const char *east = item(mini, "EAST", 0, ",\"location\":\"east\"");
    const char *west = item(mini, "WEST", 4, ""), *path = mini_text(mini, "/v1/stock/%s", east);
    const char *both = made_of(
        mini, "BOTH", "bundle",
        mini_text(mini, "%s,%s", stall_line(mini, east, 1, ""), stall_line(mini, west, 1, "")));
    struct answer view, order;

    move(mini, 201, east, "\"kind\":\"receive\",\"quantity\":9"); /* To main. */
    CHECK_EQ_INT(mini_get_int(mini, refused(mini, stall_line(mini, east, 1, "")), "available"), 0);
    move(mini, 201, east, "\"kind\":\"receive\",\"quantity\":3,\"location\":\"east\"");
    refused(mini, stall_line(mini, east, 4, ""));
    order = stall_order(
        mini,
        mini_text(mini, "%s,%s", stall_line(mini, east, 2, ""), stall_line(mini, both, 1, "")), "");
    CHECK_EQ_STR(mini_get(mini, order, "lines.0.location"), "east");
    view = stall_ask(mini, 200, mini_text(mini, "GET %s", path), NULL);
    CHECK_EQ_INT(mini_get_int(mini, view, "on_hand"), 12);
    CHECK_EQ_INT(mini_get_int(mini, view, "available"), 9);
    CHECK_EQ_STR(mini_get(mini, view, "locations.0.location"), "east");
    CHECK_EQ_INT(mini_get_int(mini, view, "locations.0.reserved"), 3);
    CHECK_EQ_INT(mini_get_int(mini, view, "locations.1.on_hand"), 9);
    CHECK_EQ_STR(stall_stock(mini, west), "4 1 0");
    CHECK_EQ_STR(
        mini_get(mini,
                 move(mini, 409, east,
                      "\"kind\":\"adjust\",\"quantity\":-1,\"location\":\"east\",\"reason\":\"x\""),
                 "code"),
        "below_reserved");
    move(mini, 201, east, "\"kind\":\"adjust\",\"quantity\":-9,\"reason\":\"moved\"");
    CHECK_EQ_STR(stall_stock(mini, east), "3 3 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}

TEST_DB(stock_adjustment_is_told, "an adjustment tells its reason, who made it, and is audited")
{
    struct mini *mini = mini_open(db);
    const char *sku = item(mini, "A", 5, ""), *key = stall_key(mini, "\"stock:write\"");
    const char *body = mini_text(mini,
                                 "{\"sku\":\"%s\",\"kind\":\"adjust\",\"quantity\":2,"
                                 "\"reason\":\"found two more\"}",
                                 sku);
    int64_t audited = mini_count(mini, "select count(*) from kernel_audit");
    struct answer made = mini_http_as(mini, key, NULL, "POST /v1/stock/movements", body), seen;

    CHECK_SAY(made.status == 201, "%s", made.body);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from kernel_audit"), audited + 1);
    seen = stall_ask(mini, 200, mini_text(mini, "GET /v1/stock/%s/movements", sku), NULL);
    CHECK_EQ_STR(mini_get(mini, seen, "data.0.kind"), "adjust");
    CHECK_EQ_STR(mini_get(mini, seen, "data.0.reason"), "found two more");
    CHECK_EQ_INT(mini_get_int(mini, seen, "data.0.quantity"), 2);
    CHECK_EQ_INT(mini_get_int(mini, seen, "data.0.on_hand"), 7);
    CHECK(strcmp(mini_get(mini, seen, "data.0.actor"), mini_get(mini, seen, "data.1.actor")) != 0);
    made = mini_http_as(mini, stall_key(mini, "\"stock:read\""), NULL, "POST /v1/stock/movements",
                        body);
    CHECK_EQ_INT(made.status, 403);
    mini_close(mini);
}

TEST_DB(stock_movement_bounds, "a movement is taken at its bounds and refused one beyond")
{
    static const struct {
        const char *kind;
        int64_t quantity;
        const char *member;
        int length, status;
    } rows[] = {
        {"receive", 1000000000, "reason", 200, 201}, {"receive", 1, "reason", 201, 400},
        {"receive", 1000000001, "reason", 1, 400},   {"adjust", -1000000001, "reason", 1, 400},
        {"adjust", -1000000000, "reason", 1, 201},   {"receive", 1, "location", 32, 201},
        {"receive", 1, "location", 33, 400},         {"receive", 1, "location", 0, 400},
    };
    struct mini *mini = mini_open(db);
    const char *sku = item(mini, "A", 0, "");
    char xs[256];

    memset(xs, 'x', sizeof(xs));
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        move(mini, rows[k].status, sku,
             mini_text(mini, "\"kind\":\"%s\",\"quantity\":%lld,\"%s\":\"%.*s\"", rows[k].kind,
                       (long long)rows[k].quantity, rows[k].member, rows[k].length, xs));
    CHECK_EQ_STR(stall_stock(mini, sku), "1 0 0");
    stall_ledger_ok(mini);
    mini_close(mini);
}
