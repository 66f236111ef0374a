/*
 * rule_test.c - what expressions mean: operators, macros, functions, contexts.
 */
#include "kernel/rule/rule_fixture.h"

TEST(rule_operators, "operators are exact, or an error")
{
    static const struct rule_pair pairs[] = {
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"7 / 2", "3"},
        {"-7 / 2", "-3"},
        {"-7 % 3", "-1"},
        {"7u / 2u", "3u"},
        {"7.0 / 2.0", "3.5"},
        {"1.0 / 0.0 > 1e308", "true"},
        {"9223372036854775807 + 1 > 0 || true", "true"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"'a' + 'b'", "\"ab\""},
        {"b'a' + b'b'", "b\"ab\""},
        {"[1] + [2, 3]", "[1, 2, 3]"},
        {"1 < 2 && 'a' < 'b' && b'a' < b'b' && false < true", "true"},
        {"dyn(1) == 1.0 && dyn(1u) == 1 && dyn(1) != 1.5", "true"},
        {"dyn(2) < 2.5 && dyn(2u) > -1", "true"},
        {"[1, 2.0, 3u] == [1.0, 2u, 3]", "true"},
        {"{1: 'a'} == dyn({1u: 'a'})", "true"},
        {"0.0/0.0 == 0.0/0.0", "false"},
        {"'x' == dyn(1)", "false"},
        {"true ? 1 : 2", "1"},
        {"!true || !false", "true"},
        {"-(3) - -3", "0"},
        {"2 in [1, 2]", "true"},
        {"'k' in {'k': 1}", "true"},
        {"[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(x, x in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])", "true"},
        {"dyn(10.0) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "true"},
        {"'z' in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']", "false"},
        {"{'a': [1, {'b': 2}]}.a[1].b", "2"},
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    RULE_CHECK_ALL(&f, pairs, rule_fixture_equal);
    rule_fixture_close(&f);
}

TEST(rule_errors_run, "what cannot be computed is an error, which && || and ?: absorb")
{
    static const struct rule_pair pairs[] = {
        {"1 / 0", "error: divide by zero"},
        {"1 % 0", "error: modulus by zero"},
        {"9223372036854775807 + 1", "error: return error for overflow"},
        {"-9223372036854775808 - 1", "error: return error for overflow"},
        {"-9223372036854775808 / -1", "error: return error for overflow"},
        {"0u - 1u", "error: return error for overflow"},
        {"[1][1]", "error: invalid_argument"},
        {"{'a': 1}.b", "error: no such key"},
        {"{'a': 1, 'a': 2}", "error: repeated key"},
        {"int('x')", "error: 'x' is no int"},
        {"dyn('a') < 1", "error: no such overload: _<_(string, int)"},
        {"dyn('a') + 1", "error: no such overload: _+_(string, int)"},
        {"any.x", "error: no such key"},
        {"'a'.matches('(')", "error: this is no regular expression"},
        {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: range error"},
        {"price('none')", "error: there is no SKU none"},
        {"1 / 0 > 0 && false", "false"},
        {"true || 1 / 0 > 0", "true"},
        {"1 / 0 > 0 || true", "true"},
        {"1 / 0 > 0 || false", "error: divide by zero"},
        {"true ? 1 : 1 / 0", "1"},
        {"[1, 0].exists(x, 1 / x > 0)", "true"},
        {"[0, 1].exists(x, 1 / x > 0)", "true"},
        {"[0, 2].all(x, 1 / x > 0)", "false"},
        {"[0].all(x, 1 / x > 0)", "error: divide by zero"},
        {"[0].map(x, 1 / x)", "error: divide by zero"},
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    RULE_CHECK_ALL(&f, pairs, rule_fixture_begins);
    rule_fixture_close(&f);
}

TEST(rule_macros, "macros go over lists and maps, one variable or two, and bind names")
{
    static const struct rule_pair pairs[] = {
        {"[1, 2, 3].map(x, x * x)", "[1, 4, 9]"},
        {"[1, 2, 3].map(x, x > 1, x * x)", "[4, 9]"},
        {"[1, 2, 3].filter(x, x % 2 == 1)", "[1, 3]"},
        {"[1, 2, 2].exists_one(x, x == 2)", "false"},
        {"[1, 2].existsOne(i, v, i + v == 3)", "true"},
        {"{'a': 1, 'b': 2}.map(k, k)", "[\"a\", \"b\"]"},
        {"{'a': 1, 'b': 2}.filter(k, k > 'a')", "[\"b\"]"},
        {"[5, 6].transformList(i, v, i * v)", "[0, 6]"},
        {"{'a': 1}.transformMap(k, v, v + 1)", "{\"a\": 2}"},
        {"{'a': 1, 'b': 2}.transformMap(k, v, v > 1, k)", "{\"b\": \"b\"}"},
        {"{'a': 'x'}.transformMapEntry(k, v, {v: k})", "{\"x\": \"a\"}"},
        {"cel.bind(x, 2, x * x)", "4"},
        {"cel.bind(x, 1, [1, 2].map(x, x) + [x])", "[1, 2, 1]"},
        {"cel.block([2, cel.index(0) * 3], cel.index(1))", "6"},
        {"has({'a': 1}.a) && !has({'a': 1}.b)", "true"},
        {"optional.of(1).optMap(x, x + 1).value()", "2"},
        {"optional.none().optMap(x, x + 1).hasValue()", "false"},
        {"{'a': {'b': 1}}.?a.?b.orValue(0) + {}.?a.?b.orValue(5)", "6"},
        {"[?optional.none(), ?optional.of(2)]", "[2]"},
        {"{?'a': optional.none(), ?'b': optional.of(1)}", "{\"b\": 1}"},
        {"[3, 1, 2].sortBy(x, -x)", "[3, 2, 1]"},
        {"[[1, 2], [3]].exists(l, l.exists(x, x == 3))", "true"},
        {"math.greatest(1, 3, 2) + math.least(4, 5)", "7"},
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    RULE_CHECK_ALL(&f, pairs, rule_fixture_equal);
    rule_fixture_close(&f);
}

TEST(rule_functions, "functions of text, time, numbers and addresses")
{
    static const struct rule_pair pairs[] = {
        {"'h\u00e9llo'.size()", "5"},
        {"'h\u00e9llo'.charAt(1)", "\"\u00e9\""},
        {"'a\u00e9b'.substring(1, 2)", "\"\u00e9\""},
        {"'ab\u00e9b'.lastIndexOf('b')", "3"},
        {"'abab'.indexOf('b', 2)", "3"},
        {"'a-b-c'.split('-', 2)", "[\"a\", \"b-c\"]"},
        {"'abc'.split('')", "[\"a\", \"b\", \"c\"]"},
        {"['a', 'b'].join('/')", "\"a/b\""},
        {"'aaa'.replace('a', 'bb', 2)", "\"bbbba\""},
        {"'ab'.replace('', '-')", "\"-a-b-\""},
        {"' x\u00a0'.trim()", "\"x\""},
        {"'ab'.reverse() + 'Ab'.upperAscii() + 'Ab'.lowerAscii()", "\"baABab\""},
        {"'%d %.2f %s %x'.format([1, 2.5, [true, null], 255])", "\"1 2.50 [true, null] ff\""},
        {"strings.quote('a\"b')", "\"\\\"a\\\\\\\"b\\\"\""},
        {"'abc'.matches('^a.c$')", "true"},
        {"timestamp('2026-01-31T23:30:00Z').getMonth('Asia/Shanghai')", "1"},
        {"timestamp('2026-01-31T23:30:00Z').getDate('+08:00')", "1"},
        {"timestamp('2026-07-01T00:00:00Z').getHours('America/New_York')", "20"},
        {"timestamp('2026-01-01T00:00:00Z') - timestamp('2025-12-31T23:00:00Z')",
         "duration(\"3600s\")"},
        {"now + duration('36h')", "timestamp(\"2026-01-02T12:00:00Z\")"},
        {"string(duration('1h1m1.5s'))", "\"3661.5s\""},
        {"int('-12') + int(3.9) + int(4u)", "-5"},
        {"string(1.5) + string(2u) + string(true)", "\"1.52true\""},
        {"type(1) == int && type('') == string && type([]) == list", "true"},
        {"math.round(-1.5) + math.abs(-2.0)", "0.0"},
        {"math.bitShiftLeft(1, 3)", "8"},
        {"base64.encode(b'hi') + string(base64.decode('aGk'))", "\"aGk=hi\""},
        {"cidr('10.0.0.0/8').containsIP('10.9.8.7')", "true"},
        {"string(ip('2001:db8:0:0:1:0:0:1'))", "\"2001:db8::1:0:0:1\""},
        {"[3, 1, 2].sort().slice(0, 2).reverse()", "[2, 1]"},
        {"[1, 1.0, 2].distinct().size()", "2"},
        {"[[1], [2, 3]].flatten()", "[1, 2, 3]"},
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    RULE_CHECK_ALL(&f, pairs, rule_fixture_equal);
    rule_fixture_close(&f);
}

TEST(rule_contexts, "declared contexts are read by field; what is not set is absent")
{
    static const struct rule_pair pairs[] = {
        {"user.city in [\"Beijing\", \"Wuhan\"] && user.level >= 3 && !user.refunded", "true"},
        {"user.tags.exists(t, t == 'vip')", "true"},
        {"dyn(user).city", "\"Beijing\""},
        {"[user].map(u, u.level)", "[3]"},
        {"price('sku') + 10", "2000"},
        {"now > timestamp('2025-12-31T00:00:00Z')", "true"},
        {"has(user.city)", "true"},
    };
    struct rule_fixture f;

    rule_fixture_open(&f);
    RULE_CHECK_ALL(&f, pairs, rule_fixture_equal);
    f.user[0] = (struct rule_value){.kind = RULE_UNSET};
    rule_fixture_equal(&f, "has(user.city)", "false");
    rule_fixture_equal(&f, "user.?city.orValue('?')", "\"?\"");
    rule_fixture_begins(&f, "user.city == 'x'", "error: no such key: 'city'");
    f.values[1] = (struct rule_value){.kind = RULE_UNSET};
    rule_fixture_begins(&f, "now == now", "error: 'now' has no value");
    rule_fixture_close(&f);
}

TEST(rule_conditions, "a condition is a bool, or fails the unit of work with its place")
{
    struct rule_fixture f;
    const struct rule *rule;
    bool yes = false;

    rule_fixture_open(&f);
    CHECK(rule_compile(&f.cx, &f.keep, &f.env, STR("user.level > 2"), NULL, &rule) == OK);
    CHECK(rule_test(&f.cx, rule, f.values, &f, &yes) == OK);
    CHECK(yes);
    CHECK(rule_type_result(rule) == &rule_bool);
    CHECK(rule_compile(&f.cx, &f.keep, &f.env, STR("1 /\n 0 > 1"), NULL, &rule) == OK);
    CHECK(rule_test(&f.cx, rule, f.values, &f, &yes) == ERR_UNPROCESSABLE);
    CHECK_EQ_STR(f.cx.problem.code, "rule_failed");
    CHECK_EQ_STR(f.cx.problem.detail, "line 1, column 3: divide by zero");
    rule_fixture_close(&f);
}
