/*
 * collection.c - the kinds of documents that this process knows.
 */
#include "kernel/document/kind.h"

const struct collection *collection_named(const struct platform *platform, struct str name)
{
    for (const struct module *const *m = platform->modules; *m; m++)
        for (const struct collection *c = (*m)->collections; c && c->name; c++)
            if (str_is(name, c->name))
                return c;
    return NULL;
}

enum err collection_get(struct cx *cx, struct str name, const struct collection **out)
{
    const struct declared *declared;

    *out = collection_named(cx->space->platform, name);
    if (*out)
        return OK;
    declared = kind_declared(cx, name);
    if (declared)
        *out = &declared->collection;
    else
        return fail(cx, ERR_NOT_FOUND, "no_such_collection",
                    "there is no collection " STR_FMT ": GET /v1/collections lists them",
                    STR_ARG(name));
    return OK;
}
