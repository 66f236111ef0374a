/*
 * ref_test.c - identifiers and references, static and dynamic; dialects.
 */
#include "kernel/schema/schema_fixture.h"
#include "kernel/schema/uri.h"

#define DRAFT "https://json-schema.org/draft/2020-12/"

/* RFC 3986 section 5.4, and the forms that its example base does not reach. */
TEST(schema_uri, "references are resolved as RFC 3986 has it")
{
    static const char *const cases[][3] = {
        {"http://a/b/c/d;p?q", "g:h", "g:h"},
        {"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
        {"http://a/b/c/d;p?q", "./g/", "http://a/b/c/g/"},
        {"http://a/b/c/d;p?q", "//g", "http://g"},
        {"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
        {"http://a/b/c/d;p?q", "g?y#s", "http://a/b/c/g?y#s"},
        {"http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q#s"},
        {"http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"},
        {"http://a/b/c/d;p?q", "..", "http://a/b/"},
        {"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "/./g/../h", "http://a/h"},
        {"http://a", "g", "http://a/g"},
        {"urn:uuid:1", "#a", "urn:uuid:1#a"},
        {"", "item.json#/a", "item.json#/a"},
        {"a/b.json", "c.json", "a/c.json"},
    };
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
        CHECK_EQ_TEXT(uri_resolve(&arena, str_of(cases[k][0]), str_of(cases[k][1])), cases[k][2]);
    arena_free(&arena);
}

TEST(schema_refs, "$ref by pointer, anchor, $id and urn; siblings count; tokens are escaped")
{
    static const char *const schemas[] = {
        "{\"$ref\":\"#/$defs/a~1b~0c%25\",\"$defs\":{\"a/b~c%\":{\"type\":\"integer\"}}}",
        "{\"$ref\":\"#it\",\"$defs\":{\"x\":{\"$anchor\":\"it\",\"type\":\"integer\"}}}",
        "{\"$id\":\"http://x.test/a/b\",\"$ref\":\"c\","
        "\"$defs\":{\"x\":{\"$id\":\"c\",\"type\":\"integer\"}}}",
        "{\"$id\":\"http://x.test/a/b\",\"$ref\":\"c#/$defs/y\",\"$defs\":{\"x\":{\"$id\":\"c\","
        "\"$defs\":{\"y\":{\"type\":\"integer\"}}}}}",
        "{\"$id\":\"urn:uuid:1\",\"$ref\":\"urn:uuid:1#/$defs/x\","
        "\"$defs\":{\"x\":{\"type\":\"integer\"}}}",
        "{\"$ref\":\"#/unknown/0\",\"unknown\":[{\"type\":\"integer\"}]}",
        "{\"$ref\":\"#/$defs/x\",\"type\":\"integer\",\"$defs\":{\"x\":true}}",
        "{\"$id\":\"http://x.test/\",\"$ref\":\"/$defs/#/y\",\"$defs\":{\"x\":{\"$id\":\"$defs/\","
        "\"y\":{\"type\":\"integer\"}}}}",
    };
    struct schema_fixture f;

    schema_fixture_open(&f);
    for (size_t k = 0; k < sizeof(schemas) / sizeof(schemas[0]); k++) {
        schema_fixture_yes(&f, schemas[k], "1");
        schema_fixture_no(&f, schemas[k], "\"a\"");
    }
    schema_fixture_close(&f);
}

TEST(schema_dynamic, "$dynamicRef takes the outermost $dynamicAnchor, when it leads to one at all")
{
    static const char *const lists =
        "{\"$id\":\"http://x.test/strings\",\"$ref\":\"list\",\"$defs\":{"
        "\"own\":{\"$dynamicAnchor\":\"item\",\"type\":\"string\"},"
        "\"list\":{\"$id\":\"list\",\"type\":\"array\",\"items\":{\"$dynamicRef\":\"#item\"},"
        "\"$defs\":{\"any\":{\"$dynamicAnchor\":\"item\"}}}}}";
    static const char *const plain =
        "{\"$id\":\"http://x.test/strings\",\"$ref\":\"list\",\"$defs\":{"
        "\"own\":{\"$dynamicAnchor\":\"item\",\"type\":\"string\"},"
        "\"list\":{\"$id\":\"list\",\"type\":\"array\",\"items\":{\"$dynamicRef\":\"#item\"},"
        "\"$defs\":{\"any\":{\"$anchor\":\"item\"}}}}}";
    static const char *const tree =
        "{\"$id\":\"http://x.test/strict\",\"$dynamicAnchor\":\"node\",\"$ref\":\"tree\","
        "\"unevaluatedProperties\":false,\"$defs\":{\"tree\":{\"$id\":\"tree\","
        "\"$dynamicAnchor\":\"node\",\"properties\":{\"data\":true,\"children\":"
        "{\"items\":{\"$dynamicRef\":\"#node\"}}}}}}";
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_yes(&f, lists, "[\"a\"]");
    schema_fixture_no(&f, lists, "[1]");
    schema_fixture_yes(&f, plain, "[1]");
    schema_fixture_yes(&f, tree, "{\"children\":[{\"data\":1}]}");
    schema_fixture_no(&f, tree, "{\"children\":[{\"daat\":1}]}");
    schema_fixture_close(&f);
}

TEST(schema_registered, "documents are found by URI, with bases of their own; none is fetched")
{
    static const char old[] =
        "{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\",\"items\":[true],"
        "\"additionalItems\":false,\"prefixItems\":[{\"type\":\"string\"}]}";
    const struct schema_document documents[] = {
        {STR("http://x.test/d/int.json"), STR("{\"type\":\"integer\"}")},
        {STR("http://x.test/d/list.json"), STR("{\"items\":{\"$ref\":\"int.json\"}}")},
        {STR("http://x.test/old.json"), STR(old)},
    };
    struct schema_fixture f;

    schema_fixture_open(&f);
    f.options.documents = documents;
    f.options.document_count = 3;
    schema_fixture_yes(&f, "{\"$ref\":\"http://x.test/d/list.json\"}", "[1]");
    schema_fixture_no(&f, "{\"$ref\":\"http://x.test/d/list.json\"}", "[\"a\"]");
    schema_fixture_yes(&f, "{\"$ref\":\"http://x.test/old.json\"}", "[1]");
    schema_fixture_no(&f, "{\"$ref\":\"http://x.test/old.json\"}", "[1,2]");
    f.options.uri = STR("http://x.test/d/here.json");
    schema_fixture_yes(&f, "{\"$ref\":\"int.json\"}", "1");
    schema_fixture_refused(&f, "{\"$ref\":\"http://nowhere.test/a\"}", "schema_unresolved");
    schema_fixture_refused(&f, "{\"$ref\":\"#/nowhere\"}", "schema_unresolved");
    schema_fixture_refused(&f, "{\"$ref\":\"#nowhere\"}", "schema_unresolved");
    schema_fixture_refused(&f, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
                           "schema_unresolved");
    schema_fixture_close(&f);
}

TEST(schema_metaschema, "the standard's metaschema is at hand, and tells schemas from others")
{
    static const char schema[] = "{\"$ref\":\"" DRAFT "schema\"}";
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_yes(&f, schema,
                       "{\"minLength\":1,\"properties\":{\"a\":{\"type\":\"string\"}}}");
    schema_fixture_no(&f, schema, "{\"minLength\":-1}");
    schema_fixture_no(&f, schema, "{\"properties\":{\"a\":{\"not\":{\"type\":12}}}}");
    schema_fixture_close(&f);
}

TEST(schema_vocabularies, "a metaschema says which keywords count, and whether format asserts")
{
    static const char plain[] = "{\"$vocabulary\":{\"" DRAFT "vocab/core\":true,\"" DRAFT
                                "vocab/applicator\":true,\"http://x.test/mine\":false}}";
    static const char strict[] =
        "{\"$vocabulary\":{\"" DRAFT "vocab/core\":true,\"" DRAFT "vocab/format-assertion\":true}}";
    static const char foreign[] = "{\"$vocabulary\":{\"http://x.test/mine\":true}}";
    const struct schema_document documents[] = {{STR("http://x.test/plain"), STR(plain)},
                                                {STR("http://x.test/strict"), STR(strict)},
                                                {STR("http://x.test/foreign"), STR(foreign)}};
    struct schema_fixture f;

    schema_fixture_open(&f);
    f.options.documents = documents;
    f.options.document_count = 3;
    f.options.format_annotate = true;
    schema_fixture_yes(&f,
                       "{\"$schema\":\"http://x.test/plain\",\"minimum\":5,"
                       "\"properties\":{\"a\":true}}",
                       "1");
    schema_fixture_no(&f, "{\"$schema\":\"http://x.test/plain\",\"properties\":{\"a\":false}}",
                      "{\"a\":1}");
    schema_fixture_no(&f, "{\"$schema\":\"http://x.test/strict\",\"format\":\"ipv4\"}", "\"x\"");
    schema_fixture_yes(&f, "{\"format\":\"ipv4\"}", "\"x\"");
    schema_fixture_refused(&f, "{\"$schema\":\"http://x.test/foreign\"}", "schema_vocabulary");
    schema_fixture_close(&f);
}
