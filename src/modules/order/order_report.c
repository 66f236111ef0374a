/*
 * order_report.c - what orders of a channel came to, by country, month, SKU, state or order; added
 * up by the database over the lines themselves.
 *
 * A request names its orders, at most ORDER_REPORT_ORDERS_MAX, so that each read is short however
 * many orders a channel has; who wants all of them adds the answers.
 */
#include <string.h>

#include "modules/order/order_priv.h"

enum { REPORT_COUNTRY, REPORT_MONTH, REPORT_SKU, REPORT_STATE, REPORT_ORDER };
static const char *const report_by[] = {"country", "month", "sku", "state", "order", NULL};

const struct field order_report_query_fields[] = {
    F(order_report_query, channel, .flags = FIELD_REQUIRED, .min = 1, .max = 32),
    F_TEXTS(order_report_query, orders, .flags = FIELD_REQUIRED, .min = 1,
            .max = ORDER_REPORT_ORDERS_MAX, .doc = "The channel's numbers of the orders."),
    F_ENUM(order_report_query, by, report_by, .flags = FIELD_REQUIRED), F_END};

const struct field order_report_fields[] = {
    F(order_report, key,
      .doc = "The country, the month placed (YYYY-MM, UTC), the SKU's code, the state or "
             "the order's id."),
    F(order_report, orders),
    F(order_report, guest_orders, .doc = "Of them, without a user."),
    F(order_report, lines),
    F(order_report, sold_quantity, .doc = "Pieces of orders that were paid, returned or not."),
    F(order_report, sold_minor),
    F(order_report, returned_quantity),
    F(order_report, returned_minor),
    F_END};

#define REPORT_SQL(key_)                                                                           \
    "select " key_ ", count(distinct o.id),"                                                       \
    " count(distinct case when o.user_id = '' then o.id end), count(*),"                           \
    " cast(sum(case when o.paid_ms > 0 then l.quantity else 0 end) as bigint),"                    \
    " cast(sum(case when o.paid_ms > 0 then l.total_minor else 0 end) as bigint),"                 \
    " cast(sum(l.refunded_count) as bigint), cast(sum(l.refunded_minor) as bigint)"                \
    " from order_channel c join orders o on o.id = c.order_id"                                     \
    " join order_line l on l.order_id = o.id"                                                      \
    " where c.channel = ?1 and c.channel_order in ("                                               \
    "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,"  \
    " ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39,"   \
    " ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47, ?48, ?49, ?50, ?51, ?52, ?53, ?54, ?55, ?56, ?57,"   \
    " ?58, ?59, ?60, ?61) group by " key_ " order by " key_

static const char *const report_sql[] = {
    [REPORT_COUNTRY] = REPORT_SQL("o.channel_country"),
    [REPORT_MONTH] = REPORT_SQL("cast(o.channel_time_ms / 86400000 as text)"), /* Its days. */
    [REPORT_SKU] = REPORT_SQL("l.code"),
    [REPORT_STATE] = REPORT_SQL("o.state"),
    [REPORT_ORDER] = REPORT_SQL("cast(o.id as text)"),
};

static struct str month_of(struct cx *cx, int64_t ms)
{
    char text[TIME_TEXT_LEN + 1];

    time_format(text, ms);
    return cx_copy(cx, (struct str){text, strlen("YYYY-MM")});
}

static void add(struct order_report *to, const struct order_report *from)
{
    to->orders += from->orders;
    to->guest_orders += from->guest_orders;
    to->lines += from->lines;
    to->sold_quantity += from->sold_quantity;
    to->sold_minor += from->sold_minor;
    to->returned_quantity += from->returned_quantity;
    to->returned_minor += from->returned_minor;
}

/* Days become months: an order is placed on one day, so nothing is counted twice. */
static void months_of(struct cx *cx, struct list *rows)
{
    size_t count = 0, m;

    for (size_t k = 0; k < rows->count; k++) {
        struct order_report row = *LIST_AT(*rows, struct order_report, k);
        int64_t day = 0;
        bool whole = str_int(row.key, &day);

        assert(whole);
        row.key = month_of(cx, day * DAY_MS);
        for (m = 0; m < count; m++)
            if (str_eq(LIST_AT(*rows, struct order_report, m)->key, row.key))
                break;
        if (m < count)
            add(LIST_AT(*rows, struct order_report, m), &row);
        else
            *LIST_AT(*rows, struct order_report, count++) = row;
    }
    rows->count = count;
}

static void orders_of(struct cx *cx, const struct list *rows)
{
    for (size_t k = 0; k < rows->count; k++) {
        struct order_report *row = LIST_AT(*rows, struct order_report, k);
        int64_t id = 0;
        bool whole = str_int(row->key, &id);

        assert(whole);
        row->key = order_key(cx, id);
    }
}

enum err order_post_report(struct req *req)
{
    const struct order_report_query *query = req->body;
    struct bind binds[ORDER_REPORT_ORDERS_MAX + 1];
    struct cx *cx = req->cx;
    struct list rows;

    binds[0] = TEXT(query->channel);
    for (size_t k = 0; k < ORDER_REPORT_ORDERS_MAX; k++) /* A null is in no list. */
        binds[k + 1] = TEXT(k < query->orders.count ? *LIST_AT(query->orders, struct str, k)
                                                    : (struct str){0});
    TRY(sql_all(cx, order_report_fields, sizeof(struct order_report), &rows, report_sql[query->by],
                (struct binds){binds, ORDER_REPORT_ORDERS_MAX + 1}));
    if (query->by == REPORT_MONTH)
        months_of(cx, &rows);
    if (query->by == REPORT_ORDER)
        orders_of(cx, &rows);
    return reply_page(req, order_report_fields, rows, sizeof(struct order_report), (struct str){0});
}
