/*
 * plan_http.c - publications at a time: a campaign's start and its end.
 *
 * Invariants:
 *   - a plan that waits has a timer; one that is due becomes a publication or says why not, once;
 *   - what fails changes nothing: its documents stand as they stood.
 */
#include "kernel/document/routes.h"

enum { PLANS_WAITING_MAX = 10000 };

enum plan_state { PLAN_WAITING, PLAN_DONE, PLAN_FAILED, PLAN_CANCELLED };
static const char *const plan_states[] = {"waiting", "done", "failed", "cancelled", NULL};

static const struct field plan_columns[] = {F(plan_row, id),
                                            F(plan_row, due_ms),
                                            F_ENUM(plan_row, state, plan_states),
                                            F(plan_row, items),
                                            F(plan_row, actor),
                                            F(plan_row, why),
                                            F(plan_row, created_ms),
                                            F(plan_row, seq),
                                            F(plan_row, error),
                                            F_END};
static const struct table plan_table = TABLE("kernel_document_plan", plan_row, plan_columns, 1);

const struct field plan_new_fields[] = {F_TIME(plan_new, at_ms, "at", .flags = FIELD_REQUIRED),
                                        F_LIST(plan_new, items, publish_new_item,
                                               publish_new_item_fields, .flags = FIELD_REQUIRED,
                                               .min = 1, .max = PUBLICATION_ITEMS_MAX),
                                        F(plan_new, why, .max = DOCUMENT_WHY_LEN_MAX), F_END};

struct plan_view {
    int64_t id, due_ms;
    int state;
    struct list items; /* of struct publish_new_item */
    struct str actor, why;
    int64_t created_ms, seq;
    struct str error;
};
const struct field plan_view_fields[] = {
    F_ID(plan_view, id, "pln"),
    F_TIME(plan_view, due_ms, "at"),
    F_ENUM(plan_view, state, plan_states),
    F_LIST(plan_view, items, publish_new_item, publish_new_item_fields,
           .max = PUBLICATION_ITEMS_MAX),
    F(plan_view, actor),
    F(plan_view, why),
    F_TIME(plan_view, created_ms, "created_at"),
    F(plan_view, seq, .doc = "Of the publication that it became; 0: none."),
    F(plan_view, error, .doc = "Why it failed."),
    F_END};

/* The items as they are stored: a list within an object, because a table reads objects. */
struct plan_items {
    struct list items;
};
static const struct field plan_items_fields[] = {F_LIST(plan_items, items, publish_new_item,
                                                        publish_new_item_fields,
                                                        .max = PUBLICATION_ITEMS_MAX),
                                                 F_END};

static enum err read_items(struct cx *cx, const struct plan_row *row, struct list *out)
{
    struct plan_items stored;

    TRY(field_read(cx, plan_items_fields, FIELD_STRICT, row->items, &stored, sizeof(stored)));
    *out = stored.items;
    return OK;
}

static enum err view_of(struct cx *cx, const struct plan_row *row, struct plan_view *out)
{
    *out = (struct plan_view){.id = row->id,
                              .due_ms = row->due_ms,
                              .state = row->state,
                              .actor = row->actor,
                              .why = row->why,
                              .created_ms = row->created_ms,
                              .seq = row->seq,
                              .error = row->error};
    return read_items(cx, row, &out->items);
}

static enum err reply_plan(struct req *req, int status, const struct plan_row *row)
{
    struct plan_view view;

    TRY(view_of(req->cx, row, &view));
    return reply_json(req, status, plan_view_fields, &view);
}

/* ---- Planning ---- */

enum err prepare_plan(struct req *req)
{
    const struct plan_new *body = req->body;

    return publish_items_try(req->cx, body->items);
}

static enum err check_plan(struct cx *cx, const struct plan_new *body)
{
    struct list items;
    int64_t waiting;

    if (body->at_ms <= cx->now_ms)
        return fail_at(cx, ERR_BAD_INPUT, "out_of_range", "/at",
                       "at lies in the past: POST /v1/publications publishes at once");
    TRY(publish_items_of(cx, body->items, &items));
    TRY(sql_int(cx, &waiting, 0,
                "select count(*) from kernel_document_plan where state = 'waiting'", NO_BINDS));
    if (waiting >= PLANS_WAITING_MAX)
        return fail(cx, ERR_CONFLICT, "too_many_plans", "at most %d plans wait at a time",
                    PLANS_WAITING_MAX);
    return OK;
}

