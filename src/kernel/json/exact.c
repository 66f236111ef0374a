/*
 * exact.c - documents that outlive the parser, and numbers that keep their digits.
 *
 * simdjson reads a number as int64, uint64 or double and refuses the rest.  Where that is not
 * enough, such numbers are blanked in a copy of the text, the copy is read, and their digits are
 * put on a copy of the tape, as
 *   b   double: payload is the place of the digits in strings, the next word the nearest double
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/json/json.h"
#include "kernel/json/tape.h"

/* A double carries every decimal of so many digits. */
enum { EXACT_DIGITS_MAX = 15 };

/* A number of the text: its place, and which it is, counted from 0. */
struct number {
    struct str text;
    size_t ordinal;
    struct number *next;
};

struct numbers {
    struct cx *cx;
    struct number *first, **last;
    size_t count;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool whole_fits(struct str text)
{
    bool negative = text.ptr[0] == '-';
    uint64_t limit = negative ? (uint64_t)1 << 63 : UINT64_MAX, n = 0;

    for (size_t k = negative; k < text.len; k++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(text.ptr[k] - '0'), &n) || n > limit)
            return false;
    return true;
}

/* Does a double keep all of it?  Zeros that lead count as digits, which costs only time. */
static bool double_fits(struct cx *cx, struct str text)
{
    struct arena_mark mark = arena_mark(&cx->arena);
    size_t digits = 0;
    double d;

    for (size_t k = 0; k < text.len && text.ptr[k] != 'e' && text.ptr[k] != 'E'; k++)
        digits += is_digit(text.ptr[k]);
    d = strtod(cx_printf(cx, STR_FMT, STR_ARG(text)).ptr, NULL);
    arena_rewind(&cx->arena, mark);
    return digits <= EXACT_DIGITS_MAX && isfinite(d) && fabs(d) >= DBL_MIN;
}

/* Is it a whole number of the grammar, whose blanking hides no fault? */
static bool well_formed(struct str text, bool *whole)
{
    const char *at = text.ptr, *end = text.ptr + text.len;

    at += *at == '-';
    if (at == end || !is_digit(*at) || (*at == '0' && at + 1 < end && is_digit(at[1])))
        return false;
    while (at < end && is_digit(*at))
        at++;
    *whole = at == end;
    if (at < end && *at == '.') {
        if (++at == end || !is_digit(*at))
            return false;
        while (at < end && is_digit(*at))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        if (at == end)
            return false;
        while (at < end && is_digit(*at))
            at++;
    }
    return at == end;
}

static bool is_zero(struct str text)
{
    for (size_t k = 0; k < text.len && text.ptr[k] != 'e' && text.ptr[k] != 'E'; k++)
        if (text.ptr[k] >= '1' && text.ptr[k] <= '9')
            return false;
    return true;
}

static void note_number(struct numbers *numbers, struct str text)
{
    size_t ordinal = numbers->count++;
    struct number *number;
    bool whole;

    if (!well_formed(text, &whole) || is_zero(text) ||
        (whole ? whole_fits(text) : double_fits(numbers->cx, text)))
        return;
    number = CX_NEW(numbers->cx, struct number);
    *number = (struct number){text, ordinal, NULL};
    *numbers->last = number;
    numbers->last = &number->next;
}

static void find_numbers(struct numbers *numbers, struct str text)
{
    const char *at = text.ptr, *end = text.ptr + text.len, *start;

    while (at < end) {
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++)
                at += *at == '\\';
            at++;
        } else if (*at == '-' || is_digit(*at)) {
            for (start = at++; at < end && (is_digit(*at) || memchr("+-.eE", *at, 5));)
                at++;
            note_number(numbers, (struct str){start, (size_t)(at - start)});
        } else {
            at++;
        }
    }
}

/* The text with the numbers replaced: digits that fit, of the same length. */
static struct str blank(struct cx *cx, struct str text, const struct number *first)
{
    char *copy = cx_alloc(cx, text.len);

    memcpy(copy, text.ptr, text.len);
    for (const struct number *number = first; number; number = number->next) {
        char *at = copy + (number->text.ptr - text.ptr);

        memset(at, ' ', number->text.len);
        memcpy(at, "0.5", number->text.len < 3 ? 1 : 3); /* A double: two words, as the mark. */
    }
    return (struct str){copy, text.len};
}

/* ---- Copies of a tape ---- */

/* Where texts of the words end in strings. */
static size_t texts_end(const struct json_tape *tape, uint32_t at, uint32_t end, size_t *begin)
{
    size_t last = 0;

    *begin = SIZE_MAX;
    while (at < end) {
        char tag = tape_tag(tape, at);
        uint32_t len;

        if (tag == '"' || tag == 'b') {
            size_t place = tape_payload(tape, at);

            memcpy(&len, tape->strings + place, sizeof(len));
            *begin = place < *begin ? place : *begin;
            last = place + sizeof(len) + len + 1 > last ? place + sizeof(len) + len + 1 : last;
        }
        at += tag == 'l' || tag == 'u' || tag == 'd' || tag == 'b' ? 2 : 1;
    }
    return last;
}

