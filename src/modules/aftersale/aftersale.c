/*
 * aftersale.c - rows, states, the patrol; the table of the module.
 */
#include "modules/aftersale/aftersale_priv.h"

const char *const aftersale_states[] = {"waiting", "refunding", "refunded",
                                        "failed",  "rejected",  NULL};
struct setting aftersale_reships_max = {
    "aftersale.reships_max", "times", "How often a piece may be sent once more.", 0, 100, 3, 0};

const char *const aftersale_shippings[] = {"unshipped", "refund", "keep", NULL};

struct setting aftersale_approval_from_minor = {
    "aftersale.approval_from_minor",
    "minor units",
    "Refunds of at least this much wait for a second person; 0: none waits.",
    0,
    MONEY_MINOR_MAX,
    0,
    0};

struct metric aftersale_requested_total = {"aftersale_requested_total", "refunds",
                                           "Refunds asked for.", 0};
struct metric aftersale_refunded_total = {"aftersale_refunded_total", "refunds",
                                          "Refunds whose money is back.", 0};

const struct field aftersale_refund_fields[] = {
    F_ID(aftersale_refund, id, PAYMENT_REFUND_PREFIX),
    F_ID(aftersale_refund, order, "ord", .column = "order_id"),
    F_ENUM(aftersale_refund, state, aftersale_states),
    F(aftersale_refund, reference),
    F(aftersale_refund, reason),
    F(aftersale_refund, currency),
    F(aftersale_refund, goods_minor),
    F(aftersale_refund, shipping_minor),
    F(aftersale_refund, amount_minor),
    F_ENUM(aftersale_refund, shipping, aftersale_shippings),
    F(aftersale_refund, restock),
    F(aftersale_refund, requested_by),
    F(aftersale_refund, decided_by),
    F(aftersale_refund, note),
    F(aftersale_refund, failure),
    F(aftersale_refund, at_ms),
    F(aftersale_refund, created_ms),
    F(aftersale_refund, decided_ms),
    F(aftersale_refund, ended_ms),
    F_END};
const struct table aftersale_refund_table =
    TABLE("aftersale_refund", aftersale_refund, aftersale_refund_fields, 1);

static const struct field line_fields[] = {
    F_ID(aftersale_line, refund, PAYMENT_REFUND_PREFIX, .column = "refund_id"),
    F(aftersale_line, line),
    F(aftersale_line, quantity),
    F(aftersale_line, amount_minor),
    F(aftersale_line, clawed),
    F_END};
const struct table aftersale_line_table =
    TABLE("aftersale_refund_line", aftersale_line, line_fields, 2);

static const struct field part_fields[] = {F(aftersale_part, line), F(aftersale_part, quantity),
                                           F_END};
const struct field aftersale_event_fields[] = {
    F_ID(aftersale_event, refund, PAYMENT_REFUND_PREFIX, .flags = FIELD_OMIT),
    F_ID(aftersale_event, order, "ord"),
    F_MONEY(aftersale_event, amount_minor, currency, "amount"),
    F(aftersale_event, reason),
    F(aftersale_event, restock, .doc = "Delivered pieces come back to stock."),
    F_LIST(aftersale_event, lines, aftersale_part, part_fields, .max = ORDER_LINES_MAX,
           .doc = "Units that were given back."),
    F_ID(aftersale_event, linked, "ord", .flags = FIELD_OMIT,
         .doc = "The order that sends the replacement."),
    F_END};

/* ---- Rows ---- */

enum err aftersale_get(struct cx *cx, int64_t id, struct aftersale_refund *out)
{
    bool found;

