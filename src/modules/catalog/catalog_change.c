/*
 * catalog_change.c - changing what is for sale.
 *
 * What an order goes back to later never changes: codes, kinds, locations, components.
 */
#include "modules/catalog/catalog_priv.h"

enum {
    TAX_ABSENT = -1,
    OPTIONS_BYTES_MAX = 32 << 10, /* More than CATALOG_OPTIONS_MAX of the longest take. */
};

static const char *const states_settable[] = {"on_sale", "off_sale", "draft", NULL};

const struct field catalog_state_put_fields[] = {
    F_ENUM(catalog_state_put, state, states_settable, .flags = FIELD_REQUIRED), F_END};

const struct field catalog_patch_fields[] = {
    F(catalog_patch, title, .min = 1, .max = CATALOG_TITLE_LEN_MAX,
      .doc = "SKUs that had the product's title follow."),
    F(catalog_patch, category, .max = CATALOG_CATEGORY_LEN_MAX), F_END};

const struct field catalog_sku_patch_fields[] = {
    F(catalog_sku_patch, title, .min = 1, .max = CATALOG_TITLE_LEN_MAX),
    F_JSON(catalog_sku_patch, stock, .max = 100,
           .doc = "\"deny\", \"unlimited\" or {\"below_zero\": N}; of later orders."),
    F(catalog_sku_patch, tax_ppm, .min = 0, .max = 1000000, .fallback = TAX_ABSENT),
    F_JSON(catalog_sku_patch, options, .max = OPTIONS_BYTES_MAX,
           .doc = "All of them: an object of texts."),
    F_END};

/* The options of a patch, where none and {} differ. */
struct options {
    struct list options; /* of struct pair */
};
static const struct field options_fields[] = {F_MAP(options, options, .max = CATALOG_OPTIONS_MAX),
                                              F_END};

static enum err nothing_to_change(struct cx *cx)
{
    return fail(cx, ERR_BAD_INPUT, "required", "there is nothing to change: name a field");
}

/* ---- Products ---- */

/* Told, and forgotten by memory. */
static enum err changed(struct cx *cx, const struct catalog_product *product)
{
    catalog_uncache(cx, product->id);
    return catalog_put_event(cx, "catalog.product_changed", product);
}

/* Write the product and what its SKUs repeat of it. */
static enum err put_product(struct cx *cx, const struct catalog_product *product,
                            struct str title_before)
{
    struct list skus;

    TRY(catalog_skus_of(cx, product->id, &skus));
    TRY(row_put(cx, &catalog_product_table, product));
    for (size_t k = 0; k < skus.count; k++) {
        struct catalog_sku *sku = LIST_AT(skus, struct catalog_sku, k);

        sku->state = product->state;
        sku->category = product->category;
        if (str_eq(sku->title, title_before))
            sku->title = product->title;
        TRY(row_put(cx, &catalog_sku_table, sku));
    }
    return changed(cx, product);
}

enum err catalog_post_state(struct req *req)
{
    static const int states[] = {CATALOG_ON_SALE, CATALOG_OFF_SALE, CATALOG_DRAFT};
    const struct catalog_state_put *in = req->body;
    struct catalog_product product;

    TRY(catalog_product_get(req->cx, req->params[0].id, &product));
    product.state = states[in->state];
    TRY(put_product(req->cx, &product, product.title));
    return catalog_reply_product(req, 200, product.id);
}

enum err catalog_patch(struct req *req)
{
    const struct catalog_patch *in = req->body;
    struct catalog_product product;
    struct str title_before;

    if (!in->title.ptr && !in->category.ptr)
        return nothing_to_change(req->cx);
    TRY(catalog_product_get(req->cx, req->params[0].id, &product));
    title_before = product.title;
    if (in->title.ptr) {
        product.title = in->title;
        product.title_key = catalog_title_key(req->cx, in->title);
    }
    if (in->category.ptr)
        product.category = in->category;
    TRY(put_product(req->cx, &product, title_before));
    return catalog_reply_product(req, 200, product.id);
}

/* ---- SKUs ---- */

enum err catalog_post_sku(struct req *req)
{
    const struct catalog_sku_new *in = req->body;
    struct catalog_product_new alone = {.skus = {(void *)in, 1}};
    const struct catalog_product_new *products[] = {&alone};
    struct catalog_product product;
    struct catalog_book book;
    struct cx *cx = req->cx;
    struct list skus;
    int64_t id;

    TRY(catalog_product_get(cx, req->params[0].id, &product));
    TRY(catalog_skus_of(cx, product.id, &skus));
    if (skus.count >= CATALOG_SKUS_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_skus",
                    "the product has %zu SKUs, which is all it can have: make another product",
                    skus.count);
    TRY(catalog_book_open(cx, &book, products, 1));
    TRY(catalog_create_sku(cx, &book, &product, "", in, &id));
    TRY(changed(cx, &product));
    req->location = cx_printf(cx, "/v1/skus/" STR_FMT, STR_ARG(cx_id_text(cx, "sku", id)));
    return catalog_reply_sku(req, 201, id);
}

/* Write the SKU of a product that stays as it is. */
static enum err put_sku(struct req *req, const struct catalog_sku *sku)
{
    struct catalog_product product;

    TRY(catalog_product_get(req->cx, sku->product, &product));
    TRY(row_put(req->cx, &catalog_sku_table, sku));
    TRY(changed(req->cx, &product));
    return catalog_reply_sku(req, 200, sku->id);
}

static enum err put_options(struct cx *cx, struct str given, struct catalog_sku *sku)
{
    struct options options;

    TRY(field_read(cx, options_fields, FIELD_STRICT,
                   cx_printf(cx, "{\"options\":" STR_FMT "}", STR_ARG(given)), &options,
                   sizeof(options)));
    sku->options = catalog_pack_options(cx, options.options);
    return OK;
}

enum err catalog_patch_sku(struct req *req)
{
    const struct catalog_sku_patch *in = req->body;
    struct cx *cx = req->cx;
    struct catalog_sku sku;

    if (!in->title.ptr && !in->stock.ptr && !in->options.ptr && in->tax_ppm == TAX_ABSENT)
        return nothing_to_change(cx);
    TRY(catalog_sku_get(cx, req->params[0].id, &sku));
    if (in->title.ptr)
        sku.title = in->title;
    if (in->stock.ptr)
        TRY(catalog_take_policy(cx, "", in->stock, &sku));
    if (in->tax_ppm != TAX_ABSENT)
        sku.tax_ppm = in->tax_ppm;
    if (in->options.ptr)
        TRY(put_options(cx, in->options, &sku));
    return put_sku(req, &sku);
}

enum err catalog_put_price(struct req *req)
{
    const struct catalog_price_put *in = req->body;
    struct catalog_sku sku;

    TRY(catalog_sku_get(req->cx, req->params[0].id, &sku));
    sku.price_minor = in->price_minor;
    sku.currency = in->price_currency;
    TRY(catalog_pack_prices(req->cx, "", in->prices, &sku.prices));
    return put_sku(req, &sku);
}
