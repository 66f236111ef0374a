/*
 * apply_test.c - POST /v1/documents: many documents as files have them, all or none.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/document/fixture.h"
#include "kernel/work/keeper.h"

enum { STATEMENTS_MAX = 120 };

static const char *item(struct mini *m, const char *key, const char *document, const char *more)
{
    return mini_text(m, "{\"collection\":\"probe.price\",\"key\":\"%s\",\"document\":%s%s}", key,
                     document, more);
}

static struct answer apply(struct mini *m, int status, const char *items, const char *more)
{
    struct answer answer =
        mini_http(m, "POST /v1/documents", mini_text(m, "{\"documents\":[%s]%s}", items, more));

    CHECK_SAY(answer.status == status, "%d %s", answer.status, answer.body);
    mini_settle(m);
    return answer;
}

static const char *two(struct mini *m, int a, int b)
{
    return mini_text(m, "%s,%s", item(m, "a", mini_text(m, "{\"price\":%d}", a), ""),
                     item(m, "b", mini_text(m, "{\"price\":%d}", b), ""));
}

/* -1: none is in force. */
static int64_t price_of(struct mini *m, const char *key)
{
    struct answer answer = mini_http(m, mini_text(m, "GET /v1/probe/prices/%s", key), NULL);

    return answer.status == 200 ? mini_get_int(m, answer, "price") : -1;
}

static void check_change(struct mini *m, struct answer answer, int k, const char *action)
{
    CHECK_EQ_STR(mini_get(m, answer, mini_text(m, "changes.%d.action", k)), action);
}

TEST_DB(apply_all, "documents become what files say, and doing it again changes nothing")
{
    struct mini *m = prices_open(db);
    struct answer answer = apply(m, 200, two(m, 1, 10), "");

    check_change(m, answer, 0, "new");
    check_change(m, answer, 1, "new");
    CHECK_EQ_INT(mini_get_int(m, answer, "seq"), 1);
    CHECK_EQ_INT(price_of(m, "a"), 1);
    CHECK_EQ_INT(price_of(m, "b"), 10);
    answer = apply(m, 200, two(m, 1, 10), "");
    CHECK_EQ_INT(mini_get_int(m, answer, "same"), 2);
    CHECK_EQ_INT(mini_get_int(m, answer, "seq"), 0);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"), 1);
    answer = apply(m, 200, two(m, 1, 20), "");
    CHECK_EQ_INT(mini_get_int(m, answer, "same"), 1);
    check_change(m, answer, 0, "changed");
    CHECK_EQ_STR(mini_get(m, answer, "changes.0.differences.0.pointer"), "/price");
    CHECK_EQ_STR(mini_get(m, answer, "changes.0.differences.0.to"), "20");
    CHECK_EQ_INT(price_of(m, "b"), 20);
    answer = apply(m, 200, "{\"collection\":\"probe.price\",\"key\":\"a\"}", "");
    check_change(m, answer, 0, "ended");
    CHECK_EQ_INT(price_of(m, "a"), -1);
    answer = apply(m, 200, two(m, 1, 20), "");
    check_change(m, answer, 0, "published");
    CHECK_EQ_INT(price_of(m, "a"), 1);
    mini_close(m);
}

TEST_DB(apply_dry, "a dry run says what would be and changes nothing")
{
    struct mini *m = prices_open(db);
    struct answer dry = apply(m, 200, two(m, 1, 10), ",\"dry_run\":true"), wet;

    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document_version"), 0);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"), 0);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_outbox where type ="
                               " 'document.published'"),
                 0);
    CHECK_EQ_INT(price_of(m, "a"), -1);
    wet = apply(m, 200, two(m, 1, 10), "");
    CHECK_EQ_STR(strstr(dry.body, "\"changes\""), strstr(wet.body, "\"changes\""));
    mini_close(m);
}

TEST_DB(apply_none, "one bad document, and none is saved; the answer says which and where")
{
    struct mini *m = prices_open(db);
    static const struct {
        const char *document, *more, *code, *pointer;
        int status;
    } bad[] = {
        {"{\"price\":-1}", "", "out_of_range", "/documents/1/document/price", 400},
        {"{\"price\":13}", "", "unlucky", "/documents/1", 422},
        {"{\"price\":2}", ",\"based_on\":4", "changed_meanwhile", "/documents/1", 412},
        {"[]", "", "not_an_object", "/documents/1/document", 400},
    };

    (void)apply(m, 200, item(m, "b", "{\"price\":10}", ""), "");
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        struct answer answer = apply(m, bad[k].status,
                                     mini_text(m, "%s,%s", item(m, "a", "{\"price\":1}", ""),
                                               item(m, "b", bad[k].document, bad[k].more)),
                                     "");

        CHECK_EQ_STR(mini_get(m, answer, "code"), bad[k].code);
        CHECK_EQ_STR(mini_get(m, answer, "pointer"), bad[k].pointer);
        CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document_version"), 1);
    }
    CHECK_EQ_INT(price_of(m, "b"), 10);
    mini_close(m);
}

TEST_DB(apply_based, "who applies on top of a version that is not the newest is told what changed")
{
    struct mini *m = prices_open(db);
    struct answer answer;

    (void)apply(m, 200, item(m, "a", "{\"price\":1}", ",\"based_on\":0"), "");
    (void)apply(m, 200, item(m, "a", "{\"price\":2}", ",\"based_on\":1"), "");
    answer = apply(m, 412, item(m, "a", "{\"price\":3}", ",\"based_on\":1"), "");
    CHECK_EQ_STR(mini_get(m, answer, "changed"), "/price");
    (void)apply(m, 412, item(m, "a", "{\"price\":3}", ",\"based_on\":0"), "");
    (void)apply(m, 200, item(m, "a", "{\"price\":3}", ""), "");
    CHECK_EQ_INT(price_of(m, "a"), 3);
    mini_close(m);
}

