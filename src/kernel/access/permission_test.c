/*
 * permission_test.c - every route of every module's table, with every kind of key.
 *
 * Nothing here names a route but the list of public ones: a new row is asked as all the others.
 */
#include <stdio.h>

#include "kernel/access/key.h"
#include "kernel/access/permission_fixture.h"

/* Who may be asked without a key: told by its signature instead.  Think twice before adding one. */
static const char *const public_routes[] = {"POST /v1/webhooks/{space}/payments/{provider}"};
enum { PUBLIC_ROUTES = sizeof(public_routes) / sizeof(public_routes[0]) };

enum { HELD_MAX = 128 };

struct asking {
    struct mini *m;
    const char *key, *code, *body; /* A key, and what all routes answer to it. */
    struct values values;
    struct held { /* Keys of one scope each. */
        const char *scope, *token;
    } held[HELD_MAX];
    size_t held_count;
    int routes, public_found;
};

static struct asking asking_open(const char *db)
{
    struct asking asking = {.m = mini_open(db)};

    values_set(&asking.values, "scopes", "key:admin");
    return asking;
}

static const char *make_key(struct mini *m, const char *scope, const char *more)
{
    struct answer made = mini_http(
        m, "POST /v1/keys", mini_text(m, "{\"name\":\"till\",\"scopes\":[\"%s\"]%s}", scope, more));

    CHECK_SAY(made.status == 201, "%s: %s", scope, made.body);
    return mini_get(m, made, "token");
}

/* ---- No key that is in force ---- */

static void must_be_401(void *context, const struct route *route)
{
    struct asking *asking = context;
    struct built built = permission_build(asking->m, route, &asking->values);
    struct answer answer;

    if (!route->scope)
        return;
    answer = permission_send(asking->m, asking->key, built);
    CHECK_SAY(answer.status == 401, "%s: %d %s", built.request, answer.status, answer.body);
    CHECK_EQ_STR(mini_get(asking->m, answer, "code"), asking->code);
    asking->body = asking->body ? asking->body : answer.body;
    CHECK_EQ_STR(answer.body, asking->body); /* Of the route and its space nothing is told. */
    asking->routes++;
}

static void all_refuse(struct asking *asking, const char *key, const char *code)
{
    asking->key = key;
    asking->code = code;
    asking->body = NULL;
    asking->routes = 0;
    permission_routes(asking->m, must_be_401, asking);
    CHECK(asking->routes > 50);
}

TEST_DB(permission_no_key, "every route: without a key, and with what is none, 401")
{
    static const char *const none[] = {"x",
                                       "gvy_default_",
                                       "gvy_default_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "gvy_nowhere_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "gvy_other_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "gvy_../default_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "' or 1=1 --",
                                       "*"};
    struct asking asking = asking_open(db);

    (void)permission_other_space(asking.m);
    all_refuse(&asking, "", "no_key");
    for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++)
        all_refuse(&asking, none[k], "unknown_key");
    mini_close(asking.m);
}

TEST_DB(permission_ended_key, "every route: a revoked key and an expired one, 401 at once")
{
    struct asking asking = asking_open(db);
    struct mini *m = asking.m;
    const char *brief = make_key(m, "*", ",\"expires_at\":\"2026-01-01T00:01:00Z\"");
    struct answer made = mini_http(m, "POST /v1/keys", "{\"name\":\"gone\",\"scopes\":[\"*\"]}");
    const char *gone = mini_get(m, made, "token");

    CHECK_EQ_INT(mini_http_as(m, gone, NULL, "GET /v1/orders", NULL).status, 200);
    CHECK_EQ_INT(
        mini_http(m, mini_text(m, "POST /v1/keys/%s/revoke", mini_get(m, made, "id")), NULL).status,
        200);
    all_refuse(&asking, gone, "key_revoked");
    CHECK_EQ_INT(mini_http_as(m, brief, NULL, "GET /v1/orders", NULL).status, 200);
    mini_sleep_ms(m, MINUTE_MS);
    all_refuse(&asking, brief, "key_expired");
    mini_close(m);
}

TEST_DB(permission_other_space, "every route: another space's secret under this space's name, 401")
{
    struct asking asking = asking_open(db);
    struct mini *m = asking.m;
    const char *other = permission_other_space(m), *ours = make_key(m, "*", "");

    CHECK_EQ_INT(mini_http_as(m, other, NULL, "GET /v1/orders", NULL).status, 200);
    all_refuse(&asking, mini_text(m, "gvy_default_%s", other + strlen("gvy_other_")),
               "unknown_key");
    all_refuse(&asking, mini_text(m, "gvy_other_%s", ours + strlen("gvy_default_")), "unknown_key");
    mini_close(m);
}

/* ---- Scopes ---- */

static void hold(struct asking *asking, const char *scope)
{
    for (size_t k = 0; k < asking->held_count; k++)
        if (strcmp(asking->held[k].scope, scope) == 0)
            return;
    CHECK(asking->held_count < HELD_MAX);
    asking->held[asking->held_count++] = (struct held){scope, make_key(asking->m, scope, "")};
}

