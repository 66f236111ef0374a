/*
 * show.h - values as CEL text, into memory that the caller gave.
 *
 * Invariants: nothing is written past the text's size; scalars read back as the same values.
 */
#ifndef GREVY_RULE_SHOW_H
#define GREVY_RULE_SHOW_H

#include "kernel/rule/value.h"

void rule_show(struct text *out, struct rule_value v, int depth);
void rule_show_text(struct text *out, struct str s, bool bytes);

#endif
