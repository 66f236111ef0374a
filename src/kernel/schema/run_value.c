/*
 * run_value.c - type, enum, const, and what is said of numbers and strings.
 */
#include <math.h>
#include <string.h>

#include "kernel/schema/format.h"
#include "kernel/schema/regex.h"
#include "kernel/schema/run.h"
#include "kernel/schema/value.h"
#include "kernel/schema/walk.h"

enum { SHOWN_LEN_MAX = 100 };

/* The start of a text, cut between characters. */
static struct str cut(struct str s)
{
    if (s.len <= SHOWN_LEN_MAX)
        return s;
    for (s.len = SHOWN_LEN_MAX; s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xc0) == 0x80;)
        s.len--;
    return s;
}

static struct str shown(struct run *run, struct json v)
{
    return run->report ? cut(json_minified(run->cx, v)) : (struct str){"", 0};
}

/* ---- type ---- */

static uint8_t type_of(struct run *run, struct json v)
{
    struct number number;

    switch (walk_type(v)) {
    case JSON_NULL:
        return TYPE_NULL;
    case JSON_BOOL:
        return TYPE_BOOLEAN;
    case JSON_INT:
    case JSON_UINT:
        return TYPE_NUMBER | TYPE_INTEGER;
    case JSON_TEXT:
        return TYPE_STRING;
    case JSON_LIST:
        return TYPE_ARRAY;
    case JSON_OBJECT:
        return TYPE_OBJECT;
    default:
        number = number_of(v);
        return number_whole(&run->cx->arena, &number) ? TYPE_NUMBER | TYPE_INTEGER : TYPE_NUMBER;
    }
}

static const char *const TYPE_NAMES[] = {"null",   "boolean", "object", "array",
                                         "string", "number",  "integer"};

/* Kept out of line: its buffer would be cleared for every value. */
__attribute__((noinline)) static bool fail_type(struct run *run, const struct visit *v, uint8_t is)
{
    char room[SHOWN_LEN_MAX];
    struct text names = {.ptr = room, .size = sizeof(room)};
    const char *has = "number";

    for (int k = 0; k < 7; k++) {
        if (v->node->types & 1 << k)
            text_addf(&names, "%s%s", names.len > 0 ? " or " : "", TYPE_NAMES[k]);
        if (is & 1 << k)
            has = TYPE_NAMES[k];
    }
    return run_fail(run, v, "type", "this is of type %s; give %.*s", has, (int)names.len,
                    names.ptr);
}

bool run_type(struct run *run, const struct visit *v)
{
    uint8_t is = type_of(run, v->value);

    return is & v->node->types || fail_type(run, v, is);
}

/* ---- enum, const ---- */

static bool same(struct run *run, const struct visit *v, struct json wanted)
{
    return value_equal(&run->cx->arena, v->value, wanted, &run->steps);
}

static bool listed(struct run *run, const struct visit *v, uint64_t hash)
{
    const struct value_rules *rules = v->node->values;

    for (size_t k = 0; k < rules->count; k++)
        if (rules->hashes[k] == hash && same(run, v, rules->any_of[k]))
            return true;
    return false;
}

static bool fail_enum(struct run *run, const struct visit *v)
{
    struct json_out out;

    if (!run->report)
        return false;
    json_open(&out, run->cx, 0);
    json_list(&out);
    for (size_t k = 0; k < v->node->values->count; k++)
        json_put_raw(&out, json_minified(run->cx, v->node->values->any_of[k]));
    json_list_end(&out);
    return run_fail(run, v, "enum", "this is " STR_FMT "; give one of " STR_FMT,
                    STR_ARG(shown(run, v->value)), STR_ARG(cut(json_done(&out))));
}

bool run_values(struct run *run, const struct visit *v)
{
    const struct value_rules *rules = v->node->values;
    uint64_t hash = schema_value_hash(v->value);
    bool good = true;

    if (rules->has_only && (hash != rules->only_hash || !same(run, v, rules->only))) {
        good = false;
        run_fail(run, v, "const", "give " STR_FMT, STR_ARG(shown(run, rules->only)));
    }
    if (rules->has_enum && !listed(run, v, hash)) {
        good = false;
        fail_enum(run, v);
    }
    return run_charge(run, v, (int64_t)rules->count / 8) && good;
}

