/*
 * analyse.c - what no row matches, what several do, what none reaches.
 *
 * A row is a set of classes in each column (table_priv.h).  Columns are gone through one by one:
 * of the classes of a column those that leave the same rows are one case.  What is left at the end
 * without rows is a gap.  It is bounded: beyond TABLE_STEPS_MAX it says that it is not complete.
 */
#include <string.h>

#include "kernel/table/table_priv.h"

struct search {
    struct cx *cx;
    const struct table *table;
    uint32_t *chosen;       /* A class for each column, of the case at hand. */
    const struct cell *box; /* Only classes of this row's cells; NULL: all. */
    struct table_analysis *out;
    int64_t steps_left;
};

/* ---- Classes as values ---- */

static bool is_whole(enum column_type type)
{
    return type == COLUMN_INT || type == COLUMN_BOOL;
}

/* Is there a value between, before, after the constants that the class lies between? */
static bool class_exists(const struct column *column, uint32_t class)
{
    uint32_t k = class / 2;
    bool first = k == 0, last = k == column->constant_count;

    if (class == column->class_count - 1 || class % 2 == 1)
        return true;
    if (column->value_count > 0 || column->type == COLUMN_BOOL)
        return false; /* Only declared values, which are constants or fall out below. */
    if (!is_whole(column->type) || first || last)
        return true;
    return column->constants[k].i - column->constants[k - 1].i > 1;
}

static struct rule_value between(struct cx *cx, const struct column *column, uint32_t class)
{
    uint32_t k = class / 2, count = column->constant_count;
    struct rule_value low = k > 0 ? column->constants[k - 1] : rule_of_int(0);
    struct rule_value high = k < count ? column->constants[k] : rule_of_int(0);

    switch (column->type) {
    case COLUMN_INT:
        return rule_of_int(k > 0 ? low.i + 1 : k < count ? high.i - 1 : 0);
    case COLUMN_DOUBLE:
        low = rule_of_double(low.kind == RULE_DOUBLE ? low.d : (double)low.i);
        high = rule_of_double(high.kind == RULE_DOUBLE ? high.d : (double)high.i);
        return rule_of_double(k == 0       ? high.d - 1
                              : k == count ? low.d + 1
                                           : low.d + (high.d - low.d) / 2);
    case COLUMN_TIMESTAMP:
        return k > 0 ? rule_of_timestamp(low.i, low.len + 1) : rule_of_timestamp(high.i - 1, 0);
    default: /* Just behind the text before. */
        return rule_of_text(k > 0 ? cx_printf(cx, STR_FMT "0", STR_ARG(rule_text(low))) : STR(""));
    }
}

static struct rule_value example_of(struct cx *cx, const struct column *column, uint32_t class)
{
    if (class == column->class_count - 1)
        return rule_of_null();
    return class % 2 ? column->constants[class / 2] : between(cx, column, class);
}

static struct str example(struct search *s)
{
    struct str text = STR("{");

    for (uint32_t c = 0; c < s->table->input_count; c++) {
        const struct column *column = &s->table->inputs[c];
        struct str value =
            rule_value_text(s->cx, example_of(s->cx, column, s->chosen[c]), TABLE_CELL_LEN_MAX);

        text = cx_printf(s->cx, STR_FMT "%s\"" STR_FMT "\": " STR_FMT, STR_ARG(text), c ? ", " : "",
                         STR_ARG(column->name), STR_ARG(value));
    }
    return cx_printf(s->cx, STR_FMT "}", STR_ARG(text));
}

static bool add(struct search *s, enum table_finding_kind kind, uint32_t row, uint32_t other)
{
    struct list *findings = &s->out->findings;

    if (findings->count == TABLE_FINDINGS_MAX) {
        s->out->complete = false;
        return false;
    }
    ((struct table_finding *)findings->items)[findings->count++] =
        (struct table_finding){.kind = kind, .row = row, .other = other, .example = example(s)};
    return true;
}

/* ---- Sets of rows ---- */

static bool is_empty(const uint64_t *bits, uint32_t words)
{
    for (uint32_t w = 0; w < words; w++)
        if (bits[w])
            return false;
    return true;
}

static void both(const uint64_t *a, const uint64_t *b, uint64_t *out, uint32_t words)
{
    for (uint32_t w = 0; w < words; w++)
        out[w] = a[w] & b[w];
}

/* Null is an input only where a cell speaks of it: else every column would have such a gap. */
static bool is_asked(const struct search *s, uint32_t column, uint32_t class)
{
    const struct column *input = &s->table->inputs[column];

    if (class == input->class_count - 1) {
        for (uint32_t row = 0; row < s->table->row_count; row++)
            if (s->table->cells[row * s->table->input_count + column].null)
                return true;
        return false;
    }
    return class_exists(input, class);
}

static bool in_box(const struct search *s, uint32_t column, uint32_t class)
{
    if (!s->box || s->box[column].any)
        return true;
    return cell_matches(&s->box[column], example_of(s->cx, &s->table->inputs[column], class));
}

/* ---- Gaps ---- */

