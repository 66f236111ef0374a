/*
 * key.c - making, revoking and listing API keys.
 */
#include "kernel/access/key.h"

#include <stdio.h>
#include <string.h>

#include "kernel/access/access.h"
#include "kernel/access/person_priv.h"
#include "kernel/base/hash.h"

/* Who has this name was given from outside, and goes when another is given. */
#define GIVEN_NAME "admin key from outside (GREVY_ADMIN_KEY)"
#define FIRST_NAME "first admin key"

const struct field key_fields[] = {
    F_ID(key, id, "key"),
    F(key, name, .max = KEY_NAME_LEN_MAX),
    F(key, hash, .flags = FIELD_SQL_ONLY),
    F(key, scope_text, .column = "scopes", .flags = FIELD_SQL_ONLY),
    F(key, rate_per_s, .doc = "Requests per second; more are answered 429."),
    F_TIME(key, created_ms, "created_at"),
    F_TIME(key, expires_ms, "expires_at", .doc = "null: never."),
    F_TIME(key, revoked_ms, "revoked_at", .doc = "null: in force."),
    F_TEXTS(key, scopes, .flags = FIELD_JSON_ONLY,
            .doc = "\"order:write\", \"order:*\", or \"*\" for everything."),
    F(key, token, .flags = FIELD_JSON_ONLY | FIELD_OMIT,
      .doc = "Only in the answer to the POST that made the key: it cannot be read again."),
    F_END};
const struct table key_table = TABLE("kernel_key", key, key_fields, 1);

const struct field key_new_fields[] = {
    F(key_new, name, .min = 1, .max = KEY_NAME_LEN_MAX, .flags = FIELD_REQUIRED,
      .doc = "For people: who or what uses it."),
    F_TEXTS(key_new, scopes, .min = 1, .max = KEY_SCOPES_MAX, .flags = FIELD_REQUIRED,
            .doc = "Each must be held by the key that asks."),
    F_TIME(key_new, expires_ms, "expires_at", .doc = "Absent: never."),
    F(key_new, rate_per_s, .min = 1, .max = KEY_RATE_PER_S_MAX, .fallback = KEY_RATE_PER_S_DEFAULT,
      .doc = "Requests per second."),
    F_END};

/* ---- Scopes ---- */

struct str cx_actor(struct cx *cx)
{
    return cx->caller ? cx_id_text(cx, "key", cx->caller->key_id) : STR("system");
}

void key_split_scopes(struct cx *cx, struct key *key)
{
    struct str *words = CX_ARRAY(cx, struct str, KEY_SCOPES_MAX);
    struct str rest = key->scope_text;
    size_t count = 0;

    while (rest.len > 0 && count < KEY_SCOPES_MAX) {
        const char *space = memchr(rest.ptr, ' ', rest.len);
        size_t len = space ? (size_t)(space - rest.ptr) : rest.len;

        if (len > 0)
            words[count++] = (struct str){rest.ptr, len};
        rest.ptr += len + (space ? 1 : 0);
        rest.len -= len + (space ? 1 : 0);
    }
    key->scopes = (struct list){words, count};
}

static bool listed(const struct list *scopes, size_t before, struct str scope)
{
    for (size_t k = 0; k < before; k++)
        if (str_eq(*LIST_AT(*scopes, struct str, k), scope))
            return true;
    return false;
}

/* The scopes as one text, each once; "*" says it all. */
static enum err join_scopes(struct cx *cx, const struct list *scopes, struct str *out)
{
    char *text = cx_alloc(cx, scopes->count * (KEY_SCOPE_LEN_MAX + 1) + 1);
    bool all = false;
    size_t len = 0;

    for (size_t k = 0; k < scopes->count; k++) {
        struct str scope = *LIST_AT(*scopes, struct str, k);
        char pointer[32];

        snprintf(pointer, sizeof(pointer), "/scopes/%zu", k);
        TRY(scope_check(cx, scope, pointer));
        if (cx->caller && !caller_holds(cx->caller, scope))
            return fail_at(cx, ERR_FORBIDDEN, "scope_not_held", pointer,
                           "your key does not hold " STR_FMT ": ask with a key that does",
                           STR_ARG(scope));
        all = all || str_is(scope, "*");
        if (listed(scopes, k, scope))
            continue;
        memcpy(text + len, scope.ptr, scope.len);
        len += scope.len;
        text[len++] = ' ';
    }
    *out = all ? STR("*") : (struct str){text, len - 1};
    return OK;
}

/* ---- Rows ---- */

static enum err check_room(struct cx *cx)
{
    int64_t in_force, kept;

