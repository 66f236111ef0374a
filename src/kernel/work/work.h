/*
 * work.h - what a module may do inside a unit of work, beside rows and statements.
 *
 * Invariants:
 *   - commands are pure: memory, counters, metrics and caches change only in hooks that run after
 *     the commit, because a batch may be rolled back and its commands rerun;
 *   - an event exists if and only if the transaction that put it committed;
 *   - timers and effects are rows of the same transaction.
 */
#ifndef GREVY_WORK_WORK_H
#define GREVY_WORK_WORK_H

#include "kernel/work/module.h"
#include "kernel/work/row.h"

/* ---- Identity ---- */

/** A new id, larger than all before it in this space.  Needs: a command. */
int64_t cx_new_id(struct cx *cx);
bool cx_can_write(const struct cx *cx);
bool cx_has_database(const struct cx *cx); /* False in a decision. */

/** Who asks, for records: the id text of the API key, or "system". */
struct str cx_actor(struct cx *cx);
bool cx_has_scope(const struct cx *cx, const char *scope);

/* ---- Events ---- */

enum { EVENT_REACTION_DEPTH_MAX = 8 }; /* Reactions that cause events that cause reactions. */

/**
 * Put an event of this module into the transaction: stored in the outbox when cx commits, handed to
 * every reaction at once, to consumers later.  key orders deliveries ("ord_01..."): events of one
 * key are consumed in order.
 *
 * Needs:  a command; type is in the module's produces, with fields as its payload.
 * Errors: those of the reactions.
 */
MUST_CHECK enum err event_put(struct cx *cx, const char *type, struct str key,
                              const struct field *fields, const void *payload);

/** Decode the members of the event that this handler knows. */
MUST_CHECK enum err event_read(struct cx *cx, const struct event *event, const struct field *fields,
                               void *out, size_t size);

/** The stored events of one key, oldest first, as list of struct event; at most limit. */
MUST_CHECK enum err event_history(struct cx *cx, struct str key, int64_t after_seq, int64_t limit,
                                  struct list *out);

/* ---- Delayed work ---- */

/** Fire timer name with key at or after due_ms; setting it again moves nothing: it adds another
 *  unless due_ms is the same. */
MUST_CHECK enum err timer_set(struct cx *cx, const char *name, int64_t key, int64_t due_ms);
/** Also one that failed and was put off or given up. */
MUST_CHECK enum err timer_cancel(struct cx *cx, const char *name, int64_t key, int64_t due_ms);

/* ---- Effects: calls to the outside, made after the commit, at least once ---- */

struct effect_new {
    const char *kind; /* In the module's effects. */
    int64_t key;      /* Handed back with the answer, e.g. the refund's id. */
    const char *method;
    struct str url;
    struct list headers; /* of struct pair; Idempotency-Key (the effect's id) and traceparent are
                            added.  Never a secret: it would lie in a row (see secret). */
    struct str secret;   /* Name of the process secret sent as bearer token, or absent. */
    struct str body, content_type;
    int64_t not_before_ms; /* 0: at once. */
};
MUST_CHECK enum err effect_put(struct cx *cx, const struct effect_new *effect, int64_t *id);

/** Forget everything the running command has written and go on: a dry run, a refused import. */
MUST_CHECK enum err cx_undo(struct cx *cx);

/* ---- Memory of a module in a space: set by its open, freed by its close ---- */

void *module_memory(const struct cx *cx, const struct module *module);
void *space_memory(const struct space *space, const struct module *module);
void module_set_memory(struct cx *cx, const struct module *module, void *memory);

/* ---- After the commit ---- */

typedef void after_commit(struct space *space, void *argument);

/** Run hook once cx has committed, before it is answered.  argument lives in cx.  Never fails. */
void cx_after_commit(struct cx *cx, after_commit *hook, void *argument);
void metric_add(struct cx *cx, const struct metric *metric, int64_t n);

/* ---- Settings of the space ---- */

int64_t setting_get(const struct cx *cx, const struct setting *setting);
/** The value for one key ("course"), e.g. per category; falls back to the plain setting. */
int64_t setting_for(const struct cx *cx, const struct setting *setting, struct str key);

/* ---- Answers ---- */

MUST_CHECK enum err reply_json(struct req *req, int status, const struct field *fields,
                               const void *value);
/** {"data": [...], "next": cursor or null}; items are row_size-byte structs. */
MUST_CHECK enum err reply_page(struct req *req, const struct field *fields, struct list items,
                               size_t row_size, struct str next);
MUST_CHECK enum err reply_text(struct req *req, int status, const char *content_type,
                               struct str body);
MUST_CHECK enum err reply_empty(struct req *req, int status);

/* ---- Pages ---- */

/* Members of a query struct that lists share: struct page_query first, PAGE_FIELDS in its table. */
struct page_query {
    int64_t limit;
    struct str cursor;
};
enum { PAGE_ITEMS_MAX = 200, PAGE_ITEMS_DEFAULT = 50 };
/* Of a query struct whose member page is a struct page_query. */
#define PAGE_FIELDS(struct_)                                                                       \
    {.name = "limit",                                                                              \
     .type = FIELD_INT,                                                                            \
     FIELD_AT(struct_, page.limit),                                                                \
     .min = 1,                                                                                     \
     .max = PAGE_ITEMS_MAX,                                                                        \
     .fallback = PAGE_ITEMS_DEFAULT,                                                               \
     .doc = "Items of one page."},                                                                 \
    {                                                                                              \
        .name = "cursor", .type = FIELD_TEXT, FIELD_AT(struct_, page.cursor), .max = 64,           \
        .doc = "The \"next\" of the page before."                                                  \
    }

/* A cursor is the sort key of the last item seen, sealed so that nobody builds one by hand. */
struct str cursor_make(struct cx *cx, int64_t a, int64_t b);
/** An absent cursor leaves *a and *b as they are.  Errors: BAD_INPUT "bad_cursor". */
MUST_CHECK enum err cursor_read(struct cx *cx, struct str cursor, int64_t *a, int64_t *b);

/* ---- Personal data: encrypted per person; erased by dropping the person's key ---- */

/** Seal text under the key of person (made at first use).  Needs: a command. */
MUST_CHECK enum err person_seal(struct cx *cx, struct str person, struct str plain,
                                struct str *sealed);
/** Errors: GONE "erased" when the person's key was dropped. */
MUST_CHECK enum err person_open(struct cx *cx, struct str person, struct str sealed,
                                struct str *plain);
/** Keyed blind index of a value (normalised by the caller): equal values, equal text. */
struct str person_blind(struct cx *cx, const char *kind, struct str value);
/** "Zhang San" -> "Z***", for replies to callers without person:read. */
struct str person_mask(struct cx *cx, struct str plain);

#endif
