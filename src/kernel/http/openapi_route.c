/*
 * openapi_route.c - one operation of the OpenAPI document.
 */
#include <string.h>

#include "kernel/http/openapi.h"

static const struct {
    const char *name, *doc;
    int status;
} problems[API_PROBLEMS] = {
    [API_BAD_INPUT] = {"BadInput", "A field is wrong; `pointer` says which and `detail` why.", 400},
    [API_UNAUTHORIZED] = {"Unauthorized", "The API key is missing, unknown, revoked or expired.",
                          401},
    [API_FORBIDDEN] = {"Forbidden", "The API key lacks the scope of this operation.", 403},
    [API_NOT_FOUND] = {"NotFound", "What the path names does not exist.", 404},
    [API_CONFLICT] = {"Conflict",
                      "The state of things forbids it; `code` says why, other members say what.",
                      409},
    [API_TOO_LARGE] = {"TooLarge", "The body, or the work it asks for, is too large.", 413},
    [API_MEDIA] = {"UnsupportedMedia", "The body must be sent as application/json.", 415},
    [API_UNPROCESSABLE] = {"Unprocessable",
                           "The request is understood and refused, for example because its "
                           "Idempotency-Key was used with another body.",
                           422},
    [API_TOO_MANY] = {"TooMany", "Over the rate of this key; try again after Retry-After.", 429},
    [API_BUSY] = {"Busy", "More work waits than can be done in time; try again after Retry-After.",
                  503},
};

const char *api_problem_name(enum api_problem problem)
{
    return problems[problem].name;
}

int api_problem_status(enum api_problem problem)
{
    return problems[problem].status;
}

const char *api_problem_doc(enum api_problem problem)
{
    return problems[problem].doc;
}

void api_text(struct json_out *out, const char *key, const char *value)
{
    json_member_text(out, key, str_of(value));
}

void api_ref(struct json_out *out, const char *kind, struct str name)
{
    char ref[320];
    struct text text = {.ptr = ref, .size = sizeof(ref)};

    text_addf(&text, "#/components/%s/" STR_FMT, kind, STR_ARG(name));
    assert(!text.cut);
    json_object(out);
    json_member_text(out, "$ref", (struct str){ref, text.len});
    json_object_end(out);
}

static bool is_method(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0;
}

static bool is_idempotent(const struct route *route)
{
    return route->tx == TX_WRITE && is_method(route, "POST");
}

/* ---- Parameters ---- */

static void parameter_open(struct json_out *out, struct str name, const char *in, bool required)
{
    json_object(out);
    json_member_text(out, "name", name);
    api_text(out, "in", in);
    if (required)
        json_member_bool(out, "required", true);
}

static void put_id_schema(struct json_out *out, const char *prefix)
{
    char pattern[64];
    struct text text = {.ptr = pattern, .size = sizeof(pattern)};

    text_addf(&text, "^%s_[0-7][0-9A-HJKMNP-TV-Z]{%d}$", prefix, ID_TEXT_LEN - 1);
    api_text(out, "type", "string");
    json_member_text(out, "pattern", (struct str){pattern, text.len});
}

static void put_id_example(struct json_out *out, const char *prefix)
{
    char example[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];

    id_format(example, prefix, ROUTE_EXAMPLE_ID);
    api_text(out, "example", example);
}

static void put_path_parameter(struct json_out *out, const struct segment *segment)
{
    parameter_open(out, segment->text, "path", true);
    json_key(out, STR("schema"));
    json_object(out);
    if (segment->kind == SEGMENT_ID) {
        put_id_schema(out, segment->prefix);
    } else if (segment->kind == SEGMENT_INT) {
        api_text(out, "type", "integer");
        api_text(out, "format", "int64");
        json_member_int(out, "minimum", 0);
    } else {
        api_text(out, "type", "string");
        json_member_int(out, "minLength", 1);
        api_text(out, "pattern", "^[^\\u0000-\\u001f\\u007f]+$");
    }
    json_object_end(out);
    if (segment->kind == SEGMENT_ID)
        put_id_example(out, segment->prefix);
    else if (segment->kind == SEGMENT_INT)
        json_member_int(out, "example", 7);
    else
        api_text(out, "example", "u1");
    json_object_end(out);
}

static void put_limits(struct json_out *out, const struct field *field)
{
    bool text = field->type == FIELD_TEXT;
    bool limited = field->min != 0 || field->max != 0;

    if (text && field->min > 0)
        json_member_int(out, "minLength", field->min > 4 ? (field->min + 3) / 4 : 1);
    if (text)
        json_member_int(out, "maxLength", limited ? field->max : FIELD_TEXT_LEN_MAX);
    if (!text && limited) {
        json_member_int(out, "minimum", field->min);
        json_member_int(out, "maximum", field->max);
    }
}