/* ---- Numbers ---- */

static bool bound(struct run *run, const struct visit *v, const char *keyword, bool good)
{
    static const struct {
        const char *keyword, *say;
    } words[] = {{"minimum", "at least"},
                 {"maximum", "at most"},
                 {"exclusiveMinimum", "more than"},
                 {"exclusiveMaximum", "less than"}};
    const char *say = "a multiple of";
    struct json wanted;

    if (good || !run->report)
        return good;
    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        if (strcmp(words[k].keyword, keyword) == 0)
            say = words[k].say;
    if (!json_get(v->node->json, keyword, &wanted))
        return false;
    return run_fail(run, v, keyword, "this is " STR_FMT "; give %s " STR_FMT,
                    STR_ARG(shown(run, v->value)), say, STR_ARG(shown(run, wanted)));
}

bool run_number(struct run *run, const struct visit *v)
{
    const struct number_rules *rules = v->node->number;
    struct number number = number_of(v->value);
    struct arena *arena = &run->cx->arena;
    bool good = true;

    if (rules->has & BOUND_MIN)
        RUN_CHECK(good, run,
                  bound(run, v, "minimum", number_compare(arena, &number, &rules->minimum) >= 0));
    if (rules->has & BOUND_MAX)
        RUN_CHECK(good, run,
                  bound(run, v, "maximum", number_compare(arena, &number, &rules->maximum) <= 0));
    if (rules->has & BOUND_ABOVE)
        RUN_CHECK(
            good, run,
            bound(run, v, "exclusiveMinimum", number_compare(arena, &number, &rules->above) > 0));
    if (rules->has & BOUND_BELOW)
        RUN_CHECK(
            good, run,
            bound(run, v, "exclusiveMaximum", number_compare(arena, &number, &rules->below) < 0));
    if (rules->has & BOUND_MULTIPLE)
        RUN_CHECK(good, run,
                  bound(run, v, "multipleOf", number_multiple(arena, &number, &rules->multiple)));
    return good;
}

/* ---- Strings ---- */

/* Characters: bytes that do not continue one. */
static uint64_t characters(struct str s)
{
    uint64_t count = 0;

    for (size_t k = 0; k < s.len; k++)
        count += ((unsigned char)s.ptr[k] & 0xc0) != 0x80;
    return count;
}

static bool check_pattern(struct run *run, const struct visit *v, struct str s)
{
    const struct text_rules *rules = v->node->text;

    switch (schema_regex_test(&run->room, rules->pattern, s, &run->steps)) {
    case REGEX_YES:
        return true;
    case REGEX_NO:
        return run_fail(run, v, "pattern", "give text that matches the pattern " STR_FMT,
                        STR_ARG(cut(rules->pattern_text)));
    default:
        return run_fault(run, v, "schema_pattern_steps",
                         "a pattern takes too long on this text; rewrite it without nested "
                         "repetitions");
    }
}

bool run_text(struct run *run, const struct visit *v)
{
    const struct text_rules *rules = v->node->text;
    struct str s = walk_peek(v->value);
    bool good = true;

    /* A character has 1 to 4 bytes: most texts need no counting. */
    if (s.len / 4 < rules->len_min || s.len > rules->len_max) {
        uint64_t len = characters(s);

        if (len < rules->len_min)
            RUN_CHECK(good, run,
                      run_fail(run, v, "minLength",
                               "this has %" PRIu64 " characters; give at least %" PRIu64, len,
                               rules->len_min));
        if (len > rules->len_max)
            RUN_CHECK(good, run,
                      run_fail(run, v, "maxLength",
                               "this has %" PRIu64 " characters; give at most %" PRIu64, len,
                               rules->len_max));
    }
    if (rules->pattern)
        RUN_CHECK(good, run, check_pattern(run, v, s));
    if (rules->format && !rules->format->check(run->cx, s))
        RUN_CHECK(good, run,
                  run_fail(run, v, "format", "this is no %s; give %s", rules->format->name,
                           rules->format->want));
    return good && run_charge(run, v, (int64_t)s.len / 64);
}
