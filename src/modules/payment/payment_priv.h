/*
 * payment_priv.h - between payment.c (money in), payment_refund.c (money back), payment_ledger.c,
 * payment_check.c (patrol), payment_events.c (providers), payment_ask.c (lost notices),
 * payment_jobs.c (reconciliation), payment_person.c and payment_http.c (routes).
 */
#ifndef GREVY_PAYMENT_PRIV_H
#define GREVY_PAYMENT_PRIV_H

#include "modules/payment/payment.h"

enum {
    PAYMENT_INSTALMENTS_MAX = 36,
    PAYMENT_ENTITY_LEN_MAX = 32,
    PAYMENT_PROVIDER_LEN_MAX = 32,
    PAYMENT_REF_LEN_MAX = 64,
    PAYMENT_REASON_LEN_MAX = 200,
    PAYMENT_OF_ORDER_MAX = 50, /* Payments of one order; beyond it somebody plays. */
};

/* ---- Rows; each field table is also the reply of its routes ---- */

struct payment {
    int64_t id, order;
    struct str user, provider, entity;
    int state; /* enum payment_state */
    struct str reason, currency;
    int64_t amount_minor;
    struct str captured_currency;
    int64_t captured_minor, applied_minor, claimed_minor, refunded_minor, fee_minor;
    int64_t instalments, subsidised_minor;
    struct str provider_ref, pay_url, actor;
    int64_t created_ms, captured_ms, settled_ms;
};

/* Why money goes back: a refund of aftersale, or by itself. */
enum part_kind {
    PART_AFTERSALE,
    PART_ENDED,   /* The order ended with a part of it paid. */
    PART_SURPLUS, /* More than the order was open for: late, or twice. */
    PART_HELD,    /* Held money, sent back by a person. */
};
enum part_state { PART_REQUESTED, PART_REFUNDED, PART_FAILED, PART_PAID_OUT };
extern const char *const part_kinds[], *const part_states[];

struct payment_part {
    int64_t id, payment, order, refund;
    int kind, state;
    struct str provider, entity, currency;
    int64_t amount_minor;
    struct str provider_ref, reason, actor;
    int64_t created_ms, ended_ms, settled_ms;
    int64_t sent_ms; /* When its provider was last asked to return it. */
};

enum payout_state { PAYOUT_WAITING, PAYOUT_APPROVED, PAYOUT_REJECTED, PAYOUT_DROPPED };
extern const char *const payout_states[];

struct payment_payout {
    int64_t id, part, payment, order;
    int state;
    struct str entity, currency;
    int64_t amount_minor;
    struct str reason, requested_by, decided_by, note;
    int64_t created_ms, decided_ms;
};

extern const struct table payment_table, payment_part_table, payment_payout_table;
extern const struct field payment_fields[], payment_part_fields[], payment_payout_fields[],
    payment_entry_fields[];

struct payment_entry {
    int64_t id;
    int kind;
    struct str debit, credit, currency;
    int64_t amount_minor, debit_balance_minor, credit_balance_minor, payment, part, order, time_ms;
};

/* The columns of each table in the order of its fields. */
#define PAYMENT_COLUMNS                                                                            \
    "select id, order_id, user_id, provider, entity, state, reason, currency, amount_minor,"       \
    " captured_currency, captured_minor, applied_minor, claimed_minor, refunded_minor, fee_minor," \
    " instalments, subsidised_minor, provider_ref, pay_url, actor, created_ms, captured_ms,"       \
    " settled_ms from payment"
#define PART_COLUMNS                                                                               \
    "select id, payment_id, order_id, refund_id, kind, state, provider, entity, currency,"         \
    " amount_minor, provider_ref, reason, actor, created_ms, ended_ms, settled_ms, sent_ms"        \
    " from payment_part"
#define PAYOUT_COLUMNS                                                                             \
    "select id, part_id, payment_id, order_id, state, entity, currency, amount_minor, reason,"     \
    " requested_by, decided_by, note, created_ms, decided_ms from payment_payout"

