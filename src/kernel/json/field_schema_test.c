/*
 * field_schema_test.c - the JSON Schema of a table, for those who send and those who receive.
 */
#include "kernel/json/field_fixture.h"
#include "test/kit/test.h"

static struct str schema(struct cx *cx, const struct field *fields, bool request)
{
    struct json_out out;

    json_open(&out, cx, 0);
    field_schema(&out, fields, request);
    return json_done(&out);
}

/* The value at a path of names, as compact JSON; "" when there is none. */
static struct str at(struct cx *cx, struct str text, const char *path)
{
    struct str rest = str_of(path), name;
    struct json v;

    CHECK_EQ_INT(json_parse(cx, text, &v), OK);
    while (str_cut(&rest, '/', &name)) {
        struct str copy = cx_printf(cx, STR_FMT, STR_ARG(name));

        if (json_type(v) != JSON_OBJECT || !json_get(v, copy.ptr, &v))
            return STR("");
    }
    return json_minified(cx, v);
}

TEST(schema_small, "a schema is written to the letter")
{
    struct cx cx = field_fixture_cx();

    CHECK_EQ_TEXT(
        schema(&cx, place_fields, true),
        "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\",\"maxLength\":1024},"
        "\"latitude\":{\"type\":\"number\",\"format\":\"double\",\"minimum\":-90,\"maximum\":90}},"
        "\"required\":[\"city\"],\"additionalProperties\":false}");
    CHECK_EQ_TEXT(schema(&cx, place_fields, false),
                  "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"
                  "\"latitude\":{\"type\":\"number\",\"format\":\"double\"}},"
                  "\"required\":[\"city\",\"latitude\"]}");
    cx_close(&cx);
}

struct expectation {
    const char *path, *value;
};

static void check_schema(bool request, const struct expectation *rows, size_t count)
{
    struct cx cx = field_fixture_cx();
    struct str text = schema(&cx, whole_fields, request);

    for (size_t k = 0; k < count; k++) {
        struct str found = at(&cx, text, rows[k].path);

        CHECK_SAY(str_is(found, rows[k].value), "%s: " STR_FMT, rows[k].path, STR_ARG(found));
    }
    cx_close(&cx);
}

TEST(schema_request, "a request's schema has every limit, and nothing that the server gives")
{
    static const struct expectation rows[] = {
        {"additionalProperties", "false"},
        {"required", ""},
        {"properties/yes", "{\"type\":\"boolean\",\"default\":true}"},
        {"properties/number", "{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":-5,"
                              "\"maximum\":5,\"default\":3}"},
        {"properties/plain", "{\"type\":\"integer\",\"format\":\"int64\"}"},
        {"properties/text", "{\"type\":\"string\",\"maxLength\":1024}"},
        {"properties/colour", "{\"type\":\"string\",\"enum\":[\"red\",\"green\",\"blue\"],"
                              "\"default\":\"blue\"}"},
        {"properties/created_at", "{\"type\":\"string\",\"format\":\"date-time\"}"},
        {"properties/id", "{\"type\":\"string\",\"pattern\":\"^ord_[0-9A-HJKMNP-TV-Z]{13}$\"}"},
        {"properties/currency", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":3}"},
        {"properties/total/type", "\"object\""},
        {"properties/total/properties/amount/minimum", "0"},
        {"properties/total/properties/amount/maximum", "1000000000000000"},
        {"properties/total/properties/currency/pattern", "\"^[A-Z]{3}$\""},
        {"properties/total/required", "[\"amount\",\"currency\"]"},
        {"properties/total/additionalProperties", "false"},
        {"properties/balance/properties/amount/minimum", "-1000000000000000"},
        {"properties/groups/type", "\"array\""},
        {"properties/groups/maxItems", "1000"},
        {"properties/groups/items/properties/parts/maxItems", "2"},
        {"properties/groups/items/properties/parts/items/required", "[\"sku\",\"quantity\"]"},
        {"properties/groups/items/properties/parts/items/additionalProperties", "false"},
        {"properties/numbers", "{\"type\":\"array\",\"items\":{\"type\":\"integer\","
                               "\"format\":\"int64\"},\"maxItems\":1000}"},
        {"properties/ids/items/pattern", "\"^usr_[0-9A-HJKMNP-TV-Z]{13}$\""},
        {"properties/labels", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\","
                              "\"maxLength\":1024},\"maxProperties\":2}"},
        {"properties/any", "{\"description\":\"Anything.\"}"},
        {"properties/given", ""},
        {"properties/hidden", ""},
    };

    check_schema(true, rows, sizeof(rows) / sizeof(rows[0]));
}

TEST(schema_reply, "a reply's schema says what is always there and what may be null")
{
    static const struct expectation rows[] = {
        {"additionalProperties", ""},
        {"required",
         "[\"yes\",\"number\",\"plain\",\"fraction\",\"text\",\"colour\",\"created_at\",\"id\","
         "\"total\",\"balance\",\"currency\",\"place\",\"groups\",\"numbers\",\"ids\",\"labels\","
         "\"any\",\"given\"]"},
        {"properties/number", "{\"type\":\"integer\",\"format\":\"int64\"}"},
        {"properties/text", "{\"type\":[\"string\",\"null\"]}"},
        {"properties/note", "{\"type\":\"string\"}"}, /* Left out rather than null. */
        {"properties/created_at", "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"},
        {"properties/id/type", "[\"string\",\"null\"]"},
        {"properties/total/type", "[\"object\",\"null\"]"},
        {"properties/total/additionalProperties", ""},
        {"properties/place/type", "\"object\""},
        {"properties/place/properties/city", "{\"type\":\"string\"}"}, /* Required. */
        {"properties/groups/items/properties/title", "{\"type\":[\"string\",\"null\"]}"},
        {"properties/given", "{\"type\":\"integer\",\"format\":\"int64\"}"},
        {"properties/hidden", ""},
    };

    check_schema(false, rows, sizeof(rows) / sizeof(rows[0]));
}
