/*
 * order_quote.c - what an order comes to, and why.
 *
 * Order of application, the seam where price strategies and coupons plug in:
 *   1. the unit price of each line: a price agreed elsewhere, else the catalogue's; a gift's is 0,
 *      and one that is out is substituted or left out;
 *   2. adjusters, in the order of the table below, each seeing what those before it left;
 *   3. each adjustment is allocated over the lines by their remaining amounts (largest remainder);
 *   4. sale-time rules, on what is to be paid;
 *   5. shipping, from the goods that have to travel;
 *   6. the tax that is included in each line's total.
 * A line's total is then frozen; its units' shares are the even split of it.
 */
#include "modules/order/order_priv.h"

struct setting order_shipping_fee_minor = {"order.shipping_fee_minor",
                                           "minor units",
                                           "Shipping fee of an order with goods in it.",
                                           0,
                                           100000000,
                                           0,
                                           0};
struct setting order_shipping_free_minor = {"order.shipping_free_minor",
                                            "minor units",
                                            "Goods from this amount ship free; 0: never free.",
                                            0,
                                            MONEY_MINOR_MAX,
                                            0,
                                            0};
/* One way of taking something off.  Returns adjustments; allocation is ours. */
struct adjuster {
    const char *name;
    enum err (*adjust)(struct cx *cx, const struct order_new *in, const struct order_quote *quote,
                       struct list *adjustments);
};

static enum err given_adjustments(struct cx *cx, const struct order_new *in,
                                  const struct order_quote *quote, struct list *adjustments)
{
    *adjustments = in->adjustments;
    if (in->adjustments.count > 0 && !cx_has_scope(cx, "order:adjust"))
        return fail_at(cx, ERR_FORBIDDEN, "scope_missing", "/adjustments",
                       "adjustments: this key lacks the scope order:adjust");
    for (size_t k = 0; k < in->adjustments.count; k++)
        if (!str_eq(LIST_AT(in->adjustments, struct order_adjustment, k)->amount_currency,
                    quote->currency))
            return fail_at(cx, ERR_BAD_INPUT, "wrong_currency", "/adjustments",
                           "adjustments: must be in the order's currency");
    return OK;
}

static const struct adjuster adjusters[] = {{"given", given_adjustments}};

/* ---- Lines ---- */

static enum err fail_line(struct cx *cx, size_t index, const struct catalog_sku *sku,
                          const char *code, const char *why)
{
    fail_record(cx, ERR_CONFLICT, code, "lines/%zu: " STR_FMT ": %s", index, STR_ARG(sku->code),
                why);
    fail_member(cx, "sku", cx_id_text(cx, "sku", sku->id));
    return ERR_CONFLICT;
}

static enum err check_gift(struct cx *cx, const struct order_line_new *asked, size_t index,
                           struct str currency)
{
    const struct order_gift *gift = &asked->gift;
    struct catalog_sku substitute;

    if (!cx_has_scope(cx, "order:price"))
        return fail_at(cx, ERR_FORBIDDEN, "scope_missing", "/lines",
                       "lines/%zu/gift: this key lacks the scope order:price", index);
    if (!str_eq(gift->value_currency, currency))
        return fail_at(cx, ERR_BAD_INPUT, "wrong_currency", "/lines",
                       "lines/%zu/gift/value: must be in the order's currency", index);
    if (asked->price_currency.ptr)
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/lines",
                       "lines/%zu/price: a gift has no price: leave it out", index);
    if ((gift->when_out == ORDER_GIFT_SUBSTITUTE) != (gift->substitute != 0))
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/lines",
                       "lines/%zu/gift/substitute: goes with when_out substitute, and only with it",
                       index);
    if (gift->when_out != ORDER_GIFT_SUBSTITUTE)
        return OK;
    TRY(catalog_sku_get(cx, gift->substitute, &substitute));
    if (substitute.state != CATALOG_ON_SALE)
        return fail_line(cx, index, &substitute, "not_on_sale", "its product is not on sale");
    return OK;
}

static enum err unit_price(struct cx *cx, const struct order_new *in, size_t index,
                           struct order_quote_line *out)
{
    const struct order_line_new *asked = LIST_AT(in->lines, struct order_line_new, index);

    if (asked->gift.value_currency.ptr) {
        TRY(check_gift(cx, asked, index, in->currency));
        out->line.gift_minor = asked->gift.value_minor;
        out->explain = STR("a gift");
        return OK;
    }
    if (asked->price_currency.ptr) {
        if (!cx_has_scope(cx, "order:price"))
            return fail_at(cx, ERR_FORBIDDEN, "scope_missing", "/lines",
                           "lines/%zu/price: this key lacks the scope order:price", index);
        if (!str_eq(asked->price_currency, in->currency))
            return fail_at(cx, ERR_BAD_INPUT, "wrong_currency", "/lines",
                           "lines/%zu/price: must be in the order's currency", index);
        out->line.unit_minor = asked->price_minor;
        out->explain = STR("price agreed elsewhere");
        return OK;
    }
    out->explain = STR("catalogue price");
    return catalog_price_now(cx, &out->sku, in->currency, &out->line.unit_minor);
}

void order_line_of_sku(struct order_line *line, const struct catalog_sku *sku)
{
    line->sku = sku->id;
    line->code = sku->code;
    line->title = sku->title;
    line->kind = sku->kind;
    line->category = sku->category;
    line->entity = sku->entity;
    line->location = sku->location;
    line->tax_ppm = sku->tax_ppm;
}

