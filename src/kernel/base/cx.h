/*
 * cx.h - the unit of work: one request, one delivered event, one job tick, one timer.
 *
 * Invariants:
 *   - everything a module allocates lives in cx and dies with it: module code owns nothing;
 *   - now_ms is frozen for the life of cx; random numbers come from env;
 *   - the first fail() wins: it is the cause, later ones are consequences.
 *
 * The kernel makes a cx, opens its transaction, calls the module, commits or rolls back.
 */
#ifndef GREVY_BASE_CX_H
#define GREVY_BASE_CX_H

#include <assert.h>
#include <inttypes.h>

#include "kernel/base/arena.h"
#include "kernel/base/env.h"
#include "kernel/base/err.h"
#include "kernel/base/id.h"
#include "kernel/base/money.h"
#include "kernel/base/str.h"

enum { PROBLEM_POINTER_LEN_MAX = 160, PROBLEM_DETAIL_LEN_MAX = 400, PROBLEM_MEMBERS_MAX = 6 };

/* What is said of a failure (RFC 9457); members are extra names and values, e.g. the SKU. */
/* Said wherever a command is refused because more is asked than can be done. */
#define OVERLOADED_DETAIL "more is asked than can be done now: try again in a second"

struct problem {
    enum err err;
    const char *code;                      /* Static text, stable: "out_of_stock". */
    char pointer[PROBLEM_POINTER_LEN_MAX]; /* JSON pointer of the bad field, or "". */
    char detail[PROBLEM_DETAIL_LEN_MAX];
    struct {
        const char *name;
        struct str value;
    } members[PROBLEM_MEMBERS_MAX];
    int member_count;
    int64_t retry_after_ms; /* 0: no Retry-After. */
};

struct space;  /* work/space.h */
struct work;   /* work/work.h: transaction state of this cx */
struct sql;    /* sql/sql.h */
struct caller; /* http: who asks */

struct cx {
    struct arena arena;
    struct problem problem;
    struct env *env;
    int64_t now_ms; /* Wall time of the unit of work; inside a batch, the batch's. */
    struct space *space;
    struct sql *db;              /* NULL: decisions have no database. */
    struct work *work;           /* Set while a transaction is open. */
    const struct caller *caller; /* NULL for background work. */
    char trace[56];              /* traceparent of the cause, or "". */
};

/** Record why the unit of work fails and yield err: `return fail(cx, ERR_GONE, "code", "...")`. */
#define fail(cx, err, code, ...) (fail_record((cx), (err), (code), __VA_ARGS__), (err))
void fail_record(struct cx *cx, enum err err, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/** Like fail, naming the field at fault by its JSON pointer, e.g. "/lines/0/quantity". */
#define fail_at(cx, err, code, pointer, ...)                                                       \
    (fail_at_record((cx), (err), (code), (pointer), __VA_ARGS__), (err))
void fail_at_record(struct cx *cx, enum err err, const char *code, const char *pointer,
                    const char *fmt, ...) PRINTF_LIKE(5, 6);

/** Add a member to the recorded problem; name is static, value is copied into cx. */
void fail_member(struct cx *cx, const char *name, struct str value);
void fail_clear(struct cx *cx); /* Forget a failure that was handled. */

/** size zeroed bytes that live as long as cx.  Never NULL: a spent budget ends the unit of work
 *  with ERR_TOO_LARGE. */
void *cx_alloc(struct cx *cx, size_t size);
struct str cx_copy(struct cx *cx, struct str s);
/** A NUL follows the text, so its ptr serves where a C string is asked for. */
struct str cx_printf(struct cx *cx, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str cx_id_text(struct cx *cx, const char *prefix, int64_t id);
#define CX_NEW(cx, type)          ((type *)cx_alloc((cx), sizeof(type)))
#define CX_ARRAY(cx, type, count) ((type *)cx_alloc((cx), sizeof(type) * (size_t)(count)))

int64_t cx_now_ms(const struct cx *cx);
uint64_t cx_random(struct cx *cx, uint64_t below); /* Uniform in 0 .. below-1; below > 0. */
void cx_random_bytes(struct cx *cx, void *out, size_t len);

void cx_open(struct cx *cx, struct env *env, size_t budget_bytes); /* For the kernel and tests. */
void cx_reset(struct cx *cx);                                      /* Empty, ready for reuse. */
void cx_close(struct cx *cx);

#endif
