/*
 * ask.c - requests, alone or several in one batch; what an answer proves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

int64_t id_of(struct sim *sim, const char *text)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const char *at = strchr(text, '_');
    int64_t id = 0;

    if (!at)
        sim_fail(sim, "\"%s\" is no id", text);
    for (at++; *at; at++) {
        const char *digit = strchr(digits, *at);

        if (!digit)
            sim_fail(sim, "\"%s\" is no id", text);
        id = id * 32 + (digit - digits);
    }
    return id;
}

void learn(struct sim *sim, enum fact_kind kind, int64_t id)
{
    if (sim->fact_count < SIM_FACTS_MAX)
        sim->facts[sim->fact_count++] = (struct fact){kind, id, mini_now_ms(sim->mini), sim->event};
}

/* ---- The same key gets the same answer ---- */

static void compare(struct sim *sim, struct wish *wish, struct answer answer)
{
    if (wish->status) {
        if (answer.status != wish->status || strcmp(answer.body, wish->answer) != 0)
            sim_fail(sim, "the key %s got another answer: %d %s, before: %d %s", wish->key,
                     answer.status, answer.body, wish->status, wish->answer);
        if (!answer.replayed)
            sim_fail(sim, "the answer to %s does not say that it is an old one", wish->key);
        return;
    }
    if (answer.status / 100 != 2)
        return; /* Refusals are not kept. */
    wish->status = answer.status;
    wish->answer = answer.body;
}

/* ---- Asking ---- */

static void begin(struct sim *sim, struct ask *ask)
{
    struct mini_request request = {.request = ask->request,
                                   .body = ask->body,
                                   .api_key = ask->anonymous ? ""
                                              : ask->second  ? sim->second_key
                                                             : NULL,
                                   .idempotency_key = ask->key,
                                   .headers = ask->headers,
                                   .header_count = (size_t)ask->header_count};

    ask->call = mini_begin(sim->mini, &request);
}

static void fold(struct sim *sim, struct answer answer)
{
    for (const char *at = answer.body; *at; at++)
        sim->digest = (sim->digest ^ (unsigned char)*at) * UINT64_C(1099511628211);
    sim->digest = (sim->digest ^ (uint64_t)answer.status) * UINT64_C(1099511628211);
}

static void end(struct sim *sim, struct ask *ask)
{
    struct answer answer = mini_end(sim->mini, ask->call);
    bool news = !answer.replayed;

    fold(sim, answer);
    sim->answers++;
    if (sim->tell)
        printf("    %s %s -> %d%s %.120s\n", ask->request, ask->body ? ask->body : "",
               answer.status, answer.replayed ? " (replayed)" : "", answer.body);
    if (answer.status >= 500 || answer.status == 413) {
        sim->failures++;
        if (!sim->faulty)
            sim_fail(sim, "%s %s: %d %s, and nothing was wrong with the world", ask->request,
                     ask->body ? ask->body : "", answer.status, answer.body);
        return; /* Unknown: it may or may not have happened. */
    }
    sim->refusals += answer.status >= 400;
    if (ask->must && answer.status >= 400)
        sim_fail(sim, "%s %s was refused: %s", ask->request, ask->body, answer.body);
    /* A notice that was told before changes nothing, and needs no lease; nor does a read. */
    if (sim->rival_fence && !str_starts(str_of(ask->request), STR("GET ")) &&
        answer.status / 100 == 2 && !answer.replayed && !ask->anonymous &&
        check_fence(sim) == sim->rival_fence)
        sim_fail(sim, "%s was answered without the lease", ask->request);
    if (ask->wish >= 0) {
        news |= sim->wishes[ask->wish].status == 0; /* It had happened, and nobody was told. */
        compare(sim, &sim->wishes[ask->wish], answer);
    }
    if (ask->then && answer.status / 100 == 2 && news)
        ask->then(sim, ask, answer);
}

void ask_all(struct sim *sim, struct ask *asks, int count)
{
    bool pending = true;

    for (int k = 0; k < count; k++)
        begin(sim, &asks[k]);
    while (pending) {
        pending = false;
        for (int k = 0; k < count; k++)
            pending |= mini_pending(asks[k].call);
        if (pending)
            mini_step(sim->mini);
    }
    for (int k = 0; k < count; k++)
        end(sim, &asks[k]);
}

void ask_one(struct sim *sim, struct ask *ask)
{
    ask_all(sim, ask, 1);
}
