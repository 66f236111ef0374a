/*
 * person_priv.h - the row of a person and the secrets of a space.  Between the files of this
 * folder only.
 *
 * Invariants: wrapped is "" from an erasure until the person comes back; generation never falls;
 * the row of kernel_master_check is written before, or with, the first key that it vouches for.
 */
#ifndef GREVY_ACCESS_PERSON_PRIV_H
#define GREVY_ACCESS_PERSON_PRIV_H

#include "kernel/access/person.h"
#include "kernel/base/hash.h"
#include "kernel/work/space.h"

struct person_row {
    struct str person, wrapped;
    int64_t generation, created_ms, erased_ms;
};
extern const struct table person_table;

/** Errors: BAD_INPUT "bad_person". */
MUST_CHECK enum err person_check(struct cx *cx, struct str person);

/* Subkeys of the master key, in locked memory. */
struct person_vault {
    unsigned char wrap[HASH_KEY_BYTES], blind[HASH_KEY_BYTES];
    char proof[HASH_TEXT_LEN + 1]; /* What this master key makes of a fixed text. */
    atomic_bool proven;            /* The space's row is known to say the same. */
};

/** Derive the secrets of cx's space from the platform's master key, if it has one.
 *  Errors: CONFLICT "wrong_master_key". */
MUST_CHECK enum err vault_open(struct cx *cx);
/** Record which master key is this space's, if that is not known yet.  Needs: a command. */
MUST_CHECK enum err vault_prove(struct cx *cx);
void vault_close(struct space *space);

#endif
