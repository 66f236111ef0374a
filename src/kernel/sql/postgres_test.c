/*
 * postgres_test.c - what is PostgreSQL's own: round trips, lost connections, weak servers.
 *
 * Each test runs on the cluster that GREVY_TEST_PG names, and is skipped without one.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "kernel/sql/fixture.h"

static void open_postgres(struct fixture *f)
{
    const char *url = getenv("GREVY_TEST_PG");

    if (!url || !*url)
        test_skip("GREVY_TEST_PG is not set; ./dev test sets it");
    fixture_open(f, url);
    fixture_items(f);
}

static enum err add(struct cx *cx, int64_t id)
{
    struct item item = {.id = id};
    const void *row = &item;

    return sql_rows_write(cx, &item_table, ROW_INSERT, &row, 1);
}

static int64_t count(struct cx *cx)
{
    return fixture_int(cx, "select count(*) from item");
}

/* ---- Round trips ---- */

static void ignore(void *context, const struct table *table, void *row)
{
    (void)table;
    (void)row;
    ++*(int *)context;
}

TEST(batches_cost_two_round_trips, "a batch that asks, writes, guards and commits takes two trips")
{
    enum { ROWS = 64 };
    struct item items[2 * ROWS];
    const void *rows[2 * ROWS];
    struct fixture f;
    uint64_t before;
    int found = 0;

    open_postgres(&f);
    for (int k = 0; k < 2 * ROWS; k++) {
        items[k] = (struct item){.id = k};
        rows[k] = &items[k];
    }
    FINE(&f.cx, sql_rows_write(&f.cx, &item_table, ROW_INSERT, rows, ROWS));
    FINE(&f.cx, sql_sync(&f.cx));
    before = fixture_round_trips(&f.cx);
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, sql_rows_ask(&f.cx, &item_table, rows, 2 * ROWS, ignore, &found));
    CHECK_EQ_INT(fixture_round_trips(&f.cx) - before, 0);
    FINE(&f.cx, sql_sync(&f.cx));
    CHECK_EQ_INT(found, ROWS);
    CHECK_EQ_INT(fixture_round_trips(&f.cx) - before, 1);
    FINE(&f.cx, sql_rows_write(&f.cx, &item_table, ROW_UPSERT, rows, ROWS));
    FINE(&f.cx, sql_rows_write(&f.cx, &item_table, ROW_INSERT, rows + ROWS, ROWS));
    FINE(&f.cx, sql_send_guard(&f.cx, "update item set number = ?1 where id = 0", BIND(INT(1))));
    CHECK_EQ_INT(fixture_round_trips(&f.cx) - before, 1);
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK_EQ_INT(fixture_round_trips(&f.cx) - before, 2);
    CHECK_EQ_INT(count(&f.cx), 2 * ROWS);
    fixture_close(&f);
}

TEST(reads_cost_one_round_trip, "a reading transaction of one statement takes one trip")
{
    struct fixture f;
    struct cx reader;
    uint64_t before;

    open_postgres(&f);
    fixture_more(&f, &reader, (struct sql_options){.read_only = true});
    before = fixture_round_trips(&reader);
    for (int k = 0; k < 10; k++) {
        FINE(&reader, sql_begin(&reader));
        CHECK_EQ_INT(count(&reader), 0);
        sql_rollback(&reader);
    }
    CHECK_EQ_INT(fixture_round_trips(&reader) - before, 10);
    fixture_less(&reader);
    fixture_close(&f);
}

/* ---- Lost connections ---- */

/* End the other's server process, and wait until it is gone. */
static void kill_backend(struct cx *killer, int64_t pid)
{
    static const struct field fields[] = {F(item, id), F_END};
    struct list rows;

    FINE(killer,
         sql_raw_run(killer, NULL, "select pg_terminate_backend(cast(?1 as integer), 10000)",
                     BIND(INT(pid))));
    FINE(killer, sql_raw_all(killer, fields, sizeof(struct item), &rows,
                             "select pid from pg_stat_activity where pid = ?1", BIND(INT(pid))));
    CHECK_EQ_INT(rows.count, 0);
}

