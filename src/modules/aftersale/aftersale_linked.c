/*
 * aftersale_linked.c - exchange (换货) and re-shipment (补发): linked orders that nobody pays.
 *
 * The money stays with the line of the first order: to give it back, refund that line.
 */
#include "modules/aftersale/aftersale_priv.h"

enum { SWAPS_MAX = 100 };

static const struct field exchange_line_fields[] = {
    F(aftersale_swap, line, .flags = FIELD_REQUIRED, .min = 0, .max = ORDER_LINES_MAX - 1),
    F(aftersale_swap, quantity, .flags = FIELD_REQUIRED, .min = 1, .max = ORDER_QUANTITY_MAX),
    F_ID(aftersale_swap, sku, "sku", .flags = FIELD_REQUIRED,
         .doc = "Sent instead: of the same product."),
    F_END};
const struct field aftersale_exchange_new_fields[] = {
    F_LIST(aftersale_linked_new, lines, aftersale_swap, exchange_line_fields,
           .flags = FIELD_REQUIRED, .min = 1, .max = SWAPS_MAX),
    F(aftersale_linked_new, reason, .flags = FIELD_REQUIRED, .min = 1,
      .max = AFTERSALE_REASON_LEN_MAX, .doc = "Why; names nobody."),
    F(aftersale_linked_new, restock, .doc = "What comes back goes to stock."), F_END};

static const struct field reship_line_fields[] = {
    F(aftersale_swap, line, .flags = FIELD_REQUIRED, .min = 0, .max = ORDER_LINES_MAX - 1),
    F(aftersale_swap, quantity, .flags = FIELD_REQUIRED, .min = 1, .max = ORDER_QUANTITY_MAX),
    F_ID(aftersale_swap, sku, "sku",
         .doc = "One of the line's pieces, e.g. the kit of a course; its own SKU when left out."),
    F_END};
const struct field aftersale_reship_new_fields[] = {
    F_LIST(aftersale_linked_new, lines, aftersale_swap, reship_line_fields, .flags = FIELD_REQUIRED,
           .min = 1, .max = SWAPS_MAX),
    F(aftersale_linked_new, reason, .flags = FIELD_REQUIRED, .min = 1,
      .max = AFTERSALE_REASON_LEN_MAX, .doc = "Why; names nobody."),
    F_END};

const struct field aftersale_linked_fields[] = {
    F_ID(aftersale_linked, linked, "ord", .doc = "The order that sends."),
    F(aftersale_linked, item),
    F(aftersale_linked, line, .doc = "Of the first order."),
    F_ID(aftersale_linked, order, "ord", .column = "order_id"),
    F_ENUM(aftersale_linked, kind, order_kinds),
    F(aftersale_linked, quantity),
    F_ID(aftersale_linked, sku, "sku", .doc = "What is sent."),
    F(aftersale_linked, reason),
    F(aftersale_linked, actor),
    F_TIME(aftersale_linked, created_ms, "created_at"),
    F_END};
const struct table aftersale_linked_table =
    TABLE("aftersale_linked", aftersale_linked, aftersale_linked_fields, 2);

struct reply {
    int64_t id, parent;
    int kind;
};
const struct field aftersale_linked_reply_fields[] = {
    F_ID(reply, id, "ord", .doc = "The linked order."), F_ID(reply, parent, "ord"),
    F_ENUM(reply, kind, order_kinds), F_END};

/* ---- What is asked, held against the first order ---- */

static enum err line_of(struct cx *cx, struct list lines, const struct aftersale_swap *swap,
                        size_t k, const struct order_line **out)
{
    for (size_t n = 0; n < lines.count; n++) {
        *out = LIST_AT(lines, struct order_line, n);
        if ((*out)->line == swap->line)
            return OK;
    }
    return fail_at(cx, ERR_BAD_INPUT, "no_such_line", cx_printf(cx, "/lines/%zu/line", k).ptr,
                   "line: the order has no line %" PRId64, swap->line);
}

static enum err exceeds(struct cx *cx, const struct aftersale_swap *swap, int64_t most)
{
    fail_record(cx, ERR_CONFLICT, "quantity_exceeds",
                "line %" PRId64 ": at most %" PRId64 " units, not %" PRId64, swap->line, most,
                swap->quantity);
    fail_member(cx, "line", cx_printf(cx, "%" PRId64, swap->line));
    fail_member(cx, "most", cx_printf(cx, "%" PRId64, most));
    return ERR_CONFLICT;
}

