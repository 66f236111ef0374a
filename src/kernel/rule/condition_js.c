/*
 * condition_js.c - JavaScript's equality, order and conversions between JSON values (ECMA-262,
 * sections 7.1 and 7.2), as host functions.
 */
#include "kernel/rule/condition_js.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/json/json.h"

/* ---- Conversions ---- */

static bool is_number(struct rule_value v)
{
    return v.kind == RULE_INT || v.kind == RULE_UINT || v.kind == RULE_DOUBLE;
}

static double number_of(struct rule_value v)
{
    return v.kind == RULE_INT ? (double)v.i : v.kind == RULE_UINT ? (double)v.u : v.d;
}

static struct str number_text(struct cx *cx, struct rule_value v)
{
    struct json_out out;

    if (v.kind == RULE_DOUBLE && v.d == trunc(v.d) && fabs(v.d) < 1e15)
        return cx_printf(cx, "%.0f", v.d); /* "5", not "5.0". */
    json_open(&out, cx, 32);
    if (v.kind == RULE_DOUBLE)
        json_put_double(&out, v.d);
    else if (v.kind == RULE_UINT)
        json_put_uint(&out, v.u);
    else
        json_put_int(&out, v.i);
    return json_done(&out);
}

/* String(v); a list is its items, joined by commas, null among them is nothing. */
struct str condition_text(struct cx *cx, struct rule_value v)
{
    struct str text = STR("");

    switch (v.kind) {
    case RULE_STRING:
        return rule_text(v);
    case RULE_BOOL:
        return v.truth ? STR("true") : STR("false");
    case RULE_INT:
    case RULE_UINT:
    case RULE_DOUBLE:
        return number_text(cx, v);
    case RULE_LIST:
        for (uint32_t k = 0; k < v.len; k++) {
            struct str item =
                v.items[k].kind == RULE_NULL ? STR("") : condition_text(cx, v.items[k]);

            text = cx_printf(cx, STR_FMT "%s" STR_FMT, STR_ARG(text), k ? "," : "", STR_ARG(item));
        }
        return text;
    case RULE_MAP:
        return STR("[object Object]");
    default:
        return STR("null");
    }
}

static struct str trim(struct str s)
{
    static const char spaces[] = " \t\n\v\f\r";

    while (s.len > 0 && strchr(spaces, s.ptr[0]) && s.ptr[0])
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len > 0 && strchr(spaces, s.ptr[s.len - 1]) && s.ptr[s.len - 1])
        s.len--;
    return s;
}

/* Digits only: strtod takes "inf", "nan" and hexadecimal fractions, which are no numbers here. */
static double number_in(struct cx *cx, struct str text)
{
    struct str s = trim(text);
    char *end, *copy;
    double d;

    if (s.len == 0)
        return 0;
    for (size_t k = 0; k < s.len; k++)
        if (!strchr("0123456789+-.eE", s.ptr[k]) || !s.ptr[k])
            return str_is(s, "Infinity") ? HUGE_VAL : NAN;
    copy = cx_alloc(cx, s.len + 1);
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    d = strtod(copy, &end);
    return end == copy + s.len ? d : NAN;
}

/* Number(v) */
static double to_number(struct cx *cx, struct rule_value v)
{
    if (is_number(v))
        return number_of(v);
    if (v.kind == RULE_NULL)
        return 0;
    if (v.kind == RULE_BOOL)
        return v.truth;
    return v.kind == RULE_MAP ? NAN : number_in(cx, condition_text(cx, v));
}

static bool is_true(struct rule_value v)
{
    if (is_number(v))
        return number_of(v) != 0 && !isnan(number_of(v));
    if (v.kind == RULE_STRING)
        return v.len > 0;
    return v.kind == RULE_BOOL ? v.truth : v.kind != RULE_NULL;
}

/* ---- Equality and order ---- */

/* a === b; lists and objects are the same only as themselves. */
static bool strictly_equal(struct rule_value a, struct rule_value b)
{
    if (is_number(a) && is_number(b))
        return number_of(a) == number_of(b);
    if (a.kind != b.kind)
        return false;
    if (a.kind == RULE_STRING)
        return str_eq(rule_text(a), rule_text(b));
    return a.kind == RULE_NULL || (a.kind == RULE_BOOL && a.truth == b.truth);
}

/* JSON.stringify(a) === JSON.stringify(b): the order of members counts. */
static bool written_alike(struct rule_value a, struct rule_value b)
{
    if (a.kind == RULE_LIST && b.kind == RULE_LIST) {
        bool same = a.len == b.len;

        for (uint32_t k = 0; same && k < a.len; k++)
            same = written_alike(a.items[k], b.items[k]);
        return same;
    }
    if (a.kind == RULE_MAP && b.kind == RULE_MAP) {
        bool same = a.map->count == b.map->count;

        for (uint32_t k = 0; same && k < a.map->count; k++)
            same = strictly_equal(a.map->keys[k], b.map->keys[k]) &&
                   written_alike(a.map->values[k], b.map->values[k]);
        return same;
    }
    return strictly_equal(a, b);
}

/* ---- Host functions ---- */

#define JS(name_)                                                                                  \
    static struct rule_value js_##name_(struct rule_run *run, const struct rule_value *args,       \
                                        void *data)

/* The value at a path of names, "app.version"; whatever is not there is null. */
JS(path)
{
    struct str rest = rule_text(args[1]), part;
    struct rule_value at = args[0];

    (void)run;
    (void)data;
    while (str_cut(&rest, '.', &part)) {
        const struct rule_value *found = NULL;
        int64_t k;

        if (at.kind == RULE_MAP)
            found = rule_map_get(at.map, rule_of_text(part));
        else if (at.kind == RULE_LIST && str_int(part, &k) && k >= 0 && k < at.len)
            found = &at.items[k];
        if (!found)
            return rule_of_null();
        at = *found;
    }
    return at;
}

