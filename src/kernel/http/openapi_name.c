/*
 * openapi_name.c - names of operations and schemas, from method and path.
 */
#include <string.h>

#include "kernel/http/openapi.h"

enum { NAME_BYTES = 256 };

bool api_has(const struct route *route)
{
    return !(route->flags & ROUTE_ROOT) && strncmp(route->path, "/v1/", 4) == 0;
}

static struct pattern parsed(const struct route *route)
{
    struct pattern pattern;
    char why[PATTERN_WHY_LEN_MAX];
    bool good = pattern_parse(route->path, &pattern, why);

    assert(good); /* The router took it. */
    return pattern;
}

struct str api_path(struct cx *cx, const struct route *route)
{
    struct pattern pattern = parsed(route);
    struct text text = {.size = strlen(route->path) + 1};

    text.ptr = cx_alloc(cx, text.size);
    for (int k = 0; k < pattern.count; k++) {
        const struct segment *segment = &pattern.segments[k];

        text_add(&text, segment->kind == SEGMENT_LITERAL ? STR("/") : STR("/{"));
        text_add(&text, segment->text);
        text_add(&text, segment->kind == SEGMENT_LITERAL ? STR("") : STR("}"));
    }
    assert(!text.cut);
    return (struct str){text.ptr, text.len};
}

/* "bundle-items" becomes BundleItems. */
static void add_pascal(struct text *text, struct str s, bool lower_rest)
{
    bool start = true;

    for (size_t k = 0; k < s.len; k++) {
        char c = s.ptr[k];
        bool small = c >= 'a' && c <= 'z', large = c >= 'A' && c <= 'Z';
        bool digit = c >= '0' && c <= '9';

        if (!small && !large && !digit) {
            start = true;
            continue;
        }
        if (start && small)
            c = (char)(c - 'a' + 'A');
        else if (!start && large && lower_rest)
            c = (char)(c - 'A' + 'a');
        text_add(text, (struct str){&c, 1});
        start = false;
    }
}

static struct str name_of(struct cx *cx, const struct route *route)
{
    struct pattern pattern = parsed(route);
    struct text text = {.ptr = cx_alloc(cx, NAME_BYTES), .size = NAME_BYTES};

    add_pascal(&text, str_of(route->method), true);
    for (int k = 1; k < pattern.count; k++) { /* The first is "v1". */
        const struct segment *segment = &pattern.segments[k];

        if (segment->kind != SEGMENT_LITERAL)
            text_add(&text, STR("By"));
        add_pascal(&text, segment->text, false);
    }
    return (struct str){text.ptr, text.len};
}

struct str api_name(const struct api *api, const struct route *route)
{
    return api->names[router_index(api->router, route)];
}

static bool name_taken(const struct api *api, size_t count, struct str name)
{
    for (size_t k = 0; k < count; k++) {
        if (str_eq(api->names[k], name))
            return true;
    }
    return false;
}

/* "/v1/a-b" and "/v1/a/b" give one name: the later gets a number. */
static void name_routes(struct api *api)
{
    size_t count = router_count(api->router);

    api->names = CX_ARRAY(api->cx, struct str, count + 1);
    for (size_t k = 0; k < count; k++) {
        struct str base = name_of(api->cx, router_route(api->router, k)), name = base;

        for (int number = 2; name_taken(api, k, name); number++)
            name = cx_printf(api->cx, STR_FMT "%d", STR_ARG(base), number);
        api->names[k] = name;
    }
}

static const struct api_schema *find(const struct api *api, const struct field *fields,
                                     bool request)
{
    for (size_t k = 0; k < api->schema_count; k++) {
        const struct api_schema *schema = &api->schemas[k];

        if (schema->fields == fields && schema->request == request)
            return schema;
    }
    return NULL;
}

static void collect(struct api *api, const struct route *route, const struct field *fields,
                    bool request)
{
    const char *suffix = request ? "Request" : route->page ? "Item" : "Reply";
    struct str name = api_name(api, route);

    if (!fields || find(api, fields, request))
        return;
    name = cx_printf(api->cx, STR_FMT "%s", STR_ARG(name), suffix);
    api->schemas[api->schema_count++] =
        (struct api_schema){.fields = fields, .request = request, .name = name};
}

void api_collect(struct api *api)
{
    size_t count = router_count(api->router);

    name_routes(api);
    api->schemas = CX_ARRAY(api->cx, struct api_schema, 2 * count + 1);
    for (size_t k = 0; k < count; k++) {
        const struct route *route = router_route(api->router, k);

        if (!api_has(route))
            continue;
        collect(api, route, route->body, true);
        collect(api, route, route->reply, false);
    }
}

struct str api_schema_name(const struct api *api, const struct field *fields, bool request)
{
    const struct api_schema *schema = find(api, fields, request);

    assert(schema);
    return schema->name;
}
