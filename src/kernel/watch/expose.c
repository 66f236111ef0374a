/*
 * expose.c - what was counted, as Prometheus text.
 *
 * The text is written into memory of its own that grows, outside cx: the registry's lock is held
 * meanwhile, and an arena may jump.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/version.h"
#include "kernel/watch/cells.h"
#include "kernel/watch/process.h"
#include "kernel/watch/watch.h"

enum { LE_MAX = 16 };

/* Upper bounds of the buckets we export, in the exported unit. */
struct bounds {
    int count;
    const char *le[LE_MAX];
};
static const struct bounds time_bounds = {16,
                                          {"0.0001", "0.00025", "0.0005", "0.001", "0.0025",
                                           "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
                                           "1", "2.5", "5", "10"}};
static const struct bounds byte_bounds = {
    10,
    {"64", "256", "1024", "4096", "16384", "65536", "262144", "1048576", "4194304", "16777216"}};
static const struct bounds plain_bounds = {
    13, {"1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024", "2048", "4096"}};

static const struct bounds *bounds_of(const struct series *series)
{
    if (watch_name_ends(series->name, "_seconds"))
        return &time_bounds;
    return watch_name_ends(series->name, "_bytes") ? &byte_bounds : &plain_bounds;
}

/* ---- Prometheus text ---- */

static void put_header(FILE *out, const char *name, const char *doc, const char *type)
{
    fprintf(out, "# HELP %s ", name);
    for (; *doc; doc++) {
        if (*doc == '\\' || *doc == '\n')
            fputs(*doc == '\n' ? "\\n" : "\\\\", out);
        else
            fputc(*doc, out);
    }
    fprintf(out, "\n# TYPE %s %s\n", name, type);
}

/* name{labels} with a comma or braces where they belong; le may be NULL. */
static void put_name(FILE *out, const struct series *series, const char *suffix, const char *le)
{
    fputs(series->name, out);
    fputs(suffix, out);
    if (series->labels[0] == '\0' && !le)
        return;
    fputs("{", out);
    fputs(series->labels, out);
    if (le)
        fprintf(out, "%sle=\"%s\"", series->labels[0] ? "," : "", le);
    fputs("}", out);
}

/* A value in the cell across a bound counts beyond it: at most 1/16 of it too slow, never too
 * fast. */
static void put_buckets(FILE *out, const struct series *series, const struct sample *sample)
{
    const struct bounds *bounds = bounds_of(series);
    uint64_t below = 0;
    size_t cell = 0;

    for (int k = 0; k < bounds->count; k++) {
        uint64_t bound = (uint64_t)llround(strtod(bounds->le[k], NULL) / series->scale);

        for (; cell < ROWS * ROW_CELLS && cell_high(cell) <= bound; cell++)
            below += sample->cells[cell];
        put_name(out, series, "_bucket", bounds->le[k]);
        fprintf(out, " %" PRIu64 "\n", below);
    }
    put_name(out, series, "_bucket", "+Inf");
    fprintf(out, " %" PRIu64 "\n", sample->count);
    put_name(out, series, "_sum", NULL);
    fprintf(out, " %.15g\n", (double)sample->sum * series->scale);
    put_name(out, series, "_count", NULL);
    fprintf(out, " %" PRIu64 "\n", sample->count);
}

/* Labelled series that saw nothing are left out: a route never called says nothing. */
static void put_histograms(FILE *out, const struct registry *registry)
{
    struct sample sample;

    for (int k = registry->head; k != 0; k = registry->items[k].next_head) {
        put_header(out, registry->items[k].name, registry->items[k].doc, "histogram");
        for (int at = k; at != 0; at = registry->items[at].next) {
            watch_sample(at, &sample);
            if (sample.count > 0 || registry->items[at].labels[0] == '\0')
                put_buckets(out, &registry->items[at], &sample);
        }
    }
}

