/*
 * transaction_test.c - transactions that fail, on both databases.
 */
#include <setjmp.h>
#include <stdio.h>

#include "kernel/sql/fixture.h"

static enum err add(struct cx *cx, int64_t id, const char *name)
{
    return sql_raw_run(cx, NULL, "insert into item (id, name) values (?1, ?2)",
                       BIND(INT(id), TEXT(str_of(name))));
}

static enum err add_row(struct cx *cx, int64_t id, const char *name)
{
    struct item item = {.id = id, .name = str_of(name)};
    const void *row = &item;

    return sql_rows_write(cx, &item_table, ROW_INSERT, &row, 1);
}

static int64_t count(struct cx *cx)
{
    return fixture_int(cx, "select count(*) from item");
}

TEST_DB(transactions_commit_whole, "a transaction is seen whole after its commit, or not at all")
{
    struct fixture f;
    struct cx other;

    fixture_open(&f, db);
    fixture_items(&f);
    fixture_more(&f, &other, (struct sql_options){.read_only = true});
    CHECK(!sql_standing(&f.cx));
    FINE(&f.cx, sql_begin(&f.cx));
    CHECK(sql_standing(&f.cx));
    FINE(&f.cx, add(&f.cx, 1, "a"));
    CHECK_EQ_INT(count(&f.cx), 1);
    CHECK_EQ_INT(count(&other), 0);
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK(!sql_standing(&f.cx));
    CHECK_EQ_INT(count(&other), 1);
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add(&f.cx, 2, "b"));
    sql_rollback(&f.cx);
    CHECK(!sql_standing(&f.cx));
    sql_rollback(&f.cx); /* Once too often is no harm. */
    CHECK_EQ_INT(count(&f.cx), 1);
    fixture_less(&other);
    fixture_close(&f);
}

TEST_DB(transactions_do_not_nest, "transaction calls in the wrong order are refused")
{
    struct fixture f;

    fixture_open(&f, db);
    FAILS(&f.cx, ERR_STORAGE, "transaction_lost", sql_commit(&f.cx));
    FAILS(&f.cx, ERR_STORAGE, "transaction_lost", sql_savepoint(&f.cx));
    FAILS(&f.cx, ERR_STORAGE, "transaction_lost", sql_savepoint_rollback(&f.cx));
    FINE(&f.cx, sql_begin(&f.cx));
    FAILS(&f.cx, ERR_INTERNAL, "transaction_open", sql_begin(&f.cx));
    CHECK(sql_standing(&f.cx));
    FINE(&f.cx, sql_commit(&f.cx));
    fixture_close(&f);
}

TEST_DB(reads_see_one_state, "a reading transaction sees one state of the database throughout")
{
    struct fixture f;
    struct cx reader;

    fixture_open(&f, db);
    fixture_items(&f);
    fixture_more(&f, &reader, (struct sql_options){.read_only = true});
    FINE(&reader, sql_begin(&reader));
    CHECK_EQ_INT(count(&reader), 0);
    FINE(&f.cx, add(&f.cx, 1, "a"));
    CHECK_EQ_INT(count(&reader), 0);
    sql_rollback(&reader);
    CHECK_EQ_INT(count(&reader), 1);
    fixture_less(&reader);
    fixture_close(&f);
}

TEST_DB(readers_cannot_write, "a connection opened for reading refuses to write")
{
    struct fixture f;
    struct cx reader;

    fixture_open(&f, db);
    fixture_items(&f);
    fixture_more(&f, &reader, (struct sql_options){.read_only = true});
    FAILS(&reader, ERR_STORAGE, "read_only", add(&reader, 1, "a"));
    FINE(&reader, sql_begin(&reader));
    FAILS(&reader, ERR_STORAGE, "read_only", add(&reader, 1, "a"));
    sql_rollback(&reader);
    CHECK(sql_script(&reader, "create table t (a bigint)") != OK);
    fail_clear(&reader);
    CHECK_EQ_INT(count(&reader), 0);
    fixture_less(&reader);
    fixture_close(&f);
}

