/*
 * payment.c - rows, states, captures; the table of the module.
 */
#include "modules/payment/payment_priv.h"

const char *const payment_states[] = {"created", "pending",   "succeeded", "failed", "cancelled",
                                      "held",    "refunding", "refunded",  NULL};
const char *const part_kinds[] = {"aftersale", "ended", "surplus", "held", NULL};
const char *const part_states[] = {"requested", "refunded", "failed", "paid_out", NULL};
const char *const payout_states[] = {"waiting", "approved", "rejected", "dropped", NULL};

static struct metric captured_total = {"payment_captured_total", "payments", "Captured.", 0};
static struct metric held_total = {"payment_held_total", "payments", "Captured, but held.", 0};

const struct field payment_fields[] = {
    F_ID(payment, id, "pay"),
    F_ID(payment, order, "ord", .column = "order_id"),
    F(payment, user, .column = "user_id"),
    F(payment, provider),
    F(payment, entity, .doc = "The merchant account that is paid."),
    F_ENUM(payment, state, payment_states),
    F(payment, reason, .doc = "Why it failed, was cancelled or is held."),
    F(payment, currency, .flags = FIELD_SQL_ONLY),
    F_MONEY(payment, amount_minor, currency, "amount"),
    F(payment, captured_currency, .flags = FIELD_SQL_ONLY),
    F_MONEY(payment, captured_minor, captured_currency, "captured"),
    F_MONEY(payment, applied_minor, currency, "applied", .doc = "What of it paid the order."),
    F_MONEY(payment, claimed_minor, captured_currency, "refund_claimed",
            .doc = "What refunds ask for, done or not."),
    F_MONEY(payment, refunded_minor, captured_currency, "refunded"),
    F_MONEY(payment, fee_minor, captured_currency, "fee", .doc = "The provider's."),
    F(payment, instalments, .doc = "0: paid at once."),
    F_MONEY(payment, subsidised_minor, currency, "subsidised_fee",
            .doc = "The instalment fee that the seller bears; part of the fee."),
    F(payment, provider_ref, .doc = "The provider's name of the charge."),
    F(payment, pay_url, .doc = "Where the buyer pays."),
    F(payment, actor, .flags = FIELD_SQL_ONLY),
    F_TIME(payment, created_ms, "created_at"),
    F_TIME(payment, captured_ms, "captured_at"),
    F_TIME(payment, settled_ms, "settled_at", .doc = "By the provider's clock."),
    F_END};
const struct table payment_table = TABLE("payment", payment, payment_fields, 1);

const struct field payment_part_fields[] = {
    F_ID(payment_part, id, "prf"),
    F_ID(payment_part, payment, "pay", .column = "payment_id"),
    F_ID(payment_part, order, "ord", .column = "order_id"),
    F_ID(payment_part, refund, PAYMENT_REFUND_PREFIX, .column = "refund_id",
         .doc = "Of aftersale; null: the money goes back by itself."),
    F_ENUM(payment_part, kind, part_kinds),
    F_ENUM(payment_part, state, part_states),
    F(payment_part, provider),
    F(payment_part, entity),
    F(payment_part, currency, .flags = FIELD_SQL_ONLY),
    F_MONEY(payment_part, amount_minor, currency, "amount"),
    F(payment_part, provider_ref),
    F(payment_part, reason, .doc = "Why the provider refused."),
    F(payment_part, actor, .doc = "Who asked."),
    F_TIME(payment_part, created_ms, "created_at"),
    F_TIME(payment_part, ended_ms, "ended_at"),
    F_TIME(payment_part, settled_ms, "settled_at"),
    F_TIME(payment_part, sent_ms, "sent_at", .doc = "When its provider was last asked for it."),
    F_END};
const struct table payment_part_table = TABLE("payment_part", payment_part, payment_part_fields, 1);

const struct field payment_payout_fields[] = {
    F_ID(payment_payout, id, "out"),
    F_ID(payment_payout, part, "prf", .column = "part_id"),
    F_ID(payment_payout, payment, "pay", .column = "payment_id"),
    F_ID(payment_payout, order, "ord", .column = "order_id"),
    F_ENUM(payment_payout, state, payout_states),
    F(payment_payout, entity),
    F(payment_payout, currency, .flags = FIELD_SQL_ONLY),
    F_MONEY(payment_payout, amount_minor, currency, "amount"),
    F(payment_payout, reason, .doc = "Why the refund could not return by its own route."),
    F(payment_payout, requested_by),
    F(payment_payout, decided_by),
    F(payment_payout, note, .doc = "Masked unless the key has the scope person:read."),
    F_TIME(payment_payout, created_ms, "created_at"),
    F_TIME(payment_payout, decided_ms, "decided_at"),
    F_END};