/* Of a scalar as a query string carries it. */
static void put_scalar_schema(struct json_out *out, const struct field *field)
{
    json_object(out);
    switch (field->type) {
    case FIELD_BOOL:
        api_text(out, "type", "boolean");
        json_member_bool(out, "default", field->fallback != 0);
        break;
    case FIELD_INT:
        api_text(out, "type", "integer");
        api_text(out, "format", "int64");
        put_limits(out, field);
        if (field->fallback != 0)
            json_member_int(out, "default", field->fallback);
        break;
    case FIELD_DOUBLE:
        api_text(out, "type", "number");
        put_limits(out, field);
        break;
    case FIELD_ENUM:
        api_text(out, "type", "string");
        json_key(out, STR("enum"));
        json_list(out);
        for (int k = 0; field->names[k]; k++)
            json_put_text(out, str_of(field->names[k]));
        json_list_end(out);
        api_text(out, "default", field->names[field->fallback]);
        break;
    case FIELD_TIME:
        api_text(out, "type", "string");
        api_text(out, "format", "date-time");
        break;
    case FIELD_ID:
        put_id_schema(out, field->prefix);
        break;
    default:
        assert(field->type == FIELD_TEXT);
        api_text(out, "type", "string");
        put_limits(out, field);
    }
    json_object_end(out);
}

static void put_query_parameter(struct json_out *out, const struct field *field)
{
    bool required = field->flags & FIELD_REQUIRED;

    parameter_open(out, str_of(field->name), "query", required);
    if (field->doc)
        api_text(out, "description", field->doc);
    json_key(out, STR("schema"));
    put_scalar_schema(out, field);
    if (field->type == FIELD_ID)
        put_id_example(out, field->prefix);
    json_object_end(out);
}

/* OpenAPI ignores these three as parameters: they have places of their own. */
static bool is_ordinary_header(const char *name)
{
    return !str_eq_nocase(str_of(name), STR("Accept")) &&
           !str_eq_nocase(str_of(name), STR("Content-Type")) &&
           !str_eq_nocase(str_of(name), STR("Authorization"));
}

static void put_header_parameters(struct json_out *out, const struct route *route)
{
    for (int k = 0; k < ROUTE_HEADERS_MAX && route->headers[k]; k++) {
        if (!is_ordinary_header(route->headers[k]))
            continue;
        parameter_open(out, str_of(route->headers[k]), "header", false);
        json_key(out, STR("schema"));
        json_object(out);
        api_text(out, "type", "string");
        json_object_end(out);
        json_object_end(out);
    }
}

static void put_parameters(struct api *api, const struct route *route,
                           const struct pattern *pattern)
{
    struct json_out *out = api->out;
    const struct field *field = route->query;

    json_key(out, STR("parameters"));
    json_list(out);
    for (int k = 0; k < pattern->count; k++) {
        if (pattern->segments[k].kind != SEGMENT_LITERAL)
            put_path_parameter(out, &pattern->segments[k]);
    }
    for (; field && field->type != FIELD_END; field++)
        put_query_parameter(out, field);
    put_header_parameters(out, route);
    if (is_idempotent(route)) {
        api->idempotent = true;
        api_ref(out, "parameters", STR("IdempotencyKey"));
    }
    json_list_end(out);
}

/* ---- Bodies ---- */

/* "content": {TYPE: {"schema": ...}} with what stands between open and close. */
static void content_open(struct json_out *out, const char *type)
{
    json_key(out, STR("content"));
    json_object(out);
    json_key(out, str_of(type));
    json_object(out);
    json_key(out, STR("schema"));
}

static void content_close(struct json_out *out)
{
    json_object_end(out);
    json_object_end(out);
}

static void put_request_body(struct api *api, const struct route *route)
{
    struct json_out *out = api->out;

    json_key(out, STR("requestBody"));
    json_object(out);
    json_member_bool(out, "required", true);
    content_open(out, route->body ? "application/json" : "*/*");
    if (route->body) {
        api_ref(out, "schemas", api_schema_name(api, route->body, true));
    } else {
        json_object(out); /* Any bytes. */
        json_object_end(out);
    }
    content_close(out);
    json_object_end(out);
}

/* {"data": [...], "next": ...} */
static void put_page_schema(struct api *api, const struct route *route)
{
    struct json_out *out = api->out;

    json_object(out);
    api_text(out, "type", "object");
    json_key(out, STR("required"));
    json_list(out);
    json_put_text(out, STR("data"));
    json_put_text(out, STR("next"));
    json_list_end(out);
    json_key(out, STR("properties"));
    json_object(out);
    json_key(out, STR("data"));
    json_object(out);
    api_text(out, "type", "array");
    json_key(out, STR("items"));
    api_ref(out, "schemas", api_schema_name(api, route->reply, false));
    json_object_end(out);
    json_key(out, STR("next"));
    json_object(out);
    json_key(out, STR("type"));
    json_list(out);
    json_put_text(out, STR("string"));
    json_put_text(out, STR("null"));
    json_list_end(out);
    api_text(out, "description", "Give it as `cursor` to get the next page; null on the last.");
    json_object_end(out);
    json_object_end(out);
    json_object_end(out);
}