TEST_DB(slow_statements_are_cut, "a read over its time is cut, and the connection goes on")
{
    struct fixture f;
    struct cx reader;

    fixture_open(&f, db);
    fixture_more(&f, &reader, (struct sql_options){.read_only = true, .statement_ms_max = 50});
    for (int k = 0; k < 2; k++) {
        FINE(&reader, sql_begin(&reader));
        FAILS(&reader, ERR_TIMEOUT, "statement_timeout",
              sql_raw_run(&reader, NULL,
                          "with recursive n(i) as (select 1 union all select i + 1 from n"
                          " where i < 1000000000) select max(i) from n",
                          NO_BINDS));
        sql_rollback(&reader);
        CHECK_EQ_INT(fixture_int(&reader, "select 1"), 1);
    }
    fixture_less(&reader);
    fixture_close(&f);
}

/* ---- Failures ---- */

TEST_DB(broken_rules_are_named,
        "a duplicate is a conflict that names the rule; other rules are not")
{
    struct fixture f;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, add(&f.cx, 1, "a"));
    CHECK_EQ_INT(add(&f.cx, 1, "b"), ERR_CONFLICT);
    CHECK(strstr(f.cx.problem.detail, f.postgres ? "item_pkey" : "item.id"));
    FAILS(&f.cx, ERR_CONFLICT, "unique", add(&f.cx, 1, "b"));
    CHECK_EQ_INT(add(&f.cx, 2, "a"), ERR_CONFLICT);
    CHECK(strstr(f.cx.problem.detail, f.postgres ? "item_by_name" : "item.name"));
    FAILS(&f.cx, ERR_CONFLICT, "unique", add(&f.cx, 2, "a"));
    FAILS(&f.cx, ERR_STORAGE, "constraint",
          sql_raw_run(&f.cx, NULL, "insert into link values ('a', -1)", NO_BINDS));
    FAILS(&f.cx, ERR_STORAGE, "constraint",
          sql_raw_run(&f.cx, NULL, "insert into link values (null, 1)", NO_BINDS));
    CHECK_EQ_INT(count(&f.cx), 1);
    fixture_close(&f);
}

TEST_DB(savepoints_undo_failures, "what failed behind a savepoint is undone with it, no more")
{
    struct fixture f;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add(&f.cx, 1, "a"));
    for (int k = 0; k < 3; k++) {
        FINE(&f.cx, sql_savepoint(&f.cx));
        FINE(&f.cx, add(&f.cx, 10 + k, "b"));
        FAILS(&f.cx, ERR_CONFLICT, "unique", add(&f.cx, 1, "c"));
        CHECK(sql_standing(&f.cx) != f.postgres); /* On SQLite only the statement failed. */
        FINE(&f.cx, sql_savepoint_rollback(&f.cx));
        CHECK(sql_standing(&f.cx));
    }
    FINE(&f.cx, sql_savepoint(&f.cx)); /* Undone without a failure. */
    FINE(&f.cx, add(&f.cx, 4, "d"));
    FINE(&f.cx, sql_savepoint_rollback(&f.cx));
    FINE(&f.cx, sql_savepoint(&f.cx)); /* Kept. */
    FINE(&f.cx, add(&f.cx, 5, "e"));
    FINE(&f.cx, sql_savepoint_release(&f.cx));
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK_EQ_INT(fixture_int(&f.cx, "select sum(id) from item"), 6);
    fixture_close(&f);
}

TEST_DB(queued_failures_are_undone, "a savepoint also undoes rows whose failure was not yet seen")
{
    struct fixture f;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, add(&f.cx, 1, "a"));
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add_row(&f.cx, 2, "b"));
    FINE(&f.cx, sql_savepoint(&f.cx));
    FINE(&f.cx, add_row(&f.cx, 3, "c"));
    (void)add_row(&f.cx, 1, "d"); /* Refused now, or on PostgreSQL later. */
    fail_clear(&f.cx);
    FINE(&f.cx, sql_savepoint_rollback(&f.cx));
    CHECK(sql_standing(&f.cx));
    FINE(&f.cx, add_row(&f.cx, 4, "e"));
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK_EQ_INT(fixture_int(&f.cx, "select sum(id) from item"), 7);
    fixture_close(&f);
}

