/*
 * local.h - decisions by the counts of this process.  Between the files of kernel/count.
 */
#ifndef GREVY_COUNT_LOCAL_H
#define GREVY_COUNT_LOCAL_H

#include "kernel/count/table.h"

enum local_how {
    LOCAL_TAKE,
    LOCAL_PEEK,
    LOCAL_FORCE, /* Redis has taken it: count it here whatever the limit says. */
};

/** Errors: BUSY "counters_full"; nothing is taken then. */
MUST_CHECK enum err local_decide(struct cx *cx, struct counters *counters, enum local_how how,
                                 struct count_ask *asks, size_t count, struct count_answer *answer);

void local_give_back(struct cx *cx, struct counters *counters, const struct count_ask *asks,
                     size_t count);

#endif
