/*
 * json.h - JSON in and out.
 *
 * Reading: simdjson's DOM behind a thin C face (reader.cc).  json_parse accepts exactly RFC 8259
 * and refuses, with line and column: duplicate keys, more than JSON_DEPTH_MAX levels, trailing
 * commas, invalid UTF-8, anything after the value.  Integers are exact over all of int64.
 *
 * Invariants:
 *   - a struct json borrows the thread's parser: it is valid until the next json_parse of the same
 *     thread; text taken from it by json_text is copied into cx;
 *   - a writer never produces invalid JSON: the calls it gets are checked by assertions.
 */
#ifndef GREVY_JSON_JSON_H
#define GREVY_JSON_JSON_H

#include "kernel/base/cx.h"

enum {
    JSON_DEPTH_MAX = 32,       /* Levels; deeper documents are attacks, not data. */
    JSON_BYTES_MAX = 16 << 20, /* Of one document; callers set their own lower limit. */
};

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_UINT,
    JSON_DOUBLE,
    JSON_TEXT,
    JSON_LIST,
    JSON_OBJECT
}; /* JSON_UINT: above INT64_MAX. */

/* A value of the parsed document: a place on simdjson's tape. */
struct json {
    const void *doc;
    uint32_t at;
};

/** Errors: BAD_INPUT "json_syntax" | "json_duplicate_key" | "json_depth", with line and column in
 *  the detail; TOO_LARGE "json_too_large"; BUSY "out_of_memory". */
MUST_CHECK enum err json_parse(struct cx *cx, struct str text, struct json *out);

/** Like json_parse, for numbers of any size and precision: those that int64, uint64 and double do
 *  not hold are JSON_DOUBLE and keep their digits.  What it gives lives in cx, not in the parser.
 *  Reads the text twice. */
MUST_CHECK enum err json_parse_exact(struct cx *cx, struct str text, struct json *out);
/** A copy that lives as long as arena. */
struct json json_keep(struct arena *arena, struct json v);

enum json_type json_type(struct json v);
bool json_bool(struct json v);
int64_t json_int(struct json v);
uint64_t json_uint(struct json v);
double json_double(struct json v); /* Of any number. */
/** The digits of a number that json_parse_exact kept, borrowed; false: v is what its type says. */
bool json_digits(struct json v, struct str *out);
struct str json_peek(struct json v);                    /* Text, borrowed from the parser. */
struct str json_text(struct cx *cx, struct json v);     /* Text, copied into cx. */
struct str json_minified(struct cx *cx, struct json v); /* The value as compact JSON text. */
size_t json_count(struct json v); /* Items of a list or members of an object. */

/* for (struct json_iter it = json_iter(v); json_next(&it);) uses it.key (objects) and it.value. */
struct json_iter {
    struct json value;
    struct str key; /* Borrowed. */
    uint32_t next, end;
    bool object;
    const void *doc;
};
struct json_iter json_iter(struct json list_or_object);
bool json_next(struct json_iter *it);
struct json json_iter_key(const struct json_iter *it); /* Of an object: it.key as a value. */
bool json_get(struct json object, const char *name, struct json *out);

/* ---- Writing: append only, into cx memory that grows by doubling. ---- */

enum { JSON_OUT_DEPTH_MAX = 64 }; /* Bits of json_out.objects. */

struct json_out {
    struct cx *cx;
    char *ptr;
    size_t len, size;
    bool comma;       /* The next value is preceded by a comma. */
    bool keyed;       /* A key waits for its value. */
    int depth;        /* Open objects and lists. */
    uint64_t objects; /* Bit k: level k is an object. */
};

void json_open(struct json_out *out, struct cx *cx, size_t size_hint);
void json_object(struct json_out *out);
void json_object_end(struct json_out *out);
void json_list(struct json_out *out);
void json_list_end(struct json_out *out);
void json_key(struct json_out *out, struct str key);
void json_put_text(struct json_out *out, struct str s); /* Escapes; invalid UTF-8 becomes U+FFFD. */
void json_put_int(struct json_out *out, int64_t n);
void json_put_uint(struct json_out *out, uint64_t n);
void json_put_double(struct json_out *out, double d); /* Shortest that reads back; NaN is null. */
void json_put_bool(struct json_out *out, bool b);
void json_put_null(struct json_out *out);
void json_put_raw(struct json_out *out, struct str json); /* Already JSON. */
struct str json_done(struct json_out *out);

/* "key": value in one call. */
void json_member_text(struct json_out *out, const char *key, struct str s);
void json_member_int(struct json_out *out, const char *key, int64_t n);
void json_member_bool(struct json_out *out, const char *key, bool b);

#endif
