/*
 * sql.h - one face, two drivers: SQLite 3.40 and PostgreSQL 15.
 *
 * SQL is the common subset of both, with ?1 ?2 placeholders (rewritten to $1 for PostgreSQL).
 *
 * Invariants:
 *   - a struct sql is one connection, used by one thread at a time;
 *   - statements are prepared once per connection and cached by the address of their text, so SQL
 *     text is static, never built from values;
 *   - what a driver cannot do is an error with a recorded reason, never a silent difference;
 *   - after a failed statement sql_standing tells whether the transaction still exists;
 *   - text is UTF-8 without zero bytes, compared and sorted by bytes; LIKE tells cases apart, but
 *     its escape character differs: always write escape '\';
 *   - columns are bigint, text or double precision (see dialect.h); truth values are 0 and 1.
 *
 * Modules use only the first part; the rest is for kernel/work.
 */
#ifndef GREVY_SQL_SQL_H
#define GREVY_SQL_SQL_H

#include "kernel/json/field.h"

struct bind {
    enum { BIND_NULL, BIND_INT, BIND_TEXT } type;
    int64_t number;
    struct str text;
};
struct binds {
    const struct bind *items;
    size_t count;
};

#define INT(value_)  ((struct bind){.type = BIND_INT, .number = (value_)})
#define TEXT(value_) ((struct bind){.type = BIND_TEXT, .text = (value_)}) /* Absent binds NULL. */
#define BIND(...)                                                                                  \
    ((struct binds){(const struct bind[]){__VA_ARGS__},                                            \
                    sizeof((const struct bind[]){__VA_ARGS__}) / sizeof(struct bind)})
#define NO_BINDS ((struct binds){NULL, 0})

/*
 * Statements, in cx's transaction, results copied into cx.  Inside a command each call sees all
 * that the batch has written so far (pending rows are flushed first, see work/row.h), and the first
 * sql_run of a command opens its savepoint.
 */

/** Run one statement that writes; changed (may be NULL) gets the number of rows touched.
 *  Errors: CONFLICT "unique" (a unique key stands in the way), DISK_FULL, STORAGE. */
MUST_CHECK enum err sql_run(struct cx *cx, int64_t *changed, const char *sql, struct binds binds);

/** Read one row, column k into the k-th SQL field of fields.  Errors: NOT_FOUND, STORAGE. */
MUST_CHECK enum err sql_one(struct cx *cx, const struct field *fields, void *out, const char *sql,
                            struct binds binds);

/** Read all rows (at most SQL_ROWS_MAX, more is STORAGE) as items of row_size bytes. */
MUST_CHECK enum err sql_all(struct cx *cx, const struct field *fields, size_t row_size,
                            struct list *out, const char *sql, struct binds binds);

/** First column of the first row; fallback when there is no row or it is null. */
MUST_CHECK enum err sql_int(struct cx *cx, int64_t *out, int64_t fallback, const char *sql,
                            struct binds binds);

enum { SQL_ROWS_MAX = 100000, SQL_BINDS_MAX = 64, SQL_COLUMNS_MAX = 64 };

/* ---- Connections: for the kernel ---- */

enum sql_kind { SQL_SQLITE, SQL_POSTGRES };

struct sql_options {
    const char *url;    /* File path, or postgresql://... */
    const char *schema; /* PostgreSQL schema of the space; ignored by SQLite. */
    bool read_only;
    int cache_kib;        /* SQLite page cache; 0: 2048. */
    int statement_ms_max; /* Reads over this are cut (interrupt / statement_timeout); 0: none. */
    const char *vfs;      /* SQLite VFS, for tests; NULL: the default. */
};

/** Open; checks that durability is on (synchronous=FULL; fsync, full_page_writes and
 *  synchronous_commit on PostgreSQL) unless read only.  On failure *out is NULL and problem says
 *  what to do. */
MUST_CHECK enum err sql_open(struct sql **out, const struct sql_options *options,
                             struct problem *problem);
void sql_close(struct sql *db);
enum sql_kind sql_kind(const struct sql *db);

