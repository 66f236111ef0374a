/*
 * field_refuse_test.c - every refusal of a field table: its code, its place, what it says to do.
 */
#include <stdio.h>

#include "kernel/json/field_fixture.h"
#include "test/kit/test.h"

struct refusal {
    const char *text; /* One member of the document. */
    const char *code, *pointer, *detail;
};

static void check_refusal(const struct refusal *row)
{
    struct cx cx = field_fixture_cx();
    struct whole whole;
    struct str text = cx_printf(&cx, "{%s}", row->text);
    enum err err = field_read(&cx, whole_fields, FIELD_STRICT, text, &whole, sizeof(whole));

    CHECK_SAY(err == ERR_BAD_INPUT, "%s is taken", row->text);
    CHECK_SAY(
        strcmp(cx.problem.code, row->code) == 0 && strcmp(cx.problem.pointer, row->pointer) == 0 &&
            strcmp(cx.problem.detail, row->detail) == 0,
        "%s: %s at %s: %s", row->text, cx.problem.code, cx.problem.pointer, cx.problem.detail);
    cx_close(&cx);
}

#define CHECK_REFUSALS(rows)                                                                       \
    for (size_t row = 0; row < sizeof(rows) / sizeof((rows)[0]); row++)                            \
    check_refusal(&(rows)[row])

TEST(field_wrong_types, "a value of another type is refused by name and place")
{
    static const struct refusal rows[] = {
        {"\"yes\":1", "wrong_type", "/yes", "yes: must be true or false, got a whole number"},
        {"\"yes\":\"true\"", "wrong_type", "/yes", "yes: must be true or false, got text"},
        {"\"number\":\"1\"", "wrong_type", "/number", "number: must be a whole number, got text"},
        {"\"number\":1.0", "wrong_type", "/number", "number: must be a whole number, got a number"},
        {"\"number\":true", "wrong_type", "/number",
         "number: must be a whole number, got a boolean"},
        {"\"fraction\":[]", "wrong_type", "/fraction", "fraction: must be a number, got a list"},
        {"\"text\":5", "wrong_type", "/text", "text: must be text, got a whole number"},
        {"\"text\":{}", "wrong_type", "/text", "text: must be text, got an object"},
        {"\"colour\":1", "wrong_type", "/colour", "colour: must be text, got a whole number"},
        {"\"created_at\":1795341600123", "wrong_type", "/created_at",
         "created_at: must be text: a time like 2026-11-22T10:00:00Z, got a whole number"},
        {"\"id\":12", "wrong_type", "/id", "id: must be text: an id, got a whole number"},
        {"\"total\":1990", "wrong_type", "/total",
         "total: must be an object: {\"amount\":1990,\"currency\":\"CNY\"}, got a whole number"},
        {"\"place\":[]", "wrong_type", "/place", "place: must be an object, got a list"},
        {"\"groups\":{}", "wrong_type", "/groups", "groups: must be a list, got an object"},
        {"\"groups\":[null]", "wrong_type", "/groups/0", "groups/0: must be an object, got null"},
        {"\"numbers\":[1,null]", "wrong_type", "/numbers/1",
         "numbers/1: must be a whole number, got null"},
        {"\"labels\":[]", "wrong_type", "/labels",
         "labels: must be an object of texts, got a list"},
        {"\"labels\":{\"a/b~c\":1}", "wrong_type", "/labels/a~1b~0c",
         "a/b~c: must be text, got a whole number"},
        {"\"labels\":{\"a\":null}", "wrong_type", "/labels/a", "a: must be text, got null"},
    };
    struct cx cx = field_fixture_cx();
    struct whole whole;

    CHECK_REFUSALS(rows);
    CHECK_EQ_INT(field_read(&cx, whole_fields, FIELD_STRICT, STR("[]"), &whole, sizeof(whole)),
                 ERR_BAD_INPUT);
    CHECK_EQ_STR(cx.problem.pointer, "");
    CHECK_EQ_STR(cx.problem.detail, "the document: must be an object, got a list");
    cx_close(&cx);
}

