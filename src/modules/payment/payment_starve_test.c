/*
 * payment_starve_test.c - answers, timers and jobs with too little memory: refused whole.
 */
#include "modules/payment/payment_fixture.h"
#include "modules/payment/payment_priv.h"

enum { STEP_BYTES = 512, BUDGET_BYTES_MAX = 1 << 20 };

/* ---- One command under a budget ---- */

struct starving {
    struct task task; /* First: a task is cast back to this. */
    enum err (*run)(struct cx *cx, int64_t key);
    int64_t key;
    enum err err;
};

static enum err starving_run(struct task *task)
{
    struct starving *starving = (struct starving *)task;

    return starving->run(&task->cx, starving->key);
}

static void starving_done(struct task *task, enum err err)
{
    ((struct starving *)task)->err = err;
}

static enum err run_within(struct shop *shop, struct starving starving, size_t bytes)
{
    struct task *task = &starving.task;

    cx_open(&task->cx, mini_platform(shop->mini)->env, bytes);
    task->space = task->cx.space = mini_space(shop->mini);
    task->tx = TX_WRITE;
    task->run = starving_run;
    task->done = starving_done;
    CHECK_EQ_INT(task_submit(task), OK);
    while (platform_step(mini_platform(shop->mini))) {
    }
    cx_close(&task->cx);
    return starving.err;
}

/* ---- What is run ---- */

static const char refunded_json[] =
    "{\"id\":\"re_1\",\"state\":\"succeeded\",\"time\":\"2026-01-01T01:00:00Z\",\"amount\":"
    "{\"amount\":700,\"currency\":\"CNY\"}}";
static const char paid_json[] =
    "{\"id\":\"ch_1\",\"state\":\"succeeded\",\"time\":\"2026-01-01T01:00:00Z\","
    "\"captured_minor\":1990,\"fee\":12,\"amount\":{\"amount\":1990,\"currency\":\"CNY\"}}";
static const char statement_json[] =
    "{\"lines\":[{\"type\":\"charge\",\"id\":\"ch_x\",\"reference\":\"x\",\"account\":\"main\","
    "\"amount\":{\"amount\":5,\"currency\":\"CNY\"},\"fee\":1,\"time\":\"2026-01-01T01:00:00Z\"}],"
    "\"next\":null}";

static struct effect_answer says(int64_t key, const char *body)
{
    return (struct effect_answer){.key = key, .attempt = 1, .status = 200, .body = str_of(body)};
}

static enum err charge_answered(struct cx *cx, int64_t key)
{
    struct effect_answer answer = says(key, "{\"id\":\"ch_1\",\"pay_url\":\"http://pay\"}");
    enum effect_verdict verdict = EFFECT_DONE;

    return payment_charge_answered(cx, &answer, &verdict);
}

static enum err refund_answered(struct cx *cx, int64_t key)
{
    struct effect_answer answer = says(key, refunded_json);
    enum effect_verdict verdict = EFFECT_DONE;

    return payment_refund_answered(cx, &answer, &verdict);
}

static enum err refund_refused(struct cx *cx, int64_t key)
{
    struct effect_answer answer = {.key = key, .attempt = 8, .final = true, .status = 422};
    enum effect_verdict verdict = EFFECT_FAILED;

    return payment_refund_answered(cx, &answer, &verdict);
}

static enum err ask_due(struct cx *cx, int64_t key)
{
    return payment_ask_due(cx, key, cx_now_ms(cx));
}

static enum err ask_answered(struct cx *cx, int64_t key)
{
    struct effect_answer answer = says(key, paid_json);
    enum effect_verdict verdict = EFFECT_DONE;

    return payment_ask_answered(cx, &answer, &verdict);
}

static enum err ask_refund_answered(struct cx *cx, int64_t key)
{
    struct effect_answer answer = says(key, refunded_json);
    enum effect_verdict verdict = EFFECT_DONE;

    return payment_part_ask_answered(cx, &answer, &verdict);
}

static enum err statement_answered(struct cx *cx, int64_t key)
{
    struct effect_answer answer = says(key, statement_json);
    struct reconciliation rec = {.id = key};
    enum effect_verdict verdict = EFFECT_DONE;
    bool found;

    TRY(row_find(cx, &reconciliation_table, &rec, &found));
    CHECK(found);
    answer.id = rec.effect;
    return payment_statement_answered(cx, &answer, &verdict);
}

static enum err reconcile(struct cx *cx, int64_t key)
{
    bool more = key != 0;

    return payment_reconcile(cx, &more);
}

/* ---- Scenes: nothing else is due; the key is what the command is about ---- */

