/*
 * limit_test.c - schemas and instances that would run away, memory that ends, threads that share.
 */
#include <pthread.h>
#include <setjmp.h>

#include "kernel/schema/schema_fixture.h"

enum { THREADS = 4, ROUNDS = 500, BOMB_BYTES_MAX = 2 << 20, LEVELS = 10000 };

static const char WIDE[] =
    "{\"$id\":\"http://x.test/w\",\"type\":\"object\",\"required\":[\"name\"],"
    "\"properties\":{\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\",\"format\":\"email\"},"
    "\"price\":{\"multipleOf\":0.01},\"tags\":{\"uniqueItems\":true,\"items\":{\"enum\":[\"a\",1]}}},"
    "\"anyOf\":[{\"required\":[\"x\"]},{\"$ref\":\"#/$defs/y\"}],\"unevaluatedProperties\":false,"
    "\"$defs\":{\"y\":{\"properties\":{\"z\":{\"format\":\"idn-hostname\"}}}}}";
static const char WIDE_INSTANCE[] =
    "{\"name\":\"A\",\"price\":0.015,\"tags\":[1,\"b\",1.0],\"z\":\"ü.example\",\"q\":1}";

/* text: before, n times again, after. */
static struct str repeat(struct cx *cx, const char *before, const char *again, size_t n,
                         const char *after)
{
    size_t size = strlen(before) + n * strlen(again) + strlen(after);
    struct text text = {.ptr = cx_alloc(cx, size + 1), .size = size};

    text_add(&text, str_of(before));
    for (size_t k = 0; k < n; k++)
        text_add(&text, str_of(again));
    text_add(&text, str_of(after));
    return (struct str){text.ptr, text.len};
}

TEST(schema_circles, "a reference that comes back without moving is found; one that moves is not")
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_fault(&f, "{\"$ref\":\"#\"}", "1", "schema_recursion");
    schema_fixture_fault(&f,
                         "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":"
                         "\"#/$defs/b\"}]},\"b\":{\"not\":{\"$ref\":\"#/$defs/a\"}}}}",
                         "1", "schema_recursion");
    schema_fixture_fault(&f, "{\"$dynamicAnchor\":\"x\",\"$dynamicRef\":\"#x\"}", "1",
                         "schema_recursion");
    schema_fixture_yes(&f,
                       "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
                       "{\"a\":{\"a\":{\"a\":{}}}}");
    schema_fixture_no(&f,
                      "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
                      "{\"a\":{\"a\":{\"b\":{}}}}");
    schema_fixture_close(&f);
}

TEST(schema_patterns_end, "a catastrophic pattern ends, as pattern and as name of members")
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_fault(&f, "{\"pattern\":\"^(a+)+$\"}",
                         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
                         "schema_pattern_steps");
    schema_fixture_fault(&f, "{\"not\":{\"patternProperties\":{\"^(a|aa)*$\":true}}}",
                         "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\":1}",
                         "schema_pattern_steps");
    schema_fixture_refused(&f, "{\"pattern\":\"(?<=a+)b\"}", "schema_pattern");
    schema_fixture_refused(&f, "{\"pattern\":\"(*LIMIT_MATCH=9)a\"}", "schema_pattern");
    schema_fixture_close(&f);
}

TEST(schema_deep, "ten thousand levels are refused, and a chain of as many references too")
{
    struct schema_fixture f;
    const struct schema *out;
    struct json_out text;
    struct str deep;

    schema_fixture_open(&f);
    deep = repeat(&f.cx, "", "{\"not\":", LEVELS, "1");
    CHECK(schema_compile(&f.cx, &f.keep, deep, NULL, &out) != OK);
    fail_clear(&f.cx);
    json_open(&text, &f.cx, 0);
    json_object(&text);
    json_member_text(&text, "$ref", STR("#/$defs/0"));
    json_key(&text, STR("$defs"));
    json_object(&text);
    for (int k = 0; k < LEVELS; k++) {
        json_key(&text, cx_printf(&f.cx, "%d", k));
        json_object(&text);
        if (k + 1 < LEVELS)
            json_member_text(&text, "$ref", cx_printf(&f.cx, "#/$defs/%d", k + 1));
        json_object_end(&text);
    }
    json_object_end(&text);
    json_object_end(&text);
    deep = cx_printf(&f.cx, STR_FMT, STR_ARG(json_done(&text)));
    schema_fixture_fault(&f, deep.ptr, "1", "schema_too_deep");
    schema_fixture_close(&f);
}

