/*
 * sqlite.c - SQLite 3.40: the connection, its transactions, its failures.
 */
#include "kernel/sql/sqlite.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUSY_MS_MAX = 5000, /* Another process may checkpoint or migrate for so long. */
    CACHE_KIB_DEFAULT = 2048,
    WAL_PAGES = 1000,          /* Between checkpoints: 4 MB. */
    WAL_KEPT_BYTES = 64 << 20, /* A log that a long read made grow is cut to this. */
    PROGRESS_STEPS = 1000,     /* Instructions between looks at the clock: some 20 us. */
    SYNCHRONOUS_FULL = 2,
};

/* ---- Failures ---- */

static enum err constraint_fail(struct cx *cx, int rc, const char *message)
{
    if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
        rc == SQLITE_CONSTRAINT_ROWID)
        return fail(cx, ERR_CONFLICT, "unique", "a row with this key exists (%s)", message);
    return fail(cx, ERR_STORAGE, "constraint", "a row breaks a rule of its table (%s)", message);
}

static bool disk_full(struct sqlite *db, int rc)
{
    int error = sqlite3_system_errno(db->handle);

    return (rc & 0xff) == SQLITE_FULL ||
           ((rc & 0xff) == SQLITE_IOERR && (error == ENOSPC || error == EDQUOT));
}

enum err sqlite_fail(struct cx *cx, int rc, const char *sql)
{
    struct sqlite *db = (struct sqlite *)cx->db;
    const char *message = sqlite3_errmsg(db->handle);

    if (rc == SQLITE_IOERR_FSYNC)
        db->doubt = SQLITE_SYNC_LOST;
    if (disk_full(db, rc))
        return fail(cx, ERR_DISK_FULL, "disk_full",
                    "the disk of the database is full: free some space (%s)", message);
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return constraint_fail(cx, rc, message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(cx, ERR_BUSY, "database_busy",
                    "another process holds the database for over %d ms: try again", BUSY_MS_MAX);
    case SQLITE_INTERRUPT:
        return fail(cx, ERR_TIMEOUT, "statement_timeout",
                    "a statement took over %d ms: ask for less at once", db->sql.statement_ms_max);
    case SQLITE_READONLY:
        return fail(cx, ERR_STORAGE, "read_only", "this connection only reads: %.200s", sql);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fail(cx, ERR_STORAGE, "corrupt",
                    "the database file %s is damaged: stop the server and restore a backup (%s)",
                    sqlite3_db_filename(db->handle, NULL), message);
    case SQLITE_TOOBIG:
        return fail(cx, ERR_TOO_LARGE, "too_large", "a value or statement is too large");
    case SQLITE_IOERR:
        return fail(cx, ERR_STORAGE, "disk", "the disk failed: %s (code %d, errno %d)", message, rc,
                    sqlite3_system_errno(db->handle));
    default:
        return fail(cx, ERR_STORAGE, "storage", "%s (code %d): %.200s", message, rc, sql);
    }
}

/* ---- Opening ---- */

static int on_progress(void *context)
{
    struct sqlite *db = context;

    return db->env && db->env->monotonic_us(db->env) > db->deadline_us;
}

/* Before the first connection: no global lock around every malloc only to count bytes. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static enum err open_fail(struct problem *problem, struct sqlite *db, const char *url,
                          const char *what)
{
    int rc = db->handle ? sqlite3_errcode(db->handle) : SQLITE_NOMEM;
    const char *message = db->handle ? sqlite3_errmsg(db->handle) : "out of memory";

    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        problem_set(problem, ERR_BUSY, "database_busy",
                    "%s is held by another process for over %d ms: stop it, then try again", url,
                    BUSY_MS_MAX);
    else if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
        problem_set(problem, ERR_STORAGE, "corrupt",
                    "%s is no database, or damaged: restore a backup, or name another file", url);
    else
        problem_set(problem, ERR_STORAGE, "cannot_open",
                    "cannot open the database %s (%s: %s): check that the folder exists and that "
                    "this user may write to it",
                    url, what, message);
    return problem->err;
}

/* The first column of the first row of a pragma, as text; false on failure. */
static bool pragma(struct sqlite *db, char *value, size_t size, const char *sql)
{
    sqlite3_stmt *stmt;
    bool ok = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL) == SQLITE_OK;
    int rc;

    if (!ok)
        return false;
    value[0] = '\0';
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && sqlite3_column_text(stmt, 0))
        sqlite3_snprintf((int)size, value, "%s", sqlite3_column_text(stmt, 0));
    ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
    return sqlite3_finalize(stmt) == SQLITE_OK && ok;
}

static bool set(struct sqlite *db, const char *fmt, int value)
{
    char ignored[32], *sql = sqlite3_mprintf(fmt, value);
    bool ok;

    assert(sql);
    ok = pragma(db, ignored, sizeof(ignored), sql);
    sqlite3_free(sql);
    return ok;
}

/* WAL and FULL are what "committed" means here; never start with less. */
static enum err set_durable(struct sqlite *db, const char *url, struct problem *problem)
{
    char mode[32] = "", level[32] = "";

    if (!pragma(db, mode, sizeof(mode), "pragma journal_mode = wal") ||
        !set(db, "pragma synchronous = %d", SYNCHRONOUS_FULL) ||
        !pragma(db, level, sizeof(level), "pragma synchronous"))
        return open_fail(problem, db, url, "write-ahead log");
    if (strcmp(mode, "wal") == 0 && level[0] == '0' + SYNCHRONOUS_FULL)
        return OK;
    problem_set(problem, ERR_STORAGE, "not_durable",
                "%s cannot use a write-ahead log (journal_mode is %s): put it on a local disk, not "
                "on a network share or in memory",
                url, mode);
    return problem->err;
}

