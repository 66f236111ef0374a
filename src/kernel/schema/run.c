/*
 * run.c - visits, and the two passes of a validation.
 */
#include "kernel/schema/run.h"
#include "kernel/schema/walk.h"

#include <string.h>

/* ---- Marks ---- */

struct marks *marks_new(struct run *run, struct json value)
{
    struct marks *marks = CX_NEW(run->cx, struct marks);

    marks->words = (walk_count(value) + 63) / 64;
    marks->bits = CX_ARRAY(run->cx, uint64_t, marks->words + 1);
    run->steps -= (int64_t)marks->words;
    return marks;
}

void marks_all(struct marks *marks, size_t count)
{
    for (size_t k = 0; marks && k < count; k++)
        marks_put(marks, k);
}

void marks_merge(struct marks *into, const struct marks *from)
{
    for (size_t k = 0; into && k < into->words; k++)
        into->bits[k] |= from->bits[k];
}

/* ---- Visits ---- */

bool run_fault(struct run *run, const struct visit *v, const char *code, const char *what)
{
    if (run->err == OK)
        run->err = fail(run->cx, ERR_UNPROCESSABLE, code, "%s: " STR_FMT "#" STR_FMT, what,
                        STR_ARG(v->node->resource->uri), STR_ARG(v->node->pointer));
    return false;
}

bool run_charge(struct run *run, const struct visit *v, int64_t steps)
{
    run->steps -= steps;
    if (run->steps >= 0)
        return true;
    return run_fault(run, v, "schema_steps",
                     "the instance takes more work than is allowed; send less at once, or make the "
                     "schema simpler");
}

/* Everything of a subschema but what wants to know the rest. */
static bool check_all(struct run *run, const struct visit *v)
{
    const struct schema_node *node = v->node;
    enum json_type type = walk_type(v->value);
    bool good = true;

    if (node->types)
        RUN_CHECK(good, run, run_type(run, v));
    if (node->values)
        RUN_CHECK(good, run, run_values(run, v));
    if (node->text && type == JSON_TEXT)
        RUN_CHECK(good, run, run_text(run, v));
    if (node->number && (type == JSON_INT || type == JSON_UINT || type == JSON_DOUBLE))
        RUN_CHECK(good, run, run_number(run, v));
    if (node->object && type == JSON_OBJECT)
        RUN_CHECK(good, run, run_object(run, v));
    if (node->list && type == JSON_LIST)
        RUN_CHECK(good, run, run_list(run, v));
    if (node->apply)
        RUN_CHECK(good, run, run_apply(run, v));
    return good;
}

/* What is left over is judged last, and not of a value that is wrong already. */
static bool check_with_rest(struct run *run, struct visit *v)
{
    struct marks *outer = v->marks;
    bool good;

    v->marks = marks_new(run, v->value);
    good = check_all(run, v) &&
           (walk_type(v->value) == JSON_OBJECT ? run_object_rest(run, v) : run_list_rest(run, v));
    if (good)
        marks_merge(outer, v->marks);
    v->marks = outer;
    return good;
}

static bool wants_rest(const struct schema_node *node, struct json value)
{
    if (node->object && node->object->unevaluated && walk_type(value) == JSON_OBJECT)
        return true;
    return node->list && node->list->unevaluated && walk_type(value) == JSON_LIST;
}

bool run_visit(struct run *run, struct visit *v)
{
    struct annotated *newest = run->newest;
    size_t count = run->annotation_count;
    bool good;

    if (run->err != OK || !run_charge(run, v, 1))
        return false;
    if (v->node->never)
        return run_fail(run, v, NULL, "nothing is allowed here; leave it out");
    if (run->depth == SCHEMA_DEPTH_MAX)
        return run_fault(run, v, "schema_too_deep",
                         "the schema applies itself to more levels than are allowed; make the "
                         "instance flatter");
    run->depth++;
    good = wants_rest(v->node, v->value) ? check_with_rest(run, v) : check_all(run, v);
    run->depth--;
    if (run->annotate && good)
        run_notes(run, v);
    if (!good) {
        run->newest = newest;
        run->annotation_count = count;
    }
    return good && run->err == OK;
}

bool run_in_place(struct run *run, const struct visit *v, const struct schema_node *node,
                  const char *keyword, int64_t position)
{
    struct visit inner = {.up = v,
                          .node = node,
                          .value = v->value,
                          .marks = v->marks,
                          .keyword = keyword,
                          .position = position,
                          .step = STEP_IN_PLACE};

    return run_visit(run, &inner);
}

bool run_trial(struct run *run, const struct visit *v, const struct schema_node *node,
               const char *keyword, int64_t position)
{
    bool report = run->report, good;
    struct visit inner = {.up = v,
                          .node = node,
                          .value = v->value,
                          .keyword = keyword,
                          .position = position,
                          .step = STEP_IN_PLACE};

    inner.marks = v->marks ? marks_new(run, v->value) : NULL;
    run->report = false;
    good = run_visit(run, &inner);
    run->report = report;
    if (good && v->marks)
        marks_merge(v->marks, inner.marks);
    return good;
}

/* ---- Passes ---- */

static bool pass(struct run *run, const struct schema *schema, struct json instance)
{
    struct visit root = {
        .node = schema->root, .value = instance, .position = -1, .step = STEP_ROOT};

    run->steps = SCHEMA_STEPS_MAX;
    run->depth = 0;
    run->newest = NULL;
    run->annotation_count = 0;
    return run_visit(run, &root);
}

static void put_annotations(const struct run *run, struct schema_result *out)
{
    struct schema_annotation *all =
        CX_ARRAY(run->cx, struct schema_annotation, run->annotation_count + 1);
    size_t k = run->annotation_count;

    for (const struct annotated *each = run->newest; each; each = each->older)
        all[--k] = each->annotation;
    out->annotations = all;
    out->annotation_count = run->annotation_count;
}

enum err schema_validate(struct cx *cx, const struct schema *schema, struct json instance,
                         unsigned flags, struct schema_result *out)
{
    struct run run = {.cx = cx, .room = {.arena = &cx->arena}, .annotate = flags & SCHEMA_ANNOTATE};

    *out = (struct schema_result){.valid = pass(&run, schema, instance)};
    if (run.err != OK)
        return run.err;
    if (out->valid && run.annotate)
        put_annotations(&run, out);
    if (out->valid || flags & SCHEMA_VERDICT)
        return OK;
    run.report = true;
    run.annotate = false;
    run.errors = CX_ARRAY(cx, struct schema_error, SCHEMA_ERRORS_MAX);
    pass(&run, schema, instance);
    if (run.err != OK)
        return run.err;
    out->errors = run.errors;
    out->error_count = run.error_count;
    assert(out->error_count > 0);
    return OK;
}
