/*
 * fulfil.c - rows; what a paid order becomes; the patrol and the table of the module.
 */
#include "modules/fulfil/fulfil_priv.h"

const char *const fulfil_states[] = {"planned",   "short",   "ready", "shipped",
                                     "delivered", "stopped", NULL};

static struct metric granted_total = {"fulfil_granted_total", "entitlements", "Granted.", 0};

static const struct field order_row_fields[] = {
    F_ID(fulfil_order, order, "ord", .column = "order_id"), F(fulfil_order, open), F_END};
const struct table fulfil_order_table = TABLE("fulfil_order", fulfil_order, order_row_fields, 1);

const struct field fulfil_entitlement_fields[] = {
    F_ID(fulfil_entitlement, order, "ord", .column = "order_id"),
    F(fulfil_entitlement, line),
    F_ID(fulfil_entitlement, sku, "sku"),
    F_ID(fulfil_entitlement, id, "ent"),
    F(fulfil_entitlement, user, .column = "user_id", .doc = "Who learns or receives."),
    F(fulfil_entitlement, code),
    F(fulfil_entitlement, title),
    F_ENUM(fulfil_entitlement, kind, catalog_kinds),
    F(fulfil_entitlement, quantity),
    F_TIME(fulfil_entitlement, from_ms, "from"),
    F_TIME(fulfil_entitlement, until_ms, "until", .doc = "Null: no end."),
    F_TIME(fulfil_entitlement, revoked_ms, "revoked_at", .doc = "Null: it stands."),
    F_END};
const struct table fulfil_entitlement_table =
    TABLE("fulfil_entitlement", fulfil_entitlement, fulfil_entitlement_fields, 3);

const struct field fulfil_shipment_row_fields[] = {
    F_ID(fulfil_shipment, id, "shp"), F_ID(fulfil_shipment, order, "ord", .column = "order_id"),
    F(fulfil_shipment, location),     F_ENUM(fulfil_shipment, state, fulfil_states),
    F(fulfil_shipment, stock_ref),    F(fulfil_shipment, due_ms),
    F(fulfil_shipment, carrier),      F(fulfil_shipment, tracking),
    F(fulfil_shipment, created_ms),   F(fulfil_shipment, shipped_ms),
    F(fulfil_shipment, delivered_ms), F_END};
const struct table fulfil_shipment_table =
    TABLE("fulfil_shipment", fulfil_shipment, fulfil_shipment_row_fields, 1);

static const struct field item_fields[] = {F_ID(fulfil_item, shipment, "shp"),
                                           F(fulfil_item, line),
                                           F_ID(fulfil_item, sku, "sku"),
                                           F(fulfil_item, code),
                                           F(fulfil_item, title),
                                           F(fulfil_item, quantity),
                                           F_END};
const struct table fulfil_item_table = TABLE("fulfil_item", fulfil_item, item_fields, 3);

const struct field fulfil_event_fields[] = {
    F_ID(fulfil_event, order, "ord"),
    F_ID(fulfil_event, shipment, "shp"),
    F(fulfil_event, location),
    F(fulfil_event, carrier),
    F(fulfil_event, tracking),
    F_TIME(fulfil_event, due_ms, "due_at", .flags = FIELD_OMIT),
    F_END};

/* ---- Rows ---- */

enum err fulfil_items(struct cx *cx, struct fulfil_shipment *shipment)
{
    return sql_all(cx, item_fields, sizeof(struct fulfil_item), &shipment->items,
                   "select shipment, line, sku, code, title, quantity from fulfil_item"
                   " where shipment = ?1 order by line, sku",
                   BIND(INT(shipment->id)));
}

enum err fulfil_get(struct cx *cx, int64_t id, struct fulfil_shipment *out)
{
    bool found;