    TRY(sql_int(cx, &in_force, 0,
                "select count(*) from kernel_key"
                " where revoked_ms = 0 and (expires_ms = 0 or expires_ms > ?1)",
                BIND(INT(cx->now_ms))));
    if (in_force >= KEYS_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_keys",
                    "%d keys are in force: revoke one that nobody uses", KEYS_MAX);
    TRY(sql_int(cx, &kept, 0,
                "select count(*) from kernel_key where (revoked_ms = 0 or revoked_ms > ?1)"
                " and (expires_ms = 0 or expires_ms > ?1)",
                BIND(INT(cx->now_ms - KEY_ENDED_KEPT_MS))));
    if (kept >= KEYS_KEPT_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_ended_keys",
                    "%d keys are in force or ended in the last 90 days: use keys for longer",
                    KEYS_KEPT_MAX);
    return OK;
}

static struct str token_make(struct cx *cx)
{
    unsigned char secret[KEY_SECRET_BYTES];
    char text[KEY_SECRET_LEN + 1];

    cx_random_bytes(cx, secret, sizeof(secret));
    base64url_write(text, secret, sizeof(secret));
    return cx_printf(cx, "gvy_%s_%s", cx->space->name, text);
}

/* Store the key whose text is token and whose other members are set. */
static enum err store(struct cx *cx, struct str token, struct key *key)
{
    unsigned char hash[HASH_BYTES];
    char *text = cx_alloc(cx, HASH_TEXT_LEN + 1);
    struct key *published = CX_NEW(cx, struct key);

    hash_bytes(hash, token);
    base64url_write(text, hash, sizeof(hash));
    key->id = cx_new_id(cx);
    key->hash = str_of(text);
    key->created_ms = cx->now_ms;
    key_split_scopes(cx, key);
    TRY(row_add(cx, &key_table, key));
    *published = *key;
    key_publish(cx, published);
    return OK;
}

/* A key that ends makes none that outlives it. */
static enum err check_expiry(struct cx *cx, int64_t expires_ms)
{
    struct key own = {.id = cx->caller ? cx->caller->key_id : 0};
    char text[TIME_TEXT_LEN + 1];
    bool found;

    if (expires_ms && expires_ms <= cx->now_ms)
        return fail_at(cx, ERR_BAD_INPUT, "bad_expiry", "/expires_at",
                       "the key would have expired already: give a time to come, or none");
    if (!cx->caller)
        return OK;
    TRY(row_find(cx, &key_table, &own, &found));
    if (!found || !own.expires_ms || (expires_ms && expires_ms <= own.expires_ms))
        return OK;
    time_format(text, own.expires_ms);
    return fail_at(cx, ERR_FORBIDDEN, "expiry_not_held", "/expires_at",
                   "your own key ends at %s: give this time or an earlier one", text);
}

enum err key_create(struct cx *cx, const struct key_new *in, struct key *out)
{
    assert(cx_can_write(cx));
    *out = (struct key){.name = cx_copy(cx, in->name),
                        .rate_per_s = in->rate_per_s ? in->rate_per_s : KEY_RATE_PER_S_DEFAULT,
                        .expires_ms = in->expires_ms};
    TRY(join_scopes(cx, &in->scopes, &out->scope_text));
    if (in->scopes.count == 0)
        return fail_at(cx, ERR_BAD_INPUT, "bad_scope", "/scopes", "name at least one scope");
    if (str_is(in->name, GIVEN_NAME))
        return fail_at(cx, ERR_BAD_INPUT, "bad_name", "/name", "this name is the server's own");
    TRY(check_expiry(cx, in->expires_ms));
    TRY(check_room(cx));
    out->token = token_make(cx);
    return store(cx, out->token, out);
}

static enum err end_key(struct cx *cx, struct key *key)
{
    struct key *published = CX_NEW(cx, struct key);

    key->revoked_ms = cx->now_ms;
    *published = *key;
    key_publish(cx, published);
    return row_put(cx, &key_table, key);
}

static enum err other_admins(struct cx *cx, int64_t id, int64_t *count)
{
    return sql_int(cx, count, 0,
                   "select count(*) from kernel_key where scopes = '*' and id <> ?1"
                   " and revoked_ms = 0 and (expires_ms = 0 or expires_ms > ?2)",
                   BIND(INT(id), INT(cx->now_ms)));
}

enum err key_revoke(struct cx *cx, int64_t id, struct key *out)
{
    int64_t others = 1;
    bool found;

