/*
 * openapi_test.c - the document says what the tables say, and a linter has nothing to add.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/http/router.h"
#include "kernel/work/work.h"
#include "test/kit/test.h"

enum { BUDGET = 4 << 20 };

static enum err handle(struct req *req)
{
    (void)req;
    return OK;
}

/* ---- A module with one of everything ---- */

struct line_new {
    int64_t sku, quantity;
    struct str beneficiary;
};
struct order_new {
    struct str user, currency;
    struct list lines, tags, labels;
    struct str note;
};
struct order {
    int64_t id, total_minor, created_ms, paid_ms;
    struct str user, currency, note;
    int state;
    bool gift;
    double weight;
    struct list lines;
};
struct order_query {
    struct page_query page;
    int state;
    int64_t since_ms, sku;
    bool gift;
    double weight;
};

static const char *const states[] = {"pending_payment", "paid", NULL};
static const struct field line_fields[] = {
    F_ID(line_new, sku, "sku", .flags = FIELD_REQUIRED),
    F(line_new, quantity, .min = 1, .max = 1000, .flags = FIELD_REQUIRED),
    {.name = "for", .type = FIELD_TEXT, FIELD_AT(line_new, beneficiary), .max = 64},
    F_END};
static const struct field order_new_fields[] = {
    F(order_new, user, .min = 1, .max = 64, .flags = FIELD_REQUIRED, .doc = "Who pays."),
    F(order_new, currency, .min = 3, .max = 3, .flags = FIELD_REQUIRED),
    F_LIST(order_new, lines, line_new, line_fields, .min = 1, .max = 200, .flags = FIELD_REQUIRED),
    F_TEXTS(order_new, tags, .max = 10),
    F_MAP(order_new, labels, .max = 8),
    F_JSON(order_new, note),
    F_END};
static const struct field order_fields[] = {
    F_ID(order, id, "ord", .doc = "The order."),
    F(order, user),
    F_MONEY(order, total_minor, currency, "total"),
    F_ENUM(order, state, states),
    F_TIME(order, created_ms, "created_at"),
    F_TIME(order, paid_ms, "paid_at", .flags = FIELD_OMIT),
    F(order, gift),
    F(order, weight),
    F_LIST(order, lines, line_new, line_fields, .flags = FIELD_OUT_ONLY),
    F_END};
static const struct field query_fields[] = {
    PAGE_FIELDS(order_query),
    F_ENUM(order_query, state, states, .doc = "Only orders in this state."),
    F_TIME(order_query, since_ms, "since"),
    F_ID(order_query, sku, "sku"),
    F(order_query, gift),
    F(order_query, weight, .min = 0, .max = 100),
    F_END};

static const struct module order_module = {
    .name = "order",
    .needs = NEEDS("catalog", "stock"),
    .produces = PRODUCES({"order.placed", order_fields, "An order was placed."}),
    .routes = ROUTES(
        {"POST", "/v1/orders", handle, TX_WRITE, "order:write", BODY(order_new, order_new_fields),
         .reply = order_fields, .doc = "Place an order. Stock is reserved for its lines."},
        {"GET", "/v1/orders", handle, TX_READ, "order:read", QUERY(order_query, query_fields),
         .reply = order_fields, .doc = "List orders.", .page = true},
        {"GET", "/v1/orders/{id:ord}", handle, TX_CACHED, "order:read", .reply = order_fields,
         .doc = "One order", .headers = {"If-None-Match", "Accept"}},
        {"PUT", "/v1/orders/{id:ord}/lines/{line:int}", handle, TX_WRITE, "order:write",
         BODY(line_new, line_fields), .reply = order_fields, .doc = "Change a line."},
        {"DELETE", "/v1/orders/{id:ord}", handle, TX_WRITE, "order:write", .doc = "Forget it.",
         .status = 204},
        {"POST", "/v1/orders/import", handle, TX_WRITE, "order:write", .flags = ROUTE_RAW,
         .doc = "Import a CSV file."}),
};
static const struct module user_module = {
    .name = "user",
    .routes = ROUTES({"GET", "/v1/users/{user}/entitlements", handle, TX_READ, PUBLIC,
                      .reply = line_fields, .doc = "What a user may use.", .page = true},
                     {"GET", "/v1/a-b", handle, TX_NONE, PUBLIC, .reply = line_fields, .doc = "A."},
                     {"GET", "/v1/a/b", handle, TX_NONE, PUBLIC, .reply = line_fields, .doc = "B."},
                     {"GET", "/hidden", handle, TX_NONE, PUBLIC, .flags = ROUTE_ROOT,
                      .doc = "Not part of the API."}),
};
static const struct module *const modules[] = {&order_module, &user_module, NULL};

