/*
 * people.c - buyers, payers, operators and couriers: what each may ask next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

/* Mostly one of the last, mostly one that is (or is not) paid, as far as we know. */
static struct sim_order *some_order(struct sim *sim, bool paid)
{
    int back = 0;

    if (sim->order_count == 0)
        return NULL;
    for (int k = 0; k < 6; k++) {
        int most = dice_percent(&sim->dice, 20) || sim->order_count < 40 ? sim->order_count : 40;

        back = dice_below(&sim->dice, most);
        if (sim->orders[sim->order_count - 1 - back].paid == paid || dice_percent(&sim->dice, 10))
            break;
    }
    return &sim->orders[sim->order_count - 1 - back];
}

/* And may be sent again. */
void make_wish(struct sim *sim, struct ask *ask)
{
    if (sim->wish_count == SIM_WISHES_MAX || dice_percent(&sim->dice, 50))
        return;
    ask->wish = sim->wish_count;
    ask->key = mini_text(sim->mini, "wish-%d", sim->wish_count);
    sim->wishes[sim->wish_count++] = (struct wish){
        .key = ask->key, .request = ask->request, .body = ask->body, .ms = mini_now_ms(sim->mini)};
}

/* ---- Buying ---- */

static void bought(struct sim *sim, struct ask *ask, struct answer answer)
{
    struct sim_order *order = &sim->orders[sim->order_count];

    (void)ask;
    if (sim->order_count == SIM_ORDERS_MAX)
        return;
    order->id = mini_get(sim->mini, answer, "id");
    order->number = id_of(sim, order->id);
    order->total_minor = mini_get_int(sim->mini, answer, "total.amount");
    order->lines = (int)ask->number;
    sim->order_count++;
    learn(sim, FACT_ORDER, order->number);
}

bool buy(struct sim *sim, struct ask *ask)
{
    int lines = 1 + dice_below(&sim->dice, 3), user = dice_below(&sim->dice, SIM_USERS);
    const char *text = "", *off = "";

    if (dice_percent(&sim->dice, 30))
        off = mini_text(sim->mini,
                        ",\"adjustments\":[{\"code\":\"SIM\",\"amount\":{\"amount\":%d,"
                        "\"currency\":\"CNY\"}}]",
                        1 + dice_below(&sim->dice, 700));
    for (int k = 0; k < lines; k++) {
        const struct sku *sku = &sim->skus[dice_below(&sim->dice, SIM_SKUS)];
        const char *gift = dice_percent(&sim->dice, 10)
                               ? ",\"gift\":{\"value\":{\"amount\":100,\"currency\":\"CNY\"},"
                                 "\"when_out\":\"skip\"}"
                               : "";

        text = mini_text(sim->mini, "%s%s{\"sku\":\"%s\",\"quantity\":%d,\"for\":\"child%d\"%s}",
                         text, k ? "," : "", sku->id, 1 + dice_below(&sim->dice, 3), user, gift);
    }
    ask->request = "POST /v1/orders";
    ask->number = lines;
    ask->then = bought;
    make_wish(sim, ask); /* A user of its own: two orders of one wish are seen. */
    ask->body = ask->wish >= 0 ? mini_text(sim->mini, "{\"user\":\"wish%d\"", ask->wish)
                               : mini_text(sim->mini, "{\"user\":\"user%d\"", user);
    ask->body =
        mini_text(sim->mini, "%s,\"currency\":\"CNY\",\"lines\":[%s]%s}", ask->body, text, off);
    if (ask->wish >= 0)
        sim->wishes[ask->wish].body = ask->body;
    return true;
}

bool send_again(struct sim *sim, struct ask *ask)
{
    const struct wish *wish;

    if (sim->wish_count == 0)
        return false;
    ask->wish =
        sim->wish_count - 1 - dice_below(&sim->dice, sim->wish_count < 30 ? sim->wish_count : 30);
    wish = &sim->wishes[ask->wish];
    if (mini_now_ms(sim->mini) - wish->ms > DAY_MS - HOUR_MS) {
        ask->wish = -1; /* Keys live for a day. */
        return false;
    }
    ask->key = wish->key;
    ask->request = wish->request;
    ask->body = wish->body;
    ask->then = wish->then;
    ask->number = wish->number;
    return true;
}

/* ---- Paying ---- */

static void paid(struct sim *sim, struct ask *ask, struct answer answer)
{
    int64_t id = id_of(sim, mini_get(sim->mini, answer, "id"));

    sim->orders[ask->number].paid = true;
    learn(sim, FACT_PAYMENT, id);
    if (strcmp(mini_get(sim->mini, answer, "state"), "succeeded") == 0)
        learn(sim, FACT_CAPTURED, id);
}

static bool pay(struct sim *sim, struct ask *ask, const char *provider)
{
    struct sim_order *order = some_order(sim, false);
    const char *amount = "";

    if (!order || order->total_minor == 0)
        return false;
    if (dice_percent(&sim->dice, 15))
        amount = mini_text(sim->mini, ",\"amount\":{\"amount\":%d,\"currency\":\"CNY\"}",
                           1 + dice_below(&sim->dice, (int)order->total_minor));
    ask->request = mini_text(sim->mini, "POST /v1/orders/%s/payments", order->id);
    ask->body = mini_text(sim->mini, "{\"provider\":\"%s\"%s}", provider, amount);
    ask->number = order - sim->orders;
    ask->then = paid;
    make_wish(sim, ask);
    return true;
}

bool pay_by_hand(struct sim *sim, struct ask *ask)
{
    return pay(sim, ask, "manual");
}

bool pay_by_provider(struct sim *sim, struct ask *ask)
{
    return pay(sim, ask, "sandbox");
}

