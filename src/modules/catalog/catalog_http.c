/*
 * catalog_http.c - reading the catalogue, and its memory of replies.
 */
#include "modules/catalog/catalog_priv.h"

#define CACHE_BYTES_MAX ((size_t)8 << 20) /* About 8,000 products. */

/* A page ends early after products of this size: some have a hundred SKUs with all they may say. */
#define PAGE_BYTES_MAX ((size_t)2 << 20)

static const char *const kind_filter[] = {"any", "goods",   "content", "course",
                                          "vip", "teacher", "bundle",  NULL};
static const char *const state_filter[] = {"any", "draft", "on_sale", "off_sale", NULL};

const struct field catalog_search_query_fields[] = {
    PAGE_FIELDS(catalog_search_query),
    F(catalog_search_query, title, .max = CATALOG_TITLE_LEN_MAX,
      .doc = "Beginning of the title; case of ASCII letters does not matter."),
    F_ENUM(catalog_search_query, kind, kind_filter),
    F_ENUM(catalog_search_query, state, state_filter), F_END};

const struct field catalog_sku_query_fields[] = {
    PAGE_FIELDS(catalog_sku_query),
    F(catalog_sku_query, code, .max = CATALOG_CODE_LEN_MAX, .doc = "Only the SKU of this code."),
    F_END};

/* ---- Views ---- */

/* As it is given. */
static const struct field price_view_fields[] = {
    F_MONEY(catalog_price, price_minor, currency, "amount"),
    F_TIME(catalog_price, from_ms, "from", .flags = FIELD_OMIT),
    F_TIME(catalog_price, until_ms, "until", .flags = FIELD_OMIT), F_END};

struct sku_view {
    struct catalog_sku sku;
    struct str stock;   /* The policy, as it was given. */
    struct list prices; /* of struct catalog_price */
};
#define SKU(member_) .offset = (uint32_t)offsetof(struct sku_view, sku.member_)
const struct field catalog_sku_view_fields[] = {
    {.name = "id", .type = FIELD_ID, .prefix = "sku", SKU(id)},
    {.name = "product", .type = FIELD_ID, .prefix = "prd", SKU(product)},
    {.name = "code", .type = FIELD_TEXT, SKU(code)},
    {.name = "title", .type = FIELD_TEXT, SKU(title)},
    {.name = "price",
     .type = FIELD_MONEY,
     SKU(price_minor),
     .currency_offset = (uint32_t)offsetof(struct sku_view, sku.currency)},
    F_JSON(sku_view, stock),
    {.name = "tax_ppm", .type = FIELD_INT, SKU(tax_ppm)},
    {.name = "entity", .type = FIELD_TEXT, SKU(entity)},
    {.name = "location", .type = FIELD_TEXT, SKU(location)},
    {.name = "term_days", .type = FIELD_INT, SKU(term_days)},
    {.name = "options", .type = FIELD_JSON, SKU(options)},
    {.name = "components", .type = FIELD_JSON, SKU(components)},
    F_LIST(sku_view, prices, catalog_price, price_view_fields),
    F_END};

struct product_view {
    struct catalog_product product;
    struct list skus; /* of struct sku_view */
};
#define PRODUCT(member_) .offset = (uint32_t)offsetof(struct product_view, product.member_)
const struct field catalog_product_view_fields[] = {
    {.name = "id", .type = FIELD_ID, .prefix = "prd", PRODUCT(id)},
    {.name = "title", .type = FIELD_TEXT, PRODUCT(title)},
    {.name = "kind", .type = FIELD_ENUM, .names = catalog_kinds, PRODUCT(kind)},
    {.name = "state", .type = FIELD_ENUM, .names = catalog_states, PRODUCT(state)},
    {.name = "category", .type = FIELD_TEXT, PRODUCT(category)},
    {.name = "created_at", .type = FIELD_TIME, PRODUCT(created_ms)},
    F_LIST(product_view, skus, sku_view, catalog_sku_view_fields),
    F_END};

