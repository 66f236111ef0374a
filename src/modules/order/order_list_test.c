/*
 * order_list_test.c - lists walked to their end, the timeline, and quotes that only explain.
 */
#include "modules/order/order_fixture.h"

enum { ORDERS = 12, STEPS_MAX = 2 * ORDERS };

struct placed {
    const char *id, *user, *state, *created_at;
};

struct book {
    struct mini *mini;
    const char *sku;
    struct placed orders[ORDERS]; /* Oldest first; ten minutes apart. */
};

/* Every third is paid, every third cancelled, the rest expire but for the last three. */
static void place_all(struct book *book)
{
    struct mini *mini = book->mini;

    for (int k = 0; k < ORDERS; k++) {
        struct placed *order = &book->orders[k];
        struct answer answer;

        order->user = k % 2 ? "ann" : "bob";
        answer = stall_order(mini, stall_line(mini, book->sku, 1, ""),
                             mini_text(mini, ",\"user\":\"%s\"", order->user));
        order->id = mini_get(mini, answer, "id");
        order->created_at = mini_get(mini, answer, "created_at");
        if (k % 3 == 0)
            stall_pay(mini, order->id);
        if (k % 3 == 1)
            stall_ask(mini, 200, mini_text(mini, "POST /v1/orders/%s/cancel", order->id), NULL);
        mini_sleep_ms(mini, 10 * MINUTE_MS);
    }
    for (int k = 0; k < ORDERS; k++)
        book->orders[k].state = stall_state(mini, book->orders[k].id);
}

static struct book *book_open(const char *db)
{
    static struct book book;

    book = (struct book){.mini = mini_open(db)};
    book.sku =
        stall_sku(book.mini, (struct stall_item){.code = "A", .price_minor = 100, .received = 100});
    place_all(&book);
    return &book;
}

/* What a list asks for; the orders from <= k < to. */
struct wish {
    const char *user, *state;
    int from, to;
};

static bool wanted(const struct placed *order, int k, const struct wish *wish)
{
    return k >= wish->from && k < wish->to && (!wish->user || !strcmp(wish->user, order->user)) &&
           (!wish->state || !strcmp(wish->state, order->state));
}

static const char *path_of(const struct book *book, const struct wish *wish, int limit)
{
    struct mini *mini = book->mini;
    const char *path = mini_text(mini, "GET /v1/orders?limit=%d", limit);

    if (wish->user)
        path = mini_text(mini, "%s&user=%s", path, wish->user);
    if (wish->state)
        path = mini_text(mini, "%s&state=%s", path, wish->state);
    if (wish->from > 0)
        path = mini_text(mini, "%s&from=%s", path, book->orders[wish->from].created_at);
    if (wish->to < ORDERS)
        path = mini_text(mini, "%s&to=%s", path, book->orders[wish->to].created_at);
    return path;
}

/* Walk to the end: every wanted order once, newest first, and no other. */
static void walk(const struct book *book, const struct wish *wish, int limit)
{
    struct mini *mini = book->mini;
    const char *path = path_of(book, wish, limit), *next = "";
    int k = ORDERS - 1, steps = 0;

    do {
        struct answer page = stall_ask(
            mini, 200, next[0] ? mini_text(mini, "%s&cursor=%s", path, next) : path, NULL);

        for (int n = 0; n < limit; n++) {
            const char *id = mini_get(mini, page, mini_text(mini, "data.%d.id", n));

            while (k >= 0 && !wanted(&book->orders[k], k, wish))
                k--;
            CHECK_EQ_STR(id, k >= 0 ? book->orders[k].id : "");
            k--;
        }
        next = mini_get(mini, page, "next");
        CHECK(++steps < STEPS_MAX);
    } while (strcmp(next, "null") != 0);
    while (k >= 0 && !wanted(&book->orders[k], k, wish))
        k--;
    CHECK(k < 0); /* None is missing. */
}

TEST_DB(order_lists_walked, "lists by user, state and time have every order once, newest first")
{
    static const char *const users[] = {NULL, "ann", "bob", "eve"};
    static const char *const states[] = {NULL, "pending_payment", "paid", "cancelled", "expired"};
    static const struct {
        int from, to;
    } times[] = {{0, ORDERS}, {3, ORDERS}, {0, 7}, {2, 9}, {5, 5}};
    struct book *book = book_open(db);

    CHECK_EQ_STR(book->orders[0].state, "paid");
    CHECK_EQ_STR(book->orders[1].state, "cancelled");
    CHECK_EQ_STR(book->orders[2].state, "expired");
    CHECK_EQ_STR(book->orders[ORDERS - 1].state, "pending_payment");
    for (size_t u = 0; u < sizeof(users) / sizeof(users[0]); u++)
        for (size_t s = 0; s < sizeof(states) / sizeof(states[0]); s++)
            for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++)
                walk(book, &(struct wish){users[u], states[s], times[t].from, times[t].to},
                     2 + (int)(t % 2));
    mini_close(book->mini);
}

