/*
 * cursor_fuzz.c - any text as the cursor of a list.
 *
 * Checked: no text but what this space made is taken, and it reads back; a cursor with one digit
 * changed, cut off or added is refused, and so is another space's.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/work/space.h"
#include "test/kit/fuzz.h"

enum { BUDGET_BYTES = 1 << 20 };

static bool taken(struct cx *cx, struct str text, int64_t *a, int64_t *b)
{
    enum err err;

    fail_clear(cx);
    err = cursor_read(cx, text, a, b);
    must(err == OK || strcmp(cx->problem.code, "bad_cursor") == 0, "a reason");
    must(err == OK || strcmp(cx->problem.pointer, "?cursor") == 0, "a place");
    return err == OK;
}

static void check_made(struct cx *cx, struct space *other, int64_t a, int64_t b, uint8_t at_digit)
{
    struct str text = cursor_make(cx, a, b), damaged = cx_copy(cx, text);
    struct str longer = cx_printf(cx, STR_FMT "A", STR_ARG(text));
    char *at = (char *)(uintptr_t)damaged.ptr + at_digit % damaged.len;
    int64_t x = 0, y = 0;

    must(taken(cx, text, &x, &y) && x == a && y == b, "what was made is taken");
    *at = *at == 'A' ? 'B' : 'A';
    must(!taken(cx, damaged, &x, &y), "what was changed is refused");
    must(!taken(cx, (struct str){text.ptr, text.len - 1}, &x, &y), "what was cut is refused");
    must(!taken(cx, longer, &x, &y), "what was made longer is refused");
    must(x == a && y == b, "a refusal changes nothing");
    cx->space = other;
    must(!taken(cx, text, &x, &y), "another space's is refused");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct platform platform;
    static struct space here = {.platform = &platform}, other = {.platform = &platform};
    struct str text = {(const char *)data, size};
    int64_t a = 0, b = 0;
    struct cx cx;

    snprintf(here.name, sizeof(here.name), "here");
    snprintf(other.name, sizeof(other.name), "other");
    cx_open(&cx, env_system(), BUDGET_BYTES);
    cx.space = &here;
    if (taken(&cx, text, &a, &b)) /* Found by the fuzzer: then it must be the one we make. */
        must(str_eq(text, cursor_make(&cx, a, b)), "one cursor, one text");
    if (size >= 17) {
        memcpy(&a, data, 8);
        memcpy(&b, data + 8, 8);
        check_made(&cx, &other, a, b, data[16]);
    }
    cx_close(&cx);
    return 0;
}
