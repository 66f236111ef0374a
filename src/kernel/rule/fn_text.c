/*
 * fn_text.c - functions that make text of text.  All counts are of characters (code points).
 */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "kernel/rule/code.h"
#include "kernel/rule/utf8.h"

static struct rule_value out_of_range(struct rule_run *run, int64_t n)
{
    return rule_call_bad(run, "index out of range: %" PRId64, n);
}

static bool paid(struct rule_run *run, struct rule_value v)
{
    return rule_charge(run, v.len / RULE_COST_BYTES);
}

static struct rule_value slice(struct str s, size_t from, size_t to)
{
    return rule_of_text((struct str){s.ptr + from, to - from});
}

static struct rule_value fn_char_at(struct rule_run *run, const struct rule_value *args)
{
    struct str s = rule_text(args[0]);
    size_t at = utf8_at(s, args[1].i);

    if (!paid(run, args[0]))
        return rule_call_stop(run);
    if (at == SIZE_MAX)
        return out_of_range(run, args[1].i);
    return slice(s, at, at == s.len ? at : at + utf8_len(s, at));
}

static struct rule_value substring(struct rule_run *run, const struct rule_value *args, int64_t to)
{
    struct str s = rule_text(args[0]);
    size_t from_at = utf8_at(s, args[1].i), to_at = utf8_at(s, to);

    if (!paid(run, args[0]))
        return rule_call_stop(run);
    if (from_at == SIZE_MAX)
        return out_of_range(run, args[1].i);
    if (to_at == SIZE_MAX)
        return out_of_range(run, to);
    if (from_at > to_at)
        return rule_call_bad(run, "invalid substring range. start: %" PRId64 ", end: %" PRId64,
                             args[1].i, to);
    return slice(s, from_at, to_at);
}

static struct rule_value fn_substring(struct rule_run *run, const struct rule_value *args)
{
    return substring(run, args, utf8_count(rule_text(args[0])));
}

static struct rule_value fn_substring_to(struct rule_run *run, const struct rule_value *args)
{
    return substring(run, args, args[2].i);
}

/* ---- Case, order, space ---- */

static struct rule_value recased(struct rule_run *run, struct rule_value v, char from)
{
    char *ptr = rule_alloc(run, v.len + 1);

    if (!ptr)
        return rule_call_stop(run);
    for (uint32_t k = 0; k < v.len; k++) {
        char c = v.ptr[k];

        ptr[k] = c >= from && c <= from + 25 ? (char)(c ^ 32) : c;
    }
    v.ptr = ptr;
    return v;
}

static struct rule_value fn_lower(struct rule_run *run, const struct rule_value *args)
{
    return recased(run, args[0], 'A');
}

static struct rule_value fn_upper(struct rule_run *run, const struct rule_value *args)
{
    return recased(run, args[0], 'a');
}

static struct rule_value fn_reverse(struct rule_run *run, const struct rule_value *args)
{
    struct str s = rule_text(args[0]);
    char *ptr = rule_alloc(run, s.len + 1);

    if (!ptr)
        return rule_call_stop(run);
    for (size_t at = 0; at < s.len;) {
        size_t len = utf8_len(s, at);

        memcpy(ptr + s.len - at - len, s.ptr + at, len);
        at += len;
    }
    return rule_of_text((struct str){ptr, s.len});
}

/* White_Space of Unicode. */
static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static struct rule_value fn_trim(struct rule_run *run, const struct rule_value *args)
{
    struct str s = rule_text(args[0]);
    size_t from = 0, to = s.len;

    if (!paid(run, args[0]))
        return rule_call_stop(run);
    while (from < to && is_space(utf8_char(s, from)))
        from += utf8_len(s, from);
    while (to > from) {
        size_t last = to - 1;

        while (!utf8_begins(s.ptr[last]))
            last--;
        if (!is_space(utf8_char(s, last)))
            break;
        to = last;
    }
    return slice(s, from, to);
}

/* ---- replace, split, join ---- */

/* Where the next `part` begins at or after `at`, SIZE_MAX: nowhere.  An empty part is before every
 * character and at the end. */
static size_t find(struct str s, size_t at, struct str part)
{
    const char *found;

    if (!part.len)
        return at;
    if (s.len - at < part.len)
        return SIZE_MAX;
    found = memmem(s.ptr + at, s.len - at, part.ptr, part.len);
    return found ? (size_t)(found - s.ptr) : SIZE_MAX;
}

static struct rule_value replaced(struct rule_run *run, const struct rule_value *args, int64_t most)
{
    struct str s = rule_text(args[0]), old = rule_text(args[1]), by = rule_text(args[2]);
    uint64_t times = old.len ? s.len / old.len : s.len + 1, size;
    size_t at = 0, len = 0;
    char *ptr;

