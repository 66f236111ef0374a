/*
 * openapi.c - the OpenAPI 3.1 document, from the module tables.
 */
#include "kernel/http/openapi.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/version.h"
#include "kernel/http/trie.h"

enum {
    DOCUMENT_SIZE_HINT = 64 * 1024,
    DOCUMENT_BYTES_MAX = 64 << 20, /* Of all that is needed to write it: 9 MB for 1,024 routes. */
};

static const char api_doc[] =
    "Errors are RFC 9457 problem documents: `code` is stable and for programs, `detail` says what "
    "to do next, `pointer` names the field at fault. Every POST that writes takes an "
    "`Idempotency-Key`: the same key and body get the first answer again. Lists come in pages "
    "`{\"data\", \"next\"}`; give `next` back as `cursor`. Money is an integer of minor units with "
    "its currency, times are RFC 3339 in UTC.";

static void object_open(struct json_out *out, const char *key)
{
    json_key(out, str_of(key));
    json_object(out);
}

static void put_info(struct json_out *out)
{
    object_open(out, "info");
    api_text(out, "title", "Grevy");
    api_text(out, "version", GREVY_VERSION);
    api_text(out, "summary", "Grow, sell and deliver on one durable kernel.");
    api_text(out, "description", api_doc);
    object_open(out, "license");
    api_text(out, "name", "Apache-2.0");
    api_text(out, "url", "https://www.apache.org/licenses/LICENSE-2.0");
    json_object_end(out);
    json_object_end(out);
    json_key(out, STR("servers"));
    json_list(out);
    json_object(out);
    api_text(out, "url", "/");
    api_text(out, "description", "This server.");
    json_object_end(out);
    json_list_end(out);
}

/* ---- Tags: one per module that has a route here ---- */

static void add_names(struct text *text, const char *lead, const char *const *names)
{
    text_add(text, str_of(lead));
    for (size_t k = 0; names[k]; k++)
        text_addf(text, "%s%s", k ? ", " : "", names[k]);
    text_add(text, STR(". "));
}

static size_t tag_doc_bytes(const struct module *module)
{
    const struct producer *producer = module->produces;
    size_t bytes = 128 + strlen(module->name);

    for (size_t k = 0; module->needs && module->needs[k]; k++)
        bytes += strlen(module->needs[k]) + 2;
    for (; producer && producer->type; producer++)
        bytes += strlen(producer->type) + (producer->doc ? strlen(producer->doc) : 0) + 16;
    return bytes;
}

static struct str tag_doc(struct cx *cx, const struct module *module)
{
    const struct producer *producer = module->produces;
    struct text text = {.size = tag_doc_bytes(module)};

    text.ptr = cx_alloc(cx, text.size);
    text_addf(&text, "Module %s. ", module->name);
    if (module->needs && module->needs[0])
        add_names(&text, "Needs ", module->needs);
    for (; producer && producer->type; producer++)
        text_addf(&text, "Event `%s`: %s ", producer->type, producer->doc ? producer->doc : "");
    assert(!text.cut);
    return str_trim((struct str){text.ptr, text.len});
}

static void put_tags(struct api *api)
{
    const struct module *last = NULL;

    json_key(api->out, STR("tags"));
    json_list(api->out);
    for (size_t k = 0; k < router_count(api->router); k++) {
        const struct route *route = router_route(api->router, k);
        const struct module *module = router_module(api->router, route);

        if (module == last || !api_has(route)) /* Routes of a module stand together. */
            continue;
        last = module;
        json_object(api->out);
        api_text(api->out, "name", module->name);
        json_member_text(api->out, "description", tag_doc(api->cx, module));
        json_object_end(api->out);
    }
    json_list_end(api->out);
}

/* ---- Paths ---- */

/* All operations of the path of route number first. */
static void put_path(struct api *api, const struct str *paths, size_t first)
{
    json_key(api->out, paths[first]);
    json_object(api->out);
    for (size_t k = first; k < router_count(api->router); k++) {
        if (str_eq(paths[k], paths[first]))
            api_operation(api, router_route(api->router, k));
    }
    json_object_end(api->out);
}

