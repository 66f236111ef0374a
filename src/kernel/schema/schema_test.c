/*
 * schema_test.c - what each keyword admits and refuses.
 */
#include "kernel/schema/schema_fixture.h"

/* A schema, instances that are valid, instances that are not; each list ends with NULL. */
struct example {
    const char *schema;
    const char *yes[6], *no[6];
};

static void try_all(const struct example *examples, size_t count)
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    for (size_t k = 0; k < count; k++) {
        for (size_t j = 0; j < 6 && examples[k].yes[j]; j++)
            schema_fixture_yes(&f, examples[k].schema, examples[k].yes[j]);
        for (size_t j = 0; j < 6 && examples[k].no[j]; j++)
            schema_fixture_no(&f, examples[k].schema, examples[k].no[j]);
    }
    schema_fixture_close(&f);
}
#define TRY_ALL(examples_) try_all((examples_), sizeof(examples_) / sizeof((examples_)[0]))

TEST(schema_any, "booleans, type, enum, const: 1 is 1.0, and objects have no order")
{
    static const struct example examples[] = {
        {"true", {"1", "null"}, {NULL}},
        {"false", {NULL}, {"1", "null"}},
        {"{}", {"1", "{\"a\":[]}"}, {NULL}},
        {"{\"type\":\"integer\"}", {"1", "1.0", "1e3", "-0.0"}, {"1.5", "\"1\"", "true", "null"}},
        {"{\"type\":\"number\"}", {"1", "1.5"}, {"\"1\""}},
        {"{\"type\":[\"null\",\"array\"]}", {"null", "[]"}, {"{}", "0", "false", "\"\""}},
        {"{\"enum\":[1,\"a\",{\"x\":1,\"y\":[2]},false]}",
         {"1.0", "\"a\"", "{\"y\":[2.0],\"x\":1e0}", "false"},
         {"0", "true", "{\"x\":1}", "[2]", "null"}},
        {"{\"const\":[0]}", {"[0]", "[0.0]", "[-0.0]"}, {"[false]", "[]", "[0,0]", "0"}},
        {"{\"const\":null}", {"null"}, {"0", "false", "{}"}},
    };

    TRY_ALL(examples);
}

TEST(schema_numbers, "bounds and multiples are exact, whatever the numbers' size")
{
    static const struct example examples[] = {
        {"{\"minimum\":3,\"maximum\":4.5}", {"3", "4.5", "3.0", "\"x\""}, {"2.99", "4.51", "-1"}},
        {"{\"exclusiveMinimum\":3,\"exclusiveMaximum\":4}", {"3.5"}, {"3", "4", "3.0", "4.0"}},
        {"{\"multipleOf\":0.01}", {"19.99", "0.07", "1", "4.35", "0"}, {"0.075", "19.999"}},
        {"{\"multipleOf\":0.0001}", {"0.0075"}, {"0.00751"}},
        {"{\"multipleOf\":1e-8}", {"12391239123"}, {"1e-9"}},
        {"{\"multipleOf\":2}", {"10", "-4", "1e300", "4.0"}, {"7", "3.5", "-1"}},
        {"{\"type\":\"integer\",\"multipleOf\":0.5}", {"1e308"}, {"0.5"}},
        {"{\"multipleOf\":0.123456789}", {"0.246913578"}, {"1e308"}},
        {"{\"multipleOf\":123456789012345678901234567890}",
         {"370370367037037036703703703670", "0"},
         {"370370367037037036703703703671", "1e40"}},
        {"{\"maximum\":18446744073709551615}",
         {"18446744073709551600", "18446744073709551615.0"},
         {"18446744073709551616", "1e400"}},
        {"{\"minimum\":-18446744073709551615}",
         {"-18446744073709551600"},
         {"-18446744073709551616", "-1e400"}},
        {"{\"exclusiveMaximum\":972783798187987123879878123.18878137}",
         {"972783798187987123879878123.188781369"},
         {"972783798187987123879878123.188781371", "972783798187987123879878123.18878137"}},
        {"{\"const\":9007199254740993}",
         {"9007199254740993", "9007199254740993.0"},
         {"9007199254740992", "9007199254740992.0"}},
        {"{\"type\":\"integer\"}",
         {"98249283749234923498293171823948729348710298301928331", "1e400"},
         {"1e-400", "98249283749234923498293171823948729348710298301928331.5"}},
    };

    TRY_ALL(examples);
}

