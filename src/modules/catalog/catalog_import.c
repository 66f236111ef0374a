/*
 * catalog_import.c - products from a file: all of them, or none.
 *
 * CSV: code,title,kind,price_minor,currency[,stock][,category], named by the first line; one
 * product with one SKU per row.  JSON: a list of the
 * bodies of POST /v1/products.  Reading happens on a reader thread (prepare), writing in one
 * command; with dry_run everything is checked and undone.
 */
#include "modules/catalog/catalog_priv.h"

enum { IMPORT_PRODUCTS_MAX = 5000, IMPORT_ERRORS_MAX = 100, IMPORT_COLUMNS_MAX = 16 };

struct import_error {
    int64_t row;
    struct str code, detail;
};

struct import {
    struct catalog_product_new *products;
    int64_t *rows; /* The line or list index each came from. */
    size_t count;
    int64_t seen;
    struct import_error *errors;
    size_t error_count;
};

struct import_reply {
    int64_t rows, products;
    bool dry_run;
    struct list errors;
};

const struct field catalog_import_query_fields[] = {
    F(catalog_import_query, dry_run, .doc = "Check everything, keep nothing."), F_END};
static const struct field error_fields[] = {
    F(import_error, row, .doc = "Line of the CSV file, or index in the JSON list."),
    F(import_error, code), F(import_error, detail), F_END};
const struct field catalog_import_reply_fields[] = {
    F(import_reply, rows), F(import_reply, products, .doc = "Imported, or importable."),
    F(import_reply, dry_run), F_LIST(import_reply, errors, import_error, error_fields), F_END};

static void add_error(struct cx *cx, struct import *import, int64_t row)
{
    if (import->error_count < IMPORT_ERRORS_MAX)
        import->errors[import->error_count] =
            (struct import_error){.row = row,
                                  .code = str_of(cx->problem.code),
                                  .detail = cx_copy(cx, str_of(cx->problem.detail))};
    import->error_count++;
    fail_clear(cx);
}

/* ---- CSV, RFC 4180 ---- */

struct csv {
    struct str rest;
    int64_t line;
};

/* One field, unquoted into cx; *last when it ends its row. */
static struct str csv_field(struct cx *cx, struct csv *csv, bool *last)
{
    const char *at = csv->rest.ptr, *end = at + csv->rest.len;
    bool quoted = at < end && *at == '"';
    char *out = cx_alloc(cx, csv->rest.len < 4096 ? csv->rest.len + 1 : 4097);
    size_t len = 0;

    for (at += quoted; at < end && len < 4096; at++) {
        if (quoted && *at == '"') {
            if (at + 1 < end && at[1] == '"')
                at++;
            else
                quoted = false, at++;
            if (!quoted)
                break;
        } else if (!quoted && (*at == ',' || *at == '\n' || *at == '\r')) {
            break;
        }
        csv->line += *at == '\n';
        out[len++] = *at;
    }
    *last = at >= end || *at != ',';
    while (at < end && *at != ',' && *at != '\n')
        at++;
    csv->line += at < end && *at == '\n';
    at += at < end;
    csv->rest = (struct str){at, (size_t)(end - at)};
    return (struct str){out, len};
}

static size_t csv_row(struct cx *cx, struct csv *csv, struct str *fields)
{
    size_t count = 0;
    bool last = false;

    while (!last && count < IMPORT_COLUMNS_MAX)
        fields[count++] = csv_field(cx, csv, &last);
    return count;
}

static const char *const columns[] = {"code",     "title", "kind",     "price_minor",
                                      "currency", "stock", "category", NULL};
enum { CODE, TITLE, KIND, PRICE, CURRENCY, STOCK, CATEGORY, COLUMNS, REQUIRED = STOCK };

static enum err read_header(struct cx *cx, struct csv *csv, int places[COLUMNS])
{
    struct str fields[IMPORT_COLUMNS_MAX];
    size_t count = csv_row(cx, csv, fields);

    for (int c = 0; c < COLUMNS; c++) {
        places[c] = -1;
        for (size_t k = 0; k < count; k++)
            if (str_is(str_trim(fields[k]), columns[c]))
                places[c] = (int)k;
        if (c < REQUIRED && places[c] < 0)
            return fail(cx, ERR_BAD_INPUT, "missing_column",
                        "the first line must name the columns code,title,kind,price_minor,"
                        "currency and may name stock,category: %s is missing",
                        columns[c]);
    }
    return OK;
}

/* A row as the body it stands for, so that both ways in are checked by the same table. */
static enum err row_body(struct cx *cx, const struct str *fields, const int *places,
                         struct str *out)
{
    struct json_out json;
    int64_t price;

