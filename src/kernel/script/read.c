/*
 * read.c - scripts and values from JSON.
 */
#include <math.h>
#include <string.h>

#include "kernel/script/script_priv.h"

struct reader {
    struct cx *cx;
    const char *prefix; /* Of pointers. */
    struct script_complaint complaint;
};

static enum err refuse(struct reader *reader)
{
    struct script_complaint *complaint = &reader->complaint;
    struct str pointer = cx_printf(reader->cx, "%s%s", reader->prefix, complaint->pointer);

    return fail_at(reader->cx, ERR_BAD_INPUT, complaint->code, pointer.ptr, "%s", complaint->what);
}

/* ---- Values ---- */

static bool read_value(struct reader *reader, const struct script_field *field, struct json json,
                       const struct script_at *at, struct script_value *out);

static const struct script_field *find(const struct script_field *fields, size_t count,
                                       struct str name)
{
    for (size_t k = 0; k < count; k++)
        if (str_eq(fields[k].name, name))
            return &fields[k];
    return NULL;
}

static bool read_members(struct reader *reader, struct script_fields fields, struct json object,
                         const struct script_at *up, struct script_value *values)
{
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        const struct script_field *field = find(fields.items, fields.count, it.key);
        struct script_at at = {.up = up, .name = it.key};

        if (!field)
            return script_complain(&reader->complaint, &at, "unknown_field",
                                   "is not declared: remove it or declare it");
        if (json_type(it.value) != JSON_NULL &&
            !read_value(reader, field, it.value, &at, &values[field - fields.items]))
            return false;
    }
    return true;
}

static bool read_list(struct reader *reader, const struct script_field *field, struct json json,
                      const struct script_at *at, struct script_value *out)
{
    size_t count = json_count(json), k = 0;

    if (count > SCRIPT_ITEMS_MAX)
        return script_complain(&reader->complaint, at, "out_of_range", "has more than %d items",
                               SCRIPT_ITEMS_MAX);
    out->list.items = CX_ARRAY(reader->cx, struct script_value, count);
    out->list.keys = field->type == SCRIPT_MAP ? CX_ARRAY(reader->cx, struct str, count) : NULL;
    out->list.count = count;
    for (struct json_iter it = json_iter(json); json_next(&it); k++) {
        struct script_at item = {.up = at, .index = k};

        if (field->type == SCRIPT_MAP)
            item.name = out->list.keys[k] = cx_copy(reader->cx, it.key);
        if (!read_value(reader, field->item, it.value, &item, &out->list.items[k]))
            return false;
    }
    if (field->type == SCRIPT_MAP)
        script_map_sort(out->list.keys, out->list.items, count);
    return true;
}

static bool read_nested(struct reader *reader, const struct script_field *field, struct json json,
                        const struct script_at *at, struct script_value *out)
{
    if (field->type != SCRIPT_OBJECT)
        return read_list(reader, field, json, at, out);
    out->list.count = field->field_count;
    out->list.items = CX_ARRAY(reader->cx, struct script_value, field->field_count);
    return read_members(reader, (struct script_fields){field->fields, field->field_count}, json, at,
                        out->list.items);
}

/* Does a JSON value of this type stand for the declared one? */
static bool fits(enum script_type wanted, enum json_type got)
{
    switch (wanted) {
    case SCRIPT_BOOL:
        return got == JSON_BOOL;
    case SCRIPT_INT:
        return got == JSON_INT;
    case SCRIPT_DOUBLE:
        return got == JSON_INT || got == JSON_UINT || got == JSON_DOUBLE;
    case SCRIPT_TEXT:
        return got == JSON_TEXT;
    case SCRIPT_LIST:
        return got == JSON_LIST;
    default:
        return got == JSON_OBJECT;
    }
}

static bool read_value(struct reader *reader, const struct script_field *field, struct json json,
                       const struct script_at *at, struct script_value *out)
{
    if (!fits(field->type, json_type(json)))
        return script_complain(&reader->complaint, at, "wrong_type", "must be a %s",
                               script_type_name(field->type));
    out->type = field->type;
    switch (field->type) {
    case SCRIPT_BOOL:
        out->boolean = json_bool(json);
        return true;
    case SCRIPT_INT:
        out->integer = json_int(json);
        return true;
    case SCRIPT_DOUBLE:
        out->number = json_double(json);
        return true;
    case SCRIPT_TEXT:
        out->text = json_text(reader->cx, json);
        return true;
    default:
        return read_nested(reader, field, json, at, out);
    }
}

