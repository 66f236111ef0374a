/*
 * lex_text.c - literals of strings and bytes: quotes, triple quotes, r and b before them, escapes.
 */
#include <string.h>

#include "kernel/rule/lex.h"

struct quote {
    bool raw, bytes;
    char mark;
    size_t marks; /* 1 or 3. */
    size_t skip;  /* Bytes before the content. */
};

static char char_at(const struct rule_lexer *lexer, size_t at)
{
    return at < lexer->text.len ? lexer->text.ptr[at] : 0;
}

static bool read_quote(const struct rule_lexer *lexer, struct quote *out)
{
    size_t at = lexer->next;

    *out = (struct quote){0};
    for (;; at++) {
        char c = char_at(lexer, at);

        if ((c == 'r' || c == 'R') && !out->raw)
            out->raw = true;
        else if ((c == 'b' || c == 'B') && !out->bytes)
            out->bytes = true;
        else
            break;
    }
    out->mark = char_at(lexer, at);
    if (out->mark != '"' && out->mark != '\'')
        return false;
    out->marks = char_at(lexer, at + 1) == out->mark && char_at(lexer, at + 2) == out->mark ? 3 : 1;
    out->skip = at - lexer->next + out->marks;
    return true;
}

bool rule_lex_is_text(const struct rule_lexer *lexer)
{
    struct quote quote;

    return read_quote(lexer, &quote);
}

size_t rule_utf8_write(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* A number of exactly `digits` digits; false when one is missing. */
static bool read_digits(struct rule_lexer *lexer, int digits, int base, uint32_t *out)
{
    *out = 0;
    for (int k = 0; k < digits; k++, lexer->next++) {
        char c = char_at(lexer, lexer->next);
        int n = c >= '0' && c <= '9'                 ? c - '0'
                : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87
                                                     : 16;

        if (n >= base)
            return false;
        *out = *out * (uint32_t)base + (uint32_t)n;
    }
    return true;
}

/* The character after a backslash is one of these: itself or a control character. */
static bool simple_escape(char c, char *out)
{
    static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
    const char *at = c ? memchr(from, c, sizeof(from) - 1) : NULL;

    if (at)
        *out = to[at - from];
    return at != NULL;
}

/* Behind the backslash; returns bytes written, 0: no such escape. */
static size_t read_escape(struct rule_lexer *lexer, const struct quote *quote, char *out)
{
    char c = char_at(lexer, lexer->next++);
    uint32_t n = 0;
    bool good;

    if (simple_escape(c, out))
        return 1;
    if (c == 'x' || c == 'X') {
        good = read_digits(lexer, 2, 16, &n);
    } else if (c == 'u' || c == 'U') {
        good = !quote->bytes && read_digits(lexer, c == 'u' ? 4 : 8, 16, &n);
        good = good && n <= 0x10ffff && !(n >= 0xd800 && n <= 0xdfff);
    } else {
        lexer->next--;
        good = c >= '0' && c <= '3' && read_digits(lexer, 3, 8, &n);
    }
    if (!good)
        return 0;
    if (!quote->bytes)
        return rule_utf8_write(out, n);
    out[0] = (char)n;
    return 1;
}

static bool ends(const struct rule_lexer *lexer, const struct quote *quote)
{
    for (size_t k = 0; k < quote->marks; k++)
        if (char_at(lexer, lexer->next + k) != quote->mark)
            return false;
    return true;
}

/* Bytes up to the closing quote; false: there is none. */
static bool measure(struct rule_lexer *lexer, const struct quote *quote, size_t *len)
{
    size_t from = lexer->next;

    while (!ends(lexer, quote)) {
        char c = char_at(lexer, lexer->next);

        if (lexer->next >= lexer->text.len || (quote->marks == 1 && (c == '\n' || c == '\r')))
            return false;
        lexer->next += c == '\\' && !quote->raw ? 2 : 1;
    }
    *len = lexer->next - from;
    lexer->next = from;
    return true;
}

static size_t read_content(struct rule_lexer *lexer, const struct quote *quote, size_t size,
                           char *out)
{
    size_t len = 0, end = lexer->next + size;

    while (lexer->next < end && lexer->kind != TOKEN_BAD) {
        uint32_t at = (uint32_t)lexer->next;
        size_t wrote = 1;
        char c = char_at(lexer, lexer->next++);

        if (c == '\\' && !quote->raw)
            wrote = read_escape(lexer, quote, out + len);
        else
            out[len] = c;
        if (!wrote)
            rule_lex_bad(lexer, at,
                         "no such escape: there are \\n \\t \\\\ \\\" \\' \\xHH \\uHHHH "
                         "\\UHHHHHHHH \\ooo and a few more; r'...' takes backslashes as "
                         "they are");
        len += wrote;
    }
    return len;
}

void rule_lex_text(struct rule_lexer *lexer)
{
    struct quote quote;
    size_t len = 0;
    char *out;

    (void)read_quote(lexer, &quote);
    lexer->next += quote.skip;
    if (!measure(lexer, &quote, &len)) {
        rule_lex_bad(lexer, lexer->begin,
                     "the text that begins here has no closing quote; a text "
                     "of several lines stands in triple quotes");
        return;
    }
    /* No escape writes more than it takes. */
    out = arena_alloc(lexer->arena, len + 1);
    len = read_content(lexer, &quote, len, out);
    if (lexer->kind == TOKEN_BAD)
        return;
    lexer->next += quote.marks;
    lexer->kind = TOKEN_VALUE;
    lexer->value =
        quote.bytes ? rule_of_bytes((struct str){out, len}) : rule_of_text((struct str){out, len});
}
