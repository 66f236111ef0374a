/*
 * rule.c - grevy rule eval: an expression from the command line, or many as JSON lines.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/rule.h"
#include "kernel/rule/context.h"
#include "kernel/rule/json_value.h"
#include "kernel/rule/rule.h"

enum { LINE_CX_BYTES_MAX = 256 << 20, SHOWN_BYTES_MAX = 1 << 20 };

/* ---- One expression, for a person ---- */

struct person {
    struct cx *cx;
    struct rule_variable *variables;
    struct rule_value *values;
    uint32_t count;
};

static const struct rule_type *type_of_json(struct json json)
{
    switch (json_type(json)) {
    case JSON_BOOL:
        return &rule_bool;
    case JSON_INT:
        return &rule_int;
    case JSON_TEXT:
        return &rule_string;
    case JSON_DOUBLE:
        return &rule_double;
    default:
        return &rule_dyn;
    }
}

static bool read_bindings(struct person *p, const char *text)
{
    struct json json;

    if (!text)
        return true;
    if (json_parse(p->cx, str_of(text), &json) != OK) {
        cli_problem(&p->cx->problem);
        return false;
    }
    if (json_type(json) != JSON_OBJECT) {
        fprintf(stderr, "grevy rule eval: --bindings wants an object: {\"user\":{\"level\":3}}\n");
        return false;
    }
    p->variables = CX_ARRAY(p->cx, struct rule_variable, json_count(json) + 1);
    p->values = CX_ARRAY(p->cx, struct rule_value, json_count(json) + 1);
    for (struct json_iter it = json_iter(json); json_next(&it); p->count++) {
        p->variables[p->count] =
            (struct rule_variable){cx_copy(p->cx, it.key), type_of_json(it.value)};
        p->values[p->count] = rule_of_json(p->cx, it.value);
    }
    return true;
}

static int show_value(struct person *p, const struct rule *rule, struct rule_value v)
{
    struct rule_fault fault;

    if (v.kind == RULE_ERROR) {
        rule_fault_of(rule, v, &fault);
        fprintf(stderr, "grevy: line %u, column %u: %s\n", fault.line, fault.column, fault.text);
        return EXIT_FAILED;
    }
    printf(STR_FMT "\n", STR_ARG(rule_value_text(p->cx, v, SHOWN_BYTES_MAX)));
    return EXIT_DONE;
}

static int show(struct person *p, const struct rule *rule, bool explain)
{
    struct rule_why why;

    if (!explain)
        return show_value(p, rule, rule_eval(p->cx, rule, p->values, NULL));
    why = rule_explain(p->cx, rule, p->values, NULL);
    printf(STR_FMT, STR_ARG(rule_why_text(p->cx, rule, &why)));
    return why.value.kind == RULE_ERROR ? show_value(p, rule, why.value) : EXIT_DONE;
}

static int eval_text(struct cx *cx, const char *text, const char *bindings, bool explain)
{
    struct person p = {.cx = cx};
    const struct rule *rule;
    struct rule_env env;

    if (!read_bindings(&p, bindings))
        return EXIT_FAILED;
    env = (struct rule_env){.variables = p.variables, .variable_count = p.count};
    if (rule_compile(cx, &cx->arena, &env, str_of(text), NULL, &rule) != OK) {
        cli_problem(&cx->problem);
        return EXIT_FAILED;
    }
    return show(&p, rule, explain);
}

/* ---- In a declared context ---- */

