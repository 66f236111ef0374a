/*
 * payment_check_test.c - the patrols over more rows than one slice holds: what is wrong is found
 * wherever it stands.
 */
#include "modules/payment/payment_fixture.h"

enum { ROWS = 12000 }; /* More than two slices of any patrol. */

#define UPDATE "update %s set %s = %s %s 100 where %s = %d"

/* Rows number 1 to ROWS of table: columns are expressions of x. */
static void fill(struct shop *shop, const char *table, const char *columns)
{
    mini_sql(shop->mini, mini_text(shop->mini,
                                   "insert into %s with recursive n(x) as (select cast(1 as bigint)"
                                   " union all select x + 1 from n where x < %d) select %s from n",
                                   table, ROWS, columns));
}

static void fill_all(struct shop *shop)
{
    fill(shop, "orders",
         "x * 10, 'u' || x, 'sale', 'paid', 'CNY', 7, 0, 0, 0, 7, 7, 0, '', '', '', '', '', x, 0,"
         " '', 0, 1, x, x, x, 0, 0");
    fill(shop, "order_line",
         "x * 10, 0, x % 50 + 1, 'C', 'T', 'goods', '', 'main', 'main', '', 1, 7, 0, 7, 0, 0, 0, 0,"
         " 0");
    fill(shop, "payment",
         "x, x * 10, 'u' || x, 'manual', 'main', 'succeeded', '', 'CNY', 7, 'CNY', 7, 7, 0, 0, 0,"
         " 0, 0, '', '', '', x, x, x");
    fill(shop, "payment_entry",
         "x, 'capture', 'provider:manual:main', 'orders:main', 'CNY', 7, 0, 0, x, 0, x * 10, x");
    mini_sql(shop->mini, mini_text(shop->mini,
                                   "insert into payment_account values"
                                   " ('provider:manual:main', 'CNY', %d),"
                                   " ('orders:main', 'CNY', -%d)",
                                   7 * ROWS, 7 * ROWS));
    fill(shop, "stock_movement", "x, x % 50 + 1, 'main', 'receive', 2, 0, 0, 0, 0, '', '', x");
    fill(shop, "stock_reservation", "x * 10, 0, x % 50 + 1, 'main', 1, 1, 0, 0, x, 0");
    mini_sql(shop->mini, "insert into stock_level select sku, location, sum(quantity),"
                         " cast((select sum(r.open) from stock_reservation r"
                         "  where r.sku = m.sku) as bigint), 0"
                         " from stock_movement m group by sku, location");
}

static int64_t checked(struct shop *shop, const char *path)
{
    return mini_get_int(shop->mini, mini_http(shop->mini, "GET /v1/ledger/check", NULL), path);
}

TEST_DB(payment_check_slices, "the check sees every row of every slice, and what is wrong in any",
        .slow = true)
{
    static const struct {
        const char *table, *column, *key;
        int scale; /* The key of row x is x times this. */
    } damage[] = {
        {"stock_movement", "quantity", "id", 1},       {"stock_movement", "sku", "id", 1},
        {"stock_reservation", "open", "ref", 10},      {"stock_reservation", "sold", "ref", 10},
        {"payment_entry", "amount_minor", "id", 1},    {"payment", "captured_minor", "id", 1},
        {"payment", "applied_minor", "id", 1},         {"orders", "paid_minor", "id", 10},
        {"orders", "refunded_minor", "id", 10},        {"orders", "shipping_minor", "id", 10},
        {"order_line", "total_minor", "order_id", 10},
    };
    struct shop *shop = shop_open(db);
    struct mini *mini = shop->mini;

    fill_all(shop);
    shop_ledger_ok(shop);
    CHECK_EQ_INT(checked(shop, "movements"), 3 * ROWS);
    CHECK_EQ_INT(checked(shop, "accounts"), ROWS + 50 + 2);
    for (size_t k = 0; k < sizeof(damage) / sizeof(damage[0]); k++) {
        for (int row = 1; row <= ROWS; row += ROWS - 1) { /* The first and the last. */
            mini_sql(mini, mini_text(mini, UPDATE, damage[k].table, damage[k].column,
                                     damage[k].column, "+", damage[k].key, row * damage[k].scale));
            CHECK_SAY(!shop_balanced(shop), "%s.%s of row %d", damage[k].table, damage[k].column,
                      row);
            mini_sql(mini, mini_text(mini, UPDATE, damage[k].table, damage[k].column,
                                     damage[k].column, "-", damage[k].key, row * damage[k].scale));
        }
    }
    shop_ledger_ok(shop);
    mini_sql(mini, "delete from stock_level where sku = 50");
    CHECK_SAY(strstr(mini_http(mini, "GET /v1/ledger/check", NULL).body, "no such level") != NULL,
              "a level that is gone");
    shop_close(shop);
}
