/*
 * condition_test.c - JSON conditions: each operator, what is refused, what is spent.
 */
#include "kernel/rule/condition.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/rule/json_value.h"
#include "test/kit/test.h"

enum { CX_BYTES = 64 << 20, STARVED_BYTES_MAX = 64 << 10 };

struct fixture {
    struct cx cx;
};

static void open_fixture(struct fixture *f)
{
    cx_open(&f->cx, env_system(), CX_BYTES);
}

static void close_fixture(struct fixture *f)
{
    cx_close(&f->cx);
}

/* A parser serves one text at a time: all three in one. */
static enum err compile(struct fixture *f, const char *condition, const char *attributes,
                        enum condition_mode mode, struct rule_value *values,
                        const struct rule **rule)
{
    struct json json, parts[3] = {{0}, {0}, {0}};
    size_t k = 0;

    fail_clear(&f->cx);
    CHECK(json_parse(
              &f->cx,
              cx_printf(&f->cx, "[%s,%s,{\"vip\":[1,\"u2\"],\"none\":[]}]", condition, attributes),
              &json) == OK);
    for (struct json_iter it = json_iter(json); json_next(&it); k++)
        parts[k] = it.value;
    *values = rule_of_json(&f->cx, parts[1]);
    return condition_compile(&f->cx, &f->cx.arena, parts[0], &parts[2], mode, rule);
}

static bool holds(struct fixture *f, const char *condition, const char *attributes)
{
    struct rule_value values;
    const struct rule *rule;

    CHECK_SAY(compile(f, condition, attributes, CONDITION_STRICT, &values, &rule) == OK, "%s: %s",
              condition, f->cx.problem.detail);
    return condition_test(&f->cx, rule, values);
}

struct row {
    const char *condition, *attributes;
    bool wanted;
};

