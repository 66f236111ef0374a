/*
 * payment_fault_test.c - every way in which this module writes, with each statement failing once,
 * and with too little memory: all of it happens, or nothing, and money balances after each.
 */
#include <stdlib.h>

#include "modules/payment/payment_fixture.h"

enum { STATEMENTS_MAX = 400, ANSWER_WAITS_MAX = 40, BUDGET_BYTES_MAX = 1 << 20 };

struct scene {
    struct shop *shop;
    const char *order, *payment, *part, *payout, *second_key;
    int number;
};

/* What is done to a scene; the status of its answer, or 0 of work in the background. */
struct act {
    const char *name;
    void (*prepare)(struct scene *scene);
    int (*perform)(struct scene *scene);
};

/* ---- Scenes ---- */

static void an_order(struct scene *scene)
{
    scene->order = shop_order(scene->shop, 1);
}

static void an_intent(struct scene *scene)
{
    an_order(scene);
    scene->payment = shop_intent(scene->shop, scene->order, 0);
}

static int status_of(struct answer answer)
{
    CHECK_SAY(answer.status / 100 == 2 || answer.status == 413 || answer.status >= 500, "%d %s",
              answer.status, answer.body);
    return answer.status;
}

static int post(struct scene *scene, const char *path, const char *id, const char *rest,
                const char *body)
{
    return status_of(mini_http(scene->shop->mini,
                               mini_text(scene->shop->mini, "POST %s%s%s", path, id, rest), body));
}

static int tell(struct scene *scene, const char *type, const char *ours, int64_t amount_minor)
{
    return status_of(shop_notify(
        scene->shop,
        &(struct notice){.type = type,
                         .ours = ours,
                         .amount_minor = amount_minor,
                         .event = mini_text(scene->shop->mini, "evt_%s_%d", type, scene->number)}));
}

static void captured(struct scene *scene, int64_t amount_minor)
{
    CHECK_EQ_INT(tell(scene, "charge.succeeded", scene->payment, amount_minor), 200);
}

static void a_paid_order(struct scene *scene)
{
    an_intent(scene);
    captured(scene, PRICE_MINOR);
}

static void a_cancelled_order(struct scene *scene)
{
    an_intent(scene);
    CHECK_EQ_INT(post(scene, "/v1/orders/", scene->order, "/cancel", NULL), 200);
}

static void held_money(struct scene *scene)
{
    an_intent(scene);
    captured(scene, 1);
}

static void a_part_payment(struct scene *scene)
{
    an_order(scene);
    scene->payment = shop_intent(scene->shop, scene->order, 990);
    captured(scene, 990);
}

/* Its provider works on it. */
static void a_refund(struct scene *scene)
{
    const char *code;

    scene->shop->refund_state = "pending";
    a_paid_order(scene);
    CHECK(shop_refund(scene->shop, scene->order, 700, 1000 + scene->number, &code));
    mini_settle(scene->shop->mini);
    scene->part = mini_text(scene->shop->mini, "%s", scene->shop->last_reference);
}

static void a_payout(struct scene *scene)
{
    a_refund(scene);
    CHECK_EQ_INT(tell(scene, "refund.failed", scene->part, 700), 200);
    scene->payout =
        mini_get(scene->shop->mini, mini_http(scene->shop->mini, "GET /v1/payouts?limit=1", NULL),
                 "data.0.id");
}

/* A guest's, paid out by hand. */
static void a_guests_payout(struct scene *scene)
{
    struct mini *mini = scene->shop->mini;
    struct answer made = mini_http(
        mini, "POST /v1/orders",
        mini_text(mini,
                  "{\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\",\"quantity\":1}],\"channel\":"
                  "{\"name\":\"tmall\",\"order\":\"T%d\",\"identity\":\"x\"}}",
                  scene->shop->sku, scene->number));
    const char *code;

    scene->shop->refund_status = 422;
    scene->order = mini_get(mini, made, "id");
    scene->payment = shop_intent(scene->shop, scene->order, 0);
    captured(scene, PRICE_MINOR);
    CHECK(shop_refund(scene->shop, scene->order, 700, 1000 + scene->number, &code));
    mini_settle(mini);
    scene->payout = mini_get(mini, mini_http(mini, "GET /v1/payouts?limit=1", NULL), "data.0.id");
    CHECK_EQ_INT(post(scene, "/v1/payouts/", scene->payout, "/approve", "{\"note\":\"bank\"}"),
                 200);
}

