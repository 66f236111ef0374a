/*
 * retail.h - invoices in the format of the UCI Online Retail data set, as docs/online-retail.md
 * reads them: what every row is, which orders, lines and returns the rows make.
 *
 * Pure: bytes in, a struct retail out; no clock, no network.
 *
 * Invariants:
 *   - every row is a sale, a return or bad, with one reason; a bad row changes nothing else;
 *   - sales, orders, SKUs, returns, refunds and parts stand in the order of the file; an index into
 *     one of them stays what it is;
 *   - no sale has more pieces returned than it has;
 *   - texts borrow the file's bytes or lie in retail.texts.
 */
#ifndef GREVY_CLI_RETAIL_H
#define GREVY_CLI_RETAIL_H

#include "kernel/base/hash.h"

enum {
    RETAIL_LINE_LEN_MAX = 4096,
    RETAIL_CODE_LEN_MAX = 32,
    RETAIL_DESCRIPTION_LEN_MAX = 200,
    RETAIL_COUNTRY_LEN_MAX = 64,
    RETAIL_DIGITS_MAX = 12, /* Of an invoice or a customer. */
    RETAIL_QUANTITY_MAX = 1000000,
    RETAIL_INVOICE_SALES_MAX = 1500, /* ORDER_LINES_MAX */
};
#define RETAIL_BYTES_MAX ((size_t)256 << 20) /* Of a file unpacked: the data set has 46 million. */

#define RETAIL_REASONS(X)                                                                          \
    X(BAD_DEBT, "bad_debt")                                                                        \
    X(BAD_PRICE, "bad_price")                                                                      \
    X(BAD_QUANTITY, "bad_quantity")                                                                \
    X(DISCOUNT, "discount")                                                                        \
    X(FEE, "fee")                                                                                  \
    X(GUEST_RETURN, "guest_return")                                                                \
    X(INVOICE_CONFLICT, "invoice_conflict")                                                        \
    X(INVOICE_TOO_LONG, "invoice_too_long")                                                        \
    X(MALFORMED, "malformed")                                                                      \
    X(MANUAL, "manual")                                                                            \
    X(NEGATIVE_PRICE, "negative_price")                                                            \
    X(NO_ORIGINAL, "no_original")                                                                  \
    X(NO_PRICE, "no_price")                                                                        \
    X(NOT_ENOUGH_LEFT, "not_enough_left")                                                          \
    X(POSITIVE_RETURN, "positive_return")                                                          \
    X(POSTAGE, "postage")                                                                          \
    X(PRICE_DIFFERS, "price_differs")                                                              \
    X(PRICE_NOT_PENCE, "price_not_pence")                                                          \
    X(SAMPLE, "sample")                                                                            \
    X(UNKNOWN_CODE, "unknown_code")                                                                \
    X(UNKNOWN_INVOICE, "unknown_invoice")                                                          \
    X(VOUCHER, "voucher")                                                                          \
    X(WRITE_OFF, "write_off")

#define RETAIL_REASON_ENUM(name, text) RETAIL_##name,
enum retail_reason { RETAIL_GOOD, RETAIL_REASONS(RETAIL_REASON_ENUM) RETAIL_REASON_COUNT };
#undef RETAIL_REASON_ENUM
extern const char *const retail_reasons[RETAIL_REASON_COUNT]; /* [RETAIL_GOOD] is NULL. */

enum { RETAIL_NONE = -1 }; /* No index. */

/* One row whose form is right. */
struct retail_row {
    char letter; /* Of the invoice; 0: none. */
    struct str invoice, code, description, date, customer, country;
    int64_t time_ms, quantity, price_minor;
    int price_sign;
    bool price_whole; /* A whole number of pence. */
};

struct retail_sale {
    int64_t order, line, sku; /* line: within the order, from 0. */
    int64_t quantity, left, price_minor;
    int64_t older; /* The sale before of the same customer, country and SKU. */
    int64_t next_of_order;
};
struct retail_order {
    struct str invoice, customer, country; /* customer: "" is a guest. */
    int64_t time_ms;                       /* Of its first sale. */
    int64_t first_sale, last_sale, sale_count;
    int64_t first_refund, last_refund;
};
struct retail_sku {
    struct str code, title;
    int64_t price_minor, quantity; /* Price of the first sale; pieces sold in all. */
};
/* What one return row takes back from one order. */
struct retail_refund {
    struct str reference; /* "C536379/1" */
    int64_t order, time_ms;
    int64_t first_part, next_of_order;
};
struct retail_part {
    int64_t sale, quantity, next; /* next of the same refund */
};
struct retail_bad {
    int64_t line;
    enum retail_reason reason;
};

/* Texts numbered in the order they came. */
struct retail_names {
    struct str *items;
    size_t count, size;
    uint32_t *slots; /* Number + 1; 0: free. */
    size_t slot_count;
};

#define RETAIL_ARRAY(type_)                                                                        \
    struct {                                                                                       \
        type_ *items;                                                                              \
        size_t count, size;                                                                        \
    }

struct retail {
    char *bytes; /* Of the file. */
    size_t len;
    struct arena texts;
    char digest[17]; /* Of the file: the same bytes, the same digest. */
    RETAIL_ARRAY(struct retail_sale) sales;
    RETAIL_ARRAY(struct retail_order) orders;
    RETAIL_ARRAY(struct retail_sku) skus;
    RETAIL_ARRAY(struct retail_refund) refunds;
    RETAIL_ARRAY(struct retail_part) parts;
    RETAIL_ARRAY(struct retail_bad) bad;
    RETAIL_ARRAY(int64_t) latest;          /* By buyer and SKU: the latest sale. */
    RETAIL_ARRAY(int64_t) invoice_returns; /* By invoice of returns: how many. */
    struct retail_names invoices, codes, bought, return_invoices;
    int64_t rows, sale_rows, return_rows;
    int64_t reasons[RETAIL_REASON_COUNT];
};

/** Read a .csv or .csv.gz.  False: *why says what is wrong with the file, in a sentence. */
bool retail_read_file(struct retail *retail, const char *path, const char **why);
/** The same of bytes in memory, which must outlive retail.  Needs: retail zeroed. */
bool retail_read(struct retail *retail, struct str bytes, const char **why);
void retail_free(struct retail *retail);

/** The number of a text, or RETAIL_NONE. */
int64_t retail_names_find(const struct retail_names *names, struct str name);
/** Needs: name is not there; it is borrowed. */
int64_t retail_names_add(struct retail_names *names, struct str name);
void retail_names_free(struct retail_names *names);

/* ---- Between retail.c (what rows make) and retail_row.c (one row) ---- */

/** Texts that are not as in the file (upper case, unquoted) are made in texts. */
enum retail_reason retail_row_read(struct arena *texts, struct str line, struct retail_row *out);
/** Sections 2 and 3 as far as a row alone decides. */
enum retail_reason retail_row_check(const struct retail_row *row);

#endif