struct made {
    struct cx cx;
    struct router *router;
    struct str text;
    struct json root;
};

static void make(struct made *made)
{
    struct problem problem = {.err = OK};

    cx_open(&made->cx, env_system(), BUDGET);
    made->router = router_make(modules, &problem);
    CHECK_SAY(made->router, "%s", problem.detail);
    made->text = openapi_document(&made->cx, made->router);
    CHECK_SAY(json_parse(&made->cx, made->text, &made->root) == OK, "%s", made->cx.problem.detail);
}

static void drop(struct made *made)
{
    router_free(made->router);
    cx_close(&made->cx);
}

/* The value behind names parted by spaces; list items by number. */
static bool find(struct json root, const char *names, struct json *out)
{
    struct str rest = str_of(names), name;
    int64_t index;

    *out = root;
    while (str_cut(&rest, ' ', &name)) {
        if (json_type(*out) == JSON_OBJECT) {
            char text[128];

            snprintf(text, sizeof(text), STR_FMT, STR_ARG(name));
            if (!json_get(*out, text, out))
                return false;
            continue;
        }
        if (json_type(*out) != JSON_LIST || !str_int(name, &index))
            return false;
        struct json_iter it = json_iter(*out);
        do {
            if (!json_next(&it))
                return false;
        } while (index-- > 0);
        *out = it.value;
    }
    return true;
}

static void check_text(const struct made *made, const char *names, const char *wanted)
{
    struct json v;

    CHECK_SAY(find(made->root, names, &v), "no %s", names);
    CHECK_SAY(json_type(v) == JSON_TEXT, "%s is no text", names);
    CHECK_SAY(str_is(json_peek(v), wanted), "%s is " STR_FMT, names, STR_ARG(json_peek(v)));
}

static void check_absent(const struct made *made, const char *names)
{
    struct json v;

    CHECK_SAY(!find(made->root, names, &v), "%s is there", names);
}

#define PATHS   "paths "
#define SCHEMAS "#/components/schemas/"

TEST(openapi_operations, "operations have an id, a summary, a tag and the scope they need")
{
    struct made made;

    make(&made);
    check_text(&made, "openapi", "3.1.0");
    check_text(&made, "paths /v1/orders post operationId", "postOrders");
    check_text(&made, "paths /v1/orders post summary", "Place an order");
    check_text(&made, "paths /v1/orders post description",
               "Place an order. Stock is reserved for its lines. Needs the scope `order:write`.");
    check_text(&made, "paths /v1/orders post tags 0", "order");
    check_text(&made, "paths /v1/orders post security 0 bearer 0", "order:write");
    check_absent(&made, "paths /v1/a-b get security 0");
    check_text(&made, "paths /v1/orders/{id} get operationId", "getOrdersById");
    check_text(&made, "paths /v1/orders/{id} get description",
               "One order. Needs the scope `order:read`.");
    check_text(&made, "paths /v1/orders/{id} delete operationId", "deleteOrdersById");
    check_text(&made, "paths /v1/a-b get operationId", "getAB");
    check_text(&made, "paths /v1/a/b get operationId", "getAB2");
    check_absent(&made, "paths /hidden");
    check_text(&made, "tags 0 name", "order");
    check_text(&made, "tags 0 description",
               "Module order. Needs catalog, stock. Event `order.placed`: An order was placed.");
    check_absent(&made, "tags 2");
    drop(&made);
}

