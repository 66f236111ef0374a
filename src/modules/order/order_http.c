/*
 * order_http.c - bodies, replies and handlers.
 */
#include "modules/order/order_priv.h"

static const char *const when_out_names[] = {"refuse", "skip", "substitute", NULL};

static const struct field gift_fields[] = {
    F_MONEY(order_gift, value_minor, value_currency, "value", .flags = FIELD_REQUIRED,
            .doc = "Clawed back from a refund when the gift stays."),
    F_ENUM(order_gift, when_out, when_out_names, .doc = "What happens when it is out of stock."),
    F_ID(order_gift, substitute, "sku", .flags = FIELD_OMIT,
         .doc = "Given instead, with when_out substitute; is it out too, the gift is left out."),
    F_END};

static const struct field line_new_fields[] = {
    F_ID(order_line_new, sku, "sku", .flags = FIELD_REQUIRED),
    F(order_line_new, quantity, .flags = FIELD_REQUIRED, .min = 1, .max = ORDER_QUANTITY_MAX),
    {.name = "for",
     .type = FIELD_TEXT,
     FIELD_AT(order_line_new, beneficiary),
     .min = 1,
     .max = ORDER_USER_LEN_MAX,
     .doc = "Who learns or receives; the payer when left out."},
    F_MONEY(order_line_new, price_minor, price_currency, "price",
            .doc = "A unit price agreed elsewhere (scope order:price)."),
    F_OBJECT(order_line_new, gift, gift_fields, .doc = "A free gift (scope order:price)."),
    F_END};

static const struct field adjustment_fields[] = {
    F(order_adjustment, code, .flags = FIELD_REQUIRED, .min = 1, .max = 64),
    F(order_adjustment, title, .max = 200),
    F_MONEY(order_adjustment, amount_minor, amount_currency, "amount", .flags = FIELD_REQUIRED,
            .doc = "Taken off the order, allocated to its lines to the cent."),
    F_END};

static const struct field channel_new_fields[] = {
    F(order_channel_new, name, .flags = FIELD_REQUIRED, .min = 1, .max = 32),
    F(order_channel_new, order, .flags = FIELD_REQUIRED, .min = 1, .max = 64),
    F(order_channel_new, identity, .max = 128, .doc = "What the channel calls the buyer; opaque."),
    F(order_channel_new, country, .max = 64),
    F_TIME(order_channel_new, placed_ms, "placed_at", .doc = "When it was placed there."),
    F(order_channel_new, cipher, .max = 4096, .doc = "The channel's ciphertext of the address."),
    F_END};

const struct field order_new_fields[] = {
    F(order_new, user, .min = 1, .max = ORDER_USER_LEN_MAX,
      .doc = "Who pays: an opaque id, never an e-mail address or phone number. None: a guest."),
    F(order_new, currency, .flags = FIELD_REQUIRED, .min = 3, .max = 3),
    F_LIST(order_new, lines, order_line_new, line_new_fields, .flags = FIELD_REQUIRED, .min = 1,
           .max = ORDER_LINES_MAX),
    F_LIST(order_new, adjustments, order_adjustment, adjustment_fields,
           .max = ORDER_ADJUSTMENTS_MAX,
           .doc = "Discounts decided elsewhere (scope order:adjust)."),
    F_MAP(order_new, address, .doc = "Names and values as the carrier wants them."),
    F_OBJECT(order_new, channel, channel_new_fields),
    F(order_new, guardian_consent),
    F(order_new, note, .min = 1, .max = ORDER_NOTE_LEN_MAX),
    F_END};

const struct field order_claim_new_fields[] = {
    F(order_claim_new, user, .flags = FIELD_REQUIRED, .min = 1, .max = ORDER_USER_LEN_MAX), F_END};
const struct field order_address_new_fields[] = {
    F_MAP(order_address_new, address, .flags = FIELD_REQUIRED, .min = 1), F_END};
