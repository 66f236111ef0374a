/*
 * router_test.c - the router finds what its table says and nothing else.
 *
 * Goal: show precedence, typed parameters, clashes and refusals, with every path of the brief and
 * memory starved in steps.
 */
#include "kernel/http/router.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/http/pattern.h"
#include "test/kit/test.h"

enum { BUDGET = 1 << 20 };

static enum err handle(struct req *req)
{
    (void)req;
    return OK;
}

#define ROW(method_, path_)                                                                        \
    {                                                                                              \
        .method = (method_), .path = (path_), .handle = handle, .doc = "Row."                      \
    }

static const struct module shop = {
    .name = "shop",
    .routes = ROUTES(ROW("GET", "/"), ROW("GET", "/v1/orders"), ROW("POST", "/v1/orders"),
                     ROW("GET", "/v1/orders/{id:ord}"), ROW("POST", "/v1/orders/search"),
                     ROW("POST", "/v1/orders/{id:ord}/payments"),
                     ROW("GET", "/v1/orders/{id:ord}/lines/{line:int}"),
                     ROW("GET", "/v1/users/{user}/entitlements"), ROW("GET", "/v1/users/me/name")),
};
static const struct module stock = {
    .name = "stock",
    .routes = ROUTES(ROW("GET", "/v1/stock/{sku:sku}"), ROW("DELETE", "/v1/stock/{sku:sku}"),
                     ROW("GET", "/hooks/{a}/{b}/{c}/{d}"), ROW("HEAD", "/v1/head"),
                     ROW("GET", "/v1/a/b/c/d/e/f/g/h/i")),
};
static const struct module idle = {.name = "idle"};
static const struct module *const both[] = {&shop, &idle, &stock, NULL};

static struct router *make(const struct module *const *modules)
{
    struct problem problem = {.err = OK};
    struct router *router = router_make(modules, &problem);

    CHECK_SAY(router, "%s", problem.detail);
    return router;
}

/* One lookup: its route's path, or the code of the failure. */
struct found {
    struct cx cx;
    struct req req;
    enum err err;
};

static void find_in(const struct router *router, struct found *found, const char *method,
                    const char *path)
{
    *found = (struct found){.err = OK};
    cx_open(&found->cx, env_system(), BUDGET);
    found->req.cx = &found->cx;
    found->err = router_find(router, &found->req, str_of(method), str_of(path));
}

static const char *name_of(const struct found *found)
{
    return found->err == OK ? found->req.route->path : found->cx.problem.code;
}

static void check_find(const char *method, const char *path, const char *wanted)
{
    struct router *router = make(both);
    struct found found;

    find_in(router, &found, method, path);
    CHECK_SAY(strcmp(name_of(&found), wanted) == 0, "%s %s: %s, wanted %s", method, path,
              name_of(&found), wanted);
    cx_close(&found.cx);
    router_free(router);
}

#define ID "ord_0000000000007"

TEST(router_finds, "every row of the table is found by its path")
{
    check_find("GET", "/", "/");
    check_find("GET", "/v1/orders", "/v1/orders");
    check_find("POST", "/v1/orders", "/v1/orders");
    check_find("GET", "/v1/orders/" ID, "/v1/orders/{id:ord}");
    check_find("POST", "/v1/orders/" ID "/payments", "/v1/orders/{id:ord}/payments");
    check_find("GET", "/v1/orders/" ID "/lines/3", "/v1/orders/{id:ord}/lines/{line:int}");
    check_find("GET", "/v1/stock/sku_7ZZZZZZZZZZZZ", "/v1/stock/{sku:sku}");
    check_find("GET", "/hooks/1/2/3/4", "/hooks/{a}/{b}/{c}/{d}");
    check_find("GET", "/v1/a/b/c/d/e/f/g/h/i", "/v1/a/b/c/d/e/f/g/h/i");
}

