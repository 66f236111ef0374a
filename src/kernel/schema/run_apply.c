/*
 * run_apply.c - subschemas applied to the same value: references, combinations, conditions.
 */
#include "kernel/schema/run_quick.h"
#include "kernel/schema/walk.h"

/* A reference that comes back to where it stands once may do so by another dynamic scope; a third
 * time it does so forever. */
enum { COMES_BACK_MAX = 2 };

static bool follow(struct run *run, const struct visit *v, const struct schema_node *target,
                   const char *keyword)
{
    int seen = 0;

    if (run_quick(run, target, v->value))
        return true;
    for (const struct visit *each = v; each; each = each->up) {
        seen += each->node == target;
        if (each->step != STEP_IN_PLACE)
            break;
    }
    if (seen > COMES_BACK_MAX)
        return run_fault(run, v, "schema_recursion",
                         "a reference leads back to itself without going into the instance; break "
                         "the circle");
    return run_in_place(run, v, target, keyword, -1);
}

/* Core section 8.2.3.2: the outermost resource of the dynamic scope that has the anchor. */
static const struct schema_node *dynamic_target(const struct visit *v)
{
    const struct apply_rules *rules = v->node->apply;
    const struct schema_node *target = rules->dynamic_ref;

    if (!rules->dynamic_name.ptr)
        return target;
    for (const struct visit *each = v; each; each = each->up)
        for (const struct schema_anchor *anchor = each->node->resource->dynamic; anchor;
             anchor = anchor->next)
            if (walk_equal(anchor->name, rules->dynamic_name))
                target = anchor->node;
    return target;
}

/* After a failed anyOf or oneOf: what each alternative wants. */
static void describe(struct run *run, const struct visit *v, const struct node_list *list,
                     const char *keyword)
{
    struct visit plain = *v;

    plain.marks = NULL;
    for (size_t k = 0; run->report && k < list->count; k++)
        run_in_place(run, &plain, list->nodes[k], keyword, (int64_t)k);
}

static bool check_any(struct run *run, const struct visit *v)
{
    const struct node_list *list = &v->node->apply->any_of;
    bool good = false, all = v->marks || run->annotate;

    for (size_t k = 0; k < list->count && (all || !good); k++)
        good |= run_trial(run, v, list->nodes[k], "anyOf", (int64_t)k);
    if (!good && run->report) {
        run_fail(run, v, "anyOf", "this is none of the %zu alternatives; make it one of them",
                 list->count);
        describe(run, v, list, "anyOf");
    }
    return good;
}

static bool check_one(struct run *run, const struct visit *v)
{
    const struct node_list *list = &v->node->apply->one_of;
    size_t count = 0, last = 0;

    for (size_t k = 0; k < list->count; k++) {
        if (!run_trial(run, v, list->nodes[k], "oneOf", (int64_t)k))
            continue;
        if (++count == 2)
            return run_fail(run, v, "oneOf",
                            "alternatives %zu and %zu both fit; make it fit exactly one", last, k);
        last = k;
    }
    if (count == 0 && run->report) {
        run_fail(run, v, "oneOf", "this is none of the %zu alternatives; make it one of them",
                 list->count);
        describe(run, v, list, "oneOf");
    }
    return count == 1;
}

static bool check_not(struct run *run, const struct visit *v)
{
    struct annotated *newest = run->newest;
    size_t count = run->annotation_count;
    struct visit plain = *v;
    bool fits;

    plain.marks = NULL;
    fits = run_trial(run, &plain, v->node->apply->not_, "not", -1);
    run->newest = newest;
    run->annotation_count = count;
    if (fits)
        return run_fail(run, v, "not", "this is what the schema under `not` describes; change it");
    return run->err == OK;
}

static bool check_condition(struct run *run, const struct visit *v)
{
    const struct apply_rules *rules = v->node->apply;
    bool holds;

    if (!rules->if_ || (!rules->then_ && !rules->else_ && !v->marks && !run->annotate))
        return true;
    holds = run_trial(run, v, rules->if_, "if", -1);
    if (run->err != OK)
        return false;
    if (holds)
        return !rules->then_ || run_in_place(run, v, rules->then_, "then", -1);
    return !rules->else_ || run_in_place(run, v, rules->else_, "else", -1);
}

bool run_apply(struct run *run, const struct visit *v)
{
    const struct apply_rules *rules = v->node->apply;
    bool good = true;

    if (rules->ref)
        RUN_CHECK(good, run, follow(run, v, rules->ref, "$ref"));
    if (rules->dynamic_ref)
        RUN_CHECK(good, run, follow(run, v, dynamic_target(v), rules->dynamic_keyword));
    for (size_t k = 0; k < rules->all_of.count; k++)
        RUN_CHECK(good, run, run_in_place(run, v, rules->all_of.nodes[k], "allOf", (int64_t)k));
    if (rules->any_of.count > 0)
        RUN_CHECK(good, run, check_any(run, v));
    if (rules->one_of.count > 0)
        RUN_CHECK(good, run, check_one(run, v));
    if (rules->not_)
        RUN_CHECK(good, run, check_not(run, v));
    return check_condition(run, v) && good;
}