static void put_paths(struct api *api)
{
    size_t count = router_count(api->router);
    struct str *paths = CX_ARRAY(api->cx, struct str, count + 1);

    for (size_t k = 0; k < count; k++) {
        const struct route *route = router_route(api->router, k);

        if (api_has(route))
            paths[k] = api_path(api->cx, route);
    }
    object_open(api->out, "paths");
    for (size_t k = 0; k < count; k++) {
        bool first = paths[k].ptr != NULL;

        for (size_t j = 0; j < k && first; j++)
            first = !str_eq(paths[j], paths[k]);
        if (first)
            put_path(api, paths, k);
    }
    json_object_end(api->out);
}

/* ---- Components ---- */

static void put_security_scheme(struct json_out *out)
{
    object_open(out, "securitySchemes");
    object_open(out, "bearer");
    api_text(out, "type", "http");
    api_text(out, "scheme", "bearer");
    api_text(out, "description",
             "An API key of one space: `Authorization: Bearer KEY`. A key has scopes such as "
             "`order:write`; `order:*` stands for all of a module and `*` for everything. Each "
             "operation names the scope it needs.");
    json_object_end(out);
    json_object_end(out);
}

static void put_idempotency(struct json_out *out)
{
    object_open(out, "parameters");
    object_open(out, "IdempotencyKey");
    api_text(out, "name", "Idempotency-Key");
    api_text(out, "in", "header");
    api_text(out, "description",
             "Chosen by the client, new for each new request, kept for 24 hours: a repeat with the "
             "same body gets the first answer, with another body 422.");
    object_open(out, "schema");
    api_text(out, "type", "string");
    json_member_int(out, "minLength", 1);
    json_member_int(out, "maxLength", 255);
    json_object_end(out);
    api_text(out, "example", "5f0c1c52-7f0a-4c11-9d6e-6f1b1d7a2e90");
    json_object_end(out);
    json_object_end(out);
}

static void put_retry_after(struct json_out *out)
{
    object_open(out, "RetryAfter");
    api_text(out, "description", "Seconds to wait before the next try.");
    object_open(out, "schema");
    api_text(out, "type", "integer");
    json_member_int(out, "minimum", 1);
    json_object_end(out);
    json_object_end(out);
}

static void put_headers(const struct api *api)
{
    struct json_out *out = api->out;

    object_open(out, "headers");
    if (api->idempotent) {
        object_open(out, "IdempotencyReplayed");
        api_text(out, "description",
                 "`true` when this is the stored answer to an earlier request.");
        object_open(out, "schema");
        api_text(out, "type", "string");
        json_key(out, STR("enum"));
        json_list(out);
        json_put_text(out, STR("true"));
        json_list_end(out);
        json_object_end(out);
        json_object_end(out);
    }
    if (api->problems & (1u << API_TOO_MANY | 1u << API_BUSY))
        put_retry_after(out);
    json_object_end(out);
}

static void put_response(struct json_out *out, enum api_problem problem)
{
    bool waits = problem == API_TOO_MANY || problem == API_BUSY;

    object_open(out, api_problem_name(problem));
    api_text(out, "description", api_problem_doc(problem));
    if (waits) {
        object_open(out, "headers");
        json_key(out, STR("Retry-After"));
        api_ref(out, "headers", STR("RetryAfter"));
        json_object_end(out);
    }
    object_open(out, "content");
    object_open(out, "application/problem+json");
    json_key(out, STR("schema"));
    api_ref(out, "schemas", STR("Problem"));
    json_object_end(out);
    json_object_end(out);
    json_object_end(out);
}

static void put_property(struct json_out *out, const char *name, const char *type, const char *doc)
{
    object_open(out, name);
    api_text(out, "type", type);
    api_text(out, "description", doc);
    json_object_end(out);
}

