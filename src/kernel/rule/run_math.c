/*
 * run_math.c - + - * / %: exact or an error, never wrapped round.
 */
#include "kernel/rule/code.h"

#include <string.h>

static struct rule_value overflow(struct rule_run *run, const struct rule_code *code)
{
    return rule_bad(run, code->at, "return error for overflow: the result of %s fits no %s",
                    rule_op_text((enum rule_op)code->slot),
                    code->slot == RULE_OP_NEG ? "int" : "number of its type");
}

static struct rule_value range(struct rule_run *run, const struct rule_code *code)
{
    return rule_bad(run, code->at,
                    "range error: the result lies beyond the years 1 to 9999, or "
                    "is a duration of more than 292 years");
}

static bool operands(struct rule_run *run, const struct rule_code *code, struct rule_value args[2])
{
    args[0] = code->a->run(run, code->a);
    if (args[0].kind == RULE_ERROR)
        return false;
    args[1] = code->b->run(run, code->b);
    if (args[1].kind != RULE_ERROR)
        return true;
    args[0] = args[1];
    return false;
}

static struct rule_value no_overload(struct rule_run *run, const struct rule_code *code,
                                     const struct rule_value args[2])
{
    return rule_no_overload(run, code->at, code->name, args, 2);
}

static struct rule_value moved(struct rule_run *run, const struct rule_code *code,
                               struct rule_value time, int64_t ns)
{
    int64_t seconds = ns / RULE_SECOND_NS, nanos = ns % RULE_SECOND_NS + time.len;

    if (nanos < 0) {
        nanos += RULE_SECOND_NS;
        seconds--;
    }
    seconds += time.i + nanos / RULE_SECOND_NS;
    if (seconds < RULE_TIMESTAMP_LEAST || seconds > RULE_TIMESTAMP_MOST)
        return range(run, code);
    return rule_of_timestamp(seconds, (uint32_t)(nanos % RULE_SECOND_NS));
}

/* ---- + ---- */

static struct rule_value add_bytes(struct rule_run *run, const struct rule_code *code,
                                   struct rule_value a, struct rule_value b)
{
    size_t len = (size_t)a.len + b.len;
    char *ptr = len > UINT32_MAX ? NULL : rule_alloc(run, len + 1);

    if (!ptr)
        return rule_stop(run, code->at);
    if (a.len)
        memcpy(ptr, a.ptr, a.len);
    if (b.len)
        memcpy(ptr + a.len, b.ptr, b.len);
    a.ptr = ptr;
    a.len = (uint32_t)len;
    return a;
}

static struct rule_value add_lists(struct rule_run *run, const struct rule_code *code,
                                   struct rule_value a, struct rule_value b)
{
    size_t count = (size_t)a.len + b.len;
    struct rule_value *items;

    if (!a.len || !b.len)
        return a.len ? a : b;
    items = rule_alloc(run, sizeof(*items) * count);
    if (!items)
        return rule_stop(run, code->at);
    memcpy(items, a.items, sizeof(*items) * a.len);
    memcpy(items + a.len, b.items, sizeof(*items) * b.len);
    return rule_of_list(items, count);
}

static struct rule_value add_times(struct rule_run *run, const struct rule_code *code,
                                   const struct rule_value args[2])
{
    int64_t sum;

    if (args[0].kind == RULE_TIMESTAMP && args[1].kind == RULE_DURATION)
        return moved(run, code, args[0], args[1].i);
    if (args[0].kind == RULE_DURATION && args[1].kind == RULE_TIMESTAMP)
        return moved(run, code, args[1], args[0].i);
    if (args[0].kind != RULE_DURATION || args[1].kind != RULE_DURATION)
        return no_overload(run, code, args);
    if (__builtin_add_overflow(args[0].i, args[1].i, &sum))
        return range(run, code);
    return rule_of_duration(sum);
}

struct rule_value rule_run_add(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value args[2], sum = {.kind = RULE_INT};

    if (!operands(run, code, args))
        return args[0];
    if (args[0].kind != args[1].kind)
        return add_times(run, code, args);
    switch (args[0].kind) {
    case RULE_INT:
        return __builtin_add_overflow(args[0].i, args[1].i, &sum.i) ? overflow(run, code) : sum;
    case RULE_UINT:
        sum.kind = RULE_UINT;
        return __builtin_add_overflow(args[0].u, args[1].u, &sum.u) ? overflow(run, code) : sum;
    case RULE_DOUBLE:
        return rule_of_double(args[0].d + args[1].d);
    case RULE_STRING:
    case RULE_BYTES:
        return add_bytes(run, code, args[0], args[1]);
    case RULE_LIST:
        return add_lists(run, code, args[0], args[1]);
    default:
        return add_times(run, code, args);
    }
}

