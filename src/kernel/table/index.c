/*
 * index.c - which rows a value matches: cells looked at one by one, and classes of values.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/table/table_priv.h"

/* ---- Matching ---- */

static bool is_number(struct rule_value v)
{
    return v.kind == RULE_INT || v.kind == RULE_UINT || v.kind == RULE_DOUBLE;
}

static bool span_has(const struct span *span, struct rule_value v)
{
    int order;

    if (span->low.kind != RULE_UNSET) {
        order = constant_compare(v, span->low);
        if (order < 0 || (order == 0 && span->low_open))
            return false;
    }
    if (span->high.kind != RULE_UNSET) {
        order = constant_compare(v, span->high);
        if (order > 0 || (order == 0 && span->high_open))
            return false;
    }
    return true;
}

/* Of values of any type: what cannot be compared with a span's ends lies not in it. */
static bool comparable(const struct span *span, struct rule_value v)
{
    struct rule_value end = span->low.kind != RULE_UNSET ? span->low : span->high;

    return end.kind == RULE_UNSET || end.kind == v.kind || (is_number(end) && is_number(v));
}

bool cell_matches(const struct cell *cell, struct rule_value v)
{
    bool is_null = v.kind == RULE_NULL || v.kind == RULE_UNSET, in = is_null && cell->null;

    assert(!cell->rule);
    if (cell->any)
        return true;
    for (uint32_t k = 0; !is_null && !in && k < cell->span_count; k++)
        in = comparable(&cell->spans[k], v) && span_has(&cell->spans[k], v);
    return in != cell->negated;
}

/* ---- Classes ---- */

static int by_value(const void *a, const void *b)
{
    return constant_compare(*(const struct rule_value *)a, *(const struct rule_value *)b);
}

/* All constants of a column, sorted, each once; in keep. */
static void collect(struct cx *cx, struct arena *keep, const struct table *table, uint32_t column)
{
    struct column *input = &table->inputs[column];
    struct rule_value *all;
    size_t count = input->value_count + 2, kept = 0;

    for (uint32_t row = 0; row < table->row_count; row++)
        count += 2 * (size_t)table->cells[row * table->input_count + column].span_count;
    all = CX_ARRAY(cx, struct rule_value, count + 1);
    for (count = 0; count < input->value_count; count++)
        all[count] = input->values[count];
    for (int truth = 0; input->type == COLUMN_BOOL && truth < 2; truth++)
        all[count++] = rule_of_bool(truth);
    for (uint32_t row = 0; row < table->row_count; row++) {
        const struct cell *cell = &table->cells[row * table->input_count + column];

        for (uint32_t k = 0; k < cell->span_count; k++) {
            if (cell->spans[k].low.kind != RULE_UNSET)
                all[count++] = cell->spans[k].low;
            if (cell->spans[k].high.kind != RULE_UNSET)
                all[count++] = cell->spans[k].high;
        }
    }
    qsort(all, count, sizeof(*all), by_value);
    for (size_t k = 0; k < count; k++)
        if (kept == 0 || constant_compare(all[kept - 1], all[k]) != 0)
            all[kept++] = all[k];
    input->constants = arena_alloc(keep, (kept + 1) * sizeof(*all));
    memcpy(input->constants, all, kept * sizeof(*all));
    input->constant_count = (uint32_t)kept;
    input->class_count = 2 * (uint32_t)kept + 2;
}

static uint32_t null_class(const struct column *column)
{
    return column->class_count - 1;
}

/* Classes from..*until that a span covers. */
static uint32_t span_classes(const struct column *column, const struct span *span, uint32_t *until)
{
    uint32_t from = 0;

    *until = null_class(column);
    if (span->low.kind != RULE_UNSET)
        from = index_class(column, span->low) + span->low_open;
    if (span->high.kind != RULE_UNSET)
        *until = index_class(column, span->high) + !span->high_open;
    return from;
}

static void set(struct table *table, struct column *column, uint32_t class, uint32_t row, bool yes)
{
    uint64_t *word = &column->classes[(size_t) class * table->words + row / 64];
    uint64_t bit = UINT64_C(1) << (row % 64);

    *word = yes ? *word | bit : *word & ~bit;
}

/* An expression may hold of any value. */
static void add_row(struct table *table, struct column *column, const struct cell *cell,
                    uint32_t row)
{
    bool begins = cell->any || cell->rule || cell->negated, other = !begins;

    for (uint32_t class = 0; class < column->class_count; class ++)
        set(table, column, class, row, begins);
    if (cell->any || cell->rule)
        return;
    if (cell->null)
        set(table, column, null_class(column), row, other);
    for (uint32_t k = 0; k < cell->span_count; k++) {
        uint32_t until, class = span_classes(column, &cell->spans[k], &until);

        for (; class < until; class ++)
            set(table, column, class, row, other);
    }
}

void index_make(struct cx *cx, struct arena *keep, struct table *table)
{
    size_t left = TABLE_INDEX_BYTES_MAX / sizeof(uint64_t);

    for (uint32_t c = 0; c < table->input_count; c++) {
        struct column *column = &table->inputs[c];
        size_t words;

        if (column->type == COLUMN_ANY)
            continue; /* Values of unlike types have no one order. */
        collect(cx, keep, table, c);
        words = (size_t)column->class_count * table->words;
        if (words > left)
            continue;
        left -= words;
        column->classes = arena_alloc(keep, words * sizeof(uint64_t));
        for (uint32_t row = 0; row < table->row_count; row++)
            add_row(table, column, &table->cells[row * table->input_count + c], row);
    }
}

uint32_t index_class(const struct column *column, struct rule_value v)
{
    uint32_t low = 0, high = column->constant_count;

    if (v.kind == RULE_NULL || v.kind == RULE_UNSET)
        return null_class(column);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = constant_compare(v, column->constants[middle]);

        if (order == 0)
            return 2 * middle + 1;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 2 * low;
}