/* ---- Providers ---- */

enum notice_type { CHARGE_SUCCEEDED, CHARGE_FAILED, REFUND_SUCCEEDED, REFUND_FAILED };
extern const char *const notice_types[];

/* What a provider says happened. */
struct payment_notice {
    struct str event; /* Its name at the provider: told again, it has the same. */
    int type;
    int64_t ours; /* Our payment or part; 0: the provider names none of ours. */
    struct str ref, currency, reason;
    int64_t amount_minor, fee_minor, time_ms;
};

struct payment_charge {
    struct str ref, pay_url;
};

struct statement_line {
    int64_t reconciliation, line;
    int type; /* 0 charge, 1 refund */
    struct str ref;
    int64_t ours;
    struct str entity, currency;
    int64_t amount_minor, fee_minor, time_ms;
};
extern const char *const statement_types[];

struct statement_page {
    struct list lines; /* of struct statement_line; reconciliation and line are not set */
    struct str next;   /* Absent: the last page. */
};

/*
 * One provider.  The functions that begin a call fill method, url, headers, secret and body of an
 * effect; the others read what comes back.  A provider without charge is by hand: its payments are
 * captured and refunded at once, by people.
 */
struct payment_provider {
    const char *name;
    enum err (*charge)(struct cx *cx, const struct payment *payment, struct effect_new *out);
    enum err (*charge_answer)(struct cx *cx, struct str body, struct payment_charge *out);
    enum err (*refund)(struct cx *cx, const struct payment *payment,
                       const struct payment_part *part, struct effect_new *out);
    /* *settled false: the provider works on it and will send a notice. */
    enum err (*refund_answer)(struct cx *cx, struct str body, struct payment_notice *out,
                              bool *settled);
    /* What became of it; NULL: its provider cannot be asked.  A refund's is read by refund_answer;
     * *settled false: nothing yet. */
    enum err (*charge_ask)(struct cx *cx, const struct payment *payment, struct effect_new *out);
    enum err (*charge_told)(struct cx *cx, struct str body, struct payment_notice *out,
                            bool *settled);
    enum err (*refund_ask)(struct cx *cx, const struct payment_part *part, struct effect_new *out);
    enum err (*statement)(struct cx *cx, int64_t day_ms, struct str cursor, struct effect_new *out);
    enum err (*statement_answer)(struct cx *cx, struct str body, struct statement_page *out);
    /* Checks the signature first. */
    enum err (*notice)(struct req *req, struct payment_notice *out);
};

/** NULL: none of that name. */
const struct payment_provider *payment_provider(struct str name);
extern const struct payment_provider payment_providers[]; /* Ends with a nameless one. */

/* ---- Money: payment.c ---- */

/** Errors: NOT_FOUND "no_such_payment". */
MUST_CHECK enum err payment_get(struct cx *cx, int64_t id, struct payment *out);
MUST_CHECK enum err payment_part_get(struct cx *cx, int64_t id, struct payment_part *out);
MUST_CHECK enum err payments_of(struct cx *cx, int64_t order, struct list *out);

/** What the order is still open for, less what live payments ask for. */
MUST_CHECK enum err payment_open_minor(struct cx *cx, const struct order *order, int64_t *minor);

MUST_CHECK enum err payment_put_event(struct cx *cx, const char *type,
                                      const struct payment *payment);
MUST_CHECK enum err payment_end(struct cx *cx, struct payment *payment, int state,
                                struct str reason);

/** The provider has the money: book it, pay the order, send back the rest.  *outcome is static. */
MUST_CHECK enum err payment_capture(struct cx *cx, struct payment *payment,
                                    const struct payment_notice *notice, const char **outcome);

/** The state that follows from the amounts, after a capture. */
void payment_settle_state(struct payment *payment);

struct part_new {
    int kind;
    int64_t refund, amount_minor;
};
MUST_CHECK enum err payment_part_start(struct cx *cx, struct payment *payment,
                                       const struct part_new *in);