/* What this request asked for of the line before: of any SKU, or of the same. */
static int64_t asked_before(const struct aftersale_linked_new *in, size_t k, bool any)
{
    const struct aftersale_swap *swap = LIST_AT(in->lines, struct aftersale_swap, k);
    int64_t sum = 0;

    for (size_t n = 0; n < k; n++) {
        const struct aftersale_swap *other = LIST_AT(in->lines, struct aftersale_swap, n);

        sum += other->line == swap->line && (any || other->sku == swap->sku) ? other->quantity : 0;
    }
    return sum;
}

/* Within the product, and not for more: what is dearer is refunded and ordered anew. */
static enum err check_same(struct cx *cx, const struct order *order, const struct order_line *line,
                           const struct aftersale_swap *swap)
{
    struct catalog_sku from, to;
    int64_t from_minor, to_minor;

    TRY(catalog_sku_get(cx, line->sku, &from));
    TRY(catalog_sku_get(cx, swap->sku, &to));
    if (to.product != from.product)
        return fail(cx, ERR_CONFLICT, "another_product",
                    "line %" PRId64 ": is exchanged within its product; for another, refund it and "
                    "order anew",
                    swap->line);
    if (to.kind != CATALOG_GOODS)
        return fail(cx, ERR_CONFLICT, "nothing_to_ship",
                    "line %" PRId64 ": only goods are exchanged; of a %s, refund it and order anew",
                    swap->line, catalog_kinds[to.kind]);
    if (to.id == from.id)
        return OK;
    TRY(catalog_price_now(cx, &from, order->currency, &from_minor));
    TRY(catalog_price_now(cx, &to, order->currency, &to_minor));
    if (to_minor > from_minor)
        return fail(cx, ERR_CONFLICT, "dearer",
                    "line %" PRId64 ": what it is exchanged for costs %" PRId64
                    " more each; refund it and order anew",
                    swap->line, to_minor - from_minor);
    return OK;
}

static enum err check_exchange(struct cx *cx, const struct order *order,
                               const struct aftersale_linked_new *in, size_t k,
                               const struct order_line *line)
{
    const struct aftersale_swap *swap = LIST_AT(in->lines, struct aftersale_swap, k);
    int64_t left;

    TRY(aftersale_left(cx, order, line->line, &left));
    left -= asked_before(in, k, true);
    if (swap->quantity > left)
        return exceeds(cx, swap, left > 0 ? left : 0);
    return check_same(cx, order, line, swap);
}

/* A piece may be lost more than once, but not without end. */
static enum err check_often(struct cx *cx, const struct aftersale_linked_new *in, size_t k,
                            const struct order_line *line, int64_t pieces)
{
    const struct aftersale_swap *swap = LIST_AT(in->lines, struct aftersale_swap, k);
    int64_t sent, most;

    TRY(sql_int(cx, &sent, 0,
                "select cast(sum(quantity) as bigint) from aftersale_linked where order_id = ?1"
                " and line = ?2 and sku = ?3 and kind = 'reship'",
                BIND(INT(line->order), INT(line->line), INT(swap->sku))));
    most = pieces * setting_get(cx, &aftersale_reships_max) - sent - asked_before(in, k, false);
    most = most < pieces ? most : pieces;
    return swap->quantity > most ? exceeds(cx, swap, most > 0 ? most : 0) : OK;
}

/* What is sent once more must be goods of that line, of units that the buyer keeps. */
static enum err check_reship(struct cx *cx, const struct order *order,
                             const struct aftersale_linked_new *in, size_t k,
                             const struct order_line *line)
{
    struct aftersale_swap *swap = LIST_AT(in->lines, struct aftersale_swap, k);
    struct list pieces;
    int64_t left;

    TRY(aftersale_left(cx, order, line->line, &left));
    TRY(order_pieces(cx, order, (struct list){(void *)line, 1}, &pieces));
    if (swap->sku == 0)
        swap->sku = line->sku;
    for (size_t n = 0; n < pieces.count; n++) {
        const struct order_piece *piece = LIST_AT(pieces, struct order_piece, n);

        if (piece->sku == swap->sku && piece->kind == CATALOG_GOODS)
            return check_often(cx, in, k, line, piece->quantity / line->quantity * left);
    }
    return fail(cx, ERR_CONFLICT, "nothing_to_ship",
                "line %" PRId64 ": this SKU is no goods of the line; name one of its pieces",
                swap->line);
}

/* ---- Doing it ---- */

