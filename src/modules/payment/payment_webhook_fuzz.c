/*
 * payment_webhook_fuzz.c - any bytes as a notice of a payment provider.
 *
 * Checked for each provider: signed, it is taken or refused with a reason, the same twice, and its
 * amounts are none below zero; with a bit of body or signature changed it is nobody's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/effect/secret.h"
#include "modules/payment/payment_priv.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 64 << 20 };

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

static enum err notice(struct cx *cx, struct str body, struct str id, struct str at,
                       struct str signature, struct payment_notice *out)
{
    struct req req = {.cx = cx, .raw = body, .headers = {id, at, signature}};
    enum err err = payment_providers[0].notice(&req, out);

    must(err == cx->problem.err, "what is recorded is what is returned");
    must(err == OK || (cx->problem.code && cx->problem.detail[0]), "a reason");
    return err;
}

static void check(struct cx *cx, struct str body)
{
    char at[24], signature[3 + SECRET_SIGNATURE_LEN + 1] = "v1,";
    struct str id = STR("evt_1"), parts[] = {id, {at, 0}, body};
    struct payment_notice first = {0}, again = {0};
    enum err err;

    parts[1].len = (size_t)snprintf(at, sizeof(at), "%lld", (long long)cx->now_ms / SECOND_MS);
    must(secret_sign(STR("SANDBOX_WEBHOOK"), parts, 3, signature + 3), "a secret");
    err = notice(cx, body, id, parts[1], str_of(signature), &first);
    fail_clear(cx);
    must(notice(cx, body, id, parts[1], str_of(signature), &again) == err, "one opinion");
    fail_clear(cx);
    if (err == OK)
        must(first.amount_minor >= 0 && first.fee_minor >= 0 && str_eq(first.ref, again.ref) &&
                 first.ours == again.ours,
             "what it says");
    must(notice(cx, body, STR("evt_2"), parts[1], str_of(signature), &again) == ERR_UNAUTHORIZED,
         "another event's signature");
    fail_clear(cx);
    signature[3 + (size_t)cx->now_ms % 20] ^= 2;
    must(notice(cx, body, id, parts[1], str_of(signature), &again) == ERR_UNAUTHORIZED,
         "a signature that was changed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cx cx;

    setenv("GREVY_SECRET_SANDBOX_WEBHOOK", "whsec of a fuzzer", 1);
    cx_open(&cx, env_system(), BUDGET_BYTES);
    cx.now_ms = INT64_C(1760000000000);
    check(&cx, (struct str){(const char *)data, size});
    cx_close(&cx);
    return 0;
}
