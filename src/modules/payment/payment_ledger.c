/*
 * payment_ledger.c - accounts, entries, and the check that they add up.
 *
 * Accounts, of each merchant account E (positive: debits exceed credits):
 *   provider:P:E  what provider P holds for us        fees:E       what it kept
 *   deposits:E    captured, not (yet) an order's      subsidies:E  instalment fees borne by us
 *   held:E        captured, but not what we asked     refunds:E    what orders got back
 *   orders:E      what orders have paid               payable:E    refunds on their way
 *                                                     payouts:E    paid out by other routes
 */
#include "modules/payment/payment_priv.h"

/* ---- The ledger ---- */

static const char *const entry_kinds[] = {"capture", "hold",   "fee",    "subsidy",
                                          "apply",   "refund", "return", NULL};

const struct field payment_entry_fields[] = {
    F_ID(payment_entry, id, "ent"),
    F_ENUM(payment_entry, kind, entry_kinds),
    F(payment_entry, debit),
    F(payment_entry, credit),
    F(payment_entry, currency, .flags = FIELD_SQL_ONLY),
    F_MONEY(payment_entry, amount_minor, currency, "amount"),
    F(payment_entry, debit_balance_minor, .doc = "Of the debited account, after it."),
    F(payment_entry, credit_balance_minor, .doc = "Of the credited account, after it."),
    F_ID(payment_entry, payment, "pay", .column = "payment_id"),
    F_ID(payment_entry, part, "prf", .column = "part_id"),
    F_ID(payment_entry, order, "ord", .column = "order_id"),
    F_TIME(payment_entry, time_ms, "time"),
    F_END};
static const struct table entry_table =
    TABLE("payment_entry", payment_entry, payment_entry_fields, 1);

struct account {
    struct str account, currency;
    int64_t balance_minor;
};
static const struct field account_fields[] = {F(account, account), F(account, currency),
                                              F(account, balance_minor), F_END};
static const struct table account_table = TABLE("payment_account", account, account_fields, 2);

static enum err move_balance(struct cx *cx, struct str name, struct str currency, int64_t change,
                             int64_t *balance_minor)
{
    struct account account = {.account = name, .currency = currency};
    bool found;

    TRY(row_find(cx, &account_table, &account, &found));
    if (!money_add(account.balance_minor, change, &account.balance_minor))
        return fail(cx, ERR_CONFLICT, "account_full", "account " STR_FMT " cannot count that far",
                    STR_ARG(name));
    *balance_minor = account.balance_minor;
    return row_put(cx, &account_table, &account);
}

/* An account of the payment's merchant account; "provider" is that of its provider. */
static struct str account_of(struct cx *cx, const struct payment *payment, const char *name)
{
    if (str_is(str_of(name), "provider"))
        return cx_printf(cx, "provider:" STR_FMT ":" STR_FMT, STR_ARG(payment->provider),
                         STR_ARG(payment->entity));
    return cx_printf(cx, "%s:" STR_FMT, name, STR_ARG(payment->entity));
}

enum err payment_book(struct cx *cx, const struct payment *payment, struct payment_booking booking)
{
    struct payment_entry entry = {.kind = booking.kind,
                                  .debit = account_of(cx, payment, booking.debit),
                                  .credit = account_of(cx, payment, booking.credit),
                                  .currency = payment->captured_currency,
                                  .amount_minor = booking.amount_minor,
                                  .payment = payment->id,
                                  .part = booking.part,
                                  .order = payment->order,
                                  .time_ms = cx_now_ms(cx)};

    if (booking.amount_minor == 0)
        return OK;
    entry.id = cx_new_id(cx);
    TRY(move_balance(cx, entry.debit, entry.currency, entry.amount_minor,
                     &entry.debit_balance_minor));
    TRY(move_balance(cx, entry.credit, entry.currency, -entry.amount_minor,
                     &entry.credit_balance_minor));
    return row_add(cx, &entry_table, &entry);
}

/* ---- The patrol ---- */

