/*
 * walk.h - json.h's walk over a document, inline: a validation does little else.
 *
 * Invariant: each function gives what its namesake json_... gives.
 */
#ifndef GREVY_SCHEMA_WALK_H
#define GREVY_SCHEMA_WALK_H

#include <string.h>

#include "kernel/json/json.h"
#include "kernel/json/tape.h"

static inline enum json_type walk_type(struct json v)
{
    static const unsigned char types[128] = {
        ['n'] = JSON_NULL, ['t'] = JSON_BOOL,   ['f'] = JSON_BOOL,   ['l'] = JSON_INT,
        ['u'] = JSON_UINT, ['d'] = JSON_DOUBLE, ['b'] = JSON_DOUBLE, ['"'] = JSON_TEXT,
        ['['] = JSON_LIST, ['{'] = JSON_OBJECT,
    };

    return (enum json_type)types[tape_tag((const struct json_tape *)v.doc, v.at) & 127];
}

static inline struct str walk_text(const struct json_tape *tape, uint32_t at)
{
    const unsigned char *start = tape->strings + tape_payload(tape, at);
    uint32_t len;

    memcpy(&len, start, sizeof(len));
    return (struct str){(const char *)start + sizeof(len), len};
}

static inline struct str walk_peek(struct json v)
{
    return walk_text((const struct json_tape *)v.doc, v.at);
}

static inline size_t walk_count(struct json v)
{
    return tape_payload((const struct json_tape *)v.doc, v.at) >> 32;
}

static inline struct json_iter walk_iter(struct json v)
{
    const struct json_tape *tape = (const struct json_tape *)v.doc;

    return (struct json_iter){.next = v.at + 1,
                              .end = tape_skip(tape, v.at) - 1,
                              .object = tape_tag(tape, v.at) == '{',
                              .doc = tape};
}

static inline bool walk_next(struct json_iter *it)
{
    const struct json_tape *tape = (const struct json_tape *)it->doc;

    if (it->next >= it->end)
        return false;
    if (it->object)
        it->key = walk_text(tape, it->next++);
    it->value = (struct json){tape, it->next};
    it->next = tape_skip(tape, it->next);
    return true;
}

/* Names are short: two overlapping words decide over most, without a call. */
static inline bool walk_equal(struct str a, struct str b)
{
    uint64_t words[4];

    if (a.len != b.len)
        return false;
    if (a.len < 4 || a.len > 16)
        return memcmp(a.ptr, b.ptr, a.len) == 0;
    if (a.len < 8) {
        uint32_t halves[4];

        memcpy(&halves[0], a.ptr, 4);
        memcpy(&halves[1], b.ptr, 4);
        memcpy(&halves[2], a.ptr + a.len - 4, 4);
        memcpy(&halves[3], b.ptr + b.len - 4, 4);
        return ((halves[0] ^ halves[1]) | (halves[2] ^ halves[3])) == 0;
    }
    memcpy(&words[0], a.ptr, 8);
    memcpy(&words[1], b.ptr, 8);
    memcpy(&words[2], a.ptr + a.len - 8, 8);
    memcpy(&words[3], b.ptr + b.len - 8, 8);
    return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
}

#endif
