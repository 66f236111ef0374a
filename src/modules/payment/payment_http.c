/*
 * payment_http.c - the routes of payment: intents, refunds, payouts, the ledger.
 */
#include "modules/payment/payment_priv.h"

/* ---- Bodies and queries ---- */

static const struct field plan_fields[] = {
    F(payment_plan, count, .flags = FIELD_REQUIRED, .min = 2, .max = PAYMENT_INSTALMENTS_MAX),
    F_MONEY(payment_plan, subsidised_minor, currency, "subsidised_fee",
            .doc = "The part of the instalment fee that the seller bears."),
    F_END};

const struct field payment_new_fields[] = {
    F(payment_new, provider, .flags = FIELD_REQUIRED, .min = 1, .max = PAYMENT_PROVIDER_LEN_MAX,
      .doc = "sandbox, or manual: money taken by hand (scope payment:manual)."),
    F_MONEY(payment_new, amount_minor, currency, "amount", .min = 1, .max = MONEY_MINOR_MAX,
            .doc = "What the order is still open for, when left out."),
    F(payment_new, entity, .min = 1, .max = PAYMENT_ENTITY_LEN_MAX,
      .doc = "The merchant account that is paid: one of the order's legal entities; the first "
             "line's when left out."),
    {.name = "instalments",
     .type = FIELD_OBJECT,
     .fields = plan_fields,
     FIELD_AT(payment_new, plan),
     .doc = "The buyer pays the provider in instalments."},
    F_END};

const struct field payment_page_query_fields[] = {PAGE_FIELDS(payment_page_query), F_END};

static const char *const payout_filter[] = {"any",      "waiting", "approved",
                                            "rejected", "dropped", NULL};
const struct field payment_payout_query_fields[] = {
    PAGE_FIELDS(payment_payout_query), F_ENUM(payment_payout_query, state, payout_filter), F_END};

const struct field payment_decision_fields[] = {F(payment_decision, note, .flags = FIELD_REQUIRED,
                                                  .min = 1, .max = PAYMENT_REASON_LEN_MAX,
                                                  .doc = "How it was paid out, or why not."),
                                                F_END};

/* ---- Intents ---- */

static enum err choose_entity(struct cx *cx, const struct order *order, struct str wanted,
                              struct str *out)
{
    struct list lines;

    TRY(order_lines(cx, order, &lines));
    for (size_t k = 0; k < lines.count; k++) {
        struct str entity = LIST_AT(lines, struct order_line, k)->entity;

        if (wanted.ptr && !str_eq(entity, wanted))
            continue;
        *out = entity;
        return OK;
    }
    return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/entity",
                   "entity: no line of this order is sold by it");
}

static enum err check_payable(struct cx *cx, const struct order *order)
{
    int state = order->state;

    if (state == ORDER_PENDING_PAYMENT && order->expires_ms > cx_now_ms(cx))
        return OK;
    if (state == ORDER_PENDING_PAYMENT)
        state = ORDER_EXPIRED; /* Its timer is late. */
    fail_record(cx, ERR_CONFLICT, "not_payable", "an order that is %s takes no payment",
                order_states[state]);
    fail_member(cx, "state", str_of(order_states[state]));
    return ERR_CONFLICT;
}

static enum err choose_amount(struct cx *cx, const struct order *order,
                              const struct payment_new *in, int64_t *minor)
{
    int64_t count, open_minor;

    TRY(payment_open_minor(cx, order, &open_minor));
    TRY(sql_int(cx, &count, 0, "select count(*) from payment where order_id = ?1",
                BIND(INT(order->id))));
    if (count >= PAYMENT_OF_ORDER_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_payments", "an order has at most %d payments",
                    PAYMENT_OF_ORDER_MAX);
    if (in->currency.ptr && !str_eq(in->currency, order->currency))
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/amount/currency",
                       "currency: the order is in " STR_FMT, STR_ARG(order->currency));
    *minor = in->currency.ptr ? in->amount_minor : open_minor;
    if (*minor > 0 && *minor <= open_minor)
        return OK;
    fail_record(cx, ERR_CONFLICT, "amount_exceeds",
                "%" PRId64 " minor units are open, beside what live payments ask for: pay at most "
                "that, or cancel one of them",
                open_minor);
    fail_member(cx, "open", cx_printf(cx, "%" PRId64, open_minor));
    return ERR_CONFLICT;
}

static enum err check_plan(struct cx *cx, const struct payment_new *in,
                           const struct payment *payment)
{
    if (in->plan.currency.ptr && !str_eq(in->plan.currency, payment->currency))
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/instalments/subsidised_fee/currency",
                       "currency: the order is in " STR_FMT, STR_ARG(payment->currency));
    if (in->plan.subsidised_minor > payment->amount_minor)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/instalments/subsidised_fee/amount",
                       "subsidised_fee: at most the amount that is paid");
    return OK;
}

