/*
 * sqlite_test.c - what is SQLite's own: durability, full disks, damaged files, other processes.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/sql/fixture.h"

static enum err add(struct cx *cx, int64_t id, struct str data)
{
    struct item item = {.id = id, .data = data};
    const void *row = &item;

    return sql_rows_write(cx, &item_table, ROW_INSERT, &row, 1);
}

TEST(durability_is_on, "a writing connection has a write-ahead log that is synced at each commit")
{
    static const struct field fields[] = {F(item, name), F_END};
    struct fixture f;
    struct list rows;

    fixture_open(&f, "sqlite");
    FINE(&f.cx,
         sql_raw_all(&f.cx, fields, sizeof(struct item), &rows, "pragma journal_mode", NO_BINDS));
    CHECK_EQ_TEXT(LIST_AT(rows, struct item, 0)->name, "wal");
    CHECK_EQ_INT(fixture_int(&f.cx, "pragma synchronous"), 2);
    CHECK_EQ_INT(fixture_int(&f.cx, "pragma foreign_keys"), 0);
    CHECK_EQ_INT(fixture_int(&f.cx, "pragma cache_size"), -2048);
    CHECK_EQ_INT(fixture_int(&f.cx, "pragma busy_timeout"), 5000);
    CHECK_EQ_INT(fixture_int(&f.cx, "pragma mmap_size"), 0);
    CHECK_EQ_INT(fixture_int(&f.cx, "pragma trusted_schema"), 0);
    fixture_close(&f);
}

TEST(tables_are_strict, "a table made by a script refuses a value of the wrong type")
{
    struct fixture f;

    fixture_open(&f, "sqlite");
    fixture_items(&f);
    FAILS(&f.cx, ERR_STORAGE, "constraint",
          sql_raw_run(&f.cx, NULL, "insert into item (id, number) values (1, 'x')", NO_BINDS));
    fixture_close(&f);
}

static void refused(const char *url, bool read_only, const char *code, const char *says)
{
    struct sql_options options = {.url = url, .read_only = read_only};
    struct problem problem;
    struct sql *db = (struct sql *)&problem;

    CHECK_EQ_INT(sql_open(&db, &options, &problem), ERR_STORAGE);
    CHECK(db == NULL);
    CHECK_EQ_STR(problem.code, code);
    CHECK_SAY(strstr(problem.detail, says), "%s", problem.detail);
}

TEST(bad_files_are_refused, "a file that cannot be a durable database is refused with advice")
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof(path), "%s/none/test.db", test_dir());
    refused(path, false, "cannot_open", "check that the folder exists");
    snprintf(path, sizeof(path), "%s/none.db", test_dir());
    refused(path, true, "cannot_open", path);
    CHECK(access(path, F_OK) != 0);
    refused(":memory:", false, "not_durable", "local disk");
    snprintf(path, sizeof(path), "%s/text.db", test_dir());
    file = fopen(path, "w");
    CHECK(file != NULL);
    for (int k = 0; k < 1000; k++)
        fputs("this is no database\n", file);
    CHECK_EQ_INT(fclose(file), 0);
    refused(path, false, "corrupt", "restore a backup");
}

TEST(damage_is_reported, "a damaged page is reported as damage")
{
    struct fixture f;
    static const char junk[4096] = {0x7f};
    FILE *file;
    enum err err = OK;

    fixture_open(&f, "sqlite");
    fixture_items(&f);
    for (int k = 0; k < 2000; k++)
        FINE(&f.cx, add(&f.cx, k, STR("some data to fill a page with, and then another one")));
    sql_close(f.cx.db); /* Moves the log into the file. */
    file = fopen(f.url, "r+");
    CHECK(file != NULL);
    for (long page = 2; page < 20; page++) {
        CHECK_EQ_INT(fseek(file, page * (long)sizeof(junk), SEEK_SET), 0);
        CHECK_EQ_INT(fwrite(junk, sizeof(junk), 1, file), 1);
    }
    CHECK_EQ_INT(fclose(file), 0);
    cx_close(&f.cx);
    fixture_more(&f, &f.cx, (struct sql_options){0});
    err = sql_raw_run(&f.cx, NULL, "select sum(length(data)) from item", NO_BINDS);
    CHECK_EQ_INT(err, ERR_STORAGE);
    CHECK_EQ_STR(f.cx.problem.code, "corrupt");
    CHECK_SAY(strstr(f.cx.problem.detail, f.url), "%s", f.cx.problem.detail);
    fixture_close(&f);
}

TEST(full_disks_are_reported, "a full disk is reported, and whether the transaction survived it")
{
    enum { LEN = 64 << 10 };
    char *text = malloc(LEN);
    struct fixture f;
    enum err err = OK;
    int64_t id = 1;

    CHECK(text != NULL);
    memset(text, 'x', LEN);
    fixture_open(&f, "sqlite");
    fixture_items(&f);
    FINE(&f.cx, add(&f.cx, 0, STR("kept")));
    (void)fixture_int(&f.cx, "pragma max_page_count = 300");
    FINE(&f.cx, sql_begin(&f.cx));
    while (err == OK && id < 100)
        err = add(&f.cx, id++, (struct str){text, LEN});
    CHECK_EQ_INT(err, ERR_DISK_FULL);
    CHECK_EQ_STR(f.cx.problem.code, "disk_full");
    fail_clear(&f.cx);
    if (sql_standing(&f.cx)) { /* Only the statement was undone: the rest may commit. */
        FINE(&f.cx, sql_commit(&f.cx));
        CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), id - 1);
    } else {
        FAILS(&f.cx, ERR_STORAGE, "transaction_lost", sql_commit(&f.cx));
        CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), 1);
    }
    fixture_close(&f);
    free(text);
}

TEST(interrupted_writes_lose_all, "a write that is cut rolls all back, and sql_standing says so")
{
    struct fixture f;
    struct cx writer;

    fixture_open(&f, "sqlite");
    fixture_items(&f);
    fixture_more(&f, &writer, (struct sql_options){.statement_ms_max = 50});
    FINE(&writer, sql_begin(&writer));
    FINE(&writer, add(&writer, 1, STR("a")));
    FINE(&writer, sql_savepoint(&writer));
    FAILS(&writer, ERR_TIMEOUT, "statement_timeout",
          sql_raw_run(&writer, NULL,
                      "with recursive n(i) as (select 2 union all select i + 1 from n)"
                      " insert into item (id) select i from n",
                      NO_BINDS));
    CHECK(!sql_standing(&writer));
    FAILS(&writer, ERR_STORAGE, "transaction_lost", sql_savepoint_rollback(&writer));
    sql_rollback(&writer);
    CHECK_EQ_INT(fixture_int(&writer, "select count(*) from item"), 0);
    fixture_less(&writer);
    fixture_close(&f);
}

TEST(two_writers_do_not_mix, "a second writer waits, then is told that the database is busy",
     .slow = true)
{
    struct fixture f;
    struct cx other;

    fixture_open(&f, "sqlite");
    fixture_more(&f, &other, (struct sql_options){0});
    FINE(&f.cx, sql_begin(&f.cx));
    FAILS(&other, ERR_BUSY, "database_busy", sql_begin(&other)); /* After five seconds. */
    CHECK(!sql_standing(&other));
    FINE(&f.cx, sql_commit(&f.cx));
    FINE(&other, sql_begin(&other));
    sql_rollback(&other);
    fixture_less(&other);
    fixture_close(&f);
}
