/*
 * query.c - query strings and percent-encoding.
 */
#include "kernel/http/query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/http/router.h"
#include "kernel/json/field_priv.h"

bool query_takes(const struct field *field)
{
    switch (field->type) {
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_DOUBLE:
    case FIELD_TEXT:
    case FIELD_ENUM:
    case FIELD_TIME:
    case FIELD_ID:
        return true;
    default:
        return false;
    }
}

/* ---- Percent-encoding ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum err unescape(struct cx *cx, struct str in, bool plus_is_space, struct str *out)
{
    char *to = cx_alloc(cx, in.len);
    size_t len = 0;

    for (size_t k = 0; k < in.len; k++) {
        char c = in.ptr[k];

        if (c == '+' && plus_is_space)
            c = ' ';
        if (c == '%') {
            int high = k + 2 < in.len ? hex_digit(in.ptr[k + 1]) : -1;
            int low = k + 2 < in.len ? hex_digit(in.ptr[k + 2]) : -1;

            if (high < 0 || low < 0)
                return fail(cx, ERR_BAD_INPUT, "bad_encoding",
                            "a %% must be followed by two hexadecimal digits; write %%25 for a "
                            "per cent sign");
            c = (char)(high * 16 + low);
            k += 2;
        }
        to[len++] = c;
    }
    *out = (struct str){to, len};
    return OK;
}

enum err percent_decode(struct cx *cx, struct str in, bool plus_is_space, struct str *out)
{
    *out = STR("");
    if (in.len == 0)
        return OK;
    TRY(unescape(cx, in, plus_is_space, out));
    if (!str_utf8(*out))
        return fail(cx, ERR_BAD_INPUT, "bad_encoding", "the text is not valid UTF-8 once decoded");
    for (size_t k = 0; k < out->len; k++) {
        unsigned char c = (unsigned char)out->ptr[k];

        if (c < 0x20 || c == 0x7f)
            return fail(cx, ERR_BAD_INPUT, "bad_encoding",
                        "control characters have no place in a path or query");
    }
    return OK;
}

/* ---- Query strings ---- */

struct query {
    struct cx *cx;
    const struct field *field;
    char pointer[PROBLEM_POINTER_LEN_MAX]; /* "?name" */
    struct str value;
    void *at; /* Where the value goes. */
};

static enum err wrong_type(struct query *query, const char *wanted)
{
    return fail_at(query->cx, ERR_BAD_INPUT, "wrong_type", query->pointer, "must be %s", wanted);
}

static enum err out_of_range(struct query *query, struct limits limits)
{
    return fail_at(query->cx, ERR_BAD_INPUT, "out_of_range", query->pointer,
                   "must be %" PRId64 " to %" PRId64, limits.min, limits.max);
}

static enum err put_bool(struct query *query)
{
    bool yes = str_is(query->value, "true");

    if (!yes && !str_is(query->value, "false"))
        return wrong_type(query, "true or false");
    *(bool *)query->at = yes;
    return OK;
}

static enum err put_int(struct query *query)
{
    struct limits limits = field_limits(query->field);
    int64_t n = 0;

    if (!str_int(query->value, &n))
        return wrong_type(query, "a whole number");
    if (n < limits.min || n > limits.max)
        return out_of_range(query, limits);
    *(int64_t *)query->at = n;
    return OK;
}

/* The grammar of a JSON number: strtod would also take "inf", "0x1p3" and leading spaces. */
static bool is_number(struct str s)
{
    size_t k = s.len > 0 && s.ptr[0] == '-', digits = 0;

    for (; k < s.len && s.ptr[k] >= '0' && s.ptr[k] <= '9'; k++)
        digits++;
    if (digits > 0 && k + 1 < s.len && s.ptr[k] == '.') {
        for (digits = 0, k++; k < s.len && s.ptr[k] >= '0' && s.ptr[k] <= '9'; k++)
            digits++;
    }
    if (digits > 0 && k + 1 < s.len && (s.ptr[k] == 'e' || s.ptr[k] == 'E')) {
        k += s.ptr[k + 1] == '-' || s.ptr[k + 1] == '+' ? 2 : 1;
        for (digits = 0; k < s.len && s.ptr[k] >= '0' && s.ptr[k] <= '9'; k++)
            digits++;
    }
    return digits > 0 && k == s.len;
}

static enum err put_double(struct query *query)
{
    struct limits limits = field_limits(query->field);
    bool limited = query->field->min != 0 || query->field->max != 0;
    char text[64];
    double d;

    if (!is_number(query->value) || query->value.len >= sizeof(text))
        return wrong_type(query, "a number");
    memcpy(text, query->value.ptr, query->value.len);
    text[query->value.len] = '\0';
    d = strtod(text, NULL);
    if (!isfinite(d) || (limited && (d < (double)limits.min || d > (double)limits.max)))
        return out_of_range(query, limits);
    *(double *)query->at = d;
    return OK;
}

static enum err put_text(struct query *query)
{
    struct limits limits = field_limits(query->field);
    int64_t len = (int64_t)query->value.len;

    if (len < limits.min || len > limits.max)
        return fail_at(query->cx, ERR_BAD_INPUT, "out_of_range", query->pointer,
                       "must be %" PRId64 " to %" PRId64 " bytes of UTF-8", limits.min, limits.max);
    *(struct str *)query->at = query->value;
    return OK;
}

