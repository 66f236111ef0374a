/*
 * field_value.c - JSON into one member: scalars, money, ids, times.
 *
 * Texts of a request may be personal: a refusal says what they should be, never what they were.
 */
#include <string.h>

#include "kernel/json/field_priv.h"

struct limits field_limits(const struct field *field)
{
    struct limits own = {0, INT64_MAX};

    switch (field->type) {
    case FIELD_INT:
    case FIELD_DOUBLE:
        own.min = INT64_MIN;
        break;
    case FIELD_TEXT:
        own.max = FIELD_TEXT_LEN_MAX;
        break;
    case FIELD_MONEY:
        own.min = field->flags & FIELD_SIGNED ? -MONEY_MINOR_MAX : 0;
        own.max = MONEY_MINOR_MAX;
        break;
    case FIELD_LIST:
        own.max = FIELD_LIST_COUNT_MAX;
        break;
    case FIELD_MAP:
        own.max = FIELD_MAP_COUNT_MAX;
        break;
    default:
        break;
    }
    if (field->min == 0 && field->max == 0)
        return own;
    return (struct limits){field->min, field->max < field->min ? own.max : field->max};
}

int field_control_byte(struct str s, const char *allowed)
{
    for (size_t k = 0; k < s.len; k++) {
        unsigned char c = (unsigned char)s.ptr[k];

        if ((c < 0x20 || c == 0x7f) && (c == 0 || !strchr(allowed, c)))
            return c;
    }
    return -1;
}

/* ---- Numbers ---- */

static enum err refuse_number(const struct spot *spot, struct limits limits, const char *got)
{
    return spot_refuse(spot, "out_of_range",
                       "must be a whole number from %" PRId64 " to %" PRId64 ", got %s", limits.min,
                       limits.max, got);
}

static enum err decode_whole(const struct spot *spot, struct limits limits, struct json v,
                             int64_t *out)
{
    char got[24];
    struct text text = {.ptr = got, .size = sizeof(got)};

    if (json_type(v) == JSON_UINT) {
        text_addf(&text, "%" PRIu64, json_uint(v));
        return refuse_number(spot, limits, got);
    }
    if (json_type(v) != JSON_INT)
        return spot_refuse_type(spot, "a whole number", v);
    *out = json_int(v);
    if (*out >= limits.min && *out <= limits.max)
        return OK;
    text_addf(&text, "%" PRId64, *out);
    return refuse_number(spot, limits, got);
}

static enum err decode_double(const struct spot *spot, const struct field *field, struct json v,
                              double *out)
{
    struct limits limits = field_limits(field);

    if (json_type(v) < JSON_INT || json_type(v) > JSON_DOUBLE)
        return spot_refuse_type(spot, "a number", v);
    *out = json_double(v);
    if (field->min == 0 && field->max == 0)
        return OK;
    if (*out < (double)limits.min || *out > (double)limits.max)
        return spot_refuse(spot, "out_of_range",
                           "must be a number from %" PRId64 " to %" PRId64 ", got %.17g",
                           limits.min, limits.max, *out);
    return OK;
}

/* ---- Texts ---- */

enum err field_decode_text(const struct spot *spot, struct json v, int64_t len_min, int64_t len_max,
                           struct str *out)
{
    struct str s;
    int control;

    if (json_type(v) != JSON_TEXT)
        return spot_refuse_type(spot, "text", v);
    s = json_peek(v);
    if ((int64_t)s.len < len_min || (int64_t)s.len > len_max)
        return spot_refuse(spot, "out_of_range",
                           "must have %" PRId64 " to %" PRId64 " bytes of UTF-8, got %zu", len_min,
                           len_max, s.len);
    control = field_control_byte(s, "\n\t");
    if (control >= 0)
        return spot_refuse(spot, "bad_value",
                           "has the control character U+%04X: only line feed and tab are taken",
                           control);
    *out = cx_copy(spot->cx, s);
    return OK;
}

/* A currency may come with several amounts and on its own: they must agree. */
static enum err put_currency(const struct spot *spot, struct str found, struct str *out)
{
    if (out->ptr && !str_eq(*out, found))
        return spot_refuse(spot, "bad_value",
                           "differs from the currency " STR_FMT " given before: use one",
                           STR_ARG(*out));
    *out = found;
    return OK;
}

static enum err decode_text(const struct spot *spot, const struct field *field, struct json v,
                            struct str *out)
{
    struct limits limits = field_limits(field);
    struct str found = {0};

    TRY(field_decode_text(spot, v, limits.min, limits.max, &found));
    /* Names are distinct, so only a money field that shares the member can have set it. */
    return put_currency(spot, found, out);
}

static enum err decode_enum(const struct spot *spot, const struct field *field, struct json v,
                            int *out)
{
    char names[PROBLEM_DETAIL_LEN_MAX / 2];
    struct text text = {.ptr = names, .size = sizeof(names)};

    if (json_type(v) != JSON_TEXT)
        return spot_refuse_type(spot, "text", v);
    for (int k = 0; field->names[k]; k++) {
        if (str_is(json_peek(v), field->names[k])) {
            *out = k;
            return OK;
        }
        text_addf(&text, "%s%s", k ? ", " : "", field->names[k]);
    }
    return spot_refuse(spot, "bad_value", "must be one of: %.*s%s", (int)text.len, names,
                       text.cut ? " ..." : "");
}

