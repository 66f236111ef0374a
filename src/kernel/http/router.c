/*
 * router.c - finding a route in a trie of path segments.
 *
 * A lookup walks the path once, finds literals by halving and copies only what it found; only where
 * a literal and a parameter both fit may it come back and try the next, so that the leftmost
 * literal wins.
 */
#include <string.h>

#include "kernel/http/trie.h"

static const char *const method_names[METHODS] = {"DELETE", "GET",  "HEAD", "OPTIONS",
                                                  "PATCH",  "POST", "PUT"};

const char *method_name(int method)
{
    assert(method >= 0);
    assert(method < METHODS);
    return method_names[method];
}

int method_of(struct str name)
{
    for (int k = 0; k < METHODS; k++) {
        if (str_is(name, method_names[k]))
            return k;
    }
    return -1;
}

int literal_cmp(struct str a, struct str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.ptr, b.ptr, a.len);
}

/* ---- Finding ---- */

struct walk {
    int method;
    uint32_t allow;             /* Methods of all nodes that the path leads to. */
    const struct route *route;  /* What was found. */
    const struct segment *bad;  /* A typed parameter that its segment did not satisfy. */
    const struct segment *here; /* The same on the way from the root to here, or NULL. */
    int params;
    const struct segment *kinds[ROUTE_PARAMS_MAX];
    struct str texts[ROUTE_PARAMS_MAX];
    int64_t ids[ROUTE_PARAMS_MAX];
};

static const struct node *find_literal(const struct node *node, struct str piece)
{
    uint32_t low = 0, high = node->literals;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = literal_cmp(piece, node->edges[middle].segment.text);

        if (order == 0)
            return &node->edges[middle].node;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool param_accepts(const struct segment *segment, struct str piece, int64_t *id)
{
    if (segment->kind == SEGMENT_ID)
        return id_parse(piece, segment->prefix, id);
    if (segment->kind == SEGMENT_TEXT)
        return true;
    /* One number, one text: no sign, no leading zero. */
    return piece.ptr[0] >= '0' && piece.ptr[0] <= '9' && (piece.len == 1 || piece.ptr[0] != '0') &&
           str_int(piece, id);
}

static bool walk_end(const struct node *node, struct walk *walk)
{
    if (!node->methods)
        return false;
    if (walk->here) {
        walk->bad = walk->here;
        return false;
    }
    walk->allow |= node->methods;
    if (walk->method < 0)
        return false;
    walk->route = node->routes[walk->method];
    if (!walk->route && walk->method == HEAD_)
        walk->route = node->routes[GET_];
    return walk->route != NULL;
}

/* Depth is bounded by the patterns: at most ROUTE_SEGMENTS_MAX. */
static bool walk_node(const struct node *node, struct str rest, struct walk *walk)
{
    const struct segment *before = walk->here;
    const struct node *literal;
    struct str piece;

    if (rest.len == 0)
        return walk_end(node, walk);
    if (!path_segment(&rest, &piece))
        return false;
    literal = find_literal(node, piece);
    if (literal && walk_node(literal, rest, walk))
        return true;
    for (uint32_t k = node->literals; k < node->count; k++) {
        const struct segment *segment = &node->edges[k].segment;
        int param = walk->params++;

        assert(param < ROUTE_PARAMS_MAX);
        walk->kinds[param] = segment;
        walk->texts[param] = piece;
        walk->ids[param] = 0;
        if (!param_accepts(segment, piece, &walk->ids[param]) && !walk->here)
            walk->here = segment;
        if (walk_node(&node->edges[k].node, rest, walk))
            return true;
        walk->here = before;
        walk->params--;
    }
    return false;
}

static enum err fail_bad_id(struct cx *cx, const struct segment *segment)
{
    char example[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];

    if (segment->kind == SEGMENT_INT)
        return fail(cx, ERR_NOT_FOUND, "bad_id",
                    "{" STR_FMT "} in the path is a whole number, like 7", STR_ARG(segment->text));
    id_format(example, segment->prefix, ROUTE_EXAMPLE_ID);
    return fail(cx, ERR_NOT_FOUND, "bad_id",
                "{" STR_FMT "} in the path is %s_ and %d base32 digits, like %s",
                STR_ARG(segment->text), segment->prefix, ID_TEXT_LEN, example);
}

static enum err fail_method(struct cx *cx, uint32_t allow, struct str path)
{
    char names[96] = "";
    struct text text = {.ptr = names, .size = sizeof(names)};

    for (int k = 0; k < METHODS; k++) {
        if (allow & 1u << k)
            text_addf(&text, "%s%s", text.len ? ", " : "", method_names[k]);
    }
    fail_record(cx, ERR_METHOD, "method_not_allowed", "%.*s takes %.*s",
                (int)(path.len < 200 ? path.len : 200), path.ptr, (int)text.len, names);
    fail_member(cx, "allow", (struct str){names, text.len});
    return ERR_METHOD;
}

static enum err fill_params(struct req *req, const struct walk *walk)
{
    for (int k = 0; k < walk->params; k++) {
        req->params[k].id = walk->ids[k];
        if (walk->kinds[k]->kind == SEGMENT_TEXT)
            TRY(percent_decode(req->cx, walk->texts[k], false, &req->params[k].text));
        else
            req->params[k].text = cx_copy(req->cx, walk->texts[k]);
    }
    return OK;
}

static bool walk_path(const struct router *router, struct str path, struct walk *walk)
{
    return path.len > 0 && path.ptr[0] == '/' &&
           walk_node(&router->root, path.len == 1 ? STR("") : path, walk);
}

const struct route *router_glance(const struct router *router, struct str method, struct str path)
{
    struct walk walk = {.method = method_of(method)};

    return walk_path(router, path, &walk) ? walk.route : NULL;
}

enum err router_find(const struct router *router, struct req *req, struct str method,
                     struct str path)
{
    struct walk walk = {.method = method_of(method)};

    if (walk_path(router, path, &walk)) {
        req->route = walk.route;
        return fill_params(req, &walk);
    }
    if (walk.allow)
        return fail_method(req->cx, walk.allow, path);
    if (walk.bad)
        return fail_bad_id(req->cx, walk.bad);
    return fail(req->cx, ERR_NOT_FOUND, "no_such_route",
                "nothing is served at this path: see /docs or /openapi.json for what is");
}

/* ---- The table ---- */

size_t router_count(const struct router *router)
{
    return router->count;
}

const struct route *router_route(const struct router *router, size_t index)
{
    assert(index < router->count);
    return router->routes[index];
}

static const struct span *span_of(const struct router *router, const struct route *route)
{
    size_t low = 0, high = router->span_count;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if ((uintptr_t)router->spans[middle].module->routes <= (uintptr_t)route)
            low = middle;
        else
            high = middle;
    }
    assert(low < high);
    assert(route >= router->spans[low].module->routes);
    assert(route < router->spans[low].module->routes + router->spans[low].count);
    return &router->spans[low];
}

size_t router_index(const struct router *router, const struct route *route)
{
    const struct span *span = span_of(router, route);

    return span->first + (size_t)(route - span->module->routes);
}

const struct module *router_module(const struct router *router, const struct route *route)
{
    return span_of(router, route)->module;
}
