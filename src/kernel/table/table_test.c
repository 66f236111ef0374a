/*
 * table_test.c - decision tables: cells, policies, what is refused, why, gaps and overlaps; the
 * index against rows looked at one by one.
 */
#include "kernel/table/table.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "test/kit/test.h"

enum {
    CX_BYTES = 256 << 20,
    KEEP_BYTES = 64 << 20,
    FILE_BYTES_MAX = 1 << 20,
    STARVED_MAX = 1 << 20
};

struct fixture {
    struct cx cx;
    struct arena keep;
};

static void open_fixture(struct fixture *f)
{
    cx_open(&f->cx, env_system(), CX_BYTES);
    arena_init(&f->keep, KEEP_BYTES);
}

static void close_fixture(struct fixture *f)
{
    arena_free(&f->keep);
    cx_close(&f->cx);
}

static enum err compile(struct fixture *f, const char *text, const struct table **table)
{
    struct json json;

    fail_clear(&f->cx);
    CHECK_SAY(json_parse(&f->cx, str_of(text), &json) == OK, "%s: %s", text, f->cx.problem.detail);
    return table_compile(&f->cx, &f->keep, NULL, json, table);
}

static const struct table *compiled(struct fixture *f, const char *text)
{
    const struct table *table;

    CHECK_SAY(compile(f, text, &table) == OK, "%s: %s %s", text, f->cx.problem.pointer,
              f->cx.problem.detail);
    return table;
}

/* The answer as JSON, or the code of the refusal. */
static struct str decide(struct fixture *f, const struct table *table, const char *input)
{
    struct rule_value *values;
    struct table_answer answer;
    struct json json;

    fail_clear(&f->cx);
    CHECK(json_parse(&f->cx, str_of(input), &json) == OK);
    CHECK(table_values_read(&f->cx, table, json, &values) == OK);
    if (table_eval(&f->cx, table, values, NULL, &answer) != OK)
        return str_of(f->cx.problem.code);
    return table_answer_json(&f->cx, table, &answer);
}

/* A table of one column and one row: does the cell hold? */
static bool holds(struct fixture *f, const char *type, const char *cell, const char *value)
{
    const char *text = cx_printf(&f->cx,
                                 "{\"inputs\":[{\"name\":\"x\",\"type\":\"%s\"}],\"outputs\":[{"
                                 "\"name\":\"y\",\"type\":\"bool\"}],\"rows\":[{\"when\":[%s],"
                                 "\"then\":[true]}]}",
                                 type, cell)
                           .ptr;
    const struct table *table = compiled(f, text);

    return !str_is(decide(f, table, cx_printf(&f->cx, "{\"x\":%s}", value).ptr), "null");
}

