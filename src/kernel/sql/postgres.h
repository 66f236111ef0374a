/*
 * postgres.h - one PostgreSQL connection in pipeline mode.  For postgres_*.c alone.
 *
 * Statements are queued and sent without waiting; postgres_sync waits for all of them.  What is on
 * its way stands in .pending, in the order of sending: results come back in that order.
 *
 * Invariants:
 *   - the first statement that fails is the one reported; the server skips those behind it up to
 *     the next sync point;
 *   - once a statement of a transaction has failed, .failed stays true and nothing more is sent for
 *     it until the transaction, or the savepoint that the statement came after, is rolled back;
 *   - a connection that was lost (.lost) is replaced by the next rollback or begin, never in the
 *     midst of a transaction;
 *   - after an unwind out of a delivery (.delivering still set) what is still to be delivered is
 *     dropped: its contexts are gone.
 */
#ifndef GREVY_SQL_POSTGRES_H
#define GREVY_SQL_POSTGRES_H

#include <libpq-fe.h>

#include "kernel/sql/driver.h"

enum {
    PENDING_MAX = 1024,          /* Statements on their way; a batch has some 100. */
    PENDING_ROOM = 16,           /* Kept free for rolling back. */
    PENDING_BYTES_MAX = 4 << 20, /* Queued in our memory before they are waited for. */
};

/* ---- Statements ---- */

struct postgres_statement {
    struct statement base;
    char name[16];
    bool prepared;     /* On the connection as it is now. */
    uint64_t sql_hash; /* Of the SQL as the caller wrote it. */
    int bind_count;
    unsigned types[SQL_BINDS_MAX]; /* OIDs; 0: left to the server, for nulls. */
};

/* ---- The pipeline ---- */

enum pending_kind {
    PENDING_PREPARE,
    PENDING_RUN, /* Only its failure matters. */
    PENDING_GUARD,
    PENDING_READ,
    PENDING_ASK,
    PENDING_COMMIT,
    PENDING_UNDO, /* rollback to savepoint */
    PENDING_ROLLBACK,
    PENDING_SYNC,
};

/* Where the rows of a read go. */
struct reading {
    const struct field *fields; /* NULL: rows are not wanted, only their number. */
    const char *sql;
    struct columns columns;
    bool checked; /* The columns agree with what came back. */
    int64_t changed;
};

struct pending {
    enum pending_kind kind;
    uint64_t number;
    struct postgres_statement *statement; /* NULL for scripts and faults. */
    struct reading *reading;              /* Of a read; NULL: dropped. */
    sql_row_found *found;                 /* Of an ask; NULL: dropped. */
    void *context;
};

struct bytes {
    char *ptr;
    size_t len, size_bytes;
};

struct postgres {
    struct sql sql;
    PGconn *conn;
    char *url, *schema;
    int64_t retry_us; /* Not before this is a lost server called again. */
    uint64_t round_trips;

    struct pending pending[PENDING_MAX];
    int first, count; /* pending[first .. count - 1] */
    size_t bytes;     /* Queued since the last wait. */
    uint64_t number;  /* Of the next statement. */
    unsigned names;   /* Given to prepared statements. */
    PGresult *result; /* Being delivered. */
    bool delivering;

    bool open;   /* A transaction was begun. */
    bool failed; /* .. and a statement of it failed: */
    uint64_t failed_number;
    uint64_t savepoint_number;
    bool undone;    /* The last rollback to a savepoint was done. */
    bool committed; /* The server has confirmed the commit that was sent last. */
    bool lost;
    struct problem problem; /* The first failure that was not reported yet. */

    struct bytes encoded;
};

struct postgres *postgres_of(struct cx *cx);

/** The connection of cx, tidied up after an unwind.  Errors: BUSY "database_gone". */
MUST_CHECK enum err postgres_enter(struct cx *cx, struct postgres **db);

/* postgres_pipeline.c */

/* What a statement is sent with: arrays of count items as libpq wants them. */
struct parameters {
    int count;
    const char *const *values;
    const int *lengths;
};

/** Queue a statement, prepared first if need be. */
MUST_CHECK enum err postgres_send(struct cx *cx, struct postgres_statement *statement,
                                  struct parameters parameters, struct pending pending);
/** The same without preparing and without looking for room. */
MUST_CHECK enum err postgres_send_plain(struct cx *cx, const char *sql, enum pending_kind kind);
MUST_CHECK enum err postgres_send_sync(struct cx *cx);
/** Room for PENDING_ROOM more, if need be by waiting.  Errors: of what was waited for. */
MUST_CHECK enum err postgres_make_room(struct cx *cx);
/** Wait for all that was sent and report the first failure. */
MUST_CHECK enum err postgres_sync(struct cx *cx);
/** Wait for all that was sent; what the server refused stays in .problem.  Errors: of rows that
 *  could not be handed over. */
MUST_CHECK enum err postgres_drain(struct cx *cx);
void postgres_flush(struct postgres *db);   /* Hand what is queued to the network. */
void postgres_lose(struct postgres *db);    /* The connection broke. */
bool postgres_hung_up(struct postgres *db); /* Has the server closed the connection? */
/** Something waits for a sync point. */
bool postgres_unsynced(const struct postgres *db);
/** Run a script outside the pipeline.  Needs: nothing on its way. */
MUST_CHECK enum err postgres_script(struct cx *cx, const char *script);
/** Report .problem, once. */
enum err postgres_report(struct cx *cx);

/* postgres_statement.c */
MUST_CHECK enum err postgres_text_statement(struct cx *cx, const char *sql, struct binds binds,
                                            int use, struct postgres_statement **out);
MUST_CHECK enum err postgres_take_rows(struct cx *cx, struct reading *reading,
                                       const PGresult *result);
MUST_CHECK enum err postgres_deliver(struct cx *cx, const struct pending *ask,
                                     const PGresult *result);
void postgres_forget_prepared(struct postgres *db);
void postgres_drop_statements(struct postgres *db);
enum err postgres_run(struct cx *cx, int64_t *changed, const char *sql, struct binds binds);
enum err postgres_all(struct cx *cx, const struct field *fields, const char *sql,
                      struct binds binds);
enum err postgres_guard(struct cx *cx, const char *sql, struct binds binds);

/* postgres_rows.c */
enum err postgres_rows_write(struct cx *cx, const struct table *table, enum row_write how,
                             const void *const *rows, size_t count);
enum err postgres_rows_ask(struct cx *cx, const struct table *table, const void *const *keys,
                           size_t count, sql_row_found *found, void *context);

/* postgres_connect.c */
MUST_CHECK enum err postgres_connect(struct postgres *db, struct problem *problem);
bool postgres_reconnect(struct cx *cx); /* A lost connection; at most every RETRY_MS. */

/* postgres_error.c */
void postgres_problem(struct problem *problem, const PGresult *result);
bool postgres_state_is_gone(const char *state); /* SQLSTATE of a connection that ends. */

#endif
