/*
 * script_fixture.c - scripts for tests.
 */
#include "kernel/script/script_fixture.h"

#include "test/kit/test.h"

enum { CX_BYTES_MAX = 32 << 20 };

static int64_t step(struct env *env)
{
    struct script_env *clock = (struct script_env *)env; /* Its first member. */

    return clock->now_us += clock->step_us;
}

void script_fixture_open(struct script_fixture *fixture)
{
    *fixture = (struct script_fixture){.env.env = *env_system()};
    fixture->env.env.monotonic_us = step;
    cx_open(&fixture->cx, &fixture->env.env, CX_BYTES_MAX);
    arena_init(&fixture->keep, CX_BYTES_MAX);
}

void script_fixture_close(struct script_fixture *fixture)
{
    cx_close(&fixture->cx);
    arena_free(&fixture->keep);
    script_pool_drain();
}

enum err script_fixture_document(struct script_fixture *fixture, const char *document)
{
    struct cx *cx = &fixture->cx;
    struct json json;

    TRY(json_parse(cx, str_of(document), &json));
    TRY(script_source_read(cx, json, &fixture->source));
    return script_compile(cx, &fixture->keep, &fixture->source, &fixture->script);
}

enum err script_fixture_body(struct script_fixture *fixture, const char *body)
{
    static const struct str declared =
        STR("{\"name\":\"test/script\",\"source\":\"\",\"inputs\":["
            "{\"name\":\"n\",\"type\":\"int\",\"required\":false},"
            "{\"name\":\"t\",\"type\":\"text\",\"required\":false}],\"outputs\":["
            "{\"name\":\"n\",\"type\":\"int\",\"required\":false},"
            "{\"name\":\"t\",\"type\":\"text\",\"required\":false}],"
            "\"fallback\":{\"t\":\"fallback\"},\"tests\":[]}");
    struct cx *cx = &fixture->cx;
    struct json json;

    TRY(json_parse(cx, declared, &json));
    TRY(script_source_read(cx, json, &fixture->source));
    fixture->source.text = str_of(body);
    return script_compile(cx, &fixture->keep, &fixture->source, &fixture->script);
}

struct str script_fixture_call(struct script_fixture *fixture, const char *inputs,
                               struct script_answer *answer)
{
    struct cx *cx = &fixture->cx;
    struct script_value *values;
    struct json json;

    CHECK_EQ_INT(json_parse(cx, str_of(inputs), &json), OK);
    CHECK_EQ_INT(script_values_read(cx, &fixture->source.inputs, json, "", &values), OK);
    CHECK_EQ_INT(script_call(cx, fixture->script, values, answer), OK);
    return script_values_json(cx, &fixture->source.outputs, answer->outputs);
}
