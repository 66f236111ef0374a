/*
 * order_fixture.c - a stall with goods, courses and gifts, for the tests of orders.
 */
#include "modules/order/order_fixture.h"

struct answer stall_ask(struct mini *mini, int status, const char *request, const char *body)
{
    struct answer answer = mini_http(mini, request, body);

    CHECK_SAY(answer.status == status, "%s %s: %d %s", request, body ? body : "", answer.status,
              answer.body);
    return answer;
}

const char *stall_refused(struct mini *mini, int status, const char *request, const char *body)
{
    return mini_get(mini, stall_ask(mini, status, request, body), "code");
}

const char *stall_sku(struct mini *mini, struct stall_item item)
{
    const char *sku = mini_get(
        mini,
        stall_ask(mini, 201, "POST /v1/products",
                  mini_text(mini,
                            "{\"title\":\"%s\",\"kind\":\"%s\"%s,\"skus\":[{\"code\":\"%s\","
                            "\"price\":{\"amount\":%lld,\"currency\":\"CNY\"}%s}]}",
                            item.code, item.kind ? item.kind : "goods",
                            item.product ? item.product : "", item.code,
                            (long long)item.price_minor, item.sku ? item.sku : "")),
        "skus.0.id");

    if (item.received > 0)
        stall_ask(mini, 201, "POST /v1/stock/movements",
                  mini_text(mini, "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":%lld}", sku,
                            (long long)item.received));
    return sku;
}

const char *stall_body(struct mini *mini, const char *lines, const char *more)
{
    bool user = !strstr(more, "\"user\"") && !strstr(more, "\"channel\"");

    return mini_text(mini, "{%s\"currency\":\"CNY\",\"lines\":[%s]%s}",
                     user ? "\"user\":\"u1\"," : "", lines, more);
}

const char *stall_line(struct mini *mini, const char *sku, int quantity, const char *more)
{
    return mini_text(mini, "{\"sku\":\"%s\",\"quantity\":%d%s}", sku, quantity, more);
}

struct answer stall_order(struct mini *mini, const char *lines, const char *more)
{
    return stall_ask(mini, 201, "POST /v1/orders", stall_body(mini, lines, more));
}

const char *stall_buy(struct mini *mini, const char *sku, int quantity)
{
    return mini_get(mini, stall_order(mini, stall_line(mini, sku, quantity, ""), ""), "id");
}

void stall_pay(struct mini *mini, const char *order)
{
    stall_ask(mini, 201, mini_text(mini, "POST /v1/orders/%s/payments", order),
              "{\"provider\":\"manual\"}");
}

const char *stall_text(struct mini *mini, const char *path, const char *member)
{
    return mini_get(mini, stall_ask(mini, 200, mini_text(mini, "GET %s", path), NULL), member);
}

int64_t stall_int(struct mini *mini, const char *path, const char *member)
{
    return mini_get_int(mini, stall_ask(mini, 200, mini_text(mini, "GET %s", path), NULL), member);
}

const char *stall_state(struct mini *mini, const char *order)
{
    return stall_text(mini, mini_text(mini, "/v1/orders/%s", order), "state");
}

const char *stall_stock(struct mini *mini, const char *sku)
{
    struct answer level = stall_ask(mini, 200, mini_text(mini, "GET /v1/stock/%s", sku), NULL);

    return mini_text(mini, "%s %s %s", mini_get(mini, level, "on_hand"),
                     mini_get(mini, level, "reserved"), mini_get(mini, level, "sold"));
}

void stall_set(struct mini *mini, const char *name, const char *category, int64_t value)
{
    const char *key = category ? mini_text(mini, ",\"key\":\"%s\"", category) : "";

    stall_ask(mini, 200, mini_text(mini, "PUT /v1/settings/%s", name),
              mini_text(mini, "{\"value\":%lld%s}", (long long)value, key));
}

const char *stall_key(struct mini *mini, const char *scopes)
{
    return mini_get(mini,
                    stall_ask(mini, 201, "POST /v1/keys",
                              mini_text(mini, "{\"name\":\"till\",\"scopes\":[%s]}", scopes)),
                    "token");
}

void stall_ledger_ok(struct mini *mini)
{
    struct answer answer = stall_ask(mini, 200, "GET /v1/ledger/check", NULL);

    CHECK_SAY(strstr(answer.body, "\"ok\":true") != NULL, "%s", answer.body);
}