/* ---- Requests ---- */

static int ask_intent(struct scene *scene)
{
    return post(scene, "/v1/orders/", scene->order, "/payments", "{\"provider\":\"sandbox\"}");
}

static int pay_by_hand(struct scene *scene)
{
    return post(scene, "/v1/orders/", scene->order, "/payments", "{\"provider\":\"manual\"}");
}

static int tell_success(struct scene *scene)
{
    return tell(scene, "charge.succeeded", scene->payment, PRICE_MINOR);
}

static int tell_wrong(struct scene *scene)
{
    return tell(scene, "charge.succeeded", scene->payment, 1);
}

static int tell_failure(struct scene *scene)
{
    return tell(scene, "charge.failed", scene->payment, PRICE_MINOR);
}

static int cancel(struct scene *scene)
{
    return post(scene, "/v1/payments/", scene->payment, "/cancel", NULL);
}

static int give_back_held(struct scene *scene)
{
    return post(scene, "/v1/payments/", scene->payment, "/return", NULL);
}

static int cancel_order(struct scene *scene)
{
    return post(scene, "/v1/orders/", scene->order, "/cancel", NULL);
}

static int claim(struct scene *scene)
{
    return post(scene, "/v1/orders/", scene->order, "/claim", "{\"user\":\"u9\"}");
}

static int tell_refunded(struct scene *scene)
{
    return tell(scene, "refund.succeeded", scene->part, 700);
}

static int tell_refused(struct scene *scene)
{
    return tell(scene, "refund.failed", scene->part, 700);
}

static int decide(struct scene *scene, const char *what)
{
    struct mini *mini = scene->shop->mini;

    return status_of(mini_http_as(mini, scene->second_key, NULL,
                                  mini_text(mini, "POST /v1/payouts/%s/%s", scene->payout, what),
                                  "{\"note\":\"bank\"}"));
}

static int approve(struct scene *scene)
{
    return decide(scene, "approve");
}

static int reject(struct scene *scene)
{
    return decide(scene, "reject");
}

static int retry(struct scene *scene)
{
    return post(scene, "/v1/payments/", scene->payment,
                mini_text(scene->shop->mini, "/refunds/%s/retry", scene->part), NULL);
}

static int reconcile(struct scene *scene)
{
    return post(scene, "/v1/reconciliations", "", "",
                mini_text(scene->shop->mini,
                          "{\"date\":\"2025-%02d-%02d\",\"provider\":\"sandbox\"}",
                          scene->number / 28 % 12 + 1, scene->number % 28 + 1));
}

static const struct act requests[] = {
    {"an intent", an_order, ask_intent},
    {"a payment by hand", an_order, pay_by_hand},
    {"a capture", an_intent, tell_success},
    {"a wrong amount", an_intent, tell_wrong},
    {"a failed charge", an_intent, tell_failure},
    {"a cancelled payment", an_intent, cancel},
    {"a late success", a_cancelled_order, tell_success},
    {"held money", held_money, give_back_held},
    {"an order that ends half paid", a_part_payment, cancel_order},
    {"a refund told", a_refund, tell_refunded},
    {"a refund refused", a_refund, tell_refused},
    {"an approved payout", a_payout, approve},
    {"a rejected payout", a_payout, reject},
    {"a refund tried again", a_payout, retry},
    {"a guest's order claimed", a_guests_payout, claim},
    {"a reconciliation", an_order, reconcile},
};

/* ---- Work in the background ---- */

static int settle(struct scene *scene)
{
    mini_settle(scene->shop->mini);
    return 0;
}

