/*
 * table.h - decision tables: inputs, rows of cells, outputs, and what is said when several match.
 *
 *     {"hit": "first",
 *      "inputs":  [{"name": "amount", "type": "int"}, {"name": "level", "type": "string"}],
 *      "outputs": [{"name": "months", "type": "int", "default": 1}],
 *      "rows":    [{"when": [">= 10000", "gold, platinum"], "then": [12]}, ...]}
 *
 * docs/tables.md has the notation of cells.  A cell that begins with = is a CEL expression, in
 * which `it` is the value of its column; so are outputs of the form {"expr": "..."}.
 *
 * Invariants:
 *   - a struct table is immutable and lives in `keep`; any number of threads evaluate it at once;
 *   - a match is found by an index over the classes of values that no cell tells apart, so its cost
 *     grows with the columns and, little, with the rows; evaluation allocates from cx alone;
 *   - what does not fit the types of its column never runs: it is refused with its pointer.
 */
#ifndef GREVY_TABLE_TABLE_H
#define GREVY_TABLE_TABLE_H

#include "kernel/json/field.h"
#include "kernel/json/json.h"
#include "kernel/rule/rule.h"

enum {
    TABLE_INPUTS_MAX = 32,
    TABLE_OUTPUTS_MAX = 32,
    TABLE_ROWS_MAX = 20000,
    TABLE_CELLS_MAX =
        200000, /* In and out; more is data, and belongs in a table of the database. */
    TABLE_CELL_LEN_MAX = 4096,       /* Bytes of a cell. */
    TABLE_VALUES_MAX = 200,          /* Alternatives within a cell. */
    TABLE_INDEX_BYTES_MAX = 6 << 20, /* Beyond it columns are looked at row by row. */
    TABLE_TESTS_MAX = 200,
};

enum table_hit {
    TABLE_FIRST,
    TABLE_UNIQUE,       /* Two matches are an error. */
    TABLE_ANY,          /* Several must say the same. */
    TABLE_PRIORITY,     /* The one whose outputs stand first in their "values". */
    TABLE_COLLECT,      /* All; or their sum, least, greatest, number. */
    TABLE_RULE_ORDER,   /* All, in order of the rows. */
    TABLE_OUTPUT_ORDER, /* All, in order of their outputs' "values". */
    TABLE_HITS
};

struct table;

/**
 * Compile a document into keep.  env is the context its expressions see; NULL: its inputs are its
 * variables, by name and type, and the tests stored in it are run.  Errors: BAD_INPUT with the JSON
 * pointer of what is wrong, "bad_table" | "bad_cell" | "table_too_large" or those of rule_compile;
 * UNPROCESSABLE "table_test_failed".
 */
MUST_CHECK enum err table_compile(struct cx *cx, struct arena *keep, const struct rule_env *env,
                                  struct json document, const struct table **out);

struct table_answer {
    size_t count;         /* Rows that answer; 0: none matched, and there is no default. */
    const uint32_t *rows; /* Their numbers from 0. */
    const struct rule_value *outputs; /* count times one for each output. */
    bool defaulted;                   /* None matched: outputs are the defaults, rows is empty. */
    bool many;                        /* The policy gives a list, even of one. */
};

/** Decide.  values: one for each variable of the environment.  Errors: UNPROCESSABLE "table_input"
 *  (an input fails or is of another type), "table_output", "table_not_unique", "table_conflict" with
 *  the rows. */
MUST_CHECK enum err table_eval(struct cx *cx, const struct table *table,
                               const struct rule_value *values, void *host,
                               struct table_answer *out);

/** The answer as JSON: an object, a list of objects, or null. */
struct str table_answer_json(struct cx *cx, const struct table *table,
                             const struct table_answer *answer);

/** The variables' values from an object, by name, for a table without env.  Errors: BAD_INPUT. */
MUST_CHECK enum err table_values_read(struct cx *cx, const struct table *table, struct json input,
                                      struct rule_value **out);

/* ---- Why ---- */

struct table_step {
    uint32_t row;
    bool matched;
    uint32_t column;  /* The first that refuses. */
    struct str value; /* What it saw. */
    struct str cell;  /* As it is written. */
};
/** Each row, with why not.  A second way to the same rows. */
MUST_CHECK enum err table_trace(struct cx *cx, const struct table *table,
                                const struct rule_value *values, void *host, struct list *out);

/* ---- Gaps and overlaps ---- */

enum table_finding_kind {
    TABLE_GAP,         /* No row matches. */
    TABLE_OVERLAP,     /* Two rows match and say different things. */
    TABLE_SAME,        /* Two rows match and say the same. */
    TABLE_UNREACHABLE, /* Rows before it always match first. */
};
struct table_finding {
    enum table_finding_kind kind;
    uint32_t row, other; /* Of overlaps both; of an unreachable row that one. */
    struct str example;  /* Inputs for which it is so: {"amount": 5, "level": null}. */
};
struct table_analysis {
    struct list findings; /* of struct table_finding; at most TABLE_FINDINGS_MAX */
    bool complete;        /* False: cells with expressions, or too many cases: more may be there. */
};
enum { TABLE_FINDINGS_MAX = 50, TABLE_STEPS_MAX = 2000000 /* Of an analysis: seconds at most. */ };
void table_analyse(struct cx *cx, const struct table *table, struct table_analysis *out);

size_t table_rows(const struct table *table);
struct str table_column_name(const struct table *table, uint32_t column);

#endif
