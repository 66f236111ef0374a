/*
 * run.h - one validation: the state of it, and its parts.
 *
 * A visit is the application of a subschema to a value.  Visits form a chain on the C stack: the
 * dynamic scope, and both paths of an error.  A first pass only asks whether the instance is valid
 * and ends at the first fault; a second describes the faults, so that valid instances pay nothing
 * for descriptions.
 *
 * Invariants:
 *   - a check returns false exactly when it failed; while run->report it has then described why, or
 *     the list of errors is full;
 *   - once run->err is set, every visit fails at once.
 */
#ifndef GREVY_SCHEMA_RUN_H
#define GREVY_SCHEMA_RUN_H

#include "kernel/schema/program.h"
#include "kernel/schema/regex.h"

/* What of an object or list has been evaluated: unevaluatedProperties and unevaluatedItems ask. */
struct marks {
    uint64_t *bits; /* One for each member or item. */
    size_t words;
};

enum step { STEP_ROOT, STEP_IN_PLACE, STEP_KEY, STEP_NAME, STEP_INDEX };

struct visit {
    const struct visit *up;
    const struct schema_node *node;
    struct json value;
    struct marks *marks; /* Of the value, when somebody asks; NULL: nobody does. */
    const char *keyword; /* How the schema got here: keyword, and a name or position in it. */
    struct str name;
    int64_t position; /* -1: none. */
    struct str key;   /* How the instance got here. */
    size_t index;
    enum step step;
};

/* Newest first, so that those of a subschema that fails are dropped at once. */
struct annotated {
    struct schema_annotation annotation;
    struct annotated *older;
};

struct run {
    struct cx *cx;
    struct regex_room room;
    int64_t steps; /* Left. */
    int depth;
    bool report, annotate;
    enum err err;
    struct schema_error *errors;
    size_t error_count;
    struct annotated *newest;
    size_t annotation_count;
};

bool run_visit(struct run *run, struct visit *v);

/** Apply node to v's value itself, described as keyword (and position, or -1). */
bool run_in_place(struct run *run, const struct visit *v, const struct schema_node *node,
                  const char *keyword, int64_t position);
/** The same without errors, and with marks of its own. */
bool run_trial(struct run *run, const struct visit *v, const struct schema_node *node,
               const char *keyword, int64_t position);

/** End the validation: the pair is at fault. */
bool run_fault(struct run *run, const struct visit *v, const char *code, const char *what);
bool run_charge(struct run *run, const struct visit *v, int64_t steps);

/** Describe a failure of keyword (NULL: of the whole subschema); returns false. */
bool run_fail(struct run *run, const struct visit *v, const char *keyword, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void run_note(struct run *run, const struct visit *v, const char *keyword, struct str json);
void run_notes(struct run *run, const struct visit *v); /* Of the subschema's own keywords. */

/* Go on with the next check?  After a failure only to describe more. */
#define RUN_CHECK(good_, run_, check_)                                                             \
    do {                                                                                           \
        if (!(check_)) {                                                                           \
            if (!(run_)->report)                                                                   \
                return false;                                                                      \
            (good_) = false;                                                                       \
        }                                                                                          \
    } while (0)

bool run_type(struct run *run, const struct visit *v);
bool run_values(struct run *run, const struct visit *v);
bool run_number(struct run *run, const struct visit *v);
bool run_text(struct run *run, const struct visit *v);
bool run_object(struct run *run, const struct visit *v);
bool run_object_rest(struct run *run, const struct visit *v); /* unevaluatedProperties */
bool run_list(struct run *run, const struct visit *v);
bool run_list_rest(struct run *run, const struct visit *v); /* unevaluatedItems */
bool run_apply(struct run *run, const struct visit *v);

/* Is the member so named under properties, patternProperties, or neither? */
bool run_named(struct run *run, const struct visit *v, struct str name);
bool run_patterned(struct run *run, const struct visit *v, struct str name);
bool run_additional(struct run *run, const struct visit *v, struct str name);

struct marks *marks_new(struct run *run, struct json value);

static inline void marks_put(struct marks *marks, size_t index)
{
    if (marks)
        marks->bits[index / 64] |= UINT64_C(1) << index % 64;
}

static inline bool marks_has(const struct marks *marks, size_t index)
{
    return marks->bits[index / 64] >> index % 64 & 1;
}

void marks_all(struct marks *marks, size_t count);
void marks_merge(struct marks *into, const struct marks *from);

#endif
