/*
 * schema_fixture.c - compile and validate as the server does: from bytes.
 */
#include "kernel/schema/schema_fixture.h"

enum { CX_BYTES_MAX = 256 << 20, KEEP_BYTES_MAX = 256 << 20 };

void schema_fixture_open(struct schema_fixture *f)
{
    *f = (struct schema_fixture){0};
    cx_open(&f->cx, env_system(), CX_BYTES_MAX);
    arena_init(&f->keep, KEEP_BYTES_MAX);
}

void schema_fixture_close(struct schema_fixture *f)
{
    arena_free(&f->keep);
    cx_close(&f->cx);
}

const struct schema *schema_fixture_compile(struct schema_fixture *f, const char *text)
{
    const struct schema *schema = NULL;

    CHECK_SAY(schema_compile(&f->cx, &f->keep, str_of(text), &f->options, &schema) == OK, "%s: %s",
              text, f->cx.problem.detail);
    return schema;
}

bool schema_fixture_valid(struct schema_fixture *f, const struct schema *schema,
                          const char *instance)
{
    struct json json;

    CHECK(json_parse_exact(&f->cx, str_of(instance), &json) == OK);
    CHECK_SAY(schema_validate(&f->cx, schema, json, 0, &f->result) == OK, "%s: %s", instance,
              f->cx.problem.detail);
    return f->result.valid;
}

void schema_fixture_yes(struct schema_fixture *f, const char *schema, const char *instance)
{
    CHECK_SAY(schema_fixture_valid(f, schema_fixture_compile(f, schema), instance),
              "%s refuses %s: " STR_FMT, schema, instance, STR_ARG(f->result.errors[0].say));
}

void schema_fixture_no(struct schema_fixture *f, const char *schema, const char *instance)
{
    CHECK_SAY(!schema_fixture_valid(f, schema_fixture_compile(f, schema), instance), "%s admits %s",
              schema, instance);
}

void schema_fixture_refused(struct schema_fixture *f, const char *schema, const char *code)
{
    const struct schema *out;

    CHECK_SAY(schema_compile(&f->cx, &f->keep, str_of(schema), &f->options, &out) != OK,
              "%s is taken", schema);
    CHECK_EQ_STR(f->cx.problem.code, code);
    fail_clear(&f->cx);
}

void schema_fixture_fault(struct schema_fixture *f, const char *schema, const char *instance,
                          const char *code)
{
    const struct schema *compiled = schema_fixture_compile(f, schema);
    struct json json;

    CHECK(json_parse(&f->cx, str_of(instance), &json) == OK);
    CHECK_SAY(schema_validate(&f->cx, compiled, json, 0, &f->result) != OK, "%s ends on %s", schema,
              instance);
    CHECK_EQ_STR(f->cx.problem.code, code);
    fail_clear(&f->cx);
}
