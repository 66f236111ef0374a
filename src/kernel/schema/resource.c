/*
 * resource.c - documents, the resources in them, and what references lead to.
 */
#include <string.h>

#include "kernel/schema/compile.h"
#include "kernel/schema/uri.h"

/* ---- Tables ---- */

struct place *compile_place(struct compile *c, struct json json)
{
    size_t hash = ((uintptr_t)json.doc >> 4) + json.at * UINT64_C(0x9e3779b97f4a7c15);
    struct place **at = &c->places[(hash >> 16 ^ hash) % TABLE_BUCKETS];

    for (; *at; at = &(*at)->next)
        if ((*at)->json.doc == json.doc && (*at)->json.at == json.at)
            return *at;
    *at = CX_NEW(c->cx, struct place);
    (*at)->json = json;
    return *at;
}

static struct named **named_at(struct compile *c, struct str uri)
{
    struct named **at = &c->names[str_hash(uri, 0) % TABLE_BUCKETS];

    while (*at && !str_eq((*at)->uri, uri))
        at = &(*at)->next;
    return at;
}

static enum err name_place(struct compile *c, struct str uri, struct place *place,
                           const struct schema_resource *resource, bool dynamic)
{
    struct named **at = named_at(c, uri);

    if (!*at) {
        *at = CX_NEW(c->cx, struct named);
        **at = (struct named){.uri = uri, .place = place, .resource = resource, .dynamic = dynamic};
        return OK;
    }
    if ((*at)->place == place) {
        (*at)->dynamic |= dynamic;
        return OK;
    }
    return fail(c->cx, ERR_UNPROCESSABLE, "schema_keyword",
                "two subschemas are named " STR_FMT "; rename one of them", STR_ARG(uri));
}

/* ---- Walking a document ---- */

static bool text_member(struct json object, const char *name, struct str *out)
{
    struct json v;

    if (!json_get(object, name, &v) || json_type(v) != JSON_TEXT)
        return false;
    *out = json_peek(v);
    return true;
}

/* The resource that json is the root of. */
static enum err open_resource(struct compile *c, struct json json, struct str uri,
                              unsigned vocabularies, const struct schema_resource **out)
{
    struct schema_resource *resource = KEEP_NEW(c, struct schema_resource);
    struct str dialect;

    *resource = (struct schema_resource){.uri = uri, .root = json, .vocabularies = vocabularies};
    *out = resource;
    if (json_type(json) == JSON_OBJECT && text_member(json, "$schema", &dialect))
        return compile_dialect(c, dialect, &resource->vocabularies);
    return OK;
}

static enum err open_id(struct compile *c, struct place *place, struct str id)
{
    const struct schema_resource *outer = place->resource;
    struct str full = uri_resolve(c->keep, outer->uri, id), uri, fragment;

    uri_cut(full, &uri, &fragment);
    if (fragment.len > 0)
        return fail_at(c->cx, ERR_UNPROCESSABLE, "schema_keyword", place->pointer.ptr,
                       "$id " STR_FMT " has a fragment; use $anchor for \"" STR_FMT "\"",
                       STR_ARG(id), STR_ARG(fragment));
    TRY(open_resource(c, place->json, uri, outer->vocabularies, &place->resource));
    place->pointer = STR("");
    return name_place(c, uri, place, place->resource, false);
}

static enum err open_anchor(struct compile *c, struct place *place, struct str anchor, bool dynamic)
{
    struct schema_resource *resource = (struct schema_resource *)place->resource;
    size_t size = resource->uri.len + 1 + anchor.len;
    struct text uri = {.ptr = compile_keep(c, size), .size = size};
    struct schema_anchor *made;

    text_add(&uri, resource->uri);
    text_add(&uri, STR("#"));
    text_add(&uri, anchor);
    TRY(name_place(c, (struct str){uri.ptr, uri.len}, place, resource, dynamic));
    if (!dynamic)
        return OK;
    made = KEEP_NEW(c, struct schema_anchor);
    *made = (struct schema_anchor){.name = anchor, .next = resource->dynamic};
    resource->dynamic = made;
    return compile_node(c, place->json, &made->node);
}

