/*
 * order.c - rows, states, money counters; the table of the module.
 */
#include "modules/order/order_priv.h"

const char *const order_states[] = {"pending_payment", "paid",    "fulfilling", "completed",
                                    "cancelled",       "expired", NULL};
const char *const order_kinds[] = {"sale", "exchange", "reship", NULL};

struct setting order_pay_within_ms = {
    "order.pay_within_ms", "ms", "How long an order waits for payment.", 1000, 30 * DAY_MS,
    30 * MINUTE_MS,        0};

static struct metric placed_total = {"order_placed_total", "orders", "Orders placed.", 0};
static struct metric paid_total = {"order_paid_total", "orders", "Orders paid in full.", 0};
static struct metric expired_total = {"order_expired_total", "orders", "Orders not paid.", 0};

const struct field order_fields[] = {F_ID(order, id, "ord"),
                                     F(order, user, .column = "user_id"),
                                     F_ENUM(order, kind, order_kinds),
                                     F_ENUM(order, state, order_states),
                                     F(order, currency),
                                     F(order, goods_minor),
                                     F(order, discount_minor),
                                     F(order, shipping_minor),
                                     F(order, tax_minor),
                                     F(order, total_minor),
                                     F(order, paid_minor),
                                     F(order, refunded_minor),
                                     F(order, channel),
                                     F(order, channel_order),
                                     F(order, channel_identity),
                                     F(order, channel_cipher),
                                     F(order, channel_country),
                                     F(order, channel_time_ms),
                                     F_ID(order, parent, "ord"),
                                     F_ID(order, guest, "ord"),
                                     F(order, address),
                                     F(order, labelled),
                                     F(order, line_count, .column = "lines"),
                                     F(order, created_ms),
                                     F(order, expires_ms),
                                     F(order, paid_ms),
                                     F(order, ended_ms),
                                     F_END};
const struct table order_table = TABLE("orders", order, order_fields, 1);

const struct field order_line_fields[] = {F_ID(order_line, order, "ord", .column = "order_id"),
                                          F(order_line, line),
                                          F_ID(order_line, sku, "sku"),
                                          F(order_line, code),
                                          F(order_line, title),
                                          F_ENUM(order_line, kind, catalog_kinds),
                                          F(order_line, category),
                                          F(order_line, entity),
                                          F(order_line, location),
                                          F(order_line, beneficiary),
                                          F(order_line, quantity),
                                          F(order_line, unit_minor),
                                          F(order_line, discount_minor),
                                          F(order_line, total_minor),
                                          F(order_line, tax_ppm),
                                          F(order_line, tax_minor),
                                          F(order_line, gift_minor),
                                          F(order_line, refunded_count),
                                          F(order_line, refunded_minor),
                                          F_END};
const struct table order_line_table = TABLE("order_line", order_line, order_line_fields, 2);

static const struct field channel_fields[] = {
    F(order_channel_row, channel), F(order_channel_row, channel_order),
    F_ID(order_channel_row, order, "ord", .column = "order_id"), F_END};
const struct table order_channel_table =
    TABLE("order_channel", order_channel_row, channel_fields, 2);

const struct field order_note_fields[] = {F_ID(order_note, id, "note"),
                                          F_ID(order_note, order, "ord", .column = "order_id"),
                                          F(order_note, actor),
                                          F(order_note, note),
                                          F_TIME(order_note, time_ms, "time"),
                                          F_END};
const struct table order_note_table = TABLE("order_note", order_note, order_note_fields, 1);

const struct field order_event_fields[] = {
    F_ID(order_event, order, "ord"),
    F(order_event, user, .doc = "Who pays; empty for a guest."),
    F_MONEY(order_event, total_minor, currency, "total"),
    F_MONEY(order_event, paid_minor, currency, "paid"),
    F_ENUM(order_event, state, order_states),
    F_ID(order_event, parent, "ord", .flags = FIELD_OMIT, .doc = "Of an exchange, re-shipment."),
    F_END};

/* ---- Reading ---- */

