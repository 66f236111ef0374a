/*
 * suggest.c - "did you mean": the declared name that differs least.
 */
#include <string.h>

#include "kernel/rule/check.h"

enum { COMPARED_MAX = 48, TEXT_MAX = 160 };

/* Insertions, deletions, changes and swaps of neighbours that make a into b (optimal string
 * alignment). */
static size_t distance_of(struct str a, struct str b)
{
    size_t rows[3][COMPARED_MAX + 1];

    for (size_t k = 0; k <= b.len; k++)
        rows[0][k] = k;
    memset(rows[1], 0, sizeof(rows[1]));
    memset(rows[2], 0, sizeof(rows[2]));
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = before[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);

            now[j] = before[j] + 1 < now[j - 1] + 1 ? before[j] + 1 : now[j - 1] + 1;
            now[j] = change < now[j] ? change : now[j];
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                older[j - 2] + 1 < now[j])
                now[j] = older[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

void rule_guess_begin(struct rule_guess *guess, struct str wanted)
{
    *guess = (struct rule_guess){.wanted = wanted, .distance = wanted.len / 3 + 2};
}

void rule_guess_offer(struct rule_guess *guess, struct str name)
{
    size_t distance;

    if (name.len > COMPARED_MAX || guess->wanted.len > COMPARED_MAX || !name.len)
        return;
    distance = distance_of(guess->wanted, name);
    if (distance >= guess->distance || distance >= name.len)
        return;
    guess->distance = distance;
    guess->best = name;
}

struct str rule_guess_text(struct rule_check *c, const struct rule_guess *guess)
{
    struct text text = {NULL, 0, TEXT_MAX, false};

    if (!guess->best.len)
        return STR("");
    text.ptr = arena_alloc(c->arena, TEXT_MAX);
    text_addf(&text, "; did you mean '" STR_FMT "'?", STR_ARG(guess->best));
    return (struct str){text.ptr, text.len};
}

struct str rule_guess_variable(struct rule_check *c, struct str name)
{
    struct rule_guess guess;

    rule_guess_begin(&guess, name);
    for (const struct rule_local *local = c->locals; local; local = local->outer)
        rule_guess_offer(&guess, local->name);
    for (uint32_t k = 0; k < c->env->variable_count; k++)
        rule_guess_offer(&guess, c->env->variables[k].name);
    return rule_guess_text(c, &guess);
}

struct str rule_guess_field(struct rule_check *c, const struct rule_type *type, struct str name)
{
    struct rule_guess guess;

    rule_guess_begin(&guess, name);
    for (uint32_t k = 0; k < type->count; k++)
        rule_guess_offer(&guess, type->fields[k].name);
    return rule_guess_text(c, &guess);
}

struct str rule_guess_function(struct rule_check *c, struct str name, bool member)
{
    static const char *const macros[] = {"all", "exists", "exists_one", "map", "filter"};
    struct rule_guess guess;

    rule_guess_begin(&guess, name);
    for (const struct rule_rows *const *rows = rule_builtins; *rows; rows++)
        for (size_t k = 0; k < (*rows)->count; k++)
            if ((*rows)->rows[k].member == member)
                rule_guess_offer(&guess, str_of((*rows)->rows[k].name));
    for (uint32_t k = 0; k < c->env->function_count; k++)
        if (c->env->functions[k].member == member)
            rule_guess_offer(&guess, c->env->functions[k].name);
    for (size_t k = 0; member && k < sizeof(macros) / sizeof(macros[0]); k++)
        rule_guess_offer(&guess, str_of(macros[k]));
    return rule_guess_text(c, &guess);
}
