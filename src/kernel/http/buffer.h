/*
 * buffer.h - bytes that grow, for the engine: its memory outlives no exchange and has no arena.
 *
 * Invariants: len <= size; memory is at most twice what was ever added at once, or the least
 * allocation; a failed call leaves the buffer as it was.
 */
#ifndef GREVY_HTTP_BUFFER_H
#define GREVY_HTTP_BUFFER_H

#include "kernel/base/str.h"

struct buffer {
    char *ptr;
    size_t len, size;
};

/** Room for bytes_more beyond len.  False: no memory. */
bool buffer_reserve(struct buffer *buffer, size_t bytes_more) MUST_CHECK;
bool buffer_add(struct buffer *buffer, struct str s) MUST_CHECK;

/** Empty, and small again when it grew beyond bytes_kept_max. */
void buffer_clear(struct buffer *buffer, size_t bytes_kept_max);
void buffer_free(struct buffer *buffer);

/** Append s, which was reserved before, and give the copy. */
struct str buffer_copy(struct buffer *buffer, struct str s);

#endif