TEST(schema_texts, "lengths count characters; patterns are searched, by the rules of ECMA-262")
{
    static const struct example examples[] = {
        {"{\"minLength\":2,\"maxLength\":3}",
         {"\"ab\"", "\"斑马马\"", "\"😀😀\"", "1"},
         {"\"a\"", "\"abcd\"", "\"😀\"", "\"斑马斑马\""}},
        {"{\"maxLength\":2.0}", {"\"ab\""}, {"\"abc\""}},
        {"{\"pattern\":\"b\"}", {"\"abc\"", "1"}, {"\"ac\""}},
        {"{\"pattern\":\"^a$\"}", {"\"a\""}, {"\"a\\n\"", "\"ba\""}},
        {"{\"pattern\":\"^\\\\d$\"}", {"\"7\""}, {"\"৭\""}},
        {"{\"pattern\":\"^\\\\w$\"}", {"\"_\""}, {"\"é\""}},
        {"{\"pattern\":\"^\\\\s$\"}",
         {"\"\\u00a0\"", "\"\\ufeff\"", "\"\\u2029\"", "\"\\u000b\""},
         {"\"\\u0001\"", "\"\\u2013\"", "\"\\u180e\""}},
        {"{\"pattern\":\"^[^\\\\S\\\\n]$\"}", {"\" \"", "\"\\t\""}, {"\"\\n\"", "\"a\""}},
        {"{\"pattern\":\"^.$\"}", {"\"😀\"", "\"\\u0085\""}, {"\"\\u2028\"", "\"\\r\"", "\"\""}},
        {"{\"pattern\":\"^\\\\uD83D\\\\uDC32*\\\\u{1F432}$\"}", {"\"🐲\"", "\"🐲🐲\""}, {"\"🐉\""}},
        {"{\"pattern\":\"^\\\\p{Letter}+\\\\P{L}$\"}", {"\"été1\""}, {"\"été\"", "\"1\""}},
        {"{\"pattern\":\"^\\\\p{Script=Greek}$\"}", {"\"λ\""}, {"\"l\""}},
        {"{\"pattern\":\"^(?<x>a|b)\\\\k<x>(?=c)(?!d).(?<=c)$\"}",
         {"\"aac\"", "\"bbc\""},
         {"\"abc\"", "\"aad\""}},
        {"{\"pattern\":\"^\\\\cA[\\\\b]\\\\x41\\\\0$\"}", {"\"\\u0001\\bA\\u0000\""}, {"\"A\""}},
        {"{\"pattern\":\"^[^]$|^a[]\"}", {"\"\\n\"", "\"x\""}, {"\"ab\"", "\"\""}},
        {"{\"pattern\":\"^[a\\\\-z]{2}$\"}", {"\"a-\"", "\"zz\""}, {"\"ab\""}},
        {"{\"pattern\":\"^[[:alpha:]]$\"}", {"\"a]\"", "\":]\""}, {"\"b]\"", "\"a\""}},
        {"{\"pattern\":\"^(?:(a)|b\\\\1)$\"}", {"\"a\"", "\"b\""}, {"\"ba\""}},
    };

    TRY_ALL(examples);
}

TEST(schema_lists, "prefixItems, items, contains, uniqueItems and counts")
{
    static const struct example examples[] = {
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}",
         {"[\"a\",1,2]", "[]", "[\"a\"]", "{}"},
         {"[1]", "[\"a\",\"b\"]"}},
        {"{\"items\":false}", {"[]"}, {"[1]"}},
        {"{\"contains\":{\"minimum\":5}}", {"[1,5]", "[6,7]"}, {"[]", "[1,2]"}},
        {"{\"contains\":{\"minimum\":5},\"minContains\":2,\"maxContains\":3}",
         {"[5,6]", "[1,5,6,7]"},
         {"[5]", "[5,6,7,8]"}},
        {"{\"contains\":false,\"minContains\":0}", {"[]", "[1]"}, {NULL}},
        {"{\"minContains\":5}", {"[]"}, {NULL}},
        {"{\"uniqueItems\":true}",
         {"[1,true]", "[{\"a\":1},{\"a\":2}]", "[0,false]", "[1,2,3,4,5,6,7,8,9,10,\"1\"]"},
         {"[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[1,2,3,4,5,6,7,8,9,10,1]",
          "[[0],[-0.0]]"}},
        {"{\"minItems\":1,\"maxItems\":2}", {"[1]", "[1,2]", "\"\""}, {"[]", "[1,2,3]"}},
    };

    TRY_ALL(examples);
}

