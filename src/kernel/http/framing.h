/*
 * framing.h - where one HTTP/1.1 request ends and the next begins, judged over the raw bytes.
 *
 * A state machine that sees every byte before the HTTP library does.  It reads what the library
 * reads leniently (white space around colons, bare line feeds, folded lines, two lengths, chunk
 * sizes) and lets only requests pass of which every reader in front of and behind us has the same
 * opinion (RFC 9112).
 *
 * Invariants:
 *   - the verdict depends on the bytes alone, never on how they were cut into pieces;
 *   - it allocates nothing and never looks back: a connection costs one struct framing;
 *   - once refused, a stream stays refused: its connection must be closed.
 */
#ifndef GREVY_HTTP_FRAMING_H
#define GREVY_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAMING_TARGET_BYTES_MAX = 4096, /* Of path and query; ours are below 300. */
    FRAMING_HEADERS_MAX = 64,        /* Browsers behind two proxies send about 30. */
    FRAMING_PARAMETERS_MAX = 64,     /* Of a query. */
    FRAMING_EXTENSION_BYTES_MAX = 256,
    FRAMING_TRAILER_BYTES_MAX = 4096,
    FRAMING_WORD_BYTES = 32, /* Kept of a method, version, header name or value: what we judge. */
};

/* Why a request is not served; all text is static. */
struct refusal {
    int status;
    const char *code;   /* Stable, for programs. */
    const char *detail; /* What to do about it, for people. */
};

enum framing_stage {
    FRAMING_IDLE, /* Not a byte of the next request has come. */
    FRAMING_HEAD,
    FRAMING_BODY,
    FRAMING_DONE, /* One whole request was consumed; framing_next before the next. */
};

struct framing {
    const struct refusal *refusal; /* Set for good when a rule is broken. */
    const struct refusal *pending; /* Of the request line; said when the line is complete. */
    size_t head_bytes_max;
    size_t budget_bytes; /* Left for what is being read: head, extension or trailers. */
    uint64_t left;       /* Of the body or of the chunk. */
    uint8_t state, kind;
    uint16_t seen;         /* Kinds of headers so far, one bit each. */
    uint16_t target_bytes; /* Of the request target so far. */
    uint8_t headers, parameters, digits;
    uint8_t segment_bytes, segment_dots; /* Of the path segment being read; saturating. */
    uint8_t escape, escaped;             /* Digits of %XX still due; the value so far. */
    bool query, trailer, old;            /* old: HTTP/1.0. */
    uint8_t word_len;                    /* May pass what is kept: saturating. */
    char word[FRAMING_WORD_BYTES];
};

void framing_open(struct framing *f, size_t head_bytes_max);

/** Make ready for the next request of the connection.  Needs: stage is FRAMING_DONE. */
void framing_next(struct framing *f);

/** Judge bytes.  Returns how many belong to this request: fewer than len when it ended before
 *  (stage is FRAMING_DONE) or was refused. */
size_t framing_feed(struct framing *f, const char *bytes, size_t len);

enum framing_stage framing_stage(const struct framing *f);

#endif
