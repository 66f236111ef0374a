/*
 * document_test.c - documents over HTTP: saved, published, seen, taken back.
 */
#include "kernel/document/document.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/document/fixture.h"
#include "kernel/work/keeper.h"

static struct answer send(struct mini *m, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(m, request, body);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    return answer;
}

static void must_refuse(struct mini *m, int status, const char *code, const char *request,
                        const char *body)
{
    CHECK_EQ_STR(mini_get(m, send(m, status, request, body), "code"), code);
}

/* As an editor who has seen a version. */
static struct answer save_seen(struct mini *m, const char *key, const char *seen, int price)
{
    const struct pair header = {STR("If-Match"), str_of(seen)};
    struct mini_request request = {
        .request = mini_text(m, "PUT /v1/documents/probe.price/%s", key),
        .body = mini_text(m, "{\"document\":{\"price\":%d},\"why\":\"test\"}", price),
        .headers = &header,
        .header_count = 1};
    struct mini_call *call = mini_begin(m, &request);

    while (mini_pending(call))
        (void)mini_step(m);
    return mini_end(m, call);
}

static void save(struct mini *m, const char *key, int version, int price)
{
    struct answer answer;

    if (version == 1)
        answer = mini_http(m, mini_text(m, "PUT /v1/documents/probe.price/%s", key),
                           mini_text(m, "{\"document\":{\"price\":%d}}", price));
    else
        answer = save_seen(m, key, mini_text(m, "\"%d\"", version - 1), price);
    CHECK_SAY(answer.status == 201, "%d %s", answer.status, answer.body);
    CHECK_EQ_INT(mini_get_int(m, answer, "version"), version);
}

static struct answer publish_body(struct mini *m, int status, const char *items)
{
    return send(m, status, "POST /v1/publications",
                mini_text(m, "{\"items\":[%s],\"why\":\"test\"}", items));
}

static const char *item(struct mini *m, const char *key, int version)
{
    return mini_text(m, "{\"collection\":\"probe.price\",\"key\":\"%s\",\"version\":%d}", key,
                     version);
}

static void publish_one(struct mini *m, const char *key, int version)
{
    (void)publish_body(m, 201, item(m, key, version));
    mini_settle(m);
}

/* What clients are told. */
static int64_t shown(struct mini *m, const char *key)
{
    struct answer answer =
        mini_http(m, mini_text(m, "GET /v1/documents/probe.price/%s", key), NULL);

    return answer.status == 200 ? mini_get_int(m, answer, "document.price") : -answer.status;
}

/* What modules decide by. */
static int64_t compiled(struct mini *m, const char *key, const char *user)
{
    return mini_get_int(
        m, send(m, 200, mini_text(m, "GET /v1/probe/prices/%s?user=%s", key, user), NULL), "price");
}

TEST_DB(document_lives, "a version is seen when it is published, and the one before when that is"
                        " taken back")
{
    struct mini *m = prices_open(db);

    save(m, "tea", 1, 100);
    CHECK_EQ_INT(shown(m, "tea"), -404);
    publish_one(m, "tea", 1);
    CHECK_EQ_INT(shown(m, "tea"), 100);
    CHECK_EQ_INT(compiled(m, "tea", ""), 100);
    save(m, "tea", 2, 120);
    CHECK_EQ_INT(shown(m, "tea"), 100);
    publish_one(m, "tea", 2);
    CHECK_EQ_INT(shown(m, "tea"), 120);
    (void)send(m, 201, "POST /v1/publications/2/undo", "{\"why\":\"too dear\"}");
    mini_settle(m);
    CHECK_EQ_INT(shown(m, "tea"), 100);
    (void)send(m, 201, "POST /v1/publications/3/undo", "{}");
    mini_settle(m);
    CHECK_EQ_INT(shown(m, "tea"), 120);
    publish_one(m, "tea", 0);
    CHECK_EQ_INT(shown(m, "tea"), -404);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_outbox where type ="
                               " 'document.published'"),
                 5);
    mini_close(m);
}