TEST(openapi_parameters, "parameters carry pattern, limits and example")
{
    struct made made;

    make(&made);
    check_text(&made, "paths /v1/orders/{id} get parameters 0 in", "path");
    check_text(&made, "paths /v1/orders/{id} get parameters 0 schema pattern",
               "^ord_[0-7][0-9A-HJKMNP-TV-Z]{12}$");
    check_text(&made, "paths /v1/orders/{id} get parameters 0 example", "ord_07B925M000007");
    check_text(&made, "paths /v1/orders/{id} get parameters 1 name", "If-None-Match");
    check_absent(&made, "paths /v1/orders/{id} get parameters 2");
    check_text(&made, "paths /v1/orders/{id}/lines/{line} put parameters 1 schema type", "integer");
    check_text(&made, "paths /v1/orders get parameters 0 name", "limit");
    check_text(&made, "paths /v1/orders get parameters 2 schema enum 1", "paid");
    check_text(&made, "paths /v1/orders get parameters 3 schema format", "date-time");
    check_text(&made, "paths /v1/orders post parameters 0 $ref",
               "#/components/parameters/IdempotencyKey");
    check_absent(&made, "paths /v1/orders/{id} delete parameters 1");
    drop(&made);
}

TEST(openapi_bodies, "bodies and replies refer to one schema per table, named by its first route")
{
    struct made made;
    struct json v;

    make(&made);
    check_text(&made, "paths /v1/orders post requestBody content application/json schema $ref",
               SCHEMAS "PostOrdersRequest");
    check_text(&made, "paths /v1/orders post responses 201 content application/json schema $ref",
               SCHEMAS "PostOrdersReply");
    check_text(&made,
               "paths /v1/orders/{id} get responses 200 content application/json schema $ref",
               SCHEMAS "PostOrdersReply");
    check_text(&made,
               "paths /v1/orders get responses 200 content application/json schema properties data "
               "items $ref",
               SCHEMAS "PostOrdersReply");
    check_text(&made,
               "paths /v1/users/{user}/entitlements get responses 200 content application/json "
               "schema properties data items $ref",
               SCHEMAS "GetUsersByUserEntitlementsItem");
    check_absent(&made, "paths /v1/orders/{id} delete responses 204 content");
    check_absent(&made, "paths /v1/orders/{id} delete requestBody");
    CHECK(find(made.root, "paths /v1/orders/import post requestBody content */*", &v));
    CHECK(find(made.root, "components schemas PostOrdersRequest properties lines", &v));
    CHECK(find(made.root, "components schemas PutOrdersByIdLinesByLineRequest properties for", &v));
    drop(&made);
}

TEST(openapi_problems, "refusals refer to shared responses; what nothing refers to is left out")
{
    struct made made;
    static const struct module *const quiet[] = {&user_module, NULL};
    struct problem problem;
    struct router *router;
    struct json v;

    make(&made);
    check_text(&made, "paths /v1/orders post responses 409 $ref",
               "#/components/responses/Conflict");
    check_text(&made, "paths /v1/orders post responses 422 $ref",
               "#/components/responses/Unprocessable");
    check_text(&made, "paths /v1/orders get responses 503 $ref", "#/components/responses/Busy");
    check_absent(&made, "paths /v1/orders get responses 404");
    check_absent(&made, "paths /v1/a-b get responses 401");
    check_text(&made, "paths /v1/a-b get responses 429 $ref", "#/components/responses/TooMany");
    router = router_make(quiet, &problem);
    CHECK(json_parse(&made.cx, openapi_document(&made.cx, router), &v) == OK);
    made.root = v;
    check_absent(&made, "components parameters");
    check_absent(&made, "components securitySchemes");
    check_absent(&made, "components responses Conflict");
    check_text(&made, "components responses TooMany content application/problem+json schema $ref",
               SCHEMAS "Problem");
    router_free(router);
    drop(&made);
}

