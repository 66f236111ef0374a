/*
 * print.c - a tree as text: every operator in parentheses, so that nothing rests on precedence.
 */
#include <string.h>

#include "kernel/rule/ast.h"
#include "kernel/rule/show.h"

enum { TEXT_BYTES_FIRST = 4096 };

static void print(struct text *out, const struct rule_node *node);

static void print_args(struct text *out, const struct rule_node *node, uint32_t from)
{
    for (uint32_t k = from; k < node->count; k++) {
        text_add(out, k > from ? STR(", ") : STR(""));
        text_add(out, node->optionals && node->optionals[k] ? STR("?") : STR(""));
        print(out, node->args[k]);
    }
}

static void print_value(struct text *out, struct rule_value v)
{
    bool minus = (v.kind == RULE_INT && v.i < 0) || (v.kind == RULE_DOUBLE && v.u >> 63);

    text_add(out, minus ? STR("(") : STR(""));
    if (v.kind == RULE_DOUBLE && v.d - v.d != 0) /* An infinity: larger than any double. */
        text_add(out, minus ? STR("-1e999") : STR("1e999"));
    else
        rule_show(out, v, 0);
    text_add(out, minus ? STR(")") : STR(""));
}

/* The names that macro.c made: "@index3", "@it:0:1". */
static void print_name(struct text *out, struct str name)
{
    struct str rest = name, first;

    if (!name.len || name.ptr[0] != '@') {
        text_add(out, name);
        return;
    }
    if (str_starts(name, STR("@index"))) {
        text_addf(out, "cel.index(%.*s)", (int)name.len - 6, name.ptr + 6);
        return;
    }
    (void)str_cut(&rest, ':', &first);
    text_add(out, str_is(first, "@it") ? STR("cel.iterVar(") : STR("cel.accuVar("));
    (void)str_cut(&rest, ':', &first);
    text_addf(out, STR_FMT ", " STR_FMT ")", STR_ARG(first), STR_ARG(rest));
}

static void print_quoted(struct text *out, struct str name, bool quoted)
{
    text_add(out, quoted ? STR("`") : STR(""));
    text_add(out, name);
    text_add(out, quoted ? STR("`") : STR(""));
}

static void print_field(struct text *out, const struct rule_node *node)
{
    text_add(out, node->test ? STR("has(") : STR(""));
    print(out, node->target);
    text_add(out, node->optional ? STR(".?") : STR("."));
    print_quoted(out, node->name, node->quoted);
    text_add(out, node->test ? STR(")") : STR(""));
}

static void print_op(struct text *out, const struct rule_node *node)
{
    const char *sign = rule_op_text(node->op);

    if (node->op == RULE_OP_INDEX || node->op == RULE_OP_OPT_INDEX) {
        print(out, node->args[0]);
        text_addf(out, "%s", sign);
        print(out, node->args[1]);
        text_add(out, STR("]"));
        return;
    }
    text_add(out, STR("("));
    if (node->count == 1)
        text_addf(out, "%s", sign);
    /* A minus before a number would become part of it. */
    text_add(out, node->count == 1 ? STR("(") : STR(""));
    for (uint32_t k = 0; k < node->count; k++) {
        if (k && node->op == RULE_OP_COND)
            text_add(out, k == 1 ? STR(" ? ") : STR(" : "));
        else if (k)
            text_addf(out, " %s ", sign);
        print(out, node->args[k]);
    }
    text_add(out, node->count == 1 ? STR("))") : STR(")"));
}

static void print_entries(struct text *out, const struct rule_node *node)
{
    text_add(out, STR("{"));
    for (uint32_t k = 0; k + 1 < node->count; k += 2) {
        text_add(out, k ? STR(", ") : STR(""));
        text_add(out, node->optionals && node->optionals[k] ? STR("?") : STR(""));
        if (node->kind == RULE_NODE_STRUCT)
            print_quoted(out, rule_text(node->args[k]->value), node->args[k]->quoted);
        else
            print(out, node->args[k]);
        text_add(out, STR(": "));
        print(out, node->args[k + 1]);
    }
    text_add(out, STR("}"));
}