static void check_rows(const struct row *rows, size_t count)
{
    struct fixture f;

    open_fixture(&f);
    for (size_t k = 0; k < count; k++)
        CHECK_SAY(holds(&f, rows[k].condition, rows[k].attributes) == rows[k].wanted,
                  "%s of %s is not %d", rows[k].condition, rows[k].attributes, rows[k].wanted);
    close_fixture(&f);
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

TEST(condition_values, "a value is compared as JavaScript compares it with what is wanted")
{
    static const struct row rows[] = {
        {"{\"a\":\"5\"}", "{\"a\":5}", true},
        {"{\"a\":\"null\"}", "{}", true},
        {"{\"a\":\"1,2\"}", "{\"a\":[1,2]}", true},
        {"{\"a\":5}", "{\"a\":\" 5 \"}", true},
        {"{\"a\":5}", "{\"a\":\"5x\"}", false},
        {"{\"a\":0}", "{}", true},
        {"{\"a\":0}", "{\"a\":\"\"}", true},
        {"{\"a\":1}", "{\"a\":true}", true},
        {"{\"a\":true}", "{\"a\":\"x\"}", true},
        {"{\"a\":false}", "{}", false},
        {"{\"a\":false}", "{\"a\":0}", true},
        {"{\"a\":null}", "{}", true},
        {"{\"a\":null}", "{\"a\":0}", false},
        {"{\"a\":[1,{\"b\":2}]}", "{\"a\":[1,{\"b\":2.0}]}", true},
        {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":2,\"x\":1}}", false},
        {"{\"a\":{}}", "{\"a\":{}}", true},
        {"{\"a.b.1\":\"x\"}", "{\"a\":{\"b\":[\"w\",\"x\"]}}", true},
        {"{\"a.b\":null}", "{\"a\":7}", true},
        {"{}", "{}", true},
    };

    CHECK_ROWS(rows);
}

TEST(condition_operators, "each operator, and each of its opposites")
{
    static const struct row rows[] = {
        {"{\"a\":{\"$eq\":5}}", "{\"a\":5.0}", true},
        {"{\"a\":{\"$eq\":5}}", "{\"a\":\"5\"}", false},
        {"{\"a\":{\"$ne\":5}}", "{}", true},
        {"{\"a\":{\"$lt\":5}}", "{\"a\":\"4\"}", true},
        {"{\"a\":{\"$lt\":\"5\"}}", "{\"a\":\"40\"}", true},
        {"{\"a\":{\"$lte\":5}}", "{\"a\":5}", true},
        {"{\"a\":{\"$lte\":5}}", "{\"a\":\"x\"}", false},
        {"{\"a\":{\"$gte\":5}}", "{\"a\":\"x\"}", false},
        {"{\"a\":{\"$gt\":-1}}", "{}", true},
        {"{\"a\":{\"$gt\":5,\"$lt\":7}}", "{\"a\":6}", true},
        {"{\"a\":{\"$exists\":true}}", "{\"a\":null}", false},
        {"{\"a\":{\"$exists\":false}}", "{}", true},
        {"{\"a\":{\"$in\":[1,\"b\"]}}", "{\"a\":[\"c\",\"b\"]}", true},
        {"{\"a\":{\"$in\":[]}}", "{\"a\":1}", false},
        {"{\"a\":{\"$nin\":[1]}}", "{}", true},
        {"{\"a\":{\"$ini\":[\"\u00c4B\"]}}", "{\"a\":\"\u00e4b\"}", true},
        {"{\"a\":{\"$nini\":[\"AB\"]}}", "{\"a\":\"ab\"}", false},
        {"{\"a\":{\"$inGroup\":\"vip\"}}", "{\"a\":\"u2\"}", true},
        {"{\"a\":{\"$notInGroup\":\"vip\"}}", "{\"a\":\"u3\"}", true},
        {"{\"a\":{\"$inGroup\":\"none\"}}", "{\"a\":1}", false},
        {"{\"a\":{\"$all\":[\"x\",{\"$gt\":3}]}}", "{\"a\":[\"x\",4]}", true},
        {"{\"a\":{\"$all\":[\"x\",\"y\"]}}", "{\"a\":[\"x\"]}", false},
        {"{\"a\":{\"$all\":[]}}", "{\"a\":1}", false},
        {"{\"a\":{\"$alli\":[\"X\"]}}", "{\"a\":[\"x\"]}", true},
        {"{\"a\":{\"$elemMatch\":{\"b\":1,\"c\":{\"$lt\":3}}}}",
         "{\"a\":[{\"b\":1,\"c\":3},"
         "{\"b\":1,\"c\":2}]}",
         true},
        {"{\"a\":{\"$elemMatch\":{\"$elemMatch\":{\"$eq\":2}}}}", "{\"a\":[[1],[2]]}", true},
        {"{\"a\":{\"$elemMatch\":{\"$eq\":2}}}", "{\"a\":2}", false},
        {"{\"a\":{\"$size\":2}}", "{\"a\":[1,2]}", true},
        {"{\"a\":{\"$size\":{\"$gt\":2}}}", "{\"a\":[1,2]}", false},
        {"{\"a\":{\"$size\":0}}", "{}", false},
        {"{\"a\":{\"$type\":\"array\"}}", "{\"a\":[]}", true},
        {"{\"a\":{\"$type\":\"object\"}}", "{\"a\":{}}", true},
        {"{\"a\":{\"$type\":\"null\"}}", "{}", true},
        {"{\"a\":{\"$not\":{\"$gt\":3}}}", "{\"a\":2}", true},
        {"{\"a\":{\"$regex\":\"^b.d$\"}}", "{\"a\":\"bad\"}", true},
        {"{\"a\":{\"$regex\":\"(?<year>\\\\d{4})\\\\/\\\\u0041\"}}", "{\"a\":\"2026/A\"}", true},
        {"{\"a\":{\"$regexi\":\"BAD\"}}", "{\"a\":\"bad\"}", true},
        {"{\"a\":{\"$notRegex\":\"b\"}}", "{\"a\":\"bad\"}", false},
        {"{\"a\":{\"$notRegexi\":\"B\"}}", "{\"a\":\"cad\"}", true},
        {"{\"a\":{\"$veq\":\"v1.2.3+b7\"}}", "{\"a\":\"1.2.3\"}", true},
        {"{\"a\":{\"$vne\":\"1.2.3\"}}", "{\"a\":\"1.2.4\"}", true},
        {"{\"a\":{\"$vlt\":\"1.10.0\"}}", "{\"a\":\"1.9.0\"}", true},
        {"{\"a\":{\"$vgt\":\"1.0.0-beta\"}}", "{\"a\":\"1.0.0\"}", true},
        {"{\"a\":{\"$vgte\":\"2\"}}", "{\"a\":2}", true},
        {"{\"a\":{\"$vlte\":\"1\"}}", "{}", true},
    };

    CHECK_ROWS(rows);
}

TEST(condition_connectives, "and, or, nor, not; of nothing, and/or/nor hold, hold, do not")
{
    static const struct row rows[] = {
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", false},
        {"{\"$or\":[{\"a\":1},{\"b\":3}]}", "{\"a\":2,\"b\":3}", true},
        {"{\"$or\":[]}", "{}", true},
        {"{\"$and\":[]}", "{}", true},
        {"{\"$nor\":[]}", "{}", false},
        {"{\"$nor\":[{\"a\":1},{\"a\":2}]}", "{\"a\":3}", true},
        {"{\"$not\":{\"a\":1}}", "{\"a\":1}", false},
        {"{\"$and\":[{\"$or\":[{\"a\":1},{\"a\":2}]},{\"$not\":{\"b\":1}}]}", "{\"a\":2}", true},
    };

    CHECK_ROWS(rows);
}

TEST(condition_refusals, "who edits is told what is wrong, and where; clients take it as false")
{
    static const struct {
        const char *condition, *code, *pointer;
    } rows[] = {
        {"{\"a\":{\"$regx\":\"x\"}}", "unknown_operator", "/a/$regx"},
        {"{\"$or\":[{\"a\":1},{\"b\":{\"$in\":5}}]}", "bad_operand", "/$or/1/b/$in"},
        {"{\"$or\":{\"a\":1}}", "bad_operand", "/$or"},
        {"{\"a\":{\"$exists\":1}}", "bad_operand", "/a/$exists"},
        {"{\"a\":{\"$inGroup\":\"vips\"}}", "unknown_group", "/a/$inGroup"},
        {"{\"a\":{\"$regex\":\"(?=x)\"}}", "bad_pattern", "/a/$regex"},
        {"{\"a\":{\"$all\":[1,{\"$size\":{\"$foo\":1}}]}}", "unknown_operator",
         "/a/$all/1/$size/$foo"},
        {"5", "bad_operand", ""},
    };
    struct rule_value values;
    const struct rule *rule;
    struct fixture f;

    open_fixture(&f);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        enum err err =
            compile(&f, rows[k].condition, "{\"a\":\"x\"}", CONDITION_STRICT, &values, &rule);

        CHECK_SAY(err == ERR_BAD_INPUT, "%s is taken", rows[k].condition);
        CHECK_EQ_STR(f.cx.problem.code, rows[k].code);
        CHECK_EQ_STR(f.cx.problem.pointer, rows[k].pointer);
    }
    CHECK(compile(&f, "{\"a\":{\"$regx\":\"x\"}}", "{\"a\":\"x\"}", CONDITION_AS_SDK, &values,
                  &rule) == OK);
    CHECK(!condition_test(&f.cx, rule, values));
    CHECK(compile(&f, "{\"a\":{\"$regex\":\"(\"}}", "{\"a\":\"x\"}", CONDITION_AS_SDK, &values,
                  &rule) == OK);
    CHECK(!condition_test(&f.cx, rule, values));
    close_fixture(&f);
}

