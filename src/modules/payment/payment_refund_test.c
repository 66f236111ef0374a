/*
 * payment_refund_test.c - money back: splits, races, refusals, payouts, and faults anywhere.
 */
#include <stdlib.h>

#include "modules/payment/payment_fixture.h"

static const char *paid_order(struct shop *shop, const char **payment)
{
    const char *order = shop_order(shop, 1);

    *payment = shop_intent(shop, order, 0);
    shop_succeed(shop, *payment, PRICE_MINOR, "captured");
    return order;
}

static const char *part_of(struct shop *shop, const char *payment, const char *path)
{
    struct answer answer =
        mini_http(shop->mini, mini_text(shop->mini, "GET /v1/payments/%s/refunds", payment), NULL);

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return mini_get(shop->mini, answer, path);
}

TEST_DB(payment_refund_splits,
        "a refund is split over the payments, newest first, and told at the end")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *first, *second, *code;

    first = shop_intent(shop, order, 990);
    second = shop_intent(shop, order, 0);
    shop_succeed(shop, first, 990, "captured");
    shop_succeed(shop, second, 1000, "captured");
    CHECK(shop_refund(shop, order, 1200, 77, &code));
    CHECK_EQ_STR(shop_payment(shop, second, "refund_claimed.amount"), "1000");
    CHECK_EQ_STR(shop_payment(shop, first, "refund_claimed.amount"), "200");
    CHECK_EQ_INT(shop_balance(shop, "payable:main"), -1200);
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop->refunds, 2);
    CHECK_EQ_STR(shop_payment(shop, second, "state"), "refunded");
    CHECK_EQ_STR(shop_payment(shop, first, "state"), "succeeded");
    CHECK_EQ_STR(shop_payment(shop, first, "refunded.amount"), "200");
    CHECK_EQ_INT(shop_balance(shop, "payable:main"), 0);
    CHECK_EQ_INT(shop_balance(shop, "refunds:main"), 1200);
    CHECK_EQ_INT(shop_events(shop, "payment.refunded"), 2);
    CHECK_EQ_INT(mini_count(shop->mini,
                            "select count(*) from kernel_outbox where type = 'payment.refunded'"
                            " and data like '%\"rest_minor\":200%'"),
                 1); /* The first to return says what is still under way; the last says nothing. */
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_refund_again,
        "the same refund asked for again does nothing; another amount is refused")
{
    struct shop *shop = shop_open(db);
    const char *payment, *order = paid_order(shop, &payment), *code;

    CHECK(shop_refund(shop, order, 500, 7, &code));
    CHECK(shop_refund(shop, order, 500, 7, &code));
    CHECK(!shop_refund(shop, order, 501, 7, &code));
    CHECK_EQ_STR(code, "refund_differs");
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop->refunds, 1);
    CHECK_EQ_STR(shop_payment(shop, payment, "refunded.amount"), "500");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_refund_by_hand, "a manual payment returns at once")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_pay_by_hand(shop, order), *code;

    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    CHECK(shop_refund(shop, order, PRICE_MINOR, 7, &code));
    CHECK_EQ_STR(shop_payment(shop, payment, "state"), "refunded");
    CHECK_EQ_INT(shop->refunds + shop->charges, 0);
    CHECK_EQ_INT(shop_balance(shop, "provider:manual:main"), 0);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_manual_scope, "only a key with payment:manual records money by hand")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *path, *key;
    struct answer answer = mini_http(shop->mini, "POST /v1/keys",
                                     "{\"name\":\"till\",\"scopes\":[\"payment:write\"]}");

    CHECK_SAY(answer.status == 201, "%s", answer.body);
    key = mini_get(shop->mini, answer, "token");
    path = mini_text(shop->mini, "POST /v1/orders/%s/payments", order);
    answer = mini_http_as(shop->mini, key, NULL, path, "{\"provider\":\"manual\"}");
    CHECK_EQ_INT(answer.status, 403);
    CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");
    CHECK_EQ_INT(mini_http_as(shop->mini, key, NULL, path, "{\"provider\":\"sandbox\"}").status,
                 201);
    shop_close(shop);
}

/* ---- Races ---- */

struct race {
    struct task task; /* First: a task is cast back to this. */
    int64_t order, refund;
    enum err err;
};

static enum err race_run(struct task *task)
{
    struct race *race = (struct race *)task;
    struct order order;

    TRY(order_get(&task->cx, race->order, &order));
    TRY(order_refund_rest(&task->cx, &order, 600));
    return payment_refund(&task->cx, &order, 600, race->refund);
}

static void race_done(struct task *task, enum err err)
{
    ((struct race *)task)->err = err;
}