static void print_call(struct text *out, const struct rule_node *node)
{
    if (node->target) {
        print(out, node->target);
        text_add(out, STR("."));
    }
    text_addf(out, "%s" STR_FMT "(", node->root ? "." : "", STR_ARG(node->name));
    print_args(out, node, 0);
    text_add(out, STR(")"));
}

static void print_loop(struct text *out, const struct rule_node *node)
{
    static const char *const names[RULE_LOOPS] = {[RULE_LOOP_ALL] = "all",
                                                  [RULE_LOOP_EXISTS] = "exists",
                                                  [RULE_LOOP_EXISTS_ONE] = "existsOne",
                                                  [RULE_LOOP_MAP] = "map",
                                                  [RULE_LOOP_FILTER] = "filter",
                                                  [RULE_LOOP_LIST] = "transformList",
                                                  [RULE_LOOP_TO_MAP] = "transformMap",
                                                  [RULE_LOOP_TO_ENTRY] = "transformMapEntry",
                                                  [RULE_LOOP_SORT_BY] = "sortBy"};

    print(out, node->target);
    text_addf(out, ".%s(", names[node->loop]);
    print_name(out, node->name);
    if (node->name2.len) {
        text_add(out, STR(", "));
        print_name(out, node->name2);
    }
    text_add(out, STR(", "));
    print_args(out, node, 0);
    text_add(out, STR(")"));
}

static void print_bind(struct text *out, const struct rule_node *node)
{
    bool bind = node->kind == RULE_NODE_BIND;

    if (bind) {
        text_add(out, STR("cel.bind("));
    } else {
        print(out, node->target);
        text_add(out, node->flat ? STR(".optFlatMap(") : STR(".optMap("));
    }
    print_name(out, node->name);
    text_add(out, STR(", "));
    if (bind) {
        print(out, node->target);
        text_add(out, STR(", "));
    }
    print(out, node->args[0]);
    text_add(out, STR(")"));
}

static void print_block(struct text *out, const struct rule_node *node)
{
    text_add(out, STR("cel.block(["));
    print_args(out, node, 0);
    text_add(out, STR("], "));
    print(out, node->target);
    text_add(out, STR(")"));
}

static void print_list(struct text *out, const struct rule_node *node)
{
    text_add(out, STR("["));
    print_args(out, node, 0);
    text_add(out, STR("]"));
}

static void print(struct text *out, const struct rule_node *node)
{
    if (out->cut)
        return;
    switch (node->kind) {
    case RULE_NODE_CONST:
        print_value(out, node->value);
        return;
    case RULE_NODE_IDENT:
        text_add(out, node->root ? STR(".") : STR(""));
        print_name(out, node->name);
        return;
    case RULE_NODE_SELECT:
        print_field(out, node);
        return;
    case RULE_NODE_CALL:
        print_call(out, node);
        return;
    case RULE_NODE_OP:
        print_op(out, node);
        return;
    case RULE_NODE_LIST:
        print_list(out, node);
        return;
    case RULE_NODE_STRUCT:
        print(out, node->target);
        print_entries(out, node);
        return;
    case RULE_NODE_MAP:
        print_entries(out, node);
        return;
    case RULE_NODE_LOOP:
        print_loop(out, node);
        return;
    case RULE_NODE_BLOCK:
        print_block(out, node);
        return;
    default:
        print_bind(out, node);
    }
}

struct str rule_node_text(struct cx *cx, const struct rule_node *node)
{
    struct text text = {NULL, 0, TEXT_BYTES_FIRST / 2, true};

    while (text.cut) {
        text = (struct text){NULL, 0, text.size * 2, false};
        text.ptr = cx_alloc(cx, text.size);
        print(&text, node);
    }
    return (struct str){text.ptr, text.len};
}