const struct field order_note_new_fields[] = {
    F(order_note_new, note, .flags = FIELD_REQUIRED, .min = 1, .max = ORDER_NOTE_LEN_MAX), F_END};

/* ---- Replies ---- */

static const struct field line_view_fields[] = {
    F(order_line, line),
    F_ID(order_line, sku, "sku"),
    F(order_line, code),
    F(order_line, title),
    F_ENUM(order_line, kind, catalog_kinds),
    F(order_line, quantity),
    {.name = "for", .type = FIELD_TEXT, FIELD_AT(order_line, beneficiary)},
    F(order_line, entity),
    F(order_line, location),
    F_MONEY(order_line, unit_minor, currency, "unit_price"),
    F_MONEY(order_line, discount_minor, currency, "discount"),
    F_MONEY(order_line, total_minor, currency, "total"),
    F_MONEY(order_line, tax_minor, currency, "tax"),
    F_MONEY(order_line, gift_minor, currency, "gift_value"),
    {.name = "refunded_quantity", .type = FIELD_INT, FIELD_AT(order_line, refunded_count)},
    F_MONEY(order_line, refunded_minor, currency, "refunded"),
    F_END};

/* What one legal entity sells from one warehouse: how the payment is split. */
struct part {
    struct str entity, location, currency;
    int64_t travels_minor; /* Of total: what the shipping was taken for. */
    int64_t shipping_minor, total_minor;
};
static const struct field part_fields[] = {
    F(part, entity), F(part, location),
    F_MONEY(part, shipping_minor, currency, "shipping", .doc = "Its share of the order's."),
    F_MONEY(part, total_minor, currency, "total", .doc = "With its shipping."), F_END};

struct order_view {
    struct order order;
    struct list lines, parts;
    struct str address;                          /* Masked, or open to callers with person:read. */
    struct str channel_identity, channel_cipher; /* Only for callers with person:read. */
};
#define VIEW(member_) .offset = (uint32_t)offsetof(struct order_view, order.member_)
#define VIEW_MONEY(name_, member_)                                                                 \
    {                                                                                              \
        .name = (name_), .type = FIELD_MONEY, VIEW(member_),                                       \
        .currency_offset = (uint32_t)offsetof(struct order_view, order.currency)                   \
    }
const struct field order_view_fields[] = {
    {.name = "id", .type = FIELD_ID, .prefix = "ord", VIEW(id)},
    {.name = "user", .type = FIELD_TEXT, VIEW(user)},
    {.name = "kind", .type = FIELD_ENUM, .names = order_kinds, VIEW(kind)},
    {.name = "state", .type = FIELD_ENUM, .names = order_states, VIEW(state)},
    VIEW_MONEY("goods", goods_minor),
    VIEW_MONEY("discount", discount_minor),
    VIEW_MONEY("shipping", shipping_minor),
    VIEW_MONEY("tax", tax_minor),
    VIEW_MONEY("total", total_minor),
    VIEW_MONEY("paid", paid_minor),
    VIEW_MONEY("refunded", refunded_minor),
    {.name = "channel", .type = FIELD_TEXT, VIEW(channel)},
    {.name = "channel_order", .type = FIELD_TEXT, VIEW(channel_order)},
    {.name = "channel_country", .type = FIELD_TEXT, VIEW(channel_country)},
    {.name = "placed_at", .type = FIELD_TIME, VIEW(channel_time_ms)},
    {.name = "parent", .type = FIELD_ID, .prefix = "ord", VIEW(parent)},
    {.name = "created_at", .type = FIELD_TIME, VIEW(created_ms)},
    {.name = "expires_at", .type = FIELD_TIME, VIEW(expires_ms)},
    {.name = "paid_at", .type = FIELD_TIME, VIEW(paid_ms)},
    {.name = "ended_at", .type = FIELD_TIME, VIEW(ended_ms)},
    F_JSON(order_view, address, .flags = FIELD_OMIT,
           .doc = "Masked unless the key has the scope person:read."),
    F(order_view, channel_identity, .flags = FIELD_OMIT,
      .doc = "What the channel calls the buyer (scope person:read)."),
    F(order_view, channel_cipher, .flags = FIELD_OMIT,
      .doc = "The channel's ciphertext of the address (scope person:read)."),
    F_LIST(order_view, parts, part, part_fields, .flags = FIELD_OMIT,
           .doc = "By legal entity and warehouse."),
    F_LIST(order_view, lines, order_line, line_view_fields, .flags = FIELD_OMIT),
    F_END};

