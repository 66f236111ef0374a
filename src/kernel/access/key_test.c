/*
 * key_test.c - keys: made once, found at once, refused at once; who may hand on what.
 */
#include "kernel/access/key.h"

#include "kernel/access/fixture.h"
#include "kernel/base/hash.h"

struct making {
    struct key_new in;
    const struct caller *caller;
    struct str scopes[4];
    char token[KEY_TEXT_LEN_MAX + 1];
    int64_t id;
    bool fail_after;
};

static enum err make(struct cx *cx, void *argument)
{
    struct making *making = argument;
    struct key key;

    cx->caller = making->caller;
    TRY(key_create(cx, &making->in, &key));
    if (making->fail_after)
        return fail(cx, ERR_CONFLICT, "test", "after all");
    snprintf(making->token, sizeof(making->token), STR_FMT, STR_ARG(key.token));
    making->id = key.id;
    return OK;
}

static struct making a_key(const char *a, const char *b)
{
    struct making making = {.in = {.name = STR("till 3")}, .scopes = {str_of(a), str_of(b)}};

    making.in.scopes.count = b ? 2 : 1;
    return making;
}

static enum err make_key(struct fixture *f, struct making *making)
{
    making->in.scopes.items = making->scopes;
    return space_command(f->space, make, making, &f->problem);
}

struct revoking {
    int64_t id;
    bool fail_after;
};

static enum err revoke(struct cx *cx, void *argument)
{
    const struct revoking *revoking = argument;
    struct key key;

    TRY(key_revoke(cx, revoking->id, &key));
    CHECK(key.revoked_ms != 0);
    return revoking->fail_after ? fail(cx, ERR_CONFLICT, "test", "after all") : OK;
}

static enum key_state find(struct fixture *f, const char *token, const struct caller **caller)
{
    const struct caller *unused;
    enum key_state state;
    bool found =
        key_find(&f->platform, str_of(token), f->now_ms, caller ? caller : &unused, &state);

    CHECK_EQ_INT(found, state == KEY_IN_FORCE);
    return state;
}

TEST(scope_cover, "a scope covers itself, AREA:* its area, * everything, and nothing else")
{
    static const struct {
        const char *granted, *wanted;
        bool covers;
    } cases[] = {{"order:write", "order:write", true},
                 {"order:write", "order:read", false},
                 {"order:*", "order:write", true},
                 {"order:*", "orders:write", false},
                 {"order:*", "order:*", true},
                 {"order:write", "order:*", false},
                 {"*", "order:write", true},
                 {"*", "*", true},
                 {"order:*", "*", false},
                 {"order:w", "order:write", false},
                 {"order:write", "order:w", false},
                 {":*", ":write", false},
                 {"", "order:write", false}};

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
        CHECK_SAY(scope_covers(str_of(cases[k].granted), str_of(cases[k].wanted)) ==
                      cases[k].covers,
                  "%s and %s", cases[k].granted, cases[k].wanted);
}

#define SECRET "abcdefghijklmnopqrstuvwxyz_-ABCDEFGHIJKLMNO"

TEST(key_names_its_space, "the space stands in the key, whatever the secret looks like")
{
    CHECK_EQ_INT(sizeof(SECRET) - 1, KEY_SECRET_LEN);
    CHECK_EQ_TEXT(key_space_of(STR("gvy_shop_" SECRET)), "shop");
    CHECK_EQ_TEXT(key_space_of(STR("gvy_my_shop_2_" SECRET)), "my_shop_2");
    CHECK_EQ_TEXT(key_space_of(STR("gvy__" SECRET)), SPACE_DEFAULT);
    CHECK_EQ_TEXT(key_space_of(STR("gvy_" SECRET)), SPACE_DEFAULT);
    CHECK_EQ_TEXT(key_space_of(STR("gvy_shop-" SECRET)), SPACE_DEFAULT);
    CHECK_EQ_TEXT(key_space_of(STR("GVY_shop_" SECRET)), SPACE_DEFAULT);
    CHECK_EQ_TEXT(key_space_of(STR("correct horse battery staple")), SPACE_DEFAULT);
    CHECK_EQ_TEXT(key_space_of(STR("gvy_a23456789012345678901234567890_2_" SECRET)),
                  "a23456789012345678901234567890_2");
    CHECK_EQ_TEXT(key_space_of(STR("gvy_a234567890123456789012345678901_3_" SECRET)),
                  SPACE_DEFAULT);
}

