/*
 * retail.c - what the rows of a file make together: orders, goods, returns of earlier sales.
 */
#include "cli/retail.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    READ_BYTES = 1 << 20,
    NAMES_SLOTS_FIRST = 1024,
    TEXTS_PER_BYTE = 32, /* Of a row, at worst: eight quoted fields, each rounded up. */
    TEXTS_BYTES_LEAST = 1 << 20,
};

#define HEADER "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

#define RETAIL_REASON_TEXT(name, text) [RETAIL_##name] = (text),
const char *const retail_reasons[RETAIL_REASON_COUNT] = {RETAIL_REASONS(RETAIL_REASON_TEXT)};

/* ---- Arrays and names ---- */

static void *room(void *items, size_t count, size_t *size, size_t item_size)
{
    void *grown = items;

    if (count < *size) {
        assert(items); /* Room was made before. */
        return items;
    }
    *size = *size ? *size * 2 : 256;
    grown = realloc(items, *size * item_size);
    assert(grown); /* As any arena: without memory there is nothing to do. */
    return grown;
}

/* A new last item, not yet set. */
#define APPEND(array_)                                                                             \
    ((array_).items =                                                                              \
         room((array_).items, (array_).count, &(array_).size, sizeof(*(array_).items)),            \
     &(array_).items[(array_).count++])

static size_t slot_of(const struct retail_names *names, struct str name)
{
    size_t slot = str_hash(name, 1) & (names->slot_count - 1);

    while (names->slots[slot] && !str_eq(names->items[names->slots[slot] - 1], name))
        slot = (slot + 1) & (names->slot_count - 1);
    return slot;
}

static void names_grow(struct retail_names *names)
{
    if (names->count * 2 < names->slot_count)
        return;
    names->slot_count = names->slot_count ? names->slot_count * 2 : NAMES_SLOTS_FIRST;
    free(names->slots);
    names->slots = calloc(names->slot_count, sizeof(uint32_t));
    assert(names->slots);
    for (size_t k = 0; k < names->count; k++)
        names->slots[slot_of(names, names->items[k])] = (uint32_t)k + 1;
}

int64_t retail_names_find(const struct retail_names *names, struct str name)
{
    return names->slot_count ? (int64_t)names->slots[slot_of(names, name)] - 1 : RETAIL_NONE;
}

int64_t retail_names_add(struct retail_names *names, struct str name)
{
    names_grow(names);
    names->slots[slot_of(names, name)] = (uint32_t)names->count + 1;
    *APPEND(*names) = name;
    return (int64_t)names->count - 1;
}

void retail_names_free(struct retail_names *names)
{
    free(names->items);
    free(names->slots);
    *names = (struct retail_names){0};
}

static struct str join(struct arena *texts, const struct str *parts, size_t count)
{
    struct str out = {0};
    size_t len = 0;
    char *to;

    for (size_t k = 0; k < count; k++)
        len += parts[k].len + 1;
    to = arena_alloc(texts, len + 1);
    out.ptr = to;
    for (size_t k = 0; k < count; k++) {
        memcpy(to + out.len, parts[k].ptr, parts[k].len);
        out.len += parts[k].len;
        to[out.len++] = '\0'; /* In no field. */
    }
    return out;
}

/* ---- Sales ---- */

static int64_t new_order(struct retail *retail, const struct retail_row *row)
{
    *APPEND(retail->orders) = (struct retail_order){.invoice = row->invoice,
                                                    .customer = row->customer,
                                                    .country = row->country,
                                                    .time_ms = row->time_ms,
                                                    .first_sale = RETAIL_NONE,
                                                    .last_sale = RETAIL_NONE,
                                                    .first_refund = RETAIL_NONE,
                                                    .last_refund = RETAIL_NONE};
    return retail_names_add(&retail->invoices, row->invoice);
}

static int64_t sold_sku(struct retail *retail, const struct retail_row *row)
{
    int64_t k = retail_names_find(&retail->codes, row->code);
    struct retail_sku *sku;

    if (k == RETAIL_NONE) {
        k = retail_names_add(&retail->codes, row->code);
        *APPEND(retail->skus) =
            (struct retail_sku){.code = row->code, .price_minor = row->price_minor};
    }
    sku = &retail->skus.items[k];
    sku->quantity += row->quantity;
    if (sku->title.len == 0)
        sku->title = row->description;
    return k;
}

static enum retail_reason sell(struct retail *retail, const struct retail_row *row,
                               struct str bought)
{
    int64_t o = retail_names_find(&retail->invoices, row->invoice), b,
            s = (int64_t)retail->sales.count;
    struct retail_order *order = o == RETAIL_NONE ? NULL : &retail->orders.items[o];
    struct retail_sale *sale;

