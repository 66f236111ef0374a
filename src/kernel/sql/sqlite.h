/*
 * sqlite.h - one SQLite connection.  For sqlite.c and sqlite_statement.c.
 *
 * Invariant: at most one statement is under way; when a call was unwound it is still in .busy, and
 * sqlite_enter resets it.
 */
#ifndef GREVY_SQL_SQLITE_H
#define GREVY_SQL_SQLITE_H

#include <sqlite3.h>

#include "kernel/sql/driver.h"

/* How sure it is that what was committed before is on the disk. */
enum sqlite_doubt {
    SQLITE_SURE,
    SQLITE_UNSYNCED, /* A process before us may have died between writing the log and its sync. */
    SQLITE_SYNC_LOST /* A sync failed: the system may have dropped what it was to keep. */
};

struct sqlite {
    struct sql sql;
    enum sqlite_doubt doubt;
    sqlite3 *handle;
    sqlite3_stmt *busy;
    struct env *env; /* Of the statement under way, for its deadline. */
    int64_t deadline_us;
};

/** The connection of cx, tidied up after an unwind. */
struct sqlite *sqlite_enter(struct cx *cx);

/** Record why SQLite refused. */
enum err sqlite_fail(struct cx *cx, int rc, const char *sql);

enum err sqlite_run(struct cx *cx, int64_t *changed, const char *sql, struct binds binds);
enum err sqlite_all(struct cx *cx, const struct field *fields, const char *sql, struct binds binds);
enum err sqlite_guard(struct cx *cx, const char *sql, struct binds binds);
enum err sqlite_script(struct cx *cx, struct str script);
enum err sqlite_rows_write(struct cx *cx, const struct table *table, enum row_write how,
                           const void *const *rows, size_t count);
enum err sqlite_rows_ask(struct cx *cx, const struct table *table, const void *const *keys,
                         size_t count, sql_row_found *found, void *context);
void sqlite_drop_statements(struct sqlite *db);

#endif