/** Writers wait up to 5 s for another process.  Errors: BUSY "database_busy" | "database_gone". */
MUST_CHECK enum err sql_begin(struct cx *cx);
/** Errors: STORAGE "commit_unknown" (the connection broke meanwhile: look whether it took place),
 *  and those of all that was sent before. */
MUST_CHECK enum err sql_commit(struct cx *cx);
void sql_rollback(struct cx *cx); /* Also reconnects a lost PostgreSQL connection, best effort. */
MUST_CHECK enum err sql_savepoint(struct cx *cx);
MUST_CHECK enum err sql_savepoint_release(struct cx *cx);
MUST_CHECK enum err sql_savepoint_rollback(struct cx *cx);
bool sql_standing(struct cx *cx); /* Is the transaction begun by sql_begin still there? */

/** Several statements of a script, for migrations; own transaction handling is the caller's. */
MUST_CHECK enum err sql_script(struct cx *cx, const char *script);

/* Raw forms of the four calls above, without flush or savepoint: what work/row.c builds on. */
MUST_CHECK enum err sql_raw_run(struct cx *cx, int64_t *changed, const char *sql,
                                struct binds binds);
MUST_CHECK enum err sql_raw_all(struct cx *cx, const struct field *fields, size_t row_size,
                                struct list *out, const char *sql, struct binds binds);

/* ---- Rows of one table, many at a time: what group commit writes and prefetches ---- */

/* A table whose rows are C structs.  The first key_count SQL fields are its primary key. */
struct table {
    const char *name;
    const struct field *fields;
    size_t row_size;
    int key_count;
};
#define TABLE(name_, row_struct_, fields_, key_count_)                                             \
    {                                                                                              \
        .name = (name_), .fields = (fields_), .row_size = sizeof(struct row_struct_),              \
        .key_count = (key_count_)                                                                  \
    }

enum row_write { ROW_INSERT, ROW_UPSERT, ROW_DELETE };

/**
 * Write count rows of one table.  SQLite: a cached statement per row.  PostgreSQL: one array
 * statement (unnest), sent without waiting; its outcome arrives with the next sql_sync, read or
 * commit.  ROW_INSERT refuses an existing key.  Needs: no key twice in one call.  Errors: as
 * sql_run, and BAD_INPUT "bad_text" (not UTF-8, or a zero byte).
 */
MUST_CHECK enum err sql_rows_write(struct cx *cx, const struct table *table, enum row_write how,
                                   const void *const *rows, size_t count);

/**
 * Read the rows with the given keys (rows of the table with only their key fields set), calling
 * found for each that exists, in no order.  PostgreSQL: sql_rows_ask sends without waiting and
 * sql_sync delivers every outstanding ask in one round trip; SQLite answers at once.
 */
typedef void sql_row_found(void *context, const struct table *table, void *row);
MUST_CHECK enum err sql_rows_ask(struct cx *cx, const struct table *table, const void *const *keys,
                                 size_t count, sql_row_found *found, void *context);
MUST_CHECK enum err sql_sync(struct cx *cx); /* Wait for what was sent; report the first failure. */

/** Send an insert, update or delete without returning, whose result is not read but which must
 *  touch at least one row (used for the fencing check in front of a commit).  Errors: CONFLICT
 *  "guard" otherwise, here or at the commit, which then does not take place. */
MUST_CHECK enum err sql_send_guard(struct cx *cx, const char *sql, struct binds binds);

/* ---- Migrations ---- */

struct migration {
    const char *name; /* "001_order"; NULL ends the list. */
    const char *sql;
};

/**
 * Apply what is missing of owner's migrations, in order, each in its own transaction with its
 * checksum, under an advisory lock.  Errors: CONFLICT "migration_changed" naming the migration
 * whose text is not what was applied, "migration_order"; STORAGE.
 */
MUST_CHECK enum err sql_migrate(struct cx *cx, const char *owner,
                                const struct migration *migrations);

/* Faults on demand, for tests: called before each statement; true makes it fail with STORAGE. */
extern bool (*sql_fault)(void);

/* Statements executed by this connection, for tests and metrics. */
uint64_t sql_statements(const struct sql *db);

#endif
