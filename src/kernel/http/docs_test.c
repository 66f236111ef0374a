/*
 * docs_test.c - the page at /docs: the bundle's when there is one, else a list of every route.
 */
#include "kernel/http/docs.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/kit/test.h"

static enum err handle(struct req *req)
{
    (void)req;
    return OK;
}

static const struct module shop = {
    .name = "shop",
    .routes =
        ROUTES({"GET", "/v1/orders/{id:ord}", handle, TX_READ, "order:read",
                .doc = "An order: \"<b>\" & more."},
               {"GET", "/hook", handle, TX_NONE, PUBLIC, .flags = ROUTE_ROOT, .doc = "Root."}),
};
static const struct module stock = {
    .name = "stock",
    .routes = ROUTES({"POST", "/v1/stock", handle, TX_WRITE, "stock:write", .doc = "Move."}),
};
static const struct module *const modules[] = {&shop, &stock, NULL};

#define FILE_OF(path_, text_)                                                                      \
    {                                                                                              \
        (path_), "text/plain", (const unsigned char *)(text_), sizeof(text_) - 1                   \
    }
static const struct asset bundle[] = {FILE_OF("/docs/index.html", "<!doctype html>the page"),
                                      FILE_OF("/docs/swagger-ui.css", "css"),
                                      FILE_OF("/docs/swagger-ui.js", "js"),
                                      {0}};
static const struct asset no_bundle[] = {FILE_OF("/docs/index.html", "<!doctype html>the page"),
                                         {0}};

/* The page as NUL-terminated text that the caller frees. */
static char *page_of(const struct asset *files)
{
    struct problem problem;
    struct router *router = router_make(modules, &problem);
    struct str page;
    struct cx cx;
    char *text;

    CHECK(router);
    cx_open(&cx, env_system(), 1 << 20);
    page = docs_page(&cx, router, files);
    text = strndup(page.ptr, page.len);
    cx_close(&cx);
    router_free(router);
    return text;
}

TEST(docs_bundle, "with the bundle the page is its own")
{
    char *page = page_of(bundle);

    CHECK_EQ_STR(page, "<!doctype html>the page");
    free(page);
}

TEST(docs_plain, "without the bundle every route is listed, escaped")
{
    static const char *const pieces[] = {"<h2>shop</h2>",
                                         "<h2>stock</h2>",
                                         "<code>/v1/orders/{id:ord}</code>",
                                         "An order: &quot;&lt;b&gt;&quot; &amp; more.",
                                         "<code>order:read</code>",
                                         "<code>/hook</code>",
                                         "<td>public</td>",
                                         "<code>/v1/stock</code>",
                                         "<a href=\"/openapi.json\">"};
    char *page = page_of(no_bundle), *at = page;
    int tables = 0;

    for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++)
        CHECK_SAY(strstr(page, pieces[k]), "no %s in %s", pieces[k], page);
    CHECK(!strstr(page, "<b>"));
    CHECK(!strstr(page, "<script"));
    CHECK(!strstr(page, " style="));
    for (; (at = strstr(at, "table>")); at++)
        tables++;
    CHECK_EQ_INT(tables, 4); /* Two opened, two closed. */
    CHECK_EQ_STR(strstr(page, "</body>"), "</body>\n</html>\n");
    free(page);
}

TEST(docs_files, "a file is found by its whole path")
{
    CHECK(docs_file(bundle, STR("/docs/swagger-ui.js")) == &bundle[2]);
    CHECK(!docs_file(bundle, STR("/docs/swagger-ui")));
    CHECK(!docs_file(bundle, STR("")));
    CHECK(!docs_file(bundle, (struct str){0}));
}

TEST(docs_policy_is_strict, "the policy names no other server and allows nothing inline")
{
    CHECK(strstr(docs_policy, "default-src 'none'"));
    CHECK(!strstr(docs_policy, "unsafe"));
    CHECK(!strstr(docs_policy, "http"));
    CHECK(!strstr(docs_policy, "*"));
}