TEST(table_cells, "a cell holds of the values it names, and of no others")
{
    static const struct {
        const char *type, *cell, *in, *out;
    } rows[] = {
        {"int", "\"\"", "5", NULL},
        {"int", "\"-\"", "null", NULL},
        {"int", "5", "5", "6"},
        {"int", "\"5, 7, [10..12)\"", "11", "12"},
        {"int", "\"(1..5]\"", "5", "1"},
        {"int", "\"]1..5[\"", "2", "5"},
        {"int", "\"> 1 and <= 3\"", "3", "1"},
        {"int", "\"!= 4\"", "null", "4"},
        {"int", "\"not(1, 2)\"", "3", "2"},
        {"int", "\"not(< 5)\"", "5", "4"},
        {"int", "\"null\"", "null", "0"},
        {"int", "\"null, 3\"", "null", "4"},
        {"int", "[1, null]", "null", "2"},
        {"int", "\"= it % 2 == 0\"", "4", "5"},
        {"double", "\">= 0.1\"", "0.1", "0.09"},
        {"double", "\"[0..1e3]\"", "1000", "1000.5"},
        {"string", "\"Beijing, Wuhan\"", "\"Wuhan\"", "\"wuhan\""},
        {"string", "\"'a, b', c\"", "\"a, b\"", "\"a\""},
        {"string", "\"\\\"<5\\\"\"", "\"<5\"", "\"5\""},
        {"string", "\"\u8bfe\u7a0b\"", "\"\u8bfe\u7a0b\"", "\"x\""},
        {"string", "\"< 'm'\"", "\"abc\"", "\"n\""},
        {"string", "\"= it.startsWith('VIP')\"", "\"VIP1\"", "\"vip\""},
        {"bool", "true", "true", "false"},
        {"bool", "\"false\"", "false", "null"},
        {"date", "\"[2026-11-01..2026-11-11]\"", "\"2026-11-11\"", "\"2026-11-12\""},
        {"date", "\">= date('2026-02-28')\"", "\"2026-03-01\"", "\"2026-02-27\""},
        {"timestamp", "\"< 2026-11-11\"", "\"2026-11-10T23:59:59Z\"", "\"2026-11-11T00:00:00Z\""},
        {"any", "\"'x', 5, true\"", "5", "\"5\""},
        {"any", "\"'x', 5, true\"", "true", "false"},
    };
    struct fixture f;

    open_fixture(&f);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        CHECK_SAY(holds(&f, rows[k].type, rows[k].cell, rows[k].in), "%s has no %s", rows[k].cell,
                  rows[k].in);
        CHECK_SAY(!rows[k].out || !holds(&f, rows[k].type, rows[k].cell, rows[k].out), "%s has %s",
                  rows[k].cell, rows[k].out);
    }
    close_fixture(&f);
}

/* Rows match x >= 1, x >= 2, x >= 3 and say "b", "a", "b" and 10, 20, 30. */
static const char *policy(struct fixture *f, const char *hit)
{
    return cx_printf(&f->cx,
                     "{%s,\"inputs\":[{\"name\":\"x\",\"type\":\"int\"}],\"outputs\":[{\"name\":"
                     "\"s\",\"type\":\"string\",\"values\":[\"a\",\"b\"]}],\"rows\":[{\"when\":["
                     "\">= 1\"],\"then\":[\"b\"]},{\"when\":[\">= 2\"],\"then\":[\"a\"]},{\"when\":"
                     "[\">= 3\"],\"then\":[\"b\"]}]}",
                     hit)
        .ptr;
}

static const char *sums(struct fixture *f, const char *aggregate)
{
    return cx_printf(
               &f->cx,
               "{\"hit\":\"collect\",\"aggregate\":\"%s\",\"inputs\":[{\"name\":\"x\",\"type\":"
               "\"int\"}],\"outputs\":[{\"name\":\"n\",\"type\":\"double\"}],\"rows\":[{"
               "\"when\":[\">= 1\"],\"then\":[10]},{\"when\":[\">= 2\"],\"then\":[2.5]}]}",
               aggregate)
        .ptr;
}

