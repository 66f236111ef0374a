/*
 * exchange_fuzz.c - any bytes to a server, head and body.
 *
 * The bytes come in two pieces.  Checked against framing.h alone: each request that it lets pass is
 * answered once and its body, out of its chunks, is echoed; then the refusal comes; the connection
 * ends, and every exchange with it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
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
    REQUESTS_MAX = WIRE_BYTES_MAX / 16, /* A request has a line and its end. */
    PATIENCE_MS = 5000                  /* Below the time the fuzzer gives one input. */
};

static atomic_int heads, ended;

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
                                       .gzip_bytes_min = HEARD_BYTES_MAX,
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

/* The fuzzer's own alarm interrupts. */
static void await(int fd, short events)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int64_t until_us = env_system()->monotonic_us(env_system()) + PATIENCE_MS * INT64_C(1000);
    int n;

    do
        n = poll(&wait, 1, PATIENCE_MS);
    while (n < 0 && errno == EINTR && env_system()->monotonic_us(env_system()) < until_us);
    must(n == 1, "the connection ends");
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port()),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    must(fd >= 0, "a socket");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        must(errno == EINTR, "a connection");
        await(fd, POLLOUT);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* Send in two pieces, hear until the end.  may_reset: the second comes after the last request. */
static size_t ask(const char *wire, size_t len, size_t cut, bool may_reset)
{
    size_t got = 0, ends[] = {cut, len};
    int fd = dial();
    ssize_t n = 0;

    for (size_t sent = 0, k = 0; k < 2 && n >= 0; k++)
        for (; sent < ends[k] && n >= 0; sent += (size_t)n)
            n = send(fd, wire + sent, ends[k] - sent, MSG_NOSIGNAL); /* Refused before the end? */
    shutdown(fd, SHUT_WR);
    do {
        await(fd, POLLIN);
        n = recv(fd, heard + got, HEARD_BYTES_MAX - got, 0);
        got += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    must(n == 0 || may_reset, "no reset");
    close(fd);
    heard[got] = '\0';
    return got;
}

/* ---- What must come ---- */

/* A request that passes: where its head, its body and what follows begin. */
struct asked {
    const char *head, *body, *end;
};

struct expected {
    struct asked asked[REQUESTS_MAX];
    int count;
    struct asked rest; /* What does not pass, or is not whole. */
    const struct refusal *refusal;
};

static void expect(struct expected *expected, const char *wire, size_t len)
{
    struct asked asked = {.head = wire};
    struct framing f;

    expected->count = 0;
    framing_open(&f, HEAD_BYTES_MAX);
    for (const char *at = wire; at < wire + len && !f.refusal; at++) {
        must(framing_feed(&f, at, 1) == 1 || f.refusal, "a byte is taken");
        if (framing_stage(&f) == FRAMING_BODY && !asked.body)
            asked.body = at + 1;
        if (framing_stage(&f) != FRAMING_DONE)
            continue;
        asked.end = at + 1;
        asked.body = asked.body ? asked.body : asked.end;
        must(expected->count < REQUESTS_MAX, "a request has a line");
        expected->asked[expected->count++] = asked;
        asked = (struct asked){.head = asked.end};
        framing_next(&f);
    }
    expected->rest = asked;
    expected->refusal = f.refusal;
}

/* The value of a header and what follows; "": there is none. */
static const char *header(const char *head, const char *name)
{
    size_t len = strlen(name);

    head += strncmp(head, "\r\n", 2) == 0 ? 2 : 0; /* An empty line may stand in front. */
    for (const char *line = strstr(head, "\r\n"); line && strncmp(line, "\r\n\r\n", 4) != 0;
         line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 2 + len + 1 + strspn(line + 2 + len + 1, " \t");
    return "";
}

/* The body, out of its chunks; of the last one asked for. */
static struct str body_of(const struct asked *asked)
{
    static char whole[WIRE_BYTES_MAX];
    const char *at = asked->body;
    size_t len = 0;

    if (!header(asked->head, "Transfer-Encoding")[0])
        return (struct str){at, (size_t)(asked->end - at)};
    for (;;) {
        size_t size = strtoul(at, NULL, 16);

        if (size == 0)
            return (struct str){whole, len};
        at = strstr(at, "\r\n") + 2;
        memcpy(whole + len, at, size);
        len += size;
        at += size + 2;
    }
}

static bool is_last(const struct asked *asked)
{
    const char *line = asked->head + (asked->head[0] == '\r' ? 2 : 0);
    const char *line_end = strstr(line, "\r\n");

    return strncmp(line_end - 3, "1.0", 3) == 0 || header(asked->head, "Connection")[0];
}

/* ---- What came ---- */

static int status_of(const char *reply)
{
    int status = strncmp(reply, "HTTP/1.1 ", 9) == 0 ? (int)strtol(reply + 9, NULL, 10) : 0;

    must(reply[0] == '\0' || status == 100 || (status >= 200 && status <= 599), "a reply");
    return status;
}

/* Past one reply; bodiless: what is said of the length is of another's. */
static const char *past(const char *reply, bool bodiless)
{
    const char *body = strstr(reply, "\r\n\r\n");
    size_t len = bodiless ? 0 : strtoul(header(reply, "Content-Length"), NULL, 10);

    must(body, "a whole head");
    must(len <= HEARD_BYTES_MAX - (size_t)(body + 4 - heard), "a body of some length");
    return body + 4 + len;
}

static const char *past_continue(const char *at, const struct asked *asked)
{
    if (status_of(at) != 100)
        return at;
    must(header(asked->head, "Expect")[0], "100 for who waits for it");
    return past(at, true);
}

/* The echo of one request, if it came; NULL: it did not. */
static const char *past_echo(const char *at, const struct asked *asked)
{
    bool bodiless = strncmp(asked->head + (asked->head[0] == '\r' ? 2 : 0), "HEAD ", 5) == 0;
    struct str body = body_of(asked);
    const char *end;

    if (status_of(at) != 200)
        return NULL;
    end = past(at, bodiless);
    must(strtoul(header(at, "Content-Length"), NULL, 10) == body.len, "an echo as long");
    must(bodiless || body.len == 0 || memcmp(end - body.len, body.ptr, body.len) == 0, "an echo");
    return end;
}

static void check(const struct expected *expected, size_t got)
{
    const char *at = heard, *next;
    bool closed = false;

    for (int k = 0; k < expected->count && !closed; k++, at = next) {
        at = past_continue(at, &expected->asked[k]);
        next = past_echo(at, &expected->asked[k]);
        must(next, "each is answered");
        closed = strncasecmp(header(at, "Connection"), "close", 5) == 0;
        must(!closed || k + 1 == expected->count || is_last(&expected->asked[k]),
             "no end while more was asked");
    }
    if (!closed)
        at = past_continue(at, &expected->rest);
    if (!closed && expected->refusal) {
        must(status_of(at) == expected->refusal->status, "then the refusal");
        at = past(at, false);
    }
    must(at == heard + got, "and no more");
}

/* Is this where a request ends that wants no other?  Then we close, and know of none. */
static bool is_end(const struct expected *expected, const char *at)
{
    for (int k = 0; k < expected->count; k++)
        if (expected->asked[k].end == at)
            return is_last(&expected->asked[k]);
    return false;
}

static void await_exchanges(void)
{
    for (int ms = 0; atomic_load(&ended) != atomic_load(&heads); ms++) {
        must(ms < PATIENCE_MS, "every exchange ends");
        usleep(1000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char wire[WIRE_BYTES_MAX + 1]; /* Ends in a NUL. */
    static struct expected expected;
    size_t cut;

    if (size == 0 || size > WIRE_BYTES_MAX)
        return 0;
    memcpy(wire, data, size);
    wire[size] = '\0';
    expect(&expected, wire, size);
    cut = size * data[size - 1] / 256;
    check(&expected, ask(wire, size, cut, is_end(&expected, wire + cut)));
    await_exchanges();
    return 0;
}