/* Every call waits to be tried again. */
static void silence(void *context, struct outside_call *call)
{
    (void)context;
    call->status = 0;
    call->error = STR("no answer");
}

static int64_t id_of(struct shop *shop, struct answer answer, const char *prefix)
{
    int64_t id;

    CHECK_SAY(id_parse(str_of(mini_get(shop->mini, answer, "id")), prefix, &id), "%s", answer.body);
    mini_settle(shop->mini);
    return id;
}

static int64_t an_intent(struct shop *shop)
{
    mini_on_outside(shop->mini, silence, NULL);
    return id_of(
        shop,
        mini_http(shop->mini,
                  mini_text(shop->mini, "POST /v1/orders/%s/payments", shop_order(shop, 1)),
                  "{\"provider\":\"sandbox\"}"),
        "pay");
}

static int64_t a_refund(struct shop *shop)
{
    const char *order = shop_order(shop, 1), *payment = shop_intent(shop, order, 0), *code;
    int64_t id;

    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    shop->refund_state = "pending";
    CHECK(shop_refund(shop, order, 700, 7, &code));
    mini_settle(shop->mini);
    CHECK(id_parse(str_of(shop->last_reference), "prf", &id));
    return id;
}

static int64_t a_statement(struct shop *shop)
{
    mini_on_outside(shop->mini, silence, NULL);
    return id_of(shop,
                 mini_http(shop->mini, "POST /v1/reconciliations",
                           "{\"date\":\"2025-12-31\",\"provider\":\"sandbox\"}"),
                 "rec");
}

/* Yesterday's statement is due, and the job has not seen it. */
static int64_t a_new_day(struct shop *shop)
{
    const char *payment = shop_intent(shop, shop_order(shop, 1), 0);

    shop_succeed(shop, payment, PRICE_MINOR, "captured");
    mini_on_outside(shop->mini, silence, NULL);
    mini_sleep_ms(shop->mini, DAY_MS + 5 * HOUR_MS);
    mini_sql(shop->mini, "delete from payment_reconciliation");
    return 1;
}

/* What a command leaves in the database, beside money: what is to be done later. */
static int64_t later(struct shop *shop)
{
    return mini_count(shop->mini,
                      "select (select count(*) from kernel_effect) * 1000 + (select count(*) from"
                      " kernel_timer) + (select count(*) from payment_reconciliation) * 1000000"
                      " + (select count(*) from payment_statement) * 10000000"
                      " + (select count(*) from payment_difference) * 100000000");
}

static void starve(struct shop *shop, int64_t key, enum err (*run)(struct cx *cx, int64_t key))
{
    int64_t money = shop_digest(shop), work = later(shop);
    struct starving starving = {.run = run, .key = key};
    size_t bytes = STEP_BYTES;
    enum err err;

    while ((err = run_within(shop, starving, bytes)) != OK) {
        CHECK_EQ_INT(err, ERR_TOO_LARGE);
        CHECK_SAY(shop_digest(shop) == money && later(shop) == work, "half done in %zu bytes",
                  bytes);
        bytes += STEP_BYTES;
        CHECK(bytes < BUDGET_BYTES_MAX);
    }
    CHECK(bytes > STEP_BYTES);                                /* Something was refused, */
    CHECK(shop_digest(shop) != money || later(shop) != work); /* and at last it was done. */
    shop_ledger_ok(shop);
    shop_close(shop);
}

TEST_DB(payment_starved_charge, "with too little memory the answer to a charge is refused whole",
        .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, an_intent(shop), charge_answered);
}

TEST_DB(payment_starved_refund, "with too little memory the answer to a refund is refused whole",
        .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, a_refund(shop), refund_answered);
}

TEST_DB(payment_starved_refused, "with too little memory a refused refund is refused whole",
        .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, a_refund(shop), refund_refused);
}

TEST_DB(payment_starved_ask, "with too little memory the timer that asks is refused whole",
        .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, an_intent(shop), ask_due);
}

TEST_DB(payment_starved_asked,
        "with too little memory a charge that was asked for is refused whole", .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, an_intent(shop), ask_answered);
}

TEST_DB(payment_starved_asked_refund,
        "with too little memory a refund that was asked for is refused whole", .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, a_refund(shop), ask_refund_answered);
}

TEST_DB(payment_starved_statement, "with too little memory a page of a statement is refused whole",
        .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, a_statement(shop), statement_answered);
}

TEST_DB(payment_starved_reconcile,
        "with too little memory the job that reconciles is refused whole", .slow = true)
{
    struct shop *shop = shop_open(db);

    starve(shop, a_new_day(shop), reconcile);
}