TEST_DB(payment_refund_race, "refunds of one group commit never give back more than was paid")
{
    enum { RACERS = 8 };
    struct shop *shop = shop_open(db);
    const char *payment, *order = paid_order(shop, &payment);
    struct race *races = calloc(RACERS, sizeof(*races));
    int won = 0;

    CHECK(races != NULL);
    for (int k = 0; k < RACERS; k++) {
        struct task *task = &races[k].task;

        cx_open(&task->cx, mini_platform(shop->mini)->env, CX_BYTES_MAX);
        task->space = task->cx.space = mini_space(shop->mini);
        task->tx = TX_WRITE;
        task->run = race_run;
        task->done = race_done;
        races[k].refund = 100 + k;
        CHECK(id_parse(str_of(order), "ord", &races[k].order));
        CHECK_EQ_INT(task_submit(task), OK);
    }
    mini_settle(shop->mini);
    for (int k = 0; k < RACERS; k++) {
        won += races[k].err == OK;
        CHECK(races[k].err == OK || races[k].err == ERR_CONFLICT);
        cx_close(&races[k].task.cx);
    }
    CHECK_EQ_INT(won, PRICE_MINOR / 600);
    CHECK_EQ_STR(shop_payment(shop, payment, "refunded.amount"), "1800");
    shop_ledger_ok(shop);
    free(races);
    shop_close(shop);
}

/* The payments refuse by themselves, also when the order's counters do not. */
static enum err refund_alone(struct cx *cx, void *argument)
{
    struct order order;

    TRY(order_get(cx, *(int64_t *)argument, &order));
    return payment_refund(cx, &order, 1, 9);
}

TEST_DB(payment_refund_exceeds,
        "nothing is left to give back once all is claimed, or nothing came in")
{
    struct shop *shop = shop_open(db);
    const char *payment, *order = paid_order(shop, &payment), *code;
    struct problem problem;
    int64_t id;

    CHECK(shop_refund(shop, order, PRICE_MINOR, 7, &code));
    CHECK(!shop_refund(shop, order, 1, 8, &code));
    CHECK_EQ_STR(code, "refund_exceeds");
    CHECK(id_parse(str_of(order), "ord", &id));
    CHECK_EQ_INT(space_command(mini_space(shop->mini), refund_alone, &id, &problem), ERR_CONFLICT);
    CHECK_EQ_STR(problem.code, "refund_exceeds");
    order = shop_order(shop, 1);
    CHECK(!shop_refund(shop, order, 1, 10, &code));
    shop_ledger_ok(shop);
    shop_close(shop);
}

/* ---- Refusals and payouts ---- */

static const char *new_key(struct shop *shop, const char *name)
{
    struct answer answer = mini_http(
        shop->mini, "POST /v1/keys",
        mini_text(shop->mini, "{\"name\":\"%s\",\"scopes\":[\"payment:read\",\"payment:payout\"]}",
                  name));

    CHECK_SAY(answer.status == 201, "%s", answer.body);
    return mini_get(shop->mini, answer, "token");
}

