/*
 * pattern.h - a route's path, taken apart: "/v1/orders/{id:ord}/payments".
 *
 * A segment is a literal of unreserved characters or one parameter:
 *   {name}      any one non-empty segment, percent-decoded, valid UTF-8, no control characters;
 *   {name:int}  a whole number from 0, written in the one way that formats back to it;
 *   {name:ord}  an id: ord_ and 13 base32 digits.
 *
 * Invariants: pieces borrow from the pattern's text; a pattern that pattern_parse took has at most
 * ROUTE_SEGMENTS_MAX segments, none empty, and at most ROUTE_PARAMS_MAX parameters, each with its
 * own name.
 */
#ifndef GREVY_HTTP_PATTERN_H
#define GREVY_HTTP_PATTERN_H

#include "kernel/http/router.h"

/* Shown where a path wants an id: 2026-01-01, the seventh. */
#define ROUTE_EXAMPLE_ID ((INT64_C(63158400000) << 22) | 7)

enum segment_kind { SEGMENT_LITERAL, SEGMENT_ID, SEGMENT_INT, SEGMENT_TEXT };

struct segment {
    enum segment_kind kind;
    struct str text;                    /* The literal, or the parameter's name. */
    char prefix[ID_PREFIX_LEN_MAX + 1]; /* SEGMENT_ID. */
};

struct pattern {
    struct segment segments[ROUTE_SEGMENTS_MAX];
    int count;
};

enum { PATTERN_WHY_LEN_MAX = 160 };

/** On a malformed pattern returns false and why says what is wrong with it. */
bool pattern_parse(const char *text, struct pattern *out, char why[PATTERN_WHY_LEN_MAX]);

/** The next segment of a path that starts with '/'; false at the end, or when it is empty. */
bool path_segment(struct str *rest, struct str *out);

/** Do the two say the same of one segment, whatever its parameter is called? */
bool segment_same(const struct segment *a, const struct segment *b);

enum pattern_relation {
    PATTERNS_APART,   /* No path matches both, or a literal decides between them. */
    PATTERNS_EQUAL,   /* Every path that matches one matches the other. */
    PATTERNS_UNCLEAR, /* Some path matches both and neither wins. */
    PATTERNS_RENAMED, /* The same places, but parameters that differ in name or type. */
};
enum pattern_relation pattern_compare(const struct pattern *a, const struct pattern *b);

#endif
