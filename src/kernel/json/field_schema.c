/*
 * field_schema.c - field tables as JSON Schema, the dialect of OpenAPI 3.1.
 *
 * Limits bind those who send: only the schema of a request has them.
 */
#include "kernel/json/field_priv.h"

static void put_limit(struct json_out *out, const char *key, int64_t value, bool given)
{
    if (given)
        json_member_int(out, key, value);
}

/* "type": name, or [name, "null"]. */
static void put_type(struct json_out *out, const char *name, bool nullable)
{
    json_key(out, STR("type"));
    if (!nullable) {
        json_put_text(out, str_of(name));
        return;
    }
    json_list(out);
    json_put_text(out, str_of(name));
    json_put_text(out, STR("null"));
    json_list_end(out);
}

static void put_number(struct json_out *out, const struct field *field, bool request)
{
    struct limits limits = field_limits(field);
    bool whole = field->type == FIELD_INT;
    bool limited = request && (field->min != 0 || field->max != 0);

    put_type(out, whole ? "integer" : "number", false);
    json_member_text(out, "format", whole ? STR("int64") : STR("double"));
    put_limit(out, "minimum", limits.min, limited);
    put_limit(out, "maximum", limits.max, limited && limits.max != INT64_MAX);
}

static void put_names(struct json_out *out, const struct field *field)
{
    put_type(out, "string", false);
    json_key(out, STR("enum"));
    json_list(out);
    for (const char *const *name = field->names; *name; name++)
        json_put_text(out, str_of(*name));
    json_list_end(out);
}

static void put_id(struct json_out *out, const struct field *field, bool nullable)
{
    char pattern[64];
    struct text text = {.ptr = pattern, .size = sizeof(pattern)};

    put_type(out, "string", nullable);
    text_addf(&text, "^%s_[0-9A-HJKMNP-TV-Z]{%d}$", field->prefix, ID_TEXT_LEN);
    assert(!text.cut);
    json_member_text(out, "pattern", (struct str){pattern, text.len});
}

static void put_closed(struct json_out *out, bool request)
{
    if (request)
        json_member_bool(out, "additionalProperties", false);
}

static void put_money(struct json_out *out, const struct field *field, bool request, bool nullable)
{
    struct limits limits = field_limits(field);

    put_type(out, "object", nullable);
    json_key(out, STR("properties"));
    json_object(out);
    json_key(out, STR("amount"));
    json_object(out);
    json_member_text(out, "type", STR("integer"));
    json_member_text(out, "format", STR("int64"));
    put_limit(out, "minimum", limits.min, request);
    put_limit(out, "maximum", limits.max, request);
    json_member_text(out, "description", STR("In minor units of the currency."));
    json_object_end(out);
    json_key(out, STR("currency"));
    json_put_raw(out, STR("{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\","
                          "\"description\":\"ISO 4217 code.\"}"));
    json_object_end(out);
    json_key(out, STR("required"));
    json_put_raw(out, STR("[\"amount\",\"currency\"]"));
    put_closed(out, request);
}

static void put_members(struct json_out *out, const struct field *fields, bool request);
static void put_type_of(struct json_out *out, const struct field *field, bool request,
                        bool nullable);

static void put_list(struct json_out *out, const struct field *field, bool request)
{
    struct field item = {.type = field->item, .prefix = field->prefix, .names = field->names};
    struct limits limits = field_limits(field);

    put_type(out, "array", false);
    json_key(out, STR("items"));
    json_object(out);
    if (field->fields)
        put_members(out, field->fields, request);
    else
        put_type_of(out, &item, request, false);
    json_object_end(out);
    put_limit(out, "minItems", limits.min, request && limits.min > 0);
    put_limit(out, "maxItems", limits.max, request);
}

static void put_map(struct json_out *out, const struct field *field, bool request)
{
    struct limits limits = field_limits(field);

    put_type(out, "object", false);
    json_key(out, STR("additionalProperties"));
    json_object(out);
    json_member_text(out, "type", STR("string"));
    put_limit(out, "maxLength", FIELD_TEXT_LEN_MAX, request);
    json_object_end(out);
    put_limit(out, "minProperties", limits.min, request && limits.min > 0);
    put_limit(out, "maxProperties", limits.max, request);
}

