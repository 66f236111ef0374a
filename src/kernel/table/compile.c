/*
 * compile.c - from the document to a table.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/rule/json_value.h"
#include "kernel/table/table_priv.h"

static const char *const hits[] = {"first",   "unique",     "any",          "priority",
                                   "collect", "rule_order", "output_order", NULL};
static const char *const aggregates[] = {"none", "sum", "min", "max", "count", NULL};

/* ---- The document ---- */

struct column_doc {
    struct str name, expr, values, fallback, title;
    int type;
};
static const struct field column_fields[] = {
    F(column_doc, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64),
    F_ENUM(column_doc, type, column_types),
    F(column_doc, expr, .max = TABLE_CELL_LEN_MAX),
    F_JSON(column_doc, values),
    F_JSON(column_doc, title, .doc = "In languages: {\"zh\": \"..\", \"en\": \"..\"}."),
    {.name = "default", .type = FIELD_JSON, FIELD_AT(column_doc, fallback)},
    F_END};

struct row_doc {
    struct str when, then, note;
};
static const struct field row_fields[] = {F_JSON(row_doc, when, .flags = FIELD_REQUIRED),
                                          F_JSON(row_doc, then, .flags = FIELD_REQUIRED),
                                          F(row_doc, note, .max = TABLE_CELL_LEN_MAX), F_END};

struct test_doc {
    struct str name, input, output;
};
static const struct field test_fields[] = {
    F(test_doc, name), F_JSON(test_doc, input, .flags = FIELD_REQUIRED),
    F_JSON(test_doc, output, .flags = FIELD_REQUIRED), F_END};

struct variable_doc {
    struct str name, type;
};
static const struct field variable_fields[] = {
    F(variable_doc, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64), F(variable_doc, type),
    F_END};

struct table_doc {
    int hit, aggregate;
    struct list variables, inputs, outputs, rows, tests;
    struct str title, doc;
};
static const struct field table_fields[] = {
    F_JSON(table_doc, title),
    F_JSON(table_doc, doc),
    F_ENUM(table_doc, hit, hits),
    F_ENUM(table_doc, aggregate, aggregates),
    F_LIST(table_doc, variables, variable_doc, variable_fields, .max = TABLE_INPUTS_MAX),
    F_LIST(table_doc, inputs, column_doc, column_fields, .flags = FIELD_REQUIRED, .min = 1,
           .max = TABLE_INPUTS_MAX),
    F_LIST(table_doc, outputs, column_doc, column_fields, .flags = FIELD_REQUIRED, .min = 1,
           .max = TABLE_OUTPUTS_MAX),
    F_LIST(table_doc, rows, row_doc, row_fields, .flags = FIELD_REQUIRED, .min = 1,
           .max = TABLE_ROWS_MAX),
    F_LIST(table_doc, tests, test_doc, test_fields, .max = TABLE_TESTS_MAX),
    F_END};

struct compiler {
    struct cx *cx;
    struct arena *keep;
    struct table *table;
    struct table_doc doc;
    struct span *scratch;
    char pointer[PROBLEM_POINTER_LEN_MAX];
};

static enum err refuse(struct compiler *c, const char *why)
{
    return fail_at(c->cx, ERR_BAD_INPUT, "bad_table", c->pointer, "%s", why);
}

/* A rule's refusal has a place in its text; here is where the text stands. */
static enum err at_expression(struct compiler *c)
{
    struct problem *problem = &c->cx->problem;

    snprintf(problem->pointer, sizeof(problem->pointer), "%.*s/expr", PROBLEM_POINTER_LEN_MAX - 8,
             c->pointer);
    return problem->err = ERR_BAD_INPUT;
}

static const struct rule_type *type_of(enum column_type type)
{
    static const struct rule_type *const types[COLUMN_TYPES] = {[COLUMN_ANY] = &rule_dyn,
                                                                [COLUMN_BOOL] = &rule_bool,
                                                                [COLUMN_INT] = &rule_int,
                                                                [COLUMN_DOUBLE] = &rule_double,
                                                                [COLUMN_STRING] = &rule_string,
                                                                [COLUMN_DATE] = &rule_string,
                                                                [COLUMN_TIMESTAMP] =
                                                                    &rule_timestamp};

    return types[type];
}

