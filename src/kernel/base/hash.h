/*
 * hash.h - BLAKE2b-256 and base64url.
 *
 * Invariants:
 *   - several parts are framed by their lengths: no two lists of parts give the same input;
 *   - base64 here is base64url (RFC 4648 section 5), written without padding and read strictly:
 *     one text for each sequence of bytes;
 *   - hash_equal and the coders take the same time for all values of one length.
 */
#ifndef GREVY_BASE_HASH_H
#define GREVY_BASE_HASH_H

#include "kernel/base/cx.h"

enum { HASH_BYTES = 32, HASH_KEY_BYTES = 32, HASH_TEXT_LEN = 43 };

/** BLAKE2b-256 of the bytes themselves. */
void hash_bytes(unsigned char out[HASH_BYTES], struct str bytes);

/** BLAKE2b-256 of the parts, each behind its length; key NULL: not keyed.  An absent part is an
 *  empty one. */
void hash_parts(unsigned char out[HASH_BYTES], const unsigned char *key, const struct str *parts,
                size_t count);

/** The same as base64url with a NUL. */
void hash_text(char out[HASH_TEXT_LEN + 1], const struct str *parts, size_t count);
void hash_keyed_text(char out[HASH_TEXT_LEN + 1], const unsigned char key[HASH_KEY_BYTES],
                     const struct str *parts, size_t count);

bool hash_equal(const void *a, const void *b, size_t len);

/* Bytes of the text of len bytes, without the NUL. */
#define BASE64URL_LEN(len_) (((len_)*4 + 2) / 3)

/** Write BASE64URL_LEN(len) digits and a NUL; returns the number of digits. */
size_t base64url_write(char *out, const void *bytes, size_t len);

/** Read into at most size bytes; false when text is no base64url or does not fit. */
bool base64url_read(struct str text, void *out, size_t size, size_t *len);

struct str base64_encode(struct cx *cx, struct str bytes);
/** False when text is no base64url. */
bool base64_decode(struct cx *cx, struct str text, struct str *bytes);

#endif