/* Taken by hand: the money is there. */
static enum err capture_by_hand(struct cx *cx, struct payment *payment)
{
    struct payment_notice notice = {.type = CHARGE_SUCCEEDED,
                                    .ref = cx_id_text(cx, "pay", payment->id),
                                    .currency = payment->currency,
                                    .amount_minor = payment->amount_minor,
                                    .time_ms = cx_now_ms(cx)};
    const char *outcome;

    return payment_capture(cx, payment, &notice, &outcome);
}

static enum err ask_charge(struct cx *cx, const struct payment_provider *provider,
                           const struct payment *payment)
{
    struct effect_new effect = {.kind = "payment.intent", .key = payment->id};

    TRY(provider->charge(cx, payment, &effect));
    TRY(effect_put(cx, &effect, NULL));
    return payment_ask_later(cx, payment);
}

enum err payment_post(struct req *req)
{
    const struct payment_new *in = req->body;
    const struct payment_provider *provider = payment_provider(in->provider);
    struct payment payment;
    struct cx *cx = req->cx;
    struct order order;

    if (!provider)
        return fail_at(cx, ERR_BAD_INPUT, "no_such_provider", "/provider",
                       "provider: sandbox and manual are known here");
    if (!provider->charge && !cx_has_scope(cx, "payment:manual"))
        return fail(cx, ERR_FORBIDDEN, "scope_missing", "this key lacks the scope payment:manual");
    TRY(order_get(cx, req->params[0].id, &order));
    TRY(check_payable(cx, &order));
    payment = (struct payment){.order = order.id,
                               .user = order.user,
                               .provider = in->provider,
                               .reason = STR(""),
                               .currency = order.currency,
                               .captured_currency = order.currency,
                               .instalments = in->plan.count,
                               .subsidised_minor = in->plan.subsidised_minor,
                               .provider_ref = STR(""),
                               .pay_url = STR(""),
                               .actor = cx_actor(cx),
                               .created_ms = cx_now_ms(cx)};
    TRY(choose_amount(cx, &order, in, &payment.amount_minor));
    TRY(choose_entity(cx, &order, in->entity, &payment.entity));
    TRY(check_plan(cx, in, &payment));
    payment.id = cx_new_id(cx);
    TRY(row_add(cx, &payment_table, &payment));
    TRY(payment_put_event(cx, "payment.created", &payment));
    if (provider->charge)
        TRY(ask_charge(cx, provider, &payment));
    else
        TRY(capture_by_hand(cx, &payment));
    req->location =
        cx_printf(cx, "/v1/payments/" STR_FMT, STR_ARG(cx_id_text(cx, "pay", payment.id)));
    return reply_json(req, 201, payment_fields, &payment);
}

enum err payment_get_one(struct req *req)
{
    struct payment payment;

    TRY(payment_get(req->cx, req->params[0].id, &payment));
    return reply_json(req, 200, payment_fields, &payment);
}

enum err payment_get_of_order(struct req *req)
{
    struct order order;
    struct list rows;

    TRY(order_get(req->cx, req->params[0].id, &order));
    TRY(payments_of(req->cx, order.id, &rows)); /* At most PAYMENT_OF_ORDER_MAX: one page. */
    return reply_page(req, payment_fields, rows, sizeof(struct payment), (struct str){0});
}

enum err payment_post_cancel(struct req *req)
{
    struct payment payment;

    TRY(payment_get(req->cx, req->params[0].id, &payment));
    if (payment.state != PAYMENT_CREATED && payment.state != PAYMENT_PENDING)
        return fail(req->cx, ERR_CONFLICT, "illegal_transition",
                    "a payment that is %s cannot be cancelled", payment_states[payment.state]);
    TRY(payment_end(req->cx, &payment, PAYMENT_CANCELLED, STR("by_hand")));
    return reply_json(req, 200, payment_fields, &payment);
}

/* Held money goes back where it came from: a person decides. */
enum err payment_post_return(struct req *req)
{
    struct part_new in = {.kind = PART_HELD};
    struct payment payment;

    TRY(payment_get(req->cx, req->params[0].id, &payment));
    if (payment.state != PAYMENT_HELD)
        return fail(req->cx, ERR_CONFLICT, "illegal_transition",
                    "only held money is returned by hand; this payment is %s",
                    payment_states[payment.state]);
    in.amount_minor = payment.captured_minor;
    TRY(payment_part_start(req->cx, &payment, &in));
    TRY(payment_get(req->cx, payment.id, &payment));
    return reply_json(req, 200, payment_fields, &payment);
}

/* ---- Refunds ---- */