    if (order && !(str_eq(order->customer, row->customer) && str_eq(order->country, row->country)))
        return RETAIL_INVOICE_CONFLICT;
    if (order && order->sale_count == RETAIL_INVOICE_SALES_MAX)
        return RETAIL_INVOICE_TOO_LONG;
    if (!order) {
        o = new_order(retail, row);
        order = &retail->orders.items[o];
    }
    b = retail_names_find(&retail->bought, bought);
    if (b == RETAIL_NONE) {
        b = retail_names_add(&retail->bought, bought);
        *APPEND(retail->latest) = RETAIL_NONE;
    }
    sale = APPEND(retail->sales);
    *sale = (struct retail_sale){.order = o,
                                 .line = order->sale_count++,
                                 .sku = sold_sku(retail, row),
                                 .quantity = row->quantity,
                                 .left = row->quantity,
                                 .price_minor = row->price_minor,
                                 .older = retail->latest.items[b],
                                 .next_of_order = RETAIL_NONE};
    retail->latest.items[b] = s;
    if (order->last_sale == RETAIL_NONE)
        order->first_sale = s;
    else
        retail->sales.items[order->last_sale].next_of_order = s;
    order->last_sale = s;
    return RETAIL_GOOD;
}

/* ---- Returns ---- */

static struct str next_reference(struct retail *retail, struct str invoice)
{
    int64_t k = retail_names_find(&retail->return_invoices, invoice);
    struct text text = {.ptr = arena_alloc(&retail->texts, 40), .size = 40};

    if (k == RETAIL_NONE) {
        k = retail_names_add(&retail->return_invoices, invoice);
        *APPEND(retail->invoice_returns) = 0;
    }
    text_addf(&text, STR_FMT "/%" PRId64, STR_ARG(invoice), ++retail->invoice_returns.items[k]);
    return (struct str){text.ptr, text.len};
}

/* The refund of this order among those from first on, which one return makes. */
static struct retail_refund *refund_of(struct retail *retail, size_t first, int64_t o)
{
    struct retail_order *order = &retail->orders.items[o];
    int64_t k = order->last_refund;

    if (k != RETAIL_NONE && (size_t)k >= first)
        return &retail->refunds.items[k];
    k = (int64_t)retail->refunds.count;
    *APPEND(retail->refunds) =
        (struct retail_refund){.order = o, .first_part = RETAIL_NONE, .next_of_order = RETAIL_NONE};
    if (order->last_refund == RETAIL_NONE)
        order->first_refund = k;
    else
        retail->refunds.items[order->last_refund].next_of_order = k;
    order->last_refund = k;
    return &retail->refunds.items[k];
}

/* Needs: enough is left at this price. */
static void take(struct retail *retail, const struct retail_row *row, int64_t latest)
{
    struct str reference = next_reference(retail, row->invoice);
    size_t first = retail->refunds.count;
    int64_t wanted = -row->quantity;

    for (int64_t s = latest; wanted > 0; s = retail->sales.items[s].older) {
        struct retail_sale *sale = &retail->sales.items[s];
        int64_t pieces = sale->left < wanted ? sale->left : wanted;
        struct retail_refund *refund;

        if (sale->price_minor != row->price_minor || pieces == 0)
            continue;
        sale->left -= pieces;
        wanted -= pieces;
        refund = refund_of(retail, first, sale->order);
        refund->reference = reference;
        refund->time_ms = row->time_ms;
        *APPEND(retail->parts) =
            (struct retail_part){.sale = s, .quantity = pieces, .next = refund->first_part};
        refund->first_part = (int64_t)retail->parts.count - 1;
    }
}

static enum retail_reason give_back(struct retail *retail, const struct retail_row *row,
                                    struct str bought)
{
    int64_t b = retail_names_find(&retail->bought, bought), same = 0, all = 0, latest;

    if (row->customer.len == 0)
        return RETAIL_GUEST_RETURN;
    latest = b == RETAIL_NONE ? RETAIL_NONE : retail->latest.items[b];
    for (int64_t s = latest; s != RETAIL_NONE; s = retail->sales.items[s].older) {
        const struct retail_sale *sale = &retail->sales.items[s];

        all += sale->left;
        same += sale->price_minor == row->price_minor ? sale->left : 0;
    }
    if (same >= -row->quantity) {
        take(retail, row, latest);
        return RETAIL_GOOD;
    }
    if (latest == RETAIL_NONE)
        return RETAIL_NO_ORIGINAL;
    return all >= -row->quantity ? RETAIL_PRICE_DIFFERS : RETAIL_NOT_ENOUGH_LEFT;
}

