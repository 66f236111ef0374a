/*
 * value.h - equality of JSON values as JSON Schema has it: numbers by value, objects without order.
 */
#ifndef GREVY_SCHEMA_VALUE_H
#define GREVY_SCHEMA_VALUE_H

#include "kernel/json/json.h"

/** Equal values have equal hashes. */
uint64_t value_hash(struct json v);
/** The same for enum and const: texts by their ends alone. */
uint64_t schema_value_hash(struct json v);
/** arena holds long digits for the time being; steps falls by what was looked at, and at 0 the
 *  answer is of no use. */
bool value_equal(struct arena *arena, struct json a, struct json b, int64_t *steps);

#endif
