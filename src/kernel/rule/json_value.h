/*
 * json_value.h - JSON as values, and values as JSON.
 *
 * Plain JSON: objects become maps, whole numbers int (uint above 2^63), others double.  Tagged JSON
 * keeps every type: {"t":"int","v":"42"}, {"t":"list","v":[..]}, {"t":"map","v":[[key, value], ..]},
 * {"t":"bytes","b64":".."}, {"t":"timestamp","s":0,"n":0}; see README of the conformance suite.
 *
 * Invariants: values live in cx; what is read was checked: no invalid map or moment comes out.
 */
#ifndef GREVY_RULE_JSON_VALUE_H
#define GREVY_RULE_JSON_VALUE_H

#include "kernel/json/json.h"
#include "kernel/rule/value.h"

struct rule_value rule_of_json(struct cx *cx, struct json json);

/** False: json is no tagged value. */
bool rule_read_tagged(struct cx *cx, struct json json, struct rule_value *out);
/** False: the value is too deep for JSON; out is then unusable. */
bool rule_write_tagged(struct json_out *out, struct rule_value v);

#endif
