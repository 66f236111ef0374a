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
    F(catalog_component_new, quantity, .flags = FIELD_REQUIRED, .min = 1,
      .max = CATALOG_COMPONENT_QUANTITY_MAX),
    F(catalog_component_new, after_days, .min = 0, .max = CATALOG_AFTER_DAYS_MAX,
      .doc = "Shipped this many days after the order: planned demand, reserved later."),
    F_END};

const struct field catalog_sku_new_fields[] = {
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
    F_MAP(catalog_sku_new, options, .max = CATALOG_OPTIONS_MAX,
          .doc = "What tells it from its siblings: colour, size, term."),
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
    F(catalog_product_new, category, .max = CATALOG_CATEGORY_LEN_MAX,
      .doc = "Selects sale-time rules."),
    F_LIST(catalog_product_new, skus, catalog_sku_new, catalog_sku_new_fields,
           .flags = FIELD_REQUIRED, .min = 1, .max = CATALOG_SKUS_MAX),
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

enum err catalog_take_policy(struct cx *cx, const char *pointer, struct str given,
                             struct catalog_sku *sku)
{
    bool counted =
        sku->kind == CATALOG_GOODS || sku->kind == CATALOG_COURSE || sku->kind == CATALOG_BUNDLE;
    struct below below;
    struct json json;

    sku->policy = counted ? STOCK_DENY : STOCK_UNLIMITED;
    sku->below_zero = 0;
    pointer = cx_printf(cx, "%s/stock", pointer).ptr;
    if (!given.ptr)
        return OK;
    if (str_is(given, "\"deny\"")) {
        sku->policy = STOCK_DENY;
    } else if (str_is(given, "\"unlimited\"")) {
        sku->policy = STOCK_UNLIMITED;
    } else if (given.ptr[0] == '{') {
        TRY(json_parse(cx, given, &json));
        TRY(field_decode(cx, below_fields, FIELD_STRICT, json, pointer, &below));
        sku->policy = STOCK_BELOW_ZERO;
        sku->below_zero = below.below_zero;
    } else {
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", pointer,
                       "stock: must be \"deny\", \"unlimited\" or {\"below_zero\": N}");
    }
    return OK;
}

/* ---- JSON columns: sized in advance, because an import packs thousands ---- */

enum { PRICE_BYTES = 128, COMPONENT_BYTES = 80 };

struct str catalog_pack_options(struct cx *cx, struct list options)
{
    struct json_out out;
    size_t size = 16;

    for (size_t k = 0; k < options.count; k++)
        size += LIST_AT(options, struct pair, k)->key.len +
                LIST_AT(options, struct pair, k)->value.len + sizeof("\"\":\"\",");
    json_open(&out, cx, size);
    json_object(&out);
    for (size_t k = 0; k < options.count; k++) {
        json_key(&out, LIST_AT(options, struct pair, k)->key);
        json_put_text(&out, LIST_AT(options, struct pair, k)->value);
    }
    json_object_end(&out);
    return json_done(&out);
}

enum err catalog_pack_prices(struct cx *cx, const char *pointer, struct list given, struct str *out)
{
    struct json_out json;

    json_open(&json, cx, 16 + given.count * PRICE_BYTES);
    json_list(&json);
    for (size_t k = 0; k < given.count; k++) {
        const struct catalog_price_new *price = LIST_AT(given, struct catalog_price_new, k);

        if (price->until_ms && price->until_ms <= price->from_ms)
            return fail_at(cx, ERR_BAD_INPUT, "out_of_range",
                           cx_printf(cx, "%s/prices/%zu/until", pointer, k).ptr,
                           "until: must be after from");
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

/* ---- Components ---- */

/* The components of one new SKU, being gathered. */
struct gathering {
    const struct catalog_book *book;
    const char *pointer; /* Of the SKU. */
    struct catalog_component items[CATALOG_COMPONENTS_MAX];
    size_t count;
};

static enum err no_such_sku(struct cx *cx, const char *pointer, const char *member, struct str name)
{
    fail_at_record(cx, ERR_NOT_FOUND, "no_such_sku", pointer,
                   "components: there is no SKU " STR_FMT "%s", STR_ARG(name),
                   str_is(str_of(member), "sku_code") ? ": make it first" : "");
    fail_member(cx, member, name);
    return ERR_NOT_FOUND;
}

static enum err find_component(struct cx *cx, const struct catalog_book *book, const char *pointer,
                               const struct catalog_component_new *in, struct catalog_code *out)
{
    struct catalog_sku sku = {.id = in->sku};
    bool found;

    if ((in->sku == 0) == (in->sku_code.ptr == NULL))
        return fail_at(cx, ERR_BAD_INPUT, "required", pointer,
                       "components: name either sku or sku_code");
    if (in->sku_code.ptr) {
        *out = *catalog_book_find(book, in->sku_code);
        return out->id ? OK : no_such_sku(cx, pointer, "sku_code", in->sku_code);
    }
    TRY(row_find(cx, &catalog_sku_table, &sku, &found));
    *out = (struct catalog_code){
        .code = sku.code, .id = sku.id, .kind = sku.kind, .components = sku.components};
    return found ? OK : no_such_sku(cx, pointer, "sku", cx_id_text(cx, "sku", in->sku));
}

static enum err gather(struct cx *cx, struct gathering *all, const char *pointer,
                       struct catalog_component component)
{
    if (all->count == CATALOG_COMPONENTS_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", pointer,
                       "components: with those of its courses these are more than %d",
                       CATALOG_COMPONENTS_MAX);
    if (component.quantity > CATALOG_COMPONENT_QUANTITY_MAX ||
        component.after_days > CATALOG_AFTER_DAYS_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", pointer,
                       "components: its own components come to more than %d pieces, or later than"
                       " %d days",
                       CATALOG_COMPONENT_QUANTITY_MAX, CATALOG_AFTER_DAYS_MAX);
    all->items[all->count++] = component;
    return OK;
}

/* One component, and after it what it brings along: a course its kits. */
static enum err gather_one(struct cx *cx, struct gathering *all,
                           const struct catalog_component_new *in, size_t index)
{
    const char *pointer = cx_printf(cx, "%s/components/%zu", all->pointer, index).ptr;
    struct catalog_component outer = {.quantity = in->quantity, .after_days = in->after_days};
    struct catalog_code found;
    struct list own;

    TRY(find_component(cx, all->book, pointer, in, &found));
    if (found.kind == CATALOG_BUNDLE)
        return fail_at(cx, ERR_BAD_INPUT, "bundle_in_bundle", pointer,
                       "components: " STR_FMT " is a bundle itself: name what is in it",
                       STR_ARG(found.code));
    outer.sku = found.id;
    TRY(gather(cx, all, pointer, outer));
    TRY(catalog_unpack_components(cx, found.components, &own));
    for (size_t k = 0; k < own.count; k++) {
        struct catalog_component inner = *LIST_AT(own, struct catalog_component, k);

        inner.quantity *= outer.quantity;
        inner.after_days += outer.after_days;
        TRY(gather(cx, all, pointer, inner));
    }
    return OK;
}

static enum err gather_all(struct cx *cx, const struct catalog_sku_new *in, int kind,
                           struct gathering *all)
{
    const char *pointer = cx_printf(cx, "%s/components", all->pointer).ptr;

    if (kind == CATALOG_BUNDLE && in->components.count == 0)
        return fail_at(cx, ERR_BAD_INPUT, "required", pointer,
                       "components: a bundle consists of at least one");
    if (kind != CATALOG_BUNDLE && kind != CATALOG_COURSE && in->components.count > 0)
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", pointer,
                       "components: only bundles and courses have them");
    for (size_t k = 0; k < in->components.count; k++)
        TRY(gather_one(cx, all, LIST_AT(in->components, struct catalog_component_new, k), k));
    return OK;
}

static struct str pack_components(struct cx *cx, const struct gathering *all)
{
    struct json_out json;