/* ---- Rows ---- */

static enum retail_reason take_row(struct retail *retail, struct str line)
{
    struct retail_row row;
    enum retail_reason reason = retail_row_read(&retail->texts, line, &row);
    struct str bought;

    if (reason == RETAIL_GOOD)
        reason = retail_row_check(&row);
    if (reason != RETAIL_GOOD)
        return reason;
    bought = join(&retail->texts, (struct str[]){row.customer, row.country, row.code}, 3);
    reason = row.letter ? give_back(retail, &row, bought) : sell(retail, &row, bought);
    if (reason == RETAIL_GOOD && row.letter)
        retail->return_rows++;
    else if (reason == RETAIL_GOOD)
        retail->sale_rows++;
    return reason;
}

/* The next line without its end; false after the last. */
static bool next_line(struct str *rest, struct str *line)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len, skip = len + (end != NULL);

    if (rest->len == 0)
        return false;
    *line = (struct str){rest->ptr, len};
    if (len > 0 && rest->ptr[len - 1] == '\r')
        line->len--;
    *rest = (struct str){rest->ptr + skip, rest->len - skip};
    return true;
}

static void name_skus(struct retail *retail)
{
    for (size_t k = 0; k < retail->skus.count; k++)
        if (retail->skus.items[k].title.len == 0)
            retail->skus.items[k].title = retail->skus.items[k].code;
}

bool retail_read(struct retail *retail, struct str bytes, const char **why)
{
    struct str rest = bytes, line = {0};
    char digest[HASH_TEXT_LEN + 1];

    arena_init(&retail->texts, bytes.len * TEXTS_PER_BYTE + TEXTS_BYTES_LEAST);
    hash_text(digest, &bytes, 1);
    memcpy(retail->digest, digest, sizeof(retail->digest) - 1);
    if (!next_line(&rest, &line))
        line = (struct str){"", 0};
    if (str_starts(line, STR("\xef\xbb\xbf")))
        line = (struct str){line.ptr + 3, line.len - 3};
    *why = "its first line is not " HEADER;
    if (!str_is(line, HEADER))
        return false;
    while (next_line(&rest, &line)) {
        enum retail_reason reason = take_row(retail, line);

        retail->rows++;
        retail->reasons[reason]++;
        if (reason != RETAIL_GOOD)
            *APPEND(retail->bad) = (struct retail_bad){retail->rows + 1, reason};
    }
    name_skus(retail);
    return true;
}

/* ---- Files ---- */

static const char *read_all(struct retail *retail, gzFile file)
{
    size_t size = 0;
    int got, err;

    do {
        if (size - retail->len < READ_BYTES) {
            size = size ? size * 2 : (size_t)READ_BYTES * 2;
            if (size > RETAIL_BYTES_MAX * 2)
                return "it is longer than 256 MiB: split it between two invoices";
            retail->bytes = realloc(retail->bytes, size);
            assert(retail->bytes);
        }
        got = gzread(file, retail->bytes + retail->len, READ_BYTES);
        retail->len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    gzerror(file, &err);
    return err == Z_OK ? NULL : "it is damaged, or ends too early";
}

bool retail_read_file(struct retail *retail, const char *path, const char **why)
{
    size_t len = strlen(path);
    bool packed = len > 3 && strcmp(path + len - 3, ".gz") == 0;
    gzFile file = gzopen(path, "rb");

    *why = "it cannot be opened";
    if (!file)
        return false;
    *why = read_all(retail, file);
    if (!*why && packed == (gzdirect(file) != 0))
        *why = packed ? "its name ends in .gz, but it is not packed by gzip"
                      : "it is packed by gzip, but its name does not end in .gz";
    gzclose(file);
    return !*why && retail_read(retail, (struct str){retail->bytes, retail->len}, why);
}

void retail_free(struct retail *retail)
{
    retail_names_free(&retail->invoices);
    retail_names_free(&retail->codes);
    retail_names_free(&retail->bought);
    retail_names_free(&retail->return_invoices);
    free(retail->sales.items);
    free(retail->orders.items);
    free(retail->skus.items);
    free(retail->refunds.items);
    free(retail->parts.items);
    free(retail->bad.items);
    free(retail->latest.items);
    free(retail->invoice_returns.items);
    free(retail->bytes);
    arena_free(&retail->texts);
    *retail = (struct retail){0};
}