static enum err sku_view(struct cx *cx, const struct catalog_sku *sku, struct sku_view *out)
{
    *out = (struct sku_view){.sku = *sku, .stock = STR("\"deny\"")};
    if (sku->policy == STOCK_UNLIMITED)
        out->stock = STR("\"unlimited\"");
    else if (sku->policy == STOCK_BELOW_ZERO)
        out->stock = cx_printf(cx, "{\"below_zero\":%" PRId64 "}", sku->below_zero);
    return catalog_prices(cx, sku, &out->prices);
}

static enum err product_view(struct cx *cx, const struct catalog_product *product,
                             struct product_view *out)
{
    struct sku_view *views;
    struct list skus;

    TRY(catalog_skus_of(cx, product->id, &skus));
    views = CX_ARRAY(cx, struct sku_view, skus.count ? skus.count : 1);
    for (size_t k = 0; k < skus.count; k++)
        TRY(sku_view(cx, LIST_AT(skus, struct catalog_sku, k), &views[k]));
    *out = (struct product_view){.product = *product, .skus = {views, skus.count}};
    return OK;
}

enum err catalog_reply_product(struct req *req, int status, int64_t id)
{
    struct catalog_product product;
    struct product_view view;

    TRY(catalog_product_get(req->cx, id, &product));
    TRY(product_view(req->cx, &product, &view));
    return reply_json(req, status, catalog_product_view_fields, &view);
}

enum err catalog_reply_sku(struct req *req, int status, int64_t id)
{
    struct catalog_sku sku;
    struct sku_view view;

    TRY(catalog_sku_get(req->cx, id, &sku));
    TRY(sku_view(req->cx, &sku, &view));
    return reply_json(req, status, catalog_sku_view_fields, &view);
}

/* ---- Memory ---- */

enum err catalog_open(struct cx *cx)
{
    module_set_memory(cx, &catalog_module, cache_make(CACHE_BYTES_MAX));
    return OK;
}

void catalog_close(void *memory)
{
    cache_free(memory);
}

static void uncache(struct space *space, void *argument)
{
    const int64_t *product = argument;

    cache_drop(space_memory(space, &catalog_module), *product);
}

void catalog_uncache(struct cx *cx, int64_t product)
{
    int64_t *id = CX_NEW(cx, int64_t);

    *id = product;
    cx_after_commit(cx, uncache, id);
}

/* ---- Handlers ---- */

enum err catalog_post(struct req *req)
{
    const struct catalog_product_new *products[] = {req->body};
    struct catalog_book book;
    int64_t product;

    TRY(catalog_book_open(req->cx, &book, products, 1));
    TRY(catalog_create(req->cx, &book, req->body, &product));
    req->location =
        cx_printf(req->cx, "/v1/products/" STR_FMT, STR_ARG(cx_id_text(req->cx, "prd", product)));
    return catalog_reply_product(req, 201, product);
}

enum err catalog_get(struct req *req)
{
    struct cache *cache = module_memory(req->cx, &catalog_module);
    int64_t id = req->params[0].id;
    uint64_t generation;
    struct str cached;

    if (cache_get(cache, req->cx, id, &cached, &generation))
        return reply_text(req, 200, "application/json", cached);
    if (!cx_has_database(req->cx))
        return fail(req->cx, ERR_BUSY, "cache_miss", "not in memory");
    TRY(catalog_reply_product(req, 200, id));
    cache_put(cache, id, generation, req->reply);
    return OK;
}

enum err catalog_get_sku(struct req *req)
{
    return catalog_reply_sku(req, 200, req->params[0].id);
}

static enum err find_skus(struct cx *cx, const struct catalog_sku_query *query, int64_t after,
                          struct list *rows)
{
    if (query->code.ptr)
        return sql_all(cx, catalog_sku_row_fields, sizeof(struct catalog_sku), rows,
                       CATALOG_SKU_COLUMNS " where code = ?1 and id > ?2",
                       BIND(TEXT(query->code), INT(after)));
    return sql_all(cx, catalog_sku_row_fields, sizeof(struct catalog_sku), rows,
                   CATALOG_SKU_COLUMNS " where id > ?1 order by id limit ?2",
                   BIND(INT(after), INT(query->page.limit)));
}

