/*
 * key.h - API keys: random, stored as a hash, scoped, of one space.
 *
 * The text of a key is gvy_SPACE_ and 43 base64url characters (256 random bits).  Any other text
 * can only be the admin key that was given to the default space from outside.
 *
 * Invariants:
 *   - the text of a key is never stored; the database and the memory hold its BLAKE2b-256;
 *   - looking a key up takes no lock and no database, and the time it takes does not depend on how
 *     much of a guess is right;
 *   - a revoked key is refused from its commit on; what is known of it stays until the space
 *     closes, because a request may still point at its struct caller.
 */
#ifndef GREVY_ACCESS_KEY_H
#define GREVY_ACCESS_KEY_H

#include "kernel/work/space.h"

#define SPACE_DEFAULT "default" /* The space of keys that name none. */

enum {
    KEY_SECRET_BYTES = 32,
    KEY_SECRET_LEN = 43,
    KEY_TEXT_LEN_MAX = 4 + SPACE_NAME_LEN_MAX + 1 + KEY_SECRET_LEN,
    KEY_NAME_LEN_MAX = 100,
    KEY_SCOPES_MAX = 64,
    KEY_SCOPE_LEN_MAX = 64,
    KEY_RATE_PER_S_DEFAULT = 1000,
    KEY_RATE_PER_S_MAX = 100000, /* Above what one process answers: no limit in effect. */
    KEYS_MAX = 10000,            /* In force, per space: about 4 MiB of memory. */
    KEYS_KEPT_MAX = 50000, /* With those that ended lately: 20 MiB, whoever makes and revokes. */
};
/* Keys that ended longer ago are unknown, not revoked or expired. */
#define KEY_ENDED_KEPT_MS (90 * DAY_MS)

enum key_state {
    KEY_IN_FORCE,
    KEY_UNKNOWN,
    KEY_EXPIRED,
    KEY_REVOKED,
    KEY_NOT_OPEN,   /* Of a space that may exist but is not open: see key_lookup. */
    KEY_UNAVAILABLE /* The space cannot be opened now. */
};

/** The name of the space that a key's text belongs to, borrowed from it. */
struct str key_space_of(struct str token);

/**
 * Find the key among the open spaces.  Never waits.
 *
 * Returns true, and *out (valid until the space closes), when it is in force at now_ms.
 */
bool key_find(struct platform *platform, struct str token, int64_t now_ms,
              const struct caller **out, enum key_state *state);

/** Like key_find, but opens the key's space first when it is not open: this may take long, so
 *  HTTP threads call key_find and hand KEY_NOT_OPEN to a reader thread. */
bool key_lookup(struct platform *platform, struct str token, int64_t now_ms,
                const struct caller **out, enum key_state *state);

/** Record why a key was refused.  Errors: UNAUTHORIZED "unknown_key" | "key_expired" |
 *  "key_revoked"; BUSY "space_unavailable". */
MUST_CHECK enum err key_refuse(struct cx *cx, enum key_state state);

/* A key as the API shows it. */
struct key {
    int64_t id;
    struct str name;
    struct str hash, scope_text; /* SQL only; scopes are separated by spaces. */
    int64_t rate_per_s, created_ms, expires_ms, revoked_ms;
    struct list scopes; /* of struct str */
    struct str token;   /* In the answer that made it; absent otherwise. */
};
extern const struct field key_fields[];

struct key_new {
    struct str name;
    struct list scopes; /* of struct str: "order:write", "order:*", "*" */
    int64_t expires_ms; /* 0: never. */
    int64_t rate_per_s; /* 0: KEY_RATE_PER_S_DEFAULT. */
};
extern const struct field key_new_fields[];

/**
 * Make a key; out->token is its text, which nobody can read again.
 *
 * Needs:  a command.
 * Errors: BAD_INPUT "bad_scope", "unknown_scope", "bad_expiry"; FORBIDDEN "scope_not_held" and
 *         "expiry_not_held" (a caller hands on only what it holds, for as long as it holds it);
 *         CONFLICT "too_many_keys", "too_many_ended_keys".
 */
MUST_CHECK enum err key_create(struct cx *cx, const struct key_new *in, struct key *out);

/**
 * Revoke; in force from the commit on.  Revoking twice changes nothing.
 *
 * Errors: NOT_FOUND "no_such_key"; CONFLICT "last_admin_key" for the last key with the scope "*".
 */
MUST_CHECK enum err key_revoke(struct cx *cx, int64_t id, struct key *out);

/** Newest first, at most limit, with an id below before (0: from the newest). */
MUST_CHECK enum err key_list(struct cx *cx, int64_t before, int64_t limit, struct list *out);

/** Does one of the granted scopes ("*", "order:*", "order:write") cover the wanted one? */
bool scope_covers(struct str granted, struct str wanted);

/* ---- Between the files of this folder ---- */

/** Is this a scope that the module tables name, AREA:* of one, or "*"?
 *  Errors: BAD_INPUT "bad_scope", "unknown_scope" at pointer; the detail lists those there are. */
MUST_CHECK enum err scope_check(struct cx *cx, struct str scope, const char *pointer);
bool caller_holds(const struct caller *caller, struct str wanted);

extern const struct table key_table;
#define KEY_COLUMNS                                                                                \
    "id, name, hash, scopes, rate_per_s, created_ms, expires_ms, revoked_ms from kernel_key"

/** The words of key->scope_text, into key->scopes. */
void key_split_scopes(struct cx *cx, struct key *key);

/** Load the keys of cx's space into memory; see access_open. */
MUST_CHECK enum err keys_load(struct cx *cx);
void keys_free(struct space *space);
/** Once cx has committed: lookups find the key as it is now.  key lives in cx. */
void key_publish(struct cx *cx, struct key *key);

#endif