    *out = (struct aftersale_refund){.id = id};
    TRY(row_find(cx, &aftersale_refund_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_refund", "there is no refund " STR_FMT,
                    STR_ARG(cx_id_text(cx, PAYMENT_REFUND_PREFIX, id)));
    return OK;
}

enum err aftersale_lines(struct cx *cx, struct aftersale_refund *refund)
{
    TRY(sql_all(cx, line_fields, sizeof(struct aftersale_line), &refund->lines,
                "select refund_id, line, quantity, amount_minor, clawed from aftersale_refund_line"
                " where refund_id = ?1 order by line",
                BIND(INT(refund->id))));
    for (size_t k = 0; k < refund->lines.count; k++)
        LIST_AT(refund->lines, struct aftersale_line, k)->currency = refund->currency;
    return OK;
}

enum err aftersale_put_event(struct cx *cx, const char *type, const struct aftersale_refund *refund)
{
    struct aftersale_event event = {.refund = refund->id,
                                    .order = refund->order,
                                    .currency = refund->currency,
                                    .reason = refund->reason,
                                    .amount_minor = refund->amount_minor,
                                    .restock = refund->restock};
    struct aftersale_part *parts = CX_ARRAY(cx, struct aftersale_part, refund->lines.count + 1);

    for (size_t k = 0; k < refund->lines.count; k++) {
        const struct aftersale_line *line = LIST_AT(refund->lines, struct aftersale_line, k);

        if (line->quantity > 0)
            parts[event.lines.count++] = (struct aftersale_part){line->line, line->quantity};
    }
    event.lines.items = parts;
    return event_put(cx, type, order_key(cx, refund->order), aftersale_event_fields, &event);
}

enum err aftersale_check_paid(struct cx *cx, const struct order *order)
{
    if (order->state == ORDER_PAID || order->state == ORDER_FULFILLING ||
        order->state == ORDER_COMPLETED)
        return OK;
    fail_record(cx, ERR_CONFLICT, "not_paid",
                "an order that is %s has nothing to give back; cancel it while it is unpaid",
                order_states[order->state]);
    fail_member(cx, "order_state", str_of(order_states[order->state]));
    return ERR_CONFLICT;
}

/* ---- Patrol ---- */

struct sums {
    int64_t id, goods_minor, shipping_minor, amount_minor, lines_minor;
};
static const struct field sums_fields[] = {F_ID(sums, id, PAYMENT_REFUND_PREFIX),
                                           F(sums, goods_minor),
                                           F(sums, shipping_minor),
                                           F(sums, amount_minor),
                                           F(sums, lines_minor),
                                           F_END};

static void check_sums(struct cx *cx, struct patrol_report *report, const struct sums *row)
{
    report->movements++;
    if (row->lines_minor == row->goods_minor &&
        row->amount_minor == row->goods_minor + row->shipping_minor)
        return;
    report->found++;
    json_object(report->findings);
    json_member_text(report->findings, "kind", STR("refund_amounts"));
    json_member_text(report->findings, "refund", cx_id_text(cx, PAYMENT_REFUND_PREFIX, row->id));
    json_member_int(report->findings, "amount", row->amount_minor);
    json_member_int(report->findings, "lines", row->lines_minor);
    json_object_end(report->findings);
}

/* In slices: no statement of a patrol reads the whole table. */
static enum err check_slice(struct cx *cx, struct patrol_report *report, int64_t *after, bool *more)
{
    enum { SLICE_ROWS = 2000 };
    struct list rows;

    TRY(sql_all(cx, sums_fields, sizeof(struct sums), &rows,
                "select r.id, r.goods_minor, r.shipping_minor, r.amount_minor,"
                " (select cast(coalesce(sum(l.amount_minor), 0) as bigint)"
                " from aftersale_refund_line l where l.refund_id = r.id) as lines_minor"
                " from aftersale_refund r where r.id > ?1 order by r.id limit ?2",
                BIND(INT(*after), INT(SLICE_ROWS))));
    for (size_t k = 0; k < rows.count; k++)
        check_sums(cx, report, LIST_AT(rows, struct sums, k));
    *more = rows.count == SLICE_ROWS;
    if (rows.count > 0)
        *after = LIST_AT(rows, struct sums, rows.count - 1)->id;
    return OK;
}

static enum err check_amounts(struct cx *cx, struct patrol_report *report)
{
    int64_t after = 0;
    bool more = true;