/* ---- - ---- */

static struct rule_value between(struct rule_run *run, const struct rule_code *code,
                                 struct rule_value a, struct rule_value b)
{
    int64_t ns;

    if (__builtin_mul_overflow(a.i - b.i, RULE_SECOND_NS, &ns) ||
        __builtin_add_overflow(ns, (int64_t)a.len - b.len, &ns))
        return range(run, code);
    return rule_of_duration(ns);
}

static struct rule_value subtract_times(struct rule_run *run, const struct rule_code *code,
                                        const struct rule_value args[2])
{
    int64_t ns;

    if (args[0].kind == RULE_TIMESTAMP && args[1].kind == RULE_TIMESTAMP)
        return between(run, code, args[0], args[1]);
    if (args[1].kind != RULE_DURATION)
        return no_overload(run, code, args);
    if (args[0].kind == RULE_TIMESTAMP)
        return args[1].i == INT64_MIN ? range(run, code) : moved(run, code, args[0], -args[1].i);
    if (args[0].kind != RULE_DURATION)
        return no_overload(run, code, args);
    return __builtin_sub_overflow(args[0].i, args[1].i, &ns) ? range(run, code)
                                                             : rule_of_duration(ns);
}

struct rule_value rule_run_sub(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value args[2], out = {.kind = RULE_INT};

    if (!operands(run, code, args))
        return args[0];
    if (args[0].kind != args[1].kind)
        return subtract_times(run, code, args);
    switch (args[0].kind) {
    case RULE_INT:
        return __builtin_sub_overflow(args[0].i, args[1].i, &out.i) ? overflow(run, code) : out;
    case RULE_UINT:
        out.kind = RULE_UINT;
        return __builtin_sub_overflow(args[0].u, args[1].u, &out.u) ? overflow(run, code) : out;
    case RULE_DOUBLE:
        return rule_of_double(args[0].d - args[1].d);
    default:
        return subtract_times(run, code, args);
    }
}

/* ---- * / % and the sign ---- */

struct rule_value rule_run_mul(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value args[2], out = {.kind = RULE_INT};

    if (!operands(run, code, args))
        return args[0];
    if (args[0].kind != args[1].kind)
        return no_overload(run, code, args);
    switch (args[0].kind) {
    case RULE_INT:
        return __builtin_mul_overflow(args[0].i, args[1].i, &out.i) ? overflow(run, code) : out;
    case RULE_UINT:
        out.kind = RULE_UINT;
        return __builtin_mul_overflow(args[0].u, args[1].u, &out.u) ? overflow(run, code) : out;
    case RULE_DOUBLE:
        return rule_of_double(args[0].d * args[1].d);
    default:
        return no_overload(run, code, args);
    }
}

struct rule_value rule_run_div(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value args[2];

    if (!operands(run, code, args))
        return args[0];
    if (args[0].kind == RULE_DOUBLE && args[1].kind == RULE_DOUBLE)
        return rule_of_double(args[0].d / args[1].d);
    if (args[0].kind != args[1].kind || (args[0].kind != RULE_INT && args[0].kind != RULE_UINT))
        return no_overload(run, code, args);
    if (args[1].u == 0)
        return rule_bad(run, code->at, "divide by zero");
    if (args[0].kind == RULE_UINT)
        return rule_of_uint(args[0].u / args[1].u);
    if (args[0].i == INT64_MIN && args[1].i == -1)
        return overflow(run, code);
    return rule_of_int(args[0].i / args[1].i);
}

struct rule_value rule_run_mod(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value args[2];

    if (!operands(run, code, args))
        return args[0];
    if (args[0].kind != args[1].kind || (args[0].kind != RULE_INT && args[0].kind != RULE_UINT))
        return no_overload(run, code, args);
    if (args[1].u == 0)
        return rule_bad(run, code->at, "modulus by zero");
    if (args[0].kind == RULE_UINT)
        return rule_of_uint(args[0].u % args[1].u);
    if (args[0].i == INT64_MIN && args[1].i == -1)
        return overflow(run, code);
    return rule_of_int(args[0].i % args[1].i);
}

struct rule_value rule_run_neg(struct rule_run *run, const struct rule_code *code)
{
    struct rule_value v = code->a->run(run, code->a);

    if (v.kind == RULE_INT)
        return v.i == INT64_MIN ? overflow(run, code) : rule_of_int(-v.i);
    if (v.kind == RULE_DOUBLE)
        return rule_of_double(-v.d);
    return v.kind == RULE_ERROR ? v : rule_no_overload(run, code->at, STR("-_"), &v, 1);
}