TEST(router_literal_wins, "a literal wins over a parameter, and gives way where it leads nowhere")
{
    check_find("POST", "/v1/orders/search", "/v1/orders/search");
    check_find("GET", "/v1/users/me/name", "/v1/users/me/name");
    check_find("GET", "/v1/users/me/entitlements", "/v1/users/{user}/entitlements");
    check_find("GET", "/v1/users/you/name", "no_such_route");
}

TEST(router_misses, "what is not a row is not found: no trailing slash, no empty segment")
{
    static const char *const paths[] = {"",
                                        "v1/orders",
                                        "//",
                                        "/v1",
                                        "/v1/",
                                        "/v1/orders/",
                                        "/v1//orders",
                                        "//v1/orders",
                                        "/v1/orders//",
                                        "/V1/orders",
                                        "/v1/order",
                                        "/v1/orderss",
                                        "/v1/%6frders",
                                        "*",
                                        "/v1/users//entitlements",
                                        "/hooks/1/2/3",
                                        "/hooks/1/2/3/4/5",
                                        "/hooks/1/2/3/4/",
                                        "/v1/a/b/c/d/e/f/g/h/i/j",
                                        "/v1/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"};

    for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
        check_find("GET", paths[k], "no_such_route");
}

TEST(router_method, "a path without the method answers 405 and says which it takes")
{
    static const struct {
        const char *method, *path, *allow;
    } rows[] = {{"DELETE", "/v1/orders", "GET, POST"},
                {"HEAD", "/v1/orders/" ID "/payments", "POST"},
                {"BREW", "/v1/orders/" ID, "GET"},
                {"get", "/v1/orders", "GET, POST"},
                {"", "/v1/orders", "GET, POST"},
                {"POST", "/v1/stock/sku_0000000000001", "DELETE, GET"},
                {"GET", "/v1/orders/search", "POST"}};
    struct router *router = make(both);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct found found;

        find_in(router, &found, rows[k].method, rows[k].path);
        CHECK_EQ_INT(found.err, ERR_METHOD);
        CHECK_EQ_STR(found.cx.problem.code, "method_not_allowed");
        CHECK_EQ_INT(found.cx.problem.member_count, 1);
        CHECK_EQ_STR(found.cx.problem.members[0].name, "allow");
        CHECK_EQ_TEXT(found.cx.problem.members[0].value, rows[k].allow);
        cx_close(&found.cx);
    }
    router_free(router);
}

TEST(router_head, "HEAD finds the GET route, or its own")
{
    check_find("HEAD", "/v1/orders", "/v1/orders");
    check_find("HEAD", "/v1/orders/" ID, "/v1/orders/{id:ord}");
    check_find("HEAD", "/v1/head", "/v1/head");
    check_find("GET", "/v1/head", "method_not_allowed");
}

TEST(router_ids, "an id is its prefix and 13 digits, else 404 says what it looks like")
{
    static const char *const bad[] = {"search",
                                      "ord_000000000000",
                                      "ord_00000000000007",
                                      "ord_8000000000000",
                                      "ord_0000000000000",
                                      "ord_000000000000i",
                                      "ORD_0000000000007",
                                      "sku_0000000000007",
                                      "ord%5F000000000007",
                                      "ord-0000000000007"};
    struct router *router = make(both);
    struct found found;
    char path[80];

    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        snprintf(path, sizeof(path), "/v1/orders/%s/payments", bad[k]);
        find_in(router, &found, "POST", path);
        CHECK_EQ_INT(found.err, ERR_NOT_FOUND);
        CHECK_EQ_STR(found.cx.problem.code, "bad_id");
        CHECK(strstr(found.cx.problem.detail, "{id}"));
        CHECK(strstr(found.cx.problem.detail, "like ord_0"));
        cx_close(&found.cx);
    }
    find_in(router, &found, "POST", "/v1/orders/ord_7ZZZZZZZZZZZZ/payments");
    CHECK_EQ_INT(found.err, OK);
    CHECK_EQ_INT(found.req.params[0].id, INT64_MAX);
    CHECK_EQ_TEXT(found.req.params[0].text, "ord_7ZZZZZZZZZZZZ");
    cx_close(&found.cx);
    /* The first bad parameter is the one that is named. */
    find_in(router, &found, "GET", "/v1/orders/x/lines/y");
    CHECK_EQ_STR(found.cx.problem.code, "bad_id");
    CHECK(strstr(found.cx.problem.detail, "{id}"));
    cx_close(&found.cx);
    router_free(router);
}

