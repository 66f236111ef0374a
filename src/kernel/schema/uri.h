/*
 * uri.h - references resolved, RFC 3986 section 5.2.
 */
#ifndef GREVY_SCHEMA_URI_H
#define GREVY_SCHEMA_URI_H

#include "kernel/base/cx.h"

/** reference against base, which may be empty or relative itself: then so is the outcome. */
struct str uri_resolve(struct arena *arena, struct str base, struct str reference);
/** Cut a URI at its '#'; false: it has none. */
bool uri_cut(struct str uri, struct str *without, struct str *fragment);
/** Undo %XX; what is none is left as it is. */
struct str uri_decode(struct arena *arena, struct str s);

#endif