/** Put the effect that makes the provider return the part. */
MUST_CHECK enum err payment_part_send(struct cx *cx, const struct payment *payment,
                                      struct payment_part *part);
/** It has gone back by route "provider", "payout" or "manual". */
MUST_CHECK enum err payment_part_done(struct cx *cx, struct payment_part *part, const char *route,
                                      const struct payment_notice *notice);
/** The provider refuses: a payout waits for a second person. */
MUST_CHECK enum err payment_part_failed(struct cx *cx, struct payment_part *part,
                                        struct str reason);
/** The payout of the part that waits or was rejected; *found false: none. */
MUST_CHECK enum err payment_payout_of(struct cx *cx, int64_t part, struct payment_payout *out,
                                      bool *found);

enum err payment_order_ended(struct cx *cx, const struct event *event);
extern struct metric payment_refunded_total, payment_refund_failed_total;

/* ---- Persons: payment_person.c ---- */

/** Who pays: the user, or the order of a guest. */
struct str payment_person(struct cx *cx, const struct payment *payment);
MUST_CHECK enum err payment_seal_note(struct cx *cx, const struct payment *payment, struct str note,
                                      struct payment_payout *payout);
/** Open the notes of payouts for callers with person:read, mask them for others. */
MUST_CHECK enum err payment_show_notes(struct cx *cx, struct list payouts);
enum err payment_order_claimed(struct cx *cx, const struct event *event);
enum err payment_person_export(struct cx *cx, struct str person, struct json_out *out);
enum err payment_person_erase(struct cx *cx, struct str person);

/* ---- The ledger: payment_ledger.c ---- */

enum entry_kind {
    ENTRY_CAPTURE,
    ENTRY_HOLD,
    ENTRY_FEE,
    ENTRY_SUBSIDY,
    ENTRY_APPLY,
    ENTRY_REFUND,
    ENTRY_RETURN
};
struct payment_booking {
    int kind;
    const char *debit, *credit; /* "fees"; "provider" is that of the payment */
    int64_t amount_minor, part;
};
/** One entry in the captured currency; nothing for an amount of 0. */
MUST_CHECK enum err payment_book(struct cx *cx, const struct payment *payment,
                                 struct payment_booking booking);

/* ---- The patrol: payment_check.c ---- */

enum err payment_check(struct cx *cx, struct patrol_report *report);

/* ---- From outside: payment_events.c ---- */

/** The name of the provider's event type, e.g. "charge.succeeded", happened: once. */
MUST_CHECK enum err payment_notice_apply(struct cx *cx, struct str provider,
                                         const struct payment_notice *notice, const char **outcome);
/** Take it in the inbox: told before, the outcome is "repeated". */
MUST_CHECK enum err payment_notice_take(struct cx *cx, struct str provider,
                                        const struct payment_notice *notice, struct str *outcome);
enum err payment_webhook_prepare(struct req *req);
enum err payment_webhook(struct req *req);
enum err payment_charge_answered(struct cx *cx, const struct effect_answer *answer,
                                 enum effect_verdict *verdict);
enum err payment_refund_answered(struct cx *cx, const struct effect_answer *answer,
                                 enum effect_verdict *verdict);

/* ---- Notices that do not come: payment_ask.c ---- */

/** Ask the provider what became of a payment that is not captured, or a part that did not return;
 *  nothing when it cannot be asked or has ended. */
MUST_CHECK enum err payment_ask(struct cx *cx, const struct payment *payment);
MUST_CHECK enum err payment_part_ask(struct cx *cx, const struct payment_part *part);
/** Set the timer that asks next, if there is a next time. */
MUST_CHECK enum err payment_ask_later(struct cx *cx, const struct payment *payment);
MUST_CHECK enum err payment_part_ask_later(struct cx *cx, const struct payment_part *part);
enum err payment_ask_due(struct cx *cx, int64_t key, int64_t due_ms);
enum err payment_part_ask_due(struct cx *cx, int64_t key, int64_t due_ms);
enum err payment_ask_answered(struct cx *cx, const struct effect_answer *answer,
                              enum effect_verdict *verdict);
