/*
 * payment_check.c - entries, balances, payments, refunds and orders hold each other up.
 *
 * A slice at a time: no statement is long, however many months there are.
 */
#include <stdlib.h>

#include "modules/payment/payment_priv.h"

enum {
    FINDINGS_MAX = 100,
    ENTRIES_OF_SLICE = 10000,
    PAYMENTS_OF_SLICE = 1000,
    ORDERS_OF_BUCKET = 512,
};

/* What is wrong, of which row, and the two numbers that should be one. */
struct finding {
    struct str what, of;
    int64_t is_minor, should_be_minor;
};
static const struct field finding_fields[] = {
    F(finding, what), F(finding, of), F(finding, is_minor), F(finding, should_be_minor), F_END};

static void report_one(struct patrol_report *report, const struct finding *finding)
{
    if (report->found++ < FINDINGS_MAX)
        field_write(report->findings, finding_fields, finding);
}

/* ---- Accounts and their entries ---- */

struct account_sums {
    struct str account, currency;
    int64_t balance_minor, entries_minor;
};
static const struct field balance_fields[] = {F(account_sums, account), F(account_sums, currency),
                                              F(account_sums, balance_minor), F_END};

static int by_name(const void *a, const void *b)
{
    const struct account_sums *one = a, *other = b;
    int order = str_cmp(one->account, other->account);

    return order ? order : str_cmp(one->currency, other->currency);
}

struct side {
    struct str debit, credit, currency;
    int64_t amount_minor, entries;
};
static const struct field side_fields[] = {F(side, debit),    F(side, credit),
                                           F(side, currency), F(side, amount_minor),
                                           F(side, entries),  F_END};

/* False: there is no such account. */
static bool add_to(struct list accounts, struct str account, struct str currency, int64_t change)
{
    struct account_sums wanted = {.account = account, .currency = currency};
    struct account_sums *found =
        bsearch(&wanted, accounts.items, accounts.count, sizeof(wanted), by_name);

    if (found)
        found->entries_minor += change;
    return found != NULL;
}

static enum err add_entries(struct cx *cx, struct list accounts, int64_t from, int64_t to,
                            struct patrol_report *report)
{
    struct list rows;

    TRY(sql_all(cx, side_fields, sizeof(struct side), &rows,
                "select debit, credit, currency, cast(sum(amount_minor) as bigint), count(*)"
                " from payment_entry where id > ?1 and id <= ?2 group by debit, credit, currency"
                " order by debit, credit, currency",
                BIND(INT(from), INT(to))));
    for (size_t k = 0; k < rows.count; k++) {
        const struct side *side = LIST_AT(rows, struct side, k);

        report->movements += side->entries;
        if (!add_to(accounts, side->debit, side->currency, side->amount_minor))
            report_one(report, &(struct finding){.what = STR("entries of no account"),
                                                 .of = side->debit,
                                                 .is_minor = side->amount_minor});
        if (!add_to(accounts, side->credit, side->currency, -side->amount_minor))
            report_one(report, &(struct finding){.what = STR("entries of no account"),
                                                 .of = side->credit,
                                                 .is_minor = -side->amount_minor});
    }
    return OK;
}

static enum err check_accounts(struct cx *cx, struct patrol_report *report)
{
    int64_t from = 0, to = 0;
    struct list accounts;

    TRY(sql_all(cx, balance_fields, sizeof(struct account_sums), &accounts,
                "select account, currency, balance_minor from payment_account"
                " order by account, currency",
                NO_BINDS));
    report->accounts += (int64_t)accounts.count;
    while (to < INT64_MAX) {
        TRY(sql_int(cx, &to, INT64_MAX,
                    "select id from payment_entry where id > ?1 order by id limit 1 offset ?2",
                    BIND(INT(from), INT(ENTRIES_OF_SLICE))));
        TRY(add_entries(cx, accounts, from, to, report));
        from = to;
    }
    for (size_t k = 0; k < accounts.count; k++) {
        const struct account_sums *sums = LIST_AT(accounts, struct account_sums, k);

        if (sums->balance_minor != sums->entries_minor)
            report_one(report, &(struct finding){.what = STR("balance and entries of an account"),
                                                 .of = cx_printf(cx, STR_FMT " " STR_FMT,
                                                                 STR_ARG(sums->account),
                                                                 STR_ARG(sums->currency)),
                                                 .is_minor = sums->balance_minor,
                                                 .should_be_minor = sums->entries_minor});
    }
    return OK;
}

/* ---- Payments, their entries and their refunds ---- */

struct payment_sums {
    int64_t id, captured_minor, booked_minor, claimed_minor, parts_minor, refunded_minor,
        returned_minor, applied_minor;
};
static const struct field payment_sums_fields[] = {F(payment_sums, id),
                                                   F(payment_sums, captured_minor),
                                                   F(payment_sums, booked_minor),
                                                   F(payment_sums, claimed_minor),
                                                   F(payment_sums, parts_minor),
                                                   F(payment_sums, refunded_minor),
                                                   F(payment_sums, returned_minor),
                                                   F(payment_sums, applied_minor),
                                                   F_END};

