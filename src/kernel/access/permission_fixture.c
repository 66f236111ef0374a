/*
 * permission_fixture.c - requests from the rows of the tables.
 */
#include "kernel/access/permission_fixture.h"

#include "kernel/access/access.h"

#define NOBODYS_ID "07B925M000007" /* 2026-01-01, the seventh: made by no test. */

/* ---- Values ---- */

void values_set(struct values *values, const char *name, const char *text)
{
    size_t k = 0;

    while (k < values->count && strcmp(values->items[k].name, name) != 0)
        k++;
    CHECK(k < sizeof(values->items) / sizeof(values->items[0]));
    values->items[k].name = name;
    values->items[k].text = text;
    values->count += k == values->count;
}

const char *values_get(const struct values *values, const char *name)
{
    for (size_t k = 0; k < values->count; k++)
        if (strcmp(values->items[k].name, name) == 0)
            return values->items[k].text;
    return NULL;
}

static const char *id_of(struct mini *m, const struct values *values, const char *prefix)
{
    const char *known = values_get(values, mini_text(m, "%s_", prefix));

    CHECK_SAY(known || !values->strict,
              "no POST route of a module made a %s_ by itself: make one in world_open", prefix);
    return known ? known : mini_text(m, "%s_" NOBODYS_ID, prefix);
}

/* ---- Paths and queries ---- */

/* "{id:ord}" or "{name}", without its braces. */
static void add_parameter(struct mini *m, struct text *out, struct str parameter,
                          const struct values *values)
{
    struct str prefix = parameter, name;
    const char *text;

    (void)str_cut(&prefix, ':', &name);
    if (prefix.len > 0) {
        text =
            str_is(prefix, "int") ? "1" : id_of(m, values, mini_text(m, STR_FMT, STR_ARG(prefix)));
    } else {
        text = values_get(values, mini_text(m, STR_FMT, STR_ARG(name)));
    }
    text_addf(out, "%s", text ? text : "x");
}

static void add_path(struct mini *m, struct text *out, const char *path,
                     const struct values *values)
{
    for (const char *c = path; *c; c++) {
        const char *end = *c == '{' ? strchr(c, '}') : NULL;

        if (!end) {
            text_add(out, (struct str){c, 1});
            continue;
        }
        add_parameter(m, out, (struct str){c + 1, (size_t)(end - c - 1)}, values);
        c = end;
    }
}

/* What a required parameter is that values does not know. */
static const char *plain_value(struct mini *m, const struct field *field)
{
    if (field->type == FIELD_ENUM)
        return field->names[0];
    if (field->type == FIELD_BOOL)
        return "true";
    if (field->type == FIELD_TIME)
        return "2027-01-01T00:00:00Z";
    if (field->type == FIELD_TEXT)
        return "x";
    return mini_text(m, "%d", (int)(field->min > 0 ? field->min : 1));
}

static void add_query(struct mini *m, struct text *out, const struct field *field,
                      const struct values *values)
{
    const char *joint = "?";

    for (; field && field->type != FIELD_END; field++) {
        const char *text = NULL;

        if (field->type == FIELD_ID)
            text = id_of(m, values, field->prefix);
        else if (field->type == FIELD_TEXT)
            text = values_get(values, field->name);
        if (!text && field->flags & FIELD_REQUIRED)
            text = plain_value(m, field);
        if (text)
            text_addf(out, "%s%s=%s", joint, field->name, text);
        joint = text ? "&" : joint;
    }
}

/* ---- Bodies ---- */

static void add_object(struct mini *m, struct text *out, const struct field *fields,
                       const struct values *values);

static void add_text(struct text *out, const struct field *field, const char *known)
{
    int64_t len = field->min > 0 ? field->min : 1;

    if (known) {
        text_addf(out, "\"%s\"", known);
        return;
    }
    text_add(out, STR("\""));
    for (int64_t k = 0; k < len; k++)
        text_add(out, field->min == 3 && field->max == 3 ? (struct str){"CNY" + k, 1} : STR("x"));
    text_add(out, STR("\""));
}

static void add_list(struct mini *m, struct text *out, const struct field *field,
                     const struct values *values)
{
    struct field item = {.name = field->name, .type = field->item, .prefix = field->prefix};

    text_add(out, STR("["));
    if (field->fields)
        add_object(m, out, field->fields, values);
    else if (item.type == FIELD_TEXT)
        add_text(out, &item, values_get(values, field->name));
    else if (item.type == FIELD_ID)
        text_addf(out, "\"%s\"", id_of(m, values, field->prefix));
    else
        text_add(out, STR("1"));
    text_add(out, STR("]"));
}

