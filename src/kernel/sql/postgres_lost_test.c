/*
 * postgres_lost_test.c - a commit whose connection breaks, at the byte where it hurts.
 *
 * A relay between driver and server breaks when the server confirms the commit: before the
 * confirmation is handed on, or right after it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/sql/fixture.h"

enum { RELAY_BYTES = 65536 };

struct relay {
    int listener, near, far;
    size_t handed_on; /* Of the confirmation. */
    pthread_t thread;
};

static const char confirmation[] = "COMMIT"; /* And its NUL. */

static int socket_at(int port, bool listening)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    if (listening)
        CHECK(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0);
    else
        CHECK(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    return fd;
}

/* Hand on what one side sent; false when that is the end. */
static bool carry(struct relay *relay, bool from_server)
{
    char bytes[RELAY_BYTES];
    int from = from_server ? relay->far : relay->near, to = from_server ? relay->near : relay->far;
    ssize_t len = recv(from, bytes, sizeof(bytes), 0);
    char *found;

    if (len <= 0)
        return false;
    found = from_server ? memmem(bytes, (size_t)len, confirmation, sizeof(confirmation)) : NULL;
    if (found)
        len = found - bytes + (ssize_t)relay->handed_on;
    return send(to, bytes, (size_t)len, MSG_NOSIGNAL) == len && !found;
}

static void *relay_main(void *argument)
{
    struct relay *relay = argument;
    struct pollfd fds[] = {{.events = POLLIN}, {.events = POLLIN}};
    bool on = true;

    relay->near = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    fds[0].fd = relay->near;
    fds[1].fd = relay->far;
    while (on && poll(fds, 2, -1) > 0)
        on = (!fds[0].revents || carry(relay, false)) && (!fds[1].revents || carry(relay, true));
    close(relay->near);
    close(relay->far);
    return NULL;
}

/* The same URL by way of the relay. */
static void relay_start(struct relay *relay, const char *url, char *by_way, size_t size)
{
    const char *port = strrchr(url, ':');
    struct sockaddr_in at = {0};
    socklen_t len = sizeof(at);

    CHECK(port);
    relay->far = socket_at((int)strtol(port + 1, NULL, 10), false);
    relay->listener = socket_at(0, true);
    CHECK(getsockname(relay->listener, (struct sockaddr *)&at, &len) == 0);
    snprintf(by_way, size, "%.*s:%d%s", (int)(port - url), url, ntohs(at.sin_port),
             strchr(port, '/'));
    CHECK(pthread_create(&relay->thread, NULL, relay_main, relay) == 0);
}

/* What a commit gives whose connection breaks there; in both cases it takes place. */
static enum err broken_commit(size_t handed_on, const char **code)
{
    const char *url = getenv("GREVY_TEST_PG");
    struct relay relay = {.handed_on = handed_on};
    struct item item = {.id = 1};
    const void *row = &item;
    char by_way[512];
    struct fixture f, via;
    enum err err;

    if (!url || !*url)
        test_skip("GREVY_TEST_PG is not set; ./dev test sets it");
    fixture_open(&f, url);
    fixture_items(&f);
    relay_start(&relay, url, by_way, sizeof(by_way));
    snprintf(via.url, sizeof(via.url), "%s", by_way);
    via.postgres = true;
    fixture_more(&via, &via.cx, (struct sql_options){0});
    FINE(&via.cx, sql_begin(&via.cx));
    FINE(&via.cx, sql_rows_write(&via.cx, &item_table, ROW_INSERT, &row, 1));
    err = sql_commit(&via.cx);
    *code = via.cx.problem.code;
    CHECK_EQ_INT(fixture_int(&f.cx, "select count(*) from item"), 1);
    pthread_join(relay.thread, NULL);
    close(relay.listener);
    fixture_less(&via.cx);
    fixture_close(&f);
    return err;
}

TEST(commit_confirmed_and_broken, "a commit that was confirmed is done, whatever breaks after it")
{
    const char *code;

    CHECK_EQ_INT(broken_commit(sizeof(confirmation), &code), OK);
    CHECK(!code);
}

TEST(commit_not_confirmed, "a commit whose confirmation was lost is unknown, not refused")
{
    const char *code;

    CHECK_EQ_INT(broken_commit(0, &code), ERR_STORAGE);
    CHECK_EQ_STR(code, "commit_unknown");
}
