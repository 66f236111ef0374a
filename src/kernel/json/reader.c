/*
 * reader.c - what simdjson leaves to us: depth, duplicate keys, errors that say where; and a walk
 * over its tape.
 */
#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "kernel/json/json.h"
#include "kernel/json/position.h"
#include "kernel/json/tape.h"

/* json_count reads 24 bits of the tape, and a list has fewer items than half its bytes. */
static_assert(JSON_BYTES_MAX / 2 < 1 << 24, "counts are exact");

enum { KEYS_BY_PAIRS_MAX = 16 }; /* Comparing every pair is cheaper than a table up to here. */

static struct str tape_text(const struct json_tape *tape, uint32_t at)
{
    const unsigned char *start = tape->strings + tape_payload(tape, at);
    uint32_t len;

    memcpy(&len, start, sizeof(len));
    return (struct str){(const char *)start + sizeof(len), len};
}

/* ---- Duplicate keys ---- */

/* A duplicate: the earliest second key of the document, 0 if there is none. */
static void note_duplicate(uint32_t at, uint32_t *first)
{
    if (*first == 0 || at < *first)
        *first = at;
}

/* The length of a text and its first four bytes, in one word: unequal words, unequal texts.  What
 * is read behind a short one is simdjson's padding. */
static uint64_t text_start(const struct json_tape *tape, uint32_t at)
{
    const unsigned char *start = tape->strings + tape_payload(tape, at);
    uint32_t len, four;

    memcpy(&len, start, sizeof(len));
    memcpy(&four, start + sizeof(len), sizeof(four));
    if (len < sizeof(four))
        four = le32toh(four) & ((UINT32_C(1) << 8 * len) - 1);
    return (uint64_t)len << 32 | four;
}

/* The keys of one object so far; all objects in turn, since clearing it costs more than keys. */
struct keys {
    uint64_t starts[KEYS_BY_PAIRS_MAX];
    uint32_t places[KEYS_BY_PAIRS_MAX];
};

static void compare_pairs(const struct json_tape *tape, uint32_t object, struct keys *keys,
                          uint32_t *duplicate)
{
    uint32_t end = tape_skip(tape, object) - 1;
    uint64_t bits = 0; /* One of 64 for each key: a bit not yet taken is of a key not yet seen. */
    size_t count = 0;

    for (uint32_t at = object + 1; at < end; at = tape_skip(tape, at + 1)) {
        uint64_t start = text_start(tape, at);
        uint64_t bit = UINT64_C(1) << (start * UINT64_C(0x9e3779b97f4a7c15) >> 58);

        for (size_t k = 0; bits & bit && k < count; k++)
            if (keys->starts[k] == start &&
                str_eq(tape_text(tape, keys->places[k]), tape_text(tape, at)))
                note_duplicate(at, duplicate);
        bits |= bit;
        keys->starts[count] = start;
        keys->places[count++] = at;
    }
}

/* An open hash table under a key nobody outside knows: no choice of members makes it slow. */
static void compare_hashes(struct cx *cx, const struct json_tape *tape, uint32_t object,
                           size_t count, uint32_t *duplicate)
{
    unsigned char key[crypto_shorthash_KEYBYTES];
    struct arena_mark mark = arena_mark(&cx->arena);
    uint32_t end = tape_skip(tape, object) - 1;
    size_t size = 64;
    uint32_t *slots;

    while (size < count * 2)
        size *= 2;
    slots = CX_ARRAY(cx, uint32_t, size);
    cx_random_bytes(cx, key, sizeof(key));
    for (uint32_t at = object + 1; at < end; at = tape_skip(tape, at + 1)) {
        struct str name = tape_text(tape, at);
        uint64_t hash;
        size_t k;

        crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name.ptr, name.len, key);
        k = hash & (size - 1);
        while (slots[k] && !str_eq(tape_text(tape, slots[k]), name))
            k = (k + 1) & (size - 1);
        if (slots[k])
            note_duplicate(at, duplicate);
        else
            slots[k] = at;
    }
    arena_rewind(&cx->arena, mark);
}

/* What simdjson accepts and we do not.  *duplicate is 0 or the tape index of a key. */
static bool check_tape(struct cx *cx, const struct json_tape *tape, uint32_t *duplicate)
{
    uint32_t end = (uint32_t)tape_payload(tape, 0) - 1;
    struct keys keys;
    int depth = 0;

    *duplicate = 0;
    for (uint32_t at = 1; at < end;) {
        char tag = tape_tag(tape, at);
        size_t count = tape_payload(tape, at) >> 32;

        if (tag == '"') { /* Most words. */
            at++;
            continue;
        }
        depth += (tag == '{' || tag == '[') - (tag == '}' || tag == ']');
        if (depth > JSON_DEPTH_MAX)
            return false;
        if (tag == '{' && count > KEYS_BY_PAIRS_MAX)
            compare_hashes(cx, tape, at, count, duplicate);
        else if (tag == '{')
            compare_pairs(tape, at, &keys, duplicate);
        at += tag == 'l' || tag == 'u' || tag == 'd' ? 2 : 1;
    }
    return *duplicate == 0;
}

