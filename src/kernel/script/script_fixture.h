/*
 * script_fixture.h - scripts for tests, from their body.
 *
 * Invariants: what a fixture opened it closes, and is not moved meanwhile; a test ends with no idle
 * Lua state; how fast the machine is decides nothing.
 */
#ifndef GREVY_SCRIPT_SCRIPT_FIXTURE_H
#define GREVY_SCRIPT_SCRIPT_FIXTURE_H

#include "kernel/script/script.h"

/* The system's, but for the monotonic clock: it goes on by step_us whenever it is looked at. */
struct script_env {
    struct env env;
    int64_t now_us, step_us;
};

struct script_fixture {
    struct script_env env;
    struct cx cx;
    struct arena keep;
    struct script_source source;
    const struct script *script;
};

/** Open cx and keep, nothing compiled; the monotonic clock stands still. */
void script_fixture_open(struct script_fixture *fixture);
void script_fixture_close(struct script_fixture *fixture);

/** Read and compile a document. */
enum err script_fixture_document(struct script_fixture *fixture, const char *document);

/** Compile a script "test/script" of inputs n: int, t: text (both optional) and outputs n: int,
 *  t: text (both optional), fallback {"t": "fallback"}, without tests; body as it stands. */
enum err script_fixture_body(struct script_fixture *fixture, const char *body);

/** Call with inputs as JSON; the outputs as JSON. */
struct str script_fixture_call(struct script_fixture *fixture, const char *inputs,
                               struct script_answer *answer);

#endif