enum err script_values_read(struct cx *cx, const struct script_fields *fields, struct json object,
                            const char *pointer, struct script_value **out)
{
    struct reader reader = {.cx = cx, .prefix = pointer};

    if (json_type(object) != JSON_OBJECT)
        return fail_at(cx, ERR_BAD_INPUT, "wrong_type", pointer, "must be an object");
    *out = CX_ARRAY(cx, struct script_value, fields->count);
    if (!read_members(&reader, *fields, object, NULL, *out) ||
        !script_values_check(fields, *out, &reader.complaint))
        return refuse(&reader);
    return OK;
}

/* ---- Declarations ---- */

static bool identifier(struct str name)
{
    if (name.len == 0 || name.len > SCRIPT_NAME_LEN_MAX)
        return false;
    for (size_t k = 0; k < name.len; k++) {
        char c = name.ptr[k];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (k == 0 || c < '0' || c > '9'))
            return false;
    }
    return true;
}

static bool read_type(struct str name, enum script_type *out)
{
    for (int type = SCRIPT_BOOL; type <= SCRIPT_OBJECT; type++)
        if (str_is(name, script_type_name((enum script_type)type))) {
            *out = (enum script_type)type;
            return true;
        }
    return false;
}

/* The bounds that hold when none are declared. */
static void set_bounds(struct script_field *field)
{
    field->min = -HUGE_VAL, field->max = HUGE_VAL;
    field->int_min = field->type == SCRIPT_INT ? INT64_MIN : 0;
    field->int_max = field->type == SCRIPT_INT    ? INT64_MAX
                     : field->type == SCRIPT_TEXT ? SCRIPT_TEXT_LEN_MAX
                                                  : SCRIPT_ITEMS_MAX;
}

static bool read_bound(struct reader *reader, struct script_field *field, struct json_iter *it,
                       const struct script_at *at)
{
    enum json_type type = json_type(it->value);
    bool min = str_is(it->key, "min"), number = field->type == SCRIPT_DOUBLE;
    int64_t bound;

    if (field->type == SCRIPT_BOOL || field->type == SCRIPT_OBJECT)
        return script_complain(&reader->complaint, at, "unknown_field", "a %s has no bounds",
                               script_type_name(field->type));
    if (type != JSON_INT && !(number && type == JSON_DOUBLE))
        return script_complain(&reader->complaint, at, "wrong_type", "must be %s",
                               number ? "a number" : "an integer");
    if (number) {
        *(min ? &field->min : &field->max) = json_double(it->value);
        return true;
    }
    bound = json_int(it->value);
    if (field->type != SCRIPT_INT && (bound < 0 || (!min && bound > field->int_max)))
        return script_complain(&reader->complaint, at, "out_of_range", "must be from 0 to %" PRId64,
                               field->int_max);
    *(min ? &field->int_min : &field->int_max) = bound;
    return true;
}

static bool read_fields(struct reader *reader, struct json list, const struct script_at *at,
                        int depth, struct script_fields *out);

static bool read_field(struct reader *reader, struct json json, const struct script_at *at,
                       int depth, struct script_field *out);

static bool read_member(struct reader *reader, struct script_field *field, struct json_iter *it,
                        const struct script_at *at, int depth)
{
    enum json_type type = json_type(it->value);
    struct script_fields members;

    if (str_is(it->key, "min") || str_is(it->key, "max"))
        return read_bound(reader, field, it, at);
    if (str_is(it->key, "required") && type == JSON_BOOL) {
        field->required = json_bool(it->value);
        return true;
    }
    if (str_is(it->key, "item") && (field->type == SCRIPT_LIST || field->type == SCRIPT_MAP)) {
        field->item = CX_NEW(reader->cx, struct script_field);
        return read_field(reader, it->value, at, depth + 1, field->item);
    }
    if (str_is(it->key, "fields") && field->type == SCRIPT_OBJECT) {
        if (!read_fields(reader, it->value, at, depth + 1, &members))
            return false;
        field->fields = members.items, field->field_count = members.count;
        return true;
    }
    /* doc: for people. */
    if (str_is(it->key, "name") || str_is(it->key, "type") || str_is(it->key, "doc"))
        return type == JSON_TEXT ||
               script_complain(&reader->complaint, at, "wrong_type", "must be a text");
    return script_complain(&reader->complaint, at, "unknown_field",
                           "a field of this type has name, type, required, doc%s",
                           field->type == SCRIPT_OBJECT ? ", fields"
                           : field->type >= SCRIPT_LIST ? ", min, max, item"
                                                        : ", min, max");
}

