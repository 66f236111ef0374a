/*
 * json_value.c - values in and out of JSON.
 */
#include "kernel/rule/json_value.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

#include "kernel/rule/net.h"
#include "kernel/rule/number.h"
#include "kernel/rule/type.h"

enum { OUT_DEPTH_MAX = JSON_OUT_DEPTH_MAX - 6 };

/* ---- Plain ---- */

static struct rule_value list_of(struct cx *cx, struct json json)
{
    struct rule_value *items = CX_ARRAY(cx, struct rule_value, json_count(json) + 1);
    size_t count = 0;

    for (struct json_iter it = json_iter(json); json_next(&it);)
        items[count++] = rule_of_json(cx, it.value);
    return rule_of_list(items, count);
}

static struct rule_value map_of(struct cx *cx, struct json json)
{
    struct rule_map *map = rule_map_new(&cx->arena, json_count(json));

    for (struct json_iter it = json_iter(json); json_next(&it);)
        (void)rule_map_put(map, rule_of_text(cx_copy(cx, it.key)), rule_of_json(cx, it.value));
    return rule_of_map(map);
}

struct rule_value rule_of_json(struct cx *cx, struct json json)
{
    switch (json_type(json)) {
    case JSON_BOOL:
        return rule_of_bool(json_bool(json));
    case JSON_INT:
        return rule_of_int(json_int(json));
    case JSON_UINT:
        return rule_of_uint(json_uint(json));
    case JSON_DOUBLE:
        return rule_of_double(json_double(json));
    case JSON_TEXT:
        return rule_of_text(json_text(cx, json));
    case JSON_LIST:
        return list_of(cx, json);
    case JSON_OBJECT:
        return map_of(cx, json);
    default:
        return rule_of_null();
    }
}

/* ---- Tagged, in ---- */

static bool is_number(struct json json)
{
    enum json_type type = json_type(json);

    return type == JSON_INT || type == JSON_UINT || type == JSON_DOUBLE;
}

/* A number, or one written as text. */
static bool read_int(struct json json, int64_t *out)
{
    if (json_type(json) == JSON_TEXT)
        return rule_read_int(json_peek(json), out);
    if (json_type(json) != JSON_INT)
        return false;
    *out = json_int(json);
    return true;
}

static bool read_number(struct str tag, struct json v, struct rule_value *out)
{
    if (str_is(tag, "int")) {
        out->kind = RULE_INT;
        return read_int(v, &out->i);
    }
    if (str_is(tag, "uint")) {
        out->kind = RULE_UINT;
        if (json_type(v) == JSON_TEXT)
            return rule_read_uint(json_peek(v), 10, &out->u);
        out->u = json_type(v) == JSON_UINT ? json_uint(v) : 0;
        return json_type(v) == JSON_UINT || (read_int(v, &out->i) && out->i >= 0);
    }
    out->kind = RULE_DOUBLE;
    if (json_type(v) == JSON_TEXT)
        return rule_read_double(json_peek(v), &out->d);
    out->d = is_number(v) ? json_double(v) : 0;
    return is_number(v);
}

static bool read_moment(struct json json, bool timestamp, struct rule_value *out)
{
    struct json s, n;
    int64_t seconds, nanos = 0, ns;

    if (!json_get(json, "s", &s) || !read_int(s, &seconds))
        return false;
    if (json_get(json, "n", &n) && !read_int(n, &nanos))
        return false;
    if (timestamp) {
        *out = rule_of_timestamp(seconds, (uint32_t)nanos);
        return nanos >= 0 && nanos < RULE_SECOND_NS && seconds >= RULE_TIMESTAMP_LEAST &&
               seconds <= RULE_TIMESTAMP_MOST;
    }
    if (__builtin_mul_overflow(seconds, RULE_SECOND_NS, &ns) ||
        __builtin_add_overflow(ns, nanos, &ns))
        return false;
    *out = rule_of_duration(ns);
    return true;
}

