/*
 * secret.h - what the process was given from outside and no row may hold: secrets, addresses.
 *
 * Invariants:
 *   - a secret is named in code and rows, and its value lies in the environment alone:
 *     GREVY_SECRET_<NAME>; modules sign and verify by name and never see it;
 *   - verifying takes the same time for every signature of one length.
 */
#ifndef GREVY_EFFECT_SECRET_H
#define GREVY_EFFECT_SECRET_H

#include "kernel/base/cx.h"

enum {
    SECRET_NAME_LEN_MAX = 64,
    SECRET_SIGNATURE_LEN = 44, /* HMAC-SHA256 as base64 with padding. */
};

/** GREVY_SECRET_<name>; absent when it is not set or empty.  For the kernel. */
struct str secret_get(struct str name);

/** HMAC-SHA256 of the parts joined by '.', under the secret, as base64 with a NUL.  False when
 *  there is no such secret. */
bool secret_sign(struct str name, const struct str *parts, size_t count,
                 char out[SECRET_SIGNATURE_LEN + 1]);

/** Is signature what secret_sign gives?  Errors: BUSY "no_secret", naming the variable to set;
 *  UNAUTHORIZED "bad_signature". */
MUST_CHECK enum err secret_verify(struct cx *cx, struct str name, const struct str *parts,
                                  size_t count, struct str signature);

/** GREVY_<name> of the environment ("PUBLIC_URL"), or fallback: addresses, nothing secret. */
struct str config_text(const char *name, const char *fallback);

/** The name of the space that cx works in. */
struct str cx_space_name(const struct cx *cx);

#endif
