/*
 * catalog_csv_test.c - what was written as CSV is read as it was; what is no CSV harms nothing.
 */
#include "modules/catalog/catalog_priv.h"
#include "test/kit/test.h"

enum { ROUNDS = 3000, ROWS = 6, COLUMNS = 5, FIELD_BYTES = 12, FILE_BYTES = 4096 };

/* ---- Chance, the same in each run ---- */

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

static struct cx *open_cx(struct cx *cx)
{
    static struct env env;

    cx_open(cx, &env, 1 << 20);
    return cx;
}

/* ---- Round trips ---- */

static const char *const atoms[] = {"a", "B", "7", ",", "\"", "\n", "\r\n", "墨", "é", "'", ";"};
enum { ATOMS = sizeof(atoms) / sizeof(atoms[0]) };

struct field_text {
    char bytes[FIELD_BYTES * 4];
    struct text text;
};

static void draw_field(uint32_t *state, struct field_text *field)
{
    field->text = (struct text){.ptr = field->bytes, .size = sizeof(field->bytes)};
    for (uint32_t len = 1 + draw(state, FIELD_BYTES); len > 0; len--)
        text_add(&field->text, str_of(atoms[draw(state, ATOMS)]));
}

/* As RFC 4180 has it. */
static void write_field(struct text *file, struct str value)
{
    text_add(file, STR("\""));
    for (size_t k = 0; k < value.len; k++) {
        text_add(file, (struct str){value.ptr + k, 1});
        if (value.ptr[k] == '"')
            text_add(file, STR("\""));
    }
    text_add(file, STR("\""));
}

static void round_trip(uint32_t *state)
{
    struct field_text fields[ROWS][COLUMNS];
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    char bytes[FILE_BYTES * 2];
    struct text file = {.ptr = bytes, .size = sizeof(bytes)};
    struct csv_row row;
    struct csv csv;
    struct cx cx;
    enum err err;

    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) {
            draw_field(state, &fields[r][c]);
            if (c > 0)
                text_add(&file, STR(","));
            write_field(&file, (struct str){fields[r][c].bytes, fields[r][c].text.len});
        }
        text_add(&file, str_of(ends[draw(state, 3)]));
    }
    CHECK(!file.cut);
    csv = (struct csv){.rest = {bytes, file.len}, .line = 1};
    open_cx(&cx);
    for (int r = 0; r < ROWS; r++) {
        CHECK(csv_next(&cx, &csv, &row, &err));
        CHECK_EQ_INT(err, OK);
        CHECK_EQ_INT(row.count, COLUMNS);
        for (int c = 0; c < COLUMNS; c++)
            CHECK(str_eq(row.fields[c], (struct str){fields[r][c].bytes, fields[r][c].text.len}));
    }
    CHECK(!csv_next(&cx, &csv, &row, &err));
    cx_close(&cx);
}

TEST(catalog_csv_round_trips, "any fields, quoted as RFC 4180 has it, are read as they were")
{
    uint32_t state = 1;

    for (int k = 0; k < ROUNDS; k++)
        round_trip(&state);
}

/* ---- Anything at all ---- */

static void read_anything(uint32_t *state)
{
    static const char likely[] = "\",\n\r \t\"\"a,b\xc3\xa9\xff";
    size_t len = draw(state, 200);
    struct cx cx;
    /* The arena poisons what follows: one byte too far is seen. */
    char *bytes = cx_alloc(open_cx(&cx), len);
    struct csv csv = {.rest = {bytes, len}, .line = 1};
    struct csv_row row;
    int64_t lines = 1, line = 0;
    enum err err;

    for (size_t k = 0; k < len; k++) {
        bytes[k] = likely[draw(state, sizeof(likely) - 1)];
        lines += bytes[k] == '\n' || bytes[k] == '\r';
    }
    for (size_t rows = 0; csv_next(&cx, &csv, &row, &err); rows++) {
        CHECK(rows <= len);
        CHECK(err == OK || err == ERR_BAD_INPUT);
        CHECK(row.line > line);
        CHECK(row.line <= lines);
        CHECK(err != OK || row.count >= 1);
        for (size_t c = 0; err == OK && c < row.count && c < CSV_COLUMNS_MAX; c++)
            CHECK(str_utf8(row.fields[c]));
        line = row.line;
        fail_clear(&cx);
    }
    CHECK_EQ_INT(csv.rest.len, 0);
    cx_close(&cx);
}

TEST(catalog_csv_anything, "whatever the bytes, reading ends, row by row, inside the file")
{
    uint32_t state = 2;

    for (int k = 0; k < ROUNDS * 10; k++)
        read_anything(&state);
}