/* {"$or":[{"a":1},{"a":1},...]} */
static const char *many(struct fixture *f, int count)
{
    struct text text = {.ptr = cx_alloc(&f->cx, (size_t)count * 8 + 32),
                        .size = (size_t)count * 8 + 32};

    text_addf(&text, "{\"$or\":[");
    for (int k = 0; k < count; k++)
        text_addf(&text, "%s{\"a\":1}", k ? "," : "");
    text_addf(&text, "]}");
    CHECK(!text.cut);
    return text.ptr;
}

TEST(condition_bombs, "a condition too large is refused, and one too costly is false")
{
    static const char nested[] = "{\"a\":{\"$elemMatch\":{\"$elemMatch\":{\"$elemMatch\":{\"$in\":"
                                 "[7]}}}}}";
    struct rule_value values;
    const struct rule *rule;
    struct rule_value ones[200], twos[200], threes[200];
    struct rule_map *map;
    struct fixture f;

    open_fixture(&f);
    CHECK(compile(&f, many(&f, 1001), "{}", CONDITION_AS_SDK, &values, &rule) == ERR_BAD_INPUT);
    CHECK(compile(&f, many(&f, 1000), "{\"a\":1}", CONDITION_AS_SDK, &values, &rule) == OK);
    CHECK(condition_test(&f.cx, rule, values));
    for (int k = 0; k < 200; k++) {
        ones[k] = rule_of_int(7);
        twos[k] = rule_of_list(ones, 200);
        threes[k] = rule_of_list(twos, 200);
    }
    ones[0] = rule_of_int(8);
    map = rule_map_new(&f.cx.arena, 1);
    CHECK(rule_map_put(map, rule_of_text(STR("a")), rule_of_list(threes, 200)));
    CHECK(compile(&f, nested, "{}", CONDITION_STRICT, &values, &rule) == OK);
    CHECK(condition_test(&f.cx, rule, rule_of_map(map)));
    for (int k = 0; k < 200; k++)
        ones[k] = rule_of_int(8);
    CHECK(!condition_test(&f.cx, rule, rule_of_map(map))); /* Eight million: cut short. */
    close_fixture(&f);
}