static bool complete(struct reader *reader, const struct script_field *field,
                     const struct script_at *at)
{
    if ((field->type == SCRIPT_LIST || field->type == SCRIPT_MAP) && !field->item)
        return script_complain(&reader->complaint, at, "required",
                               "a %s needs \"item\": what it holds", script_type_name(field->type));
    if (field->type == SCRIPT_OBJECT && !field->fields)
        return script_complain(&reader->complaint, at, "required",
                               "an object needs \"fields\": its members");
    if (field->min > field->max || field->int_min > field->int_max)
        return script_complain(&reader->complaint, at, "out_of_range", "min is above max");
    return true;
}

static bool read_field(struct reader *reader, struct json json, const struct script_at *at,
                       int depth, struct script_field *out)
{
    struct json type, name;

    if (depth > SCRIPT_TYPE_DEPTH_MAX)
        return script_complain(&reader->complaint, at, "out_of_range",
                               "is nested more than %d deep", SCRIPT_TYPE_DEPTH_MAX);
    if (json_type(json) != JSON_OBJECT || !json_get(json, "type", &type) ||
        json_type(type) != JSON_TEXT || !read_type(json_peek(type), &out->type))
        return script_complain(&reader->complaint, at, "bad_value",
                               "must be an object with \"type\": bool, int, double, text, list, "
                               "map or object");
    if (json_get(json, "name", &name) && json_type(name) == JSON_TEXT)
        out->name = json_text(reader->cx, name);
    out->required = true;
    set_bounds(out);
    for (struct json_iter it = json_iter(json); json_next(&it);) {
        struct script_at member = {.up = at, .name = it.key};

        if (!read_member(reader, out, &it, &member, depth))
            return false;
    }
    return complete(reader, out, at);
}

static bool read_fields(struct reader *reader, struct json list, const struct script_at *up,
                        int depth, struct script_fields *out)
{
    size_t k = 0;

    if (json_type(list) != JSON_LIST || json_count(list) > SCRIPT_FIELDS_MAX)
        return script_complain(&reader->complaint, up, "wrong_type",
                               "must be a list of at most %d fields", SCRIPT_FIELDS_MAX);
    *out = (struct script_fields){CX_ARRAY(reader->cx, struct script_field, json_count(list)), 0};
    for (struct json_iter it = json_iter(list); json_next(&it); k++) {
        struct script_at at = {.up = up, .index = k};
        struct script_field *field = &out->items[k];

        if (!read_field(reader, it.value, &at, depth, field))
            return false;
        if (!identifier(field->name))
            return script_complain(&reader->complaint, &at, "bad_value",
                                   "needs a name of letters, digits and _");
        if (find(out->items, k, field->name))
            return script_complain(&reader->complaint, &at, "bad_value",
                                   STR_FMT " is declared twice", STR_ARG(field->name));
        out->count++;
    }
    return true;
}

/* ---- The document ---- */

static enum err want(struct cx *cx, struct json document, const char *name, struct json *out)
{
    if (json_get(document, name, out))
        return OK;
    return fail_at(cx, ERR_BAD_INPUT, "required", cx_printf(cx, "/%s", name).ptr,
                   "a script has name, source, inputs, outputs, fallback and tests");
}

static enum err read_declared(struct cx *cx, struct json document, const char *name,
                              struct script_fields *out)
{
    struct reader reader = {.cx = cx, .prefix = cx_printf(cx, "/%s", name).ptr};
    struct json list;

    TRY(want(cx, document, name, &list));
    return read_fields(&reader, list, NULL, 1, out) ? OK : refuse(&reader);
}