const struct table payment_payout_table =
    TABLE("payment_payout", payment_payout, payment_payout_fields, 1);

const struct field payment_event_fields[] = {
    F_ID(payment_event, payment, "pay"),
    F_ID(payment_event, order, "ord"),
    F(payment_event, provider),
    F_MONEY(payment_event, amount_minor, currency, "amount"),
    F(payment_event, reason, .flags = FIELD_OMIT),
    F_ID(payment_event, part, "prf", .flags = FIELD_OMIT),
    F_ID(payment_event, refund, PAYMENT_REFUND_PREFIX, .flags = FIELD_OMIT),
    F(payment_event, rest_minor, .flags = FIELD_OMIT,
      .doc = "Minor units of this refund that are still under way."),
    F(payment_event, route, .flags = FIELD_OMIT, .doc = "provider, payout or manual"),
    F_END};

/* ---- Reading ---- */

enum err payment_get(struct cx *cx, int64_t id, struct payment *out)
{
    bool found;

    *out = (struct payment){.id = id};
    TRY(row_find(cx, &payment_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_payment", "there is no such payment");
    return OK;
}

enum err payment_part_get(struct cx *cx, int64_t id, struct payment_part *out)
{
    bool found;

    *out = (struct payment_part){.id = id};
    TRY(row_find(cx, &payment_part_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_refund", "there is no such part of a refund");
    return OK;
}

enum err payments_of(struct cx *cx, int64_t order, struct list *out)
{
    return sql_all(cx, payment_fields, sizeof(struct payment), out,
                   PAYMENT_COLUMNS " where order_id = ?1 order by id", BIND(INT(order)));
}

enum err payment_open_minor(struct cx *cx, const struct order *order, int64_t *minor)
{
    int64_t live;

    TRY(sql_int(cx, &live, 0,
                "select cast(sum(amount_minor) as bigint) from payment"
                " where order_id = ?1 and state in ('created', 'pending')",
                BIND(INT(order->id))));
    *minor = order->total_minor - order->paid_minor - live;
    *minor = *minor > 0 ? *minor : 0;
    return OK;
}

/* ---- States ---- */

static bool held(const struct payment *payment)
{
    return payment->captured_minor != payment->amount_minor ||
           !str_eq(payment->captured_currency, payment->currency);
}

/* After a capture the state follows from the amounts. */
void payment_settle_state(struct payment *payment)
{
    if (payment->captured_minor == 0)
        return;
    if (payment->refunded_minor == payment->captured_minor)
        payment->state = PAYMENT_REFUNDED;
    else if (payment->claimed_minor > payment->refunded_minor)
        payment->state = PAYMENT_REFUNDING;
    else
        payment->state = held(payment) ? PAYMENT_HELD : PAYMENT_SUCCEEDED;
}

enum err payment_put_event(struct cx *cx, const char *type, const struct payment *payment)
{
    bool captured = payment->captured_minor > 0;
    struct payment_event event = {
        .payment = payment->id,
        .order = payment->order,
        .provider = payment->provider,
        .currency = captured ? payment->captured_currency : payment->currency,
        .amount_minor = captured ? payment->captured_minor : payment->amount_minor,
        .reason = payment->reason.len ? payment->reason : (struct str){0}};

    return event_put(cx, type, order_key(cx, payment->order), payment_event_fields, &event);
}

enum err payment_end(struct cx *cx, struct payment *payment, int state, struct str reason)
{
    assert(payment->captured_minor == 0);
    payment->state = state;
    payment->reason = reason;
    TRY(row_put(cx, &payment_table, payment));
    return payment_put_event(cx, "payment.failed", payment);
}

/* ---- Captures ---- */

static enum err book_fee(struct cx *cx, const struct payment *payment)
{
    int64_t subsidy_minor = payment->subsidised_minor < payment->fee_minor
                                ? payment->subsidised_minor
                                : payment->fee_minor;

    TRY(payment_book(cx, payment,
                     (struct payment_booking){ENTRY_FEE, "fees", "provider",
                                              payment->fee_minor - subsidy_minor, 0}));
    return payment_book(
        cx, payment,
        (struct payment_booking){ENTRY_SUBSIDY, "subsidies", "provider", subsidy_minor, 0});
}

static enum err hold(struct cx *cx, struct payment *payment)
{
    payment->reason = str_eq(payment->captured_currency, payment->currency)
                          ? STR("amount_differs")
                          : STR("currency_differs");
    TRY(payment_book(
        cx, payment,
        (struct payment_booking){ENTRY_HOLD, "provider", "held", payment->captured_minor, 0}));
    TRY(book_fee(cx, payment));
    TRY(row_put(cx, &payment_table, payment));
    metric_add(cx, &held_total, 1);
    return payment_put_event(cx, "payment.held", payment);
}

/* The order takes what it is open for; what it does not take goes back. */
static enum err apply(struct cx *cx, struct payment *payment)
{
    struct part_new surplus = {.kind = PART_SURPLUS};
    struct order order;

    TRY(order_get(cx, payment->order, &order));
    TRY(order_overdue(cx, &order));
    if (order.state == ORDER_PENDING_PAYMENT)
        payment->applied_minor = order.total_minor - order.paid_minor;
    if (payment->applied_minor > payment->captured_minor)
        payment->applied_minor = payment->captured_minor;
    TRY(payment_book(
        cx, payment,
        (struct payment_booking){ENTRY_APPLY, "deposits", "orders", payment->applied_minor, 0}));
    TRY(row_put(cx, &payment_table, payment));
    TRY(payment_put_event(cx, "payment.captured", payment));
    if (payment->applied_minor > 0)
        TRY(order_pay(cx, &order, payment->applied_minor));
    surplus.amount_minor = payment->captured_minor - payment->applied_minor;
    return surplus.amount_minor > 0 ? payment_part_start(cx, payment, &surplus) : OK;
}

static enum err captured_before(struct cx *cx, const struct payment *payment,
                                const struct payment_notice *notice, const char **outcome)
{
    struct payment other = *payment;

    *outcome = "repeated";
    if (str_eq(payment->provider_ref, notice->ref))
        return OK;
    *outcome = "second_charge"; /* Never ours to keep: told, and found by the reconciliation. */
    other.captured_minor = notice->amount_minor;
    other.captured_currency = notice->currency;
    other.reason = STR("second_charge");
    metric_add(cx, &held_total, 1);
    return payment_put_event(cx, "payment.held", &other);
}

enum err payment_capture(struct cx *cx, struct payment *payment,
                         const struct payment_notice *notice, const char **outcome)
{
    if (payment->captured_minor > 0)
        return captured_before(cx, payment, notice, outcome);
    payment->captured_minor = notice->amount_minor;
    payment->captured_currency = notice->currency;
    payment->fee_minor = notice->fee_minor;
    payment->provider_ref = notice->ref;
    payment->captured_ms = cx_now_ms(cx);
    payment->settled_ms = notice->time_ms;
    payment->reason = STR("");
    payment_settle_state(payment);
    if (payment->state == PAYMENT_HELD) {
        *outcome = "held";
        return hold(cx, payment);
    }
    *outcome = "captured";
    metric_add(cx, &captured_total, 1);
    TRY(payment_book(cx, payment,
                     (struct payment_booking){ENTRY_CAPTURE, "provider", "deposits",
                                              payment->captured_minor, 0}));
    TRY(book_fee(cx, payment));
    return apply(cx, payment);
}

const struct module payment_module = {
    .name = "payment",
    .needs = NEEDS("order"),
    .schema = payment_schema,
    .routes = ROUTES(
        {"POST", "/v1/orders/{id:ord}/payments", payment_post, TX_WRITE, "payment:write",
         BODY(payment_new, payment_new_fields), .reply = payment_fields,
         .priority = PRIORITY_NORMAL,
         .doc = "Ask to be paid, in whole or in part; the provider is called after the commit."},
        {"GET", "/v1/orders/{id:ord}/payments", payment_get_of_order, TX_READ, "payment:read",
         .reply = payment_fields, .page = true, .doc = "All payments of an order, oldest first."},
        {"GET", "/v1/payments/{id:pay}", payment_get_one, TX_READ, "payment:read",
         .reply = payment_fields, .doc = "One payment."},
        {"POST", "/v1/payments/{id:pay}/cancel", payment_post_cancel, TX_WRITE, "payment:write",
         .reply = payment_fields, .status = 200, .priority = PRIORITY_NORMAL,
         .doc = "Give up a payment that is not captured; if it succeeds all the same, the order "
                "takes it when it is open, and it goes back when not."},
        {"POST", "/v1/payments/{id:pay}/return", payment_post_return, TX_WRITE, "payment:payout",
         .reply = payment_fields, .status = 200, .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Send held money back where it came from."},
        {"GET", "/v1/payments/{id:pay}/refunds", payment_get_parts, TX_READ, "payment:read",
         QUERY(payment_page_query, payment_page_query_fields), .reply = payment_part_fields,
         .page = true, .doc = "What went back through this payment, oldest first."},
        {"POST", "/v1/payments/{id:pay}/refunds/{part:prf}/retry", payment_post_retry, TX_WRITE,
         "payment:payout", .reply = payment_part_fields, .status = 200, .flags = ROUTE_AUDIT,
         .priority = PRIORITY_NORMAL,
         .doc = "Ask the provider again for a refund that failed; its payout is dropped."},
        {"GET", "/v1/payments/{id:pay}/entries", payment_get_entries, TX_READ, "payment:read",
         QUERY(payment_page_query, payment_page_query_fields), .reply = payment_entry_fields,
         .page = true, .doc = "Its entries in the ledger, oldest first."},
        {"GET", "/v1/payouts", payment_get_payouts, TX_READ, "payment:read",
         QUERY(payment_payout_query, payment_payout_query_fields), .reply = payment_payout_fields,
         .page = true, .doc = "Refunds that could not return by their own route, newest first."},
        {"POST", "/v1/payouts/{id:out}/approve", payment_post_approve, TX_WRITE, "payment:payout",
         BODY(payment_decision, payment_decision_fields), .reply = payment_payout_fields,
         .status = 200, .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "It was paid out; a second person says so."},
        {"POST", "/v1/payouts/{id:out}/reject", payment_post_reject, TX_WRITE, "payment:payout",
         BODY(payment_decision, payment_decision_fields), .reply = payment_payout_fields,
         .status = 200, .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Not this way: the refund stays failed and may be tried again."},
        {"POST", "/v1/webhooks/{space}/payments/{provider}", payment_webhook, TX_WRITE, PUBLIC,
         .reply = webhook_answer_fields, .prepare = payment_webhook_prepare,
         .headers = {"webhook-id", "webhook-timestamp", "webhook-signature"}, .flags = ROUTE_RAW,
         .body_bytes_max = 64 << 10, .status = 200,
         .doc = "A signed notice of a provider; told again, it changes nothing."},
        {"POST", "/v1/reconciliations", reconciliation_post, TX_WRITE, "payment:reconcile",
         BODY(reconciliation_new, reconciliation_new_fields), .reply = reconciliation_fields,
         .status = 202, .priority = PRIORITY_NORMAL,
         .doc = "Hold a day's statement against the ledger, now or again."},
        {"GET", "/v1/reconciliations", reconciliation_get_list, TX_READ, "payment:read",
         QUERY(payment_page_query, payment_page_query_fields), .reply = reconciliation_fields,
         .page = true, .doc = "Reconciled days, newest first."},
        {"GET", "/v1/reconciliations/{date}", reconciliation_get_day, TX_READ, "payment:read",
         .reply = reconciliation_day_fields, .page = true,
         .doc = "One day, by provider, with every difference."}),
    .scopes = SCOPES({"payment:manual", "Record money that came by hand."}),
    .reacts =
        REACTS({"order.cancelled", payment_order_ended}, {"order.expired", payment_order_ended},
               {"order.claimed", payment_order_claimed}),
    .produces = PRODUCES(
        {"payment.created", payment_event_fields, "Asked for."},
        {"payment.captured", payment_event_fields, "The money is there."},
        {"payment.failed", payment_event_fields, "Failed or cancelled; the reason says which."},
        {"payment.held", payment_event_fields, "Money that does not match: people must look."},
        {"payment.refund_requested", payment_event_fields, "A part is on its way back."},
        {"payment.refunded", payment_event_fields, "A part has gone back."},
        {"payment.refund_failed", payment_event_fields, "A part waits as a payout."},
        {"payment.difference_found", payment_difference_event_fields,
         "The provider's statement and our ledger differ."}),
    .jobs =
        JOBS({"payment.reconcile", 10 * MINUTE_MS, payment_reconcile,
              "Fetch and compare yesterday's statements."},
             {"payment.inbox_purge", DAY_MS, payment_inbox_purge, "Forget notices after 90 days."}),
    .timers = TIMERS(
        {"payment.compare", payment_compare, "The next hour of a day to compare."},
        {"payment.ask", payment_ask_due, "No notice of a charge: ask its provider."},
        {"payment.ask_refund", payment_part_ask_due, "No notice of a refund: ask its provider."}),
    .effects =
        EFFECTS({"payment.intent", payment_charge_answered, .doc = "Make a charge."},
                {"payment.refund", payment_refund_answered, .doc = "Return a part of a charge."},
                {"payment.ask", payment_ask_answered,
                 .doc = "What became of a charge?  Its timer asks again."},
                {"payment.ask_refund", payment_part_ask_answered,
                 .doc = "What became of a refund?  Its timer asks again."},
                {"payment.statement", payment_statement_answered, .timeout_ms = 30 * SECOND_MS,
                 .doc = "A page of a day's statement."}),
    .settings = SETTINGS(&payment_reconcile_hour, &payment_ask_s, &payment_notices_kept_days),
    .metrics = METRICS(&captured_total, &held_total, &payment_refunded_total,
                       &payment_refund_failed_total, &payment_told_total),
    .patrols = PATROLS({"payment.ledger", payment_check,
                        "Entries, balances, payments, refunds and orders agree."}),
    .person_export = payment_person_export,
    .person_erase = payment_person_erase,
};
