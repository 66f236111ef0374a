/*
 * postgres_connect.c - how a connection begins: its session, and what it demands of the server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/sql/postgres.h"

enum {
    VERSION_MIN = 130000,
    RETRY_MS = 500,     /* Between calls to a server that does not answer. */
    LOCK_MS_MAX = 5000, /* As long as SQLite waits for a lock. */
};

static void quiet(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/* The URL stands last: what it says itself goes before these. */
static PGconn *dial(const char *url)
{
    static const char *const names[] = {"application_name",
                                        "client_encoding",
                                        "connect_timeout",
                                        "keepalives_idle",
                                        "keepalives_interval",
                                        "keepalives_count",
                                        "tcp_user_timeout",
                                        "dbname",
                                        NULL};
    const char *const values[] = {"grevy", "UTF8", "5", "10", "5", "3", "15000", url, NULL};

    return PQconnectdbParams(names, values, 1);
}

static enum err refused(struct problem *problem, const char *what, const char *message)
{
    int len = (int)strcspn(message, "\n");

    problem_set(problem, ERR_BUSY, "database_gone", "%s: %.*s", what, len, message);
    return problem->err;
}

/* The first row of a query, or an error. */
static enum err query(struct postgres *db, PGresult **out, const char *what, const char *sql,
                      struct problem *problem)
{
    PGresult *result = PQexec(db->conn, sql);
    ExecStatusType status = PQresultStatus(result);

    *out = NULL;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        *out = result;
        return OK;
    }
    if (postgres_state_is_gone(PQresultErrorField(result, PG_DIAG_SQLSTATE)))
        refused(problem, what, PQerrorMessage(db->conn));
    else
        problem_set(problem, ERR_STORAGE, "cannot_open", "%s: %s", what,
                    PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    PQclear(result);
    return problem->err;
}

static enum err run(struct postgres *db, const char *what, const char *sql, struct problem *problem)
{
    PGresult *result;

    TRY(query(db, &result, what, sql, problem));
    PQclear(result);
    return OK;
}

/* ---- What the server must be ---- */

static enum err too_weak(struct problem *problem, const char *name, const char *value,
                         const char *advice)
{
    problem_set(problem, ERR_STORAGE, "not_durable", "the PostgreSQL server has %s = %s: %s", name,
                value, advice);
    return problem->err;
}

static enum err judge_server(const PGresult *is, bool read_only, struct problem *problem)
{
    if (strcmp(PQgetvalue(is, 0, 3), "UTF8") != 0) {
        problem_set(problem, ERR_STORAGE, "not_utf8",
                    "the database is encoded in %s: create one with encoding 'UTF8'",
                    PQgetvalue(is, 0, 3));
        return problem->err;
    }
    if (read_only)
        return OK;
    if (strcmp(PQgetvalue(is, 0, 4), "f") != 0) {
        problem_set(problem, ERR_STORAGE, "standby",
                    "the PostgreSQL server is a standby, which cannot write: name the primary");
        return problem->err;
    }
    if (strcmp(PQgetvalue(is, 0, 0), "on") != 0)
        return too_weak(problem, "fsync", PQgetvalue(is, 0, 0), "set it to on in postgresql.conf");
    if (strcmp(PQgetvalue(is, 0, 1), "on") != 0)
        return too_weak(problem, "full_page_writes", PQgetvalue(is, 0, 1),
                        "set it to on in postgresql.conf");
    if (strcmp(PQgetvalue(is, 0, 2), "off") == 0)
        return too_weak(problem, "synchronous_commit", "off",
                        "set it to on in postgresql.conf, for this database and for this role");
    return OK;
}

static enum err check_server(struct postgres *db, struct problem *problem)
{
    PGresult *is;
    enum err err;

    if (PQserverVersion(db->conn) < VERSION_MIN) {
        problem_set(problem, ERR_STORAGE, "server_too_old",
                    "the PostgreSQL server is of version %d: use 13 or later, best 15",
                    PQserverVersion(db->conn) / 10000);
        return problem->err;
    }
    TRY(query(db, &is, "cannot ask for the server's settings",
              "select current_setting('fsync'), current_setting('full_page_writes'),"
              " current_setting('synchronous_commit'), current_setting('server_encoding'),"
              " pg_is_in_recovery()",
              problem));
    err = judge_server(is, db->sql.read_only, problem);
    PQclear(is);
    return err;
}

/* ---- The session ---- */

/* create schema wants a right to create even where there is nothing to do, so look first. */
static enum err ensure_schema(struct postgres *db, const char *name, struct problem *problem)
{
    char sql[512], *literal = PQescapeLiteral(db->conn, db->schema, strlen(db->schema));
    PGresult *found;
    bool exists;

    assert(literal);
    snprintf(sql, sizeof(sql), "select 1 from pg_catalog.pg_namespace where nspname = %s", literal);
    PQfreemem(literal);
    TRY(query(db, &found, "cannot look for the schema", sql, problem));
    exists = PQntuples(found) > 0;
    PQclear(found);
    if (exists)
        return OK;
    snprintf(sql, sizeof(sql), "create schema if not exists %s", name);
    if (run(db, "cannot create the schema", sql, problem) == OK)
        return OK;
    /* Somebody may have made it at the same moment; if nobody did, the settings below fail. */
    *problem = (struct problem){0};
    return OK;
}

static enum err set_session(struct postgres *db, const char *name, struct problem *problem)
{
    char sql[1024];

    /*
     * A table may grow a thousandfold within the minute that passes between two looks of
     * autovacuum.  A cached plan that reads it from end to end, right for the ten rows it had,
     * would ruin all that go by key: so such plans are the last resort.  The writer goes by key
     * alone.
     */
    snprintf(sql, sizeof(sql),
             "set search_path = %s; set lock_timeout = %d; set statement_timeout = %d;"
             "set default_transaction_read_only = %s; set jit = off; set enable_seqscan = off; %s",
             name, LOCK_MS_MAX, db->sql.statement_ms_max, db->sql.read_only ? "on" : "off",
             db->sql.read_only ? "" : "set enable_hashjoin = off; set enable_mergejoin = off;");
    return run(db, "cannot set up the session", sql, problem);
}

static enum err set_up(struct postgres *db, struct problem *problem)
{
    char *name = PQescapeIdentifier(db->conn, db->schema, strlen(db->schema));
    enum err err = OK;

    assert(name);
    if (!db->sql.read_only)
        err = ensure_schema(db, name, problem);
    if (err == OK)
        err = set_session(db, name, problem);
    PQfreemem(name);
    return err;
}

enum err postgres_connect(struct postgres *db, struct problem *problem)
{
    enum err err = OK;

    PQfinish(db->conn);
    postgres_forget_prepared(db);
    db->lost = true;
    db->conn = dial(db->url);
    assert(db->conn);
    PQsetNoticeProcessor(db->conn, quiet, NULL);
    if (PQstatus(db->conn) != CONNECTION_OK)
        return refused(problem, "cannot reach the PostgreSQL server", PQerrorMessage(db->conn));
    err = check_server(db, problem);
    if (err == OK)
        err = set_up(db, problem);
    if (err != OK)
        return err;
    if (PQsetnonblocking(db->conn, 1) != 0 || !PQenterPipelineMode(db->conn))
        return refused(problem, "cannot use the connection", PQerrorMessage(db->conn));
    db->lost = false;
    return OK;
}

bool postgres_reconnect(struct cx *cx)
{
    struct postgres *db = postgres_of(cx);
    struct problem problem;

    if (cx->env->monotonic_us(cx->env) < db->retry_us)
        return false;
    db->retry_us = 0;
    if (postgres_connect(db, &problem) == OK)
        return true;
    db->retry_us = cx->env->monotonic_us(cx->env) + RETRY_MS * 1000LL;
    return false;
}