static enum err quote_line(struct cx *cx, const struct order_new *in, size_t index,
                           struct order_quote_line *out)
{
    const struct order_line_new *asked = LIST_AT(in->lines, struct order_line_new, index);
    struct order_line *line = &out->line;
    struct str payer = in->user.ptr ? in->user : STR("");

    TRY(catalog_sku_get(cx, asked->sku, &out->sku));
    if (out->sku.state != CATALOG_ON_SALE)
        return fail_line(cx, index, &out->sku, "not_on_sale", "its product is not on sale");
    *line = (struct order_line){.line = (int64_t)index,
                                .beneficiary = asked->beneficiary.ptr ? asked->beneficiary : payer,
                                .quantity = asked->quantity,
                                .currency = in->currency};
    order_line_of_sku(line, &out->sku);
    TRY(unit_price(cx, in, index, out));
    if (!money_mul(line->unit_minor, line->quantity, &line->total_minor) ||
        line->total_minor > MONEY_MINOR_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/lines",
                       "lines/%zu: the amount is beyond what can be sold in one line", index);
    return OK;
}

/* ---- Adjustments ---- */

static void allocate(struct cx *cx, struct order_quote *quote, int64_t amount)
{
    int64_t *weights = CX_ARRAY(cx, int64_t, quote->count);
    int64_t *shares = CX_ARRAY(cx, int64_t, quote->count);

    for (size_t k = 0; k < quote->count; k++)
        weights[k] = quote->lines[k].line.total_minor;
    money_split(amount, weights, quote->count, shares);
    for (size_t k = 0; k < quote->count; k++) {
        quote->lines[k].line.discount_minor += shares[k];
        quote->lines[k].line.total_minor -= shares[k];
        if (shares[k] > 0)
            quote->lines[k].explain =
                cx_printf(cx, STR_FMT ", less %" PRId64 " as its share of the discounts",
                          STR_ARG(quote->lines[k].explain), quote->lines[k].line.discount_minor);
    }
    quote->discount_minor += amount;
}

static enum err adjust(struct cx *cx, const struct order_new *in, struct order_quote *quote)
{
    for (size_t a = 0; a < sizeof(adjusters) / sizeof(adjusters[0]); a++) {
        struct list adjustments = {0};

        TRY(adjusters[a].adjust(cx, in, quote, &adjustments));
        for (size_t k = 0; k < adjustments.count; k++) {
            int64_t left = quote->goods_minor - quote->discount_minor;
            int64_t amount = LIST_AT(adjustments, struct order_adjustment, k)->amount_minor;

            allocate(cx, quote, amount < left ? amount : left);
        }
    }
    return OK;
}

/* ---- Shipping and tax ---- */

/* Goods, and bundles with goods in them.  The price of a course includes the way of its kits. */
static enum err travels(struct cx *cx, const struct order_quote_line *line, bool *out)
{
    struct list components;

    *out = !line->skipped && line->sku.kind == CATALOG_GOODS;
    if (line->skipped || line->sku.kind != CATALOG_BUNDLE)
        return OK;
    TRY(catalog_components(cx, &line->sku, &components));
    for (size_t k = 0; k < components.count && !*out; k++) {
        struct catalog_sku part;

        TRY(catalog_sku_get(cx, LIST_AT(components, struct catalog_component, k)->sku, &part));
        *out = part.kind == CATALOG_GOODS;
    }
    return OK;
}

static enum err add_shipping(struct cx *cx, struct order_quote *quote)
{
    int64_t fee_minor = setting_get(cx, &order_shipping_fee_minor);
    int64_t free_minor = setting_get(cx, &order_shipping_free_minor), goods = 0;
    bool any = false;

    for (size_t k = 0; k < quote->count && fee_minor > 0; k++) {
        bool line_travels;

        TRY(travels(cx, &quote->lines[k], &line_travels));
        any |= line_travels;
        goods += line_travels ? quote->lines[k].line.total_minor : 0;
    }
    if (any && (free_minor == 0 || goods < free_minor))
        quote->shipping_minor = fee_minor;
    return OK;
}

static void add_tax(struct order_quote *quote)
{
    for (size_t k = 0; k < quote->count; k++) {
        struct order_line *line = &quote->lines[k].line;

        line->tax_minor =
            money_share(line->total_minor, line->tax_ppm, INT64_C(1000000) + line->tax_ppm);
        quote->tax_minor += line->tax_minor;
    }
}

enum err order_quote(struct cx *cx, const struct order_new *in, struct order_quote *out)
{
    size_t pieces;

    *out = (struct order_quote){.currency = in->currency, .count = in->lines.count};
    if (!currency_ok(in->currency))
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/currency",
                       "currency: three capital letters, e.g. CNY");
    out->lines = CX_ARRAY(cx, struct order_quote_line, out->count);
    for (size_t k = 0; k < out->count; k++) {
        TRY(quote_line(cx, in, k, &out->lines[k]));
        out->goods_minor += out->lines[k].line.total_minor;
    }
    TRY(order_settle_gifts(cx, in, out));
    TRY(order_count_pieces(cx, out, &pieces));
    if (out->goods_minor > MONEY_MINOR_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/lines",
                       "lines: together beyond what can be sold in one order");
    TRY(adjust(cx, in, out));
    TRY(order_check_rules(cx, in, out));
    TRY(add_shipping(cx, out));
    add_tax(out);
    out->total_minor = out->goods_minor - out->discount_minor + out->shipping_minor;
    return OK;
}
