/*
 * payment.h - money in, money back, and the provider's word against ours.
 *
 * Invariants:
 *   - a payment is captured at most once, whatever arrives how often and in which order;
 *   - of what was captured, the order gets what it is still open for, in the same command; the rest
 *     goes back by itself; a wrong amount or currency is held and touches no order;
 *   - refunded <= claimed <= captured, per payment: nobody is given back more than was taken;
 *   - every change of money is one immutable entry that debits one account and credits another;
 *   - no provider is called inside a command: calls are effects, answers are commands.
 */
#ifndef GREVY_PAYMENT_H
#define GREVY_PAYMENT_H

#include "modules/order/order.h"

/* Ids outside: pay_ payments, prf_ parts of refunds, out_ payouts; rfd_ refunds of aftersale. */
#define PAYMENT_REFUND_PREFIX "rfd"

enum payment_state {
    PAYMENT_CREATED,   /* The provider has not answered yet. */
    PAYMENT_PENDING,   /* The buyer may pay. */
    PAYMENT_SUCCEEDED, /* Captured. */
    PAYMENT_FAILED,
    PAYMENT_CANCELLED,
    PAYMENT_HELD,      /* Captured, but not what was asked for. */
    PAYMENT_REFUNDING, /* Captured; a refund is under way. */
    PAYMENT_REFUNDED,  /* All of it has gone back. */
};
extern const char *const payment_states[];

/* Payload of every event of this module but payment.difference_found; the event's key is the
 * order's. */
struct payment_event {
    int64_t payment, order;
    struct str provider, currency;
    int64_t amount_minor; /* Of the payment, or of the part of a refund. */
    struct str reason;    /* Absent: none. */
    int64_t part, refund; /* Of refunds; refund 0: went back by itself. */
    int64_t rest_minor;   /* payment.refunded: of this refund, what is still under way. */
    struct str route;     /* payment.refunded: "provider", "payout" or "manual". */
};
extern const struct field payment_event_fields[];

/**
 * Give back amount_minor of what the order paid, for the refund refund_id of aftersale: split over
 * its captured payments, newest first (the youngest charge is the one its provider still takes
 * back, and few parts mean few calls).  Asked again with the same refund and amount, does nothing.
 *
 * Every part that returns puts payment.refunded; the last has rest_minor 0.  A part that its
 * provider refuses puts payment.refund_failed and becomes a payout that waits for a second person;
 * approved, it puts payment.refunded.  Manual payments return, and put, inside this call.
 *
 * Needs:  a command; amount_minor > 0; the caller moves the order's refunded_minor
 *         (order_refund_line, order_refund_rest).
 * Errors: CONFLICT "refund_exceeds", "refund_differs" (same refund, another amount).
 */
MUST_CHECK enum err payment_refund(struct cx *cx, const struct order *order, int64_t amount_minor,
                                   int64_t refund_id);

/** What payment_refund could still give back. */
MUST_CHECK enum err payment_refundable(struct cx *cx, int64_t order, int64_t *minor);

extern const struct migration payment_schema[];
extern const struct module payment_module;

#endif
