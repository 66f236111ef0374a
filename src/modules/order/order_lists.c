/*
 * order_lists.c - lists, notes, the timeline, and the check that amounts add up.
 */
#include "modules/order/order_priv.h"

static const char *const state_filter[] = {"any",       "pending_payment", "paid",    "fulfilling",
                                           "completed", "cancelled",       "expired", NULL};

const struct field order_list_query_fields[] = {
    PAGE_FIELDS(order_list_query),
    F(order_list_query, user, .max = ORDER_USER_LEN_MAX),
    F_ENUM(order_list_query, state, state_filter),
    F_TIME(order_list_query, from_ms, "from", .doc = "Created at or after."),
    F_TIME(order_list_query, to_ms, "to", .doc = "Created before."),
    F_END};
const struct field order_timeline_query_fields[] = {PAGE_FIELDS(order_timeline_query), F_END};

/* Ids are ordered by time: a time is a bound on ids.  Years that no id reaches are beyond all. */
enum { ID_TIME_SHIFT = 22 };
static int64_t first_id_at(int64_t ms)
{
    if (ms <= ID_EPOCH_MS)
        return 0;
    return ms - ID_EPOCH_MS > INT64_MAX >> ID_TIME_SHIFT ? INT64_MAX
                                                         : (ms - ID_EPOCH_MS) << ID_TIME_SHIFT;
}

#define ORDER_COLUMNS                                                                              \
    "select id, user_id, kind, state, currency, goods_minor, discount_minor, shipping_minor,"      \
    " tax_minor, total_minor, paid_minor, refunded_minor, channel, channel_order,"                 \
    " channel_identity, channel_cipher, channel_country, channel_time_ms, parent, guest, address," \
    " labelled, lines, created_ms, expires_ms, paid_ms, ended_ms from orders"

static enum err find_orders(struct cx *cx, const struct order_list_query *query, int64_t from,
                            int64_t before, struct list *rows)
{
    struct str state = str_of(query->state ? state_filter[query->state] : NULL);
    struct binds all =
        BIND(INT(from), INT(before), INT(query->page.limit), TEXT(query->user), TEXT(state));

    if (query->user.ptr && state.ptr)
        return sql_all(cx, order_fields, sizeof(struct order), rows,
                       ORDER_COLUMNS " where id >= ?1 and id < ?2 and user_id = ?4 and state = ?5"
                                     " order by id desc limit ?3",
                       all);
    all.count = 4;
    if (query->user.ptr)
        return sql_all(cx, order_fields, sizeof(struct order), rows,
                       ORDER_COLUMNS " where id >= ?1 and id < ?2 and user_id = ?4"
                                     " order by id desc limit ?3",
                       all);
    if (state.ptr)
        return sql_all(cx, order_fields, sizeof(struct order), rows,
                       ORDER_COLUMNS " where id >= ?1 and id < ?2 and state = ?4"
                                     " order by id desc limit ?3",
                       BIND(INT(from), INT(before), INT(query->page.limit), TEXT(state)));
    all.count = 3;
    return sql_all(cx, order_fields, sizeof(struct order), rows,
                   ORDER_COLUMNS " where id >= ?1 and id < ?2 order by id desc limit ?3", all);
}

enum err order_sent_for(struct cx *cx, int64_t order, struct list *out)
{
    return sql_all(cx, order_fields, sizeof(struct order), out,
                   ORDER_COLUMNS " where guest > 0 and guest = ?1 order by id", BIND(INT(order)));
}

enum err order_get_list(struct req *req)
{
    const struct order_list_query *query = req->query;
    int64_t before = query->to_ms ? first_id_at(query->to_ms) : INT64_MAX, unused = 0;
    int64_t from = query->from_ms ? first_id_at(query->from_ms) : 0;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct list rows;

    TRY(cursor_read(cx, query->page.cursor, &before, &unused));
    TRY(find_orders(cx, query, from, before, &rows));
    if ((int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct order, rows.count - 1)->id, 0);
    return order_reply_list(req, rows, next);
}

/* ---- Notes ---- */

enum err order_post_note(struct req *req)
{
    const struct order_note_new *in = req->body;
    struct cx *cx = req->cx;
    struct order order;
    struct order_note note;

    TRY(order_get(cx, req->params[0].id, &order));
    TRY(order_add_note(cx, &order, in->note, &note));
    note.note = person_mask(cx, in->note); /* The answer is stored. */
    return reply_json(req, 201, order_note_fields, &note);
}

enum err order_get_notes(struct req *req)
{
    const struct order_timeline_query *query = req->query;
    int64_t after = 0, unused = 0;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct order order;
    struct list rows;

