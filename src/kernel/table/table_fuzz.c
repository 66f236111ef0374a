/*
 * table_fuzz.c - a JSON list of a table and an input, whatever they are: a table is refused with a
 * place, or decides, and its index agrees with looking at each cell.
 */
#include "kernel/table/table.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 256 << 20, KEEP_BYTES = 64 << 20, ANALYSED_ROWS_MAX = 20 };

/* The first row that matches is the first that the trace says matches. */
static void check_first(struct cx *cx, const struct table *table, const struct rule_value *values,
                        const struct table_answer *answer)
{
    struct list steps;

    if (table_trace(cx, table, values, NULL, &steps) != OK)
        return; /* It looks at cells that the index has spared. */
    for (size_t k = 0; k < steps.count; k++) {
        if (!LIST_AT(steps, struct table_step, k)->matched)
            continue;
        must(answer->count > 0, "a row that matches answers");
        must(answer->many || !answer->rows || answer->defaulted || answer->rows[0] >= k,
             "no row before the first that matches answers");
        return;
    }
    must(answer->count == 0 || !answer->rows || answer->defaulted, "no row matches");
}

static void decide(struct cx *cx, const struct table *table, struct str input)
{
    struct table_analysis analysis;
    struct rule_value *values;
    struct table_answer answer;
    struct json json;

    if (json_parse(cx, input, &json) != OK || table_values_read(cx, table, json, &values) != OK)
        return;
    if (table_eval(cx, table, values, NULL, &answer) == OK) {
        check_first(cx, table, values, &answer);
        must(json_parse(cx, table_answer_json(cx, table, &answer), &json) == OK, "JSON comes out");
    }
    if (table_rows(table) <= ANALYSED_ROWS_MAX)
        table_analyse(cx, table, &analysis);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct table *table;
    struct json json, parts[2] = {{0}, {0}};
    struct arena keep;
    struct str input;
    size_t count = 0;
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    arena_init(&keep, KEEP_BYTES);
    if (json_parse(&cx, (struct str){(const char *)data, size}, &json) == OK &&
        json_type(json) == JSON_LIST && json_count(json) == 2) {
        for (struct json_iter it = json_iter(json); json_next(&it);)
            parts[count++] = it.value;
        input = json_minified(&cx, parts[1]);
        if (table_compile(&cx, &keep, NULL, parts[0], &table) == OK)
            decide(&cx, table, input);
        else
            must(cx.problem.code && cx.problem.detail[0], "a refusal has a reason");
    }
    arena_free(&keep);
    cx_close(&cx);
    return 0;
}
