/*
 * cell.c - what a cell says: alternatives of values and ranges, or an expression.
 *
 *     cell  = "" | "-" | "=" EXPR | ["not("] item {"," item} [")"]
 *     item  = test {"and" test} | "null"
 *     test  = value | ("<" | "<=" | ">" | ">=" | "==" | "!=") value | ("[" | "(" | "]") value ".."
 *             value ("]" | ")" | "[")
 *
 * A comparison with something that is no value is an expression: "> order.total".
 */
#define _GNU_SOURCE /* memmem */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/rule/json_value.h"
#include "kernel/rule/time.h"
#include "kernel/table/table_priv.h"

const char *const column_types[] = {"any",    "bool", "int",       "double",
                                    "string", "date", "timestamp", NULL};

enum { NUMBER_LEN_MAX = 40, DATE_LEN = 10 };

static enum err refuse(const struct cell_maker *maker, struct str text, const char *why)
{
    return fail_at(maker->cx, ERR_BAD_INPUT, "bad_cell", maker->pointer,
                   "%.*s is no cell of a column of type %s: %s", text.len < 80 ? (int)text.len : 80,
                   text.ptr ? text.ptr : "", column_types[maker->column->type], why);
}

/* ---- Values ---- */

int constant_compare(struct rule_value a, struct rule_value b)
{
    bool ordered;
    int order;

    if (rule_compare(a, b, &order, &ordered))
        return order;
    return a.kind < b.kind ? -1 : a.kind > b.kind; /* Of COLUMN_ANY: by kind. */
}

static bool is_number(struct rule_value v)
{
    return v.kind == RULE_INT || v.kind == RULE_UINT || v.kind == RULE_DOUBLE;
}

bool column_takes(const struct column *column, struct rule_value v)
{
    switch (column->type) {
    case COLUMN_BOOL:
        return v.kind == RULE_BOOL;
    case COLUMN_INT:
        return v.kind == RULE_INT || v.kind == RULE_UINT;
    case COLUMN_DOUBLE:
        return is_number(v) && (v.kind != RULE_DOUBLE || !isnan(v.d));
    case COLUMN_STRING:
    case COLUMN_DATE:
        return v.kind == RULE_STRING;
    case COLUMN_TIMESTAMP:
        return v.kind == RULE_TIMESTAMP;
    default:
        return v.kind != RULE_DOUBLE || !isnan(v.d);
    }
}

static struct str unquoted(struct str s, bool *quoted)
{
    *quoted = s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0];
    return *quoted ? (struct str){s.ptr + 1, s.len - 2} : s;
}

static bool read_number(struct str s, bool whole, struct rule_value *out)
{
    char copy[NUMBER_LEN_MAX + 1], *end;
    int64_t n;
    double d;

    if (str_int(s, &n)) {
        *out = rule_of_int(n);
        return true;
    }
    if (whole || s.len == 0 || s.len > NUMBER_LEN_MAX || !memchr("-.0123456789", s.ptr[0], 12))
        return false;
    for (size_t k = 0; k < s.len; k++)
        if (!memchr("+-.eE0123456789", s.ptr[k], 15))
            return false;
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    d = strtod(copy, &end);
    *out = rule_of_double(d);
    return end == copy + s.len && isfinite(d);
}

static bool read_moment(struct cx *cx, struct str s, struct rule_value *out)
{
    if (s.len == DATE_LEN)
        s = cx_printf(cx, STR_FMT "T00:00:00Z", STR_ARG(s));
    return rule_read_timestamp(s, out);
}

/* date("2026-11-11") is 2026-11-11. */
static struct str without_date(struct str s)
{
    if (!str_starts(s, STR("date(")) || s.ptr[s.len - 1] != ')')
        return s;
    return str_trim((struct str){s.ptr + 5, s.len - 6});
}

static bool has_operator(struct str s)
{
    for (size_t k = 0; k < s.len; k++)
        if (memchr("<>=!()[]{}\"'", s.ptr[k], 12))
            return true;
    return false;
}

