/*
 * postgres_pipeline.c - statements on their way, and their results.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "kernel/sql/postgres.h"

/* What the server is sent in place of a statement that is to fail: all that follows is real. */
static const char fault_sql[] =
    "do $$ begin raise exception '" FAULT_TEXT "' using errcode = 'GR001'; end $$";

/* ---- Failure ---- */

void postgres_lose(struct postgres *db)
{
    bool committing = false;

    for (int k = db->first; k < db->count; k++)
        committing |= db->pending[k].kind == PENDING_COMMIT;
    if (db->problem.err == OK && committing)
        problem_set(&db->problem, ERR_STORAGE, "commit_unknown",
                    "the connection to the database broke during a commit, which may or may not "
                    "have taken place: look before you try again");
    else if (db->problem.err == OK)
        problem_set(&db->problem, ERR_BUSY, "database_gone",
                    "the connection to the database broke: try again (%.*s)",
                    (int)strcspn(PQerrorMessage(db->conn), "\n"), PQerrorMessage(db->conn));
    db->lost = true;
    db->open = db->failed = false;
    db->first = db->count = 0;
    db->bytes = 0;
}

enum err postgres_report(struct cx *cx)
{
    struct problem *problem = &postgres_of(cx)->problem;
    enum err err = problem->err;

    if (err != OK)
        fail_record(cx, err, problem->code, "%s", problem->detail);
    problem->err = OK;
    return err;
}

static void note_failure(struct postgres *db, const struct pending *p, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    if (postgres_state_is_gone(state) || PQstatus(db->conn) == CONNECTION_BAD) {
        postgres_lose(db);
        return;
    }
    /* Refused at preparing, or its plan no longer fits: prepare it anew, under a new name. */
    if (p->statement &&
        (p->kind == PENDING_PREPARE || strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0))
        p->statement->prepared = false;
    if (db->open && db->failed)
        return; /* A consequence. */
    if (db->problem.err == OK && p->kind == PENDING_GUARD && strcmp(state, "22012") == 0)
        problem_set(&db->problem, ERR_CONFLICT, "guard", "what must hold no longer does");
    else if (db->problem.err == OK)
        postgres_problem(&db->problem, result);
    db->failed = db->open;
    db->failed_number = p->number;
}

/* ---- Results ---- */

/* Handing rows over allocates from cx, so it may be left by the unwind: see postgres_enter. */
static enum err hand_over(struct cx *cx, struct postgres *db, struct pending *p,
                          const PGresult *result)
{
    enum err err = OK;

    db->delivering = true;
    if (p->reading)
        err = postgres_take_rows(cx, p->reading, result);
    else if (p->found)
        err = postgres_deliver(cx, p, result);
    db->delivering = false;
    if (err != OK) {
        p->found = NULL;
        p->reading = NULL;
    }
    return err;
}

static enum err done(struct cx *cx, struct postgres *db, struct pending *p, PGresult *result)
{
    if (p->kind == PENDING_READ || p->kind == PENDING_ASK)
        return hand_over(cx, db, p, result);
    if (p->kind == PENDING_UNDO)
        db->undone = true;
    /* A transaction that failed answers COMMIT with ROLLBACK, and calls it no error. */
    db->committed = p->kind == PENDING_COMMIT && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    if (p->kind == PENDING_COMMIT && !db->committed && db->problem.err == OK)
        problem_set(&db->problem, ERR_STORAGE, "transaction_lost",
                    "the database rolled back instead of committing");
    return OK;
}

static enum err judge(struct cx *cx, struct postgres *db, struct pending *p, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        return done(cx, db, p, result);
    case PGRES_PIPELINE_SYNC:
        return OK;
    case PGRES_PIPELINE_ABORTED: /* Skipped: something before it failed. */
        if (p->kind == PENDING_PREPARE)
            p->statement->prepared = false;
        return OK;
    default:
        note_failure(db, p, result);
        return OK;
    }
}

/* All results of one statement, or the rest of them after an unwind. */
static enum err take(struct cx *cx, struct postgres *db, struct pending *p)
{
    enum err err = OK;

    if (p->kind == PENDING_READ) /* Rows one by one: a limit forgotten costs time, not memory. */
        PQsetSingleRowMode(db->conn);
    while ((db->result = PQgetResult(db->conn))) {
        enum err now = judge(cx, db, p, db->result);
        bool synced = PQresultStatus(db->result) == PGRES_PIPELINE_SYNC;

        err = err == OK ? now : err;
        PQclear(db->result);
        db->result = NULL;
        if (db->lost || synced)
            return err;
    }
    if (p->kind == PENDING_SYNC || PQstatus(db->conn) == CONNECTION_BAD)
        postgres_lose(db); /* No result where one is due. */
    return err;
}

/* ---- Sending ---- */

/* Write all that is queued, reading what comes in meanwhile: neither side may wait for the other
 * with its buffers full. */