/* What SQLite would do by itself, but that a failure is noticed. */
static int after_commit(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite *db = context;
    int rc = SQLITE_OK;

    if (pages >= WAL_PAGES)
        rc = sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        db->doubt = SQLITE_SYNC_LOST;
    return SQLITE_OK; /* The commit itself is done. */
}

static enum err set_up(struct sqlite *db, const struct sql_options *options,
                       struct problem *problem)
{
    int cache_kib = options->cache_kib > 0 ? options->cache_kib : CACHE_KIB_DEFAULT;

    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_MS_MAX);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* "name" is a name, never a text: as in PostgreSQL. */
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (!options->read_only)
        TRY(set_durable(db, options->url, problem));
    /* LIKE tells cases apart, as in PostgreSQL. */
    if (!set(db, "pragma cache_size = -%d", cache_kib) || !set(db, "pragma foreign_keys = %d", 0) ||
        !set(db, "pragma mmap_size = %d", 0) || !set(db, "pragma temp_store = %d", 2) ||
        !set(db, "pragma case_sensitive_like = %d", 1) ||
        !set(db, "pragma journal_size_limit = %d", WAL_KEPT_BYTES))
        return open_fail(problem, db, options->url, "settings");
    sqlite3_wal_hook(db->handle, after_commit, db);
    if (options->statement_ms_max > 0)
        sqlite3_progress_handler(db->handle, PROGRESS_STEPS, on_progress, db);
    return OK;
}

static void sqlite_close(struct sql *sql)
{
    struct sqlite *db = (struct sqlite *)sql;

    sqlite_drop_statements(db);
    sqlite3_close(db->handle);
    free(db);
}

/* ---- Transactions ---- */

struct sqlite *sqlite_enter(struct cx *cx)
{
    struct sqlite *db = (struct sqlite *)cx->db;

    if (db->busy)
        sqlite3_reset(db->busy);
    db->busy = NULL;
    return db;
}

static bool standing(struct cx *cx)
{
    return sqlite3_get_autocommit(sqlite_enter(cx)->handle) == 0;
}

/* After a sync that failed, Linux calls later ones well and may have dropped the pages: only what
 * is written again is safe, so all of the log goes into the database, and a new log begins.  What a
 * killed process left unsynced in the log counts as committed from here on: it is synced first. */
static enum err make_sure(struct cx *cx)
{
    struct sqlite *db = sqlite_enter(cx);
    int how =
        db->doubt == SQLITE_SYNC_LOST ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, how, NULL, NULL);

    if (rc == SQLITE_BUSY && how == SQLITE_CHECKPOINT_PASSIVE)
        rc = SQLITE_OK; /* Another connection is at it. */
    if (rc != SQLITE_OK)
        return sqlite_fail(cx, rc, "checkpoint");
    db->doubt = SQLITE_SURE;
    return OK;
}

static enum err begin(struct cx *cx)
{
    struct sqlite *db = (struct sqlite *)cx->db;

    if (standing(cx))
        return fail(cx, ERR_INTERNAL, "transaction_open", "a transaction is open already");
    if (db->doubt != SQLITE_SURE && !cx->db->read_only)
        TRY(make_sure(cx));
    return sqlite_run(cx, &(int64_t){0}, cx->db->read_only ? "begin" : "begin immediate", NO_BINDS);
}

/* Outside a transaction a savepoint would silently start one. */
static enum err in_transaction(struct cx *cx, const char *sql)
{
    if (!standing(cx))
        return fail(cx, ERR_STORAGE, "transaction_lost",
                    "the transaction is gone: an earlier statement ended it");
    return sqlite_run(cx, &(int64_t){0}, sql, NO_BINDS);
}

static enum err commit(struct cx *cx)
{
    return in_transaction(cx, "commit");
}

/* Not as other statements: no deadline, no fault on demand, no failure that could be recorded. */
static void rollback(struct cx *cx)
{
    struct sqlite *db = sqlite_enter(cx);

    db->env = NULL;
    if (standing(cx))
        sqlite3_exec(db->handle, "rollback", NULL, NULL, NULL);
}

static enum err savepoint(struct cx *cx)
{
    return in_transaction(cx, "savepoint grevy");
}

static enum err savepoint_release(struct cx *cx)
{
    return in_transaction(cx, "release grevy");
}

static enum err savepoint_rollback(struct cx *cx)
{
    TRY(in_transaction(cx, "rollback to grevy"));
    return in_transaction(cx, "release grevy");
}

static enum err sync_nothing(struct cx *cx)
{
    (void)sqlite_enter(cx);
    return OK;
}

static const struct sql_driver driver = {
    .close = sqlite_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .savepoint_release = savepoint_release,
    .savepoint_rollback = savepoint_rollback,
    .standing = standing,
    .script = sqlite_script,
    .run = sqlite_run,
    .all = sqlite_all,
    .rows_write = sqlite_rows_write,
    .rows_ask = sqlite_rows_ask,
    .sync = sync_nothing,
    .guard = sqlite_guard,
};

enum err sqlite_open(struct sql **out, const struct sql_options *options, struct problem *problem)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int flags =
        options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    struct sqlite *db = calloc(1, sizeof(*db));
    enum err err;

    assert(db);
    pthread_once(&once, configure);
    db->sql = (struct sql){.driver = &driver, .kind = SQL_SQLITE};
    db->doubt = SQLITE_UNSYNCED;
    if (sqlite3_open_v2(options->url, &db->handle, flags | SQLITE_OPEN_NOMUTEX, options->vfs) ==
        SQLITE_OK)
        err = set_up(db, options, problem);
    else
        err = open_fail(problem, db, options->url, "open");
    if (err != OK) {
        sqlite_close(&db->sql);
        return err;
    }
    *out = &db->sql;
    return OK;
}