TEST(router_ints, "a whole number has one way to be written")
{
    static const struct {
        const char *text;
        int64_t number;
    } good[] = {{"0", 0}, {"7", 7}, {"10", 10}, {"9223372036854775807", INT64_MAX}};
    static const char *const bad[] = {"-1",  "+1",  "01", "00", "1.0", "9223372036854775808",
                                      "1e3", "0x1", "a",  "%31"};
    struct router *router = make(both);
    struct found found;
    char path[80];

    for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++) {
        snprintf(path, sizeof(path), "/v1/orders/" ID "/lines/%s", good[k].text);
        find_in(router, &found, "GET", path);
        CHECK_EQ_INT(found.err, OK);
        CHECK_EQ_INT(found.req.params[0].id, 7);
        CHECK_EQ_INT(found.req.params[1].id, good[k].number);
        CHECK_EQ_TEXT(found.req.params[1].text, good[k].text);
        cx_close(&found.cx);
    }
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        snprintf(path, sizeof(path), "/v1/orders/" ID "/lines/%s", bad[k]);
        find_in(router, &found, "GET", path);
        CHECK_EQ_STR(name_of(&found), "bad_id");
        CHECK(strstr(found.cx.problem.detail, "{line}"));
        cx_close(&found.cx);
    }
    router_free(router);
}

TEST(router_texts, "a text segment is decoded, and must be UTF-8 without control characters")
{
    static const struct {
        const char *segment, *text; /* NULL: refused. */
    } rows[] = {
        {"u1", "u1"},        {"a+b", "a+b"}, {"%E5%BC%A0%e4%b8%89", "\xE5\xBC\xA0\xE4\xB8\x89"},
        {"a%2Fb", "a/b"},    {"..", ".."},   {"%25", "%"},
        {"%", NULL},         {"%4", NULL},   {"%4g", NULL},
        {"a%", NULL},        {"%00", NULL},  {"a%0Ab", NULL},
        {"%7f", NULL},       {"%C3", NULL},  {"%C0%AF", NULL},
        {"%ED%A0%80", NULL}, {"%FF", NULL}};
    struct router *router = make(both);
    struct found found;
    char path[80];

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        snprintf(path, sizeof(path), "/v1/users/%s/entitlements", rows[k].segment);
        find_in(router, &found, "GET", path);
        if (rows[k].text) {
            CHECK_EQ_INT(found.err, OK);
            CHECK_EQ_TEXT(found.req.params[0].text, rows[k].text);
        } else {
            CHECK_EQ_INT(found.err, ERR_BAD_INPUT);
            CHECK_EQ_STR(found.cx.problem.code, "bad_encoding");
        }
        cx_close(&found.cx);
    }
    router_free(router);
}

TEST(router_indexes, "indexes are dense, in the order of the table, and lead back")
{
    struct router *router = make(both);
    size_t count = 0;

    for (const struct module *const *m = both; *m; m++) {
        for (const struct route *r = (*m)->routes; r && r->method; r++, count++) {
            CHECK(router_route(router, count) == r);
            CHECK_EQ_INT(router_index(router, r), count);
            CHECK(router_module(router, r) == *m);
        }
    }
    CHECK_EQ_INT(router_count(router), count);
    router_free(router);
}

/* ---- The table itself ---- */

/* What router_make says of two rows, NULL when it takes them. */
static const char *verdict(struct route a, struct route b, struct problem *problem)
{
    const struct route rows[] = {a, b, {0}};
    const struct module one = {.name = "one", .routes = rows};
    const struct module *const modules[] = {&one, NULL};
    struct router *router = router_make(modules, problem);

    if (!router)
        return problem->code;
    router_free(router);
    return NULL;
}