/* Which text of the document, counted from 1, stands at `wanted`. */
static size_t text_number(const struct json_tape *tape, uint32_t wanted)
{
    size_t number = 1;

    for (uint32_t at = 1; at < wanted;) {
        char tag = tape_tag(tape, at);

        number += tag == '"';
        at += tag == 'l' || tag == 'u' || tag == 'd' ? 2 : 1;
    }
    return number;
}

static enum err refuse(struct cx *cx, struct str text, size_t duplicate)
{
    struct json_fault fault;

    json_find_fault(text, duplicate, &fault);
    return fail(cx, ERR_BAD_INPUT, fault.code, "line %zu, column %zu: %s", fault.line, fault.column,
                fault.what);
}

enum err json_parse(struct cx *cx, struct str text, struct json *out)
{
    static _Thread_local struct json_tape tape;
    uint32_t duplicate = 0;

    if (text.len > JSON_BYTES_MAX)
        return fail(cx, ERR_TOO_LARGE, "json_too_large",
                    "the document has %zu bytes; send at most %d, in several parts", text.len,
                    JSON_BYTES_MAX);
    switch (tape_read(text.ptr, text.len, &tape)) {
    case TAPE_NO_MEMORY:
        return fail(cx, ERR_BUSY, "out_of_memory",
                    "no memory to read %zu bytes of JSON; try again later", text.len);
    case TAPE_REFUSED:
        return refuse(cx, text, 0);
    case TAPE_OK:
        break;
    }
    if (!check_tape(cx, &tape, &duplicate))
        return refuse(cx, text, duplicate ? text_number(&tape, duplicate) : 0);
    *out = (struct json){&tape, 1};
    return OK;
}

/* ---- Values ---- */

enum json_type json_type(struct json v)
{
    switch (tape_tag(v.doc, v.at)) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'l':
        return JSON_INT;
    case 'u':
        return JSON_UINT;
    case 'd':
    case 'b':
        return JSON_DOUBLE;
    case '"':
        return JSON_TEXT;
    case '[':
        return JSON_LIST;
    default:
        assert(tape_tag(v.doc, v.at) == '{');
        return JSON_OBJECT;
    }
}

static uint64_t number_word(struct json v)
{
    return ((const struct json_tape *)v.doc)->words[v.at + 1];
}

bool json_bool(struct json v)
{
    assert(json_type(v) == JSON_BOOL);
    return tape_tag(v.doc, v.at) == 't';
}

int64_t json_int(struct json v)
{
    assert(json_type(v) == JSON_INT);
    return (int64_t)number_word(v);
}

uint64_t json_uint(struct json v)
{
    assert(json_type(v) == JSON_UINT);
    return number_word(v);
}

double json_double(struct json v)
{
    uint64_t word = number_word(v);
    double d;

    switch (json_type(v)) {
    case JSON_INT:
        return (double)(int64_t)word;
    case JSON_UINT:
        return (double)word;
    default:
        assert(json_type(v) == JSON_DOUBLE);
        memcpy(&d, &word, sizeof(d));
        return d;
    }
}

struct str json_peek(struct json v)
{
    assert(json_type(v) == JSON_TEXT);
    return tape_text(v.doc, v.at);
}

struct str json_text(struct cx *cx, struct json v)
{
    return cx_copy(cx, json_peek(v));
}

size_t json_count(struct json v)
{
    assert(json_type(v) == JSON_LIST || json_type(v) == JSON_OBJECT);
    return tape_payload(v.doc, v.at) >> 32;
}

/* ---- Walking ---- */

struct json_iter json_iter(struct json list_or_object)
{
    assert(json_type(list_or_object) >= JSON_LIST);
    return (struct json_iter){.next = list_or_object.at + 1,
                              .end = tape_skip(list_or_object.doc, list_or_object.at) - 1,
                              .object = json_type(list_or_object) == JSON_OBJECT,
                              .doc = list_or_object.doc};
}

bool json_next(struct json_iter *it)
{
    if (it->next >= it->end)
        return false;
    if (it->object)
        it->key = tape_text(it->doc, it->next++);
    it->value = (struct json){it->doc, it->next};
    it->next = tape_skip(it->doc, it->next);
    return true;
}

struct json json_iter_key(const struct json_iter *it)
{
    assert(it->object);
    return (struct json){it->doc, it->value.at - 1};
}

bool json_get(struct json object, const char *name, struct json *out)
{
    struct str wanted = str_of(name);

    assert(json_type(object) == JSON_OBJECT);
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (str_eq(it.key, wanted)) {
            *out = it.value;
            return true;
        }
    }
    return false;
}
