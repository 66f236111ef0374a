/*
 * rule.h - one line of grevy rule eval --json.
 *
 * Invariants: whatever the line holds, the answer is one JSON object without a line break, and
 * names the line's id when there is one.
 */
#ifndef GREVY_CLI_RULE_H
#define GREVY_CLI_RULE_H

#include "kernel/base/cx.h"

/** {"id","value"}, {"id","type"} or {"id","error","at"}; lives in cx. */
struct str rule_answer(struct cx *cx, struct str line);

#endif