/* Random conditions over random attributes; the dice are the test's own. */
static uint32_t roll(uint32_t *dice, uint32_t below)
{
    *dice = *dice * 1664525 + 1013904223;
    return (*dice >> 8) % below;
}

static struct str random_leaf(struct cx *cx, uint32_t *dice)
{
    static const struct {
        const char *begin, *end;
    } leaves[] = {{"{\"a\":{\"$gt\":", "}}"},
                  {"{\"b\":{\"$in\":[2,", "]}}"},
                  {"{\"a\":", "}"},
                  {"{\"c\":{\"$size\":", "}}"},
                  {"{\"c\":{\"$all\":[", "]}}"},
                  {"{\"b\":{\"$vlt\":\"1.", "\"}}"},
                  {"{\"a\":\"", "\"}"},
                  {"{\"c\":{\"$elemMatch\":{\"$lte\":", "}}}"}};
    uint32_t which = roll(dice, sizeof(leaves) / sizeof(leaves[0]));

    return cx_printf(cx, "%s%u%s", leaves[which].begin, roll(dice, 4), leaves[which].end);
}

static struct str random_condition(struct cx *cx, uint32_t *dice, int depth)
{
    struct str x, y;

    if (depth == 0 || roll(dice, 4) == 0)
        return random_leaf(cx, dice);
    x = random_condition(cx, dice, depth - 1);
    y = random_condition(cx, dice, depth - 1);
    return cx_printf(cx, "{\"%s\":[" STR_FMT "," STR_FMT "]}", roll(dice, 2) ? "$and" : "$or",
                     STR_ARG(x), STR_ARG(y));
}

TEST(condition_opposites, "not is the opposite, and nor of two is what and of their opposites is")
{
    uint32_t dice = 4;
    struct fixture f;

    open_fixture(&f);
    for (int k = 0; k < 500; k++) {
        struct str x = random_condition(&f.cx, &dice, 3), y = random_condition(&f.cx, &dice, 3);
        const char *attributes =
            cx_printf(&f.cx, "{\"a\":%u,\"b\":\"%u\",\"c\":[%u,%u]}", roll(&dice, 4),
                      roll(&dice, 4), roll(&dice, 4), roll(&dice, 4))
                .ptr;
        bool is = holds(&f, x.ptr, attributes), other = holds(&f, y.ptr, attributes);

        CHECK(holds(&f, cx_printf(&f.cx, "{\"$not\":" STR_FMT "}", STR_ARG(x)).ptr, attributes) ==
              !is);
        CHECK(holds(&f,
                    cx_printf(&f.cx, "{\"$nor\":[" STR_FMT "," STR_FMT "]}", STR_ARG(x), STR_ARG(y))
                        .ptr,
                    attributes) == (!is && !other));
        cx_reset(&f.cx);
    }
    close_fixture(&f);
}

