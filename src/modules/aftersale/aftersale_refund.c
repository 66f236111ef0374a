/*
 * aftersale_refund.c - what a refund comes to, and doing it.
 *
 * Gifts: when the last unit that was paid for is given back and units of a gift stay, their value
 * is taken off the refund, as far as it reaches; a gift that comes back later is paid back what was
 * taken off for it.
 */
#include "modules/aftersale/aftersale_priv.h"

/* One line of the order while a refund is planned. */
struct plan {
    const struct order_line *line;
    int64_t waiting;                    /* Units that other refunds wait for, */
    int64_t exchanged;                  /* or whose replacement the buyer has. */
    int64_t wanted;                     /* Units of this one. */
    int64_t clawed_count, clawed_minor; /* Of a gift: taken off by earlier refunds. */
};

struct plans {
    struct plan *items;
    size_t count;
};

/* ---- What earlier refunds hold ---- */

struct held {
    int64_t line, waiting, clawed_count, clawed_minor;
};
static const struct field held_fields[] = {F(held, line), F(held, waiting), F(held, clawed_count),
                                           F(held, clawed_minor), F_END};

static struct plan *plan_of(const struct plans *plans, int64_t line)
{
    for (size_t k = 0; k < plans->count; k++)
        if (plans->items[k].line->line == line)
            return &plans->items[k];
    return NULL;
}

struct swapped {
    int64_t linked, item, line, quantity;
};
static const struct field swapped_fields[] = {F(swapped, linked), F(swapped, item),
                                              F(swapped, line), F(swapped, quantity), F_END};

/* How many units of an item of the order that sent it came back. */
static enum err given_back(struct cx *cx, const struct swapped *row, int64_t *count)
{
    struct order linked;
    struct list lines;

    TRY(order_get(cx, row->linked, &linked));
    TRY(order_lines(cx, &linked, &lines));
    assert(row->item < (int64_t)lines.count);
    *count = LIST_AT(lines, struct order_line, row->item)->refunded_count;
    return OK;
}

/* Units of the order's lines whose replacement was sent and not given back. */
static enum err load_exchanged(struct cx *cx, const struct order *order, const struct plans *plans)
{
    struct list rows;

    TRY(sql_all(cx, swapped_fields, sizeof(struct swapped), &rows,
                "select linked, item, line, quantity from aftersale_linked where order_id = ?1"
                " and kind = 'exchange' order by linked, item",
                BIND(INT(order->id))));
    for (size_t k = 0; k < rows.count; k++) {
        const struct swapped *row = LIST_AT(rows, struct swapped, k);
        struct plan *plan = plan_of(plans, row->line);
        int64_t count;

        TRY(given_back(cx, row, &count));
        assert(plan);
        plan->exchanged += row->quantity - count;
    }
    return OK;
}

static enum err load_plans(struct cx *cx, const struct order *order, int64_t refund,
                           struct plans *out)
{
    struct list lines, rows;

    TRY(order_lines(cx, order, &lines));
    *out = (struct plans){CX_ARRAY(cx, struct plan, lines.count + 1), lines.count};
    for (size_t k = 0; k < lines.count; k++)
        out->items[k].line = LIST_AT(lines, struct order_line, k);
    TRY(sql_all(cx, held_fields, sizeof(struct held), &rows,
                "select l.line, cast(sum(case when r.state = 'waiting' then l.quantity else 0 end)"
                " as bigint) as waiting,"
                " cast(sum(case when r.state in ('waiting', 'rejected') then 0 else l.clawed end)"
                " as bigint) as clawed_count,"
                " cast(sum(case when r.state in ('waiting', 'rejected') or l.clawed = 0 then 0"
                " else -l.amount_minor end) as bigint) as clawed_minor"
                " from aftersale_refund r join aftersale_refund_line l on l.refund_id = r.id"
                " where r.order_id = ?1 and r.id <> ?2 group by l.line order by l.line",
                BIND(INT(order->id), INT(refund))));
    for (size_t k = 0; k < rows.count; k++) {
        const struct held *held = LIST_AT(rows, struct held, k);
        struct plan *plan = plan_of(out, held->line);

        assert(plan);
        plan->waiting = held->waiting;
        plan->clawed_count = held->clawed_count;
        plan->clawed_minor = held->clawed_minor;
    }
    return load_exchanged(cx, order, out);
}

