/*
 * check.c - what a test body calls.  Failing ends the process at once: no destructor runs, so a
 * sanitizer report can only speak of the test itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/kit/kit.h"

struct kit_run kit_run;

static void __attribute__((noreturn)) end(int status)
{
    fflush(NULL);
    _exit(status);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    end(KIT_EXIT_FAILED);
}

void test_fail_say(struct test_at at, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: %s is false: ", at.file, at.line, at.a);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    end(KIT_EXIT_FAILED);
}

void test_equal_int(struct test_at at, int64_t a, int64_t b)
{
    if (a == b)
        return;
    test_fail(at.file, at.line, "%s is not %s\n    left:  %" PRId64 "\n    right: %" PRId64, at.a,
              at.b, a, b);
}

void test_equal_str(struct test_at at, const char *a, const char *b)
{
    if (a == b || (a && b && strcmp(a, b) == 0))
        return;
    test_fail(at.file, at.line, "%s is not %s\n    left:  %s%s%s\n    right: %s%s%s", at.a, at.b,
              a ? "\"" : "", a ? a : "NULL", a ? "\"" : "", b ? "\"" : "", b ? b : "NULL",
              b ? "\"" : "");
}

void test_equal_text(struct test_at at, struct str a, const char *b)
{
    if (a.len == strlen(b) && (a.len == 0 || memcmp(a.ptr, b, a.len) == 0))
        return;
    test_fail(at.file, at.line,
              "%s is not %s\n    left:  \"" STR_FMT "\" (%zu bytes)\n    right: \"%s\" (%zu bytes)",
              at.a, at.b, STR_ARG(a), a.len, b, strlen(b));
}

void test_skip(const char *reason)
{
    fprintf(stderr, "%s\n", reason);
    end(KIT_EXIT_SKIPPED);
}

const char *test_dir(void)
{
    if (mkdir(kit_run.dir, 0700) != 0 && errno != EEXIST)
        test_fail(__FILE__, __LINE__, "cannot make %s: %s", kit_run.dir, strerror(errno));
    return kit_run.dir;
}

const char *test_unique(void)
{
    static char name[32];

    /* The parent is the runner: runs at the same time on one cluster differ in its pid. */
    snprintf(name, sizeof(name), "t%d_%d", (int)getppid(), kit_run.number);
    return name;
}