/* Shipping goes to the parts with goods in them, by what these cost: all make up the total. */
static void split_shipping(struct cx *cx, const struct order *order, struct part *parts,
                           size_t count)
{
    int64_t *weights = CX_ARRAY(cx, int64_t, count), *shares = CX_ARRAY(cx, int64_t, count);

    for (size_t k = 0; k < count; k++)
        weights[k] = parts[k].travels_minor;
    money_split(order->shipping_minor, weights, count, shares);
    for (size_t k = 0; k < count; k++) {
        parts[k].shipping_minor = shares[k];
        parts[k].total_minor += shares[k];
    }
}

static struct list parts_of(struct cx *cx, const struct order *order, struct list lines)
{
    struct part *parts = CX_ARRAY(cx, struct part, lines.count ? lines.count : 1);
    size_t count = 0, p;

    for (size_t k = 0; k < lines.count; k++) {
        const struct order_line *line = LIST_AT(lines, struct order_line, k);

        for (p = 0; p < count; p++)
            if (str_eq(parts[p].entity, line->entity) && str_eq(parts[p].location, line->location))
                break;
        if (p == count)
            parts[count++] = (struct part){
                .entity = line->entity, .location = line->location, .currency = order->currency};
        parts[p].total_minor += line->total_minor;
        if (line->kind == CATALOG_GOODS || line->kind == CATALOG_BUNDLE)
            parts[p].travels_minor += line->total_minor;
    }
    if (order->shipping_minor > 0 && count > 0)
        split_shipping(cx, order, parts, count);
    return (struct list){parts, count};
}

static enum err open_address(struct cx *cx, const struct order *order, struct str *out)
{
    struct json_out json;
    struct str plain;
    struct json address;

    *out = (struct str){0};
    if (order->address.len == 0)
        return OK;
    if (person_open(cx, order_person(cx, order), order->address, &plain) != OK) {
        if (cx->problem.err != ERR_GONE)
            return cx->problem.err;
        fail_clear(cx);
        return OK; /* Erased: there is no address any more. */
    }
    if (cx_has_scope(cx, "person:read")) {
        *out = plain;
        return OK;
    }
    TRY(json_parse(cx, plain, &address));
    json_open(&json, cx, plain.len);
    json_object(&json);
    for (struct json_iter it = json_iter(address); json_next(&it);) {
        json_key(&json, it.key);
        json_put_text(&json, person_mask(cx, json_text(cx, it.value)));
    }
    json_object_end(&json);
    *out = json_done(&json);
    return OK;
}

static enum err reply_order(struct req *req, int status, const struct order *order,
                            struct list lines)
{
    struct order_view view = {.order = *order, .lines = lines};

    view.parts = parts_of(req->cx, order, lines);
    if (req->route->tx == TX_READ) { /* Answers to commands are stored: they carry no address. */
        TRY(open_address(req->cx, order, &view.address));
        if (order->channel.len > 0 && cx_has_scope(req->cx, "person:read")) {
            view.channel_identity = order->channel_identity;
            view.channel_cipher = order->channel_cipher;
        }
    }
    return reply_json(req, status, order_view_fields, &view);
}

static enum err reply_by_id(struct req *req, const struct order *order)
{
    struct list lines;

