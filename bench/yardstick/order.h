/*
 * order.h - the values of one durable order, for both yardsticks.
 */
#ifndef GREVY_BENCH_ORDER_H
#define GREVY_BENCH_ORDER_H

#include "measure.h"
#include "order_rows.h"

struct order {
    int64_t number[NUMBERS];
    char text[VALUES - NUMBERS][1536];
    int len[VALUES - NUMBERS];
};

#define ORDER_TEXT(order_, value_, ...)                                                            \
    ((order_)->len[(value_)-NUMBERS] =                                                             \
         snprintf((order_)->text[(value_)-NUMBERS], sizeof((order_)->text[0]), __VA_ARGS__))

/* As long as what the server answers, and stores for who asks again. */
#define PRICE "{\"amount\":1990,\"currency\":\"CNY\"}"
#define FREE  "{\"amount\":0,\"currency\":\"CNY\"}"
static const char reply[] =
    "{\"id\":\"ord_%013lld\",\"user\":\"%s\",\"kind\":\"sale\",\"state\":\"pending_payment\","
    "\"goods\":" PRICE ",\"discount\":" FREE ",\"shipping\":" FREE ",\"tax\":" FREE
    ",\"total\":" PRICE ",\"paid\":" FREE ",\"refunded\":" FREE ",\"channel\":\"\","
    "\"channel_order\":\"\",\"channel_country\":\"\",\"placed_at\":\"2026-01-01T00:00:00.000Z\","
    "\"parent\":null,\"created_at\":\"2026-01-01T00:00:00.000Z\","
    "\"expires_at\":\"2026-01-01T00:30:00.000Z\",\"paid_at\":null,\"ended_at\":null,\"parts\":"
    "[{\"entity\":\"main\",\"location\":\"main\",\"total\":" PRICE "}],\"lines\":[{\"line\":0,"
    "\"sku\":\"sku_%013lld\",\"code\":\"B-0\",\"title\":\"Bench article 0\",\"kind\":\"goods\","
    "\"quantity\":1,\"for\":\"%s\",\"entity\":\"main\",\"location\":\"main\",\"unit_price\":" PRICE
    ",\"discount\":" FREE ",\"total\":" PRICE ",\"tax\":" FREE ",\"gift_value\":" FREE
    ",\"refunded_quantity\":0,\"refunded\":" FREE "}]}";

/* Set the numbers, person and key first; the rest follows from them. */
static inline void order_fill(struct order *order)
{
    char person[64], key[64];
    long long id = order->number[ORDER_ID], sku = order->number[SKU_ID];

    memcpy(person, order->text[PERSON - NUMBERS], sizeof(person) - 1);
    person[sizeof(person) - 1] = '\0';
    order->number[DUE_MS] = order->number[NOW_MS] + 1800000;
    memcpy(key, order->text[KEY - NUMBERS], sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    ORDER_TEXT(order, KEY_HASH, "%.32s%011lld", key, id); /* As long as the text of a hash. */
    ORDER_TEXT(order, BODY_HASH, "%.32s%011lld", key, sku);
    ORDER_TEXT(order, NAME, "ord_%013lld", id);
    ORDER_TEXT(order, EVENT,
               "{\"order\":\"ord_%013lld\",\"user\":\"%s\",\"total\":" PRICE ",\"paid\":" FREE
               ",\"state\":\"pending_payment\"}",
               id, person);
    ORDER_TEXT(order, REPLY, reply, id, person, sku, person);
}

/* A value as text; out holds it if it is a number. */
static inline const char *order_text(const struct order *order, enum value value, char out[24])
{
    if (value >= NUMBERS)
        return order->text[value - NUMBERS];
    snprintf(out, 24, "%lld", (long long)order->number[value]);
    return out;
}

/* An order that no client sent. */
static inline void order_invent(struct order *order, int64_t id, int64_t sku)
{
    unsigned long long random = (unsigned long long)id * 0x9e3779b97f4a7c15; /* Distinct. */

    order->number[ORDER_ID] = id;
    order->number[SKU_ID] = sku;
    order->number[NOW_MS] = now_ms();
    ORDER_TEXT(order, PERSON, "u%016llx", random ^ (random >> 32));
    ORDER_TEXT(order, KEY, "%016llx%016llx", random ^ (random >> 29), random);
    order_fill(order);
}

#endif