    TRY(order_get(cx, req->params[0].id, &order));
    TRY(cursor_read(cx, query->page.cursor, &after, &unused));
    TRY(sql_all(cx, order_note_fields, sizeof(struct order_note), &rows,
                "select id, order_id, actor, note, time_ms from order_note"
                " where order_id = ?1 and id > ?2 order by id limit ?3",
                BIND(INT(order.id), INT(after), INT(query->page.limit))));
    for (size_t k = 0; k < rows.count; k++) {
        struct order_note *note = LIST_AT(rows, struct order_note, k);

        if (person_open(cx, order_person(cx, &order), note->note, &note->note) != OK) {
            if (cx->problem.err != ERR_GONE)
                return cx->problem.err;
            fail_clear(cx);
            note->note = STR("");
        } else if (!cx_has_scope(cx, "person:read")) {
            note->note = person_mask(cx, note->note);
        }
    }
    if ((int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct order_note, rows.count - 1)->id, 0);
    return reply_page(req, order_note_fields, rows, sizeof(struct order_note), next);
}

/* ---- Timeline ---- */

const struct field order_timeline_fields[] = {
    F(event, seq), F(event, type), F_TIME(event, time_ms, "time"), F_JSON(event, data), F_END};

enum err order_get_timeline(struct req *req)
{
    const struct order_timeline_query *query = req->query;
    int64_t after = 0, unused = 0;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct order order;
    struct list events;

    TRY(order_get(cx, req->params[0].id, &order));
    TRY(cursor_read(cx, query->page.cursor, &after, &unused));
    TRY(event_history(cx, order_key(cx, order.id), after, query->page.limit, &events));
    if ((int64_t)events.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(events, struct event, events.count - 1)->seq, 0);
    return reply_page(req, order_timeline_fields, events, sizeof(struct event), next);
}

/* ---- Amounts must add up ---- */

static const struct field sums_fields[] = {F(order_sums, orders), F(order_sums, paid_minor),
                                           F(order_sums, refunded_minor), F_END};

enum err order_sums(struct cx *cx, int64_t from, int64_t to, struct order_sums *out)
{
    return sql_one(cx, sums_fields, out,
                   "select count(*), cast(coalesce(sum(paid_minor), 0) as bigint),"
                   " cast(coalesce(sum(refunded_minor), 0) as bigint)"
                   " from orders where id > ?1 and id <= ?2",
                   BIND(INT(from), INT(to)));
}

enum { ORDERS_OF_SLICE = 500, FINDINGS_MAX = 100 }; /* 500 of the longest have 750,000 lines. */

struct wrong_order {
    int64_t id, total_minor, lines_minor, refunded_minor, lines_refunded_minor, paid_minor;
};
static const struct field wrong_fields[] = {F_ID(wrong_order, id, "ord"),
                                            F(wrong_order, total_minor),
                                            F(wrong_order, lines_minor),
                                            F(wrong_order, refunded_minor),
                                            F(wrong_order, lines_refunded_minor),
                                            F(wrong_order, paid_minor),
                                            F_END};

/* The wrong ones of the orders from < id <= to. */
static enum err check_slice(struct cx *cx, int64_t from, int64_t to, struct patrol_report *report)
{
    struct list rows;

    TRY(sql_all(cx, wrong_fields, sizeof(struct wrong_order), &rows,
                "select * from (select o.id, o.total_minor,"
                "  o.shipping_minor + coalesce(l.total, 0) as lines_minor, o.refunded_minor,"
                "  coalesce(l.refunded, 0) as lines_refunded_minor, o.paid_minor from orders o"
                "  left join (select order_id, cast(sum(total_minor) as bigint) as total,"
                "   cast(sum(refunded_minor) as bigint) as refunded from order_line"
                "   where order_id > ?1 and order_id <= ?2 group by order_id) l"
                "  on l.order_id = o.id where o.id > ?1 and o.id <= ?2) as sums"
                " where total_minor <> lines_minor or refunded_minor < lines_refunded_minor"
                " or refunded_minor > paid_minor order by id limit ?3",
                BIND(INT(from), INT(to), INT(FINDINGS_MAX))));
    for (size_t k = 0; k < rows.count; k++)
        field_write(report->findings, wrong_fields, LIST_AT(rows, struct wrong_order, k));
    report->found += (int64_t)rows.count;
    return OK;
}

/* A slice at a time: no statement is long, however many months there are. */
enum err order_check(struct cx *cx, struct patrol_report *report)
{
    int64_t from = 0, to = 0, found = report->found;
    struct order_sums sums;

    while (to < INT64_MAX && report->found - found < FINDINGS_MAX) {
        TRY(sql_int(cx, &to, INT64_MAX,
                    "select id from orders where id > ?1 order by id limit 1 offset ?2",
                    BIND(INT(from), INT(ORDERS_OF_SLICE))));
        TRY(order_sums(cx, from, to, &sums));
        report->accounts += sums.orders;
        TRY(check_slice(cx, from, to, report));
        from = to;
    }
    return OK;
}
