/*
 * catalog.h - what is for sale: products, their SKUs, prices and bundles.
 *
 * Invariants:
 *   - a SKU's code is unique in the space and never changes; its id neither;
 *   - what an order needs to know of a SKU is one row, read by key;
 *   - only SKUs of products on sale can be ordered; changing a price changes no order;
 *   - a bundle consists of its components, which are not bundles; a course may have some beside
 *     itself (material kits), shipped at once or planned for later in its term; a course in a
 *     bundle brings its own along, so that no component has components; they never change.
 */
#ifndef GREVY_CATALOG_H
#define GREVY_CATALOG_H

#include "kernel/kernel.h"

enum catalog_kind {
    CATALOG_GOODS,
    CATALOG_CONTENT,
    CATALOG_COURSE,
    CATALOG_VIP,
    CATALOG_TEACHER,
    CATALOG_BUNDLE
};
extern const char *const catalog_kinds[];

enum catalog_state { CATALOG_DRAFT, CATALOG_ON_SALE, CATALOG_OFF_SALE };
extern const char *const catalog_states[];

enum {
    CATALOG_TITLE_LEN_MAX = 200,
    CATALOG_CODE_LEN_MAX = 64,
    CATALOG_CATEGORY_LEN_MAX = 64,
    CATALOG_SKUS_MAX = 100,                /* Of one product. */
    CATALOG_OPTIONS_MAX = 20,              /* Of one SKU: colour, size, term. */
    CATALOG_COMPONENTS_MAX = 50,           /* Of one bundle. */
    CATALOG_COMPONENT_QUANTITY_MAX = 1000, /* Of one component in one bundle. */
    CATALOG_AFTER_DAYS_MAX = 3650,         /* Ten years: no course is planned further ahead. */
    CATALOG_PRICES_MAX = 20,               /* Of one SKU, beside its base price. */
};

/* A SKU as orders see it. */
struct catalog_sku {
    int64_t id, product;
    struct str code, title;
    int kind, state;     /* Of the product. */
    struct str category; /* Of the product; selects sale-time rules; "" when none. */
    struct str currency;
    int64_t price_minor;
    int64_t tax_ppm; /* Tax included in the price, parts per million of the net price. */
    int policy;      /* enum stock_policy */
    int64_t below_zero;
    struct str entity;     /* Legal entity that sells it; "main" by default. */
    struct str location;   /* Warehouse; "main" by default. */
    int64_t term_days;     /* A course's or a VIP's length; 0: not a term. */
    struct str options;    /* JSON object of text. */
    struct str components; /* JSON list: see struct catalog_component; "[]" for all but bundles. */
    struct str prices;     /* JSON list: see struct catalog_price. */
};

struct catalog_component {
    int64_t sku, quantity;
    int64_t after_days; /* Shipped this long after the order: planned, not reserved. */
};

struct catalog_price {
    struct str currency;
    int64_t price_minor, from_ms, until_ms; /* From inclusive, until exclusive; 0: open. */
};

extern const struct table catalog_sku_table;

/** Read one SKU.  Errors: NOT_FOUND "no_such_sku" with member sku. */
MUST_CHECK enum err catalog_sku_get(struct cx *cx, int64_t id, struct catalog_sku *out);
MUST_CHECK enum err catalog_sku_by_code(struct cx *cx, struct str code, struct catalog_sku *out,
                                        bool *found);
void catalog_warm(struct cx *cx, int64_t sku);

/** Components of a bundle as list of struct catalog_component; empty for anything else. */
MUST_CHECK enum err catalog_components(struct cx *cx, const struct catalog_sku *sku,
                                       struct list *out);

/** The unit price in a currency now: the window that began last, else the base price.
 *  Errors: CONFLICT "no_price" with member sku. */
MUST_CHECK enum err catalog_price_now(struct cx *cx, const struct catalog_sku *sku,
                                      struct str currency, int64_t *minor);

extern const struct migration catalog_schema[];
extern const struct module catalog_module;

#endif