/* A value as it stands in a cell.  Texts need no quotes unless something in them has a meaning. */
static bool read_value(const struct cell_maker *maker, struct str s, struct rule_value *out)
{
    enum column_type type = maker->column->type;
    struct rule_value moment;
    bool quoted;
    struct str text = unquoted(s, &quoted);

    if (type == COLUMN_DATE || type == COLUMN_TIMESTAMP)
        text = unquoted(without_date(s), &quoted);
    *out = rule_of_text(text);
    switch (type) {
    case COLUMN_INT:
    case COLUMN_DOUBLE:
        return read_number(s, type == COLUMN_INT, out);
    case COLUMN_STRING:
        return quoted || (s.len > 0 && !has_operator(s));
    case COLUMN_DATE:
        return text.len == DATE_LEN && read_moment(maker->cx, text, &moment);
    case COLUMN_TIMESTAMP:
        return read_moment(maker->cx, text, out);
    default:
        break;
    }
    if (type == COLUMN_ANY && (quoted || read_number(s, false, out)))
        return true;
    *out = rule_of_bool(str_is(s, "true"));
    return out->truth || str_is(s, "false");
}

enum err cell_constant(const struct cell_maker *maker, struct json json, struct rule_value *out)
{
    struct rule_value v = rule_of_json(maker->cx, json), moment;
    bool ok = column_takes(maker->column, v);

    if (maker->column->type == COLUMN_TIMESTAMP && v.kind == RULE_STRING)
        ok = read_moment(maker->cx, rule_text(v), &v);
    if (maker->column->type == COLUMN_DATE && ok)
        ok = v.len == DATE_LEN && read_moment(maker->cx, rule_text(v), &moment);
    if (!ok)
        return refuse(maker, json_minified(maker->cx, json), "a value of that type is wanted");
    *out = rule_copy(maker->keep, v);
    return OK;
}

/* ---- Cutting text: at the top level, outside of quotes and brackets ---- */

static size_t skip_quoted(struct str s, size_t at)
{
    char quote = s.ptr[at++];

    while (at < s.len && s.ptr[at] != quote)
        at++;
    return at;
}

/* Where mark stands at the top level, or s.len.  Of a range "]1..5[" brackets say nothing. */
static size_t find_top(struct str s, struct str mark)
{
    int depth = 0;

    for (size_t at = 0; at < s.len; at++) {
        char c = s.ptr[at];

        if (depth == 0 && s.len - at >= mark.len && memcmp(s.ptr + at, mark.ptr, mark.len) == 0)
            return at;
        if (c == '"' || c == '\'')
            at = skip_quoted(s, at);
        depth += (c == '(' || c == '{') - (c == ')' || c == '}');
    }
    return s.len;
}

static bool cut_top(struct str *rest, struct str mark, struct str *part)
{
    size_t at;

    if (!rest->ptr)
        return false;
    at = find_top(*rest, mark);
    *part = str_trim((struct str){rest->ptr, at});
    *rest = at == rest->len ? (struct str){NULL, 0}
                            : (struct str){rest->ptr + at + mark.len, rest->len - at - mark.len};
    return true;
}

/* ---- Tests ---- */

enum parsed { PARSED, PARSED_EXPRESSION /* Of a comparison with no value. */, PARSED_NOT };

static const struct {
    const char *text;
    size_t len;
} operators[] = {{"<=", 2}, {">=", 2}, {"==", 2}, {"!=", 2}, {"<", 1}, {">", 1}};
enum { OP_LE, OP_GE, OP_EQ, OP_NE, OP_LT, OP_GT, OPS };

static int operator_of(struct str s)
{
    for (int k = 0; k < OPS; k++)
        if (s.len >= operators[k].len && memcmp(s.ptr, operators[k].text, operators[k].len) == 0)
            return k;
    return OPS;
}

/* The narrower of both. */
static void narrow(struct span *span, int op, struct rule_value v)
{
    bool open = op == OP_LT || op == OP_GT;

    if (op == OP_LE || op == OP_LT || op == OP_EQ)
        if (span->high.kind == RULE_UNSET || constant_compare(v, span->high) < 0 ||
            (open && constant_compare(v, span->high) == 0)) {
            span->high = v;
            span->high_open = open;
        }
    if (op == OP_GE || op == OP_GT || op == OP_EQ)
        if (span->low.kind == RULE_UNSET || constant_compare(v, span->low) > 0 ||
            (open && constant_compare(v, span->low) == 0)) {
            span->low = v;
            span->low_open = open;
        }
}

