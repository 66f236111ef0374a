/*
 * rule_parse_fuzz.c - arbitrary text: what parses, printed and parsed again, prints the same; what
 * does not has a place and a reason.
 */
#include "kernel/rule/ast.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 256 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rule_tree tree, again;
    struct rule_node *root, *second;
    struct rule_fault fault;
    struct str text, twice;
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    rule_tree_open(&tree, &cx.arena, (struct str){(const char *)data, size});
    if (rule_parse(&tree, true, &fault, &root)) {
        text = rule_node_text(&cx, root);
        rule_tree_open(&again, &cx.arena, text);
        /* The parentheses may carry the printed text over a limit. */
        if (rule_parse(&again, true, &fault, &second)) {
            twice = rule_node_text(&cx, second);
            must(str_eq(text, twice), "a tree prints as text that parses to the same tree");
        } else {
            must(again.spoilt, "what is printed parses, unless it is too long or too deep");
        }
    } else {
        must(fault.line > 0 && fault.column > 0, "a refusal has a place");
        must(fault.text[0], "a refusal has a reason");
    }
    cx_close(&cx);
    return 0;
}
