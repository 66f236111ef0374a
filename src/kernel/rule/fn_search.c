/*
 * fn_search.c - functions that look for something in a text: contains, matches, indexOf ...
 */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "kernel/rule/code.h"
#include "kernel/rule/regex.h"
#include "kernel/rule/utf8.h"

/* Going over the bytes is paid for. */
static bool paid(struct rule_run *run, struct rule_value v)
{
    return rule_charge(run, v.len / RULE_COST_BYTES);
}

static struct rule_value fn_contains(struct rule_run *run, const struct rule_value *args)
{
    if (!paid(run, args[0]) || !paid(run, args[1]))
        return rule_call_stop(run);
    return rule_of_bool(!args[1].len || (args[0].len && memmem(args[0].ptr, args[0].len,
                                                               args[1].ptr, args[1].len)));
}

static struct rule_value fn_starts(struct rule_run *run, const struct rule_value *args)
{
    (void)run;
    return rule_of_bool(str_starts(rule_text(args[0]), rule_text(args[1])));
}

static struct rule_value fn_ends(struct rule_run *run, const struct rule_value *args)
{
    struct str s = rule_text(args[0]), end = rule_text(args[1]);

    (void)run;
    return rule_of_bool(end.len <= s.len &&
                        str_eq(end, (struct str){s.ptr + (s.len - end.len), end.len}));
}

/* A pattern that is not known before: compiled for this once. */
static struct rule_value fn_matches(struct rule_run *run, const struct rule_value *args)
{
    enum { PATTERN_COST = 16 }; /* Units for each byte: compiling is slow. */
    void *regex;
    bool found;

    if (!rule_charge(run, (uint64_t)args[1].len * PATTERN_COST + args[0].len / RULE_COST_BYTES))
        return rule_call_stop(run);
    regex = rule_regex_new(args[1].ptr, args[1].len);
    if (!regex)
        return rule_call_bad(run, "this is no regular expression (RE2 syntax), or it is too large");
    found = rule_regex_test(regex, args[0].ptr, args[0].len);
    rule_regex_free(regex);
    return rule_of_bool(found);
}

/* ---- indexOf, lastIndexOf: in characters ---- */

static bool here(struct str s, size_t at, struct str part)
{
    return s.len - at >= part.len && (!part.len || memcmp(s.ptr + at, part.ptr, part.len) == 0);
}

static struct rule_value out_of_range(struct rule_run *run, int64_t n)
{
    return rule_call_bad(run, "index out of range: %" PRId64, n);
}

static struct rule_value index_from(struct rule_run *run, const struct rule_value *args,
                                    int64_t from)
{
    struct str s = rule_text(args[0]), part = rule_text(args[1]);
    size_t at = utf8_at(s, from);
    const char *found;

    if (!paid(run, args[0]) || !paid(run, args[1]))
        return rule_call_stop(run);
    if (at == SIZE_MAX)
        return out_of_range(run, from);
    if (!part.len)
        return rule_of_int(from);
    found = s.len - at < part.len ? NULL : memmem(s.ptr + at, s.len - at, part.ptr, part.len);
    if (!found)
        return rule_of_int(-1);
    return rule_of_int(utf8_count((struct str){s.ptr, (size_t)(found - s.ptr)}));
}

static struct rule_value fn_index(struct rule_run *run, const struct rule_value *args)
{
    return index_from(run, args, 0);
}

static struct rule_value fn_index_from(struct rule_run *run, const struct rule_value *args)
{
    if (args[1].len && args[2].i && args[2].i == utf8_count(rule_text(args[0])))
        return out_of_range(run, args[2].i);
    return index_from(run, args, args[2].i);
}

static struct rule_value last_index(struct rule_run *run, const struct rule_value *args,
                                    int64_t from)
{
    struct str s = rule_text(args[0]), part = rule_text(args[1]);
    size_t at = utf8_at(s, from);

    /* Compared at every place. */
    if (!rule_charge(run, s.len / RULE_COST_BYTES + (uint64_t)s.len * part.len / 64))
        return rule_call_stop(run);
    if (at == SIZE_MAX)
        return out_of_range(run, from);
    if (!part.len)
        return rule_of_int(from);
    for (;; at--) {
        if (utf8_begins(s.ptr[at]) && here(s, at, part))
            return rule_of_int(utf8_count((struct str){s.ptr, at}));
        if (!at)
            return rule_of_int(-1);
    }
}

static struct rule_value fn_last_index(struct rule_run *run, const struct rule_value *args)
{
    int64_t count = utf8_count(rule_text(args[0]));

    if (!args[1].len)
        return rule_of_int(count);
    return args[0].len ? last_index(run, args, count - 1) : rule_of_int(-1);
}

static struct rule_value fn_last_index_from(struct rule_run *run, const struct rule_value *args)
{
    int64_t count = utf8_count(rule_text(args[0]));

    if (args[2].i < 0 || args[2].i > count || (args[2].i == count && args[1].len && count))
        return out_of_range(run, args[2].i);
    return args[0].len ? last_index(run, args, args[2].i) : rule_of_int(args[1].len ? -1 : 0);
}

static const struct rule_row ROWS[] = {
    {"contains", true, "ss:b", fn_contains},
    {"startsWith", true, "ss:b", fn_starts},
    {"endsWith", true, "ss:b", fn_ends},
    {"matches", true, "ss:b", fn_matches},
    {"matches", false, "ss:b", fn_matches},
    {"indexOf", true, "ss:i", fn_index},
    {"indexOf", true, "ssi:i", fn_index_from},
    {"lastIndexOf", true, "ss:i", fn_last_index},
    {"lastIndexOf", true, "ssi:i", fn_last_index_from},
};

const struct rule_rows rule_search_rows = RULE_ROWS(ROWS);