    assert(cx_can_write(cx));
    *out = (struct key){.id = id};
    TRY(row_find(cx, &key_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_key", "no such key: GET /v1/keys lists them");
    /* Copied: what is read may be the batch's, and is published after the commit. */
    out->name = cx_copy(cx, out->name);
    out->hash = cx_copy(cx, out->hash);
    out->scope_text = cx_copy(cx, out->scope_text);
    key_split_scopes(cx, out);
    if (out->revoked_ms)
        return OK;
    if (str_is(out->scope_text, "*"))
        TRY(other_admins(cx, id, &others));
    if (others == 0)
        return fail(cx, ERR_CONFLICT, "last_admin_key",
                    "nobody could administer this space any more: make another key with the"
                    " scope \"*\" first");
    return end_key(cx, out);
}

enum err key_list(struct cx *cx, int64_t before, int64_t limit, struct list *out)
{
    TRY(sql_all(cx, key_fields, sizeof(struct key), out,
                "select " KEY_COLUMNS " where id < ?1 order by id desc limit ?2",
                BIND(INT(before ? before : INT64_MAX), INT(limit))));
    for (size_t k = 0; k < out->count; k++)
        key_split_scopes(cx, LIST_AT(*out, struct key, k));
    return OK;
}

/* ---- The first key ---- */

static struct key admin_key(const char *name)
{
    return (struct key){
        .name = str_of(name), .scope_text = STR("*"), .rate_per_s = KEY_RATE_PER_S_MAX};
}

static enum err given_ok(struct cx *cx, struct str given)
{
    bool visible = true;

    for (size_t k = 0; k < given.len; k++)
        visible = visible && given.ptr[k] > ' ' && given.ptr[k] <= '~';
    if (!visible || given.len < ADMIN_KEY_LEN_MIN || given.len > ADMIN_KEY_LEN_MAX)
        return fail(cx, ERR_BAD_INPUT, "bad_admin_key",
                    "GREVY_ADMIN_KEY must be %d to %d visible ASCII characters: leave it unset and"
                    " one will be made",
                    ADMIN_KEY_LEN_MIN, ADMIN_KEY_LEN_MAX);
    if (!str_is(key_space_of(given), cx->space->name))
        return fail(cx, ERR_BAD_INPUT, "bad_admin_key",
                    "GREVY_ADMIN_KEY would be looked up in the space " STR_FMT ", this is %s",
                    STR_ARG(key_space_of(given)), cx->space->name);
    return OK;
}

/* What was given at earlier starts is no longer the key. */
static enum err end_given(struct cx *cx)
{
    struct list rows;

    TRY(sql_all(cx, key_fields, sizeof(struct key), &rows,
                "select " KEY_COLUMNS " where name = ?1 and revoked_ms = 0 order by id",
                BIND(TEXT(STR(GIVEN_NAME)))));
    for (size_t k = 0; k < rows.count; k++)
        TRY(end_key(cx, LIST_AT(rows, struct key, k)));
    return OK;
}

static enum err take_given(struct cx *cx, struct str given)
{
    struct key key = admin_key(GIVEN_NAME);
    unsigned char hash[HASH_BYTES];
    char text[HASH_TEXT_LEN + 1];
    struct list rows;
    const struct key *same;

    TRY(given_ok(cx, given));
    hash_bytes(hash, given);
    base64url_write(text, hash, sizeof(hash));
    TRY(sql_all(cx, key_fields, sizeof(struct key), &rows, "select " KEY_COLUMNS " where hash = ?1",
                BIND(TEXT(str_of(text)))));
    if (rows.count == 0) {
        TRY(end_given(cx));
        return store(cx, given, &key);
    }
    same = LIST_AT(rows, struct key, 0);
    if (same->revoked_ms || same->expires_ms || !str_is(same->scope_text, "*"))
        return fail(cx, ERR_CONFLICT, "admin_key_used",
                    "GREVY_ADMIN_KEY is the text of the key \"" STR_FMT "\" of this space, which"
                    " was revoked, expires, or is no admin key: give another",
                    STR_ARG(same->name));
    return OK;
}

enum err access_first_admin(struct cx *cx, struct str given, struct str *token)
{
    struct key key = admin_key(FIRST_NAME);
    int64_t count;

    assert(cx_can_write(cx));
    *token = (struct str){NULL, 0};
    TRY(vault_prove(cx));
    if (given.ptr)
        return take_given(cx, given);
    TRY(sql_int(cx, &count, 0, "select count(*) from kernel_key", NO_BINDS));
    if (count > 0)
        return OK;
    *token = token_make(cx);
    return store(cx, *token, &key);
}
