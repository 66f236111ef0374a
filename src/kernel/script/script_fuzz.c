/*
 * script_fuzz.c - arbitrary source text and inputs: a first line of JSON inputs, then Lua.
 *
 * Promises: no crash and no leak; a call ends, within what it may spend; what it yields is as
 * declared; a second call with the same chance yields the same, unless the clock ended one of them.
 */
#include <string.h>

#include "kernel/script/script.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 32 << 20, CALLS = 2 };

static const struct str declared =
    STR("{\"name\":\"fuzz/script\",\"source\":\"\",\"inputs\":["
        "{\"name\":\"n\",\"type\":\"int\",\"required\":false},"
        "{\"name\":\"x\",\"type\":\"double\",\"required\":false},"
        "{\"name\":\"t\",\"type\":\"text\",\"required\":false},"
        "{\"name\":\"l\",\"type\":\"list\",\"required\":false,\"item\":{\"type\":\"text\"}},"
        "{\"name\":\"m\",\"type\":\"map\",\"required\":false,\"item\":{\"type\":\"int\"}}],"
        "\"outputs\":[{\"name\":\"n\",\"type\":\"int\",\"required\":false},"
        "{\"name\":\"x\",\"type\":\"double\",\"required\":false},"
        "{\"name\":\"t\",\"type\":\"text\",\"required\":false},"
        "{\"name\":\"l\",\"type\":\"list\",\"required\":false,\"item\":{\"type\":\"text\"}},"
        "{\"name\":\"m\",\"type\":\"map\",\"required\":false,\"item\":{\"type\":\"int\"}}],"
        "\"fallback\":{},\"tests\":[]}");

/* Chance and time stand still: no call is ended by the clock. */
static int64_t still(struct env *env)
{
    (void)env;
    return 1;
}

static void same_chance(struct env *env, void *out, size_t len)
{
    (void)env;
    memset(out, 0x5a, len);
}

static void call_twice(struct cx *cx, const struct script *script, const struct script_value *in)
{
    struct str said[CALLS];

    for (int k = 0; k < CALLS; k++) {
        struct script_answer answer;

        must(script_call(cx, script, in, &answer) == OK, "a script's failure is not the caller's");
        must(answer.outputs != NULL, "there are always outputs");
        said[k] = script_values_json(cx, script_outputs(script), answer.outputs);
        (void)script_switch_on(script_name(script));
    }
    must(str_eq(said[0], said[1]), "the same inputs and chance give the same outputs");
}

static bool read_inputs(struct cx *cx, const struct script_source *source, struct str text,
                        struct script_value **out)
{
    struct json json;

    if (json_parse(cx, text, &json) == OK &&
        script_values_read(cx, &source->inputs, json, "", out) == OK)
        return true;
    fail_clear(cx);
    *out = CX_ARRAY(cx, struct script_value, source->inputs.count);
    return false;
}

/* Whole documents are read too. */
static void read_document(struct cx *cx, struct arena *keep, struct str text)
{
    const struct script *script;
    struct script_source source;
    struct json json;

    if (json_parse(cx, text, &json) == OK && script_source_read(cx, json, &source) == OK &&
        script_compile(cx, keep, &source, &script) == OK)
        must(script_inputs(script)->count == source.inputs.count, "inputs are as declared");
    else
        must(cx->problem.err != OK, "a refusal has its reason");
    fail_clear(cx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, line;
    struct env env = {.wall_ms = still, .monotonic_us = still, .random = same_chance};
    struct script_source source;
    const struct script *script;
    struct script_value *inputs;
    struct arena keep;
    struct json json;
    struct cx cx;

    cx_open(&cx, &env, BUDGET_BYTES);
    arena_init(&keep, BUDGET_BYTES);
    read_document(&cx, &keep, text);
    must(json_parse(&cx, declared, &json) == OK, "the declaration is JSON");
    must(script_source_read(&cx, json, &source) == OK, "the declaration is good");
    if (str_cut(&text, '\n', &line)) {
        (void)read_inputs(&cx, &source, line, &inputs);
        source.text = text;
        if (script_compile(&cx, &keep, &source, &script) == OK)
            call_twice(&cx, script, inputs);
    }
    cx_close(&cx);
    arena_free(&keep);
    return 0;
}