enum err catalog_find_skus(struct req *req)
{
    const struct catalog_sku_query *query = req->query;
    struct cx *cx = req->cx;
    int64_t after = 0, unused = 0;
    struct sku_view *views;
    struct str next = {0};
    struct list rows;

    TRY(cursor_read(cx, query->page.cursor, &after, &unused));
    TRY(find_skus(cx, query, after, &rows));
    views = CX_ARRAY(cx, struct sku_view, rows.count ? rows.count : 1);
    for (size_t k = 0; k < rows.count; k++)
        TRY(sku_view(cx, LIST_AT(rows, struct catalog_sku, k), &views[k]));
    if (!query->code.ptr && (int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct catalog_sku, rows.count - 1)->id, 0);
    return reply_page(req, catalog_sku_view_fields, (struct list){views, rows.count},
                      sizeof(struct sku_view), next);
}

#define PRODUCT_COLUMNS                                                                            \
    "select id, title, title_key, kind, state, category, created_ms from catalog_product"
#define PRODUCT_STATE " and (?2 = 'any' or state = ?2) order by id limit ?3"

/* Each way by the index that serves it. */
static enum err find_products(struct cx *cx, const struct catalog_search_query *query,
                              struct str prefix, int64_t after, struct list *rows)
{
    struct bind from = INT(after), state = TEXT(str_of(state_filter[query->state])),
                kind = TEXT(str_of(kind_filter[query->kind])), limit = INT(query->page.limit);
    const struct field *fields = catalog_product_row_fields;
    size_t size = sizeof(struct catalog_product);
    struct str end;

    if (prefix.len == 0 && query->kind == 0)
        return sql_all(cx, fields, size, rows, PRODUCT_COLUMNS " where id > ?1" PRODUCT_STATE,
                       BIND(from, state, limit));
    if (prefix.len == 0)
        return sql_all(cx, fields, size, rows,
                       PRODUCT_COLUMNS " where kind = ?4 and id > ?1" PRODUCT_STATE,
                       BIND(from, state, limit, kind));
    /* One past every title that begins with prefix: U+10FFFF is no character. */
    end = cx_printf(cx, STR_FMT "\xf4\x8f\xbf\xbf", STR_ARG(prefix));
    return sql_all(cx, fields, size, rows,
                   PRODUCT_COLUMNS " where title_key >= ?5 and title_key < ?6 and id > ?1"
                                   " and (?4 = 'any' or kind = ?4)" PRODUCT_STATE,
                   BIND(from, state, limit, kind, TEXT(prefix), TEXT(end)));
}

static size_t size_of(const struct product_view *view)
{
    size_t size = sizeof(*view);

    for (size_t k = 0; k < view->skus.count; k++) {
        const struct sku_view *sku = LIST_AT(view->skus, struct sku_view, k);

        size += sizeof(*sku) + sku->sku.title.len + sku->sku.options.len + sku->sku.components.len +
                sku->sku.prices.len;
    }
    return size;
}

/* As many of the rows as fit a page, at least one; *full when some are left. */
static enum err view_page(struct cx *cx, struct list rows, struct list *out, bool *full)
{
    struct product_view *views = CX_ARRAY(cx, struct product_view, rows.count ? rows.count : 1);
    size_t count = 0, size = 0;

    while (count < rows.count && size < PAGE_BYTES_MAX) {
        TRY(product_view(cx, LIST_AT(rows, struct catalog_product, count), &views[count]));
        size += size_of(&views[count++]);
    }
    *full = count < rows.count;
    *out = (struct list){views, count};
    return OK;
}

enum err catalog_search(struct req *req)
{
    const struct catalog_search_query *query = req->query;
    struct cx *cx = req->cx;
    struct str prefix = catalog_title_key(cx, query->title.ptr ? query->title : STR(""));
    int64_t after = 0, unused = 0;
    struct list rows, views;
    struct str next = {0};
    bool full;

    TRY(cursor_read(cx, query->page.cursor, &after, &unused));
    TRY(find_products(cx, query, prefix, after, &rows));
    TRY(view_page(cx, rows, &views, &full));
    if (full || (int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct catalog_product, views.count - 1)->id, 0);
    return reply_page(req, catalog_product_view_fields, views, sizeof(struct product_view), next);
}
