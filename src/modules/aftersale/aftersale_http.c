/*
 * aftersale_http.c - bodies, replies and handlers of refunds.
 */
#include "modules/aftersale/aftersale_priv.h"

/* ---- Bodies and queries ---- */

static const struct field part_new_fields[] = {
    F(aftersale_part, line, .flags = FIELD_REQUIRED, .min = 0, .max = ORDER_LINES_MAX - 1,
      .doc = "As the order numbers its lines, from 0."),
    F(aftersale_part, quantity, .flags = FIELD_REQUIRED, .min = 1, .max = ORDER_QUANTITY_MAX),
    F_END};

const struct field aftersale_refund_new_fields[] = {
    F_LIST(aftersale_refund_new, lines, aftersale_part, part_new_fields, .min = 1,
           .max = ORDER_LINES_MAX, .doc = "Units to give back; all that is left when left out."),
    F(aftersale_refund_new, reason, .flags = FIELD_REQUIRED, .min = 1,
      .max = AFTERSALE_REASON_LEN_MAX, .doc = "Why; names nobody."),
    F(aftersale_refund_new, restock,
      .doc = "Delivered pieces come back to stock; what is not delivered always does."),
    F_ENUM(aftersale_refund_new, shipping, aftersale_shippings,
           .doc = "Whether the shipping fee is given back; unshipped: when nothing is left of the "
                  "order and no parcel was labelled."),
    F(aftersale_refund_new, reference, .min = 1, .max = AFTERSALE_REFERENCE_LEN_MAX,
      .doc = "The asker's name for it, taken once for an order."),
    F_TIME(aftersale_refund_new, at_ms, "at",
           .doc = "When it happened, for an import (scope aftersale:import)."),
    F_END};

const struct field aftersale_decision_fields[] = {
    F(aftersale_decision, note, .flags = FIELD_REQUIRED, .min = 1, .max = AFTERSALE_REASON_LEN_MAX),
    F_END};

static const char *const state_filter[] = {"any",    "waiting",  "refunding", "refunded",
                                           "failed", "rejected", NULL};
const struct field aftersale_list_query_fields[] = {
    PAGE_FIELDS(aftersale_list_query), F_ENUM(aftersale_list_query, state, state_filter),
    F(aftersale_list_query, reference, .min = 1, .max = AFTERSALE_REFERENCE_LEN_MAX), F_END};
const struct field aftersale_page_query_fields[] = {PAGE_FIELDS(aftersale_page_query), F_END};

/* ---- Replies ---- */

static const struct field line_view_fields[] = {
    F(aftersale_line, line), F(aftersale_line, quantity),
    F_MONEY(aftersale_line, amount_minor, currency, "amount", .flags = FIELD_SIGNED,
            .doc = "Negative: a gift that stays, clawed back."),
    F_END};

const struct field aftersale_refund_view_fields[] = {
    F_ID(aftersale_refund, id, PAYMENT_REFUND_PREFIX),
    F_ID(aftersale_refund, order, "ord"),
    F_ENUM(aftersale_refund, state, aftersale_states),
    F_MONEY(aftersale_refund, amount_minor, currency, "amount"),
    F_MONEY(aftersale_refund, goods_minor, currency, "goods"),
    F_MONEY(aftersale_refund, shipping_minor, currency, "shipping"),
    F(aftersale_refund, restock),
    F(aftersale_refund, reason),
    F(aftersale_refund, reference),
    F(aftersale_refund, failure, .doc = "What the provider said, while it has failed."),
    F(aftersale_refund, requested_by),
    F(aftersale_refund, decided_by),
    F(aftersale_refund, note),
    F_TIME(aftersale_refund, at_ms, "at"),
    F_TIME(aftersale_refund, created_ms, "created_at"),
    F_TIME(aftersale_refund, decided_ms, "decided_at"),
    F_TIME(aftersale_refund, ended_ms, "ended_at"),
    F_LIST(aftersale_refund, lines, aftersale_line, line_view_fields, .max = ORDER_LINES_MAX),
    F_END};

static enum err reply_refund(struct req *req, int status, const struct aftersale_refund *refund)
{
    return reply_json(req, status, aftersale_refund_view_fields, refund);
}

static enum err reply_refunds(struct req *req, struct list rows, int64_t limit)
{
    struct str next = {0};

