/*
 * retail_fuzz.c - any rows behind the header of an Online Retail file.
 *
 * Checked: every row is counted once; sums of orders, products and returns agree with the lines;
 * nothing is returned that was not sold, at another price or by another order.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/retail.h"
#include "test/kit/fuzz.h"

#define HEADER "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

static void check_sales(const struct retail *retail)
{
    int64_t sold = 0, lines = 0;

    for (size_t k = 0; k < retail->skus.count; k++) {
        must(retail->skus.items[k].title.len > 0, "a product without a title");
        sold += retail->skus.items[k].quantity;
    }
    for (size_t k = 0; k < retail->sales.count; k++) {
        const struct retail_sale *sale = &retail->sales.items[k];

        must(sale->left >= 0 && sale->left <= sale->quantity, "pieces left");
        must(sale->price_minor > 0, "a sale without a price");
        sold -= sale->quantity;
    }
    must(sold == 0, "products and lines differ");
    for (size_t k = 0; k < retail->orders.count; k++) {
        int64_t line = 0, s = retail->orders.items[k].first_sale;

        for (; s != RETAIL_NONE; s = retail->sales.items[s].next_of_order)
            must(retail->sales.items[s].line == line++, "lines of an order");
        must(line == retail->orders.items[k].sale_count, "count of an order");
        must(line > 0 && line <= RETAIL_INVOICE_SALES_MAX, "length of an order");
        lines += line;
    }
    must(lines == retail->sale_rows, "orders and rows differ");
}

static void check_returns(const struct retail *retail)
{
    int64_t returned = 0;

    for (size_t k = 0; k < retail->sales.count; k++)
        returned += retail->sales.items[k].quantity - retail->sales.items[k].left;
    for (size_t k = 0; k < retail->refunds.count; k++) {
        const struct retail_refund *refund = &retail->refunds.items[k];

        must(refund->first_part != RETAIL_NONE && refund->reference.len > 0, "an empty refund");
        for (int64_t p = refund->first_part; p != RETAIL_NONE; p = retail->parts.items[p].next) {
            const struct retail_part *part = &retail->parts.items[p];

            must(retail->sales.items[part->sale].order == refund->order, "another order's line");
            must(part->quantity > 0, "a part of nothing");
            returned -= part->quantity;
        }
    }
    must(returned == 0, "refunds and lines differ");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *file = malloc(sizeof(HEADER) + size);
    struct retail retail = {0};
    int64_t reasons = 0;
    const char *why;

    if (!file)
        abort();
    memcpy(file, HEADER, sizeof(HEADER) - 1);
    if (size > 0)
        memcpy(file + sizeof(HEADER) - 1, data, size);
    must(retail_read(&retail, (struct str){file, sizeof(HEADER) - 1 + size}, &why), "refused");
    for (int k = RETAIL_GOOD + 1; k < RETAIL_REASON_COUNT; k++)
        reasons += retail.reasons[k];
    must(reasons == (int64_t)retail.bad.count, "reasons");
    must(retail.sale_rows + retail.return_rows + reasons == retail.rows, "rows");
    check_sales(&retail);
    check_returns(&retail);
    retail_free(&retail);
    free(file);
    return 0;
}
