/*
 * catalog_book.c - the codes that new products name, looked up together.
 */
#include <stdlib.h>

#include "modules/catalog/catalog_priv.h"

enum { CODES_AT_ONCE = 64 }; /* Placeholders of the statement below. */

static int by_code(const void *a, const void *b)
{
    return str_cmp(((const struct catalog_code *)a)->code, ((const struct catalog_code *)b)->code);
}

static size_t count_codes(const struct catalog_product_new *product)
{
    size_t count = product->skus.count;

    for (size_t k = 0; k < product->skus.count; k++)
        count += LIST_AT(product->skus, struct catalog_sku_new, k)->components.count;
    return count;
}

static void add_code(struct catalog_book *book, struct str code)
{
    if (code.ptr)
        book->codes[book->count++] = (struct catalog_code){.code = code};
}

static void add_codes(struct catalog_book *book, const struct catalog_product_new *product)
{
    for (size_t k = 0; k < product->skus.count; k++) {
        const struct catalog_sku_new *sku = LIST_AT(product->skus, struct catalog_sku_new, k);

        add_code(book, sku->code);
        for (size_t c = 0; c < sku->components.count; c++)
            add_code(book, LIST_AT(sku->components, struct catalog_component_new, c)->sku_code);
    }
}

static void sort_each_once(struct catalog_book *book)
{
    size_t kept = 0;

    qsort(book->codes, book->count, sizeof(book->codes[0]), by_code);
    for (size_t k = 0; k < book->count; k++)
        if (kept == 0 || !str_eq(book->codes[kept - 1].code, book->codes[k].code))
            book->codes[kept++] = book->codes[k];
    book->count = kept;
}

struct catalog_code *catalog_book_find(const struct catalog_book *book, struct str code)
{
    struct catalog_code key = {.code = code},
                        *found = bsearch(&key, book->codes, book->count, sizeof(key), by_code);

    assert(found);
    return found;
}

/* ---- What the database knows of them ---- */

static const struct field code_fields[] = {F(catalog_code, code), F_ID(catalog_code, id, "sku"),
                                           F_ENUM(catalog_code, kind, catalog_kinds),
                                           F_JSON(catalog_code, components), F_END};

static enum err look_up(struct cx *cx, const struct catalog_book *book, size_t first)
{
    struct bind binds[CODES_AT_ONCE];
    struct list rows;

    for (size_t k = 0; k < CODES_AT_ONCE; k++) /* No code is empty. */
        binds[k] = TEXT(first + k < book->count ? book->codes[first + k].code : STR(""));
    TRY(sql_all(cx, code_fields, sizeof(struct catalog_code), &rows,
                "select code, id, kind, components from catalog_sku where code in"
                " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
                " ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32,"
                " ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47, ?48,"
                " ?49, ?50, ?51, ?52, ?53, ?54, ?55, ?56, ?57, ?58, ?59, ?60, ?61, ?62, ?63, ?64)"
                " order by code",
                (struct binds){binds, CODES_AT_ONCE}));
    for (size_t k = 0; k < rows.count; k++) {
        const struct catalog_code *row = LIST_AT(rows, struct catalog_code, k);

        *catalog_book_find(book, row->code) = *row;
    }
    return OK;
}

enum err catalog_book_open(struct cx *cx, struct catalog_book *book,
                           const struct catalog_product_new *const *products, size_t count)
{
    size_t codes = 0;

    for (size_t k = 0; k < count; k++)
        codes += count_codes(products[k]);
    *book = (struct catalog_book){.codes = CX_ARRAY(cx, struct catalog_code, codes + 1)};
    for (size_t k = 0; k < count; k++)
        add_codes(book, products[k]);
    sort_each_once(book);
    for (size_t first = 0; first < book->count; first += CODES_AT_ONCE)
        TRY(look_up(cx, book, first));
    return OK;
}
