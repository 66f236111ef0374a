/*
 * schema_fixture.h - what tests of schemas share: compile, validate and compare in one call.
 *
 * Invariant: schemas given to a fixture live as long as it.
 */
#ifndef GREVY_SCHEMA_SCHEMA_FIXTURE_H
#define GREVY_SCHEMA_SCHEMA_FIXTURE_H

#include "kernel/schema/schema.h"
#include "test/kit/test.h"

struct schema_fixture {
    struct cx cx;
    struct arena keep;
    struct schema_options options;
    struct schema_result result; /* Of the last validation. */
};

void schema_fixture_open(struct schema_fixture *f);
void schema_fixture_close(struct schema_fixture *f);

/** Compile, or fail the test. */
const struct schema *schema_fixture_compile(struct schema_fixture *f, const char *text);
/** Is instance valid?  What came of it is in f->result. */
bool schema_fixture_valid(struct schema_fixture *f, const struct schema *schema,
                          const char *instance);
/** The instance is, or is not, valid by the schema. */
void schema_fixture_yes(struct schema_fixture *f, const char *schema, const char *instance);
void schema_fixture_no(struct schema_fixture *f, const char *schema, const char *instance);
/** The schema is refused with this code. */
void schema_fixture_refused(struct schema_fixture *f, const char *schema, const char *code);
/** The pair is refused with this code. */
void schema_fixture_fault(struct schema_fixture *f, const char *schema, const char *instance,
                          const char *code);

#endif