static bool is_range(struct str s)
{
    return s.len >= 2 && memchr("[(]", s.ptr[0], 3) && memchr("])[", s.ptr[s.len - 1], 3) &&
           memmem(s.ptr, s.len, "..", 2);
}

static enum parsed read_range(const struct cell_maker *maker, struct str s, struct span *span)
{
    struct str inner = {s.ptr + 1, s.len - 2}, low, high;
    const char *dots = memmem(inner.ptr, inner.len, "..", 2);
    struct rule_value v;

    low = str_trim((struct str){inner.ptr, (size_t)(dots - inner.ptr)});
    high = str_trim((struct str){dots + 2, inner.len - (size_t)(dots + 2 - inner.ptr)});
    if (!read_value(maker, low, &v))
        return PARSED_NOT;
    narrow(span, s.ptr[0] == '[' ? OP_GE : OP_GT, v);
    if (!read_value(maker, high, &v))
        return PARSED_NOT;
    narrow(span, s.ptr[s.len - 1] == ']' ? OP_LE : OP_LT, v);
    return PARSED;
}

static enum parsed read_test(const struct cell_maker *maker, struct str s, struct span *span)
{
    int op = operator_of(s);
    struct rule_value v;

    if (is_range(s))
        return read_range(maker, s, span);
    if (op == OPS) {
        if (!read_value(maker, s, &v))
            return PARSED_NOT;
        narrow(span, OP_EQ, v);
        return PARSED;
    }
    s = str_trim((struct str){s.ptr + operators[op].len, s.len - operators[op].len});
    if (!read_value(maker, s, &v))
        return s.len > 0 ? PARSED_EXPRESSION : PARSED_NOT;
    narrow(span, op, v);
    return op == OP_NE ? PARSED_NOT : PARSED;
}

/* ---- Alternatives ---- */

static struct span *add_span(struct cell *cell)
{
    cell->spans[cell->span_count] = (struct span){.low_open = false};
    return &cell->spans[cell->span_count++];
}

/* Everything but v: two spans, and null. */
static void add_other(struct cell *cell, struct rule_value v)
{
    narrow(add_span(cell), OP_LT, v);
    narrow(add_span(cell), OP_GT, v);
    cell->null = true;
}

static enum parsed read_item(const struct cell_maker *maker, struct str item, struct cell *cell)
{
    struct str rest = item, test;
    struct rule_value v;
    struct span *span;

    if (str_is(item, "null")) {
        cell->null = true;
        return PARSED;
    }
    if (operator_of(item) == OP_NE) {
        struct str s = str_trim((struct str){item.ptr + 2, item.len - 2});

        if (!read_value(maker, s, &v))
            return PARSED_EXPRESSION;
        add_other(cell, v);
        return PARSED;
    }
    span = add_span(cell);
    while (cut_top(&rest, STR(" and "), &test)) {
        enum parsed parsed = read_test(maker, test, span);

        if (parsed != PARSED)
            return parsed;
    }
    return PARSED;
}

static enum parsed read_items(const struct cell_maker *maker, struct str list, struct cell *cell)
{
    struct str rest = list, item;
    uint32_t items = 0;

    while (cut_top(&rest, STR(","), &item)) {
        enum parsed parsed =
            item.len == 0 || ++items > TABLE_VALUES_MAX ? PARSED_NOT : read_item(maker, item, cell);

        if (parsed != PARSED)
            return parsed;
    }
    return PARSED;
}

/* ---- Expressions ---- */

static enum err make_rule(const struct cell_maker *maker, struct str text, struct cell *cell)
{
    const struct rule_type *type;

