/*
 * catalog_priv.h - between catalog.c (rows), catalog_new.c (making products), catalog_http.c
 * (routes, the cache) and catalog_import.c (files).
 */
#ifndef GREVY_CATALOG_PRIV_H
#define GREVY_CATALOG_PRIV_H

#include "modules/catalog/catalog.h"
#include "modules/stock/stock.h"

struct catalog_product {
    int64_t id;
    struct str title, title_key;
    int kind, state;
    struct str category;
    int64_t created_ms;
};
extern const struct table catalog_product_table;
extern const struct field catalog_product_row_fields[], catalog_sku_row_fields[];

#define CATALOG_SKU_COLUMNS                                                                        \
    "select id, product, code, title, kind, state, category, currency, price_minor, tax_ppm,"      \
    " policy, below_zero, entity, location, term_days, options, components, prices"                \
    " from catalog_sku"

/* ---- Making ---- */

struct catalog_component_new {
    int64_t sku;
    struct str sku_code; /* Either of the two. */
    int64_t quantity, after_days;
};

struct catalog_price_new {
    int64_t amount_minor;
    struct str amount_currency;
    int64_t from_ms, until_ms;
};

struct catalog_sku_new {
    struct str code, title, price_currency, stock, entity, location;
    int64_t price_minor, tax_ppm, term_days;
    struct list options;    /* of struct pair */
    struct list components; /* of struct catalog_component_new */
    struct list prices;     /* of struct catalog_price_new */
};

struct catalog_product_new {
    struct str title, category;
    int kind, state;
    struct list skus; /* of struct catalog_sku_new */
};
extern const struct field catalog_product_new_fields[], catalog_price_put_fields[],
    catalog_state_put_fields[];

struct catalog_price_put {
    int64_t price_minor;
    struct str price_currency;
    struct list prices;
};
struct catalog_state_put {
    int state;
};

/** Make the product and its SKUs, and put catalog.product_created.
 *  Errors: CONFLICT "code_taken" with member sku_code; BAD_INPUT; NOT_FOUND "no_such_sku". */
MUST_CHECK enum err catalog_create(struct cx *cx, const struct catalog_product_new *in,
                                   int64_t *product);
/** prices as stored, from prices as given. */
MUST_CHECK enum err catalog_pack_prices(struct cx *cx, struct list given, struct str *out);
MUST_CHECK enum err catalog_put_event(struct cx *cx, const char *type,
                                      const struct catalog_product *product);
extern const struct field catalog_event_fields[];

MUST_CHECK enum err catalog_product_get(struct cx *cx, int64_t id, struct catalog_product *out);
MUST_CHECK enum err catalog_skus_of(struct cx *cx, int64_t product, struct list *out);
/** Lower case of ASCII letters; other letters as they are. */
struct str catalog_title_key(struct cx *cx, struct str title);

/* ---- Routes ---- */

enum err catalog_post(struct req *req);
enum err catalog_get(struct req *req);
enum err catalog_search(struct req *req);
enum err catalog_post_state(struct req *req);
enum err catalog_put_price(struct req *req);
enum err catalog_get_sku(struct req *req);
enum err catalog_open(struct cx *cx);
void catalog_close(void *memory);
/** Forget the cached reply of a product once cx has committed. */
void catalog_uncache(struct cx *cx, int64_t product);
enum err catalog_import_prepare(struct req *req);
enum err catalog_import(struct req *req);

struct catalog_search_query {
    struct page_query page;
    struct str title;
    int kind, state;
};
struct catalog_import_query {
    bool dry_run;
};
extern const struct field catalog_search_query_fields[], catalog_product_view_fields[],
    catalog_sku_view_fields[], catalog_import_query_fields[], catalog_import_reply_fields[];

#endif
