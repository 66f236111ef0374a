/*
 * payment_ask.c - notices get lost: the provider is asked what became of a charge or of a refund.
 *
 * From the call on that begins it, a charge or a refund that did not end is asked for after
 * payment.ask_s seconds, then in intervals four times as long each, for a week; a charge also
 * shortly before its order expires, because money that is there saves the order.  What the provider
 * says is taken like a notice, through the inbox, so whatever else tells the same changes nothing.
 * Beyond the week the reconciliation sees what is missing here, and asks once more.
 */
#include "modules/payment/payment_priv.h"

enum {
    ASK_GROWTH = 4,
    ASK_BEFORE_END_MS = MINUTE_MS, /* A call and its answer take seconds. */
};
#define ASK_MS_MAX (7 * DAY_MS) /* Statements of all its days are there by then. */

struct setting payment_ask_s = {
    "payment.ask_s",
    "s",
    "After this long without a notice the provider is asked; then ever more rarely, for a week.",
    1,
    3600,
    30,
    0};

struct metric payment_told_total = {"payment_told_total", "answers",
                                    "Learnt by asking: the notice was lost, or is late.", 0};

/* ---- When ---- */

/* 0: never again. */
static int64_t next_ask_ms(struct cx *cx, int64_t from_ms)
{
    int64_t after_ms = setting_get(cx, &payment_ask_s) * SECOND_MS;

    while (from_ms + after_ms <= cx_now_ms(cx) && after_ms <= ASK_MS_MAX)
        after_ms *= ASK_GROWTH;
    return after_ms <= ASK_MS_MAX ? from_ms + after_ms : 0;
}

static enum err sooner_if_it_expires(struct cx *cx, const struct payment *payment, int64_t *at_ms)
{
    struct order order;
    int64_t last_ms;

    TRY(order_get(cx, payment->order, &order));
    last_ms = order.expires_ms - ASK_BEFORE_END_MS;
    if (order.state == ORDER_PENDING_PAYMENT && last_ms > cx_now_ms(cx) &&
        (*at_ms == 0 || last_ms < *at_ms))
        *at_ms = last_ms;
    return OK;
}

enum err payment_ask_later(struct cx *cx, const struct payment *payment)
{
    const struct payment_provider *provider = payment_provider(payment->provider);
    int64_t at_ms = next_ask_ms(cx, payment->created_ms);

    if (!provider || !provider->charge_ask)
        return OK;
    TRY(sooner_if_it_expires(cx, payment, &at_ms));
    return at_ms ? timer_set(cx, "payment.ask", payment->id, at_ms) : OK;
}

enum err payment_part_ask_later(struct cx *cx, const struct payment_part *part)
{
    const struct payment_provider *provider = payment_provider(part->provider);
    int64_t at_ms = next_ask_ms(cx, part->sent_ms);

    if (at_ms == 0 || !provider || !provider->refund_ask)
        return OK;
    return timer_set(cx, "payment.ask_refund", part->id, at_ms);
}

/* ---- Asking ---- */

/* Cancelled or failed, it may have been paid all the same. */
static bool worth_asking(const struct payment *payment, const struct payment_provider *provider)
{
    return payment->captured_minor == 0 && provider && provider->charge_ask;
}

static bool part_worth_asking(const struct payment_part *part,
                              const struct payment_provider *provider)
{
    return (part->state == PART_REQUESTED || part->state == PART_FAILED) && provider &&
           provider->refund_ask;
}

enum err payment_ask(struct cx *cx, const struct payment *payment)
{
    struct effect_new effect = {.kind = "payment.ask", .key = payment->id};
    const struct payment_provider *provider = payment_provider(payment->provider);

    if (!worth_asking(payment, provider))
        return OK;
    TRY(provider->charge_ask(cx, payment, &effect));
    return effect_put(cx, &effect, NULL);
}

enum err payment_part_ask(struct cx *cx, const struct payment_part *part)
{
    struct effect_new effect = {.kind = "payment.ask_refund", .key = part->id};
    const struct payment_provider *provider = payment_provider(part->provider);

    if (!part_worth_asking(part, provider))
        return OK;
    TRY(provider->refund_ask(cx, part, &effect));
    return effect_put(cx, &effect, NULL);
}

enum err payment_ask_due(struct cx *cx, int64_t key, int64_t due_ms)
{
    struct payment payment;

    (void)due_ms;
    TRY(payment_get(cx, key, &payment));
    if (payment.captured_minor > 0)
        return OK;
    TRY(payment_ask(cx, &payment));
    return payment_ask_later(cx, &payment);
}

/* A part that was sent again has two timers; both set the same next one. */
enum err payment_part_ask_due(struct cx *cx, int64_t key, int64_t due_ms)
{
    struct payment_part part;

    (void)due_ms;
    TRY(payment_part_get(cx, key, &part));
    if (part.state != PART_REQUESTED && part.state != PART_FAILED)
        return OK;
    TRY(payment_part_ask(cx, &part));
    return payment_part_ask_later(cx, &part);
}

/* ---- The answer ---- */

/* No answer, or one that cannot be read, fails nothing: the next interval asks again. */
static bool readable(struct cx *cx, enum effect_verdict *verdict, enum err read)
{
    *verdict = EFFECT_DONE;
    if (read != ERR_BAD_INPUT)
        return read == OK;
    fail_clear(cx);
    return false;
}

/* The same word told twice has the same name in the inbox; another one, later, has another time. */
static enum err take(struct cx *cx, struct str provider, struct payment_notice *notice)
{
    struct str outcome;

    notice->event = cx_printf(cx, "asked:%s:" STR_FMT ":%" PRId64, notice_types[notice->type],
                              STR_ARG(notice->ref), notice->time_ms);
    TRY(payment_notice_take(cx, provider, notice, &outcome));
    if (!str_is(outcome, "repeated") && !str_is(outcome, "ignored"))
        metric_add(cx, &payment_told_total, 1);
    return OK;
}

enum err payment_ask_answered(struct cx *cx, const struct effect_answer *answer,
                              enum effect_verdict *verdict)
{
    const struct payment_provider *provider;
    struct payment_notice notice = {0};
    struct payment payment;
    bool settled = false;

    TRY(payment_get(cx, answer->key, &payment));
    provider = payment_provider(payment.provider);
    if (*verdict != EFFECT_DONE || !worth_asking(&payment, provider)) {
        *verdict = EFFECT_DONE;
        return OK;
    }
    if (!readable(cx, verdict, provider->charge_told(cx, answer->body, &notice, &settled)))
        return cx->problem.err;
    if (!settled)
        return OK;
    notice.ours = payment.id;
    return take(cx, payment.provider, &notice);
}

enum err payment_part_ask_answered(struct cx *cx, const struct effect_answer *answer,
                                   enum effect_verdict *verdict)
{
    const struct payment_provider *provider;
    struct payment_notice notice = {0};
    struct payment_part part;
    bool settled = false;

    TRY(payment_part_get(cx, answer->key, &part));
    provider = payment_provider(part.provider);
    if (*verdict != EFFECT_DONE || !part_worth_asking(&part, provider)) {
        *verdict = EFFECT_DONE;
        return OK;
    }
    if (!readable(cx, verdict, provider->refund_answer(cx, answer->body, &notice, &settled)))
        return cx->problem.err;
    if (!settled)
        return OK;
    notice.ours = part.id;
    return take(cx, part.provider, &notice);
}