TEST_DB(failures_before_a_savepoint_stay, "a savepoint does not undo what failed in front of it")
{
    struct fixture f;
    enum err err;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, add(&f.cx, 1, "a"));
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, sql_savepoint(&f.cx));
    FINE(&f.cx, add_row(&f.cx, 2, "b"));
    err = add_row(&f.cx, 1, "c"); /* On PostgreSQL: on its way, and going to fail. */
    CHECK_EQ_INT(err, f.postgres ? OK : ERR_CONFLICT);
    fail_clear(&f.cx);
    FINE(&f.cx, sql_savepoint_release(&f.cx));
    FINE(&f.cx, sql_savepoint(&f.cx));
    FINE(&f.cx, add_row(&f.cx, 3, "d"));
    err = sql_savepoint_rollback(&f.cx);
    CHECK_EQ_INT(err, f.postgres ? ERR_CONFLICT : OK);
    CHECK(sql_standing(&f.cx) != f.postgres);
    sql_rollback(&f.cx);
    CHECK_EQ_INT(count(&f.cx), 1);
    fixture_close(&f);
}

TEST_DB(failed_transactions_do_not_commit, "a failure that was not undone is met again at commit")
{
    struct fixture f;

    fixture_open(&f, db);
    fixture_items(&f);
    if (f.postgres) {
        FINE(&f.cx, add(&f.cx, 1, "a"));
        FINE(&f.cx, sql_begin(&f.cx));
        FINE(&f.cx, add_row(&f.cx, 2, "b"));
        FINE(&f.cx, add_row(&f.cx, 1, "c"));
        FINE(&f.cx, add_row(&f.cx, 3, "d"));
        FAILS(&f.cx, ERR_CONFLICT, "unique", sql_commit(&f.cx));
        CHECK(!sql_standing(&f.cx));
        FAILS(&f.cx, ERR_STORAGE, "transaction_failed", sql_commit(&f.cx));
        FAILS(&f.cx, ERR_STORAGE, "transaction_failed", add(&f.cx, 4, "e"));
        sql_rollback(&f.cx);
        CHECK_EQ_INT(count(&f.cx), 1);
    }
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add_row(&f.cx, 7, "g"));
    FINE(&f.cx, sql_commit(&f.cx));
    fixture_close(&f);
}

TEST_DB(guards_stop_commits, "a guard that touches no row keeps its transaction from committing")
{
    static const char guard[] = "update item set number = ?1 where id = ?2";
    struct fixture f;
    enum err err;

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, add(&f.cx, 1, "a"));
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, sql_send_guard(&f.cx, guard, BIND(INT(5), INT(1))));
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK_EQ_INT(fixture_int(&f.cx, "select number from item"), 5);
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add_row(&f.cx, 2, "b"));
    err = sql_send_guard(&f.cx, guard, BIND(INT(6), INT(99)));
    if (err == OK)
        err = sql_commit(&f.cx);
    FAILS(&f.cx, ERR_CONFLICT, "guard", err ? (fail_record(&f.cx, err, "none", "-"), err) : OK);
    sql_rollback(&f.cx);
    CHECK_EQ_INT(count(&f.cx), 1);
    fixture_close(&f);
}

/* ---- Faults on demand ---- */

static int fault_in; /* Statements until one fails. */

static bool fault(void)
{
    return fault_in-- == 1;
}

/* All that a batch does. */
static enum err batch(struct cx *cx)
{
    struct item key = {.id = 1};
    const void *row = &key;

    TRY(sql_begin(cx));
    TRY(add_row(cx, 1, "a"));
    TRY(sql_savepoint(cx));
    TRY(add(cx, 2, "b"));
    TRY(sql_savepoint_release(cx));
    TRY(sql_savepoint(cx));
    TRY(sql_savepoint_rollback(cx));
    TRY(sql_rows_write(cx, &item_table, ROW_UPSERT, &row, 1));
    TRY(sql_sync(cx));
    TRY(sql_send_guard(cx, "update item set number = 1 where id = ?1", BIND(INT(2))));
    return sql_commit(cx);
}

