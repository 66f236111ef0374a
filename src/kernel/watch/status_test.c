/*
 * status_test.c - the figures as JSON for people.
 */
#include "kernel/json/json.h"
#include "kernel/watch/watch.h"
#include "test/kit/test.h"

static int64_t read_gauge(void *context)
{
    return *(int64_t *)context;
}

/* The item of the list at name whose "name" is wanted. */
static bool item(struct json root, const char *list, const char *wanted, struct json *out)
{
    struct json items, name;

    CHECK(json_get(root, list, &items));
    for (struct json_iter it = json_iter(items); json_next(&it);) {
        if (json_get(it.value, "name", &name) && str_is(json_peek(name), wanted)) {
            *out = it.value;
            return true;
        }
    }
    return false;
}

static double number(struct json object, const char *name)
{
    struct json v;

    CHECK(json_get(object, name, &v));
    return json_double(v);
}

TEST(status_json, "T50, T95 and T99 are in milliseconds, counters and gauges as they are")
{
    static struct watch_histogram latency = {
        .name = "grevy_s_seconds", .doc = "Times.", .labels = "route=\"GET /\"", .scale = 1e-6};
    static struct watch_histogram unseen = {
        .name = "grevy_u_seconds", .doc = "Times.", .labels = "x=\"1\"", .scale = 1e-6};
    static struct watch_histogram batch = {.name = "grevy_batch", .doc = "Sizes.", .scale = 1};
    static struct watch_counter replies = {.name = "grevy_s_total", .doc = "Replies."};
    int64_t depth = 12;
    struct json_out out;
    struct json root, got;
    struct cx cx;

    watch_register_histogram(&latency);
    watch_register_histogram(&unseen);
    watch_register_histogram(&batch);
    watch_register_counter(&replies);
    watch_register_gauge(&(struct watch_gauge){"grevy_s_depth", "Depth.", "", read_gauge, &depth});
    for (uint64_t k = 1; k <= 100; k++)
        watch_observe(&latency, k * 1000);
    watch_observe(&batch, 7);
    watch_add(&replies, 3);
    cx_open(&cx, env_system(), 1 << 20);
    json_open(&out, &cx, 1024);
    watch_status_json(&out);
    CHECK_SAY(json_parse(&cx, json_done(&out), &root) == OK, "%s", cx.problem.detail);
    CHECK(item(root, "histograms", "grevy_s_seconds", &got));
    CHECK_EQ_INT(number(got, "count"), 100);
    CHECK(number(got, "mean") == 50.5);
    CHECK(number(got, "t50") >= 50 && number(got, "t50") <= 50 * 17.0 / 16);
    CHECK(number(got, "t95") >= 95 && number(got, "t95") <= 95 * 17.0 / 16);
    CHECK(number(got, "t99") >= 99 && number(got, "t99") <= 99 * 17.0 / 16);
    CHECK(!item(root, "histograms", "grevy_u_seconds", &got));
    CHECK(item(root, "histograms", "grevy_batch", &got));
    CHECK(number(got, "t50") == 7);
    CHECK(item(root, "counters", "grevy_s_total", &got));
    CHECK_EQ_INT(number(got, "value"), 3);
    CHECK(item(root, "gauges", "grevy_s_depth", &got));
    CHECK_EQ_INT(number(got, "value"), 12);
    CHECK(json_get(root, "process", &got));
    CHECK(number(got, "resident_bytes") > 1e6);
    watch_forget_gauges(&depth);
    cx_close(&cx);
}