/* ---- What is wanted ---- */

static int64_t left(const struct plan *plan)
{
    return plan->line->quantity - plan->line->refunded_count - plan->waiting - plan->exchanged;
}

enum err aftersale_left(struct cx *cx, const struct order *order, int64_t line, int64_t *out)
{
    const struct plan *plan;
    struct plans plans;

    TRY(load_plans(cx, order, 0, &plans));
    plan = plan_of(&plans, line);
    assert(plan);
    *out = left(plan);
    return OK;
}

static enum err want(struct cx *cx, const struct plans *plans, const struct aftersale_part *part,
                     size_t k)
{
    struct plan *plan = plan_of(plans, part->line);
    const char *pointer = cx_printf(cx, "/lines/%zu/line", k).ptr;

    if (!plan)
        return fail_at(cx, ERR_BAD_INPUT, "no_such_line", pointer,
                       "line: the order has no line %" PRId64, part->line);
    if (plan->wanted > 0)
        return fail_at(cx, ERR_BAD_INPUT, "duplicate_line", pointer,
                       "line: line %" PRId64 " is named twice; add its quantities", part->line);
    if (part->quantity > left(plan)) {
        fail_record(cx, ERR_CONFLICT, "refund_exceeds",
                    "line %" PRId64 ": %" PRId64 " of %" PRId64
                    " units can still be given back, not %" PRId64 "%s",
                    part->line, left(plan), plan->line->quantity, part->quantity,
                    plan->exchanged > 0 ? "; of what was exchanged, refund the order that sent the"
                                          " replacement first"
                                        : "");
        fail_member(cx, "line", cx_printf(cx, "%" PRId64, part->line));
        fail_member(cx, "refundable", cx_printf(cx, "%" PRId64, left(plan)));
        return ERR_CONFLICT;
    }
    plan->wanted = part->quantity;
    return OK;
}

static enum err want_all(struct cx *cx, struct plans plans, struct list wanted)
{
    for (size_t k = 0; k < wanted.count; k++)
        TRY(want(cx, &plans, LIST_AT(wanted, struct aftersale_part, k), k));
    for (size_t k = 0; k < plans.count; k++) {
        if (wanted.count == 0)
            plans.items[k].wanted = left(&plans.items[k]);
    }
    return OK;
}

/* ---- What it comes to ---- */

static bool is_gift(const struct plan *plan)
{
    return plan->line->gift_minor > 0;
}

/* After this refund, does the buyer keep a unit of what was paid for (or of anything)? */
static bool keeps(struct plans plans, bool paid_only)
{
    for (size_t k = 0; k < plans.count; k++) {
        const struct plan *plan = &plans.items[k];

        if (plan->line->refunded_count + plan->wanted == plan->line->quantity)
            continue;
        if (!paid_only || plan->line->total_minor > 0)
            return true;
    }
    return false;
}

/* Units of a gift that come back: those that were clawed back before are paid back, in proportion;
 * the last takes the remainder. */
static void give_back_gift(const struct plan *plan, struct aftersale_line *out)
{
    int64_t count = plan->wanted < plan->clawed_count ? plan->wanted : plan->clawed_count;

    if (count == 0)
        return;
    out->clawed = -count;
    out->amount_minor = money_share(plan->clawed_minor, count, plan->clawed_count);
}

/* Units of a gift that stay though nothing else does: their value, as far as limit reaches. */
static void claw_gift(const struct plan *plan, int64_t limit_minor, struct aftersale_line *out)
{
    int64_t kept =
        plan->line->quantity - plan->line->refunded_count - plan->wanted - plan->clawed_count;
    int64_t value_minor = plan->line->gift_minor;

    if (kept <= 0 || plan->clawed_count > 0)
        return;
    out->clawed = kept;
    out->amount_minor = -(value_minor > limit_minor / kept ? limit_minor : value_minor * kept);
}