    while (more)
        TRY(check_slice(cx, report, &after, &more));
    return OK;
}

const struct module aftersale_module = {
    .name = "aftersale",
    .needs = NEEDS("catalog", "order", "payment"),
    .schema = aftersale_schema,
    .routes = ROUTES(
        {"POST", "/v1/orders/{id:ord}/refunds", aftersale_post, TX_WRITE, "aftersale:write",
         BODY(aftersale_refund_new, aftersale_refund_new_fields),
         .reply = aftersale_refund_view_fields, .priority = PRIORITY_NORMAL,
         .doc = "Give back units of lines, at their frozen share; without lines, all that is "
                "left. Large ones wait for a second person."},
        {"GET", "/v1/orders/{id:ord}/refunds", aftersale_get_of_order, TX_READ, "aftersale:read",
         QUERY(aftersale_page_query, aftersale_page_query_fields),
         .reply = aftersale_refund_view_fields, .page = true,
         .doc = "Its refunds with their lines, oldest first."},
        {"GET", "/v1/refunds", aftersale_get_list, TX_READ, "aftersale:read",
         QUERY(aftersale_list_query, aftersale_list_query_fields),
         .reply = aftersale_refund_view_fields, .page = true,
         .doc = "Refunds by state or reference, newest first."},
        {"GET", "/v1/refunds/{id:" PAYMENT_REFUND_PREFIX "}", aftersale_get_one, TX_READ,
         "aftersale:read", .reply = aftersale_refund_view_fields,
         .doc = "One refund with its lines."},
        {"POST", "/v1/refunds/{id:" PAYMENT_REFUND_PREFIX "}/approve", aftersale_post_approve,
         TX_WRITE, "aftersale:approve", BODY(aftersale_decision, aftersale_decision_fields),
         .reply = aftersale_refund_view_fields, .status = 200, .flags = ROUTE_AUDIT,
         .priority = PRIORITY_NORMAL, .doc = "A second person agrees: the money goes."},
        {"POST", "/v1/refunds/{id:" PAYMENT_REFUND_PREFIX "}/reject", aftersale_post_reject,
         TX_WRITE, "aftersale:approve", BODY(aftersale_decision, aftersale_decision_fields),
         .reply = aftersale_refund_view_fields, .status = 200, .flags = ROUTE_AUDIT,
         .priority = PRIORITY_NORMAL, .doc = "A second person refuses: nothing has moved."},
        {"POST", "/v1/orders/{id:ord}/exchanges", aftersale_post_exchange, TX_WRITE,
         "aftersale:write", BODY(aftersale_linked_new, aftersale_exchange_new_fields),
         .reply = aftersale_linked_reply_fields, .priority = PRIORITY_NORMAL,
         .doc = "Take units back and send another SKU of the same product, as a linked order."},
        {"POST", "/v1/orders/{id:ord}/reshipments", aftersale_post_reship, TX_WRITE,
         "aftersale:write", BODY(aftersale_linked_new, aftersale_reship_new_fields),
         .reply = aftersale_linked_reply_fields, .priority = PRIORITY_NORMAL,
         .doc = "Send units once more, as a linked order."},
        {"GET", "/v1/orders/{id:ord}/linked", aftersale_get_linked, TX_READ, "aftersale:read",
         QUERY(aftersale_page_query, aftersale_page_query_fields), .reply = aftersale_linked_fields,
         .page = true, .doc = "What was exchanged or sent once more, oldest first."}),
    .scopes = SCOPES({"aftersale:import", "Say when a refund was made, in the past."}),
    .reacts = REACTS({"payment.refunded", aftersale_payment_refunded},
                     {"payment.refund_failed", aftersale_payment_failed}),
    .produces = PRODUCES(
        {"aftersale.refund_requested", aftersale_event_fields, "Waits for a second person."},
        {"aftersale.refund_approved", aftersale_event_fields, "Its money is on its way."},
        {"aftersale.refund_rejected", aftersale_event_fields, "A second person refused."},
        {"aftersale.refunded", aftersale_event_fields, "All of its money is back."},
        {"aftersale.refund_failed", aftersale_event_fields, "A provider refused: see payouts."},
        {"aftersale.exchanged", aftersale_event_fields, "Units came back for others."},
        {"aftersale.reshipped", aftersale_event_fields, "Units are sent once more."}),
    .settings = SETTINGS(&aftersale_approval_from_minor, &aftersale_reships_max),
    .metrics = METRICS(&aftersale_requested_total, &aftersale_refunded_total),
    .patrols = PATROLS({"aftersale.amounts", check_amounts, "Refunds add up to their lines."}),
};
