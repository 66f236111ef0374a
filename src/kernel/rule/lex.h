/*
 * lex.h - tokens of an expression.
 *
 * Invariants: a lexer never reads past its text; after TOKEN_BAD it stays there, and why says what
 * is wrong with the text at `begin`.
 */
#ifndef GREVY_RULE_LEX_H
#define GREVY_RULE_LEX_H

#include "kernel/rule/ast.h"

enum rule_token_kind {
    TOKEN_END,
    TOKEN_BAD,
    TOKEN_NAME,
    TOKEN_QUOTED, /* `name` */
    TOKEN_VALUE,  /* A literal; value. */
    TOKEN_SIGN,   /* An operator or a bracket; sign. */
};

enum rule_sign {
    SIGN_NONE,
    SIGN_LPAREN,
    SIGN_RPAREN,
    SIGN_LBRACKET,
    SIGN_RBRACKET,
    SIGN_LBRACE,
    SIGN_RBRACE,
    SIGN_DOT,
    SIGN_COMMA,
    SIGN_COLON,
    SIGN_QUESTION,
    SIGN_PLUS,
    SIGN_MINUS,
    SIGN_STAR,
    SIGN_SLASH,
    SIGN_PERCENT,
    SIGN_NOT,
    SIGN_LT,
    SIGN_LE,
    SIGN_GT,
    SIGN_GE,
    SIGN_EQ,
    SIGN_NE,
    SIGN_AND,
    SIGN_OR,
    SIGN_IN
};

struct rule_lexer {
    struct arena *arena; /* Of the literals' texts. */
    struct str text;
    size_t next;
    const char *why; /* Of TOKEN_BAD. */
    enum rule_token_kind kind;
    enum rule_sign sign;
    struct str name;
    struct rule_value value;
    uint32_t begin, end;
    bool big; /* The literal is 9223372036854775808: an int only behind a minus. */
};

void rule_lex_open(struct rule_lexer *lexer, struct arena *arena, struct str text);
void rule_lex(struct rule_lexer *lexer); /* The next token. */
void rule_lex_bad(struct rule_lexer *lexer, uint32_t at, const char *why);

/** The literal at lexer->next, a quote with or without prefix before it. */
void rule_lex_text(struct rule_lexer *lexer);
/** Is a quote, or a prefix and a quote, at lexer->next? */
bool rule_lex_is_text(const struct rule_lexer *lexer);

/** Write the character as UTF-8; at most 4 bytes. */
size_t rule_utf8_write(char *out, uint32_t c);

#endif
