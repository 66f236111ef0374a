/*
 * context.c - from a table to an environment, and from JSON to its values.
 */
#include "kernel/rule/context.h"

#include <string.h>

#include "kernel/rule/json_value.h"
#include "kernel/rule/time.h"

const struct rule_context *const rule_contexts[] = {&rule_visit_context, NULL};

/* ---- Environments ---- */

static uint32_t count_of(const struct rule_part *parts)
{
    uint32_t count = 0;

    while (parts[count].name)
        count++;
    return count;
}

static const struct rule_type *type_of(struct arena *keep, const struct rule_part *part)
{
    struct rule_field *fields;
    uint32_t count;

    if (part->type)
        return part->type;
    count = count_of(part->parts);
    fields = arena_alloc(keep, (count + 1) * sizeof(*fields));
    for (uint32_t k = 0; k < count; k++) {
        assert(part->parts[k].type); /* Objects are one level deep: a condition reads like prose. */
        fields[k] = (struct rule_field){str_of(part->parts[k].name), part->parts[k].type};
    }
    return rule_object_of(keep, str_of(part->name), fields, count);
}

const struct rule_env *rule_context_env(struct arena *keep, const struct rule_context *context)
{
    struct rule_env *env = arena_alloc(keep, sizeof(*env));
    uint32_t count = count_of(context->parts);
    struct rule_variable *variables = arena_alloc(keep, (count + 1) * sizeof(*variables));

    for (uint32_t k = 0; k < count; k++)
        variables[k] = (struct rule_variable){str_of(context->parts[k].name),
                                              type_of(keep, &context->parts[k])};
    *env = (struct rule_env){.variables = variables,
                             .variable_count = count,
                             .functions = context->functions,
                             .function_count = context->function_count,
                             .cost_max = context->cost_max};
    return env;
}

/* ---- Values ---- */

static enum err refuse(struct cx *cx, struct str object, struct str name, const char *why)
{
    struct str pointer =
        object.ptr ? cx_printf(cx, "/" STR_FMT "/" STR_FMT, STR_ARG(object), STR_ARG(name))
                   : cx_printf(cx, "/" STR_FMT, STR_ARG(name));

    return fail_at(cx, ERR_BAD_INPUT, "bad_context", pointer.ptr, "%s", why);
}

static bool fits(struct rule_value v, const struct rule_type *type)
{
    if (v.kind == RULE_NULL || type->kind == RULE_T_DYN)
        return true;
    if (type->kind == RULE_T_LIST && v.kind == RULE_LIST) {
        for (uint32_t k = 0; k < v.len; k++)
            if (!fits(v.items[k], type->params[0]))
                return false;
        return true;
    }
    return rule_type_of_value(v)->kind == type->kind;
}

/* What JSON has no type for is text there; a whole number is a double where one is wanted. */
static enum err read_value(struct cx *cx, struct str object, const struct rule_variable *as,
                           struct json json, struct rule_value *out)
{
    *out = rule_of_json(cx, json);
    if (as->type->kind == RULE_T_TIMESTAMP && out->kind == RULE_STRING &&
        rule_read_timestamp(rule_text(*out), out))
        return OK;
    if (as->type->kind == RULE_T_DOUBLE && out->kind == RULE_INT)
        *out = rule_of_double((double)out->i);
    if (fits(*out, as->type))
        return OK;
    return refuse(cx, object, as->name, "this is not of the type that the context declares");
}

static enum err read_object(struct cx *cx, const struct rule_variable *variable, struct json json,
                            struct rule_value *out)
{
    const struct rule_type *type = variable->type;
    struct rule_value *fields = CX_ARRAY(cx, struct rule_value, type->count + 1);
    struct rule_object *object = cx_alloc(cx, sizeof(*object));

    if (json_type(json) != JSON_OBJECT)
        return refuse(cx, (struct str){0}, variable->name, "an object is wanted here");
    for (struct json_iter it = json_iter(json); json_next(&it);) {
        int number = rule_field_number(type, it.key);
        struct rule_variable as;

        if (number < 0)
            return refuse(cx, variable->name, it.key, "the context has no such field");
        as = (struct rule_variable){type->fields[number].name, type->fields[number].type};
        TRY(read_value(cx, variable->name, &as, it.value, &fields[number]));
        if (fields[number].kind == RULE_NULL)
            fields[number].kind = RULE_UNSET; /* As if it were not there. */
    }
    *object = (struct rule_object){type, fields};
    *out = rule_of_object(object);
    return OK;
}

static const struct rule_variable *variable_of(const struct rule_env *env, struct str name)
{
    for (uint32_t k = 0; k < env->variable_count; k++)
        if (str_eq(env->variables[k].name, name))
            return &env->variables[k];
    return NULL;
}

enum err rule_context_values(struct cx *cx, const struct rule_env *env, struct json object,
                             struct rule_value **out)
{
    *out = CX_ARRAY(cx, struct rule_value, env->variable_count + 1);
    if (json_type(object) != JSON_OBJECT)
        return fail(cx, ERR_BAD_INPUT, "bad_context", "the values of a context are an object");
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        const struct rule_variable *variable = variable_of(env, it.key);
        struct rule_value *value;

        if (!variable)
            return refuse(cx, (struct str){0}, it.key, "the context has no such variable");
        value = &(*out)[variable - env->variables];
        if (variable->type->kind == RULE_T_OBJECT)
            TRY(read_object(cx, variable, it.value, value));
        else
            TRY(read_value(cx, (struct str){0}, variable, it.value, value));
    }
    return OK;
}