enum err payment_get_parts(struct req *req)
{
    const struct payment_page_query *query = req->query;
    int64_t after = 0, unused = 0;
    struct cx *cx = req->cx;
    struct payment payment;
    struct str next = {0};
    struct list rows;

    TRY(payment_get(cx, req->params[0].id, &payment));
    TRY(cursor_read(cx, query->page.cursor, &after, &unused));
    TRY(sql_all(cx, payment_part_fields, sizeof(struct payment_part), &rows,
                PART_COLUMNS " where payment_id = ?1 and id > ?2 order by id limit ?3",
                BIND(INT(payment.id), INT(after), INT(query->page.limit))));
    if ((int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct payment_part, rows.count - 1)->id, 0);
    return reply_page(req, payment_part_fields, rows, sizeof(struct payment_part), next);
}

/* The provider is asked again; it knows the part by its id, so it cannot return it twice. */
enum err payment_post_retry(struct req *req)
{
    struct payment_payout payout;
    struct payment_part part;
    struct payment payment;
    struct cx *cx = req->cx;
    bool found;

    TRY(payment_part_get(cx, req->params[1].id, &part));
    TRY(payment_get(cx, part.payment, &payment));
    if (payment.id != req->params[0].id)
        return fail(cx, ERR_NOT_FOUND, "no_such_refund", "this payment has no such refund");
    if (part.state != PART_FAILED)
        return fail(cx, ERR_CONFLICT, "illegal_transition",
                    "only a failed refund is tried again; this one is %s", part_states[part.state]);
    TRY(payment_payout_of(cx, part.id, &payout, &found));
    if (found && payout.state == PAYOUT_WAITING) {
        payout.state = PAYOUT_DROPPED;
        payout.decided_by = cx_actor(cx);
        payout.decided_ms = cx_now_ms(cx);
        TRY(row_put(cx, &payment_payout_table, &payout));
    }
    part.state = PART_REQUESTED;
    part.reason = STR("");
    TRY(payment_part_send(cx, &payment, &part));
    return reply_json(req, 200, payment_part_fields, &part);
}

/* ---- Payouts ---- */

enum err payment_get_payouts(struct req *req)
{
    const struct payment_payout_query *query = req->query;
    int64_t before = INT64_MAX, unused = 0;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct list rows;

    TRY(cursor_read(cx, query->page.cursor, &before, &unused));
    if (query->state)
        TRY(sql_all(
            cx, payment_payout_fields, sizeof(struct payment_payout), &rows,
            PAYOUT_COLUMNS " where id < ?1 and state = ?3 order by id desc limit ?2",
            BIND(INT(before), INT(query->page.limit), TEXT(str_of(payout_filter[query->state])))));
    else
        TRY(sql_all(cx, payment_payout_fields, sizeof(struct payment_payout), &rows,
                    PAYOUT_COLUMNS " where id < ?1 order by id desc limit ?2",
                    BIND(INT(before), INT(query->page.limit))));
    if ((int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct payment_payout, rows.count - 1)->id, 0);
    TRY(payment_show_notes(cx, rows));
    return reply_page(req, payment_payout_fields, rows, sizeof(struct payment_payout), next);
}

/* The payout, waiting, and not of the person who asks. */
static enum err decide(struct req *req, int state, struct payment_payout *payout)
{
    const struct payment_decision *in = req->body;
    struct payment payment;
    struct cx *cx = req->cx;
    bool found;

