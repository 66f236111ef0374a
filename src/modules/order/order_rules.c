/*
 * order_rules.c - sale-time rules, set per category: what one beneficiary may be sold ahead in one
 * order, and whether a guardian must consent.
 *
 * Lines of one order do not get round them: the same SKU twice, alone or in bundles, is twice the
 * term, and the amounts of a category add up.  What is in a bundle keeps its own category's period
 * and consent; amounts are the bundle's.
 */
#include "modules/order/order_priv.h"

struct setting order_prepaid_days_max = {
    "order.prepaid_days_max",
    "days",
    "Longest term that one beneficiary may be sold ahead (by category); 0: any.",
    0,
    36500,
    0,
    0};
struct setting order_prepaid_minor_max = {
    "order.prepaid_minor_max",
    "minor units",
    "Highest amount taken ahead for one beneficiary in one order (by category); 0: any.",
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

/* What is checked: a SKU that is sold with a line, the line's own or a component's. */
struct sold {
    const struct order_new *in;
    const struct order_quote *quote;
    const struct order_quote_line *line;
    const struct catalog_sku *sku;
};

static enum err refuse(struct cx *cx, const struct sold *sold, const char *code, const char *why)
{
    const struct order_line *line = &sold->line->line;

    fail_record(cx, ERR_CONFLICT, code, "lines/%" PRId64 ": " STR_FMT ": %s", line->line,
                STR_ARG(sold->sku->code), why);
    fail_member(cx, "sku", cx_id_text(cx, "sku", line->sku));
    return ERR_CONFLICT;
}

/* How many of the SKU a line holds, itself and in its components. */
static enum err count_in(struct cx *cx, const struct order_quote_line *line, int64_t sku,
                         int64_t *out)
{
    struct list components;

    *out = line->sku.id == sku ? line->line.quantity : 0;
    if (!order_has_components(&line->sku))
        return OK;
    TRY(catalog_components(cx, &line->sku, &components));
    for (size_t k = 0; k < components.count; k++) {
        const struct catalog_component *component =
            LIST_AT(components, struct catalog_component, k);

        *out += component->sku == sku ? component->quantity * line->line.quantity : 0;
    }
    return OK;
}

static bool together(const struct sold *sold, const struct order_quote_line *other)
{
    return !other->skipped && str_eq(other->line.beneficiary, sold->line->line.beneficiary);
}

static enum err check_period(struct cx *cx, const struct sold *sold)
{
    int64_t days_max = setting_for(cx, &order_prepaid_days_max, sold->sku->category), days = 0;

    if (days_max == 0 || sold->sku->term_days == 0)
        return OK;
    for (size_t k = 0; k < sold->quote->count; k++) {
        int64_t count;

        if (!together(sold, &sold->quote->lines[k]))
            continue;
        TRY(count_in(cx, &sold->quote->lines[k], sold->sku->id, &count));
        days += count * sold->sku->term_days;
    }
    if (days > days_max)
        return refuse(cx, sold, "rule_prepaid_period",
                      "its term is longer than may be sold ahead in this category");
    return OK;
}

static enum err check_sku(struct cx *cx, const struct sold *sold)
{
    TRY(check_period(cx, sold));
    if (setting_for(cx, &order_guardian_consent, sold->sku->category) &&
        !sold->in->guardian_consent)
        return refuse(cx, sold, "rule_guardian_consent",
                      "a guardian must consent: send guardian_consent true");
    return OK;
}

static enum err check_components(struct cx *cx, const struct sold *sold)
{
    struct list components;

    TRY(catalog_components(cx, &sold->line->sku, &components));
    for (size_t k = 0; k < components.count; k++) {
        struct sold piece = *sold;
        struct catalog_sku part;

        TRY(catalog_sku_get(cx, LIST_AT(components, struct catalog_component, k)->sku, &part));
        piece.sku = &part;
        TRY(check_sku(cx, &piece));
    }
    return OK;
}

static enum err check_amount(struct cx *cx, const struct sold *sold)
{
    int64_t minor_max = setting_for(cx, &order_prepaid_minor_max, sold->sku->category), minor = 0;

    if (minor_max == 0)
        return OK;
    for (size_t k = 0; k < sold->quote->count; k++) {
        const struct order_quote_line *other = &sold->quote->lines[k];

        if (together(sold, other) && str_eq(other->sku.category, sold->sku->category))
            minor += other->line.total_minor;
    }
    if (minor > minor_max)
        return refuse(cx, sold, "rule_prepaid_amount",
                      "the amount is higher than may be taken ahead in this category");
    return OK;
}

static enum err check_line(struct cx *cx, const struct sold *sold)
{
    TRY(check_sku(cx, sold));
    TRY(check_amount(cx, sold));
    return order_has_components(sold->sku) ? check_components(cx, sold) : OK;
}

enum err order_check_rules(struct cx *cx, const struct order_new *in,
                           const struct order_quote *quote)
{
    for (size_t k = 0; k < quote->count; k++) {
        const struct order_quote_line *line = &quote->lines[k];

        if (!line->skipped)
            TRY(check_line(cx, &(struct sold){in, quote, line, &line->sku}));
    }
    return OK;
}