TEST_DB(payment_payout, "a refund that its provider refuses is paid out by a second person")
{
    struct shop *shop = shop_open(db);
    const char *payment, *order = paid_order(shop, &payment), *code, *payout, *path;
    const char *key = new_key(shop, "second");
    struct answer answer;

    shop->refund_status = 422;
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    CHECK_EQ_INT(shop->refunds, 1);
    CHECK_EQ_STR(part_of(shop, payment, "data.0.state"), "failed");
    CHECK_EQ_STR(part_of(shop, payment, "data.0.reason"), "HTTP 422");
    CHECK_EQ_INT(shop_events(shop, "payment.refund_failed"), 1);
    answer = mini_http(shop->mini, "GET /v1/payouts?state=waiting", NULL);
    CHECK_EQ_INT(mini_get_int(shop->mini, answer, "data.0.amount.amount"), 700);
    payout = mini_get(shop->mini, answer, "data.0.id");

    /* Who asked does not decide. */
    mini_sql(shop->mini, mini_text(shop->mini, "update payment_payout set requested_by ="
                                               " (select actor from payment limit 1)"));
    path = mini_text(shop->mini, "POST /v1/payouts/%s/approve", payout);
    answer = mini_http(shop->mini, path, "{\"note\":\"bank transfer 1\"}");
    CHECK_EQ_INT(answer.status, 403);
    CHECK_EQ_STR(mini_get(shop->mini, answer, "code"), "second_person");
    answer = mini_http_as(shop->mini, key, NULL, path, "{\"note\":\"bank transfer 1\"}");
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    CHECK_EQ_STR(mini_get(shop->mini, answer, "state"), "approved");
    CHECK_EQ_INT(mini_http_as(shop->mini, key, NULL, path, "{\"note\":\"again\"}").status, 409);
    CHECK_EQ_STR(part_of(shop, payment, "data.0.state"), "paid_out");
    CHECK_EQ_STR(shop_payment(shop, payment, "refunded.amount"), "700");
    CHECK_EQ_INT(shop_balance(shop, "payouts:main"), -700);
    CHECK_EQ_INT(shop_balance(shop, "payable:main"), 0);
    CHECK_EQ_INT(shop_events(shop, "payment.refunded"), 1);

    /* The provider returns it after all: said aloud, booked once. */
    answer = shop_notify(shop, &(struct notice){.type = "refund.succeeded",
                                                .ours = shop->last_reference,
                                                .amount_minor = 700});
    CHECK_EQ_STR(mini_get(shop->mini, answer, "outcome"), "refunded_twice");
    CHECK_EQ_INT(shop_events(shop, "payment.held"), 1);
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_payout_rejected, "a rejected payout leaves the refund to be tried again, once")
{
    struct shop *shop = shop_open(db);
    const char *payment, *order = paid_order(shop, &payment), *code, *payout, *path;
    struct answer answer;

    shop->refund_state = "failed"; /* The provider answers 200 and says no. */
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    CHECK_EQ_STR(part_of(shop, payment, "data.0.reason"), "no route");
    payout = mini_get(shop->mini, mini_http(shop->mini, "GET /v1/payouts", NULL), "data.0.id");
    answer = mini_http(shop->mini, mini_text(shop->mini, "POST /v1/payouts/%s/reject", payout),
                       "{\"note\":\"wrong account\"}");
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    shop->refund_state = "pending";
    path = mini_text(shop->mini, "POST /v1/payments/%s/refunds/%s/retry", payment,
                     part_of(shop, payment, "data.0.id"));
    answer = mini_http(shop->mini, path, NULL);
    CHECK_SAY(answer.status == 200, "%s", answer.body);
    CHECK_EQ_INT(mini_http(shop->mini, path, NULL).status, 409);
    mini_settle(shop->mini);
    CHECK_EQ_STR(part_of(shop, payment, "data.0.state"), "requested");
    answer = shop_notify(shop, &(struct notice){.type = "refund.succeeded",
                                                .ours = shop->last_reference,
                                                .amount_minor = 700});
    CHECK_EQ_STR(mini_get(shop->mini, answer, "outcome"), "refunded");
    CHECK_EQ_STR(part_of(shop, payment, "data.0.state"), "refunded");
    CHECK_EQ_STR(shop_payment(shop, payment, "refunded.amount"), "700");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_refund_retried, "a refund without an answer is tried again until there is one")
{
    struct shop *shop = shop_open(db);
    const char *payment, *order = paid_order(shop, &payment), *code;

    shop->refund_status = 0;
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    shop->refund_status = 503;
    mini_sleep_ms(shop->mini, 5 * MINUTE_MS);
    CHECK_EQ_INT(shop->refunds, 2);
    CHECK_EQ_STR(part_of(shop, payment, "data.0.state"), "requested");
    shop->refund_status = 200;
    mini_sleep_ms(shop->mini, 5 * MINUTE_MS);
    CHECK_EQ_STR(part_of(shop, payment, "data.0.state"), "refunded");

    /* Never an answer: a payout, and a late word of the provider drops it. */
    shop->refund_status = 0;
    CHECK(shop_refund(shop, order, 300, 8, &code));
    for (int k = 0; k < 100 && shop->refunds < 3 + 8; k++)
        mini_sleep_ms(shop->mini, 10 * MINUTE_MS);
    CHECK_EQ_STR(part_of(shop, payment, "data.1.state"), "failed");
    shop_notify(shop, &(struct notice){.type = "refund.succeeded",
                                       .ours = shop->last_reference,
                                       .amount_minor = 300});
    CHECK_EQ_STR(part_of(shop, payment, "data.1.state"), "refunded");
    CHECK_EQ_STR(
        mini_get(shop->mini, mini_http(shop->mini, "GET /v1/payouts", NULL), "data.0.state"),
        "dropped");
    shop_ledger_ok(shop);
    shop_close(shop);
}

/* ---- Faults ---- */

