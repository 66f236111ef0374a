/*
 * load_http.c - requests out and replies in: just enough HTTP/1.1 for a load generator.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

/* ---- Requests ---- */

/* splitmix64: a bijection that makes neighbours look random. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static size_t put_post(char *out, uint64_t key, const char *path, const char *body, size_t len)
{
    int head = snprintf(out, HEAD_BYTES_MAX,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s"
                        "Idempotency-Key: %016" PRIx64 "%016" PRIx64 "\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        path, opt.port, opt.auth, key, mix(key), len);

    assert(head > 0);
    if (head >= HEAD_BYTES_MAX)
        usage("the path or the key is too long");
    memcpy(out + head, body, len);
    return (size_t)head + len;
}

static size_t put_order(char *out, uint64_t key)
{
    char body[ORDER_BYTES_MAX];
    uint64_t random = mix(~key), user = opt.users ? random % opt.users : random;
    int len = snprintf(body, sizeof(body),
                       "{\"user\":\"u%016" PRIx64 "\",\"currency\":\"CNY\","
                       "\"lines\":[{\"sku\":\"%s\",\"quantity\":1}]}",
                       user, opt.skus[random % opt.sku_count]);

    assert(len > 0);
    if (len >= ORDER_BYTES_MAX)
        usage("a SKU id is too long");
    return put_post(out, key, "/v1/orders", body, (size_t)len);
}

static size_t put_get(char *out)
{
    int len = snprintf(out, HEAD_BYTES_MAX, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n",
                       opt.path, opt.port, opt.auth);

    assert(len > 0);
    if (len >= HEAD_BYTES_MAX)
        usage("the path or the key is too long");
    return (size_t)len;
}

size_t request_put(char *out, uint64_t seed, uint64_t number)
{
    uint64_t key = mix(seed + number); /* Distinct: mix is a bijection. */

    if (opt.work == WORK_ORDERS)
        return put_order(out, key);
    if (opt.work == WORK_POST)
        return put_post(out, key, opt.path, opt.post_body, opt.post_len);
    return put_get(out);
}

/* ---- Replies ---- */

static const char *header_value(const char *line, const char *end, const char *name)
{
    size_t len = strlen(name);

    if ((size_t)(end - line) <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
        return NULL;
    line += len + 1;
    while (*line == ' ')
        line++;
    return line;
}

bool reply_head(struct reply *reply, const char *head, const char *end)
{
    bool framed = false;
    const char *value;

    if (strncmp(head, "HTTP/1.1 ", 9) != 0)
        return false;
    reply->status = (int)strtol(head + 9, NULL, 10);
    if (reply->status < 200 || reply->status >= STATUS_MAX)
        return false;
    for (const char *line = head; line < end;
         line = (const char *)memchr(line, '\n', (size_t)(end - line) + 1) + 1) {
        if ((value = header_value(line, end, "Content-Length"))) {
            reply->left = strtoull(value, NULL, 10);
            reply->phase = reply->left > 0 ? BODY : DONE;
            framed = true;
        } else if ((value = header_value(line, end, "Transfer-Encoding"))) {
            reply->phase = CHUNK_SIZE;
            framed = strncasecmp(value, "chunked", 7) == 0;
        } else if ((value = header_value(line, end, "Connection"))) {
            reply->close = strncasecmp(value, "close", 5) == 0;
        }
    }
    if (reply->status == 204 || reply->status == 304) {
        reply->phase = DONE;
        framed = true;
    }
    return framed;
}

/* One byte of a chunk size line or of a trailer. */
static void feed_line_byte(struct reply *reply, char c)
{
    if (c == '\r')
        return;
    if (reply->phase == TRAILER) {
        if (c == '\n' && reply->column == 0)
            reply->phase = DONE;
        reply->column = c == '\n' ? 0 : reply->column + 1;
    } else if (c == '\n' && reply->digits > 0) { /* No digits: the line end after a chunk. */
        reply->phase = reply->left > 0 ? CHUNK_DATA : TRAILER;
        reply->digits = reply->column = 0;
    } else if (c != '\n') {
        int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;

        if (reply->column == reply->digits && digit >= 0 && digit < 16) {
            reply->left = reply->left * 16 + (uint64_t)digit;
            reply->digits++;
        }
        reply->column++; /* Passes digits for good at the first other byte: an extension. */
    }
}

size_t reply_feed(struct reply *reply, const char *data, size_t len)
{
    size_t used = 0;

    while (used < len && reply->phase != DONE) {
        if (reply->phase != BODY && reply->phase != CHUNK_DATA) {
            feed_line_byte(reply, data[used++]);
            continue;
        }
        size_t take = len - used < reply->left ? len - used : (size_t)reply->left;

        used += take;
        reply->left -= take;
        reply->body += take;
        if (reply->left == 0)
            reply->phase = reply->phase == BODY ? DONE : CHUNK_SIZE;
    }
    return used;
}
