/*
 * scope_test.c - keys are made for what there is, never for longer than their maker's own, and not
 * without end.
 */
#include <stdio.h>

#include "kernel/access/key.h"
#include "test/kit/mini.h"

static struct answer make_as(struct mini *m, const char *key, const char *scope, const char *more)
{
    return mini_http_as(
        m, key, NULL, "POST /v1/keys",
        mini_text(m, "{\"name\":\"till\",\"scopes\":[\"key:admin\",\"%s\"]%s}", scope, more));
}

TEST_DB(scope_unknown, "a scope that no table names is refused, and those that there are listed")
{
    static const struct {
        const char *scope, *says; /* The beginning of the detail. */
    } cases[] = {
        {"order:wirte",
         "there is no scope order:wirte: of order there are order:read, order:write"},
        {"order:admin",
         "there is no scope order:admin: of order there are order:read, order:write"},
        {"oder:write", "there is no area oder: there are key, audit, setting"},
        {"oder:*", "there is no area oder: there are key, audit, setting"},
        {"orde:write", NULL},
        {"orders:write", NULL},
        {"order:writ", NULL},
        {"order:writes", NULL},
    };
    struct mini *m = mini_open(db);

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct answer answer = make_as(m, NULL, cases[k].scope, "");

        CHECK_SAY(answer.status == 400, "%s: %d %s", cases[k].scope, answer.status, answer.body);
        CHECK_EQ_STR(mini_get(m, answer, "code"), "unknown_scope");
        CHECK_EQ_STR(mini_get(m, answer, "pointer"), "/scopes/1");
        if (cases[k].says)
            CHECK_SAY(
                strncmp(mini_get(m, answer, "detail"), cases[k].says, strlen(cases[k].says)) == 0,
                "%s", answer.body);
    }
    CHECK_EQ_INT(mini_count(m, "select count(*) from kernel_key"), 1);
    mini_close(m);
}

TEST_DB(scope_known, "every scope of the tables, the area of each and * make a key")
{
    struct mini *m = mini_open(db);
    const struct platform *platform = mini_platform(m);

    for (const struct module *const *module = platform->modules; *module; module++) {
        for (const struct route *r = (*module)->routes; r && r->method; r++)
            if (r->scope)
                CHECK_EQ_INT(make_as(m, NULL, r->scope, "").status, 201);
        for (const struct scope *scope = (*module)->scopes; scope && scope->name; scope++) {
            const char *colon = strchr(scope->name, ':');

            CHECK_SAY(colon && scope->doc && scope->doc[0], "%s", scope->name);
            CHECK_EQ_INT(make_as(m, NULL, scope->name, "").status, 201);
            CHECK_EQ_INT(make_as(m, NULL,
                                 mini_text(m, "%.*s:*", (int)(colon - scope->name), scope->name),
                                 "")
                             .status,
                         201);
        }
    }
    CHECK_EQ_INT(make_as(m, NULL, "*", "").status, 201);
    mini_close(m);
}

TEST_DB(key_expiry_held, "a key that ends makes none that outlives it")
{
    struct mini *m = mini_open(db);
    struct answer made = make_as(m, NULL, "order:read", ",\"expires_at\":\"2026-01-02T00:00:00Z\"");
    const char *brief = mini_get(m, made, "token");
    struct answer refused = make_as(m, brief, "order:read", "");

    CHECK_EQ_INT(refused.status, 403);
    CHECK_EQ_STR(mini_get(m, refused, "code"), "expiry_not_held");
    CHECK_EQ_STR(mini_get(m, refused, "pointer"), "/expires_at");
    CHECK(strstr(refused.body, "2026-01-02T00:00:00.000Z") != NULL);
    refused = make_as(m, brief, "order:read", ",\"expires_at\":\"2026-01-02T00:00:00.001Z\"");
    CHECK_EQ_INT(refused.status, 403);
    made = make_as(m, brief, "order:read", ",\"expires_at\":\"2026-01-02T00:00:00Z\"");
    CHECK_EQ_INT(made.status, 201);
    mini_sleep_ms(m, DAY_MS);
    CHECK_EQ_INT(make_as(m, mini_get(m, made, "token"), "order:read", "").status, 401);
    mini_close(m);
}

/* So many more keys that end, or ended, at a time; their hashes are those of no text. */
static void add_keys(struct mini *m, int first, int count, int64_t expires_ms, int64_t revoked_ms)
{
    mini_sql(m,
             mini_text(m,
                       "insert into kernel_key (id, name, hash, scopes, rate_per_s, created_ms,"
                       " expires_ms, revoked_ms) with recursive n(k) as (select %d union all"
                       " select k + 1 from n where k < %d) select k, 'x', 'x' || k, 'order:read',"
                       " 1, 1, %lld, %lld from n",
                       first, first + count - 1, (long long)expires_ms, (long long)revoked_ms));
}

static void must_make(struct mini *m, const char *code)
{
    struct answer answer = make_as(m, NULL, "order:read", "");

    CHECK_SAY(answer.status == (code ? 409 : 201), "%s", answer.body);
    CHECK_EQ_STR(mini_get(m, answer, "code"), code ? code : "");
}

TEST_DB(key_too_many,
        "a space has so many keys in force, and with those that ended lately so many more")
{
    struct mini *m = mini_open(db);
    int64_t now_ms = mini_now_ms(m);

    add_keys(m, 1, KEYS_MAX - 2, 0, 0); /* Beside the admin's. */
    must_make(m, NULL);
    must_make(m, "too_many_keys");
    mini_sql(m, "update kernel_key set revoked_ms = 1 where id <= 2");
    must_make(m, NULL);
    mini_sql(m, mini_text(m, "update kernel_key set revoked_ms = %lld where id < %d",
                          (long long)now_ms, KEYS_MAX));
    add_keys(m, KEYS_MAX, KEYS_KEPT_MAX - KEYS_MAX - 2, now_ms - DAY_MS, 0);
    must_make(m, NULL);
    must_make(m, "too_many_ended_keys");
    mini_sleep_ms(m, KEY_ENDED_KEPT_MS);
    must_make(m, NULL);
    mini_close(m);
}
