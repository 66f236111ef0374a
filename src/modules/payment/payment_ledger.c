/*
 * payment_ledger.c - accounts and entries; payment_check.c adds them up.
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
