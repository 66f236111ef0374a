/*
 * hash.c - a thin face over libsodium.
 */
#include "kernel/base/hash.h"

#include <assert.h>
#include <sodium.h>

/* Before main, so that no thread ever uses the library while it chooses its implementations. */
__attribute__((constructor)) static void choose_implementations(void)
{
    int ready = sodium_init();

    assert(ready >= 0);
    (void)ready;
}

void hash_bytes(unsigned char out[HASH_BYTES], struct str bytes)
{
    crypto_generichash(out, HASH_BYTES, (const unsigned char *)bytes.ptr, bytes.len, NULL, 0);
}

void hash_parts(unsigned char out[HASH_BYTES], const unsigned char *key, const struct str *parts,
                size_t count)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, key, key ? HASH_KEY_BYTES : 0, HASH_BYTES);
    for (size_t k = 0; k < count; k++) {
        unsigned char frame[8];

        for (size_t b = 0; b < sizeof(frame); b++)
            frame[b] = (unsigned char)((uint64_t)parts[k].len >> (8 * b));
        crypto_generichash_update(&state, frame, sizeof(frame));
        if (parts[k].len > 0)
            crypto_generichash_update(&state, (const unsigned char *)parts[k].ptr, parts[k].len);
    }
    crypto_generichash_final(&state, out, HASH_BYTES);
    if (key)
        sodium_memzero(&state, sizeof(state));
}

static void parts_text(char *out, const unsigned char *key, const struct str *parts, size_t count)
{
    unsigned char hash[HASH_BYTES];

    hash_parts(hash, key, parts, count);
    base64url_write(out, hash, sizeof(hash));
}

void hash_text(char out[HASH_TEXT_LEN + 1], const struct str *parts, size_t count)
{
    parts_text(out, NULL, parts, count);
}

void hash_keyed_text(char out[HASH_TEXT_LEN + 1], const unsigned char key[HASH_KEY_BYTES],
                     const struct str *parts, size_t count)
{
    parts_text(out, key, parts, count);
}

bool hash_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

size_t base64url_write(char *out, const void *bytes, size_t len)
{
    sodium_bin2base64(out, BASE64URL_LEN(len) + 1, bytes, len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return BASE64URL_LEN(len);
}

bool base64url_read(struct str text, void *out, size_t size, size_t *len)
{
    const char *end;

    *len = 0;
    if (text.len == 0)
        return true;
    return sodium_base642bin(out, size, text.ptr, text.len, NULL, len, &end,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           end == text.ptr + text.len;
}

struct str base64_encode(struct cx *cx, struct str bytes)
{
    char *text = cx_alloc(cx, BASE64URL_LEN(bytes.len) + 1);

    return (struct str){text, base64url_write(text, bytes.ptr, bytes.len)};
}

bool base64_decode(struct cx *cx, struct str text, struct str *bytes)
{
    size_t size = text.len / 4 * 3 + 3;
    char *out = cx_alloc(cx, size);

    *bytes = (struct str){out, 0};
    return base64url_read(text, out, size, &bytes->len);
}
