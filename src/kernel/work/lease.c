/*
 * lease.c - one writing process per space.
 *
 * The lease is the row kernel_writer: holder, fence, until_ms by the database's clock.  Every
 * commit checks the fence.  A holder that died frees the lease at once: its lock on the SQLite lock
 * file, or its PostgreSQL advisory lock, goes with its process.  On PostgreSQL, where it may be a
 * machine that is gone, a holder that hangs loses it when until_ms has passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "kernel/access/access.h"
#include "kernel/base/log.h"
#include "kernel/count/save.h"
#include "kernel/work/setting.h"
#include "kernel/work/writer.h"

enum {
    LEASE_MS = 6000,          /* A hung holder is replaced after this. */
    LEASE_RENEW_MS = 2000,    /* An idle holder renews this often; commits renew by themselves. */
    LEASE_TRY_MS = 1000,      /* A standby process looks this often. */
    COMMIT_ASK_MS_MAX = 5000, /* How long to ask after the fate of a commit. */
    COMMIT_ASK_PAUSE_MS = 20, /* Between two questions to a database that is away. */
};

struct lease_row {
    int64_t fence, until_ms, last_ms, last_id, seq, database_ms;
};
static const struct field lease_fields[] = {F(lease_row, fence),
                                            F(lease_row, until_ms),
                                            F(lease_row, last_ms),
                                            F(lease_row, last_id),
                                            F(lease_row, seq),
                                            F(lease_row, database_ms),
                                            F_END};

void lease_set(struct writer *writer, bool writing)
{
    atomic_store(&writer->space->epoch, writing ? writer->fence : 0);
    atomic_store(&writer->space->writing, writing);
}

static const char *read_sql(const struct writer *writer)
{
    if (sql_kind(writer->db) == SQL_POSTGRES)
        return "select fence, until_ms, last_ms, last_id, seq,"
               " cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
               " from kernel_writer where id = 1";
    return "select fence, until_ms, last_ms, last_id, seq,"
           " cast((julianday('now') - 2440587.5) * 86400000 as integer)"
           " from kernel_writer where id = 1";
}

static enum err read_lease(struct cx *cx, const char *sql, struct lease_row *row)
{
    struct list rows;

    TRY(sql_raw_all(cx, lease_fields, sizeof(*row), &rows, sql, NO_BINDS));
    if (rows.count != 1)
        return fail(cx, ERR_STORAGE, "no_lease_row", "kernel_writer must have one row, id 1");
    *row = *LIST_AT(rows, struct lease_row, 0);
    return OK;
}

struct number {
    int64_t value;
};
static const struct field number_fields[] = {F(number, value), F_END};

/* One lock per schema, of the session. */
#define LOCK "hashtext('grevy writer'), hashtext(current_schema())"
#define LOCK_ROWS                                                                                  \
    " pg_locks l where l.granted and l.locktype = 'advisory' and l.objsubid = 2"                   \
    " and l.database = (select oid from pg_database where datname = current_database())"           \
    " and l.classid = hashtext('grevy writer')::oid"                                               \
    " and l.objid = hashtext(current_schema())::oid"

/* The number that sql gives, or 0. */
static int64_t ask(struct cx *cx, const char *sql)
{
    struct list rows;

    if (sql_raw_all(cx, number_fields, sizeof(struct number), &rows, sql, NO_BINDS) != OK ||
        rows.count != 1)
        return 0;
    return LIST_AT(rows, struct number, 0)->value;
}

