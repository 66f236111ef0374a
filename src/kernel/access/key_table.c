/*
 * key_table.c - the keys of a space in memory: what HTTP threads look up without a lock.
 *
 * A table of chains by hash.  An entry is complete before it is linked in, never changes but for
 * its revoked flag, and is freed only when the space closes.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/access/access.h"
#include "kernel/access/key.h"
#include "kernel/base/hash.h"

enum {
    KEY_BUCKETS = 1024, /* 8 KiB per space; chains of ten at KEYS_MAX. */
    LOAD_PAGE = 1000,
};

struct space_key {
    struct caller caller;
    unsigned char hash[HASH_BYTES];
    int64_t expires_ms;
    atomic_bool revoked;
    struct space_key *next;
    char *words[]; /* caller.scopes, then the text of all. */
};

struct space_keys {
    pthread_mutex_t publishing; /* The writer, or whoever reloads: one at a time. */
    _Atomic(struct space_key *) buckets[KEY_BUCKETS];
};

static _Atomic(struct space_key *) *bucket_of(struct space_keys *keys, const unsigned char *hash)
{
    return &keys->buckets[(hash[0] | (unsigned)hash[1] << 8) % KEY_BUCKETS];
}

static struct space_key *entry_of(struct space_keys *keys, const unsigned char *hash)
{
    struct space_key *entry = atomic_load(bucket_of(keys, hash));

    while (entry && !hash_equal(entry->hash, hash, HASH_BYTES))
        entry = entry->next;
    return entry;
}

/* ---- Filling ---- */

/* One block: the entry, pointers to its scopes, their text and the name. */
static struct space_key *entry_make(struct space *space, const struct key *key)
{
    size_t count = key->scopes.count, bytes = key->name.len + 1;
    struct space_key *entry;
    char *text;

    for (size_t k = 0; k < count; k++)
        bytes += LIST_AT(key->scopes, struct str, k)->len + 1;
    entry = calloc(1, sizeof(*entry) + (count + 1) * sizeof(entry->words[0]) + bytes);
    assert(entry); /* The kernel overcommits: failure means that the process is lost. */
    text = (char *)&entry->words[count + 1];
    for (size_t k = 0; k < count; k++) {
        struct str scope = *LIST_AT(key->scopes, struct str, k);

        memcpy(text, scope.ptr, scope.len);
        entry->words[k] = text;
        text += scope.len + 1;
    }
    if (key->name.len > 0)
        memcpy(text, key->name.ptr, key->name.len);
    entry->caller = (struct caller){.space = space,
                                    .key_id = key->id,
                                    .name = {text, key->name.len},
                                    .scopes = (const char *const *)entry->words,
                                    .rate_per_s = key->rate_per_s};
    entry->expires_ms = key->expires_ms;
    return entry;
}

static void put(struct space *space, struct space_keys *keys, const struct key *key)
{
    unsigned char hash[HASH_BYTES];
    struct space_key *entry;
    size_t len;

    if (!base64url_read(key->hash, hash, sizeof(hash), &len) || len != sizeof(hash))
        return; /* A row that nobody's key can match. */
    pthread_mutex_lock(&keys->publishing);
    entry = entry_of(keys, hash);
    if (!entry) {
        _Atomic(struct space_key *) *bucket = bucket_of(keys, hash);

        entry = entry_make(space, key);
        memcpy(entry->hash, hash, sizeof(hash));
        atomic_init(&entry->revoked, key->revoked_ms != 0);
        entry->next = atomic_load(bucket);
        atomic_store(bucket, entry);
    } else if (key->revoked_ms) {
        atomic_store(&entry->revoked, true);
    }
    pthread_mutex_unlock(&keys->publishing);
}

static void publish(struct space *space, void *argument)
{
    struct space_keys *keys = atomic_load(&space->keys);

    if (keys)
        put(space, keys, argument);
}

void key_publish(struct cx *cx, struct key *key)
{
    cx_after_commit(cx, publish, key);
}

static enum err load_page(struct cx *cx, struct space_keys *keys, int64_t *after, size_t *count)
{
    struct list rows;

    TRY(sql_all(cx, key_fields, sizeof(struct key), &rows,
                "select " KEY_COLUMNS " where id > ?1 and (revoked_ms = 0 or revoked_ms > ?2)"
                " and (expires_ms = 0 or expires_ms > ?2) order by id limit ?3",
                BIND(INT(*after), INT(cx->now_ms - KEY_ENDED_KEPT_MS), INT(LOAD_PAGE))));
    for (size_t k = 0; k < rows.count; k++) {
        struct key *key = LIST_AT(rows, struct key, k);

        key_split_scopes(cx, key);
        put(cx->space, keys, key);
        *after = key->id;
    }
    *count = rows.count;
    return OK;
}

