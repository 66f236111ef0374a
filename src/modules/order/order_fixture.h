/*
 * order_fixture.h - a stall with goods, courses and gifts, for the tests of orders.
 */
#ifndef GREVY_ORDER_FIXTURE_H
#define GREVY_ORDER_FIXTURE_H

#include "modules/order/order.h"
#include "test/kit/mini.h"

/** A product on sale with one SKU.  product, sku: further members, beginning with a comma, or "".
 *  Returns the SKU's id. */
struct stall_item {
    const char *code, *kind; /* goods when left out. */
    int64_t price_minor, received;
    const char *product, *sku;
};
const char *stall_sku(struct mini *mini, struct stall_item item);

/** METHOD and path; the status must be the one given. */
struct answer stall_ask(struct mini *mini, int status, const char *request, const char *body);
/** The code of a refusal with this status. */
const char *stall_refused(struct mini *mini, int status, const char *request, const char *body);

/** The body of an order: in CNY, with these lines; more: further members, beginning with a comma.
 *  {"user":"u1", ...} unless more names a user or a channel. */
const char *stall_body(struct mini *mini, const char *lines, const char *more);
/** A line: {"sku":..,"quantity":..more}. */
const char *stall_line(struct mini *mini, const char *sku, int quantity, const char *more);
/** POST /v1/orders, 201; the answer. */
struct answer stall_order(struct mini *mini, const char *lines, const char *more);
/** Its id, of one line. */
const char *stall_buy(struct mini *mini, const char *sku, int quantity);
void stall_pay(struct mini *mini, const char *order);

/** GET path; member. */
const char *stall_text(struct mini *mini, const char *path, const char *member);
int64_t stall_int(struct mini *mini, const char *path, const char *member);
const char *stall_state(struct mini *mini, const char *order);
/** on_hand, reserved, sold, as "7 2 1". */
const char *stall_stock(struct mini *mini, const char *sku);
/** Set a setting, for a category (or NULL). */
void stall_set(struct mini *mini, const char *name, const char *category, int64_t value);
/** A key with these scopes (JSON texts, comma between). */
const char *stall_key(struct mini *mini, const char *scopes);
void stall_ledger_ok(struct mini *mini);

#endif
