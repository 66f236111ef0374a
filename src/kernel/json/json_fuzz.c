/*
 * json_fuzz.c - arbitrary bytes: what is accepted means the same once minified, what is refused has
 * a place, and the fast reader and the slow one agree on which is which.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/json/json.h"
#include "kernel/json/position.h"
#include "kernel/json/tape.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 64 << 20 };

/* The tape of v, which the next json_parse overwrites, as its own copy. */
static uint64_t *copy_words(struct cx *cx, struct json v, size_t *count)
{
    const struct json_tape *tape = v.doc;
    uint64_t *words;

    *count = tape_payload(tape, 0);
    words = CX_ARRAY(cx, uint64_t, *count);
    memcpy(words, tape->words, *count * sizeof(*words));
    return words;
}

static void check_accepted(struct cx *cx, struct str text, struct json v)
{
    struct json_fault fault;
    struct json again;
    struct str compact = json_minified(cx, v), twice;
    size_t count, count_again;
    uint64_t *words = copy_words(cx, v, &count), *words_again;

    assert(!json_find_fault(text, 0, &fault));
    assert(json_parse(cx, compact, &again) == OK);
    words_again = copy_words(cx, again, &count_again);
    assert(count == count_again);
    assert(memcmp(words, words_again, count * sizeof(*words)) == 0);
    twice = json_minified(cx, again);
    assert(str_eq(compact, twice));
    assert(str_utf8(compact));
}

static void check_refused(const struct cx *cx, struct str text)
{
    struct json_fault fault;

    assert(strncmp(cx->problem.detail, "line ", 5) == 0);
    assert(strcmp(cx->problem.code, "json_duplicate_key") == 0 || json_find_fault(text, 0, &fault));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct json v;
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    if (json_parse(&cx, text, &v) == OK)
        check_accepted(&cx, text, v);
    else
        check_refused(&cx, text);
    cx_close(&cx);
    return 0;
}
