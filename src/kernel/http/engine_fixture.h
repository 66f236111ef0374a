/*
 * engine_fixture.h - a server that echoes, and a client of raw bytes, for the engine's tests.
 *
 * The server answers by path: /held waits for rig_answer, /later is answered by another thread at
 * once, anything else inline.  The body of an answer is what was asked, unless the path says
 * otherwise (see rig_compose).
 */
#ifndef GREVY_HTTP_ENGINE_FIXTURE_H
#define GREVY_HTTP_ENGINE_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel/http/engine.h"
#include "test/kit/test.h"

enum { PATIENCE_MS = 20 * 1000, HELD_MAX = 256, HEARD_BYTES_MAX = 4 << 20 };

static inline int64_t now_ms(void)
{
    struct env *env = env_system();

    return env->monotonic_us(env) / 1000;
}

/* ---- The server ---- */

struct rig {
    struct http_options options;
    struct http_server *server;
    struct problem problem;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t answerer;
    bool ending;
    struct http_exchange *held[HELD_MAX], *later[HELD_MAX];
    int held_count, later_count;
    int heads, asked, done, released, refused; /* Calls so far. */
    int status;                                /* Of the last on_done. */
    size_t reply_bytes;
    char reason[64]; /* Of the last on_refused. */
};

static inline void rig_add(struct rig *rig, int *counter)
{
    pthread_mutex_lock(&rig->lock);
    (*counter)++;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

/** Wait until *counter is at least value. */
static inline void rig_wait(struct rig *rig, const int *counter, int value)
{
    struct timespec until;
    bool there;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&rig->lock);
    while (*counter < value && pthread_cond_timedwait(&rig->changed, &rig->lock, &until) == 0)
        ;
    there = *counter >= value;
    pthread_mutex_unlock(&rig->lock);
    CHECK_SAY(there, "waited for %d", value);
}

struct composed {
    struct rig *rig;
    char *text;
};

static inline void rig_release(void *context)
{
    struct composed *composed = context;

    rig_add(composed->rig, &composed->rig->released);
    free(composed->text);
    free(composed);
}

/* "/bytes" gives as many bytes of JSON as its query says; anything else an echo. */
static inline void rig_compose(struct rig *rig, struct http_exchange *x, struct http_reply *reply)
{
    struct composed *composed = malloc(sizeof(*composed));
    struct str body = http_body(x);
    struct str query = http_query(x);
    size_t size = body.len + http_path(x).len + query.len + 64;
    int64_t bytes = 0;

    CHECK(composed);
    if (str_is(http_path(x), "/bytes") && str_int(query, &bytes))
        size = (size_t)bytes + 3;
    *composed = (struct composed){.rig = rig, .text = malloc(size)};
    CHECK(composed->text);
    reply->status = 200;
    reply->content_type = STR("application/json");
    reply->release = rig_release;
    reply->release_context = composed;
    reply->body.ptr = composed->text;
    if (bytes > 0) {
        for (int64_t k = 0; k < bytes; k++)
            composed->text[k] = "0123456789abcdef"[(k * k / 7 + k) & 15];
        composed->text[0] = composed->text[bytes - 1] = '"';
        reply->body.len = (size_t)bytes;
        return;
    }
    reply->body.len = (size_t)snprintf(
        composed->text, size, STR_FMT " " STR_FMT "?" STR_FMT " " STR_FMT, STR_ARG(http_method(x)),
        STR_ARG(http_path(x)), STR_ARG(query), STR_ARG(body));
}

static inline void rig_reply(struct rig *rig, struct http_exchange *x)
{
    struct http_reply reply = {0};
    struct str tag = http_header(x, "X-Tag");

    rig_compose(rig, x, &reply);
    if (tag.ptr) {
        reply.headers[0].name = "ETag";
        reply.headers[0].value = tag;
        reply.header_count = 1;
    }
    http_reply(x, &reply);
}