TEST(table_policies, "each policy makes of several matches what it promises")
{
    static const struct {
        const char *hit, *input, *answer;
    } rows[] = {
        {"\"hit\":\"first\"", "{\"x\":3}", "{\"s\":\"b\"}"},
        {"\"hit\":\"first\"", "{\"x\":0}", "null"},
        {"\"hit\":\"unique\"", "{\"x\":1}", "{\"s\":\"b\"}"},
        {"\"hit\":\"unique\"", "{\"x\":2}", "table_not_unique"},
        {"\"hit\":\"any\"", "{\"x\":1}", "{\"s\":\"b\"}"},
        {"\"hit\":\"any\"", "{\"x\":2}", "table_conflict"},
        {"\"hit\":\"any\"", "{\"x\":0}", "null"},
        {"\"hit\":\"priority\"", "{\"x\":0}", "null"},
        {"\"hit\":\"priority\"", "{\"x\":3}", "{\"s\":\"a\"}"},
        {"\"hit\":\"collect\"", "{\"x\":2}", "[{\"s\":\"b\"},{\"s\":\"a\"}]"},
        {"\"hit\":\"collect\"", "{\"x\":0}", "[]"},
        {"\"hit\":\"rule_order\"", "{\"x\":3}", "[{\"s\":\"b\"},{\"s\":\"a\"},{\"s\":\"b\"}]"},
        {"\"hit\":\"output_order\"", "{\"x\":3}", "[{\"s\":\"a\"},{\"s\":\"b\"},{\"s\":\"b\"}]"},
        {"\"hit\":\"collect\",\"aggregate\":\"count\"", "{\"x\":3}", "{\"s\":3}"},
        {"\"hit\":\"collect\",\"aggregate\":\"count\"", "{\"x\":0}", "{\"s\":0}"},
    };
    static const char *const totals[][2] = {
        {"sum", "{\"n\":12.5}"}, {"min", "{\"n\":2.5}"}, {"max", "{\"n\":10}"}};
    struct fixture f;

    open_fixture(&f);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        CHECK_EQ_TEXT(decide(&f, compiled(&f, policy(&f, rows[k].hit)), rows[k].input),
                      rows[k].answer);
    for (size_t k = 0; k < 3; k++) {
        CHECK_EQ_TEXT(decide(&f, compiled(&f, sums(&f, totals[k][0])), "{\"x\":2}"), totals[k][1]);
        CHECK_EQ_TEXT(decide(&f, compiled(&f, sums(&f, totals[k][0])), "{\"x\":0}"), "null");
    }
    close_fixture(&f);
}

#define ONE(inputs, outputs, rows)                                                                 \
    "{\"inputs\":[" inputs "],\"outputs\":[" outputs "],\"rows\":[" rows "]}"
#define X "{\"name\":\"x\",\"type\":\"int\"}"
#define Y "{\"name\":\"y\",\"type\":\"int\"}"

TEST(table_values, "defaults, expressions of inputs and outputs, declared variables")
{
    struct fixture f;
    const struct table *table;

    open_fixture(&f);
    table =
        compiled(&f, "{\"variables\":[{\"name\":\"order\"},{\"name\":\"n\",\"type\":\"int\"}],"
                     "\"inputs\":[{\"name\":\"total\",\"type\":\"int\",\"expr\":\"order.total *"
                     " n\"}],\"outputs\":[{\"name\":\"fee\",\"type\":\"int\",\"default\":0}],"
                     "\"rows\":[{\"when\":[\"> order.limit\"],\"then\":[{\"expr\":\"n * 3\"}]}]}");
    CHECK_EQ_TEXT(decide(&f, table, "{\"order\":{\"total\":5,\"limit\":9},\"n\":2}"),
                  "{\"fee\":6}");
    CHECK_EQ_TEXT(decide(&f, table, "{\"order\":{\"total\":5,\"limit\":10},\"n\":2}"),
                  "{\"fee\":0}");
    CHECK_EQ_TEXT(decide(&f, table, "{\"order\":{\"limit\":10},\"n\":2}"), "table_input");
    CHECK_EQ_TEXT(decide(&f, table, "{\"order\":{\"total\":\"x\",\"limit\":10},\"n\":2}"),
                  "table_input");
    table = compiled(&f, ONE(X, "{\"name\":\"y\"}",
                             "{\"when\":[1],\"then\":[{\"expr\":\"{'a': [x, 2u], 3: null}\"}]}"));
    CHECK_EQ_TEXT(decide(&f, table, "{\"x\":1}"), "{\"y\":{\"a\":[1,2],\"3\":null}}");
    close_fixture(&f);
}

