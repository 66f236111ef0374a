/*
 * client_test.c - requests against a server that refuses, stays busy or is not there.
 */
#include "cli/client.h"

#include <curl/curl.h>
#include <stdio.h>

#include "kernel/http/engine.h"
#include "test/kit/test.h"

enum { JOBS = 300 };

static struct http_server *server;
static char url[64];
static atomic_int busy; /* So many answers are 503. */
static atomic_int seen[JOBS];

static void answer(struct http_exchange *x, int status, struct str body, bool later, bool replayed)
{
    struct http_reply reply = {
        .status = status, .content_type = STR("application/json"), .body = body};

    if (later) {
        reply.headers[reply.header_count].name = "Retry-After";
        reply.headers[reply.header_count++].value = STR("0");
    }
    if (replayed) {
        reply.headers[reply.header_count].name = "Idempotency-Replayed";
        reply.headers[reply.header_count++].value = STR("true");
    }
    http_reply(x, &reply);
}

/* /busy is 503 for a while; /jobs/N notes N; the rest tells what it got. */
static void on_request(struct http_exchange *x, void *context)
{
    struct str path = http_path(x);
    int64_t k;

    (void)context;
    if (str_is(path, "/busy") && atomic_fetch_sub(&busy, 1) > 0)
        answer(x, 503, STR("{}"), true, false);
    else if (str_is(path, "/none"))
        answer(x, 404, STR("{\"code\":\"no_such_route\",\"open\":7}"), false, false);
    else if (str_starts(path, STR("/jobs/")) &&
             str_int((struct str){path.ptr + 6, path.len - 6}, &k) && k >= 0 && k < JOBS)
        atomic_fetch_add(&seen[k], 1), answer(x, 200, STR("{}"), false, false);
    else if (str_is(http_header(x, "Idempotency-Key"), "k 1") ||
             !str_is(http_header(x, "Authorization"), "Bearer secret"))
        answer(x, 400, STR("{}"), false, false);
    else if (str_is(http_method(x), "POST") && str_is(http_body(x), "{\"a\":1}") &&
             str_is(http_header(x, "Idempotency-Key"), "k1") &&
             str_is(http_header(x, "Content-Type"), "application/json"))
        answer(x, 201, STR("{\"id\":\"x\"}"), false, true);
    else
        answer(x, 200, STR("{}"), false, false);
}

static void serve(void)
{
    struct http_options options = {.listen = "127.0.0.1:0", .on_request = on_request};
    struct problem problem;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    server = http_start(&options, &problem);
    CHECK_SAY(server, "%s", problem.detail);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_port(server));
}

TEST(client_calls, "a request carries its key and body, and an answer tells what it is")
{
    struct client_target target = {url, "secret"};
    struct client_request post = {"POST", STR("/x"), STR("{\"a\":1}"), STR("k1")};
    struct client_request none = {.method = "GET", .path = STR("/none")};
    struct client_answer got;
    struct client client;
    struct json json;

    serve();
    CHECK(client_open(&client, &target));
    CHECK(client_call(&client, &post, &got));
    CHECK_EQ_INT(got.status, 201);
    CHECK(got.replayed);
    CHECK(client_json(&client, &got, &json));
    CHECK_EQ_TEXT(client_text(&client, json, "id"), "x");
    CHECK(client_call(&client, &none, &got)); /* The same connection, without a body. */
    CHECK_EQ_INT(got.status, 404);
    CHECK(!got.replayed);
    CHECK(client_json(&client, &got, &json));
    CHECK_EQ_INT(client_int(json, "open"), 7);
    CHECK_EQ_INT(client_int(json, "code"), 0);
    CHECK(!client_text(&client, json, "open").ptr);
    client_close(&client);
    http_stop(server, 1000);
}

TEST(client_waits, "a busy server is asked again, so often and no more")
{
    struct client_target target = {url, "secret"};
    struct client_request request = {.method = "GET", .path = STR("/busy")};
    struct client_answer got;
    struct client client;

    serve();
    CHECK(client_open(&client, &target));
    atomic_store(&busy, CLIENT_ATTEMPTS_MAX - 1);
    CHECK(client_call(&client, &request, &got));
    CHECK_EQ_INT(got.status, 200);
    atomic_store(&busy, CLIENT_ATTEMPTS_MAX);
    CHECK(client_call(&client, &request, &got));
    CHECK_EQ_INT(got.status, 503);
    client_close(&client);
    http_stop(server, 1000);
}

TEST(client_silence, "a server that is not there is given up soon, and named")
{
    struct client_target target = {url, "secret"};
    struct client_request request = {.method = "GET", .path = STR("/")};
    struct client_answer got;
    struct client client;

    serve();
    http_stop(server, 1000);
    CHECK(client_open(&client, &target));
    CHECK(!client_call(&client, &request, &got));
    CHECK_EQ_INT(got.status, 0);
    CHECK_SAY(strstr(client.error, url) == client.error, "%s", client.error);
    client_close(&client);
}

static bool job(struct client *client, size_t k, void *context)
{
    const size_t *fatal = context;
    struct client_request request = {.method = "GET",
                                     .path = cx_printf(&client->cx, "/jobs/%zu", k)};
    struct client_answer got;

    return client_call(client, &request, &got) && got.status == 200 && k != *fatal;
}

TEST(client_jobs, "every job is done once, whatever the connections; a failed one ends the rest")
{
    struct client_target target = {url, "secret"};
    size_t fatal = JOBS;
    struct client_run run = {
        .target = &target, .count = JOBS, .connections = 8, .job = job, .context = &fatal};
    int done = 0;

    serve();
    CHECK(client_each(&run));
    for (int k = 0; k < JOBS; k++)
        CHECK_EQ_INT(atomic_load(&seen[k]), 1);
    fatal = 5;
    CHECK(!client_each(&run));
    for (int k = 0; k < JOBS; k++)
        done += atomic_load(&seen[k]) - 1;
    CHECK(done > 5 && done < JOBS);
    run.count = 0;
    CHECK(client_each(&run));
    http_stop(server, 1000);
}
