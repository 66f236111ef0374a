/*
 * http_test.c - keys, scopes, the audit log and persons, as an administrator meets them.
 */
#include <stdio.h>

#include "kernel/access/access.h"
#include "kernel/access/audit.h"
#include "kernel/access/key.h"
#include "kernel/access/person.h"
#include "test/kit/mini.h"

/* ---- A module whose keys are at stake ---- */

static struct setting probe_a = {
    .name = "probe.a", .unit = "items", .doc = "A.", .min = 0, .max = 9, .fallback = 1};
static struct setting probe_b = {
    .name = "probe.b", .unit = "items", .doc = "B.", .min = 0, .max = 9, .fallback = 1};
static struct setting probe_c = {
    .name = "probe.c", .unit = "items", .doc = "C.", .min = 0, .max = 9, .fallback = 1};

static enum err get_probe(struct req *req)
{
    return reply_empty(req, 200);
}

static const struct module probe_module = {
    .name = "probe",
    .routes = ROUTES({"GET", "/v1/limits", get_probe, TX_READ, "probe:read", .doc = "Probe."}),
    .settings = SETTINGS(&probe_a, &probe_b, &probe_c),
};

static struct mini *open_probe(const char *db)
{
    static const struct module *const modules[] = {&probe_module, NULL};

    return mini_open_modules(db, modules);
}

static struct answer send(struct mini *m, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(m, request, body);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    return answer;
}

/* One request with another key, which must be answered so. */
static void send_as(struct mini *m, const char *key, const char *request, int status,
                    const char *code)
{
    struct answer answer = mini_http_as(m, key, NULL, request, NULL);

    CHECK_SAY(answer.status == status, "%s: %d %s", request, answer.status, answer.body);
    if (code)
        CHECK_EQ_STR(mini_get(m, answer, "code"), code);
}

static struct answer make_key(struct mini *m, const char *scopes)
{
    return send(m, 201, "POST /v1/keys",
                mini_text(m, "{\"name\":\"till\",\"scopes\":[%s]}", scopes));
}

/* ---- Keys ---- */

TEST_DB(http_key_life, "a key is made, told once, used, listed without its text, and revoked")
{
    struct mini *m = open_probe(db);
    struct answer made = make_key(m, "\"probe:read\",\"audit:*\""), list;
    const char *token = mini_get(m, made, "token"), *id = mini_get(m, made, "id");

    CHECK_EQ_INT(strlen(token), strlen("gvy_default_") + KEY_SECRET_LEN);
    CHECK_EQ_STR(mini_get(m, made, "scopes"), "[\"probe:read\",\"audit:*\"]");
    CHECK_EQ_STR(mini_get(m, made, "expires_at"), "null");
    CHECK_EQ_INT(mini_get_int(m, made, "rate_per_s"), KEY_RATE_PER_S_DEFAULT);
    send_as(m, token, "GET /v1/limits", 200, NULL);
    send_as(m, token, "GET /v1/audit", 200, NULL);
    send_as(m, token, "GET /v1/keys", 403, "scope_missing");
    list = send(m, 200, "GET /v1/keys", NULL);
    CHECK_EQ_STR(mini_get(m, list, "data.0.id"), id);
    CHECK_EQ_STR(mini_get(m, list, "data.0.token"), "");
    CHECK(!strstr(list.body, token + strlen(token) - KEY_SECRET_LEN));
    CHECK(!strstr(list.body, "hash"));
    made = send(m, 200, mini_text(m, "POST /v1/keys/%s/revoke", id), NULL);
    CHECK_EQ_STR(mini_get(m, made, "revoked_at"), "2026-01-01T00:00:00.000Z");
    send_as(m, token, "GET /v1/limits", 401, "key_revoked");
    mini_restart(m);
    send_as(m, token, "GET /v1/limits", 401, "key_revoked");
    mini_close(m);
}

TEST_DB(http_key_refused, "keys that are unknown, foreign, expired or of no space are refused")
{
    struct mini *m = open_probe(db);
    struct answer made = send(m, 201, "POST /v1/keys",
                              "{\"name\":\"brief\",\"scopes\":[\"probe:read\"],"
                              "\"expires_at\":\"2026-01-01T00:00:10Z\",\"rate_per_s\":5}");
    const char *token = mini_get(m, made, "token");
    char *guess = (char *)(uintptr_t)mini_text(m, "%s", token);

    guess[strlen(guess) - 2] = guess[strlen(guess) - 2] == 'x' ? 'y' : 'x';
    send_as(m, guess, "GET /v1/limits", 401, "unknown_key");
    send_as(m, "some other text, long enough", "GET /v1/limits", 401, "unknown_key");
    send_as(m, "gvy_nowhere_abcdefghijklmnopqrstuvwxyz_-ABCDEFGHIJKLMNO", "GET /v1/limits", 401,
            "unknown_key");
    send_as(m, token, "GET /v1/limits", 200, NULL);
    mini_sleep_ms(m, 10 * SECOND_MS);
    send_as(m, token, "GET /v1/limits", 401, "key_expired");
    mini_close(m);
}

