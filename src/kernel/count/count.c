/*
 * count.c - the face: check what is asked, then count here, or in Redis and here.
 */
#include "kernel/count/count.h"

#include <string.h>

#include "kernel/count/call.h"
#include "kernel/count/local.h"
#include "kernel/count/save.h"
#include "kernel/watch/watch.h"
#include "kernel/work/work.h"

static enum err check_text(struct cx *cx, const struct count_ask *ask)
{
    if (ask->key.len == 0 || ask->key.len > COUNT_KEY_LEN_MAX)
        return fail(cx, ERR_BAD_INPUT, "bad_count",
                    "the key of a counter has 1 to %d bytes, this one has %zu", COUNT_KEY_LEN_MAX,
                    ask->key.len);
    if (memchr(ask->key.ptr, '\0', ask->key.len) || !str_utf8(ask->key))
        return fail(cx, ERR_BAD_INPUT, "bad_count",
                    "the key of a counter is UTF-8 without zero bytes: write bytes as base64");
    return OK;
}

static enum err check(struct cx *cx, const struct count_ask *asks, size_t count)
{
    if (count < 1 || count > COUNT_ASKS_MAX)
        return fail(cx, ERR_BAD_INPUT, "bad_count",
                    "a decision asks for 1 to %d caps, not %zu: make two decisions", COUNT_ASKS_MAX,
                    count);
    for (size_t k = 0; k < count; k++) {
        const struct count_ask *ask = &asks[k];

        TRY(check_text(cx, ask));
        if (ask->limit < 0 || ask->limit > COUNT_AMOUNT_MAX || ask->amount < 1 ||
            ask->amount > COUNT_AMOUNT_MAX)
            return fail(cx, ERR_BAD_INPUT, "bad_count",
                        "a limit is 0 to 2^53 and an amount 1 to 2^53, not %" PRId64
                        " and %" PRId64,
                        ask->limit, ask->amount);
        if (ask->window < COUNT_MINUTE || ask->window >= COUNT_WINDOWS ||
            (ask->sliding && ask->window == COUNT_LIFETIME))
            return fail(cx, ERR_BAD_INPUT, "bad_count",
                        "a window is a minute, an hour, a day, a week, a month, sliding or not, or"
                        " the lifetime");
    }
    return OK;
}

static void clear(struct count_ask *asks, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        asks[k].taken_ms = asks[k].shared_ms = asks[k].retry_after_ms = 0;
        asks[k].refused = false;
    }
}

/* ---- What is told of it ---- */

static struct watch_counter taken_total = {"grevy_count_decisions_total", "Decisions by counters.",
                                           "outcome=\"taken\"", 0};
static struct watch_counter refused_total = {"grevy_count_decisions_total",
                                             "Decisions by counters.", "outcome=\"refused\"", 0};
static struct watch_counter alone_total = {
    "grevy_count_alone_total", "Decisions made without the Redis that there should be.", "", 0};

void count_register(void)
{
    watch_register_counter(&taken_total);
    watch_register_counter(&refused_total);
    watch_register_counter(&alone_total);
}

/* ---- Decisions ---- */

enum err count_take(struct cx *cx, struct counters *counters, struct count_ask *asks, size_t count,
                    struct count_answer *answer)
{
    assert(!cx_can_write(cx)); /* A command may be rerun. */
    TRY(check(cx, asks, count));
    clear(asks, count);
    if (!counters->redis || !shared_decide(cx, counters, asks, count, answer)) {
        TRY(local_decide(cx, counters, LOCAL_TAKE, asks, count, answer));
        answer->degraded = counters->redis != NULL;
        if (answer->degraded && answer->taken)
            shared_owe(counters, asks, count);
        if (answer->degraded)
            watch_add(&alone_total, 1);
    }
    watch_add(answer->taken ? &taken_total : &refused_total, 1);
    return OK;
}

enum err count_peek(struct cx *cx, struct counters *counters, struct count_ask *asks, size_t count,
                    struct count_answer *answer)
{
    TRY(check(cx, asks, count));
    clear(asks, count);
    return local_decide(cx, counters, LOCAL_PEEK, asks, count, answer);
}

void count_give_back(struct cx *cx, struct counters *counters, const struct count_ask *asks,
                     size_t count)
{
    assert(count > 0);
    assert(count <= COUNT_ASKS_MAX);
    local_give_back(cx, counters, asks, count);
    if (counters->redis)
        shared_give_back(counters, asks, count);
}
