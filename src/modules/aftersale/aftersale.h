/*
 * aftersale.h - money back, goods exchanged, goods sent once more.
 *
 * Invariants:
 *   - a refund gives back exactly the frozen share of each unit; the shares of all units of a line
 *     are its total, so the last refund takes the remainder;
 *   - never more units than were bought and never more money than was paid come back, whatever runs
 *     at once: the order's counters move in the command that sends the money;
 *   - a refund that waits for approval holds its units, so nobody else is promised them;
 *   - who asked for a refund does not approve it;
 *   - money that is under way, failed or back is told by payment, in the same transaction.
 */
#ifndef GREVY_AFTERSALE_H
#define GREVY_AFTERSALE_H

#include "modules/order/order.h"

struct aftersale_part {
    int64_t line, quantity;
};

/* Payload of every event of this module; the event's key is the order's. */
struct aftersale_event {
    int64_t refund; /* 0: an exchange or a re-shipment */
    int64_t order;
    struct str currency, reason;
    int64_t amount_minor;
    bool restock;      /* Delivered pieces come back to stock. */
    struct list lines; /* of struct aftersale_part: units that were given back */
    int64_t linked;    /* The order that sends the replacement, or 0. */
};
extern const struct field aftersale_event_fields[];

extern const struct migration aftersale_schema[];
extern const struct module aftersale_module;

#endif
