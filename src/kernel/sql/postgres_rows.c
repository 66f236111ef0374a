/*
 * postgres_rows.c - rows of one table as one statement: each column travels as an array.
 *
 * The wire form of an array (array_recv of the server): dimensions, "has nulls", the items' type,
 * length and first index, all 32 bit big-endian, then for each item its length, -1 for null, and
 * its bytes.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/sql/postgres.h"

enum {
    ROWS_PER_STATEMENT = 2048, /* So that no statement outgrows what one message may hold. */
    BYTES_KEPT_MAX = 1 << 20,
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
};

struct rows {
    const struct columns *columns;
    int column_count; /* Of these columns, the first so many. */
    const void *const *items;
    size_t count;
};

/* ---- Bytes ---- */

static char *room(struct bytes *bytes, size_t len)
{
    if (bytes->size_bytes - bytes->len < len) {
        bytes->size_bytes = (bytes->len + len) * 2;
        bytes->ptr = realloc(bytes->ptr, bytes->size_bytes);
        assert(bytes->ptr);
    }
    bytes->len += len;
    return bytes->ptr + bytes->len - len;
}

static void put32(struct bytes *bytes, int64_t value)
{
    uint32_t wire = htobe32((uint32_t)value);

    memcpy(room(bytes, sizeof(wire)), &wire, sizeof(wire));
}

static void put64(struct bytes *bytes, uint64_t value)
{
    uint64_t wire = htobe64(value);

    put32(bytes, sizeof(wire));
    memcpy(room(bytes, sizeof(wire)), &wire, sizeof(wire));
}

static void put_double(struct bytes *bytes, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put64(bytes, bits);
}

static void put_text(struct bytes *bytes, struct str text)
{
    put32(bytes, text.ptr ? (int64_t)text.len : -1);
    if (text.ptr && text.len > 0)
        memcpy(room(bytes, text.len), text.ptr, text.len);
}

/* ---- Arrays ---- */

static unsigned item_type(const struct column *column)
{
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_BOOL:
        return OID_INT8;
    case COLUMN_DOUBLE:
        return OID_FLOAT8;
    case COLUMN_TEXT:
    case COLUMN_ENUM:
        break;
    }
    return OID_TEXT;
}

static enum err put_item(struct cx *cx, struct bytes *bytes, const struct column *column,
                         const void *row)
{
    struct str text;
    double number;

    switch (item_type(column)) {
    case OID_INT8:
        put64(bytes, (uint64_t)column_int(column, row));
        return OK;
    case OID_FLOAT8:
        TRY(column_double(cx, column, row, &number));
        put_double(bytes, number);
        return OK;
    default:
        TRY(column_text(cx, column, row, &text));
        put_text(bytes, text);
        return OK;
    }
}

static enum err put_array(struct cx *cx, struct bytes *bytes, const struct column *column,
                          const struct rows *rows)
{
    put32(bytes, 1);
    put32(bytes, 1); /* It may have nulls. */
    put32(bytes, item_type(column));
    put32(bytes, (int64_t)rows->count);
    put32(bytes, 1);
    for (size_t k = 0; k < rows->count; k++)
        TRY(put_item(cx, bytes, column, rows->items[k]));
    return OK;
}

static enum err send_rows(struct cx *cx, struct postgres *db, struct postgres_statement *statement,
                          const struct rows *rows, struct pending pending)
{
    struct bytes *bytes = &db->encoded;
    const char *values[SQL_COLUMNS_MAX];
    int lengths[SQL_COLUMNS_MAX];
    size_t ends[SQL_COLUMNS_MAX], start = 0;

    bytes->len = 0;
    for (int k = 0; k < rows->column_count; k++) {
        TRY(put_array(cx, bytes, &rows->columns->items[k], rows));
        ends[k] = bytes->len;
    }
    for (int k = 0; k < rows->column_count; k++) {
        values[k] = bytes->ptr + start;
        lengths[k] = (int)(ends[k] - start);
        start = ends[k];
    }
    return postgres_send(cx, statement, (struct parameters){rows->column_count, values, lengths},
                         pending);
}

static enum err send_chunks(struct cx *cx, struct postgres *db,
                            struct postgres_statement *statement, struct rows rows,
                            struct pending pending)
{
    size_t left = rows.count;

    while (left > 0) {
        rows.count = left < ROWS_PER_STATEMENT ? left : ROWS_PER_STATEMENT;
        TRY(send_rows(cx, db, statement, &rows, pending));
        rows.items += rows.count;
        left -= rows.count;
    }
    if (db->encoded.size_bytes > BYTES_KEPT_MAX) {
        free(db->encoded.ptr);
        db->encoded = (struct bytes){0};
    }
    return OK;
}

/* ---- Statements of a table ---- */

static struct postgres_statement *table_statement(struct postgres *db, const struct table *table,
                                                  int use)
{
    struct postgres_statement *statement =
        (struct postgres_statement *)cache_find(&db->sql.cache, table, use);
    bool keys_only = use == ROW_DELETE || use == CACHE_ASK;

    if (statement)
        return statement;
    statement = calloc(1, sizeof(*statement));
    assert(statement);
    statement->base = (struct statement){
        .key = table, .use = use, .columns = table_columns(table), .key_count = table->key_count};
    statement->base.text = table_sql(SQL_POSTGRES, table, statement->base.columns, use);
    statement->bind_count = keys_only ? table->key_count : statement->base.columns->count;
    cache_add(&db->sql.cache, &statement->base);
    return statement;
}

enum err postgres_rows_write(struct cx *cx, const struct table *table, enum row_write how,
                             const void *const *rows, size_t count)
{
    struct postgres_statement *statement;
    struct postgres *db;

    TRY(postgres_enter(cx, &db));
    statement = table_statement(db, table, (int)how);
    return send_chunks(cx, db, statement,
                       (struct rows){statement->base.columns, statement->bind_count, rows, count},
                       (struct pending){.kind = PENDING_RUN});
}

enum err postgres_rows_ask(struct cx *cx, const struct table *table, const void *const *keys,
                           size_t count, sql_row_found *found, void *context)
{
    struct postgres_statement *statement;
    struct postgres *db;

    TRY(postgres_enter(cx, &db));
    statement = table_statement(db, table, CACHE_ASK);
    return send_chunks(cx, db, statement,
                       (struct rows){statement->base.columns, statement->bind_count, keys, count},
                       (struct pending){.kind = PENDING_ASK, .found = found, .context = context});
}
