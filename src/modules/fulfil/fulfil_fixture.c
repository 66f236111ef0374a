/*
 * fulfil_fixture.c - a shop that sells, is paid by hand and delivers.
 */
#include "modules/fulfil/fulfil_fixture.h"

struct answer desk_post(struct mini *mini, int status, const char *path, const char *body)
{
    struct answer answer = mini_http(mini, mini_text(mini, "POST %s", path), body);

    CHECK_SAY(answer.status == status, "POST %s: %d %s", path, answer.status, answer.body);
    return answer;
}

struct answer desk_get(struct mini *mini, const char *path)
{
    struct answer answer = mini_http(mini, mini_text(mini, "GET %s", path), NULL);

    CHECK_SAY(answer.status == 200, "GET %s: %d %s", path, answer.status, answer.body);
    return answer;
}

const char *desk_text(struct mini *mini, const char *path, const char *member)
{
    return mini_get(mini, desk_get(mini, path), member);
}

int64_t desk_int(struct mini *mini, const char *path, const char *member)
{
    return mini_get_int(mini, desk_get(mini, path), member);
}

void desk_receive(struct mini *mini, const char *sku, int64_t pieces)
{
    desk_post(mini, 201, "/v1/stock/movements",
              mini_text(mini,
                        "{\"sku\":\"%s\",\"kind\":\"receive\",\"quantity\":%lld,"
                        "\"reason\":\"bought\"}",
                        sku, (long long)pieces));
}

const char *desk_sku(struct mini *mini, const char *code, const char *kind, int64_t price_minor,
                     int64_t received, const char *more)
{
    struct answer made = desk_post(
        mini, 201, "/v1/products",
        mini_text(mini,
                  "{\"title\":\"%s\",\"kind\":\"%s\",\"skus\":[{\"code\":\"%s\","
                  "\"title\":\"%s\",\"price\":{\"amount\":%lld,\"currency\":\"CNY\"}%s}]}",
                  code, kind, code, code, (long long)price_minor, more));
    const char *sku = mini_get(mini, made, "skus.0.id");

    if (received > 0)
        desk_receive(mini, sku, received);
    return sku;
}

const char *desk_order_lines(struct mini *mini, const char *lines)
{
    struct answer made =
        desk_post(mini, 201, "/v1/orders",
                  mini_text(mini, "{\"user\":\"u1\",\"currency\":\"CNY\",\"lines\":[%s]}", lines));

    return mini_get(mini, made, "id");
}

const char *desk_order(struct mini *mini, const char *sku, int quantity)
{
    return desk_order_lines(
        mini, mini_text(mini, "{\"sku\":\"%s\",\"quantity\":%d,\"for\":\"child\"}", sku, quantity));
}

void desk_pay(struct mini *mini, const char *order)
{
    desk_post(mini, 201, mini_text(mini, "/v1/orders/%s/payments", order),
              "{\"provider\":\"manual\"}");
}

const char *desk_stock(struct mini *mini, const char *sku)
{
    struct answer level = desk_get(mini, mini_text(mini, "/v1/stock/%s", sku));

    return mini_text(mini, "%s %s %s", mini_get(mini, level, "on_hand"),
                     mini_get(mini, level, "reserved"), mini_get(mini, level, "sold"));
}

const char *desk_shipment(struct mini *mini, const char *order, int k)
{
    return desk_text(mini, mini_text(mini, "/v1/orders/%s/shipments", order),
                     mini_text(mini, "data.%d.id", k));
}

const char *desk_state(struct mini *mini, const char *order)
{
    return desk_text(mini, mini_text(mini, "/v1/orders/%s", order), "state");
}

int64_t desk_events(struct mini *mini, const char *type)
{
    return mini_count(
        mini, mini_text(mini, "select count(*) from kernel_outbox where type = '%s'", type));
}

void desk_ledger_ok(struct mini *mini)
{
    struct answer answer = desk_get(mini, "/v1/ledger/check");

    CHECK_SAY(strstr(answer.body, "\"ok\":true") != NULL, "%s", answer.body);
}
