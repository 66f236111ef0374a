/*
 * provider.c - the payment provider: another company.  It takes money when payers pay, gives some
 * back, tells us late, twice, in any order or never, and answers truly when asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/effect/secret.h"
#include "test/sim/sim.h"

enum { FEE_MINOR = 7, STATEMENT_PAGE = 200 };

/* ---- What it keeps ---- */

static int charge_of(const struct provider *provider, const char *ours)
{
    for (int k = 0; k < provider->charge_count; k++)
        if (strcmp(provider->charges[k].ours, ours) == 0)
            return k;
    return -1;
}

static int back_of(const struct provider *provider, const char *ours)
{
    for (int k = 0; k < provider->back_count; k++)
        if (strcmp(provider->backs[k].ours, ours) == 0)
            return k;
    return -1;
}

static void note(struct provider *provider, int charge, int back)
{
    if (provider->notice_count == SIM_NOTICES_MAX)
        return;
    provider->notices[provider->notice_count] =
        (struct notice){.number = provider->notice_count, .charge = charge, .give_back = back};
    provider->notice_count++;
}

/* ---- Calls ---- */

static struct answer body_of(struct sim *sim, struct str body)
{
    return (struct answer){.body = mini_text(sim->mini, STR_FMT, STR_ARG(body))};
}

static void keep_name(char to[24], const char *name)
{
    snprintf(to, 24, "%s", name);
}

static void answer_charge(struct sim *sim, struct outside_call *call)
{
    struct provider *provider = &sim->provider;
    struct answer body = body_of(sim, call->body);
    const char *ours = mini_get(sim->mini, body, "reference");
    int k = charge_of(provider, ours);

    if (k < 0) {
        if (provider->charge_count == SIM_CHARGES_MAX)
            return; /* No answer. */
        k = provider->charge_count++;
        provider->charges[k] =
            (struct charge){.asked_minor = mini_get_int(sim->mini, body, "amount.amount"),
                            .ms = mini_now_ms(sim->mini)};
        keep_name(provider->charges[k].ours, ours);
    }
    call->status = 200;
    call->reply =
        cx_printf(call->cx, "{\"id\":\"ch_%s\",\"pay_url\":\"http://pay/%s\"}", ours, ours);
}

static int64_t given_of(const struct provider *provider, int charge)
{
    int64_t sum = 0;

    for (int k = 0; k < provider->back_count; k++)
        sum += provider->backs[k].charge == charge ? provider->backs[k].amount_minor : 0;
    return sum;
}

/* A tenth has no way back; some take their time. */
static void take_refund(struct sim *sim, struct answer body, const char *ours, int charge)
{
    struct provider *provider = &sim->provider;
    struct give_back *back = &provider->backs[provider->back_count];

    *back = (struct give_back){.charge = charge,
                               .amount_minor = mini_get_int(sim->mini, body, "amount.amount"),
                               .ms = mini_now_ms(sim->mini),
                               .done = dice_percent(&sim->dice, 60)};
    keep_name(back->ours, ours);
    provider->back_count++;
    if (given_of(provider, charge) > provider->charges[charge].taken_minor)
        sim_fail(sim, "more is given back of %s than was taken", provider->charges[charge].ours);
}

static void answer_refund(struct sim *sim, struct outside_call *call)
{
    struct provider *provider = &sim->provider;
    struct answer body = body_of(sim, call->body);
    const char *ours = mini_get(sim->mini, body, "reference");
    const char *charge = mini_get(sim->mini, body, "charge");
    int k = back_of(provider, ours), of = charge_of(provider, charge + strlen("ch_"));
    char now[TIME_TEXT_LEN + 1];

    if (of < 0 || provider->charges[of].state != CHARGE_TAKEN)
        sim_fail(sim, "a refund is asked of %s, which took nothing", charge);
    if (k < 0 && (dice_percent(&sim->dice, 10) || provider->back_count == SIM_CHARGES_MAX)) {
        call->status = 422;
        call->reply = STR("{\"code\":\"no_route\"}");
        return;
    }
    if (k < 0) {
        k = provider->back_count;
        take_refund(sim, body, ours, of);
    }
    time_format(now, provider->backs[k].ms);
    call->status = 200;
    call->reply = cx_printf(call->cx,
                            "{\"id\":\"re_%s\",\"state\":\"%s\",\"time\":\"%s\",\"reason\":\"\","
                            "\"amount\":{\"amount\":%lld,\"currency\":\"CNY\"}}",
                            ours, provider->backs[k].done ? "succeeded" : "pending", now,
                            (long long)provider->backs[k].amount_minor);
}

