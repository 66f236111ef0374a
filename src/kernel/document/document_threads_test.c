/*
 * document_threads_test.c - two processes of one space, as two platforms: what one publishes the
 * other has in force soon, while decisions of both go on.
 */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#include "kernel/base/epoch.h"
#include "kernel/document/fixture.h"
#include "kernel/document/publish.h"

enum { DECIDERS = 3, PUBLICATIONS = 12, WAIT_MS_MAX = 20000 };

struct pair_of {
    struct platform writer, follower;
    struct space *written, *followed;
};

static void open_platform(struct platform *platform, struct space **space,
                          const struct platform_options *options, bool create)
{
    struct problem problem;

    CHECK_SAY(platform_open(platform, options, &problem) == OK, "%s", problem.detail);
    if (create)
        CHECK_SAY(space_create(platform, STR("shop"), &problem) == OK, "%s", problem.detail);
    CHECK_SAY(space_open(platform, STR("shop"), space, &problem) == OK, "%s", problem.detail);
}

static void open_pair(struct pair_of *pair, const char *db)
{
    static const struct module *const modules[] = {&prices_module, NULL};
    static char prefix[64];
    struct platform_options options = {.modules = modules, .has_master_key = true};

    CHECK(sodium_init() >= 0);
    snprintf(prefix, sizeof(prefix), "%s_", test_unique());
    options.data_dir = test_dir();
    options.db_url = strcmp(db, "sqlite") == 0 ? NULL : db;
    options.schema_prefix = prefix;
    open_platform(&pair->writer, &pair->written, &options, true);
    open_platform(&pair->follower, &pair->followed, &options, false);
    CHECK(atomic_load(&pair->written->writing));
    CHECK(!atomic_load(&pair->followed->writing));
}

/* ---- Publishing ---- */

static enum err save_and_publish(struct cx *cx, void *argument)
{
    const int *number = argument;
    struct saved saved = {.collection = STR("probe.price"),
                          .key = STR("tea"),
                          .body = cx_printf(cx, "{\"price\":%d}", *number),
                          .why = STR(""),
                          .based_on = *number - 1};
    struct publish_item item = {
        .collection = saved.collection, .key = saved.key, .share = GREY_WHOLE};
    struct publication_row publication;
    struct version_row row;
    bool added;

    TRY(version_save(cx, &saved, &row, &added));
    item.version = row.version;
    return publish(cx, (struct list){&item, 1}, (struct by){STR("test"), STR("")}, &publication);
}

/* ---- Deciding ---- */

static atomic_bool over;
static atomic_llong decisions;

/* As HTTP threads do: the snapshot is one and the same from its load to the end. */
static int64_t price_in(struct space *space)
{
    struct cx cx = {.space = space};
    const struct document *document;
    int64_t price = 0;

    epoch_enter();
    document = document_find(documents_now(&cx), "probe.price", STR("tea"), (struct str){0});
    if (document) {
        price = *(const int64_t *)document->compiled;
        CHECK_EQ_INT(price, document->version);
    }
    epoch_leave();
    return price;
}

static void *decide(void *argument)
{
    struct pair_of *pair = argument;
    int64_t last[2] = {0, 0};

    while (!atomic_load(&over)) {
        int64_t now[] = {price_in(pair->written), price_in(pair->followed)};

        CHECK(now[0] >= last[0]); /* A snapshot never goes back. */
        CHECK(now[1] >= last[1]);
        last[0] = now[0];
        last[1] = now[1];
        atomic_fetch_add(&decisions, 1);
    }
    return NULL;
}

static void wait_until_seen(struct space *space, int number)
{
    struct env *env = env_system();
    int64_t until_us = env->monotonic_us(env) + (int64_t)WAIT_MS_MAX * 1000;

    while (price_in(space) < number)
        CHECK_SAY(env->monotonic_us(env) < until_us, "publication %d is not seen", number);
    CHECK_EQ_INT(price_in(space), number);
}

static enum err count_reports(struct cx *cx, void *argument)
{
    return sql_int(cx, argument, 0, "select count(*) from kernel_instance where seq = ?1",
                   BIND(INT(PUBLICATIONS)));
}

/* Each tells what it has: a process alone on its database has nobody to tell. */
static void wait_for_reports(struct space *space, int count)
{
    struct env *env = env_system();
    int64_t until_us = env->monotonic_us(env) + (int64_t)WAIT_MS_MAX * 1000, told = -1;
    struct problem problem;

    while (told != count) {
        CHECK_SAY(env->monotonic_us(env) < until_us, "%" PRId64 " processes report", told);
        CHECK(space_read(space, count_reports, &told, &problem) == OK);
    }
}

TEST_DB_THREADS(document_two_processes,
                "what one process publishes the other has in force, while both decide")
{
    pthread_t threads[DECIDERS];
    struct pair_of pair;
    struct problem problem;

    open_pair(&pair, db);
    for (int k = 0; k < DECIDERS; k++)
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, decide, &pair), 0);
    for (int number = 1; number <= PUBLICATIONS; number++) {
        CHECK_SAY(space_command(pair.written, save_and_publish, &number, &problem) == OK, "%s",
                  problem.detail);
        wait_until_seen(pair.written, number);
        wait_until_seen(pair.followed, number);
    }
    atomic_store(&over, true);
    for (int k = 0; k < DECIDERS; k++)
        pthread_join(threads[k], NULL);
    CHECK(atomic_load(&decisions) > 0);
    wait_for_reports(pair.written, strcmp(db, "sqlite") == 0 ? 0 : 2);
    platform_close(&pair.follower);
    platform_close(&pair.writer);
}