/* Does no other living process hold the space? */
static bool lock_free(struct writer *writer, struct cx *cx)
{
    if (sql_kind(writer->db) == SQL_POSTGRES)
        return ask(cx, "select case when exists (select 1 from" LOCK_ROWS
                       "  and l.pid = pg_backend_pid())"
                       " or pg_try_advisory_lock(" LOCK ") then 1 else 0 end") == 1;
    if (writer->lock_fd < 0) {
        char path[600];

        snprintf(path, sizeof(path), "%s.lock", writer->space->url);
        writer->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    return writer->lock_fd >= 0 && flock(writer->lock_fd, LOCK_EX | LOCK_NB) == 0;
}

/* Who lost the lease must not take it back for a lock of old. */
static void unlock(struct writer *writer, struct cx *cx)
{
    if (sql_kind(writer->db) != SQL_POSTGRES)
        return;
    if (sql_begin(cx) == OK)
        (void)ask(cx, "select count(pg_advisory_unlock(" LOCK ")) from" LOCK_ROWS
                      " and l.pid = pg_backend_pid()");
    sql_rollback(cx);
    fail_clear(cx);
}

/* A holder that hangs in the middle of a batch has rows locked, and its lock: its session is ended,
 * if we may do so, and its lock taken as soon as it is free. */
static enum err end_holder(struct cx *cx)
{
    struct list rows;

    if (ask(cx, "select count(pg_terminate_backend(l.pid)) from pg_stat_activity a," LOCK_ROWS
                " and l.pid <> pg_backend_pid() and a.pid = l.pid"
                " and pg_has_role(a.usesysid, 'usage')") == 0)
        return cx->problem.err;
    return sql_raw_all(cx, number_fields, sizeof(struct number), &rows,
                       "select 1 from pg_advisory_lock(" LOCK ")", NO_BINDS);
}

/* On SQLite nobody renews until_ms: the lock file alone tells. */
static bool expired(const struct writer *writer, const struct lease_row *row)
{
    return sql_kind(writer->db) == SQL_POSTGRES && row->until_ms < row->database_ms;
}

static enum err take_over(struct writer *writer, struct cx *cx, const struct lease_row *row)
{
    struct env *env = writer->space->platform->env;
    int64_t changed;

    TRY(sql_raw_run(cx, &changed,
                    "update kernel_writer set holder = ?1, fence = fence + 1, until_ms = ?2"
                    " where id = 1 and fence = ?3",
                    BIND(TEXT(str_of(writer->space->platform->holder)),
                         INT(row->database_ms + LEASE_MS), INT(row->fence))));
    if (changed != 1)
        return fail(cx, ERR_BUSY, "not_the_writer", "another process took the lease");
    writer->fence = row->fence + 1;
    if (row->last_ms > writer->time_ms) {
        writer->time_ms = row->last_ms;
        writer->time_us = env->monotonic_us(env);
    }
    writer->last_id = row->last_id;
    writer->seq = row->seq;
    return OK;
}

/* Is the holder dead, or does it hang? */
static bool may_take(struct writer *writer, struct cx *cx, const struct lease_row *row,
                     enum err *err)
{
    if (lock_free(writer, cx))
        return true;
    if (cx->problem.err == OK && !expired(writer, row))
        return false;
    *err = cx->problem.err == OK ? end_holder(cx) : cx->problem.err;
    return *err == OK;
}

/* Try to become the writer; OK without it when somebody else is. */
static enum err try_take(struct writer *writer)
{
    struct cx *cx = &writer->cx;
    struct problem problem;
    struct lease_row row;
    enum err err;

    TRY(sql_begin(cx));
    err = read_lease(cx, read_sql(writer), &row);
    if (err == OK && may_take(writer, cx, &row, &err)) {
        err = take_over(writer, cx, &row);
        if (err == OK)
            err = sql_commit(cx);
        if (err == OK) {
            lease_set(writer, true);
            log_event(LOG_INFO, "writer_lease_taken",
                      LOG_TEXT("space", str_of(writer->space->name)),
                      LOG_INT("fence", writer->fence));
            return OK;
        }
    }
    problem = cx->problem;
    sql_rollback(cx);
    unlock(writer, cx);
    cx->problem = problem;
    return err == ERR_BUSY ? OK : err;
}

enum err lease_take(struct writer *writer, struct problem *problem)
{
    struct env *env = writer->space->platform->env;
    enum err err = try_take(writer);

    writer->lease_checked_us = env->monotonic_us(env);
    if (err != OK)
        *problem = writer->cx.problem;
    else if (!atomic_load(&writer->space->writing))
        log_event(LOG_WARN, "writer_standby", LOG_TEXT("space", str_of(writer->space->name)));
    return err;
}

/* A connection that was lost and made again has lost the lock: it is taken again, or another has it
 * and the fence, too. */
static void renew(struct writer *writer)
{
    struct cx *cx = &writer->cx;
    int64_t changed = 0;
    enum err err = sql_begin(cx);

    (void)lock_free(writer, cx);

    if (err == OK)
        err = sql_raw_run(cx, &changed,
                          "update kernel_writer set until_ms = ?1 +"
                          " cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
                          " where id = 1 and fence = ?2",
                          BIND(INT(LEASE_MS), INT(writer->fence)));
    if (err == OK && changed == 1)
        err = sql_commit(cx);
    if (err == OK && changed == 1)
        return;
    sql_rollback(cx);
    if (err == OK && lease_lost(writer, cx) != OK)
        fail_clear(cx); /* Nobody waits for this answer. */
}

/* Keys that the writing process made or revoked. */
static enum err reload_keys(struct writer *writer)
{
    struct cx *cx = &writer->cx;
    enum err err;

    work_open(&writer->work, cx, TX_READ, NULL);
    err = access_open(cx);
    cx->work = NULL;
    return err;
}

/* What else the former writer changed while this process only read. */
static enum err reload(struct writer *writer)
{
    TRY(background_open(writer, &writer->cx));
    TRY(writer->space->counters ? counters_open(&writer->cx) : OK);
    return settings_load(writer->space, &writer->cx);
}

void lease_tend(struct writer *writer)
{
    struct env *env = writer->space->platform->env;
    bool writing = atomic_load(&writer->space->writing);
    int64_t now_us = env->monotonic_us(env);
    int64_t due_ms = writing ? LEASE_RENEW_MS : LEASE_TRY_MS;

    if (writing && sql_kind(writer->db) == SQL_SQLITE)
        return; /* The lock file says it; an idle process writes nothing. */
    if (now_us - writer->lease_checked_us < due_ms * 1000)
        return;
    writer->lease_checked_us = now_us;
    cx_reset(&writer->cx);
    writer->cx.db = writer->db;
    writer->cx.space = writer->space;
    writer->cx.now_ms = env->wall_ms(env);
    if (writing)
        renew(writer);
    else if (try_take(writer) != OK)
        log_text(LOG_ERROR, "lease_failed", "%s", writer->cx.problem.detail);
    else if (reload_keys(writer) != OK ||
             (atomic_load(&writer->space->writing) && reload(writer) != OK)) {
        log_text(LOG_ERROR, "reload_failed", "%s", writer->cx.problem.detail);
        lease_set(writer, false); /* Taken anew, with all that belongs to it. */
    }
}

void lease_release(struct writer *writer)
{
    if (writer->lock_fd >= 0)
        close(writer->lock_fd);
    writer->lock_fd = -1;
    lease_set(writer, false);
}

enum err lease_guard(struct writer *writer, struct cx *cx)
{
    const struct batch *batch = &writer->batch;

    /* until_ms by our clock is only a hint between renewals by the database's. */
    return sql_send_guard(
        cx,
        "update kernel_writer set last_ms = ?1, last_id = ?2, seq = ?3"
        " where id = 1 and fence = ?4",
        BIND(INT(batch->now_ms), INT(batch->ids.last), INT(batch->seq), INT(writer->fence)));
}

enum err lease_lost(struct writer *writer, struct cx *cx)
{
    struct env *env = writer->space->platform->env;

    lease_set(writer, false);
    log_event(LOG_WARN, "writer_lease_lost", LOG_TEXT("space", str_of(writer->space->name)));
    sql_rollback(cx);
    fail_clear(cx);
    unlock(writer, cx);
    /* The new holder looks for the lock when it renews: not before that is it tried again. */
    writer->lease_checked_us = env->monotonic_us(env) + LEASE_RENEW_MS * 1000LL;
    cx->problem.retry_after_ms = SECOND_MS;
    return fail(cx, ERR_BUSY, "not_the_writer", "another process writes this space: try again");
}

/*
 * The server may be at work on the commit, holding the row, which is then waited for; or it has not
 * come to it yet: a new fence has it fail when it does.  A commit of this very question that got
 * lost leaves us the holder, so it is asked again.
 */
static enum err outrun(struct writer *writer, int64_t last_id, enum commit_fate *fate)
{
    struct cx *cx = &writer->cx;
    struct lease_row row;
    int64_t changed;

    TRY(sql_begin(cx));
    TRY(sql_raw_run(cx, &changed,
                    "update kernel_writer set fence = fence + 1 where id = 1 and holder = ?1",
                    BIND(TEXT(str_of(writer->space->platform->holder)))));
    TRY(read_lease(cx, read_sql(writer), &row));
    TRY(sql_commit(cx));
    if (changed == 1) {
        writer->fence = row.fence;
        lease_set(writer, true);
    }
    if (row.last_id == last_id)
        *fate = COMMIT_DONE;
    else /* Another holder may have gone on from it. */
        *fate = changed == 1 ? COMMIT_NOT_DONE : COMMIT_UNKNOWN;
    return OK;
}

enum commit_fate lease_fate(struct writer *writer, int64_t last_id)
{
    struct env *env = writer->space->platform->env;
    int64_t until_us = env->monotonic_us(env) + (int64_t)COMMIT_ASK_MS_MAX * 1000;
    enum commit_fate fate = COMMIT_UNKNOWN;
    int tries = 0;

    do {
        if (tries++ > 0)
            (void)poll(NULL, 0, COMMIT_ASK_PAUSE_MS);
        sql_rollback(&writer->cx); /* Reconnects. */
        fail_clear(&writer->cx);
        if (outrun(writer, last_id, &fate) == OK)
            return fate;
    } while (env->monotonic_us(env) < until_us);
    return COMMIT_UNKNOWN;
}