TEST_DB(key_made_and_found, "a key is found from its commit on, with its scopes, and not a guess")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making making = a_key("order:write", "stock:*");
    const struct caller *caller;
    size_t len;

    making.in.rate_per_s = 50;
    CHECK_EQ_INT(make_key(f, &making), OK);
    len = strlen(making.token);
    CHECK_EQ_INT(len, 4 + strlen(f->name) + 1 + KEY_SECRET_LEN);
    CHECK_EQ_TEXT(key_space_of(str_of(making.token)), f->name);
    CHECK_EQ_INT(find(f, making.token, &caller), KEY_IN_FORCE);
    CHECK(caller->space == f->space);
    CHECK_EQ_INT(caller->key_id, making.id);
    CHECK_EQ_INT(caller->rate_per_s, 50);
    CHECK_EQ_TEXT(caller->name, "till 3");
    CHECK_EQ_STR(caller->scopes[0], "order:write");
    CHECK_EQ_STR(caller->scopes[1], "stock:*");
    CHECK_EQ_STR(caller->scopes[2], NULL);
    making.token[len - 1] = making.token[len - 1] == 'A' ? 'B' : 'A';
    CHECK_EQ_INT(find(f, making.token, NULL), KEY_UNKNOWN);
    making.token[len - 1] = '\0';
    CHECK_EQ_INT(find(f, "short", NULL), KEY_UNKNOWN);
    CHECK_EQ_INT(find(f, "", NULL), KEY_UNKNOWN);
    fixture_close(f);
}

TEST_DB(key_not_made, "a key of a command that failed does not exist")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making making = a_key("order:write", NULL);
    const struct caller *caller;

    making.fail_after = true;
    CHECK_EQ_INT(make_key(f, &making), ERR_CONFLICT);
    CHECK_EQ_INT(find(f, making.token, &caller), KEY_UNKNOWN);
    fixture_close(f);
}

TEST_DB(key_expires, "a key expires to the millisecond")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making making = a_key("order:write", NULL);

    making.in.expires_ms = f->now_ms;
    CHECK_EQ_INT(make_key(f, &making), ERR_BAD_INPUT);
    CHECK_EQ_STR(f->problem.code, "bad_expiry");
    making.in.expires_ms = f->now_ms + 1000;
    CHECK_EQ_INT(make_key(f, &making), OK);
    f->now_ms += 999;
    CHECK_EQ_INT(find(f, making.token, NULL), KEY_IN_FORCE);
    f->now_ms += 1;
    CHECK_EQ_INT(find(f, making.token, NULL), KEY_EXPIRED);
    fixture_close(f);
}

TEST_DB(key_revoked, "a key is refused from the commit of its revocation on, and not before")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making making = a_key("order:write", NULL);
    struct revoking revoking = {.fail_after = true};

    CHECK_EQ_INT(make_key(f, &making), OK);
    revoking.id = making.id;
    COMMAND(f, revoke, &revoking, ERR_CONFLICT);
    CHECK_EQ_INT(find(f, making.token, NULL), KEY_IN_FORCE);
    revoking.fail_after = false;
    COMMAND(f, revoke, &revoking, OK);
    CHECK_EQ_INT(find(f, making.token, NULL), KEY_REVOKED);
    COMMAND(f, revoke, &revoking, OK); /* Again: no change. */
    revoking.id++;
    COMMAND(f, revoke, &revoking, ERR_NOT_FOUND);
    CHECK_EQ_STR(f->problem.code, "no_such_key");
    fixture_close(f);
}

