/*
 * field_test.c - one table in and out: every type, what is absent, the limits it leaves open.
 */
#include "kernel/json/field_fixture.h"

#include <stdio.h>

#include "test/kit/test.h"

static const char all_text[] =
    "{\"yes\":false,\"number\":-5,\"plain\":-9223372036854775808,\"fraction\":0.25,"
    "\"text\":\"two\\nlines\\tand more\",\"note\":\"\",\"colour\":\"green\","
    "\"created_at\":\"2026-11-22T10:00:00.123Z\",\"id\":\"ord_00000000000ZZ\","
    "\"total\":{\"amount\":1990,\"currency\":\"CNY\"},"
    "\"balance\":{\"amount\":-7,\"currency\":\"CNY\"},\"currency\":\"CNY\","
    "\"place\":{\"city\":\"Hangzhou\",\"latitude\":30.25},"
    "\"groups\":[{\"title\":\"one\",\"parts\":[]},{\"title\":null,\"parts\":["
    "{\"sku\":\"sku_0000000000001\",\"quantity\":10000,\"price\":{\"amount\":0,\"currency\":"
    "\"USD\"},\"tags\":[\"a\",\"b\"]},"
    "{\"sku\":\"sku_7ZZZZZZZZZZZZ\",\"quantity\":1,\"price\":null,\"tags\":[]}]}],"
    "\"numbers\":[1,-1,9223372036854775807],\"ids\":[\"usr_0000000000002\"],"
    "\"labels\":{\"a\":\"x\",\"b\":\"\"},\"any\":{\"k\":[1,null,\"\xe4\xb8\xad\"]}";

TEST(field_round_trip, "every type is read and written as the same text")
{
    struct cx cx = field_fixture_cx();
    struct str text = cx_printf(&cx, "%s}", all_text);
    struct str out = cx_printf(&cx, "%s,\"given\":0}", all_text);
    const struct group *group;
    const struct part *part;
    struct whole whole;

    if (field_read(&cx, whole_fields, FIELD_STRICT, text, &whole, sizeof(whole)) != OK)
        test_fail(__FILE__, __LINE__, "%s: %s", cx.problem.pointer, cx.problem.detail);
    CHECK(!whole.yes);
    CHECK_EQ_INT(whole.number, -5);
    CHECK(whole.plain == INT64_MIN);
    CHECK(whole.fraction == 0.25);
    CHECK(whole.note.ptr);
    CHECK_EQ_INT(whole.colour, 1);
    CHECK_EQ_INT(whole.created_ms, INT64_C(1795341600123));
    CHECK_EQ_INT(whole.id, 1023);
    CHECK_EQ_INT(whole.total_minor, 1990);
    CHECK_EQ_INT(whole.balance_minor, -7);
    CHECK_EQ_TEXT(whole.currency, "CNY");
    CHECK_EQ_TEXT(whole.place.city, "Hangzhou");
    CHECK_EQ_INT(whole.groups.count, 2);
    group = LIST_AT(whole.groups, struct group, 1);
    CHECK(!group->title.ptr);
    part = LIST_AT(group->parts, struct part, 1);
    CHECK(part->sku == INT64_MAX);
    CHECK(!part->price_currency.ptr);
    CHECK_EQ_TEXT(LIST_AT(whole.labels, struct pair, 0)->key, "a");
    CHECK_EQ_TEXT(whole.any, "{\"k\":[1,null,\"\xe4\xb8\xad\"]}");
    CHECK(str_eq(field_json(&cx, whole_fields, &whole), out));
    cx_close(&cx);
}