TEST(schema_objects, "properties, their patterns, names, dependencies and counts")
{
    static const struct example examples[] = {
        {"{\"properties\":{\"a\":{\"type\":\"string\"}},\"patternProperties\":{\"^x\":true},"
         "\"additionalProperties\":{\"type\":\"null\"}}",
         {"{\"a\":\"\",\"x1\":1,\"b\":null}", "{}", "[]"},
         {"{\"a\":1}", "{\"b\":1}"}},
        {"{\"required\":[\"a\",\"__proto__\",\"a\"]}",
         {"{\"a\":1,\"__proto__\":2}", "1"},
         {"{\"a\":1}", "{}"}},
        {"{\"properties\":{\"a\":{\"minimum\":2}},\"patternProperties\":{\"a\":{\"maximum\":3}}}",
         {"{\"a\":2}"},
         {"{\"a\":1}", "{\"a\":4}"}},
        {"{\"propertyNames\":{\"maxLength\":2}}", {"{\"ab\":1}", "{}"}, {"{\"abc\":1}"}},
        {"{\"minProperties\":1,\"maxProperties\":2}",
         {"{\"a\":1}"},
         {"{}", "{\"a\":1,\"b\":1,\"c\":1}"}},
        {"{\"dependentRequired\":{\"a\":[\"b\",\"c\"]}}",
         {"{\"b\":1}", "{\"a\":1,\"b\":1,\"c\":1}"},
         {"{\"a\":1,\"b\":1}"}},
        {"{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}",
         {"{}", "{\"a\":1,\"b\":1}"},
         {"{\"a\":1}"}},
        {"{\"dependencies\":{\"a\":[\"b\"],\"c\":{\"maxProperties\":1}}}",
         {"{\"c\":1}"},
         {"{\"a\":1}", "{\"c\":1,\"d\":1}"}},
    };

    TRY_ALL(examples);
}

TEST(schema_combinations, "allOf, anyOf, oneOf, not, if")
{
    static const struct example examples[] = {
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", {"1", "2"}, {"0", "3"}},
        {"{\"anyOf\":[{\"minimum\":5},{\"maximum\":2}]}", {"1", "6"}, {"3"}},
        {"{\"oneOf\":[{\"minimum\":2},{\"maximum\":3}]}", {"1", "4"}, {"2", "3"}},
        {"{\"not\":{\"type\":\"string\"}}", {"1"}, {"\"\""}},
        {"{\"if\":{\"minimum\":5},\"then\":{\"multipleOf\":5},\"else\":{\"const\":1}}",
         {"10", "1"},
         {"6", "2"}},
        {"{\"if\":false,\"then\":false}", {"1"}, {NULL}},
        {"{\"then\":false,\"else\":false}", {"1"}, {NULL}},
    };

    TRY_ALL(examples);
}

TEST(schema_unevaluated, "what no part of the schema has looked at, through every applicator")
{
    static const struct example examples[] = {
        {"{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}",
         {"{\"a\":1}"},
         {"{\"b\":1}"}},
        {"{\"anyOf\":[{\"required\":[\"a\"],\"properties\":{\"a\":true}},"
         "{\"required\":[\"b\"],\"properties\":{\"b\":true}}],\"unevaluatedProperties\":false}",
         {"{\"a\":1}", "{\"a\":1,\"b\":1}"},
         {"{\"a\":1,\"c\":1}"}},
        {"{\"not\":{\"not\":{\"properties\":{\"a\":true}}},\"unevaluatedProperties\":false}",
         {"{}"},
         {"{\"a\":1}"}},
        {"{\"if\":{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},"
         "\"else\":{\"properties\":{\"b\":true}},\"unevaluatedProperties\":false}",
         {"{\"a\":1}", "{\"b\":1}"},
         {"{\"a\":1,\"b\":1}", "{\"a\":2}"}},
        {"{\"$ref\":\"#/$defs/x\",\"unevaluatedProperties\":{\"type\":\"integer\"},"
         "\"$defs\":{\"x\":{\"patternProperties\":{\"^s\":{\"type\":\"string\"}}}}}",
         {"{\"s\":\"\",\"n\":1}"},
         {"{\"n\":\"\"}"}},
        {"{\"allOf\":[{\"unevaluatedProperties\":true}],\"unevaluatedProperties\":false}",
         {"{\"a\":1}"},
         {NULL}},
        {"{\"properties\":{\"a\":true},\"allOf\":[{\"unevaluatedProperties\":false}]}",
         {"{}"},
         {"{\"a\":1}"}},
        {"{\"prefixItems\":[true],\"contains\":{\"type\":\"string\"},\"unevaluatedItems\":false}",
         {"[1,\"a\"]", "[\"a\"]"},
         {"[1,\"a\",2]"}},
        {"{\"allOf\":[{\"items\":true}],\"unevaluatedItems\":false}", {"[1,2]"}, {NULL}},
        {"{\"dependentSchemas\":{\"a\":{\"properties\":{\"b\":true}}},"
         "\"properties\":{\"a\":true},\"unevaluatedProperties\":false}",
         {"{\"a\":1,\"b\":1}"},
         {"{\"b\":1}"}},
    };

    TRY_ALL(examples);
}
