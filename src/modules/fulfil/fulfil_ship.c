/*
 * fulfil_ship.c - parcels leave and arrive; planned shipments come due.
 */
#include <string.h>

#include "modules/fulfil/fulfil_priv.h"

enum { CARRIER_LEN_MAX = 64, TRACKING_LEN_MAX = 128 };
#define SHORT_RETRY_MS HOUR_MS /* How often a shipment that was out of stock is tried again. */

static const struct field part_fields[] = {
    F(fulfil_part, line, .flags = FIELD_REQUIRED, .min = 0, .max = ORDER_LINES_MAX - 1),
    F_ID(fulfil_part, sku, "sku", .doc = "Of a line with several pieces; any when left out."),
    F(fulfil_part, quantity, .flags = FIELD_REQUIRED, .min = 1, .max = STOCK_QUANTITY_MAX), F_END};
const struct field fulfil_ship_new_fields[] = {
    F(fulfil_ship_new, carrier, .min = 1, .max = CARRIER_LEN_MAX),
    F(fulfil_ship_new, tracking, .min = 1, .max = TRACKING_LEN_MAX),
    F_LIST(fulfil_ship_new, lines, fulfil_part, part_fields, .min = 1, .max = ORDER_PIECES_MAX,
           .doc = "What this parcel holds; all of the shipment when left out."),
    F(fulfil_ship_new, delivered, .doc = "Handed over at once: it is delivered, too."), F_END};

static enum err illegal(struct cx *cx, const struct fulfil_shipment *shipment, int state)
{
    fail_record(cx, ERR_CONFLICT, "illegal_transition", "a shipment that is %s cannot become %s",
                fulfil_states[shipment->state], fulfil_states[state]);
    fail_member(cx, "from", str_of(fulfil_states[shipment->state]));
    fail_member(cx, "to", str_of(fulfil_states[state]));
    return ERR_CONFLICT;
}

/* ---- Several parcels ---- */

/* Pieces of a line, of any kind unless one is named, in the order of the shipment. */
static enum err take(struct cx *cx, struct list items, const struct fulfil_part *part, size_t k)
{
    const char *pointer = cx_printf(cx, "/lines/%zu", k).ptr;
    int64_t wanted = part->quantity, there = 0;
    bool any = false;

    for (size_t n = 0; n < items.count; n++) {
        struct fulfil_item *item = LIST_AT(items, struct fulfil_item, n);
        int64_t count;

        if (item->line != part->line || (part->sku && item->sku != part->sku))
            continue;
        any = true;
        there += item->quantity;
        count = item->quantity < wanted ? item->quantity : wanted;
        item->quantity -= count;
        wanted -= count;
    }
    if (!any)
        return fail_at(cx, ERR_BAD_INPUT, "no_such_line", pointer,
                       "line %" PRId64 ": this shipment holds none of it", part->line);
    if (wanted > 0)
        return fail_at(cx, ERR_CONFLICT, "quantity_exceeds", pointer,
                       "line %" PRId64 ": %" PRId64 " pieces are left in this shipment", part->line,
                       there);
    return OK;
}

/* What stays behind becomes a shipment of its own. */
static enum err split(struct cx *cx, struct fulfil_shipment *shipment, struct list parts)
{
    struct fulfil_item *left = CX_ARRAY(cx, struct fulfil_item, shipment->items.count);
    struct fulfil_shipment rest = *shipment;
    bool any = false;

    memcpy(left, shipment->items.items, shipment->items.count * sizeof(*left));
    rest.items.items = left;
    for (size_t k = 0; k < parts.count; k++)
        TRY(take(cx, rest.items, LIST_AT(parts, struct fulfil_part, k), k));
    for (size_t k = 0; k < rest.items.count; k++)
        any |= left[k].quantity > 0;
    if (!any)
        return OK;
    rest.id = cx_new_id(cx);
    TRY(row_add(cx, &fulfil_shipment_table, &rest));
    for (size_t k = 0; k < rest.items.count; k++) {
        struct fulfil_item *item = LIST_AT(shipment->items, struct fulfil_item, k);

        item->quantity -= left[k].quantity;
        left[k].shipment = rest.id;
        if (left[k].quantity > 0)
            TRY(row_add(cx, &fulfil_item_table, &left[k]));
        if (item->quantity > 0)
            TRY(row_put(cx, &fulfil_item_table, item));
        else
            TRY(row_delete(cx, &fulfil_item_table, item));
    }
    return fulfil_open_more(cx, shipment->order);
}

/* ---- Leaving and arriving ---- */

static enum err ship(struct cx *cx, struct fulfil_shipment *shipment,
                     const struct fulfil_ship_new *in)
{
    struct order order;

    if (shipment->state != SHIPMENT_READY)
        return illegal(cx, shipment, SHIPMENT_SHIPPED);
    if (in->lines.count > 0)
        TRY(split(cx, shipment, in->lines));
    for (size_t k = 0; k < shipment->items.count; k++) {
        const struct fulfil_item *item = LIST_AT(shipment->items, struct fulfil_item, k);
        struct stock_piece piece = fulfil_piece(shipment, item, item->quantity);

        if (item->quantity > 0)
            TRY(stock_sell(cx, &piece));
    }
    shipment->state = SHIPMENT_SHIPPED;
    shipment->shipped_ms = cx_now_ms(cx);
    shipment->carrier = in->carrier.ptr ? in->carrier : STR("");
    shipment->tracking = in->tracking.ptr ? in->tracking : STR("");
    TRY(row_put(cx, &fulfil_shipment_table, shipment));
    TRY(fulfil_put_event(cx, "fulfil.shipped", shipment));
    TRY(order_get(cx, shipment->order, &order));
    TRY(order_labelled(cx, &order));
    return order_fulfilling(cx, &order);
}

