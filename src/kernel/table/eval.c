/*
 * eval.c - which rows match, fast and told.
 */
#include <string.h>

#include "kernel/table/table_priv.h"

enum { SHOWN_LEN_MAX = 80 };

/* ---- Inputs ---- */

static enum err read_inputs(struct decision *d)
{
    struct cx *cx = d->cx;

    d->inputs = CX_ARRAY(cx, struct rule_value, d->table->input_count);
    for (uint32_t c = 0; c < d->table->input_count; c++) {
        const struct column *column = &d->table->inputs[c];
        struct rule_value v = column->rule ? rule_eval(cx, column->rule, d->values, d->host)
                                           : d->values[column->slot];
        struct rule_fault fault;
        struct str shown;

        if (v.kind == RULE_ERROR) {
            rule_fault_of(column->rule, v, &fault);
            return fail(cx, ERR_UNPROCESSABLE, "table_input", "the input " STR_FMT ": %s",
                        STR_ARG(column->name), fault.text);
        }
        d->inputs[c] = v.kind == RULE_UNSET ? rule_of_null() : v;
        if (d->inputs[c].kind == RULE_NULL || column_takes(column, v))
            continue;
        shown = rule_value_text(cx, v, SHOWN_LEN_MAX);
        return fail(cx, ERR_UNPROCESSABLE, "table_input",
                    "the input " STR_FMT " is " STR_FMT ", and its column wants type %s",
                    STR_ARG(column->name), STR_ARG(shown), column_types[column->type]);
    }
    return OK;
}

/* ---- Cells ---- */

/* Values with `it` behind them. */
static struct rule_value *with_it(const struct decision *d, struct rule_value it)
{
    uint32_t count = d->table->env->variable_count;
    struct rule_value *all = CX_ARRAY(d->cx, struct rule_value, count + 1);

    if (count > 0)
        memcpy(all, d->values, count * sizeof(*all));
    all[count] = it;
    return all;
}

/* Does the cell hold, expression or not?  An expression over nothing does not. */
static enum err cell_holds(const struct decision *d, uint32_t row, uint32_t column, bool *out)
{
    const struct cell *cell = &d->table->cells[row * d->table->input_count + column];
    struct rule_value v = d->inputs[column], result;
    struct rule_fault fault = {.text = "the expression is neither true nor false"};

    if (!cell->rule) {
        *out = cell_matches(cell, v);
        return OK;
    }
    result = rule_eval(d->cx, cell->rule, with_it(d, v), d->host);
    *out = result.kind == RULE_BOOL && result.truth;
    if (result.kind == RULE_BOOL || v.kind == RULE_NULL)
        return OK;
    if (result.kind == RULE_ERROR)
        rule_fault_of(cell->rule, result, &fault);
    return fail(d->cx, ERR_UNPROCESSABLE, "table_input", "row %u, column " STR_FMT ": %s", row + 1,
                STR_ARG(d->table->inputs[column].name), fault.text);
}

/* ---- Rows ---- */

/* Candidates by the index. */
static void find_candidates(const struct decision *d, uint64_t *bits)
{
    const struct table *table = d->table;
    uint32_t last = table->row_count % 64;

    memset(bits, 0xff, table->words * sizeof(*bits));
    if (last)
        bits[table->words - 1] = (UINT64_C(1) << last) - 1;
    for (uint32_t c = 0; c < table->input_count; c++) {
        const struct column *column = &table->inputs[c];
        const uint64_t *rows;

        if (!column->classes)
            continue;
        rows = index_rows(table, column, index_class(column, d->inputs[c]));
        for (uint32_t w = 0; w < table->words; w++)
            bits[w] &= rows[w];
    }
}

/* The cells that the index does not know. */
static enum err row_holds(const struct decision *d, uint32_t row, bool *out)
{
    const struct table *table = d->table;

    *out = true;
    for (uint32_t c = 0; c < table->input_count && *out; c++)
        if (!table->inputs[c].classes || table->cells[row * table->input_count + c].rule)
            TRY(cell_holds(d, row, c, out));
    return OK;
}

static enum err find(const struct decision *d, struct hits *out)
{
    const struct table *table = d->table;
    uint64_t *bits = CX_ARRAY(d->cx, uint64_t, table->words);
    uint32_t *rows, room = 0;

    find_candidates(d, bits);
    for (uint32_t w = 0; w < table->words; w++)
        room += (uint32_t)__builtin_popcountll(bits[w]);
    rows = CX_ARRAY(d->cx, uint32_t, room + 1);
    *out = (struct hits){rows, 0};
    for (uint32_t w = 0; w < table->words; w++)
        for (uint64_t left = bits[w]; left; left &= left - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(left);
            bool holds;

            TRY(row_holds(d, row, &holds));
            if (holds)
                rows[out->count++] = row;
            if (holds && table->hit == TABLE_FIRST)
                return OK;
        }
    return OK;
}

enum err table_eval(struct cx *cx, const struct table *table, const struct rule_value *values,
                    void *host, struct table_answer *out)
{
    struct decision d = {.cx = cx, .table = table, .values = values, .host = host};
    struct hits hits;

    TRY(read_inputs(&d));
    TRY(find(&d, &hits));
    return policy_answer(&d, hits, out);
}

/* ---- Why ---- */

static enum err explain_row(const struct decision *d, struct table_step *step)
{
    for (uint32_t c = 0; c < d->table->input_count && step->matched; c++) {
        TRY(cell_holds(d, step->row, c, &step->matched));
        if (step->matched)
            continue;
        step->column = c;
        step->value = rule_value_text(d->cx, d->inputs[c], SHOWN_LEN_MAX);
        step->cell = d->table->cells[step->row * d->table->input_count + c].text;
    }
    return OK;
}

enum err table_trace(struct cx *cx, const struct table *table, const struct rule_value *values,
                     void *host, struct list *out)
{
    struct decision d = {.cx = cx, .table = table, .values = values, .host = host};
    struct table_step *steps = CX_ARRAY(cx, struct table_step, table->row_count);

    TRY(read_inputs(&d));
    for (uint32_t row = 0; row < table->row_count; row++) {
        steps[row] = (struct table_step){.row = row, .matched = true};
        TRY(explain_row(&d, &steps[row]));
    }
    *out = (struct list){steps, table->row_count};
    return OK;
}
