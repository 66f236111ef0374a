/*
 * order.h - orders from quote to completion.
 *
 * Invariants:
 *   - amounts are frozen when the order is placed: total = goods - discount + shipping, the lines'
 *     totals and the shipping add up to it, and the units' shares of a line add up to the line;
 *   - state changes only along order_transitions (order.c); after-sale amounts stand beside it;
 *   - an order that is not paid by expires_ms is expired and has given back its stock;
 *   - paid_minor and refunded_minor change only through payment and aftersale, in the transaction
 *     that moves the money; refunded <= paid;
 *   - every line names who pays (the order's user) and who receives (its beneficiary).
 */
#ifndef GREVY_ORDER_H
#define GREVY_ORDER_H

#include "kernel/kernel.h"

enum {
    ORDER_LINES_MAX = 1500,  /* The longest real invoice of a wholesaler had 1,114. */
    ORDER_PIECES_MAX = 5000, /* Lines with their bundles taken apart: at about 1 KiB each, what can
                                be placed can be paid, shipped and refunded in one command. */
    ORDER_QUANTITY_MAX = 1000000,
    ORDER_USER_LEN_MAX = 64,
    ORDER_ADJUSTMENTS_MAX = 20,
    ORDER_NOTE_LEN_MAX = 1000,
};

enum order_state {
    ORDER_PENDING_PAYMENT,
    ORDER_PAID,
    ORDER_FULFILLING,
    ORDER_COMPLETED,
    ORDER_CANCELLED,
    ORDER_EXPIRED
};
extern const char *const order_states[];

enum order_kind { ORDER_SALE, ORDER_EXCHANGE, ORDER_RESHIP };
extern const char *const order_kinds[];

struct order {
    int64_t id;
    struct str user;
    int kind, state;
    struct str currency;
    int64_t goods_minor, discount_minor, shipping_minor, tax_minor, total_minor;
    int64_t paid_minor, refunded_minor;
    struct str channel, channel_order, channel_identity, channel_cipher, channel_country;
    int64_t channel_time_ms;
    int64_t parent;
    int64_t guest;      /* Sent for this order of a guest, whose key seals it too; or 0. */
    struct str address; /* Sealed. */
    int64_t labelled, line_count;
    int64_t created_ms, expires_ms, paid_ms, ended_ms;
};

struct order_line {
    int64_t order, line, sku;
    struct str code, title;
    int kind; /* enum catalog_kind */
    struct str category, entity, location, beneficiary;
    int64_t quantity, unit_minor, discount_minor, total_minor, tax_ppm, tax_minor, gift_minor;
    int64_t refunded_count, refunded_minor;
    struct str currency; /* The order's; not a column. */
};

extern const struct table order_table, order_line_table;
extern const struct field order_fields[], order_line_fields[];

/* Payload of every event of this module. */
struct order_event {
    int64_t order;
    struct str user, currency;
    int64_t total_minor, paid_minor;
    int state;
    int64_t parent;
};
extern const struct field order_event_fields[];

/** Errors: NOT_FOUND "no_such_order". */
MUST_CHECK enum err order_get(struct cx *cx, int64_t id, struct order *out);
/** All lines, in order, as list of struct order_line with their currency set. */
MUST_CHECK enum err order_lines(struct cx *cx, const struct order *order, struct list *out);
/** "ord_..." : the key of all events about this order. */
struct str order_key(struct cx *cx, int64_t id);

/** Money came in.  Makes the order paid when all of it is there: stock is handed over, the expiry
 *  is cancelled, order.paid is put.
 *  Needs: a pending order; amount_minor > 0.  Errors: CONFLICT "illegal_transition". */
MUST_CHECK enum err order_pay(struct cx *cx, struct order *order, int64_t amount_minor);

/** Money that comes when the time is over comes too late, also when the expiry's timer is late: a
 *  pending order that is overdue expires now, and gives back its stock. */
MUST_CHECK enum err order_overdue(struct cx *cx, struct order *order);

/** The frozen share of count units of the line, after those refunded already: the last takes the
 *  remainder.  Needs: 0 < count <= quantity - refunded_count. */
int64_t order_line_share(const struct order_line *line, int64_t count);

/** count units of a line are refunded: moves the counters, not the money.
 *  Errors: CONFLICT "refund_exceeds" when more would be refunded than was bought or paid. */
MUST_CHECK enum err order_refund_line(struct cx *cx, struct order *order, struct order_line *line,
                                      int64_t count, int64_t amount_minor);

/** Money went back that belongs to no line: a part payment of an order that ended.
 *  Errors: CONFLICT "refund_exceeds". */
MUST_CHECK enum err order_refund_rest(struct cx *cx, struct order *order, int64_t amount_minor);

/* Sums over the orders with from < id <= to: what another ledger is held against. */
struct order_sums {
    int64_t orders, paid_minor, refunded_minor;
};
MUST_CHECK enum err order_sums(struct cx *cx, int64_t from, int64_t to, struct order_sums *out);

/** Delivery began, or all is delivered.  Later states stay as they are. */
MUST_CHECK enum err order_fulfilling(struct cx *cx, struct order *order);
MUST_CHECK enum err order_complete(struct cx *cx, struct order *order);
/** A parcel has its label: the address stands. */
MUST_CHECK enum err order_labelled(struct cx *cx, struct order *order);

/* What a line consists of, to be delivered: itself, its components, or both. */
struct order_piece {
    int64_t line, sku;
    struct str code, title;
    int kind; /* enum catalog_kind; never a bundle. */
    struct str location;
    int64_t quantity; /* Of the whole line: a multiple of the line's quantity. */
    int64_t term_days;
    int64_t due_ms; /* Planned for then; 0: at once, and reserved with the order. */
};
/** The pieces of lines (of struct order_line), in their order, as list of struct order_piece. */
MUST_CHECK enum err order_pieces(struct cx *cx, const struct order *order, struct list lines,
                                 struct list *out);

/** A linked order without payment, from the lines (sku, quantity, beneficiary) of another: paid at
 *  once, its stock reserved.  Errors: CONFLICT "out_of_stock". */
struct order_linked {
    const struct order *of;
    int kind;
    struct list lines; /* of struct order_line: line, sku, quantity are used */
};
MUST_CHECK enum err order_place_linked(struct cx *cx, const struct order_linked *in,
                                       struct order *out);

extern const struct migration order_schema[];
extern const struct module order_module;

#endif
