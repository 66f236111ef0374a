/*
 * bare_http.c - the least HTTP/1.1 that serves POST /v1/orders: one thread, one epoll.
 *
 * Drains every readable socket, hands all orders over at once, then answers all.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bare_loop.h"

enum { EVENTS = 1024, IN_BYTES = 4096 };

struct client {
    int fd;
    size_t len;
    struct order order;
    char in[IN_BYTES + 1];
};
static int64_t last_id;

/* Take the value after name up to end into the order; false when it is not there. */
static bool take(struct order *order, enum value value, const char *in, const char *name, int end)
{
    const char *from = strcasestr(in, name);
    const char *to = from ? strchr(from + strlen(name), end) : NULL;

    from += from ? strlen(name) : 0;
    return to && ORDER_TEXT(order, value, "%.*s", (int)(to - from), from) > 0;
}

/* Read what has come; true when it makes a whole request. */
static bool receive(struct client *client)
{
    ssize_t n = recv(client->fd, client->in + client->len, IN_BYTES - client->len, MSG_DONTWAIT);
    struct order *order = &client->order;
    const char *body, *at;

    if (n <= 0) {
        close(client->fd);
        free(client);
        return false;
    }
    client->len += (size_t)n;
    client->in[client->len] = '\0';
    body = strstr(client->in, "\r\n\r\n");
    at = body ? strcasestr(client->in, "Content-Length: ") : NULL;
    if (!at || client->in + client->len - body - 4 < strtol(at + 16, NULL, 10))
        return false;
    client->len = 0;
    check(take(order, KEY, client->in, "Idempotency-Key: ", '\r') &&
              take(order, PERSON, body, "\"user\":\"", '"') && (at = strstr(body, "\"sku_")),
          "malformed request");
    order->number[ORDER_ID] = ++last_id;
    order->number[SKU_ID] = strtoll(at + 5, NULL, 10);
    order->number[NOW_MS] = now_ms();
    order_fill(order);
    return true;
}

static void answer(struct client *client, bool placed)
{
    static const char refusal[] = "{\"code\":\"out_of_stock\"}";
    const char *body = placed ? client->order.text[REPLY - NUMBERS] : refusal;
    char out[2048];
    int len = snprintf(out, sizeof(out),
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       placed ? "201 Created" : "409 Conflict", strlen(body), body);

    send(client->fd, out, (size_t)len, MSG_NOSIGNAL); /* A lost client shows at the next read. */
}

static void add_client(int epoll, int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    int on = 1;

    if (fd < 0 || !client)
        abort();
    client->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
}

_Noreturn void serve(int port)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[EVENTS] = {{.events = EPOLLIN}}; /* data.ptr NULL: the listener. */
    static struct client *ready[EVENTS];
    static struct order *orders[EVENTS];
    static bool placed[EVENTS];
    int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0), on = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    check(bind(listener, (struct sockaddr *)&here, sizeof(here)) == 0 &&
              listen(listener, 512) == 0 &&
              epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &events[0]) == 0,
          "listen");
    for (;;) {
        int count = 0;

        for (int n = epoll_wait(epoll, events, EVENTS, -1), k = 0; k < n; k++) {
            if (!events[k].data.ptr)
                add_client(epoll, accept(listener, NULL, NULL));
            else if (receive(events[k].data.ptr))
                ready[count++] = events[k].data.ptr;
        }
        if (count == 0)
            continue;
        for (int k = 0; k < count; k++)
            orders[k] = &ready[k]->order;
        place_batch(orders, placed, count);
        for (int k = 0; k < count; k++)
            answer(ready[k], placed[k]);
    }
}
