/*
 * retail_test.c - every rule of docs/online-retail.md, on files of a few rows.
 */
#include "cli/retail.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "test/kit/test.h"

#define HEADER "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
#define WHEN   "2010-12-01 08:26:00"
/* ROW(invoice, code, quantity, price, customer) */
#define ROW(i_, c_, q_, p_, u_) i_ "," c_ ",A THING," q_ "," WHEN "," p_ "," u_ ",United Kingdom\n"
#define SALE                    ROW("536365", "85123A", "6", "2.55", "17850.0")

static struct retail retail;

static void read_text(const char *text)
{
    const char *why;

    retail_free(&retail);
    CHECK_SAY(retail_read(&retail, str_of(text), &why), "%s", why);
    CHECK_EQ_INT(retail.rows, retail.sale_rows + retail.return_rows + retail.bad.count);
}

/* The reason of a row by its line, or "". */
static const char *reason(int64_t line)
{
    for (size_t k = 0; k < retail.bad.count; k++)
        if (retail.bad.items[k].line == line)
            return retail_reasons[retail.bad.items[k].reason];
    return "";
}

/* This row, after a sale, has this reason. */
static void check_row(const char *row, const char *wanted)
{
    char text[8192];

    snprintf(text, sizeof(text), HEADER SALE "%s", row);
    read_text(text);
    CHECK_SAY(strcmp(reason(3), wanted) == 0, "%s is \"%s\", not \"%s\"", row, reason(3), wanted);
    CHECK_EQ_STR(reason(2), "");
}

struct case_of {
    const char *row, *reason;
};

static void check_rows(const struct case_of *cases, size_t count)
{
    for (size_t k = 0; k < count; k++)
        check_row(cases[k].row, cases[k].reason);
    retail_free(&retail);
}
#define CHECK_ROWS(cases_) check_rows((cases_), sizeof(cases_) / sizeof((cases_)[0]))

TEST(retail_sale, "a plain row is a sale: an order, a line, a SKU")
{
    const struct retail_order *order;

    read_text(HEADER SALE);
    CHECK_EQ_INT(retail.sale_rows, 1);
    CHECK_EQ_INT(retail.orders.count, 1);
    order = &retail.orders.items[0];
    CHECK_EQ_TEXT(order->invoice, "536365");
    CHECK_EQ_TEXT(order->customer, "17850");
    CHECK_EQ_TEXT(order->country, "United Kingdom");
    CHECK_EQ_INT(order->time_ms, 1291191960000);
    CHECK_EQ_INT(retail.sales.items[0].quantity, 6);
    CHECK_EQ_INT(retail.sales.items[0].price_minor, 255);
    CHECK_EQ_TEXT(retail.skus.items[0].code, "85123A");
    CHECK_EQ_TEXT(retail.skus.items[0].title, "A THING");
    CHECK_EQ_INT(retail.skus.items[0].quantity, 6);
    retail_free(&retail);
}

TEST(retail_lines, "CRLF, LF, no last end and a byte order mark; empty lines are rows")
{
    read_text("\xef\xbb\xbf" HEADER "\n536365,85123A,A,1," WHEN ",1,,France\r\n"
              "536366,85123A,A,1," WHEN ",1,,France");
    CHECK_EQ_INT(retail.rows, 3);
    CHECK_EQ_STR(reason(2), "malformed");
    CHECK_EQ_INT(retail.orders.count, 2);
    retail_free(&retail);
}

TEST(retail_header, "a file without the header is refused")
{
    static const char *const files[] = {"", SALE, "InvoiceNo\n", "\n" HEADER};
    const char *why;

    for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
        CHECK(!retail_read(&retail, str_of(files[k]), &why));
        CHECK(strstr(why, "first line"));
        retail_free(&retail);
    }
}