static uint64_t word_of(char tag, uint64_t payload)
{
    return (uint64_t)(unsigned char)tag << 56 | payload;
}

/* The words of a value, moved to index 1 and its texts to place 0. */
static void move_words(uint64_t *to, const struct json_tape *from, struct json v, size_t begin)
{
    uint32_t end = tape_skip(from, v.at), shift = v.at - 1;

    for (uint32_t at = v.at; at < end; at++) {
        char tag = tape_tag(from, at);
        uint64_t payload = tape_payload(from, at), word = from->words[at];

        if (tag == '"' || tag == 'b')
            word = word_of(tag, payload - begin);
        else if (tag == '{' || tag == '[') /* The count above, the place of the end below. */
            word = word_of(tag, payload - shift);
        else if (tag == '}' || tag == ']')
            word = word_of(tag, payload - shift);
        to[at - shift] = word;
        if (tag == 'l' || tag == 'u' || tag == 'd' || tag == 'b') {
            at++;
            to[at - shift] = from->words[at];
        }
    }
}

/* A copy with room for more bytes of texts behind its own; *strings is where those begin. */
static struct json copy_value(struct arena *arena, struct json v, size_t more,
                              unsigned char **strings)
{
    const struct json_tape *from = v.doc;
    uint32_t count = tape_skip(from, v.at) - v.at;
    uint64_t *words = arena_alloc(arena, (count + 2) * sizeof(*words));
    struct json_tape *tape = arena_alloc(arena, sizeof(*tape));
    size_t begin, end = texts_end(from, v.at, v.at + count, &begin), len;
    unsigned char *bytes;

    begin = end == 0 ? 0 : begin;
    len = end - begin;
    bytes = arena_alloc(arena, len + more + 1);
    if (len > 0)
        memcpy(bytes, from->strings + begin, len);
    words[0] = word_of('r', count + 2);
    words[count + 1] = word_of('r', 0);
    move_words(words, from, v, begin);
    *tape = (struct json_tape){words, bytes};
    *strings = bytes + len;
    return (struct json){tape, 1};
}

struct json json_keep(struct arena *arena, struct json v)
{
    unsigned char *strings;

    return copy_value(arena, v, 0, &strings);
}

static uint64_t nearest(struct cx *cx, struct str text)
{
    double d = strtod(cx_printf(cx, STR_FMT, STR_ARG(text)).ptr, NULL);
    uint64_t word;

    if (!isfinite(d))
        d = d < 0 ? -DBL_MAX : DBL_MAX;
    memcpy(&word, &d, sizeof(word));
    return word;
}

static struct json put_digits(struct cx *cx, struct json v, const struct number *number)
{
    size_t more = 0, ordinal = 0;
    unsigned char *strings;
    struct json_tape *tape;
    uint64_t *words;
    struct json copy;

    for (const struct number *each = number; each; each = each->next)
        more += sizeof(uint32_t) + each->text.len + 1;
    copy = copy_value(&cx->arena, v, more, &strings);
    tape = (struct json_tape *)copy.doc;
    words = (uint64_t *)tape->words;
    for (uint32_t at = 1; number && at < tape_payload(tape, 0) - 1;) {
        char tag = tape_tag(tape, at);
        bool is_number = tag == 'l' || tag == 'u' || tag == 'd';

        if (is_number && ordinal++ == number->ordinal) {
            uint32_t len = (uint32_t)number->text.len;

            words[at] = word_of('b', (uint64_t)(strings - tape->strings));
            words[at + 1] = nearest(cx, number->text);
            memcpy(strings, &len, sizeof(len));
            memcpy(strings + sizeof(len), number->text.ptr, len);
            strings += sizeof(len) + len + 1;
            number = number->next;
        }
        at += is_number ? 2 : 1;
    }
    return copy;
}

enum err json_parse_exact(struct cx *cx, struct str text, struct json *out)
{
    struct numbers numbers = {.cx = cx, .last = &numbers.first};
    struct json v;

    if (text.len <= JSON_BYTES_MAX)
        find_numbers(&numbers, text);
    if (!numbers.first) {
        TRY(json_parse(cx, text, &v));
        *out = json_keep(&cx->arena, v);
        return OK;
    }
    TRY(json_parse(cx, blank(cx, text, numbers.first), &v));
    *out = put_digits(cx, v, numbers.first);
    return OK;
}

bool json_digits(struct json v, struct str *out)
{
    const struct json_tape *tape = v.doc;
    uint32_t len;

    if (tape_tag(tape, v.at) != 'b')
        return false;
    memcpy(&len, tape->strings + tape_payload(tape, v.at), sizeof(len));
    *out = (struct str){(const char *)tape->strings + tape_payload(tape, v.at) + sizeof(len), len};
    return true;
}
