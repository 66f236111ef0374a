/*
 * parse.c - text to tree, by recursive descent; operators by their precedence.
 *
 * After a fault the lexer yields TOKEN_BAD for ever and every loop ends: no function here returns
 * NULL, and the first fault is the one that is told.
 */
#include "kernel/rule/parse.h"

#include <stdio.h>
#include <string.h>

static struct rule_node *parse_expr(struct rule_parser *p);

void rule_parse_bad(struct rule_parser *p, uint32_t at, const char *why)
{
    if (p->lexer.kind != TOKEN_BAD)
        rule_lex_bad(&p->lexer, at, why);
}

static bool at_sign(const struct rule_parser *p, enum rule_sign sign)
{
    return p->lexer.kind == TOKEN_SIGN && p->lexer.sign == sign;
}

static bool take(struct rule_parser *p, enum rule_sign sign)
{
    if (!at_sign(p, sign))
        return false;
    p->end = p->lexer.end;
    rule_lex(&p->lexer);
    return true;
}

static void want(struct rule_parser *p, enum rule_sign sign, const char *why)
{
    if (!take(p, sign))
        rule_parse_bad(p, p->lexer.begin, why);
}

static struct rule_node *node_here(struct rule_parser *p, enum rule_node_kind kind)
{
    return rule_node_new(p->tree, kind, (struct rule_span){p->lexer.begin, p->lexer.end});
}

/* ---- Lists of parts ---- */

static void push(struct rule_parser *p, struct rule_parts *parts, struct rule_node *node,
                 bool optional)
{
    if (parts->count == parts->size) {
        uint32_t size = parts->size ? parts->size * 2 : 4;
        struct rule_node **items = arena_alloc(p->tree->arena, sizeof(*items) * size);
        bool *optionals = arena_alloc(p->tree->arena, size);

        if (parts->count) {
            memcpy(items, parts->items, sizeof(*items) * parts->count);
            memcpy(optionals, parts->optionals, parts->count);
        }
        parts->items = items;
        parts->optionals = optionals;
        parts->size = size;
    }
    parts->optionals[parts->count] = optional;
    parts->items[parts->count++] = node;
    parts->any_optional |= optional;
}

static void set_parts(struct rule_node *node, const struct rule_parts *parts)
{
    node->args = parts->items;
    node->count = parts->count;
    node->optionals = parts->any_optional ? parts->optionals : NULL;
}

static bool part_of_bad(const struct rule_parser *p)
{
    return p->lexer.kind == TOKEN_BAD || p->tree->spoilt;
}

static void parse_args(struct rule_parser *p, struct rule_parts *out)
{
    while (!at_sign(p, SIGN_RPAREN) && !part_of_bad(p)) {
        push(p, out, parse_expr(p), false);
        if (!take(p, SIGN_COMMA))
            break;
    }
    want(p, SIGN_RPAREN, "a ) or a comma is missing here: the arguments of the call do not end");
}

static struct rule_node *parse_list(struct rule_parser *p)
{
    struct rule_node *node = node_here(p, RULE_NODE_LIST);
    struct rule_parts parts = {0};

    rule_lex(&p->lexer);
    while (!at_sign(p, SIGN_RBRACKET) && !part_of_bad(p)) {
        bool optional = take(p, SIGN_QUESTION);

        push(p, &parts, parse_expr(p), optional);
        if (!take(p, SIGN_COMMA))
            break;
    }
    want(p, SIGN_RBRACKET, "a ] or a comma is missing here: the list does not end");
    set_parts(node, &parts);
    node->end = p->end;
    return rule_node_done(p->tree, node);
}

static struct rule_node *parse_map(struct rule_parser *p)
{
    struct rule_node *node = node_here(p, RULE_NODE_MAP);
    struct rule_parts parts = {0};

    rule_lex(&p->lexer);
    while (!at_sign(p, SIGN_RBRACE) && !part_of_bad(p)) {
        bool optional = take(p, SIGN_QUESTION);

        push(p, &parts, parse_expr(p), optional);
        want(p, SIGN_COLON, "a : is missing here: an entry of a map is key: value");
        push(p, &parts, parse_expr(p), false);
        if (!take(p, SIGN_COMMA))
            break;
    }
    want(p, SIGN_RBRACE, "a } or a comma is missing here: the map does not end");
    set_parts(node, &parts);
    node->end = p->end;
    return rule_node_done(p->tree, node);
}

