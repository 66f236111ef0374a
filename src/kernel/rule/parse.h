/*
 * parse.h - the parser's state, for parse.c and macro.c.
 *
 * Invariants: once lexer.kind is TOKEN_BAD it stays so, and why there is the first fault.
 */
#ifndef GREVY_RULE_PARSE_H
#define GREVY_RULE_PARSE_H

#include "kernel/rule/lex.h"

struct rule_parser {
    struct rule_tree *tree;
    struct rule_lexer lexer;
    uint32_t end; /* Of the token taken last. */
    int depth;
    bool macros;
};

/* Arguments, items or entries while they are read. */
struct rule_parts {
    struct rule_node **items;
    bool *optionals, any_optional;
    uint32_t count, size;
};

void rule_parse_bad(struct rule_parser *p, uint32_t at, const char *why);
bool rule_reserved(struct str name);

/** call, or what it means when it is a macro. */
struct rule_node *rule_macro(struct rule_parser *p, struct rule_node *call);

#endif