TEST(openapi_stable, "the same tables give the same bytes, and they are kept")
{
    struct made a, b;

    make(&a);
    make(&b);
    CHECK_EQ_INT(a.text.len, b.text.len);
    CHECK(memcmp(a.text.ptr, b.text.ptr, a.text.len) == 0);
    b.text = openapi_document(&b.cx, a.router); /* The one that was kept. */
    CHECK_EQ_INT(a.text.len, b.text.len);
    CHECK(memcmp(a.text.ptr, b.text.ptr, a.text.len) == 0);
    CHECK(b.text.ptr == openapi_document(&a.cx, a.router).ptr);
    drop(&a);
    drop(&b);
}

TEST(openapi_largest, "as many routes as there may be fit, whatever is left to the request")
{
    static char paths[ROUTES_MAX][32];
    static struct route rows[ROUTES_MAX + 1];
    const struct module one = {.name = "one", .routes = rows};
    const struct module *const large[] = {&one, NULL};
    struct problem problem;
    struct router *router;
    struct json root, v;
    struct str text;
    struct cx cx;

    for (int k = 0; k < ROUTES_MAX; k++) {
        snprintf(paths[k], sizeof(paths[k]), "/v1/n%d/{id:ord}", k);
        rows[k] = (struct route){.method = "POST",
                                 .path = paths[k],
                                 .handle = handle,
                                 .tx = TX_WRITE,
                                 .scope = "one:write",
                                 .body = order_new_fields,
                                 .body_size = sizeof(struct order_new),
                                 .reply = order_fields,
                                 .doc = "Row."};
    }
    router = router_make(large, &problem);
    CHECK(router);
    cx_open(&cx, env_system(), 0);
    text = openapi_document(&cx, router);
    cx_close(&cx);
    cx_open(&cx, env_system(), 64 << 20);
    CHECK_EQ_INT(json_parse(&cx, text, &root), OK);
    CHECK(find(root, "paths /v1/n1023/{id} post operationId", &v));
    cx_close(&cx);
    router_free(router);
}

static void *ask(void *router)
{
    struct cx cx;
    struct str text;

    cx_open(&cx, env_system(), 0);
    text = openapi_document(&cx, router);
    cx_close(&cx);
    return (void *)(uintptr_t)text.ptr;
}

TEST_THREADS(openapi_threads, "threads that ask at once get the same document")
{
    struct problem problem;
    struct router *router = router_make(modules, &problem);
    pthread_t threads[4];
    void *texts[4];

    for (int k = 0; k < 4; k++)
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, ask, router), 0);
    for (int k = 0; k < 4; k++)
        CHECK_EQ_INT(pthread_join(threads[k], &texts[k]), 0);
    for (int k = 0; k < 4; k++)
        CHECK(texts[k] == texts[0]);
    router_free(router);
}

TEST(openapi_lint, "Redocly's recommended rules find nothing")
{
    char path[300], command[1600];
    struct made made;
    FILE *file;

    if (access("node_modules/.bin/redocly", X_OK) != 0)
        test_skip("no node_modules/.bin/redocly: run npm ci");
    make(&made);
    snprintf(path, sizeof(path), "%s/openapi.json", test_dir());
    file = fopen(path, "w");
    CHECK(file);
    CHECK_EQ_INT(fwrite(made.text.ptr, 1, made.text.len, file), made.text.len);
    CHECK_EQ_INT(fclose(file), 0);
    snprintf(command, sizeof(command),
             "REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly "
             "lint --extends recommended --max-problems 50 %s > %s.out 2>&1 && "
             "! grep -q -i warning %s.out || { cat %s.out >&2; false; }",
             path, path, path, path);
    CHECK_EQ_INT(system(command), 0);
    drop(&made);
}
