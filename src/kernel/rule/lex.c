/*
 * lex.c - names, numbers and signs; texts are in lex_text.c.
 */
#include "kernel/rule/lex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/rule/number.h"

void rule_lex_open(struct rule_lexer *lexer, struct arena *arena, struct str text)
{
    *lexer = (struct rule_lexer){.arena = arena, .text = text};
}

void rule_lex_bad(struct rule_lexer *lexer, uint32_t at, const char *why)
{
    lexer->kind = TOKEN_BAD;
    lexer->begin = at;
    lexer->end = at;
    lexer->why = why;
    lexer->next = lexer->text.len;
}

static char peek(const struct rule_lexer *lexer, size_t ahead)
{
    size_t at = lexer->next + ahead;

    return at < lexer->text.len ? lexer->text.ptr[at] : 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool starts_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void skip_space(struct rule_lexer *lexer)
{
    for (;;) {
        char c = peek(lexer, 0);

        if (c == '/' && peek(lexer, 1) == '/')
            while (lexer->next < lexer->text.len && peek(lexer, 0) != '\n')
                lexer->next++;
        else if (c && memchr(" \t\n\r\f", c, 5))
            lexer->next++;
        else
            return;
    }
}

/* ---- Numbers ---- */

static void finish_int(struct rule_lexer *lexer, struct str digits, int base)
{
    bool is_uint = peek(lexer, 0) == 'u' || peek(lexer, 0) == 'U';
    uint64_t n = 0;

    if (!rule_read_uint(digits, base, &n)) {
        rule_lex_bad(lexer, lexer->begin, "a number this large fits neither int nor uint");
        return;
    }
    lexer->next += is_uint;
    lexer->value = is_uint ? rule_of_uint(n) : rule_of_int((int64_t)n);
    lexer->big = !is_uint && n == (uint64_t)INT64_MAX + 1;
    if (!is_uint && n > INT64_MAX && !lexer->big)
        rule_lex_bad(lexer, lexer->begin,
                     "an int is at most 9223372036854775807; write 1.0e19 or "
                     "a uint such as 9223372036854775808u");
}

static size_t digits_from(const struct rule_lexer *lexer, size_t ahead)
{
    size_t len = 0;

    while (is_digit(peek(lexer, ahead + len)))
        len++;
    return len;
}

/* Bytes of an exponent ahead, 0: none. */
static size_t exponent_from(const struct rule_lexer *lexer, size_t ahead)
{
    size_t sign, digits;

    if (peek(lexer, ahead) != 'e' && peek(lexer, ahead) != 'E')
        return 0;
    sign = peek(lexer, ahead + 1) == '+' || peek(lexer, ahead + 1) == '-';
    digits = digits_from(lexer, ahead + 1 + sign);
    return digits ? 1 + sign + digits : 0;
}

static void lex_hex(struct rule_lexer *lexer)
{
    size_t from = lexer->next + 2;

    lexer->next = from;
    while (is_hex(peek(lexer, 0)))
        lexer->next++;
    if (lexer->next == from)
        rule_lex_bad(lexer, lexer->begin, "hexadecimal digits are missing after 0x");
    else
        finish_int(lexer, (struct str){lexer->text.ptr + from, lexer->next - from}, 16);
}

static void lex_number(struct rule_lexer *lexer)
{
    size_t whole = digits_from(lexer, 0), fraction = 0, exponent, from = lexer->next;
    double d = 0;

    if (peek(lexer, 0) == '0' && (peek(lexer, 1) == 'x' || peek(lexer, 1) == 'X')) {
        lex_hex(lexer);
        return;
    }
    if (peek(lexer, whole) == '.' && is_digit(peek(lexer, whole + 1)))
        fraction = 1 + digits_from(lexer, whole + 1);
    exponent = exponent_from(lexer, whole + fraction);
    lexer->next += whole + fraction + exponent;
    if (!fraction && !exponent) {
        finish_int(lexer, (struct str){lexer->text.ptr + from, whole}, 10);
        return;
    }
    if (!rule_read_double((struct str){lexer->text.ptr + from, lexer->next - from}, &d))
        rule_lex_bad(lexer, lexer->begin, "this is no number that a double can hold");
    lexer->value = rule_of_double(d);
}

/* ---- Names and signs ---- */

static void lex_quoted(struct rule_lexer *lexer)
{
    size_t from = ++lexer->next;
    char c;

    while ((c = peek(lexer, 0)) && (starts_name(c) || is_digit(c) || memchr(".-/ ", c, 4)))
        lexer->next++;
    if (c != '`' || lexer->next == from) {
        rule_lex_bad(lexer, lexer->begin,
                     "a name in backquotes has letters, digits, _ . - / and spaces, and ends in `");
        return;
    }
    lexer->kind = TOKEN_QUOTED;
    lexer->name = (struct str){lexer->text.ptr + from, lexer->next - from};
    lexer->next++;
}

static void lex_name(struct rule_lexer *lexer)
{
    size_t from = lexer->next;

    while (starts_name(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
        lexer->next++;
    lexer->name = (struct str){lexer->text.ptr + from, lexer->next - from};
    lexer->kind = TOKEN_VALUE;
    if (str_is(lexer->name, "true") || str_is(lexer->name, "false")) {
        lexer->value = rule_of_bool(lexer->name.len == 4);
    } else if (str_is(lexer->name, "null")) {
        lexer->value = rule_of_null();
    } else if (str_is(lexer->name, "in")) {
        lexer->kind = TOKEN_SIGN;
        lexer->sign = SIGN_IN;
    } else {
        lexer->kind = TOKEN_NAME;
    }
}

static void lex_sign(struct rule_lexer *lexer)
{
    static const struct {
        char text[3];
        enum rule_sign sign;
    } signs[] = {
        {"<=", SIGN_LE},      {">=", SIGN_GE},      {"==", SIGN_EQ},    {"!=", SIGN_NE},
        {"&&", SIGN_AND},     {"||", SIGN_OR},      {"(", SIGN_LPAREN}, {")", SIGN_RPAREN},
        {"[", SIGN_LBRACKET}, {"]", SIGN_RBRACKET}, {"{", SIGN_LBRACE}, {"}", SIGN_RBRACE},
        {".", SIGN_DOT},      {",", SIGN_COMMA},    {":", SIGN_COLON},  {"?", SIGN_QUESTION},
        {"+", SIGN_PLUS},     {"-", SIGN_MINUS},    {"*", SIGN_STAR},   {"/", SIGN_SLASH},
        {"%", SIGN_PERCENT},  {"!", SIGN_NOT},      {"<", SIGN_LT},     {">", SIGN_GT}};

    lexer->kind = TOKEN_SIGN;
    for (size_t k = 0; k < sizeof(signs) / sizeof(signs[0]); k++) {
        size_t len = signs[k].text[1] ? 2 : 1;

        if (peek(lexer, 0) == signs[k].text[0] &&
            (len == 1 || peek(lexer, 1) == signs[k].text[1])) {
            lexer->sign = signs[k].sign;
            lexer->next += len;
            return;
        }
    }
    rule_lex_bad(lexer, lexer->begin,
                 peek(lexer, 0) == '=' ? "= is no operator: write == to compare"
                                       : "no expression has this character here");
}

void rule_lex(struct rule_lexer *lexer)
{
    char c;

    if (lexer->kind == TOKEN_BAD)
        return;
    skip_space(lexer);
    lexer->begin = (uint32_t)lexer->next;
    lexer->sign = SIGN_NONE;
    lexer->big = false;
    c = peek(lexer, 0);
    lexer->kind = TOKEN_VALUE;
    if (lexer->next >= lexer->text.len)
        lexer->kind = TOKEN_END;
    else if (rule_lex_is_text(lexer))
        rule_lex_text(lexer);
    else if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1))))
        lex_number(lexer);
    else if (starts_name(c))
        lex_name(lexer);
    else if (c == '`')
        lex_quoted(lexer);
    else
        lex_sign(lexer);
    if (lexer->kind != TOKEN_BAD)
        lexer->end = (uint32_t)lexer->next;
}
