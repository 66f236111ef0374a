/*
 * lease_test.c - the lease between processes: a holder that hangs with rows locked is replaced, and
 * does not take the lease back when it wakes.
 */
#include "kernel/work/writer.h"
#include "test/kit/mini.h"

struct turn {
    int64_t id;
};
static const struct field turn_fields[] = {F(turn, id), F_END};
static const struct table turn_table = TABLE("turn", turn, turn_fields, 1);
static const struct migration turn_schema[] = {
    {"001_turn", "create table turn (id bigint not null primary key);\n"}, {NULL, NULL}};
static const struct module turn_module = {.name = "turn", .schema = turn_schema};
static const struct module *const modules[] = {&turn_module, NULL};

static enum err add(struct cx *cx, void *id)
{
    return row_add(cx, &turn_table, &(struct turn){.id = *(int64_t *)id});
}

static bool writes(struct space *space)
{
    static int64_t id;
    struct problem problem;

    id++;
    return space_command(space, add, &id, &problem) == OK;
}

/* In the middle of a batch: the transaction is open, a row is locked, the lease has run out. */
static void hang(struct mini *mini)
{
    struct writer *writer = mini_space(mini)->writer;
    struct cx *cx = &writer->cx;

    mini_sql(mini, "update kernel_writer set until_ms = 1");
    cx_reset(cx);
    cx->db = writer->db;
    CHECK(sql_begin(cx) == OK);
    CHECK(sql_raw_run(cx, NULL, "update kernel_writer set last_ms = last_ms", NO_BINDS) == OK);
    CHECK(sql_sync(cx) == OK);
}

TEST_DB(lease_hung, "a holder that hangs in a batch is replaced at once, and does not come back")
{
    struct mini *mini = mini_open_modules(db, modules);
    struct platform_options options = mini_platform(mini)->options;
    struct platform second;
    struct problem problem;
    struct space *heir;

    CHECK(platform_open(&second, &options, &problem) == OK);
    CHECK(space_open(&second, str_of(mini_space(mini)->name), &heir, &problem) == OK);
    CHECK(!writes(heir));
    if (strcmp(db, "sqlite") != 0) { /* There who hangs keeps its lock file. */
        mini_sleep_ms(mini, SECOND_MS * 2);
        hang(mini);
        (void)platform_step(&second);
        CHECK(writes(heir));
        sql_rollback(&mini_space(mini)->writer->cx); /* It wakes. */
        for (int k = 0; k < 5; k++) {
            CHECK(!writes(mini_space(mini)));
            CHECK(writes(heir));
            mini_sleep_ms(mini, SECOND_MS);
            (void)platform_step(&second);
        }
    }
    platform_close(&second);
    mini_close(mini);
}

/* The server comes to it now: does the guard let it pass? */
static bool late_commit(struct mini *mini, int64_t fence)
{
    mini_sql(mini, mini_text(mini, "update kernel_writer set until_ms = 42 where fence = %lld",
                             (long long)fence));
    return mini_count(mini, "select until_ms from kernel_writer") == 42;
}

TEST_DB(lease_outrun, "a commit that was declared lost cannot take place later")
{
    struct mini *mini = mini_open_modules(db, modules);
    struct writer *writer = mini_space(mini)->writer;
    int64_t fence = writer->fence, last_id;

    CHECK(writes(mini_space(mini)));
    last_id = writer->last_id;
    CHECK_EQ_INT(lease_fate(writer, last_id), COMMIT_DONE);
    CHECK_EQ_INT(lease_fate(writer, last_id + 1), COMMIT_NOT_DONE);
    CHECK(!late_commit(mini, fence));
    CHECK(late_commit(mini, writer->fence));
    CHECK(writes(mini_space(mini)));
    mini_sql(mini, "update kernel_writer set holder = 'another'");
    CHECK_EQ_INT(lease_fate(writer, last_id + 1), COMMIT_UNKNOWN);
    mini_close(mini);
}
