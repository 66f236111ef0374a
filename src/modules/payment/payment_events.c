/*
 * payment_events.c - what comes from outside: notices of providers, answers to our calls.
 *
 * Nothing here relies on order or on number: a notice may come before the answer to the call that
 * caused it, twice, late, or never.
 */
#include "modules/payment/payment_priv.h"

struct setting payment_notices_kept_days = {
    "payment.notices_kept_days",
    "days",
    "How long a provider's notices are kept. Told again later they change nothing.",
    1,
    3650,
    90,
    0};

/* ---- What a notice changes ---- */

static enum err charge_told(struct cx *cx, struct payment *payment,
                            const struct payment_notice *notice, const char **outcome)
{
    if (notice->type == CHARGE_SUCCEEDED)
        return payment_capture(cx, payment, notice, outcome);
    if (payment->state != PAYMENT_CREATED && payment->state != PAYMENT_PENDING)
        return OK; /* Captured or cancelled: too late to fail. */
    *outcome = "failed";
    return payment_end(cx, payment, PAYMENT_FAILED,
                       notice->reason.len ? notice->reason : STR("refused"));
}

/* Money went back in a way that our books do not know: said aloud, changed by people. */
static enum err part_odd(struct cx *cx, const struct payment_part *part,
                         const struct payment_notice *notice, const char *reason)
{
    struct payment payment;

    TRY(payment_get(cx, part->payment, &payment));
    payment.captured_minor = notice->amount_minor;
    payment.captured_currency = notice->currency;
    payment.reason = str_of(reason);
    return payment_put_event(cx, "payment.held", &payment);
}

static enum err drop_payout(struct cx *cx, int64_t part)
{
    struct payment_payout payout;
    bool found;

    TRY(payment_payout_of(cx, part, &payout, &found));
    if (!found)
        return OK;
    payout.state = PAYOUT_DROPPED;
    payout.decided_by = cx_actor(cx);
    payout.decided_ms = cx_now_ms(cx);
    return row_put(cx, &payment_payout_table, &payout);
}

static enum err part_returned(struct cx *cx, struct payment_part *part,
                              const struct payment_notice *notice, const char **outcome)
{
    if (part->state == PART_REFUNDED) {
        *outcome = "repeated";
        return OK;
    }
    if (part->state == PART_PAID_OUT) {
        *outcome = "refunded_twice";
        return part_odd(cx, part, notice, *outcome);
    }
    if (notice->amount_minor != part->amount_minor || !str_eq(notice->currency, part->currency)) {
        *outcome = "refund_amount_differs";
        return part_odd(cx, part, notice, *outcome);
    }
    *outcome = "refunded";
    TRY(drop_payout(cx, part->id));
    return payment_part_done(cx, part, "provider", notice);
}

static enum err part_told(struct cx *cx, struct payment_part *part,
                          const struct payment_notice *notice, const char **outcome)
{
    if (notice->type == REFUND_SUCCEEDED)
        return part_returned(cx, part, notice, outcome);
    if (part->state != PART_REQUESTED)
        return OK;
    *outcome = "refund_failed";
    return payment_part_failed(cx, part, notice->reason.len ? notice->reason : STR("refused"));
}

enum err payment_notice_apply(struct cx *cx, struct str provider,
                              const struct payment_notice *notice, const char **outcome)
{
    struct payment payment = {.id = notice->ours};
    struct payment_part part = {.id = notice->ours};
    bool refund = notice->type == REFUND_SUCCEEDED || notice->type == REFUND_FAILED;
    bool found;

    *outcome = "ignored";
    if (refund)
        TRY(row_find(cx, &payment_part_table, &part, &found));
    else
        TRY(row_find(cx, &payment_table, &payment, &found));
    if (!found || !str_eq(provider, refund ? part.provider : payment.provider)) {
        *outcome = "unknown"; /* The reconciliation lists it. */
        return OK;
    }
    return refund ? part_told(cx, &part, notice, outcome)
                  : charge_told(cx, &payment, notice, outcome);
}

/* ---- The inbox ---- */

struct inbox {
    struct str provider, event;
    int type;
    struct str outcome;
    int64_t payment, part;
    struct str ref, currency;
    int64_t amount_minor, fee_minor, event_ms, time_ms;
};
static const struct field inbox_fields[] = {F(inbox, provider),
                                            F(inbox, event),
                                            F_ENUM(inbox, type, notice_types),
                                            F(inbox, outcome),
                                            F_ID(inbox, payment, "pay", .column = "payment_id"),
                                            F_ID(inbox, part, "prf", .column = "part_id"),
                                            F(inbox, ref, .column = "provider_ref"),
                                            F(inbox, currency),
                                            F(inbox, amount_minor),
                                            F(inbox, fee_minor),
                                            F(inbox, event_ms),
                                            F(inbox, time_ms),
                                            F_END};
static const struct table inbox_table = TABLE("payment_inbox", inbox, inbox_fields, 2);

