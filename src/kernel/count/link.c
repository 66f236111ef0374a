/*
 * link.c - the thread that owns the connection: connect, send what is queued, hand out answers,
 * begin anew when anything is wrong.
 *
 * hiredis is used without its event loop: this one polls the socket and the queue's eventfd.
 */
#include "kernel/count/link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/base/log.h"

/* ---- Answers ---- */

/* Whoever waits decides for himself. */
static void lose(struct call *call)
{
    enum call_state waiting = CALL_WAITING;

    if (atomic_compare_exchange_strong(&call->state, &waiting, CALL_LOST))
        sem_post(&call->answered);
    call_release(call);
}

/* The connection is no more.  What was owed is owed again, at the worst twice. */
static void link_drop(struct count_redis *redis, const char *reason)
{
    struct call *call;

    if (!atomic_exchange(&redis->degraded, true))
        log_event(LOG_WARN, "counters_degraded", LOG_TEXT("redis", str_of(redis->host)),
                  LOG_TEXT("reason", str_of(reason)));
    if (redis->link)
        redisFree(redis->link);
    redis->link = NULL;
    redis->state = LINK_DOWN;
    redis->until_us = redis_now_us() + redis->pause_ms * 1000;
    redis->pause_ms *= 2;
    if (redis->pause_ms > REDIS_PAUSE_MS_MAX)
        redis->pause_ms = REDIS_PAUSE_MS_MAX;
    while ((call = calls_take(&redis->flying))) {
        call->whole = false;
        if (call->kind == CALL_OWED || call->kind == CALL_UNDO)
            redis_owe(redis, call);
        else
            lose(call);
    }
}

/* Its asker has decided without: what it took goes back. */
static void undo(struct count_redis *redis, struct call *call)
{
    if (call->numbers[0] != 1) {
        call_release(call);
        return;
    }
    call_set_mode(call, 'g');
    call_set_time(call, call->numbers[1]);
    call->kind = CALL_UNDO;
    call->whole = false;
    redis_owe(redis, call);
}

static bool answer_decision(struct count_redis *redis, struct call *call, redisReply *reply)
{
    enum call_state waiting = CALL_WAITING;

    if (!call_read(call, reply)) {
        lose(call);
        return false;
    }
    if (atomic_compare_exchange_strong(&call->state, &waiting, CALL_ANSWERED)) {
        sem_post(&call->answered);
        call_release(call);
    } else {
        undo(redis, call);
    }
    return true;
}

/* Nothing is owed, and it answers in time: the flag goes down. */
static void answer_probe(struct count_redis *redis, struct call *call)
{
    int64_t took_us = redis_now_us() - call->sent_us;
    bool paid;

    call_release(call);
    redis->until_us = redis_now_us() + REDIS_PAUSE_MS_MIN * 1000;
    if (took_us > atomic_load(&redis->wait_ms_max) * 1000)
        return;
    pthread_mutex_lock(&redis->lock);
    paid = redis->owed.count == 0;
    pthread_mutex_unlock(&redis->lock);
    if (!paid || !atomic_load(&redis->degraded))
        return;
    redis->pause_ms = REDIS_PAUSE_MS_MIN;
    atomic_store(&redis->degraded, false);
    log_event(LOG_INFO, "counters_shared", LOG_TEXT("redis", str_of(redis->host)),
              LOG_INT("port", redis->port));
}

static bool answer_load(struct count_redis *redis, struct call *call, const redisReply *reply)
{
    call_release(call);
    if (reply->type != REDIS_REPLY_STRING || reply->len != SHA_LEN)
        return false;
    memcpy(redis->sha, reply->str, SHA_LEN);
    return true;
}

static void send_call(struct count_redis *redis, struct call *call);

/* False: this is no Redis, or not in its right mind. */
static bool answer(struct count_redis *redis, struct call *call, redisReply *reply)
{
    bool fine;

    if (reply->type == REDIS_REPLY_ERROR && !call->whole && call->len > 0 &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        call->whole = true; /* It was flushed: EVAL, which loads it again. */
        send_call(redis, call);
        return true;
    }
    switch (call->kind) {
    case CALL_DECISION:
        return answer_decision(redis, call, reply);
    case CALL_LOAD:
        return answer_load(redis, call, reply);
    case CALL_PROBE:
        fine = reply->type == REDIS_REPLY_STATUS;
        answer_probe(redis, call);
        return fine;
    case CALL_OWED:
    case CALL_UNDO:
        break;
    }
    fine = call_read(call, reply);
    if (fine)
        call_release(call);
    else
        redis_owe(redis, call);
    return fine;
}