    TRY(order_lines(req->cx, order, &lines));
    return reply_order(req, 200, order, lines);
}

enum err order_reply_list(struct req *req, struct list orders, struct str next)
{
    struct order_view *views =
        CX_ARRAY(req->cx, struct order_view, orders.count ? orders.count : 1);

    for (size_t k = 0; k < orders.count; k++)
        views[k].order = *LIST_AT(orders, struct order, k);
    return reply_page(req, order_view_fields, (struct list){views, orders.count},
                      sizeof(struct order_view), next);
}

/* ---- Quotes ---- */

struct quote_line_view {
    struct order_line line;
    int64_t available;
    struct str explain;
};

struct quote_view {
    struct str currency;
    int64_t goods_minor, discount_minor, shipping_minor, tax_minor, total_minor;
    struct list lines; /* of struct quote_line_view */
};
#define QUOTE_MONEY(name_, member_)                                                                \
    {                                                                                              \
        .name = (name_), .type = FIELD_MONEY,                                                      \
        .offset = (uint32_t)offsetof(struct quote_line_view, line.member_),                        \
        .currency_offset = (uint32_t)offsetof(struct quote_line_view, line.currency)               \
    }
static const struct field quote_line_fields[] = {
    {.name = "line", .type = FIELD_INT, FIELD_AT(quote_line_view, line.line)},
    {.name = "sku", .type = FIELD_ID, .prefix = "sku", FIELD_AT(quote_line_view, line.sku)},
    {.name = "code", .type = FIELD_TEXT, FIELD_AT(quote_line_view, line.code)},
    {.name = "title", .type = FIELD_TEXT, FIELD_AT(quote_line_view, line.title)},
    {.name = "quantity", .type = FIELD_INT, FIELD_AT(quote_line_view, line.quantity)},
    {.name = "for", .type = FIELD_TEXT, FIELD_AT(quote_line_view, line.beneficiary)},
    QUOTE_MONEY("unit_price", unit_minor),
    QUOTE_MONEY("discount", discount_minor),
    QUOTE_MONEY("total", total_minor),
    QUOTE_MONEY("tax", tax_minor),
    F(quote_line_view, available, .doc = "As many could be ordered now."),
    F(quote_line_view, explain, .doc = "How the amount came about."),
    F_END};
const struct field order_quote_view_fields[] = {
    F(quote_view, currency),
    F_MONEY(quote_view, goods_minor, currency, "goods"),
    F_MONEY(quote_view, discount_minor, currency, "discount"),
    F_MONEY(quote_view, shipping_minor, currency, "shipping"),
    F_MONEY(quote_view, tax_minor, currency, "tax"),
    F_MONEY(quote_view, total_minor, currency, "total"),
    F_LIST(quote_view, lines, quote_line_view, quote_line_fields),
    F_END};

/* How many of the line there are: of a bundle, as many as its scarcest component allows. */
static enum err line_available(struct cx *cx, struct order_quote_line *line, int64_t *out)
{
    struct order_quote alone = {.lines = line, .count = 1};
    struct list asks;

    *out = ORDER_QUANTITY_MAX;
    TRY(order_asks(cx, &alone, cx_now_ms(cx), &asks));
    for (size_t k = 0; k < asks.count; k++) {
        const struct order_ask *ask = LIST_AT(asks, struct order_ask, k);
        int64_t left;

        if (ask->policy == STOCK_UNLIMITED || ask->piece.due_ms > 0)
            continue;
        TRY(stock_available(cx, ask->piece.sku, ask->piece.location, &left));
        left += ask->policy == STOCK_BELOW_ZERO ? ask->below_zero : 0;
        left /= ask->piece.quantity / line->line.quantity;
        *out = left < *out ? left : *out;
    }
    return OK;
}

enum err order_post_quote(struct req *req)
{
    struct cx *cx = req->cx;
    struct quote_line_view *lines;
    struct order_quote quote;
    struct quote_view view;

