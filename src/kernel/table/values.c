/*
 * values.c - inputs from JSON, answers to it.
 */
#include "kernel/rule/json_value.h"
#include "kernel/rule/time.h"
#include "kernel/table/table_priv.h"

size_t table_rows(const struct table *table)
{
    return table->row_count;
}

struct str table_column_name(const struct table *table, uint32_t column)
{
    assert(column < table->input_count);
    return table->inputs[column].name;
}

/* What JSON has no type for is text there. */
static struct rule_value as_declared(struct rule_value v, const struct rule_type *type)
{
    struct rule_value moment;

    if (type->kind == RULE_T_TIMESTAMP && v.kind == RULE_STRING &&
        rule_read_timestamp(rule_text(v), &moment))
        return moment;
    if (type->kind == RULE_T_DOUBLE && v.kind == RULE_INT)
        return rule_of_double((double)v.i);
    return v;
}

static bool fits(struct rule_value v, const struct rule_type *type)
{
    const struct rule_type *is = rule_type_of_value(v);

    return v.kind == RULE_NULL || type->kind == RULE_T_DYN || is->kind == type->kind;
}

enum err table_values_read(struct cx *cx, const struct table *table, struct json input,
                           struct rule_value **out)
{
    const struct rule_env *env = table->env;

    *out = CX_ARRAY(cx, struct rule_value, env->variable_count + 1);
    if (json_type(input) != JSON_OBJECT)
        return fail(cx, ERR_BAD_INPUT, "bad_input", "the input is an object");
    for (uint32_t k = 0; k < env->variable_count; k++) {
        const struct rule_variable *variable = &env->variables[k];
        struct str name = cx_printf(cx, STR_FMT, STR_ARG(variable->name));
        struct json value;

        (*out)[k] = rule_of_null();
        if (json_get(input, name.ptr, &value))
            (*out)[k] = as_declared(rule_of_json(cx, value), variable->type);
        if (!fits((*out)[k], variable->type))
            return fail(cx, ERR_BAD_INPUT, "bad_input", STR_FMT " is not of its declared type",
                        STR_ARG(name));
    }
    return OK;
}

/* ---- Answers ---- */

static void put_value(struct json_out *out, struct rule_value v)
{
    switch (v.kind) {
    case RULE_BOOL:
        json_put_bool(out, v.truth);
        return;
    case RULE_INT:
        json_put_int(out, v.i);
        return;
    case RULE_UINT:
        json_put_uint(out, v.u);
        return;
    case RULE_DOUBLE:
        json_put_double(out, v.d);
        return;
    case RULE_STRING:
        json_put_text(out, rule_text(v));
        return;
    case RULE_LIST:
        json_list(out);
        for (uint32_t k = 0; k < v.len; k++)
            put_value(out, v.items[k]);
        json_list_end(out);
        return;
    case RULE_MAP:
        json_object(out);
        for (uint32_t k = 0; k < v.map->count; k++) {
            json_key(out, v.map->keys[k].kind == RULE_STRING
                              ? rule_text(v.map->keys[k])
                              : rule_value_text(out->cx, v.map->keys[k], TABLE_CELL_LEN_MAX));
            put_value(out, v.map->values[k]);
        }
        json_object_end(out);
        return;
    case RULE_NULL:
    case RULE_UNSET:
        json_put_null(out);
        return;
    default:
        json_put_text(out, rule_value_text(out->cx, v, TABLE_CELL_LEN_MAX));
    }
}

static void put_row(struct json_out *out, const struct table *table,
                    const struct rule_value *outputs)
{
    json_object(out);
    for (uint32_t c = 0; c < table->output_count; c++) {
        json_key(out, table->outputs[c].name);
        put_value(out, outputs[c]);
    }
    json_object_end(out);
}

struct str table_answer_json(struct cx *cx, const struct table *table,
                             const struct table_answer *answer)
{
    struct json_out out;

    json_open(&out, cx, 256);
    if (answer->many)
        json_list(&out);
    for (size_t k = 0; k < answer->count; k++)
        put_row(&out, table, &answer->outputs[k * table->output_count]);
    if (answer->many)
        json_list_end(&out);
    else if (answer->count == 0)
        json_put_null(&out);
    return json_done(&out);
}
