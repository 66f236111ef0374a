/*
 * pattern.c - route patterns: parsing and comparing, at boot.
 */
#include "kernel/http/pattern.h"

#include <stdio.h>
#include <string.h>

static bool is_literal_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static bool is_name(struct str s)
{
    if (s.len == 0)
        return false;
    for (size_t k = 0; k < s.len; k++) {
        if ((s.ptr[k] < 'a' || s.ptr[k] > 'z') && s.ptr[k] != '_')
            return false;
    }
    return true;
}

static bool is_prefix(struct str s)
{
    if (s.len == 0 || s.len > ID_PREFIX_LEN_MAX)
        return false;
    for (size_t k = 0; k < s.len; k++) {
        if (s.ptr[k] < 'a' || s.ptr[k] > 'z')
            return false;
    }
    return true;
}

static bool why_not(char why[PATTERN_WHY_LEN_MAX], const char *what, struct str piece)
{
    snprintf(why, PATTERN_WHY_LEN_MAX, "%s in \"%.*s\"", what,
             (int)(piece.len < 60 ? piece.len : 60), piece.ptr);
    return false;
}

static bool segment_parse(struct str piece, struct segment *out, char why[PATTERN_WHY_LEN_MAX])
{
    const char *colon;
    struct str name;

    *out = (struct segment){.kind = SEGMENT_LITERAL, .text = piece};
    if (piece.ptr[0] != '{') {
        for (size_t k = 0; k < piece.len; k++) {
            if (!is_literal_byte(piece.ptr[k]))
                return why_not(why, "a literal takes letters, digits and -._~ only", piece);
        }
        return true;
    }
    if (piece.ptr[piece.len - 1] != '}')
        return why_not(why, "a parameter is a whole segment {name} or {name:type}", piece);
    name = (struct str){piece.ptr + 1, piece.len - 2};
    colon = memchr(name.ptr, ':', name.len);
    out->kind = SEGMENT_TEXT;
    if (colon) {
        struct str type = {colon + 1, name.len - (size_t)(colon + 1 - name.ptr)};

        name.len = (size_t)(colon - name.ptr);
        if (!is_prefix(type))
            return why_not(why, "a type is int or an id prefix of 1 to 8 small letters", piece);
        out->kind = str_is(type, "int") ? SEGMENT_INT : SEGMENT_ID;
        if (out->kind == SEGMENT_ID)
            memcpy(out->prefix, type.ptr, type.len);
    }
    out->text = name;
    if (!is_name(name))
        return why_not(why, "a parameter's name is small letters and _", piece);
    return true;
}

static bool names_differ(const struct pattern *pattern, char why[PATTERN_WHY_LEN_MAX])
{
    int params = 0;

    for (int k = 0; k < pattern->count; k++) {
        const struct segment *segment = &pattern->segments[k];

        if (segment->kind == SEGMENT_LITERAL)
            continue;
        params++;
        for (int j = 0; j < k; j++) {
            if (pattern->segments[j].kind != SEGMENT_LITERAL &&
                str_eq(pattern->segments[j].text, segment->text))
                return why_not(why, "a parameter's name is used twice", segment->text);
        }
    }
    if (params > ROUTE_PARAMS_MAX) {
        snprintf(why, PATTERN_WHY_LEN_MAX, "more than %d parameters", ROUTE_PARAMS_MAX);
        return false;
    }
    return true;
}

bool path_segment(struct str *rest, struct str *out)
{
    const char *slash;

    if (rest->len < 2 || rest->ptr[0] != '/')
        return false;
    *out = (struct str){rest->ptr + 1, rest->len - 1};
    slash = memchr(out->ptr, '/', out->len);
    if (slash)
        out->len = (size_t)(slash - out->ptr);
    rest->ptr += out->len + 1;
    rest->len -= out->len + 1;
    return out->len > 0;
}

bool pattern_parse(const char *text, struct pattern *out, char why[PATTERN_WHY_LEN_MAX])
{
    struct str rest = str_of(text), piece;

    *out = (struct pattern){.count = 0};
    if (rest.len == 0 || rest.ptr[0] != '/')
        return why_not(why, "a path starts with /", rest.ptr ? rest : STR(""));
    if (str_is(rest, "/")) /* The root has no segments. */
        return true;
    while (rest.len > 0) {
        if (!path_segment(&rest, &piece))
            return why_not(why, "an empty segment", str_of(text));
        if (out->count == ROUTE_SEGMENTS_MAX) {
            snprintf(why, PATTERN_WHY_LEN_MAX, "more than %d segments", ROUTE_SEGMENTS_MAX);
            return false;
        }
        if (!segment_parse(piece, &out->segments[out->count++], why))
            return false;
    }
    return names_differ(out, why);
}

bool segment_same(const struct segment *a, const struct segment *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == SEGMENT_LITERAL ? str_eq(a->text, b->text)
                                      : strcmp(a->prefix, b->prefix) == 0;
}

/* May one path segment satisfy both? */
static bool segments_overlap(const struct segment *a, const struct segment *b)
{
    if (a->kind == SEGMENT_LITERAL || b->kind == SEGMENT_LITERAL || segment_same(a, b))
        return a->kind != b->kind || segment_same(a, b);
    return a->kind == SEGMENT_TEXT || b->kind == SEGMENT_TEXT;
}

enum pattern_relation pattern_compare(const struct pattern *a, const struct pattern *b)
{
    bool same = true, renamed = false, overlap = true, shape = true, decided = false;

    if (a->count != b->count)
        return PATTERNS_APART;
    for (int k = 0; k < a->count; k++) {
        const struct segment *x = &a->segments[k], *y = &b->segments[k];
        bool literal = x->kind == SEGMENT_LITERAL || y->kind == SEGMENT_LITERAL;

        shape = shape && (literal ? segment_same(x, y) : true);
        overlap = overlap && segments_overlap(x, y);
        renamed = renamed || (!literal && (!segment_same(x, y) || !str_eq(x->text, y->text)));
        if (same && !segment_same(x, y)) /* The first difference decides, if a literal makes it. */
            decided = literal;
        same = same && segment_same(x, y);
    }
    if (shape && renamed)
        return PATTERNS_RENAMED;
    if (same)
        return PATTERNS_EQUAL;
    return overlap && !decided ? PATTERNS_UNCLEAR : PATTERNS_APART;
}
