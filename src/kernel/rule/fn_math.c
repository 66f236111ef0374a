/*
 * fn_math.c - math.*: least and greatest, rounding, bits.
 */
#include <math.h>

#include "kernel/rule/code.h"

/* The one of a list that is last in the direction; the first of equals. */
static struct rule_value extreme(struct rule_run *run, struct rule_value list, int direction)
{
    struct rule_value best;
    int order;
    bool ordered;

    if (!list.len)
        return rule_call_bad(run, "math.greatest and math.least want at least one number");
    if (!rule_charge(run, list.len))
        return rule_call_stop(run);
    best = list.items[0];
    for (uint32_t k = 0; k < list.len; k++) {
        struct rule_value v = list.items[k];

        if (v.kind < RULE_INT || v.kind > RULE_DOUBLE)
            return rule_no_overload(run, run->at, STR("math.greatest/least"), &v, 1);
        if (rule_compare(v, best, &order, &ordered) && order == direction)
            best = v;
    }
    return best;
}

static struct rule_value fn_greatest(struct rule_run *run, const struct rule_value *args)
{
    return args[0].kind == RULE_LIST ? extreme(run, args[0], 1) : args[0];
}

static struct rule_value fn_least(struct rule_run *run, const struct rule_value *args)
{
    return args[0].kind == RULE_LIST ? extreme(run, args[0], -1) : args[0];
}

/* ---- Doubles ---- */

#define OF_DOUBLE(name_, expression_)                                                              \
    static struct rule_value name_(struct rule_run *run, const struct rule_value *args)            \
    {                                                                                              \
        double d = args[0].d;                                                                      \
                                                                                                   \
        (void)run;                                                                                 \
        return expression_;                                                                        \
    }
OF_DOUBLE(fn_ceil, rule_of_double(ceil(d)))
OF_DOUBLE(fn_floor, rule_of_double(floor(d)))
OF_DOUBLE(fn_round, rule_of_double(round(d)))
OF_DOUBLE(fn_trunc, rule_of_double(trunc(d)))
OF_DOUBLE(fn_abs_double, rule_of_double(fabs(d)))
OF_DOUBLE(fn_sign_double, rule_of_double(isnan(d) ? d : (d > 0) - (d < 0)))
OF_DOUBLE(fn_is_nan, rule_of_bool(isnan(d)))
OF_DOUBLE(fn_is_inf, rule_of_bool(isinf(d)))
OF_DOUBLE(fn_is_finite, rule_of_bool(isfinite(d)))
OF_DOUBLE(fn_sqrt_double, rule_of_double(sqrt(d)))
#undef OF_DOUBLE

static struct rule_value fn_sqrt_int(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_double(sqrt((double)args[0].i));
}

static struct rule_value fn_sqrt_uint(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_double(sqrt((double)args[0].u));
}

static struct rule_value fn_abs_int(struct rule_run *run, const struct rule_value *args)
{
    if (args[0].i == INT64_MIN)
        return rule_call_bad(run, "integer overflow: no int is the magnitude of this one");
    return rule_of_int(args[0].i < 0 ? -args[0].i : args[0].i);
}

static struct rule_value fn_same(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return args[0];
}

static struct rule_value fn_sign_int(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_int((args[0].i > 0) - (args[0].i < 0));
}

static struct rule_value fn_sign_uint(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_uint(args[0].u > 0);
}

/* ---- Bits: of int and uint alike ---- */

#define OF_BITS(name_, expression_)                                                                \
    static struct rule_value name_(struct rule_run *run, const struct rule_value *args)            \
    {                                                                                              \
        struct rule_value v = args[0];                                                             \
                                                                                                   \
        (void)run;                                                                                 \
        v.u = expression_;                                                                         \
        return v;                                                                                  \
    }
OF_BITS(fn_and, args[0].u &args[1].u)
OF_BITS(fn_or, args[0].u | args[1].u)
OF_BITS(fn_xor, args[0].u ^ args[1].u)
OF_BITS(fn_not, ~args[0].u)
#undef OF_BITS

enum { BITS = 64 };

static struct rule_value fn_left(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value v = args[0];

    if (args[1].i < 0)
        return rule_call_bad(run, "math.bitShiftLeft() negative offset: %" PRId64, args[1].i);
    v.u = args[1].i < BITS ? v.u << args[1].i : 0;
    return v;
}

/* Zeros come in from the left, of an int too. */
static struct rule_value fn_right(struct rule_run *run, const struct rule_value *args)
{
    struct rule_value v = args[0];

    if (args[1].i < 0)
        return rule_call_bad(run, "math.bitShiftRight() negative offset: %" PRId64, args[1].i);
    v.u = args[1].i < BITS ? v.u >> args[1].i : 0;
    return v;
}

static const struct rule_row ROWS[] = {
    {"math.greatest", false, "i:i", fn_greatest},
    {"math.greatest", false, "u:u", fn_greatest},
    {"math.greatest", false, "d:d", fn_greatest},
    {"math.greatest", false, "LA:A", fn_greatest},
    {"math.least", false, "i:i", fn_least},
    {"math.least", false, "u:u", fn_least},
    {"math.least", false, "d:d", fn_least},
    {"math.least", false, "LA:A", fn_least},
    {"math.ceil", false, "d:d", fn_ceil},
    {"math.floor", false, "d:d", fn_floor},
    {"math.round", false, "d:d", fn_round},
    {"math.trunc", false, "d:d", fn_trunc},
    {"math.abs", false, "i:i", fn_abs_int},
    {"math.abs", false, "u:u", fn_same},
    {"math.abs", false, "d:d", fn_abs_double},
    {"math.sign", false, "i:i", fn_sign_int},
    {"math.sign", false, "u:u", fn_sign_uint},
    {"math.sign", false, "d:d", fn_sign_double},
    {"math.isNaN", false, "d:b", fn_is_nan},
    {"math.isInf", false, "d:b", fn_is_inf},
    {"math.isFinite", false, "d:b", fn_is_finite},
    {"math.sqrt", false, "i:d", fn_sqrt_int},
    {"math.sqrt", false, "u:d", fn_sqrt_uint},
    {"math.sqrt", false, "d:d", fn_sqrt_double},
    {"math.bitAnd", false, "ii:i", fn_and},
    {"math.bitAnd", false, "uu:u", fn_and},
    {"math.bitOr", false, "ii:i", fn_or},
    {"math.bitOr", false, "uu:u", fn_or},
    {"math.bitXor", false, "ii:i", fn_xor},
    {"math.bitXor", false, "uu:u", fn_xor},
    {"math.bitNot", false, "i:i", fn_not},
    {"math.bitNot", false, "u:u", fn_not},
    {"math.bitShiftLeft", false, "ii:i", fn_left},
    {"math.bitShiftLeft", false, "ui:u", fn_left},
    {"math.bitShiftRight", false, "ii:i", fn_right},
    {"math.bitShiftRight", false, "ui:u", fn_right},
};

const struct rule_rows rule_math_rows = RULE_ROWS(ROWS);
