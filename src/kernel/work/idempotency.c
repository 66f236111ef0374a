/*
 * idempotency.c - three tables by day number modulo 3: today's and yesterday's are asked, the third
 * is emptied before its day comes round.
 */
#include "kernel/work/idempotency.h"

#include "kernel/base/hash.h"
#include "kernel/work/retention.h"
#include "kernel/work/space.h"

struct idem_row {
    struct str key, body_hash;
    int64_t status;
    struct str reply, location;
    int64_t created_ms;
};
static const struct field idem_fields[] = {F(idem_row, key),
                                           F(idem_row, body_hash),
                                           F(idem_row, status),
                                           F_JSON(idem_row, reply),
                                           F(idem_row, location),
                                           F(idem_row, created_ms),
                                           F_END};
static const struct table tables[] = {
    TABLE("kernel_idem_0", idem_row, idem_fields, 1),
    TABLE("kernel_idem_1", idem_row, idem_fields, 1),
    TABLE("kernel_idem_2", idem_row, idem_fields, 1),
};

static const struct table *table_of_day(int64_t day)
{
    return &tables[day % 3];
}

static int64_t today(const struct cx *cx)
{
    return cx->now_ms / DAY_MS;
}

enum err idempotency_read(struct cx *cx, struct idempotency *out, struct str key,
                          const struct req *req, struct str method, struct str path)
{
    char owner[ID_PREFIX_LEN_MAX + ID_TEXT_LEN + 2] = "-";

    *out = (struct idempotency){0};
    if (!key.ptr)
        return OK;
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_LEN_MAX)
        return fail(cx, ERR_BAD_INPUT, "bad_idempotency_key",
                    "Idempotency-Key must have 1 to %d characters", IDEMPOTENCY_KEY_LEN_MAX);
    for (size_t k = 0; k < key.len; k++)
        if (key.ptr[k] < 0x21 || key.ptr[k] > 0x7e)
            return fail(cx, ERR_BAD_INPUT, "bad_idempotency_key",
                        "Idempotency-Key must be printable ASCII without spaces");
    if (cx->caller)
        id_format(owner, "key", cx->caller->key_id);
    const struct str scope[] = {str_of(owner), method, path, key};

    hash_text(out->key, scope, 4);
    hash_text(out->body_hash, &req->raw, 1);
    out->given = true;
    return OK;
}

void idempotency_warm(struct cx *cx, const struct idempotency *idempotency)
{
    struct idem_row row = {.key = str_of(idempotency->key)};

    if (!idempotency->given)
        return;
    row_warm(cx, table_of_day(today(cx)), &row);
    row_warm(cx, table_of_day(today(cx) - 1), &row);
}

enum err idempotency_find(struct req *req, const struct idempotency *idempotency, bool *replayed)
{
    struct cx *cx = req->cx;
    int64_t kept_ms = setting_get(cx, &idempotency_kept_hours) * HOUR_MS;
    struct idem_row row;
    bool found = false;

    *replayed = false;
    for (int64_t day = today(cx); day >= today(cx) - 1 && !found; day--) {
        row = (struct idem_row){.key = str_of(idempotency->key)};
        TRY(row_find(cx, table_of_day(day), &row, &found));
    }
    if (!found || row.created_ms <= cx->now_ms - kept_ms)
        return OK;
    if (!str_is(row.body_hash, idempotency->body_hash))
        return fail(cx, ERR_UNPROCESSABLE, "idempotency_key_reused",
                    "this Idempotency-Key was used with another body: take a new key");
    req->status = (int)row.status;
    /* Copied: the row is the batch's or another command's, and the answer outlives both. */
    req->reply = cx_copy(cx, row.reply);
    req->location = row.location.len ? cx_copy(cx, row.location) : (struct str){0};
    req->content_type = STR("application/json");
    *replayed = true;
    return OK;
}

enum err idempotency_store(struct req *req, const struct idempotency *idempotency)
{
    struct cx *cx = req->cx;
    struct idem_row row = {.key = cx_copy(cx, str_of(idempotency->key)),
                           .body_hash = cx_copy(cx, str_of(idempotency->body_hash)),
                           .status = req->status,
                           .reply = req->route->flags & ROUTE_NOT_REPLAYED ? req->kept : req->reply,
                           .location = req->location.ptr ? req->location : STR(""),
                           .created_ms = cx->now_ms};

    if (!row.reply.ptr)
        row.reply = STR("");
    return row_put(cx, table_of_day(today(cx)), &row);
}

enum err idempotency_rotate(struct cx *cx, bool *more)
{
    /* Whole tables, however many rows: SQLite frees the pages of a delete without a condition. */
    static const char *const empty_sql[][2] = {
        {"delete from kernel_idem_0", "truncate kernel_idem_0"},
        {"delete from kernel_idem_1", "truncate kernel_idem_1"},
        {"delete from kernel_idem_2", "truncate kernel_idem_2"}};

    *more = false;
    return sql_run(cx, NULL, empty_sql[(today(cx) + 1) % 3][sql_kind(cx->db) == SQL_POSTGRES],
                   NO_BINDS);
}
