/*
 * watch_test.c - what is counted is told, whoever counts.
 *
 * Goal: no count lost by threads that come, go and meet; quantiles within their error; a text that
 * Prometheus takes.
 */
#include "kernel/watch/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/watch/cells.h"
#include "kernel/work/module.h"
#include "test/kit/test.h"

static struct watch_histogram latency = {
    .name = "grevy_test_seconds", .doc = "How long a test takes.", .labels = "", .scale = 1e-6};
static struct watch_counter replies = {.name = "grevy_test_replies_total", .doc = "Replies."};
static struct metric placed = {"test_placed_total", "orders", "Orders placed.", 0};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
    return *seed;
}

/* The exposition, as NUL-terminated text that the caller frees. */
static char *exposition(void)
{
    struct cx cx;
    struct str text;
    char *copy;

    cx_open(&cx, env_system(), 4 << 20);
    text = watch_metrics_text(&cx);
    copy = strndup(text.ptr, text.len);
    cx_close(&cx);
    return copy;
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = strstr(text, line); at; at = strstr(at + 1, line)) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    }
    return false;
}

static void check_lines(const char *text, const char *const *lines)
{
    for (; *lines; lines++)
        CHECK_SAY(has_line(text, *lines), "no line %s in:\n%s", *lines, text);
}

TEST(watch_cells, "a quantile is at most a sixteenth above the value, never below")
{
    uint64_t seed = 42;

    watch_register_histogram(&latency);
    for (int k = 0; k < 20000; k++) {
        uint64_t value = next_random(&seed) >> (28 + next_random(&seed) % 36), got, count;

        watch_reset();
        watch_observe(&latency, value);
        got = watch_quantile(&latency, 1, &count);
        CHECK_EQ_INT(count, 1);
        CHECK_SAY(got >= value, "%lu gave %lu", (unsigned long)value, (unsigned long)got);
        CHECK_SAY(got - value <= value / 16, "%lu gave %lu", (unsigned long)value,
                  (unsigned long)got);
        CHECK_EQ_INT(watch_quantile(&latency, 0, NULL), got);
    }
}

TEST(watch_cell_edges, "cells cover every value once, in order")
{
    for (size_t cell = 1; cell < ROWS * ROW_CELLS; cell++)
        CHECK(cell_high(cell) > cell_high(cell - 1));
    CHECK_EQ_INT(cell_high(0), 0);
    CHECK_EQ_INT(cell_high(ROWS * ROW_CELLS - 1), ((uint64_t)1 << VALUE_BITS) - 1);
    watch_register_histogram(&latency);
    for (size_t cell = 0; cell + 1 < ROWS * ROW_CELLS; cell++) {
        struct sample sample;

        watch_reset();
        watch_observe(&latency, cell_high(cell));
        watch_observe(&latency, cell_high(cell) + 1);
        watch_sample(latency.index, &sample);
        CHECK_EQ_INT(sample.cells[cell], 1);
        CHECK_EQ_INT(sample.cells[cell + 1], 1);
        CHECK_EQ_INT(sample.sum, 2 * cell_high(cell) + 1);
    }
    watch_reset();
    watch_observe(&latency, UINT64_MAX / 2); /* Counts as the largest; the sum is exact. */
    CHECK_EQ_INT(watch_quantile(&latency, 0.5, NULL), ((uint64_t)1 << VALUE_BITS) - 1);
}

static int cmp_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

TEST(watch_quantiles, "quantiles of many values agree with the sorted values")
{
    enum { VALUES = 10007 };
    static const double quantiles[] = {0, 0.001, 0.25, 0.5, 0.95, 0.99, 0.9999, 1};
    static uint64_t values[VALUES];
    uint64_t seed = 7;

    watch_register_histogram(&latency);
    CHECK_EQ_INT(watch_quantile(&latency, 0.5, NULL), 0);
    for (int k = 0; k < VALUES; k++) {
        values[k] = next_random(&seed) >> (40 + next_random(&seed) % 20);
        watch_observe(&latency, values[k]);
    }
    qsort(values, VALUES, sizeof(values[0]), cmp_u64);
    for (size_t k = 0; k < sizeof(quantiles) / sizeof(quantiles[0]); k++) {
        double exact = quantiles[k] * VALUES;
        size_t rank = (size_t)exact + ((double)(size_t)exact < exact);
        uint64_t want = values[rank ? rank - 1 : 0],
                 got = watch_quantile(&latency, quantiles[k], NULL);

        CHECK(got >= want);
        CHECK(got - want <= want / 16);
    }
}

