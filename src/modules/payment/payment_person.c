/*
 * payment_person.c - what payments keep of a person: handed out, handed over, forgotten.
 *
 * Amounts, states and the provider's names of charges stay after an erasure: books must add up, and
 * a number names nobody.  The note of a payout, which may hold an account's number, is sealed under
 * the payer's key; the address of the provider's page is blanked.
 */
#include "modules/payment/payment_priv.h"

struct str payment_person(struct cx *cx, const struct payment *payment)
{
    return payment->user.len > 0 ? payment->user : order_key(cx, payment->order);
}

/* ---- Notes of payouts ---- */

enum err payment_seal_note(struct cx *cx, const struct payment *payment, struct str note,
                           struct payment_payout *payout)
{
    return person_seal(cx, payment_person(cx, payment), note, &payout->note);
}

/* "" when there is none, or the person was erased. */
static enum err open_note(struct cx *cx, const struct payment *payment, struct str *note)
{
    struct str sealed = *note;

    if (sealed.len == 0 || person_open(cx, payment_person(cx, payment), sealed, note) == OK)
        return OK;
    if (cx->problem.err != ERR_GONE)
        return cx->problem.err;
    fail_clear(cx);
    *note = STR("");
    return OK;
}

enum err payment_show_notes(struct cx *cx, struct list payouts)
{
    for (size_t k = 0; k < payouts.count; k++) {
        struct payment_payout *payout = LIST_AT(payouts, struct payment_payout, k);
        struct payment payment;

        if (payout->note.len == 0)
            continue;
        TRY(payment_get(cx, payout->payment, &payment));
        TRY(open_note(cx, &payment, &payout->note));
        if (!cx_has_scope(cx, "person:read"))
            payout->note = person_mask(cx, payout->note);
    }
    return OK;
}

/* ---- A guest's order gets its user ---- */

static enum err payouts_of(struct cx *cx, const struct payment *payment, struct list *out)
{
    return sql_all(cx, payment_payout_fields, sizeof(struct payment_payout), out,
                   PAYOUT_COLUMNS " where part_id in (select id from payment_part"
                                  " where payment_id = ?1) order by id",
                   BIND(INT(payment->id)));
}

static enum err hand_over(struct cx *cx, struct payment *payment, struct str user)
{
    struct list payouts;

    TRY(payouts_of(cx, payment, &payouts));
    for (size_t k = 0; k < payouts.count; k++) {
        struct payment_payout *payout = LIST_AT(payouts, struct payment_payout, k);

        if (payout->note.len == 0)
            continue;
        TRY(open_note(cx, payment, &payout->note));
        if (payout->note.len > 0)
            TRY(person_seal(cx, user, payout->note, &payout->note));
        TRY(row_put(cx, &payment_payout_table, payout));
    }
    payment->user = user;
    return row_put(cx, &payment_table, payment);
}

enum err payment_order_claimed(struct cx *cx, const struct event *event)
{
    struct order_event claimed;
    struct list payments;

    TRY(event_read(cx, event, order_event_fields, &claimed, sizeof(claimed)));
    TRY(payments_of(cx, claimed.order, &payments));
    for (size_t k = 0; k < payments.count; k++) {
        struct payment *payment = LIST_AT(payments, struct payment, k);

        if (payment->user.len == 0)
            TRY(hand_over(cx, payment, claimed.user));
    }
    return OK;
}

/* ---- Export ---- */

static enum err payments_by(struct cx *cx, struct str person, struct list *out)
{
    int64_t guest;

    if (id_parse(person, "ord", &guest)) /* A guest is known by the order. */
        return sql_all(cx, payment_fields, sizeof(struct payment), out,
                       PAYMENT_COLUMNS " where order_id = ?1 and user_id = '' order by id",
                       BIND(INT(guest)));
    return sql_all(cx, payment_fields, sizeof(struct payment), out,
                   PAYMENT_COLUMNS " where user_id = ?1 and user_id <> '' order by id",
                   BIND(TEXT(person)));
}

static enum err export_payment(struct cx *cx, const struct payment *payment, struct json_out *out)
{
    struct list parts, payouts;

    TRY(sql_all(cx, payment_part_fields, sizeof(struct payment_part), &parts,
                PART_COLUMNS " where payment_id = ?1 order by id", BIND(INT(payment->id))));
    TRY(payouts_of(cx, payment, &payouts));
    json_object(out);
    json_key(out, STR("payment"));
    field_write(out, payment_fields, payment);
    json_key(out, STR("refunds"));
    json_list(out);
    for (size_t k = 0; k < parts.count; k++)
        field_write(out, payment_part_fields, LIST_AT(parts, struct payment_part, k));
    json_list_end(out);
    json_key(out, STR("payouts"));
    json_list(out);
    for (size_t k = 0; k < payouts.count; k++) {
        struct payment_payout *payout = LIST_AT(payouts, struct payment_payout, k);

        TRY(open_note(cx, payment, &payout->note));
        field_write(out, payment_payout_fields, payout);
    }
    json_list_end(out);
    json_object_end(out);
    return OK;
}

/* All of them: who has more than fits one answer is told so by the budget, never handed a part. */
enum err payment_person_export(struct cx *cx, struct str person, struct json_out *out)
{
    struct list payments;

    TRY(payments_by(cx, person, &payments));
    json_list(out);
    for (size_t k = 0; k < payments.count; k++)
        TRY(export_payment(cx, LIST_AT(payments, struct payment, k), out));
    json_list_end(out);
    return OK;
}

/* ---- Erasure ---- */

enum err payment_person_erase(struct cx *cx, struct str person)
{
    struct list payments;

    TRY(payments_by(cx, person, &payments));
    for (size_t k = 0; k < payments.count; k++) {
        struct payment *payment = LIST_AT(payments, struct payment, k);

        if (payment->pay_url.len == 0)
            continue;
        payment->pay_url = STR("");
        TRY(row_put(cx, &payment_table, payment));
    }
    return OK;
}