static const struct rule_context *context_named(const char *name)
{
    for (const struct rule_context *const *c = rule_contexts; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    fprintf(stderr, "grevy: there is no context %s: grevy rule context lists them\n", name);
    return NULL;
}

/* bucket() goes by the user's id, wherever it comes from. */
static struct str user_of(struct json values)
{
    struct json user, id;

    if (json_type(values) == JSON_OBJECT && json_get(values, "user", &user) &&
        json_type(user) == JSON_OBJECT && json_get(user, "id", &id) && json_type(id) == JSON_TEXT)
        return json_peek(id);
    return (struct str){0};
}

/* bindings NULL: compile only. */
static int eval_in(struct cx *cx, const char *name, const char *text, const char *bindings)
{
    const struct rule_context *context = context_named(name);
    struct rule_visit visit;
    struct person p = {.cx = cx};
    const struct rule_env *env;
    const struct rule *rule;
    struct json json;

    if (!context)
        return EXIT_FAILED;
    env = rule_context_env(&cx->arena, context);
    if (rule_compile(cx, &cx->arena, env, str_of(text), NULL, &rule) != OK ||
        (bindings && (json_parse(cx, str_of(bindings), &json) != OK ||
                      rule_context_values(cx, env, json, &p.values) != OK))) {
        fprintf(stderr, "%s%s", cx->problem.pointer, cx->problem.pointer[0] ? ": " : "");
        cli_problem(&cx->problem);
        return EXIT_FAILED;
    }
    if (bindings) {
        visit = (struct rule_visit){cx_copy(cx, user_of(json))};
        return show_value(&p, rule, rule_eval(cx, rule, p.values, &visit));
    }
    puts("fine");
    return EXIT_DONE;
}

static void print_part(const struct rule_part *part, const char *object)
{
    char type[RULE_TYPE_TEXT_MAX] = "";
    struct text text = {.ptr = type, .size = sizeof(type)};

    if (part->type)
        rule_type_text(part->type, &text);
    printf("  %s%s%-*s %-32s %s / %s\n", object, object[0] ? "." : "", 20 - (int)strlen(object),
           part->name, type, part->en, part->zh);
    for (const struct rule_part *below = part->parts; below && below->name; below++)
        print_part(below, part->name);
}

static int list_contexts(void)
{
    for (const struct rule_context *const *c = rule_contexts; *c; c++) {
        printf("%s: %s / %s\n", (*c)->name, (*c)->en, (*c)->zh);
        for (const struct rule_part *part = (*c)->parts; part->name; part++)
            print_part(part, "");
        for (uint32_t k = 0; k < (*c)->function_count; k++)
            printf("  " STR_FMT "(), %u units of cost\n", STR_ARG((*c)->functions[k].name),
                   (*c)->functions[k].cost);
    }
    return EXIT_DONE;
}

/* ---- The command ---- */

struct wish {
    const char *words[3], *bindings, *context;
    bool json, explain;
};

static int run(struct cx *cx, const struct wish *wish)
{
    bool checks = strcmp(wish->words[0], "check") == 0;

    if (strcmp(wish->words[0], "context") == 0)
        return list_contexts();
    if ((!checks && strcmp(wish->words[0], "eval") != 0) || wish->json == (wish->words[1] != NULL))
        return usage_of("rule");
    if (wish->json)
        return cli_lines(cx, rule_answer);
    if (checks || wish->context)
        return eval_in(cx, wish->context ? wish->context : "visit", wish->words[1],
                       checks           ? NULL
                       : wish->bindings ? wish->bindings
                                        : "{}");
    return eval_text(cx, wish->words[1], wish->bindings, wish->explain);
}

int cmd_rule(int argc, char **argv)
{
    struct wish wish = {.bindings = NULL};
    const struct option_row rows[] = {{"--json", NULL, &wish.json},
                                      {"--explain", NULL, &wish.explain},
                                      {"--bindings", &wish.bindings, NULL},
                                      {"--context", &wish.context, NULL},
                                      {NULL, NULL, NULL}};
    struct cx cx;
    int status;

    if (!options_read(argc, argv, rows, wish.words, 3) || !wish.words[0])
        return usage_of("rule");
    cx_open(&cx, env_system(), LINE_CX_BYTES_MAX);
    status = run(&cx, &wish);
    cx_close(&cx);
    return status;
}
