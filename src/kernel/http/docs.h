/*
 * docs.h - the documentation page at /docs, without anything from elsewhere.
 *
 * Invariant: under docs_policy the page runs scripts, styles and requests of this server alone, and
 * nothing inline.
 */
#ifndef GREVY_HTTP_DOCS_H
#define GREVY_HTTP_DOCS_H

#include "kernel/http/assets.h"
#include "kernel/http/router.h"

/* Content-Security-Policy of /docs and of the files under it. */
extern const char docs_policy[];

/**
 * HTML of /docs: the page that renders /openapi.json with the bundle when files hold one, else a
 * plain list of all routes, made from the router.  files is assets, or part of it in tests.
 */
struct str docs_page(struct cx *cx, const struct router *router, const struct asset *files);

/** The file at a path like "/docs/page.js", or NULL. */
const struct asset *docs_file(const struct asset *files, struct str path);

#endif
