/*
 * run.c - names, constants, logic and comparisons: what a condition mostly is.
 */
#include "kernel/rule/code.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- Errors and cost ---- */

__attribute__((format(printf, 3, 0))) static struct rule_value
error_value(struct rule_run *run, uint32_t at, const char *fmt, va_list args)
{
    struct rule_error *error = CX_NEW(run->cx, struct rule_error);
    va_list again;
    int len;
    char *ptr;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    len = len < 0 ? 0 : len > PROBLEM_DETAIL_LEN_MAX - 1 ? PROBLEM_DETAIL_LEN_MAX - 1 : len;
    ptr = cx_alloc(run->cx, (size_t)len + 1);
    vsnprintf(ptr, (size_t)len + 1, fmt, args);
    *error = (struct rule_error){{ptr, (size_t)len}, at};
    return (struct rule_value){.kind = RULE_ERROR, .error = error};
}

struct rule_value rule_bad(struct rule_run *run, uint32_t at, const char *fmt, ...)
{
    struct rule_value v;
    va_list args;

    if (!rule_charge(run, sizeof(struct rule_error) / RULE_COST_BYTES + 1))
        return rule_stop(run, at);
    va_start(args, fmt);
    v = error_value(run, at, fmt, args);
    va_end(args);
    return v;
}

struct rule_value rule_stop(struct rule_run *run, uint32_t at)
{
    static const char why[] = "the evaluation costs more than its limit: make lists shorter, or "
                              "nest fewer loops";
    struct rule_error *error;

    run->cost_left = 0;
    if (!run->stopped) {
        error = CX_NEW(run->cx, struct rule_error);
        *error = (struct rule_error){{why, sizeof(why) - 1}, at};
        run->stopped = error;
    }
    return (struct rule_value){.kind = RULE_ERROR, .error = run->stopped};
}

void *rule_alloc(struct rule_run *run, size_t size)
{
    return rule_charge(run, size / RULE_COST_BYTES + 1) ? cx_alloc(run->cx, size) : NULL;
}

struct rule_value rule_no_overload(struct rule_run *run, uint32_t at, struct str name,
                                   const struct rule_value *args, uint32_t count)
{
    char room[RULE_TYPE_TEXT_MAX];
    struct text text = {room, 0, sizeof(room), false};

    for (uint32_t k = 0; k < count; k++) {
        text_add(&text, k ? STR(", ") : STR(""));
        text_add(&text, rule_type_of_value(args[k])->name);
    }
    return rule_bad(run, at, "no such overload: " STR_FMT "(" STR_FMT ")", STR_ARG(name),
                    (int)text.len, text.ptr);
}

/* ---- Names and constants ---- */

struct rule_value rule_run_const(struct rule_run *run, const struct rule_code *code)
{
    (void)run;
    return code->value;
}

struct rule_value rule_run_variable(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v = run->values[code->slot];

    if (v.kind == RULE_UNSET)
        return rule_bad(run, code->at, "'" STR_FMT "' has no value here", STR_ARG(code->name));
    return v;
}

struct rule_value rule_run_local(struct rule_run *run, const struct rule_code *code)
{
    return run->locals[code->slot];
}

struct rule_value rule_run_missing(struct rule_run *run, const struct rule_code *code)
{
    return rule_bad(run, code->at, "undeclared reference to '" STR_FMT "'", STR_ARG(code->name));
}

/* A field of a variable whose type is an object, both known by number. */
struct rule_value rule_run_field(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v;

    return rule_field_now(run, code, &v) ? v : code->a->run(run, code->a);
}

/* ---- Logic: an error or a stranger is absorbed by what decides without it ---- */

static struct rule_value not_bool(struct rule_run *run, const struct rule_code *code,
                                  struct str name, struct rule_value v)
{
    return v.kind == RULE_ERROR ? v : rule_no_overload(run, code->at, name, &v, 1);
}

static inline struct rule_value logic(struct rule_run *run, const struct rule_code *code,
                                      bool decides, struct str name)
{
    const struct rule_code *const *args = code->args, *const *end = args + code->count;
    struct rule_value bad = {.kind = RULE_UNSET};

    for (; args < end; args++) {
        struct rule_value v = (*args)->run(run, *args);

        if (v.kind == RULE_BOOL) {
            if (v.truth == decides)
                return v;
        } else if (bad.kind == RULE_UNSET) {
            bad = not_bool(run, *args, name, v);
        }
    }
    return bad.kind == RULE_UNSET ? rule_of_bool(!decides) : bad;
}

