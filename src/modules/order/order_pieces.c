/*
 * order_pieces.c - what the lines of an order consist of: what placing reserves and plans, and
 * fulfilment delivers.
 */
#include "modules/order/order_priv.h"

bool order_has_components(const struct catalog_sku *sku)
{
    return sku->components.len > 2; /* Longer than []. */
}

static struct order_ask ask_of(const struct order_line *line, const struct catalog_sku *sku)
{
    return (struct order_ask){.piece = {.line = line->line,
                                        .sku = sku->id,
                                        .code = sku->code,
                                        .title = sku->title,
                                        .kind = sku->kind,
                                        .location = sku->location,
                                        .quantity = line->quantity,
                                        .term_days = sku->term_days},
                              .policy = sku->policy,
                              .below_zero = sku->below_zero};
}

static enum err add_components(struct cx *cx, const struct order_line *line,
                               const struct catalog_sku *sku, int64_t from_ms,
                               struct order_ask **next)
{
    struct list components;

    TRY(catalog_components(cx, sku, &components));
    for (size_t k = 0; k < components.count; k++) {
        const struct catalog_component *component =
            LIST_AT(components, struct catalog_component, k);
        struct catalog_sku part;
        struct order_ask *ask = (*next)++;

        TRY(catalog_sku_get(cx, component->sku, &part));
        *ask = ask_of(line, &part);
        ask->piece.quantity *= component->quantity;
        if (component->after_days > 0)
            ask->piece.due_ms = from_ms + component->after_days * DAY_MS;
    }
    return OK;
}

static enum err add_line(struct cx *cx, const struct order_line *line,
                         const struct catalog_sku *sku, int64_t from_ms, struct order_ask **next)
{
    if (sku->kind != CATALOG_BUNDLE) {
        *(*next) = ask_of(line, sku);
        (*next)++->piece.location = line->location;
    }
    return order_has_components(sku) ? add_components(cx, line, sku, from_ms, next) : OK;
}

/* Each component is one object of the list. */
static size_t count_of(const struct catalog_sku *sku)
{
    size_t count = sku->kind != CATALOG_BUNDLE;

    for (size_t k = 0; k < sku->components.len; k++)
        count += sku->components.ptr[k] == '{';
    return count;
}

enum err order_count_pieces(struct cx *cx, const struct order_quote *quote, size_t *out)
{
    size_t count = 0;

    for (size_t k = 0; k < quote->count; k++)
        count += quote->lines[k].skipped ? 0 : count_of(&quote->lines[k].sku);
    *out = count;
    if (count > ORDER_PIECES_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "too_many_pieces", "/lines",
                       "lines: with their bundles taken apart these are %zu items, and an order"
                       " holds up to %d: place several orders",
                       count, ORDER_PIECES_MAX);
    return OK;
}

enum err order_asks(struct cx *cx, const struct order_quote *quote, int64_t from_ms,
                    struct list *out)
{
    struct order_ask *asks, *next;
    size_t count;

    TRY(order_count_pieces(cx, quote, &count));
    asks = next = CX_ARRAY(cx, struct order_ask, count ? count : 1);
    for (size_t k = 0; k < quote->count; k++) {
        const struct order_quote_line *line = &quote->lines[k];

        if (!line->skipped)
            TRY(add_line(cx, &line->line, &line->sku, from_ms, &next));
    }
    *out = (struct list){asks, (size_t)(next - asks)};
    return OK;
}

/* Goods have no components: what their line froze is all there is to know, and the longest orders
 * consist of goods. */
static enum err sku_of(struct cx *cx, const struct order_line *line, struct catalog_sku *out)
{
    if (line->kind != CATALOG_GOODS)
        return catalog_sku_get(cx, line->sku, out);
    *out = (struct catalog_sku){.id = line->sku,
                                .code = line->code,
                                .title = line->title,
                                .kind = line->kind,
                                .location = line->location};
    return OK;
}

enum err order_pieces(struct cx *cx, const struct order *order, struct list lines, struct list *out)
{
    struct order_quote quote = {.count = lines.count};
    struct order_piece *pieces;
    struct list asks;

    quote.lines = CX_ARRAY(cx, struct order_quote_line, lines.count ? lines.count : 1);
    for (size_t k = 0; k < lines.count; k++) {
        quote.lines[k].line = *LIST_AT(lines, struct order_line, k);
        TRY(sku_of(cx, &quote.lines[k].line, &quote.lines[k].sku));
    }
    TRY(order_asks(cx, &quote, order->created_ms, &asks));
    pieces = CX_ARRAY(cx, struct order_piece, asks.count ? asks.count : 1);
    for (size_t k = 0; k < asks.count; k++)
        pieces[k] = LIST_AT(asks, struct order_ask, k)->piece;
    *out = (struct list){pieces, asks.count};
    return OK;
}