static inline void *rig_answerer(void *context)
{
    struct rig *rig = context;

    pthread_mutex_lock(&rig->lock);
    while (!rig->ending) {
        struct http_exchange *x = rig->later_count ? rig->later[--rig->later_count] : NULL;

        if (!x) {
            pthread_cond_wait(&rig->changed, &rig->lock);
            continue;
        }
        pthread_mutex_unlock(&rig->lock);
        rig_reply(rig, x);
        pthread_mutex_lock(&rig->lock);
    }
    pthread_mutex_unlock(&rig->lock);
    return NULL;
}

/** Answer the exchange that was held first. */
static inline void rig_answer(struct rig *rig)
{
    struct http_exchange *x;

    pthread_mutex_lock(&rig->lock);
    CHECK(rig->held_count > 0);
    x = rig->held[0];
    rig->held_count--;
    memmove(rig->held, rig->held + 1, (size_t)rig->held_count * sizeof(x));
    pthread_mutex_unlock(&rig->lock);
    rig_reply(rig, x);
}

/* "/refused" is refused at the head, and "/small" takes ten bytes. */
static inline void rig_on_head(struct http_exchange *x, void *context, size_t *body_bytes_max)
{
    struct rig *rig = context;
    struct problem problem = {.err = ERR_UNAUTHORIZED, .code = "no_key", .detail = "Send a key."};

    rig_add(rig, &rig->heads);
    CHECK(http_started_us(x) > 0);
    CHECK(http_peer(x).len > 0);
    if (str_is(http_path(x), "/small"))
        *body_bytes_max = 10;
    if (str_is(http_path(x), "/refused"))
        http_reply_problem(x, &problem, false);
}

