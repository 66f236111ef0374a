/*
 * seal.c - sealing and opening under a person's key; blind indexes; masks.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "kernel/access/person_priv.h"

#define SEALED_PREFIX  "p1."
#define WRAPPED_PREFIX "w1."

enum {
    KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

/* ---- Boxes: nonce, ciphertext, tag ---- */

static struct str box(struct cx *cx, const unsigned char *key, struct str person, struct str plain)
{
    size_t size = NONCE_BYTES + plain.len + TAG_BYTES;
    unsigned char *bytes = cx_alloc(cx, size);

    cx_random_bytes(cx, bytes, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        bytes + NONCE_BYTES, NULL, (const unsigned char *)plain.ptr, plain.len,
        (const unsigned char *)person.ptr, person.len, NULL, bytes, key);
    return base64_encode(cx, (struct str){(const char *)bytes, size});
}

static bool unbox(struct cx *cx, const unsigned char *key, struct str person, struct str boxed,
                  struct str *plain)
{
    const unsigned char *bytes;
    struct str decoded;
    char *out;

    if (!base64_decode(cx, boxed, &decoded) || decoded.len < NONCE_BYTES + TAG_BYTES)
        return false;
    bytes = (const unsigned char *)decoded.ptr;
    out = cx_alloc(cx, decoded.len);
    *plain = (struct str){out, decoded.len - NONCE_BYTES - TAG_BYTES};
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               (unsigned char *)out, NULL, NULL, bytes + NONCE_BYTES, decoded.len - NONCE_BYTES,
               (const unsigned char *)person.ptr, person.len, bytes, key) == 0;
}

/* ---- Persons' keys ---- */

static enum err vault_of(struct cx *cx, const struct person_vault **out)
{
    *out = cx->space->vault;
    if (!*out)
        return fail(cx, ERR_INTERNAL, "no_master_key",
                    "personal data cannot be sealed or opened: start the server with"
                    " GREVY_MASTER_KEY or a key file");
    return OK;
}

enum err person_check(struct cx *cx, struct str person)
{
    bool ok = person.len > 0 && person.len <= PERSON_LEN_MAX && str_utf8(person);

    for (size_t k = 0; ok && k < person.len; k++)
        ok = (unsigned char)person.ptr[k] >= ' ';
    if (!ok)
        return fail(cx, ERR_BAD_INPUT, "bad_person",
                    "a person is named by 1 to %d bytes of text without control characters",
                    PERSON_LEN_MAX);
    return OK;
}

static enum err unwrap(struct cx *cx, const struct person_vault *vault,
                       const struct person_row *row, unsigned char key[KEY_BYTES])
{
    struct str wrapped = row->wrapped, plain;
    size_t prefix = sizeof(WRAPPED_PREFIX) - 1;

    if (str_starts(wrapped, STR(WRAPPED_PREFIX)) &&
        unbox(cx, vault->wrap, row->person,
              (struct str){wrapped.ptr + prefix, wrapped.len - prefix}, &plain) &&
        plain.len == KEY_BYTES) {
        memcpy(key, plain.ptr, KEY_BYTES);
        sodium_memzero((char *)plain.ptr, plain.len);
        return OK;
    }
    return fail(cx, ERR_STORAGE, "person_key_damaged",
                "the stored key of " STR_FMT " was damaged or belongs to another person: restore"
                " kernel_person from its backup",
                STR_ARG(row->person));
}

static enum err make_key(struct cx *cx, const struct person_vault *vault, struct person_row *row,
                         unsigned char key[KEY_BYTES])
{
    struct str person = row->person, boxed;

    TRY(vault_prove(cx));
    cx_random_bytes(cx, key, KEY_BYTES);
    boxed = box(cx, vault->wrap, person, (struct str){(const char *)key, KEY_BYTES});
    row->wrapped = cx_printf(cx, WRAPPED_PREFIX STR_FMT, STR_ARG(boxed));
    row->generation++;
    row->created_ms = cx->now_ms;
    return row_put(cx, &person_table, row);
}

/* ---- What modules call ---- */