static void an_intent_unsent(struct scene *scene)
{
    struct answer answer;

    an_order(scene);
    answer = mini_http(scene->shop->mini,
                       mini_text(scene->shop->mini, "POST /v1/orders/%s/payments", scene->order),
                       "{\"provider\":\"sandbox\"}");
    scene->payment = mini_get(scene->shop->mini, answer, "id");
}

static void an_intent_refused(struct scene *scene)
{
    scene->shop->charge_status = 422;
    an_intent_unsent(scene);
}

static void a_refund_unsent(struct scene *scene)
{
    const char *code;

    a_paid_order(scene);
    CHECK(shop_refund(scene->shop, scene->order, 700, 1000 + scene->number, &code));
}

static void a_refund_refused(struct scene *scene)
{
    scene->shop->refund_status = 422;
    a_refund_unsent(scene);
}

/* The clock stands where the provider is asked. */
static void a_lost_notice(struct scene *scene)
{
    an_intent(scene);
    scene->shop->asked_state = "succeeded";
    scene->shop->asked_minor = PRICE_MINOR;
}

static void a_lost_refund(struct scene *scene)
{
    a_refund(scene);
    scene->shop->asked_refund = "succeeded";
    scene->shop->asked_minor = 700;
}

static int half_a_minute(struct scene *scene)
{
    mini_sleep_ms(scene->shop->mini, 30 * SECOND_MS);
    return 0;
}

static void a_part_payment_pending(struct scene *scene)
{
    scene->shop->refund_state = "pending";
    a_part_payment(scene);
}

static int expire(struct scene *scene)
{
    mini_sleep_ms(scene->shop->mini, 31 * MINUTE_MS);
    return 0;
}

/* In this order: what one leaves behind, no later one touches. */
static const struct act background[] = {
    {"a refund asked for", a_lost_refund, half_a_minute},
    {"a charge asked for", a_lost_notice, half_a_minute},
    {"an order that expires half paid", a_part_payment_pending, expire},
    {"the answer to a refund", a_refund_unsent, settle},
    {"a refund refused at once", a_refund_refused, settle},
    {"the answer to a charge", an_intent_unsent, settle},
    {"a charge refused", an_intent_refused, settle},
};

/* ---- Loops ---- */

static struct scene scene_open(const char *db)
{
    struct scene scene = {.shop = shop_open(db)};
    struct answer answer =
        mini_http(scene.shop->mini, "POST /v1/keys",
                  "{\"name\":\"second\",\"scopes\":[\"payment:read\",\"payment:payout\"]}");

    CHECK_SAY(answer.status == 201, "%s", answer.body);
    scene.second_key = mini_get(scene.shop->mini, answer, "token");
    return scene;
}

static void prepare(struct scene *scene, const struct act *act)
{
    struct shop *shop = scene->shop;

    shop->charge_status = shop->refund_status = 200;
    shop->refund_state = "succeeded";
    shop->asked_state = shop->asked_refund = NULL;
    scene->number++;
    act->prepare(scene);
}

/* What the act changes when nothing fails.  Each scene is another order of the same amounts. */
static int64_t change_of(struct scene *scene, const struct act *act)
{
    int64_t before;

    prepare(scene, act);
    before = shop_digest(scene->shop);
    act->perform(scene);
    mini_settle(scene->shop->mini);
    CHECK_SAY(shop_digest(scene->shop) != before, "%s changes nothing", act->name);
    return shop_digest(scene->shop) - before;
}

/* ---- Requests ---- */

