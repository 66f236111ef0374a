/*
 * template.c - notes: one table, three routes, one event.
 */
#include "modules/template/template.h"

static struct metric kept_total = {"template_kept_total", "notes", "Notes kept.", 0};

static const struct field note_fields[] = {F_ID(template_note, id, "tmpl"),
                                           F(template_note, user, .column = "user_id"),
                                           F(template_note, text),
                                           F_TIME(template_note, kept_ms, "kept_at"), F_END};
static const struct table note_table = TABLE("template_note", template_note, note_fields, 1);

struct note_new {
    struct str user, text;
};
static const struct field note_new_fields[] = {
    F(note_new, user, .flags = FIELD_REQUIRED, .min = 1, .max = TEMPLATE_USER_LEN_MAX),
    F(note_new, text, .flags = FIELD_REQUIRED, .min = 1, .max = TEMPLATE_TEXT_LEN_MAX), F_END};

struct note_event {
    int64_t note;
    struct str user;
};
static const struct field note_event_fields[] = {F_ID(note_event, note, "tmpl"),
                                                 F(note_event, user), F_END};

struct note_query {
    struct page_query page;
    struct str user;
};
static const struct field note_query_fields[] = {
    PAGE_FIELDS(note_query),
    F(note_query, user, .flags = FIELD_REQUIRED, .min = 1, .max = TEMPLATE_USER_LEN_MAX), F_END};

enum err template_get(struct cx *cx, int64_t id, struct template_note *out)
{
    bool found;

    *out = (struct template_note){.id = id};
    TRY(row_find(cx, &note_table, out, &found));
    if (!found)
        return fail(cx, ERR_NOT_FOUND, "no_such_note", "there is no such note");
    return OK;
}

static enum err post_note(struct req *req)
{
    const struct note_new *in = req->body;
    struct cx *cx = req->cx;
    struct template_note note = {
        .id = cx_new_id(cx), .user = in->user, .text = in->text, .kept_ms = cx_now_ms(cx)};
    struct note_event event = {.note = note.id, .user = note.user};

    TRY(row_add(cx, &note_table, &note));
    metric_add(cx, &kept_total, 1);
    TRY(event_put(cx, "template.kept", cx_id_text(cx, "tmpl", note.id), note_event_fields, &event));
    return reply_json(req, 201, note_fields, &note);
}

static enum err get_note(struct req *req)
{
    struct template_note note;

    TRY(template_get(req->cx, req->params[0].id, &note));
    return reply_json(req, 200, note_fields, &note);
}

static enum err get_notes(struct req *req)
{
    const struct note_query *query = req->query;
    int64_t before = INT64_MAX, unused = 0;
    struct cx *cx = req->cx;
    struct str next = {0};
    struct list rows;

    TRY(cursor_read(cx, query->page.cursor, &before, &unused));
    TRY(sql_all(cx, note_fields, sizeof(struct template_note), &rows,
                "select id, user_id, text, kept_ms from template_note"
                " where user_id = ?1 and id < ?2 order by id desc limit ?3",
                BIND(TEXT(query->user), INT(before), INT(query->page.limit))));
    if ((int64_t)rows.count == query->page.limit)
        next = cursor_make(cx, LIST_AT(rows, struct template_note, rows.count - 1)->id, 0);
    return reply_page(req, note_fields, rows, sizeof(struct template_note), next);
}

const struct module template_module = {
    .name = "template",
    .schema = template_schema,
    .routes = ROUTES({"POST", "/v1/template-notes", post_note, TX_WRITE, "template:write",
                      BODY(note_new, note_new_fields), .reply = note_fields,
                      .priority = PRIORITY_NORMAL, .doc = "Keep a note."},
                     {"GET", "/v1/template-notes/{id:tmpl}", get_note, TX_READ, "template:read",
                      .reply = note_fields, .doc = "One note."},
                     {"GET", "/v1/template-notes", get_notes, TX_READ, "template:read",
                      QUERY(note_query, note_query_fields), .reply = note_fields, .page = true,
                      .doc = "A user's notes, newest first."}),
    .produces = PRODUCES({"template.kept", note_event_fields, "A note was kept."}),
    .metrics = METRICS(&kept_total),
};
