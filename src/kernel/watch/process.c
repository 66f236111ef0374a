/*
 * process.c - /proc/self, read anew each time it is asked for.
 */
#include "kernel/watch/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PROC_BYTES_MAX = 4096, START_FIELD = 22, UTIME_FIELD = 14, STIME_FIELD = 15 };

/* The start of a file as text; empty when it cannot be read. */
static void read_text(const char *path, char out[PROC_BYTES_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, out, PROC_BYTES_MAX - 1);

    out[len < 0 ? 0 : len] = '\0';
    if (fd >= 0)
        close(fd);
}

/* The n-th field of /proc/self/stat, counted from 1; n > 2.  The name of the program, in brackets,
 * may itself hold spaces and brackets. */
static int64_t stat_field(const char *text, int n)
{
    const char *at = strrchr(text, ')');

    for (int k = 2; at && k < n; k++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? strtoll(at, NULL, 10) : 0;
}

/* Unix time at which the machine started, from the "btime" line. */
static int64_t boot_seconds(void)
{
    char line[PROC_BYTES_MAX];
    FILE *file = fopen("/proc/stat", "re");
    int64_t seconds = 0;

    while (file && seconds == 0 && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "btime ", 6) == 0)
            seconds = strtoll(line + 6, NULL, 10);
    }
    if (file)
        fclose(file);
    return seconds;
}

static int64_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    int64_t count = 0;

    while (dir && (entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    if (!dir)
        return 0;
    closedir(dir);
    return count - 1; /* The directory itself was open, too. */
}

void process_facts(struct process_facts *out)
{
    char text[PROC_BYTES_MAX], *end;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    int64_t page_bytes = sysconf(_SC_PAGESIZE);
    struct rlimit limit;

    *out = (struct process_facts){.open_fds = count_fds()};
    read_text("/proc/self/statm", text);
    out->virtual_bytes = strtoll(text, &end, 10) * page_bytes;
    out->resident_bytes = strtoll(end, NULL, 10) * page_bytes;
    read_text("/proc/self/stat", text);
    out->cpu_seconds =
        (double)(stat_field(text, UTIME_FIELD) + stat_field(text, STIME_FIELD)) / ticks;
    out->start_seconds = (double)boot_seconds() + (double)stat_field(text, START_FIELD) / ticks;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        out->max_fds = (int64_t)limit.rlim_cur;
}
