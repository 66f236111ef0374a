/*
 * fulfil_fixture.h - a shop that sells, is paid by hand and delivers, for the tests of fulfil and
 * aftersale.
 */
#ifndef GREVY_FULFIL_FIXTURE_H
#define GREVY_FULFIL_FIXTURE_H

#include "modules/fulfil/fulfil.h"
#include "test/kit/mini.h"

/** A product with one SKU at price_minor CNY; received pieces; more: further members of the SKU,
 *  beginning with a comma, or "".  Returns the SKU's id. */
const char *desk_sku(struct mini *mini, const char *code, const char *kind, int64_t price_minor,
                     int64_t received, const char *more);
void desk_receive(struct mini *mini, const char *sku, int64_t pieces);

/** An order of u1 with these lines (JSON, or NULL: one of sku, quantity, for "child"). */
const char *desk_order(struct mini *mini, const char *sku, int quantity);
const char *desk_order_lines(struct mini *mini, const char *lines);
void desk_pay(struct mini *mini, const char *order);

/** POST path with body; the status must be the one given. */
struct answer desk_post(struct mini *mini, int status, const char *path, const char *body);
struct answer desk_get(struct mini *mini, const char *path);
/** A member of GET path. */
const char *desk_text(struct mini *mini, const char *path, const char *member);
int64_t desk_int(struct mini *mini, const char *path, const char *member);

/** on_hand, reserved, sold, as "7 2 1". */
const char *desk_stock(struct mini *mini, const char *sku);
const char *desk_shipment(struct mini *mini, const char *order, int k);
const char *desk_state(struct mini *mini, const char *order);
int64_t desk_events(struct mini *mini, const char *type);
void desk_ledger_ok(struct mini *mini);

#endif