static void put_counters(FILE *out, const struct registry *registry)
{
    for (int k = registry->head; k != 0; k = registry->items[k].next_head) {
        put_header(out, registry->items[k].name, registry->items[k].doc, "counter");
        for (int at = k; at != 0; at = registry->items[at].next) {
            uint64_t total = watch_counter_sum(at);

            if (total == 0 && registry->items[at].labels[0] != '\0')
                continue;
            put_name(out, &registry->items[at], "", NULL);
            fprintf(out, " %" PRIu64 "\n", total);
        }
    }
}

/* Is gauge k the first of its name? */
static bool gauge_head(const struct watch_gauge *gauges, int k)
{
    for (int j = 0; j < k; j++) {
        if (strcmp(gauges[j].name, gauges[k].name) == 0)
            return false;
    }
    return true;
}

static void put_gauges(FILE *out, const struct watch_gauge *gauges, int count)
{
    for (int k = 0; k < count; k++) {
        if (!gauge_head(gauges, k))
            continue;
        put_header(out, gauges[k].name, gauges[k].doc, "gauge");
        for (int at = k; at < count; at++) {
            const struct watch_gauge *gauge = &gauges[at];

            if (strcmp(gauge->name, gauges[k].name) != 0)
                continue;
            put_name(
                out,
                &(struct series){.name = gauge->name, .labels = gauge->labels ? gauge->labels : ""},
                "", NULL);
            fprintf(out, " %" PRId64 "\n", gauge->read(gauge->context));
        }
    }
}

static void put_process(FILE *out)
{
    struct process_facts facts;

    process_facts(&facts);
    put_header(out, "process_resident_memory_bytes", "Memory of the process in RAM.", "gauge");
    fprintf(out, "process_resident_memory_bytes %" PRId64 "\n", facts.resident_bytes);
    put_header(out, "process_virtual_memory_bytes", "Address space of the process.", "gauge");
    fprintf(out, "process_virtual_memory_bytes %" PRId64 "\n", facts.virtual_bytes);
    put_header(out, "process_cpu_seconds_total", "CPU time used, user and system.", "counter");
    fprintf(out, "process_cpu_seconds_total %.2f\n", facts.cpu_seconds);
    put_header(out, "process_open_fds", "Open file descriptors.", "gauge");
    fprintf(out, "process_open_fds %" PRId64 "\n", facts.open_fds);
    put_header(out, "process_max_fds", "File descriptors the process may open.", "gauge");
    fprintf(out, "process_max_fds %" PRId64 "\n", facts.max_fds);
    put_header(out, "process_start_time_seconds", "Unix time at which the process started.",
               "gauge");
    fprintf(out, "process_start_time_seconds %.2f\n", facts.start_seconds);
    put_header(out, "grevy_build_info", "Always 1; the labels say what was built.", "gauge");
    fputs("grevy_build_info{version=\"" GREVY_VERSION "\",compiler=\"" __VERSION__ "\"} 1\n", out);
    put_header(out, "grevy_watch_lost_total", "Counts that found no memory.", "counter");
    fprintf(out, "grevy_watch_lost_total %" PRIu64 "\n", watch_lost());
}

struct str watch_metrics_text(struct cx *cx)
{
    const struct str none = STR("# no memory to say what was counted\n");
    struct watch_gauge *gauges;
    int gauge_count;
    char *text = NULL, *copy;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return none;
    watch_lock();
    put_counters(out, watch_counters());
    put_histograms(out, watch_series());
    gauges = watch_gauges(&gauge_count);
    put_gauges(out, gauges, gauge_count);
    watch_unlock();
    put_process(out);
    if (fclose(out) != 0) {
        free(text);
        return none;
    }
    copy = arena_try(&cx->arena, len);
    if (copy)
        memcpy(copy, text, len);
    free(text);
    if (!copy) /* Now that nothing is held, end the unit of work. */
        cx_alloc(cx, len);
    return (struct str){copy, len};
}