static inline void rig_on_request(struct http_exchange *x, void *context)
{
    struct rig *rig = context;
    bool held = str_is(http_path(x), "/held");

    http_set_user(x, rig);
    if (!held && !str_is(http_path(x), "/later")) {
        rig_add(rig, &rig->asked);
        rig_reply(rig, x);
        return;
    }
    pthread_mutex_lock(&rig->lock);
    CHECK(rig->held_count < HELD_MAX);
    CHECK(rig->later_count < HELD_MAX);
    if (held)
        rig->held[rig->held_count++] = x;
    else
        rig->later[rig->later_count++] = x;
    rig->asked++;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static inline void rig_on_done(struct http_exchange *x, void *context, int status,
                               size_t reply_bytes)
{
    struct rig *rig = context;

    CHECK(http_method(x).len > 0); /* Still there. */
    CHECK(http_path(x).len > 0);
    pthread_mutex_lock(&rig->lock);
    rig->status = status;
    rig->reply_bytes = reply_bytes;
    rig->done++;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static inline void rig_on_refused(void *context, int status, const char *reason)
{
    struct rig *rig = context;

    CHECK(status >= 400);
    pthread_mutex_lock(&rig->lock);
    snprintf(rig->reason, sizeof(rig->reason), "%s", reason);
    rig->refused++;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

/** Start with rig->options as they are, but for the callbacks. */
static inline void rig_start(struct rig *rig)
{
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig->options.listen = "127.0.0.1:0";
    rig->options.context = rig;
    rig->options.on_head = rig_on_head;
    rig->options.on_request = rig_on_request;
    rig->options.on_done = rig_on_done;
    rig->options.on_refused = rig_on_refused;
    rig->server = http_start(&rig->options, &rig->problem);
    CHECK_SAY(rig->server, "%s", rig->problem.detail);
    CHECK_EQ_INT(pthread_create(&rig->answerer, NULL, rig_answerer, rig), 0);
}

static inline void rig_end(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    rig->ending = true;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
    pthread_join(rig->answerer, NULL);
}

static inline void rig_stop(struct rig *rig)
{
    http_stop(rig->server, PATIENCE_MS);
    rig_end(rig);
    CHECK_EQ_INT(rig->done, rig->heads);
}

/* ---- The client ---- */

struct client {
    int fd, error; /* error: errno of the last read. */
    bool ended;    /* The server has said that it is done. */
    size_t len;
    char *in; /* Read and not yet heard; NUL after it. */
};

struct heard {
    int status;
    char head[4096];
    char *body; /* Freed by hear of the next, and by hang_up. */
    size_t body_len;
};

static inline void dial(struct client *client, const struct rig *rig)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_port(rig->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    client->in = malloc(HEARD_BYTES_MAX + 1);
    CHECK(client->fd >= 0);
    CHECK(client->in);
    client->in[0] = '\0';
    CHECK_EQ_INT(connect(client->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static inline void hang_up(struct client *client)
{
    close(client->fd);
    free(client->in);
    *client = (struct client){.fd = -1};
}

/** Send all; false when the server does not take it any more. */
static inline bool say_bytes(struct client *client, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool say(struct client *client, const char *text)
{
    return say_bytes(client, text, strlen(text));
}

/** Read what comes within ms.  False: nothing came. */
static inline bool listen_ms(struct client *client, int ms)
{
    struct pollfd wait = {.fd = client->fd, .events = POLLIN};
    ssize_t n;

    if (client->ended || poll(&wait, 1, ms) <= 0)
        return false;
    n = recv(client->fd, client->in + client->len, HEARD_BYTES_MAX - client->len, 0);
    client->error = n < 0 ? errno : 0;
    client->ended = n <= 0;
    client->len += n > 0 ? (size_t)n : 0;
    client->in[client->len] = '\0';
    return true;
}

/** The server said that it is done, and did not reset the connection. */
static inline bool ended_well(struct client *client)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;

    while (!client->ended && now_ms() < until_ms)
        listen_ms(client, 100);
    return client->ended && client->error == 0;
}

/** Value of a header in a head, "" when absent. */
static inline const char *header_in(const char *head, const char *name)
{
    static _Thread_local char value[512];
    size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + len + 2, "\r"),
                     line + len + 2);
            return value;
        }
    }
    return "";
}

/** The next reply.  With head_only a Content-Length announces nothing (HEAD). */
static inline struct heard hear_of(struct client *client, bool head_only)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;
    struct heard heard = {0};
    const char *end;
    size_t head_len, whole;

    while (!(end = strstr(client->in, "\r\n\r\n")) && now_ms() < until_ms && !client->ended)
        listen_ms(client, 100);
    if (!end)
        return heard;
    head_len = (size_t)(end - client->in) + 4;
    CHECK(head_len < sizeof(heard.head));
    memcpy(heard.head, client->in, head_len);
    CHECK(strncmp(heard.head, "HTTP/1.1 ", 9) == 0);
    heard.status = (int)strtol(heard.head + 9, NULL, 10);
    if (!head_only)
        heard.body_len = strtoul(header_in(heard.head, "Content-Length"), NULL, 10);
    whole = head_len + heard.body_len;
    while (client->len < whole && now_ms() < until_ms && !client->ended)
        listen_ms(client, 100);
    CHECK_SAY(client->len >= whole, "%zu of %zu bytes came", client->len, whole);
    heard.body = calloc(1, heard.body_len + 1);
    CHECK(heard.body);
    memcpy(heard.body, client->in + head_len, heard.body_len);
    client->len -= whole;
    memmove(client->in, client->in + whole, client->len + 1);
    return heard;
}

static inline struct heard hear(struct client *client)
{
    return hear_of(client, false);
}

/** Hear a reply and forget it: its status. */
static inline int hear_status(struct client *client)
{
    struct heard heard = hear(client);

    free(heard.body);
    return heard.status;
}

#define GET_LINE(target)  "GET " target " HTTP/1.1\r\nHost: shop\r\n"
#define POST_LINE(target) "POST " target " HTTP/1.1\r\nHost: shop\r\n"

#endif
