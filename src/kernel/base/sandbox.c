/*
 * sandbox.c - entering, and what is in force.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "kernel/base/sandbox_priv.h"

static struct sandbox_state in_force;

void sandbox_refused(struct sandbox_state *state, const char *what)
{
    int error = errno;
    size_t len = strlen(state->why);

    snprintf(state->why + len, sizeof(state->why) - len, "%s%s: %s", len ? "; " : "", what,
             strerror(error));
}

/* Both halves want no_new_privs of whoever is not root.  Files come first: the filter then also
 * forbids to add domains. */
void sandbox_enter(const struct sandbox *wanted)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        sandbox_refused(&in_force, "no_new_privs");
        return;
    }
    sandbox_landlock(wanted, &in_force);
    sandbox_seccomp(wanted, &in_force);
}

const struct sandbox_state *sandbox_state(void)
{
    return &in_force;
}
