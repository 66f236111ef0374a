/*
 * docs.c - the documentation page.
 */
#include "kernel/http/docs.h"

#include <string.h>

const char docs_policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                           "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
                           "form-action 'none'; frame-ancestors 'none'";

enum {
    PAGE_BYTES = 2048, /* What stands on the plain page once. */
    ROW_BYTES = 256,   /* Markup around the texts of one row, or of one module. */
    ESCAPED_MAX = 6,   /* "&quot;" for one byte. */
};

const struct asset *docs_file(const struct asset *files, struct str path)
{
    for (; files->path; files++) {
        if (str_is(path, files->path))
            return files;
    }
    return NULL;
}

/* ---- The plain list ---- */

static void put(struct text *out, const char *markup)
{
    text_add(out, str_of(markup));
}

static void put_escaped(struct text *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '<')
            put(out, "&lt;");
        else if (*s == '>')
            put(out, "&gt;");
        else if (*s == '&')
            put(out, "&amp;");
        else if (*s == '"')
            put(out, "&quot;");
        else
            text_add(out, (struct str){s, 1});
    }
}

static void put_route(struct text *out, const struct route *route)
{
    put(out, "<tr><td><code>");
    put_escaped(out, route->method);
    put(out, "</code></td><td><code>");
    put_escaped(out, route->path);
    put(out, "</code></td><td>");
    if (route->scope) {
        put(out, "<code>");
        put_escaped(out, route->scope);
        put(out, "</code>");
    } else {
        put(out, "public");
    }
    put(out, "</td><td>");
    put_escaped(out, route->doc);
    put(out, "</td></tr>\n");
}

static void put_module(struct text *out, const char *name)
{
    put(out, "<h2>");
    put_escaped(out, name);
    put(out, "</h2>\n<table>\n<thead><tr><th>Method</th><th>Path</th><th>Scope</th>"
             "<th>What it does</th></tr></thead>\n<tbody>\n");
}

static size_t plain_bytes(const struct router *router)
{
    size_t bytes = PAGE_BYTES;

    for (size_t k = 0; k < router_count(router); k++) {
        const struct route *route = router_route(router, k);

        bytes += 2 * ROW_BYTES +
                 ESCAPED_MAX * (strlen(router_module(router, route)->name) + strlen(route->method) +
                                strlen(route->path) + strlen(route->doc));
        bytes += route->scope ? ESCAPED_MAX * strlen(route->scope) : 0;
    }
    return bytes;
}

static struct str plain_page(struct cx *cx, const struct router *router)
{
    struct text out = {.size = plain_bytes(router)};
    const struct module *before = NULL;

    out.ptr = cx_alloc(cx, out.size);
    put(&out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<title>Grevy API</title>\n<link rel=\"icon\" href=\"data:,\">\n"
              "<link rel=\"stylesheet\" href=\"/docs/plain.css\">\n</head>\n<body>\n"
              "<h1>Grevy API</h1>\n<p>Every route of this server. The machine-readable document is "
              "<a href=\"/openapi.json\">/openapi.json</a>. This build holds no page to try them "
              "out: run <code>npm ci</code> and build again.</p>\n");
    for (size_t k = 0; k < router_count(router); k++) {
        const struct route *route = router_route(router, k);
        const struct module *module = router_module(router, route);

        if (module != before) {
            put(&out, before ? "</tbody>\n</table>\n" : "");
            put_module(&out, module->name);
        }
        put_route(&out, route);
        before = module;
    }
    put(&out, before ? "</tbody>\n</table>\n</body>\n</html>\n" : "</body>\n</html>\n");
    assert(!out.cut);
    return (struct str){out.ptr, out.len};
}

struct str docs_page(struct cx *cx, const struct router *router, const struct asset *files)
{
    const struct asset *page = docs_file(files, STR("/docs/index.html"));

    if (page && docs_file(files, STR("/docs/swagger-ui.js")) &&
        docs_file(files, STR("/docs/swagger-ui.css")))
        return (struct str){(const char *)page->bytes, page->len};
    return plain_page(cx, router);
}
