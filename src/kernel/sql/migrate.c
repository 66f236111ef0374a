/*
 * migrate.c - migrations: each once, in order, unchanged ever after.
 *
 * Every migration has its own transaction, which also records it.  Two processes that start at once
 * take turns: by the write lock of SQLite, by an advisory lock of PostgreSQL.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/base/hash.h"
#include "kernel/base/log.h"
#include "kernel/sql/driver.h"

enum { CHECKSUM_LEN = 2 * HASH_BYTES };

struct applied {
    struct str name, checksum;
};
static const struct field applied_fields[] = {F(applied, name), F(applied, checksum), F_END};

static const char table_sql_text[] =
    "create table if not exists grevy_migration (owner text not null, name text not null,"
    " checksum text not null, applied_ms bigint not null, primary key (owner, name));";

/* A migration of another process may take longer than statements usually wait for a lock. */
static const char lock_sql[] =
    "set local lock_timeout = 60000;"
    "select pg_advisory_xact_lock(hashtext('grevy migration'), hashtext(current_schema()));";

static void checksum(char out[CHECKSUM_LEN + 1], const char *sql)
{
    unsigned char hash[HASH_BYTES];

    hash_bytes(hash, str_of(sql));
    for (int k = 0; k < HASH_BYTES; k++)
        snprintf(out + 2 * k, 3, "%02x", hash[k]);
}

static enum err begin_locked(struct cx *cx)
{
    TRY(sql_begin(cx));
    return sql_kind(cx->db) == SQL_POSTGRES ? sql_script(cx, lock_sql) : OK;
}

static enum err load(struct cx *cx, const char *owner, struct list *out)
{
    return sql_raw_all(cx, applied_fields, sizeof(struct applied), out,
                       "select name, checksum from grevy_migration where owner = ?1 order by name",
                       BIND(TEXT(str_of(owner))));
}

static const struct applied *find(const struct list *applied, const char *name)
{
    for (size_t k = 0; k < applied->count; k++)
        if (str_is(LIST_AT(*applied, struct applied, k)->name, name))
            return LIST_AT(*applied, struct applied, k);
    return NULL;
}

static bool knows(const struct migration *migrations, struct str name)
{
    for (; migrations->name; migrations++)
        if (str_is(name, migrations->name))
            return true;
    return false;
}

/* What was applied must be what the program has, and what it has must come behind. */
static enum err judge(struct cx *cx, const char *owner, const struct migration *migrations,
                      const struct list *applied)
{
    const char *missing = NULL;
    char sum[CHECKSUM_LEN + 1];

    for (; migrations->name; migrations++) {
        const struct applied *row = find(applied, migrations->name);

        checksum(sum, migrations->sql);
        if (!row) {
            missing = missing ? missing : migrations->name;
        } else if (!str_is(row->checksum, sum)) {
            return fail(cx, ERR_CONFLICT, "migration_changed",
                        "migration %s of %s is not what was applied to this database: restore the "
                        "file as it was and put the change into a new migration behind the last",
                        migrations->name, owner);
        } else if (missing) {
            return fail(cx, ERR_CONFLICT, "migration_order",
                        "migration %s of %s comes before %s, which was applied already: give it a "
                        "number behind the last",
                        missing, owner, migrations->name);
        }
    }
    return OK;
}

/* A newer version of the program was here: it left what this one can live with. */
static void log_newer(const char *owner, const struct migration *migrations,
                      const struct list *applied)
{
    for (size_t k = 0; k < applied->count; k++) {
        struct str name = LIST_AT(*applied, struct applied, k)->name;

        if (!knows(migrations, name))
            log_event(LOG_WARN, "migration_unknown", LOG_TEXT("owner", str_of(owner)),
                      LOG_TEXT("name", name));
    }
}

/* Where a migration that fails stands in the program. */
static enum err name_failure(struct cx *cx, const char *owner, const char *name, enum err err)
{
    char why[PROBLEM_DETAIL_LEN_MAX];

    memcpy(why, cx->problem.detail, sizeof(why));
    snprintf(cx->problem.detail, sizeof(cx->problem.detail), "migration %s of %s: %.300s", name,
             owner, why);
    return err;
}

static enum err apply(struct cx *cx, const char *owner, const struct migration *migration)
{
    char sum[CHECKSUM_LEN + 1];
    struct list applied;
    enum err err;

    TRY(begin_locked(cx));
    TRY(load(cx, owner, &applied));
    if (find(&applied, migration->name)) { /* Another process was faster. */
        sql_rollback(cx);
        return OK;
    }
    err = sql_script(cx, migration->sql);
    if (err != OK)
        return name_failure(cx, owner, migration->name, err);
    checksum(sum, migration->sql);
    TRY(sql_raw_run(cx, NULL,
                    "insert into grevy_migration (owner, name, checksum, applied_ms)"
                    " values (?1, ?2, ?3, ?4)",
                    BIND(TEXT(str_of(owner)), TEXT(str_of(migration->name)), TEXT(str_of(sum)),
                         INT(cx_now_ms(cx)))));
    TRY(sql_commit(cx));
    log_event(LOG_INFO, "migration_applied", LOG_TEXT("owner", str_of(owner)),
              LOG_TEXT("name", str_of(migration->name)));
    return OK;
}

static enum err migrate(struct cx *cx, const char *owner, const struct migration *migrations)
{
    struct list applied;

    TRY(begin_locked(cx));
    TRY(sql_script(cx, table_sql_text));
    TRY(load(cx, owner, &applied));
    TRY(judge(cx, owner, migrations, &applied));
    TRY(sql_commit(cx));
    log_newer(owner, migrations, &applied);
    for (; migrations->name; migrations++)
        if (!find(&applied, migrations->name))
            TRY(apply(cx, owner, migrations));
    return OK;
}

enum err sql_migrate(struct cx *cx, const char *owner, const struct migration *migrations)
{
    enum err err = migrate(cx, owner, migrations);

    if (err != OK)
        sql_rollback(cx);
    return err;
}