static void put_amounts(struct plans plans, struct aftersale_refund *refund)
{
    struct aftersale_line *lines = refund->lines.items;
    bool claws = !keeps(plans, true);

    for (size_t k = 0; k < plans.count; k++) {
        const struct plan *plan = &plans.items[k];

        lines[k] = (struct aftersale_line){.refund = refund->id,
                                           .line = plan->line->line,
                                           .quantity = plan->wanted,
                                           .currency = refund->currency};
        if (plan->wanted > 0)
            lines[k].amount_minor = order_line_share(plan->line, plan->wanted);
        if (is_gift(plan))
            give_back_gift(plan, &lines[k]);
        refund->goods_minor += lines[k].amount_minor;
    }
    for (size_t k = 0; k < plans.count && claws; k++) {
        if (!is_gift(&plans.items[k]))
            continue;
        claw_gift(&plans.items[k], refund->goods_minor, &lines[k]);
        refund->goods_minor += lines[k].clawed > 0 ? lines[k].amount_minor : 0;
    }
}

/* Lines that say nothing are left out. */
static void pack(struct aftersale_refund *refund)
{
    struct aftersale_line *lines = refund->lines.items;
    size_t count = 0;

    for (size_t k = 0; k < refund->lines.count; k++)
        if (lines[k].quantity > 0 || lines[k].clawed != 0)
            lines[count++] = lines[k];
    refund->lines.count = count;
}

/* Shipping is given back once. */
static enum err put_shipping(struct cx *cx, const struct order *order, struct plans plans,
                             struct aftersale_refund *refund)
{
    int64_t before_minor;

    if (refund->shipping == SHIPPING_KEEP || order->shipping_minor == 0)
        return OK;
    if (refund->shipping == SHIPPING_UNSHIPPED && (order->labelled || keeps(plans, false)))
        return OK;
    TRY(sql_int(cx, &before_minor, 0,
                "select cast(sum(shipping_minor) as bigint) from aftersale_refund"
                " where order_id = ?1 and id <> ?2 and state <> 'rejected'",
                BIND(INT(order->id), INT(refund->id))));
    refund->shipping_minor = order->shipping_minor - before_minor;
    return OK;
}

enum err aftersale_plan(struct cx *cx, const struct order *order, struct list wanted,
                        struct aftersale_refund *refund)
{
    struct plans plans;

    TRY(aftersale_check_paid(cx, order));
    TRY(load_plans(cx, order, refund->id, &plans));
    TRY(want_all(cx, plans, wanted));
    refund->currency = order->currency;
    refund->goods_minor = refund->shipping_minor = 0;
    refund->lines =
        (struct list){CX_ARRAY(cx, struct aftersale_line, plans.count + 1), plans.count};
    put_amounts(plans, refund);
    pack(refund);
    TRY(put_shipping(cx, order, plans, refund));
    if (refund->lines.count == 0 && refund->shipping_minor == 0)
        return fail(cx, ERR_CONFLICT, "nothing_to_refund",
                    "every unit of this order is given back, waits to be, or was exchanged");
    refund->amount_minor = refund->goods_minor + refund->shipping_minor;
    return OK;
}

/* ---- Doing it ---- */

static int64_t clawed_of(const struct aftersale_refund *refund)
{
    int64_t minor = 0;

    for (size_t k = 0; k < refund->lines.count; k++) {
        const struct aftersale_line *line = LIST_AT(refund->lines, struct aftersale_line, k);

        minor += line->clawed > 0 ? -line->amount_minor : 0;
    }
    return minor;
}