TEST(retail_quotes, "a field may be quoted from its first to its last byte")
{
    read_text(HEADER "1,\"85123a\",\"SAY \"\"HI\"\", YOU\","
                     "\" 6 \"," WHEN ",2.55,1,\" EIRE \"\n");
    CHECK_EQ_INT(retail.sale_rows, 1);
    CHECK_EQ_TEXT(retail.skus.items[0].title, "SAY \"HI\", YOU");
    CHECK_EQ_TEXT(retail.skus.items[0].code, "85123A");
    CHECK_EQ_TEXT(retail.orders.items[0].country, "EIRE");
    retail_free(&retail);
}

TEST(retail_malformed, "what has not the form of a row is malformed")
{
    static const struct case_of cases[] = {
        {"\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,1\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,1,UK,\n", "malformed"},
        {"1,85123A,A \"B\",6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,85123A,\"A,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,85123A,\"A\"B,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,1,\"\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,1,\"UK\"\n", ""},
        {"1,85123A,A\tB,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,85123A,A\xff,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,85123A,A\xc2\xa3,6," WHEN ",2.55,1,UK\n", ""},
        {",85123A,A,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"CC1,85123A,A,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1234567890123,85123A,A,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"123456789012,85123A,A,6," WHEN ",2.55,1,UK\n", ""},
        {"1,,A,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,123456789012345678901234567890123,A,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,12345\xc3\xa9,A,6," WHEN ",2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6,2010-02-29 08:26:00,2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6,2012-02-29 08:26:00,2.55,1,UK\n", ""},
        {"1,85123A,A,6,1969-12-31 08:26:00,2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6,2010-12-01 24:00:00,2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6,2010-12-01 08:60:00,2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6,2010-12-01 08:26:60,2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6,2010-12-01T08:26:00,2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6,2010-12-01 08:26,2.55,1,UK\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,17850.1,UK\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,17850.,UK\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,x,UK\n", "malformed"},
        {"1,85123A,A,6," WHEN ",2.55,1,\n", "malformed"},
    };

    CHECK_ROWS(cases);
}

TEST(retail_numbers, "quantities and prices have their form and their bounds")
{
    static const struct case_of cases[] = {
        {ROW("1", "85123A", "0", "2.55", "1"), "bad_quantity"},
        {ROW("1", "85123A", "+6", "2.55", "1"), "bad_quantity"},
        {ROW("1", "85123A", "", "2.55", "1"), "bad_quantity"},
        {ROW("1", "85123A", "6.5", "2.55", "1"), "bad_quantity"},
        {ROW("1", "85123A", "6.0", "2.55", "1"), ""},
        {ROW("1", "85123A", "1000000", "2.55", "1"), ""},
        {ROW("1", "85123A", "1000001", "2.55", "1"), "bad_quantity"},
        {ROW("C1", "85123A", "-1000001", "2.55", "1"), "bad_quantity"},
        {ROW("1", "85123A", "1234567890", "2.55", "1"), "bad_quantity"},
        {ROW("1", "85123A", "6", "", "1"), "bad_price"},
        {ROW("1", "85123A", "6", "2.", "1"), "bad_price"},
        {ROW("1", "85123A", "6", ".5", "1"), "bad_price"},
        {ROW("1", "85123A", "6", "1e3", "1"), "bad_price"},
        {ROW("1", "85123A", "6", "12345678", "1"), "bad_price"},
        {ROW("1", "85123A", "6", "9999999", "1"), ""},
        {ROW("1", "85123A", "6", "2.5500000000", "1"), "bad_price"},
        {ROW("1", "85123A", "6", "2.550000000", "1"), ""},
        {ROW("1", "85123A", "6", "0.00", "1"), "no_price"},
        {ROW("1", "85123A", "6", "-0", "1"), "no_price"},
        {ROW("1", "85123A", "6", "-2.55", "1"), "negative_price"},
        {ROW("1", "85123A", "6", "0.001", "1"), "price_not_pence"},
        {ROW("1", "85123A", "6", "2.555", "1"), "price_not_pence"},
        {ROW("1", "85123A", "6", "-0.001", "1"), "negative_price"},
    };

    CHECK_ROWS(cases);
}

