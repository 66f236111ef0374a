/*
 * payment_fixture.h - a shop with one SKU and a scripted provider, for the tests of payment.
 *
 * The provider stands where the sandbox would: it answers calls as its members say, remembers them,
 * and sends nothing by itself; tests send its notices.
 */
#ifndef GREVY_PAYMENT_FIXTURE_H
#define GREVY_PAYMENT_FIXTURE_H

#include "modules/payment/payment.h"
#include "test/kit/mini.h"

enum { PRICE_MINOR = 1990, FEE_MINOR = 12 };

struct shop {
    struct mini *mini;
    struct dispatcher *dispatcher; /* For requests without a key. */
    const char *sku;
    /* How the provider answers. */
    int charge_status, refund_status;       /* HTTP; 0: no answer at all. */
    const char *refund_state;               /* "succeeded", "pending", "failed" */
    const char *asked_state, *asked_refund; /* When asked, their states; NULL: 404. */
    int64_t asked_minor;                    /* What it then says it took, or gave back, */
    int64_t asked_ms;                       /* and when; 0: now. */
    const char *statement, *statement_more; /* Bodies of the first and of the second page. */
    int charges, refunds, statements, asks; /* Calls it got. */
    char last_reference[40];                /* Of the last refund asked for. */
    int notices;                            /* Drawn: names of events. */
};

struct shop *shop_open(const char *db);
void shop_close(struct shop *shop);

/** Place an order of quantity pieces; returns its id. */
const char *shop_order(struct shop *shop, int quantity);
/** Ask for a payment of amount_minor (0: all) by the sandbox, and let the charge be made. */
const char *shop_intent(struct shop *shop, const char *order, int64_t amount_minor);
/** A manual payment of all that is open. */
const char *shop_pay_by_hand(struct shop *shop, const char *order);

struct notice {
    const char *type, *ours; /* "charge.succeeded", "pay_..." */
    const char *ref;         /* NULL: the name that the fixture gave the charge or refund. */
    int64_t amount_minor;
    const char *currency; /* NULL: CNY */
    const char *event;    /* NULL: a new one */
    int64_t age_ms;       /* Signed that long ago. */
    bool forged;          /* Signed with another secret. */
};
struct answer shop_notify(struct shop *shop, const struct notice *notice);
/** "charge.succeeded" of the amount; the outcome must be the one given. */
void shop_succeed(struct shop *shop, const char *payment, int64_t amount_minor,
                  const char *outcome);

/** payment_refund, as aftersale calls it, by the actor "system"; false with *code when refused.
 *  The order's counters move as order_refund_rest moves them. */
bool shop_refund(struct shop *shop, const char *order, int64_t amount_minor, int64_t refund,
                 const char **code);

const char *shop_payment(struct shop *shop, const char *payment, const char *path);
int64_t shop_order_int(struct shop *shop, const char *order, const char *path);
const char *shop_order_state(struct shop *shop, const char *order);
int64_t shop_events(struct shop *shop, const char *type);
int64_t shop_balance(struct shop *shop, const char *account);
void shop_ledger_ok(struct shop *shop);
/** All that money touches, as one number: the same before and after means that nothing changed, and
 *  what is done to another order of the same amounts changes it by as much. */
int64_t shop_digest(struct shop *shop);
bool shop_balanced(struct shop *shop); /* Asks, and says nothing. */

#endif
