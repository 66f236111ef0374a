/*
 * fuzz.h - the entry point of a fuzz target, src/.../NAME_fuzz.c.
 *
 * Built twice: by clang with libFuzzer (build/fuzz/NAME_fuzz), and by gcc with replay.c
 * (build/asan/NAME_fuzz_replay), which runs every file of test/fuzz/NAME/ as a regression test.
 */
#ifndef GREVY_TEST_KIT_FUZZ_H
#define GREVY_TEST_KIT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** What a target promises. */
static inline void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

/** Always returns 0; a bug shows as a crash or a sanitizer report. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