TEST(field_limits, "one beyond a limit is refused")
{
    static const struct refusal rows[] = {
        {"\"number\":6", "out_of_range", "/number",
         "number: must be a whole number from -5 to 5, got 6"},
        {"\"number\":-6", "out_of_range", "/number",
         "number: must be a whole number from -5 to 5, got -6"},
        {"\"plain\":9223372036854775808", "out_of_range", "/plain",
         "plain: must be a whole number from -9223372036854775808 to 9223372036854775807, "
         "got 9223372036854775808"},
        {"\"place\":{\"city\":\"x\",\"latitude\":90.5}", "out_of_range", "/place/latitude",
         "latitude: must be a number from -90 to 90, got 90.5"},
        {"\"groups\":[{\"title\":\"x\"}]", "out_of_range", "/groups/0/title",
         "title: must have 2 to 5 bytes of UTF-8, got 1"},
        {"\"groups\":[{\"title\":\"\xe4\xb8\xad\xe6\x96\x87\"}]", "out_of_range", "/groups/0/title",
         "title: must have 2 to 5 bytes of UTF-8, got 6"},
        {"\"groups\":[{\"parts\":[{},{},{}]}]", "out_of_range", "/groups/0/parts",
         "parts: must have 0 to 2 items, got 3"},
        {"\"labels\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}", "out_of_range", "/labels",
         "labels: must have 0 to 2 members, got 3"},
        {"\"labels\":{\"\":\"x\"}", "out_of_range", "/labels/",
         ": a name must have 1 to 128 bytes, got 0"},
        {"\"total\":{\"amount\":-1,\"currency\":\"CNY\"}", "out_of_range", "/total/amount",
         "amount: must be a whole number from 0 to 1000000000000000, got -1"},
        {"\"total\":{\"amount\":1000000000000001,\"currency\":\"CNY\"}", "out_of_range",
         "/total/amount",
         "amount: must be a whole number from 0 to 1000000000000000, got 1000000000000001"},
        {"\"balance\":{\"amount\":-1000000000000001,\"currency\":\"CNY\"}", "out_of_range",
         "/balance/amount",
         "amount: must be a whole number from -1000000000000000 to 1000000000000000, "
         "got -1000000000000001"},
    };

    CHECK_REFUSALS(rows);
}

TEST(field_bad_values, "values that cannot be are refused with what to send instead")
{
    static const struct refusal rows[] = {
        {"\"colour\":\"pink\"", "bad_value", "/colour", "colour: must be one of: red, green, blue"},
        {"\"colour\":\"Red\"", "bad_value", "/colour", "colour: must be one of: red, green, blue"},
        {"\"text\":\"a\\u0000b\"", "bad_value", "/text",
         "text: has the control character U+0000: only line feed and tab are taken"},
        {"\"text\":\"a\\rb\"", "bad_value", "/text",
         "text: has the control character U+000D: only line feed and tab are taken"},
        {"\"text\":\"\\u007f\"", "bad_value", "/text",
         "text: has the control character U+007F: only line feed and tab are taken"},
        {"\"labels\":{\"a\\n\":\"x\"}", "bad_value", "/labels/a\n",
         "a\n: a name has no control characters"},
        {"\"id\":\"sku_0000000000001\"", "bad_value", "/id",
         "id: must be an id: ord_ and 13 characters of 0-9 A-Z without I L O U"},
        {"\"ids\":[\"usr_0000000000001\",\"x\"]", "bad_value", "/ids/1",
         "ids/1: must be an id: usr_ and 13 characters of 0-9 A-Z without I L O U"},
        {"\"created_at\":\"2026-02-30T00:00:00Z\"", "bad_value", "/created_at",
         "created_at: must be a time of the calendar with its offset, like 2026-11-22T10:00:00Z or "
         "2026-11-22T18:00:00+08:00"},
        {"\"total\":{\"amount\":1,\"currency\":\"cny\"}", "bad_value", "/total/currency",
         "currency: must be an ISO 4217 code of three capital letters, like CNY"},
        {"\"total\":{\"amount\":1,\"currency\":\"CNY\"},\"balance\":{\"amount\":1,\"currency\":"
         "\"USD\"}",
         "bad_value", "/balance/currency",
         "currency: differs from the currency CNY given before: use one"},
        {"\"total\":{\"amount\":1,\"currency\":\"CNY\"},\"currency\":\"USD\"", "bad_value",
         "/currency", "currency: differs from the currency CNY given before: use one"},
        {"\"currency\":\"USD\",\"total\":{\"amount\":1,\"currency\":\"CNY\"}", "bad_value",
         "/total/currency", "currency: differs from the currency USD given before: use one"},
    };

    CHECK_REFUSALS(rows);
}

TEST(field_required, "what must be there and is not, or is null, is named")
{
    static const struct refusal rows[] = {
        {"\"place\":{}", "required", "/place/city", "city: is missing: add it"},
        {"\"place\":{\"city\":null}", "required", "/place/city", "city: is missing: add it"},
        {"\"groups\":[{},{\"parts\":[{\"sku\":\"sku_0000000000001\"}]}]", "required",
         "/groups/1/parts/0/quantity", "quantity: is missing: add it"},
        {"\"total\":{\"currency\":\"CNY\"}", "required", "/total/amount",
         "amount: is missing: add it, in minor units"},
        {"\"total\":{\"amount\":1}", "required", "/total/currency",
         "currency: is missing: add it, like CNY"},
    };

    CHECK_REFUSALS(rows);
}

