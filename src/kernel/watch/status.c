/*
 * status.c - what was counted, as JSON for people: T50, T95 and T99 in milliseconds.
 *
 * Writing JSON may end the unit of work by a jump, so nothing here holds the registry's lock while
 * it writes: registered series never change or go, and gauges are copied first.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernel/json/json.h"
#include "kernel/watch/cells.h"
#include "kernel/watch/process.h"
#include "kernel/watch/watch.h"

/* To a thousandth, so that 123 us reads 0.123 and not 0.12299999999999999. */
static void member_number(struct json_out *out, const char *key, double d)
{
    json_key(out, str_of(key));
    json_put_double(out, round(d * 1000) / 1000);
}

static void series_open(struct json_out *out, const char *name, const char *labels)
{
    json_object(out);
    json_member_text(out, "name", str_of(name));
    if (labels && labels[0])
        json_member_text(out, "labels", str_of(labels));
}

static void put_status_histogram(struct json_out *out, const struct series *series,
                                 const struct sample *sample)
{
    bool time = watch_name_ends(series->name, "_seconds");
    double scale = time ? series->scale * 1000 : series->scale;
    double mean = sample->count ? (double)sample->sum / (double)sample->count : 0;

    series_open(out, series->name, series->labels);
    json_member_text(out, "unit",
                     time ? STR("ms")
                          : str_of(watch_name_ends(series->name, "_bytes") ? "bytes" : ""));
    json_member_int(out, "count", (int64_t)sample->count);
    member_number(out, "mean", mean * scale);
    member_number(out, "t50", (double)watch_sample_quantile(sample, 0.50) * scale);
    member_number(out, "t95", (double)watch_sample_quantile(sample, 0.95) * scale);
    member_number(out, "t99", (double)watch_sample_quantile(sample, 0.99) * scale);
    json_object_end(out);
}

static void put_status_histograms(struct json_out *out)
{
    const struct registry *registry = watch_series();
    struct sample sample;
    int count;

    watch_lock();
    count = registry->count;
    watch_unlock();
    json_list(out);
    for (int k = 1; k <= count; k++) {
        watch_sample(k, &sample);
        if (sample.count > 0 || registry->items[k].labels[0] == '\0')
            put_status_histogram(out, &registry->items[k], &sample);
    }
    json_list_end(out);
}

static void put_status_counters(struct json_out *out)
{
    const struct registry *registry = watch_counters();
    int count;

    watch_lock();
    count = registry->count;
    watch_unlock();
    json_list(out);
    for (int k = 1; k <= count; k++) {
        int64_t sum = (int64_t)watch_counter_sum(k);

        if (sum == 0 && registry->items[k].labels[0] != '\0')
            continue; /* Most routes have most classes of answers at zero. */
        series_open(out, registry->items[k].name, registry->items[k].labels);
        json_member_int(out, "value", sum);
        json_object_end(out);
    }
    json_list_end(out);
}

struct gauge_copy {
    char name[96], labels[96];
    int64_t value;
};

static void put_status_gauges(struct json_out *out)
{
    struct gauge_copy *copies = CX_ARRAY(out->cx, struct gauge_copy, WATCH_GAUGES_MAX);
    const struct watch_gauge *gauges;
    int count;

    watch_lock();
    gauges = watch_gauges(&count);
    for (int k = 0; k < count; k++) {
        const struct watch_gauge *gauge = &gauges[k];

        snprintf(copies[k].name, sizeof(copies[k].name), "%s", gauge->name);
        snprintf(copies[k].labels, sizeof(copies[k].labels), "%s",
                 gauge->labels ? gauge->labels : "");
        copies[k].value = gauge->read(gauge->context);
    }
    watch_unlock();
    json_list(out);
    for (int k = 0; k < count; k++) {
        series_open(out, copies[k].name, copies[k].labels);
        json_member_int(out, "value", copies[k].value);
        json_object_end(out);
    }
    json_list_end(out);
}

static void put_status_process(struct json_out *out)
{
    struct process_facts facts;

    process_facts(&facts);
    json_object(out);
    json_member_int(out, "resident_bytes", facts.resident_bytes);
    member_number(out, "cpu_seconds", facts.cpu_seconds);
    member_number(out, "start_seconds", facts.start_seconds);
    json_member_int(out, "open_fds", facts.open_fds);
    json_member_int(out, "max_fds", facts.max_fds);
    json_object_end(out);
}

void watch_status_json(struct json_out *out)
{
    json_object(out);
    json_key(out, STR("process"));
    put_status_process(out);
    json_key(out, STR("histograms"));
    put_status_histograms(out);
    json_key(out, STR("gauges"));
    put_status_gauges(out);
    json_key(out, STR("counters"));
    put_status_counters(out);
    json_object_end(out);
}
