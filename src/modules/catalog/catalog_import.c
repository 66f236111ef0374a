/*
 * catalog_import.c - products from a file: all of them, or none.
 *
 * CSV: the first line names the columns, code,title,kind,price_minor,currency and, if wanted,
 * stock,category,state; one product with one SKU per row.  JSON: a list of the bodies of POST
 * /v1/products.  Reading happens on a reader thread (prepare), writing in one command; with dry_run
 * everything is checked and undone.
 */
#include <stdlib.h>

#include "modules/catalog/catalog_priv.h"

enum { IMPORT_ERRORS_MAX = 100 }; /* Told; more are counted. */

struct import_error {
    int64_t row;
    struct str code, pointer, detail;
};

struct import {
    struct catalog_product_new *products; /* The good ones. */
    int64_t *rows;                        /* The line or list index each came from. */
    size_t count, room;
    int64_t seen, skus, components;
    bool json;
    struct import_error *errors;
    size_t error_count; /* Bad rows. */
};

struct import_reply {
    int64_t rows, products, failed;
    bool dry_run;
    struct list errors;
};

const struct field catalog_import_query_fields[] = {
    F(catalog_import_query, dry_run, .doc = "Check everything, keep nothing."), F_END};
static const struct field error_fields[] = {
    F(import_error, row, .doc = "Line of the CSV file, or index in the JSON list."),
    F(import_error, code), F(import_error, pointer, .flags = FIELD_OMIT, .doc = "Inside the row."),
    F(import_error, detail), F_END};
const struct field catalog_import_reply_fields[] = {
    F(import_reply, rows),
    F(import_reply, products, .doc = "Imported; in a dry run, what is good to import."),
    F(import_reply, failed, .doc = "Bad rows; the first hundred are told."),
    F(import_reply, dry_run),
    F_LIST(import_reply, errors, import_error, error_fields),
    F_END};

/* A row's own fault?  Any other failure is the command's. */
static bool is_of_row(enum err err)
{
    return err == ERR_BAD_INPUT || err == ERR_CONFLICT || err == ERR_NOT_FOUND;
}

/* Note what was recorded, if it is the row's own fault. */
static enum err add_error(struct cx *cx, struct import *import, int64_t row)
{
    struct import_error error = {.row = row, .code = str_of(cx->problem.code)};

    if (!is_of_row(cx->problem.err))
        return cx->problem.err;
    if (import->error_count < IMPORT_ERRORS_MAX) {
        error.detail = cx_copy(cx, str_of(cx->problem.detail));
        if (import->json && cx->problem.pointer[0])
            error.pointer = cx_copy(cx, str_of(cx->problem.pointer));
        import->errors[import->error_count] = error;
    }
    import->error_count++;
    fail_clear(cx);
    return OK;
}

/* ---- Limits of the file ---- */

static enum err too_large(struct cx *cx, const char *what, int max)
{
    return fail(cx, ERR_TOO_LARGE, "import_too_large",
                "one import holds at most %d %s: split the file", max, what);
}

static enum err count_product(struct cx *cx, struct import *import,
                              const struct catalog_product_new *product)
{
    import->skus += (int64_t)product->skus.count;
    for (size_t k = 0; k < product->skus.count; k++)
        import->components +=
            (int64_t)LIST_AT(product->skus, struct catalog_sku_new, k)->components.count;
    if (import->skus > CATALOG_IMPORT_SKUS_MAX)
        return too_large(cx, "SKUs", CATALOG_IMPORT_SKUS_MAX);
    if (import->components > CATALOG_IMPORT_COMPONENTS_MAX)
        return too_large(cx, "components of bundles", CATALOG_IMPORT_COMPONENTS_MAX);
    return OK;
}

/* Each row is a product, with one SKU at least. */
static enum err begin_row(struct cx *cx, struct import *import)
{
    return ++import->seen > CATALOG_IMPORT_SKUS_MAX ? too_large(cx, "rows", CATALOG_IMPORT_SKUS_MAX)
                                                    : OK;
}

static void make_room(struct cx *cx, struct import *import, size_t rows)
{
    import->room = rows < CATALOG_IMPORT_SKUS_MAX ? rows : CATALOG_IMPORT_SKUS_MAX;
    import->products = CX_ARRAY(cx, struct catalog_product_new, import->room + 1);
    import->rows = CX_ARRAY(cx, int64_t, import->room + 1);
}

static enum err take_body(struct cx *cx, struct import *import, struct json body, int64_t row)
{
    struct catalog_product_new *product = &import->products[import->count];

    assert(import->count < import->room);
    if (field_decode(cx, catalog_product_new_fields, FIELD_STRICT, body, "", product) != OK)
        return add_error(cx, import, row);
    import->rows[import->count++] = row;
    return count_product(cx, import, product);
}

