/*
 * order_report_test.c - what orders of a channel came to: by country, month, SKU and state.
 */
#include <stdio.h>

#include "modules/order/order.h"
#include "test/kit/mini.h"

/* Without delivery, which moves a paid order on. */
static struct mini *open_shop(const char *db)
{
    extern const struct module catalog_module, stock_module, payment_module;
    static const struct module *const modules[] = {&catalog_module, &stock_module, &order_module,
                                                   &payment_module, NULL};

    return mini_open_modules(db, modules);
}

static const char *product(struct mini *mini, const char *code)
{
    struct answer made = mini_http(
        mini, "POST /v1/products",
        mini_text(mini,
                  "{\"title\":\"%s\",\"kind\":\"goods\",\"skus\":[{\"code\":\"%s\",\"price\":{"
                  "\"amount\":100,\"currency\":\"GBP\"},\"stock\":\"unlimited\"}]}",
                  code, code));

    CHECK_SAY(made.status == 201, "%s", made.body);
    return mini_get(mini, made, "skus.0.id");
}

/* An order of the channel "c": 2 pieces at 150 of each SKU; its id. */
static const char *place(struct mini *mini, const char *number, const char *user,
                         const char *country, const char *placed, const char *sku)
{
    struct answer answer =
        mini_http(mini, "POST /v1/orders",
                  mini_text(mini,
                            "{%s\"currency\":\"GBP\",\"channel\":{\"name\":\"c\",\"order\":\"%s\","
                            "\"country\":\"%s\",\"placed_at\":\"%s\"},\"lines\":[{\"sku\":\"%s\","
                            "\"quantity\":2,\"price\":{\"amount\":150,\"currency\":\"GBP\"}}]}",
                            user, number, country, placed, sku));

    CHECK_SAY(answer.status == 201, "%s", answer.body);
    return mini_get(mini, answer, "id");
}

static void pay(struct mini *mini, const char *order)
{
    struct answer answer = mini_http(mini, mini_text(mini, "POST /v1/orders/%s/payments", order),
                                     "{\"provider\":\"manual\"}");

    CHECK_SAY(answer.status == 201, "%s", answer.body);
}

static struct answer report(struct mini *mini, const char *by, const char *orders)
{
    struct answer answer =
        mini_http(mini, "POST /v1/reports/channel",
                  mini_text(mini, "{\"channel\":\"c\",\"by\":\"%s\",\"orders\":[%s]}", by, orders));

    CHECK_SAY(answer.status == 200, "%s", answer.body);
    return answer;
}

/* Two days of one December, one January; a guest; one that is not paid. */
static void fill(struct mini *mini)
{
    const char *box = product(mini, "BOX"), *cup = product(mini, "CUP"), *user = "\"user\":\"u1\",";

    pay(mini, place(mini, "1", user, "France", "2010-12-01T08:00:00Z", box));
    pay(mini, place(mini, "2", "", "France", "2010-12-31T23:59:59.999Z", cup));
    place(mini, "3", user, "Malta", "2011-01-01T00:00:00Z", box);
    pay(mini, place(mini, "4", user, "Spain", "2011-01-01T00:00:00Z", box)); /* Not asked for. */
}

TEST_DB(order_report_groups, "a report adds up the named orders of a channel, and no others")
{
    struct mini *mini = open_shop(db);
    struct answer by, order;

    fill(mini);
    by = report(mini, "country", "\"1\",\"2\",\"3\",\"none\"");
    CHECK_EQ_STR(mini_get(mini, by, "data.0.key"), "France");
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.orders"), 2);
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.guest_orders"), 1);
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.lines"), 2);
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.sold_quantity"), 4);
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.sold_minor"), 600);
    CHECK_EQ_STR(mini_get(mini, by, "data.1.key"), "Malta");
    CHECK_EQ_INT(mini_get_int(mini, by, "data.1.orders"), 1);
    CHECK_EQ_INT(mini_get_int(mini, by, "data.1.sold_minor"), 0);
    CHECK_EQ_STR(mini_get(mini, by, "data.2.key"), "");
    by = report(mini, "month", "\"1\",\"2\",\"3\"");
    CHECK_EQ_STR(mini_get(mini, by, "data.0.key"), "2010-12");
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.orders"), 2);
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.sold_minor"), 600);
    CHECK_EQ_STR(mini_get(mini, by, "data.1.key"), "2011-01");
    by = report(mini, "sku", "\"3\",\"2\",\"1\"");
    CHECK_EQ_STR(mini_get(mini, by, "data.0.key"), "BOX");
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.lines"), 2);
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.sold_quantity"), 2);
    by = report(mini, "state", "\"1\",\"2\",\"3\"");
    CHECK_EQ_STR(mini_get(mini, by, "data.0.key"), "paid");
    CHECK_EQ_STR(mini_get(mini, by, "data.1.key"), "pending_payment");
    by = report(mini, "order", "\"2\",\"3\"");
    order = mini_http(mini, mini_text(mini, "GET /v1/orders/%s", mini_get(mini, by, "data.0.key")),
                      NULL);
    CHECK_EQ_STR(mini_get(mini, order, "channel_order"), "2");
    CHECK_EQ_INT(mini_get_int(mini, by, "data.0.sold_minor"), 300);
    CHECK_EQ_STR(mini_get(mini, by, "data.2.key"), "");
    mini_close(mini);
}

TEST_DB(order_report_limits, "a report takes 60 orders, not 61, and another channel has none")
{
    struct mini *mini = open_shop(db);
    char orders[1024] = "\"0\"";
    struct answer answer;

    fill(mini);
    for (int k = 1; k < 60; k++)
        snprintf(orders + strlen(orders), sizeof(orders) - strlen(orders), ",\"%d\"", k);
    answer = report(mini, "country", orders);
    CHECK_EQ_STR(mini_get(mini, answer, "data.2.key"), "Spain");
    snprintf(orders + strlen(orders), sizeof(orders) - strlen(orders), ",\"60\"");
    answer =
        mini_http(mini, "POST /v1/reports/channel",
                  mini_text(mini, "{\"channel\":\"c\",\"by\":\"sku\",\"orders\":[%s]}", orders));
    CHECK_EQ_INT(answer.status, 400);
    answer = mini_http(mini, "POST /v1/reports/channel",
                       "{\"channel\":\"d\",\"by\":\"sku\",\"orders\":[\"1\"]}");
    CHECK_EQ_INT(answer.status, 200);
    CHECK_EQ_STR(mini_get(mini, answer, "data.0.key"), "");
    mini_close(mini);
}
