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

/* ---- One act, again and again: order_fault_fixture.c ----
 *
 * What is shown of each: refused, it changed nothing; done, whether at once or after a refusal, it
 * changed what it changes undisturbed. */

/* What is asked of the server; number tells the acts of a test apart. */
struct act {
    const char *request, *body;
};
typedef struct act act_prepare(struct mini *mini, int number);

/** A request with each statement failing once.  The answer to a refused one is 5xx; the same
 *  request, sent again under its Idempotency-Key, is done. */
void act_faults(struct mini *mini, act_prepare *prepare);
/** A request in growing memory: 413 until it is done. */
void act_starves(struct mini *mini, act_prepare *prepare);

/* A command that the kernel runs by itself: a timer, a job. */
struct act_work {
    int64_t key;                                       /* Of the last that prepare made due. */
    enum err (*run)(struct cx *cx, int64_t key);       /* What starves. */
    int64_t due_in_ms;                                 /* It runs by itself after so long. */
    int64_t (*prepare)(struct mini *mini, int number); /* Returns key. */
};
/** Due work with each statement failing once: all of it is done or nothing; later all of it is. */
void act_work_faults(struct mini *mini, const struct act_work *work);
/** The same in growing memory: too large until it is done. */
void act_work_starves(struct mini *mini, const struct act_work *work);

/** All events told again change nothing. */
void act_told_twice(struct mini *mini);

#endif
