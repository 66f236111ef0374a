/*
 * setting.c - settings are rows; the process keeps them as one sorted immutable array.
 *
 * A replaced array is freed when the space closes: settings change a few times a day, and a reader
 * that holds the old one for a moment must not be waited for.
 */
#include "kernel/work/setting.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/work/writer.h"

enum { OVERRIDES_MAX = 4096, OVERRIDE_KEY_LEN_MAX = 64 };

struct override {
    int index;
    char key[OVERRIDE_KEY_LEN_MAX + 1];
    int64_t value;
};

struct setting_values {
    struct setting_values *older;
    int64_t plain[SETTINGS_MAX];
    size_t override_count;
    struct override overrides[];
};

struct setting_row {
    struct str name, key;
    int64_t value, changed_ms;
};
static const struct field setting_fields[] = {F(setting_row, name), F(setting_row, key),
                                              F(setting_row, value), F(setting_row, changed_ms),
                                              F_END};
static const struct table setting_table = TABLE("kernel_setting", setting_row, setting_fields, 2);

static int registered;

void settings_register(const struct module *const *modules)
{
    registered = 0;
    for (; *modules; modules++) {
        for (struct setting *const *s = (*modules)->settings; s && *s; s++) {
            assert(registered < SETTINGS_MAX);
            assert((*s)->min <= (*s)->fallback);
            assert((*s)->fallback <= (*s)->max);
            (*s)->index = registered++;
        }
    }
}

const struct setting *setting_named(const struct platform *platform, struct str name)
{
    for (const struct module *const *m = platform->modules; *m; m++)
        for (struct setting *const *s = (*m)->settings; s && *s; s++)
            if (str_is(name, (*s)->name))
                return *s;
    return NULL;
}

static int by_setting(const void *a, const void *b)
{
    const struct override *x = a, *y = b;

    return x->index != y->index ? (x->index > y->index) - (x->index < y->index)
                                : strcmp(x->key, y->key);
}

static void take_row(struct space *space, struct setting_values *values,
                     const struct setting_row *row)
{
    const struct setting *setting = setting_named(space->platform, row->name);

    if (!setting || row->key.len > OVERRIDE_KEY_LEN_MAX)
        return; /* Of a module that this process does not have. */
    if (row->key.len == 0) {
        values->plain[setting->index] = row->value;
        return;
    }
    struct override *override = &values->overrides[values->override_count++];

    override->index = setting->index;
    memcpy(override->key, row->key.ptr, row->key.len);
    override->value = row->value;
}

static void swap_in(struct space *space, const struct list *rows)
{
    struct setting_values *values =
        calloc(1, sizeof(*values) + rows->count * sizeof(values->overrides[0]));

    assert(values);
    for (const struct module *const *m = space->platform->modules; *m; m++)
        for (struct setting *const *s = (*m)->settings; s && *s; s++)
            values->plain[(*s)->index] = (*s)->fallback;
    for (size_t k = 0; k < rows->count; k++)
        take_row(space, values, LIST_AT(*rows, struct setting_row, k));
    qsort(values->overrides, values->override_count, sizeof(values->overrides[0]), by_setting);
    values->older = atomic_load(&space->settings);
    atomic_store(&space->settings, values);
}

enum err settings_load(struct space *space, struct cx *cx)
{
    struct list rows;

    TRY(sql_raw_all(cx, setting_fields, sizeof(struct setting_row), &rows,
                    "select name, key, value, changed_ms from kernel_setting order by name, key"
                    " limit ?1",
                    BIND(INT(OVERRIDES_MAX))));
    swap_in(space, &rows);
    return OK;
}

void settings_free(struct space *space)
{
    struct setting_values *values = atomic_exchange(&space->settings, NULL);

    while (values) {
        struct setting_values *older = values->older;

        free(values);
        values = older;
    }
}

static void changed(struct space *space, void *argument)
{
    struct cx *cx = &space->writer->cx;

    (void)argument;
    space->writer->settings_stale = settings_load(space, cx) != OK; /* Tried again at each step. */
    fail_clear(cx);
}

void settings_tend(struct writer *writer)
{
    if (!writer->settings_stale)
        return;
    cx_reset(&writer->cx);
    writer->cx.db = writer->db;
    writer->cx.space = writer->space;
    changed(writer->space, NULL);
    if (writer->settings_stale)
        sql_rollback(&writer->cx); /* Reconnects. */
}

/* What is beyond the limit would be stored and never read. */
static enum err check_room(struct cx *cx, const struct setting_row *row)
{
    struct setting_row old = *row;
    int64_t count;
    bool found;

    TRY(row_find(cx, &setting_table, &old, &found));
    if (found)
        return OK;
    TRY(sql_int(cx, &count, 0, "select count(*) from kernel_setting", NO_BINDS));
    if (count >= OVERRIDES_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_settings",
                    "a space keeps at most %d values of settings", OVERRIDES_MAX);
    return OK;
}

enum err setting_put(struct cx *cx, struct str name, struct str key, int64_t value)
{
    const struct setting *setting = setting_named(cx->space->platform, name);
    struct setting_row row = {
        .name = name, .key = key.ptr ? key : STR(""), .value = value, .changed_ms = cx->now_ms};

    if (!setting)
        return fail(cx, ERR_NOT_FOUND, "no_such_setting",
                    "there is no setting " STR_FMT ": GET /v1/settings lists them", STR_ARG(name));
    if (value < setting->min || value > setting->max)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/value",
                       "%s must be from %" PRId64 " to %" PRId64 " %s", setting->name, setting->min,
                       setting->max, setting->unit);
    if (row.key.len > OVERRIDE_KEY_LEN_MAX)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/key", "key: at most %d bytes",
                       OVERRIDE_KEY_LEN_MAX);
    TRY(check_room(cx, &row));
    cx_after_commit(cx, changed, NULL);
    return row_put(cx, &setting_table, &row);
}

int64_t setting_get(const struct cx *cx, const struct setting *setting)
{
    const struct setting_values *values = atomic_load(&cx->space->settings);

    return values->plain[setting->index];
}

int64_t setting_for(const struct cx *cx, const struct setting *setting, struct str key)
{
    const struct setting_values *values = atomic_load(&cx->space->settings);
    struct override wanted = {.index = setting->index};
    const struct override *found;

    if (key.len == 0 || key.len > OVERRIDE_KEY_LEN_MAX || values->override_count == 0)
        return values->plain[setting->index];
    memcpy(wanted.key, key.ptr, key.len);
    found = bsearch(&wanted, values->overrides, values->override_count,
                    sizeof(values->overrides[0]), by_setting);
    return found ? found->value : values->plain[setting->index];
}