TEST_DB(http_key_bad, "a key that cannot be is refused, with the place of the mistake")
{
    static const struct {
        const char *body, *code, *pointer;
    } cases[] = {
        {"{}", "required", "/name"},
        {"{\"name\":\"\",\"scopes\":[\"*\"]}", "out_of_range", "/name"},
        {"{\"name\":\"n\",\"scopes\":[]}", "out_of_range", "/scopes"},
        {"{\"name\":\"n\",\"scopes\":[\"*\",\"Order\"]}", "bad_scope", "/scopes/1"},
        {"{\"name\":\"n\",\"scopes\":[\"*\"],\"rate_per_s\":0}", "out_of_range", "/rate_per_s"},
        {"{\"name\":\"n\",\"scopes\":[\"*\"],\"rate_per_s\":100001}", "out_of_range",
         "/rate_per_s"},
        {"{\"name\":\"n\",\"scopes\":[\"*\"],\"expires_at\":\"2026-01-01T00:00:00Z\"}",
         "bad_expiry", "/expires_at"},
        {"{\"name\":\"n\",\"scopes\":[\"*\"],\"token\":\"mine\"}", "unknown_field", "/token"},
    };
    struct mini *m = open_probe(db);

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct answer answer = send(m, 400, "POST /v1/keys", cases[k].body);

        CHECK_EQ_STR(mini_get(m, answer, "code"), cases[k].code);
        CHECK_EQ_STR(mini_get(m, answer, "pointer"), cases[k].pointer);
    }
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_key"), 1);
    mini_close(m);
}

TEST_DB(http_key_not_stored, "a repeated POST of a key makes no second one and stores no secret")
{
    static const char body[] = "{\"name\":\"till\",\"scopes\":[\"probe:read\"]}";
    struct mini *m = open_probe(db);
    struct answer first = mini_http_as(m, NULL, "once", "POST /v1/keys", body);
    struct answer again = mini_http_as(m, NULL, "once", "POST /v1/keys", body);

    CHECK_EQ_INT(first.status, 201);
    CHECK_EQ_INT(again.status, 201);
    CHECK(again.replayed);
    CHECK(!strstr(again.body, "gvy_"));
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_key"), 2);
    CHECK_EQ_INT(mini_count(m,
                            "select (select count(*) from kernel_idem_0 where reply like '%gvy%')"
                            " + (select count(*) from kernel_idem_1 where reply like '%gvy%')"
                            " + (select count(*) from kernel_idem_2 where reply like '%gvy%')"),
                 0);
    mini_close(m);
}

/* Walk a list by pages of two; every item once, in order, and the last page says so. */
static int walk_pages(struct mini *m, const char *path, const char *member)
{
    const char *target = mini_text(m, "GET %s?limit=2", path), *before = "";
    int items = 0;

    for (int page = 0; page < 20; page++) {
        struct answer answer = send(m, 200, target, NULL);
        const char *next = mini_get(m, answer, "next");

        for (int k = 0; k < 2; k++) {
            const char *value = mini_get(m, answer, mini_text(m, "data.%d.%s", k, member));

            if (value[0] == '\0')
                continue;
            items++;
            CHECK_SAY(strcmp(value, before) != 0, "%s came twice", value);
            before = value;
        }
        if (strcmp(next, "null") == 0)
            return items;
        target = mini_text(m, "GET %s?limit=2&cursor=%s", path, next);
    }
    return -1;
}

TEST_DB(http_pages, "lists of keys, audit rows and settings come by pages, whole")
{
    struct mini *m = open_probe(db);

    for (int k = 0; k < 5; k++)
        (void)make_key(m, "\"probe:read\"");
    CHECK_EQ_INT(walk_pages(m, "/v1/keys", "id"), 6);
    CHECK_EQ_INT(walk_pages(m, "/v1/audit", "seq"), 5);
    CHECK_EQ_INT(walk_pages(m, "/v1/settings", "name"), 5);
    send(m, 400, "GET /v1/keys?cursor=AAAA", NULL);
    send(m, 400, "GET /v1/keys?limit=0", NULL);
    send(m, 400, "GET /v1/keys?limit=201", NULL);
    send(m, 200, "GET /v1/keys?limit=200", NULL);
    mini_close(m);
}

/* ---- Scopes and the audit log ---- */

/* The route's path with something in place of each parameter. */
static const char *any_path(struct mini *m, const struct route *route)
{
    char path[256];
    size_t len = 0;

    for (const char *c = route->path; *c; c++) {
        const char *end = *c == '{' ? strchr(c, '}') : c;
        const char *put = *c != '{' ? NULL : strstr(c, ":key}") ? "key_0000000000001" : "x";

        if (put)
            len += (size_t)snprintf(path + len, sizeof(path) - len, "%s", put);
        else
            path[len++] = *c;
        c = end;
    }
    path[len] = '\0';
    return mini_text(m, "%s %s", route->method, path);
}