TEST(field_absent, "what is absent or null takes its fallback, whatever the struct held before")
{
    static const char *const texts[] = {
        "{}",
        "{\"yes\":null,\"number\":null,\"plain\":null,\"fraction\":null,\"text\":null,\"note\":null,"
        "\"colour\":null,\"created_at\":null,\"id\":null,\"total\":null,\"balance\":null,"
        "\"currency\":null,\"place\":null,\"groups\":null,\"numbers\":null,\"ids\":null,"
        "\"labels\":null,\"any\":null}"};
    struct cx cx = field_fixture_cx();

    for (int k = 0; k < 2; k++) {
        struct whole whole;
        struct json v;

        memset(&whole, 0x5a, sizeof(whole));
        CHECK_EQ_INT(json_parse(&cx, str_of(texts[k]), &v), OK);
        CHECK_EQ_INT(field_decode(&cx, whole_fields, FIELD_STRICT, v, "", &whole), OK);
        CHECK(whole.yes);
        CHECK_EQ_INT(whole.number, 3);
        CHECK_EQ_INT(whole.plain, 0);
        CHECK(whole.fraction == -2);
        CHECK(!whole.text.ptr && !whole.note.ptr && !whole.any.ptr && !whole.currency.ptr);
        CHECK_EQ_INT(whole.colour, 2);
        CHECK_EQ_INT(whole.created_ms | whole.id | whole.total_minor | whole.given, 0);
        CHECK(!whole.place.city.ptr);
        CHECK_EQ_INT(whole.groups.count + whole.numbers.count + whole.labels.count, 0);
        CHECK_EQ_TEXT(field_json(&cx, whole_fields, &whole),
                      "{\"yes\":true,\"number\":3,\"plain\":0,\"fraction\":-2.0,\"text\":null,"
                      "\"colour\":\"blue\",\"created_at\":null,\"id\":null,\"total\":null,"
                      "\"balance\":null,\"currency\":null,\"place\":{\"city\":null,"
                      "\"latitude\":0.0},\"groups\":[],\"numbers\":[],\"ids\":[],\"labels\":{},"
                      "\"any\":null,\"given\":0}");
    }
    cx_close(&cx);
}

TEST(field_lenient, "a lenient reader skips what it does not know and still checks what it does")
{
    struct cx cx = field_fixture_cx();
    struct whole whole;

    CHECK_EQ_INT(field_read(&cx, whole_fields, FIELD_LENIENT,
                            STR("{\"new\":{\"a\":[1]},\"given\":9,\"hidden\":9,\"number\":4,"
                                "\"total\":{\"amount\":5,\"currency\":\"CNY\",\"scale\":2}}"),
                            &whole, sizeof(whole)),
                 OK);
    CHECK_EQ_INT(whole.number, 4);
    CHECK_EQ_INT(whole.total_minor, 5);
    CHECK_EQ_INT(whole.given + whole.hidden, 0);
    CHECK_EQ_INT(field_read(&cx, whole_fields, FIELD_LENIENT, STR("{\"new\":1,\"number\":6}"),
                            &whole, sizeof(whole)),
                 ERR_BAD_INPUT);
    cx_close(&cx);
}

TEST(field_default_limits, "limits that a table leaves open are the type's own")
{
    struct cx cx = field_fixture_cx();
    char *bytes = cx_alloc(&cx, 64000);
    struct whole whole;
    const int counts[] = {FIELD_TEXT_LEN_MAX, FIELD_TEXT_LEN_MAX + 1, FIELD_LIST_COUNT_MAX,
                          FIELD_LIST_COUNT_MAX + 1};

    for (int k = 0; k < 4; k++) {
        struct text text = {.ptr = bytes, .size = 64000};

        text_addf(&text, k < 2 ? "{\"text\":\"" : "{\"numbers\":[0");
        for (int n = 0; n < (k < 2 ? counts[k] : counts[k] - 1); n++)
            text_add(&text, k < 2 ? STR("x") : STR(",1"));
        text_addf(&text, k < 2 ? "\"}" : "]}");
        fail_clear(&cx);
        CHECK_EQ_INT(field_read(&cx, whole_fields, FIELD_STRICT, (struct str){bytes, text.len},
                                &whole, sizeof(whole)),
                     k % 2 ? ERR_BAD_INPUT : OK);
    }
    cx_close(&cx);
}

/* A lower bound alone leaves the upper one to the type. */
struct open_ended {
    struct str name;
    int64_t count;
    struct str body;
    int64_t due_ms;
};

static const struct field open_ended_fields[] = {
    F(open_ended, name, .min = 1),
    F(open_ended, count, .min = 1),
    F_JSON(open_ended, body, .max = 8, .flags = FIELD_REQUIRED),
    F_TIME(open_ended, due_ms, "due", .min = 1000, .max = 2000),
    F_END,
};

