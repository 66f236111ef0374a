/*
 * linger.h - closing a connection so that its last reply arrives.
 *
 * A socket closed while the client is still sending resets the connection, and the reset may
 * overtake the reply.  So we keep a duplicate of the descriptor, say that we are done (FIN), and
 * read and forget until the client is done too.
 *
 * Invariants: touched by its worker alone; a socket lingers at most LINGER_MS; at most LINGERS_MAX
 * do at once, the oldest goes first.
 */
#ifndef GREVY_HTTP_LINGER_H
#define GREVY_HTTP_LINGER_H

#include <stddef.h>
#include <stdint.h>

enum {
    LINGERS_MAX = 256,
    LINGER_MS = 2000, /* A round trip, and a client that reads before it closes. */
};

struct lingers {
    size_t count;
    struct {
        int fd;
        int64_t until_us;
    } items[LINGERS_MAX]; /* Oldest first. */
};

/** Keep the connection of fd, which the caller is about to close.  epoll_tag is or-ed into the
 *  events, beside the descriptor in the upper half. */
void linger_add(struct lingers *lingers, int epoll_fd, uint32_t epoll_tag, int fd, int64_t now_us);
void linger_readable(struct lingers *lingers, int fd);
void linger_sweep(struct lingers *lingers, int64_t now_us); /* INT64_MAX: all. */

#endif
