/*
 * linger.c - descriptors between our last word and the client's.
 */
#define _GNU_SOURCE
#include "kernel/http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void linger_remove(struct lingers *lingers, size_t at)
{
    close(lingers->items[at].fd); /* The last duplicate: epoll forgets it by itself. */
    lingers->count--;
    memmove(&lingers->items[at], &lingers->items[at + 1],
            (lingers->count - at) * sizeof(lingers->items[0]));
}

void linger_add(struct lingers *lingers, int epoll_fd, uint32_t epoll_tag, int fd, int64_t now_us)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (kept < 0)
        return; /* No descriptor left: then this one is closed hard. */
    event.data.u64 = (uint64_t)kept << 32 | epoll_tag;
    shutdown(kept, SHUT_WR);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, kept, &event) != 0) {
        close(kept);
        return;
    }
    if (lingers->count == LINGERS_MAX)
        linger_remove(lingers, 0);
    lingers->items[lingers->count].fd = kept;
    lingers->items[lingers->count++].until_us = now_us + (int64_t)LINGER_MS * 1000;
}

void linger_readable(struct lingers *lingers, int fd)
{
    enum { READS_MAX = 16 }; /* Per turn: a client that floods us waits. */
    char forget[4096];
    ssize_t n = 1;

    for (int k = 0; k < READS_MAX && n > 0; k++)
        n = recv(fd, forget, sizeof(forget), MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    for (size_t k = 0; k < lingers->count; k++)
        if (lingers->items[k].fd == fd) {
            linger_remove(lingers, k);
            return;
        }
}

void linger_sweep(struct lingers *lingers, int64_t now_us)
{
    while (lingers->count > 0 && lingers->items[0].until_us <= now_us)
        linger_remove(lingers, 0);
}
