/*
 * library_table.c - tables: bounded, paid for by what is moved, in an order that hashing does not
 * decide.
 *
 * Only tables of the script itself are taken: one with a metatable is the library's or _ENV.
 */
#include <string.h>

#include "kernel/script/script_priv.h"

enum { UNPACK_MAX = 200 }; /* Lua's own C functions take no more results without complaint. */

static lua_Integer own_table(lua_State *lua, int arg)
{
    luaL_checktype(lua, arg, LUA_TTABLE);
    luaL_argcheck(lua, !lua_getmetatable(lua, arg), arg, "a table of the library");
    return (lua_Integer)lua_rawlen(lua, arg);
}

/* ---- Merge sort: stable, and safe whatever less says ---- */

typedef bool (*less_fn)(lua_State *lua); /* Is the value on top less than the one below? */

struct merge {
    int from, to; /* Indexes of tables. */
    less_fn less;
};

static void merge_runs(lua_State *lua, const struct merge *m, lua_Integer low, lua_Integer middle,
                       lua_Integer high)
{
    lua_Integer a = low, b = middle;

    for (lua_Integer k = low; k < high; k++) {
        bool second = a >= middle;

        if (!second && b < high) {
            lua_rawgeti(lua, m->from, a);
            lua_rawgeti(lua, m->from, b);
            second = m->less(lua);
            lua_pop(lua, 2);
        }
        lua_rawgeti(lua, m->from, second ? b++ : a++);
        lua_rawseti(lua, m->to, k);
    }
}

static void merge_sort(lua_State *lua, int list, lua_Integer n, less_fn less)
{
    struct merge m = {.from = list, .less = less};
    lua_Integer passes = 1;

    for (lua_Integer width = 1; width < n; width *= 2)
        passes++;
    state_charge(lua, (size_t)(n * passes));
    lua_createtable(lua, (int)n, 0);
    m.to = lua_gettop(lua);
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer low = 1; low <= n; low += 2 * width) {
            lua_Integer middle = low + width, high = middle + width;

            merge_runs(lua, &m, low, middle > n ? n + 1 : middle, high > n ? n + 1 : high);
        }
        m = (struct merge){.from = m.to, .to = m.from, .less = less};
    }
    for (lua_Integer k = 1; m.from != list && k <= n; k++) {
        lua_rawgeti(lua, m.from, k);
        lua_rawseti(lua, list, k);
    }
    lua_pop(lua, 1);
}

static bool less_default(lua_State *lua)
{
    return lua_compare(lua, -1, -2, LUA_OPLT) != 0;
}

/* The comparator is argument 2. */
static bool less_given(lua_State *lua)
{
    bool less;

    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, -2);
    lua_pushvalue(lua, -4);
    lua_call(lua, 2, 1);
    less = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return less;
}

static int table_sort(lua_State *lua)
{
    lua_Integer n = own_table(lua, 1);

    if (!lua_isnoneornil(lua, 2))
        luaL_checktype(lua, 2, LUA_TFUNCTION);
    lua_settop(lua, 2);
    luaL_argcheck(lua, n <= SCRIPT_ITEMS_MAX, 1, "too many items to sort");
    merge_sort(lua, 1, n, lua_isnil(lua, 2) ? less_default : less_given);
    return 0;
}

/* ---- pairs: numbers in their order, then texts by bytes, then false and true ---- */

static int key_rank(lua_State *lua, int at)
{
    switch (lua_type(lua, at)) {
    case LUA_TNUMBER:
        return 0;
    case LUA_TSTRING:
        return 1;
    default:
        return 2;
    }
}

static bool less_key(lua_State *lua)
{
    int rank = key_rank(lua, -1), other = key_rank(lua, -2);
    struct str a, b;

    if (rank != other)
        return rank < other;
    if (rank == 0)
        return lua_compare(lua, -1, -2, LUA_OPLT) != 0;
    if (rank == 2)
        return lua_toboolean(lua, -1) < lua_toboolean(lua, -2);
    a.ptr = lua_tolstring(lua, -1, &a.len);
    b.ptr = lua_tolstring(lua, -2, &b.len);
    return str_cmp(a, b) < 0;
}

/* Upvalues: the table, its keys in order, how many were seen. */
static int pairs_next(lua_State *lua)
{
    lua_Integer seen = lua_tointeger(lua, lua_upvalueindex(3));

    for (;;) {
        state_charge(lua, 1);
        if (lua_rawgeti(lua, lua_upvalueindex(2), ++seen) == LUA_TNIL)
            return 1;
        lua_pushvalue(lua, -1);
        if (lua_rawget(lua, lua_upvalueindex(1)) != LUA_TNIL)
            break;
        lua_pop(lua, 2); /* Removed since. */
    }
    lua_pushinteger(lua, seen);
    lua_replace(lua, lua_upvalueindex(3));
    return 2;
}

static int pairs(lua_State *lua)
{
    lua_Integer n = 0;

    own_table(lua, 1);
    lua_settop(lua, 1);
    lua_createtable(lua, 0, 0);
    for (lua_pushnil(lua); lua_next(lua, 1); n++) {
        int type = lua_type(lua, -2);

        if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN)
            return luaL_error(lua, "pairs: a %s as a key has no place in an order",
                              lua_typename(lua, type));
        lua_pop(lua, 1);
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, 2, n + 1);
    }
    merge_sort(lua, 2, n, less_key);
    lua_pushvalue(lua, 1);
    lua_pushvalue(lua, 2);
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, pairs_next, 3);
    return 1;
}

