/*
 * sqlite_sync_test.c - syncs that fail, processes that die before theirs: what was committed after
 * them is on the disk.
 */
#include "kernel/sql/fixture.h"
#include "test/kit/disk.h"

static enum err add(struct cx *cx, int64_t id)
{
    struct item item = {.id = id, .data = STR("{}")};
    const void *row = &item;
    enum err err;

    TRY(sql_begin(cx));
    err = sql_rows_write(cx, &item_table, ROW_INSERT, &row, 1);
    if (err == OK)
        err = sql_commit(cx);
    if (err != OK)
        sql_rollback(cx);
    return err;
}

static void open_again(struct fixture *f)
{
    struct sql_options options = {.url = f->url};
    struct problem problem;
    enum err err;

    sql_close(f->cx.db);
    err = sql_open(&f->cx.db, &options, &problem);
    CHECK_SAY(err == OK, "%s", problem.detail);
}

/* The power goes, and comes back. */
static void cut(struct fixture *f)
{
    disk_cut_after(1, DISK_POWER);
    CHECK(add(&f->cx, -1) != OK);
    fail_clear(&f->cx);
    CHECK(disk_is_off());
    open_again(f);
}

TEST(sqlite_failed_sync, "what is committed after a sync that failed outlives the power")
{
    enum { SEEDS = 40 };
    struct fixture f;

    for (int seed = 1; seed <= SEEDS; seed++) {
        disk_install((uint64_t)seed, NULL);
        fixture_open(&f, "sqlite");
        fixture_items(&f);
        FINE(&f.cx, add(&f.cx, 1));
        disk_fail(DISK_SYNC, 1);
        FAILS(&f.cx, ERR_STORAGE, "disk", add(&f.cx, 2));
        FINE(&f.cx, add(&f.cx, 3));
        cut(&f);
        CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item where id in (1, 3)"), 2);
        fixture_close(&f);
    }
}

TEST(sqlite_unsynced_log,
     "what a killed process left in the log, and the next one has shown, stays")
{
    enum { SEEDS = 40, WRITES = 12 };
    struct fixture f;
    int shown = 0;

    for (int seed = 1; seed <= SEEDS * WRITES; seed++) {
        int64_t before;

        disk_install((uint64_t)seed, NULL);
        fixture_open(&f, "sqlite");
        fixture_items(&f);
        FINE(&f.cx, add(&f.cx, 1));
        disk_cut_after(1 + seed % WRITES, DISK_KILL);
        while (!disk_is_off() && add(&f.cx, 2 + seed) == OK)
            disk_cut_after(1, DISK_KILL);
        fail_clear(&f.cx);
        open_again(&f);
        FINE(&f.cx, sql_begin(&f.cx));
        before = fixture_int(&f.cx, "select count(*) from item");
        sql_rollback(&f.cx);
        shown += before == 2;
        cut(&f);
        CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), before);
        fixture_close(&f);
    }
    CHECK(shown > 0);
}