/* Each statement of a capture that pays the order fails once: all of it happened, or nothing. */
TEST_DB(payment_capture_faults, "whichever statement fails, a capture is whole or nothing",
        .slow = true)
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    struct notice notice = {.type = "charge.succeeded",
                            .ours = payment,
                            .amount_minor = PRICE_MINOR,
                            .event = "evt_faulty"};
    int nth = 1, failed = 0;

    for (;; nth++) {
        mini_fail_statement(shop->mini, nth);
        struct answer answer = shop_notify(shop, &notice);
        bool fired = mini_fault_fired(shop->mini);

        mini_fail_statement(shop->mini, 0);
        bool paid = strcmp(shop_order_state(shop, order), "paid") == 0;
        int64_t captured = shop_events(shop, "payment.captured");

        CHECK_EQ_INT(captured, paid ? 1 : 0);
        CHECK_EQ_INT(shop_balance(shop, "orders:main"), paid ? -PRICE_MINOR : 0);
        failed += answer.status != 200;
        CHECK(answer.status == 200 || answer.status >= 500);
        CHECK(paid == (answer.status == 200));
        CHECK(nth < 200);
        if (paid && !fired)
            break;
        if (paid) { /* A fault that the batch survived: on to the next with a new order. */
            order = shop_order(shop, 1);
            notice.ours = shop_intent(shop, order, 0);
            notice.event = mini_text(shop->mini, "evt_faulty_%d", nth);
            mini_sql(shop->mini, "delete from payment_account");
            mini_sql(shop->mini, "delete from payment_entry");
            mini_sql(shop->mini, "delete from kernel_outbox where type = 'payment.captured'");
        }
    }
    CHECK(nth > 5);    /* The loop did reach the writes, */
    CHECK(failed > 0); /* and some of them could not be survived. */
    shop_close(shop);
}

TEST_DB(payment_starved, "with too little memory a notice is refused whole", .slow = true)
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);
    size_t budget = 0;

    for (;; budget += 512) {
        struct notice notice = {.type = "charge.succeeded",
                                .ours = payment,
                                .amount_minor = PRICE_MINOR,
                                .event = "evt_starved"};

        mini_arena_bytes(shop->mini, budget + 1);
        struct answer answer = shop_notify(shop, &notice);

        mini_arena_bytes(shop->mini, 0);
        if (answer.status == 200)
            break;
        CHECK_EQ_INT(answer.status, 413);
        CHECK_EQ_STR(shop_order_state(shop, order), "pending_payment");
        CHECK_EQ_INT(mini_count(shop->mini, "select count(*) from payment_entry"), 0);
        CHECK(budget < 1 << 20);
    }
    CHECK(budget > 1024);
    CHECK_EQ_STR(shop_order_state(shop, order), "paid");
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_ledger_finds,
        "the patrol finds a balance, a payment or an order that was tampered with")
{
    static const char *const damage[][2] = {
        {"update payment_account set balance_minor = balance_minor + 1 where account = 'orders:main'",
         "update payment_account set balance_minor = balance_minor - 1 where account = 'orders:main'"},
        {"update payment set captured_minor = captured_minor + 1",
         "update payment set captured_minor = captured_minor - 1"},
        {"update payment set applied_minor = applied_minor - 1",
         "update payment set applied_minor = applied_minor + 1"},
        {"update payment set claimed_minor = claimed_minor - 1",
         "update payment set claimed_minor = claimed_minor + 1"},
        {"update payment_part set amount_minor = amount_minor + 1",
         "update payment_part set amount_minor = amount_minor - 1"},
        {"update payment_entry set amount_minor = amount_minor + 1 where kind = 'fee'",
         "update payment_entry set amount_minor = amount_minor - 1 where kind = 'fee'"},
        {"update orders set paid_minor = paid_minor + 1",
         "update orders set paid_minor = paid_minor - 1"},
        {"update orders set refunded_minor = refunded_minor + 1",
         "update orders set refunded_minor = refunded_minor - 1"},
    };
    struct shop *shop = shop_open(db);
    const char *payment, *order = paid_order(shop, &payment), *code;

    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    for (size_t k = 0; k < sizeof(damage) / sizeof(damage[0]); k++) {
        shop_ledger_ok(shop);
        mini_sql(shop->mini, damage[k][0]);
        struct answer answer = mini_http(shop->mini, "GET /v1/ledger/check", NULL);

        CHECK_SAY(strstr(answer.body, "\"ok\":false") != NULL, "%s: %s", damage[k][0], answer.body);
        mini_sql(shop->mini, damage[k][1]);
    }
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_overdue,
        "money for an order whose time is over goes back, though its timer is late")
{
    struct shop *shop = shop_open(db);
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0);

    mini_sql(shop->mini, "delete from kernel_timer");
    mini_sleep_ms(shop->mini, 45 * MINUTE_MS); /* The stock was swept, the order is pending. */
    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    mini_settle(shop->mini);
    CHECK_EQ_INT(mini_count(shop->mini, "select count(*) from orders where state = 'expired'"), 1);
    CHECK_EQ_INT(mini_count(shop->mini, "select count(*) from orders where paid_minor > 0"), 0);
    CHECK_EQ_INT(shop->refunds, 1);
    shop_ledger_ok(shop);
    shop_close(shop);
}
