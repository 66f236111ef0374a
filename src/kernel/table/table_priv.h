/*
 * table_priv.h - a compiled table.  Between the files of this folder only.
 *
 * A column's constants cut its values into classes: below the first, the first, between the first
 * and the second, and so on; and null.  No cell tells two values of a class apart, so a row is, in
 * each column, a set of classes, and a class a set of rows.
 */
#ifndef GREVY_TABLE_TABLE_PRIV_H
#define GREVY_TABLE_TABLE_PRIV_H

#include "kernel/table/table.h"

enum column_type {
    COLUMN_ANY,
    COLUMN_BOOL,
    COLUMN_INT,
    COLUMN_DOUBLE,
    COLUMN_STRING,
    COLUMN_DATE, /* Text "2026-11-11", which sorts as its bytes do. */
    COLUMN_TIMESTAMP,
    COLUMN_TYPES
};
extern const char *const column_types[];

/* low <= it <= high, either end open or absent (kind RULE_UNSET). */
struct span {
    struct rule_value low, high;
    bool low_open, high_open;
};

struct cell {
    struct str text; /* As it was written. */
    struct span *spans;
    uint32_t span_count;
    bool any, negated, null; /* null: null is among its alternatives. */
    const struct rule *rule; /* An expression instead of all that. */
};

struct column {
    struct str name;
    enum column_type type;
    const struct rule *rule; /* Of an input; NULL: the variable `slot`. */
    uint32_t slot;
    struct rule_value *values; /* Declared, in order of priority. */
    uint32_t value_count;
    struct rule_value fallback; /* Of an output; RULE_UNSET: none. */
    /* Index of an input: class 2k is before constant k, 2k + 1 is it, the last but one is after all
     * of them, the last is null. */
    struct rule_value *constants;
    uint32_t constant_count, class_count;
    uint64_t *classes; /* class_count times words of bits, one for each row; NULL: no index. */
};

struct output {
    struct rule_value value;
    const struct rule *rule; /* NULL: the value. */
};

struct table {
    enum table_hit hit;
    int aggregate; /* enum table_aggregate */
    struct column *inputs, *outputs;
    uint32_t input_count, output_count, row_count, words;
    struct cell *cells;     /* row_count times input_count. */
    struct output *results; /* row_count times output_count. */
    bool has_rules;         /* Cells with expressions. */
    const struct rule_env *env;
    struct rule_env *own;  /* The one made of its inputs, or NULL. */
    struct rule_env **its; /* For each input: env with `it`. */
};

enum table_aggregate {
    AGGREGATE_NONE,
    AGGREGATE_SUM,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_COUNT
};

/* ---- cell.c ---- */

struct cell_maker {
    struct cx *cx;
    struct arena *keep;
    const struct column *column;
    const struct rule_env *env; /* With `it`, the last variable. */
    const char *pointer;
    struct span *scratch; /* For CELL_SPANS_MAX of them; of constants NULL. */
};
enum { CELL_SPANS_MAX = 2 * TABLE_VALUES_MAX + 2 };
/** Errors: BAD_INPUT "bad_cell" at the pointer; those of rule_compile. */
MUST_CHECK enum err cell_make(const struct cell_maker *maker, struct json value, struct cell *out);
/** A JSON value as one of the column's.  Errors: BAD_INPUT "bad_cell". */
MUST_CHECK enum err cell_constant(const struct cell_maker *maker, struct json value,
                                  struct rule_value *out);
/** Of cells without expressions. */
bool cell_matches(const struct cell *cell, struct rule_value v);
/** Is v, not null, of the column's type?  An integer is also a double. */
bool column_takes(const struct column *column, struct rule_value v);
/** Both of one column. */
int constant_compare(struct rule_value a, struct rule_value b);

/* ---- index.c ---- */

void index_make(struct cx *cx, struct arena *keep, struct table *table);
uint32_t index_class(const struct column *column, struct rule_value v);
static inline const uint64_t *index_rows(const struct table *table, const struct column *column,
                                         uint32_t class)
{
    return column->classes + (size_t) class * table->words;
}

/* ---- eval.c ---- */

/* One evaluation on its way. */
struct decision {
    struct cx *cx;
    const struct table *table;
    const struct rule_value *values; /* Of the environment's variables. */
    void *host;
    struct rule_value *inputs; /* One for each column. */
};

/* ---- policy.c ---- */

struct hits {
    const uint32_t *rows;
    size_t count;
};
MUST_CHECK enum err policy_answer(const struct decision *d, struct hits hits,
                                  struct table_answer *out);

#endif