JS(text)
{
    (void)data;
    return rule_of_text(condition_text(rule_cx(run), args[0]));
}

JS(lower)
{
    struct cx *cx = rule_cx(run);

    (void)data;
    return rule_of_text(condition_lower(cx, condition_text(cx, args[0])));
}

JS(number_is)
{
    (void)data;
    return rule_of_bool(to_number(rule_cx(run), args[0]) == number_of(args[1]));
}

JS(truth_is)
{
    (void)run;
    (void)data;
    return rule_of_bool(args[0].kind != RULE_NULL && is_true(args[0]) == args[1].truth);
}

JS(written)
{
    (void)run;
    (void)data;
    return rule_of_bool(written_alike(args[0], args[1]));
}

JS(equal)
{
    (void)run;
    (void)data;
    return rule_of_bool(strictly_equal(args[0], args[1]));
}

/* -1, 0, 1; 2: neither is before the other. */
static int order(struct cx *cx, struct rule_value a, struct rule_value b)
{
    double x, y;

    if (a.kind == RULE_STRING && b.kind == RULE_STRING) {
        int sign = str_cmp(rule_text(a), rule_text(b));

        return sign < 0 ? -1 : sign > 0;
    }
    x = to_number(cx, a);
    y = to_number(cx, b);
    return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

JS(order)
{
    (void)data;
    return rule_of_int(order(rule_cx(run), args[0], args[1]));
}

JS(type)
{
    static const char *const names[RULE_KINDS] = {
        [RULE_NULL] = "null",   [RULE_BOOL] = "boolean",  [RULE_INT] = "number",
        [RULE_UINT] = "number", [RULE_DOUBLE] = "number", [RULE_STRING] = "string",
        [RULE_LIST] = "array",  [RULE_MAP] = "object"};

    (void)run;
    (void)data;
    return rule_of_text(str_of(names[args[0].kind] ? names[args[0].kind] : "unknown"));
}

JS(items)
{
    (void)run;
    (void)data;
    return args[0].kind == RULE_LIST ? args[0] : rule_of_list(NULL, 0);
}

JS(is_list)
{
    (void)run;
    (void)data;
    return rule_of_bool(args[0].kind == RULE_LIST);
}

JS(count)
{
    (void)run;
    (void)data;
    return rule_of_int(args[0].kind == RULE_LIST ? args[0].len : 0);
}

JS(version)
{
    (void)data;
    return rule_of_text(condition_version(rule_cx(run), args[0]));
}

/* data: fold the case.  The list was folded when the condition was compiled. */
static bool contains(struct rule_run *run, struct rule_value list, struct rule_value v,
                     const void *fold)
{
    if (fold && v.kind == RULE_STRING)
        v = rule_of_text(condition_lower(rule_cx(run), rule_text(v)));
    for (uint32_t k = 0; k < list.len; k++)
        if (strictly_equal(list.items[k], v))
            return true;
    return false;
}

/* Is the value, or one of its items, among those of the list? */
JS(among)
{
    struct rule_value v = args[0], list = args[1];

    if (!rule_pay(run, (uint64_t)list.len * (v.kind == RULE_LIST ? v.len : 1)))
        return rule_of_bool(false);
    if (v.kind != RULE_LIST)
        return rule_of_bool(contains(run, list, v, data));
    for (uint32_t k = 0; k < v.len; k++)
        if (contains(run, list, v.items[k], data))
            return rule_of_bool(true);
    return rule_of_bool(false);
}

/* ---- The table ---- */

static const struct rule_type *const dyn_dyn[] = {&rule_dyn, &rule_dyn};
static const struct rule_type *const dyn_text[] = {&rule_dyn, &rule_string};
static const struct rule_type *const dyn_bool[] = {&rule_dyn, &rule_bool};
static bool fold = true;

#define ROW(text_, types_, count_, result_, function_, data_)                                      \
    {                                                                                              \
        .name = {text_, sizeof(text_) - 1}, .params = (types_), .param_count = (count_),           \
        .result = &rule_##result_, .cost = 1, .call = js_##function_, .data = (data_)              \
    }
static const struct rule_function functions[] = {
    ROW("js.path", dyn_text, 2, dyn, path, NULL),
    ROW("js.text", dyn_dyn, 1, string, text, NULL),
    ROW("js.lower", dyn_dyn, 1, string, lower, NULL),
    ROW("js.numberIs", dyn_dyn, 2, bool, number_is, NULL),
    ROW("js.truthIs", dyn_bool, 2, bool, truth_is, NULL),
    ROW("js.written", dyn_dyn, 2, bool, written, NULL),
    ROW("js.equal", dyn_dyn, 2, bool, equal, NULL),
    ROW("js.order", dyn_dyn, 2, int, order, NULL),
    ROW("js.type", dyn_dyn, 1, string, type, NULL),
    ROW("js.items", dyn_dyn, 1, dyn, items, NULL),
    ROW("js.isList", dyn_dyn, 1, bool, is_list, NULL),
    ROW("js.count", dyn_dyn, 1, int, count, NULL),
    ROW("js.version", dyn_dyn, 1, string, version, NULL),
    ROW("js.among", dyn_dyn, 2, bool, among, NULL),
    ROW("js.amongFolded", dyn_dyn, 2, bool, among, &fold),
};
static const struct rule_variable variables[] = {{{"attributes", 10}, &rule_dyn}};

const struct rule_env condition_env = {.variables = variables,
                                       .variable_count = 1,
                                       .functions = functions,
                                       .function_count = sizeof(functions) / sizeof(functions[0])};