    if ((int64_t)rows.count > limit) {
        rows.count = (size_t)limit;
        next = cursor_make(req->cx, LIST_AT(rows, struct aftersale_refund, rows.count - 1)->id, 0);
    }
    for (size_t k = 0; k < rows.count; k++)
        TRY(aftersale_lines(req->cx, LIST_AT(rows, struct aftersale_refund, k)));
    return reply_page(req, aftersale_refund_view_fields, rows, sizeof(struct aftersale_refund),
                      next);
}

/* ---- Asking ---- */

static enum err take_reference(struct cx *cx, const struct aftersale_refund *refund)
{
    static const struct field fields[] = {F(aftersale_refund, reference),
                                          F(aftersale_refund, order, .column = "order_id"),
                                          F(aftersale_refund, id, .column = "refund_id"), F_END};
    static const struct table table = TABLE("aftersale_reference", aftersale_refund, fields, 2);
    struct aftersale_refund row = *refund;
    bool found;

    if (refund->reference.len == 0)
        return OK;
    TRY(row_find(cx, &table, &row, &found));
    if (found) {
        fail_record(cx, ERR_CONFLICT, "reference_exists", "this refund was taken already");
        fail_member(cx, "refund", cx_id_text(cx, PAYMENT_REFUND_PREFIX, row.id));
        return ERR_CONFLICT;
    }
    return row_add(cx, &table, refund);
}

static enum err check_time(struct cx *cx, int64_t at_ms)
{
    if (at_ms == 0)
        return OK;
    if (!cx_has_scope(cx, "aftersale:import"))
        return fail(cx, ERR_FORBIDDEN, "scope_missing",
                    "at: this key lacks the scope aftersale:import");
    if (at_ms > cx_now_ms(cx))
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/at", "at: lies in the future");
    return OK;
}

static enum err wait(struct cx *cx, struct aftersale_refund *refund)
{
    refund->state = REFUND_WAITING;
    TRY(row_add(cx, &aftersale_refund_table, refund));
    for (size_t k = 0; k < refund->lines.count; k++)
        TRY(row_put(cx, &aftersale_line_table, LIST_AT(refund->lines, struct aftersale_line, k)));
    return aftersale_put_event(cx, "aftersale.refund_requested", refund);
}

enum err aftersale_post(struct req *req)
{
    const struct aftersale_refund_new *in = req->body;
    struct cx *cx = req->cx;
    int64_t approval_minor = setting_get(cx, &aftersale_approval_from_minor);
    struct aftersale_refund refund = {.id = cx_new_id(cx),
                                      .order = req->params[0].id,
                                      .reference = in->reference.ptr ? in->reference : STR(""),
                                      .reason = in->reason,
                                      .shipping = in->shipping,
                                      .restock = in->restock,
                                      .requested_by = cx_actor(cx),
                                      .decided_by = STR(""),
                                      .note = STR(""),
                                      .failure = STR(""),
                                      .at_ms = in->at_ms ? in->at_ms : cx_now_ms(cx),
                                      .created_ms = cx_now_ms(cx)};
    struct order order;

    TRY(check_time(cx, in->at_ms));
    TRY(order_get(cx, refund.order, &order));
    TRY(take_reference(cx, &refund));
    TRY(aftersale_plan(cx, &order, in->lines, &refund));
    metric_add(cx, &aftersale_requested_total, 1);
    if (approval_minor > 0 && refund.amount_minor >= approval_minor)
        TRY(wait(cx, &refund));
    else
        TRY(aftersale_apply(cx, &order, &refund));
    req->location = cx_printf(cx, "/v1/refunds/" STR_FMT,
                              STR_ARG(cx_id_text(cx, PAYMENT_REFUND_PREFIX, refund.id)));
    return reply_refund(req, 201, &refund);
}

/* ---- A second person ---- */

static enum err decide(struct req *req, struct aftersale_refund *refund)
{
    const struct aftersale_decision *in = req->body;
    struct cx *cx = req->cx;

    TRY(aftersale_get(cx, req->params[0].id, refund));
    if (refund->state != REFUND_WAITING)
        return fail(cx, ERR_CONFLICT, "illegal_transition",
                    "only a refund that waits is decided on; this one is %s",
                    aftersale_states[refund->state]);
    if (str_eq(refund->requested_by, cx_actor(cx)))
        return fail(cx, ERR_FORBIDDEN, "second_person",
                    "who asked for a refund does not decide on it: somebody else must");
    TRY(aftersale_lines(cx, refund));
    refund->decided_by = cx_actor(cx);
    refund->decided_ms = cx_now_ms(cx);
    refund->note = in->note;
    return OK;
}

