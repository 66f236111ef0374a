/*
 * permission_fixture.h - a plausible request for any route, made from its row in a module's table;
 * and a second space beside the first.
 */
#ifndef GREVY_ACCESS_PERMISSION_FIXTURE_H
#define GREVY_ACCESS_PERMISSION_FIXTURE_H

#include "kernel/work/space.h"
#include "test/kit/mini.h"

/* What stands for an id of a kind ("ord_"), or for a text by its name in path, query or body. */
struct values {
    struct {
        const char *name, *text;
    } items[64];
    size_t count;
    bool strict; /* An id of a kind that is not there is a failed check. */
};
void values_set(struct values *values, const char *name, const char *text);
const char *values_get(const struct values *values, const char *name); /* NULL: none. */

/* "POST /v1/orders/ord_.../notes" and its body, or NULL. */
struct built {
    const char *request, *body;
};
/** Path, query and body: all that is required, and every id and text that values knows. */
struct built permission_build(struct mini *m, const struct route *route,
                              const struct values *values);

/** Calls visit for every route of every module. */
void permission_routes(struct mini *m, void (*visit)(void *context, const struct route *route),
                       void *context);

/** Make a second space, "other"; returns the text of its admin key. */
const char *permission_other_space(struct mini *m);

/** Send; what the answer is must be looked at. */
struct answer permission_send(struct mini *m, const char *key, struct built built);

#endif
