/*
 * exchange_fuzz.c - any bytes to a server, head and body.
 *
 * Checked against framing.h alone: each request that it lets pass is answered once, its body is
 * echoed whole, and then the refusal comes; the connection ends, and every exchange with it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/http/engine.h"
#include "kernel/http/framing.h"
#include "test/kit/fuzz.h"

enum {
    HEAD_BYTES_MAX = 16 << 10,
    WIRE_BYTES_MAX = 8 << 10,
    HEARD_BYTES_MAX = 1 << 20,
    PATIENCE_MS = 20000
};

static atomic_int heads, ended;

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

/* ---- The server ---- */

static void on_head(struct http_exchange *x, void *context, size_t *body_bytes_max)
{
    (void)context;
    *body_bytes_max = WIRE_BYTES_MAX;
    atomic_fetch_add(&heads, 1);
    must(http_method(x).len > 0 && http_path(x).len > 0, "a method and a path");
}

static void on_request(struct http_exchange *x, void *context)
{
    struct http_reply reply = {.status = 200, .content_type = STR("text/plain")};

    (void)context;
    reply.body = http_body(x); /* Lives until on_done. */
    http_reply(x, &reply);
}

static void on_done(struct http_exchange *x, void *context, int status, size_t reply_bytes)
{
    (void)x;
    (void)context;
    (void)status;
    (void)reply_bytes;
    atomic_fetch_add(&ended, 1);
}

static int port(void)
{
    static struct http_server *server;
    struct problem problem = {0};

    if (!server) {
        struct http_options options = {.listen = "127.0.0.1:0",
                                       .threads = 1,
                                       .idle_ms_max = 80, /* To notice half-closes soon. */
                                       .on_head = on_head,
                                       .on_request = on_request,
                                       .on_done = on_done};

        server = http_start(&options, &problem);
        must(server, problem.detail);
    }
    return http_port(server);
}

/* ---- The client ---- */

static char heard[HEARD_BYTES_MAX + 1];

static size_t ask(const char *wire, size_t len)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port()),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t got = 0;
    ssize_t n;

    must(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "a connection");
    for (size_t sent = 0; sent < len; sent += (size_t)n) {
        n = send(fd, wire + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0)
            break; /* Refused before all was said. */
    }
    shutdown(fd, SHUT_WR);
    for (;;) {
        must(poll(&wait, 1, PATIENCE_MS) == 1, "the connection ends");
        n = recv(fd, heard + got, HEARD_BYTES_MAX - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    must(n == 0, "no reset");
    close(fd);
    heard[got] = '\0';
    return got;
}

/* ---- What must come ---- */

struct expected {
    int requests;
    const struct refusal *refusal;
};

static struct expected expect(const char *wire, size_t len)
{
    struct expected expected = {0};
    struct framing f;
    size_t used = 0;

    framing_open(&f, HEAD_BYTES_MAX);
    while (used < len && !f.refusal) {
        used += framing_feed(&f, wire + used, len - used);
        if (framing_stage(&f) == FRAMING_DONE) {
            expected.requests++;
            framing_next(&f);
        }
    }
    expected.refusal = f.refusal;
    return expected;
}

static const char *header(const char *head, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line && strncmp(line, "\r\n\r\n", 4) != 0;
         line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 2 + len + 2;
    return "";
}

/* One reply off the front: its status; 0 at the end.  HEAD's has a length and no body. */
static int next_reply(const char **at, const char *end, bool *close_after)
{
    const char *head = *at, *body = strstr(head, "\r\n\r\n");
    size_t len;
    int status;

    if (head == end)
        return 0;
    must(strncmp(head, "HTTP/1.1 ", 9) == 0 && body, "a reply");
    status = (int)strtol(head + 9, NULL, 10);
    must(status == 100 || (status >= 200 && status <= 599), "a status");
    *close_after = strncasecmp(header(head, "Connection"), "close", 5) == 0;
    len = status == 100 ? 0 : strtoul(header(head, "Content-Length"), NULL, 10);
    body += 4;
    if (len > 0 && (body == end || strncmp(body, "HTTP/1.1 ", 9) == 0))
        len = 0; /* To a HEAD. */
    must(len <= (size_t)(end - body), "a whole body");
    *at = body + len;
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expected expected;
    int answered = 0, status;
    bool close_after = false;
    const char *at = heard;
    size_t got;

    if (size == 0 || size > WIRE_BYTES_MAX)
        return 0;
    expected = expect((const char *)data, size);
    got = ask((const char *)data, size);
    while ((status = next_reply(&at, heard + got, &close_after)) == 200 || status == 100) {
        answered += status == 200;
        if (close_after)
            break;
    }
    must(answered <= expected.requests, "no request but those that pass");
    must(close_after || answered == expected.requests, "each is answered");
    if (status != 200)
        must(status == (expected.refusal ? expected.refusal->status : 0), "then the refusal");
    return 0;
}
