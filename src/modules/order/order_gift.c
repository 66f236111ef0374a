/*
 * order_gift.c - gifts that are out are substituted, left out or refused.
 *
 * What is paid for comes first: a gift is there when it is there beside the lines that are paid for
 * and the gifts before it.
 */
#include "modules/order/order_priv.h"

/* What the lines settled so far take, newest first. */
struct taken {
    struct list asks; /* of struct order_ask */
    struct taken *next;
};

static bool is_gift(const struct order_new *in, size_t index)
{
    return LIST_AT(in->lines, struct order_line_new, index)->gift.value_currency.ptr != NULL;
}

static int64_t taken_of(const struct taken *taken, const struct order_piece *piece)
{
    int64_t sum = 0;

    for (; taken; taken = taken->next)
        for (size_t k = 0; k < taken->asks.count; k++) {
            const struct order_piece *other = &LIST_AT(taken->asks, struct order_ask, k)->piece;

            if (other->sku == piece->sku && other->due_ms == 0 &&
                str_eq(other->location, piece->location))
                sum += other->quantity;
        }
    return sum;
}

/* Is all that the line needs now there?  If so, it is taken. */
static enum err take(struct cx *cx, struct order_quote_line *line, struct taken **taken, bool *out)
{
    struct order_quote alone = {.lines = line, .count = 1};
    struct taken *mine = CX_ARRAY(cx, struct taken, 1);

    TRY(order_asks(cx, &alone, cx_now_ms(cx), &mine->asks));
    mine->next = *taken;
    *out = true;
    for (size_t k = 0; k < mine->asks.count; k++) {
        const struct order_ask *ask = LIST_AT(mine->asks, struct order_ask, k);
        int64_t left;

        if (ask->piece.due_ms > 0 || ask->policy == STOCK_UNLIMITED)
            continue;
        TRY(stock_available(cx, ask->piece.sku, ask->piece.location, &left));
        left += ask->policy == STOCK_BELOW_ZERO ? ask->below_zero : 0;
        *out &= left >= taken_of(mine, &ask->piece); /* A bundle may hold a SKU twice. */
    }
    if (*out)
        *taken = mine;
    return OK;
}

static enum err settle(struct cx *cx, const struct order_line_new *asked,
                       struct order_quote_line *line, struct taken **taken)
{
    struct str instead_of = line->line.code;
    bool there;

    line->skipped = false;
    TRY(take(cx, line, taken, &there));
    if (there || asked->gift.when_out == ORDER_GIFT_REFUSE)
        return OK; /* What refuses is refused by the reservation, naming what there is. */
    if (asked->gift.when_out == ORDER_GIFT_SUBSTITUTE) {
        TRY(catalog_sku_get(cx, asked->gift.substitute, &line->sku));
        order_line_of_sku(&line->line, &line->sku);
        line->explain = cx_printf(cx, "a gift instead of " STR_FMT ", which is out of stock",
                                  STR_ARG(instead_of));
        TRY(take(cx, line, taken, &there));
    }
    line->skipped = !there;
    if (line->skipped)
        line->explain = STR("a gift that is out of stock: left out");
    return OK;
}

enum err order_settle_gifts(struct cx *cx, const struct order_new *in, struct order_quote *quote)
{
    struct taken *taken = CX_ARRAY(cx, struct taken, 1);
    size_t gifts = 0, skipped = 0;

    for (size_t k = 0; k < quote->count; k++) {
        quote->lines[k].skipped = is_gift(in, k);
        gifts += quote->lines[k].skipped;
    }
    if (gifts == 0)
        return OK;
    TRY(order_asks(cx, quote, cx_now_ms(cx), &taken->asks));
    for (size_t k = 0; k < quote->count; k++) {
        if (is_gift(in, k))
            TRY(settle(cx, LIST_AT(in->lines, struct order_line_new, k), &quote->lines[k], &taken));
        skipped += quote->lines[k].skipped;
    }
    if (skipped < quote->count)
        return OK;
    fail_record(cx, ERR_CONFLICT, "out_of_stock",
                "all that is asked for are gifts that are out of stock");
    fail_member(cx, "sku", cx_id_text(cx, "sku", quote->lines[0].sku.id));
    return ERR_CONFLICT;
}
