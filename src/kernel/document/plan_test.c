/*
 * plan_test.c - publications at a time.
 */
#include <stdio.h>

#include "kernel/document/fixture.h"

static struct answer send(struct mini *m, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(m, request, body);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    return answer;
}

static struct mini *open_tea(const char *db)
{
    struct mini *m = prices_open(db);

    (void)send(m, 201, "PUT /v1/documents/probe.price/tea", "{\"document\":{\"price\":5}}");
    return m;
}

/* The plan's id. */
static const char *plan(struct mini *m, int after_s, int version)
{
    char at[TIME_TEXT_LEN + 1];

    time_format(at, mini_now_ms(m) + after_s * (int64_t)SECOND_MS);
    return mini_get(m,
                    send(m, 201, "POST /v1/publication-plans",
                         mini_text(m,
                                   "{\"at\":\"%s\",\"why\":\"campaign\",\"items\":[{\"collection\":"
                                   "\"probe.price\",\"key\":\"tea\",\"version\":%d}]}",
                                   at, version)),
                    "id");
}

static int status_of_tea(struct mini *m)
{
    return mini_http(m, "GET /v1/documents/probe.price/tea", NULL).status;
}

TEST_DB(plan_start_and_end, "a campaign starts and ends by itself, also when the process restarts")
{
    struct mini *m = open_tea(db);
    struct answer answer;

    (void)plan(m, 60, 1);
    (void)plan(m, 120, 0);
    mini_sleep_ms(m, 59 * SECOND_MS);
    CHECK_EQ_INT(status_of_tea(m), 404);
    mini_restart(m);
    mini_sleep_ms(m, 2 * SECOND_MS);
    CHECK_EQ_INT(status_of_tea(m), 200);
    mini_sleep_ms(m, 60 * SECOND_MS);
    CHECK_EQ_INT(status_of_tea(m), 404);
    answer = send(m, 200, "GET /v1/publication-plans?limit=1", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "data.0.state"), "done");
    CHECK_EQ_INT(mini_get_int(m, answer, "data.0.seq"), 2);
    CHECK_EQ_INT(mini_get_int(m, answer, "data.0.items.0.version"), 0);
    answer = send(m, 200,
                  mini_text(m, "GET /v1/publication-plans?cursor=%s", mini_get(m, answer, "next")),
                  NULL);
    CHECK_EQ_INT(mini_get_int(m, answer, "data.0.seq"), 1);
    CHECK_EQ_STR(mini_get(m, answer, "next"), "null");
    answer = send(m, 200, "GET /v1/publications/1", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "why"), "campaign");
    mini_close(m);
}

TEST_DB(plan_fails, "a plan that cannot be carried out says why and changes nothing")
{
    struct mini *m = open_tea(db);
    struct answer answer;

    (void)plan(m, 60, 1);
    (void)send(m, 201, "POST /v1/publications",
               "{\"items\":[{\"collection\":\"probe.price\",\"key\":\"tea\",\"version\":1}]}");
    mini_sleep_ms(m, 61 * SECOND_MS);
    answer = send(m, 200, "GET /v1/publication-plans", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "data.0.state"), "failed");
    CHECK_EQ_STR(mini_get(m, answer, "data.0.error"),
                 "already_so: probe.price/tea stands like that already");
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"), 1);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_timer"), 0);
    mini_close(m);
}

TEST_DB(plan_cancelled, "a plan can be let go until it is carried out")
{
    struct mini *m = open_tea(db);
    const char *first = plan(m, 60, 1), *second = plan(m, 60, 1);

    (void)send(m, 200, mini_text(m, "POST /v1/publication-plans/%s/cancel", first), NULL);
    mini_sleep_ms(m, 61 * SECOND_MS);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"), 1);
    CHECK_EQ_STR(
        mini_get(m,
                 send(m, 409, mini_text(m, "POST /v1/publication-plans/%s/cancel", second), NULL),
                 "code"),
        "plan_ended");
    mini_close(m);
}

TEST_DB(plan_refused, "what cannot be planned is refused")
{
    struct mini *m = open_tea(db);

    CHECK_EQ_STR(mini_get(m,
                          send(m, 400, "POST /v1/publication-plans",
                               "{\"at\":\"2020-01-01T00:00:00Z\",\"items\":[{\"collection\":"
                               "\"probe.price\",\"key\":\"tea\",\"version\":1}]}"),
                          "pointer"),
                 "/at");
    CHECK_EQ_STR(mini_get(m,
                          send(m, 404, "POST /v1/publication-plans",
                               "{\"at\":\"2030-01-01T00:00:00Z\",\"items\":[{\"collection\":"
                               "\"probe.price\",\"key\":\"tea\",\"version\":2}]}"),
                          "code"),
                 "no_such_version");
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document_plan"), 0);
    mini_close(m);
}

TEST_DB(plan_statements_fail, "each statement of a plan's day fails once, and it takes place once")
{
    struct mini *m = open_tea(db);
    bool fired = true;

    for (int nth = 1; fired; nth++) {
        CHECK(nth < 100);
        (void)plan(m, 60, nth % 2);
        mini_fail_statement(m, nth);
        mini_sleep_ms(m, 61 * SECOND_MS);
        fired = mini_fault_fired(m);
        mini_fail_statement(m, 0);
        mini_sleep_ms(m, 600 * SECOND_MS); /* It is tried again. */
        CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"), nth);
        CHECK_EQ_INT(status_of_tea(m), nth % 2 ? 200 : 404);
    }
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document_plan where state <> 'done'"),
                 0);
    mini_close(m);
}
