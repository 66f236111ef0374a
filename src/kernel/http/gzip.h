/*
 * gzip.h - compressing replies.
 *
 * Invariants: nothing is compressed for a client that did not ask; what would not shrink is sent
 * as it is.
 */
#ifndef GREVY_HTTP_GZIP_H
#define GREVY_HTTP_GZIP_H

#include "kernel/base/str.h"

struct gzip; /* Working memory of one thread, 150 KiB, made at its first use. */

void gzip_free(struct gzip *gzip);

/** Does Accept-Encoding (absent: ptr NULL) admit gzip?  RFC 9110 12.5.3, with its q-values. */
bool gzip_accepted(struct str accept_encoding);

/** JSON or text? */
bool gzip_worthwhile(struct str content_type);

/** Compress into malloc'ed memory, the caller's to free.  *gzip is made when NULL and kept for the
 *  next call.  Returns NULL when there is no memory or nothing is gained: send the body itself. */
char *gzip_pack(struct gzip **gzip, struct str body, size_t *len);

#endif