TEST(field_unknown, "an unknown member is refused, and a near one is offered")
{
    static const struct refusal rows[] = {
        {"\"nubmer\":1", "unknown_field", "/nubmer",
         "nubmer: is not known here; did you mean \"number\"?"},
        {"\"Text\":\"\"", "unknown_field", "/Text",
         "Text: is not known here; did you mean \"text\"?"},
        {"\"colours\":1", "unknown_field", "/colours",
         "colours: is not known here; did you mean \"colour\"?"},
        {"\"frobnicate\":1", "unknown_field", "/frobnicate",
         "frobnicate: is not known here: leave it out"},
        {"\"x\":1", "unknown_field", "/x", "x: is not known here: leave it out"},
        {"\"\":1", "unknown_field", "/", ": is not known here: leave it out"},
        {"\"\\u0000x\":1", "unknown_field", "/\xef\xbf\xbdx",
         "\xef\xbf\xbdx: is not known here: leave it out"},
        {"\"given\":1", "unknown_field", "/given", "given: is given by the server: leave it out"},
        {"\"given\":null", "unknown_field", "/given",
         "given: is given by the server: leave it out"},
        {"\"hidden\":1", "unknown_field", "/hidden", "hidden: is not known here: leave it out"},
        {"\"groups\":[{\"parts\":[{\"sku\":\"sku_0000000000001\",\"quantity\":1,\"pricee\":1}]}]",
         "unknown_field", "/groups/0/parts/0/pricee",
         "pricee: is not known here; did you mean \"price\"?"},
        {"\"total\":{\"amount\":1,\"currency\":\"CNY\",\"scale\":2}", "unknown_field",
         "/total/scale", "scale: is not known here: money has amount and currency"},
    };

    CHECK_REFUSALS(rows);
}

TEST(field_long_names, "a pointer that is cut ends in no half of an escape")
{
    for (size_t len = PROBLEM_POINTER_LEN_MAX - 4; len < PROBLEM_POINTER_LEN_MAX; len++) {
        struct cx cx = field_fixture_cx();
        struct whole whole;
        struct str text = cx_printf(&cx, "{\"%0*d~/\":1}", (int)len, 0);
        const char *at;

        CHECK_EQ_INT(field_read(&cx, whole_fields, FIELD_STRICT, text, &whole, sizeof(whole)),
                     ERR_BAD_INPUT);
        at = strchr(cx.problem.pointer, '~');
        CHECK(!at || at[1] == '0');
        CHECK(strlen(cx.problem.pointer) >= PROBLEM_POINTER_LEN_MAX - 2);
        cx_close(&cx);
    }
}

TEST(field_deep_errors, "an error deep inside names the whole way, behind the caller's own pointer")
{
    static const struct refusal rows[] = {
        {"\"groups\":[{},{\"parts\":[{\"sku\":\"sku_0000000000001\",\"quantity\":1},"
         "{\"sku\":\"sku_0000000000001\",\"quantity\":0}]}]",
         "out_of_range", "/groups/1/parts/1/quantity",
         "quantity: must be a whole number from 1 to 10000, got 0"},
        {"\"groups\":[{\"parts\":[{\"sku\":\"sku_0000000000001\",\"quantity\":10001}]}]",
         "out_of_range", "/groups/0/parts/0/quantity",
         "quantity: must be a whole number from 1 to 10000, got 10001"},
        {"\"groups\":[{\"parts\":[{\"sku\":\"sku_0000000000001\",\"quantity\":1,"
         "\"tags\":[\"a\",5]}]}]",
         "wrong_type", "/groups/0/parts/0/tags/1", "tags/1: must be text, got a whole number"},
        {"\"groups\":[{\"parts\":[{\"sku\":\"sku_0000000000001\",\"quantity\":1,"
         "\"tags\":[\"a\",\"b\",\"c\",\"d\"]}]}]",
         "out_of_range", "/groups/0/parts/0/tags", "tags: must have 0 to 3 items, got 4"},
    };
    struct cx cx = field_fixture_cx();
    struct group group;
    struct json v;

    CHECK_REFUSALS(rows);
    CHECK_EQ_INT(json_parse(&cx, STR("{\"title\":7}"), &v), OK);
    CHECK_EQ_INT(field_decode(&cx, group_fields, FIELD_STRICT, v, "/rows/7", &group),
                 ERR_BAD_INPUT);
    CHECK_EQ_STR(cx.problem.pointer, "/rows/7/title");
    cx_close(&cx);
}
