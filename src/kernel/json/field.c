/*
 * field.c - JSON into structs by field tables.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/json/field_priv.h"

enum {
    FIELDS_MAX = 64,     /* Of one table: bits of a word say which were seen. */
    NAME_LEN_SHOWN = 40, /* Of a name that somebody else chose. */
    TYPO_LEN_MAX = 32,   /* Longer names are no typing errors of ours. */
    TYPO_EDITS_MAX = 2,
};

/* ---- Naming the place ---- */

struct spot spot_member(const struct spot *up, struct str name)
{
    return (struct spot){
        .cx = up->cx, .mode = up->mode, .pointer = up->pointer, .up = up, .name = name};
}

struct spot spot_item(const struct spot *up, size_t index)
{
    return (struct spot){
        .cx = up->cx, .mode = up->mode, .pointer = up->pointer, .up = up, .index = index};
}

/* A name may hold a NUL, which would end the text that tells it. */
static struct str shown(const char *c)
{
    return *c == '\0' ? STR("\xef\xbf\xbd") : (struct str){c, 1};
}

/* RFC 6901: ~ is ~0 and / is ~1. */
static void add_pointer(struct text *text, const struct spot *spot)
{
    if (!spot->up) {
        text_add(text, str_of(spot->pointer));
        return;
    }
    add_pointer(text, spot->up);
    if (!spot->name.ptr) {
        text_addf(text, "/%zu", spot->index);
        return;
    }
    text_add(text, STR("/"));
    for (size_t k = 0; k < spot->name.len; k++) {
        char c = spot->name.ptr[k];

        text_add(text, c == '~' ? STR("~0") : c == '/' ? STR("~1") : shown(&spot->name.ptr[k]));
    }
    /* What was cut ends in no half of an escape. */
    if (text->cut && text->len > 0 && text->ptr[text->len - 1] == '~')
        text->len--;
}

static void add_label(struct text *text, const struct spot *spot)
{
    struct str name = spot->name;

    if (!spot->up) {
        text_add(text, STR("the document"));
    } else if (name.ptr) {
        for (size_t k = 0; k < name.len && k < NAME_LEN_SHOWN; k++)
            text_add(text, shown(&name.ptr[k]));
    } else {
        add_label(text, spot->up);
        text_addf(text, "/%zu", spot->index);
    }
}

enum err spot_refuse(const struct spot *spot, const char *code, const char *fmt, ...)
{
    char pointer[PROBLEM_POINTER_LEN_MAX], detail[PROBLEM_DETAIL_LEN_MAX];
    /* One byte is kept for the NUL. */
    struct text at = {.ptr = pointer, .size = sizeof(pointer) - 1};
    struct text label = {.ptr = detail, .size = sizeof(detail) - 1};
    va_list args;

    add_pointer(&at, spot);
    pointer[at.len] = '\0';
    add_label(&label, spot);
    text_add(&label, STR(": "));
    va_start(args, fmt);
    vsnprintf(detail + label.len, sizeof(detail) - label.len, fmt, args);
    va_end(args);
    return fail_at(spot->cx, ERR_BAD_INPUT, code, pointer, "%s", detail);
}

enum err spot_refuse_type(const struct spot *spot, const char *wanted, struct json v)
{
    static const char *const got[] = {
        [JSON_NULL] = "null",     [JSON_BOOL] = "a boolean",  [JSON_INT] = "a whole number",
        [JSON_UINT] = "a number", [JSON_DOUBLE] = "a number", [JSON_TEXT] = "text",
        [JSON_LIST] = "a list",   [JSON_OBJECT] = "an object"};

    return spot_refuse(spot, "wrong_type", "must be %s, got %s", wanted, got[json_type(v)]);
}

/* ---- Absent values ---- */

static void put_absent_all(const struct field *fields, char *base);

