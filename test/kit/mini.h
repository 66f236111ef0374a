/*
 * mini.h - a whole platform in one process and one thread, for the tests of modules: a frozen
 * clock, a seeded random source, the outside scripted, faults on demand.  Never linked into the
 * server.
 *
 * Invariants: nothing happens by itself: requests run when sent, background work in mini_settle and
 * mini_sleep_ms; the same seed gives the same ids, keys and bytes.
 */
#ifndef GREVY_TEST_KIT_MINI_H
#define GREVY_TEST_KIT_MINI_H

#include "kernel/effect/effect.h"
#include "kernel/http/dispatch.h"
#include "test/kit/test.h"

struct mini;

struct answer {
    int status;
    const char *body, *location; /* NUL-terminated; live until mini_close. */
    bool replayed;
};

/** All modules on a fresh database: db is what TEST_DB gives. */
struct mini *mini_open(const char *db);
/** From the next mini_open on ids, keys and nonces come from this seed. */
void mini_seed(uint64_t seed);
/** Only these modules (NULL-terminated, with all they need). */
struct mini *mini_open_modules(const char *db, const struct module *const *modules);
void mini_close(struct mini *mini);
/** Close and open again, on the same database. */
void mini_restart(struct mini *mini);

/** One request with the admin key: mini_http(m, "POST /v1/orders", "{...}"); printf in the target
 *  through mini_httpf.  body may be NULL. */
struct answer mini_http(struct mini *mini, const char *request, const char *body);
/** With an Idempotency-Key (or NULL) and another API key (or NULL for the admin's). */
struct answer mini_http_as(struct mini *mini, const char *api_key, const char *idempotency_key,
                           const char *request, const char *body);
/* Several at a time: begun, they wait for mini_step; ended once they are not pending. */
struct mini_request {
    const char *request, *body; /* "POST /v1/orders"; body may be NULL. */
    const char *api_key;        /* NULL: the admin's; "": none. */
    const char *idempotency_key;
    const struct pair *headers; /* More of them. */
    size_t header_count;        /* At most MINI_HEADERS_MAX. */
};
enum { MINI_HEADERS_MAX = 4 };
struct mini_call;
struct mini_call *mini_begin(struct mini *mini, const struct mini_request *request);
bool mini_pending(const struct mini_call *call);
struct answer mini_end(struct mini *mini, struct mini_call *call);
/** One batch of what waits or is due; false: there was nothing. */
bool mini_step(struct mini *mini);
/** printf into memory that lives until mini_close. */
const char *mini_text(struct mini *mini, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** Texts and answers since the mark are gone after mini_forget: for long runs. */
void mini_mark(struct mini *mini);
void mini_forget(struct mini *mini);

/** The value at a JSON path of an answer: "lines.0.total.amount"; "" when absent.  Objects and
 *  lists come as minified JSON. */
const char *mini_get(struct mini *mini, struct answer answer, const char *path);
int64_t mini_get_int(struct mini *mini, struct answer answer, const char *path);

/** Run all background work that is due now. */
void mini_settle(struct mini *mini);
/** Move the clock, then settle. */
void mini_sleep_ms(struct mini *mini, int64_t ms);
int64_t mini_now_ms(const struct mini *mini);
/** The monotonic clock goes on; nothing else happens. */
void mini_pass_us(struct mini *mini, int64_t us);

/** First column of the first row. */
int64_t mini_count(struct mini *mini, const char *sql);
/** Run one statement outside of all modules, to damage or prepare. */
void mini_sql(struct mini *mini, const char *sql);

/** Make the nth statement from now fail; 0: none.  mini_fault_fired tells whether it did. */
void mini_fail_statement(struct mini *mini, int nth);
bool mini_fault_fired(const struct mini *mini);
/** Let each unit of work use at most this many bytes; 0: the normal budget. */
void mini_arena_bytes(struct mini *mini, size_t budget);

/** Answer the calls to the outside; by default all get 200 {}.  context is handed back. */
typedef void mini_outside(void *context, struct outside_call *call);
void mini_on_outside(struct mini *mini, mini_outside *outside, void *context);

/** Deliver every stored event again to its consumers and reactions' effects must not change: moves
 *  all cursors back to 0 and settles. */
void mini_deliver_again(struct mini *mini);

struct space *mini_space(struct mini *mini);
struct platform *mini_platform(struct mini *mini);
struct dispatcher *mini_dispatcher(struct mini *mini);
const char *mini_admin_key(const struct mini *mini);

#endif