    times = most >= 0 && times > (uint64_t)most ? (uint64_t)most : times;
    size = s.len + times * by.len;
    ptr = size > UINT32_MAX ? NULL : rule_alloc(run, size + 1);
    if (!ptr)
        return rule_call_stop(run);
    for (uint64_t done = 0; done < times; done++) {
        size_t found = find(s, at, old), step = 0;

        if (found == SIZE_MAX)
            break;
        memcpy(ptr + len, s.ptr + at, found - at);
        len += found - at;
        memcpy(ptr + len, by.ptr, by.len);
        len += by.len;
        at = found + old.len;
        if (!old.len && at == s.len)
            break;
        step = old.len ? 0 : utf8_len(s, at);
        memcpy(ptr + len, s.ptr + at, step);
        len += step;
        at += step;
    }
    memcpy(ptr + len, s.ptr + at, s.len - at);
    return rule_of_text((struct str){ptr, len + s.len - at});
}

static struct rule_value fn_replace(struct rule_run *run, const struct rule_value *args)
{
    return replaced(run, args, -1);
}

static struct rule_value fn_replace_some(struct rule_run *run, const struct rule_value *args)
{
    return args[3].i ? replaced(run, args, args[3].i) : args[0];
}

/* Where the piece that begins at `at` ends; an empty separator is between characters. */
static size_t piece_end(struct str s, size_t at, struct str by)
{
    size_t found;

    if (!by.len)
        return at < s.len ? at + utf8_len(s, at) : s.len;
    found = find(s, at, by);
    return found == SIZE_MAX ? s.len : found;
}

static struct rule_value split(struct rule_run *run, const struct rule_value *args, int64_t most)
{
    struct str s = rule_text(args[0]), by = rule_text(args[1]);
    size_t pieces = by.len ? s.len / by.len + 1 : s.len, count = 0, at = 0;
    struct rule_value *items;

    pieces = most >= 0 && pieces > (uint64_t)most ? (size_t)most : pieces;
    items = rule_alloc(run, sizeof(*items) * (pieces + 1));
    if (!items)
        return rule_call_stop(run);
    while (count < pieces) {
        size_t end = count + 1 == pieces && most >= 0 ? s.len : piece_end(s, at, by);

        items[count++] = slice(s, at, end);
        at = end + by.len;
        if (end == s.len)
            break;
    }
    return rule_of_list(items, count);
}

static struct rule_value fn_split(struct rule_run *run, const struct rule_value *args)
{
    return split(run, args, -1);
}

static struct rule_value fn_split_some(struct rule_run *run, const struct rule_value *args)
{
    return split(run, args, args[2].i < 0 ? -1 : args[2].i);
}

static struct rule_value joined(struct rule_run *run, struct rule_value list, struct str by)
{
    uint64_t size = 0;
    size_t len = 0;
    char *ptr;

    for (uint32_t k = 0; k < list.len; k++) {
        if (list.items[k].kind != RULE_STRING)
            return rule_no_overload(run, run->at, STR("join"), &list.items[k], 1);
        size += list.items[k].len + (k ? by.len : 0);
    }
    ptr = size > UINT32_MAX || !rule_charge(run, list.len) ? NULL : rule_alloc(run, size + 1);
    if (!ptr)
        return rule_call_stop(run);
    for (uint32_t k = 0; k < list.len; k++) {
        if (k && by.len)
            memcpy(ptr + len, by.ptr, by.len);
        len += k ? by.len : 0;
        if (list.items[k].len)
            memcpy(ptr + len, list.items[k].ptr, list.items[k].len);
        len += list.items[k].len;
    }
    return rule_of_text((struct str){ptr, len});
}

static struct rule_value fn_join(struct rule_run *run, const struct rule_value *args)
{
    return joined(run, args[0], STR(""));
}

static struct rule_value fn_join_by(struct rule_run *run, const struct rule_value *args)
{
    return joined(run, args[0], rule_text(args[1]));
}

/* ---- quote ---- */

static struct rule_value fn_quote(struct rule_run *run, const struct rule_value *args)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    size_t len = 0;
    char *ptr = rule_alloc(run, 2 * (size_t)args[0].len + 3);

    if (!ptr)
        return rule_call_stop(run);
    ptr[len++] = '"';
    for (uint32_t k = 0; k < args[0].len; k++) {
        char c = args[0].ptr[k];
        const char *at = c ? strchr(from, c) : NULL;

        if (at)
            ptr[len++] = '\\';
        ptr[len++] = at ? to[at - from] : c;
    }
    ptr[len++] = '"';
    return rule_of_text((struct str){ptr, len});
}

static const struct rule_row ROWS[] = {
    {"charAt", true, "si:s", fn_char_at},
    {"substring", true, "si:s", fn_substring},
    {"substring", true, "sii:s", fn_substring_to},
    {"lowerAscii", true, "s:s", fn_lower},
    {"upperAscii", true, "s:s", fn_upper},
    {"reverse", true, "s:s", fn_reverse},
    {"trim", true, "s:s", fn_trim},
    {"replace", true, "sss:s", fn_replace},
    {"replace", true, "sssi:s", fn_replace_some},
    {"split", true, "ss:Ls", fn_split},
    {"split", true, "ssi:Ls", fn_split_some},
    {"join", true, "Ls:s", fn_join},
    {"join", true, "Lss:s", fn_join_by},
    {"strings.quote", false, "s:s", fn_quote},
};

const struct rule_rows rule_text_rows = RULE_ROWS(ROWS);