static void put_success(struct api *api, const struct route *route)
{
    struct json_out *out = api->out;
    int status = route->status ? route->status : is_method(route, "POST") ? 201 : 200;
    char code[16];
    struct text text = {.ptr = code, .size = sizeof(code)};

    text_addf(&text, "%d", status);
    json_key(out, (struct str){code, text.len});
    json_object(out);
    api_text(out, "description", status == 201 ? "Done; the answer is what was made." : "Done.");
    if (is_idempotent(route)) {
        json_key(out, STR("headers"));
        json_object(out);
        json_key(out, STR("Idempotency-Replayed"));
        api_ref(out, "headers", STR("IdempotencyReplayed"));
        json_object_end(out);
    }
    if (route->reply) {
        content_open(out, "application/json");
        if (route->page)
            put_page_schema(api, route);
        else
            api_ref(out, "schemas", api_schema_name(api, route->reply, false));
        content_close(out);
    }
    json_object_end(out);
}

/* ---- The operation ---- */

static unsigned problems_of(const struct route *route, const struct pattern *pattern)
{
    unsigned set = 1u << API_TOO_MANY;

    for (int k = 0; k < pattern->count; k++) {
        if (pattern->segments[k].kind != SEGMENT_LITERAL)
            set |= 1u << API_BAD_INPUT | 1u << API_NOT_FOUND;
    }
    if (route->query || route->body || is_idempotent(route))
        set |= 1u << API_BAD_INPUT;
    if (route->body || route->flags & ROUTE_RAW)
        set |= 1u << API_TOO_LARGE;
    if (route->body)
        set |= 1u << API_MEDIA;
    if (route->scope)
        set |= 1u << API_UNAUTHORIZED | 1u << API_FORBIDDEN;
    if (route->tx == TX_WRITE)
        set |= 1u << API_CONFLICT | 1u << API_UNPROCESSABLE;
    if (route->tx != TX_NONE)
        set |= 1u << API_BUSY;
    return set;
}

static void put_responses(struct api *api, const struct route *route, const struct pattern *pattern)
{
    unsigned set = problems_of(route, pattern);

    api->problems |= set;
    json_key(api->out, STR("responses"));
    json_object(api->out);
    put_success(api, route);
    for (int k = 0; k < API_PROBLEMS; k++) {
        char code[16];
        struct text text = {.ptr = code, .size = sizeof(code)};

        if (!(set & 1u << k))
            continue;
        text_addf(&text, "%d", problems[k].status);
        json_key(api->out, (struct str){code, text.len});
        api_ref(api->out, "responses", str_of(problems[k].name));
    }
    json_object_end(api->out);
}

static void put_security(struct api *api, const struct route *route)
{
    struct json_out *out = api->out;

    json_key(out, STR("security"));
    json_list(out);
    if (route->scope) {
        api->needs_key = true;
        json_object(out);
        json_key(out, STR("bearer"));
        json_list(out);
        json_put_text(out, str_of(route->scope));
        json_list_end(out);
        json_object_end(out);
    }
    json_list_end(out);
}

/* The first sentence of doc, without its full stop. */
static struct str summary_of(const char *doc)
{
    const char *end = strstr(doc, ". ");
    struct str s = str_of(doc);

    if (end)
        s.len = (size_t)(end - doc);
    else if (s.len > 1 && s.ptr[s.len - 1] == '.')
        s.len--;
    return s;
}

static void put_description(struct api *api, const struct route *route)
{
    size_t len = strlen(route->doc);
    const char *stop = route->doc[len - 1] == '.' ? "" : ".";
    struct str text;

    if (route->scope)
        text = cx_printf(api->cx, "%s%s Needs the scope `%s`.", route->doc, stop, route->scope);
    else
        text = cx_printf(api->cx, "%s%s Needs no API key.", route->doc, stop);
    json_member_text(api->out, "description", text);
}

void api_operation(struct api *api, const struct route *route)
{
    struct json_out *out = api->out;
    struct str name = api_name(api, route);
    struct pattern pattern;
    char why[PATTERN_WHY_LEN_MAX], method[16], *id = cx_alloc(api->cx, name.len);
    size_t len = strlen(route->method);
    bool good = pattern_parse(route->path, &pattern, why);

    assert(good);
    assert(len < sizeof(method));
    for (size_t k = 0; k < len; k++)
        method[k] = (char)(route->method[k] | 0x20);
    memcpy(id, name.ptr, name.len);
    id[0] = (char)(id[0] | 0x20); /* postOrders */
    json_key(out, (struct str){method, len});
    json_object(out);
    json_member_text(out, "operationId", (struct str){id, name.len});
    json_member_text(out, "summary", summary_of(route->doc));
    put_description(api, route);
    json_key(out, STR("tags"));
    json_list(out);
    json_put_text(out, str_of(router_module(api->router, route)->name));
    json_list_end(out);
    put_security(api, route);
    put_parameters(api, route, &pattern);
    if (route->body || (route->flags & ROUTE_RAW && !is_method(route, "GET")))
        put_request_body(api, route);
    put_responses(api, route, &pattern);
    json_object_end(out);
}