TEST_DB(document_restart, "a new process has in force what was")
{
    struct mini *m = prices_open(db);

    for (int k = 0; k < 40; k++) { /* Several pages of rows. */
        save(m, mini_text(m, "k%02d", k), 1, 500 + k);
        if (k % 3 == 0)
            save(m, mini_text(m, "k%02d", k), 2, 100 + k);
        publish_one(m, mini_text(m, "k%02d", k), 1);
    }
    mini_restart(m);
    for (int k = 0; k < 40; k++)
        CHECK_EQ_INT(compiled(m, mini_text(m, "k%02d", k), ""), 500 + k);
    CHECK_EQ_INT(mini_get_int(m, send(m, 200, "GET /v1/documents-state", NULL), "instances.0.seq"),
                 40);
    mini_close(m);
}

TEST_DB(document_together, "a publication moves all its documents or none")
{
    struct mini *m = prices_open(db);

    save(m, "a", 1, 1);
    save(m, "b", 1, 13); /* The check refuses it by a rule about rows. */
    CHECK_EQ_STR(
        mini_get(m, publish_body(m, 422, mini_text(m, "%s,%s", item(m, "a", 1), item(m, "b", 1))),
                 "pointer"),
        "/items/1");
    mini_settle(m);
    CHECK_EQ_INT(shown(m, "a"), -404);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"), 0);
    save(m, "b", 2, 2);
    (void)publish_body(m, 201, mini_text(m, "%s,%s", item(m, "a", 1), item(m, "b", 2)));
    mini_settle(m);
    CHECK_EQ_INT(shown(m, "a"), 1);
    CHECK_EQ_INT(shown(m, "b"), 2);
    mini_close(m);
}

TEST_DB(document_editors, "the second of two editors is told what the first has changed")
{
    struct mini *m = prices_open(db);
    struct answer answer;

    save(m, "tea", 1, 1);
    save(m, "tea", 2, 2);
    answer = save_seen(m, "tea", "\"1\"", 3);
    CHECK_EQ_INT(answer.status, 412);
    CHECK_EQ_STR(mini_get(m, answer, "code"), "changed_meanwhile");
    CHECK_EQ_STR(mini_get(m, answer, "latest"), "2");
    CHECK_EQ_STR(mini_get(m, answer, "changed"), "/price");
    must_refuse(m, 412, "exists", "PUT /v1/documents/probe.price/tea",
                "{\"document\":{\"price\":3}}");
    CHECK_EQ_INT(save_seen(m, "cup", "\"1\"", 3).status, 412);
    CHECK_EQ_INT(save_seen(m, "tea", "2", 3).status, 400);
    CHECK_EQ_INT(mini_get_int(m, save_seen(m, "tea", "\"2\"", 2), "version"), 2); /* The same. */
    CHECK_EQ_INT(mini_get_int(m, save_seen(m, "tea", "\"2\"", 3), "version"), 3);
    mini_close(m);
}

TEST_DB(document_diff, "a difference is told leaf by leaf")
{
    struct mini *m = prices_open(db);
    struct answer answer;

    (void)send(m, 201, "PUT /v1/documents/probe.price/tea",
               "{\"document\":{\"price\":1,\"tags\":[\"a\",\"b\"],\"x/~\":null}}");
    {
        const struct pair header = {STR("If-Match"), STR("\"1\"")};
        struct mini_request request = {
            .request = "PUT /v1/documents/probe.price/tea",
            .body = "{\"document\":{\"price\":2,\"tags\":[\"a\"],\"more\":{}}}",
            .headers = &header,
            .header_count = 1};
        struct mini_call *call = mini_begin(m, &request);

        while (mini_pending(call))
            (void)mini_step(m);
        CHECK_EQ_INT(mini_end(m, call).status, 201);
    }
    answer = send(m, 200, "GET /v1/documents/probe.price/tea/diff?from=1", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "differences"),
                 "[{\"op\":\"added\",\"pointer\":\"/more\",\"from\":null,\"to\":{}},"
                 "{\"op\":\"changed\",\"pointer\":\"/price\",\"from\":1,\"to\":2},"
                 "{\"op\":\"removed\",\"pointer\":\"/tags/1\",\"from\":\"b\",\"to\":null},"
                 "{\"op\":\"removed\",\"pointer\":\"/x~1~0\",\"from\":null,\"to\":null}]");
    must_refuse(m, 404, "no_such_version", "GET /v1/documents/probe.price/tea/diff?from=7", NULL);
    mini_close(m);
}

