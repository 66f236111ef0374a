/*
 * sqlite_statement.c - SQLite 3.40: statements and rows.
 *
 * Text is bound in place: it outlives the call, and the statement is reset before the call ends or
 * by the next one.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/sql/scan.h"
#include "kernel/sql/sqlite.h"

struct sqlite_statement {
    struct statement base;
    sqlite3_stmt *stmt;
    int bind_count;
    bool reads; /* Changes nothing. */
};

/* ---- Preparing ---- */

static void drop(struct statement *statement)
{
    sqlite3_finalize(((struct sqlite_statement *)statement)->stmt);
    free(statement->columns);
    free(statement);
}

void sqlite_drop_statements(struct sqlite *db)
{
    cache_close(&db->sql.cache, drop);
}

static bool blank(const char *sql)
{
    struct scan scan = {.rest = str_of(sql)};
    enum token token;

    do {
        token = scan_next(&scan);
    } while (token == TOKEN_SPACE);
    return token == TOKEN_END;
}

static enum err prepare(struct cx *cx, const char *sql, struct sqlite_statement *made)
{
    struct sqlite *db = (struct sqlite *)cx->db;
    char *copy = scan_placeholders(sql, SQL_SQLITE, &made->bind_count);
    const char *rest;
    int rc;

    if (!copy)
        return fail(cx, ERR_STORAGE, "placeholder", "write ?1 .. ?%d, not a bare ?: %.200s",
                    SQL_BINDS_MAX, sql);
    free(copy);
    rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &made->stmt, &rest);
    if (rc != SQLITE_OK)
        return sqlite_fail(cx, rc, sql);
    if (!made->stmt || !blank(rest)) {
        sqlite3_finalize(made->stmt);
        return fail(cx, ERR_STORAGE, "one_statement", "one statement at a time: %.200s", sql);
    }
    made->base.text = sqlite3_sql(made->stmt);
    made->reads = sqlite3_stmt_readonly(made->stmt);
    return OK;
}

static enum err add_statement(struct cx *cx, struct sqlite_statement *made, const char *sql,
                              struct sqlite_statement **out)
{
    struct sqlite_statement *statement;

    TRY(prepare(cx, sql, made));
    statement = malloc(sizeof(*statement));
    assert(statement);
    *statement = *made;
    cache_add(&cx->db->cache, &statement->base);
    *out = statement;
    return OK;
}

static enum err text_statement(struct cx *cx, const char *sql, struct sqlite_statement **out)
{
    struct sqlite_statement made = {.base = {.key = sql, .use = CACHE_TEXT}};

    *out = (struct sqlite_statement *)cache_find(&cx->db->cache, sql, CACHE_TEXT);
    if (!*out)
        return add_statement(cx, &made, sql, out);
    assert(strcmp((*out)->base.text, sql) == 0); /* Texts are static: one address, one text. */
    return OK;
}

static enum err table_statement(struct cx *cx, const struct table *table, int use,
                                struct sqlite_statement **out)
{
    struct sqlite_statement made = {
        .base = {.key = table, .use = use, .key_count = table->key_count}};
    char *sql;
    enum err err;

    *out = (struct sqlite_statement *)cache_find(&cx->db->cache, table, use);
    if (*out)
        return OK;
    made.base.columns = table_columns(table);
    sql = table_sql(SQL_SQLITE, table, made.base.columns, use);
    err = add_statement(cx, &made, sql, out);
    free(sql);
    if (err != OK)
        free(made.base.columns);
    return err;
}

/* ---- Stepping ---- */

/* Count a statement and start its clock. */
static enum err start(struct cx *cx, struct sqlite *db, const char *sql)
{
    db->sql.statements++;
    if (sql_faulted())
        return fail(cx, ERR_STORAGE, "fault_injected", FAULT_TEXT ": %.200s", sql);
    if (db->sql.statement_ms_max > 0) {
        db->env = cx->env;
        db->deadline_us = cx->env->monotonic_us(cx->env) + db->sql.statement_ms_max * 1000LL;
    }
    return OK;
}

