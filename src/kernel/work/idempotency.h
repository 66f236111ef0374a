/*
 * idempotency.h - the same key and body get the same answer, once.
 *
 * The answer is stored in the transaction that made it.  Keys are scoped by the caller's key, the
 * route and the path; kept for 24 hours (or fewer: retention.h), in one table per day that is
 * emptied whole; refusals are not stored.  A duplicate in flight waits in the writer's queue behind
 * the first and then finds its answer.
 */
#ifndef GREVY_WORK_IDEMPOTENCY_H
#define GREVY_WORK_IDEMPOTENCY_H

#include "kernel/work/work.h"

enum { IDEMPOTENCY_KEY_LEN_MAX = 255 };

struct idempotency {
    char key[44], body_hash[44]; /* BLAKE2b-256, base64url. */
    bool given;
};

/** Hash what identifies the request; on the HTTP thread.
 *  Errors: BAD_INPUT "bad_idempotency_key" (empty, too long, not printable ASCII). */
MUST_CHECK enum err idempotency_read(struct cx *cx, struct idempotency *out, struct str key,
                                     const struct req *req, struct str method, struct str path);

/** row_warm of both days' rows. */
void idempotency_warm(struct cx *cx, const struct idempotency *idempotency);

/** Fill req's answer from the stored one if there is one.
 *  Errors: UNPROCESSABLE "idempotency_key_reused" when the body differs. */
MUST_CHECK enum err idempotency_find(struct req *req, const struct idempotency *idempotency,
                                     bool *replayed);
MUST_CHECK enum err idempotency_store(struct req *req, const struct idempotency *idempotency);

/** Empty the tables whose day has passed: a job of the kernel module. */
MUST_CHECK enum err idempotency_rotate(struct cx *cx, bool *more);

#endif