    *out = (struct fulfil_shipment){.id = id};
    TRY(row_find(cx, &fulfil_shipment_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_shipment", "there is no shipment " STR_FMT,
                    STR_ARG(cx_id_text(cx, "shp", id)));
    return fulfil_items(cx, out);
}

enum err fulfil_put_event(struct cx *cx, const char *type, const struct fulfil_shipment *shipment)
{
    struct fulfil_event event = {.order = shipment->order,
                                 .shipment = shipment->id,
                                 .location = shipment->location,
                                 .carrier = shipment->carrier,
                                 .tracking = shipment->tracking,
                                 .due_ms = shipment->due_ms};

    return event_put(cx, type, order_key(cx, shipment->order), fulfil_event_fields, &event);
}

struct stock_piece fulfil_piece(const struct fulfil_shipment *shipment,
                                const struct fulfil_item *item, int64_t quantity)
{
    return (struct stock_piece){.ref = shipment->stock_ref,
                                .line = item->line,
                                .sku = item->sku,
                                .quantity = quantity,
                                .location = shipment->location};
}

enum err fulfil_close(struct cx *cx, int64_t order_id, int64_t closed)
{
    struct fulfil_order row = {.order = order_id};
    struct order order;

    if (closed == 0)
        return OK;
    TRY(row_get(cx, &fulfil_order_table, &row));
    row.open -= closed;
    assert(row.open >= 0);
    TRY(row_put(cx, &fulfil_order_table, &row));
    if (row.open > 0)
        return OK;
    TRY(order_get(cx, order_id, &order));
    return order_complete(cx, &order);
}

enum err fulfil_open_more(struct cx *cx, int64_t order_id)
{
    struct fulfil_order row = {.order = order_id};

    TRY(row_get(cx, &fulfil_order_table, &row));
    row.open++;
    return row_put(cx, &fulfil_order_table, &row);
}

/* ---- A paid order ---- */

static enum err grant(struct cx *cx, const struct order *order, const struct order_line *line,
                      const struct order_piece *piece)
{
    struct fulfil_entitlement row = {.order = order->id, .line = piece->line, .sku = piece->sku};
    struct stock_piece seat = {order->id, piece->line, piece->sku, piece->quantity,
                               piece->location};
    bool found;

    TRY(stock_sell(cx, &seat));
    TRY(row_find(cx, &fulfil_entitlement_table, &row, &found)); /* Twice in one bundle. */
    row.quantity += piece->quantity;
    if (!found) {
        row.id = cx_new_id(cx);
        row.user = line->beneficiary;
        row.code = piece->code;
        row.title = piece->title;
        row.kind = piece->kind;
        row.from_ms = piece->due_ms ? piece->due_ms : cx_now_ms(cx);
        row.until_ms = piece->term_days ? row.from_ms + piece->term_days * DAY_MS : 0;
        metric_add(cx, &granted_total, 1);
    }
    TRY(row_put(cx, &fulfil_entitlement_table, &row));
    return event_put(cx, "fulfil.granted", order_key(cx, order->id), fulfil_entitlement_fields,
                     &row);
}

/* Shipments of the order being begun: one per warehouse and day. */
struct begun {
    struct fulfil_shipment *items;
    size_t count;
};

static enum err shipment_of(struct cx *cx, const struct order *order,
                            const struct order_piece *piece, struct begun *begun,
                            struct fulfil_shipment **out)
{
    for (size_t k = 0; k < begun->count; k++) {
        *out = &begun->items[k];
        if ((*out)->due_ms == piece->due_ms && str_eq((*out)->location, piece->location))
            return OK;
    }
    *out = &begun->items[begun->count++];
    **out = (struct fulfil_shipment){.id = cx_new_id(cx),
                                     .order = order->id,
                                     .location = piece->location,
                                     .state = piece->due_ms ? SHIPMENT_PLANNED : SHIPMENT_READY,
                                     .stock_ref = order->id,
                                     .due_ms = piece->due_ms,
                                     .carrier = STR(""),
                                     .tracking = STR(""),
                                     .created_ms = cx_now_ms(cx)};
    TRY(row_add(cx, &fulfil_shipment_table, *out));
    return piece->due_ms ? timer_set(cx, "fulfil.due", (*out)->id, piece->due_ms) : OK;
}

static enum err pack(struct cx *cx, const struct order *order, const struct order_piece *piece,
                     struct begun *begun)
{
    struct fulfil_shipment *shipment;
    struct fulfil_item item = {.line = piece->line, .sku = piece->sku};
    bool found;

