/*
 * id.c - ids and their text.
 */
#include "kernel/base/id.h"

#include <assert.h>
#include <string.h>

enum { SEQUENCE_BITS = 12, NODE_BITS = 10, MS_BITS = 41 };

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int64_t id_next(struct ids *ids, int64_t now_ms)
{
    int64_t ms = now_ms > ID_EPOCH_MS ? now_ms - ID_EPOCH_MS : 0;
    int64_t id;

    assert(ms < INT64_C(1) << MS_BITS); /* 2093: later clocks are wrong, or the layout is. */
    assert(ids->node >= 0);
    assert(ids->node < ID_NODES_MAX);
    id = (ms << (SEQUENCE_BITS + NODE_BITS)) | ((int64_t)ids->node << SEQUENCE_BITS);
    if (id <= ids->last) {
        /* The next sequence number of the last id's millisecond, or of the one after it. */
        int64_t last_ms = ids->last >> (SEQUENCE_BITS + NODE_BITS);
        int64_t sequence = ids->last & ((1 << SEQUENCE_BITS) - 1);
        int64_t base =
            (last_ms << (SEQUENCE_BITS + NODE_BITS)) | ((int64_t)ids->node << SEQUENCE_BITS);

        id = base | (sequence + 1);
        if (sequence + 1 == 1 << SEQUENCE_BITS || id <= ids->last)
            id = base + ((int64_t)1 << (SEQUENCE_BITS + NODE_BITS));
    }
    ids->last = id;
    return id;
}

int64_t id_time_ms(int64_t id)
{
    return (id >> (SEQUENCE_BITS + NODE_BITS)) + ID_EPOCH_MS;
}

size_t id_format(char *out, const char *prefix, int64_t id)
{
    size_t len = strlen(prefix);

    assert(len <= ID_PREFIX_LEN_MAX);
    assert(id >= 0);
    memcpy(out, prefix, len);
    out[len++] = '_';
    for (int k = ID_TEXT_LEN - 1; k >= 0; k--, id >>= 5)
        out[len + (size_t)k] = digits[id & 31];
    out[len + ID_TEXT_LEN] = '\0';
    return len + ID_TEXT_LEN;
}

bool id_parse(struct str text, const char *prefix, int64_t *out)
{
    size_t len = strlen(prefix);
    uint64_t id = 0;

    if (text.len != len + 1 + ID_TEXT_LEN || memcmp(text.ptr, prefix, len) != 0 ||
        text.ptr[len] != '_')
        return false;
    for (size_t k = len + 1; k < text.len; k++) {
        const char *at = memchr(digits, text.ptr[k], sizeof(digits) - 1);

        if (!at || id >> 58) /* The first of 13 digits carries 3 bits. */
            return false;
        id = id << 5 | (uint64_t)(at - digits);
    }
    *out = (int64_t)id;
    return *out > 0;
}
