/*
 * body_fuzz.c - any JSON as the body of any route of any module.
 *
 * Input: the number of a route, two bytes, then the body.  Checked: what is taken, written out and
 * read again says the same, and nothing that was given is refused then; what is refused has a code,
 * a sentence and, unless it is the whole body, a place, all of it in UTF-8.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/access/access.h"
#include "kernel/http/router.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 256 << 20 };

static void route_must(bool good, const struct route *route, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s %s: broken promise: %s\n", route->method, route->path, what);
    abort();
}

/* Only what a client may say: a table for both ways has fields that only we write. */
static bool only_in(const struct field *fields)
{
    for (; fields->name; fields++)
        if (fields->flags & FIELD_OUT_ONLY || (fields->fields && !only_in(fields->fields)))
            return false;
    return true;
}

/* RFC 6901. */
static bool is_pointer(struct str text)
{
    for (size_t k = 0; k < text.len; k++)
        if (text.ptr[k] == '~' &&
            (k + 1 == text.len || (text.ptr[k + 1] != '0' && text.ptr[k + 1] != '1')))
            return false;
    return text.len == 0 || text.ptr[0] == '/';
}

static void check_refused(const struct cx *cx, const struct route *route)
{
    const struct problem *problem = &cx->problem;
    struct str detail = str_of(problem->detail), pointer = str_of(problem->pointer);

    route_must(problem->err == ERR_BAD_INPUT && problem->code && detail.len > 0, route, "a reason");
    route_must(str_utf8(detail) && str_utf8(pointer), route, "a reason in UTF-8");
    route_must(is_pointer(pointer), route, "a place");
    route_must(pointer.len > 0 || str_starts(str_of(problem->code), STR("json_")) ||
                   str_starts(detail, STR("the document: ")),
               route, "a place, unless it is the whole");
}

static bool step_into(struct json *v, struct str piece)
{
    int64_t left = 0;

    if (json_type(*v) < JSON_LIST || (json_type(*v) == JSON_LIST && !str_int(piece, &left)))
        return false;
    for (struct json_iter it = json_iter(*v); json_next(&it);) {
        if (it.object ? str_eq(it.key, piece) : left-- == 0) {
            *v = it.value;
            return true;
        }
    }
    return false;
}

/* By a pointer without escapes: our own names need none. */
static bool is_given(struct json v, struct str pointer)
{
    struct str piece;

    (void)str_cut(&pointer, '/', &piece);
    while (str_cut(&pointer, '/', &piece))
        if (!step_into(&v, piece))
            return false;
    return json_type(v) != JSON_NULL;
}

/* What was absent is written as empty or zero, which a table may refuse; what was given is not. */
static void check_taken(struct cx *cx, const struct route *route, struct str text, const void *body)
{
    struct str once = field_json(cx, route->body, body), twice;
    void *again = cx_alloc(cx, route->body_size);
    struct json v;

    route_must(json_parse(cx, once, &v) == OK, route, "what is written is JSON");
    if (field_decode(cx, route->body, FIELD_STRICT, v, "", again) != OK) {
        struct problem refused = cx->problem;

        check_refused(cx, route);
        route_must(strcmp(refused.code, "unknown_field") != 0, route, "no field of nowhere");
        route_must(strcmp(refused.code, "wrong_type") != 0, route, "no other type");
        fail_clear(cx);
        route_must(json_parse(cx, text, &v) == OK, route, "what was taken is JSON");
        route_must(!is_given(v, str_of(refused.pointer)), route, "what was given is taken again");
        return;
    }
    twice = field_json(cx, route->body, again);
    route_must(str_eq(once, twice), route, "what was written reads the same");
}

static const struct router *all_routes(void)
{
    static const struct module **modules; /* Kept: the router's routes are theirs. */
    static struct router *router;
    struct problem problem;

    if (!modules)
        modules = modules_with_kernel(modules_all);
    if (!router)
        router = router_make(modules, &problem);
    if (!router)
        abort();
    return router;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct router *router = all_routes();
    const struct route *route;
    struct str text;
    struct cx cx;
    void *body;

    if (size < 2)
        return 0;
    route = router_route(router, (size_t)(data[0] << 8 | data[1]) % router_count(router));
    if (!route->body)
        return 0;
    text = (struct str){(const char *)data + 2, size - 2};
    cx_open(&cx, env_system(), BUDGET_BYTES);
    body = cx_alloc(&cx, route->body_size);
    if (field_read(&cx, route->body, FIELD_STRICT, text, body, route->body_size) != OK)
        check_refused(&cx, route);
    else if (only_in(route->body))
        check_taken(&cx, route, text, body);
    cx_close(&cx);
    return 0;
}
