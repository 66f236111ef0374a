/*
 * master.h - the one secret above all persons' keys.
 *
 * Invariants:
 *   - it never lies in the data directory: who copies the data has not got the key;
 *   - a key file is readable by its owner alone;
 *   - it is made once; a file that is there is read or refused, never replaced.
 */
#ifndef GREVY_ACCESS_MASTER_H
#define GREVY_ACCESS_MASTER_H

#include "kernel/base/cx.h"

enum { MASTER_KEY_BYTES = 32 };

/**
 * Load the master key: from GREVY_MASTER_KEY (32 bytes as base64url) when that is set, else from
 * the file path, else from the default file: the data directory's name and ".key", beside it.  A
 * file that is missing is made, with mode 0600.
 *
 * path may be NULL; data_dir may be NULL when nothing is stored in files, and need not exist yet.
 * Errors: BAD_INPUT "bad_master_key", "key_file_inside", "no_master_key"; FORBIDDEN
 *         "key_file_exposed"; STORAGE "key_file".  The detail says what to do.
 */
MUST_CHECK enum err master_key_load(const char *path, const char *data_dir,
                                    unsigned char out[MASTER_KEY_BYTES], struct problem *problem);

#endif
