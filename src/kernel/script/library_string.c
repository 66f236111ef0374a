/*
 * library_string.c - texts: no patterns, plain replacements that take time in proportion to their
 * arguments and charge for it.
 *
 * Beside Lua's len, sub, upper, lower, rep, byte, char, format: find(s, plain, from), split(s,
 * separator), replace(s, plain, by), starts_with, ends_with, trim.
 */
#define _GNU_SOURCE /* memmem */
#include <ctype.h>
#include <string.h>

#include "kernel/script/script_priv.h"

enum {
    BYTES_PER_WORK = 16,  /* Copying or searching so many costs what an instruction costs. */
    FORMAT_DIGITS_MAX = 2 /* Of a width or precision. */
};

static struct str text_arg(lua_State *lua, int arg)
{
    struct str s;

    s.ptr = luaL_checklstring(lua, arg, &s.len);
    state_charge(lua, s.len / BYTES_PER_WORK);
    return s;
}

static void bound(lua_State *lua, size_t len)
{
    if (len > SCRIPT_TEXT_LEN_MAX)
        luaL_error(lua, "a text is at most %d bytes", SCRIPT_TEXT_LEN_MAX);
    state_charge(lua, len / BYTES_PER_WORK);
}

static int string_case(lua_State *lua, char first, char last)
{
    struct str s = text_arg(lua, 1);
    luaL_Buffer out;
    char *to = luaL_buffinitsize(lua, &out, s.len);

    for (size_t k = 0; k < s.len; k++)
        to[k] = (char)(s.ptr[k] >= first && s.ptr[k] <= last ? s.ptr[k] ^ 0x20 : s.ptr[k]);
    luaL_pushresultsize(&out, s.len);
    return 1;
}

static int string_upper(lua_State *lua)
{
    return string_case(lua, 'a', 'z');
}

static int string_lower(lua_State *lua)
{
    return string_case(lua, 'A', 'Z');
}

static int string_rep(lua_State *lua)
{
    struct str s = text_arg(lua, 1), separator = {"", 0};
    lua_Integer times = luaL_checkinteger(lua, 2);
    luaL_Buffer out;

    if (!lua_isnoneornil(lua, 3))
        separator = text_arg(lua, 3);
    if (times < 0)
        times = 0;
    if (times > SCRIPT_TEXT_LEN_MAX)
        bound(lua, SCRIPT_TEXT_LEN_MAX + 1);
    bound(lua, (s.len + separator.len) * (size_t)times);
    state_charge(lua, (size_t)times);
    luaL_buffinitsize(lua, &out, (s.len + separator.len) * (size_t)times);
    for (lua_Integer k = 0; k < times; k++) {
        luaL_addlstring(&out, s.ptr, s.len);
        if (k + 1 < times)
            luaL_addlstring(&out, separator.ptr, separator.len);
    }
    luaL_pushresult(&out);
    return 1;
}

/* One byte as a number; nil beyond the end. */
static int string_byte(lua_State *lua)
{
    size_t len;
    const char *s = luaL_checklstring(lua, 1, &len);
    lua_Integer at = luaL_optinteger(lua, 2, 1);

    if (at < 0)
        at += (lua_Integer)len + 1;
    if (at < 1 || at > (lua_Integer)len)
        return 0;
    lua_pushinteger(lua, (unsigned char)s[at - 1]);
    return 1;
}

/* ---- Plain search ---- */

static const char *search(struct str in, size_t from, struct str plain)
{
    return memmem(in.ptr + from, in.len - from, plain.ptr, plain.len);
}

static int string_find(lua_State *lua)
{
    struct str s = text_arg(lua, 1), plain = text_arg(lua, 2);
    lua_Integer from = luaL_optinteger(lua, 3, 1);
    const char *found;

    if (from < 0)
        from += (lua_Integer)s.len + 1;
    if (from < 1)
        from = 1;
    found = from - 1 > (lua_Integer)s.len ? NULL : search(s, (size_t)from - 1, plain);
    if (!found) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, found - s.ptr + 1);
    lua_pushinteger(lua, found - s.ptr + (lua_Integer)plain.len);
    return 2;
}

static int string_split(lua_State *lua)
{
    struct str s = text_arg(lua, 1), separator = text_arg(lua, 2);
    const char *found;
    size_t from = 0;
    lua_Integer n = 0;

    luaL_argcheck(lua, separator.len > 0, 2, "must not be empty");
    lua_createtable(lua, 0, 0);
    while ((found = search(s, from, separator))) {
        state_charge(lua, 4);
        lua_pushlstring(lua, s.ptr + from, (size_t)(found - s.ptr) - from);
        lua_rawseti(lua, -2, ++n);
        from = (size_t)(found - s.ptr) + separator.len;
    }
    lua_pushlstring(lua, s.ptr + from, s.len - from);
    lua_rawseti(lua, -2, ++n);
    return 1;
}

