/*
 * router_fuzz.c - any method, path and query against a table with every kind of pattern.
 *
 * Input: method, path and query, a line each.  Checked: the router agrees with a slow matcher that
 * tries every row; an id or number formats back to the text it came from; decoded text is UTF-8
 * without control characters and survives another trip; a refusal names its cause.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/http/pattern.h"
#include "test/kit/fuzz.h"

enum { BUDGET = 8 << 20 };

static enum err handle(struct req *req)
{
    (void)req;
    return OK;
}

struct asked {
    struct str text;
    int64_t n, time_ms, id;
    bool yes;
    double d;
    int kind;
};
static const char *const kinds[] = {"goods", "course", NULL};
static const struct field asked_fields[] = {
    F(asked, text, .min = 1, .max = 20),
    F(asked, n, .min = -5, .max = 500, .fallback = 1),
    F_TIME(asked, time_ms, "time"),
    F_ID(asked, id, "ord"),
    F(asked, yes),
    F(asked, d, .min = -10, .max = 10),
    F_ENUM(asked, kind, kinds),
    F_END,
};

#define ROW(method_, path_)                                                                        \
    {                                                                                              \
        .method = (method_), .path = (path_), .handle = handle, .doc = "."                         \
    }
static const struct module shop = {
    .name = "shop",
    .routes = ROUTES(ROW("GET", "/"), ROW("GET", "/v1/orders"), ROW("POST", "/v1/orders"),
                     ROW("GET", "/v1/orders/{id:ord}"), ROW("POST", "/v1/orders/search"),
                     ROW("PUT", "/v1/orders/{id:ord}/lines/{line:int}"),
                     ROW("GET", "/v1/orders/{id:ord}/notes/{note}"), ROW("HEAD", "/v1/head"),
                     ROW("DELETE", "/v1/{a}/{b}/{c}/{d}"), ROW("GET", "/v1/x/{n:int}"),
                     ROW("PATCH", "/v1/x/{id:sku}/y"), ROW("GET", "/1/2/3/4/5/6/7/8/9/{last}")),
};
static const struct module *const modules[] = {&shop, NULL};

/* ---- The slow matcher ---- */

static bool fits(const struct segment *segment, struct str piece)
{
    char text[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];
    int64_t number = 0;
    size_t len = 0;

    if (segment->kind == SEGMENT_LITERAL)
        return str_eq(piece, segment->text);
    if (segment->kind == SEGMENT_TEXT)
        return true;
    if (segment->kind == SEGMENT_INT) {
        if (!str_int(piece, &number) || number < 0)
            return false;
        len = (size_t)snprintf(text, sizeof(text), "%" PRId64, number);
    } else if (id_parse(piece, segment->prefix, &number)) {
        len = id_format(text, segment->prefix, number);
    }
    return str_eq(piece, (struct str){text, len});
}

static bool path_fits(const struct pattern *pattern, struct str path)
{
    struct str piece;

    if (str_is(path, "/"))
        return pattern->count == 0;
    for (int k = 0; k < pattern->count; k++) {
        if (!path_segment(&path, &piece) || !fits(&pattern->segments[k], piece))
            return false;
    }
    return path.len == 0 && pattern->count > 0;
}

/* Does any row take method (NULL: any method) at path? */
static bool any_fits(const struct router *router, const char *method, struct str path)
{
    for (size_t k = 0; k < router_count(router); k++) {
        const struct route *route = router_route(router, k);
        struct pattern pattern;
        char why[PATTERN_WHY_LEN_MAX];

        must(pattern_parse(route->path, &pattern, why), "a good pattern is refused");
        if ((!method || strcmp(route->method, method) == 0) && path_fits(&pattern, path))
            return true;
    }
    return false;
}

/* ---- What was found ---- */

static void check_text(struct cx *cx, struct str text)
{
    char *encoded = cx_alloc(cx, 3 * text.len + 1);
    struct str again;

    must(str_utf8(text), "decoded text is not UTF-8");
    for (size_t k = 0; k < text.len; k++) {
        must((unsigned char)text.ptr[k] >= 0x20 && text.ptr[k] != 0x7f, "a control character");
        snprintf(encoded + 3 * k, 4, "%%%02x", (unsigned char)text.ptr[k]);
    }
    must(percent_decode(cx, (struct str){encoded, 3 * text.len}, true, &again) == OK &&
             str_eq(again, text),
         "decoded text does not survive another trip");
}

static void check_params(struct req *req)
{
    struct pattern pattern;
    char why[PATTERN_WHY_LEN_MAX];
    int param = 0;

    must(pattern_parse(req->route->path, &pattern, why), "a good pattern is refused");
    for (int k = 0; k < pattern.count; k++) {
        const struct segment *segment = &pattern.segments[k];

        if (segment->kind == SEGMENT_LITERAL)
            continue;
        must(req->params[param].text.len > 0, "an empty parameter");
        must(fits(segment, req->params[param].text), "a parameter does not fit its type");
        must(segment->kind == SEGMENT_INT || segment->kind == SEGMENT_TEXT ||
                 req->params[param].id > 0,
             "an id without a number");
        check_text(req->cx, req->params[param].text);
        param++;
    }
}

static void check_find(struct cx *cx, const struct router *router, struct str method,
                       struct str path)
{
    struct req req = {.cx = cx};
    enum err err = router_find(router, &req, method, path);
    char name[16];
    bool fits_method;

    snprintf(name, sizeof(name), STR_FMT, (int)(method.len < 15 ? method.len : 15), method.ptr);
    fits_method =
        str_is(method, name) && (any_fits(router, name, path) ||
                                 (strcmp(name, "HEAD") == 0 && any_fits(router, "GET", path)));
    must((err == OK) == (cx->problem.err == OK), "an answer and its problem disagree");
    must(err == OK || cx->problem.detail[0], "a refusal without a reason");
    switch (err) {
    case OK:
        must(fits_method, "found what does not fit");
        check_params(&req);
        break;
    case ERR_BAD_INPUT:
        must(fits_method && strcmp(cx->problem.code, "bad_encoding") == 0, "a false bad_encoding");
        break;
    case ERR_METHOD:
        must(!fits_method && any_fits(router, NULL, path), "a false 405");
        must(cx->problem.member_count == 1, "405 without its methods");
        break;
    default:
        must(err == ERR_NOT_FOUND && !any_fits(router, NULL, path), "a false 404");
    }
}

static void check_query(struct cx *cx, struct str query)
{
    struct asked asked;
    enum err err;

    fail_clear(cx);
    err = query_decode(cx, asked_fields, query, &asked, sizeof(asked));
    if (err != OK) {
        must(err == ERR_BAD_INPUT && cx->problem.detail[0], "a refusal without a reason");
        return;
    }
    must(asked.n >= -5 && asked.n <= 500, "n out of range");
    must(asked.d >= -10 && asked.d <= 10, "d out of range");
    must(asked.kind >= 0 && asked.kind <= 1, "kind out of range");
    must(asked.text.len <= 20 && (!asked.text.ptr || asked.text.len > 0), "text out of range");
    check_text(cx, asked.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct router *router;
    struct str rest = {(const char *)data, size}, method = STR(""), path = STR("");
    struct problem problem;
    struct cx cx;

    if (size == 0)
        return 0;
    if (!router)
        router = router_make(modules, &problem);
    must(router, problem.detail);
    str_cut(&rest, '\n', &method);
    str_cut(&rest, '\n', &path);
    cx_open(&cx, env_system(), BUDGET);
    check_find(&cx, router, method, path);
    check_query(&cx, rest);
    cx_close(&cx);
    return 0;
}