static enum err add_lines(struct cx *cx, struct json list, struct text *text)
{
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        if (json_type(it.value) != JSON_TEXT)
            return fail_at(cx, ERR_BAD_INPUT, "wrong_type", "/source", "every line must be a text");
        text_add(text, json_peek(it.value));
        text_add(text, STR("\n"));
    }
    return OK;
}

/* One text, or its lines as a list: JSON has no text over several lines. */
static enum err read_text(struct cx *cx, struct json json, struct str *out)
{
    struct text text = {.ptr = CX_ARRAY(cx, char, SCRIPT_SOURCE_LEN_MAX + 1),
                        .size = SCRIPT_SOURCE_LEN_MAX + 1};

    if (json_type(json) == JSON_LIST)
        TRY(add_lines(cx, json, &text));
    else if (json_type(json) == JSON_TEXT)
        text_add(&text, json_peek(json));
    else
        return fail_at(cx, ERR_BAD_INPUT, "wrong_type", "/source",
                       "must be a text or a list of lines");
    if (text.cut || text.len > SCRIPT_SOURCE_LEN_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/source",
                       "is longer than %d bytes: split it into several scripts",
                       SCRIPT_SOURCE_LEN_MAX);
    *out = (struct str){text.ptr, text.len};
    return OK;
}

static enum err read_test(struct cx *cx, const struct script_source *source, struct json json,
                          size_t k, struct script_test *out)
{
    const char *at = cx_printf(cx, "/tests/%zu", k).ptr;
    struct json name, input, output, seed;

    if (json_type(json) != JSON_OBJECT || !json_get(json, "name", &name) ||
        json_type(name) != JSON_TEXT || !json_get(json, "input", &input) ||
        !json_get(json, "output", &output))
        return fail_at(cx, ERR_BAD_INPUT, "required", at, "a test has name, input and output");
    out->name = json_text(cx, name);
    if (json_get(json, "seed", &seed)) {
        if (json_type(seed) != JSON_INT)
            return fail_at(cx, ERR_BAD_INPUT, "wrong_type", at, "seed must be an integer");
        out->seed = (uint64_t)json_int(seed);
    }
    TRY(script_values_read(cx, &source->inputs, input, cx_printf(cx, "%s/input", at).ptr,
                           &out->inputs));
    return script_values_read(cx, &source->outputs, output, cx_printf(cx, "%s/output", at).ptr,
                              &out->outputs);
}

static enum err read_tests(struct cx *cx, struct json list, struct script_source *out)
{
    size_t k = 0;

    if (json_type(list) != JSON_LIST || json_count(list) > SCRIPT_TESTS_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "wrong_type", "/tests",
                       "must be a list of at most %d tests", SCRIPT_TESTS_MAX);
    out->test_count = json_count(list);
    out->tests = CX_ARRAY(cx, struct script_test, out->test_count);
    for (struct json_iter it = json_iter(list); json_next(&it); k++)
        TRY(read_test(cx, out, it.value, k, &out->tests[k]));
    return OK;
}

enum err script_source_read(struct cx *cx, struct json document, struct script_source *out)
{
    struct json name, text, fallback, tests;

    *out = (struct script_source){0};
    if (json_type(document) != JSON_OBJECT)
        return fail(cx, ERR_BAD_INPUT, "wrong_type", "a script is an object");
    TRY(want(cx, document, "name", &name));
    TRY(want(cx, document, "source", &text));
    TRY(want(cx, document, "fallback", &fallback));
    TRY(want(cx, document, "tests", &tests));
    if (json_type(name) != JSON_TEXT || json_peek(name).len == 0 ||
        json_peek(name).len > SCRIPT_NAME_LEN_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "bad_value", "/name", "must be a text of 1 to %d bytes",
                       SCRIPT_NAME_LEN_MAX);
    out->name = json_text(cx, name);
    TRY(read_text(cx, text, &out->text));
    TRY(read_declared(cx, document, "inputs", &out->inputs));
    TRY(read_declared(cx, document, "outputs", &out->outputs));
    TRY(script_values_read(cx, &out->outputs, fallback, "/fallback", &out->fallback));
    return read_tests(cx, tests, out);
}
