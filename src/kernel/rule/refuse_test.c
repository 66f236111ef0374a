/*
 * refuse_test.c - what is refused before it runs: place, reason, suggestion; limits and bombs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/rule/rule_fixture.h"

TEST(rule_refusals, "a refusal says where and what to write instead")
{
    static const struct rule_pair pairs[] = {
        {"user.citi == 'x'",
         "refused: line 1, column 6: user has no field 'citi'; did you mean 'city'?"},
        {"usr.city == 'x'",
         "refused: line 1, column 1: 'usr' is not declared; did you mean 'user'?"},
        {"true &&\n  user.level == '3'", "refused: line 2, column 14: == does not fit int, string"},
        {"'\u4f60\u597d' + 1", "refused: line 1, column 6: + does not fit string, int"},
        {"user.city.startWith('B')", "refused: line 1, column 11: there is no function "
                                     "startWith(); did you mean 'startsWith'?"},
        {"prise('sku')",
         "refused: line 1, column 1: there is no function prise(); did you mean 'price'?"},
        {"price(1)", "refused: line 1, column 1: price() does not take (int)"},
        {"user.level && true", "refused: line 1, column 1: a side of && is a bool, this is int"},
        {"[1].exists(x, x)", "refused: line 1, column 15: a condition is a bool, this is int"},
        {"user.level.map(x, x)", "refused: line 1, column 1: a loop goes over a list or a map"},
        {"user.level.x", "refused: line 1, column 12: a value of type int has no fields"},
        {"1 == 1.0", "refused: line 1, column 3: == does not fit int, double"},
        {"1 ? 2 : 3", "refused: line 1, column 3: ? does not fit int, int, int"},
        {"Foo{a: 1}", "refused: line 1, column 1: there are no messages here"},
        {"user.city = 'x'", "refused: line 1, column 11: = is no operator: write == to compare"},
        {"(1 + 2", "refused: line 1, column 7: a ) is missing here"},
        {"[1, 2", "refused: line 1, column 6: a ] or a comma is missing here"},
        {"'abc", "refused: line 1, column 1: the text that begins here has no closing quote"},
        {"'a\\qb'", "refused: line 1, column 3: no such escape"},
        {"1 2", "refused: line 1, column 3: the expression should have ended before this"},
        {"", "refused: line 1, column 1: a value is missing here"},
        {"for", "refused: line 1, column 1: this word is reserved"},
        {"9223372036854775808", "refused: line 1, column 1: an int is at most"},
        {"has(user)", "refused: line 1, column 5: has() wants a field"},
        {"[1].map(1, 2)", "refused: line 1, column 9: the name of a variable is wanted here"},
        {"math.greatest('a')", "refused: line 1, column 6: math.greatest() does not take"},
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    RULE_CHECK_ALL(&f, pairs, rule_fixture_begins);
    rule_fixture_close(&f);
}

/* prefix, then `times` times part, then middle, then suffix as often. */
static char *repeated(const char *part, const char *middle, const char *suffix, size_t times)
{
    size_t size = (strlen(part) + strlen(suffix)) * times + strlen(middle) + 1;
    struct text text = {malloc(size), 0, size, false};

    for (size_t k = 0; k < times; k++)
        text_add(&text, str_of(part));
    text_add(&text, str_of(middle));
    for (size_t k = 0; k < times; k++)
        text_add(&text, str_of(suffix));
    text.ptr[text.len] = 0;
    return text.ptr;
}

