/*
 * catalog.c - products and SKUs as rows, prices now, components; the table of the module.
 */
#include "modules/catalog/catalog_priv.h"

const char *const catalog_kinds[] = {"goods",   "content", "course", "vip",
                                     "teacher", "bundle",  NULL};
const char *const catalog_states[] = {"draft", "on_sale", "off_sale", NULL};
static const char *const policies[] = {"deny", "unlimited", "below_zero", NULL};

const struct field catalog_product_row_fields[] = {F_ID(catalog_product, id, "prd"),
                                                   F(catalog_product, title),
                                                   F(catalog_product, title_key),
                                                   F_ENUM(catalog_product, kind, catalog_kinds),
                                                   F_ENUM(catalog_product, state, catalog_states),
                                                   F(catalog_product, category),
                                                   F(catalog_product, created_ms),
                                                   F_END};
const struct table catalog_product_table =
    TABLE("catalog_product", catalog_product, catalog_product_row_fields, 1);

const struct field catalog_sku_row_fields[] = {F_ID(catalog_sku, id, "sku"),
                                               F_ID(catalog_sku, product, "prd"),
                                               F(catalog_sku, code),
                                               F(catalog_sku, title),
                                               F_ENUM(catalog_sku, kind, catalog_kinds),
                                               F_ENUM(catalog_sku, state, catalog_states),
                                               F(catalog_sku, category),
                                               F(catalog_sku, currency),
                                               F(catalog_sku, price_minor),
                                               F(catalog_sku, tax_ppm),
                                               F_ENUM(catalog_sku, policy, policies),
                                               F(catalog_sku, below_zero),
                                               F(catalog_sku, entity),
                                               F(catalog_sku, location),
                                               F(catalog_sku, term_days),
                                               F_JSON(catalog_sku, options),
                                               F_JSON(catalog_sku, components),
                                               F_JSON(catalog_sku, prices),
                                               F_END};
const struct table catalog_sku_table = TABLE("catalog_sku", catalog_sku, catalog_sku_row_fields, 1);

/* ---- Reading ---- */

enum err catalog_sku_get(struct cx *cx, int64_t id, struct catalog_sku *out)
{
    bool found;

    *out = (struct catalog_sku){.id = id};
    TRY(row_find(cx, &catalog_sku_table, out, &found));
    if (found)
        return OK;
    fail_record(cx, ERR_NOT_FOUND, "no_such_sku", "there is no such SKU");
    fail_member(cx, "sku", cx_id_text(cx, "sku", id));
    return ERR_NOT_FOUND;
}

void catalog_warm(struct cx *cx, int64_t sku)
{
    struct catalog_sku row = {.id = sku};

    row_warm(cx, &catalog_sku_table, &row);
}

enum err catalog_sku_by_code(struct cx *cx, struct str code, struct catalog_sku *out, bool *found)
{
    struct list rows;

    TRY(sql_all(cx, catalog_sku_row_fields, sizeof(*out), &rows,
                CATALOG_SKU_COLUMNS " where code = ?1", BIND(TEXT(code))));
    *found = rows.count > 0;
    if (*found)
        *out = *LIST_AT(rows, struct catalog_sku, 0);
    return OK;
}

enum err catalog_product_get(struct cx *cx, int64_t id, struct catalog_product *out)
{
    bool found;