TEST(watch_text, "the text holds every family once, with cumulative buckets")
{
    static struct watch_histogram b = {.name = "grevy_test_seconds",
                                       .doc = "ignored",
                                       .labels = "route=\"GET /\\\"x\\\"\"",
                                       .scale = 1e-6};
    static struct watch_histogram c = {.name = "grevy_test_seconds",
                                       .doc = "ignored",
                                       .labels = "route=\"unseen\"",
                                       .scale = 1e-6};
    static struct watch_histogram sizes = {
        .name = "grevy_test_batch", .doc = "Back\\slash and\nline.", .labels = NULL, .scale = 1};
    static struct watch_counter code = {
        .name = "grevy_test_replies_total", .doc = "ignored", .labels = "code=\"200\""};
    static const char *const lines[] = {
        "# HELP grevy_test_seconds How long a test takes.",
        "# TYPE grevy_test_seconds histogram",
        "grevy_test_seconds_bucket{le=\"0.0001\"} 2",
        "grevy_test_seconds_bucket{le=\"0.00025\"} 3",
        "grevy_test_seconds_bucket{le=\"10\"} 4",
        "grevy_test_seconds_bucket{le=\"+Inf\"} 5",
        "grevy_test_seconds_sum 20.200295",
        "grevy_test_seconds_count 5",
        "grevy_test_seconds_bucket{route=\"GET /\\\"x\\\"\",le=\"0.0001\"} 1",
        "grevy_test_seconds_count{route=\"GET /\\\"x\\\"\"} 1",
        "# HELP grevy_test_batch Back\\\\slash and\\nline.",
        "grevy_test_batch_bucket{le=\"4\"} 1",
        "grevy_test_batch_bucket{le=\"8\"} 2",
        "grevy_test_batch_sum 9",
        "# TYPE grevy_test_replies_total counter",
        "grevy_test_replies_total 0",
        "grevy_test_replies_total{code=\"200\"} 3",
        "# HELP test_placed_total Orders placed.",
        "test_placed_total 5",
        "grevy_watch_lost_total 0",
        NULL};
    static const uint64_t micros[] = {0, 95, 200, 200000, 20000000};
    char *text;

    watch_register_histogram(&latency);
    watch_register_counter(&replies);
    watch_register_histogram(&sizes);
    watch_register_histogram(&b); /* Apart from its family: told with it all the same. */
    watch_register_histogram(&c);
    watch_register_metric(&placed);
    watch_register_counter(&code);
    for (size_t k = 0; k < sizeof(micros) / sizeof(micros[0]); k++)
        watch_observe(&latency, micros[k]);
    watch_observe(&b, 7);
    watch_observe(&sizes, 4);
    watch_observe(&sizes, 5);
    watch_add(&code, 3);
    watch_count(&placed, 5);
    text = exposition();
    check_lines(text, lines);
    CHECK(!strstr(text, "unseen"));
    CHECK(!strstr(text, "ignored"));
    free(text);
}

TEST(watch_bounds, "every bucket counts what it says, within a sixteenth, and none shrinks")
{
    uint64_t seed = 99, before = 0;
    enum { VALUES = 5000 };
    static uint64_t values[VALUES];
    const char *at;
    char *text;
    int buckets = 0;

    watch_register_histogram(&latency);
    for (int k = 0; k < VALUES; k++) {
        values[k] = next_random(&seed) >> (38 + next_random(&seed) % 22);
        watch_observe(&latency, values[k]);
    }
    text = exposition();
    for (at = strstr(text, "_bucket{le="); at; at = strstr(at + 1, "_bucket{le="), buckets++) {
        uint64_t got = strtoull(strchr(at, ' '), NULL, 10), most = 0, least = 0;
        double le = strncmp(at + 12, "+Inf", 4) == 0 ? 1e30 : strtod(at + 12, NULL) * 1e6;

        for (int k = 0; k < VALUES; k++) {
            most += (double)values[k] <= le;
            least += (double)values[k] * 17 / 16 <= le;
        }
        CHECK(got >= before);
        CHECK_SAY(got <= most, "le %g: %lu of %lu", le, (unsigned long)got, (unsigned long)most);
        CHECK_SAY(got >= least, "le %g: %lu of %lu", le, (unsigned long)got, (unsigned long)least);
        before = got;
    }
    CHECK_EQ_INT(buckets, 17);
    free(text);
}

TEST(watch_unregistered, "what was never registered counts nowhere and harms nobody")
{
    struct metric metric = {"test_never_total", "", "Never.", 0};
    struct watch_histogram histogram = {.name = "grevy_never_seconds", .doc = "Never.", .scale = 1};
    char *text;

    watch_count(&metric, 5);
    watch_observe(&histogram, 5);
    CHECK_EQ_INT(watch_total(&metric), 0);
    CHECK_EQ_INT(watch_quantile(&histogram, 0.5, NULL), 0);
    text = exposition();
    CHECK(!strstr(text, "never"));
    free(text);
}

