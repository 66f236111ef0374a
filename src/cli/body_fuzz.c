/*
 * body_fuzz.c - any JSON as the body of any route of any module.
 *
 * Input: the number of a route, two bytes, then the body.  Checked: what is taken, written out and
 * read again says the same; what is refused has a code, a sentence and, in the body, a place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/access/access.h"
#include "kernel/http/router.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 256 << 20, MODULES_MAX = 64 };

static void must(bool good, const struct route *route, const char *what)
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

static void check_refused(const struct cx *cx, const struct route *route)
{
    const struct problem *problem = &cx->problem;

    must(problem->err != OK && problem->code && problem->detail[0], route, "a reason");
    must(problem->pointer[0] == '\0' || problem->pointer[0] == '/', route, "a place");
    must(str_utf8(str_of(problem->detail)), route, "a reason in UTF-8");
}

/* What was absent is written as empty or zero, which a table may refuse. */
static void check_taken(struct cx *cx, const struct route *route, const void *body)
{
    struct str once = field_json(cx, route->body, body), twice;
    void *again = cx_alloc(cx, route->body_size);

    if (field_read(cx, route->body, FIELD_STRICT, once, again, route->body_size) != OK) {
        check_refused(cx, route);
        must(strcmp(cx->problem.code, "unknown_field") != 0, route, "no field of nowhere");
        must(strcmp(cx->problem.code, "wrong_type") != 0, route, "no other type");
        return;
    }
    twice = field_json(cx, route->body, again);
    must(str_eq(once, twice), route, "what was written reads the same");
}

static const struct router *all_routes(void)
{
    static const struct module *all[MODULES_MAX] = {&kernel_module};
    static struct router *router;
    struct problem problem;

    for (size_t k = 0; !router && modules_all[k]; k++)
        all[k + 1] = modules_all[k];
    if (!router)
        router = router_make(all, &problem);
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
        check_taken(&cx, route, body);
    cx_close(&cx);
    return 0;
}