TEST(table_refusals, "what cannot be is refused with the place of the cell")
{
    static const struct {
        const char *text, *code, *pointer;
    } rows[] = {
        {ONE(X, Y, "{\"when\":[\">= x5\"],\"then\":[1]}"), "rule_type", "/rows/0/when/0"},
        {ONE(X, Y, "{\"when\":[\"abc\"],\"then\":[1]}"), "bad_cell", "/rows/0/when/0"},
        {ONE(X, Y, "{\"when\":[1],\"then\":[1]},{\"when\":[\"[1..\"],\"then\":[1]}"), "bad_cell",
         "/rows/1/when/0"},
        {ONE(X, Y, "{\"when\":[\"1,,2\"],\"then\":[1]}"), "bad_cell", "/rows/0/when/0"},
        {ONE(X, Y, "{\"when\":[1, 2],\"then\":[1]}"), "bad_table", "/rows/0/when"},
        {ONE(X, Y, "{\"when\":[1],\"then\":[\"x\"]}"), "bad_cell", "/rows/0/then/0"},
        {ONE(X, Y, "{\"when\":[\"= it + 1\"],\"then\":[1]}"), "bad_cell", "/rows/0/when/0"},
        {ONE(X, Y, "{\"when\":[1],\"then\":[{\"expr\":\"z\"}]}"), "rule_type",
         "/rows/0/then/0/expr"},
        {ONE("{\"name\":\"x\",\"type\":\"date\"}", Y, "{\"when\":[\"2026-02-30\"],\"then\":[1]}"),
         "bad_cell", "/rows/0/when/0"},
        {ONE("{\"name\":\"x\",\"type\":\"int\",\"expr\":\"x +\"}", Y,
             "{\"when\":[1],\"then\":[1]}"),
         "rule_syntax", "/inputs/0/expr"},
    };
    const struct table *table;
    struct fixture f;

    open_fixture(&f);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        CHECK_SAY(compile(&f, rows[k].text, &table) == ERR_BAD_INPUT, "%s is taken", rows[k].text);
        CHECK_EQ_STR(f.cx.problem.code, rows[k].code);
        CHECK_EQ_STR(f.cx.problem.pointer, rows[k].pointer);
    }
    CHECK(compile(&f,
                  "{\"inputs\":[" X "],\"outputs\":[" Y "],\"rows\":[{\"when\":[1],\"then\":[1]}],"
                  "\"tests\":[{\"input\":{\"x\":1},\"output\":{\"y\":2}}]}",
                  &table) == ERR_UNPROCESSABLE);
    CHECK_EQ_STR(f.cx.problem.code, "table_test_failed");
    CHECK_EQ_STR(f.cx.problem.pointer, "/tests/0");
    close_fixture(&f);
}

/* rows of columns cells, all "-". */
static const char *large(struct fixture *f, int rows, int columns)
{
    struct text text = {.size = (size_t)rows * (size_t)columns * 4 + (size_t)rows * 64 + 8192};

    text.ptr = cx_alloc(&f->cx, text.size);
    text_addf(&text, "{\"inputs\":[");
    for (int k = 0; k < columns; k++)
        text_addf(&text, "%s{\"name\":\"x%d\",\"type\":\"int\"}", k ? "," : "", k);
    text_addf(&text, "],\"outputs\":[{\"name\":\"y\",\"type\":\"int\"}],\"rows\":[");
    for (int row = 0; row < rows; row++) {
        text_addf(&text, "%s{\"when\":[", row ? "," : "");
        for (int k = 0; k < columns; k++)
            text_addf(&text, "%s\"\"", k ? "," : "");
        text_addf(&text, "],\"then\":[1]}");
    }
    text_addf(&text, "]}");
    CHECK(!text.cut);
    return text.ptr;
}

TEST(table_bombs, "a table of too many cells is refused, the largest is taken")
{
    const struct table *table;
    struct fixture f;

    open_fixture(&f);
    CHECK(compile(&f, large(&f, 20000, 10), &table) == ERR_BAD_INPUT);
    CHECK_EQ_STR(f.cx.problem.code, "table_too_large");
    CHECK(compile(&f, large(&f, 20000, 9), &table) == OK);
    CHECK_EQ_INT(table_rows(table), 20000);
    close_fixture(&f);
}

static struct str findings_of(struct fixture *f, const char *text)
{
    static const char *const names[] = {"gap", "overlap", "same", "unreachable"};
    struct table_analysis analysis;
    struct str said = STR("");

