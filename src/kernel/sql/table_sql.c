/*
 * table_sql.c - the statements of a struct table.
 *
 * SQLite takes a row per statement, its columns as ?1 ?2; PostgreSQL takes many rows, each column
 * as one array: unnest($1::bigint[], $2::text[]).  Names are quoted: a column may be called "key".
 */
#include <stdlib.h>

#include "kernel/sql/driver.h"

/* A column is named at most four times, at most 64 bytes each. */
enum { SQL_BYTES = 64 + SQL_COLUMNS_MAX * 64 * 4 };

struct columns *table_columns(const struct table *table)
{
    struct columns *columns = malloc(sizeof(*columns));

    assert(columns);
    columns_of(columns, table->fields);
    assert(table->key_count > 0);
    assert(table->key_count <= columns->count);
    return columns;
}

static void add_names(struct text *sql, const struct columns *columns, const char *prefix)
{
    for (int k = 0; k < columns->count; k++)
        text_addf(sql, "%s%s\"%s\"", k ? ", " : "", prefix, column_name(&columns->items[k]));
}

static const char *array_type(const struct column *column)
{
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_BOOL:
        return "bigint";
    case COLUMN_DOUBLE:
        return "double precision";
    case COLUMN_TEXT:
    case COLUMN_ENUM:
        break;
    }
    return "text";
}

static void add_unnest(struct text *sql, const struct columns *columns, int count)
{
    text_addf(sql, "unnest(");
    for (int k = 0; k < count; k++)
        text_addf(sql, "%s$%d::%s[]", k ? ", " : "", k + 1, array_type(&columns->items[k]));
    text_addf(sql, ")");
}

/* k(k1, k2): the keys given, beside the columns of the table. */
static void add_keys(struct text *sql, const struct columns *columns, int count)
{
    add_unnest(sql, columns, count);
    text_addf(sql, " as k(");
    for (int k = 0; k < count; k++)
        text_addf(sql, "%sk%d", k ? ", " : "", k + 1);
    text_addf(sql, ")");
}

static void add_match(struct text *sql, enum sql_kind kind, const struct columns *columns,
                      int count)
{
    for (int k = 0; k < count; k++) {
        const char *name = column_name(&columns->items[k]);

        if (kind == SQL_SQLITE)
            text_addf(sql, "%s\"%s\" = ?%d", k ? " and " : "", name, k + 1);
        else
            text_addf(sql, "%st.\"%s\" = k.k%d", k ? " and " : "", name, k + 1);
    }
}

static void add_insert(struct text *sql, enum sql_kind kind, const struct table *table,
                       const struct columns *columns)
{
    text_addf(sql, "insert into \"%s\" (", table->name);
    add_names(sql, columns, "");
    if (kind == SQL_POSTGRES) {
        text_addf(sql, ") select * from ");
        add_unnest(sql, columns, columns->count);
        return;
    }
    text_addf(sql, ") values (");
    for (int k = 0; k < columns->count; k++)
        text_addf(sql, "%s?%d", k ? ", " : "", k + 1);
    text_addf(sql, ")");
}

static void add_conflict(struct text *sql, const struct columns *columns, int key_count)
{
    text_addf(sql, " on conflict (");
    for (int k = 0; k < key_count; k++)
        text_addf(sql, "%s\"%s\"", k ? ", " : "", column_name(&columns->items[k]));
    text_addf(sql, ") do %s", key_count == columns->count ? "nothing" : "update set ");
    for (int k = key_count; k < columns->count; k++)
        text_addf(sql, "%s\"%s\" = excluded.\"%s\"", k > key_count ? ", " : "",
                  column_name(&columns->items[k]), column_name(&columns->items[k]));
}

static void add_delete(struct text *sql, enum sql_kind kind, const struct table *table,
                       const struct columns *columns)
{
    text_addf(sql, "delete from \"%s\"", table->name);
    if (kind == SQL_POSTGRES) {
        text_addf(sql, " as t using ");
        add_keys(sql, columns, table->key_count);
    }
    text_addf(sql, " where ");
    add_match(sql, kind, columns, table->key_count);
}

static void add_ask(struct text *sql, enum sql_kind kind, const struct table *table,
                    const struct columns *columns)
{
    text_addf(sql, "select ");
    add_names(sql, columns, kind == SQL_POSTGRES ? "t." : "");
    text_addf(sql, " from ");
    if (kind == SQL_POSTGRES) {
        add_keys(sql, columns, table->key_count);
        text_addf(sql, " join \"%s\" as t on ", table->name);
    } else {
        text_addf(sql, "\"%s\" where ", table->name);
    }
    add_match(sql, kind, columns, table->key_count);
}

char *table_sql(enum sql_kind kind, const struct table *table, const struct columns *columns,
                int use)
{
    struct text sql = {.ptr = malloc(SQL_BYTES), .size = SQL_BYTES};

    assert(sql.ptr);
    switch (use) {
    case ROW_INSERT:
        add_insert(&sql, kind, table, columns);
        break;
    case ROW_UPSERT:
        add_insert(&sql, kind, table, columns);
        add_conflict(&sql, columns, table->key_count);
        break;
    case ROW_DELETE:
        add_delete(&sql, kind, table, columns);
        break;
    default:
        assert(use == CACHE_ASK);
        add_ask(&sql, kind, table, columns);
        break;
    }
    assert(!sql.cut);
    sql.ptr[sql.len] = '\0';
    sql.ptr = realloc(sql.ptr, sql.len + 1);
    assert(sql.ptr);
    return sql.ptr;
}
