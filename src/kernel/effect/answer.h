/*
 * answer.h - between effect.c (rows) and workers.c (threads): the answer on its way to the writer.
 */
#ifndef GREVY_EFFECT_ANSWER_H
#define GREVY_EFFECT_ANSWER_H

#include "kernel/effect/effect.h"

struct effect_task {
    struct task task; /* First: a task is cast back to this. */
    struct effect_answer answer;
    const struct effect_kind *kind;
    enum effect_verdict verdict;
    struct outside_call call;
    struct effect_task *next; /* In the workers' queue. */
};

struct effect_task *effect_task_make(struct space *space);

#endif