static void answer_ask(struct sim *sim, struct outside_call *call, bool refund)
{
    static const char *const states[] = {"pending", "succeeded", "failed"};
    const struct provider *provider = &sim->provider;
    const char *url = mini_text(sim->mini, STR_FMT, STR_ARG(call->url));
    const char *ours = strrchr(url, '/') + 1;
    int k = refund ? back_of(provider, ours) : charge_of(provider, ours);
    int64_t amount = 0, taken = 0, ms = 0;
    const char *state = "pending";
    char now[TIME_TEXT_LEN + 1];

    call->status = k < 0 ? 404 : 200;
    if (k < 0)
        return;
    if (refund) {
        amount = taken = provider->backs[k].amount_minor;
        ms = provider->backs[k].ms;
        state = provider->backs[k].done ? "succeeded" : "pending";
    } else {
        amount = provider->charges[k].asked_minor;
        taken = provider->charges[k].taken_minor;
        ms = provider->charges[k].ms;
        state = states[provider->charges[k].state];
    }
    time_format(now, ms);
    call->reply = cx_printf(call->cx,
                            "{\"id\":\"%s_%s\",\"state\":\"%s\",\"time\":\"%s\","
                            "\"captured_minor\":%lld,\"fee\":%d,\"reason\":\"\","
                            "\"amount\":{\"amount\":%lld,\"currency\":\"CNY\"}}",
                            refund ? "re" : "ch", ours, state, now, (long long)taken, FEE_MINOR,
                            (long long)amount);
}

static void outside(void *context, struct outside_call *call)
{
    struct sim *sim = context;

    if (sim->provider.down > 0) {
        sim->provider.down--;
        call->error = STR("connection refused");
    } else if (str_is(call->kind, "payment.intent")) {
        answer_charge(sim, call);
    } else if (str_is(call->kind, "payment.refund")) {
        answer_refund(sim, call);
    } else if (str_is(call->kind, "payment.ask")) {
        answer_ask(sim, call, false);
    } else if (str_is(call->kind, "payment.ask_refund")) {
        answer_ask(sim, call, true);
    } else {
        call->status = 404; /* No statements: days are not compared here. */
    }
}

void provider_open(struct sim *sim)
{
    setenv("GREVY_SECRET_SANDBOX_WEBHOOK", "whsec of the simulation", 1);
    mini_on_outside(sim->mini, outside, sim);
}

/* ---- What happens there ---- */

static bool give_now(struct sim *sim)
{
    struct provider *provider = &sim->provider;

    for (int k = 0; k < provider->back_count; k++) {
        if (provider->backs[k].done)
            continue;
        sim_say(sim, "the provider gives back %s", provider->backs[k].ours);
        provider->backs[k].done = true;
        provider->backs[k].ms = mini_now_ms(sim->mini);
        note(provider, -1, k);
        return true;
    }
    return false;
}

bool provider_acts(struct sim *sim)
{
    struct provider *provider = &sim->provider;

    if (dice_percent(&sim->dice, 30) && give_now(sim))
        return true;
    for (int k = 0; k < provider->charge_count; k++) {
        struct charge *charge = &provider->charges[k];

        if (charge->state != CHARGE_OPEN || dice_percent(&sim->dice, 40))
            continue;
        charge->state = dice_percent(&sim->dice, 85) ? CHARGE_TAKEN : CHARGE_REFUSED;
        charge->odd = charge->state == CHARGE_TAKEN && dice_percent(&sim->dice, 4);
        if (charge->state == CHARGE_TAKEN)
            charge->taken_minor = charge->asked_minor + charge->odd;
        charge->ms = mini_now_ms(sim->mini);
        sim_say(sim, "the provider %s %s", charge->state == CHARGE_TAKEN ? "takes" : "refuses",
                charge->ours);
        note(provider, k, -1);
        return true;
    }
    return give_now(sim);
}

