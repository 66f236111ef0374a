/*
 * access.h - what a space remembers of who may do what, and its first key.
 *
 * For kernel/work, the server and the command line.
 */
#ifndef GREVY_ACCESS_ACCESS_H
#define GREVY_ACCESS_ACCESS_H

#include "kernel/work/space.h"

extern const struct module kernel_module;

/* GREVY_ADMIN_KEY: shorter could be guessed, longer is not a key. */
enum { ADMIN_KEY_LEN_MIN = 16, ADMIN_KEY_LEN_MAX = 256 };

/**
 * Fill the memory of the space: its keys, and the secrets derived from the master key.  Called
 * again (e.g. after the lease was taken over) it adds what is new and revokes what was revoked.
 *
 * Needs:  a unit of work that may read.
 * Errors: CONFLICT "wrong_master_key" when the space was sealed under another one.
 */
MUST_CHECK enum err access_open(struct cx *cx);

/** Wipe and free it.  Needs: nobody looks up keys any more. */
void access_close(struct space *space);

/**
 * See to it that the space has an admin key (scope "*").
 *
 * given absent: makes one if the space never had a key, and hands out its text, once.
 * given present: it becomes the admin key from outside; the one given before it is revoked.
 * *token is the text of a key made here, absent otherwise.
 *
 * Needs:  a command.
 * Errors: BAD_INPUT "bad_admin_key"; CONFLICT "admin_key_used" when given was revoked or is
 *         another key of this space.
 */
MUST_CHECK enum err access_first_admin(struct cx *cx, struct str given, struct str *token);

#endif