static void cancelled(struct sim *sim, struct ask *ask, struct answer answer)
{
    (void)answer;
    learn(sim, FACT_CANCELLED, ask->number);
}

bool cancel_order(struct sim *sim, struct ask *ask)
{
    struct sim_order *order = some_order(sim, false);

    if (!order)
        return false;
    ask->request = mini_text(sim->mini, "POST /v1/orders/%s/cancel", order->id);
    ask->number = order->number;
    ask->then = cancelled;
    make_wish(sim, ask);
    return true;
}

/* ---- Giving back ---- */

static void given_back(struct sim *sim, struct ask *ask, struct answer answer)
{
    (void)ask;
    learn(sim, FACT_REFUND, id_of(sim, mini_get(sim->mini, answer, "id")));
}

bool give_back_some(struct sim *sim, struct ask *ask)
{
    struct sim_order *order = some_order(sim, true);
    const char *restock = dice_percent(&sim->dice, 50) ? "true" : "false", *lines = "";

    if (!order)
        return false;
    if (!dice_percent(&sim->dice, 30))
        lines = mini_text(sim->mini, ",\"lines\":[{\"line\":%d,\"quantity\":%d}]",
                          dice_below(&sim->dice, order->lines), 1 + dice_below(&sim->dice, 2));
    ask->request = mini_text(sim->mini, "POST /v1/orders/%s/refunds", order->id);
    ask->body = mini_text(sim->mini, "{\"reason\":\"sim\",\"restock\":%s%s}", restock, lines);
    ask->then = given_back;
    make_wish(sim, ask);
    return true;
}

/* The first of a list that a GET answers; NULL: none. */
static const char *first_of(struct sim *sim, const char *path)
{
    struct answer page = mini_http(sim->mini, mini_text(sim->mini, "GET %s", path), NULL);
    const char *id = page.status == 200 ? mini_get(sim->mini, page, "data.0.id") : "";

    return id[0] ? id : NULL;
}

bool decide_refund(struct sim *sim, struct ask *ask)
{
    static const char *const verbs[] = {"approve", "approve", "reject"};
    const char *id = first_of(sim, "/v1/payouts?state=waiting&limit=1");

    if (!id)
        return false;
    ask->request =
        mini_text(sim->mini, "POST /v1/payouts/%s/%s", id, verbs[dice_below(&sim->dice, 3)]);
    ask->body = "{\"note\":\"sim\"}";
    ask->second = true;
    return true;
}

bool swap_one(struct sim *sim, struct ask *ask)
{
    struct sim_order *order = some_order(sim, true);

    if (!order)
        return false;
    ask->request = mini_text(sim->mini, "POST /v1/orders/%s/reshipments", order->id);
    ask->body =
        mini_text(sim->mini, "{\"reason\":\"sim\",\"lines\":[{\"line\":%d,\"quantity\":1}]}",
                  dice_below(&sim->dice, order->lines));
    make_wish(sim, ask);
    return true;
}

/* ---- Parcels and pieces ---- */

static void shipped(struct sim *sim, struct ask *ask, struct answer answer)
{
    learn(sim, FACT_SHIPPED, ask->number);
    if (strcmp(mini_get(sim->mini, answer, "state"), "delivered") == 0)
        learn(sim, FACT_DELIVERED, ask->number);
}

static bool parcel(struct sim *sim, struct ask *ask, const char *state, const char *verb)
{
    const char *id = first_of(sim, mini_text(sim->mini, "/v1/shipments?state=%s&limit=1", state));

    if (!id)
        return false;
    ask->request = mini_text(sim->mini, "POST /v1/shipments/%s/%s", id, verb);
    ask->number = id_of(sim, id);
    ask->then = shipped;
    make_wish(sim, ask);
    return true;
}

bool ship_one(struct sim *sim, struct ask *ask)
{
    if (!parcel(sim, ask, "ready", "ship"))
        return false;
    ask->body = dice_percent(&sim->dice, 40) ? "{\"delivered\":true}" : "{}";
    if (ask->wish >= 0)
        sim->wishes[ask->wish].body = ask->body;
    return true;
}

bool deliver_one(struct sim *sim, struct ask *ask)
{
    return parcel(sim, ask, "shipped", "deliver");
}

static void moved(struct sim *sim, struct ask *ask, struct answer answer)
{
    (void)ask;
    learn(sim, FACT_MOVEMENT, id_of(sim, mini_get(sim->mini, answer, "id")));
}

bool receive_pieces(struct sim *sim, struct ask *ask)
{
    static const int stocked[] = {0, 1, 2, 4, 6};
    const struct sku *sku = &sim->skus[stocked[dice_below(&sim->dice, 5)]];
    int pieces = dice_below(&sim->dice, 8) - 2;

    ask->request = "POST /v1/stock/movements";
    ask->body =
        mini_text(sim->mini, "{\"sku\":\"%s\",\"kind\":\"%s\",\"quantity\":%d,\"reason\":\"sim\"}",
                  sku->id, pieces > 0 ? "receive" : "adjust", pieces ? pieces : -1);
    ask->then = moved;
    make_wish(sim, ask);
    return true;
}

bool change_price(struct sim *sim, struct ask *ask)
{
    const struct sku *sku = &sim->skus[dice_below(&sim->dice, SIM_SKUS)];

    ask->request = mini_text(sim->mini, "PUT /v1/skus/%s/price", sku->id);
    ask->body =
        mini_text(sim->mini, "{\"price\":{\"amount\":%d,\"currency\":\"CNY\"}}",
                  (int)sku->price_minor / 2 + dice_below(&sim->dice, (int)sku->price_minor));
    return true;
}