TEST_DB(each_statement_may_fail,
        "whichever statement fails, nothing is kept and the next try works")
{
    struct fixture f;
    enum err err = ERR_STORAGE;
    int tries = 0;

    fixture_open(&f, db);
    fixture_items(&f);
    sql_fault = fault;
    while (err != OK) {
        fault_in = ++tries;
        err = batch(&f.cx);
        if (err == OK)
            break;
        fault_in = 0;
        CHECK_SAY(strcmp(f.cx.problem.code, "fault_injected") == 0, "try %d: %s: %s", tries,
                  f.cx.problem.code, f.cx.problem.detail);
        CHECK_EQ_INT(err, ERR_STORAGE);
        fail_clear(&f.cx);
        sql_rollback(&f.cx);
        CHECK_EQ_INT(count(&f.cx), 0);
        CHECK(tries < 100);
    }
    fault_in = 0;
    CHECK(tries > 10); /* As many as batch has statements, and one. */
    CHECK_EQ_INT(count(&f.cx), 2);
    sql_fault = NULL;
    fixture_close(&f);
}

TEST_DB(statements_are_counted, "sql_statements counts what was executed")
{
    struct fixture f;
    uint64_t before;

    fixture_open(&f, db);
    fixture_items(&f);
    before = sql_statements(f.cx.db);
    FINE(&f.cx, add(&f.cx, 1, "a"));
    CHECK_EQ_INT(sql_statements(f.cx.db) - before, 1);
    FINE(&f.cx, sql_begin(&f.cx));
    FINE(&f.cx, add(&f.cx, 2, "b"));
    FINE(&f.cx, sql_commit(&f.cx));
    CHECK_EQ_INT(sql_statements(f.cx.db) - before, 4);
    fixture_close(&f);
}

/* ---- Memory ---- */

/* Run once with so much memory; true when it was enough. */
static bool within(struct cx *cx, size_t bytes)
{
    static const char sql[] = "select id, name from item order by id";
    static const struct field fields[] = {F(item, id), F(item, name), F_END};
    volatile bool enough = false; /* Set behind setjmp. */
    struct list rows;
    jmp_buf exhausted;

    arena_reset(&cx->arena);
    cx->arena.budget_bytes = bytes;
    cx->arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0) {
        FINE(cx, sql_raw_all(cx, fields, sizeof(struct item), &rows, sql, NO_BINDS));
        CHECK_EQ_INT(rows.count, 50);
        enough = true;
    }
    cx->arena.exhausted = NULL;
    return enough;
}

TEST_DB(spent_memory_unwinds_cleanly,
        "a read that runs out of memory leaves a connection that works")
{
    struct fixture f;
    size_t bytes = 0;
    char name[100];

    fixture_open(&f, db);
    fixture_items(&f);
    FINE(&f.cx, sql_begin(&f.cx));
    for (int k = 0; k < 50; k++) {
        snprintf(name, sizeof(name), "a name of some length: %060d", k);
        FINE(&f.cx, add(&f.cx, k, name));
    }
    for (; !within(&f.cx, bytes); bytes += 512) {
        f.cx.arena.budget_bytes = FIXTURE_CX_BYTES;
        CHECK(sql_standing(&f.cx));
        CHECK_EQ_INT(count(&f.cx), 50);
    }
    CHECK(bytes > 50 * sizeof(struct item));
    f.cx.arena.budget_bytes = FIXTURE_CX_BYTES;
    (void)within(&f.cx, 1000);
    f.cx.arena.budget_bytes = FIXTURE_CX_BYTES;
    FINE(&f.cx, sql_commit(&f.cx)); /* First thing after an unwind. */
    (void)within(&f.cx, 1000);
    f.cx.arena.budget_bytes = FIXTURE_CX_BYTES;
    fixture_close(&f);
}
