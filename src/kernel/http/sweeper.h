/*
 * sweeper.h - absolute deadlines: a client that drips bytes gains nothing by it.
 *
 * A worker visits its connections in slices, each of them once per period (a quarter of the
 * shortest deadline, at most a second), between two turns of libmicrohttpd and on the same thread:
 * no descriptor can be closed or reused meanwhile, so there is no lock.
 *
 * Invariants: a connection is cut no earlier than its deadline and at most one period later; one
 * that waits for our answer is never cut.
 */
#ifndef GREVY_HTTP_SWEEPER_H
#define GREVY_HTTP_SWEEPER_H

#include "kernel/http/engine_priv.h"

/** The period for these options. */
int64_t sweep_period_us(const struct http_server *server);

/** Visit a slice if one is due. */
void sweep(struct worker *worker);

/** Draining: close what is idle now; with `all`, whatever is open. */
void sweep_drain(struct worker *worker, bool all);

/** Say that we are done, and close when the client is, or LINGER_MS later. */
void connection_cut(struct connection *c);

#endif