TEST(lost_connections_recover, "a lost connection is reported as busy, and replaced by a rollback")
{
    struct fixture f;
    struct cx killer;

    open_postgres(&f);
    fixture_more(&f, &killer, (struct sql_options){0});
    for (int64_t k = 0; k < 3; k++) {
        FINE(&f.cx, sql_begin(&f.cx));
        FINE(&f.cx, add(&f.cx, k));
        kill_backend(&killer, fixture_int(&f.cx, "select pg_backend_pid()"));
        FAILS(&f.cx, ERR_BUSY, "database_gone",
              k == 0                ? sql_raw_run(&f.cx, NULL, "select 1", NO_BINDS)
              : add(&f.cx, 9) == OK ? sql_sync(&f.cx)
                                    : ERR_BUSY);
        CHECK(!sql_standing(&f.cx));
        FAILS(&f.cx, ERR_BUSY, "database_gone", add(&f.cx, k));
        sql_rollback(&f.cx);
        CHECK_EQ_INT(count(&f.cx), k);
        FINE(&f.cx, sql_begin(&f.cx));
        FINE(&f.cx, add(&f.cx, k)); /* Prepared anew. */
        FINE(&f.cx, sql_commit(&f.cx));
    }
    CHECK_EQ_INT(count(&f.cx), 3);
    fixture_less(&killer);
    fixture_close(&f);
}

TEST(idle_connections_are_replaced, "a connection lost between transactions costs nobody a failure")
{
    struct fixture f;
    struct cx reader;

    open_postgres(&f);
    fixture_more(&f, &reader, (struct sql_options){.read_only = true});
    for (int k = 0; k < 3; k++) {
        FINE(&reader, sql_begin(&reader));
        int64_t pid = fixture_int(&reader, "select pg_backend_pid()");

        sql_rollback(&reader);
        kill_backend(&f.cx, pid);
    }
    fixture_less(&reader);
    fixture_close(&f);
}

TEST(unknown_commits_are_told, "a connection lost during a commit is reported as that")
{
    struct fixture f;

    open_postgres(&f);
    FINE(&f.cx,
         sql_script(&f.cx, "create function die() returns trigger language plpgsql as $$"
                           " begin perform pg_terminate_backend(pg_backend_pid()); return null;"
                           " end $$;"
                           "create constraint trigger die after insert on item"
                           " deferrable initially deferred for each row execute function die();"));
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add(&f.cx, 1));
    FAILS(&f.cx, ERR_STORAGE, "commit_unknown", sql_commit(&f.cx));
    CHECK(!sql_standing(&f.cx));
    sql_rollback(&f.cx);
    CHECK_EQ_INT(count(&f.cx), 0);
    fixture_close(&f);
}

TEST(failures_in_front_of_a_commit, "a statement refused in front of a commit hides no commit")
{
    struct fixture f;

    open_postgres(&f);
    FINE(&f.cx, sql_script(&f.cx, "create function no() returns trigger language plpgsql as $$"
                                  " begin raise exception 'no'; end $$;"
                                  "create constraint trigger no after insert on item"
                                  " deferrable initially deferred for each row"
                                  " execute function no();"));
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add(&f.cx, 1)); /* Fails in the commit itself. */
    FAILS(&f.cx, ERR_STORAGE, "storage", sql_commit(&f.cx));
    CHECK(!sql_standing(&f.cx));
    sql_rollback(&f.cx);
    CHECK_EQ_INT(count(&f.cx), 0);
    fixture_close(&f);
}

/* ---- Locks ---- */

TEST(deadlocks_are_busy, "a lock that another holds for over five seconds is reported as busy",
     .slow = true)
{
    struct fixture f;
    struct cx other;

    open_postgres(&f);
    fixture_more(&f, &other, (struct sql_options){0});
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add(&f.cx, 1));
    FINE(&f.cx, sql_sync(&f.cx));
    FINE(&other, sql_begin(&other));
    FINE(&other, add(&other, 1));
    FAILS(&other, ERR_BUSY, "database_busy", sql_sync(&other));
    sql_rollback(&other);
    FINE(&f.cx, sql_commit(&f.cx));
    fixture_less(&other);
    fixture_close(&f);
}

/* ---- Opening ---- */

static enum err try_open(const char *url, const char *schema, struct problem *problem)
{
    struct sql_options options = {.url = url, .schema = schema};
    struct sql *db;
    enum err err = sql_open(&db, &options, problem);

    CHECK((db == NULL) == (err != OK));
    sql_close(db);
    return err;
}