enum err payment_part_ask_answered(struct cx *cx, const struct effect_answer *answer,
                                   enum effect_verdict *verdict);
extern struct setting payment_ask_s;
extern struct metric payment_told_total;

/* ---- Reconciliation: payment_jobs.c ---- */

extern struct setting payment_notices_kept_days;

enum reconciliation_state {
    RECONCILIATION_FETCHING,
    RECONCILIATION_COMPARING,
    RECONCILIATION_DONE,
    RECONCILIATION_FAILED
};

struct reconciliation {
    int64_t id;
    struct str provider;
    int64_t day_ms;
    int state;
    int64_t run, effect, lines, hour, differences;
    struct str accounts, error, actor;
    int64_t started_ms, done_ms;
};
extern const struct field reconciliation_fields[];
extern const struct table reconciliation_table;
#define RECONCILIATION_COLUMNS                                                                     \
    "select id, provider, day_ms, state, run, effect_id, lines, hour, differences, accounts,"      \
    " error, actor, started_ms, done_ms from payment_reconciliation"

struct payment_difference {
    int64_t reconciliation;
    int kind;
    struct str ref;
    int64_t ours;
    int type;
    struct str entity, currency;
    int64_t ours_minor, theirs_minor, run, found_ms;
    /* Of the event and the API, not columns. */
    struct str provider, payment;
    int64_t day_ms;
};
enum difference_kind {
    MISSING_HERE,
    MISSING_THERE,
    AMOUNT_DIFFERS,
    FEE_DIFFERS,
    ACCOUNT_DIFFERS,
    DUPLICATED
};
extern const struct field payment_difference_fields[], payment_difference_event_fields[];

/** As list of struct payment_difference; those of an older run count until this one is done. */
MUST_CHECK enum err reconciliation_differences(struct cx *cx, int64_t id, struct list *out);

/** Begin, or begin again, to compare the provider's day. */
MUST_CHECK enum err reconciliation_start(struct cx *cx, struct str provider, int64_t day_ms,
                                         struct reconciliation *out);
enum err payment_reconcile(struct cx *cx, bool *more);
enum err payment_statement_answered(struct cx *cx, const struct effect_answer *answer,
                                    enum effect_verdict *verdict);
enum err payment_compare(struct cx *cx, int64_t key, int64_t due_ms);
enum err payment_inbox_purge(struct cx *cx, bool *more);
extern struct setting payment_reconcile_hour;

/* ---- Routes: payment_http.c ---- */

struct payment_plan {
    int64_t count, subsidised_minor;
    struct str currency;
};
struct payment_new {
    struct str provider, entity;
    int64_t amount_minor;
    struct str currency;
    struct payment_plan plan;
};
struct payment_page_query {
    struct page_query page;
};
struct payment_payout_query {
    struct page_query page;
    int state;
};
struct payment_decision {
    struct str note;
};
struct reconciliation_new {
    struct str date, provider;
};
struct reconciliation_day {
    struct reconciliation reconciliation;
    struct list differences; /* of struct payment_difference */
};
struct webhook_answer {
    struct str outcome;
};
extern const struct field payment_new_fields[], payment_page_query_fields[],
    payment_payout_query_fields[], payment_decision_fields[], reconciliation_new_fields[],
    reconciliation_day_fields[], webhook_answer_fields[];

enum err payment_post(struct req *req);
enum err payment_get_one(struct req *req);
enum err payment_get_of_order(struct req *req);
enum err payment_post_cancel(struct req *req);
enum err payment_post_return(struct req *req);
enum err payment_get_parts(struct req *req);
enum err payment_get_entries(struct req *req);
enum err payment_post_retry(struct req *req);
enum err payment_get_payouts(struct req *req);
enum err payment_post_approve(struct req *req);
enum err payment_post_reject(struct req *req);
enum err reconciliation_post(struct req *req);
enum err reconciliation_get_list(struct req *req);
enum err reconciliation_get_day(struct req *req);

#endif