static void put_problem_schema(struct json_out *out)
{
    static const char *const required[] = {"type", "title", "status", "code", "detail"};

    object_open(out, "Problem");
    api_text(out, "type", "object");
    api_text(out, "description",
             "RFC 9457. Members beside these belong to the code, such as the SKU of "
             "`out_of_stock`.");
    json_key(out, STR("required"));
    json_list(out);
    for (size_t k = 0; k < sizeof(required) / sizeof(required[0]); k++)
        json_put_text(out, str_of(required[k]));
    json_list_end(out);
    object_open(out, "properties");
    put_property(out, "type", "string", "`urn:grevy:problem:` and the code.");
    put_property(out, "title", "string", "What kind of failure this is.");
    put_property(out, "status", "integer", "The HTTP status.");
    put_property(out, "code", "string", "What went wrong, for programs; stable.");
    put_property(out, "detail", "string", "What went wrong and what to do next, for people.");
    put_property(out, "pointer", "string",
                 "JSON pointer of the field at fault, or `?name` of a query parameter.");
    json_object_end(out);
    json_member_bool(out, "additionalProperties", true);
    json_key(out, STR("example"));
    json_put_raw(
        out,
        STR("{\"type\":\"urn:grevy:problem:out_of_stock\",\"title\":\"Conflict\",\"status\":409,"
            "\"code\":\"out_of_stock\",\"detail\":\"only 2 of 3 are left: order "
            "fewer or wait\"}"));
    json_object_end(out);
}

static void put_components(const struct api *api)
{
    struct json_out *out = api->out;

    object_open(out, "components");
    if (api->needs_key)
        put_security_scheme(out);
    if (api->idempotent)
        put_idempotency(out);
    put_headers(api);
    object_open(out, "responses");
    for (int k = 0; k < API_PROBLEMS; k++) {
        if (api->problems & 1u << k)
            put_response(out, (enum api_problem)k);
    }
    json_object_end(out);
    object_open(out, "schemas");
    if (api->problems)
        put_problem_schema(out);
    for (size_t k = 0; k < api->schema_count; k++) {
        json_key(out, api->schemas[k].name);
        field_schema(out, api->schemas[k].fields, api->schemas[k].request);
    }
    json_object_end(out);
    json_object_end(out);
}

static struct str write_document(struct cx *cx, const struct router *router)
{
    struct json_out out;
    struct api api = {.cx = cx, .router = router, .out = &out};

    api_collect(&api);
    json_open(&out, cx, DOCUMENT_SIZE_HINT);
    json_object(&out);
    api_text(&out, "openapi", "3.1.0");
    put_info(&out);
    put_tags(&api);
    put_paths(&api);
    put_components(&api);
    json_object_end(&out);
    return json_done(&out);
}

/* A copy of the text on the heap; NULL without memory. */
static struct document *make_document(struct cx *scratch, const struct router *router)
{
    struct document *document;
    jmp_buf exhausted;
    struct str text;

    if (setjmp(exhausted) != 0)
        return NULL;
    scratch->arena.exhausted = &exhausted;
    text = write_document(scratch, router);
    document = malloc(sizeof(*document) + text.len);
    if (!document)
        return NULL;
    document->len = text.len;
    memcpy(document->bytes, text.ptr, text.len);
    return document;
}

/* Threads that ask at once may each write one; the first is kept. */
struct str openapi_document(struct cx *cx, const struct router *router)
{
    struct document *document = atomic_load(router->document), *kept = NULL;
    struct cx scratch;

    if (document)
        return (struct str){document->bytes, document->len};
    cx_open(&scratch, cx->env, DOCUMENT_BYTES_MAX);
    document = make_document(&scratch, router);
    cx_close(&scratch);
    if (!document) /* Ends the unit of work, now that nothing is held. */
        return (struct str){cx_alloc(cx, DOCUMENT_BYTES_MAX), 0};
    if (!atomic_compare_exchange_strong(router->document, &kept, document)) {
        free(document);
        document = kept;
    }
    return (struct str){document->bytes, document->len};
}
