/*
 * watch.h - what the process says of itself: counters, gauges, histograms.
 *
 * Invariants:
 *   - counting costs no lock and no shared cache line: cells are per thread, summed when read;
 *   - a thread's cells outlive it (its counts are never lost);
 *   - histograms are log-linear: relative error of a quantile at most 1/16.
 */
#ifndef GREVY_WATCH_WATCH_H
#define GREVY_WATCH_WATCH_H

#include "kernel/base/cx.h"

struct json_out;
struct metric; /* work/module.h */

/* Room for six counters and a histogram of each of ROUTES_MAX routes; what is not used takes no
 * memory.  More are warned of and not counted. */
enum { WATCH_COUNTERS_MAX = 8192, WATCH_SERIES_MAX = 1280, WATCH_GAUGES_MAX = 64 };

/* Module counters: registered once at boot from the module tables (sets metric->index). */
void watch_register_metric(struct metric *metric);
void watch_count(const struct metric *metric, int64_t n);
int64_t watch_total(const struct metric *metric);

/* Registering a name with the same labels again gives the same cells; labels are copied, name and
 * doc are not.  What was never registered counts nowhere. */

/* Kernel series, registered at boot: histograms of microseconds (or plain numbers). */
struct watch_histogram {
    const char *name; /* "grevy_http_request_seconds" */
    const char *doc;
    const char *labels; /* "route=\"POST /v1/orders\"", or "". */
    double scale;       /* Stored unit to exported unit: 1e-6 for microseconds to seconds. */
    int index;
};
void watch_register_histogram(struct watch_histogram *histogram);
void watch_observe(const struct watch_histogram *histogram, uint64_t value);
/* Quantile q in [0,1] of all observations; 0 when none.  *count may be NULL. */
uint64_t watch_quantile(const struct watch_histogram *histogram, double q, uint64_t *count);

/* Labelled kernel counters, e.g. replies by route and status. */
struct watch_counter {
    const char *name, *doc, *labels;
    int index;
};
void watch_register_counter(struct watch_counter *counter);
void watch_add(const struct watch_counter *counter, uint64_t n);
uint64_t watch_counter_total(const struct watch_counter *counter);

/* Gauges are read when asked. */
struct watch_gauge {
    const char *name, *doc, *labels;
    int64_t (*read)(void *context);
    void *context;
};
/* Copied; its texts live as long.  read runs under the registry's lock: it neither registers nor
 * forgets, and no caller of these two holds a lock that read takes. */
void watch_register_gauge(const struct watch_gauge *gauge);
void watch_forget_gauges(const void *context);

/** Prometheus text exposition 0.0.4 of everything registered: process_* and build info too. */
struct str watch_metrics_text(struct cx *cx);

/** JSON of the same for people: T50/T95/T99 and counts per histogram, gauges, counters. */
void watch_status_json(struct json_out *out);

void watch_reset(void); /* Tests only: zero all cells. */

#endif
