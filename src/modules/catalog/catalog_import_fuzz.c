/*
 * catalog_import_fuzz.c - any bytes as a file of products, CSV or JSON.
 *
 * Checked: the same file is judged the same twice; a refusal has a code and a sentence; what is
 * read as CSV, written as RFC 4180 has it and read again says the same, and is judged the same.
 */
#include <string.h>

#include "modules/catalog/catalog_priv.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 256 << 20 };

static enum err read_file(struct cx *cx, struct str raw, struct str type)
{
    struct req req = {.cx = cx, .raw = raw, .headers = {type}};
    enum err err = catalog_import_prepare(&req);

    must(err == cx->problem.err, "what is recorded is what is returned");
    if (err == OK)
        must(req.prepared != NULL, "what was read");
    else
        must(cx->problem.code && cx->problem.detail[0], "a reason");
    return err;
}

/* ---- CSV ---- */

/* Every field in quotes, as RFC 4180 has it. */
static void put_row(struct text *out, const struct csv_row *row)
{
    for (size_t c = 0; c < row->count; c++) {
        struct str piece, rest = c < CSV_COLUMNS_MAX ? row->fields[c] : STR("");

        text_add(out, c > 0 ? STR(",\"") : STR("\""));
        for (int k = 0; str_cut(&rest, '"', &piece); k++) {
            text_add(out, k > 0 ? STR("\"\"") : STR(""));
            text_add(out, piece);
        }
        text_add(out, STR("\""));
    }
    text_add(out, STR("\r\n"));
}

static void check_row(const struct csv_row *row, int64_t line_before, struct str raw)
{
    must(row->line > line_before && row->line <= (int64_t)raw.len, "lines are counted upwards");
    must(row->count > 0, "a row has fields");
    for (size_t c = 0; c < row->count && c < CSV_COLUMNS_MAX; c++) {
        must(str_utf8(row->fields[c]), "a field is UTF-8");
        must(str_eq(row->fields[c], str_trim(row->fields[c])), "a field has no blanks around it");
    }
}

/* The rows of a file, written again.  False: one of them is no CSV, or has more than we keep. */
static bool rewrite(struct cx *cx, struct str raw, struct str *out)
{
    enum { BYTES_EACH_MAX = 4 }; /* A comma becomes two quotes and a comma; ends of lines two. */
    struct csv csv = {.rest = raw, .line = 1};
    struct text text = {.size = raw.len * BYTES_EACH_MAX + 4};
    struct csv_row row;
    int64_t line = 0;
    bool whole = true;
    enum err err;

    text.ptr = cx_alloc(cx, text.size);
    for (; csv_next(cx, &csv, &row, &err); line = row.line) {
        must(err == OK || err == ERR_BAD_INPUT, "a fault of the row");
        whole = whole && err == OK && row.count <= CSV_COLUMNS_MAX;
        fail_clear(cx);
        if (err != OK)
            continue;
        check_row(&row, line, raw);
        put_row(&text, &row);
    }
    must(csv.rest.len == 0, "the end is reached");
    must(!whole || !text.cut, "room for all");
    *out = (struct str){text.ptr, text.len};
    return whole;
}

/* Without a byte order mark, which the reader of files takes off. */
static void check_csv(struct cx *cx, struct str raw)
{
    struct str once, twice, type = STR("text/csv");
    struct problem first;

    if (str_starts(raw, STR("\xef\xbb\xbf")) || !rewrite(cx, raw, &once))
        return;
    must(rewrite(cx, once, &twice) && str_eq(once, twice), "what was written reads the same");
    (void)read_file(cx, raw, type);
    first = cx->problem;
    fail_clear(cx);
    must(read_file(cx, once, type) == first.err, "it is judged the same");
    must(strcmp(cx->problem.detail, first.detail) == 0, "and told the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/csv", "application/json; charset=utf-8", "", NULL};
    struct str raw = {(const char *)data, size};
    struct cx csv;

    for (int k = 0; types[k]; k++) {
        struct problem first;
        struct cx cx;

        cx_open(&cx, env_system(), BUDGET_BYTES);
        (void)read_file(&cx, raw, str_of(types[k]));
        first = cx.problem;
        fail_clear(&cx);
        must(read_file(&cx, raw, str_of(types[k])) == first.err, "one file, one opinion");
        must(strcmp(cx.problem.detail, first.detail) == 0, "one file, one reason");
        cx_close(&cx);
    }
    cx_open(&csv, env_system(), BUDGET_BYTES);
    check_csv(&csv, raw);
    cx_close(&csv);
    return 0;
}
