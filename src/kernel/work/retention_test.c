/*
 * retention_test.c - what is forgotten after how long, and what must not be.
 */
#include "kernel/work/retention.h"

#include "test/kit/mini.h"

struct told {
    int64_t number;
};
static const struct field told_fields[] = {F(told, number), F_END};

static struct {
    bool refuses;
    int seen;
} listener;

static enum err post_tell(struct req *req)
{
    struct told told = {.number = cx_now_ms(req->cx)};

    TRY(event_put(req->cx, "teller.told", req->params[0].text, told_fields, &told));
    return reply_json(req, 201, told_fields, &told);
}

static enum err on_told(struct cx *cx, const struct event *event)
{
    if (listener.refuses && str_is(event->key, "k"))
        return fail(cx, ERR_CONFLICT, "not_now", "not now");
    listener.seen++;
    return OK;
}

static const struct module teller_module = {
    .name = "teller",
    .routes = ROUTES({"POST", "/v1/tell/{key}", post_tell, TX_WRITE, "teller:write",
                      .reply = told_fields, .doc = "Tell."}),
    .produces = PRODUCES({"teller.told", told_fields, "Told."}),
};
static const struct module listener_module = {
    .name = "listener",
    .consumes = CONSUMES({"teller.told", on_told}),
};

static struct mini *open_tellers(const char *db)
{
    static const struct module *const modules[] = {&teller_module, &listener_module, NULL};

    listener.refuses = false;
    listener.seen = 0;
    return mini_open_modules(db, modules);
}

static void tell(struct mini *m, int times)
{
    for (int k = 0; k < times; k++)
        CHECK_EQ_INT(mini_http(m, "POST /v1/tell/k", NULL).status, 201);
    mini_settle(m);
}

static void keep_days(struct mini *m, int days)
{
    const char *body = mini_text(m, "{\"value\":%d}", days);

    CHECK_EQ_INT(mini_http(m, "PUT /v1/settings/kernel.events_kept_days", body).status, 200);
}

static int64_t told(struct mini *m)
{
    return mini_count(m, "select count(*) from kernel_outbox where type = 'teller.told'");
}

TEST_DB(events_kept, "events are kept for ever, until the setting says how long; then day by day")
{
    struct mini *m = open_tellers(db);

    tell(m, 3);
    mini_sleep_ms(m, 400 * DAY_MS);
    CHECK_EQ_INT(told(m), 3);
    tell(m, 2);
    keep_days(m, 2);
    mini_sleep_ms(m, HOUR_MS);
    CHECK_EQ_INT(told(m), 2);
    mini_sleep_ms(m, 2 * DAY_MS - 2 * HOUR_MS);
    CHECK_EQ_INT(told(m), 2);
    mini_sleep_ms(m, 2 * HOUR_MS);
    CHECK_EQ_INT(told(m), 0);
    CHECK_EQ_INT(listener.seen, 5);
    tell(m, 1); /* The numbers go on. */
    mini_restart(m);
    tell(m, 1);
    CHECK_EQ_INT(mini_count(m, "select min(seq) from kernel_outbox where type = 'teller.told'"), 6);
    CHECK_EQ_INT(listener.seen, 7);
    mini_close(m);
}

TEST_DB(events_kept_many, "many old events go in commits of a thousand, all of them at once")
{
    struct mini *m = open_tellers(db);

    tell(m, 2 * EVENT_PURGE_ROWS_MAX + 1);
    keep_days(m, 1);
    mini_sleep_ms(m, DAY_MS + HOUR_MS);
    CHECK_EQ_INT(told(m), 0);
    mini_close(m);
}

TEST_DB(events_kept_needed, "a parked event is kept, however old, and stands in no other's way")
{
    struct mini *m = open_tellers(db);

    tell(m, 1);
    listener.refuses = true;
    tell(m, 2);
    keep_days(m, 1);
    mini_sleep_ms(m, 3 * DAY_MS);
    CHECK_EQ_INT(told(m), 2); /* One is dead, one waits behind it. */
    CHECK_EQ_INT(mini_http(m, "POST /v1/tell/other", NULL).status, 201);
    mini_settle(m);
    CHECK_EQ_INT(told(m), 3);
    mini_sleep_ms(m, 3 * DAY_MS);
    CHECK_EQ_INT(told(m), 2);
    CHECK_EQ_INT(listener.seen, 2);
    listener.refuses = false;
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_parked"), 2);
    CHECK_EQ_INT(mini_http(m, "POST /v1/dead-letters/event/listener:2/redrive", NULL).status, 204);
    mini_settle(m);
    mini_sleep_ms(m, HOUR_MS);
    CHECK_EQ_INT(listener.seen, 4);
    CHECK_EQ_INT(told(m), 0);
    mini_close(m);
}

TEST_DB(events_kept_new_consumer, "a consumer that has not begun keeps all that there is")
{
    struct mini *m = open_tellers(db);

    tell(m, 2);
    keep_days(m, 1);
    mini_sql(m, "delete from kernel_consumer");
    mini_sleep_ms(m, 3 * DAY_MS);
    CHECK_EQ_INT(told(m), 2);
    mini_restart(m);
    mini_settle(m);
    CHECK_EQ_INT(listener.seen, 4); /* From the first event on. */
    mini_sleep_ms(m, HOUR_MS);
    CHECK_EQ_INT(told(m), 0);
    mini_close(m);
}
