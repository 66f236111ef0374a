/*
 * problem.h - a failure as an RFC 9457 problem document.
 */
#ifndef GREVY_JSON_PROBLEM_H
#define GREVY_JSON_PROBLEM_H

#include "kernel/json/json.h"

/** {"type","title","status","code","detail","pointer"?, members...}.  Needs: problem->err != OK. */
struct str problem_json(struct cx *cx, const struct problem *problem);

#endif