static void put_absent(const struct field *field, char *base)
{
    char *at = base + field->offset;

    switch (field->type) {
    case FIELD_BOOL:
        *(bool *)at = field->fallback != 0;
        break;
    case FIELD_INT:
        *(int64_t *)at = field->fallback;
        break;
    case FIELD_DOUBLE:
        *(double *)at = (double)field->fallback;
        break;
    case FIELD_ENUM:
        *(int *)at = (int)field->fallback;
        break;
    case FIELD_TIME:
    case FIELD_ID:
        *(int64_t *)at = 0;
        break;
    case FIELD_MONEY:
        *(int64_t *)at = field->fallback;
        *(struct str *)(base + field->currency_offset) = (struct str){0};
        break;
    case FIELD_TEXT:
    case FIELD_JSON:
        *(struct str *)at = (struct str){0};
        break;
    case FIELD_LIST:
    case FIELD_MAP:
        *(struct list *)at = (struct list){0};
        break;
    case FIELD_OBJECT:
        put_absent_all(field->fields, at);
        break;
    case FIELD_END:
        break;
    }
}

static void put_absent_all(const struct field *fields, char *base)
{
    for (; fields->type != FIELD_END; fields++)
        put_absent(fields, base);
}

/* ---- Unknown members ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, for names up to TYPO_LEN_MAX. */
static size_t edits(struct str a, struct str b)
{
    size_t row[TYPO_LEN_MAX + 1];

    if (a.len > TYPO_LEN_MAX || b.len > TYPO_LEN_MAX)
        return TYPO_EDITS_MAX + 1;
    for (size_t k = 0; k <= b.len; k++)
        row[k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            size_t above = row[k], swap = diagonal + (a.ptr[i - 1] != b.ptr[k - 1]);

            row[k] = least(swap, least(above, row[k - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b.len];
}

static bool readable(const struct field *field)
{
    return !(field->flags & (FIELD_SQL_ONLY | FIELD_OUT_ONLY));
}

static enum err refuse_unknown(const struct spot *spot, const struct field *fields)
{
    const char *nearest = NULL;
    size_t nearest_edits = TYPO_EDITS_MAX + 1;

    for (const struct field *f = fields; f->type != FIELD_END; f++) {
        size_t distance = edits(spot->name, str_of(f->name));

        if ((f->flags & FIELD_OUT_ONLY) && str_is(spot->name, f->name))
            return spot_refuse(spot, "unknown_field", "is given by the server: leave it out");
        if (readable(f) && distance < nearest_edits && distance < spot->name.len) {
            nearest = f->name;
            nearest_edits = distance;
        }
    }
    if (nearest)
        return spot_refuse(spot, "unknown_field", "is not known here; did you mean \"%s\"?",
                           nearest);
    return spot_refuse(spot, "unknown_field", "is not known here: leave it out");
}

/* ---- Lists, maps and objects ---- */

static enum err decode_object(const struct spot *spot, const struct field *fields,
                              struct json object, char *base);

static enum err check_count(const struct spot *spot, const struct field *field, size_t count,
                            const char *items)
{
    struct limits limits = field_limits(field);

    if ((int64_t)count >= limits.min && (int64_t)count <= limits.max)
        return OK;
    return spot_refuse(spot, "out_of_range", "must have %" PRId64 " to %" PRId64 " %s, got %zu",
                       limits.min, limits.max, items, count);
}

static enum err decode_list(const struct spot *spot, const struct field *field, struct json v,
                            struct list *out)
{
    struct field item = {.type = field->item, .prefix = field->prefix, .names = field->names};
    char *at;

    if (json_type(v) != JSON_LIST)
        return spot_refuse_type(spot, "a list", v);
    TRY(check_count(spot, field, json_count(v), "items"));
    out->count = 0;
    out->items = json_count(v) ? cx_alloc(spot->cx, json_count(v) * field->size) : NULL;
    at = out->items;
    for (struct json_iter it = json_iter(v); json_next(&it); at += field->size) {
        struct spot here = spot_item(spot, out->count++);

        if (field->fields)
            TRY(decode_object(&here, field->fields, it.value, at));
        else
            TRY(field_decode_scalar(&here, &item, it.value, at));
    }
    return OK;
}

static enum err decode_map(const struct spot *spot, const struct field *field, struct json v,
                           struct list *out)
{
    struct pair *pair;

    if (json_type(v) != JSON_OBJECT)
        return spot_refuse_type(spot, "an object of texts", v);
    TRY(check_count(spot, field, json_count(v), "members"));
    out->count = json_count(v);
    out->items = pair = CX_ARRAY(spot->cx, struct pair, out->count);
    for (struct json_iter it = json_iter(v); json_next(&it); pair++) {
        struct spot here = spot_member(spot, it.key);

        if (it.key.len == 0 || it.key.len > FIELD_MAP_KEY_LEN_MAX)
            return spot_refuse(&here, "out_of_range", "a name must have 1 to %d bytes, got %zu",
                               FIELD_MAP_KEY_LEN_MAX, it.key.len);
        if (field_control_byte(it.key, "") >= 0)
            return spot_refuse(&here, "bad_value", "a name has no control characters");
        TRY(field_decode_text(&here, it.value, 0, FIELD_TEXT_LEN_MAX, &pair->value));
        pair->key = cx_copy(spot->cx, it.key);
    }
    return OK;
}

static enum err decode_member(const struct spot *spot, const struct field *field, struct json v,
                              char *base)
{
    char *at = base + field->offset;

    switch (field->type) {
    case FIELD_OBJECT:
        return decode_object(spot, field->fields, v, at);
    case FIELD_LIST:
        return decode_list(spot, field, v, (struct list *)at);
    case FIELD_MAP:
        return decode_map(spot, field, v, (struct list *)at);
    default:
        return field_decode_scalar(spot, field, v, base);
    }
}

/* The readable field of this name.  Members mostly come in the order of the table: the search
 * begins at *next. */
static const struct field *find(const struct field *fields, size_t count, struct str name,
                                size_t *next)
{
    for (size_t k = 0; k < count; k++) {
        size_t at = *next + k < count ? *next + k : *next + k - count;

        if (str_is(name, fields[at].name) && readable(&fields[at])) {
            *next = at + 1 < count ? at + 1 : 0;
            return &fields[at];
        }
    }
    return NULL;
}

static size_t count_fields(const struct field *fields)
{
    size_t count = 0;

    while (fields[count].type != FIELD_END)
        count++;
    assert(count <= FIELDS_MAX);
    return count;
}

static enum err decode_members(const struct spot *spot, const struct field *fields, size_t count,
                               struct json object, char *base, uint64_t *seen)
{
    size_t next = 0;

    for (struct json_iter it = json_iter(object); json_next(&it);) {
        const struct field *field = find(fields, count, it.key, &next);
        struct spot here = spot_member(spot, it.key);
        bool null = json_type(it.value) == JSON_NULL;

        if (!field && spot->mode == FIELD_STRICT)
            return refuse_unknown(&here, fields);
        if (!field)
            continue;
        if (null && (field->type != FIELD_JSON || !(field->flags & FIELD_REQUIRED)))
            continue; /* As if it were not there. */
        TRY(decode_member(&here, field, it.value, base));
        *seen |= UINT64_C(1) << (field - fields);
    }
    return OK;
}

static enum err decode_object(const struct spot *spot, const struct field *fields,
                              struct json object, char *base)
{
    size_t count = count_fields(fields);
    uint64_t seen = 0;

    if (json_type(object) != JSON_OBJECT)
        return spot_refuse_type(spot, "an object", object);
    put_absent_all(fields, base);
    TRY(decode_members(spot, fields, count, object, base, &seen));
    for (size_t k = 0; k < count; k++) {
        struct spot here = spot_member(spot, str_of(fields[k].name));

        if ((fields[k].flags & FIELD_REQUIRED) && readable(&fields[k]) &&
            !(seen & UINT64_C(1) << k))
            return spot_refuse(&here, "required", "is missing: add it");
    }
    return OK;
}

enum err field_decode(struct cx *cx, const struct field *fields, enum field_mode mode,
                      struct json object, const char *pointer, void *out)
{
    struct spot root = {.cx = cx, .mode = mode, .pointer = pointer};

    return decode_object(&root, fields, object, out);
}

enum err field_read(struct cx *cx, const struct field *fields, enum field_mode mode,
                    struct str text, void *out, size_t size)
{
    struct json v;

    memset(out, 0, size);
    TRY(json_parse(cx, text, &v));
    return field_decode(cx, fields, mode, v, "", out);
}
