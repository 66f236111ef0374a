/*
 * catalog_csv.c - a CSV file, row by row.
 */
#include "modules/catalog/catalog_priv.h"

static void skip(struct str *s, size_t len)
{
    s->ptr += len;
    s->len -= len;
}

static bool at_field_end(struct str rest)
{
    return rest.len == 0 || *rest.ptr == ',' || *rest.ptr == '\n' || *rest.ptr == '\r';
}

/* ---- Fields ---- */

static struct str undoubled(struct cx *cx, struct str s, size_t doubled)
{
    char *out = cx_alloc(cx, s.len - doubled);
    size_t len = 0;

    for (size_t k = 0; k < s.len; k++) {
        out[len++] = s.ptr[k];
        k += s.ptr[k] == '"';
    }
    return (struct str){out, len};
}

/* rest begins with a quote. */
static enum err quoted_field(struct cx *cx, struct csv *csv, struct str *out)
{
    struct str text = {csv->rest.ptr + 1, csv->rest.len - 1};
    size_t len = 0, doubled = 0;

    for (; len < text.len; len++) {
        if (text.ptr[len] == '"') {
            if (len + 1 == text.len || text.ptr[len + 1] != '"')
                break;
            doubled++;
            len++;
        }
        csv->line += text.ptr[len] == '\n';
    }
    if (len == text.len) {
        skip(&csv->rest, csv->rest.len);
        return fail(cx, ERR_BAD_INPUT, "bad_csv", "a quote of this row is never closed");
    }
    skip(&csv->rest, len + 2);
    if (!at_field_end(csv->rest))
        return fail(cx, ERR_BAD_INPUT, "bad_csv",
                    "text stands behind a closing quote: double the quotes inside a quoted field");
    text.len = len;
    *out = doubled ? undoubled(cx, text, doubled) : text;
    return OK;
}

static enum err field(struct cx *cx, struct csv *csv, struct str *out)
{
    if (csv->rest.len > 0 && *csv->rest.ptr == '"') {
        TRY(quoted_field(cx, csv, out));
    } else {
        *out = (struct str){csv->rest.ptr, 0};
        for (; !at_field_end(csv->rest); skip(&csv->rest, 1))
            out->len++;
    }
    *out = str_trim(*out);
    if (!str_utf8(*out))
        return fail(cx, ERR_BAD_INPUT, "bad_utf8", "this is not UTF-8: save the file as UTF-8");
    return OK;
}

/* ---- Rows ---- */

/* The end of a row: CR LF, or either alone. */
static void end_row(struct csv *csv)
{
    if (csv->rest.len == 0)
        return;
    if (csv->rest.len > 1 && csv->rest.ptr[0] == '\r' && csv->rest.ptr[1] == '\n')
        skip(&csv->rest, 1);
    skip(&csv->rest, 1);
    csv->line++;
}

static void skip_row(struct csv *csv)
{
    while (csv->rest.len > 0 && *csv->rest.ptr != '\n' && *csv->rest.ptr != '\r')
        skip(&csv->rest, 1);
    end_row(csv);
}

static enum err read_row(struct cx *cx, struct csv *csv, struct csv_row *row)
{
    for (row->count = 0;;) {
        struct str value;
        enum err err = field(cx, csv, &value);

        if (err != OK) {
            skip_row(csv);
            return err;
        }
        if (row->count < CSV_COLUMNS_MAX)
            row->fields[row->count] = value;
        row->count++;
        if (csv->rest.len == 0 || *csv->rest.ptr != ',')
            break;
        skip(&csv->rest, 1);
    }
    end_row(csv);
    return OK;
}

bool csv_next(struct cx *cx, struct csv *csv, struct csv_row *row, enum err *err)
{
    while (csv->rest.len > 0) {
        row->line = csv->line;
        *err = read_row(cx, csv, row);
        if (*err != OK || row->count > 1 || row->fields[0].len > 0)
            return true;
    }
    return false;
}
