/*
 * order_place.c - placing: quote, reserve, store, announce; all or nothing.
 */
#include "modules/order/order_priv.h"

void order_place_warm(struct cx *cx, const struct order_new *in)
{
    for (size_t k = 0; k < in->lines.count; k++) {
        int64_t sku = LIST_AT(in->lines, struct order_line_new, k)->sku;

        catalog_warm(cx, sku);
        stock_warm(cx, sku, STR(STOCK_LOCATION_MAIN));
    }
}

static enum err seal_address(struct cx *cx, const struct order_new *in, struct order *order)
{
    struct json_out json;

    order->address = STR("");
    if (in->address.count == 0)
        return OK;
    json_open(&json, cx, 256);
    json_object(&json);
    for (size_t k = 0; k < in->address.count; k++) {
        const struct pair *pair = LIST_AT(in->address, struct pair, k);

        json_key(&json, pair->key);
        json_put_text(&json, pair->value);
    }
    json_object_end(&json);
    return person_seal(cx, order_person(cx, order), json_done(&json), &order->address);
}

/* An order of a channel comes once, whatever the channel's retries. */
static enum err take_channel(struct cx *cx, const struct order_new *in, struct order *order)
{
    struct order_channel_row row = {.channel = in->channel.name,
                                    .channel_order = in->channel.order};
    bool found;

    order->channel = order->channel_order = STR("");
    order->channel_identity = order->channel_cipher = order->channel_country = STR("");
    order->channel_time_ms = order->created_ms;
    if (!in->channel.name.ptr)
        return OK;
    TRY(row_find(cx, &order_channel_table, &row, &found));
    if (found) {
        fail_record(cx, ERR_CONFLICT, "channel_order_exists",
                    "this order of the channel was taken already");
        fail_member(cx, "order", order_key(cx, row.order));
        return ERR_CONFLICT;
    }
    order->channel = in->channel.name;
    order->channel_order = in->channel.order;
    if (in->channel.identity.ptr)
        order->channel_identity = in->channel.identity;
    if (in->channel.cipher.ptr)
        order->channel_cipher = in->channel.cipher;
    if (in->channel.country.ptr)
        order->channel_country = in->channel.country;
    if (in->channel.placed_ms)
        order->channel_time_ms = in->channel.placed_ms;
    row.order = order->id;
    return row_add(cx, &order_channel_table, &row);
}

/* ---- Stock ---- */

static enum err reserve_all(struct cx *cx, const struct order_quote *quote,
                            const struct order *order)
{
    struct stock_ask *now;
    struct list asks;
    size_t count = 0;

    TRY(order_asks(cx, quote, order->created_ms, &asks));
    now = CX_ARRAY(cx, struct stock_ask, asks.count ? asks.count : 1);
    for (size_t k = 0; k < asks.count; k++) {
        const struct order_ask *ask = LIST_AT(asks, struct order_ask, k);
        const struct order_piece *piece = &ask->piece;

        if (piece->due_ms == 0)
            now[count++] = (struct stock_ask){piece->line,     piece->sku,  piece->quantity,
                                              piece->location, ask->policy, ask->below_zero};
        else if (ask->policy != STOCK_UNLIMITED)
            TRY(stock_plan(cx,
                           &(struct stock_piece){order->id, piece->line, piece->sku,
                                                 piece->quantity, piece->location},
                           piece->due_ms));
    }
    return stock_reserve(cx, order->id, order->expires_ms, now, count);
}

/* ---- Rows ---- */

static enum err add_lines(struct cx *cx, const struct order_quote *quote, struct order *order,
                          struct list *out)
{
    struct order_line *lines = CX_ARRAY(cx, struct order_line, quote->count);
    size_t count = 0;

    for (size_t k = 0; k < quote->count; k++) {
        if (quote->lines[k].skipped)
            continue;
        lines[count] = quote->lines[k].line;
        lines[count].order = order->id;
        TRY(row_add(cx, &order_line_table, &lines[count]));
        count++;
    }
    order->line_count = (int64_t)count;
    *out = (struct list){lines, count};
    return OK;
}

enum err order_add_note(struct cx *cx, const struct order *order, struct str text,
                        struct order_note *out)
{
    *out = (struct order_note){
        .id = cx_new_id(cx), .order = order->id, .actor = cx_actor(cx), .time_ms = cx_now_ms(cx)};
    TRY(person_seal(cx, order_person(cx, order), text, &out->note));
    return row_add(cx, &order_note_table, out);
}

static enum err store(struct cx *cx, const struct order_quote *quote, struct order *order,
                      struct list *lines)
{
    TRY(reserve_all(cx, quote, order));
    TRY(add_lines(cx, quote, order, lines));
    TRY(row_add(cx, &order_table, order));
    TRY(order_announce(cx, order));
    if (order->total_minor == 0 || order->kind != ORDER_SALE)
        return order_pay(cx, order, 0); /* Nothing to wait for. */
    return timer_set(cx, "order.expire", order->id, order->expires_ms);
}

enum err order_place(struct cx *cx, const struct order_new *in, struct order *order,
                     struct list *lines)
{
    struct order_quote quote;
    struct order_note note;

    TRY(order_quote(cx, in, &quote));
    *order = (struct order){.id = cx_new_id(cx),
                            .user = in->user.ptr ? in->user : STR(""),
                            .state = ORDER_PENDING_PAYMENT,
                            .currency = in->currency,
                            .goods_minor = quote.goods_minor,
                            .discount_minor = quote.discount_minor,
                            .shipping_minor = quote.shipping_minor,
                            .tax_minor = quote.tax_minor,
                            .total_minor = quote.total_minor,
                            .created_ms = cx_now_ms(cx)};
    order->expires_ms = order->created_ms + setting_get(cx, &order_pay_within_ms);
    TRY(take_channel(cx, in, order));
    TRY(seal_address(cx, in, order));
    TRY(store(cx, &quote, order, lines));
    return in->note.ptr ? order_add_note(cx, order, in->note, &note) : OK;
}

enum err order_place_linked(struct cx *cx, const struct order_linked *in, struct order *out)
{
    struct order_quote quote = {.currency = in->of->currency, .count = in->lines.count};
    struct list lines;

    quote.lines = CX_ARRAY(cx, struct order_quote_line, quote.count);
    for (size_t k = 0; k < quote.count; k++) {
        struct order_quote_line *to = &quote.lines[k];

        to->line = *LIST_AT(in->lines, struct order_line, k);
        TRY(catalog_sku_get(cx, to->line.sku, &to->sku));
        to->line = (struct order_line){.line = (int64_t)k,
                                       .beneficiary = to->line.beneficiary,
                                       .quantity = to->line.quantity,
                                       .currency = in->of->currency};
        order_line_of_sku(&to->line, &to->sku);
    }
    *out = *in->of;
    out->id = cx_new_id(cx);
    out->kind = in->kind;
    out->state = ORDER_PENDING_PAYMENT;
    out->parent = in->of->id;
    if (out->user.len == 0 && out->guest == 0)
        out->guest = in->of->id;
    out->goods_minor = out->discount_minor = out->shipping_minor = out->tax_minor = 0;
    out->total_minor = out->paid_minor = out->refunded_minor = out->labelled = 0;
    out->channel = out->channel_order = out->channel_identity = out->channel_cipher = STR("");
    out->channel_country = STR("");
    out->channel_time_ms = cx_now_ms(cx);
    out->created_ms = out->expires_ms = cx_now_ms(cx);
    out->paid_ms = out->ended_ms = 0;
    return store(cx, &quote, out, &lines);
}