static enum err stop(struct cx *cx, struct sqlite *db, int rc)
{
    sqlite3_stmt *stmt = db->busy;
    enum err err = OK;

    db->busy = NULL;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        err = sqlite_fail(cx, rc, sqlite3_sql(stmt));
    sqlite3_reset(stmt);
    return err;
}

static void bind_text(sqlite3_stmt *stmt, int place, struct str text)
{
    if (text.ptr)
        sqlite3_bind_text64(stmt, place, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_null(stmt, place);
}

static enum err bind_all(struct cx *cx, const struct sqlite_statement *statement,
                         struct binds binds)
{
    if (binds.count != (size_t)statement->bind_count)
        return fail(cx, ERR_STORAGE, "bind_count", "%zu binds for %d placeholders: %.200s",
                    binds.count, statement->bind_count, statement->base.text);
    for (int k = 0; k < statement->bind_count; k++) {
        const struct bind *bind = &binds.items[k];

        if (bind->type == BIND_INT)
            sqlite3_bind_int64(statement->stmt, k + 1, bind->number);
        else
            bind_text(statement->stmt, k + 1,
                      bind->type == BIND_TEXT ? bind->text : (struct str){0});
    }
    return OK;
}

enum err sqlite_run(struct cx *cx, int64_t *changed, const char *sql, struct binds binds)
{
    struct sqlite *db = sqlite_enter(cx);
    struct sqlite_statement *statement;
    int64_t before;
    int rc;

    TRY(text_statement(cx, sql, &statement));
    TRY(bind_all(cx, statement, binds));
    TRY(start(cx, db, sql));
    before = sqlite3_total_changes64(db->handle);
    db->busy = statement->stmt;
    do {
        rc = sqlite3_step(statement->stmt);
    } while (rc == SQLITE_ROW); /* Of "returning": all must be taken for all to be done. */
    TRY(stop(cx, db, rc));
    *changed = statement->reads ? 0 : sqlite3_total_changes64(db->handle) - before;
    return OK;
}

enum err sqlite_guard(struct cx *cx, const char *sql, struct binds binds)
{
    int64_t changed;

    TRY(sqlite_run(cx, &changed, sql, binds));
    if (changed == 0)
        return fail(cx, ERR_CONFLICT, "guard", "what must hold no longer does: %.200s", sql);
    return OK;
}

/* ---- Reading ---- */

static enum err take_column(struct cx *cx, sqlite3_stmt *stmt, const struct column *column, int k,
                            void *row)
{
    switch (sqlite3_column_type(stmt, k)) {
    case SQLITE_NULL:
        column_set_null(column, row);
        return OK;
    case SQLITE_INTEGER:
        return column_set_int(cx, column, row, sqlite3_column_int64(stmt, k));
    case SQLITE_FLOAT:
        return column_set_double(cx, column, row, sqlite3_column_double(stmt, k));
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(stmt, k);

        return column_set_text(cx, column, row,
                               (struct str){text, (size_t)sqlite3_column_bytes(stmt, k)});
    }
    default:
        return column_mismatch(cx, column, "a blob");
    }
}

static enum err take_row(struct cx *cx, sqlite3_stmt *stmt, const struct columns *columns,
                         void *row)
{
    for (int k = 0; k < columns->count; k++)
        TRY(take_column(cx, stmt, &columns->items[k], k, row));
    return OK;
}

static enum err take_rows(struct cx *cx, sqlite3_stmt *stmt, const struct columns *columns, int *rc)
{
    while ((*rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        void *row;

        TRY(collect_row(cx, &row));
        TRY(take_row(cx, stmt, columns, row));
    }
    return OK;
}

enum err sqlite_all(struct cx *cx, const struct field *fields, const char *sql, struct binds binds)
{
    struct sqlite *db = sqlite_enter(cx);
    struct sqlite_statement *statement;
    struct columns columns;
    enum err err;
    int rc;