static enum err put_enum(struct query *query)
{
    char names[200] = "";
    struct text text = {.ptr = names, .size = sizeof(names)};

    for (int k = 0; query->field->names[k]; k++) {
        if (str_is(query->value, query->field->names[k])) {
            *(int *)query->at = k;
            return OK;
        }
        text_addf(&text, "%s%s", k ? ", " : "", query->field->names[k]);
    }
    return fail_at(query->cx, ERR_BAD_INPUT, "bad_value", query->pointer, "must be one of %.*s",
                   (int)text.len, names);
}

static enum err put_time(struct query *query)
{
    struct limits limits = field_limits(query->field);
    char earliest[TIME_TEXT_LEN + 1], latest[TIME_TEXT_LEN + 1];
    int64_t *at = query->at;

    if (!time_parse(query->value, at))
        return fail_at(query->cx, ERR_BAD_INPUT, "bad_value", query->pointer,
                       "must be a time like 2026-11-22T10:00:00Z");
    if (*at >= limits.min && *at <= limits.max)
        return OK;
    time_format(earliest, limits.min);
    time_format(latest, limits.max);
    return fail_at(query->cx, ERR_BAD_INPUT, "out_of_range", query->pointer,
                   "must be a time from %s to %s", earliest, latest);
}

static enum err put_id(struct query *query)
{
    if (!id_parse(query->value, query->field->prefix, query->at))
        return fail_at(query->cx, ERR_BAD_INPUT, "bad_value", query->pointer,
                       "must be an id: %s_ and %d base32 digits", query->field->prefix,
                       ID_TEXT_LEN);
    return OK;
}

static enum err put_value(struct query *query)
{
    switch (query->field->type) {
    case FIELD_BOOL:
        return put_bool(query);
    case FIELD_INT:
        return put_int(query);
    case FIELD_DOUBLE:
        return put_double(query);
    case FIELD_TEXT:
        return put_text(query);
    case FIELD_ENUM:
        return put_enum(query);
    case FIELD_TIME:
        return put_time(query);
    default:
        assert(query->field->type == FIELD_ID);
        return put_id(query);
    }
}

static void put_fallback(const struct field *field, void *out)
{
    void *at = (char *)out + field->offset;

    if (field->type == FIELD_BOOL)
        *(bool *)at = field->fallback != 0;
    else if (field->type == FIELD_INT)
        *(int64_t *)at = field->fallback;
    else if (field->type == FIELD_DOUBLE)
        *(double *)at = (double)field->fallback;
    else if (field->type == FIELD_ENUM)
        *(int *)at = (int)field->fallback;
}

static const struct field *find_field(const struct field *fields, struct str name)
{
    for (; fields->type != FIELD_END; fields++) {
        if (!(fields->flags & (FIELD_SQL_ONLY | FIELD_OUT_ONLY)) && str_is(name, fields->name))
            return fields;
    }
    return NULL;
}

/* One "name=value". */
static enum err put_piece(struct cx *cx, const struct field *fields, struct str piece, void *out,
                          uint64_t *seen)
{
    const char *equals = memchr(piece.ptr, '=', piece.len);
    struct query query = {.cx = cx};
    struct str name = piece, value = STR("");
    uint64_t bit;

    if (equals) {
        name.len = (size_t)(equals - piece.ptr);
        value = (struct str){equals + 1, piece.len - name.len - 1};
    }
    TRY(percent_decode(cx, name, true, &name));
    snprintf(query.pointer, sizeof(query.pointer), "?" STR_FMT,
             (int)(name.len < 100 ? name.len : 100), name.ptr);
    query.field = find_field(fields, name);
    if (!query.field)
        return fail_at(cx, ERR_BAD_INPUT, "unknown_field", query.pointer,
                       "this route knows no such query parameter: leave it out");
    bit = UINT64_C(1) << (query.field - fields);
    if (*seen & bit)
        return fail_at(cx, ERR_BAD_INPUT, "duplicate_field", query.pointer,
                       "is given twice: give it once");
    *seen |= bit;
    query.at = (char *)out + query.field->offset;
    if (percent_decode(cx, value, true, &query.value) != OK) {
        fail_clear(cx);
        return fail_at(cx, ERR_BAD_INPUT, "bad_encoding", query.pointer,
                       "must be percent-encoded UTF-8 without control characters");
    }
    return put_value(&query);
}

enum err query_decode(struct cx *cx, const struct field *fields, struct str query, void *out,
                      size_t size)
{
    struct str piece;
    uint64_t seen = 0;

    memset(out, 0, size);
    for (const struct field *field = fields; field->type != FIELD_END; field++) {
        assert(query_takes(field));
        assert(field - fields < QUERY_FIELDS_MAX);
        put_fallback(field, out);
    }
    while (str_cut(&query, '&', &piece)) {
        if (piece.len > 0)
            TRY(put_piece(cx, fields, piece, out, &seen));
    }
    for (const struct field *field = fields; field->type != FIELD_END; field++) {
        char pointer[PROBLEM_POINTER_LEN_MAX];

        if (!(field->flags & FIELD_REQUIRED) || seen & UINT64_C(1) << (field - fields))
            continue;
        snprintf(pointer, sizeof(pointer), "?%s", field->name);
        return fail_at(cx, ERR_BAD_INPUT, "required", pointer, "must be given");
    }
    return OK;
}