/* Units asked for; claws are found again. */
static struct list wanted_of(struct cx *cx, struct list lines)
{
    struct aftersale_part *parts = CX_ARRAY(cx, struct aftersale_part, lines.count + 1);
    size_t count = 0;

    for (size_t k = 0; k < lines.count; k++) {
        const struct aftersale_line *line = LIST_AT(lines, struct aftersale_line, k);

        if (line->quantity > 0)
            parts[count++] = (struct aftersale_part){line->line, line->quantity};
    }
    return (struct list){parts, count};
}

enum err aftersale_post_approve(struct req *req)
{
    struct aftersale_refund refund;
    struct cx *cx = req->cx;
    struct order order;

    TRY(decide(req, &refund));
    TRY(order_get(cx, refund.order, &order));
    TRY(sql_run(cx, NULL, "delete from aftersale_refund_line where refund_id = ?1",
                BIND(INT(refund.id))));
    TRY(aftersale_plan(cx, &order, wanted_of(cx, refund.lines), &refund));
    TRY(aftersale_apply(cx, &order, &refund));
    return reply_refund(req, 200, &refund);
}

enum err aftersale_post_reject(struct req *req)
{
    struct aftersale_refund refund;
    struct cx *cx = req->cx;

    TRY(decide(req, &refund));
    refund.state = REFUND_REJECTED;
    refund.ended_ms = cx_now_ms(cx);
    TRY(row_put(cx, &aftersale_refund_table, &refund));
    TRY(aftersale_put_event(cx, "aftersale.refund_rejected", &refund));
    return reply_refund(req, 200, &refund);
}

/* ---- Reading ---- */

enum err aftersale_get_one(struct req *req)
{
    struct aftersale_refund refund;

    TRY(aftersale_get(req->cx, req->params[0].id, &refund));
    TRY(aftersale_lines(req->cx, &refund));
    return reply_refund(req, 200, &refund);
}

enum err aftersale_get_of_order(struct req *req)
{
    const struct aftersale_page_query *in = req->query;
    struct cx *cx = req->cx;
    int64_t after = 0, unused = 0;
    struct order order;
    struct list rows;

    TRY(order_get(cx, req->params[0].id, &order));
    TRY(cursor_read(cx, in->page.cursor, &after, &unused));
    TRY(sql_all(cx, aftersale_refund_fields, sizeof(struct aftersale_refund), &rows,
                AFTERSALE_REFUND_COLUMNS " where order_id = ?1 and id > ?2 order by id limit ?3",
                BIND(INT(order.id), INT(after), INT(in->page.limit + 1))));
    return reply_refunds(req, rows, in->page.limit);
}

enum err aftersale_get_list(struct req *req)
{
    const struct aftersale_list_query *in = req->query;
    int64_t before = INT64_MAX, unused = 0, limit = in->page.limit;
    struct cx *cx = req->cx;
    struct list rows;

    TRY(cursor_read(cx, in->page.cursor, &before, &unused));
    if (in->reference.ptr)
        TRY(sql_all(cx, aftersale_refund_fields, sizeof(struct aftersale_refund), &rows,
                    AFTERSALE_REFUND_COLUMNS
                    " where id in (select refund_id from aftersale_reference where reference = ?1)"
                    " and id < ?2 and (?3 = '' or state = ?3) order by id desc limit ?4",
                    BIND(TEXT(in->reference), INT(before),
                         TEXT(str_of(in->state ? state_filter[in->state] : "")), INT(limit + 1))));
    else if (in->state)
        TRY(sql_all(cx, aftersale_refund_fields, sizeof(struct aftersale_refund), &rows,
                    AFTERSALE_REFUND_COLUMNS
                    " where state = ?1 and id < ?2 order by id desc limit ?3",
                    BIND(TEXT(str_of(state_filter[in->state])), INT(before), INT(limit + 1))));
    else
        TRY(sql_all(cx, aftersale_refund_fields, sizeof(struct aftersale_refund), &rows,
                    AFTERSALE_REFUND_COLUMNS " where id < ?1 order by id desc limit ?2",
                    BIND(INT(before), INT(limit + 1))));
    return reply_refunds(req, rows, limit);
}