struct rule_value rule_run_logic_and(struct rule_run *run, const struct rule_code *code)
{
    return logic(run, code, false, STR("_&&_"));
}

struct rule_value rule_run_logic_or(struct rule_run *run, const struct rule_code *code)
{
    return logic(run, code, true, STR("_||_"));
}

struct rule_value rule_run_logic_not(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v = rule_get(run, code->a);

    if (v.kind == RULE_BOOL)
        return rule_of_bool(!v.truth);
    return not_bool(run, code, STR("!_"), v);
}

struct rule_value rule_run_cond(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v = code->a->run(run, code->a);
    const struct rule_code *chosen;

    if (v.kind != RULE_BOOL)
        return not_bool(run, code, STR("_?_:_"), v);
    chosen = v.truth ? code->b : code->c;
    return chosen->run(run, chosen);
}

/* ---- Comparisons ---- */

/* Both sides; false: *bad is the error. */
static inline bool both(struct rule_run *run, const struct rule_code *code, struct rule_value *a,
                        struct rule_value *b)
{
    *a = rule_get(run, code->a);
    if (a->kind == RULE_ERROR)
        return false;
    *b = rule_get(run, code->b);
    if (b->kind != RULE_ERROR)
        return true;
    *a = *b;
    return false;
}

/* What going through a value costs at least. */
static uint64_t weight(struct rule_value v)
{
    if (v.kind == RULE_STRING || v.kind == RULE_BYTES)
        return v.len / 64;
    return v.kind == RULE_LIST ? v.len : v.kind == RULE_MAP ? v.map->count : 0;
}

struct rule_value rule_equal_paid(struct rule_run *run, uint32_t at, struct rule_value a,
                                  struct rule_value b)
{
    struct rule_walk walk;
    bool same;

    if (!rule_charge(run, weight(a)))
        return rule_stop(run, at);
    walk = (struct rule_walk){.left = run->cost_left + 2};
    same = rule_equal_within(a, b, &walk);
    if (!walk.left || !rule_charge(run, run->cost_left + 2 - walk.left))
        return rule_stop(run, at);
    return rule_of_bool(same);
}

static struct rule_value equal(struct rule_run *run, const struct rule_code *code, bool wanted)
{
    struct rule_value a, b;

    if (!both(run, code, &a, &b))
        return a;
    if (a.kind == RULE_INT && b.kind == RULE_INT)
        return rule_of_bool((a.i == b.i) == wanted);
    a = rule_equal_paid(run, code->at, a, b);
    return a.kind == RULE_BOOL ? rule_of_bool(a.truth == wanted) : a;
}

struct rule_value rule_run_eq(struct rule_run *run, const struct rule_code *code)
{
    return equal(run, code, true);
}

struct rule_value rule_run_ne(struct rule_run *run, const struct rule_code *code)
{
    return equal(run, code, false);
}

static struct rule_value compare_slow(struct rule_run *run, const struct rule_code *code,
                                      struct rule_value a, struct rule_value b, unsigned accept)
{
    int order;
    bool ordered;

    if (rule_compare(a, b, &order, &ordered))
        return rule_of_bool(accept >> (order + 1) & 1);
    if (ordered)
        return rule_of_bool(false); /* NaN. */
    return rule_no_overload(run, code->at, code->name, (struct rule_value[]){a, b}, 2);
}

/* accept: bit 0 less, bit 1 equal, bit 2 greater. */
static inline struct rule_value compare(struct rule_run *run, const struct rule_code *code,
                                        unsigned accept)
{
    struct rule_value a, b;

    if (!both(run, code, &a, &b))
        return a;
    if (a.kind == RULE_INT && b.kind == RULE_INT) {
        int order = (a.i > b.i) - (a.i < b.i);

        return rule_of_bool(accept >> (order + 1) & 1);
    }
    return compare_slow(run, code, a, b, accept);
}

struct rule_value rule_run_lt(struct rule_run *run, const struct rule_code *code)
{
    return compare(run, code, 1);
}

struct rule_value rule_run_le(struct rule_run *run, const struct rule_code *code)
{
    return compare(run, code, 3);
}

struct rule_value rule_run_gt(struct rule_run *run, const struct rule_code *code)
{
    return compare(run, code, 4);
}

struct rule_value rule_run_ge(struct rule_run *run, const struct rule_code *code)
{
    return compare(run, code, 6);
}

/* ---- Explain ---- */

/* Around a node that explain.c wants to know about. */
struct rule_value rule_run_trace(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v = code->a->run(run, code->a);

    run->seen[code->slot] = v;
    return v;
}
