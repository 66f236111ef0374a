/*
 * postgres_statement.c - SQL texts with binds, and what comes back.
 *
 * Binds travel in binary, results as text: sum() of bigint is a numeric, which as text reads like
 * any integer.  A text whose binds change their types is prepared once for each combination.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/sql/postgres.h"
#include "kernel/sql/scan.h"

/* OIDs of the server's pg_type. */
enum {
    OID_BOOL = 16,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_NUMERIC = 1700,
    OID_JSONB = 3802,
};

/* ---- Statements ---- */

static unsigned type_of(const struct bind *bind)
{
    return bind->type == BIND_INT ? OID_INT8 : bind->type == BIND_TEXT ? OID_TEXT : 0;
}

/* A null goes with any type. */
static bool fits(const struct postgres_statement *statement, struct binds binds)
{
    for (size_t k = 0; k < binds.count; k++)
        if (binds.items[k].type != BIND_NULL && statement->types[k] != type_of(&binds.items[k]))
            return false;
    return true;
}

/* A guard must fail by itself when it touches no row: the commit is on its way right behind it. */
static char *guard_text(char *sql)
{
    static const char fmt[] = "with g as (%s returning 1) select 1 / count(*) from g";
    size_t size = strlen(sql) + sizeof(fmt);
    char *text = malloc(size);

    assert(text);
    snprintf(text, size, fmt, sql);
    free(sql);
    return text;
}

static enum err make(struct cx *cx, const char *sql, struct binds binds, int use,
                     struct postgres_statement **out)
{
    struct postgres_statement *statement;
    int count;
    char *text = scan_placeholders(sql, SQL_POSTGRES, &count);

    if (!text)
        return fail(cx, ERR_STORAGE, "placeholder", "write ?1 .. ?%d, not a bare ?: %.200s",
                    SQL_BINDS_MAX, sql);
    if (binds.count != (size_t)count) {
        free(text);
        return fail(cx, ERR_STORAGE, "bind_count", "%zu binds for %d placeholders: %.200s",
                    binds.count, count, sql);
    }
    statement = calloc(1, sizeof(*statement));
    assert(statement);
    statement->base.key = sql;
    statement->base.use = use;
    statement->base.text = use == CACHE_GUARD ? guard_text(text) : text;
    statement->sql_hash = str_hash(str_of(sql), 0);
    statement->bind_count = count;
    for (int k = 0; k < count; k++)
        statement->types[k] = type_of(&binds.items[k]);
    *out = statement;
    return OK;
}

enum err postgres_text_statement(struct cx *cx, const char *sql, struct binds binds, int use,
                                 struct postgres_statement **out)
{
    struct statement *first = cache_find(&cx->db->cache, sql, use);

    for (struct statement *at = first; at; at = at->variant) {
        struct postgres_statement *statement = (struct postgres_statement *)at;

        /* Texts are static: one address, one text. */
        assert(statement->sql_hash == str_hash(str_of(sql), 0));
        if (binds.count != (size_t)statement->bind_count)
            return fail(cx, ERR_STORAGE, "bind_count", "%zu binds for %d placeholders: %.200s",
                        binds.count, statement->bind_count, sql);
        if (fits(statement, binds)) {
            *out = statement;
            return OK;
        }
    }
    TRY(make(cx, sql, binds, use, out));
    if (first) {
        (*out)->base.variant = first->variant;
        first->variant = &(*out)->base;
    } else {
        cache_add(&cx->db->cache, &(*out)->base);
    }
    return OK;
}

void postgres_forget_prepared(struct postgres *db)
{
    for (size_t k = 0; k < db->sql.cache.slot_count; k++)
        for (struct statement *at = db->sql.cache.slots[k]; at; at = at->variant)
            ((struct postgres_statement *)at)->prepared = false;
}

static void drop(struct statement *statement)
{
    free((char *)(uintptr_t)statement->text);
    free(statement->columns);
    free(statement);
}

void postgres_drop_statements(struct postgres *db)
{
    cache_close(&db->sql.cache, drop);
}

/* ---- Sending ---- */

static enum err send(struct cx *cx, const char *sql, struct binds binds, int use,
                     struct pending pending)
{
    struct postgres_statement *statement;
    const char *values[SQL_BINDS_MAX];
    int lengths[SQL_BINDS_MAX];
    uint64_t numbers[SQL_BINDS_MAX];

