/*
 * run_object.c - the members of an object.
 */
#include <string.h>

#include "kernel/schema/regex.h"
#include "kernel/schema/run_quick.h"
#include "kernel/schema/walk.h"

static const struct member *find(const struct object_rules *rules, struct str name)
{
    uint64_t hash = member_hash(name);

    for (size_t slot = hash & rules->slot_mask; rules->slots[slot];
         slot = (slot + 1) & rules->slot_mask) {
        const struct member *member = &rules->members[rules->slots[slot] - 1];

        if (member->hash == hash && walk_equal(member->name, name))
            return member;
    }
    return NULL;
}

/* *next is where the member is if the instance goes by the schema's order, as most do. */
static const struct member *find_next(const struct object_rules *rules, struct str name,
                                      size_t *next)
{
    const struct member *member;

    if (*next < rules->member_count && walk_equal(rules->members[*next].name, name))
        return &rules->members[(*next)++];
    member = find(rules, name);
    if (member)
        *next = (size_t)(member - rules->members) + 1;
    return member;
}

static bool matches(struct run *run, const struct visit *v, const struct pattern_member *pattern,
                    struct str name)
{
    enum regex_answer answer = schema_regex_test(&run->room, pattern->regex, name, &run->steps);

    if (answer == REGEX_TOO_LONG)
        return run_fault(run, v, "schema_pattern_steps",
                         "a pattern takes too long on the name of a member; rewrite it without "
                         "nested repetitions");
    return answer == REGEX_YES;
}

bool run_named(struct run *run, const struct visit *v, struct str name)
{
    const struct member *member = find(v->node->object, name);

    (void)run;
    return member && member->node;
}

bool run_patterned(struct run *run, const struct visit *v, struct str name)
{
    const struct object_rules *rules = v->node->object;

    for (size_t k = 0; k < rules->pattern_count; k++)
        if (matches(run, v, &rules->patterns[k], name))
            return true;
    return false;
}

bool run_additional(struct run *run, const struct visit *v, struct str name)
{
    return !run_named(run, v, name) && !run_patterned(run, v, name);
}

/* A member's value by a subschema of keyword; name: which, or absent. */
static bool visit_member(struct run *run, const struct visit *v, const struct json_iter *it,
                         const struct schema_node *node, const char *keyword, struct str name)
{
    struct visit inner = {.up = v,
                          .node = node,
                          .value = it->value,
                          .keyword = keyword,
                          .name = name,
                          .position = -1,
                          .key = it->key,
                          .step = STEP_KEY};

    return run_visit(run, &inner);
}

static bool visit_name(struct run *run, const struct visit *v, const struct json_iter *it)
{
    struct visit inner = {.up = v,
                          .node = v->node->object->names,
                          .value = json_iter_key(it),
                          .keyword = "propertyNames",
                          .position = -1,
                          .key = it->key,
                          .step = STEP_NAME};

    return run_visit(run, &inner);
}

static bool check_additional(struct run *run, const struct visit *v, const struct json_iter *it)
{
    const struct schema_node *node = v->node->object->additional;

    if (node->never)
        return run_fail(run, v, "additionalProperties",
                        "the member \"%.*s\" is not known here; remove it or correct its name",
                        (int)(it->key.len < 100 ? it->key.len : 100), it->key.ptr);
    return visit_member(run, v, it, node, "additionalProperties", (struct str){0});
}

/* How far an object has been gone through. */
struct progress {
    size_t index;    /* Of the member. */
    size_t next;     /* Of the schema's members. */
    size_t required; /* Found of those that have to be there. */
};

/* One member by all that applies to it. */
static bool check_member(struct run *run, const struct visit *v, const struct json_iter *it,
                         struct progress *at)
{
    const struct object_rules *rules = v->node->object;
    const struct member *member = find_next(rules, it->key, &at->next);
    bool good = true, known = false;

    if (member) {
        at->required += member->required;
        known = member->node;
    }
    if (known)
        RUN_CHECK(good, run,
                  run_quick(run, member->node, it->value) ||
                      visit_member(run, v, it, member->node, "properties", member->name));
    for (size_t k = 0; k < rules->pattern_count; k++) {
        const struct pattern_member *pattern = &rules->patterns[k];

        if (!matches(run, v, pattern, it->key))
            continue;
        known = true;
        RUN_CHECK(good, run,
                  visit_member(run, v, it, pattern->node, "patternProperties", pattern->text));
    }
    if (known || rules->additional)
        marks_put(v->marks, at->index);
    if (!known && rules->additional)
        RUN_CHECK(good, run, check_additional(run, v, it));
    if (rules->names)
        RUN_CHECK(good, run, visit_name(run, v, it));
    return good;
}

