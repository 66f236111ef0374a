/*
 * turn_away.h - refusing what cannot be done now, before anything is made of it.
 *
 * Invariant: only a request that came whole and alone, with nothing of its connection under way, is
 * turned away; its connection stays as if it had never been asked.
 */
#ifndef GREVY_HTTP_TURN_AWAY_H
#define GREVY_HTTP_TURN_AWAY_H

#include "kernel/http/engine_priv.h"

struct glance {
    struct str method, path, authorization; /* Borrowed; as they were sent, path without query. */
};

/** What a framed request says at a glance.  False: not to be judged so (another version, or its
 *  connection is to be closed afterwards). */
bool glance_read(struct str bytes, struct glance *glance);

enum turned { TURNED_NOT, TURNED_AWAY, TURNED_LOST /* Nobody takes the refusal. */ };

/** Bytes are one whole request. */
enum turned turn_away(struct connection *c, struct str bytes);

#endif
