/*
 * values.c - typed values into Lua and out of it.  All of it runs below a Lua frame.
 */
#include <string.h>

#include "kernel/script/script_priv.h"

/* ---- In ---- */

static void push_value(lua_State *lua, const struct script_field *field,
                       const struct script_value *value);

static void push_text(lua_State *lua, struct str text)
{
    lua_pushlstring(lua, text.ptr ? text.ptr : "", text.len);
}

static void push_nested(lua_State *lua, const struct script_field *field,
                        const struct script_value *value)
{
    int count = (int)value->list.count;

    lua_createtable(lua, field->type == SCRIPT_LIST ? count : 0,
                    field->type == SCRIPT_LIST ? 0 : count);
    for (int k = 0; k < count; k++) {
        const struct script_value *item = &value->list.items[k];

        if (item->type == SCRIPT_ABSENT)
            continue;
        if (field->type == SCRIPT_LIST) {
            push_value(lua, field->item, item);
            lua_rawseti(lua, -2, k + 1);
            continue;
        }
        push_text(lua, field->type == SCRIPT_MAP ? value->list.keys[k] : field->fields[k].name);
        push_value(lua, field->type == SCRIPT_MAP ? field->item : &field->fields[k], item);
        lua_rawset(lua, -3);
    }
}

static void push_value(lua_State *lua, const struct script_field *field,
                       const struct script_value *value)
{
    switch (value->type) {
    case SCRIPT_BOOL:
        lua_pushboolean(lua, value->boolean);
        break;
    case SCRIPT_INT:
        lua_pushinteger(lua, value->integer);
        break;
    case SCRIPT_DOUBLE:
        lua_pushnumber(lua, value->number);
        break;
    case SCRIPT_TEXT:
        push_text(lua, value->text);
        break;
    case SCRIPT_ABSENT:
        lua_pushnil(lua);
        break;
    default:
        push_nested(lua, field, value);
    }
}

/* Stack of the deepest value: a table, a key and a value for each level, and some. */
enum { STACK_SLOTS = 4 * (SCRIPT_TYPE_DEPTH_MAX + 2) };

void values_push(lua_State *lua, const struct run *run, int names)
{
    const struct script_fields *fields = &run->script->inputs;

    luaL_checkstack(lua, STACK_SLOTS, NULL);
    lua_createtable(lua, 0, (int)fields->count);
    for (size_t k = 0; k < fields->count; k++) {
        if (run->inputs[k].type == SCRIPT_ABSENT)
            continue;
        lua_rawgeti(lua, names, (lua_Integer)k + 1);
        push_value(lua, &fields->items[k], &run->inputs[k]);
        lua_rawset(lua, -3);
    }
}

/* ---- Out ---- */

static bool pull_value(lua_State *lua, struct run *run, const struct script_field *field,
                       const struct script_at *at, struct script_value *out);

static void *room(struct run *run, size_t size)
{
    void *to = arena_try(&run->cx->arena, size);

    run->starved = run->starved || !to;
    return to;
}

static bool wrong_type(lua_State *lua, struct run *run, const struct script_field *field,
                       const struct script_at *at)
{
    return script_complain(&run->complaint, at, "wrong_type", "is a %s; a %s is declared",
                           luaL_typename(lua, -1), script_type_name(field->type));
}

static bool pull_text(lua_State *lua, struct run *run, struct str *out)
{
    size_t len;
    const char *text = lua_tolstring(lua, -1, &len);
    char *to = room(run, len + 1);

    if (!to)
        return false;
    memcpy(to, text, len);
    *out = (struct str){to, len};
    return true;
}

/* Members of the table on top.  A list with holes is refused: where it ends would depend on how Lua
 * keeps it. */
static size_t count_members(lua_State *lua)
{
    size_t n = 0;

    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1))
        n++;
    return n;
}

static bool make_items(struct run *run, const struct script_field *field, size_t count,
                       const struct script_at *at, struct script_value *out)
{
    if (count > SCRIPT_ITEMS_MAX)
        return script_complain(&run->complaint, at, "out_of_range", "has more than %d items",
                               SCRIPT_ITEMS_MAX);
    out->list.count = count;
    out->list.items = room(run, sizeof(struct script_value) * count);
    out->list.keys = field->type == SCRIPT_MAP ? room(run, sizeof(struct str) * count) : NULL;
    return !run->starved;
}

static bool pull_list(lua_State *lua, struct run *run, const struct script_field *field,
                      const struct script_at *at, struct script_value *out)
{
    size_t count = count_members(lua);
    struct script_at item = {.up = at};

    if (!make_items(run, field, count, at, out))
        return false;
    for (; item.index < count; item.index++) {
        bool good = lua_rawgeti(lua, -1, (lua_Integer)item.index + 1) != LUA_TNIL;

        good = good && pull_value(lua, run, field->item, &item, &out->list.items[item.index]);
        lua_pop(lua, 1);
        if (!good && !run->starved)
            return script_complain(&run->complaint, &item, "required",
                                   "is missing: the keys of a list are 1 to its length");
        if (!good)
            return false;
    }
    return true;
}

