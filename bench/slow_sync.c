/*
 * slow_sync.c - makes this disk a slower one: every fsync and fdatasync takes 2 ms longer.
 *
 *   LD_PRELOAD=build/bench/slow_sync.so build/grevy serve ..
 *
 * The delay stands where a SQLite VFS of the test would stand, but in the C library's place, so
 * that the measured server is the very binary that ships.  SLOW_SYNC_US in the environment sets
 * another delay.  Not for programs that call the kernel past the C library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DELAY_US = 2000, DELAY_US_MAX = 1000000 };

static long delay_us = DELAY_US;
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void find_real(void)
{
    const char *text = getenv("SLOW_SYNC_US");
    long us = text ? strtol(text, NULL, 10) : DELAY_US;

    delay_us = us >= 0 && us <= DELAY_US_MAX ? us : DELAY_US;
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (!real_fsync || !real_fdatasync)
        abort();
}

static void wait_more(void)
{
    struct timespec left = {.tv_sec = delay_us / 1000000, .tv_nsec = delay_us % 1000000 * 1000};
    int saved = errno;

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
    errno = saved;
}

int fsync(int fd)
{
    int result = real_fsync(fd);

    wait_more();
    return result;
}

int fdatasync(int fd)
{
    int result = real_fdatasync(fd);

    wait_more();
    return result;
}
