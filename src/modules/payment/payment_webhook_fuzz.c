/*
 * payment_webhook_fuzz.c - any bytes as a notice of a payment provider.
 *
 * Checked: signed, it is taken or refused with a reason, the same twice, and what is taken keeps
 * the limits of a notice; with its body, name, time or signature changed, or too old, it is
 * nobody's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/effect/secret.h"
#include "modules/payment/payment_priv.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 64 << 20 };

static enum err notice(struct cx *cx, struct str body, struct str id, struct str at,
                       struct str signature, struct payment_notice *out)
{
    struct req req = {.cx = cx, .raw = body, .headers = {id, at, signature}};
    enum err err = payment_providers[0].notice(&req, out);

    must(err == cx->problem.err, "what is recorded is what is returned");
    must(err == OK || (cx->problem.code && cx->problem.detail[0]), "a reason");
    return err;
}

/* The headers and the body of one notice, signed for them. */
struct signed_notice {
    struct str id, at, body;
    char at_text[24], signature[3 + SECRET_SIGNATURE_LEN + 1];
};

static struct signed_notice *sign(struct cx *cx, struct str body, int64_t at_ms)
{
    struct signed_notice *signed_ = CX_NEW(cx, struct signed_notice);
    struct str parts[3];

    snprintf(signed_->at_text, sizeof(signed_->at_text), "%" PRId64, at_ms / SECOND_MS);
    signed_->id = STR("evt_1");
    signed_->at = str_of(signed_->at_text);
    signed_->body = body;
    parts[0] = signed_->id;
    parts[1] = signed_->at;
    parts[2] = body;
    memcpy(signed_->signature, "v1,", 3);
    must(secret_sign(STR("SANDBOX_WEBHOOK"), parts, 3, signed_->signature + 3), "a secret");
    return signed_;
}

static enum err told(struct cx *cx, const struct signed_notice *it, struct payment_notice *out)
{
    fail_clear(cx);
    return notice(cx, it->body, it->id, it->at, str_of(it->signature), out);
}

static void refused(struct cx *cx, const struct signed_notice *it, const char *what)
{
    struct payment_notice out;

    must(told(cx, it, &out) == ERR_UNAUTHORIZED, what);
}

static void check_limits(const struct payment_notice *notice)
{
    must(notice->amount_minor >= 1 && notice->amount_minor <= MONEY_MINOR_MAX, "an amount");
    must(notice->fee_minor >= 0 && notice->fee_minor <= MONEY_MINOR_MAX, "a fee");
    must(currency_ok(notice->currency), "a currency");
    must(notice->ref.len >= 1 && notice->ref.len <= PAYMENT_REF_LEN_MAX, "a name");
    must(notice->reason.len <= PAYMENT_REASON_LEN_MAX && str_utf8(notice->reason), "a reason");
    must(notice->ours >= 0 && notice->time_ms >= 0, "an id and a time");
    must(str_is(notice->event, "evt_1"), "the name it came under");
}

static void check_genuine(struct cx *cx, const struct signed_notice *it)
{
    struct payment_notice first = {0}, again = {0};
    enum err err = told(cx, it, &first);
    struct problem why = cx->problem;

    must(err != ERR_UNAUTHORIZED, "what was signed is heard");
    must(told(cx, it, &again) == err, "one opinion");
    must(strcmp(why.detail, cx->problem.detail) == 0, "one reason");
    if (err != OK)
        return;
    check_limits(&first);
    must(str_eq(first.ref, again.ref) && first.ours == again.ours && first.type == again.type &&
             first.amount_minor == again.amount_minor,
         "what it says");
}

static void check_forged(struct cx *cx, const struct signed_notice *genuine, size_t at)
{
    struct signed_notice it = *genuine;
    char *body = cx_alloc(cx, it.body.len + 1);

    if (it.body.len > 0) {
        memcpy(body, it.body.ptr, it.body.len);
        body[at % it.body.len] ^= (char)(1 << at % 8);
        it.body.ptr = body;
        refused(cx, &it, "a body that was changed");
        it.body = (struct str){genuine->body.ptr, genuine->body.len - 1};
        refused(cx, &it, "a body that was cut");
        it.body = genuine->body;
    }
    it.id = STR("evt_2");
    refused(cx, &it, "another event's signature");
    it.id = genuine->id;
    it.at.len--;
    refused(cx, &it, "another time's signature");
    it.at = genuine->at;
    it.signature[3 + at % SECRET_SIGNATURE_LEN] ^= 2;
    refused(cx, &it, "a signature that was changed");
    it.signature[3 + at % SECRET_SIGNATURE_LEN] = '\0';
    refused(cx, &it, "a signature that was cut");
    refused(cx, sign(cx, it.body, cx->now_ms - HOUR_MS), "an old one");
    refused(cx, sign(cx, it.body, cx->now_ms + HOUR_MS), "one of the future");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct signed_notice *it;
    struct cx cx;

    setenv("GREVY_SECRET_SANDBOX_WEBHOOK", "whsec of a fuzzer", 1);
    cx_open(&cx, env_system(), BUDGET_BYTES);
    cx.now_ms = INT64_C(1760000000000);
    it = sign(&cx, (struct str){(const char *)data, size}, cx.now_ms);
    check_genuine(&cx, it);
    check_forged(&cx, it, size > 0 ? size + data[size - 1] : 0);
    cx_close(&cx);
    return 0;
}
