/*
 * rule_line.c - a request of grevy rule eval --json: compile, run, answer with tagged values.
 */
#include <string.h>

#include "cli/rule.h"
#include "kernel/rule/json_value.h"
#include "kernel/rule/rule.h"

enum { TYPE_TEXT_MAX = 1024, OUT_BYTES_HINT = 256 };

struct request {
    struct cx *cx;
    struct str id, expr; /* id: JSON. */
    struct rule_env env;
    struct rule_variable *variables;
    struct rule_function *functions;
    struct rule_value *values;
    uint32_t variables_max, functions_max;
    bool check_only;
    const char *bad; /* What is wrong with the request, or NULL. */
};

static struct str text_of(struct request *r, struct json object, const char *name)
{
    struct json v;

    if (!json_get(object, name, &v) || json_type(v) != JSON_TEXT)
        return STR("");
    return json_text(r->cx, v);
}

static bool flag_of(struct json object, const char *name)
{
    struct json v;

    return json_get(object, name, &v) && json_type(v) == JSON_BOOL && json_bool(v);
}

static const struct rule_type *type_of(struct request *r, struct str text)
{
    const struct rule_type *type = rule_type_parse(&r->cx->arena, text);

    if (!type)
        r->bad = "type_env names a type that there is not";
    return type ? type : &rule_dyn;
}

/* ---- Declarations ---- */

static uint32_t add_variable(struct request *r, struct str name, const struct rule_type *type)
{
    uint32_t k = 0;

    while (k < r->env.variable_count && !str_eq(r->variables[k].name, name))
        k++;
    if (k == r->env.variable_count) {
        assert(k < r->variables_max);
        r->variables[k] = (struct rule_variable){name, type};
        r->env.variable_count++;
    }
    return k;
}

static void read_params(struct request *r, struct json overload, struct rule_function *out)
{
    const struct rule_type **params = CX_ARRAY(r->cx, const struct rule_type *, RULE_ARGS_MAX);
    struct json list;

    out->params = params;
    if (!json_get(overload, "params", &list) || json_type(list) != JSON_LIST)
        return;
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        if (out->param_count == RULE_ARGS_MAX || json_type(it.value) != JSON_TEXT) {
            r->bad = "type_env: params are up to 8 types";
            return;
        }
        params[out->param_count++] = type_of(r, json_text(r->cx, it.value));
    }
}

static void read_overloads(struct request *r, struct str name, struct json list)
{
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct rule_function *function = &r->functions[r->env.function_count];

        if (r->env.function_count == r->functions_max || json_type(it.value) != JSON_OBJECT) {
            r->bad = "type_env: too many functions";
            return;
        }
        *function = (struct rule_function){.name = name, .member = flag_of(it.value, "instance")};
        function->result = type_of(r, text_of(r, it.value, "result"));
        read_params(r, it.value, function);
        r->env.function_count++;
    }
}

static void read_declaration(struct request *r, struct json declaration)
{
    struct str name = text_of(r, declaration, "name");
    struct json overloads;

    if (json_get(declaration, "function", &overloads) && json_type(overloads) == JSON_LIST)
        read_overloads(r, name, overloads);
    else
        add_variable(r, name, type_of(r, text_of(r, declaration, "ident")));
}

static void read_binding(struct request *r, struct str name, struct json binding)
{
    struct json value;
    uint32_t slot = add_variable(r, cx_copy(r->cx, name), &rule_dyn);

    if (json_type(binding) != JSON_OBJECT || !json_get(binding, "value", &value) ||
        !rule_read_tagged(r->cx, value, &r->values[slot]))
        r->bad = "a binding wants a tagged value: {\"x\":{\"value\":{\"t\":\"int\",\"v\":\"1\"}}}";
}

/* ---- The request ---- */

enum { FUNCTIONS_MAX = 256 };

