/*
 * vault.c - what is derived from the master key, and the proof that it is the right one.
 */
#include <sodium.h>

#include "kernel/access/person_priv.h"

static const char subkey_context[] = "grevykey"; /* Eight bytes, as crypto_kdf wants. */
enum { SUBKEY_WRAP = 1, SUBKEY_BLIND, SUBKEY_PROOF };

enum { PROOF_ID = 1 };
struct proof_row {
    int64_t id;
    struct str proof;
};
static const struct field proof_fields[] = {F(proof_row, id), F(proof_row, proof), F_END};
static const struct table proof_table = TABLE("kernel_master_check", proof_row, proof_fields, 1);

static void subkey(unsigned char out[HASH_KEY_BYTES], int which, const unsigned char *master)
{
    _Static_assert(sizeof(subkey_context) - 1 == crypto_kdf_CONTEXTBYTES, "context of 8 bytes");
    crypto_kdf_derive_from_key(out, HASH_KEY_BYTES, (uint64_t)which, subkey_context, master);
}

static struct person_vault *vault_make(const unsigned char *master)
{
    struct person_vault *vault = sodium_malloc(sizeof(*vault)); /* Locked, between guard pages. */
    struct str fixed = STR("this is the master key of the space");
    unsigned char key[HASH_KEY_BYTES];

    assert(vault);
    subkey(vault->wrap, SUBKEY_WRAP, master);
    subkey(vault->blind, SUBKEY_BLIND, master);
    subkey(key, SUBKEY_PROOF, master);
    hash_keyed_text(vault->proof, key, &fixed, 1);
    sodium_memzero(key, sizeof(key));
    atomic_init(&vault->proven, false);
    return vault;
}

/* Compare with the row; *found false when there is none yet. */
static enum err check_proof(struct cx *cx, const struct person_vault *vault, bool *found)
{
    struct proof_row row = {.id = PROOF_ID};

    TRY(row_find(cx, &proof_table, &row, found));
    if (*found && !str_is(row.proof, vault->proof))
        return fail(cx, ERR_CONFLICT, "wrong_master_key",
                    "the space %s was sealed under another master key: start with the"
                    " GREVY_MASTER_KEY or the key file it was made with, or restore that file",
                    cx->space->name);
    return OK;
}

enum err vault_open(struct cx *cx)
{
    const struct platform_options *options = &cx->space->platform->options;
    struct person_vault *vault;
    bool found;

    if (cx->space->vault || !options->has_master_key)
        return OK;
    vault = vault_make(options->master_key);
    cx->space->vault = vault; /* Freed by vault_close, also when the space does not open. */
    TRY(check_proof(cx, vault, &found));
    atomic_store(&vault->proven, found);
    return OK;
}

static void proven(struct space *space, void *argument)
{
    (void)argument;
    atomic_store(&space->vault->proven, true);
}

enum err vault_prove(struct cx *cx)
{
    struct person_vault *vault = cx->space->vault;
    struct proof_row row = {.id = PROOF_ID};
    bool found;

    if (!vault || atomic_load(&vault->proven))
        return OK;
    TRY(check_proof(cx, vault, &found));
    if (found)
        return OK;
    row.proof = str_of(vault->proof);
    cx_after_commit(cx, proven, NULL);
    return row_add(cx, &proof_table, &row);
}

void vault_close(struct space *space)
{
    if (space->vault)
        sodium_free(space->vault); /* Wipes it. */
    space->vault = NULL;
}
