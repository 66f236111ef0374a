/*
 * admin_test.c - settings, the ledger check and dead letters, as an administrator meets them.
 */
#include "kernel/access/access.h"
#include "test/kit/mini.h"

/* ---- A module to administer ---- */

static struct setting probe_limit = {.name = "probe.limit",
                                     .unit = "items",
                                     .doc = "At most so many.",
                                     .min = 1,
                                     .max = 100,
                                     .fallback = 10};
static struct setting probe_wait = {
    .name = "probe.wait_ms", .unit = "ms", .doc = "So long.", .min = -5, .max = 5, .fallback = 0};

static bool handlers_fail;
static int64_t patrol_finds, handled;

struct probe_note {
    struct str text;
};
static const struct field note_fields[] = {F(probe_note, text), F_END};

static enum err on_noted(struct cx *cx, const struct event *event)
{
    (void)event;
    handled++;
    return handlers_fail ? fail(cx, ERR_CONFLICT, "probe_broken", "the probe is broken") : OK;
}

static enum err on_timer(struct cx *cx, int64_t key, int64_t due_ms)
{
    (void)key;
    (void)due_ms;
    return handlers_fail ? fail(cx, ERR_CONFLICT, "probe_broken", "the probe is broken") : OK;
}

static enum err put_note(struct req *req)
{
    const struct probe_note *note = req->body;

    TRY(timer_set(req->cx, "probe.later", 7, req->cx->now_ms + SECOND_MS));
    TRY(event_put(req->cx, "probe.noted", note->text, note_fields, note));
    return reply_empty(req, 204);
}

struct probe_limits {
    int64_t plain, for_book;
};
static const struct field limits_fields[] = {F(probe_limits, plain), F(probe_limits, for_book),
                                             F_END};

static enum err get_limits(struct req *req)
{
    struct probe_limits limits = {setting_get(req->cx, &probe_limit),
                                  setting_for(req->cx, &probe_limit, STR("book"))};

    return reply_json(req, 200, limits_fields, &limits);
}

static enum err patrol(struct cx *cx, struct patrol_report *report)
{
    (void)cx;
    report->accounts += 3;
    report->movements += 40;
    for (int64_t k = 0; k < patrol_finds; k++) {
        json_object(report->findings);
        json_member_int(report->findings, "sku", k);
        json_object_end(report->findings);
    }
    report->found += patrol_finds;
    return OK;
}

static const struct module probe_module = {
    .name = "probe",
    .routes = ROUTES({"POST", "/v1/notes", put_note, TX_WRITE, "probe:write",
                      BODY(probe_note, note_fields), .doc = "Note."},
                     {"GET", "/v1/limits", get_limits, TX_READ, "probe:read",
                      .reply = limits_fields, .doc = "Limits."}),
    .consumes = CONSUMES({"probe.noted", on_noted}),
    .produces = PRODUCES({"probe.noted", note_fields, "Noted."}),
    .timers = TIMERS({"probe.later", on_timer, "Later."}),
    .settings = SETTINGS(&probe_limit, &probe_wait),
    .patrols = PATROLS({"probe.balance", patrol, "Balances."}, {"probe.again", patrol, "Again."}),
};

static struct mini *open_probe(const char *db)
{
    static const struct module *const modules[] = {&probe_module, NULL};

    handlers_fail = false;
    patrol_finds = handled = 0;
    return mini_open_modules(db, modules);
}

static struct answer send(struct mini *m, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(m, request, body);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    return answer;
}

/* ---- Settings ---- */

static void check_limits(struct mini *m, int64_t plain, int64_t for_book)
{
    struct answer limits = send(m, 200, "GET /v1/limits", NULL);

    CHECK_EQ_INT(mini_get_int(m, limits, "plain"), plain);
    CHECK_EQ_INT(mini_get_int(m, limits, "for_book"), for_book);
}

