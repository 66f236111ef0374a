/*
 * http_test.c - a route that decides by counters, over requests; what /statusz tells of them.
 */
#include "kernel/count/count.h"
#include "kernel/count/save.h"
#include "test/kit/mini.h"

/* A decision, inline on the HTTP thread. */
static enum err get_banner(struct req *req)
{
    struct count_ask asks[] = {
        {.key = STR("banner:usr_1"), .window = COUNT_DAY, .limit = 3, .amount = 1},
        {.key = STR("budget"), .window = COUNT_LIFETIME, .limit = 1000, .amount = 100}};
    struct count_answer answer;
    struct cx *cx = req->cx;

    TRY(count_take(cx, counters_of(cx), asks, 2, &answer));
    if (answer.taken)
        return reply_text(req, 200, "text/plain", STR("shown"));
    cx->problem.retry_after_ms = answer.retry_after_ms;
    return fail(cx, ERR_TOO_MANY, "capped", "this was seen often enough today");
}

static const struct module banner_module = {
    .name = "banner",
    .routes = ROUTES({"GET", "/v1/banner", get_banner, TX_NONE, "banner:read", .doc = "Banner."}),
};
static const struct module *const modules[] = {&banner_module, NULL};

static int status_of(struct mini *m)
{
    return mini_http(m, "GET /v1/banner", NULL).status;
}

static int64_t counters_figure(struct mini *m, const char *name)
{
    return mini_get_int(m, mini_http(m, "GET /statusz", NULL),
                        mini_text(m, "spaces.0.counters.%s", name));
}

TEST_DB(count_over_http, "a capped route answers 429, also after a restart, until the day ends")
{
    struct mini *m = mini_open_modules(db, modules);

    for (int k = 0; k < 3; k++)
        CHECK_EQ_INT(status_of(m), 200);
    CHECK_EQ_INT(status_of(m), 429);
    CHECK_EQ_INT(counters_figure(m, "entries"), 2);
    CHECK_EQ_INT(counters_figure(m, "unsaved"), 2);
    mini_sleep_ms(m, SAVE_DELAY_MS);
    CHECK_EQ_INT(counters_figure(m, "unsaved"), 0);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_count where used in (3, 300)"), 2);
    mini_restart(m);
    CHECK_EQ_INT(counters_figure(m, "entries"), 2);
    CHECK_EQ_INT(status_of(m), 429);
    mini_sleep_ms(m, DAY_MS);
    CHECK_EQ_INT(status_of(m), 200);
    CHECK_EQ_STR(mini_get(m, mini_http(m, "GET /statusz", NULL), "redis.shared"), "false");
    CHECK_EQ_STR(mini_get(m, mini_http(m, "GET /statusz", NULL), "redis.degraded"), "false");
    CHECK(strstr(mini_http(m, "GET /metrics", NULL).body, "grevy_count_decisions_total"));
    mini_close(m);
}

TEST(count_idle, "counters that do not change cost the database nothing")
{
    struct mini *m = mini_open_modules("sqlite", modules);
    struct space_stats before, after;

    CHECK_EQ_INT(status_of(m), 200);
    mini_sleep_ms(m, SECOND_MS);
    space_stats(mini_space(m), &before);
    for (int k = 0; k < 5; k++)
        mini_sleep_ms(m, SECOND_MS);
    space_stats(mini_space(m), &after);
    CHECK_EQ_INT(after.batches, before.batches);
    mini_close(m);
}
