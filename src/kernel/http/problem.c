/*
 * problem.c - problem documents (RFC 9457).
 *
 * {"type":"urn:grevy:problem:CODE","title","status","code","detail","pointer",members...}
 * The type names the code and leads nowhere: documentation moves, codes do not.  The same document
 * as problem_json (json/problem.h), but without a unit of work to allocate from: it must also be
 * said when there is no exchange yet, or no memory for one.
 */
#include "kernel/http/engine_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ESCAPED_BYTES_MAX = 6, NUMBER_BYTES_MAX = 24 };

/* Append text as a JSON string.  Room is reserved for the worst first. */
static bool put_text(struct buffer *out, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    bool utf8 = str_utf8(s);
    char *at;

    if (!buffer_reserve(out, s.len * ESCAPED_BYTES_MAX + 2))
        return false;
    at = out->ptr + out->len;
    *at++ = '"';
    for (size_t k = 0; k < s.len; k++) {
        uint8_t c = (uint8_t)s.ptr[k];

        if (c == '"' || c == '\\') {
            *at++ = '\\';
            *at++ = (char)c;
        } else if (c < ' ' || c == 127) {
            memcpy(at, "\\u00", 4);
            at[4] = hex[c >> 4];
            at[5] = hex[c & 15];
            at += ESCAPED_BYTES_MAX;
        } else {
            *at++ = c > 127 && !utf8 ? '?' : (char)c;
        }
    }
    *at++ = '"';
    out->len = (size_t)(at - out->ptr);
    return true;
}

static bool put_member(struct buffer *out, const char *name, struct str value)
{
    return buffer_add(out, STR(",")) && put_text(out, str_of(name)) && buffer_add(out, STR(":")) &&
           put_text(out, value);
}

bool problem_write(struct buffer *out, int status, const char *title, const struct problem *problem)
{
    const char *code = problem->code ? problem->code : "failed";
    char number[NUMBER_BYTES_MAX];
    int len = snprintf(number, sizeof(number), ",\"status\":%d", status);
    bool ok =
        buffer_add(out, STR("{\"type\":\"urn:grevy:problem:")) && buffer_add(out, str_of(code)) &&
        buffer_add(out, STR("\"")) && put_member(out, "title", str_of(title)) &&
        buffer_add(out, (struct str){number, (size_t)len}) && put_member(out, "code", str_of(code));

    if (problem->detail[0])
        ok = ok && put_member(out, "detail", str_of(problem->detail));
    if (problem->pointer[0])
        ok = ok && put_member(out, "pointer", str_of(problem->pointer));
    for (int k = 0; k < problem->member_count; k++)
        ok = ok && put_member(out, problem->members[k].name, problem->members[k].value);
    return ok && buffer_add(out, STR("}"));
}

static void add_header(struct http_reply *reply, const char *name, struct str value)
{
    assert(reply->header_count < HTTP_HEADERS_MAX);
    reply->headers[reply->header_count].name = name;
    reply->headers[reply->header_count++].value = value;
}

/* Headers that HTTP requires beside some statuses. */
static void add_status_headers(struct http_reply *reply, const struct problem *problem)
{
    if (reply->status == MHD_HTTP_UNAUTHORIZED)
        add_header(reply, "WWW-Authenticate", STR("Bearer"));
    if (reply->status != MHD_HTTP_METHOD_NOT_ALLOWED)
        return;
    for (int k = 0; k < problem->member_count; k++)
        if (strcmp(problem->members[k].name, "allow") == 0)
            add_header(reply, "Allow", problem->members[k].value);
}

void http_reply_problem(struct http_exchange *x, const struct problem *problem, bool close)
{
    struct buffer out = {0};
    struct http_reply reply = {
        .status = err_status(problem->err),
        .content_type = STR("application/problem+json"),
        .close = close,
    };
    char seconds[NUMBER_BYTES_MAX];
    int64_t after_ms = problem->retry_after_ms;
    int len;

    assert(problem->err != OK);
    add_status_headers(&reply, problem);
    if (problem->err == ERR_BUSY && after_ms <= 0)
        after_ms = SECOND_MS; /* Whoever refused knows no better: a database that is away. */
    if (after_ms > 0) {
        len =
            snprintf(seconds, sizeof(seconds), "%" PRId64, (after_ms + SECOND_MS - 1) / SECOND_MS);
        add_header(&reply, "Retry-After", (struct str){seconds, (size_t)len});
    }
    if (problem_write(&out, reply.status, err_title(problem->err), problem)) {
        reply.body = (struct str){out.ptr, out.len};
        reply.release = free;
        reply.release_context = out.ptr;
    } else {
        buffer_free(&out); /* No memory: the status alone must do. */
    }
    http_reply(x, &reply);
}
