/*
 * clerk.c - a module of the simulation alone: it consumes events, now and then fails at it, and
 * writes down each one it has seen.
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

const struct module clerk_module = {
    .name = "clerk",
    .schema = clerk_schema,
    .consumes = CONSUMES({"order.placed", note}, {"order.paid", note}, {"order.expired", note},
                         {"payment.captured", note}, {"aftersale.refunded", note}),
};
