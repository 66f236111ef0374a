/*
 * type.c - values and what is declared of them: checks, JSON, copies.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/script/script_priv.h"

static void write_at(struct text *text, const struct script_at *at)
{
    if (!at)
        return;
    write_at(text, at->up);
    if (at->name.ptr) {
        text_add(text, STR("/"));
        text_add(text, at->name);
        return;
    }
    text_addf(text, "/%zu", at->index);
}

bool script_complain(struct script_complaint *complaint, const struct script_at *at,
                     const char *code, const char *fmt, ...)
{
    struct text pointer = {.ptr = complaint->pointer, .size = sizeof(complaint->pointer) - 1};
    va_list args;

    if (complaint->code)
        return false;
    complaint->code = code;
    write_at(&pointer, at);
    complaint->pointer[pointer.len] = '\0';
    va_start(args, fmt);
    vsnprintf(complaint->what, sizeof(complaint->what), fmt, args);
    va_end(args);
    return false;
}

const char *script_type_name(enum script_type type)
{
    static const char *const names[] = {
        [SCRIPT_ABSENT] = "nothing", [SCRIPT_BOOL] = "bool",    [SCRIPT_INT] = "int",
        [SCRIPT_DOUBLE] = "double",  [SCRIPT_TEXT] = "text",    [SCRIPT_LIST] = "list",
        [SCRIPT_MAP] = "map",        [SCRIPT_OBJECT] = "object"};

    return names[type];
}

/* ---- Checks ---- */

static bool check_count(const struct script_field *field, size_t n, const char *unit,
                        const struct script_at *at, struct script_complaint *complaint)
{
    if ((int64_t)n >= field->int_min && (int64_t)n <= field->int_max)
        return true;
    return script_complain(complaint, at, "out_of_range",
                           "has %zu %s; from %" PRId64 " to %" PRId64 " are allowed", n, unit,
                           field->int_min, field->int_max);
}

static bool check_number(const struct script_field *field, const struct script_value *value,
                         const struct script_at *at, struct script_complaint *complaint)
{
    if (field->type == SCRIPT_INT) {
        if (value->integer >= field->int_min && value->integer <= field->int_max)
            return true;
        return script_complain(complaint, at, "out_of_range",
                               "%" PRId64 " is not from %" PRId64 " to %" PRId64, value->integer,
                               field->int_min, field->int_max);
    }
    if (!isfinite(value->number))
        return script_complain(complaint, at, "out_of_range", "is not a finite number");
    if (value->number >= field->min && value->number <= field->max)
        return true;
    return script_complain(complaint, at, "out_of_range", "%.14g is not from %.14g to %.14g",
                           value->number, field->min, field->max);
}

static bool check_items(const struct script_field *field, const struct script_value *value,
                        const struct script_at *at, struct script_complaint *complaint)
{
    for (size_t k = 0; k < value->list.count; k++) {
        struct script_at item = {.up = at, .index = k};

        if (field->type == SCRIPT_MAP) {
            item.name = value->list.keys[k];
            if (item.name.len > SCRIPT_TEXT_LEN_MAX)
                return script_complain(complaint, at, "out_of_range", "has a key that is too long");
        }
        if (!script_value_check(field->item, &value->list.items[k], &item, complaint))
            return false;
    }
    return check_count(field, value->list.count, "items", at, complaint);
}

static bool check_members(const struct script_field *fields, size_t count,
                          const struct script_value *values, const struct script_at *up,
                          struct script_complaint *complaint)
{
    for (size_t k = 0; k < count; k++) {
        struct script_at at = {.up = up, .name = fields[k].name};

        if (!script_value_check(&fields[k], &values[k], &at, complaint))
            return false;
    }
    return true;
}

bool script_value_check(const struct script_field *field, const struct script_value *value,
                        const struct script_at *at, struct script_complaint *complaint)
{
    if (value->type == SCRIPT_ABSENT)
        return !field->required ||
               script_complain(complaint, at, "required", "is missing: a %s is required",
                               script_type_name(field->type));
    if (value->type != field->type)
        return script_complain(complaint, at, "wrong_type", "is a %s; a %s is declared",
                               script_type_name(value->type), script_type_name(field->type));
    switch (field->type) {
    case SCRIPT_INT:
    case SCRIPT_DOUBLE:
        return check_number(field, value, at, complaint);
    case SCRIPT_TEXT:
        if (!str_utf8(value->text))
            return script_complain(complaint, at, "bad_value", "is not UTF-8");
        return check_count(field, value->text.len, "bytes", at, complaint);
    case SCRIPT_LIST:
    case SCRIPT_MAP:
        return check_items(field, value, at, complaint);
    case SCRIPT_OBJECT:
        return check_members(field->fields, field->field_count, value->list.items, at, complaint);
    default:
        return true;
    }
}