TEST_DB(http_settings, "a setting is changed within its limits, at once, for all or for one key")
{
    struct mini *m = open_probe(db);
    struct answer list;

    check_limits(m, 10, 10);
    send(m, 200, "PUT /v1/settings/probe.limit", "{\"value\":100}");
    check_limits(m, 100, 100);
    send(m, 200, "PUT /v1/settings/probe.limit", "{\"value\":1,\"key\":\"book\"}");
    check_limits(m, 100, 1);
    send(m, 400, "PUT /v1/settings/probe.limit", "{\"value\":0}");
    send(m, 400, "PUT /v1/settings/probe.limit", "{\"value\":101}");
    send(m, 400, "PUT /v1/settings/probe.limit", "{}");
    send(m, 404, "PUT /v1/settings/probe.unlimited", "{\"value\":1}");
    send(m, 200, "PUT /v1/settings/probe.wait_ms", "{\"value\":-5}");
    check_limits(m, 100, 1);
    list = send(m, 200, "GET /v1/settings", NULL);
    CHECK_EQ_STR(mini_get(m, list, "data.2.name"), "probe.limit");
    CHECK_EQ_STR(mini_get(m, list, "data.2.unit"), "items");
    CHECK_EQ_INT(mini_get_int(m, list, "data.2.min"), 1);
    CHECK_EQ_INT(mini_get_int(m, list, "data.2.max"), 100);
    CHECK_EQ_INT(mini_get_int(m, list, "data.2.fallback"), 10);
    CHECK_EQ_INT(mini_get_int(m, list, "data.2.value"), 100);
    CHECK_EQ_STR(mini_get(m, list, "data.2.by_key"),
                 "[{\"key\":\"book\",\"value\":1,\"changed_at\":\"2026-01-01T00:00:00.000Z\"}]");
    CHECK_EQ_INT(mini_get_int(m, list, "data.3.value"), -5);
    CHECK_EQ_STR(mini_get(m, list, "data.3.by_key"), "[]");
    mini_restart(m);
    check_limits(m, 100, 1);
    mini_close(m);
}

/* ---- Ledger check ---- */

TEST_DB(http_ledger_check, "the ledger check adds up all patrols and shows what they found")
{
    struct mini *m = open_probe(db);
    struct answer answer = send(m, 200, "GET /v1/ledger/check", NULL);

    CHECK_EQ_STR(answer.body, "{\"ok\":true,\"accounts\":6,\"movements\":80,\"findings\":[]}");
    patrol_finds = 1;
    answer = send(m, 200, "GET /v1/ledger/check", NULL);
    CHECK_EQ_STR(answer.body, "{\"ok\":false,\"accounts\":6,\"movements\":80,"
                              "\"findings\":[{\"sku\":0},{\"sku\":0}]}");
    mini_close(m);
}

/* ---- Dead letters ---- */

/* Two events of one key of which the first fails for good, and a timer that fails. */
static struct mini *with_letters(const char *db)
{
    struct mini *m = open_probe(db);

    handlers_fail = true;
    send(m, 204, "POST /v1/notes", "{\"text\":\"a\"}");
    mini_settle(m);
    send(m, 204, "POST /v1/notes", "{\"text\":\"a\"}");
    for (int k = 0; k < 20; k++)
        mini_sleep_ms(m, HOUR_MS);
    return m;
}

static const char letters_sql[] = "select count(*) from kernel_parked";
static const char timers_sql[] = "select count(*) from kernel_timer";

TEST_DB(http_letters_shown, "what failed for good is listed and shown with its data and error")
{
    struct mini *m = with_letters(db);
    struct answer list = send(m, 200, "GET /v1/dead-letters", NULL), one;

    CHECK_EQ_STR(mini_get(m, list, "data.0.kind"), "event");
    CHECK_EQ_STR(mini_get(m, list, "data.0.state"), "dead");
    CHECK_EQ_STR(mini_get(m, list, "data.0.key"), "a");
    CHECK_EQ_STR(mini_get(m, list, "data.0.error"), "probe_broken: the probe is broken");
    CHECK_EQ_STR(mini_get(m, list, "data.1.state"), "waiting");
    CHECK_EQ_STR(mini_get(m, list, "data.2.kind"), "timer");
    CHECK_EQ_STR(mini_get(m, list, "data.2.type"), "probe.later");
    one = send(m, 200,
               mini_text(m, "GET /v1/dead-letters/event/%s", mini_get(m, list, "data.0.id")), NULL);
    CHECK_EQ_STR(mini_get(m, one, "data.text"), "a");
    CHECK_EQ_STR(mini_get(m, one, "type"), "probe.noted");
    send(m, 404, "GET /v1/dead-letters/event/probe:99", NULL);
    send(m, 404, "GET /v1/dead-letters/event/probe", NULL);
    send(m, 404, "GET /v1/dead-letters/letter/probe:1", NULL);
    mini_close(m);
}

