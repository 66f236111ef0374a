/*
 * library.c - what a script finds: of Lua's own library only what is bounded, deterministic and
 * leads nowhere; the rest is replaced.
 *
 * Absent, with the reason: setmetatable, getmetatable and the raw functions (metamethods run
 * outside of what a reader of a strategy sees; __gc and __close run when nobody looks), coroutines
 * (each has a hook of its own), xpcall (no hook in a handler), next (its order is the hash seed's),
 * load, require, io, os, debug, print, collectgarbage; of math what libm rounds as it likes (sin,
 * exp, log).
 */
#include <string.h>

#include "kernel/script/script_priv.h"

static int refuse_write(lua_State *lua)
{
    return luaL_error(lua, "the library is read-only");
}

void library_seal(lua_State *lua)
{
    lua_createtable(lua, 0, 0);
    lua_createtable(lua, 0, 2);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_write);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
    lua_remove(lua, -2);
}

/* Copy names from the table below the top to the table on top. */
static void take_from(lua_State *lua, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(lua, -2, *names);
        lua_setfield(lua, -2, *names);
    }
}

/* ---- Base ---- */

/* No pcall catches the end of a call; see state.c. */
static int protected_call(lua_State *lua)
{
    int status;

    luaL_checkany(lua, 1);
    lua_pushboolean(lua, 1);
    lua_insert(lua, 1);
    status = lua_pcall(lua, lua_gettop(lua) - 2, LUA_MULTRET, 0);
    if (state_of(lua)->spent != SCRIPT_FINE)
        return state_raise_spent(lua);
    if (status == LUA_OK)
        return lua_gettop(lua);
    lua_pushboolean(lua, 0);
    lua_insert(lua, -2);
    return 2;
}

/* Lua's own shows addresses. */
int library_tostring(lua_State *lua)
{
    luaL_checkany(lua, 1);
    switch (lua_type(lua, 1)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING:
        luaL_tolstring(lua, 1, NULL);
        return 1;
    default:
        lua_pushstring(lua, luaL_typename(lua, 1));
        return 1;
    }
}

static void open_base(lua_State *lua)
{
    static const char *const names[] = {"assert",   "error", "ipairs", "select",
                                        "tonumber", "type",  NULL};

    lua_pushcfunction(lua, luaopen_base);
    lua_call(lua, 0, 1);
    lua_createtable(lua, 0, 16);
    take_from(lua, names);
    lua_remove(lua, -2);
    lua_pushcfunction(lua, protected_call);
    lua_setfield(lua, -2, "pcall");
    lua_pushcfunction(lua, library_tostring);
    lua_setfield(lua, -2, "tostring");
}

/* ---- Mathematics ---- */

/* As Lua's: () in [0,1); (n) in 1..n; (m, n) in m..n; the numbers come from the call's cx. */
static int random_number(lua_State *lua)
{
    struct state *state = state_of(lua);
    lua_Integer low = 1, high;
    uint64_t drawn;

    if (lua_gettop(lua) == 0) {
        lua_pushnumber(lua, (double)state_random(state, UINT64_C(1) << 53) * 0x1p-53);
        return 1;
    }
    high = luaL_checkinteger(lua, 1);
    if (lua_gettop(lua) > 1) {
        low = high;
        high = luaL_checkinteger(lua, 2);
    }
    luaL_argcheck(lua, low <= high, lua_gettop(lua), "interval is empty");
    luaL_argcheck(lua, (uint64_t)high - (uint64_t)low < (uint64_t)INT64_MAX, lua_gettop(lua),
                  "interval is too large");
    drawn = (uint64_t)low + state_random(state, (uint64_t)high - (uint64_t)low + 1);
    lua_pushinteger(lua, (lua_Integer)drawn);
    return 1;
}

void library_math(lua_State *lua)
{
    static const char *const names[] = {"abs",        "ceil", "floor",      "fmod", "huge", "max",
                                        "maxinteger", "min",  "mininteger", "modf", "pi",   "sqrt",
                                        "tointeger",  "type", "ult",        NULL};

    lua_pushcfunction(lua, luaopen_math);
    lua_call(lua, 0, 1);
    lua_createtable(lua, 0, 16);
    take_from(lua, names);
    lua_remove(lua, -2);
    lua_pushcfunction(lua, random_number);
    lua_setfield(lua, -2, "random");
}

/* ---- All ---- */

void library_open(lua_State *lua)
{
    open_base(lua);
    library_math(lua);
    library_seal(lua);
    lua_setfield(lua, -2, "math");
    library_string(lua);
    library_seal(lua);
    lua_pushliteral(lua, ""); /* All texts share a metatable: s:upper(). */
    lua_createtable(lua, 0, 1);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
    lua_pop(lua, 1);
    lua_setfield(lua, -2, "string");
    library_table(lua); /* Adds pairs to the globals below. */
    library_seal(lua);
    lua_setfield(lua, -2, "table");
}
