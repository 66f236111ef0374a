/*
 * position.c - a plain recursive reader of JSON that keeps nothing but its place.
 */
#include "kernel/json/position.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/json/json.h"

struct scan {
    const char *start, *at, *end;
    int depth;
    size_t texts, text_duplicate; /* Texts read so far; the one that is a duplicate key. */
    struct json_fault *fault;
};

static void count_lines(const struct scan *scan, const char *to, size_t *line, size_t *column)
{
    const char *line_start = scan->start;

    *line = 1;
    for (const char *at = scan->start; at < to; at++) {
        if (*at == '\n') {
            ++*line;
            line_start = at + 1;
        }
    }
    *column = (size_t)(to - line_start) + 1;
}

PRINTF_LIKE(4, 5)
static bool refuse(struct scan *scan, const char *at, const char *code, const char *fmt, ...)
{
    va_list args;

    scan->fault->code = code;
    count_lines(scan, at, &scan->fault->line, &scan->fault->column);
    va_start(args, fmt);
    vsnprintf(scan->fault->what, sizeof(scan->fault->what), fmt, args);
    va_end(args);
    return false;
}

#define SYNTAX "json_syntax"

static bool ended(const struct scan *scan)
{
    return scan->at == scan->end;
}

/* The byte here, or NUL at the end: a NUL in the text is as wrong as the end wherever it counts. */
static char here(const struct scan *scan)
{
    return ended(scan) ? '\0' : *scan->at;
}