static enum err scan_names(struct compile *c, struct place *place)
{
    struct json object = place->json, recursive;
    struct str text;

    if (text_member(object, "$id", &text))
        TRY(open_id(c, place, text));
    if (text_member(object, "$anchor", &text))
        TRY(open_anchor(c, place, text, false));
    if (text_member(object, "$dynamicAnchor", &text))
        TRY(open_anchor(c, place, text, true));
    if (place->resource->vocabularies & VOCABULARY_2019_09 &&
        json_get(object, "$recursiveAnchor", &recursive) && json_type(recursive) == JSON_BOOL &&
        json_bool(recursive))
        return open_anchor(c, place, STR(""), true);
    return OK;
}

static enum err scan_inside(struct compile *c, const struct place *place, struct json value,
                            struct str pointer)
{
    size_t index = 0;

    for (struct json_iter it = json_iter(value); json_next(&it); index++) {
        struct str token = it.object ? it.key : cx_printf(c->cx, "%zu", index);

        if (json_type(it.value) == JSON_OBJECT || json_type(it.value) == JSON_BOOL)
            TRY(compile_scan(c, it.value, place->resource, compile_join(c, pointer, token)));
    }
    return OK;
}

static enum err scan_keyword(struct compile *c, const struct place *place, struct str name,
                             struct json value)
{
    const struct keyword *keyword = keyword_find(name, place->resource->vocabularies);
    enum json_type type = json_type(value);
    struct str pointer;

    if (!keyword || keyword->holds == HOLDS_VALUE)
        return OK;
    pointer = compile_join(c, place->pointer, name);
    if (type == JSON_LIST &&
        (keyword->holds == HOLDS_LIST || keyword->holds == HOLDS_SCHEMA_OR_LIST))
        return scan_inside(c, place, value, pointer);
    if (type == JSON_OBJECT && keyword->holds == HOLDS_MAP)
        return scan_inside(c, place, value, pointer);
    if ((type == JSON_OBJECT || type == JSON_BOOL) &&
        (keyword->holds == HOLDS_SCHEMA || keyword->holds == HOLDS_SCHEMA_OR_LIST))
        return compile_scan(c, value, place->resource, pointer);
    return OK;
}

enum err compile_scan(struct compile *c, struct json json, const struct schema_resource *resource,
                      struct str pointer)
{
    struct place *place = compile_place(c, json);

    if (place->scanned)
        return OK;
    place->scanned = true;
    place->resource = resource;
    place->pointer = pointer;
    if (json_type(json) != JSON_OBJECT)
        return OK;
    TRY(scan_names(c, place));
    for (struct json_iter it = json_iter(json); json_next(&it);)
        TRY(scan_keyword(c, place, it.key, it.value));
    return OK;
}

enum err compile_document(struct compile *c, struct json json, struct str uri)
{
    const struct schema_resource *resource;

    TRY(open_resource(c, json, uri, VOCABULARY_STANDARD | VOCABULARY_2020_12, &resource));
    TRY(name_place(c, uri, compile_place(c, json), resource, false));
    return compile_scan(c, json, resource, STR(""));
}

/* ---- References ---- */

static enum err load(struct compile *c, struct str uri)
{
    struct json json;
    struct str text;

    if (*named_at(c, uri) || !compile_registered(c, uri, &text))
        return OK;
    if (text.len > SCHEMA_BYTES_MAX)
        return fail(c->cx, ERR_TOO_LARGE, "schema_too_large",
                    STR_FMT " has %zu bytes; at most %d are read", STR_ARG(uri), text.len,
                    SCHEMA_BYTES_MAX);
    TRY(json_parse_exact(c->cx, text, &json));
    return compile_document(c, json_keep(c->keep, json), compile_copy(c, uri));
}