static struct str kept(struct compiler *c, struct str text)
{
    return rule_text(rule_copy(c->keep, rule_of_text(text)));
}

/* ---- The environment ---- */

/* A table alone: variables as declared, or its inputs. */
static enum err own_env(struct compiler *c)
{
    struct rule_env *env = arena_alloc(c->keep, sizeof(*env));
    size_t declared = c->doc.variables.count, count = declared ? declared : c->doc.inputs.count;
    struct rule_variable *variables = arena_alloc(c->keep, (count + 1) * sizeof(*variables));

    for (size_t k = 0; k < count; k++) {
        const struct variable_doc *v =
            declared ? LIST_AT(c->doc.variables, struct variable_doc, k) : NULL;
        const struct column_doc *input = LIST_AT(c->doc.inputs, struct column_doc, v ? 0 : k);
        const struct rule_type *type = v && v->type.ptr ? rule_type_parse(c->keep, v->type)
                                       : v              ? &rule_dyn
                                                        : type_of((enum column_type)input->type);

        snprintf(c->pointer, sizeof(c->pointer), "/variables/%zu/type", k);
        if (!type)
            return refuse(c, "no such type: int, double, string, bool, list(string), dyn ...");
        variables[k] = (struct rule_variable){kept(c, v ? v->name : input->name), type};
    }
    *env = (struct rule_env){.variables = variables, .variable_count = (uint32_t)count};
    c->table->env = c->table->own = env;
    return OK;
}

/* With `it` behind the variables. */
static struct rule_env *env_with_it(struct compiler *c, enum column_type type)
{
    const struct rule_env *env = c->table->env;
    struct rule_env *with = arena_alloc(c->keep, sizeof(*with));
    struct rule_variable *variables =
        arena_alloc(c->keep, (env->variable_count + 1) * sizeof(*variables));

    if (env->variable_count > 0)
        memcpy(variables, env->variables, env->variable_count * sizeof(*variables));
    variables[env->variable_count] = (struct rule_variable){STR("it"), type_of(type)};
    *with = *env;
    with->variables = variables;
    with->variable_count = env->variable_count + 1;
    return with;
}

/* ---- Columns ---- */

static enum err read_values(struct compiler *c, struct column *column, struct str values)
{
    struct cell_maker maker = {c->cx, c->keep, column, NULL, c->pointer, NULL};
    struct json list;
    uint32_t k = 0;

    if (!values.ptr)
        return OK;
    TRY(json_parse(c->cx, values, &list));
    if (json_type(list) != JSON_LIST || json_count(list) > TABLE_VALUES_MAX)
        return refuse(c, "values are a list of at most 200");
    column->values = arena_alloc(c->keep, (json_count(list) + 1) * sizeof(*column->values));
    for (struct json_iter it = json_iter(list); json_next(&it); k++)
        TRY(cell_constant(&maker, it.value, &column->values[k]));
    column->value_count = k;
    return OK;
}

static enum err make_column(struct compiler *c, const struct column_doc *doc, struct column *column)
{
    struct cell_maker maker = {c->cx, c->keep, column, NULL, c->pointer, NULL};
    struct json fallback;

    *column = (struct column){.name = kept(c, doc->name),
                              .type = (enum column_type)doc->type,
                              .fallback = {.kind = RULE_UNSET}};
    TRY(read_values(c, column, doc->values));
    if (!doc->fallback.ptr)
        return OK;
    TRY(json_parse(c->cx, doc->fallback, &fallback));
    if (json_type(fallback) != JSON_NULL)
        return cell_constant(&maker, fallback, &column->fallback);
    column->fallback = rule_of_null();
    return OK;
}

/* The expression, or the variable of that name. */
static enum err make_input(struct compiler *c, const struct column_doc *doc, struct column *column)
{
    const struct rule_env *env = c->table->env;

