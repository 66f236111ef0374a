/*
 * payment_refund.c - money back: parts of refunds, and payouts for those that a provider refuses.
 */
#include "modules/payment/payment_priv.h"

struct metric payment_refunded_total = {"payment_refunded_total", "refunds", "Parts returned.", 0};
struct metric payment_refund_failed_total = {"payment_refund_failed_total", "refunds",
                                             "Parts that a provider refused.", 0};

/* ---- Parts ---- */

/* Where the money of a part lies until it has left the house. */
static const char *source_of(int kind)
{
    return kind == PART_HELD ? "held" : kind == PART_SURPLUS ? "deposits" : "payable";
}

static enum err put_part_event(struct cx *cx, const char *type, const struct payment_part *part,
                               const struct payment_event *more)
{
    struct payment_event event = {.payment = part->payment,
                                  .order = part->order,
                                  .provider = part->provider,
                                  .currency = part->currency,
                                  .amount_minor = part->amount_minor,
                                  .reason = more->reason,
                                  .part = part->id,
                                  .refund = part->refund,
                                  .rest_minor = more->rest_minor,
                                  .route = more->route};

    return event_put(cx, type, order_key(cx, part->order), payment_event_fields, &event);
}

enum err payment_part_send(struct cx *cx, const struct payment *payment, struct payment_part *part)
{
    struct effect_new effect = {.kind = "payment.refund", .key = part->id};
    const struct payment_provider *provider = payment_provider(part->provider);

    if (!provider)
        return fail(cx, ERR_INTERNAL, "no_such_provider", "there is no provider " STR_FMT,
                    STR_ARG(part->provider));
    part->sent_ms = cx_now_ms(cx);
    TRY(row_put(cx, &payment_part_table, part));
    TRY(provider->refund(cx, payment, part, &effect));
    TRY(effect_put(cx, &effect, NULL));
    return payment_part_ask_later(cx, part);
}

/* Claim the money; nothing is asked of the provider yet. */
static enum err claim(struct cx *cx, struct payment *payment, const struct part_new *in,
                      struct payment_part *part)
{
    const struct payment_event nothing = {0};

    *part = (struct payment_part){.id = cx_new_id(cx),
                                  .payment = payment->id,
                                  .order = payment->order,
                                  .refund = in->refund,
                                  .kind = in->kind,
                                  .state = PART_REQUESTED,
                                  .provider = payment->provider,
                                  .entity = payment->entity,
                                  .currency = payment->captured_currency,
                                  .amount_minor = in->amount_minor,
                                  .provider_ref = STR(""),
                                  .reason = STR(""),
                                  .actor = cx_actor(cx),
                                  .created_ms = cx_now_ms(cx)};
    assert(in->amount_minor > 0);
    assert(in->amount_minor <= payment->captured_minor - payment->claimed_minor);
    payment->claimed_minor += in->amount_minor;
    payment_settle_state(payment);
    TRY(row_put(cx, &payment_table, payment));
    TRY(row_add(cx, &payment_part_table, part));
    if (in->kind == PART_AFTERSALE || in->kind == PART_ENDED)
        TRY(payment_book(cx, payment,
                         (struct payment_booking){ENTRY_REFUND, "refunds", "payable",
                                                  in->amount_minor, part->id}));
    return put_part_event(cx, "payment.refund_requested", part, &nothing);
}

/* Send it: by its provider, or, of a payment by hand, at once. */
static enum err send(struct cx *cx, const struct payment *payment, struct payment_part *part)
{
    const struct payment_provider *provider = payment_provider(payment->provider);

    if (provider && !provider->charge)
        return payment_part_done(cx, part, "manual", NULL);
    return payment_part_send(cx, payment, part);
}

enum err payment_part_start(struct cx *cx, struct payment *payment, const struct part_new *in)
{
    struct payment_part part;

    TRY(claim(cx, payment, in, &part));
    return send(cx, payment, &part);
}

static enum err rest_of(struct cx *cx, int64_t refund, int64_t *minor)
{
    *minor = 0;
    if (refund == 0)
        return OK;
    return sql_int(cx, minor, 0,
                   "select cast(sum(amount_minor) as bigint) from payment_part"
                   " where refund_id = ?1 and state in ('requested', 'failed')",
                   BIND(INT(refund)));
}

enum err payment_part_done(struct cx *cx, struct payment_part *part, const char *route,
                           const struct payment_notice *notice)
{
    bool paid_out = str_is(str_of(route), "payout");
    struct payment_event more = {.route = str_of(route)};
    struct payment payment;

    assert(part->state == PART_REQUESTED || part->state == PART_FAILED);
    TRY(payment_get(cx, part->payment, &payment));
    part->state = paid_out ? PART_PAID_OUT : PART_REFUNDED;
    part->ended_ms = cx_now_ms(cx);
    part->settled_ms = notice ? notice->time_ms : cx_now_ms(cx);
    if (notice)
        part->provider_ref = notice->ref;
    payment.refunded_minor += part->amount_minor;
    assert(payment.refunded_minor <= payment.claimed_minor);
    payment_settle_state(&payment);
    TRY(row_put(cx, &payment_part_table, part));
    TRY(row_put(cx, &payment_table, &payment));
    TRY(payment_book(cx, &payment,
                     (struct payment_booking){ENTRY_RETURN, source_of(part->kind),
                                              paid_out ? "payouts" : "provider", part->amount_minor,
                                              part->id}));
    metric_add(cx, &payment_refunded_total, 1);
    TRY(rest_of(cx, part->refund, &more.rest_minor));
    return put_part_event(cx, "payment.refunded", part, &more);
}

/* ---- Payouts ---- */

