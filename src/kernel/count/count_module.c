/*
 * count_module.c - counters as a module of the kernel: what is done about them at times.
 *
 * They are opened with the space and saved by its writer, see save.h.
 */
#include "kernel/count/save.h"

const struct module count_module = {
    .name = "count",
    .jobs = JOBS({"count.purge", HOUR_MS, counters_purge,
                  "Forgets saved counters whose window ended a day ago."}),
};
