/*
 * postgres.c - PostgreSQL 15 by libpq: transactions.
 *
 * begin, savepoints and writes are queued; a batch that asks for rows, writes and commits costs two
 * round trips.  The rollback of a transaction whose statements all came back is not waited for.
 */
#include "kernel/sql/postgres.h"

#include <stdlib.h>
#include <string.h>

struct postgres *postgres_of(struct cx *cx)
{
    return (struct postgres *)cx->db;
}

/* ---- Entering ---- */

static void forget_deliveries(struct postgres *db)
{
    for (int k = db->first; k < db->count; k++) {
        db->pending[k].reading = NULL;
        db->pending[k].found = NULL;
    }
}

/* After an unwind: free what was being delivered, drop what was still to be. */
static struct postgres *tidy(struct cx *cx)
{
    struct postgres *db = postgres_of(cx);

    PQclear(db->result);
    db->result = NULL;
    if (db->delivering)
        forget_deliveries(db);
    db->delivering = false;
    return db;
}

enum err postgres_enter(struct cx *cx, struct postgres **out)
{
    struct postgres *db = tidy(cx);

    *out = db;
    if (db->lost)
        return fail(cx, ERR_BUSY, "database_gone",
                    "the connection to the database broke: try again");
    if (db->failed)
        return fail(cx, ERR_STORAGE, "transaction_failed",
                    "an earlier statement of the transaction failed");
    return OK;
}

static enum err enter_transaction(struct cx *cx, struct postgres **out)
{
    TRY(postgres_enter(cx, out));
    if (!(*out)->open)
        return fail(cx, ERR_STORAGE, "transaction_lost", "no transaction is open");
    return postgres_make_room(cx);
}

/* ---- Transactions ---- */

/* Wait for what is on its way, and forget it. */
static void let_pass(struct cx *cx, struct postgres *db)
{
    forget_deliveries(db);
    if (db->first < db->count && postgres_drain(cx) != OK)
        assert(db->lost); /* Nothing was delivered. */
    db->problem.err = OK;
}

static enum err begin(struct cx *cx)
{
    struct postgres *db = tidy(cx);

    if (!db->open && !db->lost && postgres_hung_up(db)) {
        postgres_lose(db);
        db->problem.err = OK; /* Nothing but a rollback was on its way. */
    }
    if (db->lost)
        (void)postgres_reconnect(cx);
    TRY(postgres_enter(cx, &db));
    if (db->open)
        return fail(cx, ERR_INTERNAL, "transaction_open", "a transaction is open already");
    TRY(postgres_make_room(cx));
    db->open = true;
    /* A read sees one state of the database throughout, as in SQLite. */
    return postgres_send_plain(cx,
                               db->sql.read_only
                                   ? "begin isolation level repeatable read read only"
                                   : "begin isolation level read committed read write",
                               PENDING_RUN);
}

static enum err commit(struct cx *cx)
{
    struct postgres *db;
    enum err err;

    TRY(enter_transaction(cx, &db));
    db->committed = false;
    err = postgres_send_plain(cx, "commit", PENDING_COMMIT);
    if (err == OK)
        err = postgres_sync(cx);
    if (err != OK && !db->committed)
        return err;
    if (err != OK) /* The connection broke between the confirmation and the sync point. */
        fail_clear(cx);
    db->open = false;
    return OK;
}

static void rollback(struct cx *cx)
{
    struct postgres *db = tidy(cx);

    let_pass(cx, db);
    if (db->open && !db->lost) {
        if (postgres_send_plain(cx, "rollback", PENDING_ROLLBACK) == OK &&
            postgres_send_sync(cx) == OK)
            postgres_flush(db);
    }
    db->open = db->failed = false;
    db->problem.err = OK;
    if (db->lost)
        (void)postgres_reconnect(cx);
}

static enum err savepoint(struct cx *cx)
{
    struct postgres *db;

    TRY(enter_transaction(cx, &db));
    TRY(postgres_send_plain(cx, "savepoint grevy", PENDING_RUN));
    db->savepoint_number = db->number - 1;
    return OK;
}

static enum err savepoint_release(struct cx *cx)
{
    struct postgres *db;

    TRY(enter_transaction(cx, &db));
    return postgres_send_plain(cx, "release grevy", PENDING_RUN);
}

/* What failed between the savepoint and its rollback, statement number undo, is undone. */
static enum err savepoint_undone(struct cx *cx, struct postgres *db, uint64_t undo)
{
    bool failed_within;

    forget_deliveries(db);
    TRY(postgres_drain(cx));
    if (db->lost)
        return postgres_report(cx);
    failed_within = db->failed_number > db->savepoint_number && db->failed_number < undo;
    if (!db->undone || (db->failed && !failed_within)) {
        db->failed = true;
        TRY(postgres_report(cx));
        return fail(cx, ERR_STORAGE, "transaction_lost", "the savepoint is gone");
    }
    db->failed = false;
    db->problem.err = OK;
    return OK;
}

static enum err savepoint_rollback(struct cx *cx)
{
    struct postgres *db = tidy(cx);
    bool sure = !db->failed && !postgres_unsynced(db);
    uint64_t undo;

    if (db->lost || !db->open)
        return fail(cx, ERR_STORAGE, "transaction_lost", "no transaction is open");
    /* A new segment of the pipeline: the server skips the rest of one in which something failed. */
    if (postgres_unsynced(db))
        TRY(postgres_send_sync(cx));
    db->undone = false;
    undo = db->number;
    TRY(postgres_send_plain(cx, "rollback to grevy", PENDING_UNDO));
    TRY(postgres_send_plain(cx, "release grevy", PENDING_RUN));
    return sure ? OK : savepoint_undone(cx, db, undo);
}

static bool standing(struct cx *cx)
{
    struct postgres *db = tidy(cx);

    return db->open && !db->failed && !db->lost;
}

/* ---- Scripts ---- */

static enum err script(struct cx *cx, struct str script)
{
    struct postgres *db;

    TRY(postgres_enter(cx, &db));
    TRY(postgres_sync(cx));
    return postgres_script(cx, script.ptr);
}

static enum err sync(struct cx *cx)
{
    struct postgres *db;

    TRY(postgres_enter(cx, &db));
    return postgres_sync(cx);
}

/* ---- Opening ---- */

static void close(struct sql *sql)
{
    struct postgres *db = (struct postgres *)sql;

    PQclear(db->result);
    PQfinish(db->conn);
    postgres_drop_statements(db);
    free(db->encoded.ptr);
    free(db->url);
    free(db->schema);
    free(db);
}

static const struct sql_driver driver = {
    .close = close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .savepoint_release = savepoint_release,
    .savepoint_rollback = savepoint_rollback,
    .standing = standing,
    .script = script,
    .run = postgres_run,
    .all = postgres_all,
    .rows_write = postgres_rows_write,
    .rows_ask = postgres_rows_ask,
    .sync = sync,
    .guard = postgres_guard,
};

enum err postgres_open(struct sql **out, const struct sql_options *options, struct problem *problem)
{
    struct postgres *db = calloc(1, sizeof(*db));
    enum err err;

    assert(db);
    db->sql = (struct sql){.driver = &driver,
                           .kind = SQL_POSTGRES,
                           .read_only = options->read_only,
                           .statement_ms_max = options->statement_ms_max};
    db->url = strdup(options->url);
    db->schema = strdup(options->schema ? options->schema : "public");
    assert(db->url);
    assert(db->schema);
    err = postgres_connect(db, problem);
    if (err != OK) {
        close(&db->sql);
        return err;
    }
    *out = &db->sql;
    return OK;
}
