/*
 * access.c - what a space remembers of who may do what: opened and closed with it.
 */
#include "kernel/access/access.h"

#include "kernel/access/key.h"
#include "kernel/access/person_priv.h"

enum err access_open(struct cx *cx)
{
    TRY(vault_open(cx));
    return keys_load(cx);
}

void access_close(struct space *space)
{
    keys_free(space);
    vault_close(space);
}
