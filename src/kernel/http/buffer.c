/*
 * buffer.c - bytes that grow by doubling.
 */
#include "kernel/http/buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES_MIN = 1024 };

bool buffer_reserve(struct buffer *buffer, size_t bytes_more)
{
    size_t size = buffer->size ? buffer->size : BUFFER_BYTES_MIN;
    char *ptr;

    assert(bytes_more <= SIZE_MAX / 4);
    assert(buffer->len <= SIZE_MAX / 4);
    if (buffer->size - buffer->len >= bytes_more)
        return true;
    while (size - buffer->len < bytes_more)
        size *= 2;
    ptr = realloc(buffer->ptr, size);
    if (!ptr)
        return false;
    buffer->ptr = ptr;
    buffer->size = size;
    return true;
}

struct str buffer_copy(struct buffer *buffer, struct str s)
{
    struct str copy = {buffer->ptr + buffer->len, s.len};

    assert(buffer->size - buffer->len >= s.len);
    if (s.len > 0)
        memcpy(buffer->ptr + buffer->len, s.ptr, s.len);
    buffer->len += s.len;
    return copy;
}

bool buffer_add(struct buffer *buffer, struct str s)
{
    if (!buffer_reserve(buffer, s.len))
        return false;
    (void)buffer_copy(buffer, s);
    return true;
}

void buffer_clear(struct buffer *buffer, size_t bytes_kept_max)
{
    if (buffer->size > bytes_kept_max)
        buffer_free(buffer);
    buffer->len = 0;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->ptr);
    *buffer = (struct buffer){0};
}