/* Lengths of a schema are characters of up to four bytes, ours are bytes: what it refuses, we
 * refuse too. */
static void put_text(struct json_out *out, const struct field *field, bool request, bool nullable)
{
    struct limits limits = field_limits(field);

    put_type(out, "string", nullable);
    put_limit(out, "minLength", (limits.min + 3) / 4, request && limits.min > 0);
    put_limit(out, "maxLength", limits.max, request);
}

static void put_type_of(struct json_out *out, const struct field *field, bool request,
                        bool nullable)
{
    switch (field->type) {
    case FIELD_BOOL:
        put_type(out, "boolean", false);
        break;
    case FIELD_INT:
    case FIELD_DOUBLE:
        put_number(out, field, request);
        break;
    case FIELD_TEXT:
        put_text(out, field, request, nullable);
        break;
    case FIELD_ENUM:
        put_names(out, field);
        break;
    case FIELD_TIME:
        put_type(out, "string", nullable);
        json_member_text(out, "format", STR("date-time"));
        break;
    case FIELD_ID:
        put_id(out, field, nullable);
        break;
    case FIELD_MONEY:
        put_money(out, field, request, nullable);
        break;
    case FIELD_OBJECT:
        assert(field->fields);
        put_members(out, field->fields, request);
        break;
    case FIELD_LIST:
        put_list(out, field, request);
        break;
    case FIELD_MAP:
        put_map(out, field, request);
        break;
    case FIELD_JSON: /* Any value: no type. */
    case FIELD_END:
        break;
    }
}

/* What a member that may be left out stands for, where that is worth saying. */
static void put_default(struct json_out *out, const struct field *field)
{
    if (field->type == FIELD_ENUM)
        json_member_text(out, "default", str_of(field->names[field->fallback]));
    else if (field->fallback != 0 && field->type == FIELD_BOOL)
        json_member_bool(out, "default", true);
    else if (field->fallback != 0 && (field->type == FIELD_INT || field->type == FIELD_DOUBLE))
        json_member_int(out, "default", field->fallback);
}

static bool shown(const struct field *field, bool request)
{
    return !(field->flags & (request ? FIELD_SQL_ONLY | FIELD_OUT_ONLY : FIELD_SQL_ONLY));
}

/* In a request, what must be given; in a reply, what is always there. */
static bool required(const struct field *field, bool request)
{
    if (!shown(field, request))
        return false;
    return request ? field->flags & FIELD_REQUIRED : !(field->flags & FIELD_OMIT);
}

static void put_required(struct json_out *out, const struct field *fields, bool request)
{
    bool any = false;

    for (const struct field *f = fields; f->type != FIELD_END; f++)
        any |= required(f, request);
    if (!any)
        return;
    json_key(out, STR("required"));
    json_list(out);
    for (const struct field *f = fields; f->type != FIELD_END; f++)
        if (required(f, request))
            json_put_text(out, str_of(f->name));
    json_list_end(out);
}

static void put_members(struct json_out *out, const struct field *fields, bool request)
{
    put_type(out, "object", false);
    json_key(out, STR("properties"));
    json_object(out);
    for (const struct field *f = fields; f->type != FIELD_END; f++) {
        bool nullable =
            !request && field_nullable(f) && !(f->flags & (FIELD_OMIT | FIELD_REQUIRED));

        if (!shown(f, request))
            continue;
        json_key(out, str_of(f->name));
        json_object(out);
        put_type_of(out, f, request, nullable);
        if (request && !(f->flags & FIELD_REQUIRED))
            put_default(out, f);
        if (f->doc)
            json_member_text(out, "description", str_of(f->doc));
        json_object_end(out);
    }
    json_object_end(out);
    put_required(out, fields, request);
    put_closed(out, request);
}

void field_schema(struct json_out *out, const struct field *fields, bool request)
{
    json_object(out);
    put_members(out, fields, request);
    json_object_end(out);
}