/* ---- Primaries ---- */

bool rule_reserved(struct str name)
{
    static const char *const words[] = {
        "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
        "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        if (str_is(name, words[k]))
            return true;
    return false;
}

static struct rule_node *parse_value(struct rule_parser *p)
{
    struct rule_node *node = node_here(p, RULE_NODE_CONST);

    node->value = p->lexer.value;
    if (p->lexer.big)
        rule_parse_bad(p, p->lexer.begin, "an int is at most 9223372036854775807");
    p->end = p->lexer.end;
    rule_lex(&p->lexer);
    return node;
}

static struct rule_node *parse_name(struct rule_parser *p, bool root)
{
    struct rule_node *node = node_here(p, RULE_NODE_IDENT);
    struct rule_parts parts = {0};

    node->name = p->lexer.name;
    node->root = root;
    if (p->lexer.kind != TOKEN_NAME)
        rule_parse_bad(p, p->lexer.begin, "a value is missing here");
    else if (rule_reserved(node->name))
        rule_parse_bad(p, p->lexer.begin, "this word is reserved and names no variable");
    p->end = p->lexer.end;
    rule_lex(&p->lexer);
    if (!take(p, SIGN_LPAREN))
        return node;
    node->kind = RULE_NODE_CALL;
    parse_args(p, &parts);
    set_parts(node, &parts);
    node->end = p->end;
    return rule_macro(p, rule_node_done(p->tree, node));
}

static struct rule_node *parse_primary(struct rule_parser *p)
{
    struct rule_node *node;

    if (p->lexer.kind == TOKEN_VALUE)
        return parse_value(p);
    if (at_sign(p, SIGN_LBRACKET))
        return parse_list(p);
    if (at_sign(p, SIGN_LBRACE))
        return parse_map(p);
    if (take(p, SIGN_DOT))
        return parse_name(p, true);
    if (!take(p, SIGN_LPAREN))
        return parse_name(p, false);
    node = parse_expr(p);
    want(p, SIGN_RPAREN, "a ) is missing here");
    return node;
}

/* ---- Members ---- */

/* Behind the dot. */
static struct rule_node *parse_field(struct rule_parser *p, struct rule_node *target)
{
    struct rule_node *node =
        rule_node_new(p->tree, RULE_NODE_SELECT, (struct rule_span){target->begin, p->lexer.end});
    struct rule_parts parts = {0};

    node->optional = take(p, SIGN_QUESTION);
    node->target = target;
    node->name = p->lexer.name;
    node->at = p->lexer.begin;
    node->end = p->lexer.end;
    node->quoted = p->lexer.kind == TOKEN_QUOTED;
    if (p->lexer.kind != TOKEN_NAME && !node->quoted)
        rule_parse_bad(p, p->lexer.begin, "the name of a field is missing here");
    p->end = p->lexer.end;
    rule_lex(&p->lexer);
    if (node->optional || node->quoted || !take(p, SIGN_LPAREN))
        return rule_node_done(p->tree, node);
    node->kind = RULE_NODE_CALL;
    node->method = true;
    parse_args(p, &parts);
    set_parts(node, &parts);
    node->end = p->end;
    return rule_macro(p, rule_node_done(p->tree, node));
}

/* Behind the bracket. */
static struct rule_node *parse_index(struct rule_parser *p, struct rule_node *target, uint32_t at)
{
    enum rule_op op = take(p, SIGN_QUESTION) ? RULE_OP_OPT_INDEX : RULE_OP_INDEX;
    struct rule_node *args[] = {target, parse_expr(p)}, *node;

    want(p, SIGN_RBRACKET, "a ] is missing here");
    node = rule_node_op(p->tree, op, args, 2);
    node->begin = target->begin;
    node->end = p->end;
    node->at = at;
    return node;
}

static bool is_message_name(const struct rule_node *node)
{
    while (node->kind == RULE_NODE_SELECT && !node->test && !node->optional)
        node = node->target;
    return node->kind == RULE_NODE_IDENT;
}

/* A message: name{field: value}.  Read to its end so that the checker can refuse it well. */
static struct rule_node *parse_message(struct rule_parser *p, struct rule_node *name)
{
    struct rule_node *node =
        rule_node_new(p->tree, RULE_NODE_STRUCT, (struct rule_span){name->begin, name->end});
    struct rule_parts parts = {0};

    rule_lex(&p->lexer);
    while (!at_sign(p, SIGN_RBRACE) && !part_of_bad(p)) {
        bool optional = take(p, SIGN_QUESTION);
        struct rule_node *field = node_here(p, RULE_NODE_CONST);

        field->value = rule_of_text(p->lexer.name);
        field->quoted = p->lexer.kind == TOKEN_QUOTED;
        if (p->lexer.kind != TOKEN_NAME && p->lexer.kind != TOKEN_QUOTED)
            rule_parse_bad(p, p->lexer.begin, "the name of a field is missing here");
        rule_lex(&p->lexer);
        want(p, SIGN_COLON, "a : is missing here");
        push(p, &parts, field, optional);
        push(p, &parts, parse_expr(p), false);
        if (!take(p, SIGN_COMMA))
            break;
    }
    want(p, SIGN_RBRACE, "a } or a comma is missing here");
    set_parts(node, &parts);
    node->target = name;
    node->end = p->end;
    return rule_node_done(p->tree, node);
}

static struct rule_node *parse_member(struct rule_parser *p)
{
    struct rule_node *node = parse_primary(p);

    while (!part_of_bad(p)) {
        uint32_t at = p->lexer.begin;

        if (take(p, SIGN_DOT))
            node = parse_field(p, node);
        else if (take(p, SIGN_LBRACKET))
            node = parse_index(p, node, at);
        else if (at_sign(p, SIGN_LBRACE) && is_message_name(node))
            node = parse_message(p, node);
        else
            break;
    }
    return node;
}

/* ---- Operators ---- */

/* A minus right before a number belongs to it. */
static bool fold_minus(struct rule_parser *p)
{
    struct rule_value *value = &p->lexer.value;

    if (p->lexer.kind != TOKEN_VALUE)
        return false;
    if (value->kind == RULE_INT)
        value->i = (int64_t)(0 - (uint64_t)value->i);
    else if (value->kind == RULE_DOUBLE)
        value->d = -value->d;
    else
        return false;
    p->lexer.big = false;
    return true;
}

static struct rule_node *wrap(struct rule_parser *p, enum rule_op op, struct rule_node *of,
                              uint32_t begin)
{
    struct rule_node *node = rule_node_unary(p->tree, op, of);

    node->begin = begin;
    node->at = begin;
    node->end = of->end;
    return node;
}

static struct rule_node *parse_unary(struct rule_parser *p)
{
    uint32_t begin = p->lexer.begin, nots = 0, minuses = 0;
    struct rule_node *node;

    while (take(p, SIGN_NOT))
        nots++;
    while (take(p, SIGN_MINUS))
        minuses++;
    if (nots && minuses > 1)
        rule_parse_bad(p, begin, "put parentheses between ! and -");
    if (minuses && fold_minus(p))
        minuses--;
    node = parse_member(p);
    if (minuses % 2)
        node = wrap(p, RULE_OP_NEG, node, begin);
    /* An even number of ! keeps two: what they stand before must be a bool. */
    for (uint32_t k = nots ? 2 - nots % 2 : 0; k > 0; k--)
        node = wrap(p, RULE_OP_NOT, node, begin);
    return node;
}

static bool binary_of(const struct rule_parser *p, enum rule_op *op)
{
    static const enum rule_op ops[SIGN_IN + 1] = {
        [SIGN_OR] = RULE_OP_OR,     [SIGN_AND] = RULE_OP_AND,    [SIGN_LT] = RULE_OP_LT,
        [SIGN_LE] = RULE_OP_LE,     [SIGN_GT] = RULE_OP_GT,      [SIGN_GE] = RULE_OP_GE,
        [SIGN_EQ] = RULE_OP_EQ,     [SIGN_NE] = RULE_OP_NE,      [SIGN_IN] = RULE_OP_IN,
        [SIGN_PLUS] = RULE_OP_ADD,  [SIGN_MINUS] = RULE_OP_SUB,  [SIGN_STAR] = RULE_OP_MUL,
        [SIGN_SLASH] = RULE_OP_DIV, [SIGN_PERCENT] = RULE_OP_MOD};

    if (p->lexer.kind != TOKEN_SIGN)
        return false;
    *op = ops[p->lexer.sign];
    return *op != RULE_OP_COND;
}

static struct rule_node *join(struct rule_parser *p, enum rule_op op,
                              const struct rule_parts *parts, uint32_t at)
{
    struct rule_node *node = rule_node_op(p->tree, op, parts->items, parts->count);

    node->begin = parts->items[0]->begin;
    node->end = p->end;
    node->at = at;
    return node;
}

static struct rule_node *parse_binary(struct rule_parser *p, int level)
{
    struct rule_node *left = parse_unary(p);
    enum rule_op op;

    while (!part_of_bad(p) && binary_of(p, &op) && rule_op_level(op) >= level) {
        struct rule_parts parts = {0};
        uint32_t at = p->lexer.begin;
        enum rule_op next = op;

        push(p, &parts, left, false);
        do {
            rule_lex(&p->lexer);
            push(p, &parts, parse_binary(p, rule_op_level(op) + 1), false);
        } while ((op == RULE_OP_AND || op == RULE_OP_OR) && !part_of_bad(p) &&
                 binary_of(p, &next) && next == op);
        left = join(p, op, &parts, at);
    }
    return left;
}

static struct rule_node *parse_condition(struct rule_parser *p, struct rule_node *test, uint32_t at)
{
    struct rule_node *args[3] = {test}, *node;

    args[1] = parse_binary(p, rule_op_level(RULE_OP_OR));
    want(p, SIGN_COLON, "a : is missing here: condition ? value : other value");
    args[2] = parse_expr(p);
    node = rule_node_op(p->tree, RULE_OP_COND, args, 3);
    node->begin = test->begin;
    node->end = p->end;
    node->at = at;
    return node;
}

static struct rule_node *parse_expr(struct rule_parser *p)
{
    struct rule_node *node;
    uint32_t at;

    if (p->depth == RULE_DEPTH_MAX)
        rule_tree_spoil(p->tree, "the expression is nested deeper than 200 levels: split it",
                        p->lexer.begin);
    if (part_of_bad(p))
        return node_here(p, RULE_NODE_CONST);
    p->depth++;
    node = parse_binary(p, rule_op_level(RULE_OP_OR));
    at = p->lexer.begin;
    if (take(p, SIGN_QUESTION))
        node = parse_condition(p, node, at);
    p->depth--;
    return node;
}

/* ---- The whole ---- */

static bool refuse(struct rule_tree *tree, struct rule_fault *fault, const char *why, uint32_t at)
{
    rule_place(tree->source, at, fault);
    snprintf(fault->text, sizeof(fault->text), "%s", why);
    return false;
}

bool rule_parse(struct rule_tree *tree, bool macros, struct rule_fault *fault,
                struct rule_node **out)
{
    struct rule_parser p = {.tree = tree, .macros = macros};

    if (tree->source.len > RULE_SOURCE_BYTES_MAX) {
        rule_tree_spoil(tree,
                        "the expression has more than 65536 bytes: put lists of ids into a "
                        "segment, or split the rule",
                        0);
        return refuse(tree, fault, tree->spoilt, 0);
    }
    if (!str_utf8(tree->source))
        return refuse(tree, fault, "the expression is no valid UTF-8", 0);
    rule_lex_open(&p.lexer, tree->arena, tree->source);
    rule_lex(&p.lexer);
    *out = parse_expr(&p);
    if (tree->spoilt)
        return refuse(tree, fault, tree->spoilt, tree->spoilt_at);
    if (p.lexer.kind != TOKEN_END)
        rule_parse_bad(&p, p.lexer.begin, "the expression should have ended before this");
    if (p.lexer.kind == TOKEN_BAD)
        return refuse(tree, fault, p.lexer.why, p.lexer.begin);
    return true;
}
