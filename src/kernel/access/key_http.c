/*
 * key_http.c - API keys over HTTP.
 */
#include "kernel/access/key.h"
#include "kernel/access/routes.h"

const struct field list_query_fields[] = {PAGE_FIELDS(list_query), F_END};

enum err post_key(struct req *req)
{
    struct key key, shown;

    TRY(key_create(req->cx, req->body, &key));
    shown = key;
    shown.token = (struct str){0};
    TRY(reply_json(req, 201, key_fields, &shown));
    req->kept = req->reply;
    return reply_json(req, 201, key_fields, &key);
}

enum err post_key_revoke(struct req *req)
{
    struct key key;

    TRY(key_revoke(req->cx, req->params[0].id, &key));
    return reply_json(req, 200, key_fields, &key);
}

enum err get_keys(struct req *req)
{
    const struct list_query *query = req->query;
    struct str next = {NULL, 0};
    int64_t before = 0, unused = 0;
    struct list keys;

    TRY(cursor_read(req->cx, query->page.cursor, &before, &unused));
    TRY(key_list(req->cx, before, query->page.limit + 1, &keys));
    if (keys.count > (size_t)query->page.limit) {
        keys.count--;
        next = cursor_make(req->cx, LIST_AT(keys, struct key, keys.count - 1)->id, 0);
    }
    return reply_page(req, key_fields, keys, sizeof(struct key), next);
}
