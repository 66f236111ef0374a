/*
 * call.c - one call: a state from the pool, inputs in, the function, outputs out.
 *
 * Lua's errors are longjmps to run_protected's lua_pcall and cross no frame of the arena; the
 * arena's unwind is only taken when the state is back in the pool.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/script/script_priv.h"

static void forget(struct state *state, int at)
{
    if (state->scripts[at].id == 0)
        return;
    state->scripts[at].id = 0;
    luaL_unref(state->lua, LUA_REGISTRYINDEX, state->scripts[at].code);
    luaL_unref(state->lua, LUA_REGISTRYINDEX, state->scripts[at].names);
}

/* The table of the names of inputs and outputs, on top. */
static void push_names(lua_State *lua, const struct script *script)
{
    const struct script_fields *both[] = {&script->inputs, &script->outputs};
    lua_Integer n = 0;

    lua_createtable(lua, (int)(script->inputs.count + script->outputs.count), 0);
    for (size_t part = 0; part < 2; part++)
        for (size_t k = 0; k < both[part]->count; k++) {
            const struct str *name = &both[part]->items[k].name;

            lua_pushlstring(lua, name->ptr, name->len);
            lua_rawseti(lua, -2, ++n);
        }
}

/* Where the state has the script, loading it when it has not. */
static int load(lua_State *lua, const struct script *script)
{
    struct state *state = state_of(lua);
    int at;

    for (at = 0; at < STATE_SCRIPTS_MAX; at++)
        if (state->scripts[at].id == script->id)
            return at;
    at = state->evict;
    state->evict = (at + 1) % STATE_SCRIPTS_MAX;
    forget(state, at);
    if (luaL_loadbufferx(lua, script->code.ptr, script->code.len, "=line", "b") != LUA_OK)
        lua_error(lua);
    state->scripts[at].code = luaL_ref(lua, LUA_REGISTRYINDEX);
    state->scripts[at].names = LUA_NOREF;
    push_names(lua, script);
    state->scripts[at].names = luaL_ref(lua, LUA_REGISTRYINDEX);
    state->scripts[at].id = script->id;
    return at;
}

/* Push a fresh table of globals: `input` in it, the libraries behind it. */
static void push_globals(lua_State *lua, const struct run *run, int names)
{
    lua_createtable(lua, 0, 1);
    values_push(lua, run, names);
    lua_setfield(lua, -2, "input");
    lua_rawgetp(lua, LUA_REGISTRYINDEX, run->state);
    lua_setmetatable(lua, -2);
}

enum { AT_NAMES = 1, AT_CODE = 2 };

static int run_protected(lua_State *lua)
{
    struct run *run = lua_touserdata(lua, 1);
    struct state *state = run->state;
    int at = load(lua, run->script);

    lua_rawgeti(lua, LUA_REGISTRYINDEX, state->scripts[at].names);
    lua_replace(lua, AT_NAMES);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, state->scripts[at].code);
    state_begin(state, run->cx, state->seed);
    push_globals(lua, run, AT_NAMES);
    lua_setupvalue(lua, AT_CODE, 1);
    lua_call(lua, 0, 1);
    run->bad_output = !values_pull(lua, run, AT_NAMES);
    return 0;
}

/* What went wrong, as text in buffer.  Only reads: this runs outside of any lua_pcall. */
static enum script_failure judge(const struct run *run, int status, char *buffer, size_t size)
{
    const struct state *state = run->state;
    bool text = status != LUA_OK && lua_type(state->lua, -1) == LUA_TSTRING;

    if (state->spent == SCRIPT_SPENT)
        snprintf(buffer, size, "it needs more than %d units of work: a loop that does not end?",
                 SCRIPT_WORK_MAX);
    else if (state->spent == SCRIPT_MEMORY)
        snprintf(buffer, size, "it needs more than %d bytes, or a text of more than %d",
                 SCRIPT_MEMORY_BYTES_MAX, SCRIPT_TEXT_LEN_MAX);
    else if (status == LUA_OK && run->bad_output)
        snprintf(buffer, size, "its outputs are not as declared: %s %s", run->complaint.pointer,
                 run->complaint.what);
    else if (status != LUA_OK)
        snprintf(buffer, size, "%s", text ? lua_tostring(state->lua, -1) : "an error without text");
    if (state->spent != SCRIPT_FINE)
        return state->spent;
    if (status == LUA_ERRMEM)
        return SCRIPT_STARVED;
    if (status != LUA_OK)
        return SCRIPT_RAISED;
    return run->bad_output ? SCRIPT_OUTPUT : SCRIPT_FINE;
}

enum script_failure script_run(struct cx *cx, const struct script *script, struct run *run,
                               uint64_t *seed, struct str *error)
{
    char why[SCRIPT_ERROR_LEN_MAX + PROBLEM_POINTER_LEN_MAX + 64] = "";
    enum script_failure failure;
    int status;

    run->cx = cx;
    run->script = script;
    run->state = state_take();
    if (!run->state) {
        *error = STR("the process has no memory for a Lua state");
        return SCRIPT_STARVED;
    }
    run->state->seed = seed;
    lua_pushcfunction(run->state->lua, run_protected);
    lua_pushlightuserdata(run->state->lua, run);
    status = lua_pcall(run->state->lua, 1, 0, 0);
    failure = judge(run, status, why, sizeof(why));
    state_end(run->state);
    state_give(run->state);
    run->state = NULL;
    if (run->starved)
        arena_alloc(&cx->arena, cx->arena.budget_bytes + 1); /* Ends the unit of work. */
    if (failure != SCRIPT_FINE)
        *error = cx_printf(cx, "%.*s", SCRIPT_ERROR_LEN_MAX - 1, why);
    return failure;
}

static void use_fallback(const struct script *script, enum script_failure failure, struct str error,
                         struct script_answer *out)
{
    *out = (struct script_answer){script->fallback, failure, error};
}

enum err script_call(struct cx *cx, const struct script *script, const struct script_value *inputs,
                     struct script_answer *out)
{
    struct script_complaint complaint = {.code = NULL};
    struct run run = {.inputs = inputs};
    enum script_failure failure;
    struct str error = {NULL, 0};

    if (!script_values_check(&script->inputs, inputs, &complaint))
        return fail_at(cx, ERR_BAD_INPUT, "script_input", complaint.pointer,
                       "the input of " STR_FMT " %s", STR_ARG(script->name), complaint.what);
    health_called(script);
    if (health_is_off(script)) {
        use_fallback(script, SCRIPT_OFF, STR("it is switched off: it failed too often"), out);
        return OK;
    }
    failure = script_run(cx, script, &run, NULL, &error);
    if (failure == SCRIPT_FINE) {
        *out = (struct script_answer){run.outputs, SCRIPT_FINE, error};
        return OK;
    }
    health_failed(cx, script, failure, error);
    use_fallback(script, failure, error, out);
    return OK;
}
