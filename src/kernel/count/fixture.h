/*
 * fixture.h - decisions as a test asks for them.  For *_test.c of kernel/count.
 */
#ifndef GREVY_COUNT_FIXTURE_H
#define GREVY_COUNT_FIXTURE_H

#include "kernel/access/fixture.h"
#include "kernel/count/save.h"
#include "kernel/count/table.h"

enum { DECISION_BYTES = 1 << 16 };

/* A decision of its own unit of work, as an HTTP thread has it. */
static inline void decision_open(struct cx *cx, struct fixture *f)
{
    cx_open(cx, &f->env, DECISION_BYTES);
    cx->space = f->space;
    cx->now_ms = f->now_ms;
}

static inline enum err ask_all(struct fixture *f, struct count_ask *asks, size_t count,
                               struct count_answer *answer)
{
    struct cx cx;
    enum err err;

    decision_open(&cx, f);
    err = count_take(&cx, f->space->counters, asks, count, answer);
    if (err != OK)
        f->problem = cx.problem;
    cx_close(&cx);
    return err;
}

static inline struct count_answer take_all(struct fixture *f, struct count_ask *asks, size_t count)
{
    struct count_answer answer;
    enum err err = ask_all(f, asks, count, &answer);

    CHECK_SAY(err == OK, "%s: %s", f->problem.code, f->problem.detail);
    return answer;
}

static inline bool take(struct fixture *f, struct count_ask *ask)
{
    return take_all(f, ask, 1).taken;
}

static inline void give_back(struct fixture *f, const struct count_ask *asks, size_t count)
{
    struct cx cx;

    decision_open(&cx, f);
    count_give_back(&cx, f->space->counters, asks, count);
    cx_close(&cx);
}

/* What is used of a counter. */
static inline int64_t used_of(struct fixture *f, struct count_ask ask)
{
    struct count_answer answer;
    struct cx cx;

    decision_open(&cx, f);
    CHECK_EQ_INT(count_peek(&cx, f->space->counters, &ask, 1, &answer), OK);
    cx_close(&cx);
    return ask.used;
}

/* One cap of 1 each. */
static inline struct count_ask cap(const char *key, enum count_window window, int64_t limit)
{
    return (struct count_ask){.key = str_of(key), .window = window, .limit = limit, .amount = 1};
}

static inline struct count_ask sliding_cap(const char *key, enum count_window window, int64_t limit)
{
    struct count_ask ask = cap(key, window, limit);

    ask.sliding = true;
    return ask;
}

static inline void settle(struct fixture *f)
{
    for (int k = 0; k < 100 && platform_step(&f->platform); k++)
        continue;
}

#endif
