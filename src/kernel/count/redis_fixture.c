/*
 * redis_fixture.c - starting and ending servers for redis_test.c.
 */
#include "kernel/count/redis_fixture.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AWAIT_MS_MAX = 40000, PATIENCE_MS = 15000, CONNECT_TRIES = 2000 };

static int listen_free(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    CHECK(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    CHECK_EQ_INT(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK_EQ_INT(listen(fd, 8), 0);
    CHECK_EQ_INT(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* ---- A Redis ---- */

static redisContext *connect_to(const struct redis_server *server)
{
    struct timeval patience = {.tv_sec = 5};
    redisContext *link = NULL;

    for (int k = 0; k < CONNECT_TRIES; k++) {
        redisReply *reply = NULL;

        link = redisConnectWithTimeout("127.0.0.1", server->port, patience);
        if (link && !link->err)
            reply = redisCommand(link, "PING");
        if (reply && reply->type == REDIS_REPLY_STATUS) { /* And not "loading". */
            freeReplyObject(reply);
            return link;
        }
        freeReplyObject(reply);
        redisFree(link);
        poll(NULL, 0, 5);
    }
    test_fail(__FILE__, __LINE__, "redis-server does not answer on port %d", server->port);
}

void redis_server_again(struct redis_server *server)
{
    char port[16];

    snprintf(port, sizeof(port), "%d", server->port);
    server->pid = fork();
    CHECK(server->pid >= 0);
    if (server->pid == 0) {
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir",
               server->dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
               "--daemonize", "no", "--loglevel", "warning", "--logfile", "redis.log", NULL);
        _exit(127);
    }
    redisFree(connect_to(server));
}

void redis_server_start(struct redis_server *server)
{
    if (access("/usr/bin/redis-server", X_OK) != 0)
        test_skip("no redis-server here: ./dev install test");
    close(listen_free(&server->port));
    snprintf(server->address, sizeof(server->address), "127.0.0.1:%d", server->port);
    snprintf(server->dir, sizeof(server->dir), "%s", test_dir());
    redis_server_again(server);
}

void redis_server_kill(struct redis_server *server)
{
    CHECK_EQ_INT(kill(server->pid, SIGKILL), 0);
    CHECK_EQ_INT(waitpid(server->pid, NULL, 0), server->pid);
}

void redis_server_command(const struct redis_server *server, const char *command)
{
    redisContext *link = connect_to(server);
    redisReply *reply = redisCommand(link, command);

    CHECK(reply != NULL);
    CHECK(reply->type != REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(link);
}

/* ---- Something else ---- */

static void serve_one(struct redis_fake *fake, int fd)
{
    static const char sha[] = "$40\r\n0123456789012345678901234567890123456789\r\n";
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char bytes[65536];
    ssize_t len;

    while (!atomic_load(&fake->closing)) {
        const char *answer = atomic_load(&fake->answer);

        if (poll(&ready, 1, 20) == 0)
            continue;
        len = read(fd, bytes, sizeof(bytes) - 1);
        if (len <= 0)
            break;
        bytes[len] = '\0';
        if (strstr(bytes, "PING"))
            answer = "+PONG\r\n";
        else if (strstr(bytes, "SCRIPT"))
            answer = sha;
        else
            atomic_fetch_add(&fake->asked, 1);
        if (answer && send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
            break;
    }
    close(fd);
}

static void *fake_main(void *argument)
{
    struct redis_fake *fake = argument;
    struct pollfd ready = {.fd = fake->listen_fd, .events = POLLIN};

    while (!atomic_load(&fake->closing)) {
        int fd = poll(&ready, 1, 20) > 0 ? accept(fake->listen_fd, NULL, NULL) : -1;

        if (fd >= 0)
            serve_one(fake, fd);
    }
    return NULL;
}

void redis_fake_start(struct redis_fake *fake, const char *answer)
{
    int port;

    *fake = (struct redis_fake){.listen_fd = listen_free(&port)};
    atomic_store(&fake->answer, answer);
    snprintf(fake->address, sizeof(fake->address), "127.0.0.1:%d", port);
    CHECK_EQ_INT(pthread_create(&fake->thread, NULL, fake_main, fake), 0);
}

void redis_fake_stop(struct redis_fake *fake)
{
    atomic_store(&fake->closing, true);
    pthread_join(fake->thread, NULL);
    close(fake->listen_fd);
}

/* ---- Spaces ---- */

static bool is_as_wanted(struct fixture *f, bool degraded)
{
    struct redis_stats stats;

    redis_stats(f->platform.redis, &stats);
    return stats.degraded == degraded && (degraded || stats.owed == 0);
}

void redis_await(struct fixture *f, bool degraded)
{
    for (int k = 0; k < AWAIT_MS_MAX && !is_as_wanted(f, degraded); k++)
        poll(NULL, 0, 1);
    CHECK_SAY(is_as_wanted(f, degraded), "degraded is not %d", degraded);
}

struct fixture *redis_open(const char *dir, const char *address)
{
    struct fixture *f = fixture_open_shared("sqlite", NULL, dir, address);

    f->now_ms = env_system()->wall_ms(env_system());
    redis_patience(f->platform.redis, PATIENCE_MS);
    redis_await(f, false);
    return f;
}