TEST_DB(document_grey, "a grey release shows a share of users the new version, always the same")
{
    struct mini *m = prices_open(db);
    int seen = 0, later = 0;

    save(m, "tea", 1, 1);
    save(m, "tea", 2, 2);
    publish_one(m, "tea", 1);
    (void)publish_body(m, 201,
                       "{\"collection\":\"probe.price\",\"key\":\"tea\",\"version\":2,"
                       "\"share\":2500}");
    mini_settle(m);
    CHECK_EQ_INT(compiled(m, "tea", ""), 1);
    for (int k = 0; k < 400; k++)
        seen += compiled(m, "tea", mini_text(m, "user%d", k)) == 2;
    CHECK_SAY(seen > 60 && seen < 140, "%d of 400", seen);
    (void)publish_body(m, 201,
                       "{\"collection\":\"probe.price\",\"key\":\"tea\",\"version\":2,"
                       "\"share\":5000}");
    mini_settle(m);
    for (int k = 0; k < 400; k++)
        later += compiled(m, "tea", mini_text(m, "user%d", k)) == 2;
    CHECK_SAY(later > seen && later < 250, "%d of 400", later);
    must_refuse(m, 409, "already_so", "POST /v1/publications",
                "{\"items\":[{\"collection\":\"probe.price\",\"key\":\"tea\",\"version\":1,"
                "\"share\":100}]}");
    publish_one(m, "tea", 2);
    CHECK_EQ_INT(compiled(m, "tea", ""), 2);
    mini_close(m);
}

TEST_DB(document_grey_elsewhere, "a grey release on other processes does not reach this one")
{
    struct mini *m = prices_open(db);

    save(m, "tea", 1, 1);
    save(m, "tea", 2, 2);
    publish_one(m, "tea", 1);
    (void)publish_body(m, 201,
                       "{\"collection\":\"probe.price\",\"key\":\"tea\",\"version\":2,"
                       "\"on\":[\"i-7\",\"i-8\"]}");
    mini_settle(m);
    CHECK_EQ_INT(compiled(m, "tea", "user1"), 1);
    CHECK_EQ_STR(mini_get(m, send(m, 200, "GET /v1/publications/2", NULL), "items.0.grey_on"),
                 "i-7 i-8");
    must_refuse(m, 400, "bad_value", "POST /v1/publications",
                "{\"items\":[{\"collection\":\"probe.price\",\"key\":\"tea\",\"version\":2,"
                "\"on\":[\"i 7\"]}]}");
    mini_close(m);
}

