/*
 * catalog_new.c - making products: from bodies to rows.
 */
#include "modules/catalog/catalog_priv.h"

static const struct field price_new_fields[] = {
    F_MONEY(catalog_price_new, amount_minor, amount_currency, "amount", .flags = FIELD_REQUIRED),
    F_TIME(catalog_price_new, from_ms, "from", .doc = "From then on; from ever when left out."),
    F_TIME(catalog_price_new, until_ms, "until", .doc = "Before then; for ever when left out."),
    F_END};

static const struct field component_new_fields[] = {
    F_ID(catalog_component_new, sku, "sku"),
    F(catalog_component_new, sku_code, .max = CATALOG_CODE_LEN_MAX, .doc = "Instead of sku."),
    F(catalog_component_new, quantity, .flags = FIELD_REQUIRED, .min = 1, .max = 1000),
    F(catalog_component_new, after_days, .min = 0, .max = 3650,
      .doc = "Shipped this many days after the order: planned demand, reserved later."),
    F_END};

static const struct field sku_new_fields[] = {
    F(catalog_sku_new, code, .flags = FIELD_REQUIRED, .min = 1, .max = CATALOG_CODE_LEN_MAX,
      .doc = "Unique in the space."),
    F(catalog_sku_new, title, .max = CATALOG_TITLE_LEN_MAX, .doc = "The product's when left out."),
    F_MONEY(catalog_sku_new, price_minor, price_currency, "price", .flags = FIELD_REQUIRED),
    F_JSON(catalog_sku_new, stock, .max = 100,
           .doc = "\"deny\", \"unlimited\" or {\"below_zero\": N}; deny for goods, courses and"
                  " bundles, else unlimited, when left out."),
    F(catalog_sku_new, tax_ppm, .min = 0, .max = 1000000,
      .doc = "Tax included in the price, parts per million of the net price: 13 % is 130000."),
    F(catalog_sku_new, entity, .min = 1, .max = 32, .doc = "Legal entity that sells it; main."),
    F(catalog_sku_new, location, .min = 1, .max = STOCK_LOCATION_LEN_MAX,
      .doc = "Warehouse it ships from; main."),
    F(catalog_sku_new, term_days, .min = 0, .max = 36500, .doc = "Of a course or a VIP."),
    F_MAP(catalog_sku_new, options),
    F_LIST(catalog_sku_new, components, catalog_component_new, component_new_fields,
           .max = CATALOG_COMPONENTS_MAX),
    F_LIST(catalog_sku_new, prices, catalog_price_new, price_new_fields, .max = CATALOG_PRICES_MAX,
           .doc = "Of other currencies, or of a time."),
    F_END};

static const char *const states_new[] = {"on_sale", "draft", NULL};

const struct field catalog_product_new_fields[] = {
    F(catalog_product_new, title, .flags = FIELD_REQUIRED, .min = 1, .max = CATALOG_TITLE_LEN_MAX),
    F_ENUM(catalog_product_new, kind, catalog_kinds, .flags = FIELD_REQUIRED),
    F_ENUM(catalog_product_new, state, states_new, .doc = "on_sale when left out."),
    F(catalog_product_new, category, .max = 64, .doc = "Selects sale-time rules."),
    F_LIST(catalog_product_new, skus, catalog_sku_new, sku_new_fields, .flags = FIELD_REQUIRED,
           .min = 1, .max = CATALOG_SKUS_MAX),
    F_END};

const struct field catalog_price_put_fields[] = {
    F_MONEY(catalog_price_put, price_minor, price_currency, "price", .flags = FIELD_REQUIRED),
    F_LIST(catalog_price_put, prices, catalog_price_new, price_new_fields,
           .max = CATALOG_PRICES_MAX),
    F_END};

struct str catalog_title_key(struct cx *cx, struct str title)
{
    struct str copy = cx_copy(cx, title);
    char *bytes = (char *)copy.ptr;

    for (size_t k = 0; k < copy.len; k++)
        if (bytes[k] >= 'A' && bytes[k] <= 'Z')
            bytes[k] = (char)(bytes[k] + ('a' - 'A'));
    return copy;
}

/* ---- The union "stock" ---- */

struct below {
    int64_t below_zero;
};
static const struct field below_fields[] = {
    F(below, below_zero, .flags = FIELD_REQUIRED, .min = 1, .max = STOCK_QUANTITY_MAX), F_END};

static enum err take_policy(struct cx *cx, int kind, struct str given, struct catalog_sku *sku)
{
    bool counted = kind == CATALOG_GOODS || kind == CATALOG_COURSE || kind == CATALOG_BUNDLE;
    struct below below;

    sku->policy = counted ? STOCK_DENY : STOCK_UNLIMITED;
    if (!given.ptr)
        return OK;
    if (str_is(given, "\"deny\"")) {
        sku->policy = STOCK_DENY;
    } else if (str_is(given, "\"unlimited\"")) {
        sku->policy = STOCK_UNLIMITED;
    } else if (given.ptr[0] == '{') {
        TRY(field_read(cx, below_fields, FIELD_STRICT, given, &below, sizeof(below)));
        sku->policy = STOCK_BELOW_ZERO;
        sku->below_zero = below.below_zero;
    } else {
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/skus",
                       "stock: \"deny\", \"unlimited\" or {\"below_zero\": N}");
    }
    return OK;
}

/* ---- JSON columns ---- */

static struct str pack_options(struct cx *cx, struct list options)
{
    struct json_out out;

