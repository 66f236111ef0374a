/*
 * epoch.h - memory that readers use without a lock, and that is freed when the last has left.
 *
 * A reader enters, loads a shared pointer, uses what it points to, and leaves.  Who replaces the
 * pointer retires what it pointed to: it is freed once every thread that was inside at that moment
 * has left.  Readers never wait, and neither does who retires (epoch-based reclamation: Fraser,
 * "Practical lock-freedom", 2004, section 5.2.3).
 *
 * Invariants:
 *   - between epoch_enter and its epoch_leave nothing is freed that a thread could see at the enter
 *     or after it; pairs may nest;
 *   - a pointer is replaced (seq_cst) before what it pointed to is retired;
 *   - things are freed in the order in which they were retired;
 *   - who is inside waits for nothing that might wait for a release of memory: an enter that lasts
 *     delays every release of the process.
 */
#ifndef GREVY_BASE_EPOCH_H
#define GREVY_BASE_EPOCH_H

#include <stddef.h>

enum {
    EPOCH_THREADS_MAX = 512, /* Threads of a process that ever enter, at a time: HTTP, readers,
                                writers (SPACES_MAX), workers; 64 bytes each. */
};

void epoch_enter(void);
void epoch_leave(void);

/** Free what, by release, once nobody can see it.  Needs: it cannot be reached any more. */
void epoch_retire(void *what, void (*release)(void *what));

/** Free what nobody can see any more.  Called by epoch_retire, and now and then by who retires
 *  rarely.  Returns how many things still wait. */
size_t epoch_collect(void);

#endif