TEST_DB(apply_reviewed, "what a second person must approve is saved first, and published then")
{
    static const char law[] =
        "{\"collection\":\"probe.law\",\"key\":\"a\",\"document\":{\"price\":1}}";
    struct mini *m = prices_open(db);
    struct answer answer;

    answer = apply(m, 409, law, "");
    CHECK_EQ_STR(mini_get(m, answer, "code"), "not_approved");
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document_version"), 0);
    answer = apply(m, 200, law, ",\"save_only\":true");
    check_change(m, answer, 0, "new");
    CHECK_EQ_INT(mini_get_int(m, answer, "seq"), 0);
    answer = mini_http_as(m, prices_key(m, "\"*\""), NULL,
                          "POST /v1/documents/probe.law/a/versions/1/review", "{\"approve\":true}");
    CHECK_EQ_INT(answer.status, 200);
    answer = apply(m, 200, law, "");
    check_change(m, answer, 0, "published");
    CHECK_EQ_INT(mini_get_int(m, answer, "seq"), 1);
    mini_close(m);
}

TEST_DB(apply_scope, "who may not publish may save")
{
    struct mini *m = prices_open(db);
    const char *key = prices_key(m, "\"document:write\"");
    const char *items = item(m, "a", "{\"price\":1}", "");
    struct answer answer = mini_http_as(m, key, NULL, "POST /v1/documents",
                                        mini_text(m, "{\"documents\":[%s]}", items));

    CHECK_EQ_INT(answer.status, 403);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document_version"), 0);
    answer = mini_http_as(m, key, NULL, "POST /v1/documents",
                          mini_text(m, "{\"documents\":[%s],\"save_only\":true}", items));
    CHECK_EQ_INT(answer.status, 200);
    mini_close(m);
}

TEST_DB(apply_statements_fail, "each statement of applying fails once, and both documents are as"
                               " before, or as after")
{
    struct mini *m = prices_open(db);
    int64_t stands = 1;
    bool fired = true;

    (void)apply(m, 200, two(m, 1, 10), "");
    for (int nth = 1; fired && nth < STATEMENTS_MAX; nth++) {
        struct answer answer;

        mini_fail_statement(m, nth);
        answer = mini_http(
            m, "POST /v1/documents",
            mini_text(m, "{\"documents\":[%s]}", two(m, (int)stands + 1, 10 * ((int)stands + 1))));
        fired = mini_fault_fired(m);
        mini_fail_statement(m, 0);
        (void)keeper_step(mini_platform(m), true);
        mini_settle(m);
        stands += answer.status == 200;
        CHECK_EQ_INT(price_of(m, "a"), stands);
        CHECK_EQ_INT(price_of(m, "b"), 10 * stands);
    }
    CHECK(!fired);
    mini_close(m);
}

static const char strategy[] =
    "{\"name\":\"off\",\"source\":\"return { off = input.level * 2 }\",\"inputs\":[{\"name\":"
    "\"level\",\"type\":\"int\"}],\"outputs\":[{\"name\":\"off\",\"type\":\"int\",\"max\":%d}],"
    "\"fallback\":{\"off\":0},\"tests\":[{\"name\":\"two each\",\"input\":{\"level\":2},\"output\":"
    "{\"off\":%d}}]}";

static struct answer run_script(struct mini *m, int level)
{
    return mini_http(m, "POST /v1/scripts/off/run",
                     mini_text(m, "{\"input\":{\"level\":%d}}", level));
}

TEST_DB(script_documents, "a strategy is published once its tests pass, runs, and is switched off"
                          " when it fails three times")
{
    struct mini *m = mini_open(db);
    struct answer answer;

    answer = mini_http(m, "PUT /v1/documents/script/off",
                       mini_text(m, "{\"document\":%s}", mini_text(m, strategy, 9, 5)));
    CHECK_EQ_INT(answer.status, 422);
    CHECK_EQ_STR(mini_get(m, answer, "code"), "script_test_failed");
    CHECK_EQ_INT(run_script(m, 1).status, 404);
    answer = mini_http(m, "POST /v1/documents",
                       mini_text(m,
                                 "{\"documents\":[{\"collection\":\"script\",\"key\":\"off\","
                                 "\"document\":%s}]}",
                                 mini_text(m, strategy, 9, 4)));
    CHECK_SAY(answer.status == 200, "%d %s", answer.status, answer.body);
    mini_settle(m);
    answer = run_script(m, 3);
    CHECK_EQ_INT(mini_get_int(m, answer, "output.off"), 6);
    CHECK_EQ_INT(mini_get_int(m, answer, "version"), 1);
    answer = mini_http(m, "POST /v1/scripts/off/run", "{\"input\":{\"level\":\"x\"}}");
    CHECK_EQ_STR(mini_get(m, answer, "pointer"), "/input/level");
    for (int k = 0; k < 3; k++) {
        answer = run_script(m, 5); /* 10 is more than its output allows. */
        CHECK_EQ_STR(mini_get(m, answer, "failure"), "output");
        CHECK_EQ_INT(mini_get_int(m, answer, "output.off"), 0);
    }
    answer = run_script(m, 1);
    CHECK_EQ_STR(mini_get(m, answer, "failure"), "off");
    CHECK_EQ_INT(mini_get_int(m, answer, "output.off"), 0);
    answer = mini_http(m, "GET /v1/scripts", NULL);
    CHECK(strstr(answer.body, "\"name\":\"off\"") != NULL);
    CHECK(strstr(answer.body, "\"off_since\":null") == NULL);
    mini_close(m);
}
