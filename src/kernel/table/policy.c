/*
 * policy.c - from the rows that match to what the table says.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/table/table_priv.h"

/* ---- Outputs ---- */

static enum err output_of(const struct decision *d, uint32_t row, uint32_t column,
                          struct rule_value *out)
{
    const struct output *output = &d->table->results[row * d->table->output_count + column];
    const struct column *declared = &d->table->outputs[column];
    struct rule_fault fault;

    *out = output->value;
    if (!output->rule)
        return OK;
    *out = rule_eval(d->cx, output->rule, d->values, d->host);
    if (out->kind == RULE_ERROR) {
        rule_fault_of(output->rule, *out, &fault);
        return fail(d->cx, ERR_UNPROCESSABLE, "table_output", "row %u, output " STR_FMT ": %s",
                    row + 1, STR_ARG(declared->name), fault.text);
    }
    if (out->kind != RULE_NULL && !column_takes(declared, *out))
        return fail(d->cx, ERR_UNPROCESSABLE, "table_output",
                    "row %u, output " STR_FMT " is not of type %s", row + 1,
                    STR_ARG(declared->name), column_types[declared->type]);
    return OK;
}

static enum err outputs_of(const struct decision *d, struct hits hits, struct table_answer *out)
{
    uint32_t count = d->table->output_count;
    struct rule_value *outputs = CX_ARRAY(d->cx, struct rule_value, hits.count * count + 1);

    for (size_t k = 0; k < hits.count; k++)
        for (uint32_t c = 0; c < count; c++)
            TRY(output_of(d, hits.rows[k], c, &outputs[k * count + c]));
    *out = (struct table_answer){.count = hits.count, .rows = hits.rows, .outputs = outputs};
    return OK;
}

/* ---- One of several ---- */

static enum err not_unique(struct cx *cx, struct hits hits)
{
    return fail(cx, ERR_UNPROCESSABLE, "table_not_unique",
                "rows %u and %u match, and only one may: make their cells exclude each other",
                hits.rows[0] + 1, hits.rows[1] + 1);
}

static bool say_the_same(const struct table *table, const struct table_answer *answer, size_t k)
{
    for (uint32_t c = 0; c < table->output_count; c++)
        if (!rule_equal(answer->outputs[c], answer->outputs[k * table->output_count + c]))
            return false;
    return true;
}

static enum err all_agree(struct cx *cx, const struct table *table, struct table_answer *answer)
{
    for (size_t k = 1; k < answer->count; k++)
        if (!say_the_same(table, answer, k))
            return fail(cx, ERR_UNPROCESSABLE, "table_conflict",
                        "rows %u and %u match and say different things", answer->rows[0] + 1,
                        answer->rows[k] + 1);
    answer->count = 1;
    return OK;
}

/* ---- In order of their outputs ---- */

/* The place of v among the values of its column; behind them all when it is none. */
static uint32_t place_of(const struct column *column, struct rule_value v)
{
    uint32_t k = 0;

    while (k < column->value_count && !rule_equal(column->values[k], v))
        k++;
    return k;
}

