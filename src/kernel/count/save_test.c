/*
 * save_test.c - what is left of the counts when the process ends, in whatever way.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/count/fixture.h"

static void reopen(struct fixture *f)
{
    fixture_restart(f);
    CHECK_SAY(fixture_open_space(f) == OK, "%s", f->problem.detail);
}

TEST_DB(count_restart, "counters of every window are what they were after a restart")
{
    struct fixture *f = fixture_open(db, NULL);
    struct count_ask asks[COUNT_WINDOWS * 2];
    int count = 0;

    for (int w = COUNT_MINUTE; w < COUNT_WINDOWS; w++)
        for (int sliding = 0; sliding < (w == COUNT_LIFETIME ? 1 : 2); sliding++) {
            asks[count] = cap("key 'with \"signs\" \xe4\xb8\xad", (enum count_window)w, 200);
            asks[count++].sliding = sliding;
        }
    for (int n = 0; n < 150; n++) {
        for (int k = 0; k < count; k++) {
            asks[k].amount = 1 + n % 2;
            (void)take(f, &asks[k]);
        }
        f->now_ms += 10;
    }
    for (int k = 0; k < count; k++)
        asks[k].used = used_of(f, asks[k]);
    reopen(f);
    for (int k = 0; k < count; k++) {
        CHECK(asks[k].used > 100);
        CHECK_EQ_INT(used_of(f, asks[k]), asks[k].used);
    }
    f->now_ms += MINUTE_MS; /* Windows go on. */
    reopen(f);
    CHECK_EQ_INT(used_of(f, asks[0]), 0);
    CHECK_EQ_INT(used_of(f, asks[1]), 0);
    CHECK_EQ_INT(used_of(f, asks[3]), 200);
    fixture_close(f);
}

/* ---- Death ---- */