TEST(watch_again, "a name registered again has the same cells; beyond the limit nothing counts")
{
    struct watch_counter again = {.name = "grevy_test_replies_total", .doc = "x", .labels = ""};
    static char labels[WATCH_SERIES_MAX + 1][24];
    struct watch_histogram first = {.index = 0}, last = {.index = 0};

    watch_register_counter(&replies);
    watch_register_counter(&again);
    CHECK_EQ_INT(replies.index, again.index);
    watch_add(&again, 2);
    CHECK_EQ_INT(watch_counter_total(&replies), 2);
    for (int k = 0; k <= WATCH_SERIES_MAX; k++) {
        snprintf(labels[k], sizeof(labels[k]), "n=\"%d\"", k);
        last = (struct watch_histogram){
            .name = "grevy_many_seconds", .doc = "Many.", .labels = labels[k], .scale = 1e-6};
        watch_register_histogram(&last);
        CHECK_EQ_INT(last.index > 0, k < WATCH_SERIES_MAX);
        first = k == 0 ? last : first;
    }
    watch_observe(&first, 1000);
    watch_observe(&last, 1000);
    CHECK_EQ_INT(watch_quantile(&first, 1, NULL) >= 1000, 1);
    CHECK_EQ_INT(watch_quantile(&last, 1, NULL), 0);
    last.labels = labels[WATCH_SERIES_MAX - 1]; /* The last that found room is still found. */
    watch_register_histogram(&last);
    CHECK_EQ_INT(last.index, WATCH_SERIES_MAX);
}

static int64_t read_gauge(void *context)
{
    return *(int64_t *)context;
}

TEST(watch_gauges_live, "a gauge is read when asked, until it is forgotten")
{
    int64_t depth = 3, other = -4;
    char *text;

    watch_register_gauge(&(struct watch_gauge){"grevy_depth", "Depth.", "", read_gauge, &depth});
    watch_register_gauge(
        &(struct watch_gauge){"grevy_depth", "Depth.", "space=\"b\"", read_gauge, &other});
    text = exposition();
    CHECK(has_line(text, "# TYPE grevy_depth gauge"));
    CHECK(has_line(text, "grevy_depth 3"));
    CHECK(has_line(text, "grevy_depth{space=\"b\"} -4"));
    free(text);
    depth = 8;
    watch_forget_gauges(&other);
    text = exposition();
    CHECK(has_line(text, "grevy_depth 8"));
    CHECK(!strstr(text, "space="));
    free(text);
    watch_forget_gauges(&depth);
    text = exposition();
    CHECK(!strstr(text, "grevy_depth"));
    free(text);
}

TEST(watch_process, "what it says of the process is true")
{
    char *text = exposition(), *at;
    int fds[2];

    at = strstr(text, "\nprocess_resident_memory_bytes ");
    CHECK(at);
    CHECK(strtod(at + 31, NULL) > 1e6);
    at = strstr(text, "\nprocess_start_time_seconds ");
    CHECK(at);
    CHECK((double)env_system()->wall_ms(env_system()) / 1000 - strtod(at + 28, NULL) < 600);
    CHECK((double)env_system()->wall_ms(env_system()) / 1000 - strtod(at + 28, NULL) > -2);
    CHECK(strstr(text, "\nprocess_cpu_seconds_total "));
    CHECK(strstr(text, "\ngrevy_build_info{version=\""));
    at = strstr(text, "\nprocess_open_fds ");
    CHECK(at);
    CHECK_EQ_INT(pipe(fds), 0);
    char *after = exposition();
    CHECK_EQ_INT(strtol(strstr(after, "\nprocess_open_fds ") + 18, NULL, 10),
                 strtol(at + 18, NULL, 10) + 2);
    close(fds[0]);
    close(fds[1]);
    free(after);
    free(text);
}

static enum err starved_text(size_t budget_bytes)
{
    volatile enum err err = ERR_TOO_LARGE;
    jmp_buf exhausted;
    struct cx cx;

    cx_open(&cx, env_system(), budget_bytes);
    if (setjmp(exhausted) == 0) {
        cx.arena.exhausted = &exhausted;
        (void)watch_metrics_text(&cx);
        err = OK;
    }
    cx_close(&cx);
    return err;
}

TEST(watch_starved, "without memory the unit of work ends, and the next one finds no lock held")
{
    CHECK_EQ_INT(starved_text(0), ERR_TOO_LARGE);
    CHECK_EQ_INT(starved_text(1024), ERR_TOO_LARGE);
    CHECK_EQ_INT(starved_text(1 << 20), OK);
}

