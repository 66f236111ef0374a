/*
 * ecma_property.h - the names that ECMA-262 gives Unicode's properties, and PCRE2's for them.
 */
#ifndef GREVY_SCHEMA_ECMA_PROPERTY_H
#define GREVY_SCHEMA_ECMA_PROPERTY_H

#include "kernel/base/str.h"

enum { ECMA_PROPERTY_LEN_MAX = 64 };

/** What stands in the braces of \p{...}, as PCRE2 spells it; false: no such property. */
bool ecma_property(struct str name, char out[ECMA_PROPERTY_LEN_MAX]);

#endif