TEST(router_clashes, "rows that could match one path stop the boot and are named")
{
    static const struct {
        const char *method_a, *a, *method_b, *b;
        bool clash;
    } rows[] = {
        {"GET", "/v1/a", "GET", "/v1/a", true},
        {"GET", "/v1/a", "POST", "/v1/a", false},
        {"GET", "/v1/{x}", "GET", "/v1/{x}", true},
        {"GET", "/v1/{x}", "GET", "/v1/{y}", true},
        {"GET", "/v1/{x}", "POST", "/v1/{y}", true},          /* One path, two names. */
        {"GET", "/v1/{x:ord}", "POST", "/v1/{x:sku}", true},  /* One path, two types. */
        {"GET", "/v1/{x}", "GET", "/v1/a", false},            /* The literal wins. */
        {"GET", "/v1/{x}/a", "GET", "/v1/{y}/b", false},      /* Literals part them. */
        {"GET", "/v1/{x}/a", "GET", "/v1/b/{y}", false},      /* The first literal wins. */
        {"GET", "/v1/{x}/{y}", "GET", "/v1/{z:ord}/a", true}, /* Neither wins. */
        {"GET", "/v1/{x:sku}/{y}", "GET", "/v1/{z:ord}/a", false},
        {"GET", "/v1/{x:int}/{y}", "GET", "/v1/{z:ord}/a", false},
        {"GET", "/v1/{x}/{y}", "POST", "/v1/{z:ord}/a", false},
        {"GET", "/v1/{x}", "GET", "/v1/{x}/a", false},
        {"GET", "/", "GET", "/", true},
    };
    struct problem problem;

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const char *code = verdict((struct route)ROW(rows[k].method_a, rows[k].a),
                                   (struct route)ROW(rows[k].method_b, rows[k].b), &problem);

        CHECK_SAY(!code == !rows[k].clash, "%s and %s: %s", rows[k].a, rows[k].b,
                  code ? code : "taken");
        if (!code)
            continue;
        CHECK_EQ_STR(code, "route_clash");
        CHECK(strstr(problem.detail, rows[k].a));
        CHECK(strstr(problem.detail, rows[k].b));
    }
}

TEST(router_malformed, "a malformed pattern stops the boot and is named")
{
    static const char *const good[] = {"/",
                                       "/a",
                                       "/{a}",
                                       "/a-b.c_~9Z",
                                       "/{a}/{b}/{c}/{d}",
                                       "/{a:int}",
                                       "/{long_name:abcdefgh}",
                                       "/1/2/3/4/5/6/7/8/9/0"};
    static const char *const bad[] = {"",
                                      "a",
                                      "a/b",
                                      "//",
                                      "/a/",
                                      "/a//b",
                                      "/{",
                                      "/}",
                                      "/{}",
                                      "/{a",
                                      "/a}",
                                      "/{a}b",
                                      "/x{a}",
                                      "/{:int}",
                                      "/{a:}",
                                      "/{A}",
                                      "/{a:Int}",
                                      "/{a:a1}",
                                      "/{a:a:b}",
                                      "/{a:abcdefghi}",
                                      "/a b",
                                      "/a%20",
                                      "/\xE5",
                                      "/{a}/{a}",
                                      "/a?b",
                                      "/a#",
                                      "/{1}",
                                      "/{a}/{b}/{c}/{d}/{e}",
                                      "/1/2/3/4/5/6/7/8/9/0/1"};
    const struct route other = ROW("POST", "/other");
    struct problem problem;

    for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++)
        CHECK_SAY(!verdict((struct route)ROW("GET", good[k]), other, &problem), "%s: %s", good[k],
                  problem.detail);
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        const char *code = verdict(other, (struct route)ROW("GET", bad[k]), &problem);

        CHECK_SAY(code, "%s was taken", bad[k]);
        CHECK_EQ_STR(code, "bad_route");
        CHECK(strstr(problem.detail, "module one, route GET"));
    }
}