TEST_DB(key_after_restart, "keys and revocations outlive a restart; a space opens for its key")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making kept = a_key("order:*", NULL), gone = a_key("order:write", NULL);
    struct revoking revoking = {0};
    const struct caller *caller;
    enum key_state state;

    CHECK_EQ_INT(make_key(f, &kept), OK);
    CHECK_EQ_INT(make_key(f, &gone), OK);
    revoking.id = gone.id;
    COMMAND(f, revoke, &revoking, OK);
    fixture_restart(f);
    CHECK_EQ_INT(find(f, kept.token, NULL), KEY_NOT_OPEN);
    CHECK(key_lookup(&f->platform, str_of(kept.token), f->now_ms, &caller, &state));
    CHECK_EQ_INT(caller->key_id, kept.id);
    CHECK_EQ_STR(caller->scopes[0], "order:*");
    CHECK_EQ_INT(find(f, gone.token, NULL), KEY_REVOKED);
    f->now_ms += KEY_ENDED_KEPT_MS + 1;
    fixture_restart(f);
    CHECK(key_lookup(&f->platform, str_of(kept.token), f->now_ms, &caller, &state));
    CHECK_EQ_INT(find(f, gone.token, NULL), KEY_UNKNOWN); /* Long ago: no longer kept in memory. */
    fixture_close(f);
}

TEST_DB(key_of_no_space, "a key that names a space that does not exist is unknown")
{
    struct fixture *f = fixture_open(db, NULL);
    const struct caller *caller;
    enum key_state state;

    CHECK(!key_lookup(&f->platform, STR("gvy_nowhere_" SECRET), f->now_ms, &caller, &state));
    CHECK_EQ_INT(state, KEY_UNKNOWN);
    CHECK(!key_lookup(&f->platform, STR("gvy_../../etc_" SECRET), f->now_ms, &caller, &state));
    CHECK_EQ_INT(state, KEY_UNKNOWN);
    CHECK(!key_lookup(&f->platform, STR("of no form at all"), f->now_ms, &caller, &state));
    CHECK_EQ_INT(state, KEY_UNKNOWN);
    fixture_close(f);
}

TEST_DB(key_hands_on_what_it_holds, "a caller makes keys only with scopes that it holds")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making limited = a_key("key:admin", "order:*"), child = a_key("order:write", NULL);

    CHECK_EQ_INT(make_key(f, &limited), OK);
    CHECK_EQ_INT(find(f, limited.token, &child.caller), KEY_IN_FORCE);
    CHECK_EQ_INT(make_key(f, &child), OK);
    child.scopes[0] = STR("order:*");
    CHECK_EQ_INT(make_key(f, &child), OK);
    child.scopes[0] = STR("stock:write");
    CHECK_EQ_INT(make_key(f, &child), ERR_FORBIDDEN);
    CHECK_EQ_STR(f->problem.code, "scope_not_held");
    child.scopes[0] = STR("*");
    CHECK_EQ_INT(make_key(f, &child), ERR_FORBIDDEN);
    fixture_close(f);
}

TEST_DB(key_bad_scopes, "what is no scope is refused with its place")
{
    static const char *const bad[] = {"",
                                      ":",
                                      "order",
                                      "order:",
                                      ":write",
                                      "Order:write",
                                      "order:write:x",
                                      "order:w*",
                                      "**",
                                      "* ",
                                      "order:write stock:write",
                                      "*:*",
                                      NULL};
    struct fixture *f = fixture_open(db, NULL);

    for (size_t k = 0; bad[k]; k++) {
        struct making making = a_key("order:write", bad[k]);

        CHECK_SAY(make_key(f, &making) == ERR_BAD_INPUT, "\"%s\" was taken", bad[k]);
        CHECK_EQ_STR(f->problem.code, "bad_scope");
        CHECK_EQ_STR(f->problem.pointer, "/scopes/1");
    }
    fixture_close(f);
}

/* ---- Admin keys ---- */

struct first {
    struct str given;
    char token[KEY_TEXT_LEN_MAX + 1];
};

static enum err first_admin(struct cx *cx, void *argument)
{
    struct first *first = argument;
    struct str token;

    TRY(access_first_admin(cx, first->given, &token));
    snprintf(first->token, sizeof(first->token), STR_FMT, STR_ARG(token));
    return OK;
}

