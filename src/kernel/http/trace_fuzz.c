/*
 * trace_fuzz.c - any text as the traceparent of a request.
 *
 * Checked against a plain reading of W3C Trace Context: what we go on with is valid whatever was
 * given; a valid one keeps its trace and flags and gets a parent of ours; any other is forgotten.
 */
#include <string.h>

#include "kernel/http/dispatch_priv.h"
#include "test/kit/fuzz.h"

enum { TRACE_LEN = 55 };

/* Hexadecimal where the form has x, and neither id all zeros. */
static bool is_valid(struct str text)
{
    static const char form[] = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";

    if (text.len != TRACE_LEN)
        return false;
    for (size_t k = 0; k < TRACE_LEN; k++) {
        char c = text.ptr[k];

        if (form[k] == 'x' ? c == '\0' || !strchr("0123456789abcdef", c) : c != form[k])
            return false;
    }
    return strspn(text.ptr + 3, "0") < 32 && strspn(text.ptr + 36, "0") < 16;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";

    return (int)(strchr(digits, c) - digits);
}

static void begin(struct str given, char out[TRACE_LEN + 1])
{
    struct pair header = {STR("TraceParent"), given};
    struct call call = {.task.cx.env = env_system(), .test_headers = &header};

    call.test_header_count = 1;
    trace_begin(&call);
    must(is_valid(str_of(call.task.cx.trace)), "what we go on with is valid");
    memcpy(out, call.task.cx.trace, TRACE_LEN + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[TRACE_LEN + 1], second[TRACE_LEN + 1];
    struct str given = {(const char *)data, size};

    begin(given, first);
    if (is_valid(given)) {
        must(memcmp(first, given.ptr, 35) == 0, "the trace is kept");
        must(first[53] == '0' && digit(first[54]) == (digit(given.ptr[54]) & 3),
             "so are the flags that are known, and no others");
        must(memcmp(first + 36, given.ptr + 36, 16) != 0, "the parent is ours");
    } else {
        begin(given, second);
        must(memcmp(first, second, 35) != 0, "each begins a trace of its own");
    }
    begin(str_of(first), second);
    must(memcmp(first, second, 35) == 0, "ours is one that we would keep");
    return 0;
}
