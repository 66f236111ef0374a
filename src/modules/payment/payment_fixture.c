/*
 * payment_fixture.c - the shop and its scripted provider.
 */
#define _GNU_SOURCE
#include "modules/payment/payment_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/effect/secret.h"
#include "modules/catalog/catalog.h"
#include "modules/stock/stock.h"

#define SECRET "whsec of the tests"

/* ---- The provider ---- */

/* The text member of a body that the module wrote: no escapes in it. */
static void member(struct str body, const char *name, char *out, size_t size)
{
    char wanted[48];
    char text[2048];
    const char *at, *end;

    snprintf(text, sizeof(text), STR_FMT, STR_ARG(body));
    snprintf(wanted, sizeof(wanted), "\"%s\":\"", name);
    at = strstr(text, wanted);
    CHECK_SAY(at != NULL, "%s in %s", name, text);
    at += strlen(wanted);
    end = strchr(at, '"');
    CHECK(end != NULL);
    CHECK((size_t)(end - at) < size);
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
}

static int64_t amount_in(struct str body)
{
    struct str rest, number;
    const char *at = memmem(body.ptr, body.len, "\"amount\":{\"amount\":", 19);
    int64_t amount;

    CHECK(at != NULL);
    rest = (struct str){at + 19, body.len - (size_t)(at + 19 - body.ptr)};
    CHECK(str_cut(&rest, ',', &number));
    CHECK(str_int(number, &amount));
    return amount;
}

static void answer_charge(struct shop *shop, struct outside_call *call)
{
    char reference[40];

    shop->charges++;
    member(call->body, "reference", reference, sizeof(reference));
    call->status = shop->charge_status;
    if (call->status == 200)
        call->reply = cx_printf(call->cx, "{\"id\":\"ch_%s\",\"pay_url\":\"http://pay/%s\"}",
                                reference, reference);
    else
        call->error = STR("connection refused");
}

static void answer_refund(struct shop *shop, struct outside_call *call)
{
    char now[TIME_TEXT_LEN + 1];

    shop->refunds++;
    time_format(now, mini_now_ms(shop->mini));
    member(call->body, "reference", shop->last_reference, sizeof(shop->last_reference));
    call->status = shop->refund_status;
    if (call->status == 200)
        call->reply = cx_printf(
            call->cx,
            "{\"id\":\"re_%s\",\"state\":\"%s\",\"time\":\"%s\",\"reason\":\"no route\","
            "\"amount\":{\"amount\":%lld,\"currency\":\"CNY\"}}",
            shop->last_reference, shop->refund_state, now, (long long)amount_in(call->body));
    else
        call->error = STR("connection refused");
}

/* "http://.../charges/pay_...": what became of it? */
static void answer_ask(struct shop *shop, struct outside_call *call, const char *state)
{
    const char *reference = memrchr(call->url.ptr, '/', call->url.len) + 1;
    int len = (int)(call->url.ptr + call->url.len - reference);
    char now[TIME_TEXT_LEN + 1];

    shop->asks++;
    CHECK(str_is(call->method, "GET"));
    call->status = state ? 200 : 404;
    if (!state)
        return;
    time_format(now, shop->asked_ms ? shop->asked_ms : mini_now_ms(shop->mini));
    call->reply = cx_printf(
        call->cx,
        "{\"id\":\"%s_%.*s\",\"state\":\"%s\",\"time\":\"%s\",\"captured_minor\":%lld,\"fee\":%d,"
        "\"amount\":{\"amount\":%lld,\"currency\":\"CNY\"}}",
        memcmp(reference, "pay_", 4) == 0 ? "ch" : "re", len, reference, state, now,
        (long long)shop->asked_minor, FEE_MINOR, (long long)shop->asked_minor);
}

static void provider(void *context, struct outside_call *call)
{
    struct shop *shop = context;

    if (str_is(call->kind, "payment.intent")) {
        answer_charge(shop, call);
    } else if (str_is(call->kind, "payment.refund")) {
        answer_refund(shop, call);
    } else if (str_is(call->kind, "payment.ask")) {
        answer_ask(shop, call, shop->asked_state);
    } else if (str_is(call->kind, "payment.ask_refund")) {
        answer_ask(shop, call, shop->asked_refund);
    } else if (str_is(call->kind, "payment.statement")) {
        bool second = memmem(call->url.ptr, call->url.len, "&cursor=", 8) != NULL;

        shop->statements++;
        call->status = shop->statement ? 200 : 404;
        call->reply = str_of(second ? shop->statement_more : shop->statement);
    } else {
        call->status = 200;
        call->reply = STR("{}");
    }
}

/* ---- The shop ---- */

struct shop *shop_open(const char *db)
{
    static const struct module *const modules[] = {&catalog_module, &stock_module, &order_module,
                                                   &payment_module, NULL};
    struct shop *shop = calloc(1, sizeof(*shop));
    struct dispatcher_options options = {.anonymous_rate_per_s = 1000000};
    struct problem problem = {0};