/* ---- CSV ---- */

static const char *const columns[] = {"code",  "title",    "kind",  "price_minor", "currency",
                                      "stock", "category", "state", NULL};
enum { CODE, TITLE, KIND, PRICE, CURRENCY, STOCK, CATEGORY, STATE, COLUMNS, REQUIRED = STOCK };

struct header {
    int column_of[CSV_COLUMNS_MAX]; /* Of each field of a row. */
    size_t count;
};

static int column_named(struct str name)
{
    int c = 0;

    while (columns[c] && !str_is(name, columns[c]))
        c++;
    return c;
}

static enum err read_header(struct cx *cx, struct csv *csv, struct header *header)
{
    static const char known[] = "the first line names the columns code,title,kind,price_minor,"
                                "currency and may name stock,category,state";
    struct csv_row row = {.line = 1};
    bool seen[COLUMNS] = {false};
    enum err err = OK;

    if (!csv_next(cx, csv, &row, &err))
        row.count = 0;
    TRY(err);
    header->count = row.count;
    for (size_t k = 0; k < row.count; k++) {
        int c = k < CSV_COLUMNS_MAX ? column_named(row.fields[k]) : COLUMNS;

        if (c == COLUMNS)
            return fail(cx, ERR_BAD_INPUT, "unknown_column", "%s: column %zu is none of them",
                        known, k + 1);
        if (seen[c])
            return fail(cx, ERR_BAD_INPUT, "column_twice", "%s: %s stands there twice", known,
                        columns[c]);
        seen[c] = true;
        header->column_of[k] = c;
    }
    for (int c = 0; c < REQUIRED; c++)
        if (!seen[c])
            return fail(cx, ERR_BAD_INPUT, "missing_column", "%s: %s is missing", known,
                        columns[c]);
    return OK;
}

/* deny, unlimited or below_zero:N; others are refused as any body's would be. */
static void put_stock(struct json_out *json, struct str stock)
{
    struct str word, rest = stock;
    int64_t below_zero;

    json_key(json, STR("stock"));
    if (!str_cut(&rest, ':', &word) || !str_is(word, "below_zero") || !str_int(rest, &below_zero)) {
        json_put_text(json, stock);
        return;
    }
    json_object(json);
    json_member_int(json, "below_zero", below_zero);
    json_object_end(json);
}

/* A row as the body it stands for, so that both ways in are checked by the same table. */
static enum err row_body(struct cx *cx, const struct str values[COLUMNS], struct str *out)
{
    struct json_out json;
    size_t size = 128;
    int64_t price;

    if (!str_int(values[PRICE], &price))
        return fail(cx, ERR_BAD_INPUT, "bad_value",
                    "price_minor: must be a whole number of minor units, like 1990");
    for (int c = 0; c < COLUMNS; c++)
        size += values[c].len;
    json_open(&json, cx, size);
    json_object(&json);
    json_member_text(&json, "title", values[TITLE]);
    json_member_text(&json, "kind", values[KIND]);
    if (values[CATEGORY].len > 0)
        json_member_text(&json, "category", values[CATEGORY]);
    if (values[STATE].len > 0)
        json_member_text(&json, "state", values[STATE]);
    json_key(&json, STR("skus"));
    json_list(&json);
    json_object(&json);
    json_member_text(&json, "code", values[CODE]);
    json_key(&json, STR("price"));
    json_object(&json);
    json_member_int(&json, "amount", price);
    json_member_text(&json, "currency", values[CURRENCY]);
    json_object_end(&json);
    if (values[STOCK].len > 0)
        put_stock(&json, values[STOCK]);
    json_object_end(&json);
    json_list_end(&json);
    json_object_end(&json);
    *out = json_done(&json);
    return OK;
}

static enum err parse_row(struct cx *cx, const struct header *header, const struct csv_row *row,
                          struct json *out)
{
    struct str values[COLUMNS] = {{0}}, body;

    if (row->count != header->count)
        return fail(cx, ERR_BAD_INPUT, "wrong_columns",
                    "this row has %zu fields, the first line names %zu: quote fields with commas",
                    row->count, header->count);
    for (size_t k = 0; k < row->count; k++)
        values[header->column_of[k]] = row->fields[k];
    TRY(row_body(cx, values, &body));
    return json_parse(cx, body, out);
}

static enum err read_csv(struct cx *cx, struct import *import, struct str raw)
{
    struct csv csv = {.rest = raw, .line = 1};
    struct header header;
    struct csv_row row;
    size_t lines = 0;
    enum err err;