    if (!str_int(str_trim(fields[places[PRICE]]), &price))
        return fail(cx, ERR_BAD_INPUT, "bad_value", "price_minor: a whole number of minor units");
    json_open(&json, cx, 256);
    json_object(&json);
    json_member_text(&json, "title", fields[places[TITLE]]);
    json_member_text(&json, "kind", str_trim(fields[places[KIND]]));
    if (places[CATEGORY] >= 0)
        json_member_text(&json, "category", fields[places[CATEGORY]]);
    json_key(&json, STR("skus"));
    json_list(&json);
    json_object(&json);
    json_member_text(&json, "code", str_trim(fields[places[CODE]]));
    json_key(&json, STR("price"));
    json_object(&json);
    json_member_int(&json, "amount", price);
    json_member_text(&json, "currency", str_trim(fields[places[CURRENCY]]));
    json_object_end(&json);
    if (places[STOCK] >= 0 && fields[places[STOCK]].len > 0)
        json_member_text(&json, "stock", str_trim(fields[places[STOCK]]));
    json_object_end(&json);
    json_list_end(&json);
    json_object_end(&json);
    *out = json_done(&json);
    return OK;
}

static enum err take_body(struct cx *cx, struct import *import, struct str body, int64_t row)
{
    if (import->count == IMPORT_PRODUCTS_MAX)
        return fail(cx, ERR_TOO_LARGE, "too_many_products",
                    "at most %d products at once: split the file", IMPORT_PRODUCTS_MAX);
    import->seen++;
    if (field_read(cx, catalog_product_new_fields, FIELD_STRICT, body,
                   &import->products[import->count], sizeof(import->products[0])) != OK) {
        add_error(cx, import, row);
        return OK;
    }
    import->rows[import->count++] = row;
    return OK;
}

static enum err read_csv(struct cx *cx, struct import *import, struct str raw)
{
    struct csv csv = {.rest = raw, .line = 1};
    struct str fields[IMPORT_COLUMNS_MAX] = {{0}}, body;
    int places[COLUMNS];

    TRY(read_header(cx, &csv, places));
    while (csv.rest.len > 0) {
        int64_t line = csv.line;
        size_t count = csv_row(cx, &csv, fields);

        if (count == 1 && fields[0].len == 0)
            continue; /* An empty line. */
        for (; count < IMPORT_COLUMNS_MAX; count++)
            fields[count] = STR("");
        if (row_body(cx, fields, places, &body) != OK) {
            import->seen++;
            add_error(cx, import, line);
        } else {
            TRY(take_body(cx, import, body, line));
        }
    }
    return OK;
}

static enum err read_json(struct cx *cx, struct import *import, struct str raw)
{
    struct str *bodies;
    struct json list;
    size_t count = 0;

    TRY(json_parse(cx, raw, &list));
    if (json_type(list) != JSON_LIST)
        return fail(cx, ERR_BAD_INPUT, "wrong_type", "send a JSON list of products");
    bodies = CX_ARRAY(cx, struct str, json_count(list) + 1);
    /* Each body is parsed again on its own, which ends the parse of the list. */
    for (struct json_iter it = json_iter(list); json_next(&it);)
        bodies[count++] = json_minified(cx, it.value);
    for (size_t k = 0; k < count; k++)
        TRY(take_body(cx, import, bodies[k], (int64_t)k));
    return OK;
}

enum err catalog_import_prepare(struct req *req)
{
    struct cx *cx = req->cx;
    struct import *import = CX_NEW(cx, struct import);
    bool json = req->headers[0].ptr && str_starts(req->headers[0], STR("application/json"));

    import->products = CX_ARRAY(cx, struct catalog_product_new, IMPORT_PRODUCTS_MAX);
    import->rows = CX_ARRAY(cx, int64_t, IMPORT_PRODUCTS_MAX);
    import->errors = CX_ARRAY(cx, struct import_error, IMPORT_ERRORS_MAX);
    req->prepared = import;
    return json ? read_json(cx, import, req->raw) : read_csv(cx, import, req->raw);
}

/* ---- Writing ---- */

static enum err reply_import(struct req *req, const struct import *import, bool dry_run)
{
    struct import_reply reply = {
        .rows = import->seen, .products = (int64_t)import->count, .dry_run = dry_run};

    reply.errors.items = import->errors;
    reply.errors.count =
        import->error_count < IMPORT_ERRORS_MAX ? import->error_count : IMPORT_ERRORS_MAX;
    return reply_json(req, import->error_count && !dry_run ? 422 : 200, catalog_import_reply_fields,
                      &reply);
}

enum err catalog_import(struct req *req)
{
    const struct catalog_import_query *query = req->query;
    const struct import *prepared = req->prepared;
    struct import import = *prepared; /* A rerun begins again from what was read. */
    struct cx *cx = req->cx;
    int64_t product;

    import.errors = CX_ARRAY(cx, struct import_error, IMPORT_ERRORS_MAX);
    for (size_t k = 0; k < prepared->error_count && k < IMPORT_ERRORS_MAX; k++)
        import.errors[k] = prepared->errors[k];
    for (size_t k = 0; k < import.count; k++) {
        enum err err = catalog_create(cx, &import.products[k], &product);

        if (err == ERR_STORAGE || err == ERR_BUSY || err == ERR_DISK_FULL)
            return err;
        if (err != OK)
            add_error(cx, &import, import.rows[k]);
    }
    if (import.error_count > 0 || query->dry_run) {
        import.count -= import.error_count < import.count ? import.error_count : import.count;
        TRY(cx_undo(cx)); /* Nothing half imported. */
    }
    return reply_import(req, &import, query->dry_run);
}