static enum err deliver(struct cx *cx, struct fulfil_shipment *shipment)
{
    if (shipment->state != SHIPMENT_SHIPPED)
        return illegal(cx, shipment, SHIPMENT_DELIVERED);
    shipment->state = SHIPMENT_DELIVERED;
    shipment->delivered_ms = cx_now_ms(cx);
    TRY(row_put(cx, &fulfil_shipment_table, shipment));
    TRY(fulfil_put_event(cx, "fulfil.delivered", shipment));
    return fulfil_close(cx, shipment->order, 1);
}

enum err fulfil_post_ship(struct req *req)
{
    const struct fulfil_ship_new *in = req->body;
    struct fulfil_shipment shipment;

    TRY(fulfil_get(req->cx, req->params[0].id, &shipment));
    TRY(ship(req->cx, &shipment, in));
    if (in->delivered)
        TRY(deliver(req->cx, &shipment));
    TRY(fulfil_items(req->cx, &shipment));
    return reply_json(req, 200, fulfil_shipment_fields, &shipment);
}

enum err fulfil_post_deliver(struct req *req)
{
    struct fulfil_shipment shipment;

    TRY(fulfil_get(req->cx, req->params[0].id, &shipment));
    TRY(deliver(req->cx, &shipment));
    return reply_json(req, 200, fulfil_shipment_fields, &shipment);
}

/* ---- Planned shipments come due ---- */

static enum err ask_of(struct cx *cx, const struct fulfil_shipment *shipment,
                       const struct fulfil_item *item, struct stock_ask *out)
{
    struct catalog_sku sku;

    TRY(catalog_sku_get(cx, item->sku, &sku));
    *out = (struct stock_ask){.line = item->line,
                              .sku = item->sku,
                              .quantity = item->quantity,
                              .location = shipment->location,
                              .policy = sku.policy,
                              .below_zero = sku.below_zero};
    return OK;
}

/* Would stock_reserve take them all? */
static enum err enough(struct cx *cx, const struct stock_ask *asks, size_t count, bool *out)
{
    *out = true;
    for (size_t k = 0; k < count && *out; k++) {
        int64_t available, wanted = 0;

        if (asks[k].policy == STOCK_UNLIMITED)
            continue;
        for (size_t n = 0; n < count; n++)
            wanted += asks[n].sku == asks[k].sku ? asks[n].quantity : 0;
        TRY(stock_available(cx, asks[k].sku, asks[k].location, &available));
        if (asks[k].policy == STOCK_BELOW_ZERO)
            available += asks[k].below_zero;
        *out = available >= wanted;
    }
    return OK;
}

static enum err make_ready(struct cx *cx, struct fulfil_shipment *shipment,
                           const struct stock_ask *asks)
{
    for (size_t k = 0; k < shipment->items.count; k++) {
        const struct fulfil_item *item = LIST_AT(shipment->items, struct fulfil_item, k);
        struct stock_piece planned = fulfil_piece(shipment, item, item->quantity);

        TRY(stock_plan_less(cx, &planned, shipment->due_ms));
    }
    shipment->state = SHIPMENT_READY;
    shipment->stock_ref = shipment->id;
    TRY(stock_reserve(cx, shipment->id, 0, asks, shipment->items.count));
    return row_put(cx, &fulfil_shipment_table, shipment);
}

enum err fulfil_due(struct cx *cx, int64_t id, int64_t due_ms)
{
    struct fulfil_shipment shipment;
    struct stock_ask *asks;
    bool there;

    (void)due_ms;
    TRY(fulfil_get(cx, id, &shipment));
    if (shipment.state != SHIPMENT_PLANNED && shipment.state != SHIPMENT_SHORT)
        return OK; /* Given back in the meantime. */
    asks = CX_ARRAY(cx, struct stock_ask, shipment.items.count + 1);
    for (size_t k = 0; k < shipment.items.count; k++)
        TRY(ask_of(cx, &shipment, LIST_AT(shipment.items, struct fulfil_item, k), &asks[k]));
    TRY(enough(cx, asks, shipment.items.count, &there));
    if (there)
        return make_ready(cx, &shipment, asks);
    TRY(timer_set(cx, "fulfil.due", id, cx_now_ms(cx) + SHORT_RETRY_MS));
    if (shipment.state == SHIPMENT_SHORT)
        return OK; /* It was told. */
    shipment.state = SHIPMENT_SHORT;
    TRY(row_put(cx, &fulfil_shipment_table, &shipment));
    return fulfil_put_event(cx, "fulfil.short", &shipment);
}