/* ---- Sending ---- */

static void append(struct count_redis *redis, struct text *text)
{
    if (redisAppendFormattedCommand(redis->link, text->ptr, text->len) != REDIS_OK)
        redis->link->err = REDIS_ERR_OOM;
    text->len = 0;
}

static void send_plain(struct count_redis *redis, const struct call *call)
{
    char bytes[64];
    struct text text = {.ptr = bytes, .size = sizeof(bytes)};
    size_t len = strlen(count_script);

    if (call->kind == CALL_PROBE) {
        text_add(&text, STR("*1\r\n$4\r\nPING\r\n"));
        append(redis, &text);
        return;
    }
    text_addf(&text, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$%zu\r\n", len);
    append(redis, &text);
    (void)redisAppendFormattedCommand(redis->link, count_script, len);
    text_add(&text, STR("\r\n"));
    append(redis, &text);
}

static void send_call(struct count_redis *redis, struct call *call)
{
    char bytes[128];
    struct text text = {.ptr = bytes, .size = sizeof(bytes)};

    call->sent_us = redis_now_us();
    calls_put(&redis->flying, call);
    if (call->kind == CALL_LOAD || call->kind == CALL_PROBE) {
        send_plain(redis, call);
        return;
    }
    text_addf(&text, "*%d\r\n", call->argument_count + 2);
    if (call->whole) {
        text_addf(&text, "$4\r\nEVAL\r\n$%zu\r\n", strlen(count_script));
        append(redis, &text);
        (void)redisAppendFormattedCommand(redis->link, count_script, strlen(count_script));
        text_add(&text, STR("\r\n"));
    } else {
        text_addf(&text, "$7\r\nEVALSHA\r\n$%d\r\n%s\r\n", SHA_LEN, redis->sha);
    }
    append(redis, &text);
    (void)redisAppendFormattedCommand(redis->link, call->words, call->len);
}

static void send_new(struct count_redis *redis, enum call_kind kind)
{
    struct call *call = call_plain(kind);

    if (call)
        send_call(redis, call);
}

/* All that is queued; when the flag is up, those who wait are told to decide for themselves. */
static void send_queue(struct count_redis *redis)
{
    struct call_list queue;
    struct call *call;

    calls_open(&queue);
    pthread_mutex_lock(&redis->lock);
    while ((call = calls_take(&redis->queue)))
        calls_put(&queue, call);
    redis->woken = false;
    pthread_mutex_unlock(&redis->lock);
    while ((call = calls_take(&queue))) {
        if (redis->state != LINK_UP || !redis->sha[0] || atomic_load(&call->state) != CALL_WAITING)
            lose(call);
        else
            send_call(redis, call);
    }
}

static void send_owed(struct count_redis *redis)
{
    struct env *env = redis->env;
    struct call *call;

    for (int k = 0; k < REDIS_OWED_AT_ONCE; k++) {
        pthread_mutex_lock(&redis->lock);
        call = calls_take(&redis->owed);
        pthread_mutex_unlock(&redis->lock);
        if (!call)
            return;
        if (call->kind == CALL_OWED)
            call_set_time(call, env->wall_ms(env) - call->taken_ms);
        call_set_skew(call, atomic_load(&redis->skew_ms));
        send_call(redis, call);
    }
}

/* Pay what is owed; while the flag is up, when nothing flies, and probe then. */
static void recover(struct count_redis *redis)
{
    bool degraded = atomic_load(&redis->degraded);

    if (redis->state != LINK_UP || (degraded && redis->flying.count > 0))
        return;
    if (!redis->sha[0]) {
        send_new(redis, CALL_LOAD);
        return;
    }
    send_owed(redis);
    if (degraded && redis->flying.count == 0 && redis_now_us() >= redis->until_us)
        send_new(redis, CALL_PROBE);
}

/* ---- The socket ---- */

static void link_open(struct count_redis *redis)
{
    redis->link = redisConnectNonBlock(redis->host, redis->port);
    if (!redis->link || redis->link->err) {
        link_drop(redis, redis->link ? redis->link->errstr : "no memory");
        return;
    }
    redis->sha[0] = '\0';
    redis->state = LINK_CONNECTING;
    redis->until_us = redis_now_us() + REDIS_DEAD_MS * 1000;
}

static void link_connected(struct count_redis *redis)
{
    socklen_t size = sizeof(int);
    int error = 0;

    assert(redis->link);
    if (getsockopt(redis->link->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        link_drop(redis, error ? strerror(error) : "cannot connect");
        return;
    }
    redis->state = LINK_UP;
    redis->until_us = 0;
}

static void link_read(struct count_redis *redis)
{
    void *reply = NULL;

    assert(redis->link);
    if (redisBufferRead(redis->link) != REDIS_OK) {
        link_drop(redis, redis->link->errstr);
        return;
    }
    for (;;) {
        struct call *call;
        bool fine;

        if (redisGetReplyFromReader(redis->link, &reply) != REDIS_OK) {
            link_drop(redis, redis->link->errstr);
            return;
        }
        if (!reply)
            break;
        call = calls_take(&redis->flying);
        fine = call && answer(redis, call, reply);
        freeReplyObject(reply);
        if (!fine) {
            link_drop(redis, "an answer that the script does not give");
            return;
        }
    }
    if (redis->link->reader->len > REDIS_REPLY_BYTES_MAX + 16384)
        link_drop(redis, "an answer that has no end");
}

static void link_write(struct count_redis *redis)
{
    int done = 0;

    assert(redis->link);
    if (redis->link->err || redisBufferWrite(redis->link, &done) != REDIS_OK)
        link_drop(redis, redis->link->errstr);
}

static bool has_output(const struct count_redis *redis)
{
    return redis->state == LINK_UP && redis->link->obuf && redis->link->obuf[0];
}

/* An answer that takes so long: nothing will come. */
static int64_t dead_us(const struct count_redis *redis)
{
    int64_t wait_ms = atomic_load(&redis->wait_ms_max);

    return (wait_ms > REDIS_DEAD_MS ? wait_ms : REDIS_DEAD_MS) * 1000;
}

/* When something is to be done even if nothing happens; INT64_MAX: never. */
static int64_t due_us(const struct count_redis *redis)
{
    if (redis->state != LINK_UP)
        return redis->until_us;
    if (redis->flying.head)
        return redis->flying.head->sent_us + dead_us(redis);
    return atomic_load(&redis->degraded) ? redis->until_us : INT64_MAX;
}

static void link_tend(struct count_redis *redis)
{
    int64_t now_us = redis_now_us();

    if (redis->state == LINK_DOWN && now_us >= redis->until_us)
        link_open(redis);
    else if (redis->state == LINK_CONNECTING && now_us >= redis->until_us)
        link_drop(redis, "cannot connect in time");
    else if (redis->state == LINK_UP && redis->flying.head && now_us >= due_us(redis))
        link_drop(redis, "an answer took too long");
    recover(redis);
    if (has_output(redis)) /* At once: most often the socket takes it. */
        link_write(redis);
}

static void link_wait(struct count_redis *redis)
{
    int64_t now_us = redis_now_us(), wait_us = due_us(redis) - now_us;
    bool writing = redis->state == LINK_CONNECTING || has_output(redis);
    struct pollfd fds[2] = {{.fd = redis->wake_fd, .events = POLLIN}};
    uint64_t count;

    fds[1].fd = redis->link ? redis->link->fd : -1;
    fds[1].events = (short)(POLLIN | (writing ? POLLOUT : 0));
    if (wait_us < 0)
        wait_us = 0;
    (void)poll(fds, 2, wait_us > INT64_C(1000000000) ? -1 : (int)(wait_us / 1000) + 1);
    if (fds[0].revents & POLLIN)
        while (read(redis->wake_fd, &count, sizeof(count)) > 0)
            continue;
    if (redis->state == LINK_CONNECTING && fds[1].revents)
        link_connected(redis);
    else if (redis->state == LINK_UP && (fds[1].revents & (POLLIN | POLLERR | POLLHUP)))
        link_read(redis);
}

void *link_main(void *argument)
{
    struct count_redis *redis = argument;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE); /* hiredis writes without MSG_NOSIGNAL. */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    while (!atomic_load(&redis->closing)) {
        send_queue(redis);
        link_tend(redis);
        link_wait(redis);
    }
    send_queue(redis);
    link_drop(redis, "closing");
    return NULL;
}
