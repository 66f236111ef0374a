/*
 * clerk.c - a module of the simulation alone: it consumes events, now and then fails at it, and
 * writes down each one it has seen; it has rates in documents.
 */
#include "kernel/kernel.h"
#include "test/sim/sim.h"

struct seen {
    int64_t event, times;
};
static const struct field seen_fields[] = {F(seen, event), F(seen, times), F_END};
static const struct table seen_table = TABLE("clerk_seen", seen, seen_fields, 1);

struct last { /* Of a key. */
    struct str key;
    int64_t event, disorder;
};
static const struct field last_fields[] = {F(last, key), F(last, event), F(last, disorder), F_END};
static const struct table last_table = TABLE("clerk_last", last, last_fields, 1);

static const struct migration clerk_schema[] = {
    {"001_clerk", "create table clerk_seen (event bigint not null primary key,"
                  " times bigint not null);"
                  "create table clerk_last (key text not null primary key,"
                  " event bigint not null, disorder bigint not null);"},
    {NULL, NULL}};

bool clerk_is_ill; /* It fails whatever it is told; its retries come later. */

static enum err note(struct cx *cx, const struct event *event)
{
    struct seen seen = {.event = event->id};
    struct last last = {.key = event->key};
    bool found;

    TRY(row_find(cx, &seen_table, &seen, &found));
    seen.times++;
    TRY(row_put(cx, &seen_table, &seen));
    TRY(row_find(cx, &last_table, &last, &found));
    last.disorder += event->seq <= last.event;
    last.event = event->seq;
    TRY(row_put(cx, &last_table, &last));
    return clerk_is_ill ? fail(cx, ERR_CONFLICT, "ill", "the clerk is ill") : OK;
}

/* ---- Its rates, which editor.c moves ---- */

struct rate {
    int64_t round;
};
static const struct field rate_fields[] = {F(rate, round, .max = INT32_MAX), F_END};

static enum err compile_rate(struct cx *cx, struct arena *keep, const struct document *document,
                             struct json json, const void **out)
{
    struct rate *rate = arena_alloc(keep, sizeof(*rate));

    (void)document;
    TRY(field_decode(cx, rate_fields, FIELD_STRICT, json, "", rate));
    *out = rate;
    return OK;
}

struct shown { /* "left=3@12": version 3 says 12. */
    int64_t seq;
    struct str rates;
};
static const struct field shown_fields[] = {F(shown, seq), F(shown, rates), F_END};

struct shown_query {
    struct str user;
};
static const struct field shown_query_fields[] = {F(shown_query, user), F_END};

static enum err get_rates(struct req *req)
{
    const struct shown_query *query = req->query;
    const struct snapshot *now = documents_now(req->cx);
    struct shown shown = {.seq = snapshot_seq(now), .rates = STR("")};
    struct document_iter it = documents_in(now, "clerk.rate", query->user);

    while (document_next(&it)) {
        const struct rate *rate = it.document->compiled;

        shown.rates =
            cx_printf(req->cx, STR_FMT STR_FMT "=%" PRId64 "@%" PRId64 " ", STR_ARG(shown.rates),
                      STR_ARG(it.document->key), it.document->version, rate->round);
    }
    return reply_json(req, 200, shown_fields, &shown);
}

const struct module clerk_module = {
    .name = "clerk",
    .schema = clerk_schema,
    .routes = ROUTES({"GET", "/v1/clerk/rates", get_rates, TX_NONE, "clerk:read",
                      QUERY(shown_query, shown_query_fields), .reply = shown_fields,
                      .doc = "Rates as a user sees them."}),
    .collections = COLLECTIONS({"clerk.rate", "Rates.", .compile = compile_rate}),
    .consumes = CONSUMES({"order.placed", note}, {"order.paid", note}, {"order.expired", note},
                         {"payment.captured", note}, {"aftersale.refunded", note}),
};
