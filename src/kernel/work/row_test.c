/*
 * row_test.c - rows added and deleted within one command.
 */
#include "kernel/work/space.h"
#include "test/kit/mini.h"

struct brief_row {
    int64_t id, number;
};
static const struct field brief_fields[] = {F(brief_row, id), F(brief_row, number), F_END};
static const struct table brief_table = TABLE("brief_row", brief_row, brief_fields, 1);

static const struct migration brief_schema[] = {
    {"001_brief",
     "create table brief_row (id bigint not null primary key, number bigint not null);\n"},
    {NULL, NULL}};
static const struct module brief_module = {.name = "brief", .schema = brief_schema};
static const struct module *const modules[] = {&brief_module, NULL};

static enum err add(struct cx *cx, void *id)
{
    return row_add(cx, &brief_table, &(struct brief_row){.id = *(int64_t *)id, .number = 1});
}

static enum err add_and_delete(struct cx *cx, void *id)
{
    TRY(add(cx, id));
    return row_delete(cx, &brief_table, &(struct brief_row){.id = *(int64_t *)id});
}

TEST_DB(row_added_then_deleted,
        "a row added and deleted at once leaves nothing, and takes nobody else's key")
{
    struct mini *mini = mini_open_modules(db, modules);
    struct space *space = mini_space(mini);
    struct problem problem;
    int64_t one = 1, two = 2;

    CHECK(space_command(space, add, &one, &problem) == OK);
    CHECK_EQ_INT(space_command(space, add_and_delete, &one, &problem), ERR_CONFLICT);
    CHECK_EQ_STR(problem.code, "unique");
    CHECK_EQ_INT(space_command(space, add_and_delete, &two, &problem), OK);
    CHECK_EQ_INT(mini_count(mini, "select count(*) from brief_row"), 1);
    mini_close(mini);
}
