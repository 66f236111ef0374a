/*
 * random_test.c - random tables: the index against rows looked at one by one, the analysis against
 * all inputs tried.
 */
#include <string.h>

#include "kernel/table/table.h"
#include "test/kit/test.h"

enum { CX_BYTES = 256 << 20, KEEP_BYTES = 64 << 20 };

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

static uint32_t roll(uint32_t *dice, uint32_t below)
{
    *dice = *dice * 1664525 + 1013904223;
    return (*dice >> 8) % below;
}

static struct str random_cell(struct cx *cx, uint32_t *dice)
{
    static const struct {
        const char *begin, *end;
    } forms[] = {{"", ""},       {">= ", ""},   {"< ", ""},     {"not(", ")"},
                 {"[1..", "]"},  {"(0..", ")"}, {"1, ", ""},    {"!= ", ""},
                 {"null, ", ""}, {"> ", ""},    {"not(< ", ")"}};
    uint32_t k = roll(dice, 14);

    if (k >= 11)
        return STR("-");
    return cx_printf(cx, "%s%u%s", forms[k].begin, roll(dice, 5), forms[k].end);
}

enum { COLUMNS = 3, VALUES = 8 /* -1 .. 5 and null: all that the cells tell apart. */ };

static const char *random_table(struct fixture *f, uint32_t *dice, const char *hit, uint32_t rows)
{
    struct str text = cx_printf(
        &f->cx,
        "{\"hit\":\"%s\",\"inputs\":[{\"name\":\"a\",\"type\":\"int\"},{"
        "\"name\":\"b\",\"type\":\"int\"},{\"name\":\"c\",\"type\":\"int\"}"
        "],\"outputs\":[{\"name\":\"y\",\"type\":\"int\"}],\"rows\":[{\"when\":[null,null,null],\"then\":[1]}",
        hit);

    for (uint32_t k = 0; k < rows; k++) {
        struct str a = random_cell(&f->cx, dice), b = random_cell(&f->cx, dice),
                   c = random_cell(&f->cx, dice);

        text = cx_printf(&f->cx,
                         STR_FMT "%s{\"when\":[\"" STR_FMT "\",\"" STR_FMT "\",\"" STR_FMT
                                 "\"],\"then\":[%u]}",
                         STR_ARG(text), ",", STR_ARG(a), STR_ARG(b), STR_ARG(c), roll(dice, 3));
    }
    return cx_printf(&f->cx, STR_FMT "]}", STR_ARG(text)).ptr;
}

static void nth_values(uint32_t n, struct rule_value values[COLUMNS])
{
    for (int k = 0; k < COLUMNS; k++, n /= VALUES)
        values[k] = n % VALUES == VALUES - 1 ? rule_of_null() : rule_of_int((int)(n % VALUES) - 1);
}

/* Rows that match by the trace, which looks at each cell. */
static size_t matches(struct fixture *f, const struct table *table, const struct rule_value *values,
                      uint32_t *first)
{
    struct list steps;
    size_t count = 0;

    CHECK(table_trace(&f->cx, table, values, NULL, &steps) == OK);
    for (size_t k = 0; k < steps.count; k++)
        if (LIST_AT(steps, struct table_step, k)->matched && count++ == 0)
            *first = (uint32_t)k;
    return count;
}

TEST(table_index, "the index finds the rows that looking at each cell finds")
{
    uint32_t dice = 7;
    struct fixture f;

    open_fixture(&f);
    for (int round = 0; round < 40; round++) {
        const struct table *table =
            compiled(&f, random_table(&f, &dice, "rule_order", 1 + roll(&dice, 80)));

        for (uint32_t n = 0; n < VALUES * VALUES * VALUES; n++) {
            struct rule_value values[COLUMNS];
            struct table_answer answer;
            uint32_t first = 0;
            size_t count;

            nth_values(n, values);
            count = matches(&f, table, values, &first);
            CHECK(table_eval(&f.cx, table, values, NULL, &answer) == OK);
            CHECK_EQ_INT(answer.count, count);
            CHECK(count == 0 || answer.rows[0] == first);
        }
        cx_reset(&f.cx);
        arena_free(&f.keep);
        arena_init(&f.keep, KEEP_BYTES);
    }
    close_fixture(&f);
}

/* What brute force says: which rows are first for something, which pairs meet, is there a gap. */
struct truth {
    bool gap, first[16], meet[16][16];
};

static void look(struct fixture *f, const struct table *table, struct truth *truth)
{
    *truth = (struct truth){.gap = false};
    for (uint32_t n = 0; n < VALUES * VALUES * VALUES; n++) {
        struct rule_value values[COLUMNS];
        struct list steps;
        bool any = false;

        nth_values(n, values);
        CHECK(table_trace(&f->cx, table, values, NULL, &steps) == OK);
        for (size_t a = 0; a < steps.count; a++) {
            if (!LIST_AT(steps, struct table_step, a)->matched)
                continue;
            truth->first[a] |= !any;
            any = true;
            for (size_t b = a + 1; b < steps.count; b++)
                truth->meet[a][b] |= LIST_AT(steps, struct table_step, b)->matched;
        }
        truth->gap |= !any;
    }
}

static bool has(const struct table_analysis *analysis, enum table_finding_kind kind, uint32_t row,
                uint32_t other)
{
    for (size_t k = 0; k < analysis->findings.count; k++) {
        const struct table_finding *finding = LIST_AT(analysis->findings, struct table_finding, k);

        if (finding->kind == kind && (kind == TABLE_GAP || finding->row == row) &&
            finding->other == other)
            return true;
    }
    return false;
}

/* What was found is true; what is true was found, unless the analysis says that it stopped. */
static void check_findings(const struct table *table, const struct table_analysis *analysis,
                           const struct truth *truth, bool first)
{
    CHECK(truth->gap || !has(analysis, TABLE_GAP, 0, 0));
    CHECK(!truth->gap || !analysis->complete || has(analysis, TABLE_GAP, 0, 0));
    for (uint32_t a = 0; a < table_rows(table); a++) {
        bool idle = has(analysis, TABLE_UNREACHABLE, a, 0);

        CHECK(!first || !idle || !truth->first[a]);
        CHECK(!first || idle || truth->first[a] || !analysis->complete);
        for (uint32_t b = a + 1; b < table_rows(table) && !first; b++) {
            bool found = has(analysis, TABLE_OVERLAP, a, b) || has(analysis, TABLE_SAME, a, b);

            CHECK(!found || truth->meet[a][b]);
            CHECK(found || !truth->meet[a][b] || !analysis->complete);
        }
    }
}

TEST(table_analysis, "gaps, overlaps and rows never reached are those that trying all inputs finds")
{
    static const char hit_names[][8] = {"first", "any"};
    uint32_t dice = 11;
    struct fixture f;

    open_fixture(&f);
    for (int round = 0; round < 60; round++) {
        const struct table *table =
            compiled(&f, random_table(&f, &dice, hit_names[round % 2], 2 + roll(&dice, 8)));
        struct table_analysis analysis;
        struct truth truth;

        table_analyse(&f.cx, table, &analysis);
        look(&f, table, &truth);
        check_findings(table, &analysis, &truth, round % 2 == 0);
        cx_reset(&f.cx);
        arena_free(&f.keep);
        arena_init(&f.keep, KEEP_BYTES);
    }
    close_fixture(&f);
}
