/*
 * rule_memory_test.c - trees made without a text, snapshots shared by threads, memory that ends.
 */
#include <pthread.h>
#include <stdlib.h>

#include "kernel/rule/ast.h"
#include "kernel/rule/rule_fixture.h"

enum { THREADS = 4, ROUNDS = 2000, STARVED_BYTES_MAX = 64 << 10 };

TEST(rule_tree, "a tree made by calls compiles like one from text, and prints as text")
{
    static const struct rule_value cities[] = {{.kind = RULE_STRING, .len = 7, .ptr = "Beijing"},
                                               {.kind = RULE_STRING, .len = 5, .ptr = "Wuhan"}};
    struct rule_fixture f;
    struct rule_tree tree;
    struct rule_node *user, *parts[2], *root;
    const struct rule *rule;
    bool yes = false;

    rule_fixture_open(&f);
    rule_tree_open(&tree, &f.keep, STR(""));
    user = rule_node_ident(&tree, STR("user"));
    parts[0] = rule_node_binary(&tree, RULE_OP_IN, rule_node_select(&tree, user, STR("city")),
                                rule_node_const(&tree, rule_of_list(cities, 2)));
    user = rule_node_ident(&tree, STR("user"));
    parts[1] = rule_node_binary(&tree, RULE_OP_GE, rule_node_select(&tree, user, STR("level")),
                                rule_node_const(&tree, rule_of_int(3)));
    root = rule_node_and(&tree, parts, 2);
    CHECK_EQ_TEXT(rule_node_text(&f.cx, root),
                  "((user.city in [\"Beijing\", \"Wuhan\"]) && (user.level >= 3))");
    CHECK(rule_compile_tree(&f.cx, &f.env, &tree, root, NULL, &rule) == OK);
    CHECK(rule_test(&f.cx, rule, f.values, NULL, &yes) == OK);
    CHECK(yes);
    rule_fixture_close(&f);
}

TEST(rule_why, "an explanation is the path to what decided, with the values seen")
{
    struct rule_fixture f;
    const struct rule *rule;
    struct rule_why why;

    rule_fixture_open(&f);
    CHECK(rule_compile(&f.cx, &f.keep, &f.env,
                       STR("user.level > 1 && (user.city == 'Wuhan' || user.refunded)"), NULL,
                       &rule) == OK);
    why = rule_explain(&f.cx, rule, f.values, NULL);
    CHECK_EQ_TEXT(rule_why_text(&f.cx, rule, &why),
                  "> user.level > 1 && (user.city == 'Wuhan' || user.refunded) = false\n"
                  "    user.level > 1 = true\n"
                  "      user.level = 3\n"
                  ">   user.city == 'Wuhan' || user.refunded = false\n"
                  ">     user.city == 'Wuhan' = false\n"
                  ">       user.city = \"Beijing\"\n"
                  ">     user.refunded = false\n");
    rule_fixture_close(&f);
}

struct shared {
    const struct rule *rule;
    const struct rule_value *values;
    bool good;
};

static void *evaluate(void *argument)
{
    struct shared *shared = argument;
    struct cx cx;

    cx_open(&cx, env_system(), STARVED_BYTES_MAX);
    shared->good = true;
    for (int k = 0; k < ROUNDS; k++) {
        shared->good &= rule_eval(&cx, shared->rule, shared->values, NULL).truth;
        cx_reset(&cx);
    }
    cx_close(&cx);
    return NULL;
}

TEST_THREADS(rule_shared, "one compiled rule is evaluated by many threads at once")
{
    struct rule_fixture f;
    struct shared shared[THREADS];
    pthread_t threads[THREADS];
    const struct rule *rule;

    rule_fixture_open(&f);
    CHECK(rule_compile(&f.cx, &f.keep, &f.env,
                       STR("user.tags.exists(t, t.matches('^v.p$')) && "
                           "now.getHours('Asia/Shanghai') == 8 && "
                           "user.tags.map(t, t + '!').size() == 2"),
                       NULL, &rule) == OK);
    for (int k = 0; k < THREADS; k++) {
        shared[k] = (struct shared){rule, f.values, false};
        CHECK(pthread_create(&threads[k], NULL, evaluate, &shared[k]) == 0);
    }
    for (int k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
        CHECK(shared[k].good);
    }
    rule_fixture_close(&f);
}

/* Compile and run with so many bytes in all; the arena's unwind is the only way out. */
static bool fits(const char *text, size_t bytes)
{
    const struct rule_env env = {.cost_max = 100000};
    const struct rule *rule;
    jmp_buf exhausted;
    struct cx cx;
    volatile bool good = false;

    cx_open(&cx, env_system(), bytes);
    cx.arena.exhausted = &exhausted;
    if (setjmp(exhausted) == 0) {
        CHECK(rule_compile(&cx, &cx.arena, &env, str_of(text), NULL, &rule) == OK);
        CHECK(rule_eval(&cx, rule, NULL, NULL).truth);
        good = true;
    }
    cx_close(&cx);
    return good;
}

TEST(rule_starved, "with too little memory a rule unwinds, wherever it was, and leaks nothing")
{
    static const char text[] =
        "[1, 2, 3].map(x, string(x) + 'abc').join('-').matches('^1abc.*$') && "
        "{'a': 1, 'b': [1, 2]}.transformMap(k, v, k + 'x').size() == 2 && "
        "'%s %d'.format([[1, {2: 3}], 4]) == '[1, {2: 3}] 4' && "
        "[3, 1, 2].sort()[0] == 1 && timestamp(0).getHours('Asia/Tokyo') == 9";
    size_t bytes = 256;

    while (!fits(text, bytes))
        bytes += 64;
    CHECK(bytes > 1024);
    CHECK(bytes < STARVED_BYTES_MAX);
}