TEST(schema_bombs, "megabytes and exponential schemas end with a clear refusal")
{
    static const char fork[] =
        "{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/b\"},{\"$ref\":"
        "\"#/$defs/b\"}]},\"b\":{\"items\":{\"allOf\":[{\"$ref\":\"#/$defs/a\"},"
        "{\"anyOf\":[false,{\"$ref\":\"#/$defs/a\"}]}]},\"type\":\"array\"}},"
        "\"$ref\":\"#/$defs/a\"}";
    struct schema_fixture f;
    const struct schema *out;
    struct str text;

    schema_fixture_open(&f);
    text = repeat(&f.cx, "{\"enum\":[0", ",0", SCHEMA_BYTES_MAX, "]}");
    CHECK(schema_compile(&f.cx, &f.keep, text, NULL, &out) == ERR_TOO_LARGE);
    fail_clear(&f.cx);
    text = repeat(&f.cx, "{\"allOf\":[true", ",{}", SCHEMA_SUBSCHEMAS_MAX, "]}");
    CHECK(schema_compile(&f.cx, &f.keep, text, NULL, &out) == ERR_TOO_LARGE);
    fail_clear(&f.cx);
    schema_fixture_fault(&f, fork, "[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]",
                         "schema_steps");
    schema_fixture_close(&f);
}

TEST(schema_megabyte, "a megabyte of items is validated, and found unique")
{
    struct schema_fixture f;
    struct json_out text;
    struct str instance;

    schema_fixture_open(&f);
    json_open(&text, &f.cx, BOMB_BYTES_MAX);
    json_list(&text);
    for (int k = 0; k < 100000; k++)
        json_put_int(&text, (int64_t)k * 100000);
    json_list_end(&text);
    instance = cx_printf(&f.cx, STR_FMT, STR_ARG(json_done(&text)));
    schema_fixture_yes(&f, "{\"uniqueItems\":true,\"items\":{\"type\":\"integer\",\"minimum\":0}}",
                       instance.ptr);
    schema_fixture_close(&f);
}

/* Compile and validate with so many bytes in all; the arena's unwind is the only way out. */
static bool fits(size_t bytes)
{
    const struct schema *schema;
    struct schema_result result;
    struct json instance;
    jmp_buf exhausted;
    volatile bool good = false;
    struct cx cx;

    cx_open(&cx, env_system(), bytes);
    cx.arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0) {
        good = schema_compile(&cx, &cx.arena, STR(WIDE), NULL, &schema) == OK &&
               json_parse(&cx, STR(WIDE_INSTANCE), &instance) == OK &&
               schema_validate(&cx, schema, instance, SCHEMA_ANNOTATE, &result) == OK &&
               !result.valid && result.error_count > 3;
    }
    cx_close(&cx);
    return good;
}

TEST(schema_starved, "with too little memory it unwinds or refuses, wherever it was, without leak")
{
    size_t bytes = 1024;

    while (bytes < BOMB_BYTES_MAX && !fits(bytes))
        bytes += 512;
    CHECK(bytes > 4096);
    CHECK(bytes < BOMB_BYTES_MAX);
}

struct shared {
    const struct schema *schema;
    bool good;
};

static void *validate(void *argument)
{
    struct shared *shared = argument;
    struct schema_result result;
    struct json instance;
    struct cx cx;

    cx_open(&cx, env_system(), BOMB_BYTES_MAX);
    shared->good = true;
    for (int k = 0; k < ROUNDS; k++) {
        shared->good &= json_parse(&cx, STR(WIDE_INSTANCE), &instance) == OK &&
                        schema_validate(&cx, shared->schema, instance, 0, &result) == OK &&
                        !result.valid;
        cx_reset(&cx);
    }
    cx_close(&cx);
    return NULL;
}

TEST_THREADS(schema_shared, "one compiled schema serves many threads at once")
{
    struct shared shared[THREADS];
    pthread_t threads[THREADS];
    struct schema_fixture f;
    const struct schema *schema;

    schema_fixture_open(&f);
    schema = schema_fixture_compile(&f, WIDE);
    for (int k = 0; k < THREADS; k++) {
        shared[k] = (struct shared){schema, false};
        CHECK(pthread_create(&threads[k], NULL, validate, &shared[k]) == 0);
    }
    for (int k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
        CHECK(shared[k].good);
    }
    schema_fixture_close(&f);
}
