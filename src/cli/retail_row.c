/*
 * retail_row.c - one row of the file: its form, its goods, its trade.
 */
#include <string.h>

#include "cli/retail.h"
#include "kernel/json/field.h"

enum { FIELDS = 8, FRACTION_DIGITS_MAX = 9, PENCE_DIGITS = 2 };
enum { INVOICE, CODE, DESCRIPTION, QUANTITY, DATE, PRICE, CUSTOMER, COUNTRY };

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str trim(struct str s)
{
    while (s.len > 0 && s.ptr[0] == ' ')
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len > 0 && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

/* ---- Fields ---- */

static bool plain_text(struct str line)
{
    for (size_t k = 0; k < line.len; k++)
        if ((unsigned char)line.ptr[k] < 0x20 || line.ptr[k] == 0x7f)
            return false;
    return line.len <= RETAIL_LINE_LEN_MAX && str_utf8(line);
}

/* Cut a quoted field off *rest, whose first byte is the quote. */
static bool cut_quoted(struct arena *texts, struct str *rest, struct str *out)
{
    char *text = arena_alloc(texts, rest->len);
    size_t at = 1, len = 0;

    for (; at < rest->len; at++) {
        if (rest->ptr[at] == '"') {
            if (at + 1 == rest->len || rest->ptr[at + 1] != '"')
                break;
            at++; /* Two are one. */
        }
        text[len++] = rest->ptr[at];
    }
    if (at == rest->len)
        return false;
    at++;
    *out = (struct str){text, len};
    *rest = (struct str){rest->ptr + at, rest->len - at};
    return rest->len == 0 || rest->ptr[0] == ',';
}

static bool cut_plain(struct str *rest, struct str *out)
{
    size_t len = 0;

    while (len < rest->len && rest->ptr[len] != ',')
        if (rest->ptr[len++] == '"')
            return false;
    *out = (struct str){rest->ptr, len};
    *rest = (struct str){rest->ptr + len, rest->len - len};
    return true;
}

static bool split(struct arena *texts, struct str line, struct str fields[FIELDS])
{
    for (int k = 0; k < FIELDS; k++) {
        bool quoted = line.len > 0 && line.ptr[0] == '"';

        if (!(quoted ? cut_quoted(texts, &line, &fields[k]) : cut_plain(&line, &fields[k])))
            return false;
        fields[k] = trim(fields[k]);
        if (k == FIELDS - 1)
            return line.len == 0;
        if (line.len == 0)
            return false;
        line = (struct str){line.ptr + 1, line.len - 1}; /* The comma. */
    }
    return false;
}

/* ---- Forms ---- */

static struct str upper(struct arena *texts, struct str s)
{
    char *text = NULL;

    for (size_t k = 0; k < s.len; k++) {
        if (s.ptr[k] < 'a' || s.ptr[k] > 'z')
            continue;
        if (!text) {
            text = arena_alloc(texts, s.len);
            memcpy(text, s.ptr, s.len);
        }
        text[k] = (char)(s.ptr[k] - 'a' + 'A');
    }
    return text ? (struct str){text, s.len} : s;
}

static size_t digits_at(struct str s, size_t at)
{
    size_t count = 0;

    while (at + count < s.len && digit(s.ptr[at + count]))
        count++;
    return count;
}

/* Nothing, or a point and at least one zero. */
static bool zero_fraction(struct str s, size_t at)
{
    if (at == s.len)
        return true;
    if (s.ptr[at++] != '.' || at == s.len)
        return false;
    while (at < s.len && s.ptr[at] == '0')
        at++;
    return at == s.len;
}

static bool read_invoice(struct str s, struct retail_row *row)
{
    size_t letter = s.len > 0 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z', count = digits_at(s, letter);

    row->letter = letter ? s.ptr[0] : '\0';
    row->invoice = s;
    return count >= 1 && count <= RETAIL_DIGITS_MAX && letter + count == s.len;
}

static bool read_code(struct str s, struct retail_row *row)
{
    for (size_t k = 0; k < s.len; k++)
        if (s.ptr[k] < 0x20 || s.ptr[k] > 0x7e)
            return false;
    row->code = s;
    return s.len >= 1 && s.len <= RETAIL_CODE_LEN_MAX;
}

static bool read_customer(struct str s, struct retail_row *row)
{
    size_t count = digits_at(s, 0), zeros = 0;

    row->customer = (struct str){"", 0};
    if (s.len == 0)
        return true;
    if (count < 1 || count > RETAIL_DIGITS_MAX || !zero_fraction(s, count))
        return false;
    while (zeros + 1 < count && s.ptr[zeros] == '0')
        zeros++;
    row->customer = (struct str){s.ptr + zeros, count - zeros};
    return true;
}

/* time_parse knows the calendar; the form is checked here. */
static bool read_date(struct str s, struct retail_row *row)
{
    static const char form[] = "dddd-dd-dd dd:dd:dd";
    char text[sizeof(form) + 1];

    if (s.len != sizeof(form) - 1)
        return false;
    for (size_t k = 0; k < s.len; k++)
        if (form[k] == 'd' ? !digit(s.ptr[k]) : s.ptr[k] != form[k])
            return false;
    if (s.ptr[17] > '5') /* No leap seconds. */
        return false;
    memcpy(text, s.ptr, s.len);
    text[10] = 'T';
    text[s.len] = 'Z';
    row->date = s;
    return time_parse((struct str){text, s.len + 1}, &row->time_ms);
}

static bool read_form(struct arena *texts, const struct str fields[FIELDS], struct retail_row *row)
{
    row->description = fields[DESCRIPTION];
    row->country = fields[COUNTRY];
    return read_invoice(upper(texts, fields[INVOICE]), row) &&
           read_code(upper(texts, fields[CODE]), row) &&
           row->description.len <= RETAIL_DESCRIPTION_LEN_MAX && read_date(fields[DATE], row) &&
           read_customer(fields[CUSTOMER], row) && row->country.len >= 1 &&
           row->country.len <= RETAIL_COUNTRY_LEN_MAX;
}

static int64_t number_of(struct str s, size_t at, size_t count)
{
    int64_t n = 0;

    for (size_t k = 0; k < count; k++)
        n = n * 10 + (s.ptr[at + k] - '0');
    return n;
}

static bool read_quantity(struct str s, struct retail_row *row)
{
    size_t minus = s.len > 0 && s.ptr[0] == '-', count = digits_at(s, minus);

    if (count < 1 || count > 9 || !zero_fraction(s, minus + count))
        return false;
    row->quantity = number_of(s, minus, count);
    if (row->quantity < 1 || row->quantity > RETAIL_QUANTITY_MAX)
        return false;
    row->quantity = minus ? -row->quantity : row->quantity;
    return true;
}

static bool read_price(struct str s, struct retail_row *row)
{
    size_t minus = s.len > 0 && s.ptr[0] == '-', count = digits_at(s, minus);
    size_t point = minus + count, fraction = 0;
    int64_t rest;

    if (count < 1 || count > 7)
        return false;
    if (point < s.len) {
        fraction = digits_at(s, point + 1);
        if (s.ptr[point] != '.' || fraction < 1 || fraction > FRACTION_DIGITS_MAX ||
            point + 1 + fraction != s.len)
            return false;
    }
    row->price_minor = number_of(s, minus, count);
    for (size_t k = 0; k < PENCE_DIGITS; k++)
        row->price_minor = row->price_minor * 10 + (k < fraction ? s.ptr[point + 1 + k] - '0' : 0);
    rest = fraction > PENCE_DIGITS ? number_of(s, point + 1 + PENCE_DIGITS, fraction - PENCE_DIGITS)
                                   : 0;
    row->price_whole = rest == 0;
    row->price_sign = row->price_minor == 0 && rest == 0 ? 0 : minus ? -1 : 1;
    return true;
}

enum retail_reason retail_row_read(struct arena *texts, struct str line, struct retail_row *out)
{
    struct str fields[FIELDS];

    *out = (struct retail_row){0};
    if (!plain_text(line) || !split(texts, line, fields) || !read_form(texts, fields, out))
        return RETAIL_MALFORMED;
    if (!read_quantity(fields[QUANTITY], out))
        return RETAIL_BAD_QUANTITY;
    return read_price(fields[PRICE], out) ? RETAIL_GOOD : RETAIL_BAD_PRICE;
}

/* ---- Goods and trade ---- */

static const struct {
    const char *code;
    enum retail_reason reason;
} no_goods[] = {
    {"POST", RETAIL_POSTAGE},  {"DOT", RETAIL_POSTAGE},   {"C2", RETAIL_POSTAGE},
    {"23444", RETAIL_POSTAGE}, {"23574", RETAIL_POSTAGE}, {"BANK CHARGES", RETAIL_FEE},
    {"AMAZONFEE", RETAIL_FEE}, {"CRUK", RETAIL_FEE},      {"D", RETAIL_DISCOUNT},
    {"M", RETAIL_MANUAL},      {"S", RETAIL_SAMPLE},      {"B", RETAIL_BAD_DEBT},
};

static enum retail_reason check_goods(struct str code)
{
    for (size_t k = 0; k < sizeof(no_goods) / sizeof(no_goods[0]); k++)
        if (str_is(code, no_goods[k].code))
            return no_goods[k].reason;
    if (str_starts(code, STR("GIFT_")))
        return RETAIL_VOUCHER;
    if (digits_at(code, 0) >= 5 || str_starts(code, STR("DCGS")) || str_is(code, "PADS"))
        return RETAIL_GOOD;
    return RETAIL_UNKNOWN_CODE;
}

enum retail_reason retail_row_check(const struct retail_row *row)
{
    enum retail_reason goods = check_goods(row->code);

    if (goods != RETAIL_GOOD)
        return goods;
    if (row->letter && row->letter != 'C')
        return RETAIL_UNKNOWN_INVOICE;
    if (!row->letter && row->quantity < 0)
        return RETAIL_WRITE_OFF;
    if (row->letter && row->quantity > 0)
        return RETAIL_POSITIVE_RETURN;
    if (row->price_sign <= 0)
        return row->price_sign < 0 ? RETAIL_NEGATIVE_PRICE : RETAIL_NO_PRICE;
    return row->price_whole ? RETAIL_GOOD : RETAIL_PRICE_NOT_PENCE;
}