enum err payment_payout_of(struct cx *cx, int64_t part, struct payment_payout *out, bool *found)
{
    struct list rows;

    TRY(sql_all(cx, payment_payout_fields, sizeof(struct payment_payout), &rows,
                PAYOUT_COLUMNS " where part_id = ?1 and state in ('waiting', 'rejected')"
                               " order by id desc limit 1",
                BIND(INT(part))));
    *found = rows.count > 0;
    if (*found)
        *out = *LIST_AT(rows, struct payment_payout, 0);
    return OK;
}

enum err payment_part_failed(struct cx *cx, struct payment_part *part, struct str reason)
{
    struct payment_event more = {.reason = reason};
    struct payment_payout payout = {.id = cx_new_id(cx),
                                    .part = part->id,
                                    .payment = part->payment,
                                    .order = part->order,
                                    .state = PAYOUT_WAITING,
                                    .entity = part->entity,
                                    .currency = part->currency,
                                    .amount_minor = part->amount_minor,
                                    .reason = reason,
                                    .requested_by = part->actor,
                                    .decided_by = STR(""),
                                    .note = STR(""),
                                    .created_ms = cx_now_ms(cx)};

    assert(part->state == PART_REQUESTED);
    part->state = PART_FAILED;
    part->reason = reason;
    TRY(row_put(cx, &payment_part_table, part));
    TRY(row_add(cx, &payment_payout_table, &payout));
    metric_add(cx, &payment_refund_failed_total, 1);
    return put_part_event(cx, "payment.refund_failed", part, &more);
}

/* ---- Refunds of an order ---- */

/* Held money is nobody's yet: only what matched the order can be asked back. */
static int64_t refundable(const struct payment *payment)
{
    return payment->applied_minor > 0 ? payment->captured_minor - payment->claimed_minor : 0;
}

enum err payment_refundable(struct cx *cx, int64_t order, int64_t *minor)
{
    struct list payments;

    *minor = 0;
    TRY(payments_of(cx, order, &payments));
    for (size_t k = 0; k < payments.count; k++)
        *minor += refundable(LIST_AT(payments, struct payment, k));
    return OK;
}

/* Newest first; all parts stand before the first is sent, so that each knows what is still under
 * way.  Needs: amount_minor is there. */
static enum err spread(struct cx *cx, struct list payments, struct part_new in)
{
    struct payment_part *parts = CX_ARRAY(cx, struct payment_part, payments.count);
    int64_t left_minor = in.amount_minor;

    for (size_t k = payments.count; k-- > 0 && left_minor > 0;) {
        struct payment *payment = LIST_AT(payments, struct payment, k);
        int64_t most_minor = refundable(payment);

        in.amount_minor = left_minor < most_minor ? left_minor : most_minor;
        if (in.amount_minor == 0)
            continue;
        left_minor -= in.amount_minor;
        TRY(claim(cx, payment, &in, &parts[k]));
    }
    assert(left_minor == 0);
    for (size_t k = payments.count; k-- > 0;)
        if (parts[k].id)
            TRY(send(cx, LIST_AT(payments, struct payment, k), &parts[k]));
    return OK;
}

static enum err give_back(struct cx *cx, const struct order *order, const struct part_new *in)
{
    struct list payments;
    int64_t most_minor = 0;

    TRY(payments_of(cx, order->id, &payments));
    for (size_t k = 0; k < payments.count; k++)
        most_minor += refundable(LIST_AT(payments, struct payment, k));
    if (in->amount_minor > most_minor) {
        fail_record(cx, ERR_CONFLICT, "refund_exceeds",
                    "%" PRId64 " minor units can still be refunded, not %" PRId64, most_minor,
                    in->amount_minor);
        fail_member(cx, "refundable", cx_printf(cx, "%" PRId64, most_minor));
        return ERR_CONFLICT;
    }
    return spread(cx, payments, *in);
}

enum err payment_refund(struct cx *cx, const struct order *order, int64_t amount_minor,
                        int64_t refund_id)
{
    struct part_new in = {
        .kind = PART_AFTERSALE, .refund = refund_id, .amount_minor = amount_minor};
    int64_t before_minor;

    assert(cx_can_write(cx));
    assert(refund_id > 0);
    assert(amount_minor > 0);
    TRY(sql_int(cx, &before_minor, 0,
                "select cast(sum(amount_minor) as bigint) from payment_part where refund_id = ?1",
                BIND(INT(refund_id))));
    if (before_minor == 0)
        return give_back(cx, order, &in);
    if (before_minor != amount_minor)
        return fail(cx, ERR_CONFLICT, "refund_differs",
                    "this refund was asked for with %" PRId64 " minor units", before_minor);
    return OK;
}

/* An order that ended unpaid keeps nothing of what came in. */
enum err payment_order_ended(struct cx *cx, const struct event *event)
{
    struct part_new in = {.kind = PART_ENDED};
    struct order_event ended;
    struct list payments;
    struct order order;

    TRY(event_read(cx, event, order_event_fields, &ended, sizeof(ended)));
    TRY(payments_of(cx, ended.order, &payments));
    for (size_t k = 0; k < payments.count; k++) {
        struct payment *payment = LIST_AT(payments, struct payment, k);

        if (payment->state == PAYMENT_CREATED || payment->state == PAYMENT_PENDING)
            TRY(payment_end(cx, payment, PAYMENT_CANCELLED, STR("order_ended")));
    }
    TRY(order_get(cx, ended.order, &order));
    in.amount_minor = order.paid_minor - order.refunded_minor;
    if (in.amount_minor == 0)
        return OK;
    TRY(order_refund_rest(cx, &order, in.amount_minor));
    return give_back(cx, &order, &in);
}