TEST_DB(document_refused, "what cannot be is refused with a reason, and changes nothing")
{
    struct mini *m = prices_open(db);
    static const struct {
        int status;
        const char *code, *request, *body;
    } cases[] = {
        {404, "no_such_collection", "PUT /v1/documents/none/tea", "{\"document\":{}}"},
        {400, "bad_key", "PUT /v1/documents/probe.price/te%20a", "{\"document\":{\"price\":1}}"},
        {400, "bad_key", "PUT /v1/documents/probe.price/.tea", "{\"document\":{\"price\":1}}"},
        {400, "not_an_object", "PUT /v1/documents/probe.price/tea", "{\"document\":[]}"},
        {400, "out_of_range", "PUT /v1/documents/probe.price/tea", "{\"document\":{\"price\":-1}}"},
        {413, "document_too_large", "PUT /v1/documents/probe.price/tea",
         "{\"document\":{\"price\":1,\"grow\":true}}"},
        {400, "required", "PUT /v1/documents/probe.price/tea", "{}"},
        {404, "no_such_document", "GET /v1/documents/probe.price/tea/versions", NULL},
        {404, "not_in_force", "GET /v1/documents/probe.price/tea", NULL},
        {404, "no_such_collection", "GET /v1/documents/none/tea", NULL},
        {404, "no_such_document", "POST /v1/publications",
         "{\"items\":[{\"collection\":\"probe.price\",\"key\":\"tea\",\"version\":1}]}"},
        {404, "no_such_publication", "POST /v1/publications/7/undo", "{}"},
        {400, "bad_number", "POST /v1/publications/x/undo", "{}"},
        {400, "out_of_range", "POST /v1/publications", "{\"items\":[]}"},
        {404, "no_such_document", "POST /v1/documents/probe.price/tea/clone", "{\"key\":\"b\"}"},
    };

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
        must_refuse(m, cases[k].status, cases[k].code, cases[k].request, cases[k].body);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document"), 0);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document_version"), 0);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"), 0);
    mini_close(m);
}

TEST_DB(document_review, "a reviewed collection publishes what a second person approved")
{
    struct mini *m = prices_open(db);
    const char *other = prices_key(m, "\"document:review\", \"document:read\"");

    (void)send(m, 201, "PUT /v1/documents/probe.law/a", "{\"document\":{\"price\":1}}");
    must_refuse(m, 409, "not_approved", "POST /v1/publications",
                "{\"items\":[{\"collection\":\"probe.law\",\"key\":\"a\",\"version\":1}]}");
    must_refuse(m, 409, "own_version", "POST /v1/documents/probe.law/a/versions/1/review",
                "{\"approve\":true}");
    CHECK_EQ_INT(mini_http_as(m, other, NULL, "POST /v1/documents/probe.law/a/versions/1/review",
                              "{\"approve\":true,\"why\":\"fine\"}")
                     .status,
                 200);
    CHECK_EQ_INT(mini_http_as(m, other, NULL, "POST /v1/documents/probe.law/a/versions/1/review",
                              "{\"approve\":false}")
                     .status,
                 409);
    (void)send(m, 201, "POST /v1/publications",
               "{\"items\":[{\"collection\":\"probe.law\",\"key\":\"a\",\"version\":1}]}");
    CHECK_EQ_INT(mini_http_as(m, other, NULL, "POST /v1/publications", "{\"items\":[]}").status,
                 403);
    mini_close(m);
}

TEST_DB(document_undo_later, "what was moved since is not taken back")
{
    struct mini *m = prices_open(db);

    save(m, "tea", 1, 1);
    save(m, "tea", 2, 2);
    publish_one(m, "tea", 1);
    publish_one(m, "tea", 2);
    must_refuse(m, 409, "published_since", "POST /v1/publications/1/undo", "{}");
    CHECK_EQ_INT(shown(m, "tea"), 2);
    mini_close(m);
}

TEST_DB(document_pages, "lists come in pages")
{
    struct mini *m = prices_open(db);
    struct answer answer;

    for (int k = 0; k < 5; k++)
        save(m, mini_text(m, "k%d", k), 1, k);
    save(m, "other", 1, 1);
    for (int k = 2; k < 6; k++)
        save(m, "k0", k, k);
    answer = send(m, 200, "GET /v1/documents/probe.price?limit=2&prefix=k", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "data.1.key"), "k1");
    answer = send(m, 200,
                  mini_text(m, "GET /v1/documents/probe.price?limit=3&prefix=k&cursor=%s",
                            mini_get(m, answer, "next")),
                  NULL);
    CHECK_EQ_STR(mini_get(m, answer, "data.2.key"), "k4");
    CHECK_EQ_STR(mini_get(m, answer, "next"), "null");
    answer = send(m, 200, "GET /v1/documents/probe.price/k0/versions?limit=2", NULL);
    CHECK_EQ_INT(mini_get_int(m, answer, "data.0.version"), 5);
    answer = send(m, 200,
                  mini_text(m, "GET /v1/documents/probe.price/k0/versions?limit=9&cursor=%s",
                            mini_get(m, answer, "next")),
                  NULL);
    CHECK_EQ_INT(mini_get_int(m, answer, "data.0.version"), 3);
    CHECK_EQ_INT(mini_get_int(m, answer, "data.2.version"), 1);
    mini_close(m);
}