    TRY(make_column(c, doc, column));
    if (doc->fallback.ptr)
        return refuse(c, "an input has no default: what is missing is null");
    for (column->slot = 0; !doc->expr.ptr && column->slot < env->variable_count; column->slot++)
        if (str_eq(env->variables[column->slot].name, doc->name))
            return OK;
    if (rule_compile(c->cx, c->keep, env, doc->expr.ptr ? doc->expr : doc->name, NULL,
                     &column->rule) == OK)
        return OK;
    return at_expression(c);
}

static enum err make_columns(struct compiler *c)
{
    struct table *table = c->table;

    table->input_count = (uint32_t)c->doc.inputs.count;
    table->output_count = (uint32_t)c->doc.outputs.count;
    table->inputs = arena_alloc(c->keep, table->input_count * sizeof(*table->inputs));
    table->outputs = arena_alloc(c->keep, table->output_count * sizeof(*table->outputs));
    table->its = arena_alloc(c->keep, table->input_count * sizeof(struct rule_env *));
    for (uint32_t k = 0; k < table->input_count; k++) {
        snprintf(c->pointer, sizeof(c->pointer), "/inputs/%u", k);
        TRY(make_input(c, LIST_AT(c->doc.inputs, struct column_doc, k), &table->inputs[k]));
        table->its[k] = env_with_it(c, table->inputs[k].type);
    }
    for (uint32_t k = 0; k < table->output_count; k++) {
        enum column_type type;

        snprintf(c->pointer, sizeof(c->pointer), "/outputs/%u", k);
        TRY(make_column(c, LIST_AT(c->doc.outputs, struct column_doc, k), &table->outputs[k]));
        type = table->outputs[k].type;
        if (table->aggregate > AGGREGATE_NONE && table->aggregate < AGGREGATE_COUNT &&
            type != COLUMN_INT && type != COLUMN_DOUBLE)
            return refuse(c, "what is added up or compared is of type int or double");
    }
    return OK;
}

/* ---- Rows ---- */

static enum err make_output(struct compiler *c, const struct column *column, struct json json,
                            struct output *out)
{
    struct cell_maker maker = {c->cx, c->keep, column, NULL, c->pointer, NULL};
    struct json expr;

    *out = (struct output){.value = rule_of_null()};
    if (json_type(json) == JSON_NULL)
        return OK;
    if (json_type(json) != JSON_OBJECT || json_count(json) != 1 || !json_get(json, "expr", &expr) ||
        json_type(expr) != JSON_TEXT)
        return cell_constant(&maker, json, &out->value);
    if (rule_compile(c->cx, c->keep, c->table->env, json_text(c->cx, expr), NULL, &out->rule) == OK)
        return OK;
    return at_expression(c);
}

static enum err parse_list(struct compiler *c, struct str text, size_t count, struct json *out)
{
    TRY(json_parse(c->cx, text, out));
    if (json_type(*out) == JSON_LIST && json_count(*out) == count)
        return OK;
    return refuse(c, "a list is wanted here, with one item for each column");
}

static enum err make_when(struct compiler *c, uint32_t row, struct str text)
{
    struct table *table = c->table;
    struct json list;
    uint32_t k = 0;

    snprintf(c->pointer, sizeof(c->pointer), "/rows/%u/when", row);
    TRY(parse_list(c, text, table->input_count, &list));
    for (struct json_iter it = json_iter(list); json_next(&it); k++) {
        struct cell_maker maker = {c->cx,         c->keep,    &table->inputs[k],
                                   table->its[k], c->pointer, c->scratch};
        struct cell *cell = &table->cells[row * table->input_count + k];

        snprintf(c->pointer, sizeof(c->pointer), "/rows/%u/when/%u", row, k);
        TRY(cell_make(&maker, it.value, cell));
        table->has_rules |= cell->rule != NULL;
    }
    return OK;
}

static enum err make_then(struct compiler *c, uint32_t row, struct str text)
{
    struct table *table = c->table;
    struct json list;
    uint32_t k = 0;

