/*
 * writer.h - text that grows in the arena of an evaluation and is paid for.
 *
 * Invariants: once `spent` nothing more is written: the limit of the evaluation is passed, or a
 * value is too deep to write.
 */
#ifndef GREVY_RULE_WRITER_H
#define GREVY_RULE_WRITER_H

#include "kernel/rule/code.h"

struct rule_writer {
    struct rule_run *run;
    char *ptr;
    size_t len, size;
    bool spent;
};

void rule_put(struct rule_writer *w, struct str s);
void rule_putf(struct rule_writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