static void add_json(struct text *out, const char *known)
{
    text_add(out, known ? str_of(known) : STR("{\"x\":\"x\"}"));
}

static void add_value(struct mini *m, struct text *out, const struct field *field,
                      const struct values *values)
{
    switch (field->type) {
    case FIELD_BOOL:
        text_add(out, STR("true"));
        break;
    case FIELD_INT:
    case FIELD_DOUBLE:
        text_add_int(out, field->min > 0 ? field->min : 1);
        break;
    case FIELD_TEXT:
        add_text(out, field, values_get(values, field->name));
        break;
    case FIELD_ENUM:
        text_addf(out, "\"%s\"", field->names[0]);
        break;
    case FIELD_TIME:
        text_add(out, STR("\"2027-01-01T00:00:00Z\""));
        break;
    case FIELD_ID:
        text_addf(out, "\"%s\"", id_of(m, values, field->prefix));
        break;
    case FIELD_MONEY:
        text_add(out, STR("{\"amount\":1,\"currency\":\"CNY\"}"));
        break;
    case FIELD_LIST:
        add_list(m, out, field, values);
        break;
    case FIELD_OBJECT:
        add_object(m, out, field->fields, values);
        break;
    default: /* A map, any JSON. */
        add_json(out, field->type == FIELD_JSON ? values_get(values, field->name) : NULL);
        break;
    }
}

static bool wanted(const struct field *field, const struct values *values)
{
    if (field->flags & (FIELD_OUT_ONLY | FIELD_SQL_ONLY))
        return false;
    if (field->flags & FIELD_REQUIRED || field->type == FIELD_ID)
        return true;
    return field->type == FIELD_TEXT && values_get(values, field->name);
}

static void add_object(struct mini *m, struct text *out, const struct field *fields,
                       const struct values *values)
{
    const char *joint = "";

    text_add(out, STR("{"));
    for (const struct field *field = fields; field->type != FIELD_END; field++) {
        if (!wanted(field, values))
            continue;
        text_addf(out, "%s\"%s\":", joint, field->name);
        add_value(m, out, field, values);
        joint = ",";
    }
    text_add(out, STR("}"));
}

struct built permission_build(struct mini *m, const struct route *route,
                              const struct values *values)
{
    char request[1024], body[4096];
    struct text path = {.ptr = request, .size = sizeof(request)};
    struct text json = {.ptr = body, .size = sizeof(body)};

    text_addf(&path, "%s ", route->method);
    add_path(m, &path, route->path, values);
    add_query(m, &path, route->query, values);
    if (route->body)
        add_object(m, &json, route->body, values);
    CHECK(!path.cut);
    CHECK(!json.cut);
    return (struct built){mini_text(m, "%.*s", (int)path.len, request),
                          route->body ? mini_text(m, "%.*s", (int)json.len, body) : NULL};
}

/* ---- Walking, spaces, sending ---- */

void permission_routes(struct mini *m, void (*visit)(void *context, const struct route *route),
                       void *context)
{
    for (const struct module *const *module = mini_platform(m)->modules; *module; module++)
        for (const struct route *r = (*module)->routes; r && r->method; r++)
            visit(context, r);
}

struct first {
    struct mini *m;
    const char *token;
};

static enum err first_admin(struct cx *cx, void *argument)
{
    struct first *first = argument;
    struct str token;

    TRY(access_first_admin(cx, (struct str){NULL, 0}, &token));
    first->token = mini_text(first->m, STR_FMT, STR_ARG(token));
    return OK;
}

const char *permission_other_space(struct mini *m)
{
    struct first first = {m, NULL};
    struct problem problem = {0};
    struct space *space;

    CHECK_SAY(space_create(mini_platform(m), STR("other"), &problem) == OK, "%s", problem.detail);
    CHECK_SAY(space_open(mini_platform(m), STR("other"), &space, &problem) == OK, "%s",
              problem.detail);
    CHECK_SAY(space_command(space, first_admin, &first, &problem) == OK, "%s", problem.detail);
    return first.token;
}

struct answer permission_send(struct mini *m, const char *key, struct built built)
{
    return mini_http_as(m, key, NULL, built.request, built.body);
}
