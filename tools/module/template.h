/*
 * template.h - notes that a user keeps.
 *
 * Invariants:
 *   - a note belongs to one user and never changes hands;
 *   - no note is kept without its template.kept event, and no event without its note.
 */
#ifndef GREVY_TEMPLATE_H
#define GREVY_TEMPLATE_H

#include "kernel/kernel.h"

enum { TEMPLATE_USER_LEN_MAX = 64, TEMPLATE_TEXT_LEN_MAX = 500 };

struct template_note {
    int64_t id;
    struct str user, text;
    int64_t kept_ms;
};

/** Errors: NOT_FOUND "no_such_note". */
MUST_CHECK enum err template_get(struct cx *cx, int64_t id, struct template_note *out);

extern const struct migration template_schema[];
extern const struct module template_module;

#endif