/* ---- Telling ---- */

struct told {
    const char *type, *kind, *ours;
    int64_t minor, ms;
    int fee_minor;
};

static struct told about(const struct provider *provider, const struct notice *notice)
{
    const struct charge *charge;
    bool taken;

    if (notice->give_back >= 0) {
        const struct give_back *back = &provider->backs[notice->give_back];

        return (struct told){"refund.succeeded", "re", back->ours, back->amount_minor, back->ms, 0};
    }
    charge = &provider->charges[notice->charge];
    taken = charge->state == CHARGE_TAKEN;
    return (struct told){
        taken ? "charge.succeeded" : "charge.failed",      "ch",       charge->ours,
        taken ? charge->taken_minor : charge->asked_minor, charge->ms, FEE_MINOR};
}

static const char *notice_body(struct sim *sim, const struct notice *notice)
{
    struct told told = about(&sim->provider, notice);
    char at[TIME_TEXT_LEN + 1];

    time_format(at, told.ms);
    return mini_text(sim->mini,
                     "{\"type\":\"%s\",\"time\":\"%s\",\"data\":{\"id\":\"%s_%s\",\"reference\":"
                     "\"%s\",\"amount\":{\"amount\":%lld,\"currency\":\"CNY\"},\"fee\":%d}}",
                     told.type, at, told.kind, told.ours, told.ours, (long long)told.minor,
                     told.fee_minor);
}

static void was_told(struct sim *sim, struct ask *ask, struct answer answer)
{
    (void)answer;
    if (sim->provider.notices[ask->number].sent++ == 0)
        learn(sim, FACT_NOTICE, ask->number);
}

static void tell(struct sim *sim, int number, struct ask *ask)
{
    const char *event = mini_text(sim->mini, "evt_%d", number);
    const char *timestamp =
        mini_text(sim->mini, "%lld", (long long)mini_now_ms(sim->mini) / SECOND_MS);
    char signature[SECRET_SIGNATURE_LEN + 1];

    ask->body = notice_body(sim, &sim->provider.notices[number]);
    struct str parts[] = {str_of(event), str_of(timestamp), str_of(ask->body)};

    if (!secret_sign(STR("SANDBOX_WEBHOOK"), parts, 3, signature))
        sim_fail(sim, "cannot sign");
    ask->request = "POST /v1/webhooks/default/payments/sandbox";
    ask->headers[0] = (struct pair){STR("webhook-id"), parts[0]};
    ask->headers[1] = (struct pair){STR("webhook-timestamp"), parts[1]};
    ask->headers[2] =
        (struct pair){STR("webhook-signature"), str_of(mini_text(sim->mini, "v1,%s", signature))};
    ask->header_count = 3;
    ask->anonymous = true;
    ask->must = true;
    ask->number = number;
    ask->then = was_told;
}

bool provider_tells(struct sim *sim, struct ask *ask)
{
    const struct provider *provider = &sim->provider;
    int recent = provider->notice_count < 20 ? provider->notice_count : 20;

    if (recent == 0 || dice_percent(&sim->dice, 10)) /* A notice may be lost for long. */
        return false;
    tell(sim, provider->notice_count - 1 - dice_below(&sim->dice, recent), ask);
    return true;
}

bool provider_all_told(struct sim *sim, struct ask *ask)
{
    for (int k = 0; k < sim->provider.notice_count; k++) {
        if (sim->provider.notices[k].sent > 0)
            continue;
        tell(sim, k, ask);
        return true;
    }
    return false;
}
