/*
 * script.c - a strategy of six inputs through script_call, beside plain Lua that calls the same
 * function with the same inputs: no limits, no hook, no checks, no isolation.
 *
 *   script FILE.json
 *
 * FILE is a script with a test, whose input is used.  Both sides take turns; one line of JSON with
 * the medians over the rounds: ours_us, plain_us (of a call).
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel/script/script.h"

enum { ROUNDS = 31, CALLS = 20000, CX_BYTES_MAX = 4 << 20, FILE_BYTES_MAX = 1 << 16 };

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

static void die(const char *why)
{
    fprintf(stderr, "script: %s\n", why);
    exit(1);
}

static double ours(struct cx *cx, const struct script *script, const struct script_value *inputs)
{
    struct script_answer answer;
    double begin = now_us();

    for (int k = 0; k < CALLS; k++) {
        cx_reset(cx);
        if (script_call(cx, script, inputs, &answer) != OK || answer.failure != SCRIPT_FINE)
            die("the call failed");
    }
    return (now_us() - begin) / CALLS;
}

static void push(lua_State *lua, const struct script_value *value)
{
    if (value->type == SCRIPT_INT)
        lua_pushinteger(lua, value->integer);
    else
        lua_pushlstring(lua, value->text.ptr, value->text.len);
}

static double plain(lua_State *lua, const struct script_source *source)
{
    const struct script_value *inputs = source->tests[0].inputs;
    double begin = now_us();

    for (int k = 0; k < CALLS; k++) {
        lua_createtable(lua, 0, (int)source->inputs.count);
        for (size_t n = 0; n < source->inputs.count; n++) {
            push(lua, &inputs[n]);
            lua_setfield(lua, -2, source->inputs.items[n].name.ptr);
        }
        lua_setglobal(lua, "input");
        lua_pushvalue(lua, 1);
        if (lua_pcall(lua, 0, 1, 0) != LUA_OK)
            die(lua_tostring(lua, -1));
        lua_getfield(lua, -1, source->outputs.items[0].name.ptr);
        lua_getfield(lua, -2, source->outputs.items[1].name.ptr);
        if (!lua_isinteger(lua, -2) || !lua_isstring(lua, -1))
            die("plain Lua gave something else");
        lua_settop(lua, 1);
    }
    return (now_us() - begin) / CALLS;
}

int main(int argc, char **argv)
{
    static char text[FILE_BYTES_MAX];
    static double ours_us[ROUNDS], plain_us[ROUNDS];
    lua_State *lua = luaL_newstate();
    const struct script *script;
    struct script_source source;
    struct json document;
    struct cx cx, call;
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;

    if (!file)
        die("usage: script FILE.json");
    cx_open(&cx, env_system(), CX_BYTES_MAX);
    cx_open(&call, env_system(), CX_BYTES_MAX);
    if (json_parse(&cx, (struct str){text, fread(text, 1, sizeof(text), file)}, &document) != OK ||
        script_source_read(&cx, document, &source) != OK ||
        script_compile(&cx, &cx.arena, &source, &script) != OK)
        die(cx.problem.detail);
    luaL_openlibs(lua);
    if (luaL_loadbuffer(lua, source.text.ptr, source.text.len, "=line") != LUA_OK)
        die(lua_tostring(lua, -1));
    for (int k = 0; k < ROUNDS; k++) {
        ours_us[k] = ours(&call, script, source.tests[0].inputs);
        plain_us[k] = plain(lua, &source);
    }
    printf("{\"ours_us\":%.3f,\"plain_us\":%.3f}\n", median(ours_us), median(plain_us));
    fclose(file);
    lua_close(lua);
    cx_close(&call);
    cx_close(&cx);
    return 0;
}