TEST(weak_servers_are_refused, "a server that may lose what it committed is refused with advice")
{
    struct fixture f;
    struct problem problem;
    char url[600];

    open_postgres(&f);
    snprintf(url, sizeof(url), "%s?options=-c%%20synchronous_commit%%3Doff", f.url);
    CHECK_EQ_INT(try_open(url, test_unique(), &problem), ERR_STORAGE);
    CHECK_EQ_STR(problem.code, "not_durable");
    CHECK(strstr(problem.detail, "synchronous_commit"));
    snprintf(url, sizeof(url), "%s?options=-c%%20synchronous_commit%%3Dremote_apply", f.url);
    CHECK_EQ_INT(try_open(url, test_unique(), &problem), OK);
    fixture_close(&f);
}

TEST(absent_servers_are_reported,
     "a server that is not there is reported as busy, with its address")
{
    struct problem problem;

    CHECK_EQ_INT(try_open("postgresql://127.0.0.1:1/none", "s", &problem), ERR_BUSY);
    CHECK_EQ_STR(problem.code, "database_gone");
    CHECK_SAY(strstr(problem.detail, "127.0.0.1"), "%s", problem.detail);
    CHECK_EQ_INT(try_open("postgresql://127.0.0.1:nonsense/none", "s", &problem), ERR_BUSY);
    CHECK(problem.detail[0]);
}

TEST(schemas_are_quoted, "a schema may have any name, and keeps spaces apart")
{
    static const char hostile[] = "s\"; drop schema public; --";
    struct sql_options options = {.schema = hostile};
    struct problem problem;
    struct fixture f;
    struct cx other;

    open_postgres(&f);
    FINE(&f.cx, add(&f.cx, 1));
    options.url = f.url;
    cx_open(&other, env_system(), FIXTURE_CX_BYTES);
    for (int k = 0; k < 2; k++) { /* Made, and found. */
        CHECK_EQ_INT(sql_open(&other.db, &options, &problem), OK);
        FINE(&other, sql_script(&other, "create table if not exists item (id bigint)"));
        CHECK_EQ_INT(count(&other), 0);
        sql_close(other.db);
    }
    cx_close(&other);
    FINE(&f.cx, sql_script(&f.cx, "drop schema \"s\"\"; drop schema public; --\" cascade"));
    CHECK_EQ_INT(count(&f.cx), 1);
    fixture_close(&f);
}

TEST(changed_tables_are_noticed, "a prepared statement whose table was changed is prepared anew")
{
    static const struct field fields[] = {F(item, id), F_END};
    struct fixture f;
    struct list rows;

#define READ() sql_raw_all(&f.cx, fields, sizeof(struct item), &rows, "select * from t", NO_BINDS)
    open_postgres(&f);
    FINE(&f.cx, sql_script(&f.cx, "create table t (id bigint)"));
    FINE(&f.cx, READ());
    FINE(&f.cx,
         sql_script(&f.cx, "alter table t add column b bigint; alter table t drop column id"));
    FAILS(&f.cx, ERR_STORAGE, "storage", READ());
    FINE(&f.cx, READ());
    fixture_close(&f);
}

static void check_plan(struct cx *cx)
{
    static const struct field fields[] = {F(item, name), F_END};
    struct list rows;

    FINE(cx, sql_raw_all(cx, fields, sizeof(struct item), &rows,
                         "explain select t.id from unnest(array[1, 2]::bigint[]) as k(k1)"
                         " join item as t on t.id = k.k1",
                         NO_BINDS));
    CHECK(rows.count > 0);
    for (size_t k = 0; k < rows.count; k++) {
        struct str line = LIST_AT(rows, struct item, k)->name;

        CHECK_SAY(!memmem(line.ptr, line.len, "Seq Scan", 8), STR_FMT, STR_ARG(line));
    }
}

TEST(plans_use_keys, "rows are asked by their key even when the table was small at planning")
{
    struct fixture f;
    struct cx reader;

    open_postgres(&f);
    fixture_more(&f, &reader, (struct sql_options){.read_only = true});
    check_plan(&f.cx);
    for (int k = 0; k < 10; k++)
        FINE(&f.cx, add(&f.cx, k));
    FINE(&f.cx, sql_sync(&f.cx));
    FINE(&f.cx, sql_script(&f.cx, "analyze item"));
    check_plan(&f.cx);
    check_plan(&reader);
    fixture_less(&reader);
    fixture_close(&f);
}