static void make_room(struct request *r, struct json env, struct json bindings)
{
    size_t count = 1;

    count += json_type(env) == JSON_LIST ? json_count(env) : 0;
    count += json_type(bindings) == JSON_OBJECT ? json_count(bindings) : 0;
    r->variables_max = (uint32_t)count;
    r->functions_max = FUNCTIONS_MAX;
    r->variables = CX_ARRAY(r->cx, struct rule_variable, count);
    r->values = CX_ARRAY(r->cx, struct rule_value, count);
    r->functions = CX_ARRAY(r->cx, struct rule_function, FUNCTIONS_MAX);
    r->env.variables = r->variables;
    r->env.functions = r->functions;
}

static void read_request(struct request *r, struct json json)
{
    struct json id, env = json, bindings = json;
    bool has_env = json_get(json, "type_env", &env) && json_type(env) == JSON_LIST;
    bool bound = json_get(json, "bindings", &bindings) && json_type(bindings) == JSON_OBJECT;

    if (json_get(json, "id", &id))
        r->id = json_minified(r->cx, id);
    r->expr = text_of(r, json, "expr");
    r->env.container = text_of(r, json, "container");
    r->env.unchecked = flag_of(json, "disable_check");
    r->env.no_macros = flag_of(json, "disable_macros");
    r->check_only = flag_of(json, "check_only");
    make_room(r, env, bindings);
    if (has_env)
        for (struct json_iter it = json_iter(env); json_next(&it);)
            read_declaration(r, it.value);
    if (bound)
        for (struct json_iter it = json_iter(bindings); json_next(&it);)
            read_binding(r, it.key, it.value);
}

/* ---- The answer ---- */

static void begin(struct request *r, struct json_out *out)
{
    json_open(out, r->cx, OUT_BYTES_HINT);
    json_object(out);
    json_key(out, STR("id"));
    json_put_raw(out, r->id);
}

static struct str answer_fault(struct request *r, const struct rule_fault *fault)
{
    struct json_out out;

    begin(r, &out);
    json_member_text(&out, "error", str_of(fault->text));
    json_key(&out, STR("at"));
    json_list(&out);
    json_put_int(&out, fault->line);
    json_put_int(&out, fault->column);
    json_list_end(&out);
    json_object_end(&out);
    return json_done(&out);
}

static struct str answer_bad(struct request *r, const char *why)
{
    struct rule_fault fault = {.line = 1, .column = 1};
    struct text text = {fault.text, 0, sizeof(fault.text) - 1, false};

    text_add(&text, str_of(why));
    return answer_fault(r, &fault);
}

static struct str answer_type(struct request *r, const struct rule *rule)
{
    char room[TYPE_TEXT_MAX];
    struct text text = {room, 0, sizeof(room), false};
    struct json_out out;

    rule_type_text(rule_type_result(rule), &text);
    begin(r, &out);
    json_member_text(&out, "type", (struct str){room, text.len});
    json_object_end(&out);
    return json_done(&out);
}

static struct str answer_value(struct request *r, const struct rule *rule, struct rule_value v)
{
    struct rule_fault fault;
    struct json_out out;

    if (v.kind == RULE_ERROR) {
        rule_fault_of(rule, v, &fault);
        return answer_fault(r, &fault);
    }
    begin(r, &out);
    json_key(&out, STR("value"));
    if (!rule_write_tagged(&out, v))
        return answer_bad(r, "the result is nested too deep to be written as JSON");
    json_object_end(&out);
    return json_done(&out);
}

struct str rule_answer(struct cx *cx, struct str line)
{
    struct request r = {.cx = cx, .id = STR("null")};
    const struct rule *rule;
    struct rule_fault fault;
    struct json json;

    if (json_parse(cx, line, &json) != OK)
        return answer_bad(&r, cx->problem.detail);
    if (json_type(json) != JSON_OBJECT)
        return answer_bad(&r, "a request is an object: {\"id\":1,\"expr\":\"1 + 1\"}");
    read_request(&r, json);
    if (r.bad)
        return answer_bad(&r, r.bad);
    if (rule_compile(cx, &cx->arena, &r.env, r.expr, &fault, &rule) != OK)
        return answer_fault(&r, &fault);
    if (r.check_only)
        return answer_type(&r, rule);
    return answer_value(&r, rule, rule_eval(cx, rule, r.values, NULL));
}
