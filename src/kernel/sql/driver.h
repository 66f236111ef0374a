/*
 * driver.h - what sql.c asks of a driver, and what the two drivers share.  For kernel/sql alone.
 *
 * A driver's connection begins with struct sql.  Every call may be left by the one unwind of
 * docs/adr/0001 while it allocates from cx: a driver keeps what it holds in its connection, and the
 * next call tidies up.
 */
#ifndef GREVY_SQL_DRIVER_H
#define GREVY_SQL_DRIVER_H

#include "kernel/sql/sql.h"

struct sql_driver {
    void (*close)(struct sql *db);
    enum err (*begin)(struct cx *cx);
    enum err (*commit)(struct cx *cx);
    void (*rollback)(struct cx *cx);
    enum err (*savepoint)(struct cx *cx);
    enum err (*savepoint_release)(struct cx *cx);
    enum err (*savepoint_rollback)(struct cx *cx);
    bool (*standing)(struct cx *cx);
    enum err (*script)(struct cx *cx, struct str script); /* In the driver's dialect, NUL behind. */
    enum err (*run)(struct cx *cx, int64_t *changed, const char *sql, struct binds binds);
    enum err (*all)(struct cx *cx, const struct field *fields, const char *sql, struct binds binds);
    enum err (*rows_write)(struct cx *cx, const struct table *table, enum row_write how,
                           const void *const *rows, size_t count);
    enum err (*rows_ask)(struct cx *cx, const struct table *table, const void *const *keys,
                         size_t count, sql_row_found *found, void *context);
    enum err (*sync)(struct cx *cx);
    enum err (*guard)(struct cx *cx, const char *sql, struct binds binds);
};

/* ---- Columns: the SQL side of a field table ---- */

enum column_kind { COLUMN_INT, COLUMN_TEXT, COLUMN_BOOL, COLUMN_ENUM, COLUMN_DOUBLE };

struct column {
    const struct field *field;
    enum column_kind kind;
    uint32_t offset;
    int name_count; /* ENUM */
};
struct columns {
    int count;
    struct column items[SQL_COLUMNS_MAX];
};

/** The SQL fields, in order.  Needs: at most SQL_COLUMNS_MAX of them. */
void columns_of(struct columns *columns, const struct field *fields);
const char *column_name(const struct column *column);

/* What a row holds.  column_text: absent is NULL; of ENUM and TEXT only.  Errors: as text_check. */
int64_t column_int(const struct column *column, const void *row); /* INT, BOOL */
MUST_CHECK enum err column_double(struct cx *cx, const struct column *column, const void *row,
                                  double *out); /* Errors: STORAGE "not_finite". */
MUST_CHECK enum err column_text(struct cx *cx, const struct column *column, const void *row,
                                struct str *out);

/* Put a value that the database gave into a row.  Errors: STORAGE "column_type", "enum_value". */
void column_set_null(const struct column *column, void *row);
MUST_CHECK enum err column_set_int(struct cx *cx, const struct column *column, void *row,
                                   int64_t value);
MUST_CHECK enum err column_set_double(struct cx *cx, const struct column *column, void *row,
                                      double value);
MUST_CHECK enum err column_set_text(struct cx *cx, const struct column *column, void *row,
                                    struct str text);
enum err column_mismatch(struct cx *cx, const struct column *column, const char *has);
MUST_CHECK enum err columns_check(struct cx *cx, const struct columns *columns, int count,
                                  const char *sql);

/** Both databases keep UTF-8 without zero bytes; one would take anything.
 *  Errors: BAD_INPUT "bad_text". */
MUST_CHECK enum err text_check(struct cx *cx, struct str text);

/* ---- Statements kept by the address of what they were made of ---- */

/* For a SQL text, or for one of these of a struct table (ROW_INSERT .. ROW_DELETE as they are). */
enum { CACHE_ASK = ROW_DELETE + 1, CACHE_TEXT, CACHE_GUARD };

struct statement {
    const void *key; /* const char *sql or const struct table * */
    int use;
    const char *text;          /* What the database is sent, for checks and messages. */
    struct columns *columns;   /* Of a table; else NULL. */
    int key_count;             /* Of a table. */
    struct statement *variant; /* The same text with other types of binds. */
};
struct cache {
    struct statement **slots;
    size_t slot_count, count;
};

/** NULL when it is not there. */
struct statement *cache_find(const struct cache *cache, const void *key, int use);
void cache_add(struct cache *cache, struct statement *statement);
/** Hand every statement to drop, variants one by one, and forget them. */
void cache_close(struct cache *cache, void (*drop)(struct statement *statement));

/** The SQL of one use of a table; the caller frees it. */
char *table_sql(enum sql_kind kind, const struct table *table, const struct columns *columns,
                int use);
struct columns *table_columns(const struct table *table); /* The caller frees it. */

/* ---- Rows on their way from the database into cx ---- */

struct collected {
    char *items;
    size_t count, size_bytes, row_size;
};

struct sql {
    const struct sql_driver *driver;
    enum sql_kind kind;
    bool read_only;
    int statement_ms_max;
    uint64_t statements;
    struct cache cache;
    struct collected rows;
};

/** A zeroed row more, borrowed until the next one.  Unwinds when cx cannot hold that many bytes.
 *  Errors: STORAGE "too_many_rows". */
MUST_CHECK enum err collect_row(struct cx *cx, void **row);

bool sql_faulted(void); /* Does sql_fault want this statement to fail? */
#define FAULT_TEXT "fault on demand"

void problem_set(struct problem *problem, enum err err, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

MUST_CHECK enum err sqlite_open(struct sql **out, const struct sql_options *options,
                                struct problem *problem);
MUST_CHECK enum err postgres_open(struct sql **out, const struct sql_options *options,
                                  struct problem *problem);

#endif
