/*
 * fulfil_back.c - units that are given back: stopped before they ship, revoked, or returned.
 */
#include "modules/fulfil/fulfil_priv.h"

/* How many pieces of one kind come back, and how. */
struct back {
    const struct order *order;
    const struct order_piece *piece;
    int64_t count;
    bool restock;
    int64_t closed; /* Shipments that hold nothing any more. */
};

static enum err revoke(struct cx *cx, const struct back *back)
{
    struct stock_piece seat = {back->order->id, back->piece->line, back->piece->sku, back->count,
                               back->piece->location};
    struct fulfil_entitlement row = {
        .order = back->order->id, .line = back->piece->line, .sku = back->piece->sku};
    bool found;

    TRY(row_find(cx, &fulfil_entitlement_table, &row, &found));
    if (!found || row.revoked_ms)
        return OK;
    row.quantity -= back->count < row.quantity ? back->count : row.quantity;
    if (row.quantity == 0)
        row.revoked_ms = cx_now_ms(cx);
    TRY(row_put(cx, &fulfil_entitlement_table, &row));
    TRY(stock_return(cx, &seat, STR("seat given back"))); /* Somebody else may have it. */
    return event_put(cx, "fulfil.revoked", order_key(cx, row.order), fulfil_entitlement_fields,
                     &row);
}

static enum err stop(struct cx *cx, struct back *back, struct fulfil_shipment *shipment,
                     struct fulfil_item *item, int64_t count)
{
    struct stock_piece piece = fulfil_piece(shipment, item, count);
    int64_t left;

    if (shipment->state == SHIPMENT_READY)
        TRY(stock_release_piece(cx, &piece));
    else
        TRY(stock_plan_less(cx, &piece, shipment->due_ms));
    item->quantity -= count;
    if (item->quantity > 0)
        return row_put(cx, &fulfil_item_table, item);
    TRY(row_delete(cx, &fulfil_item_table, item));
    TRY(sql_int(cx, &left, 0, "select count(*) from fulfil_item where shipment = ?1",
                BIND(INT(shipment->id))));
    if (left > 0)
        return OK;
    shipment->state = SHIPMENT_STOPPED;
    back->closed++;
    TRY(row_put(cx, &fulfil_shipment_table, shipment));
    return fulfil_put_event(cx, "fulfil.stopped", shipment);
}

static enum err back_from(struct cx *cx, struct back *back, struct fulfil_shipment *shipment)
{
    struct fulfil_item item = {
        .shipment = shipment->id, .line = back->piece->line, .sku = back->piece->sku};
    struct stock_piece piece;
    int64_t count;
    bool found;

    TRY(row_find(cx, &fulfil_item_table, &item, &found));
    if (!found)
        return OK;
    count = back->count < item.quantity ? back->count : item.quantity;
    back->count -= count;
    if (shipment->state < SHIPMENT_SHIPPED)
        return stop(cx, back, shipment, &item, count);
    piece = fulfil_piece(shipment, &item, count);
    return back->restock ? stock_return(cx, &piece, STR("returned")) : OK;
}

/* What has not left is stopped first; of the rest, the buyer keeps the shipment's record. */
static enum err unship(struct cx *cx, struct back *back, struct list shipments)
{
    for (int gone = 0; gone <= 1; gone++) {
        for (size_t k = 0; k < shipments.count && back->count > 0; k++) {
            struct fulfil_shipment *shipment = LIST_AT(shipments, struct fulfil_shipment, k);

            if (shipment->due_ms == back->piece->due_ms &&
                (shipment->state >= SHIPMENT_SHIPPED) == gone)
                TRY(back_from(cx, back, shipment));
        }
    }
    return OK;
}

/* quantity units of one line: of each of its pieces, that many times what a unit holds. */
static enum err give_back(struct cx *cx, struct back *back, struct order_line *line,
                          int64_t quantity, struct list shipments)
{
    struct list pieces;

    TRY(order_pieces(cx, back->order, (struct list){line, 1}, &pieces));
    for (size_t k = 0; k < pieces.count; k++) {
        back->piece = LIST_AT(pieces, struct order_piece, k);
        back->count = back->piece->quantity / line->quantity * quantity;
        if (back->piece->kind == CATALOG_GOODS)
            TRY(unship(cx, back, shipments));
        else
            TRY(revoke(cx, back));
    }
    return OK;
}

enum err fulfil_given_back(struct cx *cx, const struct event *event)
{
    struct list lines, shipments;
    struct aftersale_event in;
    struct order order;
    struct back back = {.order = &order};
    size_t line = 0;

    TRY(event_read(cx, event, aftersale_event_fields, &in, sizeof(in)));
    TRY(order_get(cx, in.order, &order));
    TRY(order_lines(cx, &order, &lines));
    TRY(sql_all(cx, fulfil_shipment_row_fields, sizeof(struct fulfil_shipment), &shipments,
                FULFIL_SHIPMENT_COLUMNS " where order_id = ?1 order by id desc",
                BIND(INT(order.id))));
    back.restock = in.restock;
    for (size_t k = 0; k < in.lines.count; k++) {
        const struct aftersale_part *part = LIST_AT(in.lines, struct aftersale_part, k);

        for (line = 0; LIST_AT(lines, struct order_line, line)->line != part->line;)
            line++;
        TRY(give_back(cx, &back, LIST_AT(lines, struct order_line, line), part->quantity,
                      shipments));
    }
    return fulfil_close(cx, order.id, back.closed);
}