enum err order_get(struct cx *cx, int64_t id, struct order *out)
{
    bool found;

    *out = (struct order){.id = id};
    TRY(row_find(cx, &order_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_order", "there is no order " STR_FMT,
                    STR_ARG(order_key(cx, id)));
    return OK;
}

enum err order_lines(struct cx *cx, const struct order *order, struct list *out)
{
    TRY(sql_all(cx, order_line_fields, sizeof(struct order_line), out,
                "select order_id, line, sku, code, title, kind, category, entity, location,"
                " beneficiary, quantity, unit_minor, discount_minor, total_minor, tax_ppm,"
                " tax_minor, gift_minor, refunded_count, refunded_minor"
                " from order_line where order_id = ?1 order by line",
                BIND(INT(order->id))));
    for (size_t k = 0; k < out->count; k++)
        LIST_AT(*out, struct order_line, k)->currency = order->currency;
    return OK;
}

struct str order_key(struct cx *cx, int64_t id)
{
    return cx_id_text(cx, "ord", id);
}

struct str order_person(struct cx *cx, const struct order *order)
{
    if (order->user.len > 0)
        return order->user;
    return order_key(cx, order->guest ? order->guest : order->id);
}

/* ---- States ---- */

struct transition {
    int from, to;
    const char *event;
};
static const struct transition transitions[] = {
    {ORDER_PENDING_PAYMENT, ORDER_PAID, "order.paid"},
    {ORDER_PENDING_PAYMENT, ORDER_CANCELLED, "order.cancelled"},
    {ORDER_PENDING_PAYMENT, ORDER_EXPIRED, "order.expired"},
    {ORDER_PAID, ORDER_FULFILLING, "order.fulfilling"},
    {ORDER_PAID, ORDER_COMPLETED, "order.completed"},
    {ORDER_FULFILLING, ORDER_COMPLETED, "order.completed"},
};

enum err order_put_event(struct cx *cx, const char *type, const struct order *order)
{
    struct order_event event = {.order = order->id,
                                .user = order->user,
                                .currency = order->currency,
                                .total_minor = order->total_minor,
                                .paid_minor = order->paid_minor,
                                .state = order->state,
                                .parent = order->parent};

    return event_put(cx, type, order_key(cx, order->id), order_event_fields, &event);
}

enum err order_announce(struct cx *cx, const struct order *order)
{
    metric_add(cx, &placed_total, 1);
    return order_put_event(cx, "order.placed", order);
}

enum err order_move(struct cx *cx, struct order *order, int state)
{
    for (size_t k = 0; k < sizeof(transitions) / sizeof(transitions[0]); k++) {
        if (transitions[k].from != order->state || transitions[k].to != state)
            continue;
        order->state = state;
        if (state == ORDER_PAID)
            order->paid_ms = cx_now_ms(cx);
        if (state == ORDER_COMPLETED || state == ORDER_CANCELLED || state == ORDER_EXPIRED)
            order->ended_ms = cx_now_ms(cx);
        TRY(row_put(cx, &order_table, order));
        TRY(order_put_event(cx, transitions[k].event, order));
        return order_get(cx, order->id, order); /* As the reactions left it. */
    }
    fail_record(cx, ERR_CONFLICT, "illegal_transition", "an order that is %s cannot become %s",
                order_states[order->state], order_states[state]);
    fail_member(cx, "from", str_of(order_states[order->state]));
    fail_member(cx, "to", str_of(order_states[state]));
    return ERR_CONFLICT;
}

enum err order_pay(struct cx *cx, struct order *order, int64_t amount_minor)
{
    assert(amount_minor > 0 || order->total_minor == 0);
    if (order->state != ORDER_PENDING_PAYMENT)
        return order_move(cx, order, ORDER_PAID); /* Refused, naming the states. */
    order->paid_minor += amount_minor;
    if (order->paid_minor < order->total_minor) {
        TRY(row_put(cx, &order_table, order));
        return order_put_event(cx, "order.partly_paid", order);
    }
    TRY(timer_cancel(cx, "order.expire", order->id, order->expires_ms));
    TRY(stock_hand_over(cx, order->id));
    metric_add(cx, &paid_total, 1);
    return order_move(cx, order, ORDER_PAID);
}

enum err order_expire(struct cx *cx, int64_t key, int64_t due_ms)
{
    struct order order;

