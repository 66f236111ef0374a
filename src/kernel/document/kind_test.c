/*
 * kind_test.c - schemas of collections, and collections that operators declare.
 */
#include <string.h>

#include "kernel/document/fixture.h"
#include "kernel/work/keeper.h"

static const char banner[] =
    "{\"title\":{\"zh\":\"\u6a2a\u5e45\",\"en\":\"Banner\"},\"doc\":\"Shown on top.\",\"schema\":{"
    "\"type\":\"object\",\"required\":[\"text\"],\"additionalProperties\":false,\"properties\":{"
    "\"text\":{\"type\":\"string\",\"maxLength\":5,\"x-title\":{\"zh\":\"\u6587\u5b57\"}},"
    "\"until\":{\"type\":\"string\",\"format\":\"date\"}}}}";

static struct answer ask(struct mini *m, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(m, request, body);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    mini_settle(m);
    return answer;
}

static struct answer apply(struct mini *m, int status, const char *collection, const char *key,
                           const char *document)
{
    return ask(m, status, "POST /v1/documents",
               mini_text(m, "{\"documents\":[{\"collection\":\"%s\",\"key\":\"%s\"%s%s}]}",
                         collection, key, document ? ",\"document\":" : "",
                         document ? document : ""));
}

TEST_DB(kind_declared,
        "an operator declares a collection, and its documents are held to its schema")
{
    struct mini *m = mini_open(db);
    struct answer answer;

    (void)apply(m, 404, "ops.banner", "top", "{\"text\":\"hi\"}");
    (void)apply(m, 200, "collection", "ops.banner", banner);
    answer = ask(m, 200, "GET /v1/collections/ops.banner", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "title.en"), "Banner");
    CHECK(strstr(answer.body, "\"x-title\":{\"zh\":\"\u6587\u5b57\"}") != NULL);
    CHECK(strstr(ask(m, 200, "GET /v1/collections", NULL).body, "\"ops.banner\"") != NULL);
    (void)apply(m, 200, "ops.banner", "top", "{\"text\":\"hi\",\"until\":\"2026-11-30\"}");
    answer = ask(m, 200, "GET /v1/documents/ops.banner/top", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "document.text"), "hi");
    answer = apply(m, 400, "ops.banner", "top", "{\"text\":\"too long\",\"until\":\"2026-02-30\"}");
    CHECK_EQ_STR(mini_get(m, answer, "code"), "document_invalid");
    CHECK_EQ_STR(mini_get(m, answer, "pointer"), "/documents/0/document/text");
    CHECK(strstr(mini_get(m, answer, "also"), "/until") != NULL);
    CHECK_EQ_STR(mini_get(m, answer, "schema"), "/properties/text/maxLength");
    mini_close(m);
}

TEST_DB(kind_in_use, "a collection stays while documents of it are in force")
{
    struct mini *m = mini_open(db);

    (void)apply(m, 200, "collection", "ops.banner", banner);
    (void)apply(m, 200, "ops.banner", "top", "{\"text\":\"hi\"}");
    CHECK_EQ_STR(mini_get(m, apply(m, 409, "collection", "ops.banner", NULL), "code"), "in_use");
    (void)apply(m, 200, "ops.banner", "top", NULL);
    (void)apply(m, 200, "collection", "ops.banner", NULL);
    CHECK_EQ_INT(ask(m, 404, "GET /v1/collections/ops.banner", NULL).status, 404);
    mini_close(m);
}

static struct answer publish_two(struct mini *m, int status, const char *first, const char *second)
{
    return ask(m, status, "POST /v1/documents",
               mini_text(m, "{\"documents\":[%s,%s]}", first, second));
}