TEST_DB(http_letters_paged, "pages of any length show every letter once")
{
    struct mini *m = with_letters(db);

    for (int k = 0; k < 20; k++)
        send(m, 204, "POST /v1/notes", mini_text(m, "{\"text\":\"key%d\"}", k));
    mini_settle(m);
    for (int limit = 1; limit <= 9; limit += 2) {
        int64_t all = mini_count(m, letters_sql) +
                      mini_count(m, "select count(*) from kernel_timer where attempts > 0");
        int64_t shown = 0;
        const char *next = "", *seen = "";

        do {
            struct answer page =
                send(m, 200, mini_text(m, "GET /v1/dead-letters?limit=%d%s", limit, next), NULL);

            for (int k = 0; mini_get(m, page, mini_text(m, "data.%d.id", k))[0]; k++) {
                const char *id =
                    mini_text(m, " %s ", mini_get(m, page, mini_text(m, "data.%d.id", k)));

                CHECK_SAY(!strstr(seen, id), "%s twice", id);
                seen = mini_text(m, "%s%s", seen, id);
                shown++;
            }
            next = mini_get(m, page, "next");
            next = strcmp(next, "null") == 0 ? NULL : mini_text(m, "&cursor=%s", next);
        } while (next);
        CHECK_EQ_INT(shown, all);
    }
    send(m, 400, "GET /v1/dead-letters?cursor=x", NULL);
    mini_close(m);
}

TEST_DB(http_letters_still_tried, "what will be tried again is not discarded: its owner must hear")
{
    struct mini *m = open_probe(db);
    struct answer list, got;

    handlers_fail = true;
    send(m, 204, "POST /v1/notes", "{\"text\":\"a\"}");
    mini_settle(m);
    mini_sleep_ms(m, MINUTE_MS); /* The timer failed once or twice. */
    list = send(m, 200, "GET /v1/dead-letters", NULL);
    CHECK_EQ_STR(mini_get(m, list, "data.1.kind"), "timer");
    CHECK_EQ_STR(mini_get(m, list, "data.1.state"), "retry");
    got =
        send(m, 409,
             mini_text(m, "POST /v1/dead-letters/timer/%s/discard", mini_get(m, list, "data.1.id")),
             "{\"reason\":\"enough\"}");
    CHECK_EQ_STR(mini_get(m, got, "code"), "still_tried");
    mini_close(m);
}

TEST_DB(http_letters_redriven, "what is driven again goes through, and what waited behind it")
{
    struct mini *m = with_letters(db);
    struct answer list = send(m, 200, "GET /v1/dead-letters", NULL), refused;
    const char *first = mini_get(m, list, "data.0.id"), *second = mini_get(m, list, "data.1.id");

    refused = send(m, 409, mini_text(m, "POST /v1/dead-letters/event/%s/redrive", second), NULL);
    CHECK_EQ_STR(mini_get(m, refused, "code"), "waits_behind");
    handlers_fail = false;
    handled = 0;
    send(m, 204, mini_text(m, "POST /v1/dead-letters/event/%s/redrive", first), NULL);
    mini_settle(m);
    CHECK_EQ_INT(handled, 2);
    CHECK_EQ_INT(mini_count(m, letters_sql), 0);
    send(m, 404, mini_text(m, "POST /v1/dead-letters/event/%s/redrive", first), NULL);
    list = send(m, 200, "GET /v1/dead-letters", NULL);
    while (strcmp(mini_get(m, list, "data.0.kind"), "timer") == 0) {
        send(m, 204,
             mini_text(m, "POST /v1/dead-letters/timer/%s/redrive", mini_get(m, list, "data.0.id")),
             NULL);
        mini_settle(m);
        list = send(m, 200, "GET /v1/dead-letters", NULL);
    }
    CHECK_EQ_INT(mini_count(m, timers_sql), 0);
    mini_close(m);
}

TEST_DB(http_letters_discarded, "what is discarded goes with a reason, and its key goes on")
{
    struct mini *m = with_letters(db);
    struct answer list = send(m, 200, "GET /v1/dead-letters", NULL);
    const char *first = mini_get(m, list, "data.0.id");
    const char *discard = mini_text(m, "POST /v1/dead-letters/event/%s/discard", first);

    send(m, 400, discard, "{}");
    send(m, 400, discard, "{\"reason\":\"\"}");
    handlers_fail = false;
    handled = 0;
    send(m, 204, discard, "{\"reason\":\"a test order\"}");
    mini_settle(m);
    CHECK_EQ_INT(handled, 1); /* The second, not the first. */
    CHECK_EQ_INT(mini_count(m, letters_sql), 0);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_outbox"
                               " where type = 'kernel.dead_letter_discarded'"
                               " and data like '%a test order%'"),
                 1);
    send(m, 404, discard, "{\"reason\":\"again\"}");
    mini_close(m);
}