const struct field webhook_answer_fields[] = {
    F(webhook_answer, outcome,
      .doc = "What it changed: captured, held, failed, refunded, ..., repeated, ignored, unknown."),
    F_END};

/* On a reader thread: a forged notice never reaches the writer. */
enum err payment_webhook_prepare(struct req *req)
{
    const struct payment_provider *provider = payment_provider(req->params[1].text);
    struct payment_notice *notice = CX_NEW(req->cx, struct payment_notice);

    if (!provider || !provider->notice)
        return fail(req->cx, ERR_NOT_FOUND, "no_such_provider",
                    "no provider of this name sends notices");
    TRY(provider->notice(req, notice));
    req->prepared = notice;
    return OK;
}

enum err payment_notice_take(struct cx *cx, struct str provider,
                             const struct payment_notice *notice, struct str *outcome)
{
    bool refund = notice->type == REFUND_SUCCEEDED || notice->type == REFUND_FAILED, found;
    struct inbox row = {.provider = provider, .event = notice->event};
    const char *changed;

    *outcome = STR("repeated");
    TRY(row_find(cx, &inbox_table, &row, &found));
    if (found)
        return OK;
    TRY(payment_notice_apply(cx, provider, notice, &changed));
    *outcome = str_of(changed);
    row = (struct inbox){.provider = provider,
                         .event = notice->event,
                         .type = notice->type,
                         .outcome = *outcome,
                         .payment = refund ? 0 : notice->ours,
                         .part = refund ? notice->ours : 0,
                         .ref = notice->ref,
                         .currency = notice->currency,
                         .amount_minor = notice->amount_minor,
                         .fee_minor = notice->fee_minor,
                         .event_ms = notice->time_ms,
                         .time_ms = cx_now_ms(cx)};
    return row_add(cx, &inbox_table, &row);
}

enum err payment_webhook(struct req *req)
{
    struct webhook_answer answer;

    TRY(payment_notice_take(req->cx, req->params[1].text, req->prepared, &answer.outcome));
    return reply_json(req, 200, webhook_answer_fields, &answer);
}

/* ---- Answers to our calls ---- */

static struct str why(struct cx *cx, const struct effect_answer *answer)
{
    struct str error = answer->error;

    if (answer->status)
        return cx_printf(cx, "HTTP %d", answer->status);
    error.len = error.len < PAYMENT_REASON_LEN_MAX ? error.len : PAYMENT_REASON_LEN_MAX;
    return error.len ? error : STR("no answer");
}

/* An answer that cannot be read is like none: tried again, and a failure at the end. */
static enum err unreadable(struct cx *cx, const struct effect_answer *answer,
                           enum effect_verdict *verdict)
{
    if (cx->problem.err != ERR_BAD_INPUT)
        return cx->problem.err;
    fail_clear(cx);
    *verdict = answer->final ? EFFECT_FAILED : EFFECT_RETRY;
    return OK;
}

enum err payment_charge_answered(struct cx *cx, const struct effect_answer *answer,
                                 enum effect_verdict *verdict)
{
    const struct payment_provider *provider;
    struct payment_charge charge;
    struct payment payment;

    TRY(payment_get(cx, answer->key, &payment));
    provider = payment_provider(payment.provider);
    if (!provider)
        return fail(cx, ERR_INTERNAL, "no_such_provider", "its provider is gone");
    if (*verdict == EFFECT_DONE && provider->charge_answer(cx, answer->body, &charge) != OK)
        TRY(unreadable(cx, answer, verdict));
    if (*verdict == EFFECT_FAILED && payment.state == PAYMENT_CREATED)
        return payment_end(cx, &payment, PAYMENT_FAILED, why(cx, answer));
    if (*verdict != EFFECT_DONE)
        return OK;
    payment.pay_url = charge.pay_url.ptr ? charge.pay_url : STR("");
    if (payment.provider_ref.len == 0)
        payment.provider_ref = charge.ref;
    if (payment.state == PAYMENT_CREATED)
        payment.state = PAYMENT_PENDING;
    return row_put(cx, &payment_table, &payment);
}

enum err payment_refund_answered(struct cx *cx, const struct effect_answer *answer,
                                 enum effect_verdict *verdict)
{
    const struct payment_provider *provider;
    struct payment_notice notice = {0};
    struct payment_part part;
    const char *outcome;
    bool settled = false;

    TRY(payment_part_get(cx, answer->key, &part));
    provider = payment_provider(part.provider);
    if (!provider)
        return fail(cx, ERR_INTERNAL, "no_such_provider", "its provider is gone");
    if (*verdict == EFFECT_DONE &&
        provider->refund_answer(cx, answer->body, &notice, &settled) != OK)
        TRY(unreadable(cx, answer, verdict));
    if (*verdict == EFFECT_FAILED && part.state == PART_REQUESTED)
        return payment_part_failed(cx, &part, why(cx, answer));
    if (*verdict != EFFECT_DONE || !settled)
        return OK;
    return part_told(cx, &part, &notice, &outcome);
}