static bool read_bytes(struct cx *cx, struct json json, struct rule_value *out)
{
    struct json text;
    struct str base64;
    char *ptr;
    size_t len;

    if (!json_get(json, "b64", &text) || json_type(text) != JSON_TEXT)
        return false;
    base64 = json_peek(text);
    ptr = cx_alloc(cx, base64.len + 1);
    if (sodium_base642bin((unsigned char *)ptr, base64.len + 1, base64.ptr, base64.len, NULL, &len,
                          NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    *out = rule_of_bytes((struct str){ptr, len});
    return true;
}

static bool read_list(struct cx *cx, struct json v, struct rule_value *out)
{
    struct rule_value *items;
    size_t count = 0;

    if (json_type(v) != JSON_LIST)
        return false;
    items = CX_ARRAY(cx, struct rule_value, json_count(v) + 1);
    for (struct json_iter it = json_iter(v); json_next(&it);)
        if (!rule_read_tagged(cx, it.value, &items[count++]))
            return false;
    *out = rule_of_list(items, count);
    return true;
}

static bool read_pair(struct cx *cx, struct json json, struct rule_value pair[2])
{
    struct json_iter it = json_iter(json);

    for (int k = 0; k < 2; k++)
        if (!json_next(&it) || !rule_read_tagged(cx, it.value, &pair[k]))
            return false;
    return rule_key_ok(pair[0]);
}

static bool read_map(struct cx *cx, struct json v, struct rule_value *out)
{
    struct rule_value pair[2];
    struct rule_map *map;

    if (json_type(v) != JSON_LIST)
        return false;
    map = rule_map_new(&cx->arena, json_count(v));
    for (struct json_iter it = json_iter(v); json_next(&it);)
        if (json_type(it.value) != JSON_LIST || !read_pair(cx, it.value, pair) ||
            !rule_map_put(map, pair[0], pair[1]))
            return false;
    *out = rule_of_map(map);
    return true;
}

static bool read_type(struct cx *cx, struct json v, struct rule_value *out)
{
    const struct rule_type *type = json_type(v) == JSON_TEXT ? rule_type_named(json_peek(v)) : NULL;

    (void)cx;
    if (type)
        *out = rule_of_type(type);
    return type != NULL;
}

static bool read_optional(struct cx *cx, struct json json, struct rule_value *out)
{
    struct rule_value *some = CX_NEW(cx, struct rule_value);
    struct json v;

    *out = rule_of_optional(NULL);
    if (!json_get(json, "v", &v) || json_type(v) == JSON_NULL)
        return true;
    out->items = some;
    return rule_read_tagged(cx, v, some);
}

static bool read_with_value(struct cx *cx, struct str tag, struct json v, struct rule_value *out)
{
    if (str_is(tag, "bool")) {
        *out = rule_of_bool(json_type(v) == JSON_BOOL && json_bool(v));
        return json_type(v) == JSON_BOOL;
    }
    if (str_is(tag, "string")) {
        *out = json_type(v) == JSON_TEXT ? rule_of_text(json_text(cx, v)) : *out;
        return json_type(v) == JSON_TEXT;
    }
    if (str_is(tag, "list"))
        return read_list(cx, v, out);
    if (str_is(tag, "map"))
        return read_map(cx, v, out);
    if (str_is(tag, "type"))
        return read_type(cx, v, out);
    return (str_is(tag, "int") || str_is(tag, "uint") || str_is(tag, "double")) &&
           read_number(tag, v, out);
}

bool rule_read_tagged(struct cx *cx, struct json json, struct rule_value *out)
{
    struct json tag, v;
    struct str t;

    *out = rule_of_null();
    if (json_type(json) != JSON_OBJECT || !json_get(json, "t", &tag) || json_type(tag) != JSON_TEXT)
        return false;
    t = json_peek(tag);
    if (str_is(t, "null"))
        return true;
    if (str_is(t, "bytes"))
        return read_bytes(cx, json, out);
    if (str_is(t, "timestamp") || str_is(t, "duration"))
        return read_moment(json, str_is(t, "timestamp"), out);
    if (str_is(t, "optional"))
        return read_optional(cx, json, out);
    return json_get(json, "v", &v) && read_with_value(cx, t, v, out);
}

/* ---- Tagged, out ---- */

static void put_tag(struct json_out *out, const char *tag)
{
    json_object(out);
    json_member_text(out, "t", str_of(tag));
}

static void put_decimal(struct json_out *out, struct rule_value v)
{
    char text[24];
    int len = v.kind == RULE_INT ? snprintf(text, sizeof(text), "%" PRId64, v.i)
                                 : snprintf(text, sizeof(text), "%" PRIu64, v.u);

    put_tag(out, v.kind == RULE_INT ? "int" : "uint");
    json_member_text(out, "v", (struct str){text, (size_t)len});
}

static void put_double(struct json_out *out, double d)
{
    char text[RULE_DOUBLE_TEXT_MAX];

    put_tag(out, "double");
    json_key(out, STR("v"));
    if (isfinite(d))
        json_put_double(out, d);
    else
        json_put_text(out, (struct str){text, rule_write_double(text, d, true)});
}

static void put_bytes(struct json_out *out, struct str bytes)
{
    size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = cx_alloc(out->cx, size);

    put_tag(out, "bytes");
    sodium_bin2base64(text, size, (const unsigned char *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    json_member_text(out, "b64", str_of(text));
}

static void put_moment(struct json_out *out, struct rule_value v)
{
    bool timestamp = v.kind == RULE_TIMESTAMP;

    put_tag(out, timestamp ? "timestamp" : "duration");
    json_member_int(out, "s", timestamp ? v.i : v.i / RULE_SECOND_NS);
    json_member_int(out, "n", timestamp ? v.len : v.i % RULE_SECOND_NS);
}

static bool put_list(struct json_out *out, struct rule_value v)
{
    put_tag(out, "list");
    json_key(out, STR("v"));
    json_list(out);
    for (uint32_t k = 0; k < v.len; k++)
        if (!rule_write_tagged(out, v.items[k]))
            return false;
    json_list_end(out);
    return true;
}

static bool put_map(struct json_out *out, const struct rule_map *map)
{
    put_tag(out, "map");
    json_key(out, STR("v"));
    json_list(out);
    for (uint32_t k = 0; k < map->count; k++) {
        json_list(out);
        if (!rule_write_tagged(out, map->keys[k]) || !rule_write_tagged(out, map->values[k]))
            return false;
        json_list_end(out);
    }
    json_list_end(out);
    return true;
}

static bool put_optional(struct json_out *out, struct rule_value v)
{
    put_tag(out, "optional");
    json_key(out, STR("v"));
    if (v.items)
        return rule_write_tagged(out, *v.items);
    json_put_null(out);
    return true;
}

static void put_net(struct json_out *out, struct rule_value v)
{
    char text[RULE_NET_TEXT_MAX];
    size_t len = rule_write_net(text, v);

    put_tag(out, v.kind == RULE_IP ? "net.IP" : "net.CIDR");
    json_member_text(out, "v", (struct str){text, len});
}

static bool put_scalar(struct json_out *out, struct rule_value v)
{
    switch (v.kind) {
    case RULE_BOOL:
        put_tag(out, "bool");
        json_member_bool(out, "v", v.truth);
        return true;
    case RULE_INT:
    case RULE_UINT:
        put_decimal(out, v);
        return true;
    case RULE_DOUBLE:
        put_double(out, v.d);
        return true;
    case RULE_STRING:
        put_tag(out, "string");
        json_member_text(out, "v", rule_text(v));
        return true;
    case RULE_BYTES:
        put_bytes(out, rule_text(v));
        return true;
    case RULE_TIMESTAMP:
    case RULE_DURATION:
        put_moment(out, v);
        return true;
    case RULE_TYPE:
        put_tag(out, "type");
        json_member_text(out, "v", v.type->name);
        return true;
    case RULE_IP:
    case RULE_CIDR:
        put_net(out, v);
        return true;
    default:
        put_tag(out, "null");
        return true;
    }
}

bool rule_write_tagged(struct json_out *out, struct rule_value v)
{
    bool good;

    if (out->depth > OUT_DEPTH_MAX)
        return false;
    switch (v.kind) {
    case RULE_LIST:
        good = put_list(out, v);
        break;
    case RULE_MAP:
        good = put_map(out, v.map);
        break;
    case RULE_OPTIONAL:
        good = put_optional(out, v);
        break;
    default:
        good = put_scalar(out, v);
    }
    if (good)
        json_object_end(out);
    return good;
}
