/*
 * dead_http.c - what failed for good, looked at and settled by a person over HTTP.
 */
#include "kernel/access/routes.h"
#include "kernel/work/dead.h"

const struct field dead_discard_fields[] = {
    F(dead_discard_body, reason, .min = 1, .max = 500, .flags = FIELD_REQUIRED,
      .doc = "Why it may be lost. Kept in the event: no names, no addresses."),
    F_END};

const struct field dead_discarded_fields[] = {F(dead_discarded, kind),   F(dead_discarded, id),
                                              F(dead_discarded, type),   F(dead_discarded, key),
                                              F(dead_discarded, reason), F(dead_discarded, actor),
                                              F(dead_discarded, error),  F_END};

enum err get_dead_letters(struct req *req)
{
    const struct list_query *query = req->query;
    struct dead_place place = {0};
    struct str next = {0};
    struct list letters;

    TRY(cursor_read(req->cx, query->page.cursor, &place.list, &place.after));
    TRY(dead_list(req->cx, &place, query->page.limit, &letters));
    if (!place.end)
        next = cursor_make(req->cx, place.list, place.after);
    return reply_page(req, dead_letter_fields, letters, sizeof(struct dead_letter), next);
}

enum err get_dead_letter(struct req *req)
{
    struct dead_letter letter;

    TRY(dead_get(req->cx, req->params[0].text, req->params[1].text, &letter));
    return reply_json(req, 200, dead_letter_fields, &letter);
}

enum err post_dead_redrive(struct req *req)
{
    TRY(dead_redrive(req->cx, req->params[0].text, req->params[1].text));
    return reply_empty(req, 204);
}

/* The audit log keeps a hash of the reason; the event keeps the reason, and what was let go. */
enum err post_dead_discard(struct req *req)
{
    const struct dead_discard_body *body = req->body;
    struct str kind = req->params[0].text, id = req->params[1].text;
    struct dead_letter letter;
    struct dead_discarded discarded;

    TRY(dead_get(req->cx, kind, id, &letter));
    TRY(dead_discard(req->cx, kind, id));
    discarded = (struct dead_discarded){.kind = letter.kind,
                                        .id = letter.id,
                                        .type = letter.type,
                                        .key = letter.key,
                                        .reason = body->reason,
                                        .actor = cx_actor(req->cx),
                                        .error = letter.error};
    TRY(event_put(req->cx, "kernel.dead_letter_discarded", letter.id, dead_discarded_fields,
                  &discarded));
    return reply_empty(req, 204);
}
