/*
 * sql.c - the face: what is the same for both drivers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/sql/dialect.h"
#include "kernel/sql/driver.h"

/* Room for rows on their way that a connection keeps; more is given back. */
enum { COLLECTED_BYTES_KEPT_MAX = 256 * 1024, COLLECTED_ROWS_MIN = 16 };

bool (*sql_fault)(void);

bool sql_faulted(void)
{
    return sql_fault && sql_fault();
}

void problem_set(struct problem *problem, enum err err, const char *code, const char *fmt, ...)
{
    va_list args;

    *problem = (struct problem){.err = err, .code = code};
    va_start(args, fmt);
    vsnprintf(problem->detail, sizeof(problem->detail), fmt, args);
    va_end(args);
}

/* ---- Connections ---- */

enum err sql_open(struct sql **out, const struct sql_options *options, struct problem *problem)
{
    struct str url = str_of(options->url);
    bool postgres = str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://"));
    enum err err;

    *out = NULL;
    err = postgres ? postgres_open(out, options, problem) : sqlite_open(out, options, problem);
    if (err != OK)
        return err;
    (*out)->read_only = options->read_only;
    (*out)->statement_ms_max = options->statement_ms_max;
    return OK;
}

void sql_close(struct sql *db)
{
    if (!db)
        return;
    free(db->rows.items);
    db->driver->close(db);
}

enum sql_kind sql_kind(const struct sql *db)
{
    return db->kind;
}

uint64_t sql_statements(const struct sql *db)
{
    return db->statements;
}

/* ---- Transactions ---- */

enum err sql_begin(struct cx *cx)
{
    return cx->db->driver->begin(cx);
}

enum err sql_commit(struct cx *cx)
{
    return cx->db->driver->commit(cx);
}

void sql_rollback(struct cx *cx)
{
    cx->db->driver->rollback(cx);
}

enum err sql_savepoint(struct cx *cx)
{
    return cx->db->driver->savepoint(cx);
}

enum err sql_savepoint_release(struct cx *cx)
{
    return cx->db->driver->savepoint_release(cx);
}

enum err sql_savepoint_rollback(struct cx *cx)
{
    return cx->db->driver->savepoint_rollback(cx);
}

bool sql_standing(struct cx *cx)
{
    return cx->db->driver->standing(cx);
}

/* ---- Statements ---- */

enum err sql_script(struct cx *cx, const char *script)
{
    struct str text;

    TRY(dialect_script(cx, cx->db->kind, str_of(script), &text));
    return cx->db->driver->script(cx, text);
}

static enum err check_binds(struct cx *cx, const char *sql, struct binds binds)
{
    if (binds.count > SQL_BINDS_MAX)
        return fail(cx, ERR_STORAGE, "bind_count", "%zu binds, at most %d: %.200s", binds.count,
                    SQL_BINDS_MAX, sql);
    for (size_t k = 0; k < binds.count; k++)
        if (binds.items[k].type == BIND_TEXT)
            TRY(text_check(cx, binds.items[k].text));
    return OK;
}

enum err sql_raw_run(struct cx *cx, int64_t *changed, const char *sql, struct binds binds)
{
    int64_t count = 0;

    TRY(check_binds(cx, sql, binds));
    TRY(cx->db->driver->run(cx, &count, sql, binds));
    if (changed)
        *changed = count;
    return OK;
}

enum err sql_send_guard(struct cx *cx, const char *sql, struct binds binds)
{
    TRY(check_binds(cx, sql, binds));
    return cx->db->driver->guard(cx, sql, binds);
}

static void let_go(struct collected *rows)
{
    rows->count = 0;
    if (rows->size_bytes <= COLLECTED_BYTES_KEPT_MAX)
        return;
    free(rows->items);
    rows->items = NULL;
    rows->size_bytes = 0;
}

enum err sql_raw_all(struct cx *cx, const struct field *fields, size_t row_size, struct list *out,
                     const char *sql, struct binds binds)
{
    struct collected *rows = &cx->db->rows;

    *out = (struct list){0};
    TRY(check_binds(cx, sql, binds));
    let_go(rows); /* Of a call that was unwound. */
    rows->row_size = row_size;
    TRY(cx->db->driver->all(cx, fields, sql, binds));
    if (rows->count > 0) {
        out->items = cx_alloc(cx, rows->count * row_size);
        memcpy(out->items, rows->items, rows->count * row_size);
        out->count = rows->count;
    }
    let_go(rows);
    return OK;
}

enum err collect_row(struct cx *cx, void **row)
{
    struct collected *rows = &cx->db->rows;
    size_t used = rows->count * rows->row_size, need = used + rows->row_size;

    if (rows->count == SQL_ROWS_MAX)
        return fail(cx, ERR_STORAGE, "too_many_rows",
                    "more than %d rows: the statement needs a limit", SQL_ROWS_MAX);
    if (need > cx->arena.budget_bytes - cx->arena.used_bytes)
        (void)cx_alloc(cx, need); /* Unwinds now, not after the last row. */
    if (need > rows->size_bytes) {
        size_t size = rows->size_bytes * 2;

        size = size < need ? rows->row_size * COLLECTED_ROWS_MIN : size;
        size = size < need ? need : size;
        rows->items = realloc(rows->items, size);
        assert(rows->items);
        rows->size_bytes = size;
    }
    rows->count++;
    *row = memset(rows->items + used, 0, rows->row_size);
    return OK;
}

/* ---- Rows of a table ---- */

enum err sql_rows_write(struct cx *cx, const struct table *table, enum row_write how,
                        const void *const *rows, size_t count)
{
    return count == 0 ? OK : cx->db->driver->rows_write(cx, table, how, rows, count);
}

enum err sql_rows_ask(struct cx *cx, const struct table *table, const void *const *keys,
                      size_t count, sql_row_found *found, void *context)
{
    return count == 0 ? OK : cx->db->driver->rows_ask(cx, table, keys, count, found, context);
}

enum err sql_sync(struct cx *cx)
{
    return cx->db->driver->sync(cx);
}