    for (size_t k = 0; k < raw.len; k++)
        lines += raw.ptr[k] == '\n' || raw.ptr[k] == '\r';
    make_room(cx, import, lines + 1);
    TRY(read_header(cx, &csv, &header));
    while (csv_next(cx, &csv, &row, &err)) {
        struct json body;

        TRY(begin_row(cx, import));
        if (err != OK || parse_row(cx, &header, &row, &body) != OK)
            TRY(add_error(cx, import, row.line));
        else
            TRY(take_body(cx, import, body, row.line));
    }
    return OK;
}

/* ---- JSON ---- */

static enum err read_json(struct cx *cx, struct import *import, struct str raw)
{
    struct json list;
    int64_t index = 0;

    TRY(json_parse(cx, raw, &list));
    if (json_type(list) != JSON_LIST)
        return fail(cx, ERR_BAD_INPUT, "wrong_type", "send a JSON list of products");
    make_room(cx, import, json_count(list));
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        TRY(begin_row(cx, import));
        TRY(take_body(cx, import, it.value, index++));
    }
    return OK;
}

/* As the header says; where it names neither, a list begins like one. */
static bool is_json(struct str content_type, struct str raw)
{
    struct str media = content_type;

    (void)str_cut(&content_type, ';', &media);
    media = str_trim(media);
    if (str_eq_nocase(media, STR("application/json")) || str_eq_nocase(media, STR("text/csv")))
        return str_eq_nocase(media, STR("application/json"));
    for (size_t k = 0; k < raw.len; k++)
        if (raw.ptr[k] != ' ' && raw.ptr[k] != '\t' && raw.ptr[k] != '\n' && raw.ptr[k] != '\r')
            return raw.ptr[k] == '[' || raw.ptr[k] == '{';
    return false;
}

/* Spreadsheets and shells put a byte order mark in front. */
static struct str without_mark(struct str raw)
{
    static const struct str mark = {"\xef\xbb\xbf", 3};

    return str_starts(raw, mark) ? (struct str){raw.ptr + mark.len, raw.len - mark.len} : raw;
}

enum err catalog_import_prepare(struct req *req)
{
    struct cx *cx = req->cx;
    struct import *import = CX_NEW(cx, struct import);
    struct str raw = without_mark(req->raw);

    import->errors = CX_ARRAY(cx, struct import_error, IMPORT_ERRORS_MAX);
    import->json = is_json(req->headers[0], raw);
    req->prepared = import;
    return import->json ? read_json(cx, import, raw) : read_csv(cx, import, raw);
}

/* ---- Writing ---- */

static int by_row(const void *a, const void *b)
{
    int64_t x = ((const struct import_error *)a)->row, y = ((const struct import_error *)b)->row;

    return (x > y) - (x < y);
}

/* A good import answers 200, so does a dry run; a refused one 422. */
static enum err reply_import(struct req *req, const struct import *import, bool dry_run)
{
    struct import_reply reply = {
        .rows = import->seen, .failed = (int64_t)import->error_count, .dry_run = dry_run};

    if (import->error_count == 0 || dry_run)
        reply.products = import->seen - (int64_t)import->error_count;
    reply.errors.items = import->errors;
    reply.errors.count =
        import->error_count < IMPORT_ERRORS_MAX ? import->error_count : IMPORT_ERRORS_MAX;
    qsort(import->errors, reply.errors.count, sizeof(import->errors[0]), by_row);
    return reply_json(req, import->error_count && !dry_run ? 422 : 200, catalog_import_reply_fields,
                      &reply);
}

static enum err create_all(struct cx *cx, struct import *import)
{
    const struct catalog_product_new **products =
        CX_ARRAY(cx, const struct catalog_product_new *, import->count + 1);
    struct catalog_book book;
    int64_t product;

    for (size_t k = 0; k < import->count; k++)
        products[k] = &import->products[k];
    TRY(catalog_book_open(cx, &book, products, import->count));
    for (size_t k = 0; k < import->count; k++) {
        if (catalog_create(cx, &book, products[k], &product) != OK)
            TRY(add_error(cx, import, import->rows[k]));
    }
    return OK;
}

enum err catalog_import(struct req *req)
{
    const struct catalog_import_query *query = req->query;
    const struct import *prepared = req->prepared;
    struct import import = *prepared; /* A rerun begins again from what was read. */
    struct cx *cx = req->cx;

    import.errors = CX_ARRAY(cx, struct import_error, IMPORT_ERRORS_MAX);
    for (size_t k = 0; k < prepared->error_count && k < IMPORT_ERRORS_MAX; k++)
        import.errors[k] = prepared->errors[k];
    TRY(create_all(cx, &import));
    if (import.error_count > 0 || query->dry_run)
        TRY(cx_undo(cx)); /* Nothing half imported. */
    return reply_import(req, &import, query->dry_run);
}