    CHECK(shop != NULL);
    setenv("GREVY_SECRET_SANDBOX_WEBHOOK", SECRET, 1);
    shop->charge_status = shop->refund_status = 200;
    shop->refund_state = "succeeded";
    /* Refunds are asked for by the tests themselves, and paid orders stay as they are. */
    shop->mini = mini_open_modules(db, modules);
    mini_on_outside(shop->mini, provider, shop);
    options.platform = mini_platform(shop->mini);
    options.default_space = mini_space(shop->mini)->name;
    shop->dispatcher = dispatcher_make(&options, &problem);
    CHECK_SAY(shop->dispatcher != NULL, "%s", problem.detail);
    struct answer made =
        mini_http(shop->mini, "POST /v1/products",
                  mini_text(shop->mini,
                            "{\"title\":\"Box\",\"kind\":\"goods\",\"skus\":[{\"code\":\"BOX\","
                            "\"title\":\"Box\",\"price\":{\"amount\":%d,\"currency\":\"CNY\"},"
                            "\"stock\":\"unlimited\"}]}",
                            PRICE_MINOR));

    CHECK_SAY(made.status == 201, "%s", made.body);
    shop->sku = mini_get(shop->mini, made, "skus.0.id");
    return shop;
}

void shop_close(struct shop *shop)
{
    mini_settle(shop->mini);
    dispatcher_free(shop->dispatcher);
    mini_close(shop->mini);
    free(shop);
}

const char *shop_order(struct shop *shop, int quantity)
{
    struct answer made =
        mini_http(shop->mini, "POST /v1/orders",
                  mini_text(shop->mini,
                            "{\"user\":\"u1\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                            "\"quantity\":%d}]}",
                            shop->sku, quantity));

    CHECK_SAY(made.status == 201, "%s", made.body);
    return mini_get(shop->mini, made, "id");
}

const char *shop_intent(struct shop *shop, const char *order, int64_t amount_minor)
{
    const char *amount =
        amount_minor == 0
            ? ""
            : mini_text(shop->mini, ",\"amount\":{\"amount\":%lld,\"currency\":\"CNY\"}",
                        (long long)amount_minor);
    struct answer made =
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/payments", order),
                  mini_text(shop->mini, "{\"provider\":\"sandbox\"%s}", amount));

    CHECK_SAY(made.status == 201, "%s", made.body);
    mini_settle(shop->mini);
    return mini_get(shop->mini, made, "id");
}

const char *shop_pay_by_hand(struct shop *shop, const char *order)
{
    struct answer made =
        mini_http(shop->mini, mini_text(shop->mini, "POST /v1/orders/%s/payments", order),
                  "{\"provider\":\"manual\"}");

    CHECK_SAY(made.status == 201, "%s", made.body);
    CHECK_EQ_STR(mini_get(shop->mini, made, "state"), "succeeded");
    return mini_get(shop->mini, made, "id");
}

/* ---- Notices ---- */

static const char *notice_body(struct shop *shop, const struct notice *notice)
{
    const char *kind = strncmp(notice->type, "refund", 6) == 0 ? "re" : "ch";
    char now[TIME_TEXT_LEN + 1];

    time_format(now, mini_now_ms(shop->mini));
    return mini_text(shop->mini,
                     "{\"type\":\"%s\",\"time\":\"%s\",\"data\":{\"id\":\"%s\",\"reference\":"
                     "\"%s\",\"amount\":{\"amount\":%lld,\"currency\":\"%s\"},\"fee\":%d}}",
                     notice->type, now,
                     notice->ref ? notice->ref : mini_text(shop->mini, "%s_%s", kind, notice->ours),
                     notice->ours, (long long)notice->amount_minor,
                     notice->currency ? notice->currency : "CNY", kind[0] == 'c' ? FEE_MINOR : 0);
}

struct answer shop_notify(struct shop *shop, const struct notice *notice)
{
    const char *body = notice_body(shop, notice);
    const char *event =
        notice->event ? notice->event : mini_text(shop->mini, "evt_%d", ++shop->notices);
    const char *timestamp = mini_text(
        shop->mini, "%lld", (long long)(mini_now_ms(shop->mini) - notice->age_ms) / SECOND_MS);
    struct str parts[] = {str_of(event), str_of(timestamp), str_of(body)};
    char signature[SECRET_SIGNATURE_LEN + 1];
    struct dispatch_answer out;
    struct cx cx;

    setenv("GREVY_SECRET_SANDBOX_WEBHOOK", notice->forged ? "somebody else" : SECRET, 1);
    CHECK(secret_sign(STR("SANDBOX_WEBHOOK"), parts, 3, signature));
    setenv("GREVY_SECRET_SANDBOX_WEBHOOK", SECRET, 1);
    struct pair headers[] = {
        {STR("webhook-id"), parts[0]},
        {STR("webhook-timestamp"), parts[1]},
        {STR("webhook-signature"), str_of(mini_text(shop->mini, "v1,%s", signature))}};
    struct dispatch_request request = {
        .method = STR("POST"),
        .target = str_of(mini_text(shop->mini, "/v1/webhooks/%s/payments/sandbox",
                                   mini_space(shop->mini)->name)),
        .body = str_of(body),
        .headers = headers,
        .header_count = 3};