    snprintf(c->pointer, sizeof(c->pointer), "/rows/%u/then", row);
    TRY(parse_list(c, text, table->output_count, &list));
    for (struct json_iter it = json_iter(list); json_next(&it); k++) {
        snprintf(c->pointer, sizeof(c->pointer), "/rows/%u/then/%u", row, k);
        TRY(make_output(c, &table->outputs[k], it.value,
                        &table->results[row * table->output_count + k]));
    }
    return OK;
}

static enum err make_rows(struct compiler *c)
{
    struct table *table = c->table;
    size_t cells = c->doc.rows.count * (table->input_count + table->output_count);

    c->pointer[0] = '\0';
    if (cells > TABLE_CELLS_MAX)
        return fail_at(c->cx, ERR_BAD_INPUT, "table_too_large", "/rows",
                       "%zu cells, and a table has at most %d: divide it, or keep data as data",
                       cells, TABLE_CELLS_MAX);
    table->row_count = (uint32_t)c->doc.rows.count;
    table->words = (table->row_count + 63) / 64;
    table->cells =
        arena_alloc(c->keep, (size_t)table->row_count * table->input_count * sizeof(*table->cells));
    table->results = arena_alloc(c->keep, (size_t)table->row_count * table->output_count *
                                              sizeof(*table->results));
    for (uint32_t k = 0; k < table->row_count; k++) {
        const struct row_doc *row = LIST_AT(c->doc.rows, struct row_doc, k);

        TRY(make_when(c, k, row->when));
        TRY(make_then(c, k, row->then));
    }
    return OK;
}

/* ---- Tests stored beside it ---- */

static enum err run_test(struct compiler *c, const struct test_doc *test, size_t number)
{
    struct rule_value *values;
    struct table_answer answer;
    struct str said, wanted;
    struct json json;

    snprintf(c->pointer, sizeof(c->pointer), "/tests/%zu", number);
    TRY(json_parse(c->cx, test->output, &json));
    wanted = json_minified(c->cx, json);
    TRY(json_parse(c->cx, test->input, &json));
    TRY(table_values_read(c->cx, c->table, json, &values));
    TRY(table_eval(c->cx, c->table, values, NULL, &answer));
    said = table_answer_json(c->cx, c->table, &answer);
    if (str_eq(said, wanted))
        return OK;
    return fail_at(c->cx, ERR_UNPROCESSABLE, "table_test_failed", c->pointer,
                   "test \"" STR_FMT "\": expected %.120s, got %.120s",
                   STR_ARG(test->name.ptr ? test->name : STR("")),
                   cx_printf(c->cx, STR_FMT, STR_ARG(wanted)).ptr,
                   cx_printf(c->cx, STR_FMT, STR_ARG(said)).ptr);
}

static enum err run_tests(struct compiler *c)
{
    for (size_t k = 0; c->table->own && k < c->doc.tests.count; k++) {
        enum err err = run_test(c, LIST_AT(c->doc.tests, struct test_doc, k), k);

        if (err != OK && !c->cx->problem.pointer[0])
            snprintf(c->cx->problem.pointer, sizeof(c->cx->problem.pointer), "%s", c->pointer);
        TRY(err);
    }
    return OK;
}

enum err table_compile(struct cx *cx, struct arena *keep, const struct rule_env *env,
                       struct json document, const struct table **out)
{
    struct table *table = arena_alloc(keep, sizeof(*table));
    struct compiler c = {.cx = cx,
                         .keep = keep,
                         .table = table,
                         .scratch = CX_ARRAY(cx, struct span, CELL_SPANS_MAX)};

    TRY(field_decode(cx, table_fields, FIELD_STRICT, document, "", &c.doc));
    *table =
        (struct table){.hit = (enum table_hit)c.doc.hit, .aggregate = c.doc.aggregate, .env = env};
    if (table->aggregate != AGGREGATE_NONE && table->hit != TABLE_COLLECT)
        return fail_at(cx, ERR_BAD_INPUT, "bad_table", "/aggregate", "only collect aggregates");
    if (!env)
        TRY(own_env(&c));
    TRY(make_columns(&c));
    TRY(make_rows(&c));
    index_make(cx, keep, table);
    TRY(run_tests(&c));
    *out = table;
    return OK;
}
