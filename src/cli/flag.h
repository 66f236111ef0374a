/*
 * flag.h - one line of grevy flag eval --json: what clients of other platforms compute.
 *
 * Invariants: whatever the line holds, the answer is one JSON object without a line break, and
 * names the line's id when there is one.
 */
#ifndef GREVY_CLI_FLAG_H
#define GREVY_CLI_FLAG_H

#include "kernel/base/cx.h"

/** {"id","result"} or {"id","error"}; lives in cx. */
struct str flag_answer(struct cx *cx, struct str line);

#endif