    json_open(&json, cx, 16 + all->count * COMPONENT_BYTES);
    json_list(&json);
    for (size_t k = 0; k < all->count; k++) {
        json_object(&json);
        json_member_text(&json, "sku", cx_id_text(cx, "sku", all->items[k].sku));
        json_member_int(&json, "quantity", all->items[k].quantity);
        json_member_int(&json, "after_days", all->items[k].after_days);
        json_object_end(&json);
    }
    json_list_end(&json);
    return json_done(&json);
}

/* ---- Rows ---- */

static struct str or_main(struct str s)
{
    return s.ptr ? s : STR("main");
}

static enum err code_taken(struct cx *cx, const struct catalog_code *code, const char *pointer)
{
    fail_at_record(cx, ERR_CONFLICT, "code_taken", cx_printf(cx, "%s/code", pointer).ptr,
                   code->made ? "code: " STR_FMT " comes twice"
                              : "code: " STR_FMT " belongs to another SKU",
                   STR_ARG(code->code));
    fail_member(cx, "sku_code", code->code);
    return ERR_CONFLICT;
}

enum err catalog_create_sku(struct cx *cx, const struct catalog_book *book,
                            const struct catalog_product *product, const char *pointer,
                            const struct catalog_sku_new *in, int64_t *id)
{
    struct catalog_code *code = catalog_book_find(book, in->code);
    struct gathering parts = {.book = book, .pointer = pointer};
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
                              .term_days = in->term_days};

    if (code->id)
        return code_taken(cx, code, pointer);
    TRY(catalog_take_policy(cx, pointer, in->stock, &sku));
    TRY(gather_all(cx, in, product->kind, &parts));
    TRY(catalog_pack_prices(cx, pointer, in->prices, &sku.prices));
    sku.components = pack_components(cx, &parts);
    sku.options = catalog_pack_options(cx, in->options);
    sku.id = *id = cx_new_id(cx);
    *code = (struct catalog_code){.code = sku.code,
                                  .id = sku.id,
                                  .kind = sku.kind,
                                  .components = sku.components,
                                  .made = true};
    return row_add(cx, &catalog_sku_table, &sku);
}

enum err catalog_create(struct cx *cx, const struct catalog_book *book,
                        const struct catalog_product_new *in, int64_t *product)
{
    struct catalog_product row = {.id = cx_new_id(cx),
                                  .title = in->title,
                                  .title_key = catalog_title_key(cx, in->title),
                                  .kind = in->kind,
                                  .state = in->state == 0 ? CATALOG_ON_SALE : CATALOG_DRAFT,
                                  .category = in->category.ptr ? in->category : STR(""),
                                  .created_ms = cx_now_ms(cx)};
    char pointer[32];
    int64_t sku;

    TRY(row_add(cx, &catalog_product_table, &row));
    for (size_t k = 0; k < in->skus.count; k++) {
        struct text text = {.ptr = pointer, .size = sizeof(pointer) - 1};

        text_addf(&text, "/skus/%zu", k);
        pointer[text.len] = '\0';
        TRY(catalog_create_sku(cx, book, &row, pointer,
                               LIST_AT(in->skus, struct catalog_sku_new, k), &sku));
    }
    *product = row.id;
    return catalog_put_event(cx, "catalog.product_created", &row);
}
