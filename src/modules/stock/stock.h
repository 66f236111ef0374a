/*
 * stock.h - how much there is, promised and gone; never oversold, never leaked.
 *
 * Invariants:
 *   - on_hand changes only together with a movement that says why and carries the new balance;
 *   - reserved is the sum of what is open over the reservations of that SKU and location;
 *   - on_hand - reserved never falls below what the SKU's policy allows at the moment of promising;
 *   - a reservation ends in exactly one way per piece: released, or sold (and perhaps returned);
 *   - all that one order asks for is reserved together or not at all.
 *
 * Class seats are stock: the SKU of a term, received as its capacity.
 */
#ifndef GREVY_STOCK_H
#define GREVY_STOCK_H

#include "kernel/kernel.h"

#define STOCK_QUANTITY_MAX INT64_C(1000000000) /* Pieces in one movement. */
enum { STOCK_LOCATION_LEN_MAX = 32, STOCK_REASON_LEN_MAX = 200 };
#define STOCK_LOCATION_MAIN "main"

enum stock_policy { STOCK_DENY, STOCK_UNLIMITED, STOCK_BELOW_ZERO };

/* One line's wish: quantity pieces of sku at location. */
struct stock_ask {
    int64_t line, sku, quantity;
    struct str location;
    int policy;
    int64_t below_zero; /* How far BELOW_ZERO may go. */
};

struct stock_level {
    int64_t sku;
    struct str location;
    int64_t on_hand, reserved, sold;
};

/**
 * Promise all asks to order ref until deadline_ms, or none.  UNLIMITED asks leave no trace.
 *
 * Needs:  a command; ref has no reservations yet; asks of one line stand together.
 * Errors: CONFLICT "out_of_stock" with members sku, available and line.
 */
MUST_CHECK enum err stock_reserve(struct cx *cx, int64_t ref, int64_t deadline_ms,
                                  const struct stock_ask *asks, size_t count);
/** row_warm of the levels that stock_reserve will read. */
void stock_warm(struct cx *cx, int64_t sku, struct str location);

/** on_hand - reserved, which BELOW_ZERO may let fall under 0. */
MUST_CHECK enum err stock_available(struct cx *cx, int64_t sku, struct str location, int64_t *out);

/** Paid: the reservations of ref lose their deadline and wait for delivery.
 *  Errors: CONFLICT "reservation_died" when they outlived it and were swept. */
MUST_CHECK enum err stock_hand_over(struct cx *cx, int64_t ref);

/** Give back all that is open of ref. */
MUST_CHECK enum err stock_release(struct cx *cx, int64_t ref);

/* Pieces of one SKU that a line of ref was promised, as in its ask.  What is UNLIMITED has no
 * reservation: the calls below do nothing for it.  More than there is counts as all of it. */
struct stock_piece {
    int64_t ref, line, sku, quantity;
    struct str location;
};

/** Undelivered pieces that will not be delivered are free again. */
MUST_CHECK enum err stock_release_piece(struct cx *cx, const struct stock_piece *piece);

/** Delivered, or on their way: the pieces leave on_hand. */
MUST_CHECK enum err stock_sell(struct cx *cx, const struct stock_piece *piece);

/** Sold pieces come back into on_hand. */
MUST_CHECK enum err stock_return(struct cx *cx, const struct stock_piece *piece, struct str reason);

/** Planned demand of a later shipment; reserved by nobody. */
MUST_CHECK enum err stock_plan(struct cx *cx, const struct stock_piece *piece, int64_t due_ms);
/** Of what is planned for due_ms, piece->quantity is not wanted any more, or is reserved now. */
MUST_CHECK enum err stock_plan_less(struct cx *cx, const struct stock_piece *piece, int64_t due_ms);
MUST_CHECK enum err stock_plan_drop(struct cx *cx, int64_t ref);

extern const struct migration stock_schema[]; /* Made by the build from schema/. */
extern const struct module stock_module;

#endif
