/*
 * metric.c - counters of modules: counted when the command has committed, forgotten otherwise.
 */
#include "kernel/watch/watch.h"
#include "kernel/work/work.h"

struct counted {
    const struct metric *metric;
    int64_t n;
};

static void count(struct space *space, void *argument)
{
    const struct counted *counted = argument;

    (void)space;
    watch_count(counted->metric, counted->n);
}

void metric_add(struct cx *cx, const struct metric *metric, int64_t n)
{
    struct counted *counted = CX_NEW(cx, struct counted);

    *counted = (struct counted){.metric = metric, .n = n};
    cx_after_commit(cx, count, counted);
}
