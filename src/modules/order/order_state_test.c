/*
 * order_state_test.c - which states follow which; what an order froze; how it splits.
 */
#include "modules/order/order_fixture.h"
#include "modules/order/order_priv.h"

/* ---- States ---- */

struct step {
    int64_t id;
    int from, to;
    bool moved;
};

/* Nothing reacts to what is paid. */
static struct mini *open_bare(const char *db)
{
    static const struct module *const modules[] = {&catalog_module, &stock_module, &order_module,
                                                   NULL};

    return mini_open_modules(db, modules);
}

static bool said(const struct cx *cx, const char *name, int state)
{
    for (int k = 0; k < cx->problem.member_count; k++)
        if (strcmp(cx->problem.members[k].name, name) == 0)
            return str_is(cx->problem.members[k].value, order_states[state]);
    return false;
}

static enum err take_step(struct cx *cx, void *argument)
{
    struct step *step = argument;
    struct order order;

    TRY(order_get(cx, step->id, &order));
    order.state = step->from;
    TRY(row_put(cx, &order_table, &order));
    step->moved = order_move(cx, &order, step->to) == OK;
    if (step->moved) {
        CHECK_EQ_INT(order.state, step->to);
        return OK;
    }
    CHECK(said(cx, "from", step->from));
    CHECK(said(cx, "to", step->to));
    return cx->problem.err;
}

TEST_DB(order_transitions,
        "an order moves along its table; any other move is refused, named, undone")
{
    static const int legal[ORDER_EXPIRED + 1] = {
        [ORDER_PENDING_PAYMENT] = 1 << ORDER_PAID | 1 << ORDER_CANCELLED | 1 << ORDER_EXPIRED,
        [ORDER_PAID] = 1 << ORDER_FULFILLING | 1 << ORDER_COMPLETED,
        [ORDER_FULFILLING] = 1 << ORDER_COMPLETED};
    struct mini *mini = open_bare(db);
    const char *sku =
        stall_sku(mini, (struct stall_item){.code = "F", .kind = "content", .price_minor = 100});
    int64_t moved = 0, id;
    struct problem problem;

    CHECK(id_parse(str_of(stall_buy(mini, sku, 1)), "ord", &id));
    for (int from = 0; from <= ORDER_EXPIRED; from++)
        for (int to = 0; to <= ORDER_EXPIRED; to++) {
            struct step step = {.id = id, .from = from, .to = to};
            enum err err = space_command(mini_space(mini), take_step, &step, &problem);

            CHECK_SAY(step.moved == (legal[from] >> to & 1), "%s to %s", order_states[from],
                      order_states[to]);
            CHECK_EQ_INT(err, step.moved ? OK : ERR_CONFLICT);
            CHECK_EQ_STR(step.moved ? "illegal_transition" : problem.code, "illegal_transition");
            moved += step.moved;
        }
    CHECK_EQ_INT(moved, 6);
    mini_close(mini);
}

TEST_DB(order_states_over_http, "what an order cannot become is 409 and names both states")
{
    struct mini *mini = mini_open(db);
    const char *sku =
        stall_sku(mini, (struct stall_item){.code = "A", .price_minor = 100, .received = 9});
    const char *orders[4], *states[4] = {"paid", "cancelled", "expired", "completed"};
    const char *film =
        stall_sku(mini, (struct stall_item){.code = "F", .kind = "content", .price_minor = 100});

    orders[2] = stall_buy(mini, sku, 1);
    mini_sleep_ms(mini, 30 * MINUTE_MS);
    orders[0] = stall_buy(mini, sku, 1);
    stall_pay(mini, orders[0]);
    orders[1] = stall_buy(mini, sku, 1);
    stall_ask(mini, 200, mini_text(mini, "POST /v1/orders/%s/cancel", orders[1]), NULL);
    orders[3] = stall_buy(mini, film, 1);
    stall_pay(mini, orders[3]);
    mini_settle(mini);
    for (int k = 0; k < 4; k++) {
        const char *cancel = mini_text(mini, "POST /v1/orders/%s/cancel", orders[k]);
        struct answer refused;

        CHECK_EQ_STR(stall_state(mini, orders[k]), states[k]);
        refused = stall_ask(mini, 409, cancel, NULL);
        CHECK_EQ_STR(mini_get(mini, refused, "code"), "illegal_transition");
        CHECK_EQ_STR(mini_get(mini, refused, "from"), states[k]);
        CHECK_EQ_STR(mini_get(mini, refused, "to"), "cancelled");
        CHECK_EQ_STR(stall_state(mini, orders[k]), states[k]);
    }
    CHECK_EQ_STR(stall_refused(mini, 404, "POST /v1/orders/ord_0000000000001/cancel", NULL),
                 "no_such_order");
    stall_ledger_ok(mini);
    mini_close(mini);
}

/* ---- What is frozen ---- */