TEST(retail_goods, "what bears a code is goods, or is none for a reason")
{
    static const struct case_of cases[] = {
        {ROW("1", "POST", "1", "1", "1"), "postage"},
        {ROW("1", "dot", "1", "1", "1"), "postage"},
        {ROW("1", "C2", "1", "1", "1"), "postage"},
        {ROW("1", "23444", "1", "1", "1"), "postage"},
        {ROW("1", "23574", "1", "1", "1"), "postage"},
        {ROW("1", "BANK CHARGES", "1", "1", "1"), "fee"},
        {ROW("1", "AMAZONFEE", "1", "1", "1"), "fee"},
        {ROW("1", "CRUK", "1", "1", "1"), "fee"},
        {ROW("1", "D", "1", "1", "1"), "discount"},
        {ROW("1", "m", "1", "1", "1"), "manual"},
        {ROW("1", "S", "1", "1", "1"), "sample"},
        {ROW("1", "B", "1", "1", "1"), "bad_debt"},
        {ROW("1", "gift_0001_20", "1", "1", "1"), "voucher"},
        {ROW("1", "GIFT", "1", "1", "1"), "unknown_code"},
        {ROW("1", "1234A", "1", "1", "1"), "unknown_code"},
        {ROW("1", "PADSX", "1", "1", "1"), "unknown_code"},
        {ROW("1", "PADS", "1", "1", "1"), ""},
        {ROW("1", "DCGS0003", "1", "1", "1"), ""},
        {ROW("1", "123456", "1", "1", "1"), ""},
    };

    CHECK_ROWS(cases);
}

TEST(retail_trade, "sales, write-offs, returns and what is neither")
{
    static const struct case_of cases[] = {
        {ROW("A1", "85123A", "1", "1", "1"), "unknown_invoice"},
        {ROW("1", "85123A", "-1", "1", "1"), "write_off"},
        {ROW("C1", "85123A", "1", "1", "1"), "positive_return"},
        {ROW("536365", "85123A", "1", "1", "2"), "invoice_conflict"},
        {ROW("536365", "85123A", "1", "1", "017850"), ""},
        {"536365,85123A,A,6," WHEN ",2.55,17850,France\n", "invoice_conflict"},
        {ROW("C1", "85123A", "-1", "2.55", ""), "guest_return"},
        {ROW("c1", "85123a", "-6", "2.55", "17850"), ""},
        {ROW("C1", "85123A", "-7", "2.55", "17850"), "not_enough_left"},
        {ROW("C1", "85123A", "-6", "2.54", "17850"), "price_differs"},
        {ROW("C1", "85123A", "-7", "2.54", "17850"), "not_enough_left"},
        {ROW("C1", "85123B", "-1", "2.55", "17850"), "no_original"},
        {ROW("C1", "85123A", "-1", "2.55", "17851"), "no_original"},
        {"C1,85123A,A,-1," WHEN ",2.55,17850,France\n", "no_original"},
    };

    CHECK_ROWS(cases);
}

TEST(retail_split, "a return takes the latest sales first, over several orders")
{
    const struct retail_refund *refund;

    read_text(HEADER ROW("1", "85123A", "6", "2.55", "7") ROW("2", "85123A", "6", "2.55", "7")
                  ROW("3", "85123A", "6", "9", "7") ROW("1", "85123A", "1", "2.55", "7")
                      ROW("C9", "85123A", "-8", "2.55", "7") ROW("C9", "85123A", "-5", "2.55", "7")
                          ROW("C9", "85123A", "-1", "2.55", "7"));
    CHECK_EQ_STR(reason(8), "price_differs");
    CHECK_EQ_INT(retail.return_rows, 2);
    CHECK_EQ_INT(retail.refunds.count, 3); /* C9/1 of orders 1 and 2, C9/2 of order 1. */
    refund = &retail.refunds.items[0];
    CHECK_EQ_TEXT(refund->reference, "C9/1");
    CHECK_EQ_INT(refund->order, 0);
    CHECK_EQ_INT(retail.parts.items[refund->first_part].quantity, 1);
    CHECK_EQ_INT(retail.parts.items[refund->first_part].next == RETAIL_NONE, 0);
    CHECK_EQ_INT(retail.refunds.items[1].order, 1);
    CHECK_EQ_TEXT(retail.refunds.items[2].reference, "C9/2");
    CHECK_EQ_INT(retail.sales.items[0].left, 0);
    CHECK_EQ_INT(retail.sales.items[2].left, 6);
    retail_free(&retail);
}