enum err keys_load(struct cx *cx)
{
    struct space_keys *keys = atomic_load(&cx->space->keys);
    int64_t after = 0;
    size_t count;

    if (!keys) {
        keys = calloc(1, sizeof(*keys));
        assert(keys);
        pthread_mutex_init(&keys->publishing, NULL);
    }
    do {
        struct arena_mark mark = arena_mark(&cx->arena);
        enum err err = load_page(cx, keys, &after, &count);

        if (err != OK) {
            atomic_store(&cx->space->keys, keys); /* For keys_free; the space does not open. */
            return err;
        }
        arena_rewind(&cx->arena, mark);
    } while (count == LOAD_PAGE);
    atomic_store(&cx->space->keys, keys);
    return OK;
}

void keys_free(struct space *space)
{
    struct space_keys *keys = atomic_exchange(&space->keys, NULL);

    if (!keys)
        return;
    for (int k = 0; k < KEY_BUCKETS; k++) {
        struct space_key *entry = atomic_load(&keys->buckets[k]);

        while (entry) {
            struct space_key *next = entry->next;

            free(entry);
            entry = next;
        }
    }
    pthread_mutex_destroy(&keys->publishing);
    free(keys);
}

/* ---- Finding ---- */

struct str key_space_of(struct str token)
{
    static const size_t around = sizeof("gvy_") - 1 + 1 + KEY_SECRET_LEN;

    if (token.len > around && token.len <= around + SPACE_NAME_LEN_MAX &&
        str_starts(token, STR("gvy_")) && token.ptr[token.len - KEY_SECRET_LEN - 1] == '_')
        return (struct str){token.ptr + 4, token.len - around};
    return STR(SPACE_DEFAULT);
}

static struct space *space_named(struct platform *platform, struct str name)
{
    for (int k = 0; k < SPACES_MAX; k++) {
        struct space *space = atomic_load(&platform->spaces[k]);

        if (!space || str_is(name, space->name))
            return space;
    }
    return NULL;
}

static enum key_state state_of(struct space_key *entry, int64_t now_ms)
{
    if (!entry)
        return KEY_UNKNOWN;
    if (atomic_load(&entry->revoked))
        return KEY_REVOKED;
    return entry->expires_ms && entry->expires_ms <= now_ms ? KEY_EXPIRED : KEY_IN_FORCE;
}

bool key_find(struct platform *platform, struct str token, int64_t now_ms,
              const struct caller **out, enum key_state *state)
{
    unsigned char hash[HASH_BYTES];
    struct space_keys *keys = NULL;
    struct space_key *entry;
    struct space *space;

    *out = NULL;
    *state = KEY_UNKNOWN;
    if (token.len < ADMIN_KEY_LEN_MIN || token.len > ADMIN_KEY_LEN_MAX)
        return false;
    space = space_named(platform, key_space_of(token));
    if (space)
        keys = atomic_load(&space->keys);
    if (!keys) {
        *state = KEY_NOT_OPEN;
        return false;
    }
    hash_bytes(hash, token);
    entry = entry_of(keys, hash);
    *state = state_of(entry, now_ms);
    if (*state == KEY_IN_FORCE)
        *out = &entry->caller;
    return *state == KEY_IN_FORCE;
}

bool key_lookup(struct platform *platform, struct str token, int64_t now_ms,
                const struct caller **out, enum key_state *state)
{
    struct problem problem;
    struct space *space;
    enum err err;

    if (key_find(platform, token, now_ms, out, state) || *state != KEY_NOT_OPEN)
        return *state == KEY_IN_FORCE;
    err = space_open(platform, key_space_of(token), &space, &problem);
    if (err == OK)
        return key_find(platform, token, now_ms, out, state);
    *state = err == ERR_NOT_FOUND ? KEY_UNKNOWN : KEY_UNAVAILABLE;
    return false;
}

enum err key_refuse(struct cx *cx, enum key_state state)
{
    switch (state) {
    case KEY_EXPIRED:
        return fail(cx, ERR_UNAUTHORIZED, "key_expired",
                    "this key has expired: ask an administrator for a new one");
    case KEY_REVOKED:
        return fail(cx, ERR_UNAUTHORIZED, "key_revoked",
                    "this key was revoked: ask an administrator for a new one");
    case KEY_NOT_OPEN:
    case KEY_UNAVAILABLE:
        cx->problem.retry_after_ms = SECOND_MS;
        return fail(cx, ERR_BUSY, "space_unavailable",
                    "the space of this key cannot be opened now: try again, or read the log");
    default:
        return fail(cx, ERR_UNAUTHORIZED, "unknown_key",
                    "no such key: send Authorization: Bearer gvy_SPACE_... with a key in force");
    }
}