TEST_DB(kind_references, "what a document refers to is in force, and stays so as long as it is")
{
    static const char page[] = "{\"schema\":{\"properties\":{\"parts\":{\"items\":{\"properties\":{"
                               "\"banner\":{\"type\":\"string\",\"x-ref\":\"ops.banner\"}}}}}}}";
    static const char uses[] = "{\"parts\":[{},{\"banner\":\"top\"}]}";
    static const char used_item[] = "{\"collection\":\"ops.banner\",\"key\":\"top\",\"document\":{"
                                    "\"text\":\"hi\"}}";
    static const char use_item[] = "{\"collection\":\"ops.page\",\"key\":\"home\",\"document\":{"
                                   "\"parts\":[{},{\"banner\":\"top\"}]}}";
    static const char end_both[][60] = {"{\"collection\":\"ops.banner\",\"key\":\"top\"}",
                                        "{\"collection\":\"ops.page\",\"key\":\"home\"}"};
    struct mini *m = mini_open(db);
    struct answer answer;

    (void)apply(m, 200, "collection", "ops.banner", banner);
    (void)apply(m, 200, "collection", "ops.page", page);
    answer = apply(m, 422, "ops.page", "home", uses);
    CHECK_EQ_STR(mini_get(m, answer, "code"), "refers_to_nothing");
    CHECK(strstr(answer.body, "/parts/1/banner") != NULL);
    (void)publish_two(m, 200, use_item, used_item);
    answer = apply(m, 409, "ops.banner", "top", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "code"), "in_use");
    CHECK_EQ_STR(mini_get(m, answer, "pointer"), "/documents/0");
    (void)apply(m, 200, "ops.banner", "top", "{\"text\":\"ho\"}"); /* Changed, it is still there. */
    (void)publish_two(m, 200, end_both[0], end_both[1]);
    (void)apply(m, 200, "ops.banner", "top", "{\"text\":\"ho\"}");
    (void)apply(m, 200, "ops.page", "home", uses);
    (void)ask(m, 409, "POST /v1/publications/6/undo", "{}");
    mini_close(m);
}

TEST_DB(kind_restart, "declared collections and their documents are there after a restart")
{
    struct mini *m = mini_open(db);

    (void)apply(m, 200, "collection", "ops.banner", banner);
    (void)apply(m, 200, "ops.banner", "top", "{\"text\":\"hi\"}");
    (void)apply(m, 200, "collection", "a.first", banner); /* Sorts before "collection". */
    (void)apply(m, 200, "a.first", "top", "{\"text\":\"ho\"}");
    mini_restart(m);
    CHECK_EQ_STR(mini_get(m, ask(m, 200, "GET /v1/documents/a.first/top", NULL), "document.text"),
                 "ho");
    (void)apply(m, 400, "ops.banner", "top", "{\"text\":5}");
    (void)apply(m, 200, "ops.banner", "top", "{\"text\":\"new\"}");
    mini_close(m);
}

TEST_DB(kind_refused, "a declaration that cannot be is refused with its place")
{
    static const struct {
        const char *key, *document, *code;
        int status;
    } rows[] = {
        {"script", "{\"schema\":{}}", "taken", 400},
        {"x.y", "{\"title\":{\"zh\":\"x\"}}", "document_invalid", 400},
        {"x.y", "{\"schema\":{\"type\":\"strng\"}}", "schema_keyword", 422},
        {"x.y", "{\"schema\":{\"$ref\":\"http://example.com/x\"}}", "schema_unresolved", 422},
        {"x.y", "{\"schema\":{\"pattern\":\"(\"}}", "schema_pattern", 422},
        {"x.y", "{\"schema\":{},\"more\":1}", "document_invalid", 400},
    };
    struct mini *m = mini_open(db);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        CHECK_EQ_STR(mini_get(m,
                              apply(m, rows[k].status, "collection", rows[k].key, rows[k].document),
                              "code"),
                     rows[k].code);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_document"), 0);
    mini_close(m);
}

TEST_DB(kind_tables, "a decision table is a document: its tests run, it decides, a new version is"
                     " seen")
{
    static const char table[] =
        "{\"hit\":\"first\",\"inputs\":[{\"name\":\"amount\",\"type\":\"int\"}],\"outputs\":[{"
        "\"name\":\"months\",\"type\":\"int\",\"default\":1}],\"rows\":[{\"when\":[\">= %d\"],"
        "\"then\":[6]}],\"tests\":[{\"input\":{\"amount\":500},\"output\":{\"months\":6}}]}";
    struct mini *m = mini_open(db);
    struct answer answer;

    answer = apply(m, 422, "table", "instalment", mini_text(m, table, 501));
    CHECK_EQ_STR(mini_get(m, answer, "code"), "table_test_failed");
    (void)apply(m, 200, "table", "instalment", mini_text(m, table, 500));
    answer = ask(m, 200, "POST /v1/tables/instalment/run", "{\"input\":{\"amount\":499}}");
    CHECK_EQ_INT(mini_get_int(m, answer, "output.months"), 1);
    (void)apply(m, 200, "table", "instalment", mini_text(m, table, 400));
    answer = ask(m, 200, "POST /v1/tables/instalment/run", "{\"input\":{\"amount\":499}}");
    CHECK_EQ_INT(mini_get_int(m, answer, "output.months"), 6);
    CHECK_EQ_INT(mini_get_int(m, answer, "rows.0"), 1);
    (void)ask(m, 400, "POST /v1/tables/instalment/run", "{\"input\":{\"amount\":\"x\"}}");
    (void)ask(m, 404, "POST /v1/tables/other/run", "{\"input\":{}}");
    mini_close(m);
}