/* ---- The rest ---- */

static int table_insert(lua_State *lua)
{
    lua_Integer n = own_table(lua, 1) + 1, at = n;

    luaL_argcheck(lua, lua_gettop(lua) == 2 || lua_gettop(lua) == 3, 2,
                  "(list, value) or (list, position, value)");
    if (lua_gettop(lua) == 3) {
        at = luaL_checkinteger(lua, 2);
        luaL_argcheck(lua, at >= 1 && at <= n, 2, "position out of bounds");
    }
    state_charge(lua, (size_t)(n - at));
    for (lua_Integer k = n; k > at; k--) {
        lua_rawgeti(lua, 1, k - 1);
        lua_rawseti(lua, 1, k);
    }
    lua_pushvalue(lua, lua_gettop(lua));
    lua_rawseti(lua, 1, at);
    return 0;
}

static int table_remove(lua_State *lua)
{
    lua_Integer n = own_table(lua, 1), at = luaL_optinteger(lua, 2, n);

    if (n == 0 && at == 0)
        return 0;
    luaL_argcheck(lua, at >= 1 && at <= n + 1, 2, "position out of bounds");
    state_charge(lua, (size_t)(n + 1 - at));
    lua_rawgeti(lua, 1, at);
    for (lua_Integer k = at; k < n; k++) {
        lua_rawgeti(lua, 1, k + 1);
        lua_rawseti(lua, 1, k);
    }
    if (at <= n) {
        lua_pushnil(lua);
        lua_rawseti(lua, 1, n);
    }
    return 1;
}

/* How many from first to last; raises when that is more than most. */
static lua_Integer span(lua_State *lua, lua_Integer first, lua_Integer last, lua_Integer most)
{
    if (first > last)
        return 0;
    if ((uint64_t)last - (uint64_t)first >= (uint64_t)most)
        return luaL_error(lua, "too many items: at most %d at once", (int)most);
    state_charge(lua, (size_t)(last - first + 1));
    return last - first + 1;
}

static int table_concat(lua_State *lua)
{
    lua_Integer n = own_table(lua, 1), first = luaL_optinteger(lua, 3, 1);
    lua_Integer last = luaL_optinteger(lua, 4, n), count;
    size_t separator_len, total = 0;
    const char *separator = luaL_optlstring(lua, 2, "", &separator_len);
    luaL_Buffer out;

    count = span(lua, first, last, SCRIPT_ITEMS_MAX);
    luaL_buffinit(lua, &out);
    for (lua_Integer k = 0; k < count; k++) {
        if (k > 0)
            luaL_addlstring(&out, separator, separator_len);
        lua_rawgeti(lua, 1, first + k);
        if (!lua_isstring(lua, -1))
            return luaL_error(lua, "concat: item %d is a %s", (int)(first + k),
                              luaL_typename(lua, -1));
        total += separator_len + lua_rawlen(lua, -1);
        if (total > SCRIPT_TEXT_LEN_MAX)
            return luaL_error(lua, "a text is at most %d bytes", SCRIPT_TEXT_LEN_MAX);
        luaL_addvalue(&out);
    }
    state_charge(lua, total / 16);
    luaL_pushresult(&out);
    return 1;
}

static int table_unpack(lua_State *lua)
{
    lua_Integer n = own_table(lua, 1), first = luaL_optinteger(lua, 2, 1);
    lua_Integer count = span(lua, first, luaL_optinteger(lua, 3, n), UNPACK_MAX);

    luaL_checkstack(lua, (int)count, "too many items to unpack");
    for (lua_Integer k = 0; k < count; k++)
        lua_rawgeti(lua, 1, first + k);
    return (int)count;
}

static int table_pack(lua_State *lua)
{
    int n = lua_gettop(lua);

    state_charge(lua, (size_t)n);
    lua_createtable(lua, n, 1);
    lua_insert(lua, 1);
    for (int k = n; k >= 1; k--)
        lua_rawseti(lua, 1, k);
    lua_pushinteger(lua, n);
    lua_setfield(lua, 1, "n");
    return 1;
}

static int table_move(lua_State *lua)
{
    lua_Integer first = luaL_checkinteger(lua, 2), last = luaL_checkinteger(lua, 3);
    lua_Integer to = luaL_checkinteger(lua, 4), count;
    int into = lua_isnoneornil(lua, 5) ? 1 : 5;

    own_table(lua, 1);
    own_table(lua, into);
    count = span(lua, first, last, SCRIPT_ITEMS_MAX);
    luaL_argcheck(lua, to <= LUA_MAXINTEGER - count, 4, "destination wraps around");
    for (lua_Integer k = 0; k < count; k++) {
        /* Overlapping upwards: from the end. */
        lua_Integer at = into == 1 && to > first ? count - 1 - k : k;

        lua_rawgeti(lua, 1, first + at);
        lua_rawseti(lua, into, to + at);
    }
    lua_pushvalue(lua, into);
    return 1;
}

void library_table(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"concat", table_concat}, {"insert", table_insert},
                                         {"move", table_move},     {"pack", table_pack},
                                         {"remove", table_remove}, {"sort", table_sort},
                                         {"unpack", table_unpack}, {NULL, NULL}};

    lua_pushcfunction(lua, pairs);
    lua_setfield(lua, -2, "pairs");
    luaL_newlib(lua, functions);
}
