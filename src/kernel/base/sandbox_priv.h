/*
 * sandbox_priv.h - the two halves of the sandbox.
 *
 * Invariants: each says in state->why what the kernel refused; then nothing of it is in force.
 */
#ifndef GREVY_BASE_SANDBOX_PRIV_H
#define GREVY_BASE_SANDBOX_PRIV_H

#include "kernel/base/err.h"
#include "kernel/base/sandbox.h"

void sandbox_landlock(const struct sandbox *wanted, struct sandbox_state *state);
void sandbox_seccomp(const struct sandbox *wanted, struct sandbox_state *state);

/** Add to state->why: "WHAT: what errno says". */
void sandbox_refused(struct sandbox_state *state, const char *what);

#endif
