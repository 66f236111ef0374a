/*
 * fulfil_http.c - reading shipments and entitlements.
 */
#include "modules/fulfil/fulfil_priv.h"

const struct field fulfil_entitlement_query_fields[] = {
    PAGE_FIELDS(fulfil_entitlement_query),
    F(fulfil_entitlement_query, active, .doc = "Only what may be used now."), F_END};

const struct field fulfil_page_query_fields[] = {PAGE_FIELDS(fulfil_page_query), F_END};

static const char *const state_filter[] = {"any",     "planned",   "short",   "ready",
                                           "shipped", "delivered", "stopped", NULL};
const struct field fulfil_shipment_query_fields[] = {
    PAGE_FIELDS(fulfil_shipment_query), F_ENUM(fulfil_shipment_query, state, state_filter),
    F(fulfil_shipment_query, location, .min = 1, .max = STOCK_LOCATION_LEN_MAX), F_END};

static const struct field item_view_fields[] = {
    F(fulfil_item, line),  F_ID(fulfil_item, sku, "sku"), F(fulfil_item, code),
    F(fulfil_item, title), F(fulfil_item, quantity),      F_END};
const struct field fulfil_shipment_fields[] = {
    F_ID(fulfil_shipment, id, "shp"),
    F_ID(fulfil_shipment, order, "ord"),
    F_ENUM(fulfil_shipment, state, fulfil_states),
    F(fulfil_shipment, location),
    F(fulfil_shipment, carrier),
    F(fulfil_shipment, tracking),
    F_TIME(fulfil_shipment, due_ms, "due_at", .doc = "Null: at once."),
    F_TIME(fulfil_shipment, created_ms, "created_at"),
    F_TIME(fulfil_shipment, shipped_ms, "shipped_at"),
    F_TIME(fulfil_shipment, delivered_ms, "delivered_at"),
    F_LIST(fulfil_shipment, items, fulfil_item, item_view_fields, .max = ORDER_PIECES_MAX),
    F_END};

enum err fulfil_get_one(struct req *req)
{
    struct fulfil_shipment shipment;

    TRY(fulfil_get(req->cx, req->params[0].id, &shipment));
    return reply_json(req, 200, fulfil_shipment_fields, &shipment);
}

/* One shipment more than the page was read: it says that there is a next page.  A page ends early
 * where its items would be more than one order's. */
static enum err reply_shipments(struct req *req, struct list rows, int64_t limit)
{
    size_t shown = 0, items = 0;
    struct str next = {0};

    while (shown < rows.count && (int64_t)shown < limit && items < ORDER_PIECES_MAX) {
        struct fulfil_shipment *shipment = LIST_AT(rows, struct fulfil_shipment, shown++);

        TRY(fulfil_items(req->cx, shipment));
        items += shipment->items.count;
    }
    if (shown < rows.count)
        next = cursor_make(req->cx, LIST_AT(rows, struct fulfil_shipment, shown - 1)->id, 0);
    rows.count = shown;
    return reply_page(req, fulfil_shipment_fields, rows, sizeof(struct fulfil_shipment), next);
}

enum err fulfil_get_of_order(struct req *req)
{
    const struct fulfil_page_query *in = req->query;
    int64_t after = 0, unused = 0;
    struct order order;
    struct list rows;

    TRY(order_get(req->cx, req->params[0].id, &order));
    TRY(cursor_read(req->cx, in->page.cursor, &after, &unused));
    TRY(sql_all(req->cx, fulfil_shipment_row_fields, sizeof(struct fulfil_shipment), &rows,
                FULFIL_SHIPMENT_COLUMNS " where order_id = ?1 and id > ?2 order by id limit ?3",
                BIND(INT(order.id), INT(after), INT(in->page.limit + 1))));
    return reply_shipments(req, rows, in->page.limit);
}

enum err fulfil_get_list(struct req *req)
{
    const struct fulfil_shipment_query *in = req->query;
    struct str location = in->location.ptr ? in->location : STR("");
    int64_t after = 0, unused = 0, limit = in->page.limit;
    struct cx *cx = req->cx;
    struct list rows;

    TRY(cursor_read(cx, in->page.cursor, &after, &unused));
    if (in->state)
        TRY(sql_all(cx, fulfil_shipment_row_fields, sizeof(struct fulfil_shipment), &rows,
                    FULFIL_SHIPMENT_COLUMNS " where state = ?1 and id > ?2"
                                            " and (?3 = '' or location = ?3) order by id limit ?4",
                    BIND(TEXT(str_of(state_filter[in->state])), INT(after), TEXT(location),
                         INT(limit + 1))));
    else
        TRY(sql_all(cx, fulfil_shipment_row_fields, sizeof(struct fulfil_shipment), &rows,
                    FULFIL_SHIPMENT_COLUMNS " where id > ?1 and (?2 = '' or location = ?2)"
                                            " order by id limit ?3",
                    BIND(INT(after), TEXT(location), INT(limit + 1))));
    return reply_shipments(req, rows, limit);
}

enum err fulfil_get_entitlements(struct req *req)
{
    const struct fulfil_entitlement_query *in = req->query;
    int64_t after = 0, unused = 0, limit = in->page.limit;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct list rows;

    TRY(cursor_read(cx, in->page.cursor, &after, &unused));
    TRY(sql_all(cx, fulfil_entitlement_fields, sizeof(struct fulfil_entitlement), &rows,
                FULFIL_ENTITLEMENT_COLUMNS
                " where user_id = ?1 and id > ?2 and (?3 = 0 or (revoked_ms = 0"
                " and from_ms <= ?4 and (until_ms = 0 or until_ms > ?4))) order by id limit ?5",
                BIND(TEXT(req->params[0].text), INT(after), INT(in->active), INT(cx_now_ms(cx)),
                     INT(limit + 1))));
    if ((int64_t)rows.count > limit) {
        rows.count = (size_t)limit;
        next = cursor_make(cx, LIST_AT(rows, struct fulfil_entitlement, rows.count - 1)->id, 0);
    }
    return reply_page(req, fulfil_entitlement_fields, rows, sizeof(struct fulfil_entitlement),
                      next);
}

enum err fulfil_person_export(struct cx *cx, struct str person, struct json_out *out)
{
    struct list rows;

    TRY(sql_all(cx, fulfil_entitlement_fields, sizeof(struct fulfil_entitlement), &rows,
                FULFIL_ENTITLEMENT_COLUMNS " where user_id = ?1 order by id", BIND(TEXT(person))));
    json_list(out);
    for (size_t k = 0; k < rows.count; k++)
        field_write(out, fulfil_entitlement_fields, LIST_AT(rows, struct fulfil_entitlement, k));
    json_list_end(out);
    return OK;
}
