/*
 * router_make.c - build the router from the module tables, refusing rows that cannot be right.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/http/query.h"
#include "kernel/http/trie.h"

/* Where segment stands, or would stand, among the node's edges. */
static uint32_t edge_place(const struct node *node, const struct segment *segment)
{
    uint32_t k = 0;

    for (; k < node->count; k++) {
        const struct segment *have = &node->edges[k].segment;

        if (segment_same(have, segment) || have->kind > segment->kind)
            break;
        if (segment->kind == SEGMENT_LITERAL && literal_cmp(have->text, segment->text) > 0)
            break;
    }
    return k;
}

static struct node *node_grow(struct node *node, const struct segment *segment)
{
    uint32_t at = edge_place(node, segment);
    struct edge *edges;

    if (at < node->count && segment_same(&node->edges[at].segment, segment))
        return &node->edges[at].node;
    edges = realloc(node->edges, sizeof(*edges) * (node->count + 1));
    if (!edges)
        return NULL;
    memmove(edges + at + 1, edges + at, sizeof(*edges) * (node->count - at));
    edges[at] = (struct edge){.segment = *segment};
    node->edges = edges;
    node->count++;
    node->literals += segment->kind == SEGMENT_LITERAL;
    return &edges[at].node;
}

static void node_free(struct node *node)
{
    for (uint32_t k = 0; k < node->count; k++)
        node_free(&node->edges[k].node);
    free(node->edges);
}

static bool refuse(struct problem *problem, const char *code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static bool refuse(struct problem *problem, const char *code, const char *fmt, ...)
{
    va_list args;

    *problem = (struct problem){.err = ERR_INTERNAL, .code = code};
    va_start(args, fmt);
    vsnprintf(problem->detail, sizeof(problem->detail), fmt, args);
    va_end(args);
    return false;
}

static const char *query_fault(const struct field *fields)
{
    size_t count = 0;

    for (; fields && fields->type != FIELD_END; fields++, count++) {
        if (!query_takes(fields))
            return "its query table has a field that is no scalar";
    }
    return count > QUERY_FIELDS_MAX ? "its query table has more than QUERY_FIELDS_MAX fields"
                                    : NULL;
}

/* What is wrong with a row beside its pattern, or NULL. */
static const char *row_fault(const struct route *route)
{
    int method = method_of(str_of(route->method));

    if (method < 0)
        return "its method is none of DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
    if (!route->handle)
        return "it has no handler";
    if (!route->doc || route->doc[0] == '\0')
        return "it has no doc";
    if (!route->body != !route->body_size || !route->query != !route->query_size)
        return "a body or query needs both its table and its size: use BODY() and QUERY()";
    if (route->body && (method == GET_ || method == HEAD_))
        return "a GET takes no body";
    if (route->page && !route->reply)
        return "a page needs the reply table of its items";
    return query_fault(route->query);
}

/* Compare the newest pattern with all before it. */
static bool check_clash(const struct router *router, const struct pattern *patterns,
                        struct problem *problem)
{
    size_t last = router->count - 1;
    const struct route *b = router->routes[last];

    for (size_t k = 0; k < last; k++) {
        const struct route *a = router->routes[k];
        enum pattern_relation relation = pattern_compare(&patterns[k], &patterns[last]);
        bool same_method = strcmp(a->method, b->method) == 0;

        if (relation == PATTERNS_RENAMED)
            return refuse(problem, "route_clash",
                          "%s %s and %s %s are one path: give their parameters one name and type",
                          a->method, a->path, b->method, b->path);
        if (relation != PATTERNS_APART && same_method)
            return refuse(problem, "route_clash",
                          "%s %s and %s %s match the same path: change one of them", a->method,
                          a->path, b->method, b->path);
    }
    return true;
}

static bool insert(struct router *router, const struct pattern *pattern, struct problem *problem)
{
    const struct route *route = router->routes[router->count - 1];
    int method = method_of(str_of(route->method));
    struct node *node = &router->root;

    for (int k = 0; k < pattern->count && node; k++)
        node = node_grow(node, &pattern->segments[k]);
    if (!node)
        return refuse(problem, "out_of_memory", "no memory for the routes");
    assert(!node->routes[method]);
    node->routes[method] = route;
    node->methods |= 1u << method;
    return true;
}

static bool add_route(struct router *router, const struct module *module, const struct route *route,
                      struct pattern *patterns, struct problem *problem)
{
    char why[PATTERN_WHY_LEN_MAX];
    const char *fault = row_fault(route);

    if (!fault && !pattern_parse(route->path, &patterns[router->count], why))
        fault = why;
    if (fault)
        return refuse(problem, "bad_route", "module %s, route %s %s: %s", module->name,
                      route->method, route->path ? route->path : "(no path)", fault);
    router->routes[router->count++] = route;
    return check_clash(router, patterns, problem) &&
           insert(router, &patterns[router->count - 1], problem);
}

static int span_cmp(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct span *)a)->module->routes;
    uintptr_t y = (uintptr_t)((const struct span *)b)->module->routes;

    return x < y ? -1 : x > y;
}

static bool add_modules(struct router *router, const struct module *const *modules,
                        struct pattern *patterns, struct problem *problem)
{
    for (; *modules; modules++) {
        struct span span = {.module = *modules, .first = router->count};

        for (const struct route *route = (*modules)->routes; route && route->method; route++) {
            if (!add_route(router, *modules, route, patterns, problem))
                return false;
            span.count++;
        }
        if (span.count > 0)
            router->spans[router->span_count++] = span;
    }
    qsort(router->spans, router->span_count, sizeof(router->spans[0]), span_cmp);
    return true;
}

struct router *router_make(const struct module *const *modules, struct problem *problem)
{
    struct router *router = calloc(1, sizeof(*router));
    size_t module_count = 0, route_count = 0;
    struct pattern *patterns;
    bool made = false;

    for (const struct module *const *m = modules; *m; m++, module_count++) {
        for (const struct route *route = (*m)->routes; route && route->method; route++)
            route_count++;
    }
    patterns = calloc(route_count + 1, sizeof(*patterns));
    if (router) {
        router->routes = calloc(route_count + 1, sizeof(router->routes[0]));
        router->spans = calloc(module_count + 1, sizeof(router->spans[0]));
        router->document = calloc(1, sizeof(*router->document));
    }
    if (!patterns || !router || !router->routes || !router->spans || !router->document)
        refuse(problem, "out_of_memory", "no memory for the routes");
    else if (route_count > ROUTES_MAX)
        refuse(problem, "too_many_routes", "%zu routes, at most %d: raise ROUTES_MAX in router.h",
               route_count, ROUTES_MAX);
    else
        made = add_modules(router, modules, patterns, problem);
    free(patterns);
    if (made)
        return router;
    router_free(router);
    return NULL;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    node_free(&router->root);
    if (router->document)
        free(atomic_load(router->document));
    free(router->document);
    free(router->routes);
    free(router->spans);
    free(router);
}
