/*
 * process.h - what the kernel of the machine says of this process, from /proc/self.
 */
#ifndef GREVY_WATCH_PROCESS_H
#define GREVY_WATCH_PROCESS_H

#include <stdint.h>

struct process_facts {
    int64_t resident_bytes, virtual_bytes;
    double cpu_seconds;
    double start_seconds; /* Unix time. */
    int64_t open_fds, max_fds;
};

/* Members that cannot be read are 0. */
void process_facts(struct process_facts *out);

#endif