    *payout = (struct payment_payout){.id = req->params[0].id};
    TRY(row_find(cx, &payment_payout_table, payout, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_payout", "there is no such payout");
    if (payout->state != PAYOUT_WAITING)
        return fail(cx, ERR_CONFLICT, "illegal_transition", "this payout is %s already",
                    payout_states[payout->state]);
    if (str_eq(payout->requested_by, cx_actor(cx)))
        return fail(cx, ERR_FORBIDDEN, "second_person",
                    "who asked for the refund does not decide on its payout: somebody else must");
    payout->state = state;
    payout->decided_by = cx_actor(cx);
    payout->decided_ms = cx_now_ms(cx);
    TRY(payment_get(cx, payout->payment, &payment));
    TRY(payment_seal_note(cx, &payment, in->note, payout));
    TRY(row_put(cx, &payment_payout_table, payout));
    payout->note = person_mask(cx, in->note); /* The answer is stored. */
    return OK;
}

enum err payment_post_approve(struct req *req)
{
    struct payment_payout payout;
    struct payment_part part;

    TRY(decide(req, PAYOUT_APPROVED, &payout));
    TRY(payment_part_get(req->cx, payout.part, &part));
    TRY(payment_part_done(req->cx, &part, "payout", NULL));
    return reply_json(req, 200, payment_payout_fields, &payout);
}

enum err payment_post_reject(struct req *req)
{
    struct payment_payout payout;

    TRY(decide(req, PAYOUT_REJECTED, &payout));
    return reply_json(req, 200, payment_payout_fields, &payout);
}

/* ---- The ledger ---- */

enum err payment_get_entries(struct req *req)
{
    const struct payment_page_query *query = req->query;
    int64_t after = 0, unused = 0;
    struct cx *cx = req->cx;
    struct payment payment;
    struct str next = {0};
    struct list rows;

    TRY(payment_get(cx, req->params[0].id, &payment));
    TRY(cursor_read(cx, query->page.cursor, &after, &unused));
    TRY(sql_all(cx, payment_entry_fields, sizeof(struct payment_entry), &rows,
                "select id, kind, debit, credit, currency, amount_minor, debit_balance_minor,"
                " credit_balance_minor, payment_id, part_id, order_id, time_ms from payment_entry"
                " where payment_id = ?1 and id > ?2 order by id limit ?3",
                BIND(INT(payment.id), INT(after), INT(query->page.limit))));
    if ((int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct payment_entry, rows.count - 1)->id, 0);
    return reply_page(req, payment_entry_fields, rows, sizeof(struct payment_entry), next);
}

/* ---- Reconciliations ---- */

const struct field reconciliation_new_fields[] = {
    F(reconciliation_new, date, .flags = FIELD_REQUIRED, .min = 10, .max = 10,
      .doc = "2026-01-31: a day of the provider's, in UTC."),
    F(reconciliation_new, provider, .flags = FIELD_REQUIRED, .min = 1,
      .max = PAYMENT_PROVIDER_LEN_MAX),
    F_END};

const struct field reconciliation_day_fields[] = {
    F_OBJECT(reconciliation_day, reconciliation, reconciliation_fields),
    F_LIST(reconciliation_day, differences, payment_difference, payment_difference_fields,
           .doc = "At most 1000."),
    F_END};

static enum err read_day(struct cx *cx, struct str text, int64_t *day_ms)
{
    struct str time = cx_printf(cx, STR_FMT "T00:00:00Z", STR_ARG(text));

    if (text.len == 10 && time_parse(time, day_ms))
        return OK;
    return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/date", "date: a day like 2026-01-31");
}

enum err reconciliation_post(struct req *req)
{
    const struct reconciliation_new *in = req->body;
    const struct payment_provider *provider = payment_provider(in->provider);
    struct reconciliation rec;
    struct cx *cx = req->cx;
    int64_t day_ms;

    TRY(read_day(cx, in->date, &day_ms));
    if (day_ms > cx_now_ms(cx))
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/date", "date: that day has not begun");
    if (!provider || !provider->statement)
        return fail_at(cx, ERR_BAD_INPUT, "no_such_provider", "/provider",
                       "provider: none of this name gives statements");
    TRY(reconciliation_start(cx, in->provider, day_ms, &rec));
    return reply_json(req, 202, reconciliation_fields, &rec);
}

enum err reconciliation_get_list(struct req *req)
{
    const struct payment_page_query *query = req->query;
    int64_t before_ms = INT64_MAX, before = INT64_MAX;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct list rows;

    TRY(cursor_read(cx, query->page.cursor, &before_ms, &before));
    TRY(sql_all(cx, reconciliation_fields, sizeof(struct reconciliation), &rows,
                RECONCILIATION_COLUMNS " where day_ms < ?1 or (day_ms = ?1 and id < ?2)"
                                       " order by day_ms desc, id desc limit ?3",
                BIND(INT(before_ms), INT(before), INT(query->page.limit))));
    if ((int64_t)rows.count == query->page.limit) {
        const struct reconciliation *last = LIST_AT(rows, struct reconciliation, rows.count - 1);

        next = cursor_make(cx, last->day_ms, last->id);
    }
    return reply_page(req, reconciliation_fields, rows, sizeof(struct reconciliation), next);
}

enum err reconciliation_get_day(struct req *req)
{
    struct reconciliation_day *days;
    struct cx *cx = req->cx;
    struct list rows;
    int64_t day_ms;

    TRY(read_day(cx, req->params[0].text, &day_ms));
    TRY(sql_all(cx, reconciliation_fields, sizeof(struct reconciliation), &rows,
                RECONCILIATION_COLUMNS " where day_ms = ?1 order by id", BIND(INT(day_ms))));
    days = CX_ARRAY(cx, struct reconciliation_day, rows.count + 1);
    for (size_t k = 0; k < rows.count; k++) {
        days[k].reconciliation = *LIST_AT(rows, struct reconciliation, k);
        TRY(reconciliation_differences(cx, days[k].reconciliation.id, &days[k].differences));
    }
    return reply_page(req, reconciliation_day_fields, (struct list){days, rows.count},
                      sizeof(struct reconciliation_day), (struct str){0});
}