TEST(retail_bad_changes_nothing, "a bad row gives no original, no product, no order")
{
    read_text(HEADER ROW("1", "85123A", "6", "0", "7") ROW("C1", "85123A", "-1", "2.55", "7"));
    CHECK_EQ_STR(reason(3), "no_original");
    CHECK_EQ_INT(retail.orders.count, 0);
    CHECK_EQ_INT(retail.skus.count, 0);
    retail_free(&retail);
}

TEST(retail_titles, "a title is the first description that is not empty, else the code")
{
    read_text(HEADER "1,85123A,,1," WHEN ",1,,UK\n1,85123a,FIRST,1," WHEN ",2,,UK\n"
                     "1,85123A,SECOND,1," WHEN ",3,,UK\n1,22222,,1," WHEN ",4,,UK\n");
    CHECK_EQ_INT(retail.skus.count, 2);
    CHECK_EQ_TEXT(retail.skus.items[0].title, "FIRST");
    CHECK_EQ_INT(retail.skus.items[0].price_minor, 100);
    CHECK_EQ_INT(retail.skus.items[0].quantity, 3);
    CHECK_EQ_TEXT(retail.skus.items[1].title, "22222");
    retail_free(&retail);
}

TEST(retail_long_invoice, "an invoice has at most 1,500 sales")
{
    static const char line[] = ROW("1", "85123A", "1", "1", "7");
    size_t len = strlen(HEADER), rows = RETAIL_INVOICE_SALES_MAX + 1;
    char *text = malloc(len + rows * (sizeof(line) - 1) + 1);

    CHECK(text);
    memcpy(text, HEADER, len);
    for (size_t k = 0; k < rows; k++, len += sizeof(line) - 1)
        memcpy(text + len, line, sizeof(line) - 1);
    text[len] = '\0';
    read_text(text);
    CHECK_EQ_INT(retail.sale_rows, RETAIL_INVOICE_SALES_MAX);
    CHECK_EQ_STR(reason(RETAIL_INVOICE_SALES_MAX + 2), "invoice_too_long");
    retail_free(&retail);
    free(text);
}

/* A file of these bytes, packed when its name says so. */
static const char *file_of(const char *name, bool packed, size_t cut)
{
    static char path[512];
    gzFile file;
    FILE *plain;
    char bytes[4096];
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
    file = gzopen(path, packed ? "wb" : "wbT");
    CHECK(file);
    gzputs(file, HEADER SALE);
    gzclose(file);
    plain = fopen(path, "r+");
    CHECK(plain);
    len = fread(bytes, 1, sizeof(bytes), plain);
    fclose(plain);
    plain = fopen(path, "w");
    CHECK(plain);
    CHECK_EQ_INT(fwrite(bytes, 1, len - cut, plain), len - cut);
    fclose(plain);
    return path;
}

TEST(retail_files, "a packed file reads as a plain one; half of it, or another's name, is refused")
{
    const char *why;

    CHECK(retail_read_file(&retail, file_of("a.csv", false, 0), &why));
    CHECK_EQ_INT(retail.sale_rows, 1);
    retail_free(&retail);
    CHECK(retail_read_file(&retail, file_of("a.csv.gz", true, 0), &why));
    CHECK_EQ_INT(retail.sale_rows, 1);
    retail_free(&retail);
    CHECK(!retail_read_file(&retail, file_of("b.csv.gz", true, 12), &why));
    retail_free(&retail);
    CHECK(!retail_read_file(&retail, file_of("c.csv.gz", false, 0), &why));
    retail_free(&retail);
    CHECK(!retail_read_file(&retail, file_of("d.csv", true, 0), &why));
    retail_free(&retail);
    CHECK(!retail_read_file(&retail, "/nonexistent/file.csv", &why));
    retail_free(&retail);
}