static int by_output(const struct table *table, const struct rule_value *a,
                     const struct rule_value *b)
{
    for (uint32_t c = 0; c < table->output_count; c++) {
        uint32_t left = place_of(&table->outputs[c], a[c]),
                 right = place_of(&table->outputs[c], b[c]);

        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0;
}

/* Rows of equal outputs stay in their order: insertion, for matches are few. */
static void sort(struct cx *cx, const struct table *table, struct table_answer *answer)
{
    uint32_t count = table->output_count;
    uint32_t *rows = CX_ARRAY(cx, uint32_t, answer->count + 1);
    struct rule_value *outputs = CX_ARRAY(cx, struct rule_value, answer->count * count + 1);

    for (size_t k = 0; k < answer->count; k++) {
        const struct rule_value *one = &answer->outputs[k * count];
        size_t at = k;

        for (; at > 0 && by_output(table, one, &outputs[(at - 1) * count]) < 0; at--) {
            rows[at] = rows[at - 1];
            memcpy(&outputs[at * count], &outputs[(at - 1) * count], count * sizeof(*outputs));
        }
        rows[at] = answer->rows[k];
        memcpy(&outputs[at * count], one, count * sizeof(*outputs));
    }
    answer->rows = rows;
    answer->outputs = outputs;
}

/* ---- Sums ---- */

static enum err add(struct cx *cx, struct rule_value v, struct rule_value *sum)
{
    if (v.kind == RULE_INT && sum->kind == RULE_INT) {
        if (__builtin_add_overflow(sum->i, v.i, &sum->i))
            return fail(cx, ERR_UNPROCESSABLE, "table_output", "the sum is too large for an int");
        return OK;
    }
    *sum = rule_of_double((sum->kind == RULE_INT ? (double)sum->i : sum->d) +
                          (v.kind == RULE_INT ? (double)v.i : v.d));
    return OK;
}

static enum err aggregate_column(struct cx *cx, const struct table *table,
                                 const struct table_answer *answer, uint32_t column,
                                 struct rule_value *out)
{
    *out = answer->outputs[column];
    for (size_t k = 1; k < answer->count; k++) {
        struct rule_value v = answer->outputs[k * table->output_count + column];
        int order = constant_compare(v, *out);

        if (table->aggregate == AGGREGATE_SUM)
            TRY(add(cx, v, out));
        else if ((table->aggregate == AGGREGATE_MIN && order < 0) ||
                 (table->aggregate == AGGREGATE_MAX && order > 0))
            *out = v;
    }
    return OK;
}

/* Nothing to add up is null; nothing is counted as 0. */
static enum err aggregate(struct cx *cx, const struct table *table, struct table_answer *answer)
{
    struct rule_value *outputs = CX_ARRAY(cx, struct rule_value, table->output_count);

    for (uint32_t c = 0; c < table->output_count; c++) {
        if (table->aggregate == AGGREGATE_COUNT)
            outputs[c] = rule_of_int((int64_t)answer->count);
        else if (answer->count > 0)
            TRY(aggregate_column(cx, table, answer, c, &outputs[c]));
    }
    if (answer->count > 0 || table->aggregate == AGGREGATE_COUNT)
        answer->count = 1;
    answer->outputs = outputs;
    answer->many = false;
    return OK;
}

/* ---- The policies ---- */

static bool has_defaults(const struct table *table)
{
    for (uint32_t c = 0; c < table->output_count; c++)
        if (table->outputs[c].fallback.kind == RULE_UNSET)
            return false;
    return true;
}

static void take_defaults(struct cx *cx, const struct table *table, struct table_answer *answer)
{
    struct rule_value *outputs = CX_ARRAY(cx, struct rule_value, table->output_count);

    for (uint32_t c = 0; c < table->output_count; c++)
        outputs[c] = table->outputs[c].fallback;
    answer->count = 1;
    answer->outputs = outputs;
    answer->defaulted = true;
}

enum err policy_answer(const struct decision *d, struct hits hits, struct table_answer *out)
{
    const struct table *table = d->table;
    struct cx *cx = d->cx;

    if (table->hit == TABLE_UNIQUE && hits.count > 1)
        return not_unique(cx, hits);
    TRY(outputs_of(d, hits, out));
    out->many = table->hit >= TABLE_COLLECT;
    if (table->aggregate != AGGREGATE_NONE)
        return aggregate(cx, table, out);
    if (out->count == 0 && has_defaults(table)) {
        take_defaults(cx, table, out);
        return OK;
    }
    if (table->hit == TABLE_ANY && out->count > 1)
        return all_agree(cx, table, out);
    if (table->hit == TABLE_PRIORITY || table->hit == TABLE_OUTPUT_ORDER)
        sort(cx, table, out);
    if (table->hit == TABLE_PRIORITY && out->count > 1)
        out->count = 1;
    return OK;
}
