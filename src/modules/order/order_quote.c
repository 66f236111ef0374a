/*
 * order_quote.c - what an order comes to, and why.
 *
 * Order of application, the seam where price strategies and coupons plug in:
 *   1. the unit price of each line: a price agreed elsewhere, else the catalogue's;
 *   2. adjusters, in the order of the table below, each seeing what those before it left;
 *   3. each adjustment is allocated over the lines by their remaining amounts (largest remainder);
 *   4. shipping, from the goods that have to travel;
 *   5. the tax that is included in each line's total.
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
struct setting order_prepaid_days_max = {
    "order.prepaid_days_max",
    "days",
    "Longest term that may be sold ahead (by category); 0: any.",
    0,
    36500,
    0,
    0};
struct setting order_prepaid_minor_max = {
    "order.prepaid_minor_max",
    "minor units",
    "Highest amount taken ahead for one line (by category); 0: any.",
    0,
    MONEY_MINOR_MAX,
    0,
    0};
struct setting order_guardian_consent = {"order.guardian_consent",
                                         "0 or 1",
                                         "Is a guardian's consent needed (by category)?",
                                         0,
                                         1,
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

/* Sale-time rules, set per category. */
static enum err check_rules(struct cx *cx, const struct order_new *in, size_t index,
                            const struct order_quote_line *line)
{
    const struct catalog_sku *sku = &line->sku;
    int64_t days_max = setting_for(cx, &order_prepaid_days_max, sku->category);
    int64_t minor_max = setting_for(cx, &order_prepaid_minor_max, sku->category);
    int64_t consent = setting_for(cx, &order_guardian_consent, sku->category);

    if (days_max > 0 && sku->term_days > days_max)
        return fail_line(cx, index, sku, "rule_prepaid_period",
                         "its term is longer than may be sold ahead in this category");
    if (minor_max > 0 && line->line.total_minor > minor_max)
        return fail_line(cx, index, sku, "rule_prepaid_amount",
                         "the amount is higher than may be taken ahead in this category");
    if (consent && !in->guardian_consent)
        return fail_line(cx, index, sku, "rule_guardian_consent",
                         "a guardian must consent: send guardian_consent true");
    return OK;
}

static enum err unit_price(struct cx *cx, const struct order_new *in, size_t index,
                           struct order_quote_line *out)
{
    const struct order_line_new *asked = LIST_AT(in->lines, struct order_line_new, index);

    if (asked->gift.value_currency.ptr) {
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
                                .sku = asked->sku,
                                .code = out->sku.code,
                                .title = out->sku.title,
                                .kind = out->sku.kind,
                                .category = out->sku.category,
                                .entity = out->sku.entity,
                                .location = out->sku.location,
                                .beneficiary = asked->beneficiary.ptr ? asked->beneficiary : payer,
                                .quantity = asked->quantity,
                                .tax_ppm = out->sku.tax_ppm,
                                .currency = in->currency};
    TRY(unit_price(cx, in, index, out));
    if (!money_mul(line->unit_minor, line->quantity, &line->total_minor) ||
        line->total_minor > MONEY_MINOR_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/lines",
                       "lines/%zu: the amount is beyond what can be sold in one line", index);
    return check_rules(cx, in, index, out);
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

static bool travels(const struct order_quote_line *line)
{
    return line->sku.kind == CATALOG_GOODS || line->sku.kind == CATALOG_BUNDLE;
}

static void add_shipping(struct cx *cx, struct order_quote *quote)
{
    int64_t free_minor = setting_get(cx, &order_shipping_free_minor), goods = 0;
    bool any = false;

    for (size_t k = 0; k < quote->count; k++) {
        any |= travels(&quote->lines[k]);
        goods += travels(&quote->lines[k]) ? quote->lines[k].line.total_minor : 0;
    }
    if (any && (free_minor == 0 || goods < free_minor))
        quote->shipping_minor = setting_get(cx, &order_shipping_fee_minor);
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
    TRY(order_count_pieces(cx, out, &pieces));
    if (out->goods_minor > MONEY_MINOR_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/lines",
                       "lines: together beyond what can be sold in one order");
    TRY(adjust(cx, in, out));
    add_shipping(cx, out);
    add_tax(out);
    out->total_minor = out->goods_minor - out->discount_minor + out->shipping_minor;
    return OK;
}
