/*
 * kit.h - what runner.c and check.c share; tests never include it.
 *
 * Invariant: everything here is set by the runner before it forks the test.
 */
#ifndef GREVY_TEST_KIT_KIT_H
#define GREVY_TEST_KIT_KIT_H

#include "test/kit/test.h"

enum { KIT_EXIT_FAILED = 1, KIT_EXIT_SKIPPED = 77 };
enum { KIT_DIR_LEN_MAX = 256 };

/* The run this process is: its directory (made on first use) and its number. */
struct kit_run {
    char dir[KIT_DIR_LEN_MAX];
    int number;
};
extern struct kit_run kit_run;

#endif
