/*
 * stock_http.c - the routes of stock.
 */
#include "modules/stock/stock_priv.h"

static const char *const kinds_by_hand[] = {"receive", "adjust", NULL};

const struct field stock_movement_new_fields[] = {
    F_ID(stock_movement_new, sku, "sku", .flags = FIELD_REQUIRED),
    F_ENUM(stock_movement_new, kind, kinds_by_hand, .flags = FIELD_REQUIRED,
           .doc = "Selling and returning follow orders; by hand one receives and adjusts."),
    F(stock_movement_new, quantity, .flags = FIELD_REQUIRED, .min = -STOCK_QUANTITY_MAX,
      .max = STOCK_QUANTITY_MAX, .doc = "Pieces; negative only in an adjustment."),
    F(stock_movement_new, location, .min = 1, .max = STOCK_LOCATION_LEN_MAX,
      .doc = "Where; main when left out."),
    F(stock_movement_new, reason, .max = STOCK_REASON_LEN_MAX, .doc = "Required in an adjustment."),
    F_END};

const struct field stock_view_fields[] = {
    F_ID(stock_view, sku, "sku"),
    F(stock_view, on_hand),
    F(stock_view, reserved),
    F(stock_view, available, .doc = "on_hand - reserved"),
    F(stock_view, sold, .doc = "on_hand + sold = all received"),
    F(stock_view, planned, .doc = "Later shipments of running terms; not reserved."),
    F_LIST(stock_view, locations, stock_level, stock_level_fields),
    F_END};

const struct field stock_movements_query_fields[] = {PAGE_FIELDS(stock_movements_query), F_END};

enum err stock_post_movement(struct req *req)
{
    const struct stock_movement_new *in = req->body;
    struct cx *cx = req->cx;
    struct stock_movement movement = {.sku = in->sku,
                                      .location = in->location.ptr ? in->location
                                                                   : STR(STOCK_LOCATION_MAIN),
                                      .kind = in->kind == 0 ? STOCK_RECEIVE : STOCK_ADJUST,
                                      .quantity = in->quantity,
                                      .reason = in->reason.ptr ? in->reason : STR("")};

    if (movement.quantity == 0 || (movement.kind == STOCK_RECEIVE && movement.quantity < 0))
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/quantity",
                       "quantity: receive takes 1 and up, adjust anything but 0");
    if (movement.kind == STOCK_ADJUST && movement.reason.len == 0)
        return fail_at(cx, ERR_BAD_INPUT, "required", "/reason",
                       "reason: say why the count was wrong");
    TRY(stock_move(cx, &movement));
    return reply_json(req, 201, stock_movement_fields, &movement);
}

enum err stock_get(struct req *req)
{
    struct stock_view view = {.sku = req->params[0].id};
    struct cx *cx = req->cx;

    TRY(sql_all(cx, stock_level_fields, sizeof(struct stock_level), &view.locations,
                "select sku, location, on_hand, reserved, sold from stock_level where sku = ?1"
                " order by location",
                BIND(INT(view.sku))));
    TRY(sql_int(cx, &view.planned, 0,
                "select cast(sum(quantity) as bigint) from stock_plan where sku = ?1",
                BIND(INT(view.sku))));
    for (size_t k = 0; k < view.locations.count; k++) {
        const struct stock_level *level = LIST_AT(view.locations, struct stock_level, k);

        view.on_hand += level->on_hand;
        view.reserved += level->reserved;
        view.sold += level->sold;
    }
    view.available = view.on_hand - view.reserved;
    return reply_json(req, 200, stock_view_fields, &view);
}

enum err stock_get_movements(struct req *req)
{
    const struct stock_movements_query *query = req->query;
    int64_t before = INT64_MAX, unused = 0;
    struct str next = {0};
    struct cx *cx = req->cx;
    struct list rows;

    TRY(cursor_read(cx, query->page.cursor, &before, &unused));
    TRY(sql_all(cx, stock_movement_fields, sizeof(struct stock_movement), &rows,
                "select id, sku, location, kind, quantity, on_hand, sold, ref, line, reason, actor,"
                " time_ms from stock_movement where sku = ?1 and id < ?2 order by id desc limit ?3",
                BIND(INT(req->params[0].id), INT(before), INT(query->page.limit))));
    if ((int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct stock_movement, rows.count - 1)->id, 0);
    return reply_page(req, stock_movement_fields, rows, sizeof(struct stock_movement), next);
}