void postgres_flush(struct postgres *db)
{
    int left;

    while ((left = PQflush(db->conn)) > 0) {
        struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN | POLLOUT};

        if (poll(&fd, 1, -1) > 0 && (fd.revents & ~POLLOUT) && !PQconsumeInput(db->conn))
            break;
    }
    if (left != 0)
        postgres_lose(db);
}

bool postgres_hung_up(struct postgres *db)
{
    struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLRDHUP};

    return poll(&fd, 1, 0) > 0;
}

static enum err push(struct cx *cx, struct postgres *db, struct pending pending, int sent)
{
    assert(db->count < PENDING_MAX);
    if (!sent) {
        if (pending.kind == PENDING_COMMIT) /* Some of it may have gone out. */
            db->pending[db->count++] = pending;
        postgres_lose(db);
        return postgres_report(cx);
    }
    pending.number = db->number++;
    db->pending[db->count++] = pending;
    return OK;
}

bool postgres_unsynced(const struct postgres *db)
{
    return db->first < db->count && db->pending[db->count - 1].kind != PENDING_SYNC;
}

enum err postgres_send_sync(struct cx *cx)
{
    struct postgres *db = postgres_of(cx);

    return push(cx, db, (struct pending){.kind = PENDING_SYNC}, PQpipelineSync(db->conn));
}

enum err postgres_drain(struct cx *cx)
{
    struct postgres *db = postgres_of(cx);
    enum err now, err = OK;

    if (db->first == db->count)
        return OK;
    if (postgres_unsynced(db))
        TRY(postgres_send_sync(cx));
    postgres_flush(db);
    db->round_trips++;
    while (db->first < db->count) {
        now = take(cx, db, &db->pending[db->first]);
        err = err == OK ? now : err;
        if (db->first < db->count)
            db->first++;
    }
    db->first = db->count = 0;
    db->bytes = 0;
    return err;
}

enum err postgres_sync(struct cx *cx)
{
    enum err err = postgres_drain(cx);
    enum err reported = postgres_report(cx);

    return err == OK ? reported : err;
}

enum err postgres_make_room(struct cx *cx)
{
    struct postgres *db = postgres_of(cx);

    if (db->count < PENDING_MAX - PENDING_ROOM && db->bytes < PENDING_BYTES_MAX)
        return OK;
    return postgres_sync(cx);
}

enum err postgres_send_plain(struct cx *cx, const char *sql, enum pending_kind kind)
{
    struct postgres *db = postgres_of(cx);
    /* A rollback cannot fail: there is nothing that a caller could do. */
    bool fault = kind != PENDING_ROLLBACK && sql_faulted();

    db->sql.statements++;
    return push(cx, db, (struct pending){.kind = kind},
                PQsendQueryParams(db->conn, fault ? fault_sql : sql, 0, NULL, NULL, NULL, NULL, 0));
}

static enum err prepare(struct cx *cx, struct postgres *db, struct postgres_statement *statement)
{
    struct pending pending = {.kind = PENDING_PREPARE, .statement = statement};

    snprintf(statement->name, sizeof(statement->name), "g%u", db->names++);
    statement->prepared = true; /* Taken back when it turns out otherwise. */
    db->bytes += strlen(statement->base.text);
    return push(cx, db, pending,
                PQsendPrepare(db->conn, statement->name, statement->base.text,
                              statement->bind_count, statement->types));
}

enum err postgres_send(struct cx *cx, struct postgres_statement *statement,
                       struct parameters parameters, struct pending pending)
{
    static const int binary[SQL_BINDS_MAX] = {[0 ... SQL_BINDS_MAX - 1] = 1};
    struct postgres *db = postgres_of(cx);

    TRY(postgres_make_room(cx));
    db->sql.statements++;
    if (sql_faulted())
        return push(cx, db, (struct pending){.kind = pending.kind},
                    PQsendQueryParams(db->conn, fault_sql, 0, NULL, NULL, NULL, NULL, 0));
    if (!statement->prepared)
        TRY(prepare(cx, db, statement));
    for (int k = 0; k < parameters.count; k++)
        db->bytes += (size_t)parameters.lengths[k];
    pending.statement = statement;
    return push(cx, db, pending,
                PQsendQueryPrepared(db->conn, statement->name, parameters.count, parameters.values,
                                    parameters.lengths, binary, 0));
}

/* ---- Outside the pipeline ---- */

enum err postgres_script(struct cx *cx, const char *script)
{
    struct postgres *db = postgres_of(cx);
    PGresult *result;

    db->sql.statements++;
    db->round_trips++;
    if (!PQexitPipelineMode(db->conn)) {
        postgres_lose(db);
        return postgres_report(cx);
    }
    result = PQexec(db->conn, sql_faulted() ? fault_sql : script);
    if (PQresultStatus(result) == PGRES_FATAL_ERROR)
        note_failure(db, &(struct pending){.kind = PENDING_RUN, .number = db->number++}, result);
    PQclear(result);
    if (!db->lost && !PQenterPipelineMode(db->conn))
        postgres_lose(db);
    return postgres_report(cx);
}
