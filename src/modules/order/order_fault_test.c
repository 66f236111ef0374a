/*
 * order_fault_test.c - whatever fails, what is done to an order is done whole or not at all.
 */
#include "modules/order/order_fixture.h"
#include "modules/order/order_priv.h"

/* What is sold in these tests: a course with a kit now and one later, a bundle, a gift. */
static struct goods {
    const char *pen, *course, *set;
} goods;

static struct mini *shop_open(const char *db)
{
    struct mini *mini = mini_open(db);

    goods.pen = stall_sku(
        mini, (struct stall_item){.code = "PEN", .price_minor = 300, .received = 1000000});
    goods.course = stall_sku(
        mini,
        (struct stall_item){
            .code = "TERM",
            .kind = "course",
            .price_minor = 9900,
            .received = 1000000,
            .sku = mini_text(mini, ",\"components\":[%s,%s]", stall_line(mini, goods.pen, 1, ""),
                             stall_line(mini, goods.pen, 2, ",\"after_days\":30"))});
    goods.set =
        stall_sku(mini, (struct stall_item){.code = "SET",
                                            .kind = "bundle",
                                            .price_minor = 500,
                                            .sku = mini_text(mini, ",\"components\":[%s]",
                                                             stall_line(mini, goods.pen, 3, ""))});
    return mini;
}

#define GIFT    ",\"gift\":{\"value\":{\"amount\":9,\"currency\":\"CNY\"},\"when_out\":\"skip\"}"
#define ADDRESS ",\"address\":{\"name\":\"Zhang San\",\"street\":\"Lane 7\"},\"note\":\"ring\""

/* A guest's, of a channel: all that an order can have. */
static const char *all_of_it(struct mini *mini, int number)
{
    return stall_body(
        mini,
        mini_text(mini, "%s,%s,%s", stall_line(mini, goods.course, 1, ",\"for\":\"ann\""),
                  stall_line(mini, goods.set, 2, ""), stall_line(mini, goods.pen, 1, GIFT)),
        mini_text(mini,
                  ",\"channel\":{\"name\":\"douyin\",\"order\":\"D%04d\",\"cipher\":\"##\"},"
                  "\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":101,"
                  "\"currency\":\"CNY\"}}]" ADDRESS,
                  number));
}

static const char *placed(struct mini *mini, int number)
{
    return mini_get(mini, stall_ask(mini, 201, "POST /v1/orders", all_of_it(mini, 1000 + number)),
                    "id");
}

/* ---- Routes ---- */

static struct act to_place(struct mini *mini, int number)
{
    return (struct act){"POST /v1/orders", all_of_it(mini, number)};
}

static struct act to_cancel(struct mini *mini, int number)
{
    return (struct act){mini_text(mini, "POST /v1/orders/%s/cancel", placed(mini, number)), NULL};
}

/* With what was sent for it. */
static struct act to_claim(struct mini *mini, int number)
{
    const char *order = placed(mini, number);

    stall_pay(mini, order);
    stall_ask(mini, 201, mini_text(mini, "POST /v1/orders/%s/reshipments", order),
              mini_text(mini,
                        "{\"lines\":[{\"line\":1,\"quantity\":1,\"sku\":\"%s\"}],"
                        "\"reason\":\"lost\"}",
                        goods.pen));
    mini_settle(mini);
    return (struct act){mini_text(mini, "POST /v1/orders/%s/claim", order), "{\"user\":\"u9\"}"};
}

static struct act to_move(struct mini *mini, int number)
{
    return (struct act){mini_text(mini, "PUT /v1/orders/%s/address", placed(mini, number)),
                        "{\"address\":{\"name\":\"Li Si\"}}"};
}

static struct act to_note(struct mini *mini, int number)
{
    return (struct act){mini_text(mini, "POST /v1/orders/%s/notes", placed(mini, number)),
                        "{\"note\":\"ring twice\"}"};
}

/* Nothing to pay: paid as it is placed. */
static struct act to_give(struct mini *mini, int number)
{
    (void)number;
    return (struct act){"POST /v1/orders",
                        stall_body(mini, stall_line(mini, goods.pen, 1, GIFT), "")};
}

static struct act to_pay(struct mini *mini, int number)
{
    return (struct act){mini_text(mini, "POST /v1/orders/%s/payments", placed(mini, number)),
                        "{\"provider\":\"manual\"}"};
}

#define ROUTE_TESTS(name_, prepare_, what_)                                                        \
    TEST_DB(order_faults_##name_, "whichever statement fails, " what_ " whole or not at all",      \
            .slow = true)                                                                          \
    {                                                                                              \
        struct mini *mini = shop_open(db);                                                         \
                                                                                                   \
        act_faults(mini, prepare_);                                                                \
        mini_close(mini);                                                                          \
    }                                                                                              \
    TEST_DB(order_starves_##name_, "with too little memory, " what_ " whole or not at all",        \
            .slow = true)                                                                          \
    {                                                                                              \
        struct mini *mini = shop_open(db);                                                         \
                                                                                                   \
        act_starves(mini, prepare_);                                                               \
        mini_close(mini);                                                                          \
    }

ROUTE_TESTS(place, to_place, "an order with all it can have is placed")
ROUTE_TESTS(cancel, to_cancel, "an order is cancelled and its stock free,")
ROUTE_TESTS(claim, to_claim, "an order is claimed with all that was sent for it,")
ROUTE_TESTS(address, to_move, "an address is changed")
ROUTE_TESTS(note, to_note, "a note is written")
ROUTE_TESTS(give, to_give, "a gift is placed and paid")
ROUTE_TESTS(pay, to_pay, "an order is paid, its stock handed over,")

/* ---- The timer ---- */

static int64_t an_unpaid_order(struct mini *mini, int number)
{
    int64_t id;

    CHECK(id_parse(str_of(placed(mini, number)), "ord", &id));
    return id;
}

static enum err expire(struct cx *cx, int64_t key)
{
    return order_expire(cx, key, cx_now_ms(cx));
}

static const struct act_work expiry = {
    .run = expire, .due_in_ms = 30 * MINUTE_MS, .prepare = an_unpaid_order};

TEST_DB(order_faults_expiry, "whichever statement fails, an order expires whole, if later",
        .slow = true)
{
    struct mini *mini = shop_open(db);

    act_work_faults(mini, &expiry);
    mini_close(mini);
}

TEST_DB(order_starves_expiry, "with too little memory an order expires whole or not at all",
        .slow = true)
{
    struct mini *mini = shop_open(db);

    act_work_starves(mini, &expiry);
    mini_close(mini);
}

/* ---- Events ---- */

TEST_DB(order_told_twice, "every event of orders told twice changes nothing")
{
    static act_prepare *const acts[] = {to_place, to_cancel, to_claim, to_move,
                                        to_note,  to_give,   to_pay};
    struct mini *mini = shop_open(db);

    for (int k = 0; k < (int)(sizeof(acts) / sizeof(acts[0])); k++) {
        struct act act = acts[k](mini, k);
        struct answer answer = mini_http(mini, act.request, act.body);

        CHECK_SAY(answer.status / 100 == 2, "%s: %s", act.request, answer.body);
    }
    act_told_twice(mini);
    an_unpaid_order(mini, 100);
    mini_sleep_ms(mini, 30 * MINUTE_MS);
    act_told_twice(mini);
    mini_close(mini);
}
