/*
 * openapi.h - what the three parts of the OpenAPI writer share: openapi.c (the document),
 * openapi_route.c (its operations) and openapi_name.c (their names).
 *
 * Invariants: the document depends on the module tables alone, byte for byte; every name in it is
 * unique; only components that something refers to are written.
 */
#ifndef GREVY_HTTP_OPENAPI_H
#define GREVY_HTTP_OPENAPI_H

#include "kernel/http/pattern.h"

/* A field table and the name of its schema.  Tables have no names: the first route that uses one
 * gives it its own. */
struct api_schema {
    const struct field *fields;
    bool request; /* Written without what only replies carry. */
    struct str name;
};

/* Answers that are not a success; in components/responses. */
enum api_problem {
    API_BAD_INPUT,
    API_UNAUTHORIZED,
    API_FORBIDDEN,
    API_NOT_FOUND,
    API_CONFLICT,
    API_TOO_LARGE,
    API_MEDIA,
    API_UNPROCESSABLE,
    API_TOO_MANY,
    API_BUSY,
    API_PROBLEMS
};

struct api {
    struct cx *cx;
    const struct router *router;
    struct json_out *out;
    struct str *names; /* By route index: "PostOrdersById". */
    struct api_schema *schemas;
    size_t schema_count;
    unsigned problems; /* Bits of enum api_problem: referred to. */
    bool idempotent;   /* Some operation takes an Idempotency-Key. */
    bool needs_key;    /* Some operation needs an API key. */
};

/* Is the route part of the document? */
bool api_has(const struct route *route);

/* ---- openapi_name.c ---- */

/** "/v1/orders/{id:ord}" as OpenAPI writes it: "/v1/orders/{id}". */
struct str api_path(struct cx *cx, const struct route *route);
/** Name the routes and their schemas; first of all. */
void api_collect(struct api *api);
struct str api_name(const struct api *api, const struct route *route);
struct str api_schema_name(const struct api *api, const struct field *fields, bool request);

/* ---- openapi_route.c ---- */

/** "get": {...}, a member of a path item. */
void api_operation(struct api *api, const struct route *route);
const char *api_problem_name(enum api_problem problem);
int api_problem_status(enum api_problem problem);
const char *api_problem_doc(enum api_problem problem);

/* Small pieces. */
void api_ref(struct json_out *out, const char *kind, struct str name);
void api_text(struct json_out *out, const char *key, const char *value);

#endif