TEST_DB(document_clone, "a clone begins with what the other says")
{
    struct mini *m = prices_open(db);
    struct answer answer;

    save(m, "tea", 1, 7);
    answer = send(m, 201, "POST /v1/documents/probe.price/tea/clone", "{\"key\":\"cup\"}");
    CHECK_EQ_INT(mini_get_int(m, answer, "document.price"), 7);
    CHECK_EQ_STR(mini_get(m, answer, "why"), "clone of tea");
    must_refuse(m, 412, "exists", "POST /v1/documents/probe.price/tea/clone", "{\"key\":\"cup\"}");
    mini_close(m);
}

static void check_state(struct mini *m, int64_t seq, int64_t refused, const char *refusal)
{
    struct answer answer = send(m, 200, "GET /v1/documents-state", NULL);

    CHECK_EQ_INT(mini_get_int(m, answer, "instances.0.seq"), seq);
    CHECK_EQ_INT(mini_get_int(m, answer, "instances.0.refused_seq"), refused);
    CHECK_EQ_STR(mini_get(m, answer, "instances.0.refusal"), refusal);
}

static const char refusal_of_tea[] = "probe.price/tea version 2: this process compiles nothing";

TEST_DB(document_not_compiled, "a process that cannot compile a publication keeps what it has, and"
                               " tells")
{
    struct mini *m = prices_open(db);

    save(m, "tea", 1, 1);
    save(m, "tea", 2, 2);
    publish_one(m, "tea", 1);
    mini_sql(m, "insert into kernel_publication values (2, 0, 'other', '', 0)");
    mini_sql(m, "update kernel_document set live = 2, live_seq = 2");
    prices_refused = true; /* This one is older than the process that published. */
    CHECK(keeper_step(mini_platform(m), true));
    CHECK_EQ_INT(shown(m, "tea"), 1);
    check_state(m, 1, 2, refusal_of_tea);
    prices_refused = false;
    save(m, "cup", 1, 3);
    publish_one(m, "cup", 1);
    CHECK_EQ_INT(shown(m, "tea"), 2);
    CHECK_EQ_INT(shown(m, "cup"), 3);
    check_state(m, 3, 0, "");
    mini_close(m);
}

TEST_DB(document_not_compiled_at_start, "a process that starts does without what it cannot compile")
{
    struct mini *m = prices_open(db);

    save(m, "tea", 1, 1);
    save(m, "tea", 2, 2);
    publish_one(m, "tea", 2);
    prices_refused = true;
    mini_restart(m);
    CHECK_EQ_INT(shown(m, "tea"), -404);
    check_state(m, 1, 1, refusal_of_tea);
    prices_refused = false;
    publish_one(m, "tea", 1);
    CHECK_EQ_INT(shown(m, "tea"), 1);
    check_state(m, 2, 0, "");
    mini_close(m);
}

TEST_DB(document_report_ends, "a process that told what it has in force holds nothing locked")
{
    struct mini *m = prices_open(db);

    save(m, "tea", 1, 1);
    publish_one(m, "tea", 1);
    CHECK(keeper_step(mini_platform(m), true));
    mini_sql(m, "alter table kernel_instance rename to kernel_instance_gone"); /* Waits for all. */
    mini_close(m);
}