static struct str items_text(struct cx *cx, const struct plan_new *body)
{
    return field_json(cx, plan_items_fields, &(struct plan_items){body->items});
}

enum err post_plan(struct req *req)
{
    const struct plan_new *body = req->body;
    struct by by = by_caller(req->cx, body->why);
    struct plan_row row = {.due_ms = body->at_ms,
                           .state = PLAN_WAITING,
                           .actor = by.actor,
                           .why = by.why,
                           .created_ms = req->cx->now_ms,
                           .error = STR("")};

    TRY(check_plan(req->cx, body));
    row.id = cx_new_id(req->cx);
    row.items = items_text(req->cx, body);
    TRY(row_add(req->cx, &plan_table, &row));
    TRY(timer_set(req->cx, "document.plan", row.id, row.due_ms));
    return reply_plan(req, 201, &row);
}

enum err post_plan_cancel(struct req *req)
{
    struct plan_row row = {.id = req->params[0].id};

    TRY(row_get(req->cx, &plan_table, &row));
    if (row.state != PLAN_WAITING)
        return fail(req->cx, ERR_CONFLICT, "plan_ended", "this plan is %s already",
                    plan_states[row.state]);
    row.state = PLAN_CANCELLED;
    TRY(timer_cancel(req->cx, "document.plan", row.id, row.due_ms));
    TRY(row_put(req->cx, &plan_table, &row));
    return reply_plan(req, 200, &row);
}

enum err get_plans(struct req *req)
{
    const struct document_page *query = req->query;
    int64_t before = INT64_MAX, unused = 0;
    struct str next = {NULL, 0};
    struct plan_view *views = CX_ARRAY(req->cx, struct plan_view, query->page.limit);
    struct list rows;

    TRY(cursor_read(req->cx, query->page.cursor, &before, &unused));
    TRY(sql_all(req->cx, plan_columns, sizeof(struct plan_row), &rows,
                "select id, due_ms, state, items, actor, why, created_ms, seq, error from"
                " kernel_document_plan where id < ?1 order by id desc limit ?2",
                BIND(INT(before), INT(query->page.limit + 1))));
    if (rows.count > (size_t)query->page.limit) {
        rows.count--;
        next = cursor_make(req->cx, LIST_AT(rows, struct plan_row, rows.count - 1)->id, 0);
    }
    for (size_t k = 0; k < rows.count; k++)
        TRY(view_of(req->cx, LIST_AT(rows, struct plan_row, k), &views[k]));
    return reply_page(req, plan_view_fields, (struct list){views, rows.count}, sizeof(views[0]),
                      next);
}

/* ---- When it is due ---- */

static enum err become(struct cx *cx, const struct plan_row *row, struct publication_row *out)
{
    struct list wishes, items;

    TRY(read_items(cx, row, &wishes));
    TRY(publish_items_of(cx, wishes, &items));
    return publish(cx, items, (struct by){row->actor, row->why}, out);
}

/* The plan's own fault, or that of the database, the memory, the moment? */
static bool is_refusal(enum err err)
{
    return err == ERR_BAD_INPUT || err == ERR_NOT_FOUND || err == ERR_CONFLICT ||
           err == ERR_UNPROCESSABLE;
}

enum err plan_fire(struct cx *cx, int64_t id, int64_t due_ms)
{
    struct publication_row publication = {0};
    struct plan_row row = {.id = id};
    enum err err;

    (void)due_ms;
    TRY(row_get(cx, &plan_table, &row));
    if (row.state != PLAN_WAITING)
        return OK;
    err = become(cx, &row, &publication);
    if (err != OK && !is_refusal(err))
        return err;
    row.state = PLAN_DONE;
    row.seq = publication.seq;
    if (err != OK) {
        row.error = cx_printf(cx, "%s: %s", cx->problem.code, cx->problem.detail);
        TRY(cx_undo(cx));
        row.state = PLAN_FAILED;
        row.seq = 0;
    }
    return row_put(cx, &plan_table, &row);
}