TEST_DB(order_list_page_sizes, "whatever the size of a page, nothing comes twice or is missing")
{
    struct book *book = book_open(db);

    for (int limit = 1; limit <= ORDERS + 1; limit++)
        walk(book, &(struct wish){.to = ORDERS}, limit);
    CHECK_EQ_STR(stall_refused(book->mini, 400, "GET /v1/orders?limit=0", NULL), "out_of_range");
    CHECK_EQ_STR(stall_refused(book->mini, 400, "GET /v1/orders?limit=201", NULL), "out_of_range");
    stall_ask(book->mini, 200, "GET /v1/orders?limit=200", NULL);
    mini_close(book->mini);
}

TEST_DB(order_list_under_way, "orders placed while one reads on neither come twice nor hide others")
{
    struct book *book = book_open(db);
    struct mini *mini = book->mini;
    struct answer page = stall_ask(mini, 200, "GET /v1/orders?limit=5", NULL);
    const char *next = mini_get(mini, page, "next");

    stall_buy(mini, book->sku, 1);
    page = stall_ask(mini, 200, mini_text(mini, "GET /v1/orders?limit=5&cursor=%s", next), NULL);
    CHECK_EQ_STR(mini_get(mini, page, "data.0.id"), book->orders[ORDERS - 6].id);
    mini_close(mini);
}

TEST_DB(order_list_bad_query, "what no list can be asked for is refused, and says where")
{
    static const struct {
        const char *query, *code;
    } rows[] = {{"cursor=forged", "bad_cursor"},
                {"cursor=", "bad_cursor"},
                {"state=lost", "bad_value"},
                {"from=yesterday", "bad_value"},
                {"to=2026-13-01T00:00:00Z", "bad_value"},
                {"colour=red", "unknown_field"}};
    struct book *book = book_open(db);
    struct mini *mini = book->mini;
    const char *next = mini_get(mini, stall_ask(mini, 200, "GET /v1/orders?limit=1", NULL), "next");
    char *forged = (char *)(uintptr_t)mini_text(mini, "GET /v1/orders?cursor=%s", next);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const char *request = mini_text(mini, "GET /v1/orders?%s", rows[k].query);

        CHECK_EQ_STR(stall_refused(mini, 400, request, NULL), rows[k].code);
    }
    forged[25] = forged[25] == 'A' ? 'B' : 'A'; /* One letter of a true one. */
    CHECK_EQ_STR(stall_refused(mini, 400, forged, NULL), "bad_cursor");
    mini_close(mini);
}

TEST_DB(order_list_far_times, "times before all orders and beyond all years are no trouble")
{
    struct book *book = book_open(db);
    struct mini *mini = book->mini;
    static const struct {
        const char *query;
        bool any;
    } rows[] = {{"to=9999-12-31T23:59:59Z", true},
                {"from=9999-12-31T23:59:59Z", false},
                {"from=1970-01-01T00:00:00Z", true},
                {"to=2001-01-01T00:00:00Z", false},
                {"from=2001-01-01T00:00:00Z", true}};

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const char *path = mini_text(mini, "/v1/orders?%s", rows[k].query);

        CHECK_SAY((strcmp(stall_text(mini, path, "data"), "[]") != 0) == rows[k].any, "%s", path);
    }
    mini_close(mini);
}

/* ---- Timeline ---- */

/* The types of all events of the order, a comma after each, read in pages of 2. */
static const char *timeline(struct mini *mini, const char *order)
{
    const char *path = mini_text(mini, "GET /v1/orders/%s/timeline?limit=2", order), *next = "";
    const char *types = "", *type;
    int64_t seq = 0, steps = 0;

    do {
        struct answer page = stall_ask(
            mini, 200, next[0] ? mini_text(mini, "%s&cursor=%s", path, next) : path, NULL);

        for (int k = 0; k < 2; k++) {
            type = mini_get(mini, page, mini_text(mini, "data.%d.type", k));
            if (!type[0])
                break;
            CHECK(mini_get_int(mini, page, mini_text(mini, "data.%d.seq", k)) > seq);
            seq = mini_get_int(mini, page, mini_text(mini, "data.%d.seq", k));
            types = mini_text(mini, "%s%s,", types, type);
        }
        next = mini_get(mini, page, "next");
        CHECK(++steps < STEPS_MAX);
    } while (strcmp(next, "null") != 0);
    return types;
}