static void skip_space(struct scan *scan)
{
    while (!ended(scan) && memchr(" \t\r\n", *scan->at, 4))
        scan->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- Numbers ---- */

static void skip_digits(struct scan *scan)
{
    while (is_digit(here(scan)))
        scan->at++;
}

static bool in_range(const char *start, const char *end, bool whole)
{
    struct str text = {start, (size_t)(end - start)};
    uint64_t limit = *start == '-' ? (uint64_t)1 << 63 : UINT64_MAX, n = 0;
    char *copy;
    bool finite;

    if (whole) {
        for (size_t k = *start == '-'; k < text.len; k++)
            if (__builtin_mul_overflow(n, 10, &n) ||
                __builtin_add_overflow(n, (uint64_t)(start[k] - '0'), &n) || n > limit)
                return false;
        return true;
    }
    copy = malloc(text.len + 1); /* Without memory for it, the number is not the fault to report. */
    if (!copy)
        return true;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    finite = isfinite(strtod(copy, NULL));
    free(copy);
    return finite;
}

static bool scan_fraction(struct scan *scan, bool *whole)
{
    if (here(scan) == '.') {
        *whole = false;
        scan->at++;
        if (!is_digit(here(scan)))
            return refuse(scan, scan->at, SYNTAX, "a digit must follow the decimal point");
        skip_digits(scan);
    }
    if (here(scan) == 'e' || here(scan) == 'E') {
        *whole = false;
        scan->at++;
        if (here(scan) == '+' || here(scan) == '-')
            scan->at++;
        if (!is_digit(here(scan)))
            return refuse(scan, scan->at, SYNTAX, "the exponent needs a digit");
        skip_digits(scan);
    }
    return true;
}

static bool scan_number(struct scan *scan)
{
    const char *start = scan->at;
    bool whole = true;

    if (here(scan) == '-')
        scan->at++;
    if (!is_digit(here(scan)))
        return refuse(scan, scan->at, SYNTAX, "a digit must follow the minus sign");
    if (*scan->at == '0' && scan->at + 1 < scan->end && is_digit(scan->at[1]))
        return refuse(scan, scan->at, SYNTAX, "a number has no leading zeros: remove this one");
    skip_digits(scan);
    if (!scan_fraction(scan, &whole))
        return false;
    if (!in_range(start, scan->at, whole))
        return refuse(scan, start, SYNTAX,
                      whole ? "number out of range: a whole number is from -2^63 to 2^64-1; "
                              "send larger ones as text"
                            : "number out of range: its magnitude must stay below 1.8e308");
    return true;
}

/* ---- Texts ---- */

static int hex_value(const char *at)
{
    int value = 0;

    for (int k = 0; k < 4; k++) {
        char c = at[k];
        int digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The four digits behind \u, -1 when they are not there. */
static int unit_at(const struct scan *scan, const char *backslash)
{
    if (scan->end - backslash < 6 || backslash[0] != '\\' || backslash[1] != 'u')
        return -1;
    return hex_value(backslash + 2);
}

static bool scan_unicode(struct scan *scan)
{
    int unit = unit_at(scan, scan->at), low;

    if (unit < 0)
        return refuse(scan, scan->at, SYNTAX, "\\u needs four hexadecimal digits");
    if (unit < 0xd800 || unit > 0xdfff) {
        scan->at += 6;
        return true;
    }
    low = unit < 0xdc00 ? unit_at(scan, scan->at + 6) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return refuse(scan, scan->at, SYNTAX,
                      "half a surrogate pair: write \\ud8xx\\udcxx, or the character itself");
    scan->at += 12;
    return true;
}

static bool scan_escape(struct scan *scan)
{
    const char *kind = scan->at + 1;

    if (kind < scan->end && *kind == 'u')
        return scan_unicode(scan);
    if (kind < scan->end && !memchr("\"\\/bfnrt", *kind, 8))
        return refuse(scan, scan->at, SYNTAX,
                      "no such escape: \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX exist");
    scan->at += kind < scan->end ? 2 : 1; /* A lone backslash at the end: the text is not closed. */
    return true;
}

static bool scan_character(struct scan *scan)
{
    unsigned char c = (unsigned char)*scan->at;
    size_t len;

    if (c == '\\')
        return scan_escape(scan);
    if (c < 0x20)
        return refuse(scan, scan->at, SYNTAX,
                      "control character 0x%02x in a text: write it as \\u%04x", c, c);
    len = str_utf8_len(scan->at, (size_t)(scan->end - scan->at));
    if (len == 0)
        return refuse(scan, scan->at, SYNTAX, "byte 0x%02x is not valid UTF-8 here", c);
    scan->at += len;
    return true;
}

static bool scan_text(struct scan *scan)
{
    const char *start = scan->at++;
    int shown;

    while (!ended(scan) && *scan->at != '"')
        if (!scan_character(scan))
            return false;
    if (ended(scan))
        return refuse(scan, start, SYNTAX,
                      "this text is never closed: a quotation mark is missing");
    scan->at++;
    if (++scan->texts != scan->text_duplicate)
        return true;
    shown = scan->at - start > 60 ? 60 : (int)(scan->at - start);
    return refuse(scan, start, "json_duplicate_key",
                  "the object has %.*s already: give each name once", shown, start);
}

/* ---- Values ---- */

static bool scan_value(struct scan *scan);

static bool refuse_byte(struct scan *scan, const char *wanted)
{
    unsigned char c = (unsigned char)here(scan);

    if (ended(scan))
        return refuse(scan, scan->at, SYNTAX, "the text ends where %s should stand", wanted);
    if (c > 0x20 && c < 0x7f)
        return refuse(scan, scan->at, SYNTAX, "%s should stand here, not '%c'", wanted, c);
    return refuse(scan, scan->at, SYNTAX, "%s should stand here, not the byte 0x%02x", wanted, c);
}

static bool scan_member(struct scan *scan)
{
    if (here(scan) == '\'')
        return refuse(scan, scan->at, SYNTAX, "names stand in double quotation marks");
    if (here(scan) != '"')
        return refuse_byte(scan, "a name in quotation marks");
    if (!scan_text(scan))
        return false;
    skip_space(scan);
    if (here(scan) != ':')
        return refuse_byte(scan, "a colon");
    scan->at++;
    return scan_value(scan);
}

static bool refuse_open(struct scan *scan, const char *open)
{
    size_t line, column;

    count_lines(scan, open, &line, &column);
    return refuse(scan, scan->at, SYNTAX,
                  "the text ends, but the %s opened at line %zu, column %zu is not closed",
                  *open == '{' ? "object" : "list", line, column);
}

/* Behind an item: its comma, or the end of the list or object. */
static bool scan_comma(struct scan *scan, const char *open, char close)
{
    const char *comma = scan->at;

    if (ended(scan))
        return refuse_open(scan, open);
    if (*comma != ',')
        return refuse_byte(scan, close == '}' ? "a comma or }" : "a comma or ]");
    scan->at++;
    skip_space(scan);
    if (ended(scan))
        return refuse_open(scan, open);
    if (*scan->at == close)
        return refuse(scan, comma, SYNTAX, "nothing follows this comma: remove it");
    return true;
}

static bool scan_nested(struct scan *scan)
{
    const char *open = scan->at;
    char close = *open == '{' ? '}' : ']';

    if (scan->depth == JSON_DEPTH_MAX)
        return refuse(scan, open, "json_depth", "more than %d levels deep: send a flatter document",
                      JSON_DEPTH_MAX);
    scan->depth++;
    scan->at++;
    skip_space(scan);
    if (ended(scan))
        return refuse_open(scan, open);
    for (bool first = true; here(scan) != close; first = false) {
        if (!first && !scan_comma(scan, open, close))
            return false;
        if (!(close == '}' ? scan_member(scan) : scan_value(scan)))
            return false;
        skip_space(scan);
    }
    scan->at++;
    scan->depth--;
    return true;
}

static bool scan_word(struct scan *scan)
{
    static const struct str words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    const char *start = scan->at;
    struct str word;

    while ((here(scan) >= 'a' && here(scan) <= 'z') || (here(scan) >= 'A' && here(scan) <= 'Z') ||
           is_digit(here(scan)) || here(scan) == '_')
        scan->at++;
    word = (struct str){start, (size_t)(scan->at - start)};
    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        if (str_eq(word, words[k]))
            return true;
    return refuse(scan, start, SYNTAX,
                  "only true, false and null stand without quotation marks, not %.*s",
                  word.len > 40 ? 40 : (int)word.len, start);
}

static bool scan_value(struct scan *scan)
{
    char c;

    skip_space(scan);
    c = here(scan);
    if (c == '{' || c == '[')
        return scan_nested(scan);
    if (c == '"')
        return scan_text(scan);
    if (c == '-' || is_digit(c))
        return scan_number(scan);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return scan_word(scan);
    if (c == '+' || c == '.')
        return refuse(scan, scan->at, SYNTAX, "a number begins with a digit or a minus sign");
    if (c == '\'')
        return refuse(scan, scan->at, SYNTAX, "texts stand in double quotation marks");
    if (c == '/')
        return refuse(scan, scan->at, SYNTAX, "JSON has no comments");
    return refuse_byte(scan, "a value");
}

static bool scan_document(struct scan *scan)
{
    if (scan->end - scan->at >= 3 && memcmp(scan->at, "\xef\xbb\xbf", 3) == 0)
        return refuse(scan, scan->at, SYNTAX, "a byte order mark: send the text without it");
    skip_space(scan);
    if (ended(scan))
        return refuse(scan, scan->at, SYNTAX, "the text is empty: send a JSON value");
    if (!scan_value(scan))
        return false;
    skip_space(scan);
    if (!ended(scan))
        return refuse(scan, scan->at, SYNTAX, "the document ended before this: remove the rest");
    return true;
}

bool json_find_fault(struct str text, size_t text_duplicate, struct json_fault *out)
{
    const char *start = text.ptr ? text.ptr : "";
    struct scan scan = {.start = start,
                        .at = start,
                        .end = start + text.len,
                        .text_duplicate = text_duplicate,
                        .fault = out};

    if (!scan_document(&scan))
        return true;
    /* Both readers disagree, which the fuzz target has not seen: refuse all the same. */
    *out = (struct json_fault){.line = 1, .column = 1, .code = SYNTAX, .what = "not valid JSON"};
    return false;
}