static const char wrong_payments_sql[] =
    "select * from (select p.id, p.captured_minor,"
    " cast(coalesce((select sum(e.amount_minor) from payment_entry e where e.payment_id = p.id"
    "  and e.kind in ('capture', 'hold')), 0) as bigint) as booked_minor, p.claimed_minor,"
    " cast(coalesce((select sum(r.amount_minor) from payment_part r where r.payment_id = p.id), 0)"
    "  as bigint) as parts_minor, p.refunded_minor,"
    " cast(coalesce((select sum(r.amount_minor) from payment_part r where r.payment_id = p.id"
    "  and r.state in ('refunded', 'paid_out')), 0) as bigint) as returned_minor, p.applied_minor"
    " from payment p where p.id > ?1 and p.id <= ?2) as sums"
    " where captured_minor <> booked_minor or claimed_minor <> parts_minor"
    " or refunded_minor <> returned_minor or claimed_minor > captured_minor"
    " or applied_minor > captured_minor order by id limit ?3";

static void report_payment(struct cx *cx, struct patrol_report *report,
                           const struct payment_sums *sums)
{
    const struct {
        const char *what;
        int64_t is_minor, should_be_minor;
        bool wrong;
    } rows[] = {
        {"captured and booked", sums->captured_minor, sums->booked_minor,
         sums->captured_minor != sums->booked_minor},
        {"claimed and the parts of refunds", sums->claimed_minor, sums->parts_minor,
         sums->claimed_minor != sums->parts_minor},
        {"refunded and the parts that returned", sums->refunded_minor, sums->returned_minor,
         sums->refunded_minor != sums->returned_minor},
        {"more claimed than captured", sums->claimed_minor, sums->captured_minor,
         sums->claimed_minor > sums->captured_minor},
        {"more applied than captured", sums->applied_minor, sums->captured_minor,
         sums->applied_minor > sums->captured_minor},
    };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        if (rows[k].wrong)
            report_one(report, &(struct finding){.what = str_of(rows[k].what),
                                                 .of = cx_id_text(cx, "pay", sums->id),
                                                 .is_minor = rows[k].is_minor,
                                                 .should_be_minor = rows[k].should_be_minor});
}

static enum err check_payments(struct cx *cx, struct patrol_report *report)
{
    int64_t from = 0, to = 0;
    struct list rows;

    while (to < INT64_MAX && report->found < FINDINGS_MAX) {
        TRY(sql_int(cx, &to, INT64_MAX,
                    "select id from payment where id > ?1 order by id limit 1 offset ?2",
                    BIND(INT(from), INT(PAYMENTS_OF_SLICE))));
        TRY(sql_all(cx, payment_sums_fields, sizeof(struct payment_sums), &rows, wrong_payments_sql,
                    BIND(INT(from), INT(to), INT(FINDINGS_MAX))));
        for (size_t k = 0; k < rows.count; k++)
            report_payment(cx, report, LIST_AT(rows, struct payment_sums, k));
        from = to;
    }
    return OK;
}

/* ---- Orders and their payments ---- */

/* What is paid and refunded over the orders from < id <= to, by the orders and by us. */
struct sums {
    int64_t paid_minor, applied_minor, refunded_minor, asked_minor;
};

static enum err sum_range(struct cx *cx, int64_t from, int64_t to, struct sums *out)
{
    struct order_sums orders;

    TRY(order_sums(cx, from, to, &orders));
    out->paid_minor = orders.paid_minor;
    out->refunded_minor = orders.refunded_minor;
    TRY(sql_int(cx, &out->applied_minor, 0,
                "select cast(sum(applied_minor) as bigint) from payment"
                " where order_id > ?1 and order_id <= ?2",
                BIND(INT(from), INT(to))));
    return sql_int(cx, &out->asked_minor, 0,
                   "select cast(sum(amount_minor) as bigint) from payment_part where order_id > ?1"
                   " and order_id <= ?2 and kind in ('aftersale', 'ended')",
                   BIND(INT(from), INT(to)));
}

static bool same(const struct sums *sums)
{
    return sums->paid_minor == sums->applied_minor && sums->refunded_minor == sums->asked_minor;
}

/* Halve the range until one order is left: 63 steps at most. */
static enum err report_order(struct cx *cx, struct patrol_report *report, int64_t from, int64_t to)
{
    struct sums sums;

    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;

        TRY(sum_range(cx, from, middle, &sums));
        if (same(&sums))
            from = middle;
        else
            to = middle;
    }
    TRY(sum_range(cx, from, to, &sums));
    if (sums.paid_minor != sums.applied_minor)
        report_one(report, &(struct finding){.what = STR("paid by the order and applied to it"),
                                             .of = order_key(cx, to),
                                             .is_minor = sums.paid_minor,
                                             .should_be_minor = sums.applied_minor});
    if (sums.refunded_minor != sums.asked_minor)
        report_one(report, &(struct finding){.what = STR("refunded by the order and by payments"),
                                             .of = order_key(cx, to),
                                             .is_minor = sums.refunded_minor,
                                             .should_be_minor = sums.asked_minor});
    return OK;
}

/* By buckets of orders: one wrong order shows in the sums of its bucket. */
static enum err check_orders(struct cx *cx, struct patrol_report *report)
{
    int64_t from = 0, to = 0;
    struct sums sums;

    while (to < INT64_MAX && report->found < FINDINGS_MAX) {
        TRY(sql_int(cx, &to, INT64_MAX,
                    "select order_id from payment where order_id > ?1 order by order_id"
                    " limit 1 offset ?2",
                    BIND(INT(from), INT(ORDERS_OF_BUCKET))));
        TRY(sum_range(cx, from, to, &sums));
        if (!same(&sums))
            TRY(report_order(cx, report, from, to));
        from = to;
    }
    return OK;
}

enum err payment_check(struct cx *cx, struct patrol_report *report)
{
    TRY(check_accounts(cx, report));
    TRY(check_payments(cx, report));
    return check_orders(cx, report);
}
