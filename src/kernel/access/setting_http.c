/*
 * setting_http.c - the settings of a space over HTTP: what may be set, between what, to what.
 */
#include "kernel/work/setting.h"

#include "kernel/access/routes.h"

enum { OVERRIDES_SHOWN_MAX = 5000 }; /* Above what a space can hold. */

const struct field setting_change_fields[] = {
    F(setting_change, value, .min = INT64_MIN, .max = INT64_MAX, .flags = FIELD_REQUIRED,
      .doc = "In the setting's unit."),
    F(setting_change, key, .doc = "For this key alone, e.g. a category; absent: for all others."),
    F_END};

struct setting_row {
    struct str name, key;
    int64_t value, changed_ms;
};
static const struct field row_fields[] = {F(setting_row, name), F(setting_row, key),
                                          F(setting_row, value), F(setting_row, changed_ms), F_END};
static const struct field override_fields[] = {F(setting_row, key), F(setting_row, value),
                                               F_TIME(setting_row, changed_ms, "changed_at"),
                                               F_END};

struct setting_view {
    struct str name, unit, doc;
    int64_t min, max, fallback, value, changed_ms;
    struct list by_key; /* of struct setting_row */
};
const struct field setting_view_fields[] = {
    F(setting_view, name),
    F(setting_view, unit),
    F(setting_view, doc),
    F(setting_view, min, .doc = "Least value allowed."),
    F(setting_view, max, .doc = "Greatest value allowed."),
    F(setting_view, fallback, .doc = "In force until it is set."),
    F(setting_view, value, .doc = "In force."),
    F_TIME(setting_view, changed_ms, "changed_at", .doc = "null: never set."),
    F_LIST(setting_view, by_key, setting_row, override_fields,
           .doc = "Values for single keys, e.g. categories."),
    F_END};

struct setting_changed {
    struct str name, key, unit;
    int64_t min, max, fallback, value;
};
const struct field setting_changed_fields[] = {
    F(setting_changed, name),  F(setting_changed, key, .doc = "null: for all keys."),
    F(setting_changed, unit),  F(setting_changed, min),
    F(setting_changed, max),   F(setting_changed, fallback),
    F(setting_changed, value), F_END};

/* Rows come by name and key, so the plain value is the first of its setting. */
static struct setting_view view_of(const struct setting *setting, const struct list *rows)
{
    struct setting_view view = {.name = str_of(setting->name),
                                .unit = str_of(setting->unit),
                                .doc = str_of(setting->doc),
                                .min = setting->min,
                                .max = setting->max,
                                .fallback = setting->fallback,
                                .value = setting->fallback};

    for (size_t k = 0; k < rows->count; k++) {
        struct setting_row *row = LIST_AT(*rows, struct setting_row, k);

        if (!str_is(row->name, setting->name))
            continue;
        if (row->key.len == 0) {
            view.value = row->value;
            view.changed_ms = row->changed_ms;
            continue;
        }
        if (view.by_key.count++ == 0)
            view.by_key.items = row;
    }
    return view;
}

enum err get_settings(struct req *req)
{
    const struct list_query *query = req->query;
    const struct module *const *modules = req->cx->space->platform->modules;
    struct setting_view *views = CX_ARRAY(req->cx, struct setting_view, query->page.limit);
    int64_t from = 0, unused = 0, seen = 0;
    struct list rows, page = {views, 0};
    struct str next = {NULL, 0};

    TRY(cursor_read(req->cx, query->page.cursor, &from, &unused));
    TRY(sql_all(req->cx, row_fields, sizeof(struct setting_row), &rows,
                "select name, key, value, changed_ms from kernel_setting order by name, key"
                " limit ?1",
                BIND(INT(OVERRIDES_SHOWN_MAX))));
    for (; *modules; modules++) {
        for (struct setting *const *s = (*modules)->settings; s && *s; s++) {
            if (seen++ < from)
                continue;
            if (page.count < (size_t)query->page.limit)
                views[page.count++] = view_of(*s, &rows);
            else if (!next.ptr)
                next = cursor_make(req->cx, seen - 1, 0);
        }
    }
    return reply_page(req, setting_view_fields, page, sizeof(struct setting_view), next);
}

enum err put_setting(struct req *req)
{
    const struct setting_change *change = req->body;
    struct str name = req->params[0].text;
    const struct setting *setting = setting_named(req->cx->space->platform, name);
    struct setting_changed reply = {.name = name, .key = change->key, .value = change->value};

    TRY(setting_put(req->cx, name, change->key, change->value));
    assert(setting); /* setting_put found it. */
    reply.unit = str_of(setting->unit);
    reply.min = setting->min;
    reply.max = setting->max;
    reply.fallback = setting->fallback;
    return reply_json(req, 200, setting_changed_fields, &reply);
}
