/*
 * sandbox.h - the process gives up what it will not need: Landlock for files, seccomp for system
 * calls.
 *
 * Invariants:
 *   - entered once, before the first thread starts: a Landlock domain holds for the thread that
 *     enters and for those that it starts; the seccomp filter is put on all threads there are;
 *   - nothing given up comes back, not even to a program that would be executed;
 *   - what is open stays open: files, sockets and terminals of before are not touched;
 *   - a kernel that lacks a part is no failure here: the state says what is missing and why.
 */
#ifndef GREVY_BASE_SANDBOX_H
#define GREVY_BASE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

enum { SANDBOX_ANY_PORT = -1, SANDBOX_WHY_LEN_MAX = 240 };

struct sandbox {
    const char *write_dir;         /* Made, read, written and removed in; NULL: nothing is. */
    const char *const *read_paths; /* Files and directories, NULL-terminated; what does not exist
                                     * is left out. */
    int64_t bind_port;             /* The one TCP port to listen on (0: the kernel picks), or
                                     * SANDBOX_ANY_PORT.  From Landlock ABI 4 on. */
    bool sanitized;                /* Built with a sanitizer, see sandbox_seccomp.c. */
};

struct sandbox_state {
    int landlock_abi; /* 0: not in force. */
    bool seccomp;
    char why[SANDBOX_WHY_LEN_MAX]; /* Why one of the two is not in force, or "". */
};

void sandbox_enter(const struct sandbox *wanted);

/** What is in force in this process. */
const struct sandbox_state *sandbox_state(void);

#endif