static bool has_member(struct run *run, struct json object, struct str name)
{
    for (struct json_iter it = walk_iter(object); walk_next(&it);) {
        run->steps--;
        if (walk_equal(it.key, name))
            return true;
    }
    return false;
}

static bool fail_required(struct run *run, const struct visit *v)
{
    const struct object_rules *rules = v->node->object;

    for (size_t k = 0; run->report && k < rules->member_count; k++)
        if (rules->members[k].required && !has_member(run, v->value, rules->members[k].name))
            run_fail(run, v, "required", "the member \"" STR_FMT "\" is missing; add it",
                     STR_ARG(rules->members[k].name));
    return false;
}

static bool check_dependency(struct run *run, const struct visit *v,
                             const struct dependency *dependency)
{
    bool good = true;

    if (!has_member(run, v->value, dependency->name))
        return true;
    for (size_t k = 0; k < dependency->want_count; k++)
        if (!has_member(run, v->value, dependency->wants[k]))
            RUN_CHECK(good, run,
                      run_fail(run, v, dependency->keyword,
                               "with \"" STR_FMT "\", the member \"" STR_FMT
                               "\" has to be there; add it",
                               STR_ARG(dependency->name), STR_ARG(dependency->wants[k])));
    if (dependency->node) {
        struct visit inner = {.up = v,
                              .node = dependency->node,
                              .value = v->value,
                              .marks = v->marks,
                              .keyword = dependency->keyword,
                              .name = dependency->name,
                              .position = -1,
                              .step = STEP_IN_PLACE};

        RUN_CHECK(good, run, run_visit(run, &inner));
    }
    return good;
}

static bool check_counts(struct run *run, const struct visit *v)
{
    const struct object_rules *rules = v->node->object;
    size_t count = walk_count(v->value);
    bool good = true;

    if (count < rules->count_min)
        RUN_CHECK(good, run,
                  run_fail(run, v, "minProperties", "this has %zu members; give at least %" PRIu64,
                           count, rules->count_min));
    if (count > rules->count_max)
        RUN_CHECK(good, run,
                  run_fail(run, v, "maxProperties", "this has %zu members; give at most %" PRIu64,
                           count, rules->count_max));
    return good;
}

bool run_object(struct run *run, const struct visit *v)
{
    const struct object_rules *rules = v->node->object;
    struct progress at = {0};
    bool good = true;

    for (struct json_iter it = walk_iter(v->value); walk_next(&it);) {
        RUN_CHECK(good, run, check_member(run, v, &it, &at));
        if (run->err != OK)
            return false;
        at.index++;
    }
    if (at.required < rules->required_count)
        RUN_CHECK(good, run, fail_required(run, v));
    RUN_CHECK(good, run, check_counts(run, v));
    for (size_t k = 0; k < rules->dependency_count; k++)
        RUN_CHECK(good, run, check_dependency(run, v, &rules->dependencies[k]));
    return good && run_charge(run, v, (int64_t)walk_count(v->value) / 4);
}

bool run_object_rest(struct run *run, const struct visit *v)
{
    const struct schema_node *node = v->node->object->unevaluated;
    struct json_out names;
    size_t index = 0;
    bool good = true;

    json_open(&names, run->cx, 0);
    json_list(&names);
    for (struct json_iter it = walk_iter(v->value); walk_next(&it); index++) {
        if (marks_has(v->marks, index))
            continue;
        json_put_text(&names, it.key);
        if (node->never)
            RUN_CHECK(good, run,
                      run_fail(run, v, "unevaluatedProperties",
                               "the member \"%.*s\" is known to no part of the schema; remove it "
                               "or correct its name",
                               (int)(it.key.len < 100 ? it.key.len : 100), it.key.ptr));
        else
            RUN_CHECK(good, run,
                      visit_member(run, v, &it, node, "unevaluatedProperties", (struct str){0}));
    }
    json_list_end(&names);
    if (run->annotate && good)
        run_note(run, v, "unevaluatedProperties", json_done(&names));
    marks_all(v->marks, walk_count(v->value));
    return good;
}