    *out = (struct catalog_product){.id = id};
    TRY(row_find(cx, &catalog_product_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_product", "there is no such product");
    return OK;
}

enum err catalog_skus_of(struct cx *cx, int64_t product, struct list *out)
{
    return sql_all(cx, catalog_sku_row_fields, sizeof(struct catalog_sku), out,
                   CATALOG_SKU_COLUMNS " where product = ?1 order by id", BIND(INT(product)));
}

/* ---- What a SKU's JSON columns hold ---- */

struct wrapped {
    struct list items;
};

static const struct field component_fields[] = {
    F_ID(catalog_component, sku, "sku", .flags = FIELD_REQUIRED),
    F(catalog_component, quantity, .flags = FIELD_REQUIRED), F(catalog_component, after_days),
    F_END};
static const struct field components_fields[] = {
    F_LIST(wrapped, items, catalog_component, component_fields), F_END};

static const struct field price_fields[] = {
    F(catalog_price, currency), F(catalog_price, price_minor), F(catalog_price, from_ms),
    F(catalog_price, until_ms), F_END};
static const struct field prices_fields[] = {F_LIST(wrapped, items, catalog_price, price_fields),
                                             F_END};

static enum err unpack(struct cx *cx, const struct field *fields, struct str json, struct list *out)
{
    struct wrapped wrapped;

    *out = (struct list){0};
    if (json.len <= 2) /* [] */
        return OK;
    TRY(field_read(cx, fields, FIELD_LENIENT,
                   cx_printf(cx, "{\"items\":" STR_FMT "}", STR_ARG(json)), &wrapped,
                   sizeof(wrapped)));
    *out = wrapped.items;
    return OK;
}

enum err catalog_unpack_components(struct cx *cx, struct str column, struct list *out)
{
    return unpack(cx, components_fields, column, out);
}

enum err catalog_components(struct cx *cx, const struct catalog_sku *sku, struct list *out)
{
    return catalog_unpack_components(cx, sku->components, out);
}

enum err catalog_prices(struct cx *cx, const struct catalog_sku *sku, struct list *out)
{
    return unpack(cx, prices_fields, sku->prices, out);
}

enum err catalog_price_now(struct cx *cx, const struct catalog_sku *sku, struct str currency,
                           int64_t *minor)
{
    int64_t now_ms = cx_now_ms(cx), best_from_ms = -1;
    struct list prices;

    TRY(catalog_prices(cx, sku, &prices));
    for (size_t k = 0; k < prices.count; k++) {
        const struct catalog_price *price = LIST_AT(prices, struct catalog_price, k);

        if (!str_eq(price->currency, currency) || price->from_ms > now_ms ||
            (price->until_ms && price->until_ms <= now_ms) || price->from_ms < best_from_ms)
            continue;
        best_from_ms = price->from_ms;
        *minor = price->price_minor;
    }
    if (best_from_ms >= 0)
        return OK;
    *minor = sku->price_minor;
    if (str_eq(sku->currency, currency))
        return OK;
    fail_record(cx, ERR_CONFLICT, "no_price", STR_FMT " has no price in " STR_FMT " now",
                STR_ARG(sku->code), STR_ARG(currency));
    fail_member(cx, "sku", cx_id_text(cx, "sku", sku->id));
    return ERR_CONFLICT;
}

/* ---- The module ---- */

struct catalog_event {
    int64_t product;
    int kind, state;
};
const struct field catalog_event_fields[] = {F_ID(catalog_event, product, "prd"),
                                             F_ENUM(catalog_event, kind, catalog_kinds),
                                             F_ENUM(catalog_event, state, catalog_states), F_END};

enum err catalog_put_event(struct cx *cx, const char *type, const struct catalog_product *product)
{
    struct catalog_event event = {
        .product = product->id, .kind = product->kind, .state = product->state};

    return event_put(cx, type, cx_id_text(cx, "prd", product->id), catalog_event_fields, &event);
}

const struct module catalog_module = {
    .name = "catalog",
    .needs = NEEDS("stock"),
    .schema = catalog_schema,
    .routes = ROUTES(
        {"POST", "/v1/products", catalog_post, TX_WRITE, "catalog:write",
         BODY(catalog_product_new, catalog_product_new_fields),
         .reply = catalog_product_view_fields, .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Make a product with its SKUs; on sale unless state says draft."},
        {"GET", "/v1/products", catalog_search, TX_READ, "catalog:read",
         QUERY(catalog_search_query, catalog_search_query_fields),
         .reply = catalog_product_view_fields, .page = true,
         .doc = "Products by the beginning of their title, by kind and state."},
        {"GET", "/v1/products/{id:prd}", catalog_get, TX_CACHED, "catalog:read",
         .reply = catalog_product_view_fields, .doc = "One product with its SKUs, from memory."},
        {"PATCH", "/v1/products/{id:prd}", catalog_patch, TX_WRITE, "catalog:write",
         BODY(catalog_patch, catalog_patch_fields), .reply = catalog_product_view_fields,
         .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Change title or category; what is left out stays."},
        {"POST", "/v1/products/{id:prd}/skus", catalog_post_sku, TX_WRITE, "catalog:write",
         BODY(catalog_sku_new, catalog_sku_new_fields), .reply = catalog_sku_view_fields,
         .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL, .doc = "Add a SKU to a product."},
        {"POST", "/v1/products/{id:prd}/state", catalog_post_state, TX_WRITE, "catalog:write",
         BODY(catalog_state_put, catalog_state_put_fields), .reply = catalog_product_view_fields,
         .status = 200, .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Put on sale, take off sale, back to draft."},
        {"POST", "/v1/products/import", catalog_import, TX_WRITE, "catalog:write",
         QUERY(catalog_import_query, catalog_import_query_fields),
         .reply = catalog_import_reply_fields, .prepare = catalog_import_prepare, .status = 200,
         .flags = ROUTE_AUDIT | ROUTE_RAW, .priority = PRIORITY_LOW, .headers = {"Content-Type"},
         .body_bytes_max = CATALOG_IMPORT_BYTES_MAX,
         .doc = "Import products from CSV or a JSON list: all of them or none."},
        {"GET", "/v1/skus", catalog_find_skus, TX_READ, "catalog:read",
         QUERY(catalog_sku_query, catalog_sku_query_fields), .reply = catalog_sku_view_fields,
         .page = true, .doc = "The SKU of a code, or all SKUs."},
        {"GET", "/v1/skus/{id:sku}", catalog_get_sku, TX_READ, "catalog:read",
         .reply = catalog_sku_view_fields, .doc = "One SKU."},
        {"PATCH", "/v1/skus/{id:sku}", catalog_patch_sku, TX_WRITE, "catalog:write",
         BODY(catalog_sku_patch, catalog_sku_patch_fields), .reply = catalog_sku_view_fields,
         .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Change title, stock policy, tax or options; what is left out stays."},
        {"PUT", "/v1/skus/{id:sku}/price", catalog_put_price, TX_WRITE, "catalog:write",
         BODY(catalog_price_put, catalog_price_put_fields), .reply = catalog_sku_view_fields,
         .flags = ROUTE_AUDIT, .priority = PRIORITY_NORMAL,
         .doc = "Set the base price and the prices of other currencies and times."}),
    .produces = PRODUCES({"catalog.product_created", catalog_event_fields, "A product was made."},
                         {"catalog.product_changed", catalog_event_fields,
                          "It, one of its SKUs or a price changed."}),
    .open = catalog_open,
    .close = catalog_close,
};