static void hold_with_area(struct asking *asking, const char *scope)
{
    hold(asking, scope);
    hold(asking, mini_text(asking->m, "%.*s:*", (int)(strchr(scope, ':') - scope), scope));
}

static void hold_of_route(void *context, const struct route *route)
{
    if (route->scope)
        hold_with_area(context, route->scope);
}

/* A key of each scope that there is, of each area, and of all. */
static void hold_all(struct asking *asking)
{
    permission_routes(asking->m, hold_of_route, asking);
    for (const struct module *const *m = mini_platform(asking->m)->modules; *m; m++)
        for (const struct scope *scope = (*m)->scopes; scope && scope->name; scope++)
            hold_with_area(asking, scope->name);
    hold(asking, "*");
}

static void each_scope(void *context, const struct route *route)
{
    struct asking *asking = context;
    struct built built = permission_build(asking->m, route, &asking->values);
    int let_in = 0;

    for (size_t k = 0; route->scope && k < asking->held_count; k++) {
        const struct held *held = &asking->held[k];
        struct answer answer = permission_send(asking->m, held->token, built);

        if (scope_covers(str_of(held->scope), str_of(route->scope))) {
            CHECK_SAY(answer.status != 401 && answer.status != 403 && answer.status < 500,
                      "%s with %s: %d %s", built.request, held->scope, answer.status, answer.body);
            let_in++;
            continue;
        }
        CHECK_SAY(answer.status == 403, "%s with %s: %d %s", built.request, held->scope,
                  answer.status, answer.body);
        CHECK_EQ_STR(mini_get(asking->m, answer, "code"), "scope_missing");
        CHECK_EQ_STR(mini_get(asking->m, answer, "detail"),
                     mini_text(asking->m, "this key lacks the scope %s", route->scope));
    }
    if (route->scope)
        CHECK_SAY(let_in == 3, "%s: %d keys of the scope, its area and all came in", built.request,
                  let_in);
}

TEST_DB(permission_scopes,
        "every route: a key of any one scope comes in by its own, and else is 403")
{
    struct asking asking = asking_open(db);

    hold_all(&asking);
    CHECK(asking.held_count > 30);
    permission_routes(asking.m, each_scope, &asking);
    mini_close(asking.m);
}

/* ---- Public routes ---- */

static void look_at_public(void *context, const struct route *route)
{
    struct asking *asking = context;
    const char *row = mini_text(asking->m, "%s %s", route->method, route->path);
    bool listed = false;

    for (int k = 0; k < PUBLIC_ROUTES; k++)
        listed = listed || strcmp(row, public_routes[k]) == 0;
    CHECK_SAY(listed == !route->scope, "%s: %s", row,
              listed ? "has a scope: take it off the list" : "is public, and not on the list");
    asking->public_found += listed;
}

TEST_DB(permission_public,
        "public are the routes of a short list, and what a process tells of itself")
{
    static const char *const process[] = {"/healthz", "/readyz",       "/metrics",
                                          "/statusz", "/openapi.json", "/docs"};
    struct asking asking = asking_open(db);
    struct mini *m = asking.m;

    permission_routes(m, look_at_public, &asking);
    CHECK_EQ_INT(asking.public_found, PUBLIC_ROUTES);
    CHECK_EQ_INT(mini_http(m, "POST /v1/keys", "{\"name\":\"zebra\",\"scopes\":[\"*\"]}").status,
                 201);
    for (size_t k = 0; k < sizeof(process) / sizeof(process[0]); k++) {
        struct answer answer = mini_http_as(m, "", NULL, mini_text(m, "GET %s", process[k]), NULL);

        CHECK_SAY(answer.status == 200, "%s: %d", process[k], answer.status);
        CHECK_SAY(!strstr(answer.body, mini_admin_key(m)), "%s tells a key", process[k]);
        CHECK_SAY(!strstr(answer.body, "zebra"), "%s tells the name of a key", process[k]);
    }
    CHECK_EQ_INT(mini_http_as(m, "", NULL, "GET /", NULL).status, 404);
    CHECK_EQ_INT(mini_http_as(m, "", NULL, "GET /v1", NULL).status, 404);
    mini_close(m);
}

/* ---- Methods ---- */

static void reads_only(void *context, const struct route *route)
{
    struct asking *asking = context;

    CHECK_SAY(strcmp(route->method, "GET") != 0 || route->tx != TX_WRITE, "GET %s is a command",
              route->path);
    asking->routes += route->tx != TX_WRITE;
}

TEST_DB(permission_methods, "every route: what is asked with GET is a read, and changes nothing")
{
    struct asking asking = asking_open(db);

    permission_routes(asking.m, reads_only, &asking);
    CHECK(asking.routes > 20);
    mini_close(asking.m);
}
