/*
 * schema_fuzz.c - a schema and an instance, apart by a line "---": both
 * passes and all flags agree, errors are named, and everything ends.
 */
#include <setjmp.h>

#include "kernel/schema/schema.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 64 << 20 };

static void check_errors(const struct schema_result *result)
{
    must(result->error_count > 0, "an invalid instance has an error");
    must(result->error_count <= SCHEMA_ERRORS_MAX, "errors are limited");
    for (size_t k = 0; k < result->error_count; k++) {
        must(result->errors[k].say.len > 0, "an error says something");
        must(result->errors[k].instance.len == 0 || result->errors[k].instance.ptr[0] == '/',
             "a place is a JSON pointer");
        must(result->errors[k].schema.len == 0 || result->errors[k].schema.ptr[0] == '/',
             "a keyword location is a JSON pointer");
    }
}

static void check_instance(struct cx *cx, const struct schema *schema, struct json instance)
{
    struct schema_result plain, noted;

    if (schema_validate(cx, schema, instance, 0, &plain) != OK) {
        must(cx->problem.err == ERR_UNPROCESSABLE, "only the pair is at fault");
        return;
    }
    if (!plain.valid)
        check_errors(&plain);
    /* Annotations ask for more work, so only they may reach a limit. */
    if (schema_validate(cx, schema, instance, SCHEMA_ANNOTATE, &noted) == OK)
        must(plain.valid == noted.valid, "annotations change no verdict");
}

static void check(struct cx *cx, struct str schema_text, struct str instance_text)
{
    const struct schema *schema;
    struct json instance;

    if (schema_compile(cx, &cx->arena, schema_text, NULL, &schema) != OK) {
        must(cx->problem.detail[0] != '\0', "a refusal has a reason");
        return;
    }
    if (json_parse_exact(cx, instance_text, &instance) == OK)
        check_instance(cx, schema, instance);
}

/* Where the line that parts the two begins, or the end. */
static size_t find_cut(struct str text)
{
    size_t at = 0;

    while (at < text.len && !str_starts((struct str){text.ptr + at, text.len - at}, STR("\n---\n")))
        at++;
    return at;
}

/* Memory that ends is an end like any other. */
static void check_within(struct str schema_text, struct str instance_text)
{
    jmp_buf exhausted;
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    cx.arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0)
        check(&cx, schema_text, instance_text);
    cx_close(&cx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, instance = STR("{\"a\":[1,\"b\"]}");
    size_t cut = find_cut(text);

    if (cut < size)
        instance = (struct str){text.ptr + cut + 5, size - cut - 5};
    text.len = cut;
    check_within(text, instance);
    return 0;
}