    table_analyse(&f->cx, compiled(f, text), &analysis);
    for (size_t k = 0; k < analysis.findings.count; k++) {
        const struct table_finding *finding = LIST_AT(analysis.findings, struct table_finding, k);

        said =
            cx_printf(&f->cx, STR_FMT "%s %u %u " STR_FMT "; ", STR_ARG(said), names[finding->kind],
                      finding->row, finding->other, STR_ARG(finding->example));
    }
    return analysis.complete ? said : cx_printf(&f->cx, STR_FMT "...", STR_ARG(said));
}

TEST(table_findings, "each finding has a case that shows it; what cannot be known is said")
{
    struct fixture f;

    open_fixture(&f);
    CHECK_EQ_TEXT(findings_of(&f, ONE(X, Y,
                                      "{\"when\":[\"< 5\"],\"then\":[1]},{\"when\":[\"> 5\"],"
                                      "\"then\":[2]}")),
                  "gap 0 0 {\"x\": 5}; ");
    CHECK_EQ_TEXT(findings_of(&f, ONE(X, Y,
                                      "{\"when\":[\"< 5\"],\"then\":[1]},{\"when\":[\"> 4\"],"
                                      "\"then\":[2]},{\"when\":[\"[3..7]\"],\"then\":[2]}")),
                  "unreachable 2 0 {\"x\": 3}; ");
    CHECK_EQ_TEXT(findings_of(&f, "{\"hit\":\"unique\",\"inputs\":[" X "],\"outputs\":[" Y
                                  "],\"rows\":[{\"when\":[\"<= 5\"],\"then\":[1]},{\"when\":["
                                  "\">= 5\"],\"then\":[2]}]}"),
                  "overlap 0 1 {\"x\": 5}; ");
    CHECK_EQ_TEXT(findings_of(&f, ONE("{\"name\":\"x\",\"type\":\"string\",\"values\":[\"A\",\"B\","
                                      "\"C\"]}",
                                      Y, "{\"when\":[\"A, C\"],\"then\":[1]}")),
                  "gap 0 0 {\"x\": \"B\"}; ");
    CHECK_EQ_TEXT(findings_of(&f, ONE("{\"name\":\"x\",\"type\":\"bool\"}", Y,
                                      "{\"when\":[true],\"then\":[1]}")),
                  "gap 0 0 {\"x\": false}; ");
    CHECK_EQ_TEXT(findings_of(&f, ONE(X, Y, "{\"when\":[\"= it > 3\"],\"then\":[1]}")), "...");
    close_fixture(&f);
}

/* ---- The shipped example; memory ---- */

static const char *read_example(struct fixture *f)
{
    static const char path[] = "demo/tables/instalment.json";
    FILE *file = fopen(path, "rb");
    char *text = cx_alloc(&f->cx, FILE_BYTES_MAX);
    size_t len;

    CHECK_SAY(file != NULL, "%s is not there", path);
    len = fread(text, 1, FILE_BYTES_MAX - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

TEST(table_example, "the instalment table passes its tests and has neither gap nor idle row")
{
    struct fixture f;

    open_fixture(&f);
    CHECK_EQ_TEXT(findings_of(&f, read_example(&f)), "");
    close_fixture(&f);
}

static bool fits(const char *text, size_t bytes)
{
    const struct table *table;
    volatile bool good = false;
    jmp_buf exhausted;
    struct json json;
    struct cx cx;

    cx_open(&cx, env_system(), bytes);
    cx.arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0) {
        CHECK(json_parse(&cx, str_of(text), &json) == OK);
        CHECK(table_compile(&cx, &cx.arena, NULL, json, &table) == OK);
        good = true;
    }
    cx_close(&cx);
    return good;
}

TEST(table_starved, "with too little memory a table unwinds, wherever it was")
{
    size_t bytes = 4096;
    struct fixture f;
    const char *text;

    open_fixture(&f);
    text = read_example(&f);
    while (bytes < STARVED_MAX && !fits(text, bytes))
        bytes += 4096;
    CHECK(bytes > 8192);
    CHECK(bytes < STARVED_MAX);
    close_fixture(&f);
}
