/*
 * fulfil_priv.h - between fulfil.c (rows, what is paid becomes), fulfil_ship.c (parcels, terms),
 * fulfil_back.c (what is given back) and fulfil_http.c (reading).
 */
#ifndef GREVY_FULFIL_PRIV_H
#define GREVY_FULFIL_PRIV_H

#include "modules/catalog/catalog.h"
#include "modules/fulfil/fulfil.h"
#include "modules/stock/stock.h"

enum fulfil_state {
    SHIPMENT_PLANNED, /* Not due yet; nothing is reserved. */
    SHIPMENT_SHORT,   /* Due, but out of stock: tried again every hour. */
    SHIPMENT_READY,   /* Reserved: may ship. */
    SHIPMENT_SHIPPED,
    SHIPMENT_DELIVERED,
    SHIPMENT_STOPPED, /* All of it was given back before it shipped. */
};

struct fulfil_order {
    int64_t order, open;
};

struct fulfil_shipment {
    int64_t id, order;
    struct str location;
    int state;
    int64_t stock_ref, due_ms;
    struct str carrier, tracking;
    int64_t created_ms, shipped_ms, delivered_ms;
    struct list items; /* of struct fulfil_item; not a column */
};
struct fulfil_item {
    int64_t shipment, line, sku;
    struct str code, title;
    int64_t quantity;
};
extern const struct table fulfil_order_table, fulfil_entitlement_table, fulfil_shipment_table,
    fulfil_item_table;
extern const struct field fulfil_shipment_row_fields[];
#define FULFIL_SHIPMENT_COLUMNS                                                                    \
    "select id, order_id, location, state, stock_ref, due_ms, carrier, tracking, created_ms,"      \
    " shipped_ms, delivered_ms from fulfil_shipment"
#define FULFIL_ENTITLEMENT_COLUMNS                                                                 \
    "select order_id, line, sku, id, user_id, code, title, kind, quantity, from_ms, until_ms,"     \
    " revoked_ms from fulfil_entitlement"

/** With its items.  Errors: NOT_FOUND "no_such_shipment". */
MUST_CHECK enum err fulfil_get(struct cx *cx, int64_t id, struct fulfil_shipment *out);
/** Fill shipment->items, in order. */
MUST_CHECK enum err fulfil_items(struct cx *cx, struct fulfil_shipment *shipment);
MUST_CHECK enum err fulfil_put_event(struct cx *cx, const char *type,
                                     const struct fulfil_shipment *shipment);
struct stock_piece fulfil_piece(const struct fulfil_shipment *shipment,
                                const struct fulfil_item *item, int64_t quantity);
/** closed more shipments of the order are over; none left completes it. */
MUST_CHECK enum err fulfil_close(struct cx *cx, int64_t order, int64_t closed);
/** One more is open. */
MUST_CHECK enum err fulfil_open_more(struct cx *cx, int64_t order);

enum err fulfil_given_back(struct cx *cx, const struct event *event);
enum err fulfil_due(struct cx *cx, int64_t shipment, int64_t due_ms);

/* ---- Routes ---- */

struct fulfil_part {
    int64_t line, sku, quantity;
};
struct fulfil_ship_new {
    struct str carrier, tracking;
    struct list lines; /* of struct fulfil_part; none: all of it */
    bool delivered;
};
struct fulfil_entitlement_query {
    struct page_query page;
    bool active;
};
struct fulfil_page_query {
    struct page_query page;
};
struct fulfil_shipment_query {
    struct page_query page;
    int state;
    struct str location;
};
extern const struct field fulfil_ship_new_fields[], fulfil_shipment_fields[],
    fulfil_entitlement_query_fields[], fulfil_page_query_fields[], fulfil_shipment_query_fields[];

enum err fulfil_post_ship(struct req *req);
enum err fulfil_post_deliver(struct req *req);
enum err fulfil_get_one(struct req *req);
enum err fulfil_get_of_order(struct req *req);
enum err fulfil_get_list(struct req *req);
enum err fulfil_get_entitlements(struct req *req);
enum err fulfil_person_export(struct cx *cx, struct str person, struct json_out *out);

#endif