    cx_open(&cx, mini_platform(shop->mini)->env, 1 << 20);
    dispatch_once(shop->dispatcher, &request, &cx, &out);
    struct answer answer = {.status = out.status,
                            .body = mini_text(shop->mini, STR_FMT, STR_ARG(out.body)),
                            .location = ""};

    cx_close(&cx);
    return answer;
}

void shop_succeed(struct shop *shop, const char *payment, int64_t amount_minor, const char *outcome)
{
    struct answer answer = shop_notify(shop, &(struct notice){.type = "charge.succeeded",
                                                              .ours = payment,
                                                              .amount_minor = amount_minor});

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    CHECK_EQ_STR(mini_get(shop->mini, answer, "outcome"), outcome);
}

/* ---- Refunds, as aftersale asks for them ---- */

struct refund_asked {
    int64_t order, amount_minor, refund;
};

static enum err ask_refund(struct cx *cx, void *argument)
{
    const struct refund_asked *asked = argument;
    struct order order;
    int64_t known;

    TRY(order_get(cx, asked->order, &order));
    TRY(sql_int(cx, &known, 0, "select count(*) from payment_part where refund_id = ?1",
                BIND(INT(asked->refund))));
    if (known == 0)
        TRY(order_refund_rest(cx, &order, asked->amount_minor));
    return payment_refund(cx, &order, asked->amount_minor, asked->refund);
}

bool shop_refund(struct shop *shop, const char *order, int64_t amount_minor, int64_t refund,
                 const char **code)
{
    struct refund_asked asked = {.amount_minor = amount_minor, .refund = refund};
    struct problem problem;
    enum err err;

    CHECK(id_parse(str_of(order), "ord", &asked.order));
    err = space_command(mini_space(shop->mini), ask_refund, &asked, &problem);
    *code = err == OK ? "" : problem.code;
    return err == OK;
}

/* ---- Looking ---- */

const char *shop_payment(struct shop *shop, const char *payment, const char *path)
{
    struct answer answer =
        mini_http(shop->mini, mini_text(shop->mini, "GET /v1/payments/%s", payment), NULL);

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return mini_get(shop->mini, answer, path);
}

static struct answer order(struct shop *shop, const char *id)
{
    struct answer answer =
        mini_http(shop->mini, mini_text(shop->mini, "GET /v1/orders/%s", id), NULL);

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return answer;
}

int64_t shop_order_int(struct shop *shop, const char *id, const char *path)
{
    return mini_get_int(shop->mini, order(shop, id), path);
}

const char *shop_order_state(struct shop *shop, const char *id)
{
    return mini_get(shop->mini, order(shop, id), "state");
}

int64_t shop_events(struct shop *shop, const char *type)
{
    return mini_count(
        shop->mini,
        mini_text(shop->mini, "select count(*) from kernel_outbox where type = '%s'", type));
}

int64_t shop_balance(struct shop *shop, const char *account)
{
    return mini_count(shop->mini, mini_text(shop->mini,
                                            "select cast(coalesce(sum(balance_minor), 0) as bigint)"
                                            " from payment_account where account = '%s'",
                                            account));
}

void shop_ledger_ok(struct shop *shop)
{
    struct answer answer = mini_http(shop->mini, "GET /v1/ledger/check", NULL);

    CHECK_SAY(strstr(answer.body, "\"ok\":true") != NULL, "%s", answer.body);
}

bool shop_balanced(struct shop *shop)
{
    struct answer answer = mini_http(shop->mini, "GET /v1/ledger/check", NULL);

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return strstr(answer.body, "\"ok\":true") != NULL;
}

int64_t shop_digest(struct shop *shop)
{
    static const char sql[] =
        "select cast("
        " coalesce((select sum(1000003 + captured_minor * 7 + applied_minor * 11"
        "  + claimed_minor * 13 + refunded_minor * 17 + fee_minor * 19 + length(state) * 23"
        "  + length(reason) * 29 + length(provider_ref) * 31"
        "  + length(user_id) * 71) from payment), 0)"
        " + coalesce((select sum(1000033 + amount_minor * 37 + length(state) * 41"
        "  + length(reason) * 43) from payment_part), 0)"
        " + coalesce((select sum(1000037 + length(state) * 47 + length(note) * 73) from payment_payout), 0)"
        " + coalesce((select sum(1000039 + amount_minor * 53) from payment_entry), 0)"
        " + coalesce((select sum(balance_minor * length(account)) from payment_account), 0)"
        " + (select count(*) from payment_inbox) * 1000081"
        " + (select count(*) from payment_reconciliation where actor <> 'system') * 1000099"
        " + (select count(*) from kernel_outbox) * 1000117"
        " + coalesce((select sum(1000121 + paid_minor * 59 + refunded_minor * 61"
        "  + length(state) * 67) from orders), 0) as bigint)";

    return mini_count(shop->mini, sql);
}