TEST(rule_bombs_source, "what is too long, too deep or has too many parts is refused")
{
    static const struct {
        const char *part, *middle, *suffix;
        size_t times;
        const char *wanted;
    } bombs[] = {
        {"(", "1", ")", 10000, "nested deeper"},
        {"[", "1", "]", 10000, "nested deeper"},
        {"{1:", "1", "}", 10000, "nested deeper"},
        {"size(", "1", ")", 5000, "nested deeper"},
        {"true ? 1 : ", "1", "", 5000, "nested deeper"},
        {"1 + ", "1", "", 10000, "nested deeper"},
        {"", "1", "[0]", 10000, "nested deeper"},
        {"", "1", ".a", 10000, "nested deeper"},
        {"[1].map(x, ", "x", ")", 5000, "nested deeper"},
        {"1,", "1", "", 32767, ""},
        {"x", "x", "", 1 << 20, "more than 65536 bytes"},
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    for (size_t k = 0; k < sizeof(bombs) / sizeof(bombs[0]); k++) {
        char *text = repeated(bombs[k].part, bombs[k].middle, bombs[k].suffix, bombs[k].times);
        struct str got = rule_fixture_eval(&f, text);

        CHECK_SAY(str_starts(got, STR("refused: ")), "bomb %zu: " STR_FMT, k, STR_ARG(got));
        CHECK_SAY(strstr(f.cx.problem.detail, bombs[k].wanted), "bomb %zu: " STR_FMT, k,
                  STR_ARG(got));
        free(text);
    }
    rule_fixture_close(&f);
}

TEST(rule_many_nodes, "more than 20,000 parts are refused, a long list of less is not")
{
    struct rule_fixture f;
    char *text = repeated("1,", "1", "", 15000), *list;
    struct str got;

    rule_fixture_open(&f);
    list = malloc(strlen(text) + 16);
    snprintf(list, strlen(text) + 16, "2 in [%s]", text);
    rule_fixture_equal(&f, list, "false");
    free(text);
    free(list);
    text = repeated("1,", "1", "", 25000);
    list = malloc(strlen(text) + 16);
    snprintf(list, strlen(text) + 16, "2 in [%s]", text);
    got = rule_fixture_eval(&f, list);
    CHECK_SAY(strstr(f.cx.problem.detail, "more than 20000 parts"), STR_FMT, STR_ARG(got));
    CHECK_EQ_STR(f.cx.problem.code, "rule_limit");
    free(text);
    free(list);
    rule_fixture_close(&f);
}

TEST(rule_bombs_types, "types that double with every level are refused, not compared for ever")
{
    char text[4096];
    struct text out = {text, 0, sizeof(text), false};
    struct rule_fixture f;

    rule_fixture_open(&f);
    text_addf(&out, "cel.bind(a0, {1: 1}, ");
    for (int k = 1; k <= 60; k++)
        text_addf(&out, "cel.bind(a%d, {a%d: a%d}, ", k, k - 1, k - 1);
    text_addf(&out, "a60 == a60");
    for (int k = 0; k <= 60; k++)
        text_addf(&out, ")");
    text_addf(&out, "%c", 0);
    rule_fixture_begins(&f, text, "refused: line 1, column 1: the types of this expression");
    rule_fixture_close(&f);
}

TEST(rule_bombs_running, "an evaluation ends within its limit, whatever it nests")
{
    static const char *const bombs[] = {
        "lists.range(1000).map(a, lists.range(1000).map(b, lists.range(1000).map(c, a + b + c)))",
        "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, c >= 0)))",
        "lists.range(1000).exists(a, lists.range(1000).exists(b, a + b < 0)) || true",
        "lists.range(2000000).size() == 0",
        "cel.bind(a, [1, 1], cel.bind(b, [a, a, a, a], cel.bind(c, [b, b, b, b], "
        "cel.bind(d, [c, c, c, c], cel.bind(e, [d, d, d, d], cel.bind(f, [e, e, e, e], "
        "cel.bind(g, [f, f, f, f], cel.bind(h, [g, g, g, g], cel.bind(i, [h, h, h, h], "
        "cel.bind(j, [i, i, i, i], cel.bind(k, [j, j, j, j], [k] == [k])))))))))))",
        "lists.range(1000).map(a, lists.range(1000)).flatten() == []",
        "lists.range(30).map(x, 'x').join().replace('', 'yyyyyyyyyyyyyyyy')"
        ".replace('', 'yyyyyyyyyyyyyyyy').replace('', 'yyyyyyyyyyyyyyyy')"
        ".replace('', 'yyyyyyyyyyyyyyyy').replace('', 'yyyyyyyyyyyyyyyy').size() == 0",
        "lists.range(1000).map(x, price('sku'))",
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    for (size_t k = 0; k < sizeof(bombs) / sizeof(bombs[0]); k++)
        rule_fixture_begins(&f, bombs[k], "error: the evaluation costs more than its limit");
    CHECK(f.calls <= 2 * RULE_COST_MAX / 1000);
    rule_fixture_close(&f);
}

TEST(rule_regex_linear, "a pattern that other engines need for ever for takes no time")
{
    struct rule_fixture f;
    char *a = repeated("a", "", "", 5000), *text = malloc(6000);

    rule_fixture_open(&f);
    snprintf(text, 6000, "'%s!'.matches('^(a+)+$')", a);
    rule_fixture_equal(&f, text, "false");
    snprintf(text, 6000, "'%s!'.matches('(a*)*(a*)*' + '$')", a);
    rule_fixture_equal(&f, text, "true");
    rule_fixture_equal(&f, "'a'.matches('(((a{1000}){1000}){1000})') || true", "true");
    free(a);
    free(text);
    rule_fixture_close(&f);
}
