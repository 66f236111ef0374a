/*
 * space_test.c - spaces: made, listed, opened at once, written by one process at a time.
 */
#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel/work/reader.h"
#include "kernel/work/space.h"
#include "test/kit/test.h"

enum { WAIT_S_MAX = 20 };

static const struct module *const no_modules[] = {NULL};

static struct platform *open_platform(const char *db, const char *prefix, bool manual)
{
    struct platform_options options = {
        .modules = no_modules, .schema_prefix = prefix, .manual = manual, .has_master_key = true};
    struct platform *platform = calloc(1, sizeof(*platform));
    struct problem problem;

    CHECK(platform != NULL);
    CHECK(sodium_init() >= 0);
    options.data_dir = test_dir();
    options.db_url = strcmp(db, "sqlite") == 0 ? NULL : db;
    CHECK_SAY(platform_open(platform, &options, &problem) == OK, "%s", problem.detail);
    return platform;
}

static void close_platform(struct platform *platform)
{
    platform_close(platform);
    free(platform);
}

static const char *unique_prefix(void)
{
    static char prefix[64];

    snprintf(prefix, sizeof(prefix), "%s_", test_unique());
    return prefix;
}

TEST_DB(space_made_and_listed, "a space is made once, listed, and found again")
{
    struct platform *platform = open_platform(db, unique_prefix(), true);
    struct problem problem;
    struct space *space;
    struct list names;
    struct cx cx;

    CHECK(space_create(platform, STR("school"), &problem) == OK);
    CHECK(space_create(platform, STR("shop"), &problem) == OK);
    CHECK_EQ_INT(space_create(platform, STR("shop"), &problem), ERR_CONFLICT);
    CHECK_EQ_STR(problem.code, "space_exists");
    CHECK_EQ_INT(space_create(platform, STR("Shop"), &problem), ERR_BAD_INPUT);
    CHECK_EQ_INT(space_create(platform, STR("../x"), &problem), ERR_BAD_INPUT);
    CHECK_EQ_INT(space_create(platform, STR("pg_x"), &problem), ERR_BAD_INPUT);
    CHECK_EQ_INT(space_open(platform, STR("absent"), &space, &problem), ERR_NOT_FOUND);
    cx_open(&cx, platform->env, CX_BYTES_MAX);
    CHECK(space_list(platform, &cx, &names) == OK);
    CHECK_EQ_INT(names.count, 2);
    cx_close(&cx);
    close_platform(platform);
}

/* ---- Opening from the reader threads themselves ---- */

struct opener {
    struct task task;
    struct platform *platform;
    const char *name;
    sem_t *done;
    enum err err;
};

static enum err open_one(struct task *task)
{
    struct opener *opener = (struct opener *)task;
    struct problem problem;
    struct space *space;

    return space_open(opener->platform, str_of(opener->name), &space, &problem);
}

static void opened_one(struct task *task, enum err err)
{
    struct opener *opener = (struct opener *)task;

    opener->err = err;
    sem_post(opener->done);
}

TEST_DB_THREADS(space_opened_by_readers,
                "more first requests than readers, each for another space, all get their space")
{
    static const char *const names[] = {"a", "b", "c", "d"};
    const char *prefix = unique_prefix();
    struct platform *platform = open_platform(db, prefix, true);
    struct opener openers[4] = {0};
    struct problem problem;
    struct timespec until;
    sem_t done;

    for (int k = 0; k < 4; k++)
        CHECK(space_create(platform, str_of(names[k]), &problem) == OK);
    close_platform(platform);
    platform = open_platform(db, prefix, false);
    sem_init(&done, 0, 0);
    for (int k = 0; k < 4; k++) {
        openers[k] = (struct opener){.platform = platform, .name = names[k], .done = &done};
        cx_open(&openers[k].task.cx, platform->env, CX_BYTES_MAX);
        openers[k].task.tx = TX_NONE;
        openers[k].task.run = open_one;
        openers[k].task.done = opened_one;
        CHECK(readers_submit(platform->readers, &openers[k].task) == OK);
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S_MAX;
    for (int k = 0; k < 4; k++)
        CHECK(sem_timedwait(&done, &until) == 0);
    for (int k = 0; k < 4; k++) {
        CHECK_EQ_INT(openers[k].err, OK);
        cx_close(&openers[k].task.cx);
    }
    close_platform(platform);
    sem_destroy(&done);
}

/* ---- One writer ---- */

static enum err nothing(struct cx *cx, void *argument)
{
    (void)cx;
    (void)argument;
    return OK;
}

TEST_DB(space_has_one_writer,
        "a second process reads but does not write; it takes over at once when it may")
{
    const char *prefix = unique_prefix();
    struct platform *first = open_platform(db, prefix, true), *second;
    struct space *a, *b;
    struct problem problem;

    CHECK(space_create(first, STR("shop"), &problem) == OK);
    CHECK(space_open(first, STR("shop"), &a, &problem) == OK);
    second = open_platform(db, prefix, false);
    CHECK_SAY(space_open(second, STR("shop"), &b, &problem) == OK, "%s", problem.detail);
    CHECK(atomic_load(&a->writing));
    CHECK(!atomic_load(&b->writing));
    CHECK(space_command(a, nothing, NULL, &problem) == OK);
    CHECK_EQ_INT(space_command(b, nothing, NULL, &problem), ERR_BUSY);
    CHECK_EQ_STR(problem.code, "not_the_writer");
    CHECK(space_read(b, nothing, NULL, &problem) == OK);
    close_platform(first);
    int64_t until_us = second->env->monotonic_us(second->env) + (int64_t)WAIT_S_MAX * 1000000;

    while (space_command(b, nothing, NULL, &problem) != OK)
        CHECK(second->env->monotonic_us(second->env) < until_us);
    CHECK(atomic_load(&b->writing));
    close_platform(second);
}