    TRY(shipment_of(cx, order, piece, begun, &shipment));
    item.shipment = shipment->id;
    TRY(row_find(cx, &fulfil_item_table, &item, &found)); /* A bundle may hold a SKU twice. */
    item.code = piece->code;
    item.title = piece->title;
    item.quantity += piece->quantity;
    return row_put(cx, &fulfil_item_table, &item);
}

static enum err begin(struct cx *cx, struct order *order)
{
    struct fulfil_order row = {.order = order->id};
    struct list lines, pieces;
    struct begun begun = {0};
    bool granted = false;
    size_t line = 0;

    TRY(order_lines(cx, order, &lines));
    TRY(order_pieces(cx, order, lines, &pieces));
    begun.items = CX_ARRAY(cx, struct fulfil_shipment, pieces.count + 1);
    for (size_t k = 0; k < pieces.count; k++) {
        const struct order_piece *piece = LIST_AT(pieces, struct order_piece, k);

        while (LIST_AT(lines, struct order_line, line)->line != piece->line)
            line++; /* Pieces come in the order of their lines. */
        if (piece->kind == CATALOG_GOODS)
            TRY(pack(cx, order, piece, &begun));
        else
            TRY(grant(cx, order, LIST_AT(lines, struct order_line, line), piece));
        granted |= piece->kind != CATALOG_GOODS;
    }
    row.open = (int64_t)begun.count;
    TRY(row_add(cx, &fulfil_order_table, &row));
    if (row.open == 0)
        return order_complete(cx, order);
    return granted ? order_fulfilling(cx, order) : OK;
}

static enum err paid(struct cx *cx, const struct event *event)
{
    struct fulfil_order row;
    struct order_event in;
    struct order order;
    bool begun;

    TRY(event_read(cx, event, order_event_fields, &in, sizeof(in)));
    row = (struct fulfil_order){.order = in.order};
    TRY(row_find(cx, &fulfil_order_table, &row, &begun));
    if (begun)
        return OK;
    TRY(order_get(cx, in.order, &order));
    return begin(cx, &order);
}

/* What a channel's order granted to nobody is its user's now. */
static enum err claimed(struct cx *cx, const struct event *event)
{
    struct order_event in;

    TRY(event_read(cx, event, order_event_fields, &in, sizeof(in)));
    return sql_run(cx, NULL,
                   "update fulfil_entitlement set user_id = ?2 where order_id = ?1"
                   " and user_id = ''",
                   BIND(INT(in.order), TEXT(in.user)));
}

/* ---- Patrol ---- */

struct counted {
    int64_t order, open, found;
};
static const struct field counted_fields[] = {F_ID(counted, order, "ord", .column = "order_id"),
                                              F(counted, open), F(counted, found), F_END};

static enum err check_slice(struct cx *cx, struct patrol_report *report, int64_t *after, bool *more)
{
    enum { SLICE_ROWS = 2000 };
    struct list rows;

