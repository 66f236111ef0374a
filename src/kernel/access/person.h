/*
 * person.h - personal data: sealed under a key per person, found by a blind index, erased by
 * dropping the key.  person_seal, _open, _blind and _mask are in work/work.h, for modules.
 *
 * Sealed text is "p1.GENERATION." and base64url of a nonce, the XChaCha20-Poly1305 ciphertext and
 * its tag; the person is the associated data, so that text moved to another person does not open.
 * A person's key is wrapped likewise under a subkey of the master key.  An absent text is sealed
 * and opened as an absent text.
 *
 * Invariants:
 *   - the database holds no key that opens anything without the master key;
 *   - nothing that outlives a unit of work holds a person's key: an erasure is in force from its
 *     commit on, in every process;
 *   - a person who comes back after an erasure gets a new key, of the next generation; what an
 *     earlier one sealed stays erased;
 *   - a space that holds sealed data is never opened under another master key.
 */
#ifndef GREVY_ACCESS_PERSON_H
#define GREVY_ACCESS_PERSON_H

#include "kernel/work/work.h"

enum {
    PERSON_LEN_MAX = 128,        /* Of the name of a person: a user's id, or a guest's order. */
    PERSON_PLAIN_LEN_MAX = 8192, /* An address takes 500 bytes. */
    PERSON_INDEX_MAX = 1000,     /* Persons of one indexed value. */
};

/** Remember that value (normalised by the caller) of this kind ("phone") leads to person. */
MUST_CHECK enum err person_index_put(struct cx *cx, const char *kind, struct str value,
                                     struct str person);
/** The persons of the value, as list of struct str in order; at most PERSON_INDEX_MAX. */
MUST_CHECK enum err person_index_find(struct cx *cx, const char *kind, struct str value,
                                      struct list *persons);

struct person_data {
    struct str person;
    int64_t sealed_since_ms, erased_ms; /* 0: nothing is sealed; never erased. */
    struct str modules;                 /* JSON object: by module, what it keeps. */
};
extern const struct field person_data_fields[];

/** All that the kernel and the modules of this process keep of the person, as one object. */
MUST_CHECK enum err person_export(struct cx *cx, struct str person, struct json_out *out);

struct person_erased {
    struct str person;
    int64_t erased_ms;
};
extern const struct field person_erased_fields[];

/**
 * Erase: the modules' person_erase, then the index rows and the key; event person.erased.  Again:
 * the modules are asked again, the rest was done.
 *
 * Needs:  a command.
 * Errors: BAD_INPUT "bad_person"; those of the modules.
 */
MUST_CHECK enum err person_erase(struct cx *cx, struct str person, struct person_erased *out);

#endif
