/*
 * migrate_test.c - migrations, on both databases.
 */
#include <pthread.h>

#include "kernel/sql/fixture.h"

#define FIRST "create table a (id bigint not null primary key, name text);"
#define SECOND                                                                                     \
    "alter table a add column more bigint not null default 0; insert into a (id) values (1);"

static const struct migration two[] = {{"001_first", FIRST}, {"002_second", SECOND}, {0}};

TEST_DB(migrations_run_once, "each migration runs once, in order, and is recorded")
{
    struct fixture f;

    fixture_open(&f, db);
    FINE(&f.cx, sql_migrate(&f.cx, "shop", (struct migration[]){{"001_first", FIRST}, {0}}));
    FINE(&f.cx, sql_migrate(&f.cx, "shop", two));
    FINE(&f.cx, sql_migrate(&f.cx, "shop", two));
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from a"), 1);
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from grevy_migration"), 2);
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from grevy_migration where owner = 'shop'"
                                    " and name = '002_second' and length(checksum) = 64"),
                 1);
    CHECK(!sql_standing(&f.cx));
    fixture_close(&f);
}

TEST_DB(owners_are_apart, "the migrations of two owners may have the same names")
{
    static const struct migration other[] = {{"001_first", "create table b (id bigint);"}, {0}};
    struct fixture f;

    fixture_open(&f, db);
    FINE(&f.cx, sql_migrate(&f.cx, "shop", two));
    FINE(&f.cx, sql_migrate(&f.cx, "stock", other));
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from b"), 0);
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from grevy_migration"), 3);
    fixture_close(&f);
}

TEST_DB(changed_migrations_stop, "a migration that was changed afterwards is refused and named")
{
    static const struct migration changed[] = {
        {"001_first", FIRST " -- harmless?"}, {"002_second", SECOND}, {0}};
    struct fixture f;

    fixture_open(&f, db);
    FINE(&f.cx, sql_migrate(&f.cx, "shop", two));
    CHECK_EQ_INT(sql_migrate(&f.cx, "shop", changed), ERR_CONFLICT);
    CHECK(strstr(f.cx.problem.detail, "001_first of shop"));
    CHECK(strstr(f.cx.problem.detail, "restore the file"));
    fail_clear(&f.cx);
    FAILS(&f.cx, ERR_CONFLICT, "migration_changed", sql_migrate(&f.cx, "shop", changed));
    CHECK(!sql_standing(&f.cx));
    FINE(&f.cx, sql_migrate(&f.cx, "shop", two));
    fixture_close(&f);
}

TEST_DB(late_migrations_stop, "a migration that slips in front of one applied is refused")
{
    static const struct migration second[] = {{"002_second", FIRST}, {0}};
    static const struct migration both[] = {{"001_first", FIRST}, {"002_second", FIRST}, {0}};
    struct fixture f;

    fixture_open(&f, db);
    FINE(&f.cx, sql_migrate(&f.cx, "shop", second));
    FAILS(&f.cx, ERR_CONFLICT, "migration_order", sql_migrate(&f.cx, "shop", both));
    fixture_close(&f);
}

TEST_DB(newer_databases_are_accepted, "a program runs on a database that knows one migration more")
{
    static const struct migration one[] = {{"001_first", FIRST}, {0}};
    struct fixture f;

    fixture_open(&f, db);
    FINE(&f.cx, sql_migrate(&f.cx, "shop", two));
    FINE(&f.cx, sql_migrate(&f.cx, "shop", one));
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from grevy_migration"), 2);
    fixture_close(&f);
}

TEST_DB(failed_migrations_leave_nothing, "a migration that fails leaves nothing and says where")
{
    static const struct migration broken[] = {
        {"001_first", FIRST},
        {"002_broken", "create table b (id bigint); insert into b values (1); insert into c"
                       " values (1);"},
        {"003_third", "create table d (id bigint);"},
        {0}};
    struct fixture f;

    fixture_open(&f, db);
    CHECK_EQ_INT(sql_migrate(&f.cx, "shop", broken), ERR_STORAGE);
    CHECK(strstr(f.cx.problem.detail, "002_broken of shop"));
    fail_clear(&f.cx);
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from grevy_migration"), 1);
    FINE(&f.cx, sql_script(&f.cx, "create table b (id bigint); create table d (id bigint);"));
    fixture_close(&f);
}

static int fault_in;

static bool fault(void)
{
    return fault_in-- == 1;
}

TEST_DB(migrations_survive_faults, "whichever statement fails, migrating again completes")
{
    struct fixture f;
    int tries = 0;

    fixture_open(&f, db);
    sql_fault = fault;
    do {
        fail_clear(&f.cx);
        fault_in = ++tries;
        CHECK(tries < 100);
    } while (sql_migrate(&f.cx, "shop", two) != OK);
    fault_in = 0;
    CHECK(tries > 5);
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from a"), 1);
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from grevy_migration"), 2);
    sql_fault = NULL;
    fixture_close(&f);
}

struct racer {
    struct cx cx;
    pthread_t thread;
    enum err err;
};

static void *race(void *argument)
{
    struct racer *racer = argument;

    racer->err = sql_migrate(&racer->cx, "shop", two);
    return NULL;
}

TEST_DB_THREADS(processes_take_turns, "migrations started at once by four connections run once")
{
    struct racer racers[4];
    struct fixture f;

    fixture_open(&f, db);
    for (int k = 0; k < 4; k++)
        fixture_more(&f, &racers[k].cx, (struct sql_options){0});
    for (int k = 0; k < 4; k++)
        CHECK_EQ_INT(pthread_create(&racers[k].thread, NULL, race, &racers[k]), 0);
    for (int k = 0; k < 4; k++) {
        pthread_join(racers[k].thread, NULL);
        CHECK_SAY(racers[k].err == OK, "%s", racers[k].cx.problem.detail);
        fixture_less(&racers[k].cx);
    }
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from a"), 1);
    fixture_close(&f);
}