TEST_DB(http_scopes, "each route of the kernel wants a scope, and is refused without it")
{
    struct mini *m = open_probe(db);
    const char *outsider = mini_get(m, make_key(m, "\"probe:*\""), "token");
    int64_t rows = mini_count(m, "select count(*) from kernel_audit");
    int routes = 0;

    for (const struct route *route = kernel_module.routes; route->method; route++, routes++) {
        CHECK(route->scope != NULL);
        send_as(m, outsider, any_path(m, route), 403, "scope_missing");
        if (route->tx == TX_WRITE)
            CHECK(route->flags & ROUTE_AUDIT);
    }
    CHECK_EQ_INT(routes, 13);
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_audit"), rows);
    mini_close(m);
}

TEST_DB(http_audited, "administrative writes are chained with who, what and how it ended")
{
    struct mini *m = open_probe(db);
    const char *id = mini_get(m, make_key(m, "\"probe:*\""), "id");
    struct answer log;

    send(m, 404, "POST /v1/keys/key_0000000000001/revoke", NULL); /* Fails: no row. */
    send(m, 200, mini_text(m, "POST /v1/keys/%s/revoke", id), NULL);
    log = send(m, 200, "GET /v1/audit", NULL);
    CHECK_EQ_STR(mini_get(m, log, "data.0.action"), "POST /v1/keys/{id:key}/revoke");
    CHECK_EQ_STR(mini_get(m, log, "data.0.path"), mini_text(m, "/v1/keys/%s/revoke", id));
    CHECK_EQ_INT(mini_get_int(m, log, "data.0.status"), 200);
    CHECK_EQ_INT(strncmp(mini_get(m, log, "data.0.actor"), "key_", 4), 0);
    CHECK_EQ_STR(mini_get(m, log, "data.0.previous"), mini_get(m, log, "data.1.hash"));
    CHECK_EQ_STR(mini_get(m, log, "data.1.action"), "POST /v1/keys");
    CHECK_EQ_INT(mini_get_int(m, log, "data.1.seq"), 1);
    CHECK_EQ_STR(mini_get(m, log, "data.1.previous"), "");
    mini_close(m);
}

/* ---- Persons ---- */

static enum err seal_one(struct cx *cx, void *argument)
{
    struct str sealed;

    (void)argument;
    TRY(person_seal(cx, STR("张三 1"), STR("13800138000"), &sealed));
    return person_index_put(cx, "phone", STR("13800138000"), STR("张三 1"));
}

TEST_DB(http_person, "a person is exported and erased by name, whatever its letters")
{
    struct mini *m = open_probe(db);
    struct problem problem;
    struct answer answer;

    CHECK_EQ_INT(space_command(mini_space(m), seal_one, NULL, &problem), OK);
    answer = send(m, 200, "GET /v1/persons/%E5%BC%A0%E4%B8%89%201/export", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "person"), "张三 1");
    CHECK_EQ_STR(mini_get(m, answer, "sealed_since"), "2026-01-01T00:00:00.000Z");
    CHECK_EQ_STR(mini_get(m, answer, "erased_at"), "null");
    answer = send(m, 200, "POST /v1/persons/%E5%BC%A0%E4%B8%89%201/erase", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "erased_at"), "2026-01-01T00:00:00.000Z");
    answer = send(m, 200, "GET /v1/persons/%E5%BC%A0%E4%B8%89%201/export", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "sealed_since"), "null");
    CHECK_EQ_STR(mini_get(m, answer, "erased_at"), "2026-01-01T00:00:00.000Z");
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_person_index"), 0);
    answer = send(m, 200, "GET /v1/audit", NULL);
    CHECK_EQ_STR(mini_get(m, answer, "data.0.action"), "POST /v1/persons/{person}/erase");
    mini_close(m);
}

TEST_DB(http_key_again, "a key's answer comes again without the secret")
{
    static const char body[] = "{\"name\":\"till\",\"scopes\":[\"*\"]}";
    struct mini *m = mini_open(db);
    struct answer made = mini_http_as(m, NULL, "once", "POST /v1/keys", body);
    struct answer again = mini_http_as(m, NULL, "once", "POST /v1/keys", body);

    CHECK_EQ_INT(made.status, 201);
    CHECK(mini_get(m, made, "token")[0] != '\0');
    CHECK(again.replayed);
    CHECK_EQ_STR(mini_get(m, again, "id"), mini_get(m, made, "id"));
    CHECK_EQ_STR(mini_get(m, again, "name"), "till");
    CHECK_EQ_STR(mini_get(m, again, "token"), "");
    mini_close(m);
}
