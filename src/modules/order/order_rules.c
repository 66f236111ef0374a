/*
 * order_rules.c - sale-time rules, set per category: what one beneficiary may be sold ahead in one
 * order, and whether a guardian must consent.
 *
 * Lines of one order do not get round them: the same SKU twice is twice the term, and the amounts
 * of a category add up.  What is in a bundle keeps its own category's period and consent; amounts
 * are the bundle's.
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

/* One SKU that is sold with a line: the line's own, or a component's. */
struct sold {
    const struct order_quote_line *line;
    const struct catalog_sku *sku;
    int64_t days;
};

static enum err refuse(struct cx *cx, const struct sold *sold, const char *code, const char *why)
{
    const struct order_line *line = &sold->line->line;

    fail_record(cx, ERR_CONFLICT, code, "lines/%" PRId64 ": " STR_FMT ": %s", line->line,
                STR_ARG(sold->sku->code), why);
    fail_member(cx, "sku", cx_id_text(cx, "sku", line->sku));
    return ERR_CONFLICT;
}

static enum err check_sku(struct cx *cx, const struct order_new *in, const struct sold *sold)
{
    int64_t days_max = setting_for(cx, &order_prepaid_days_max, sold->sku->category);

    if (days_max > 0 && sold->days > days_max)
        return refuse(cx, sold, "rule_prepaid_period",
                      "its term is longer than may be sold ahead in this category");
    if (setting_for(cx, &order_guardian_consent, sold->sku->category) && !in->guardian_consent)
        return refuse(cx, sold, "rule_guardian_consent",
                      "a guardian must consent: send guardian_consent true");
    return OK;
}

static enum err check_components(struct cx *cx, const struct order_new *in,
                                 const struct order_quote_line *line)
{
    struct list components;

    TRY(catalog_components(cx, &line->sku, &components));
    for (size_t k = 0; k < components.count; k++) {
        const struct catalog_component *component =
            LIST_AT(components, struct catalog_component, k);
        struct catalog_sku part;

        TRY(catalog_sku_get(cx, component->sku, &part));
        TRY(check_sku(cx, in,
                      &(struct sold){line, &part,
                                     part.term_days * component->quantity * line->line.quantity}));
    }
    return OK;
}

/* The same beneficiary's, with line itself. */
static void add_up(const struct order_quote *quote, const struct order_quote_line *line,
                   int64_t *days, int64_t *minor)
{
    *days = *minor = 0;
    for (size_t k = 0; k < quote->count; k++) {
        const struct order_quote_line *other = &quote->lines[k];

        if (other->skipped || !str_eq(other->line.beneficiary, line->line.beneficiary))
            continue;
        if (other->sku.id == line->sku.id)
            *days += other->sku.term_days * other->line.quantity;
        if (str_eq(other->sku.category, line->sku.category))
            *minor += other->line.total_minor;
    }
}

static enum err check_line(struct cx *cx, const struct order_new *in,
                           const struct order_quote *quote, const struct order_quote_line *line)
{
    int64_t minor_max = setting_for(cx, &order_prepaid_minor_max, line->sku.category), minor = 0;
    struct sold sold = {.line = line, .sku = &line->sku};

    if (minor_max > 0 || line->sku.term_days > 0)
        add_up(quote, line, &sold.days, &minor);
    TRY(check_sku(cx, in, &sold));
    if (minor_max > 0 && minor > minor_max)
        return refuse(cx, &sold, "rule_prepaid_amount",
                      "the amount is higher than may be taken ahead in this category");
    return order_has_components(&line->sku) ? check_components(cx, in, line) : OK;
}

enum err order_check_rules(struct cx *cx, const struct order_new *in,
                           const struct order_quote *quote)
{
    for (size_t k = 0; k < quote->count; k++)
        if (!quote->lines[k].skipped)
            TRY(check_line(cx, in, quote, &quote->lines[k]));
    return OK;
}