enum err person_seal(struct cx *cx, struct str person, struct str plain, struct str *sealed)
{
    struct person_row row = {.person = cx_copy(cx, person), .wrapped = STR("")};
    const struct person_vault *vault;
    unsigned char key[KEY_BYTES];
    struct str boxed;
    bool found;

    assert(cx_can_write(cx));
    *sealed = (struct str){NULL, 0};
    if (!plain.ptr)
        return OK;
    TRY(person_check(cx, person));
    TRY(vault_of(cx, &vault));
    if (plain.len > PERSON_PLAIN_LEN_MAX)
        return fail(cx, ERR_TOO_LARGE, "personal_text_too_long", "at most %d bytes can be sealed",
                    PERSON_PLAIN_LEN_MAX);
    TRY(row_find(cx, &person_table, &row, &found));
    if (row.wrapped.len > 0)
        TRY(unwrap(cx, vault, &row, key));
    else
        TRY(make_key(cx, vault, &row, key));
    boxed = box(cx, key, person, plain);
    sodium_memzero(key, sizeof(key));
    *sealed = cx_printf(cx, SEALED_PREFIX "%" PRId64 "." STR_FMT, row.generation, STR_ARG(boxed));
    return OK;
}

/* "p1.GENERATION.BOX" */
static enum err take_apart(struct cx *cx, struct str sealed, int64_t *generation, struct str *boxed)
{
    size_t prefix = sizeof(SEALED_PREFIX) - 1;
    struct str number;

    *boxed = sealed;
    if (str_starts(sealed, STR(SEALED_PREFIX))) {
        *boxed = (struct str){sealed.ptr + prefix, sealed.len - prefix};
        if (memchr(boxed->ptr, '.', boxed->len) && str_cut(boxed, '.', &number) &&
            str_int(number, generation))
            return OK;
    }
    return fail(cx, ERR_STORAGE, "sealed_text_damaged",
                "a text that should be sealed is not: restore its row from a backup");
}

enum err person_open(struct cx *cx, struct str person, struct str sealed, struct str *plain)
{
    struct person_row row = {.person = person, .wrapped = STR("")};
    const struct person_vault *vault;
    unsigned char key[KEY_BYTES];
    int64_t generation;
    struct str boxed;
    bool found, right;

    *plain = (struct str){NULL, 0};
    if (!sealed.ptr)
        return OK;
    TRY(vault_of(cx, &vault));
    TRY(take_apart(cx, sealed, &generation, &boxed));
    TRY(row_find(cx, &person_table, &row, &found));
    if (!found)
        return fail(cx, ERR_GONE, "no_person_key",
                    "there is no key of this person: restore kernel_person if it was lost");
    if (generation < row.generation || row.wrapped.len == 0)
        return fail(cx, ERR_GONE, "erased", "this person's data was erased");
    TRY(unwrap(cx, vault, &row, key));
    right = generation == row.generation && unbox(cx, key, person, boxed, plain);
    sodium_memzero(key, sizeof(key));
    if (!right)
        return fail(cx, ERR_STORAGE, "sealed_text_damaged",
                    "sealed data of " STR_FMT " was changed, or is another person's: restore its"
                    " row from a backup",
                    STR_ARG(person));
    return OK;
}

struct str person_blind(struct cx *cx, const char *kind, struct str value)
{
    const struct person_vault *vault = cx->space->vault;
    struct str parts[] = {str_of(kind), value};
    char *text;

    if (!vault) /* Matches no row; whoever stores personal data is told by person_seal. */
        return (struct str){NULL, 0};
    text = cx_alloc(cx, HASH_TEXT_LEN + 1);
    hash_keyed_text(text, vault->blind, parts, 2);
    return (struct str){text, HASH_TEXT_LEN};
}

struct str person_mask(struct cx *cx, struct str plain)
{
    size_t len = plain.len > 0 ? 1 : 0;

    if (len == 0)
        return plain;
    while (len < plain.len && len < 4 && ((unsigned char)plain.ptr[len] & 0xC0) == 0x80)
        len++; /* The rest of the first character. */
    return cx_printf(cx, STR_FMT "***", (int)len, plain.ptr);
}