TEST_DB(order_timeline_of_all, "the timeline merges what every module did, in order")
{
    struct mini *mini = mini_open(db);
    const char *sku =
        stall_sku(mini, (struct stall_item){.code = "A", .price_minor = 100, .received = 9});
    const char *order = stall_buy(mini, sku, 2), *other = stall_buy(mini, sku, 1), *shipment;

    stall_pay(mini, order);
    mini_settle(mini);
    shipment = stall_text(mini, mini_text(mini, "/v1/orders/%s/shipments", order), "data.0.id");
    stall_ask(mini, 200, mini_text(mini, "POST /v1/shipments/%s/ship", shipment), "{}");
    stall_ask(mini, 200, mini_text(mini, "POST /v1/shipments/%s/deliver", shipment), "{}");
    stall_ask(mini, 201, mini_text(mini, "POST /v1/orders/%s/refunds", order),
              "{\"lines\":[{\"line\":0,\"quantity\":1}],\"reason\":\"x\"}");
    mini_settle(mini);
    CHECK_EQ_STR(timeline(mini, order),
                 "order.placed,payment.created,payment.captured,order.paid,fulfil.shipped,"
                 "order.fulfilling,fulfil.delivered,order.completed,aftersale.refund_approved,"
                 "payment.refund_requested,payment.refunded,aftersale.refunded,");
    CHECK_EQ_STR(timeline(mini, other), "order.placed,");
    CHECK_EQ_STR(stall_refused(mini, 404, "GET /v1/orders/ord_0000000000001/timeline", NULL),
                 "no_such_order");
    CHECK_EQ_STR(stall_refused(mini, 400,
                               mini_text(mini, "GET /v1/orders/%s/timeline?cursor=x", order), NULL),
                 "bad_cursor");
    mini_close(mini);
}

/* ---- Quotes ---- */

/* Rows that any effect would add to or change. */
static int64_t digest(struct mini *mini)
{
    return mini_count(mini,
                      "select (select count(*) from orders) + (select count(*) from order_line)"
                      " + (select count(*) from stock_reservation)"
                      " + (select count(*) from stock_plan)"
                      " + (select count(*) from kernel_outbox)"
                      " + (select count(*) from kernel_timer)"
                      " + (select cast(sum(reserved) as bigint) from stock_level)");
}

TEST_DB(order_quote_explains, "a quote explains every line, and the order comes to the same")
{
    struct mini *mini = mini_open(db);
    const char *a =
        stall_sku(mini, (struct stall_item){.code = "A", .price_minor = 333, .received = 7});
    const char *film =
        stall_sku(mini, (struct stall_item){.code = "F", .kind = "content", .price_minor = 500});
    const char *two = stall_sku(
        mini, (struct stall_item){
                  .code = "TWO",
                  .kind = "bundle",
                  .price_minor = 600,
                  .sku = mini_text(mini, ",\"components\":[{\"sku\":\"%s\",\"quantity\":2}]", a)});
    const char *body = stall_body(
        mini,
        mini_text(
            mini, "%s,%s,%s,%s", stall_line(mini, a, 1, ",\"for\":\"ann\""),
            stall_line(mini, film, 1, ",\"price\":{\"amount\":300,\"currency\":\"CNY\"}"),
            stall_line(mini, two, 1, ""),
            stall_line(mini, a, 1, ",\"gift\":{\"value\":{\"amount\":9,\"currency\":\"CNY\"}}")),
        ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":100,\"currency\":\"CNY\"}}]");
    static const char *const sums[] = {"goods", "discount", "shipping", "tax", "total"};
    static const char *const explained[] = {"catalogue price, less 27", "agreed elsewhere, less 24",
                                            "catalogue price, less 49", "a gift"};
    static const int available[] = {7, ORDER_QUANTITY_MAX, 3, 7};
    int64_t before = digest(mini);
    struct answer quote = stall_ask(mini, 200, "POST /v1/quotes", body), order;

    CHECK_EQ_INT(digest(mini), before);
    for (int k = 0; k < 4; k++) {
        const char *line = mini_text(mini, "lines.%d.", k);

        CHECK_SAY(strstr(mini_get(mini, quote, mini_text(mini, "%sexplain", line)), explained[k]) !=
                      NULL,
                  "%s", quote.body);
        CHECK_EQ_INT(mini_get_int(mini, quote, mini_text(mini, "%savailable", line)), available[k]);
    }
    CHECK_EQ_STR(mini_get(mini, quote, "lines.0.for"), "ann");
    CHECK_EQ_STR(mini_get(mini, quote, "lines.1.for"), "u1");
    order = stall_ask(mini, 201, "POST /v1/orders", body);
    for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
        CHECK_EQ_STR(mini_get(mini, quote, sums[k]), mini_get(mini, order, sums[k]));
    for (int k = 0; k < 4; k++)
        CHECK_EQ_STR(mini_get(mini, quote, mini_text(mini, "lines.%d.total", k)),
                     mini_get(mini, order, mini_text(mini, "lines.%d.total", k)));
    mini_close(mini);
}

TEST_DB(order_quote_of_scarce, "a quote of more than there is says how many there are")
{
    struct mini *mini = mini_open(db);
    const char *below = stall_sku(
        mini,
        (struct stall_item){
            .code = "B", .price_minor = 1, .received = 2, .sku = ",\"stock\":{\"below_zero\":5}"});
    const char *body = stall_body(mini, stall_line(mini, below, 8, ""), "");
    struct answer quote = stall_ask(mini, 200, "POST /v1/quotes", body);

    CHECK_EQ_INT(mini_get_int(mini, quote, "lines.0.available"), 7);
    CHECK_EQ_STR(stall_refused(mini, 409, "POST /v1/orders", body), "out_of_stock");
    stall_buy(mini, below, 7);
    quote = stall_ask(mini, 200, "POST /v1/quotes", body);
    CHECK_EQ_INT(mini_get_int(mini, quote, "lines.0.available"), 0);
    mini_close(mini);
}
