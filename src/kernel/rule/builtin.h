/*
 * builtin.h - the functions that every expression may call, as rows: name, signature, C function.
 *
 * A signature is its parameters, a colon and the result, a letter each: n null, b bool, i int,
 * u uint, d double, s string, y bytes, t timestamp, r duration, I ip, C cidr, * dyn, A and B any
 * type; L, T and O stand before the type of a list, a type, an optional, M before two types.
 * "sLs:b" takes a string and a list of strings and gives a bool.
 *
 * Invariants: a row's function is called with arguments of the kinds of its signature (as deep as
 * the first letter of each), none of them an error; the rows of one name, member or not, and number
 * of arguments are told apart by these kinds.
 */
#ifndef GREVY_RULE_BUILTIN_H
#define GREVY_RULE_BUILTIN_H

#include "kernel/rule/rule.h"

struct rule_row {
    const char *name;
    bool member;
    const char *signature;
    struct rule_value (*call)(struct rule_run *run, const struct rule_value *args);
};

struct rule_rows {
    const struct rule_row *rows;
    size_t count;
};

#define RULE_ROWS(rows_)                                                                           \
    {                                                                                              \
        (rows_), sizeof(rows_) / sizeof((rows_)[0])                                                \
    }

extern const struct rule_rows *const rule_builtins[]; /* Ends with NULL. */
extern const struct rule_rows rule_op_rows, rule_convert_rows, rule_text_rows, rule_search_rows,
    rule_format_rows, rule_math_rows, rule_list_rows, rule_time_rows, rule_net_rows,
    rule_optional_rows;

/** The type at *at, which moves behind it; vars are A and B. */
const struct rule_type *rule_signature_type(struct arena *arena, const char **at,
                                            const struct rule_type *const vars[2]);
uint32_t rule_signature_count(const char *signature);
/** The kinds of its arguments, RULE_KINDS for any; returns their number. */
uint32_t rule_signature_kinds(const char *signature, uint8_t kinds[RULE_ARGS_MAX]);
/** The kind of value a declared type has, RULE_KINDS for any. */
enum rule_kind rule_kind_of(const struct rule_type *type);

#endif
