/*
 * order_priv.h - between order.c (rows, states), order_quote.c (amounts), order_place.c (placing)
 * and order_http.c (routes).
 */
#ifndef GREVY_ORDER_PRIV_H
#define GREVY_ORDER_PRIV_H

#include "modules/catalog/catalog.h"
#include "modules/order/order.h"
#include "modules/stock/stock.h"

/* ---- What a buyer asks for ---- */

struct order_gift {
    int64_t value_minor;
    struct str value_currency; /* Absent: no gift. */
    int when_out;              /* enum order_when_out */
    int64_t substitute;        /* SKU, when when_out is substitute */
};
enum order_when_out { ORDER_GIFT_REFUSE, ORDER_GIFT_SKIP, ORDER_GIFT_SUBSTITUTE };

struct order_line_new {
    int64_t sku, quantity;
    struct str beneficiary;
    int64_t price_minor; /* A price agreed elsewhere (channel); needs the scope order:price. */
    struct str price_currency;
    struct order_gift gift;
};

struct order_adjustment {
    struct str code, title;
    int64_t amount_minor; /* Taken off. */
    struct str amount_currency;
};

struct order_channel_new {
    struct str name, order, identity, cipher, country;
    int64_t placed_ms;
};

struct order_new {
    struct str user, currency, note;
    struct list lines;       /* of struct order_line_new */
    struct list adjustments; /* of struct order_adjustment */
    struct list address;     /* of struct pair */
    struct order_channel_new channel;
    bool guardian_consent;
};
extern const struct field order_new_fields[];

/* ---- What it comes to ---- */

struct order_quote_line {
    struct order_line line;
    struct catalog_sku sku;
    struct str explain; /* How the amount came about, in one sentence. */
    bool skipped;       /* A gift that is out: the order is without it. */
};

struct order_quote {
    struct str currency;
    struct order_quote_line *lines;
    size_t count;
    int64_t goods_minor, discount_minor, shipping_minor, tax_minor, total_minor;
};

/** Price every line, settle gifts, allocate adjustments, add shipping, find the tax; no effect.
 *  Errors: NOT_FOUND "no_such_sku", CONFLICT "not_on_sale" | "no_price" | "rule_...",
 *          FORBIDDEN "scope_missing", BAD_INPUT, BAD_INPUT "too_many_pieces". */
MUST_CHECK enum err order_quote(struct cx *cx, const struct order_new *in, struct order_quote *out);

/** What a line says of its SKU. */
void order_line_of_sku(struct order_line *line, const struct catalog_sku *sku);

/** Gifts that are out are substituted or left out: order_gift.c.
 *  Errors: CONFLICT "out_of_stock" when nothing is left. */
MUST_CHECK enum err order_settle_gifts(struct cx *cx, const struct order_new *in,
                                       struct order_quote *quote);
/** Sale-time rules of the lines' categories: order_rules.c.  Errors: CONFLICT "rule_...". */
MUST_CHECK enum err order_check_rules(struct cx *cx, const struct order_new *in,
                                      const struct order_quote *quote);

/* ---- What it takes from stock: order_pieces.c ---- */

bool order_has_components(const struct catalog_sku *sku);
/** Of how many pieces the quote consists.  Errors: BAD_INPUT "too_many_pieces". */
MUST_CHECK enum err order_count_pieces(struct cx *cx, const struct order_quote *quote, size_t *out);

struct order_ask {
    struct order_piece piece;
    int policy; /* enum stock_policy */
    int64_t below_zero;
};
/** All that the quote's lines consist of, as list of struct order_ask; terms begin at from_ms. */
MUST_CHECK enum err order_asks(struct cx *cx, const struct order_quote *quote, int64_t from_ms,
                               struct list *out);

MUST_CHECK enum err order_place(struct cx *cx, const struct order_new *in, struct order *order,
                                struct list *lines);
void order_place_warm(struct cx *cx, const struct order_new *in);

/* ---- States ---- */

extern const struct table order_channel_table, order_note_table;
extern const struct field order_note_fields[];
struct order_channel_row {
    struct str channel, channel_order;
    int64_t order;
};
struct order_note {
    int64_t id, order;
    struct str actor, note;
    int64_t time_ms;
};

/** Move along the transition table; writes the row and puts the event of the new state.
 *  Errors: CONFLICT "illegal_transition", naming both states. */
MUST_CHECK enum err order_move(struct cx *cx, struct order *order, int state);
/** A placed order: its event, and the count. */
MUST_CHECK enum err order_announce(struct cx *cx, const struct order *order);
MUST_CHECK enum err order_put_event(struct cx *cx, const char *type, const struct order *order);
/** Whose key seals the order's personal data: the payer; a guest goes by the (first) order. */
struct str order_person(struct cx *cx, const struct order *order);
MUST_CHECK enum err order_expire(struct cx *cx, int64_t key, int64_t due_ms);

MUST_CHECK enum err order_add_note(struct cx *cx, const struct order *order, struct str text,
                                   struct order_note *out);

/* ---- Persons ---- */

/** The order of a guest becomes user's, and what was sent for it: addresses and notes are sealed
 *  under the user's key, lines without a beneficiary are the user's. */
MUST_CHECK enum err order_hand_over(struct cx *cx, struct order *order, struct str user);
/** Every order that was sent for order, of a guest, as list of struct order. */
MUST_CHECK enum err order_sent_for(struct cx *cx, int64_t order, struct list *out);
/** A JSON list: addresses and notes of a person's orders, or of one guest's order. */
enum err order_person_export(struct cx *cx, struct str person, struct json_out *out);
enum err order_person_erase(struct cx *cx, struct str person);

/* ---- Routes ---- */

MUST_CHECK enum err order_reply_list(struct req *req, struct list orders, struct str next);

enum err order_post_quote(struct req *req);
enum err order_post(struct req *req);
void order_post_warm(struct req *req);
enum err order_get_one(struct req *req);
enum err order_get_list(struct req *req);
enum err order_post_cancel(struct req *req);
enum err order_post_claim(struct req *req);
enum err order_put_address(struct req *req);
enum err order_post_note(struct req *req);
enum err order_get_notes(struct req *req);
enum err order_get_timeline(struct req *req);
enum err order_check(struct cx *cx, struct patrol_report *report);

struct order_view;
struct order_claim_new {
    struct str user;
};
struct order_address_new {
    struct list address;
};
struct order_note_new {
    struct str note;
};
struct order_list_query {
    struct page_query page;
    struct str user;
    int state;
    int64_t from_ms, to_ms;
};
struct order_timeline_query {
    struct page_query page;
};

/* ---- Reports: order_report.c ---- */

enum { ORDER_REPORT_ORDERS_MAX = 60 }; /* Of one request; SQL_BINDS_MAX leaves room for no more. */
struct order_report_query {
    struct str channel;
    struct list orders; /* of struct str */
    int by;
};
struct order_report {
    struct str key;
    int64_t orders, guest_orders, lines, sold_quantity, sold_minor;
    int64_t returned_quantity, returned_minor;
};
extern const struct field order_report_query_fields[], order_report_fields[];
enum err order_post_report(struct req *req);

extern const struct field order_view_fields[], order_quote_view_fields[], order_claim_new_fields[],
    order_address_new_fields[], order_note_new_fields[], order_note_fields[],
    order_list_query_fields[], order_timeline_query_fields[], order_timeline_fields[];

extern struct setting order_pay_within_ms, order_shipping_fee_minor, order_shipping_free_minor,
    order_prepaid_days_max, order_prepaid_minor_max, order_guardian_consent;

#endif
