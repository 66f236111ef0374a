/*
 * stock_priv.h - between stock.c (levels, reservations), stock_http.c (routes) and stock_check.c
 * (patrol).
 */
#ifndef GREVY_STOCK_PRIV_H
#define GREVY_STOCK_PRIV_H

#include "modules/stock/stock.h"

enum stock_kind { STOCK_RECEIVE, STOCK_ADJUST, STOCK_SELL, STOCK_RETURN };
extern const char *const stock_kinds[];

struct stock_reservation {
    int64_t ref, line, sku;
    struct str location;
    int64_t quantity, open, sold, deadline_ms, created_ms, closed_ms;
};

struct stock_movement {
    int64_t id, sku;
    struct str location;
    int kind;
    int64_t quantity, on_hand, sold, ref, line;
    struct str reason, actor;
    int64_t time_ms;
};

extern const struct table stock_level_table, stock_reservation_table, stock_movement_table;
extern const struct field stock_level_fields[], stock_reservation_fields[], stock_movement_fields[];

/* Reservations that outlived ?1, at most ?2 of them. */
extern const char stock_sweep_sql[];
/** The job. */
enum err stock_sweep(struct cx *cx, bool *more);

/** Change on_hand by quantity (negative: it leaves) and write the movement.
 *  Errors: CONFLICT "below_reserved" when an adjustment would take what is promised. */
MUST_CHECK enum err stock_move(struct cx *cx, struct stock_movement *movement);

enum err stock_post_movement(struct req *req);
enum err stock_get(struct req *req);
enum err stock_get_movements(struct req *req);
enum err stock_check(struct cx *cx, struct patrol_report *report);

extern const struct field stock_movement_new_fields[], stock_view_fields[],
    stock_movements_query_fields[];
struct stock_movement_new {
    int64_t sku, quantity;
    int kind;
    struct str location, reason;
};
struct stock_view {
    int64_t sku, on_hand, reserved, available, sold, planned;
    struct list locations; /* of struct stock_level */
};
struct stock_movements_query {
    struct page_query page;
};

#endif