TEST(router_rows, "a row that cannot be right stops the boot")
{
    static const struct field nested[] = {{.name = "x", .type = FIELD_JSON}, F_END};
    static const struct field flat[] = {{.name = "x", .type = FIELD_INT}, F_END};
    const struct route other = ROW("POST", "/other");
    const struct route bad[] = {
        {.method = "BREW", .path = "/a", .handle = handle, .doc = "."},
        {.method = "GET", .path = "/a", .doc = "."},
        {.method = "GET", .path = "/a", .handle = handle},
        {.method = "GET", .path = NULL, .handle = handle, .doc = "."},
        {.method = "POST", .path = "/a", .handle = handle, .doc = ".", .body = flat},
        {.method = "POST", .path = "/a", .handle = handle, .doc = ".", .body_size = 8},
        {.method = "GET", .path = "/a", .handle = handle, .doc = ".", .body = flat, .body_size = 8},
        {.method = "GET", .path = "/a", .handle = handle, .doc = ".", .query = flat},
        {.method = "GET", .path = "/a", .handle = handle, .doc = ".", .page = true},
        {.method = "GET",
         .path = "/a",
         .handle = handle,
         .doc = ".",
         .query = nested,
         .query_size = 16},
    };
    struct problem problem;

    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        const char *code = verdict(other, bad[k], &problem);

        CHECK_SAY(code, "row %zu was taken", k);
        CHECK_EQ_STR(code, "bad_route");
    }
}

TEST(router_full, "as many routes as the limit are found, one more is refused")
{
    static char paths[ROUTES_MAX + 1][32];
    static struct route rows[ROUTES_MAX + 2];
    const struct module one = {.name = "one", .routes = rows};
    const struct module *const modules[] = {&one, NULL};
    struct problem problem;
    struct router *router;

    for (int k = 0; k <= ROUTES_MAX; k++) {
        snprintf(paths[k], sizeof(paths[k]), "/v1/%c%d/{id:ord}/x", 'a' + k % 26, k / 26);
        rows[k] = (struct route)ROW("GET", paths[k]);
    }
    CHECK(!router_make(modules, &problem));
    CHECK_EQ_STR(problem.code, "too_many_routes");
    rows[ROUTES_MAX] = (struct route){0};
    router = make(modules);
    for (int k = 0; k < ROUTES_MAX; k++) {
        struct found found;
        char path[64];

        snprintf(path, sizeof(path), "/v1/%c%d/" ID "/x", 'a' + k % 26, k / 26);
        find_in(router, &found, "GET", path);
        CHECK_EQ_STR(name_of(&found), paths[k]);
        cx_close(&found.cx);
    }
    router_free(router);
}

/* ---- Memory starved in steps ---- */

static enum err starved_find(const struct router *router, const char *method, const char *path,
                             size_t budget_bytes)
{
    struct cx cx;
    struct req req = {.cx = &cx};
    volatile enum err err = ERR_TOO_LARGE;
    jmp_buf exhausted;

    cx_open(&cx, env_system(), budget_bytes);
    if (setjmp(exhausted) == 0) {
        cx.arena.exhausted = &exhausted;
        err = router_find(router, &req, str_of(method), str_of(path));
    }
    cx_close(&cx);
    return err;
}

TEST(router_starved, "with any budget a lookup answers cleanly")
{
    static const struct {
        const char *method, *path;
        enum err err;
    } rows[] = {{"GET", "/v1/orders/" ID "/lines/3", OK},
                {"GET", "/hooks/%E5%BC%A0/b/a%20long%20third%20segment/d", OK},
                {"DELETE", "/v1/orders", ERR_METHOD}};
    struct router *router = make(both);

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        size_t budget = 0;
        enum err err;

        for (;; budget += 16) {
            err = starved_find(router, rows[k].method, rows[k].path, budget);
            if (err != ERR_TOO_LARGE)
                break;
            CHECK(budget < 4096);
        }
        CHECK_EQ_INT(err, rows[k].err);
        CHECK(budget > 0); /* The loop did starve it. */
    }
    router_free(router);
}