/* Is there a case, of this column on, that none of rows matches?  stop: the first will do. */
static bool find_gap(struct search *s, uint32_t column, const uint64_t *rows, bool tell)
{
    const struct table *table = s->table;
    const struct column *input = &table->inputs[column];
    uint64_t *left, *seen;
    uint32_t seen_count = 0;
    bool found = false;

    if (column == table->input_count) {
        if (is_empty(rows, table->words) && tell)
            (void)add(s, TABLE_GAP, 0, 0);
        return is_empty(rows, table->words);
    }
    left = CX_ARRAY(s->cx, uint64_t, table->words);
    seen = CX_ARRAY(s->cx, uint64_t, (size_t)table->words * input->class_count);
    for (uint32_t class = 0; class < input->class_count && (tell || !found); class ++) {
        bool new = true;

        if (--s->steps_left <= 0)
            break;
        if (!is_asked(s, column, class) || !in_box(s, column, class))
            continue;
        both(rows, index_rows(table, input, class), left, table->words);
        for (uint32_t k = 0; new &&k < seen_count; k++)
            new = memcmp(&seen[(size_t)k * table->words], left, table->words * sizeof(*left)) != 0;
        if (!new)
            continue;
        memcpy(&seen[(size_t)seen_count++ * table->words], left, table->words * sizeof(*left));
        s->chosen[column] = class;
        found |= find_gap(s, column + 1, left, tell);
        if (s->out->findings.count == TABLE_FINDINGS_MAX)
            break;
    }
    return found;
}

/* ---- Overlaps ---- */

/* A class that both cells have; false: none. */
static bool common_class(struct search *s, uint32_t column, uint32_t a, uint32_t b)
{
    const struct column *input = &s->table->inputs[column];

    for (uint32_t class = 0; class < input->class_count; class ++) {
        const uint64_t *rows = index_rows(s->table, input, class);

        s->steps_left--;
        if ((rows[a / 64] >> (a % 64) & 1) && (rows[b / 64] >> (b % 64) & 1) &&
            is_asked(s, column, class)) {
            s->chosen[column] = class;
            return true;
        }
    }
    return false;
}

static bool overlap(struct search *s, uint32_t a, uint32_t b)
{
    for (uint32_t c = 0; c < s->table->input_count; c++)
        if (!common_class(s, c, a, b))
            return false;
    return true;
}

static bool say_the_same(const struct table *table, uint32_t a, uint32_t b)
{
    for (uint32_t c = 0; c < table->output_count; c++) {
        const struct output *x = &table->results[a * table->output_count + c];
        const struct output *y = &table->results[b * table->output_count + c];

        if (x->rule || y->rule || !rule_equal(x->value, y->value))
            return false;
    }
    return true;
}

static void find_overlaps(struct search *s)
{
    for (uint32_t a = 0; a < s->table->row_count; a++)
        for (uint32_t b = a + 1; b < s->table->row_count && s->steps_left > 0; b++)
            if (overlap(s, a, b) &&
                !add(s, say_the_same(s->table, a, b) ? TABLE_SAME : TABLE_OVERLAP, a, b))
                return;
}

/* ---- Rows that are never reached ---- */

static void find_unreachable(struct search *s)
{
    const struct table *table = s->table;
    uint64_t *before = CX_ARRAY(s->cx, uint64_t, table->words);

    for (uint32_t row = 0; row < table->row_count && s->steps_left > 0; row++) {
        struct arena_mark mark = arena_mark(&s->cx->arena);

        s->box = &table->cells[row * table->input_count];
        if (!find_gap(s, 0, before, false) && s->steps_left > 0) {
            for (uint32_t c = 0; c < table->input_count; c++)
                (void)common_class(s, c, row, row);
            if (!add(s, TABLE_UNREACHABLE, row, 0))
                return;
        } else {
            arena_rewind(&s->cx->arena, mark);
        }
        before[row / 64] |= UINT64_C(1) << (row % 64);
    }
    s->box = NULL;
}

void table_analyse(struct cx *cx, const struct table *table, struct table_analysis *out)
{
    struct search s = {.cx = cx,
                       .table = table,
                       .chosen = CX_ARRAY(cx, uint32_t, table->input_count),
                       .out = out,
                       .steps_left = TABLE_STEPS_MAX};
    uint64_t *all = CX_ARRAY(cx, uint64_t, table->words);

    *out = (struct table_analysis){
        .findings = {CX_ARRAY(cx, struct table_finding, TABLE_FINDINGS_MAX), 0}, .complete = true};
    for (uint32_t c = 0; c < table->input_count; c++)
        out->complete &= table->inputs[c].classes != NULL;
    out->complete &= !table->has_rules;
    if (!out->complete)
        return; /* An expression may hold of anything: nothing can be said for certain. */
    for (uint32_t row = 0; row < table->row_count; row++)
        all[row / 64] |= UINT64_C(1) << (row % 64);
    (void)find_gap(&s, 0, all, true);
    if (table->hit == TABLE_FIRST)
        find_unreachable(&s);
    else if (table->hit <= TABLE_ANY)
        find_overlaps(&s);
    out->complete &= s.steps_left > 0;
}
