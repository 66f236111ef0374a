/*
 * document_fault_test.c - saving, publishing and taking over fail at every statement and at every
 * size of memory in turn: a document stands as before or as after, for clients and in rows alike.
 */
#include <stdio.h>

#include "kernel/document/fixture.h"
#include "kernel/work/keeper.h"

enum { STATEMENTS_MAX = 120, STARVED_STEP = 256, STARVED_BYTES_MAX = 1 << 19 };

static const char publish_both[] =
    "{\"items\":[{\"collection\":\"probe.price\",\"key\":\"a\",\"version\":%d},"
    "{\"collection\":\"probe.price\",\"key\":\"b\",\"version\":%d}]}";

static void save(struct mini *m, const char *key, int version, int price)
{
    const struct pair header = {STR("If-Match"), str_of(mini_text(m, "\"%d\"", version - 1))};
    struct mini_request request = {.request = mini_text(m, "PUT /v1/documents/probe.price/%s", key),
                                   .body = mini_text(m, "{\"document\":{\"price\":%d}}", price),
                                   .headers = &header,
                                   .header_count = version > 1};
    struct mini_call *call = mini_begin(m, &request);
    struct answer answer;

    while (mini_pending(call))
        (void)mini_step(m);
    answer = mini_end(m, call);
    CHECK_SAY(answer.status == 201, "%d %s", answer.status, answer.body);
}

/* Two documents with two versions each; the first ones are in force. */
static struct mini *open_two(const char *db)
{
    struct mini *m = prices_open(db);

    for (int version = 1; version <= 2; version++) {
        save(m, "a", version, version);
        save(m, "b", version, 10 * version);
    }
    CHECK_EQ_INT(mini_http(m, "POST /v1/publications", mini_text(m, publish_both, 1, 1)).status,
                 201);
    mini_settle(m);
    return m;
}

static int64_t price_of(struct mini *m, const char *key)
{
    return mini_get_int(m, mini_http(m, mini_text(m, "GET /v1/probe/prices/%s", key), NULL),
                        "price");
}

/* Which versions clients see; both have the same number, or it is a mixture. */
static int in_force(struct mini *m)
{
    int64_t a = price_of(m, "a"), b = price_of(m, "b");

    CHECK_SAY(b == 10 * a, "a mixture: %" PRId64 " and %" PRId64, a, b);
    return (int)a;
}

static void check_rows(struct mini *m, int version)
{
    CHECK_EQ_INT(mini_count(m, mini_text(m, "select count(*) from kernel_document where live = %d",
                                         version)),
                 2);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication"),
                 mini_count(m, "select max(seq) from kernel_publication"));
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_publication_item"),
                 2 * mini_count(m, "select max(seq) from kernel_publication"));
}

/* Publish the other versions under a fault; true: it was answered as done. */
static bool try_publish(struct mini *m, int version)
{
    struct answer answer =
        mini_http(m, "POST /v1/publications", mini_text(m, publish_both, version, version));

    CHECK_SAY(answer.status == 201 || answer.status >= 400, "%d %s", answer.status, answer.body);
    return answer.status == 201;
}

/* The fault is over: what was answered holds, and processes follow. */
static void settle(struct mini *m, bool done, int before, int after)
{
    (void)keeper_step(mini_platform(m), true);
    mini_settle(m);
    check_rows(m, done ? after : before);
    CHECK_EQ_INT(in_force(m), done ? after : before);
}

TEST_DB(document_statements_fail, "each statement of publishing and of taking over fails once")
{
    struct mini *m = open_two(db);
    int version = 1;
    bool fired = true;

    for (int nth = 1; fired && nth < STATEMENTS_MAX; nth++) {
        bool done;

        mini_fail_statement(m, nth);
        done = try_publish(m, 3 - version);
        mini_settle(m);
        (void)in_force(m);
        fired = mini_fault_fired(m);
        mini_fail_statement(m, 0);
        settle(m, done, version, 3 - version);
        version = done ? 3 - version : version;
        CHECK_SAY(nth > 1 || fired, "no statement was to fail");
    }
    CHECK(!fired);
    mini_close(m);
}

TEST_DB(document_starved, "publishing and taking over with too little memory changes nothing")
{
    struct mini *m = open_two(db);
    int version = 1, starved = 0, done_count = 0;

    for (size_t bytes = STARVED_STEP; bytes < STARVED_BYTES_MAX && done_count < 3;
         bytes += bytes < 65536 ? STARVED_STEP * 4 : 16384) {
        bool done;

        mini_arena_bytes(m, bytes);
        done = try_publish(m, 3 - version);
        mini_arena_bytes(m, 0);
        settle(m, done, version, 3 - version);
        version = done ? 3 - version : version;
        done_count += done;
        starved += !done;
    }
    CHECK(starved > 3);
    CHECK_EQ_INT(done_count, 3);
    mini_close(m);
}
