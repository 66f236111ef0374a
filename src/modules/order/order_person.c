/*
 * order_person.c - what orders keep of a person: handed out to the person, and handed over when a
 * guest's order gets its user.
 */
#include "modules/order/order_priv.h"

/* Open what person's key sealed; NULL text when the person was erased. */
static enum err open_or_gone(struct cx *cx, struct str person, struct str sealed, struct str *plain)
{
    *plain = (struct str){0};
    if (sealed.len == 0 || person_open(cx, person, sealed, plain) == OK)
        return OK;
    if (cx->problem.err != ERR_GONE)
        return cx->problem.err;
    fail_clear(cx);
    *plain = (struct str){0};
    return OK;
}

static enum err notes_of(struct cx *cx, int64_t order, struct list *rows)
{
    return sql_all(cx, order_note_fields, sizeof(struct order_note), rows,
                   "select id, order_id, actor, note, time_ms from order_note where order_id = ?1"
                   " order by id",
                   BIND(INT(order)));
}

static enum err give_lines(struct cx *cx, const struct order *order)
{
    struct list lines;

    TRY(order_lines(cx, order, &lines));
    for (size_t k = 0; k < lines.count; k++) {
        struct order_line *line = LIST_AT(lines, struct order_line, k);

        if (line->beneficiary.len > 0)
            continue;
        line->beneficiary = order->user;
        TRY(row_put(cx, &order_line_table, line));
    }
    return OK;
}

static enum err give(struct cx *cx, struct order *order, struct str user)
{
    struct str plain, guest = order_person(cx, order);
    struct list notes;

    TRY(open_or_gone(cx, guest, order->address, &plain));
    order->address = STR("");
    if (plain.ptr)
        TRY(person_seal(cx, user, plain, &order->address));
    TRY(notes_of(cx, order->id, &notes));
    for (size_t k = 0; k < notes.count; k++) {
        struct order_note *note = LIST_AT(notes, struct order_note, k);

        TRY(open_or_gone(cx, guest, note->note, &plain));
        TRY(person_seal(cx, user, plain.ptr ? plain : STR(""), &note->note));
        TRY(row_put(cx, &order_note_table, note));
    }
    order->user = user;
    TRY(row_put(cx, &order_table, order));
    TRY(give_lines(cx, order));
    return order_put_event(cx, "order.claimed", order);
}

enum err order_hand_over(struct cx *cx, struct order *order, struct str user)
{
    struct list sent;

    TRY(order_sent_for(cx, order->id, &sent));
    for (size_t k = 0; k < sent.count; k++)
        TRY(give(cx, LIST_AT(sent, struct order, k), user));
    return give(cx, order, user);
}

/* ---- Export ---- */

struct kept {
    int64_t id;
    struct str address, channel_identity, channel_cipher;
};
static const struct field kept_fields[] = {F_ID(kept, id, "ord"), F(kept, address),
                                           F(kept, channel_identity), F(kept, channel_cipher),
                                           F_END};

static enum err export_order(struct cx *cx, struct str person, const struct kept *order,
                             struct json_out *out)
{
    struct str plain;
    struct list notes;

    TRY(open_or_gone(cx, person, order->address, &plain));
    TRY(notes_of(cx, order->id, &notes));
    json_object(out);
    json_member_text(out, "order", order_key(cx, order->id));
    if (plain.ptr) {
        json_key(out, STR("address"));
        json_put_raw(out, plain);
    }
    if (order->channel_identity.len > 0)
        json_member_text(out, "channel_identity", order->channel_identity);
    if (order->channel_cipher.len > 0)
        json_member_text(out, "channel_cipher", order->channel_cipher);
    json_key(out, STR("notes"));
    json_list(out);
    for (size_t k = 0; k < notes.count; k++) {
        TRY(open_or_gone(cx, person, LIST_AT(notes, struct order_note, k)->note, &plain));
        if (plain.ptr)
            json_put_text(out, plain);
    }
    json_list_end(out);
    json_object_end(out);
    return OK;
}

/* All of them: who has more than fits one answer is told so by the budget, never handed a part. */
enum err order_person_export(struct cx *cx, struct str person, struct json_out *out)
{
    int64_t guest = 0;
    struct list orders;

    if (!id_parse(person, "ord", &guest))
        guest = 0; /* Not a guest's order: an order's id is never 0. */
    TRY(sql_all(
        cx, kept_fields, sizeof(struct kept), &orders,
        "select id, address, channel_identity, channel_cipher from orders where user_id = ?1"
        " or (id = ?2 and guest = 0 and user_id = '')"
        " or (guest > 0 and guest = ?2 and user_id = '') order by id",
        BIND(TEXT(person), INT(guest))));
    json_list(out);
    for (size_t k = 0; k < orders.count; k++)
        TRY(export_order(cx, person, LIST_AT(orders, struct kept, k), out));
    json_list_end(out);
    return OK;
}

/* ---- Erasure ---- */

/* What a channel gave us of the buyer is no text that we sealed: it goes by itself. */
enum err order_person_erase(struct cx *cx, struct str person)
{
    int64_t guest = 0;

    if (!id_parse(person, "ord", &guest))
        guest = 0;
    return sql_run(cx, NULL,
                   "update orders set channel_identity = '', channel_cipher = ''"
                   " where channel <> '' and (user_id = ?1 or (user_id = '' and (id = ?2 or"
                   " (guest > 0 and guest = ?2))))",
                   BIND(TEXT(person), INT(guest)));
}
