/*
 * field_write.c - structs into JSON by field tables.
 */
#include "kernel/json/field_priv.h"

enum { REPLY_SIZE_HINT = 512 }; /* Most fit; the others grow once or twice. */

bool field_nullable(const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_TIME:
    case FIELD_ID:
    case FIELD_MONEY:
    case FIELD_JSON:
        return true;
    default:
        return false;
    }
}

static bool all_absent(const struct field *fields, const char *base);

static bool absent(const struct field *field, const char *base)
{
    const char *at = base + field->offset;

    switch (field->type) {
    case FIELD_BOOL:
        return *(const bool *)at == (field->fallback != 0);
    case FIELD_INT:
        return *(const int64_t *)at == field->fallback;
    case FIELD_DOUBLE:
        return *(const double *)at == (double)field->fallback;
    case FIELD_ENUM:
        return *(const int *)at == (int)field->fallback;
    case FIELD_TIME:
    case FIELD_ID:
        return *(const int64_t *)at == 0;
    case FIELD_MONEY:
        return !((const struct str *)(base + field->currency_offset))->ptr;
    case FIELD_TEXT:
    case FIELD_JSON:
        return !((const struct str *)at)->ptr;
    case FIELD_LIST:
    case FIELD_MAP:
        return ((const struct list *)at)->count == 0;
    case FIELD_OBJECT:
        return all_absent(field->fields, at);
    case FIELD_END:
        break;
    }
    return true;
}

static bool all_absent(const struct field *fields, const char *base)
{
    for (; fields->type != FIELD_END; fields++)
        if (!(fields->flags & FIELD_SQL_ONLY) && !absent(fields, base))
            return false;
    return true;
}

static void put_time(struct json_out *out, int64_t ms)
{
    char text[TIME_TEXT_LEN + 1];

    time_format(text, ms);
    json_put_text(out, (struct str){text, TIME_TEXT_LEN});
}

static void put_id(struct json_out *out, const char *prefix, int64_t id)
{
    char text[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];

    json_put_text(out, (struct str){text, id_format(text, prefix, id)});
}

static void put_money(struct json_out *out, const struct field *field, const char *base)
{
    json_object(out);
    json_member_int(out, "amount", *(const int64_t *)(base + field->offset));
    json_member_text(out, "currency", *(const struct str *)(base + field->currency_offset));
    json_object_end(out);
}

static void put_enum(struct json_out *out, const char *const *names, int value)
{
    assert(value >= 0);
    for (int k = 0; k <= value; k++)
        assert(names[k]);
    json_put_text(out, str_of(names[value]));
}

static void put_value(struct json_out *out, const struct field *field, const char *base);

static void put_list(struct json_out *out, const struct field *field, const struct list *list)
{
    struct field item = {.type = field->item, .prefix = field->prefix, .names = field->names};
    const char *at = list->items;

    json_list(out);
    for (size_t k = 0; k < list->count; k++, at += field->size) {
        if (field->fields)
            field_write(out, field->fields, at);
        else
            put_value(out, &item, at);
    }
    json_list_end(out);
}

static void put_map(struct json_out *out, const struct list *map)
{
    json_object(out);
    for (size_t k = 0; k < map->count; k++) {
        const struct pair *pair = LIST_AT(*map, const struct pair, k);

        json_key(out, pair->key);
        json_put_text(out, pair->value);
    }
    json_object_end(out);
}

static void put_value(struct json_out *out, const struct field *field, const char *base)
{
    const char *at = base + field->offset;

    switch (field->type) {
    case FIELD_BOOL:
        json_put_bool(out, *(const bool *)at);
        break;
    case FIELD_INT:
        json_put_int(out, *(const int64_t *)at);
        break;
    case FIELD_DOUBLE:
        json_put_double(out, *(const double *)at);
        break;
    case FIELD_TEXT:
        json_put_text(out, *(const struct str *)at);
        break;
    case FIELD_ENUM:
        put_enum(out, field->names, *(const int *)at);
        break;
    case FIELD_TIME:
        put_time(out, *(const int64_t *)at);
        break;
    case FIELD_ID:
        put_id(out, field->prefix, *(const int64_t *)at);
        break;
    case FIELD_MONEY:
        put_money(out, field, base);
        break;
    case FIELD_OBJECT:
        assert(field->fields);
        field_write(out, field->fields, at);
        break;
    case FIELD_LIST:
        put_list(out, field, (const struct list *)at);
        break;
    case FIELD_MAP:
        put_map(out, (const struct list *)at);
        break;
    case FIELD_JSON:
        json_put_raw(out, *(const struct str *)at);
        break;
    case FIELD_END:
        break;
    }
}

void field_write(struct json_out *out, const struct field *fields, const void *value)
{
    const char *base = value;

    json_object(out);
    for (; fields->type != FIELD_END; fields++) {
        bool omit = fields->flags & FIELD_OMIT;
        bool none = (omit || field_nullable(fields)) && absent(fields, base);

        if ((fields->flags & FIELD_SQL_ONLY) || (omit && none))
            continue;
        json_key(out, str_of(fields->name));
        if (none)
            json_put_null(out);
        else
            put_value(out, fields, base);
    }
    json_object_end(out);
}

struct str field_json(struct cx *cx, const struct field *fields, const void *value)
{
    struct json_out out;

    json_open(&out, cx, REPLY_SIZE_HINT);
    field_write(&out, fields, value);
    return json_done(&out);
}