    TRY(sql_all(cx, counted_fields, sizeof(struct counted), &rows,
                "select o.order_id, o.open, (select count(*) from fulfil_shipment s"
                " where s.order_id = o.order_id and s.state not in ('delivered', 'stopped'))"
                " as found from fulfil_order o where o.order_id > ?1 order by o.order_id limit ?2",
                BIND(INT(*after), INT(SLICE_ROWS))));
    for (size_t k = 0; k < rows.count; k++) {
        const struct counted *row = LIST_AT(rows, struct counted, k);

        *after = row->order;
        if (row->open == row->found)
            continue;
        report->found++;
        json_object(report->findings);
        json_member_text(report->findings, "kind", STR("shipments_open"));
        json_member_text(report->findings, "order", order_key(cx, row->order));
        json_member_int(report->findings, "counted", row->open);
        json_member_int(report->findings, "found", row->found);
        json_object_end(report->findings);
    }
    *more = rows.count == SLICE_ROWS;
    return OK;
}

static enum err check(struct cx *cx, struct patrol_report *report)
{
    int64_t after = 0;
    bool more = true;

    while (more)
        TRY(check_slice(cx, report, &after, &more));
    return OK;
}

const struct module fulfil_module = {
    .name = "fulfil",
    .needs = NEEDS("catalog", "stock", "order", "aftersale"),
    .schema = fulfil_schema,
    .routes = ROUTES(
        {"GET", "/v1/users/{user}/entitlements", fulfil_get_entitlements, TX_READ, "fulfil:read",
         QUERY(fulfil_entitlement_query, fulfil_entitlement_query_fields),
         .reply = fulfil_entitlement_fields, .page = true,
         .doc = "What a user may learn or use, oldest first."},
        {"GET", "/v1/orders/{id:ord}/shipments", fulfil_get_of_order, TX_READ, "fulfil:read",
         QUERY(fulfil_page_query, fulfil_page_query_fields), .reply = fulfil_shipment_fields,
         .page = true, .doc = "An order's shipments."},
        {"GET", "/v1/shipments", fulfil_get_list, TX_READ, "fulfil:read",
         QUERY(fulfil_shipment_query, fulfil_shipment_query_fields),
         .reply = fulfil_shipment_fields, .page = true,
         .doc = "Shipments by state and warehouse, oldest first: what is to be packed."},
        {"GET", "/v1/shipments/{id:shp}", fulfil_get_one, TX_READ, "fulfil:read",
         .reply = fulfil_shipment_fields, .doc = "One shipment with its items."},
        {"POST", "/v1/shipments/{id:shp}/ship", fulfil_post_ship, TX_WRITE, "fulfil:write",
         BODY(fulfil_ship_new, fulfil_ship_new_fields), .reply = fulfil_shipment_fields,
         .status = 200, .priority = PRIORITY_NORMAL,
         .doc = "A parcel leaves: all of the shipment, or the lines named; what is left becomes a "
                "shipment of its own."},
        {"POST", "/v1/shipments/{id:shp}/deliver", fulfil_post_deliver, TX_WRITE, "fulfil:write",
         .reply = fulfil_shipment_fields, .status = 200, .priority = PRIORITY_NORMAL,
         .doc = "The parcel has arrived; the last one completes the order."}),
    .reacts = REACTS({"order.paid", paid}, {"order.claimed", claimed},
                     {"aftersale.refund_approved", fulfil_given_back},
                     {"aftersale.exchanged", fulfil_given_back}),
    .produces = PRODUCES({"fulfil.granted", fulfil_entitlement_fields, "May be used from now on."},
                         {"fulfil.revoked", fulfil_entitlement_fields, "Less of it, or none."},
                         {"fulfil.shipped", fulfil_event_fields, "A parcel has left."},
                         {"fulfil.delivered", fulfil_event_fields, "A parcel has arrived."},
                         {"fulfil.short", fulfil_event_fields, "A planned one is out of stock."},
                         {"fulfil.stopped", fulfil_event_fields, "Given back before it left."}),
    .timers = TIMERS({"fulfil.due", fulfil_due, "A planned shipment is to be packed."}),
    .metrics = METRICS(&granted_total),
    .person_export = fulfil_person_export,
    .patrols = PATROLS({"fulfil.open", check, "Orders count their open shipments."}),
};
