/*
 * fulfil.h - what is paid is delivered, once.
 *
 * Other modules rely on the routes and events below, on nothing else: the inside will change.
 *
 * Invariants:
 *   - in the transaction that pays an order, each of its pieces becomes an entitlement (content,
 *     course, teacher, VIP) or an item of one shipment (goods), never both, never twice;
 *   - a piece leaves stock when it is granted or shipped, not before and once;
 *   - what is given back is stopped before it ships, or revoked; what was shipped comes back to
 *     stock only when aftersale says so;
 *   - an order is completed when none of its shipments is open.
 */
#ifndef GREVY_FULFIL_H
#define GREVY_FULFIL_H

#include "modules/aftersale/aftersale.h"

extern const char *const fulfil_states[];

struct fulfil_entitlement {
    int64_t order, line, sku, id;
    struct str user, code, title;
    int kind; /* enum catalog_kind */
    int64_t quantity, from_ms, until_ms, revoked_ms;
};

/* Payload of fulfil.granted and fulfil.revoked. */
extern const struct field fulfil_entitlement_fields[];

/* Payload of fulfil.shipped, fulfil.delivered, fulfil.short and fulfil.stopped. */
struct fulfil_event {
    int64_t order, shipment;
    struct str location, carrier, tracking;
    int64_t due_ms; /* 0: was to be shipped at once. */
};
extern const struct field fulfil_event_fields[];

extern const struct migration fulfil_schema[];
extern const struct module fulfil_module;

#endif