static enum err decode_time(const struct spot *spot, const struct field *field, struct json v,
                            int64_t *out)
{
    struct limits limits = field_limits(field);
    char earliest[TIME_TEXT_LEN + 1], latest[TIME_TEXT_LEN + 1];

    if (json_type(v) != JSON_TEXT)
        return spot_refuse_type(spot, "text: a time like 2026-11-22T10:00:00Z", v);
    if (!time_parse(json_peek(v), out))
        return spot_refuse(spot, "bad_value",
                           "must be a time of the calendar with its offset, like "
                           "2026-11-22T10:00:00Z or 2026-11-22T18:00:00+08:00");
    if (*out >= limits.min && *out <= limits.max)
        return OK;
    time_format(earliest, limits.min);
    time_format(latest, limits.max);
    return spot_refuse(spot, "out_of_range", "must be a time from %s to %s", earliest, latest);
}

static enum err decode_id(const struct spot *spot, const struct field *field, struct json v,
                          int64_t *out)
{
    if (json_type(v) != JSON_TEXT)
        return spot_refuse_type(spot, "text: an id", v);
    if (!id_parse(json_peek(v), field->prefix, out))
        return spot_refuse(spot, "bad_value",
                           "must be an id: %s_ and %d characters of 0-9 A-Z without I L O U",
                           field->prefix, ID_TEXT_LEN);
    return OK;
}

/* ---- Money ---- */

static enum err decode_currency(const struct spot *spot, struct json v, struct str *out)
{
    if (json_type(v) != JSON_TEXT)
        return spot_refuse_type(spot, "text: a currency like CNY", v);
    if (!currency_ok(json_peek(v)))
        return spot_refuse(spot, "bad_value",
                           "must be an ISO 4217 code of three capital letters, like CNY");
    return put_currency(spot, json_text(spot->cx, v), out);
}

static enum err decode_money(const struct spot *spot, const struct field *field, struct json v,
                             char *base)
{
    struct spot amount = spot_member(spot, STR("amount"));
    struct spot currency = spot_member(spot, STR("currency"));
    bool has_amount = false, has_currency = false;

    if (json_type(v) != JSON_OBJECT)
        return spot_refuse_type(spot, "an object: {\"amount\":1990,\"currency\":\"CNY\"}", v);
    for (struct json_iter it = json_iter(v); json_next(&it);) {
        struct spot unknown = spot_member(spot, it.key);

        if (str_eq(it.key, amount.name)) {
            TRY(decode_whole(&amount, field_limits(field), it.value,
                             (int64_t *)(base + field->offset)));
            has_amount = true;
        } else if (str_eq(it.key, currency.name)) {
            TRY(decode_currency(&currency, it.value,
                                (struct str *)(base + field->currency_offset)));
            has_currency = true;
        } else if (spot->mode == FIELD_STRICT) {
            return spot_refuse(&unknown, "unknown_field",
                               "is not known here: money has amount and currency");
        }
    }
    if (!has_amount)
        return spot_refuse(&amount, "required", "is missing: add it, in minor units");
    if (!has_currency)
        return spot_refuse(&currency, "required", "is missing: add it, like CNY");
    return OK;
}

static enum err decode_json(const struct spot *spot, const struct field *field, struct json v,
                            struct str *out)
{
    struct limits limits = field_limits(field);

    *out = json_minified(spot->cx, v);
    if ((int64_t)out->len >= limits.min && (int64_t)out->len <= limits.max)
        return OK;
    return spot_refuse(spot, "out_of_range",
                       "must have %" PRId64 " to %" PRId64 " bytes as compact JSON, got %zu",
                       limits.min, limits.max, out->len);
}

enum err field_decode_scalar(const struct spot *spot, const struct field *field, struct json v,
                             char *base)
{
    char *at = base + field->offset;

    switch (field->type) {
    case FIELD_BOOL:
        if (json_type(v) != JSON_BOOL)
            return spot_refuse_type(spot, "true or false", v);
        *(bool *)at = json_bool(v);
        return OK;
    case FIELD_INT:
        return decode_whole(spot, field_limits(field), v, (int64_t *)at);
    case FIELD_DOUBLE:
        return decode_double(spot, field, v, (double *)at);
    case FIELD_TEXT:
        return decode_text(spot, field, v, (struct str *)at);
    case FIELD_ENUM:
        return decode_enum(spot, field, v, (int *)at);
    case FIELD_TIME:
        return decode_time(spot, field, v, (int64_t *)at);
    case FIELD_ID:
        return decode_id(spot, field, v, (int64_t *)at);
    case FIELD_MONEY:
        return decode_money(spot, field, v, base);
    default:
        assert(field->type == FIELD_JSON);
        return decode_json(spot, field, v, (struct str *)at);
    }
}