TEST(watch_promtool, "promtool finds nothing to say of the text")
{
    static struct watch_histogram labelled = {.name = "grevy_test_seconds",
                                              .doc = "How long a test takes.",
                                              .labels = "route=\"GET /v1/orders/{id:ord}\"",
                                              .scale = 1e-6};
    static struct watch_histogram bytes = {
        .name = "grevy_test_reply_bytes", .doc = "Sizes.", .labels = "", .scale = 1};
    static struct watch_histogram idle = {.name = "grevy_test_idle_seconds",
                                          .doc = "Never seen.",
                                          .labels = "route=\"x\"",
                                          .scale = 1e-6};
    int64_t depth = 1;
    int written;
    char path[300], command[700];
    char *text;
    FILE *file;

    if (access("/usr/bin/promtool", X_OK) != 0)
        test_skip("no /usr/bin/promtool: install the package prometheus");
    watch_register_histogram(&latency);
    watch_register_histogram(&labelled);
    watch_register_histogram(&bytes);
    watch_register_histogram(&idle);
    watch_register_counter(&replies);
    watch_register_metric(&placed);
    watch_register_gauge(&(struct watch_gauge){"grevy_depth", "Depth.", "", read_gauge, &depth});
    watch_observe(&latency, 5);
    watch_observe(&labelled, 123456);
    text = exposition();
    snprintf(path, sizeof(path), "%s/metrics.txt", test_dir());
    file = fopen(path, "w");
    CHECK(file);
    written = fputs(text, file);
    CHECK_EQ_INT(fclose(file), 0);
    CHECK(written >= 0);
    snprintf(command, sizeof(command), "/usr/bin/promtool check metrics < %s > %s.out 2>&1", path,
             path);
    CHECK_EQ_INT(system(command), 0);
    snprintf(command, sizeof(command), "test ! -s %s.out || { cat %s.out >&2; false; }", path,
             path);
    CHECK_EQ_INT(system(command), 0);
    watch_forget_gauges(&depth);
    free(text);
}

/* ---- Threads ---- */

enum { THREADS = 4, ROUNDS = 20000, SHORT_LIVES = 300 };

static void *count_run(void *argument)
{
    uint64_t seed = 1 + (uint64_t)(uintptr_t)argument;

    for (int k = 0; k < ROUNDS; k++) {
        watch_add(&replies, 1);
        watch_count(&placed, 2);
        watch_observe(&latency, next_random(&seed) >> 40);
    }
    return NULL;
}

static void *read_run(void *argument)
{
    uint64_t before = 0;

    (void)argument;
    for (int k = 0; k < 20; k++) {
        uint64_t now = watch_counter_total(&replies);

        CHECK(now >= before);
        before = now;
        free(exposition());
        (void)watch_quantile(&latency, 0.99, NULL);
    }
    return NULL;
}

TEST_THREADS(watch_threads, "no count of any thread is lost, also while others read")
{
    pthread_t threads[THREADS], reader;
    uint64_t count;

    watch_register_counter(&replies);
    watch_register_metric(&placed);
    watch_register_histogram(&latency);
    CHECK_EQ_INT(pthread_create(&reader, NULL, read_run, NULL), 0);
    for (uintptr_t k = 0; k < THREADS; k++)
        CHECK_EQ_INT(pthread_create(&threads[k], NULL, count_run, (void *)k), 0);
    for (int k = 0; k < THREADS; k++)
        pthread_join(threads[k], NULL);
    pthread_join(reader, NULL);
    CHECK_EQ_INT(watch_counter_total(&replies), THREADS * ROUNDS);
    CHECK_EQ_INT(watch_total(&placed), 2 * THREADS * ROUNDS);
    watch_quantile(&latency, 0.5, &count);
    CHECK_EQ_INT(count, THREADS * ROUNDS);
}

static void *short_run(void *argument)
{
    (void)argument;
    watch_add(&replies, 1);
    watch_observe(&latency, 77);
    return NULL;
}

TEST_THREADS(watch_short_lives, "threads that come and go leave their counts, not their memory")
{
    size_t blocks;
    uint64_t count;

    watch_register_counter(&replies);
    watch_register_histogram(&latency);
    watch_add(&replies, 1);
    blocks = watch_block_count();
    for (int k = 0; k < SHORT_LIVES; k++) {
        pthread_t thread;

        CHECK_EQ_INT(pthread_create(&thread, NULL, short_run, NULL), 0);
        pthread_join(thread, NULL);
    }
    CHECK_EQ_INT(watch_counter_total(&replies), SHORT_LIVES + 1);
    watch_quantile(&latency, 0.5, &count);
    CHECK_EQ_INT(count, SHORT_LIVES);
    CHECK_EQ_INT(watch_block_count(), blocks + 1);
}
