/*
 * aftersale_priv.h - between aftersale.c (rows, states, the table), aftersale_refund.c (amounts,
 * approval, money), aftersale_linked.c (exchange, re-shipment) and aftersale_http.c (routes).
 */
#ifndef GREVY_AFTERSALE_PRIV_H
#define GREVY_AFTERSALE_PRIV_H

#include "modules/aftersale/aftersale.h"
#include "modules/catalog/catalog.h"
#include "modules/payment/payment.h"

enum { AFTERSALE_REASON_LEN_MAX = 200, AFTERSALE_REFERENCE_LEN_MAX = 64 };

enum aftersale_state {
    REFUND_WAITING,   /* For a second person. */
    REFUND_REFUNDING, /* The money is under way. */
    REFUND_REFUNDED,
    REFUND_FAILED, /* A provider refused: until its payout, or another try, brings it back. */
    REFUND_REJECTED,
};
extern const char *const aftersale_states[];

/* Is the shipping fee given back? */
enum aftersale_shipping {
    SHIPPING_UNSHIPPED, /* When nothing of the order is left and no parcel was labelled. */
    SHIPPING_REFUND,    /* All of it that is left. */
    SHIPPING_KEEP,
};
extern const char *const aftersale_shippings[];

struct aftersale_refund {
    int64_t id, order;
    int state;
    struct str reference, reason, currency;
    int64_t goods_minor, shipping_minor, amount_minor;
    int shipping;
    bool restock;
    struct str requested_by, decided_by, note, failure;
    int64_t at_ms, created_ms, decided_ms, ended_ms;
    struct list lines; /* of struct aftersale_line; not a column */
};
struct aftersale_line {
    int64_t refund, line, quantity, amount_minor, clawed;
    struct str currency; /* The refund's; not a column. */
};
extern const struct table aftersale_refund_table, aftersale_line_table;
extern const struct field aftersale_refund_fields[];
#define AFTERSALE_REFUND_COLUMNS                                                                   \
    "select id, order_id, state, reference, reason, currency, goods_minor, shipping_minor,"        \
    " amount_minor, shipping, restock, requested_by, decided_by, note, failure, at_ms,"            \
    " created_ms, decided_ms, ended_ms from aftersale_refund"

/** Errors: NOT_FOUND "no_such_refund". */
MUST_CHECK enum err aftersale_get(struct cx *cx, int64_t id, struct aftersale_refund *out);
/** Fill refund->lines, in order. */
MUST_CHECK enum err aftersale_lines(struct cx *cx, struct aftersale_refund *refund);
MUST_CHECK enum err aftersale_put_event(struct cx *cx, const char *type,
                                        const struct aftersale_refund *refund);
/** Errors: CONFLICT "not_paid": only what was paid can come back. */
MUST_CHECK enum err aftersale_check_paid(struct cx *cx, const struct order *order);

/* ---- Refunds ---- */

struct aftersale_refund_new {
    struct list lines; /* of struct aftersale_part; none: all that is left */
    struct str reason, reference;
    bool restock;
    int shipping;
    int64_t at_ms;
};
/** What it comes to now, and its lines.  refund has id, order, shipping set.
 *  Errors: CONFLICT "refund_exceeds", "nothing_to_refund"; BAD_INPUT. */
MUST_CHECK enum err aftersale_plan(struct cx *cx, const struct order *order, struct list wanted,
                                   struct aftersale_refund *refund);
/** Units of the line that may be given back or exchanged: not those that were, wait to be, or are
 *  out in exchange. */
MUST_CHECK enum err aftersale_left(struct cx *cx, const struct order *order, int64_t line,
                                   int64_t *out);
/** Do it: counters, event, money.  refund is planned and its row does not say so yet. */
MUST_CHECK enum err aftersale_apply(struct cx *cx, struct order *order,
                                    struct aftersale_refund *refund);

enum err aftersale_payment_refunded(struct cx *cx, const struct event *event);
enum err aftersale_payment_failed(struct cx *cx, const struct event *event);

/* ---- Routes ---- */

struct aftersale_decision {
    struct str note;
};
struct aftersale_list_query {
    struct page_query page;
    int state;
    struct str reference;
};
struct aftersale_page_query {
    struct page_query page;
};
struct aftersale_swap {
    int64_t line, quantity, sku;
};
struct aftersale_linked_new {
    struct list lines; /* of struct aftersale_swap */
    struct str reason;
    bool restock;
};
struct aftersale_linked {
    int64_t linked, item, line, order;
    int kind; /* enum order_kind */
    int64_t quantity, sku;
    struct str reason, actor;
    int64_t created_ms;
};
extern const struct field aftersale_refund_new_fields[], aftersale_refund_view_fields[],
    aftersale_decision_fields[], aftersale_list_query_fields[], aftersale_page_query_fields[],
    aftersale_exchange_new_fields[], aftersale_reship_new_fields[], aftersale_linked_fields[],
    aftersale_linked_reply_fields[];
extern const struct table aftersale_linked_table;

enum err aftersale_post(struct req *req);
enum err aftersale_get_one(struct req *req);
enum err aftersale_get_list(struct req *req);
enum err aftersale_get_of_order(struct req *req);
enum err aftersale_post_approve(struct req *req);
enum err aftersale_post_reject(struct req *req);
enum err aftersale_post_exchange(struct req *req);
enum err aftersale_post_reship(struct req *req);
enum err aftersale_get_linked(struct req *req);

extern struct setting aftersale_approval_from_minor, aftersale_reships_max;
extern struct metric aftersale_requested_total, aftersale_refunded_total;

#endif