TEST_DB(key_first_admin, "the first start makes one admin key, and says it once")
{
    struct fixture *f = fixture_open(db, NULL);
    struct first first = {0}, second = {0};
    const struct caller *caller;

    COMMAND(f, first_admin, &first, OK);
    CHECK_EQ_INT(find(f, first.token, &caller), KEY_IN_FORCE);
    CHECK_EQ_STR(caller->scopes[0], "*");
    COMMAND(f, first_admin, &second, OK);
    CHECK_EQ_STR(second.token, "");
    fixture_close(f);
}

TEST_DB(key_last_admin, "the last admin key cannot be revoked, others can")
{
    struct fixture *f = fixture_open(db, NULL);
    struct first first = {0};
    struct making second = a_key("*", "order:write"), brief = a_key("*", NULL);
    struct revoking revoking = {0};
    const struct caller *caller;

    COMMAND(f, first_admin, &first, OK);
    CHECK_EQ_INT(find(f, first.token, &caller), KEY_IN_FORCE);
    revoking.id = caller->key_id;
    COMMAND(f, revoke, &revoking, ERR_CONFLICT);
    CHECK_EQ_STR(f->problem.code, "last_admin_key");
    brief.in.expires_ms = f->now_ms + 1000;
    CHECK_EQ_INT(make_key(f, &brief), OK);
    f->now_ms += 1000; /* An admin key that has expired helps nobody. */
    COMMAND(f, revoke, &revoking, ERR_CONFLICT);
    CHECK_EQ_INT(make_key(f, &second), OK);
    COMMAND(f, revoke, &revoking, OK);
    CHECK_EQ_INT(find(f, first.token, NULL), KEY_REVOKED);
    fixture_close(f);
}

/* The fixture's space under the name that keys from outside belong to. */
static struct fixture *open_default(void)
{
    struct fixture *f = fixture_open("sqlite", NULL);

    snprintf(f->name, sizeof(f->name), "%s", SPACE_DEFAULT);
    CHECK_EQ_INT(space_create(&f->platform, STR(SPACE_DEFAULT), &f->problem), OK);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    return f;
}

TEST(key_given, "an admin key from outside replaces the one given before, and cannot come back")
{
    struct fixture *f = open_default();
    struct first a = {.given = STR("sixteen bytes or more")},
                 b = {.given = STR("0123456789abcdef")};
    const struct caller *caller;

    COMMAND(f, first_admin, &a, ERR_BAD_INPUT); /* Spaces would not survive a header. */
    a.given = STR("sixteen-bytes-or-more");
    COMMAND(f, first_admin, &a, OK);
    CHECK_EQ_STR(a.token, "");
    CHECK_EQ_INT(find(f, "sixteen-bytes-or-more", &caller), KEY_IN_FORCE);
    CHECK_EQ_STR(caller->scopes[0], "*");
    COMMAND(f, first_admin, &a, OK); /* The next start, with the same. */
    COMMAND(f, first_admin, &b, OK);
    CHECK_EQ_INT(find(f, "sixteen-bytes-or-more", NULL), KEY_REVOKED);
    CHECK_EQ_INT(find(f, "0123456789abcdef", NULL), KEY_IN_FORCE);
    COMMAND(f, first_admin, &a, ERR_CONFLICT);
    CHECK_EQ_STR(f->problem.code, "admin_key_used");
    fixture_close(f);
}

TEST(key_given_bad, "an admin key from outside is long enough and of this space")
{
    struct fixture *f = open_default();
    struct first first = {.given = STR("fifteen_bytes_.")};
    char long_[ADMIN_KEY_LEN_MAX + 2];

    COMMAND(f, first_admin, &first, ERR_BAD_INPUT);
    CHECK_EQ_STR(f->problem.code, "bad_admin_key");
    memset(long_, 'x', sizeof(long_));
    first.given = (struct str){long_, ADMIN_KEY_LEN_MAX + 1};
    COMMAND(f, first_admin, &first, ERR_BAD_INPUT);
    first.given = STR("gvy_shop_" SECRET);
    COMMAND(f, first_admin, &first, ERR_BAD_INPUT);
    first.given = (struct str){long_, ADMIN_KEY_LEN_MAX};
    COMMAND(f, first_admin, &first, OK);
    long_[ADMIN_KEY_LEN_MAX] = '\0';
    CHECK_EQ_INT(find(f, long_, NULL), KEY_IN_FORCE);
    fixture_close(f);
}

