/*
 * query.h - what a query table may hold; decoding itself is in router.h.
 */
#ifndef GREVY_HTTP_QUERY_H
#define GREVY_HTTP_QUERY_H

#include "kernel/json/field.h"

enum { QUERY_FIELDS_MAX = 64 }; /* Bits of the set of names already seen. */

/** Can a query string carry this field?  Scalars can: no money, objects, lists, maps or JSON. */
bool query_takes(const struct field *field);

#endif
