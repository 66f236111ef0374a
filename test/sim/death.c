/*
 * death.c - a run that dies says of what, in which event and where.
 */
#define _GNU_SOURCE
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "test/sim/sim.h"

enum { FRAMES_MAX = 24, LINE_LEN_MAX = 500 };

extern const char __executable_start[]; /* The linker's. */

static const int *event_now;
static int seconds_left;

/* One line, the last of standard error: sim.c shows it. */
static void __attribute__((noreturn)) die(int number, const char *what)
{
    char line[LINE_LEN_MAX];
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    size_t len = (size_t)snprintf(line, sizeof(line), "\n%s in event %d; addr2line -e build/sim",
                                  what, *event_now);
    ssize_t written;

    for (int k = 2; k < count && len < sizeof(line); k++) /* Without this and its caller. */
        len += (size_t)snprintf(line + len, sizeof(line) - len, " %tx",
                                (const char *)frames[k] - __executable_start);
    written = write(STDERR_FILENO, line, len < sizeof(line) ? len : sizeof(line) - 1);
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
    _exit(2);
}

static void crashed(int number)
{
    char what[40];

    snprintf(what, sizeof(what), "died of signal %d", number);
    die(number, what);
}

/* Anew each time: a timer of intervals makes up for what was charged at once. */
static void next_second(void)
{
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = 1}, NULL);
}

static void second_passed(int number)
{
    if (--seconds_left <= 0)
        die(number, "took too much time");
    next_second();
}

void death_watch(const int *event, int cpu_s_max)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_RESETHAND};
    void *frame;

    event_now = event;
    seconds_left = cpu_s_max;
    (void)backtrace(&frame, 1); /* It loads a library: not later, in a handler. */
    for (size_t k = 0; k < sizeof(deadly) / sizeof(deadly[0]); k++)
        sigaction(deadly[k], &action, NULL);
    action = (struct sigaction){.sa_handler = second_passed, .sa_flags = SA_RESTART};
    sigaction(SIGPROF, &action, NULL);
    next_second();
}
