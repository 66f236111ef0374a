/*
 * scope.c - what a scope is, which ones there are, and what they cover.
 *
 * The known scopes are those that the tables of the modules name.
 */
#include <string.h>

#include "kernel/access/key.h"

enum { SCOPES_LISTED_MAX = 256 }; /* Of an area, or areas. */

/* ---- Form ---- */

static bool scope_word(struct str s)
{
    if (s.len == 0 || s.ptr[0] < 'a' || s.ptr[0] > 'z')
        return false;
    for (size_t k = 1; k < s.len; k++) {
        char c = s.ptr[k];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool scope_ok(struct str scope)
{
    struct str rest = scope, area;

    if (str_is(scope, "*"))
        return true;
    if (scope.len > KEY_SCOPE_LEN_MAX || !memchr(scope.ptr, ':', scope.len))
        return false;
    return str_cut(&rest, ':', &area) && scope_word(area) &&
           (str_is(rest, "*") || scope_word(rest));
}

/* ---- Which there are ---- */

/* A walk over all that the tables name, some of them more than once. */
struct walk {
    const struct module *const *module;
    const struct route *route;
    const struct scope *scope;
};

static struct walk walk_from(const struct platform *platform)
{
    const struct module *const *first = platform->modules;

    return (struct walk){first, *first ? (*first)->routes : NULL, *first ? (*first)->scopes : NULL};
}

/* The next scope; NULL at the end. */
static const char *walk_next(struct walk *walk)
{
    while (*walk->module) {
        for (; walk->route && walk->route->method; walk->route++)
            if (walk->route->scope)
                return (walk->route++)->scope;
        if (walk->scope && walk->scope->name)
            return (walk->scope++)->name;
        if (*++walk->module) {
            walk->route = (*walk->module)->routes;
            walk->scope = (*walk->module)->scopes;
        }
    }
    return NULL;
}

static bool known(const struct platform *platform, struct str scope)
{
    struct walk walk = walk_from(platform);
    const char *name;

    while ((name = walk_next(&walk)))
        if (scope_covers(scope, str_of(name)))
            return true;
    return false;
}

static struct str area_of(struct str scope)
{
    struct str area;

    (void)str_cut(&scope, ':', &area);
    return area;
}

static bool seen(const struct list *list, struct str text)
{
    for (size_t k = 0; k < list->count; k++)
        if (str_eq(*LIST_AT(*list, struct str, k), text))
            return true;
    return false;
}

/* The scopes of an area, or all areas when area is absent: each once, comma between. */
static struct str list_known(struct cx *cx, struct str area)
{
    struct walk walk = walk_from(cx->space->platform);
    struct list list = {CX_ARRAY(cx, struct str, SCOPES_LISTED_MAX), 0};
    struct str text = STR("");
    const char *name;

    while ((name = walk_next(&walk)) && list.count < SCOPES_LISTED_MAX) {
        struct str one = area.ptr ? str_of(name) : area_of(str_of(name));

        if ((area.ptr && !str_eq(area_of(one), area)) || seen(&list, one))
            continue;
        *LIST_AT(list, struct str, list.count++) = one;
        text =
            cx_printf(cx, STR_FMT "%s" STR_FMT, STR_ARG(text), text.len ? ", " : "", STR_ARG(one));
    }
    return text;
}

enum err scope_check(struct cx *cx, struct str scope, const char *pointer)
{
    struct str area, scopes;

    if (!scope_ok(scope))
        return fail_at(cx, ERR_BAD_INPUT, "bad_scope", pointer,
                       "a scope is AREA:RIGHT (\"order:write\"), AREA:* or *");
    if (known(cx->space->platform, scope))
        return OK;
    area = area_of(scope);
    scopes = list_known(cx, area);
    if (scopes.len == 0)
        return fail_at(cx, ERR_BAD_INPUT, "unknown_scope", pointer,
                       "there is no area " STR_FMT ": there are " STR_FMT, STR_ARG(area),
                       STR_ARG(list_known(cx, (struct str){NULL, 0})));
    return fail_at(cx, ERR_BAD_INPUT, "unknown_scope", pointer,
                   "there is no scope " STR_FMT ": of " STR_FMT " there are " STR_FMT,
                   STR_ARG(scope), STR_ARG(area), STR_ARG(scopes));
}

/* ---- What they cover ---- */

bool scope_covers(struct str granted, struct str wanted)
{
    if (str_is(granted, "*") || str_eq(granted, wanted))
        return true;
    return granted.len > 2 && granted.ptr[granted.len - 2] == ':' &&
           granted.ptr[granted.len - 1] == '*' &&
           str_starts(wanted, (struct str){granted.ptr, granted.len - 1});
}

bool caller_holds(const struct caller *caller, struct str wanted)
{
    for (const char *const *scope = caller->scopes; *scope; scope++)
        if (scope_covers(str_of(*scope), wanted))
            return true;
    return false;
}

/* Nobody holds no scope: public routes and background work see what everyone may see. */
bool cx_has_scope(const struct cx *cx, const char *scope)
{
    return cx->caller && caller_holds(cx->caller, str_of(scope));
}
