/*
 * catalog_priv.h - between catalog.c (rows), catalog_book.c (codes), catalog_new.c (making
 * products), catalog_change.c (changing them), catalog_http.c (reading, the cache),
 * catalog_import.c (files) and catalog_csv.c (their rows).
 */
#ifndef GREVY_CATALOG_PRIV_H
#define GREVY_CATALOG_PRIV_H

#include "modules/catalog/catalog.h"
#include "modules/stock/stock.h"

enum {
    /* One import is one command: its rows fit the memory of one (catalog_import_test.c) and keep
     * the writer for about a tenth of a second. */
    CATALOG_IMPORT_SKUS_MAX = 5000,
    CATALOG_IMPORT_COMPONENTS_MAX = 5000,
    CATALOG_IMPORT_BYTES_MAX = 4 << 20,
};

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
extern const struct field catalog_product_new_fields[], catalog_sku_new_fields[],
    catalog_price_put_fields[];

struct catalog_price_put {
    int64_t price_minor;
    struct str price_currency;
    struct list prices;
};

/* ---- Codes ---- */

/* What a command knows of the SKU with this code. */
struct catalog_code {
    struct str code;
    int64_t id; /* 0: there is none. */
    int kind;
    struct str components;
    bool made; /* By this command. */
};

/* Every code that some new products name, by which they and their components are found without a
 * statement each. */
struct catalog_book {
    struct catalog_code *codes; /* Sorted, each once. */
    size_t count;
};
MUST_CHECK enum err catalog_book_open(struct cx *cx, struct catalog_book *book,
                                      const struct catalog_product_new *const *products,
                                      size_t count);
/** Needs: a code of those products. */
struct catalog_code *catalog_book_find(const struct catalog_book *book, struct str code);

/* ---- Rows of new products ---- */

/** Make the product and its SKUs, and put catalog.product_created.
 *  Errors: CONFLICT "code_taken" with member sku_code; BAD_INPUT; NOT_FOUND "no_such_sku". */
MUST_CHECK enum err catalog_create(struct cx *cx, const struct catalog_book *book,
                                   const struct catalog_product_new *in, int64_t *product);
/** Make one SKU of a product that there is; pointer is that of the SKU in the body, e.g. "". */
MUST_CHECK enum err catalog_create_sku(struct cx *cx, const struct catalog_book *book,
                                       const struct catalog_product *product, const char *pointer,
                                       const struct catalog_sku_new *in, int64_t *id);
/** Fill policy and below_zero of sku from "stock" as given; by the kind when it is absent. */
MUST_CHECK enum err catalog_take_policy(struct cx *cx, const char *pointer, struct str given,
                                        struct catalog_sku *sku);
/** Columns, from what was given. */
MUST_CHECK enum err catalog_pack_prices(struct cx *cx, const char *pointer, struct list given,
                                        struct str *out);
struct str catalog_pack_options(struct cx *cx, struct list options);
/** list of struct catalog_price, from a SKU's column. */
MUST_CHECK enum err catalog_prices(struct cx *cx, const struct catalog_sku *sku, struct list *out);
MUST_CHECK enum err catalog_unpack_components(struct cx *cx, struct str column, struct list *out);
MUST_CHECK enum err catalog_put_event(struct cx *cx, const char *type,
                                      const struct catalog_product *product);
extern const struct field catalog_event_fields[];

MUST_CHECK enum err catalog_product_get(struct cx *cx, int64_t id, struct catalog_product *out);
MUST_CHECK enum err catalog_skus_of(struct cx *cx, int64_t product, struct list *out);
/** Lower case of ASCII letters; other letters as they are. */
struct str catalog_title_key(struct cx *cx, struct str title);

/*
 * ---- CSV (RFC 4180), row by row ----
 *
 * What is not CSV is an error of its row, never guessed: an open quote, text behind a closing one,
 * bytes that are not UTF-8; after an error the reader stands at the next row.  Fields borrow from
 * the file; only those with doubled quotes are copied, into cx.
 */

enum { CSV_COLUMNS_MAX = 16 };

struct csv {
    struct str rest; /* At first the file, without a byte order mark. */
    int64_t line;    /* Of the first byte of rest; at first 1. */
};

struct csv_row {
    struct str fields[CSV_COLUMNS_MAX]; /* Without blanks at their ends. */
    size_t count; /* As many as the row has: those beyond CSV_COLUMNS_MAX are only counted. */
    int64_t line; /* It begins there. */
};

/** Rows of nothing but blanks are passed over; false at the end.  row->line is set in any case;
 *  *err is OK or BAD_INPUT "bad_csv" | "bad_utf8". */
bool csv_next(struct cx *cx, struct csv *csv, struct csv_row *row, enum err *err);

/* ---- Routes ---- */

enum err catalog_post(struct req *req);
enum err catalog_get(struct req *req);
enum err catalog_search(struct req *req);
enum err catalog_get_sku(struct req *req);
enum err catalog_find_skus(struct req *req);
enum err catalog_post_state(struct req *req);
enum err catalog_patch(struct req *req);
enum err catalog_post_sku(struct req *req);
enum err catalog_patch_sku(struct req *req);
enum err catalog_put_price(struct req *req);
enum err catalog_open(struct cx *cx);
void catalog_close(void *memory);
/** Forget the cached reply of a product once cx has committed. */
void catalog_uncache(struct cx *cx, int64_t product);
enum err catalog_import_prepare(struct req *req);
enum err catalog_import(struct req *req);

enum err catalog_reply_product(struct req *req, int status, int64_t id);
enum err catalog_reply_sku(struct req *req, int status, int64_t id);

struct catalog_search_query {
    struct page_query page;
    struct str title;
    int kind, state;
};
struct catalog_sku_query {
    struct page_query page;
    struct str code;
};
struct catalog_import_query {
    bool dry_run;
};
struct catalog_state_put {
    int state;
};
struct catalog_patch {
    struct str title, category;
};
struct catalog_sku_patch {
    struct str title, stock, options;
    int64_t tax_ppm;
};
extern const struct field catalog_search_query_fields[], catalog_sku_query_fields[],
    catalog_product_view_fields[], catalog_sku_view_fields[], catalog_state_put_fields[],
    catalog_patch_fields[], catalog_sku_patch_fields[], catalog_import_query_fields[],
    catalog_import_reply_fields[];

#endif
