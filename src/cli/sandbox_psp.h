/*
 * sandbox_psp.h - grevy sandbox-psp: a payment provider for development, a server of its own.
 *
 * It keeps charges and refunds in memory (and in a file, when told), sends signed notices, gives
 * statements, and misbehaves on demand.
 *
 * Invariants:
 *   - a reference names one charge or one refund for ever, an Idempotency-Key too: asked again, the
 *     same one is answered;
 *   - of a charge never more is refunded than was captured;
 *   - psp.lock is held while records are looked at; nothing waits while it is held;
 *   - texts of records live until psp_free.
 */
#ifndef GREVY_CLI_SANDBOX_PSP_H
#define GREVY_CLI_SANDBOX_PSP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "kernel/http/engine.h"
#include "kernel/json/field.h"

#define PSP_TEXTS_BYTES_MAX ((size_t)1 << 30) /* A million charges take a third of it. */

enum {
    PSP_TEXT_LEN_MAX = 64,
    PSP_URL_LEN_MAX = 512,
    PSP_EVENT_LEN_MAX = 48,
    PSP_LINES_MAX = 500,  /* Of one page of a statement. */
    PSP_FEE_PPM = 6000,   /* 0.6 % */
    PSP_ATTEMPTS_MAX = 8, /* Of one notice. */
    PSP_RETRY_MS = 500,   /* Doubled with each attempt. */
    PSP_NOTICE_TIMEOUT_MS = 5000,
};

enum psp_state { PSP_PENDING, PSP_SUCCEEDED, PSP_FAILED };
extern const char *const psp_states[];

struct psp_charge {
    struct str id, reference, key, account, currency, notify_url, pay_url, reason;
    int state;
    int64_t amount_minor, captured_minor, refunded_minor, fee_minor;
    int64_t instalments, subsidised_minor, created_ms, time_ms;
};
struct psp_refund {
    struct str id, reference, key, charge, account, currency, notify_url, reason;
    int state;
    int64_t amount_minor, time_ms;
};
extern const struct field psp_charge_fields[], psp_refund_fields[];

/* Every member 0: well behaved.  Percentages are drawn for each one. */
struct psp_behaviour {
    int64_t slow_ms;          /* Answers wait this long. */
    int64_t error_percent;    /* Calls answered 500. */
    int64_t duplicate;        /* Notices are sent this many times more. */
    int64_t reorder_ms;       /* Notices wait up to this long each: they overtake one another. */
    int64_t lose_percent;     /* Notices that are never sent. */
    int64_t fail_percent;     /* Charges that the buyer's bank refuses. */
    int64_t succeed_late_ms;  /* The notice of a success waits this long. */
    int64_t wrong_amount;     /* Added to what is captured, in minor units. */
    int64_t refuse_percent;   /* Refunds that fail. */
    int64_t refund_late_ms;   /* Refunds answer "pending", their notice waits this long. */
    int64_t statement_lose;   /* Every n-th line of a statement is left out. */
    int64_t statement_repeat; /* Every n-th line stands twice. */
    int64_t statement_fee;    /* Added to every fee in statements. */
};
extern const struct field psp_behaviour_fields[];

/* Work for later, in the order of its time: one thread runs each line of it. */
struct psp_work {
    int64_t due_ms;
    void (*run)(struct psp_work *work);  /* Frees it, or puts it back. */
    void (*drop)(struct psp_work *work); /* Frees it unrun. */
    struct psp_line *line;
    struct psp_work *next;
};
struct psp_line {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct psp_work *head, *last;
    bool closing;
};
bool psp_line_start(struct psp_line *line);
void psp_line_put(struct psp_line *line, struct psp_work *work, int64_t due_ms);
/** Ends the thread; what still waits is dropped. */
void psp_line_stop(struct psp_line *line);

struct psp_index {
    uint32_t *slots; /* Index + 1 of the record; 0: free. */
    size_t size, count;
};

struct psp {
    pthread_mutex_t lock;
    struct arena texts; /* Of the records. */
    struct psp_charge *charges;
    struct psp_refund *refunds;
    size_t charge_count, charge_size, refund_count, refund_size;
    struct psp_index charge_index, refund_index; /* By reference, by key and by id. */
    struct psp_behaviour behaviour;
    FILE *file;      /* NULL: memory alone. */
    char prefix[16]; /* Of ids: tells this start from others. */
    char base[80];   /* Of pay URLs: where it listens. */
    bool auto_pay;
    struct psp_line notices, replies;
    int64_t event_count;
    struct http_server *server;
};

/** Needs: psp zeroed. */
void psp_init(struct psp *psp);
void psp_free(struct psp *psp);
/** Listen (port 0 picks one, see psp->base) and serve on threads of its own.  False: said why. */
bool psp_start(struct psp *psp, const char *listen);
/** Drops the notices that still wait. */
void psp_stop(struct psp *psp);

/* ---- Records: sandbox_psp_store.c; all need psp->lock ---- */

int64_t psp_now_ms(void);
bool psp_chance(int64_t percent);
int64_t psp_draw(int64_t below);

/** Read the records of the file, and append to it from now on.  False: said why. */
bool psp_file_open(struct psp *psp, const char *path);

struct psp_charge *psp_charge_find(struct psp *psp, struct str name);
struct psp_refund *psp_refund_find(struct psp *psp, struct str name);

/** Errors: UNPROCESSABLE "reference_reused", "idempotency_key_reused". */
MUST_CHECK enum err psp_charge_make(struct cx *cx, struct psp *psp, const struct psp_charge *in,
                                    struct psp_charge *out);
/** The buyer pays; the notice is on its way.  Errors: NOT_FOUND, CONFLICT "paid". */
MUST_CHECK enum err psp_charge_pay(struct cx *cx, struct psp *psp, struct str id,
                                   struct psp_charge *out);
/** Errors: NOT_FOUND "no_such_charge", UNPROCESSABLE "refund_exceeds", "..._reused". */
MUST_CHECK enum err psp_refund_make(struct cx *cx, struct psp *psp, const struct psp_refund *in,
                                    struct psp_refund *out);

/* ---- Statements: sandbox_psp_statement.c; needs psp->lock ---- */

struct psp_page {
    int64_t day_ms, from, limit; /* limit >= 2 */
};
/** {"lines": [...], "next": cursor or null} */
struct str psp_statement(struct cx *cx, struct psp *psp, const struct psp_page *page);

/* ---- Notices: sandbox_psp_notice.c ---- */

struct psp_event {
    const char *type; /* "charge.succeeded" */
    struct str url, data;
    int64_t time_ms, extra_ms; /* When it happened; how late it is told. */
};
/** Needs psp->lock: it draws the event's name. */
void psp_notify(struct cx *cx, struct psp *psp, const struct psp_event *what);

/* ---- HTTP: sandbox_psp_http.c ---- */

void psp_request(struct http_exchange *x, void *psp);

#endif
