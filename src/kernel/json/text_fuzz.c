/*
 * text_fuzz.c - any text as a number, an id, a time or an amount of money, and any number as one of
 * the first three.
 *
 * Checked: what is read and written again is the text it was (a time: the same instant), and what
 * is written reads as what it was.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernel/base/id.h"
#include "kernel/json/field.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 16 << 20 };

static void check_number(struct str text)
{
    char written[32];
    int64_t n;

    if (!str_int(text, &n))
        return;
    snprintf(written, sizeof(written), "%" PRId64, n);
    /* Zeros in front and the sign of zero are forgotten. */
    while (text.len > 1 && (text.ptr[0] == '0' || text.ptr[0] == '-'))
        text = (struct str){text.ptr + 1, text.len - 1};
    must(str_eq(text, str_of(written + (written[0] == '-'))), "a number is its digits");
}

static void check_id(struct str text)
{
    char written[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];
    int64_t id;

    if (!id_parse(text, "ord", &id))
        return;
    must(id > 0, "an id is positive");
    must(id_time_ms(id) >= ID_EPOCH_MS, "an id has a time");
    id_format(written, "ord", id);
    must(str_eq(text, str_of(written)), "an id has one text");
}

static void check_time(struct str text)
{
    char written[TIME_TEXT_LEN + 1];
    int64_t ms, again;

    if (!time_parse(text, &ms))
        return;
    time_format(written, ms);
    must(strlen(written) == TIME_TEXT_LEN, "a time has 24 letters");
    must(time_parse(str_of(written), &again) && again == ms, "a time is its instant");
    if (text.len == TIME_TEXT_LEN && text.ptr[10] == 'T' && text.ptr[TIME_TEXT_LEN - 1] == 'Z')
        must(str_eq(text, str_of(written)), "in our own form it has one text");
}

struct priced {
    int64_t minor;
    struct str currency;
};
static const struct field priced_fields[] = {
    F_MONEY(priced, minor, currency, "price", .flags = FIELD_REQUIRED | FIELD_SIGNED), F_END};

static void check_money(struct cx *cx, struct str text)
{
    struct priced priced, again;
    struct str written;

    if (field_read(cx, priced_fields, FIELD_STRICT, text, &priced, sizeof(priced)) != OK)
        return;
    must(priced.minor >= -MONEY_MINOR_MAX && priced.minor <= MONEY_MINOR_MAX, "a limit");
    must(currency_ok(priced.currency), "a currency");
    written = field_json(cx, priced_fields, &priced);
    must(field_read(cx, priced_fields, FIELD_STRICT, written, &again, sizeof(again)) == OK &&
             again.minor == priced.minor && str_eq(again.currency, priced.currency),
         "an amount is what is written of it");
    must(str_eq(written, field_json(cx, priced_fields, &again)), "an amount has one text");
}

/* ---- The other way ---- */

static void check_written(int64_t n)
{
    char written[32], id_text[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1], at[TIME_TEXT_LEN + 1];
    int64_t again = 0, id = n & INT64_MAX;
    struct str s = {id_text, 0};

    snprintf(written, sizeof(written), "%" PRId64, n);
    must(str_int(str_of(written), &again) && again == n, "a number reads as what it was");
    s.len = id_format(id_text, "ord", id);
    must(id_parse(s, "ord", &again) == (id > 0) && (id == 0 || again == id), "so does an id");
    must(!id_parse(s, "or", &again) && !id_parse(s, "orde", &again), "of no other kind");
    time_format(at, n);
    must(time_parse(str_of(at), &again), "a time is read");
    must(n < 0 ? again == 0 : again <= n, "the nearest that has a text");
    must(n < 0 || again == n || again == INT64_C(253402300799999), "or itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    struct cx cx;
    int64_t n;

    check_number(text);
    check_id(text);
    check_time(text);
    cx_open(&cx, env_system(), BUDGET_BYTES);
    check_money(&cx, text);
    cx_close(&cx);
    if (size >= sizeof(n)) {
        memcpy(&n, data, sizeof(n));
        check_written(n);
    }
    return 0;
}
