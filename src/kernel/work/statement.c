/*
 * statement.c - the statements of sql.h as modules call them: over settled rows, with a savepoint
 * in front of a command's first write.
 */
#include "kernel/work/batch.h"

enum err sql_run(struct cx *cx, int64_t *changed, const char *sql, struct binds binds)
{
    assert(cx->work);
    assert(cx->work->batch);
    TRY(batch_settle(cx));
    TRY(work_savepoint(cx));
    cx->work->batch->wrote = true;
    TRY(sql_raw_run(cx, changed, sql, binds));
    batch_forget(cx->work->batch, cx);
    return OK;
}

enum err sql_all(struct cx *cx, const struct field *fields, size_t row_size, struct list *out,
                 const char *sql, struct binds binds)
{
    assert(cx->work);
    TRY(batch_settle(cx));
    return sql_raw_all(cx, fields, row_size, out, sql, binds);
}

enum err sql_one(struct cx *cx, const struct field *fields, void *out, const char *sql,
                 struct binds binds)
{
    struct list rows;
    size_t size = 0;

    for (const struct field *field = fields; field->name; field++) {
        size_t end = field->offset + (field->type == FIELD_TEXT || field->type == FIELD_JSON
                                          ? sizeof(struct str)
                                          : sizeof(int64_t));

        size = end > size ? end : size;
    }
    size = (size + 15) / 16 * 16; /* Any alignment a scalar may want. */
    TRY(sql_all(cx, fields, size, &rows, sql, binds));
    if (rows.count == 0)
        return fail(cx, ERR_NOT_FOUND, "not_found", "there is no such row");
    for (const struct field *field = fields; field->name; field++) {
        const char *from = (const char *)rows.items + field->offset;
        char *to = (char *)out + field->offset;

        if (field->flags & FIELD_JSON_ONLY)
            continue;
        switch (field->type) {
        case FIELD_TEXT:
        case FIELD_JSON:
            *(struct str *)(void *)to = *(const struct str *)(const void *)from;
            break;
        case FIELD_BOOL:
            *(bool *)to = *(const bool *)from;
            break;
        case FIELD_ENUM:
            *(int *)(void *)to = *(const int *)(const void *)from;
            break;
        default:
            *(int64_t *)(void *)to = *(const int64_t *)(const void *)from;
            break;
        }
    }
    return OK;
}

struct number {
    int64_t value;
};

enum err sql_int(struct cx *cx, int64_t *out, int64_t fallback, const char *sql, struct binds binds)
{
    static const struct field fields[] = {F(number, value, .fallback = INT64_MIN), F_END};
    struct list rows;

    TRY(sql_all(cx, fields, sizeof(struct number), &rows, sql, binds));
    *out = rows.count > 0 ? LIST_AT(rows, struct number, 0)->value : fallback;
    if (*out == INT64_MIN) /* SQL null. */
        *out = fallback;
    return OK;
}
