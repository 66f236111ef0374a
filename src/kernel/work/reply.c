/*
 * reply.c - answers, pages and cursors.
 */
#include <sodium.h>
#include <string.h>

#include "kernel/base/hash.h"
#include "kernel/work/space.h"

enum { REPLY_SIZE_HINT = 1024, CURSOR_MAC_LEN = 8 };

enum err reply_json(struct req *req, int status, const struct field *fields, const void *value)
{
    struct json_out out;

    json_open(&out, req->cx, REPLY_SIZE_HINT);
    field_write(&out, fields, value);
    return reply_text(req, status, "application/json", json_done(&out));
}

enum err reply_page(struct req *req, const struct field *fields, struct list items, size_t row_size,
                    struct str next)
{
    struct json_out out;

    json_open(&out, req->cx, REPLY_SIZE_HINT * 4);
    json_object(&out);
    json_key(&out, STR("data"));
    json_list(&out);
    for (size_t k = 0; k < items.count; k++)
        field_write(&out, fields, (const char *)items.items + k * row_size);
    json_list_end(&out);
    json_key(&out, STR("next"));
    if (next.ptr)
        json_put_text(&out, next);
    else
        json_put_null(&out);
    json_object_end(&out);
    return reply_text(req, 200, "application/json", json_done(&out));
}

enum err reply_text(struct req *req, int status, const char *content_type, struct str body)
{
    req->status = status;
    req->content_type = str_of(content_type);
    req->reply = body;
    return OK;
}

enum err reply_empty(struct req *req, int status)
{
    req->status = status;
    req->reply = (struct str){0};
    return OK;
}

/* ---- Cursors: two numbers and a short MAC under the space's name and the master key ---- */

struct cursor {
    int64_t a, b;
    unsigned char mac[CURSOR_MAC_LEN];
};

static void cursor_mac(const struct cx *cx, const struct cursor *cursor, unsigned char *mac)
{
    unsigned char full[crypto_generichash_BYTES_MIN];
    crypto_generichash_state state;

    crypto_generichash_init(&state, cx->space->platform->options.master_key, 32, sizeof(full));
    crypto_generichash_update(&state, (const unsigned char *)cx->space->name,
                              strlen(cx->space->name));
    crypto_generichash_update(&state, (const unsigned char *)&cursor->a, sizeof(int64_t) * 2);
    crypto_generichash_final(&state, full, sizeof(full));
    memcpy(mac, full, CURSOR_MAC_LEN);
}

struct str cursor_make(struct cx *cx, int64_t a, int64_t b)
{
    struct cursor cursor = {.a = a, .b = b};

    cursor_mac(cx, &cursor, cursor.mac);
    return base64_encode(cx, (struct str){(const char *)&cursor, sizeof(cursor)});
}

enum err cursor_read(struct cx *cx, struct str text, int64_t *a, int64_t *b)
{
    unsigned char mac[CURSOR_MAC_LEN];
    struct cursor cursor;
    struct str bytes;

    if (!text.ptr)
        return OK;
    if (!base64_decode(cx, text, &bytes) || bytes.len != sizeof(cursor))
        return fail_at(cx, ERR_BAD_INPUT, "bad_cursor", "?cursor",
                       "cursor: take it from the \"next\" of the page before");
    memcpy(&cursor, bytes.ptr, sizeof(cursor));
    cursor_mac(cx, &cursor, mac);
    if (sodium_memcmp(mac, cursor.mac, CURSOR_MAC_LEN) != 0)
        return fail_at(cx, ERR_BAD_INPUT, "bad_cursor", "?cursor",
                       "cursor: take it from the \"next\" of the page before");
    *a = cursor.a;
    *b = cursor.b;
    return OK;
}