    TRY(postgres_text_statement(cx, sql, binds, use, &statement));
    for (size_t k = 0; k < binds.count; k++) {
        const struct bind *bind = &binds.items[k];

        numbers[k] = htobe64((uint64_t)bind->number);
        values[k] = bind->type == BIND_INT    ? (const char *)&numbers[k]
                    : bind->type == BIND_TEXT ? bind->text.ptr
                                              : NULL;
        lengths[k] = bind->type == BIND_INT ? (int)sizeof(numbers[k]) : (int)bind->text.len;
    }
    return postgres_send(cx, statement, (struct parameters){(int)binds.count, values, lengths},
                         pending);
}

static enum err read_all(struct cx *cx, struct reading *reading, struct binds binds)
{
    struct postgres *db;

    TRY(postgres_enter(cx, &db));
    TRY(send(cx, reading->sql, binds, CACHE_TEXT,
             (struct pending){.kind = PENDING_READ, .reading = reading}));
    return postgres_sync(cx);
}

enum err postgres_run(struct cx *cx, int64_t *changed, const char *sql, struct binds binds)
{
    struct reading reading = {.sql = sql};

    TRY(read_all(cx, &reading, binds));
    *changed = reading.changed;
    return OK;
}

enum err postgres_all(struct cx *cx, const struct field *fields, const char *sql,
                      struct binds binds)
{
    struct reading reading = {.sql = sql, .fields = fields};

    columns_of(&reading.columns, fields);
    return read_all(cx, &reading, binds);
}

enum err postgres_guard(struct cx *cx, const char *sql, struct binds binds)
{
    struct postgres *db;

    TRY(postgres_enter(cx, &db));
    return send(cx, sql, binds, CACHE_GUARD, (struct pending){.kind = PENDING_GUARD});
}

/* ---- Receiving ---- */

static enum err take_number(struct cx *cx, const struct column *column, struct str text, void *row)
{
    int64_t number;

    if (str_int(text, &number))
        return column_set_int(cx, column, row, number);
    if (column->kind == COLUMN_DOUBLE)
        return column_set_double(cx, column, row, strtod(text.ptr, NULL));
    return column_mismatch(cx, column, "a number that is no 64-bit integer");
}

static enum err take_value(struct cx *cx, const struct column *column, unsigned type,
                           struct str text, void *row)
{
    switch (type) {
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
    case OID_OID:
    case OID_NUMERIC:
        return take_number(cx, column, text, row);
    case OID_BOOL:
        return column_set_int(cx, column, row, text.ptr[0] == 't');
    case OID_FLOAT8:
    case OID_FLOAT4:
        return column_set_double(cx, column, row, strtod(text.ptr, NULL));
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_BPCHAR:
    case OID_NAME:
    case OID_JSON:
    case OID_JSONB:
        return column_set_text(cx, column, row, text);
    default:
        return column_mismatch(cx, column, "a type of PostgreSQL's own");
    }
}

static enum err take_row(struct cx *cx, const struct columns *columns, const PGresult *result,
                         int tuple, void *row)
{
    for (int k = 0; k < columns->count; k++) {
        const struct column *column = &columns->items[k];
        struct str text = {PQgetvalue(result, tuple, k), (size_t)PQgetlength(result, tuple, k)};

        if (PQgetisnull(result, tuple, k))
            column_set_null(column, row);
        else
            TRY(take_value(cx, column, PQftype(result, k), text, row));
    }
    return OK;
}

static int64_t rows_changed(const PGresult *result)
{
    PGresult *shown = (PGresult *)(uintptr_t)result; /* libpq forgot a const. */
    int64_t count = 0;

    if (strncmp(PQcmdStatus(shown), "SELECT", 6) == 0 ||
        !str_int(str_of(PQcmdTuples(shown)), &count))
        return 0;
    return count;
}

enum err postgres_take_rows(struct cx *cx, struct reading *reading, const PGresult *result)
{
    if (PQresultStatus(result) != PGRES_SINGLE_TUPLE)
        reading->changed = rows_changed(result);
    if (!reading->fields)
        return OK;
    if (!reading->checked)
        TRY(columns_check(cx, &reading->columns, PQnfields(result), reading->sql));
    reading->checked = true;
    for (int k = 0; k < PQntuples(result); k++) {
        void *row;

        TRY(collect_row(cx, &row));
        TRY(take_row(cx, &reading->columns, result, k, row));
    }
    return OK;
}

enum err postgres_deliver(struct cx *cx, const struct pending *ask, const PGresult *result)
{
    const struct statement *statement = &ask->statement->base;
    const struct table *table = statement->key;

    for (int k = 0; k < PQntuples(result); k++) {
        void *row = cx_alloc(cx, table->row_size);

        TRY(take_row(cx, statement->columns, result, k, row));
        ask->found(ask->context, table, row);
    }
    return OK;
}
