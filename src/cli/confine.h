/*
 * confine.h - what a server may still do once it runs: which files it needs, and that they are all.
 *
 * Invariants: confined before the first thread starts and after everything was read that is never
 * read again: the master key, the command line, who we are.
 */
#ifndef GREVY_CLI_CONFINE_H
#define GREVY_CLI_CONFINE_H

#include "cli/cli.h"

enum { CONFINE_FILES_MAX = 4 };

struct confine {
    const char *mode;                     /* "require", "try", "off"; NULL: "try". */
    const char *listen;                   /* Of server_listen. */
    const char *files[CONFINE_FILES_MAX]; /* To be read, NULL-terminated. */
    const char *read;                     /* More of those: "PATH:PATH", or NULL. */
};
#define CLI_CONFINE_OPTIONS(confine_)                                                              \
    {"--sandbox", &(confine_).mode, NULL},                                                         \
    {                                                                                              \
        "--sandbox-read", &(confine_).read, NULL                                                   \
    }

/** Is mode one of the three? */
bool confine_mode_ok(const struct confine *confine);

/** Give up everything else, and log what is in force.  False: mode is "require", and the kernel
 *  lacks a part; said why. */
bool confine_enter(const struct confine *confine, const struct platform_options *options);

#endif
