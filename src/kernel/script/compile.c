/*
 * compile.c - source to bytecode, once; then the tests stored beside it.
 */
#include <stdatomic.h>
#include <string.h>

#include "kernel/script/script_priv.h"

static int load_protected(lua_State *lua)
{
    const struct script_source *source = lua_touserdata(lua, 1);

    if (luaL_loadbufferx(lua, source->text.ptr, source->text.len, "=line", "t") != LUA_OK)
        return lua_error(lua);
    return 1;
}

static int count_bytes(lua_State *lua, const void *bytes, size_t size, void *context)
{
    (void)lua, (void)bytes;
    *(size_t *)context += size;
    return 0;
}

static int copy_bytes(lua_State *lua, const void *bytes, size_t size, void *context)
{
    char **to = context;

    (void)lua;
    memcpy(*to, bytes, size);
    *to += size;
    return 0;
}

/* The function on top as bytecode, with its lines for messages.  lua_dump raises nothing. */
static bool dump(struct state *state, struct arena *keep, struct str *out)
{
    size_t size = 0;
    char *code, *to;

    lua_dump(state->lua, count_bytes, &size, 0);
    code = arena_try(keep, size);
    if (!code)
        return false;
    to = code;
    lua_dump(state->lua, copy_bytes, &to, 0);
    *out = (struct str){code, size};
    return true;
}

static enum err refuse_source(struct cx *cx, const struct state *state, const char *why)
{
    if (state->spent == SCRIPT_MEMORY)
        return fail_at(cx, ERR_UNPROCESSABLE, "script_too_large", "/source",
                       "needs more than %d bytes to compile, or has a text of more than %d",
                       STATE_COMPILE_BYTES_MAX, SCRIPT_TEXT_LEN_MAX);
    return fail_at(cx, ERR_UNPROCESSABLE, "script_syntax", "/source", "%s", why);
}

static enum err compile_source(struct cx *cx, struct arena *keep,
                               const struct script_source *source, struct str *code)
{
    struct state *state = state_bare();
    enum err err = OK;
    bool fits = true;

    if (!state)
        return fail(cx, ERR_BUSY, "out_of_memory", "no memory for a Lua state: try again");
    state->used_max = STATE_COMPILE_BYTES_MAX;
    lua_pushcfunction(state->lua, load_protected);
    lua_pushlightuserdata(state->lua, (void *)source);
    if (lua_pcall(state->lua, 1, 1, 0) == LUA_OK)
        fits = dump(state, keep, code);
    else
        err = refuse_source(cx, state,
                            lua_type(state->lua, -1) == LUA_TSTRING ? lua_tostring(state->lua, -1)
                                                                    : "cannot be read");
    state->used_max = SIZE_MAX;
    state_close(state);
    if (!fits)
        arena_alloc(keep, keep->budget_bytes + 1); /* Ends the unit of work, now without Lua. */
    return err;
}

enum err script_compile_untested(struct cx *cx, struct arena *keep,
                                 const struct script_source *source, const struct script **out)
{
    static atomic_uint_fast64_t next_id = 1;
    struct script *script;
    struct str code;

    if (source->text.len > SCRIPT_SOURCE_LEN_MAX)
        return fail_at(cx, ERR_UNPROCESSABLE, "script_too_large", "/source",
                       "is longer than %d bytes", SCRIPT_SOURCE_LEN_MAX);
    TRY(compile_source(cx, keep, source, &code));
    script = arena_alloc(keep, sizeof(*script));
    *script = (struct script){
        .name = script_text_copy(keep, source->name),
        .id = atomic_fetch_add(&next_id, 1),
        .version = str_hash(source->text, 0),
        .code = code,
        .inputs = script_fields_copy(keep, &source->inputs),
        .outputs = script_fields_copy(keep, &source->outputs),
        .fallback = script_values_copy(keep, source->fallback, source->outputs.count)};
    *out = script;
    return OK;
}

bool script_test_run(struct cx *cx, const struct script *script, const struct script_test *test,
                     struct str *why)
{
    struct run run = {.inputs = test->inputs};
    uint64_t seed = test->seed;
    struct str expected, got, error;

    if (script_run(cx, script, &run, &seed, &error) != SCRIPT_FINE) {
        *why = cx_printf(cx, "it failed: " STR_FMT, STR_ARG(error));
        return false;
    }
    expected = script_values_json(cx, &script->outputs, test->outputs);
    got = script_values_json(cx, &script->outputs, run.outputs);
    if (str_eq(expected, got))
        return true;
    *why = cx_printf(cx, "expected " STR_FMT ", got " STR_FMT, STR_ARG(expected), STR_ARG(got));
    return false;
}

enum err script_compile(struct cx *cx, struct arena *keep, const struct script_source *source,
                        const struct script **out)
{
    struct str why;

    TRY(script_compile_untested(cx, keep, source, out));
    for (size_t k = 0; k < source->test_count; k++)
        if (!script_test_run(cx, *out, &source->tests[k], &why))
            return fail_at(cx, ERR_UNPROCESSABLE, "script_test_failed",
                           cx_printf(cx, "/tests/%zu", k).ptr, "test \"" STR_FMT "\": " STR_FMT,
                           STR_ARG(source->tests[k].name), STR_ARG(why));
    return OK;
}

const struct script_fields *script_inputs(const struct script *script)
{
    return &script->inputs;
}

const struct script_fields *script_outputs(const struct script *script)
{
    return &script->outputs;
}

struct str script_name(const struct script *script)
{
    return script->name;
}