    TRY(text_statement(cx, sql, &statement));
    TRY(bind_all(cx, statement, binds));
    columns_of(&columns, fields);
    TRY(columns_check(cx, &columns, sqlite3_column_count(statement->stmt), sql));
    TRY(start(cx, db, sql));
    db->busy = statement->stmt;
    err = take_rows(cx, statement->stmt, &columns, &rc);
    if (err != OK)
        (void)sqlite_enter(cx);
    return err == OK ? stop(cx, db, rc) : err;
}

/* ---- Rows of a table ---- */

static enum err bind_row(struct cx *cx, const struct sqlite_statement *statement, const void *row)
{
    const struct column *column = statement->base.columns->items;
    struct str text;
    double number;

    for (int k = 1; k <= statement->bind_count; k++, column++) {
        switch (column->kind) {
        case COLUMN_INT:
        case COLUMN_BOOL:
            sqlite3_bind_int64(statement->stmt, k, column_int(column, row));
            break;
        case COLUMN_DOUBLE:
            TRY(column_double(cx, column, row, &number));
            sqlite3_bind_double(statement->stmt, k, number);
            break;
        case COLUMN_TEXT:
        case COLUMN_ENUM:
            TRY(column_text(cx, column, row, &text));
            bind_text(statement->stmt, k, text);
            break;
        }
    }
    return OK;
}

enum err sqlite_rows_write(struct cx *cx, const struct table *table, enum row_write how,
                           const void *const *rows, size_t count)
{
    struct sqlite *db = sqlite_enter(cx);
    struct sqlite_statement *statement;

    TRY(table_statement(cx, table, (int)how, &statement));
    for (size_t k = 0; k < count; k++) {
        TRY(bind_row(cx, statement, rows[k]));
        TRY(start(cx, db, statement->base.text));
        db->busy = statement->stmt;
        TRY(stop(cx, db, sqlite3_step(statement->stmt)));
    }
    return OK;
}

/* One row by key; *row is NULL when there is none. */
static enum err ask(struct cx *cx, struct sqlite *db, const struct sqlite_statement *statement,
                    const void *key, void **row)
{
    const struct table *table = statement->base.key;
    enum err err = OK;
    int rc;

    *row = NULL;
    TRY(bind_row(cx, statement, key));
    TRY(start(cx, db, statement->base.text));
    db->busy = statement->stmt;
    rc = sqlite3_step(statement->stmt);
    if (rc == SQLITE_ROW) {
        *row = cx_alloc(cx, table->row_size);
        err = take_row(cx, statement->stmt, statement->base.columns, *row);
    }
    if (err != OK)
        (void)sqlite_enter(cx);
    return err == OK ? stop(cx, db, rc) : err;
}

enum err sqlite_rows_ask(struct cx *cx, const struct table *table, const void *const *keys,
                         size_t count, sql_row_found *found, void *context)
{
    struct sqlite *db = sqlite_enter(cx);
    struct sqlite_statement *statement;
    void *row;

    TRY(table_statement(cx, table, CACHE_ASK, &statement));
    for (size_t k = 0; k < count; k++) {
        TRY(ask(cx, db, statement, keys[k], &row));
        if (row)
            found(context, table, row);
    }
    return OK;
}

/* ---- Scripts ---- */

static enum err script_statement(struct cx *cx, struct sqlite *db, const char **script)
{
    sqlite3_stmt *stmt;
    const char *sql = *script;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, script);
    enum err err;

    if (rc != SQLITE_OK)
        return sqlite_fail(cx, rc, sql);
    if (!stmt) /* White space, or the end. */
        return OK;
    err = start(cx, db, sql);
    while (err == OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        continue;
    if (err == OK && rc != SQLITE_DONE)
        err = sqlite_fail(cx, rc, sql);
    sqlite3_finalize(stmt);
    return err;
}

enum err sqlite_script(struct cx *cx, struct str script)
{
    struct sqlite *db = sqlite_enter(cx);
    const char *rest = script.ptr;

    while (rest < script.ptr + script.len)
        TRY(script_statement(cx, db, &rest));
    return OK;
}
