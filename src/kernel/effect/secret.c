/*
 * secret.c - values of the environment.
 */
#include "kernel/effect/secret.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/work/space.h"

static struct str environment(const char *prefix, struct str name)
{
    char variable[SECRET_NAME_LEN_MAX + 32];
    const char *value;

    if (name.len == 0 || name.len > SECRET_NAME_LEN_MAX)
        return (struct str){0};
    snprintf(variable, sizeof(variable), "%s" STR_FMT, prefix, STR_ARG(name));
    value = getenv(variable);
    return value && value[0] ? str_of(value) : (struct str){0};
}

struct str secret_get(struct str name)
{
    return environment("GREVY_SECRET_", name);
}

bool secret_sign(struct str name, const struct str *parts, size_t count,
                 char out[SECRET_SIGNATURE_LEN + 1])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    struct str secret = secret_get(name);

    if (!secret.ptr)
        return false;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.ptr, secret.len);
    for (size_t k = 0; k < count; k++) {
        if (k > 0)
            crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[k].ptr, parts[k].len);
    }
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2base64(out, SECRET_SIGNATURE_LEN + 1, mac, sizeof(mac),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(&state, sizeof(state));
    return true;
}

enum err secret_verify(struct cx *cx, struct str name, const struct str *parts, size_t count,
                       struct str signature)
{
    char wanted[SECRET_SIGNATURE_LEN + 1];

    if (!secret_sign(name, parts, count, wanted))
        return fail(cx, ERR_BUSY, "no_secret",
                    "set GREVY_SECRET_" STR_FMT " to what the sender signs with, and restart",
                    STR_ARG(name));
    if (signature.len != SECRET_SIGNATURE_LEN ||
        sodium_memcmp(wanted, signature.ptr, SECRET_SIGNATURE_LEN) != 0)
        return fail(cx, ERR_UNAUTHORIZED, "bad_signature",
                    "the signature is not that of this body: check the shared secret");
    return OK;
}

struct str config_text(const char *name, const char *fallback)
{
    struct str value = environment("GREVY_", str_of(name));

    return value.ptr ? value : str_of(fallback);
}

struct str cx_space_name(const struct cx *cx)
{
    assert(cx->space);
    return str_of(cx->space->name);
}
