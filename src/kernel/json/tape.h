/*
 * tape.h - simdjson's tape, as plain C.
 *
 * A tape is an array of 64-bit words, a letter in the high byte of each and 56 bits of payload:
 *   r        the root: first and last word
 *   { [      begin: low 32 bits of the payload are the index behind the matching end, the next
 *            24 bits the number of members or items
 *   } ]      end
 *   "        payload is the place in strings: four bytes of length, the bytes, a NUL
 *   l u d    int64, uint64, double: the value is the next word
 *   b        the same as d, of a number whose digits stand in strings: exact.c alone makes it
 *   t f n    true, false, null
 * The value of a document is word 1.
 *
 * Invariants: a tape belongs to its thread and lives until the next tape_read of that thread; its
 * texts are valid UTF-8; its numbers are finite.
 */
#ifndef GREVY_JSON_TAPE_H
#define GREVY_JSON_TAPE_H

#include <stddef.h>
#include <stdint.h>

struct json_tape {
    const uint64_t *words;
    const unsigned char *strings;
};

enum tape_result { TAPE_OK, TAPE_REFUSED, TAPE_NO_MEMORY };

#ifdef __cplusplus
extern "C" {
#endif

/* Parse; text needs no padding and is not kept.  Throws nothing, calls nothing back. */
enum tape_result tape_read(const char *text, size_t len, struct json_tape *out);

#ifdef __cplusplus
}
#endif

static inline char tape_tag(const struct json_tape *tape, uint32_t at)
{
    return (char)(tape->words[at] >> 56);
}

static inline uint64_t tape_payload(const struct json_tape *tape, uint32_t at)
{
    return tape->words[at] & UINT64_C(0x00ffffffffffffff);
}

/* The word behind the last word of the value at `at`. */
static inline uint32_t tape_skip(const struct json_tape *tape, uint32_t at)
{
    switch (tape_tag(tape, at)) {
    case '{':
    case '[':
        return (uint32_t)tape_payload(tape, at);
    case 'l':
    case 'u':
    case 'd':
    case 'b':
        return at + 2;
    default:
        return at + 1;
    }
}

#endif
