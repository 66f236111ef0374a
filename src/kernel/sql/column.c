/*
 * column.c - the SQL side of a field table.
 */
#include <math.h>
#include <string.h>

#include "kernel/sql/driver.h"

enum { TEXT_BYTES_MAX = 64 << 20 }; /* Far above any request, far below what the databases take. */

static bool is_column(const struct field *field, enum column_kind *kind)
{
    if (field->flags & FIELD_JSON_ONLY)
        return false;
    switch (field->type) {
    case FIELD_INT:
    case FIELD_TIME:
    case FIELD_ID:
    case FIELD_MONEY:
        *kind = COLUMN_INT;
        return true;
    case FIELD_TEXT:
    case FIELD_JSON:
        *kind = COLUMN_TEXT;
        return true;
    case FIELD_BOOL:
        *kind = COLUMN_BOOL;
        return true;
    case FIELD_ENUM:
        *kind = COLUMN_ENUM;
        return true;
    case FIELD_DOUBLE:
        *kind = COLUMN_DOUBLE;
        return true;
    case FIELD_OBJECT:
    case FIELD_LIST:
    case FIELD_MAP:
    case FIELD_END:
        break;
    }
    return false;
}

void columns_of(struct columns *columns, const struct field *fields)
{
    enum column_kind kind;

    columns->count = 0;
    for (const struct field *field = fields; field->name; field++) {
        if (!is_column(field, &kind))
            continue;
        assert(columns->count < SQL_COLUMNS_MAX);
        struct column *column = &columns->items[columns->count++];

        *column = (struct column){.field = field, .kind = kind, .offset = field->offset};
        while (kind == COLUMN_ENUM && field->names[column->name_count])
            column->name_count++;
    }
}

const char *column_name(const struct column *column)
{
    return column->field->column ? column->field->column : column->field->name;
}

enum err columns_check(struct cx *cx, const struct columns *columns, int count, const char *sql)
{
    if (columns->count == count)
        return OK;
    return fail(cx, ERR_STORAGE, "column_count",
                "%d columns come back for %d fields: make the two agree in: %.200s", count,
                columns->count, sql);
}

/* ---- From a row ---- */

static const void *in(const struct column *column, const void *row)
{
    return (const char *)row + column->offset;
}

static void *at(const struct column *column, void *row)
{
    return (char *)row + column->offset;
}

int64_t column_int(const struct column *column, const void *row)
{
    return column->kind == COLUMN_BOOL ? *(const bool *)in(column, row)
                                       : *(const int64_t *)in(column, row);
}

enum err column_double(struct cx *cx, const struct column *column, const void *row, double *out)
{
    *out = *(const double *)in(column, row);
    if (isfinite(*out))
        return OK;
    return fail(cx, ERR_STORAGE, "not_finite", "%s is no finite number", column_name(column));
}

enum err column_text(struct cx *cx, const struct column *column, const void *row, struct str *out)
{
    if (column->kind == COLUMN_ENUM) {
        int value = *(const int *)in(column, row);

        if (value < 0 || value >= column->name_count)
            return fail(cx, ERR_STORAGE, "enum_value", "%s is %d: it has %d values",
                        column_name(column), value, column->name_count);
        *out = str_of(column->field->names[value]);
        return OK;
    }
    *out = *(const struct str *)in(column, row);
    return text_check(cx, *out);
}

/* ---- Into a row ---- */

void column_set_null(const struct column *column, void *row)
{
    const struct field *field = column->field;

    switch (column->kind) {
    case COLUMN_INT:
        *(int64_t *)at(column, row) = field->type == FIELD_INT ? field->fallback : 0;
        break;
    case COLUMN_BOOL:
        *(bool *)at(column, row) = field->fallback != 0;
        break;
    case COLUMN_ENUM:
        *(int *)at(column, row) = (int)field->fallback;
        break;
    case COLUMN_DOUBLE:
        *(double *)at(column, row) = (double)field->fallback;
        break;
    case COLUMN_TEXT:
        *(struct str *)at(column, row) = (struct str){0};
        break;
    }
}

enum err column_mismatch(struct cx *cx, const struct column *column, const char *has)
{
    static const char *const wants[] = {"integers", "text", "0 or 1", "text", "numbers"};

    return fail(cx, ERR_STORAGE, "column_type", "column %s takes %s and got %s: cast it in the SQL",
                column_name(column), wants[column->kind], has);
}

enum err column_set_int(struct cx *cx, const struct column *column, void *row, int64_t value)
{
    if (column->kind == COLUMN_INT)
        *(int64_t *)at(column, row) = value;
    else if (column->kind == COLUMN_BOOL && (value == 0 || value == 1))
        *(bool *)at(column, row) = value == 1;
    else if (column->kind == COLUMN_DOUBLE)
        *(double *)at(column, row) = (double)value;
    else
        return column_mismatch(cx, column, "an integer");
    return OK;
}

enum err column_set_double(struct cx *cx, const struct column *column, void *row, double value)
{
    if (column->kind != COLUMN_DOUBLE)
        return column_mismatch(cx, column, "a floating point number");
    *(double *)at(column, row) = value;
    return OK;
}

static enum err set_enum(struct cx *cx, const struct column *column, void *row, struct str text)
{
    enum { SHOWN = 40 };

    for (int k = 0; k < column->name_count; k++) {
        if (str_is(text, column->field->names[k])) {
            *(int *)at(column, row) = k;
            return OK;
        }
    }
    return fail(cx, ERR_STORAGE, "enum_value",
                "column %s holds a value that this version does not know: \"%.*s\"",
                column_name(column), text.len > SHOWN ? SHOWN : (int)text.len, text.ptr);
}

enum err column_set_text(struct cx *cx, const struct column *column, void *row, struct str text)
{
    if (column->kind == COLUMN_ENUM)
        return set_enum(cx, column, row, text);
    if (column->kind != COLUMN_TEXT)
        return column_mismatch(cx, column, "text");
    *(struct str *)at(column, row) = cx_copy(cx, text);
    return OK;
}

/* ---- Text ---- */

/* Eight bytes of plain ASCII without a zero byte? */
static bool plain(const char *eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t word;

    memcpy(&word, eight, sizeof(word));
    return ((word | (word - ones)) & tops) == 0;
}

enum err text_check(struct cx *cx, struct str text)
{
    size_t k = 0;

    if (text.len > TEXT_BYTES_MAX)
        return fail(cx, ERR_TOO_LARGE, "text_too_large", "a text of %zu bytes, at most %d are kept",
                    text.len, TEXT_BYTES_MAX);
    while (k + 8 <= text.len && plain(text.ptr + k))
        k += 8;
    text = (struct str){text.ptr + k, text.len - k};
    if (text.len == 0 || (!memchr(text.ptr, '\0', text.len) && str_utf8(text)))
        return OK;
    return fail(cx, ERR_BAD_INPUT, "bad_text",
                "a text holds a zero byte or is not UTF-8: send text without them");
}