/* Compile and run with so many bytes in all; the arena's unwind is the only way out. */
static bool fits(size_t bytes)
{
    static const char text[] = "[{\"a\":{\"$in\":[1,\"b\"],\"$regexi\":\"B\"},\"$or\":[{\"c\":{"
                               "\"$vgt\":\"1.2\"}},{\"d\":{\"$elemMatch\":{\"$ini\":[\"X\"]}}}]},"
                               "{\"a\":\"b\",\"c\":\"1.0\",\"d\":[\"x\"]}]";
    struct json json, parts[2] = {{0}, {0}};
    const struct rule *rule;
    jmp_buf exhausted;
    volatile bool good = false;
    volatile size_t count = 0;
    struct cx cx;

    cx_open(&cx, env_system(), bytes);
    cx.arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0) {
        CHECK(json_parse(&cx, str_of(text), &json) == OK);
        for (struct json_iter it = json_iter(json); json_next(&it); count++)
            parts[count] = it.value;
        CHECK(condition_compile(&cx, &cx.arena, parts[0], NULL, CONDITION_STRICT, &rule) == OK);
        good = condition_test(&cx, rule, rule_of_json(&cx, parts[1]));
    }
    cx_close(&cx);
    return good;
}

TEST(condition_starved, "with too little memory a condition unwinds, wherever it was")
{
    size_t bytes = 256;

    while (bytes < STARVED_BYTES_MAX && !fits(bytes))
        bytes += 64;
    CHECK(bytes > 1024);
    CHECK(bytes < STARVED_BYTES_MAX);
}

/* ---- The public cases ---- */

static struct str read_suite(struct cx *cx)
{
    static const char path[] = "../shared/suites/growthbook/cases.json";
    FILE *file = fopen(path, "rb");
    enum { BYTES_MAX = 4 << 20 };
    char *text;
    size_t len;

    if (!file)
        test_skip("../shared/suites/growthbook is not there");
    text = cx_alloc(cx, BYTES_MAX);
    len = fread(text, 1, BYTES_MAX, file);
    fclose(file);
    return (struct str){text, len};
}

/* [name, condition, attributes, wanted, groups?] */
static void run_case(struct cx *cx, struct json row)
{
    struct json parts[5] = {{0}};
    const struct rule *rule;
    size_t count = 0;

    for (struct json_iter it = json_iter(row); count < 5 && json_next(&it);)
        parts[count++] = it.value;
    CHECK(condition_compile(cx, &cx->arena, parts[1], count > 4 ? &parts[4] : NULL,
                            CONDITION_AS_SDK, &rule) == OK);
    CHECK_SAY(condition_test(cx, rule, rule_of_json(cx, parts[2])) == json_bool(parts[3]), STR_FMT,
              STR_ARG(json_text(cx, parts[0])));
}

TEST(condition_suite, "the public cases of GrowthBook's evalCondition")
{
    struct json root, rows;
    struct cx all, cx;
    size_t count = 0;

    cx_open(&all, env_system(), CX_BYTES);
    cx_open(&cx, env_system(), CX_BYTES);
    CHECK(json_parse(&all, read_suite(&all), &root) == OK);
    CHECK(json_get(root, "evalCondition", &rows));
    for (struct json_iter it = json_iter(rows); json_next(&it); count++) {
        cx_reset(&cx);
        run_case(&cx, it.value);
    }
    CHECK(count > 100);
    cx_close(&cx);
    cx_close(&all);
}