static int string_replace(lua_State *lua)
{
    struct str s = text_arg(lua, 1), plain = text_arg(lua, 2), by = text_arg(lua, 3);
    size_t from = 0, total = s.len;
    const char *found;
    luaL_Buffer out;

    luaL_argcheck(lua, plain.len > 0, 2, "must not be empty");
    luaL_buffinit(lua, &out);
    while ((found = search(s, from, plain))) {
        state_charge(lua, 4 + by.len / BYTES_PER_WORK);
        total = total - plain.len + by.len;
        if (total > SCRIPT_TEXT_LEN_MAX)
            bound(lua, total); /* Raises. */
        luaL_addlstring(&out, s.ptr + from, (size_t)(found - s.ptr) - from);
        luaL_addlstring(&out, by.ptr, by.len);
        from = (size_t)(found - s.ptr) + plain.len;
    }
    luaL_addlstring(&out, s.ptr + from, s.len - from);
    luaL_pushresult(&out);
    return 1;
}

static int string_starts_with(lua_State *lua)
{
    struct str s = text_arg(lua, 1), with = text_arg(lua, 2);

    lua_pushboolean(lua, str_starts(s, with));
    return 1;
}

static int string_ends_with(lua_State *lua)
{
    struct str s = text_arg(lua, 1), with = text_arg(lua, 2);

    lua_pushboolean(lua,
                    s.len >= with.len && memcmp(s.ptr + s.len - with.len, with.ptr, with.len) == 0);
    return 1;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int string_trim(lua_State *lua)
{
    struct str s = text_arg(lua, 1);

    while (s.len > 0 && blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len > 0 && blank(s.ptr[s.len - 1]))
        s.len--;
    lua_pushlstring(lua, s.ptr, s.len);
    return 1;
}

/* ---- format: Lua's own, once the format was found harmless ---- */

static size_t digits(const char *at)
{
    size_t n = 0;

    while (isdigit((unsigned char)at[n]))
        n++;
    return n;
}

/* The conversion of a specification after its %, or NULL when it asks for what is not given. */
static const char *conversion(const char *at)
{
    size_t width, precision = 0;

    at += strspn(at, "-+ #0");
    at += width = digits(at);
    if (*at == '.')
        at += 1 + (precision = digits(at + 1));
    if (width > FORMAT_DIGITS_MAX || precision > FORMAT_DIGITS_MAX)
        return NULL;
    return *at != '\0' && strchr("diucxXoeEfgGs", *at) ? at : NULL;
}

static int string_format(lua_State *lua)
{
    static const char conversions[] =
        "use %d %i %u %c %x %X %o %e %E %f %g %G %s, with a width and "
        "a precision of at most 99";
    struct str format = text_arg(lua, 1);
    int arg = 1;

    if (memchr(format.ptr, 0, format.len))
        return luaL_error(lua, "format: contains a zero byte");
    for (const char *at = format.ptr; (at = strchr(at, '%')); at++) {
        if (*++at == '%')
            continue;
        at = conversion(at);
        if (!at)
            return luaL_error(lua, "format: %s", conversions);
        luaL_checkany(lua, ++arg);
        if (*at != 's')
            continue;
        lua_pushcfunction(lua, library_tostring);
        lua_pushvalue(lua, arg);
        lua_call(lua, 1, 1);
        bound(lua, lua_rawlen(lua, -1));
        lua_replace(lua, arg);
    }
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, 1);
    return 1;
}

void library_string(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"byte", string_byte},
                                         {"ends_with", string_ends_with},
                                         {"find", string_find},
                                         {"lower", string_lower},
                                         {"rep", string_rep},
                                         {"replace", string_replace},
                                         {"split", string_split},
                                         {"starts_with", string_starts_with},
                                         {"trim", string_trim},
                                         {"upper", string_upper},
                                         {NULL, NULL}};
    static const char *const taken[] = {"char", "len", "sub", NULL};

    luaL_newlib(lua, functions);
    lua_pushcfunction(lua, luaopen_string);
    lua_call(lua, 0, 1);
    for (const char *const *name = taken; *name; name++) {
        lua_getfield(lua, -1, *name);
        lua_setfield(lua, -3, *name);
    }
    lua_getfield(lua, -1, "format");
    lua_pushcclosure(lua, string_format, 1);
    lua_setfield(lua, -3, "format");
    lua_pop(lua, 1);
}