TEST(field_open_ended, "a bound on one side binds that side")
{
    static const struct {
        struct str text;
        enum err err;
    } rows[] = {
        {STR("{\"name\":\"x\",\"count\":1,\"body\":0}"), OK},
        {STR("{\"count\":9223372036854775807,\"body\":0}"), OK},
        {STR("{\"name\":\"\",\"body\":0}"), ERR_BAD_INPUT},
        {STR("{\"count\":0,\"body\":0}"), ERR_BAD_INPUT},
        {STR("{\"body\":[1, 2, 3]}"), OK}, /* Seven bytes once compact. */
        {STR("{\"body\":[1,2,30]}"), OK},
        {STR("{\"body\":[1,20,30]}"), ERR_BAD_INPUT},
        {STR("{\"body\":null}"), OK}, /* A value where any value is taken. */
        {STR("{}"), ERR_BAD_INPUT},
        {STR("{\"body\":0,\"due\":\"1970-01-01T00:00:01Z\"}"), OK},
        {STR("{\"body\":0,\"due\":\"1970-01-01T00:00:00.999Z\"}"), ERR_BAD_INPUT},
        {STR("{\"body\":0,\"due\":\"1970-01-01T00:00:02.001Z\"}"), ERR_BAD_INPUT},
    };
    struct cx cx = field_fixture_cx();
    struct open_ended out;

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        fail_clear(&cx);
        CHECK_SAY(field_read(&cx, open_ended_fields, FIELD_STRICT, rows[k].text, &out,
                             sizeof(out)) == rows[k].err,
                  STR_FMT ": %s", STR_ARG(rows[k].text), cx.problem.detail);
    }
    CHECK(strstr(cx.problem.detail,
                 "due: must be a time from 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:02.000Z"));
    cx_close(&cx);
}

TEST(field_omit, "OMIT leaves out what is absent, of every type")
{
    struct sparse {
        int64_t n;
        bool b;
        struct str s;
        struct list texts, map;
        struct place place;
        int64_t cost_minor;
        struct str currency;
    };
    static const struct field fields[] = {
        F(sparse, n, .flags = FIELD_OMIT, .fallback = 9),
        F(sparse, b, .flags = FIELD_OMIT),
        F(sparse, s, .flags = FIELD_OMIT),
        F_TEXTS(sparse, texts, .flags = FIELD_OMIT),
        F_MAP(sparse, map, .flags = FIELD_OMIT),
        F_OBJECT(sparse, place, place_fields, .flags = FIELD_OMIT),
        F_MONEY(sparse, cost_minor, currency, "cost", .flags = FIELD_OMIT),
        F_END,
    };
    struct str texts[] = {STR("a")};
    struct cx cx = field_fixture_cx();
    struct sparse sparse = {.n = 9};

    CHECK_EQ_TEXT(field_json(&cx, fields, &sparse), "{}");
    sparse = (struct sparse){.n = 0,
                             .b = true,
                             .s = STR(""),
                             .texts = {texts, 1},
                             .place.city = STR("x"),
                             .currency = STR("CNY")};
    CHECK_EQ_TEXT(field_json(&cx, fields, &sparse),
                  "{\"n\":0,\"b\":true,\"s\":\"\",\"texts\":[\"a\"],\"place\":{\"city\":\"x\","
                  "\"latitude\":0.0},\"cost\":{\"amount\":0,\"currency\":\"CNY\"}}");
    cx_close(&cx);
}

TEST(field_starved, "out of memory in any 16 byte step of decoding unwinds and leaks nothing")
{
    volatile size_t budget = 0;
    volatile int unwound = 0;
    volatile bool done = false;

    while (!done) {
        struct cx cx;
        jmp_buf start;

        cx_open(&cx, env_system(), budget);
        if (setjmp(start) == 0) {
            struct whole whole;
            char text[sizeof(all_text) + 1];

            cx.arena.exhausted = &start;
            snprintf(text, sizeof(text), "%s}", all_text);
            CHECK_EQ_INT(
                field_read(&cx, whole_fields, FIELD_STRICT, str_of(text), &whole, sizeof(whole)),
                OK);
            CHECK(field_json(&cx, whole_fields, &whole).len > sizeof(all_text));
            done = true;
        } else {
            unwound++;
        }
        cx_close(&cx);
        budget += 16;
    }
    CHECK(unwound > 50);
}