static enum err move_line(struct cx *cx, struct order *order, struct list lines,
                          const struct aftersale_line *part, int64_t *clawed_minor)
{
    struct order_line *line = NULL;
    int64_t off_minor;

    for (size_t k = 0; k < lines.count && !line; k++)
        if (LIST_AT(lines, struct order_line, k)->line == part->line)
            line = LIST_AT(lines, struct order_line, k);
    assert(line);
    if (line->gift_minor > 0) { /* Its money belongs to no line. */
        TRY(order_refund_line(cx, order, line, part->quantity, 0));
        return part->amount_minor > 0 ? order_refund_rest(cx, order, part->amount_minor) : OK;
    }
    off_minor = *clawed_minor < part->amount_minor ? *clawed_minor : part->amount_minor;
    *clawed_minor -= off_minor;
    return order_refund_line(cx, order, line, part->quantity, part->amount_minor - off_minor);
}

static enum err move_counters(struct cx *cx, struct order *order,
                              const struct aftersale_refund *refund)
{
    int64_t clawed_minor = clawed_of(refund);
    struct list lines;

    TRY(order_lines(cx, order, &lines));
    for (size_t k = 0; k < refund->lines.count; k++) {
        const struct aftersale_line *part = LIST_AT(refund->lines, struct aftersale_line, k);

        if (part->quantity > 0)
            TRY(move_line(cx, order, lines, part, &clawed_minor));
    }
    assert(clawed_minor == 0); /* Never more than the shares it is taken off. */
    return refund->shipping_minor > 0 ? order_refund_rest(cx, order, refund->shipping_minor) : OK;
}

static enum err finish(struct cx *cx, struct aftersale_refund *refund)
{
    refund->state = REFUND_REFUNDED;
    refund->failure = STR("");
    refund->ended_ms = cx_now_ms(cx);
    TRY(row_put(cx, &aftersale_refund_table, refund));
    metric_add(cx, &aftersale_refunded_total, 1);
    return aftersale_put_event(cx, "aftersale.refunded", refund);
}

enum err aftersale_apply(struct cx *cx, struct order *order, struct aftersale_refund *refund)
{
    struct list lines = refund->lines;

    refund->state = REFUND_REFUNDING;
    refund->decided_ms = cx_now_ms(cx);
    TRY(move_counters(cx, order, refund));
    TRY(row_put(cx, &aftersale_refund_table, refund));
    for (size_t k = 0; k < lines.count; k++)
        TRY(row_put(cx, &aftersale_line_table, LIST_AT(lines, struct aftersale_line, k)));
    TRY(aftersale_put_event(cx, "aftersale.refund_approved", refund));
    if (refund->amount_minor == 0)
        return finish(cx, refund);
    TRY(order_get(cx, order->id, order)); /* As the reactions left it. */
    TRY(payment_refund(cx, order, refund->amount_minor, refund->id));
    TRY(aftersale_get(cx, refund->id, refund)); /* Money by hand is back already. */
    refund->lines = lines;
    return OK;
}

/* ---- What payment tells ---- */

static enum err refund_of(struct cx *cx, const struct event *event, struct payment_event *told,
                          struct aftersale_refund *refund, bool *ours)
{
    TRY(event_read(cx, event, payment_event_fields, told, sizeof(*told)));
    *ours = told->refund > 0;
    if (!*ours)
        return OK; /* It went back by itself. */
    TRY(aftersale_get(cx, told->refund, refund));
    return aftersale_lines(cx, refund);
}

enum err aftersale_payment_refunded(struct cx *cx, const struct event *event)
{
    struct aftersale_refund refund;
    struct payment_event told;
    bool ours;

    TRY(refund_of(cx, event, &told, &refund, &ours));
    if (!ours || told.rest_minor > 0 || refund.state == REFUND_REFUNDED)
        return OK;
    return finish(cx, &refund);
}

enum err aftersale_payment_failed(struct cx *cx, const struct event *event)
{
    struct aftersale_refund refund;
    struct payment_event told;
    bool ours;

    TRY(refund_of(cx, event, &told, &refund, &ours));
    if (!ours || refund.state == REFUND_REFUNDED)
        return OK;
    refund.state = REFUND_FAILED;
    refund.failure = told.reason.ptr ? told.reason : STR("refused by the provider");
    TRY(row_put(cx, &aftersale_refund_table, &refund));
    return aftersale_put_event(cx, "aftersale.refund_failed", &refund);
}