/* In a process of its own: takes 5, which become due and are saved, then 3 more. */
static void take_and_die(struct fixture *f)
{
    struct count_ask ask = cap("a", COUNT_LIFETIME, 100),
                     sliding = sliding_cap("a", COUNT_DAY, 100);

    fixture_platform(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    for (int k = 0; k < 8; k++) {
        CHECK(take(f, &ask));
        CHECK(take(f, &sliding));
        if (k != 4)
            continue;
        f->now_ms += SAVE_DELAY_MS - 1;
        CHECK(counters_due_ms(f->space) > f->now_ms);
        f->now_ms++;
        CHECK(counters_due_ms(f->space) <= f->now_ms);
        settle(f);
        CHECK_EQ_INT(counters_due_ms(f->space), INT64_MAX);
    }
    raise(SIGKILL);
}

TEST_DB(count_kill, "kill -9 loses what was counted since the last saving, which is due in 250 ms")
{
    struct fixture *f = fixture_open(db, NULL);
    int status;
    pid_t child;

    platform_close(&f->platform);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        take_and_die(f);
        _exit(1);
    }
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ_INT(WTERMSIG(status), SIGKILL);
    static_assert(SAVE_DELAY_MS * 2 <= COUNT_LOSS_MS_MAX, "what the header promises");
    fixture_platform(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    CHECK_EQ_INT(used_of(f, cap("a", COUNT_LIFETIME, 1)), 5);
    CHECK_EQ_INT(used_of(f, sliding_cap("a", COUNT_DAY, 1)), 5);
    fixture_close(f);
}

/* With the threads of a server: the writer wakes by itself. */
static void serve_and_die(struct fixture *f)
{
    struct platform_options options = {
        .data_dir = f->data_dir, .modules = f->modules, .has_master_key = true};
    struct counters_stats stats = {.unsaved = 1};
    struct count_ask ask = cap("a", COUNT_LIFETIME, 100);

    memcpy(options.master_key, f->master_key, sizeof(options.master_key));
    CHECK_EQ_INT(platform_open(&f->platform, &options, &f->problem), OK);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    f->now_ms = env_system()->wall_ms(env_system());
    for (int k = 0; k < 7; k++)
        CHECK(take(f, &ask));
    while (stats.unsaved > 0 || counters_due_ms(f->space) != INT64_MAX)
        counters_stats(f->space, &stats);
    CHECK_EQ_INT(take(f, &ask), true); /* Saved again, or lost. */
    while (atomic_load(&f->space->writing) && counters_due_ms(f->space) != INT64_MAX)
        continue;
    raise(SIGKILL);
}

TEST(count_kill_threads, "a server's writer saves counts without being asked")
{
    struct fixture *f = fixture_open("sqlite", NULL);
    int64_t used;
    int status;
    pid_t child;

    platform_close(&f->platform);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        serve_and_die(f);
        _exit(1);
    }
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    fixture_platform(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    used = used_of(f, cap("a", COUNT_LIFETIME, 1));
    CHECK_SAY(used == 7 || used == 8, "%d",
              (int)used); /* The last may still have been on its way. */
    fixture_close(f);
}

/* ---- Faults ---- */

static int fail_in;
static bool fired;

static bool fault(void)
{
    if (fail_in == 0 || --fail_in > 0)
        return false;
    fired = true;
    return true;
}

TEST_DB(count_faults, "whichever statement of a saving fails, it is saved a little later")
{
    struct fixture *f = fixture_open(db, NULL);
    struct count_ask asks[] = {cap("a", COUNT_LIFETIME, 1000), sliding_cap("b", COUNT_DAY, 1000)};
    int taken = 0;

    settle(f);
    sql_fault = fault;
    fired = true;
    for (int nth = 1; fired; nth++) {
        CHECK(take_all(f, asks, 2).taken);
        taken++;
        f->now_ms += SAVE_DELAY_MS;
        fired = false;
        fail_in = nth;
        settle(f);
        fail_in = 0;
        f->now_ms += 2 * SECOND_MS; /* Beyond every pause after a failure. */
        settle(f);
        CHECK_EQ_INT(counters_due_ms(f->space), INT64_MAX);
    }
    CHECK(taken > 3);
    sql_fault = NULL;
    for (int k = 0; k < SHARDS; k++) /* So that closing saves nothing. */
        CHECK_EQ_INT(f->space->counters->shards[k].dirty_count, 0);
    reopen(f);
    CHECK_EQ_INT(used_of(f, asks[0]), taken);
    CHECK_EQ_INT(used_of(f, asks[1]), taken);
    fixture_close(f);
}

/* ---- Many, old and damaged rows ---- */

TEST_DB(count_many, "more counters than one commit takes are saved, and loaded page by page")
{
    struct fixture *f = fixture_open(db, NULL);
    char key[40];

    for (int k = 0; k < 5 * SAVE_ROWS_MAX; k++) {
        struct count_ask ask;

        snprintf(key, sizeof(key), "user-%d", k);
        ask = cap(key, k % 3 ? COUNT_MONTH : COUNT_LIFETIME, 9);
        CHECK(take(f, &ask));
    }
    f->now_ms += SAVE_DELAY_MS;
    settle(f);
    reopen(f);
    for (int k = 0; k < 5 * SAVE_ROWS_MAX; k++) {
        snprintf(key, sizeof(key), "user-%d", k);
        CHECK_EQ_INT(used_of(f, cap(key, k % 3 ? COUNT_MONTH : COUNT_LIFETIME, 9)), 1);
    }
    fixture_close(f);
}

static enum err count_rows(struct cx *cx, void *argument)
{
    return sql_int(cx, argument, 0, "select count(*) from kernel_count", NO_BINDS);
}

static enum err purge(struct cx *cx, void *argument)
{
    return counters_purge(cx, argument);
}

TEST_DB(count_purge, "rows are forgotten a day after their window ended")
{
    struct fixture *f = fixture_open(db, NULL);
    struct count_ask asks[] = {cap("a", COUNT_MINUTE, 9), cap("a", COUNT_LIFETIME, 9)};
    int64_t rows;
    bool more;

    CHECK(take_all(f, asks, 2).taken);
    f->now_ms += SAVE_DELAY_MS;
    settle(f);
    COMMAND(f, purge, &more, OK);
    READ(f, count_rows, &rows, OK);
    CHECK_EQ_INT(rows, 2);
    f->now_ms += DAY_MS + MINUTE_MS;
    COMMAND(f, purge, &more, OK);
    READ(f, count_rows, &rows, OK);
    CHECK_EQ_INT(rows, 1);
    fixture_close(f);
}

TEST(count_damaged, "a row that makes no sense is logged and left out; the space opens")
{
    static const char *const damage[] = {
        "insert into kernel_count values ('a', 99, 1, 0, 9000000000000000000, 0, '')",
        "insert into kernel_count values ('b', 5, -1, 0, 9000000000000000000, 1, '')",
        "insert into kernel_count values ('', 5, 1, 0, 9000000000000000000, 1, '')",
        "insert into kernel_count values ('c', 18, 2, 0, 9000000000000000000, 0, '5 1 5 1 ')",
        "insert into kernel_count values ('d', 18, 2, 0, 9000000000000000000, 0, '5 1')",
        "insert into kernel_count values ('g', 18, 1, 0, 9000000000000000000, 0,"
        " '-9223372036854775808 1 ')",
        "insert into kernel_count values ('h', 18, 1, 0, 9000000000000000000, 0,"
        " '9223372036854775807 1 ')",
        "insert into kernel_count values ('e', 18, 1, 0, 9000000000000000000, 0, 'x')",
        "insert into kernel_count values ('f', 21, 1, 0, 9000000000000000000, 0, '5 1 ')"};
    struct fixture *f = fixture_open("sqlite", NULL);
    struct count_ask ask = cap("z", COUNT_DAY, 9);
    struct counters_stats stats;

    CHECK(take(f, &ask));
    for (size_t k = 0; k < sizeof(damage) / sizeof(damage[0]); k++)
        TAMPER(f, damage[k]);
    reopen(f);
    counters_stats(f->space, &stats);
    CHECK_EQ_INT(stats.entries, 1);
    CHECK_EQ_INT(used_of(f, ask), 1);
    fixture_close(f);
}

TEST_DB(count_clock_back_over_restart,
        "a clock that went back while the process was down locks little")
{
    struct fixture *f = fixture_open(db, NULL);
    struct count_ask day = cap("a", COUNT_DAY, 1), sliding = sliding_cap("a", COUNT_HOUR, 1);

    CHECK(take(f, &day));
    CHECK(take(f, &sliding));
    platform_close(&f->platform);
    f->now_ms -= 30 * DAY_MS;
    fixture_platform(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    CHECK(!take(f, &day));
    CHECK(day.retry_after_ms <= DAY_MS);
    CHECK(!take(f, &sliding));
    CHECK_EQ_INT(sliding.retry_after_ms, HOUR_MS);
    fixture_close(f);
}

/* ---- Another process takes over ---- */

TEST_DB(count_takeover, "a process that becomes the writer keeps, of two counts, the larger")
{
    struct count_ask asks[] = {cap("a", COUNT_LIFETIME, 100), cap("b", COUNT_LIFETIME, 100),
                               sliding_cap("c", COUNT_DAY, 100)};
    struct fixture *f = fixture_open(db, NULL), *heir;

    if (strcmp(db, "sqlite") == 0) { /* Two processes on one file: the second does not open. */
        fixture_close(f);
        test_skip("only PostgreSQL is shared by processes");
    }
    heir = calloc(1, sizeof(*heir));
    CHECK(heir != NULL);
    *heir = *f;
    heir->space = NULL;
    fixture_platform(heir);
    CHECK_EQ_INT(fixture_open_space(heir), OK);
    for (int k = 0; k < 3; k++)
        CHECK(take_all(f, asks, 3).taken);
    CHECK(take(f, &asks[2]));
    for (int k = 0; k < 5; k++)
        CHECK(take(heir, &asks[1]));
    heir->now_ms += SECOND_MS;
    settle(heir); /* Not the writer: it saves nothing. */
    fixture_close(f);
    for (int k = 0; k < 20 && !atomic_load(&heir->space->writing); k++) {
        heir->now_ms += SECOND_MS;
        settle(heir);
    }
    CHECK(atomic_load(&heir->space->writing));
    CHECK_EQ_INT(used_of(heir, asks[0]), 3);
    CHECK_EQ_INT(used_of(heir, asks[1]), 5);
    CHECK_EQ_INT(used_of(heir, asks[2]), 4);
    heir->now_ms += SECOND_MS;
    settle(heir);
    reopen(heir);
    CHECK_EQ_INT(used_of(heir, asks[1]), 5);
    fixture_close(heir);
}