static bool list_item(struct json list, struct str token, struct json *out)
{
    int64_t index;

    if (!str_int(token, &index) || (token.len > 1 && token.ptr[0] == '0') || index < 0)
        return false;
    for (struct json_iter it = json_iter(list); json_next(&it); index--) {
        if (index == 0) {
            *out = it.value;
            return true;
        }
    }
    return false;
}

static struct str unescape(struct cx *cx, struct str token)
{
    struct text out = {.ptr = cx_alloc(cx, token.len + 1), .size = token.len + 1};

    for (size_t k = 0; k < token.len; k++) {
        bool escape = token.ptr[k] == '~' && k + 1 < token.len &&
                      (token.ptr[k + 1] == '0' || token.ptr[k + 1] == '1');

        if (escape)
            text_add(&out, token.ptr[++k] == '0' ? STR("~") : STR("/"));
        else
            text_add(&out, (struct str){token.ptr + k, 1});
    }
    return (struct str){out.ptr, out.len};
}

static bool step_into(struct json from, struct str token, struct json *out)
{
    if (json_type(from) == JSON_LIST)
        return list_item(from, token, out);
    if (json_type(from) != JSON_OBJECT)
        return false;
    for (struct json_iter it = json_iter(from); json_next(&it);) {
        if (str_eq(it.key, token)) {
            *out = it.value;
            return true;
        }
    }
    return false;
}

/* Follow a JSON pointer from a resource's root; false: it leads nowhere. */
static bool walk(struct compile *c, struct json *json, struct str pointer,
                 const struct schema_resource **resource, struct str *stands)
{
    struct str rest = {pointer.ptr + 1, pointer.len - 1}, token;
    bool last = false;

    *stands = STR("");
    while (!last) {
        const char *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
        const struct place *place;

        last = !slash;
        token = (struct str){rest.ptr, slash ? (size_t)(slash - rest.ptr) : rest.len};
        rest = last ? rest : (struct str){slash + 1, rest.len - token.len - 1};
        token = unescape(c->cx, token);
        if (!step_into(*json, token, json))
            return false;
        *stands = compile_join(c, *stands, token);
        place = compile_place(c, *json);
        if (place->scanned) {
            *resource = place->resource;
            *stands = place->pointer;
        }
    }
    return true;
}

static enum err unresolved(struct compile *c, const struct schema_node *node, const char *keyword,
                           struct str full, bool known)
{
    struct str at = compile_join(c, node->pointer, str_of(keyword));

    return fail_at(c->cx, ERR_UNPROCESSABLE, "schema_unresolved", at.ptr,
                   known ? "%s leads to " STR_FMT ", which has no such place; correct it"
                         : "%s leads to " STR_FMT
                           ", which is not registered (nothing is fetched); register it",
                   keyword, STR_ARG(full));
}

enum err compile_resolve(struct compile *c, const struct schema_node *node, const char *keyword,
                         struct str reference, const struct named **out)
{
    struct str full = uri_resolve(c->keep, node->resource->uri, reference), base, fragment;
    struct named *target, *made;
    const struct schema_resource *resource;
    struct str stands;
    struct json json;

    uri_cut(full, &base, &fragment);
    TRY(load(c, base));
    target = *named_at(c, base);
    if (!target)
        return unresolved(c, node, keyword, base, false);
    *out = target;
    if (fragment.len == 0)
        return OK;
    fragment = uri_decode(c->keep, fragment);
    if (fragment.ptr[0] != '/') {
        *out = *named_at(c, cx_printf(c->cx, STR_FMT "#" STR_FMT,
                                      STR_ARG(target->place->resource->uri), STR_ARG(fragment)));
        return *out ? OK : unresolved(c, node, keyword, full, true);
    }
    json = target->place->json;
    resource = target->place->resource;
    if (!walk(c, &json, fragment, &resource, &stands))
        return unresolved(c, node, keyword, full, true);
    made = CX_NEW(c->cx, struct named);
    *made = (struct named){.uri = full, .place = compile_place(c, json), .resource = resource};
    *out = made;
    return compile_scan(c, json, resource, stands);
}