static void fault_request(struct scene *scene, const struct act *act)
{
    int64_t change = change_of(scene, act), before;
    int nth = 1, failed = 0;
    bool fired = true;

    for (; fired; nth++) {
        int status;

        prepare(scene, act);
        mini_settle(scene->shop->mini);
        before = shop_digest(scene->shop);
        mini_fail_statement(scene->shop->mini, nth);
        status = act->perform(scene);
        fired = mini_fault_fired(scene->shop->mini);
        mini_fail_statement(scene->shop->mini, 0);
        if (status >= 300) {
            failed++;
            CHECK_SAY(shop_digest(scene->shop) == before, "%s, statement %d: half done", act->name,
                      nth);
            CHECK(act->perform(scene) < 300);
        }
        mini_settle(scene->shop->mini);
        CHECK_SAY(shop_digest(scene->shop) - before == change, "%s, statement %d: not whole",
                  act->name, nth);
        CHECK(nth < STATEMENTS_MAX);
    }
    CHECK_SAY(nth > 3, "%s: the loop did not reach its writes", act->name);
    CHECK_SAY(failed > 0, "%s: every fault was survived", act->name);
    shop_ledger_ok(scene->shop);
}

TEST_DB(payment_request_faults, "whichever statement of a request fails, it is whole or nothing",
        .slow = true)
{
    struct scene scene = scene_open(db);

    for (size_t k = 0; k < sizeof(requests) / sizeof(requests[0]); k++)
        fault_request(&scene, &requests[k]);
    shop_close(scene.shop);
}

static void starve_request(struct scene *scene, const struct act *act)
{
    int64_t change = change_of(scene, act), before;
    int status = 0, refused = 0;

    prepare(scene, act);
    mini_settle(scene->shop->mini);
    before = shop_digest(scene->shop);
    for (size_t bytes = 1024; status == 0 || status >= 300; bytes += 512) {
        mini_arena_bytes(scene->shop->mini, bytes);
        status = act->perform(scene);
        mini_arena_bytes(scene->shop->mini, 0);
        refused += status >= 300;
        mini_settle(scene->shop->mini);
        CHECK_SAY(shop_digest(scene->shop) - before == (status < 300 ? change : 0), "%s, %zu bytes",
                  act->name, bytes);
        CHECK(bytes < BUDGET_BYTES_MAX);
    }
    CHECK_SAY(refused > 0, "%s: nothing was refused", act->name);
}

TEST_DB(payment_request_starved, "with too little memory a request is refused whole", .slow = true)
{
    struct scene scene = scene_open(db);

    for (size_t k = 0; k < sizeof(requests) / sizeof(requests[0]); k++)
        starve_request(&scene, &requests[k]);
    shop_ledger_ok(scene.shop);
    shop_close(scene.shop);
}

/* ---- Background ---- */

static void fault_background(struct scene *scene, const struct act *act)
{
    int64_t change = change_of(scene, act), before, now;
    int nth = 1, waited = 0;
    bool fired = true;

    for (; fired; nth++) {
        mini_sleep_ms(scene->shop->mini, 10 * SECOND_MS); /* What failed before waits a while. */
        prepare(scene, act);
        before = shop_digest(scene->shop);
        mini_fail_statement(scene->shop->mini, nth);
        act->perform(scene);
        fired = mini_fault_fired(scene->shop->mini);
        mini_fail_statement(scene->shop->mini, 0);
        now = shop_digest(scene->shop) - before;
        CHECK_SAY(now == 0 || now == change, "%s, statement %d: half done", act->name, nth);
        for (int k = 0; now != change; k++) { /* Done when it is tried again. */
            CHECK_SAY(k < ANSWER_WAITS_MAX, "%s, statement %d: never done", act->name, nth);
            waited++;
            mini_sleep_ms(scene->shop->mini, 2 * SECOND_MS);
            now = shop_digest(scene->shop) - before;
            CHECK_SAY(now == 0 || now == change, "%s, statement %d: not whole", act->name, nth);
        }
        CHECK(nth < STATEMENTS_MAX);
    }
    CHECK_SAY(nth > 3, "%s: the loop did not reach its writes", act->name);
    CHECK_SAY(waited > 0, "%s: every fault was survived at once", act->name);
    shop_ledger_ok(scene->shop);
}

TEST_DB(payment_background_faults,
        "whichever statement fails in the background, it is whole or nothing, and done at last",
        .slow = true)
{
    struct scene scene = scene_open(db);

    for (size_t k = 0; k < sizeof(background) / sizeof(background[0]); k++)
        fault_background(&scene, &background[k]);
    shop_close(scene.shop);
}