    (void)due_ms;
    TRY(order_get(cx, key, &order));
    if (order.state != ORDER_PENDING_PAYMENT)
        return OK; /* Paid or cancelled in the meantime. */
    TRY(stock_release(cx, order.id));
    TRY(stock_plan_drop(cx, order.id));
    metric_add(cx, &expired_total, 1);
    return order_move(cx, &order, ORDER_EXPIRED);
}

enum err order_overdue(struct cx *cx, struct order *order)
{
    if (order->state != ORDER_PENDING_PAYMENT || order->expires_ms > cx_now_ms(cx))
        return OK;
    TRY(timer_cancel(cx, "order.expire", order->id, order->expires_ms));
    TRY(order_expire(cx, order->id, order->expires_ms));
    return order_get(cx, order->id, order);
}

enum err order_fulfilling(struct cx *cx, struct order *order)
{
    return order->state == ORDER_PAID ? order_move(cx, order, ORDER_FULFILLING) : OK;
}

enum err order_complete(struct cx *cx, struct order *order)
{
    return order->state == ORDER_COMPLETED ? OK : order_move(cx, order, ORDER_COMPLETED);
}

enum err order_labelled(struct cx *cx, struct order *order)
{
    if (order->labelled)
        return OK;
    order->labelled = 1;
    return row_put(cx, &order_table, order);
}

/* ---- After-sale counters ---- */

/* Of the first count units: the even split gives the first total mod quantity units one more. */
static int64_t first_units(const struct order_line *line, int64_t count)
{
    int64_t base = line->total_minor / line->quantity;
    int64_t more = line->total_minor % line->quantity;

    return base * count + (count < more ? count : more);
}

int64_t order_line_share(const struct order_line *line, int64_t count)
{
    assert(count > 0);
    assert(count <= line->quantity - line->refunded_count);
    return first_units(line, line->refunded_count + count) -
           first_units(line, line->refunded_count);
}

enum err order_refund_line(struct cx *cx, struct order *order, struct order_line *line,
                           int64_t count, int64_t amount_minor)
{
    if (count > line->quantity - line->refunded_count ||
        amount_minor > line->total_minor - line->refunded_minor ||
        amount_minor > order->paid_minor - order->refunded_minor)
        return fail(cx, ERR_CONFLICT, "refund_exceeds",
                    "line %" PRId64 ": %" PRId64 " of %" PRId64
                    " units are refunded already, and never more than was paid",
                    line->line, line->refunded_count, line->quantity);
    line->refunded_count += count;
    line->refunded_minor += amount_minor;
    order->refunded_minor += amount_minor;
    TRY(row_put(cx, &order_line_table, line));
    return row_put(cx, &order_table, order);
}

enum err order_refund_rest(struct cx *cx, struct order *order, int64_t amount_minor)
{
    if (amount_minor > order->paid_minor - order->refunded_minor)
        return fail(cx, ERR_CONFLICT, "refund_exceeds",
                    "%" PRId64 " of %" PRId64 " paid are refunded already", order->refunded_minor,
                    order->paid_minor);
    order->refunded_minor += amount_minor;
    return row_put(cx, &order_table, order);
}

const struct module order_module = {
    .name = "order",
    .needs = NEEDS("catalog", "stock"),
    .schema = order_schema,
    .routes = ROUTES(
        {"POST", "/v1/quotes", order_post_quote, TX_READ, "order:read",
         BODY(order_new, order_new_fields), .reply = order_quote_view_fields, .status = 200,
         .priority = PRIORITY_NORMAL, .doc = "What an order would come to, line by line."},
        {"POST", "/v1/orders", order_post, TX_WRITE, "order:write",
         BODY(order_new, order_new_fields), .reply = order_view_fields, .warm = order_post_warm,
         .priority = PRIORITY_NORMAL, .doc = "Place an order: reserves stock until expires_at."},
        {"GET", "/v1/orders", order_get_list, TX_READ, "order:read",
         QUERY(order_list_query, order_list_query_fields), .reply = order_view_fields, .page = true,
         .doc = "Orders by user, state and time, newest first."},
        {"GET", "/v1/orders/{id:ord}", order_get_one, TX_READ, "order:read",
         .reply = order_view_fields, .doc = "One order with its lines."},
        {"POST", "/v1/orders/{id:ord}/cancel", order_post_cancel, TX_WRITE, "order:write",
         .reply = order_view_fields, .status = 200, .priority = PRIORITY_NORMAL,
         .doc = "Cancel an unpaid order; its stock is free at once."},
        {"POST", "/v1/orders/{id:ord}/claim", order_post_claim, TX_WRITE, "order:write",
         BODY(order_claim_new, order_claim_new_fields), .reply = order_view_fields, .status = 200,
         .priority = PRIORITY_NORMAL, .doc = "Give a channel's or guest's order to a user."},
        {"PUT", "/v1/orders/{id:ord}/address", order_put_address, TX_WRITE, "order:write",
         BODY(order_address_new, order_address_new_fields), .reply = order_view_fields,
         .priority = PRIORITY_NORMAL, .doc = "Change the address until a parcel is labelled."},
        {"POST", "/v1/orders/{id:ord}/notes", order_post_note, TX_WRITE, "order:write",
         BODY(order_note_new, order_note_new_fields), .reply = order_note_fields,
         .priority = PRIORITY_NORMAL, .doc = "Write a note to the order."},
        {"GET", "/v1/orders/{id:ord}/notes", order_get_notes, TX_READ, "order:read",
         QUERY(order_timeline_query, order_timeline_query_fields), .reply = order_note_fields,
         .page = true, .doc = "Its notes, oldest first."},
        {"GET", "/v1/orders/{id:ord}/timeline", order_get_timeline, TX_READ, "order:read",
         QUERY(order_timeline_query, order_timeline_query_fields), .reply = order_timeline_fields,
         .page = true, .doc = "What every module did about it, in order."},
        {"POST", "/v1/reports/channel", order_post_report, TX_READ, "order:read",
         BODY(order_report_query, order_report_query_fields), .reply = order_report_fields,
         .page = true, .status = 200, .priority = PRIORITY_NORMAL,
         .doc = "What these orders of a channel came to, by country, month, SKU or state."}),
    .scopes = SCOPES({"order:price", "Say the price of a line."},
                     {"order:adjust", "Give discounts that were decided elsewhere."}),
    .produces = PRODUCES({"order.placed", order_event_fields, "Placed; its stock is reserved."},
                         {"order.partly_paid", order_event_fields, "A part of the total came in."},
                         {"order.paid", order_event_fields, "All of the total came in."},
                         {"order.fulfilling", order_event_fields, "Delivery began."},
                         {"order.completed", order_event_fields, "All is delivered."},
                         {"order.cancelled", order_event_fields, "Cancelled before payment."},
                         {"order.expired", order_event_fields, "Not paid in time."},
                         {"order.claimed", order_event_fields, "Got its user."},
                         {"order.address_changed", order_event_fields, "Goes elsewhere."}),
    .timers = TIMERS({"order.expire", order_expire, "An unpaid order has had its time."}),
    .settings =
        SETTINGS(&order_pay_within_ms, &order_shipping_fee_minor, &order_shipping_free_minor,
                 &order_prepaid_days_max, &order_prepaid_minor_max, &order_guardian_consent),
    .metrics = METRICS(&placed_total, &paid_total, &expired_total),
    .person_export = order_person_export,
    .person_erase = order_person_erase,
    .patrols = PATROLS({"order.amounts", order_check, "Orders add up to their lines."}),
};
