/*
 * rule.c - how long the evaluation of a condition takes, by the very evaluator the server calls.
 *
 * bench/rule [SECONDS]: user.city in ["Beijing", "Wuhan"] && user.level >= 3 && !user.refunded over
 * a prepared context of eight users, cost limit and type checks on; prints nanoseconds for one.
 * The yardstick, bench/yardstick/cel.mjs, evaluates the same over the same users.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel/rule/rule.h"

enum { USERS = 8, ROUND = 100000, KEEP_BYTES_MAX = 1 << 20, CX_BYTES_MAX = 1 << 20 };

static const char TEXT[] =
    "user.city in [\"Beijing\", \"Wuhan\"] && user.level >= 3 && !user.refunded";

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Every fourth condition is true: the whole of it is evaluated. */
static void fill(struct rule_value fields[USERS][3], struct rule_object objects[USERS],
                 const struct rule_type *type)
{
    static const char *const cities[] = {"Beijing", "Shanghai", "Wuhan", "Guangzhou"};

    for (int k = 0; k < USERS; k++) {
        fields[k][0] = rule_of_text(str_of(cities[k % 4]));
        fields[k][1] = rule_of_int(k % 4 == 2 ? 2 : 5);
        fields[k][2] = rule_of_bool(false);
        objects[k] = (struct rule_object){type, fields[k]};
    }
}

static double measure(struct cx *cx, const struct rule *rule, const struct rule_object *users,
                      double seconds)
{
    double begin = now_s(), end;
    int64_t done = 0, yes = 0;

    do {
        for (int k = 0; k < ROUND; k++) {
            struct rule_value values[] = {rule_of_object(&users[k % USERS])};

            yes += rule_eval(cx, rule, values, NULL).truth;
        }
        done += ROUND;
        end = now_s();
    } while (end - begin < seconds);
    if (yes * 4 != done)
        exit(EXIT_FAILURE);
    return (end - begin) / (double)done * 1e9;
}

int main(int argc, char **argv)
{
    const struct rule_field fields[] = {
        {STR("city"), &rule_string}, {STR("level"), &rule_int}, {STR("refunded"), &rule_bool}};
    const struct rule_type user = {
        .kind = RULE_T_OBJECT, .name = STR("user"), .fields = fields, .count = 3};
    const struct rule_variable variables[] = {{STR("user"), &user}};
    const struct rule_env env = {.variables = variables, .variable_count = 1};
    struct rule_value values[USERS][3];
    struct rule_object users[USERS];
    const struct rule *rule;
    struct arena keep;
    struct cx cx;

    cx_open(&cx, env_system(), CX_BYTES_MAX);
    arena_init(&keep, KEEP_BYTES_MAX);
    if (rule_compile(&cx, &keep, &env, STR(TEXT), NULL, &rule) != OK) {
        fprintf(stderr, "bench/rule: %s\n", cx.problem.detail);
        return EXIT_FAILURE;
    }
    fill(values, users, &user);
    printf("%.2f\n", measure(&cx, rule, users, argc > 1 ? strtod(argv[1], NULL) : 1));
    arena_free(&keep);
    cx_close(&cx);
    return EXIT_SUCCESS;
}