static enum err remember(struct cx *cx, const struct order *linked,
                         const struct aftersale_linked_new *in)
{
    for (size_t k = 0; k < in->lines.count; k++) {
        const struct aftersale_swap *swap = LIST_AT(in->lines, struct aftersale_swap, k);
        struct aftersale_linked row = {.linked = linked->id,
                                       .item = (int64_t)k,
                                       .line = swap->line,
                                       .order = linked->parent,
                                       .kind = linked->kind,
                                       .quantity = swap->quantity,
                                       .sku = swap->sku,
                                       .reason = in->reason,
                                       .actor = cx_actor(cx),
                                       .created_ms = cx_now_ms(cx)};

        TRY(row_add(cx, &aftersale_linked_table, &row));
    }
    return OK;
}

static enum err announce(struct cx *cx, const struct order *linked,
                         const struct aftersale_linked_new *in)
{
    bool exchange = linked->kind == ORDER_EXCHANGE;
    struct aftersale_event event = {.order = linked->parent,
                                    .currency = linked->currency,
                                    .reason = in->reason,
                                    .restock = in->restock,
                                    .linked = linked->id};
    struct aftersale_part *parts = CX_ARRAY(cx, struct aftersale_part, in->lines.count);

    for (size_t k = 0; k < in->lines.count; k++) {
        const struct aftersale_swap *swap = LIST_AT(in->lines, struct aftersale_swap, k);

        parts[k] = (struct aftersale_part){swap->line, swap->quantity};
    }
    event.lines = (struct list){parts, in->lines.count};
    return event_put(cx, exchange ? "aftersale.exchanged" : "aftersale.reshipped",
                     order_key(cx, linked->parent), aftersale_event_fields, &event);
}

/* The first order gives first what it takes back: what was to be sent may be what is sent now. */
static enum err send(struct req *req, const struct order *order,
                     const struct aftersale_linked_new *in, struct order_linked *linked)
{
    struct order sent;
    struct reply reply;

    TRY(order_place_linked(req->cx, linked, &sent));
    TRY(remember(req->cx, &sent, in));
    TRY(announce(req->cx, &sent, in));
    reply = (struct reply){.id = sent.id, .parent = order->id, .kind = sent.kind};
    req->location = cx_printf(req->cx, "/v1/orders/" STR_FMT, STR_ARG(order_key(req->cx, sent.id)));
    return reply_json(req, 201, aftersale_linked_reply_fields, &reply);
}

static enum err post_linked(struct req *req, int kind)
{
    const struct aftersale_linked_new *in = req->body;
    struct order_line *sent = CX_ARRAY(req->cx, struct order_line, in->lines.count);
    struct order_linked linked = {.kind = kind, .lines = {sent, in->lines.count}};
    struct cx *cx = req->cx;
    struct order order;
    struct list lines;

    TRY(order_get(cx, req->params[0].id, &order));
    TRY(aftersale_check_paid(cx, &order));
    TRY(order_lines(cx, &order, &lines));
    for (size_t k = 0; k < in->lines.count; k++) {
        struct aftersale_swap *swap = LIST_AT(in->lines, struct aftersale_swap, k);
        const struct order_line *line;

        TRY(line_of(cx, lines, swap, k, &line));
        if (kind == ORDER_EXCHANGE)
            TRY(check_exchange(cx, &order, in, k, line));
        else
            TRY(check_reship(cx, &order, in, k, line));
        sent[k] = (struct order_line){
            .sku = swap->sku, .quantity = swap->quantity, .beneficiary = line->beneficiary};
    }
    linked.of = &order;
    return send(req, &order, in, &linked);
}

enum err aftersale_post_exchange(struct req *req)
{
    return post_linked(req, ORDER_EXCHANGE);
}

enum err aftersale_post_reship(struct req *req)
{
    return post_linked(req, ORDER_RESHIP);
}

enum err aftersale_get_linked(struct req *req)
{
    const struct aftersale_page_query *in = req->query;
    int64_t limit = in->page.limit, linked = 0, item = -1;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct order order;
    struct list rows;

    TRY(order_get(cx, req->params[0].id, &order));
    TRY(cursor_read(cx, in->page.cursor, &linked, &item));
    TRY(sql_all(
        cx, aftersale_linked_fields, sizeof(struct aftersale_linked), &rows,
        "select linked, item, line, order_id, kind, quantity, sku, reason, actor, created_ms"
        " from aftersale_linked where order_id = ?1"
        " and (linked > ?2 or (linked = ?2 and item > ?3))"
        " order by linked, item limit ?4",
        BIND(INT(order.id), INT(linked), INT(item), INT(limit + 1))));
    if ((int64_t)rows.count > limit) {
        const struct aftersale_linked *last =
            LIST_AT(rows, struct aftersale_linked, (size_t)limit - 1);

        rows.count = (size_t)limit;
        next = cursor_make(cx, last->linked, last->item);
    }
    return reply_page(req, aftersale_linked_fields, rows, sizeof(struct aftersale_linked), next);
}