    TRY(order_quote(cx, req->body, &quote));
    lines = CX_ARRAY(cx, struct quote_line_view, quote.count);
    for (size_t k = 0; k < quote.count; k++) {
        struct order_quote_line *from = &quote.lines[k];

        lines[k].line = from->line;
        lines[k].explain = from->explain;
        if (from->skipped)
            lines[k].line.quantity = 0;
        else
            TRY(line_available(cx, from, &lines[k].available));
    }
    view = (struct quote_view){.currency = quote.currency,
                               .goods_minor = quote.goods_minor,
                               .discount_minor = quote.discount_minor,
                               .shipping_minor = quote.shipping_minor,
                               .tax_minor = quote.tax_minor,
                               .total_minor = quote.total_minor,
                               .lines = {lines, quote.count}};
    return reply_json(req, 200, order_quote_view_fields, &view);
}

/* ---- Orders ---- */

void order_post_warm(struct req *req)
{
    order_place_warm(req->cx, req->body);
}

enum err order_post(struct req *req)
{
    struct order order;
    struct list lines;

    TRY(order_place(req->cx, req->body, &order, &lines));
    req->location =
        cx_printf(req->cx, "/v1/orders/" STR_FMT, STR_ARG(order_key(req->cx, order.id)));
    return reply_order(req, 201, &order, lines);
}

enum err order_get_one(struct req *req)
{
    struct order order;

    TRY(order_get(req->cx, req->params[0].id, &order));
    return reply_by_id(req, &order);
}

enum err order_post_cancel(struct req *req)
{
    struct cx *cx = req->cx;
    struct order order;

    TRY(order_get(cx, req->params[0].id, &order));
    if (order.state == ORDER_PENDING_PAYMENT) {
        TRY(timer_cancel(cx, "order.expire", order.id, order.expires_ms));
        TRY(stock_release(cx, order.id));
        TRY(stock_plan_drop(cx, order.id));
    }
    TRY(order_move(cx, &order, ORDER_CANCELLED));
    return reply_by_id(req, &order);
}

enum err order_post_claim(struct req *req)
{
    const struct order_claim_new *in = req->body;
    struct cx *cx = req->cx;
    struct order order;
    struct list lines;

    TRY(order_get(cx, req->params[0].id, &order));
    if (order.user.len > 0 && !str_eq(order.user, in->user))
        return fail(cx, ERR_CONFLICT, "claimed", "this order has another user already");
    if (order.user.len == 0 && order.guest) {
        fail_record(cx, ERR_CONFLICT, "belongs_to_another",
                    "this order was sent for another: claim that one, and this comes along");
        fail_member(cx, "order", order_key(cx, order.guest));
        return ERR_CONFLICT;
    }
    if (order.user.len == 0)
        TRY(order_hand_over(cx, &order, in->user));
    TRY(order_lines(cx, &order, &lines));
    return reply_order(req, 200, &order, lines);
}

enum err order_put_address(struct req *req)
{
    const struct order_address_new *in = req->body;
    struct cx *cx = req->cx;
    struct order order;
    struct json_out json;

    TRY(order_get(cx, req->params[0].id, &order));
    if (order.labelled || order.ended_ms)
        return fail(cx, ERR_CONFLICT, "address_stands",
                    "a parcel has its label, or the order has ended: the address stands");
    json_open(&json, cx, 256);
    json_object(&json);
    for (size_t k = 0; k < in->address.count; k++) {
        json_key(&json, LIST_AT(in->address, struct pair, k)->key);
        json_put_text(&json, LIST_AT(in->address, struct pair, k)->value);
    }
    json_object_end(&json);
    TRY(person_seal(cx, order_person(cx, &order), json_done(&json), &order.address));
    TRY(row_put(cx, &order_table, &order));
    TRY(order_put_event(cx, "order.address_changed", &order));
    return reply_by_id(req, &order);
}
