/*
 * router.h - from method and path to a route, with typed path parameters.
 *
 * Invariants: the table is built once from the module tables and never changes; two routes that
 * could match the same path stop the boot and are named; a literal segment wins over a parameter.
 */
#ifndef GREVY_HTTP_ROUTER_H
#define GREVY_HTTP_ROUTER_H

#include "kernel/work/module.h"

struct router;

enum { ROUTES_MAX = 1024, ROUTE_SEGMENTS_MAX = 10 };

/** Modules in a NULL-terminated array.  On a clash or a malformed pattern returns NULL and problem
 *  names the rows. */
struct router *router_make(const struct module *const *modules, struct problem *problem);
void router_free(struct router *router);

/**
 * Find the route; fills req->route and req->params (text decoded into cx).
 * Errors: NOT_FOUND "no_such_route"; METHOD "method_not_allowed" with member "allow";
 * NOT_FOUND "bad_id" when a segment is not an id of the declared prefix (detail says what an id
 * looks like); BAD_INPUT "bad_encoding" when a text segment is no percent-encoded UTF-8 or holds
 * control characters.  HEAD finds the GET route.  An id or a number is never percent-decoded.
 */
MUST_CHECK enum err router_find(const struct router *router, struct req *req, struct str method,
                                struct str path);

/** The same for a glance: its route, or NULL whatever is wrong. */
const struct route *router_glance(const struct router *router, struct str method, struct str path);

/* Routes in a stable order with dense indexes, for metrics and documents. */
size_t router_count(const struct router *router);
const struct route *router_route(const struct router *router, size_t index);
size_t router_index(const struct router *router, const struct route *route);
const struct module *router_module(const struct router *router, const struct route *route);

/** Decode a query string into out by a field table of scalars.  Errors as field_decode, pointer
 *  "?name"; also "duplicate_field" (a name given twice) and "bad_encoding". */
MUST_CHECK enum err query_decode(struct cx *cx, const struct field *fields, struct str query,
                                 void *out, size_t size);
/** Errors: BAD_INPUT "bad_encoding": a broken %XX, invalid UTF-8, a control character. */
MUST_CHECK enum err percent_decode(struct cx *cx, struct str in, bool plus_is_space,
                                   struct str *out);

/** The OpenAPI 3.1 document of all routes under /v1, from the module tables; written once, in
 *  memory of its own, then kept by the router, which lends it. */
struct str openapi_document(struct cx *cx, const struct router *router);

#endif