/* ---- What is stored, and who looks ---- */

struct rows_seen {
    const char *token;
    int64_t rows, same;
};

static enum err look_at_rows(struct cx *cx, void *argument)
{
    struct rows_seen *seen = argument;
    struct list keys;

    TRY(key_list(cx, 0, 10, &keys));
    seen->rows = (int64_t)keys.count;
    for (size_t k = 0; k < keys.count; k++) {
        const struct key *key = LIST_AT(keys, struct key, k);

        CHECK_EQ_INT(key->hash.len, HASH_TEXT_LEN);
        CHECK(!key->token.ptr);
        CHECK(!str_is(key->hash, seen->token + strlen(seen->token) - KEY_SECRET_LEN));
    }
    return sql_int(cx, &seen->same, -1, "select count(*) from kernel_key where hash = ?1",
                   BIND(TEXT(str_of(seen->token))));
}

TEST_DB(key_text_not_stored, "the text of a key lies nowhere, only its hash")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making making = a_key("order:write", NULL);
    struct rows_seen seen = {.token = making.token};

    CHECK_EQ_INT(make_key(f, &making), OK);
    READ(f, look_at_rows, &seen, OK);
    CHECK_EQ_INT(seen.rows, 1);
    CHECK_EQ_INT(seen.same, 0);
    fixture_close(f);
}

static enum err reload(struct cx *cx, void *argument)
{
    (void)argument;
    return access_open(cx);
}

TEST_DB(key_reload, "loading again revokes what another process revoked, and adds what it made")
{
    struct fixture *f = fixture_open(db, NULL);
    struct making making = a_key("order:write", NULL);

    CHECK_EQ_INT(make_key(f, &making), OK);
    TAMPER(f, "update kernel_key set revoked_ms = 1785000000000");
    CHECK_EQ_INT(find(f, making.token, NULL), KEY_IN_FORCE);
    READ(f, reload, NULL, OK);
    CHECK_EQ_INT(find(f, making.token, NULL), KEY_REVOKED);
    fixture_close(f);
}

struct looker {
    struct fixture *f;
    const char *token;
    int64_t seen[KEY_UNAVAILABLE + 1];
};

static void *look_until_revoked(void *argument)
{
    struct looker *looker = argument;
    const struct caller *caller;
    enum key_state state;

    do {
        (void)key_find(&looker->f->platform, str_of(looker->token), looker->f->now_ms, &caller,
                       &state);
        looker->seen[state]++;
    } while (state != KEY_REVOKED);
    return NULL;
}

TEST_DB_THREADS(key_looked_up_meanwhile, "threads look keys up while others are made and revoked")
{
    enum { LOOKERS = 3, KEYS = 50 };
    struct fixture *f = fixture_open(db, NULL);
    struct making watched = a_key("order:write", "stock:write");
    struct looker lookers[LOOKERS];
    struct revoking revoking = {0};
    pthread_t threads[LOOKERS];

    CHECK_EQ_INT(make_key(f, &watched), OK);
    for (int k = 0; k < LOOKERS; k++) {
        lookers[k] = (struct looker){.f = f, .token = watched.token};
        CHECK(pthread_create(&threads[k], NULL, look_until_revoked, &lookers[k]) == 0);
    }
    for (int k = 0; k < KEYS; k++) {
        struct making other = a_key("order:read", NULL);

        CHECK_EQ_INT(make_key(f, &other), OK);
        CHECK_EQ_INT(find(f, other.token, NULL), KEY_IN_FORCE);
    }
    revoking.id = watched.id;
    COMMAND(f, revoke, &revoking, OK);
    for (int k = 0; k < LOOKERS; k++) {
        CHECK(pthread_join(threads[k], NULL) == 0);
        CHECK_EQ_INT(lookers[k].seen[KEY_UNKNOWN], 0);
        CHECK_EQ_INT(lookers[k].seen[KEY_NOT_OPEN], 0);
    }
    fixture_close(f);
}