TEST_DB(order_is_frozen, "an order stays as it was placed, whatever is changed later")
{
    struct mini *mini = mini_open(db);
    const char *sku = stall_sku(
        mini, (struct stall_item){
                  .code = "A", .price_minor = 333, .received = 9, .sku = ",\"tax_ppm\":130000"});
    const char *order =
        mini_get(mini,
                 stall_order(mini, stall_line(mini, sku, 2, ""),
                             ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":5,"
                             "\"currency\":\"CNY\"}}]"),
                 "id");
    const char *get = mini_text(mini, "GET /v1/orders/%s", order);
    const char *before = stall_ask(mini, 200, get, NULL).body;

    stall_set(mini, "order.shipping_fee_minor", NULL, 100);
    stall_set(mini, "order.pay_within_ms", NULL, 1000);
    stall_ask(mini, 200, mini_text(mini, "PUT /v1/skus/%s/price", sku),
              "{\"price\":{\"amount\":999,\"currency\":\"CNY\"}}");
    CHECK_EQ_INT(
        mini_get_int(mini, stall_order(mini, stall_line(mini, sku, 1, ""), ""), "total.amount"),
        1099);
    mini_sleep_ms(mini, 30 * MINUTE_MS - 1);
    CHECK_EQ_STR(stall_ask(mini, 200, get, NULL).body, before);
    mini_close(mini);
}

/* Units of 3 at 333 less 5: 994 is 332, 331, 331. */
TEST(order_units_frozen, "the units of a line share its total to the cent, the first the odd ones")
{
    static const int totals[] = {0, 1, 2, 3, 994, 1000, 999999};
    struct order_line line = {0};

    for (size_t k = 0; k < sizeof(totals) / sizeof(totals[0]); k++)
        for (int quantity = 1; quantity <= 7; quantity++) {
            int64_t given = 0, last = INT64_MAX;

            line = (struct order_line){.quantity = quantity, .total_minor = totals[k]};
            for (; line.refunded_count < quantity; line.refunded_count++) {
                int64_t share = order_line_share(&line, 1);

                CHECK(share == totals[k] / quantity || share == totals[k] / quantity + 1);
                CHECK(share <= last);
                last = share;
                given += share;
            }
            CHECK_EQ_INT(given, totals[k]);
        }
}

/* ---- Entities and warehouses ---- */

static const char *sold_by(struct mini *mini, const char *code, int64_t price, const char *entity,
                           const char *location)
{
    return stall_sku(mini, (struct stall_item){
                               .code = code,
                               .price_minor = price,
                               .sku = mini_text(mini,
                                                ",\"stock\":\"unlimited\",\"entity\":\"%s\","
                                                "\"location\":\"%s\"",
                                                entity, location),
                           });
}

TEST_DB(order_splits, "an order splits by entity and warehouse, and the parts come to its total")
{
    static const struct {
        const char *entity, *location;
        int shipping, total;
    } parts[] = {{"a", "east", 60, 1056}, {"b", "east", 20, 352}, {"a", "west", 20, 352}};
    struct mini *mini = mini_open(db);
    const char *one = sold_by(mini, "1", 500, "a", "east");
    const char *two = sold_by(mini, "2", 334, "b", "east");
    const char *three = sold_by(mini, "3", 333, "a", "west");
    const char *lines =
        mini_text(mini, "%s,%s,%s,%s", stall_line(mini, one, 1, ""), stall_line(mini, two, 1, ""),
                  stall_line(mini, three, 1, ""), stall_line(mini, one, 1, ""));
    struct answer order;

    stall_set(mini, "order.shipping_fee_minor", NULL, 100);
    order = stall_order(mini, lines,
                        ",\"adjustments\":[{\"code\":\"X\",\"amount\":{\"amount\":7,"
                        "\"currency\":\"CNY\"}}]");
    CHECK_EQ_INT(mini_get_int(mini, order, "total.amount"), 1760);
    for (int k = 0; k < 3; k++) {
        const char *part = mini_text(mini, "parts.%d.", k);

        CHECK_EQ_STR(mini_get(mini, order, mini_text(mini, "%sentity", part)), parts[k].entity);
        CHECK_EQ_STR(mini_get(mini, order, mini_text(mini, "%slocation", part)), parts[k].location);
        CHECK_EQ_INT(mini_get_int(mini, order, mini_text(mini, "%sshipping.amount", part)),
                     parts[k].shipping);
        CHECK_EQ_INT(mini_get_int(mini, order, mini_text(mini, "%stotal.amount", part)),
                     parts[k].total);
    }
    CHECK_EQ_STR(mini_get(mini, order, "parts.3"), "");
    stall_pay(mini, mini_get(mini, order, "id")); /* One payment. */
    CHECK_EQ_INT(mini_count(mini, "select count(*) from payment"), 1);
    stall_ledger_ok(mini);
    mini_close(mini);
}