bool script_values_check(const struct script_fields *fields, const struct script_value *values,
                         struct script_complaint *complaint)
{
    return check_members(fields->items, fields->count, values, NULL, complaint);
}

struct entry {
    struct str key;
    struct script_value value;
};

void script_map_sort(struct str *keys, struct script_value *items, size_t count)
{
    /* Heap sort: in place, no allocation, and no worse on a hostile order. */
    for (size_t build = count / 2, end = count; end > 1;) {
        struct entry moving;
        size_t hole, child;

        if (build > 0) {
            hole = --build;
            moving = (struct entry){keys[hole], items[hole]};
        } else {
            end--;
            hole = 0;
            moving = (struct entry){keys[end], items[end]};
            keys[end] = keys[0], items[end] = items[0];
        }
        while ((child = 2 * hole + 1) < end) {
            if (child + 1 < end && str_cmp(keys[child], keys[child + 1]) < 0)
                child++;
            if (str_cmp(keys[child], moving.key) <= 0)
                break;
            keys[hole] = keys[child], items[hole] = items[child];
            hole = child;
        }
        keys[hole] = moving.key, items[hole] = moving.value;
    }
}

/* ---- Writing ---- */

static void write_value(struct json_out *out, const struct script_field *field,
                        const struct script_value *value);

static void write_members(struct json_out *out, const struct script_field *fields, size_t count,
                          const struct script_value *values)
{
    json_object(out);
    for (size_t k = 0; k < count; k++) {
        if (values[k].type == SCRIPT_ABSENT)
            continue;
        json_key(out, fields[k].name);
        write_value(out, &fields[k], &values[k]);
    }
    json_object_end(out);
}

static void write_value(struct json_out *out, const struct script_field *field,
                        const struct script_value *value)
{
    switch (value->type) {
    case SCRIPT_BOOL:
        json_put_bool(out, value->boolean);
        break;
    case SCRIPT_INT:
        json_put_int(out, value->integer);
        break;
    case SCRIPT_DOUBLE:
        json_put_double(out, value->number);
        break;
    case SCRIPT_TEXT:
        json_put_text(out, value->text);
        break;
    case SCRIPT_LIST:
        json_list(out);
        for (size_t k = 0; k < value->list.count; k++)
            write_value(out, field->item, &value->list.items[k]);
        json_list_end(out);
        break;
    case SCRIPT_MAP:
        json_object(out);
        for (size_t k = 0; k < value->list.count; k++) {
            json_key(out, value->list.keys[k]);
            write_value(out, field->item, &value->list.items[k]);
        }
        json_object_end(out);
        break;
    case SCRIPT_OBJECT:
        write_members(out, field->fields, field->field_count, value->list.items);
        break;
    case SCRIPT_ABSENT:
        json_put_null(out);
        break;
    }
}

void script_values_write(struct json_out *out, const struct script_fields *fields,
                         const struct script_value *values)
{
    write_members(out, fields->items, fields->count, values);
}

struct str script_values_json(struct cx *cx, const struct script_fields *fields,
                              const struct script_value *values)
{
    struct json_out out;

    json_open(&out, cx, 256);
    script_values_write(&out, fields, values);
    return json_done(&out);
}

/* ---- Copies ---- */

struct str script_text_copy(struct arena *keep, struct str text)
{
    char *to = arena_alloc(keep, text.len + 1);

    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    return (struct str){to, text.len};
}

struct script_fields script_fields_copy(struct arena *keep, const struct script_fields *fields)
{
    struct script_field *to = arena_alloc(keep, sizeof(*to) * fields->count);

    for (size_t k = 0; k < fields->count; k++) {
        const struct script_field *from = &fields->items[k];
        struct script_fields members = {from->fields, from->field_count};

        to[k] = *from;
        to[k].name = script_text_copy(keep, from->name);
        if (from->item)
            to[k].item = script_fields_copy(keep, &(struct script_fields){from->item, 1}).items;
        if (from->fields)
            to[k].fields = script_fields_copy(keep, &members).items;
    }
    return (struct script_fields){to, fields->count};
}

struct script_value *script_values_copy(struct arena *keep, const struct script_value *values,
                                        size_t count)
{
    struct script_value *to = arena_alloc(keep, sizeof(*to) * count);

    for (size_t k = 0; k < count; k++) {
        to[k] = values[k];
        if (values[k].type == SCRIPT_TEXT)
            to[k].text = script_text_copy(keep, values[k].text);
        if (values[k].type < SCRIPT_LIST)
            continue;
        to[k].list.items = script_values_copy(keep, values[k].list.items, values[k].list.count);
        if (values[k].type != SCRIPT_MAP)
            continue;
        to[k].list.keys = arena_alloc(keep, sizeof(struct str) * values[k].list.count);
        for (size_t n = 0; n < values[k].list.count; n++)
            to[k].list.keys[n] = script_text_copy(keep, values[k].list.keys[n]);
    }
    return to;
}
