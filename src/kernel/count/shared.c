/*
 * shared.c - decisions by Redis, mirrored here: when it goes away, counting goes on from what this
 * process has taken.
 */
#include <string.h>

#include "kernel/count/call.h"
#include "kernel/count/local.h"

static int64_t retry_ms(const struct counters *counters, const struct count_ask *ask,
                        int64_t answered)
{
    if (answered == CALL_NEVER || (answered == CALL_UNTIL_END && ask->window == COUNT_LIFETIME))
        return COUNT_NEVER;
    if (answered == CALL_UNTIL_END)
        return window_period(counters->zone, ask->window, ask->taken_ms).end_ms - ask->taken_ms;
    return answered;
}

static void read_answer(const struct counters *counters, const struct call *call,
                        struct count_ask *asks, size_t count, struct count_answer *answer)
{
    *answer = (struct count_answer){.taken = call->numbers[0] == 1, .refused = -1};
    for (size_t k = 0; k < count; k++) {
        struct count_ask *ask = &asks[k];
        int64_t answered = call->numbers[3 + 2 * k];

        ask->used = call->numbers[2 + 2 * k];
        ask->shared_ms = call->numbers[1];
        ask->refused = !answer->taken && answered != CALL_PASSES;
        ask->retry_after_ms = ask->refused ? retry_ms(counters, ask, answered) : 0;
        if (!ask->refused ||
            (answer->refused >= 0 && ask->retry_after_ms <= answer->retry_after_ms))
            continue;
        answer->refused = (int)k;
        answer->retry_after_ms = ask->retry_after_ms;
    }
}

/* Without room for it here Redis counts on all the same. */
static void mirror(struct cx *cx, struct counters *counters, struct count_ask *asks, size_t count)
{
    struct count_ask copies[COUNT_ASKS_MAX];
    struct count_answer answer;

    memcpy(copies, asks, count * sizeof(asks[0]));
    if (local_decide(cx, counters, LOCAL_FORCE, copies, count, &answer) != OK) {
        fail_clear(cx);
        return;
    }
    for (size_t k = 0; k < count; k++)
        asks[k].taken_ms = copies[k].taken_ms;
}

bool shared_decide(struct cx *cx, struct counters *counters, struct count_ask *asks, size_t count,
                   struct count_answer *answer)
{
    int64_t now_ms = count_now_ms(cx, counters);
    struct call *call;
    bool done;

    if (redis_degraded(counters->redis))
        return false;
    for (size_t k = 0; k < count; k++)
        asks[k].taken_ms = now_ms;
    call = call_make(counters, CALL_DECISION, 't', asks, count);
    if (!call)
        return false;
    done = redis_send(counters->redis, call) && redis_wait(counters->redis, call);
    if (done)
        read_answer(counters, call, asks, count, answer);
    call_release(call);
    if (done && answer->taken)
        mirror(cx, counters, asks, count);
    return done;
}

void shared_owe(struct counters *counters, struct count_ask *asks, size_t count)
{
    redis_owe(counters->redis, call_make(counters, CALL_OWED, 'a', asks, count));
}

/* What was taken without Redis is owed, and given back behind that; but not of sliding windows: at
 * which time of Redis they were added is not known. */
void shared_give_back(struct counters *counters, const struct count_ask *asks, size_t count)
{
    struct count_ask back[COUNT_ASKS_MAX];
    int64_t shared_ms = asks[0].shared_ms;
    struct call *call;
    size_t found = 0;

    for (size_t k = 0; k < count; k++)
        if (shared_ms || !asks[k].sliding)
            back[found++] = asks[k];
    if (found == 0)
        return;
    call = call_make(counters, CALL_UNDO, 'g', back, found);
    if (call)
        call_set_time(call, shared_ms);
    redis_owe(counters->redis, call);
}
