/*
 * result_test.c - where errors stand and what they say; annotations.
 */
#include "kernel/schema/schema_fixture.h"

static void check_error(const struct schema_fixture *f, size_t k, const char *instance,
                        const char *schema, const char *absolute)
{
    CHECK(k < f->result.error_count);
    CHECK_EQ_TEXT(f->result.errors[k].instance, instance);
    CHECK_EQ_TEXT(f->result.errors[k].schema, schema);
    CHECK_EQ_TEXT(f->result.errors[k].absolute, absolute);
    CHECK(f->result.errors[k].say.len > 0);
}

TEST(schema_errors, "each error has its place in the instance and in the schema, through $ref")
{
    static const char schema[] =
        "{\"$id\":\"http://x.test/s\",\"properties\":{\"a/b\":{\"$ref\":\"#/$defs/~0x y\"},"
        "\"l\":{\"prefixItems\":[true,{\"minimum\":3}]}},\"required\":[\"n\"],"
        "\"$defs\":{\"~x y\":{\"items\":{\"type\":\"string\"}}}}";
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_no(&f, schema, "{\"a/b\":[\"s\",1],\"l\":[0,2]}");
    CHECK_EQ_INT(f.result.error_count, 3);
    check_error(&f, 0, "/a~1b/1", "/properties/a~1b/$ref/items/type",
                "http://x.test/s#/$defs/~0x%20y/items/type");
    CHECK_EQ_TEXT(f.result.errors[0].say, "this is of type integer; give string");
    check_error(&f, 1, "/l/1", "/properties/l/prefixItems/1/minimum",
                "http://x.test/s#/properties/l/prefixItems/1/minimum");
    CHECK_EQ_TEXT(f.result.errors[1].say, "this is 2; give at least 3");
    check_error(&f, 2, "", "/required", "http://x.test/s#/required");
    CHECK_EQ_TEXT(f.result.errors[2].say, "the member \"n\" is missing; add it");
    schema_fixture_close(&f);
}

TEST(schema_alternatives, "a failed anyOf says so first, and then what each alternative wants")
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_no(&f, "{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "1");
    CHECK_EQ_INT(f.result.error_count, 3);
    check_error(&f, 0, "", "/anyOf", "#/anyOf");
    check_error(&f, 1, "", "/anyOf/0/type", "#/anyOf/0/type");
    check_error(&f, 2, "", "/anyOf/1/minimum", "#/anyOf/1/minimum");
    schema_fixture_no(&f, "{\"oneOf\":[true,{\"not\":{\"const\":2}}]}", "1");
    CHECK_EQ_TEXT(f.result.errors[0].say, "alternatives 0 and 1 both fit; make it fit exactly one");
    schema_fixture_close(&f);
}

TEST(schema_errors_max, "a list of errors ends, also within alternatives")
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_no(&f, "{\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}}",
                      "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]");
    CHECK_EQ_INT(f.result.error_count, SCHEMA_ERRORS_MAX);
    schema_fixture_close(&f);
}

TEST(schema_refusals, "a schema that is none is refused, with the pointer of the keyword")
{
    static const struct {
        const char *schema, *pointer, *code;
    } cases[] = {
        {"{\"type\":12}", "/type", "schema_keyword"},
        {"{\"properties\":{\"a\":{\"minLength\":-1}}}", "/properties/a/minLength",
         "schema_keyword"},
        {"{\"items\":[true]}", "/items", "schema_keyword"},
        {"{\"allOf\":[]}", "/allOf", "schema_keyword"},
        {"{\"required\":\"a\"}", "/required", "schema_keyword"},
        {"{\"multipleOf\":0}", "/multipleOf", "schema_keyword"},
        {"{\"enum\":1}", "/enum", "schema_keyword"},
        {"{\"$defs\":{\"a\":{\"$id\":\"http://x.test/#b\"}}}", "/$defs/a", "schema_keyword"},
        {"{\"not\":{\"pattern\":\"a(\"}}", "/not/pattern", "schema_pattern"},
        {"{\"patternProperties\":{\"*a\":true}}", "/patternProperties/*a", "schema_pattern"},
        {"{\"if\":{\"$ref\":\"#/x/y\"}}", "/if/$ref", "schema_unresolved"},
        {"[]", "", "schema_keyword"},
        {"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", "", "schema_keyword"},
    };
    struct schema_fixture f;
    const struct schema *out;

    schema_fixture_open(&f);
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        CHECK_SAY(schema_compile(&f.cx, &f.keep, str_of(cases[k].schema), NULL, &out) ==
                      ERR_UNPROCESSABLE,
                  "%s", cases[k].schema);
        CHECK_EQ_STR(f.cx.problem.code, cases[k].code);
        CHECK_EQ_STR(f.cx.problem.pointer, cases[k].pointer);
        fail_clear(&f.cx);
    }
    schema_fixture_close(&f);
}

/* "instance schema value" of an annotation, or "" where there are fewer. */
static struct str annotation(struct schema_fixture *f, size_t k)
{
    const struct schema_annotation *a = &f->result.annotations[k];

    if (k >= f->result.annotation_count)
        return STR("");
    return cx_printf(&f->cx, STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(a->instance),
                     STR_ARG(a->schema), STR_ARG(a->value));
}

static void annotate(struct schema_fixture *f, const char *text, const char *instance)
{
    const struct schema *schema = schema_fixture_compile(f, text);
    struct json json;

    CHECK(json_parse(&f->cx, str_of(instance), &json) == OK);
    CHECK(schema_validate(&f->cx, schema, json, SCHEMA_ANNOTATE, &f->result) == OK);
    CHECK(f->result.valid);
}

TEST(schema_annotations, "annotations are those of subschemas that hold, unknown keywords too")
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    annotate(&f,
             "{\"properties\":{\"a\":{\"title\":\"A\",\"x-hint\":[1]}},"
             "\"anyOf\":[{\"title\":\"no\",\"required\":[\"z\"]},{\"default\":7}],"
             "\"not\":{\"title\":\"never\",\"required\":[\"z\"]},"
             "\"unevaluatedProperties\":{\"contentMediaType\":\"text/plain\"}}",
             "{\"a\":1,\"b\":\"x\"}");
    CHECK_EQ_INT(f.result.annotation_count, 6);
    CHECK_EQ_TEXT(annotation(&f, 0), "/a /properties/a/x-hint [1]");
    CHECK_EQ_TEXT(annotation(&f, 1), "/a /properties/a/title \"A\"");
    CHECK_EQ_TEXT(annotation(&f, 2), " /anyOf/1/default 7");
    CHECK_EQ_TEXT(annotation(&f, 3), "/b /unevaluatedProperties/contentMediaType \"text/plain\"");
    CHECK_EQ_TEXT(annotation(&f, 4), " /unevaluatedProperties [\"b\"]");
    CHECK_EQ_TEXT(annotation(&f, 5), " /properties [\"a\"]");
    annotate(&f, "{\"prefixItems\":[true],\"contains\":{\"const\":2},\"items\":true}", "[1,2]");
    CHECK_EQ_TEXT(annotation(&f, 0), " /contains [1]");
    CHECK_EQ_TEXT(annotation(&f, 1), " /prefixItems 0");
    CHECK_EQ_TEXT(annotation(&f, 2), " /items true");
    schema_fixture_close(&f);
}
