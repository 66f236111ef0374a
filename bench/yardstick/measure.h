/*
 * measure.h - time and CPU, for the yardsticks.
 */
#ifndef GREVY_BENCH_MEASURE_H
#define GREVY_BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static inline int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* User and system time of this process, microseconds. */
static inline double cpu_us_self(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* The same of another process; 0 when it is gone. */
static inline double cpu_us_of(int pid)
{
    char path[64], text[512] = "";
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");

    if (!file)
        return 0;
    const char *name_end = fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;

    fclose(file);
    if (name_end)
        sscanf(name_end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

#endif