    if (rule_compile(maker->cx, maker->keep, maker->env, text, NULL, &cell->rule) != OK) {
        struct problem *problem = &maker->cx->problem;

        problem->err = ERR_BAD_INPUT;
        snprintf(problem->pointer, sizeof(problem->pointer), "%s", maker->pointer);
        return ERR_BAD_INPUT;
    }
    type = rule_type_result(cell->rule);
    if (type->kind == RULE_T_BOOL || type->kind == RULE_T_DYN)
        return OK;
    return refuse(maker, text, "an expression of a cell is true or false");
}

static enum err make_comparison(const struct cell_maker *maker, struct str text, struct cell *cell)
{
    int op = operator_of(text);
    struct str operand = {text.ptr + operators[op].len, text.len - operators[op].len};

    return make_rule(
        maker, cx_printf(maker->cx, "it %s (" STR_FMT ")", operators[op].text, STR_ARG(operand)),
        cell);
}

/* ---- Cells ---- */

static void keep_constants(const struct cell_maker *maker, struct cell *cell)
{
    struct span *kept = arena_alloc(maker->keep, (cell->span_count + 1) * sizeof(*kept));

    for (uint32_t k = 0; k < cell->span_count; k++) {
        kept[k] = cell->spans[k];
        if (kept[k].low.kind != RULE_UNSET)
            kept[k].low = rule_copy(maker->keep, kept[k].low);
        if (kept[k].high.kind != RULE_UNSET)
            kept[k].high = rule_copy(maker->keep, kept[k].high);
    }
    cell->spans = kept;
}

static enum err make_from_text(const struct cell_maker *maker, struct str text, struct cell *cell)
{
    struct str list = text;
    enum parsed parsed;

    cell->any = text.len == 0 || str_is(text, "-");
    if (cell->any)
        return OK;
    if (text.ptr[0] == '=' && operator_of(text) != OP_EQ)
        return make_rule(maker, str_trim((struct str){text.ptr + 1, text.len - 1}), cell);
    cell->negated = str_starts(text, STR("not(")) && text.ptr[text.len - 1] == ')';
    if (cell->negated)
        list = str_trim((struct str){text.ptr + 4, text.len - 5});
    parsed = read_items(maker, list, cell);
    if (parsed == PARSED_EXPRESSION && !cell->negated && operator_of(text) < OPS) {
        cell->null = false;
        return make_comparison(maker, text, cell);
    }
    if (parsed != PARSED)
        return refuse(maker, text,
                      "write values, comparisons (>= 5), ranges ([1..5)), not(...), or = and an"
                      " expression");
    return OK;
}

static enum err make_from_list(const struct cell_maker *maker, struct json list, struct cell *cell)
{
    if (json_count(list) > TABLE_VALUES_MAX)
        return refuse(maker, STR("this list"), "it has too many values: divide the row");
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct rule_value v;

        if (json_type(it.value) == JSON_NULL) {
            cell->null = true;
            continue;
        }
        TRY(cell_constant(maker, it.value, &v));
        narrow(add_span(cell), OP_EQ, v);
    }
    return OK;
}

static enum err make_from_json(const struct cell_maker *maker, struct json json, struct cell *cell)
{
    struct rule_value v;

    switch (json_type(json)) {
    case JSON_TEXT:
        return make_from_text(maker, cell->text, cell);
    case JSON_LIST:
        return make_from_list(maker, json, cell);
    case JSON_NULL:
        cell->null = true;
        return OK;
    case JSON_OBJECT:
        return refuse(maker, cell->text, "an object is none");
    default:
        TRY(cell_constant(maker, json, &v));
        narrow(add_span(cell), OP_EQ, v);
        return OK;
    }
}

enum err cell_make(const struct cell_maker *maker, struct json json, struct cell *out)
{
    struct str text =
        json_type(json) == JSON_TEXT ? json_text(maker->cx, json) : json_minified(maker->cx, json);

    *out = (struct cell){.spans = maker->scratch};
    if (text.len > TABLE_CELL_LEN_MAX)
        return refuse(maker, text, "it is too long");
    out->text = rule_text(rule_copy(maker->keep, rule_of_text(str_trim(text))));
    TRY(make_from_json(maker, json, out));
    keep_constants(maker, out);
    return OK;
}