enum { FINDINGS_MAX = 100, ORDERS_OF_BUCKET = 512 };

/* What is wrong, of which row, and the two numbers that should be one. */
struct finding {
    struct str what, of;
    int64_t is_minor, should_be_minor;
};
static const struct field finding_fields[] = {
    F(finding, what), F(finding, of), F(finding, is_minor), F(finding, should_be_minor), F_END};
static const struct field finding_row_fields[] = {F(finding, of), F(finding, is_minor),
                                                  F(finding, should_be_minor), F_END};

static void report_one(struct patrol_report *report, const struct finding *finding)
{
    field_write(report->findings, finding_fields, finding);
    report->found++;
}

static enum err report_rows(struct cx *cx, struct patrol_report *report, const char *what,
                            const char *sql)
{
    struct list rows;

    TRY(sql_all(cx, finding_row_fields, sizeof(struct finding), &rows, sql,
                BIND(INT(FINDINGS_MAX))));
    for (size_t k = 0; k < rows.count; k++) {
        struct finding *finding = LIST_AT(rows, struct finding, k);

        finding->what = str_of(what);
        report_one(report, finding);
    }
    return OK;
}

static const struct {
    const char *what, *sql;
} checks[] = {
    {"balance and entries of an account",
     "select of, is_minor, sum_minor from (select account || ' ' || currency as of,"
     " cast(max(balance) as bigint) as is_minor, cast(sum(change) as bigint) as sum_minor"
     " from (select account, currency, balance_minor as balance, 0 as change from payment_account"
     "  union all select debit, currency, null, amount_minor from payment_entry"
     "  union all select credit, currency, null, -amount_minor from payment_entry) as sides"
     " group by account, currency) as sums where is_minor is null or is_minor <> sum_minor"
     " order by of limit ?1"},
    {"balances of a currency",
     "select currency, cast(sum(balance_minor) as bigint), cast(0 as bigint) from payment_account"
     " group by currency having sum(balance_minor) <> 0 order by currency limit ?1"},
    {"captured and booked",
     "select of, is_minor, sum_minor from (select cast(p.id as text) as of,"
     " p.captured_minor as is_minor, cast(coalesce((select sum(e.amount_minor) from payment_entry e"
     "  where e.payment_id = p.id and e.kind in ('capture', 'hold')), 0) as bigint) as sum_minor"
     " from payment p) as sums where is_minor <> sum_minor order by of limit ?1"},
    {"claimed and the parts of refunds",
     "select of, is_minor, sum_minor from (select cast(p.id as text) as of,"
     " p.claimed_minor as is_minor, cast(coalesce((select sum(r.amount_minor) from payment_part r"
     "  where r.payment_id = p.id), 0) as bigint) as sum_minor"
     " from payment p) as sums where is_minor <> sum_minor order by of limit ?1"},
    {"refunded and the parts that returned",
     "select of, is_minor, sum_minor from (select cast(p.id as text) as of,"
     " p.refunded_minor as is_minor, cast(coalesce((select sum(r.amount_minor) from payment_part r"
     "  where r.payment_id = p.id and r.state in ('refunded', 'paid_out')), 0) as bigint)"
     " as sum_minor from payment p) as sums where is_minor <> sum_minor order by of limit ?1"},
    {"more claimed than captured",
     "select cast(id as text), claimed_minor, captured_minor from payment"
     " where claimed_minor > captured_minor or applied_minor > captured_minor"
     " or refunded_minor > claimed_minor order by id limit ?1"},
};

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
    int64_t accounts, entries;

    TRY(sql_int(cx, &accounts, 0, "select count(*) from payment_account", NO_BINDS));
    TRY(sql_int(cx, &entries, 0, "select count(*) from payment_entry", NO_BINDS));
    report->accounts += accounts;
    report->movements += entries;
    for (size_t k = 0; k < sizeof(checks) / sizeof(checks[0]); k++)
        TRY(report_rows(cx, report, checks[k].what, checks[k].sql));
    return check_orders(cx, report);
}