    json_open(&out, cx, 64);
    json_object(&out);
    for (size_t k = 0; k < options.count; k++) {
        json_key(&out, LIST_AT(options, struct pair, k)->key);
        json_put_text(&out, LIST_AT(options, struct pair, k)->value);
    }
    json_object_end(&out);
    return json_done(&out);
}

enum err catalog_pack_prices(struct cx *cx, struct list given, struct str *out)
{
    struct json_out json;

    json_open(&json, cx, 64);
    json_list(&json);
    for (size_t k = 0; k < given.count; k++) {
        const struct catalog_price_new *price = LIST_AT(given, struct catalog_price_new, k);

        if (price->until_ms && price->until_ms <= price->from_ms)
            return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/prices",
                           "prices/%zu: until must be after from", k);
        json_object(&json);
        json_member_text(&json, "currency", price->amount_currency);
        json_member_int(&json, "price_minor", price->amount_minor);
        json_member_int(&json, "from_ms", price->from_ms);
        json_member_int(&json, "until_ms", price->until_ms);
        json_object_end(&json);
    }
    json_list_end(&json);
    *out = json_done(&json);
    return OK;
}

static enum err component_sku(struct cx *cx, const struct catalog_component_new *component,
                              struct catalog_sku *out)
{
    bool found = true;

    if (component->sku)
        TRY(catalog_sku_get(cx, component->sku, out));
    else
        TRY(catalog_sku_by_code(cx, component->sku_code, out, &found));
    if (!found) {
        fail_record(cx, ERR_NOT_FOUND, "no_such_sku", "components: there is no SKU " STR_FMT,
                    STR_ARG(component->sku_code));
        fail_member(cx, "sku_code", component->sku_code);
        return ERR_NOT_FOUND;
    }
    if (out->kind == CATALOG_BUNDLE)
        return fail_at(cx, ERR_BAD_INPUT, "bundle_in_bundle", "/skus",
                       "components: " STR_FMT " is a bundle itself", STR_ARG(out->code));
    return OK;
}

static enum err pack_components(struct cx *cx, const struct catalog_sku_new *in, int kind,
                                struct str *out)
{
    struct json_out json;

    if (kind == CATALOG_BUNDLE && in->components.count == 0)
        return fail_at(cx, ERR_BAD_INPUT, "required", "/skus",
                       "components: a bundle consists of at least one");
    if (kind != CATALOG_BUNDLE && kind != CATALOG_COURSE && in->components.count > 0)
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/skus",
                       "components: only bundles and courses have them");
    json_open(&json, cx, 64);
    json_list(&json);
    for (size_t k = 0; k < in->components.count; k++) {
        const struct catalog_component_new *component =
            LIST_AT(in->components, struct catalog_component_new, k);
        struct catalog_sku sku;

        TRY(component_sku(cx, component, &sku));
        json_object(&json);
        json_member_text(&json, "sku", cx_id_text(cx, "sku", sku.id));
        json_member_int(&json, "quantity", component->quantity);
        json_member_int(&json, "after_days", component->after_days);
        json_object_end(&json);
    }
    json_list_end(&json);
    *out = json_done(&json);
    return OK;
}

/* ---- Rows ---- */

static struct str or_main(struct str s)
{
    return s.ptr ? s : STR("main");
}

static enum err create_sku(struct cx *cx, const struct catalog_product *product,
                           const struct catalog_sku_new *in)
{
    struct catalog_sku sku = {.product = product->id,
                              .code = in->code,
                              .title = in->title.len ? in->title : product->title,
                              .kind = product->kind,
                              .state = product->state,
                              .category = product->category,
                              .currency = in->price_currency,
                              .price_minor = in->price_minor,
                              .tax_ppm = in->tax_ppm,
                              .entity = or_main(in->entity),
                              .location = or_main(in->location),
                              .term_days = in->term_days},
                       other;
    bool taken;

    TRY(catalog_sku_by_code(cx, in->code, &other, &taken));
    if (taken) {
        fail_record(cx, ERR_CONFLICT, "code_taken", "the code " STR_FMT " belongs to another SKU",
                    STR_ARG(in->code));
        fail_member(cx, "sku_code", in->code);
        return ERR_CONFLICT;
    }
    TRY(take_policy(cx, product->kind, in->stock, &sku));
    TRY(pack_components(cx, in, product->kind, &sku.components));
    TRY(catalog_pack_prices(cx, in->prices, &sku.prices));
    sku.options = pack_options(cx, in->options);
    sku.id = cx_new_id(cx);
    return row_add(cx, &catalog_sku_table, &sku);
}

enum err catalog_create(struct cx *cx, const struct catalog_product_new *in, int64_t *product)
{
    struct catalog_product row = {.id = cx_new_id(cx),
                                  .title = in->title,
                                  .title_key = catalog_title_key(cx, in->title),
                                  .kind = in->kind,
                                  .state = in->state == 0 ? CATALOG_ON_SALE : CATALOG_DRAFT,
                                  .category = in->category.ptr ? in->category : STR(""),
                                  .created_ms = cx_now_ms(cx)};

    TRY(row_add(cx, &catalog_product_table, &row));
    for (size_t k = 0; k < in->skus.count; k++)
        TRY(create_sku(cx, &row, LIST_AT(in->skus, struct catalog_sku_new, k)));
    *product = row.id;
    return catalog_put_event(cx, "catalog.product_created", &row);
}