static bool pull_map(lua_State *lua, struct run *run, const struct script_field *field,
                     const struct script_at *at, struct script_value *out)
{
    struct script_at item = {.up = at};
    size_t k = 0;

    if (!make_items(run, field, count_members(lua), at, out))
        return false;
    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1), k++) {
        if (lua_type(lua, -2) != LUA_TSTRING)
            return script_complain(&run->complaint, at, "wrong_type",
                                   "has a key that is a %s; keys of a map are texts",
                                   lua_typename(lua, lua_type(lua, -2)));
        lua_pushvalue(lua, -2);
        if (!pull_text(lua, run, &out->list.keys[k]))
            return false;
        lua_pop(lua, 1);
        item.name = out->list.keys[k];
        if (!pull_value(lua, run, field->item, &item, &out->list.items[k]))
            return false;
    }
    script_map_sort(out->list.keys, out->list.items, k);
    return true;
}

static bool declared(const struct script_fields *fields, struct str name)
{
    for (size_t k = 0; k < fields->count; k++)
        if (str_eq(fields->items[k].name, name))
            return true;
    return false;
}

/* Name the first undeclared member by bytes, so that the message is always the same. */
static bool undeclared(lua_State *lua, struct run *run, const struct script_fields *fields,
                       const struct script_at *up)
{
    struct script_at at = {.up = up};
    struct str key;

    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1)) {
        if (lua_type(lua, -2) != LUA_TSTRING)
            continue;
        key.ptr = lua_tolstring(lua, -2, &key.len);
        if (!declared(fields, key) && (!at.name.ptr || str_cmp(key, at.name) < 0))
            at.name = key;
    }
    if (!at.name.ptr)
        return script_complain(&run->complaint, up, "unknown_field",
                               "has keys that are no texts: members have names");
    return script_complain(&run->complaint, &at, "unknown_field", "is not declared");
}

/* names: 0, or where the table of names is; those of outputs follow those of inputs. */
static bool pull_members(lua_State *lua, struct run *run, const struct script_fields *fields,
                         const struct script_at *up, int names, struct script_value *out)
{
    size_t found = 0;

    for (size_t k = 0; k < fields->count; k++) {
        struct script_at at = {.up = up, .name = fields->items[k].name};
        bool good = true;

        if (names)
            lua_rawgeti(lua, names, (lua_Integer)(run->script->inputs.count + k) + 1);
        else
            push_text(lua, fields->items[k].name);
        if (lua_rawget(lua, -2) != LUA_TNIL) {
            found++;
            good = pull_value(lua, run, &fields->items[k], &at, &out[k]);
        }
        lua_pop(lua, 1);
        if (!good)
            return false;
    }
    return count_members(lua) == found || undeclared(lua, run, fields, up);
}

static bool pull_nested(lua_State *lua, struct run *run, const struct script_field *field,
                        const struct script_at *at, struct script_value *out)
{
    struct script_fields members = {field->fields, field->field_count};

    if (!lua_istable(lua, -1))
        return wrong_type(lua, run, field, at);
    out->type = field->type;
    if (field->type == SCRIPT_LIST)
        return pull_list(lua, run, field, at, out);
    if (field->type == SCRIPT_MAP)
        return pull_map(lua, run, field, at, out);
    return make_items(run, field, field->field_count, at, out) &&
           pull_members(lua, run, &members, at, 0, out->list.items);
}

static bool pull_value(lua_State *lua, struct run *run, const struct script_field *field,
                       const struct script_at *at, struct script_value *out)
{
    int type = lua_type(lua, -1), exact = 1;

    if (field->type >= SCRIPT_LIST)
        return pull_nested(lua, run, field, at, out);
    if (field->type == SCRIPT_BOOL && type == LUA_TBOOLEAN) {
        out->boolean = lua_toboolean(lua, -1);
    } else if (field->type == SCRIPT_INT && type == LUA_TNUMBER) {
        out->integer = lua_tointegerx(lua, -1, &exact);
    } else if (field->type == SCRIPT_DOUBLE && type == LUA_TNUMBER) {
        out->number = lua_tonumber(lua, -1);
    } else if (field->type == SCRIPT_TEXT && type == LUA_TSTRING) {
        if (!pull_text(lua, run, &out->text))
            return false;
    } else {
        return wrong_type(lua, run, field, at);
    }
    if (!exact)
        return script_complain(&run->complaint, at, "wrong_type",
                               "is a number with a fraction; an int is declared: math.floor");
    out->type = field->type;
    return true;
}

bool values_pull(lua_State *lua, struct run *run, int names)
{
    luaL_checkstack(lua, STACK_SLOTS, NULL);
    run->outputs = room(run, sizeof(struct script_value) * run->script->outputs.count);
    if (run->starved)
        return false;
    if (!lua_istable(lua, -1))
        return script_complain(&run->complaint, NULL, "wrong_type",
                               "the script returned a %s: return a table of its outputs",
                               luaL_typename(lua, -1));
    return pull_members(lua, run, &run->script->outputs, NULL, names, run->outputs) &&
           script_values_check(&run->script->outputs, run->outputs, &run->complaint);
}
